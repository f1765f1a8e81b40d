//! Runs a machine against real guests, with no store, no agents and no clock.
//!
//! Owns: the turns between two waits. Never: performs an effect, writes an
//! entry or dispatches a call; whoever drives decides what a call comes to and
//! says so with [`Machine::complete`].
//!
//! Replays, diagnoses, fixtures and explored schedules all go through here.

use std::collections::HashMap;
use std::sync::Arc;

use smol_wf_core::guest::{Outcome, ScriptError, StartInput, Status, StopTurn, TurnHost};
use smol_wf_core::ids::{CallId, Scope, TimerId};
use smol_wf_core::limits::LimitError;
use smol_wf_core::machine::{Machine, Next};
use smol_wf_sandbox::{Guest, InstanceLimits, Sandbox, SandboxError, Turn, TurnFault, TurnLimits};

use crate::fixture::redact::Redaction;
use crate::fixture::redacted::{self, Redacted};
use crate::turn::{limit_of, start_input};

/// The guests of one run that is driven by hand.
pub(crate) struct Offline {
    sandbox: Sandbox,
    guests: HashMap<Scope, Guest>,
    /// Whether guests watch their promises, which costs fuel.
    watching: bool,
    /// What the machine is not told.
    rules: Option<Arc<Redaction>>,
    /// Errors that ended child workflows: their callers are told in words.
    failed: Vec<(Scope, ScriptError)>,
}

/// Why there is no turn to run.
#[derive(Debug)]
pub(crate) enum Pause {
    /// Every script waits: take the effects, complete a call, advance again.
    Wait,
    /// More of the journal is wanted, by a machine that was not given all of it:
    /// feed it, advance again.
    Hungry,
    /// What is to be delivered is kept in the journal alone.
    Fetch,
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
        Self { sandbox, guests: HashMap::new(), watching: false, rules: None, failed: Vec::new() }
    }

    /// With guests that can say which promises they wait for.
    pub(crate) fn watching(sandbox: Sandbox) -> Self {
        Self { watching: true, ..Self::new(sandbox) }
    }

    /// With secrets taken out of everything that scripts say.
    pub(crate) fn redacting(sandbox: Sandbox, rules: Arc<Redaction>) -> Self {
        Self { rules: Some(rules), ..Self::new(sandbox) }
    }

    /// Script instances that are open.
    pub(crate) fn open(&self) -> usize {
        self.guests.len()
    }

    /// The errors that ended child workflows since this was last asked.
    pub(crate) fn take_failed(&mut self) -> Vec<(Scope, ScriptError)> {
        std::mem::take(&mut self.failed)
    }

    /// Runs turns until there is none to run. `now_us` is the time of
    /// deliveries that are not recorded.
    pub(crate) async fn advance(
        &mut self,
        machine: Machine,
        now_us: i64,
    ) -> Result<(Machine, Pause), SandboxError> {
        let (machine, pause) = self.turns(Box::new(machine), now_us).await?;
        Ok((*machine, pause))
    }

    async fn turns(
        &mut self,
        mut machine: Box<Machine>,
        now_us: i64,
    ) -> Result<(Box<Machine>, Pause), SandboxError> {
        loop {
            for closed in machine.take_closed() {
                self.guests.remove(&closed);
            }
            if machine.wants_more() {
                return Ok((machine, Pause::Hungry));
            }
            let fuel = machine.turn_fuel();
            let (scope, turn) = match machine.next(now_us) {
                Ok(Next::Start { start, seed, now_us }) => {
                    let memory_mib = machine.limits().memory_mib;
                    let guest = self.sandbox.instance(InstanceLimits { memory_mib }).await?;
                    let scope = start.scope;
                    self.guests.insert(scope, guest);
                    let input = start_input(&start, machine.surface(), seed, self.watching);
                    let limits = TurnLimits { fuel, now_us };
                    (scope, self.turn(scope, machine, limits, Told::Start(&input)).await)
                }
                Ok(Next::Settle { scope, call, outcome, now_us }) => {
                    let limits = TurnLimits { fuel, now_us };
                    (scope, self.turn(scope, machine, limits, Told::Settle(call, &outcome)).await)
                }
                Ok(Next::Fetch(_)) => return Ok((machine, Pause::Fetch)),
                Ok(Next::Fire { scope, timer, now_us }) => {
                    let limits = TurnLimits { fuel, now_us };
                    (scope, self.turn(scope, machine, limits, Told::Fire(timer)).await)
                }
                Ok(Next::Wait) => return Ok((machine, Pause::Wait)),
                Ok(Next::Stuck(scope)) => return Ok((machine, Pause::Stuck(scope))),
                Ok(Next::Ended) => return Ok((machine, Pause::Ended)),
                Err(stop) => return Ok((machine, Pause::Stopped(stop))),
            };
            let (kept, pause) = match turn {
                Ok(turn) => {
                    if let (Ok(Status::Failed(error)), Some(_)) = (&turn.end, scope.opened_by()) {
                        self.failed.push((scope, error.clone()));
                    }
                    ended(scope, turn, fuel)
                }
                Err(machine) => {
                    let gone = "the script instance is gone".to_owned();
                    return Ok((machine, Pause::Fault(gone)));
                }
            };
            if let Some(pause) = pause {
                return Ok((kept, pause));
            }
            machine = kept;
        }
    }

    /// One turn; the machine alone when its guest is gone.
    async fn turn(
        &mut self,
        scope: Scope,
        machine: Box<Machine>,
        limits: TurnLimits,
        told: Told<'_>,
    ) -> Result<Turn<Box<Machine>>, Box<Machine>> {
        let Some(guest) = self.guests.get_mut(&scope) else { return Err(machine) };
        // A later attempt may have raised what the guest was made with.
        guest.limit(InstanceLimits { memory_mib: machine.limits().memory_mib });
        let Some(rules) = &self.rules else { return Ok(told.to(guest, machine, limits).await) };
        let host = Redacted { machine, rules: rules.clone() };
        let Turn { host, fuel, memory_denied, end } = told.to(guest, host, limits).await;
        let end = end.map(|status| redacted::status(rules, status));
        Ok(Turn { host: host.machine, fuel, memory_denied, end })
    }

    /// Where the promises were made that this script still waits for, as
    /// `line:column`. Empty when it was not [watching](Self::watching).
    pub(crate) async fn unsettled(&mut self, machine: Machine, scope: Scope) -> Vec<String> {
        let Some(guest) = self.guests.get_mut(&scope) else { return Vec::new() };
        let turn = TurnLimits { fuel: machine.turn_fuel(), now_us: 0 };
        guest.unsettled(machine, turn).await.1
    }
}

/// What begins a turn.
enum Told<'a> {
    Start(&'a StartInput),
    Settle(CallId, &'a Outcome),
    Fire(TimerId),
}

impl Told<'_> {
    async fn to<H: TurnHost + Send + 'static>(
        self,
        guest: &mut Guest,
        host: H,
        limits: TurnLimits,
    ) -> Turn<H> {
        match self {
            Self::Start(input) => guest.start(host, limits, input).await,
            Self::Settle(call, outcome) => guest.settle(host, limits, call, outcome).await,
            Self::Fire(timer) => guest.fire(host, limits, timer).await,
        }
    }
}

/// Hands a turn back to the machine; a pause when it may not go on.
fn ended(scope: Scope, turn: Turn<Box<Machine>>, fuel: u64) -> (Box<Machine>, Option<Pause>) {
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
