//! Runs a machine against real guests, with no store, no agents and no clock.
//!
//! Owns: the turns between two waits. Never: performs an effect, writes an
//! entry or dispatches a call; whoever drives decides what a call comes to and
//! says so with [`Machine::complete`].
//!
//! Replays, diagnoses, fixtures and explored schedules all go through here.

use std::collections::HashMap;

use smol_wf_core::guest::StopTurn;
use smol_wf_core::ids::Scope;
use smol_wf_core::limits::LimitError;
use smol_wf_core::machine::{Machine, Next};
use smol_wf_sandbox::{Guest, InstanceLimits, Sandbox, SandboxError, Turn, TurnFault, TurnLimits};

use crate::drive::{limit_of, start_input};

/// The guests of one run that is driven by hand.
pub(crate) struct Offline {
    sandbox: Sandbox,
    guests: HashMap<Scope, Guest>,
    /// Whether guests watch their promises, which costs fuel.
    watching: bool,
}

/// Why there is no turn to run.
#[derive(Debug)]
pub(crate) enum Pause {
    /// Every script waits: take the effects, complete a call, advance again.
    Wait,
    /// This script waits for what nothing will settle; see
    /// [`Machine::give_up`].
    Stuck(Scope),
    /// The run is over.
    Ended,
    /// A limit of the run, or a difference from its journal.
    Stopped(StopTurn),
    /// The guest broke down; what it said.
    Fault(String),
}

impl Offline {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self { sandbox, guests: HashMap::new(), watching: false }
    }

    /// With guests that can say which promises they wait for.
    pub(crate) fn watching(sandbox: Sandbox) -> Self {
        Self { watching: true, ..Self::new(sandbox) }
    }

    /// Runs turns until there is none to run. `now_us` is the time of
    /// deliveries that are not recorded.
    pub(crate) async fn advance(
        &mut self,
        mut machine: Machine,
        now_us: i64,
    ) -> Result<(Machine, Pause), SandboxError> {
        loop {
            for closed in machine.take_closed() {
                self.guests.remove(&closed);
            }
            let fuel = machine.turn_fuel();
            let (scope, turn) = match machine.next(now_us) {
                Ok(Next::Start { start, seed, now_us }) => {
                    let memory_mib = machine.limits().memory_mib;
                    let mut guest = self.sandbox.instance(InstanceLimits { memory_mib }).await?;
                    let input = start_input(&start, seed, self.watching);
                    let turn = guest.start(machine, TurnLimits { fuel, now_us }, &input).await;
                    self.guests.insert(start.scope, guest);
                    (start.scope, turn)
                }
                Ok(Next::Settle { scope, call, outcome, now_us }) => {
                    let Some(guest) = self.guests.get_mut(&scope) else {
                        let gone = "the script instance is gone".to_owned();
                        return Ok((machine, Pause::Fault(gone)));
                    };
                    let limits = TurnLimits { fuel, now_us };
                    (scope, guest.settle(machine, limits, call, &outcome).await)
                }
                Ok(Next::Wait) => return Ok((machine, Pause::Wait)),
                Ok(Next::Stuck(scope)) => return Ok((machine, Pause::Stuck(scope))),
                Ok(Next::Ended) => return Ok((machine, Pause::Ended)),
                Err(stop) => return Ok((machine, Pause::Stopped(stop))),
            };
            let (kept, pause) = ended(scope, turn, fuel);
            if let Some(pause) = pause {
                return Ok((kept, pause));
            }
            machine = kept;
        }
    }

    /// Where the promises were made that this script still waits for, as
    /// `line:column`. Empty when it was not [watching](Self::watching).
    pub(crate) async fn unsettled(&mut self, machine: Machine, scope: Scope) -> Vec<String> {
        let Some(guest) = self.guests.get_mut(&scope) else { return Vec::new() };
        let turn = TurnLimits { fuel: machine.turn_fuel(), now_us: 0 };
        guest.unsettled(machine, turn).await.1
    }
}

/// Hands a turn back to the machine; a pause when it may not go on.
fn ended(scope: Scope, turn: Turn<Machine>, fuel: u64) -> (Machine, Option<Pause>) {
    let Turn { host: mut machine, fuel: used, end, memory_denied } = turn;
    let limits = *machine.limits();
    let limit = |error| Pause::Stopped(StopTurn::Limit(error));
    let pause = match end {
        Ok(_) if memory_denied => Some(limit(LimitError::Memory { limit_mib: limits.memory_mib })),
        Ok(status) => machine.end_turn(scope, used, status).err().map(Pause::Stopped),
        Err(TurnFault::Stopped(stop)) => Some(Pause::Stopped(stop)),
        Err(fault) => Some(match limit_of(&fault, fuel, &limits) {
            Some(error) => limit(error),
            None => Pause::Fault(fault.to_string()),
        }),
    };
    (machine, pause)
}
