//! Finds the promises that a stuck script waits for.
//!
//! Owns: the replay of a run in guests that watch their promises. Never: writes or
//! dispatches anything. If it fails, the list is empty.

use smol_wf_core::ids::{Digest, Scope};
use smol_wf_core::journal::Entry;
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::Machine;
use smol_wf_sandbox::Sandbox;

use crate::error::EngineError;
use crate::journal::Entries;
use crate::turn::backend::Backend;
use crate::turn::driver::Turns;
use crate::turn::pause::Pause;

/// The positions of the unsettled promises of this scope, as `line:column`. None when the
/// replay failed.
pub(crate) async fn unsettled(
    sandbox: &Sandbox,
    mut journal: Entries,
    limits: Limits,
    scope: Scope,
) -> Option<Vec<String>> {
    // Watching costs fuel. Under another guest digest, fuel is not compared.
    let watching = Digest::of(b"diagnose");
    let limits = Limits { fuel: limits.fuel.saturating_mul(4), ..limits };
    let beginning = journal.next().await.ok()??;
    let machine = Machine::replay(beginning, Some(limits), watching).ok()?;
    let mut turns = Turns::watching(sandbox.clone());
    let (machine, pause) = turns.drive(machine, &mut Replay(journal)).await.ok()?;
    match pause {
        Pause::Stuck(stuck) if stuck == scope => Some(turns.unsettled(machine, scope).await),
        _ => None,
    }
}

/// The rest of the journal.
struct Replay(Entries);

impl Backend for Replay {
    type Halt = EngineError;

    async fn more(&mut self) -> Result<Option<Vec<Entry>>, EngineError> {
        self.0.next().await
    }
}
