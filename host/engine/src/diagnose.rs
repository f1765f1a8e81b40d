//! Finding out which promise a stuck script waits for.
//!
//! Owns: the replay of a run in guests that watch their promises. Never: writes
//! or dispatches anything. It may fail to find out; then the list is empty.

use smol_wf_core::ids::{Digest, Scope};
use smol_wf_core::journal::{self, Record};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::Machine;
use smol_wf_sandbox::Sandbox;

use crate::offline::{Offline, Pause};

/// Where the unsettled promises of this scope were made, as `line:column`.
pub(crate) async fn unsettled(
    sandbox: &Sandbox,
    records: &[Record],
    limits: Limits,
    scope: Scope,
) -> Vec<String> {
    let Ok(entries) = journal::read(records) else { return Vec::new() };
    // Watching costs fuel: under another guest's name the fuel is not compared.
    let watching = Digest::of(b"diagnose");
    let limits = Limits { fuel: limits.fuel.saturating_mul(4), ..limits };
    let Ok(machine) = Machine::resume(entries, limits, watching, 0) else {
        return Vec::new();
    };
    let mut offline = Offline::watching(sandbox.clone());
    match offline.advance(machine, 0).await {
        Ok((machine, Pause::Stuck(stuck))) if stuck == scope => {
            offline.unsettled(machine, scope).await
        }
        _ => Vec::new(),
    }
}
