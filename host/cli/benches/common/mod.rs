//! What benchmarks of the sandbox have in common.
//!
//! Owns: a machine for a script that asks for nothing. Never: measures.

use smol_wf_core::guest::Dialect;
use smol_wf_core::ids::{Digest, RunId, Scope};
use smol_wf_core::journal::{JOURNAL_FORMAT, RunHead, ScopeStart};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::Machine;
use smol_wf_core::step_request::StepDefaults;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::Sandbox;

pub(crate) fn machine() -> Machine {
    let head = RunHead {
        format: JOURNAL_FORMAT,
        surface: Surface::CURRENT,
        run: RunId::from_bits(1),
        name: "bench".into(),
        script: Digest::of(b""),
        script_path: String::new(),
        project_root: String::new(),
        cwd: None,
        seed: 1,
        budget: None,
        provider: "debug".into(),
        model_map: Vec::new(),
        defaults: StepDefaults::default(),
        debug_rules: Vec::new(),
        parent: None,
    };
    let start = ScopeStart {
        author_text: None,
        modules: Vec::new(),
        scope: Scope::ROOT,
        text: String::new(),
        file_name: "bench.mjs".into(),
        path: "bench.mjs".into(),
        meta_export: 0,
        dialect: Dialect::Body,
        meta: "{}".into(),
        args: None,
    };
    Machine::start(head, start, Limits::default(), Sandbox::guest_digest(), 0)
}
