//! One turn of a guest: what it is handed, and which limit its fault stands for.
//!
//! Owns: the calls into the sandbox that live runs, replay and rehearsal share.
//! Never: decides what comes next, or waits for anything but the guest.

use smol_wf_core::guest::{Outcome, Source, StartInput};
use smol_wf_core::ids::{CallId, TimerId};
use smol_wf_core::journal::ScopeStart;
use smol_wf_core::limits::{LimitError, Limits};
use smol_wf_core::machine::Machine;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Guest, Turn, TurnFault, TurnLimits};

/// What a guest is to do in a turn.
pub(crate) enum Task {
    Start(Box<ScopeStart>, u64),
    Settle(CallId, Outcome),
    Fire(TimerId),
}

/// One turn, as the sandbox runs it.
pub(crate) async fn run_turn(
    guest: &mut Guest,
    machine: Machine,
    limits: TurnLimits,
    task: Task,
) -> Turn<Machine> {
    match task {
        Task::Start(start, seed) => {
            let input = start_input(&start, machine.surface(), seed, false);
            guest.start(machine, limits, &input).await
        }
        Task::Settle(call, outcome) => guest.settle(machine, limits, call, &outcome).await,
        Task::Fire(timer) => guest.fire(machine, limits, timer).await,
    }
}

pub(crate) fn start_input(
    start: &ScopeStart,
    surface: Surface,
    seed: u64,
    diagnose: bool,
) -> StartInput {
    StartInput {
        source: Source {
            text: start.text.clone(),
            file_name: start.file_name.clone(),
            meta_export: start.meta_export,
        },
        dialect: start.dialect,
        surface,
        args: start.args.clone(),
        meta: start.meta.clone(),
        seed,
        diagnose,
    }
}

/// The limit that a fault stands for; `fuel` is what the turn was given.
pub(crate) fn limit_of(fault: &TurnFault, fuel: u64, limits: &Limits) -> Option<LimitError> {
    Some(match fault {
        TurnFault::OutOfFuel if fuel < limits.turn_fuel(0) || fuel >= limits.fuel => {
            LimitError::Fuel { used: limits.fuel, limit: limits.fuel }
        }
        TurnFault::OutOfFuel => LimitError::TurnFuel { limit: fuel },
        TurnFault::Memory => LimitError::Memory { limit_mib: limits.memory_mib },
        TurnFault::Stack => LimitError::Stack,
        _ => return None,
    })
}
