//! Drives the turns of a run.
//!
//! Owns: the open guests, their limits of fuel and memory, and what comes between two
//! turns. Never: decides; the machine does. Never runs an effect; the backend does.

use std::collections::HashMap;
use std::sync::Arc;

use smol_wf_core::guest::Status;
use smol_wf_core::ids::Scope;
use smol_wf_core::machine::{Machine, Next};
use smol_wf_sandbox::{Guest, InstanceLimits, Sandbox, SandboxError, Turn, TurnLimits};

use super::backend::Backend;
use super::children::{self, ChildQueue};
use super::pause::Pause;
use super::task::{Task, start_input, status_of};
use crate::fixture::redact::Redaction;

/// The guests of one run, and the child workflows that wait for one.
pub(crate) struct Turns {
    sandbox: Sandbox,
    guests: HashMap<Scope, Guest>,
    children: ChildQueue,
    /// Whether guests watch their promises, which costs fuel.
    watching: bool,
    /// Rules that redact the texts of scripts before the machine gets them.
    rules: Option<Arc<Redaction>>,
    /// Fuel of a turn that was cut off and has no entry.
    cut_fuel: u64,
}

/// A delivery that is ready for its guest.
struct NextTurn {
    scope: Scope,
    now_us: i64,
    task: Task,
}

