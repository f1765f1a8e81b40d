//! One turn of a guest: its delivery, and the limit behind a fault.
//!
//! Owns: the calls into the sandbox. Never: decides what comes next, or waits for
//! anything but the guest.

use std::sync::Arc;

use smol_wf_core::guest::{Outcome, Source, StartInput, Status, StopTurn, TurnHost};
use smol_wf_core::ids::{StepId, TimerId};
use smol_wf_core::journal::ScopeStart;
use smol_wf_core::limits::{LimitError, Limits};
use smol_wf_core::machine::Machine;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Guest, Turn, TurnFault, TurnLimits};

use super::pause::Pause;
use crate::fixture::redact::Redaction;
use crate::fixture::redacted::{self, Redacted};

/// The delivery that begins a turn.
pub(super) enum Task {
    Start(Box<StartInput>),
    Settle(StepId, Outcome),
    Fire(TimerId),
}

impl Task {
    /// Runs one turn. With rules, the machine sees redacted text.
    pub(super) async fn run(
        self,
        guest: &mut Guest,
        machine: Box<Machine>,
        rules: Option<Arc<Redaction>>,
        limits: TurnLimits,
    ) -> Turn<Box<Machine>> {
        let Some(rules) = rules else { return self.hand(guest, machine, limits).await };
        let host = Redacted { machine, rules: rules.clone() };
        let Turn { host, fuel, memory_denied, end } = self.hand(guest, host, limits).await;
        let end = end.map(|status| redacted::status(&rules, status));
        Turn { host: host.machine, fuel, memory_denied, end }
    }

    async fn hand<H: TurnHost + Send + 'static>(
        self,
        guest: &mut Guest,
        host: H,
        limits: TurnLimits,
    ) -> Turn<H> {
        match self {
            Self::Start(input) => guest.start(host, limits, &input).await,
            Self::Settle(step, outcome) => guest.settle(host, limits, step, &outcome).await,
            Self::Fire(timer) => guest.fire(host, limits, timer).await,
        }
    }
}

/// The input of a guest that starts a script.
pub(super) fn start_input(
    start: ScopeStart,
    surface: Surface,
    seed: u64,
    diagnose: bool,
) -> Box<StartInput> {
    Box::new(StartInput {
        source: Source {
            text: start.text,
            file_name: start.file_name,
            path: start.path,
            meta_export: start.meta_export,
            modules: start.modules,
        },
        dialect: start.dialect,
        surface,
        args: start.args,
        meta: start.meta,
        seed,
        diagnose,
    })
}

/// The status of the script after a turn, or why the run stops. `fuel` is the limit of the
/// turn.
pub(super) fn status_of(
    end: Result<Status, TurnFault>,
    memory_denied: bool,
    fuel: u64,
    limits: &Limits,
) -> Result<Status, Pause> {
    let stopped = |error| Pause::Stopped(StopTurn::Limit(error));
    match end {
        // Also if the script caught the error: with more memory, it would do something else
        // in a replay.
        Ok(_) if memory_denied => Err(stopped(LimitError::Memory { limit_mib: limits.memory_mib })),
        Ok(status) => Ok(status),
        Err(TurnFault::Stopped(stop)) => Err(Pause::Stopped(stop)),
        Err(fault) => Err(match limit_of(&fault, fuel, limits) {
            Some(error) => stopped(error),
            None => Pause::Fault(fault.to_string()),
        }),
    }
}

/// The limit that caused a fault; none for other faults.
fn limit_of(fault: &TurnFault, fuel: u64, limits: &Limits) -> Option<LimitError> {
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
