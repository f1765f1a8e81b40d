//! The ways in which a turn ends other than by the script itself.
//!
//! Owns: [`TurnFault`], and the translation of wasmtime's errors into it. Never: decides
//! what a fault means for the run.

use smol_wf_core::codes::Code;
use smol_wf_core::guest::StopTurn;
use wasmtime::Trap;

use crate::state::{HOSTCALL_BYTES, State};

/// Most bytes of the description of a crash.
const DETAIL_BYTES: usize = 2 * 1024;

/// Why a turn ended without a status of the script. The instance has ended as well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TurnFault {
    /// The turn used up its fuel.
    #[error("the script used up the fuel of its turn")]
    OutOfFuel,
    /// Memory was refused during the turn, and the turn failed.
    #[error("the script needs more memory than it may have")]
    Memory,
    /// The native stack overflowed, which the script's own stack check should
    /// have prevented.
    #[error("the script recursed deeper than the sandbox allows")]
    Stack,
    /// One call passed more bytes to the host than any call may.
    #[error("the script passed more than {HOSTCALL_BYTES} bytes to the host at once; pass less")]
    Oversize,
    /// The host of the turn stopped it.
    #[error(transparent)]
    Stopped(StopTurn),
    /// This machine is out of memory. That does not depend on the script, and the turn
    /// can be tried again.
    #[error("this machine has no memory left for the script")]
    HostMemory,
    /// The guest broke down: a defect of the guest, or an attack on it.
    #[error("the script engine broke down: {detail}")]
    Crashed {
        /// The error of the engine and the stderr of the guest; never its memory.
        detail: String,
    },
    /// An earlier turn of this instance ended in a fault or was cut off.
    #[error("this script instance is spent: an earlier turn broke off")]
    Spent,
}

impl TurnFault {
    /// The stable code of this fault.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::OutOfFuel => Code::GuestOutOfFuel,
            Self::Memory => Code::GuestMemory,
            Self::Stack => Code::GuestStack,
            Self::Oversize => Code::GuestOversize,
            Self::Stopped(_) => Code::GuestStopped,
            Self::HostMemory => Code::GuestHostMemory,
            Self::Crashed { .. } => Code::GuestCrashed,
            Self::Spent => Code::GuestSpent,
        }
    }

    /// Translates an error of wasmtime, given what happened during the turn.
    pub(crate) fn read(error: &wasmtime::Error, state: &mut State) -> Self {
        if let Some(stop) = state.take_stop() {
            return Self::Stopped(stop);
        }
        if state.host_memory_failed() {
            return Self::HostMemory;
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => return Self::OutOfFuel,
            Some(Trap::StackOverflow) => return Self::Stack,
            _ if state.memory_denied() => return Self::Memory,
            _ => {}
        }
        let detail = format!("{error:#}");
        // The type of this error is private to wasmtime; a test watches its text.
        if detail.contains("fuel allocated for hostcalls") {
            return Self::Oversize;
        }
        Self::Crashed { detail: state.with_stderr(detail, DETAIL_BYTES) }
    }
}