impl Turns {
    /// Turns in guests of this sandbox.
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self {
            sandbox,
            guests: HashMap::new(),
            children: ChildQueue::default(),
            watching: false,
            rules: None,
            cut_fuel: 0,
        }
    }

    /// Turns whose guests can say which promises they wait for.
    pub(crate) fn watching(sandbox: Sandbox) -> Self {
        Self { watching: true, ..Self::new(sandbox) }
    }

    /// Turns in which all texts of scripts are redacted.
    pub(crate) fn redacting(sandbox: Sandbox, rules: Arc<Redaction>) -> Self {
        Self { rules: Some(rules), ..Self::new(sandbox) }
    }

    /// Fuel of the last turn if that was cut off; otherwise 0.
    pub(crate) fn cut_fuel(&self) -> u64 {
        self.cut_fuel
    }

    /// Drives a run until no turn follows.
    pub(crate) async fn drive<B: Backend>(
        &mut self,
        machine: Machine,
        backend: &mut B,
    ) -> Result<(Machine, Pause), B::Halt> {
        // Boxed: it moves with every turn.
        let mut machine = Box::new(machine);
        loop {
            let due = match self.next(&mut machine, backend).await? {
                Ok(due) => due,
                Err(pause) => return Ok((*machine, pause)),
            };
            let ended;
            (machine, ended) = self.turn(machine, due, backend).await?;
            if let Err(pause) = ended {
                return Ok((*machine, pause));
            }
            backend.wrote(machine.take_entries());
            backend.turn_ended(&machine).await?;
        }
    }

    /// The next delivery, or why there is none.
    async fn next<B: Backend>(
        &mut self,
        machine: &mut Machine,
        backend: &mut B,
    ) -> Result<Result<NextTurn, Pause>, B::Halt> {
        loop {
            for closed in machine.take_closed() {
                self.guests.remove(&closed);
            }
            while machine.wants_more() {
                machine.feed(backend.more().await?);
            }
            let next = match machine.next(backend.now_us()) {
                Ok(next) => next,
                Err(stop) => return Ok(Err(Pause::Stopped(stop))),
            };
            backend.wrote(machine.take_entries());
            return Ok(Ok(match next {
                Next::Start { start, seed, now_us } => {
                    let scope = start.scope;
                    self.open(scope, machine).await?;
                    let input = start_input(*start, machine.surface(), seed, self.watching);
                    NextTurn { scope, now_us, task: Task::Start(input) }
                }
                Next::Settle { scope, step, outcome, now_us } => {
                    backend.settled(step);
                    NextTurn { scope, now_us, task: Task::Settle(step, outcome) }
                }
                Next::Fire { scope, timer, now_us } => {
                    NextTurn { scope, now_us, task: Task::Fire(timer) }
                }
                Next::Fetch(entry) => match backend.fetch(entry).await? {
                    Some(outcome) => {
                        machine.fetched(outcome);
                        continue;
                    }
                    None => return Ok(Err(Pause::Rest)),
                },
                Next::Stuck(scope) => match backend.unsettled(scope, *machine.limits()).await? {
                    Some(promises) => match machine.give_up(scope, &promises) {
                        Ok(()) => continue,
                        Err(stop) => return Ok(Err(Pause::Stopped(stop))),
                    },
                    None => return Ok(Err(Pause::Stuck(scope))),
                },
                Next::Wait => match self.wait(machine, backend).await? {
                    true => continue,
                    false => return Ok(Err(Pause::Rest)),
                },
                Next::Ended => return Ok(Err(Pause::Ended)),
            }));
        }
    }

    /// Opens a guest for a scope.
    async fn open(&mut self, scope: Scope, machine: &Machine) -> Result<(), SandboxError> {
        let limits = InstanceLimits { memory_mib: machine.limits().memory_mib };
        let guest = self.sandbox.instance(limits).await?;
        self.guests.insert(scope, guest);
        Ok(())
    }

    /// Every script waits: runs the effects, then waits for a delivery. Returns false if none
    /// will come.
    async fn wait<B: Backend>(
        &mut self,
        machine: &mut Machine,
        backend: &mut B,
    ) -> Result<bool, B::Halt> {
        if !backend.commit().await? {
            return Ok(false);
        }
        let effects = self.children.take_from(machine.take_effects());
        backend.perform(effects, machine);
        if machine.has_deliveries() {
            return Ok(true);
        }
        while let Some(child) = self.children.next(self.guests.len() + backend.searching()) {
            let step = child.step;
            if let Some(found) = backend.find(child).await {
                children::report(machine, step, found);
                return Ok(true);
            }
        }
        backend.wait(machine).await
    }

    /// Runs one turn. Returns the machine, and the reason if no other turn follows.
    async fn turn<B: Backend>(
        &mut self,
        machine: Box<Machine>,
        NextTurn { scope, now_us, task }: NextTurn,
        backend: &mut B,
    ) -> Result<(Box<Machine>, Result<(), Pause>), B::Halt> {
        let Some(guest) = self.guests.get_mut(&scope) else {
            return Ok((machine, Err(Pause::Fault("the script instance is gone".to_owned()))));
        };
        let limits = *machine.limits();
        // A later epoch may have raised the limit.
        guest.limit(InstanceLimits { memory_mib: limits.memory_mib });
        let fuel = machine.turn_fuel();
        // Replayed deliveries are durable already.
        let is_live = machine.is_live();
        let run = task.run(guest, machine, self.rules.clone(), TurnLimits { fuel, now_us });
        let turn = backend.accompany(run, is_live).await;
        let Turn { host: mut machine, fuel: used, end, memory_denied } = match turn {
            Ok(turn) => turn,
            Err(halt) => {
                self.cut_fuel = guest.fuel_so_far();
                return Err(halt);
            }
        };
        self.cut_fuel = used;
        let status = match status_of(end, memory_denied, fuel, &limits) {
            Ok(status) => status,
            Err(pause) => return Ok((machine, Err(pause))),
        };
        if let (Status::Failed(error), Some(_)) = (&status, scope.opened_by()) {
            backend.child_failed(scope, error);
        }
        if let Err(stop) = machine.end_turn(scope, used, status) {
            return Ok((machine, Err(Pause::Stopped(stop))));
        }
        // From here on, the turn has an entry with its fuel.
        self.cut_fuel = 0;
        Ok((machine, Ok(())))
    }

    /// The positions of the promises that this script waits for, as `line:column`. Empty
    /// unless its guest was [watching](Self::watching).
    pub(crate) async fn unsettled(&mut self, machine: Machine, scope: Scope) -> Vec<String> {
        let Some(guest) = self.guests.get_mut(&scope) else { return Vec::new() };
        let turn = TurnLimits { fuel: machine.turn_fuel(), now_us: 0 };
        guest.unsettled(machine, turn).await.1
    }
}
