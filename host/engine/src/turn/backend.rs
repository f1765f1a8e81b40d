//! What differs between the ways in which a run is driven.
//!
//! Owns: the interface to live agents, recorded answers, stubs, or nothing at
//! all. Never: the order of things; the driver has that.

use smol_wf_core::guest::{Outcome, ScriptError};
use smol_wf_core::ids::{CallId, Scope};
use smol_wf_core::journal::Entry;
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{Effect, Machine};
use smol_wf_sandbox::SandboxError;

use super::children::{ChildScript, QueuedChild};

/// Performs the effects of a run, and says when things happen. What is not
/// implemented belongs to a replay: it has a journal and nothing else.
pub(crate) trait Backend: Send {
    /// Why driving is cut off. The machine is lost then.
    type Halt: From<SandboxError> + Send;

    /// The time of a delivery that is made now, in microseconds since 1970.
    fn now_us(&self) -> i64 {
        0
    }

    /// The next piece of a journal that is replayed; none behind the last one.
    fn more(&mut self) -> impl Future<Output = Result<Option<Vec<Entry>>, Self::Halt>> + Send {
        async { Ok(None) }
    }

    /// Takes the entries that the machine has made.
    fn wrote(&mut self, _entries: Vec<Entry>) {}

    /// A delivery settles this call: what it came to has its entry.
    fn settled(&mut self, _call: CallId) {}

    /// Runs a turn to its end, or cuts it off. `is_live` says that what was
    /// delivered to it is new.
    fn accompany<T: Send>(
        &mut self,
        turn: impl Future<Output = T> + Send,
        _is_live: bool,
    ) -> impl Future<Output = Result<T, Self::Halt>> + Send {
        async { Ok(turn.await) }
    }

    /// A child workflow failed with this error, of which its caller sees the words.
    fn child_failed(&mut self, _scope: Scope, _error: &ScriptError) {}

    /// A turn is over and its entries were taken.
    fn turn_ended(
        &mut self,
        _machine: &Machine,
    ) -> impl Future<Output = Result<(), Self::Halt>> + Send {
        async { Ok(()) }
    }

    /// The outcome that an entry of the run's journal holds; none where nobody
    /// reads it.
    fn fetch(
        &mut self,
        _entry: u64,
    ) -> impl Future<Output = Result<Option<Outcome>, Self::Halt>> + Send {
        async { Ok(None) }
    }

    /// Where the promises were made that this stuck script waits for; none leaves
    /// it stuck.
    fn unsettled(
        &mut self,
        _scope: Scope,
        _limits: Limits,
    ) -> impl Future<Output = Result<Option<Vec<String>>, Self::Halt>> + Send {
        async { Ok(None) }
    }

    /// Makes durable what was written, before anything leaves this process. False:
    /// nothing is to leave, and the run rests.
    fn commit(&mut self) -> impl Future<Output = Result<bool, Self::Halt>> + Send {
        async { Ok(false) }
    }

    /// Performs effects. Children are not among them.
    fn perform(&mut self, _effects: Vec<Effect>, _machine: &mut Machine) {}

    /// Children that are being looked for.
    fn searching(&self) -> usize {
        0
    }

    /// Looks for the script of a child; none when [`Self::wait`] will report it.
    fn find(&mut self, _child: QueuedChild) -> impl Future<Output = Option<ChildScript>> + Send {
        async { None }
    }

    /// Waits until something happens, and reports it to the machine. False: nothing
    /// will.
    fn wait(
        &mut self,
        _machine: &mut Machine,
    ) -> impl Future<Output = Result<bool, Self::Halt>> + Send {
        async { Ok(false) }
    }
}
