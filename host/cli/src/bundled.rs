//! The workflows that come with the program.
//!
//! Owns: their list. Never: their texts; those are the examples of the same name.

use smol_wf_engine::library::Bundled;

/// In the order of `smol-wf list`.
pub(crate) const WORKFLOWS: [Bundled; 3] = [
    Bundled { name: "code-review", text: include_str!("../workflows/code-review.js") },
    Bundled { name: "deep-research", text: include_str!("../workflows/deep-research.js") },
    Bundled { name: "triage-tests", text: include_str!("../workflows/triage-tests.js") },
];
