//! Power over this process for those that keep its agents.
//!
//! Owns: the one supervisor. Never: starts a program.

use std::sync::LazyLock;

use smol_wf_engine::providers::Supervisor;

/// Nothing that this program starts by itself leaves its group or session.
static SUPERVISOR: LazyLock<Supervisor> = LazyLock::new(Supervisor::of_all_children);

/// Of this process.
pub(crate) fn supervisor() -> &'static Supervisor {
    &SUPERVISOR
}
