//! The supervisor of this process: it reaps and ends the agents' processes.
//!
//! Owns: the one instance. Never: starts a program.

use std::sync::LazyLock;

use smol_wf_engine::providers::Supervisor;

/// All children may be reaped, because this program starts no other long-lived
/// children.
static SUPERVISOR: LazyLock<Supervisor> = LazyLock::new(Supervisor::of_all_children);

/// The supervisor of this process, made on first use.
pub(crate) fn supervisor() -> &'static Supervisor {
    &SUPERVISOR
}
