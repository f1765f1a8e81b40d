//! What is said of a step, in the moving lines and in the terminal UI.
//!
//! Owns: those words. Never: their place or colour.

use smol_wf_core::view::StepView;

/// What its agent does: that it writes its answer, or else its last activity.
pub(crate) fn doing(step: &StepView) -> &str {
    let doing = &step.doing;
    match doing.text.as_str() {
        _ if doing.is_writing() => "writing",
        "" => &doing.kind,
        text => text,
    }
}
