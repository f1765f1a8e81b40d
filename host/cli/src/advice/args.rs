//! What is wrong with the arguments of a workflow, with their flags.
//!
//! Owns: the flags in those lines. Never: checks an argument.

use smol_wf_core::args_schema::{ArgProblem, ArgsMisfit};

use crate::sanitize;

/// Each argument that does not fit, on a line.
pub(crate) fn in_lines(misfit: &ArgsMisfit) -> String {
    misfit.problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// One argument. Indented, so that text of a script cannot pass for a message of this
/// program.
fn line(problem: &ArgProblem) -> String {
    let ArgProblem { argument, message, takes } = problem;
    let of = argument.as_ref().map(|name| format!("--args-{name}: ")).unwrap_or_default();
    let takes = takes.as_ref().map(|takes| format!(" (it takes: {takes})")).unwrap_or_default();
    format!("  {}", sanitize::one_line(&format!("{of}{message}{takes}")))
}
