//! The interface to live runs, replays, simulations and fixtures.
//!
//! Owns: the interface of the driver to agents, recorded answers or stubs. Never: the
//! order of turns; the driver has that.

use smol_wf_core::guest::{Outcome, ScriptError};
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::Entry;
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{Effect, Machine};
use smol_wf_sandbox::SandboxError;

use super::children::{ChildScript, QueuedChild};

/// Runs the effects of a run and reports their results. The default methods are those of
/// a replay, which has a journal and nothing else.
pub(crate) trait Backend: Send {
    /// The error that ends a run without its machine.
    type Halt: From<SandboxError> + Send;

    /// The time for a delivery that is made now, in microseconds since 1970.
    fn now_us(&self) -> i64 {
        0
    }

    /// The next entries of a journal that is replayed; none after the last ones.
    fn more(&mut self) -> impl Future<Output = Result<Option<Vec<Entry>>, Self::Halt>> + Send {
        async { Ok(None) }
    }

    /// Takes the entries that the machine has made.
    fn wrote(&mut self, _entries: Vec<Entry>) {}

    /// A delivery settles this step, and its outcome has an entry.
    fn settled(&mut self, _step: StepId) {}

    /// Runs a turn to its end, or cuts it off. `is_live` if its delivery is not replayed.
    fn accompany<T: Send>(
        &mut self,
        turn: impl Future<Output = T> + Send,
        _is_live: bool,
    ) -> impl Future<Output = Result<T, Self::Halt>> + Send {
        async { Ok(turn.await) }
    }

    /// A child workflow failed with this error. Its caller gets only the message.
    fn child_failed(&mut self, _scope: Scope, _error: &ScriptError) {}

    /// A turn is over and its entries were taken.
    fn turn_ended(
        &mut self,
        _machine: &Machine,
    ) -> impl Future<Output = Result<(), Self::Halt>> + Send {
        async { Ok(()) }
    }

    /// The outcome in this entry of the run's journal. None makes the run rest.
    fn fetch(
        &mut self,
        _entry: u64,
    ) -> impl Future<Output = Result<Option<Outcome>, Self::Halt>> + Send {
        async { Ok(None) }
    }

    /// The positions of the promises that a stuck script waits for, for its error message.
    /// None leaves it stuck.
    fn unsettled(
        &mut self,
        _scope: Scope,
        _limits: Limits,
    ) -> impl Future<Output = Result<Option<Vec<String>>, Self::Halt>> + Send {
        async { Ok(None) }
    }

    /// Makes the written entries durable before anything leaves this process. False makes
    /// the run rest, and nothing leaves.
    fn commit(&mut self) -> impl Future<Output = Result<bool, Self::Halt>> + Send {
        async { Ok(false) }
    }

    /// Runs effects. Child workflows are not among them.
    fn perform(&mut self, _effects: Vec<Effect>, _machine: &mut Machine) {}

    /// Number of children whose scripts are being searched.
    fn searching(&self) -> usize {
        0
    }

    /// Searches the script of a child. None when [`Self::wait`] will report it.
    fn find(&mut self, _child: QueuedChild) -> impl Future<Output = Option<ChildScript>> + Send {
        async { None }
    }

    /// Waits for an event and reports it to the machine. False when none will come.
    fn wait(
        &mut self,
        _machine: &mut Machine,
    ) -> impl Future<Output = Result<bool, Self::Halt>> + Send {
        async { Ok(false) }
    }
}
