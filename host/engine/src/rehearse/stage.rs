//! Performs a run whose agents are stubs.
//!
//! Owns: the circle of turns, in which a [`Director`] says who answers next,
//! with what, and when everything in memory is lost. Never: decides any of
//! that, and never leaves this thread to wait for something.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use smol_wf_core::call::{AgentRequest, Reply, WorkflowTarget};
use smol_wf_core::guest::{Failure, Outcome, ScriptError, StopTurn};
use smol_wf_core::ids::{CallId, RunId, Scope};
use smol_wf_core::journal::{self, Body, Chain, Entry, Record, RunEnd, RunHead, ScopeStart};
use smol_wf_core::limits::{CHILDREN_OPEN_MAX, LimitError, Limits};
use smol_wf_core::machine::{Effect, Machine, NEVER_SETTLES, Next};
use smol_wf_sandbox::{Guest, InstanceLimits, Sandbox, TurnFault, TurnLimits};

use super::Rehearsal;
use crate::children::Children;
use crate::diagnose;
use crate::drive::{Task, run_turn};
use crate::error::EngineError;

/// The time at which every rehearsal begins, 2025-01-01 UTC: a script that
/// looks at the clock sees the same in each of them.
const BEGIN_US: i64 = 1_735_689_600_000_000;

/// An agent call that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) call: CallId,
    /// Which agent call of the run it is, from 1.
    pub(super) ordinal: u32,
    pub(super) request: AgentRequest,
}

/// What happens next on a stage.
pub(super) enum Cue {
    /// This one of the agents at work answers.
    Answer(usize),
    /// The sleep that is over first is over.
    Wake,
    /// The performance is broken off.
    Enough,
}

/// Says what happens next.
pub(super) trait Director: Send {
    /// Who is next. `working` is not empty, or `sleeping` is true, or both.
    fn cue(&mut self, working: &[&Asked], sleeping: bool) -> Cue;

    /// What this agent answers.
    fn answer(&mut self, asked: &Asked) -> (Outcome, Reply);

    /// Whether everything in memory is lost now, behind so many deliveries.
    fn crashes(&mut self, _deliveries: usize) -> bool {
        false
    }

    /// Sees what was written since it was last asked.
    fn wrote(&mut self, _entries: &[Entry]) {}
}

/// How a performance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// With this result, as JSON text.
    Completed(String),
    /// The script failed.
    Failed(ScriptError),
    /// At a limit, or because a replay differed.
    Stopped { code: String, message: String },
    /// The director had seen enough.
    BrokenOff,
}

/// All that is left of a performance.
#[derive(Debug)]
pub(super) struct Performance {
    pub(super) entries: Vec<Entry>,
    pub(super) ended: Ended,
}

/// Scripts of child workflows by caller and target: files are read once.
pub(super) type Found = HashMap<(String, String), Result<Box<ScopeStart>, Failure>>;

struct Stage<'a> {
    sandbox: &'a Sandbox,
    children: &'a Arc<Children>,
    found: &'a mut Found,
    run: RunId,
    limits: Limits,
    guests: HashMap<Scope, Guest>,
    entries: Vec<Entry>,
    /// By number, which is the order of issue and that of dispatch.
    asked: BTreeMap<CallId, Asked>,
    sleeping: BTreeMap<(i64, CallId), ()>,
    child_queue: VecDeque<Child>,
    now_us: i64,
    deliveries: usize,
}

struct Child {
    call: CallId,
    caller: String,
    target: WorkflowTarget,
    args: Option<String>,
}

/// Why a turn was the last one.
enum Halt {
    Stop(StopTurn),
    Fault(TurnFault),
    Engine(EngineError),
}

impl From<StopTurn> for Halt {
    fn from(stop: StopTurn) -> Self {
        Self::Stop(stop)
    }
}

/// Performs the script once.
///
/// # Errors
/// When no instance can be had; what the script does wrong is in the
/// performance.
pub(super) async fn perform(
    rehearsal: &Rehearsal,
    found: &mut Found,
    director: &mut dyn Director,
) -> Result<Performance, EngineError> {
    let head: RunHead = rehearsal.head.clone();
    let guest = Sandbox::guest_digest();
    let machine = Machine::start(head, rehearsal.root.clone(), rehearsal.limits, guest, BEGIN_US);
    let mut stage = Stage {
        sandbox: &rehearsal.sandbox,
        children: &rehearsal.children,
        found,
        run: rehearsal.head.run.clone(),
        limits: rehearsal.limits,
        guests: HashMap::new(),
        entries: Vec::new(),
        asked: BTreeMap::new(),
        sleeping: BTreeMap::new(),
        child_queue: VecDeque::new(),
        now_us: BEGIN_US,
        deliveries: 0,
    };
    let ended = match stage.run(machine, director).await {
        Ok(ended) => ended,
        Err(Halt::Engine(error)) => return Err(error),
        Err(Halt::Stop(StopTurn::Limit(limit))) => stopped(&limit),
        Err(Halt::Stop(StopTurn::Mismatch(mismatch))) => {
            Ended::Stopped { code: "replay_mismatch".to_owned(), message: mismatch.to_string() }
        }
        Err(Halt::Fault(fault)) => stage.fault(&fault),
    };
    Ok(Performance { entries: stage.entries, ended })
}

impl Stage<'_> {
    async fn run(
        &mut self,
        mut machine: Machine,
        director: &mut dyn Director,
    ) -> Result<Ended, Halt> {
        loop {
            for scope in machine.take_closed() {
                self.guests.remove(&scope);
            }
            let next = machine.next(self.now_us)?;
            match next {
                Next::Start { start, seed, now_us } => {
                    let scope = start.scope;
                    self.open(scope).await?;
                    machine = self.turn(machine, scope, now_us, Task::Start(start, seed)).await?;
                }
                Next::Settle { scope, call, outcome, now_us } => {
                    let task = Task::Settle(call, outcome);
                    machine = self.turn(machine, scope, now_us, task).await?;
                }
                Next::Stuck(scope) => {
                    self.take_entries(&mut machine, director);
                    let entries = self.entries.clone();
                    let unsettled =
                        diagnose::unsettled(self.sandbox, entries, self.limits, scope).await;
                    machine.give_up(scope, &unsettled)?;
                }
                Next::Wait => {
                    self.take_entries(&mut machine, director);
                    self.take_effects(&mut machine);
                    if self.find_child(&mut machine).await {
                        continue;
                    }
                    if director.crashes(self.deliveries) {
                        machine = self.crash()?;
                        continue;
                    }
                    if let Some(ended) = self.happen(&mut machine, director) {
                        return Ok(ended);
                    }
                }
                Next::Ended => {
                    self.take_entries(&mut machine, director);
                    return Ok(match machine.end() {
                        Some(RunEnd::Completed { result, .. }) => Ended::Completed(result.clone()),
                        Some(RunEnd::Failed { error }) => Ended::Failed(error.clone()),
                        None => Ended::BrokenOff,
                    });
                }
            }
        }
    }

    async fn open(&mut self, scope: Scope) -> Result<(), Halt> {
        let limits = InstanceLimits { memory_mib: self.limits.memory_mib };
        let guest = self.sandbox.instance(limits).await;
        self.guests.insert(scope, guest.map_err(|error| Halt::Engine(error.into()))?);
        Ok(())
    }

    async fn turn(
        &mut self,
        machine: Machine,
        scope: Scope,
        now_us: i64,
        task: Task,
    ) -> Result<Machine, Halt> {
        let Some(mut guest) = self.guests.remove(&scope) else {
            return Err(Halt::Fault(TurnFault::Spent));
        };
        let limits = TurnLimits { fuel: machine.turn_fuel(), now_us };
        let turn = run_turn(&mut guest, machine, limits, task).await;
        let mut machine = turn.host;
        let status = match turn.end {
            Ok(_) if turn.memory_denied => Err(TurnFault::Memory),
            end => end,
        };
        match status {
            Ok(status) => machine.end_turn(scope, turn.fuel, status)?,
            Err(fault) => {
                // What was asked before is part of the story.
                self.entries.extend(machine.take_entries());
                return Err(match fault {
                    TurnFault::Stopped(stop) => Halt::Stop(stop),
                    other => Halt::Fault(other),
                });
            }
        }
        self.guests.insert(scope, guest);
        Ok(machine)
    }

    fn take_entries(&mut self, machine: &mut Machine, director: &mut dyn Director) {
        let fresh = machine.take_entries();
        director.wrote(&fresh);
        self.entries.extend(fresh);
    }

    fn take_effects(&mut self, machine: &mut Machine) {
        for effect in machine.take_effects() {
            match effect {
                Effect::RunAgent { call, ordinal, request } => {
                    self.asked.insert(call, Asked { call, ordinal, request: *request });
                }
                Effect::SleepUntil { call, wake_at_us } => {
                    self.sleeping.insert((wake_at_us, call), ());
                }
                Effect::FindChild { call, caller, target, args } => {
                    self.child_queue.push_back(Child { call, caller, target, args });
                }
                Effect::Cancel(call) => {
                    self.asked.remove(&call);
                    self.sleeping.retain(|(_, sleeping), ()| *sleeping != call);
                }
            }
        }
    }

    /// Starts the next child workflow, when there is one and room for it.
    async fn find_child(&mut self, machine: &mut Machine) -> bool {
        if self.guests.len() > CHILDREN_OPEN_MAX as usize {
            return false;
        }
        let Some(Child { call, caller, target, args }) = self.child_queue.pop_front() else {
            return false;
        };
        let key = (caller.clone(), format!("{target:?}"));
        if !self.found.contains_key(&key) {
            let found = self.children.find(call, caller, target, None).await;
            self.found.insert(key.clone(), found);
        }
        match self.found.get(&key) {
            Some(Ok(start)) => {
                let args = args.or_else(|| start.args.clone());
                machine.child_found(ScopeStart { scope: Scope::of(call), args, ..(**start).clone() });
            }
            Some(Err(failure)) => machine.complete(call, Outcome::Failed(failure.clone()), None),
            None => {}
        }
        true
    }

    /// Lets the director decide what happens, and tells the machine.
    fn happen(&mut self, machine: &mut Machine, director: &mut dyn Director) -> Option<Ended> {
        // Agents are dispatched in order of issue, so that those at work are
        // always the first of all that are open.
        let at_once = self.limits.parallel_agents.max(1) as usize;
        let working: Vec<&Asked> = self.asked.values().take(at_once).collect();
        if working.is_empty() && self.sleeping.is_empty() {
            return Some(Ended::BrokenOff);
        }
        self.deliveries += 1;
        match director.cue(&working, !self.sleeping.is_empty()) {
            Cue::Answer(index) => {
                let asked = working.get(index).or(working.last()).copied()?.clone();
                self.asked.remove(&asked.call);
                let (outcome, reply) = director.answer(&asked);
                machine.complete(asked.call, outcome, Some(reply));
            }
            Cue::Wake => {
                let ((at_us, call), ()) = self.sleeping.pop_first()?;
                self.now_us = self.now_us.max(at_us);
                machine.complete(call, Outcome::Value("null".to_owned()), None);
            }
            Cue::Enough => return Some(Ended::BrokenOff),
        }
        None
    }

    /// Loses everything but the journal, and takes the run up from that.
    fn crash(&mut self) -> Result<Machine, Halt> {
        self.guests.clear();
        self.asked.clear();
        self.sleeping.clear();
        self.child_queue.clear();
        let records = seal(&self.entries).map_err(Halt::Engine)?;
        let unreadable =
            |error| Halt::Engine(EngineError::Journal { run: self.run.clone(), error });
        let entries = journal::read(&records).map_err(unreadable)?;
        Machine::resume(entries, self.limits, Sandbox::guest_digest(), self.now_us)
            .map_err(unreadable)
    }

    fn fault(&self, fault: &TurnFault) -> Ended {
        let limits = &self.limits;
        let spent: u64 = self
            .entries
            .iter()
            .map(|entry| match entry.body {
                Body::TurnEnded { fuel, .. } => fuel,
                _ => 0,
            })
            .sum();
        let turn_fuel = limits.turn_fuel(spent);
        match fault {
            TurnFault::OutOfFuel if turn_fuel < limits.turn_fuel(0) => {
                stopped(&LimitError::Fuel { used: limits.fuel, limit: limits.fuel })
            }
            TurnFault::OutOfFuel => stopped(&LimitError::TurnFuel { limit: turn_fuel }),
            TurnFault::Memory => stopped(&LimitError::Memory { limit_mib: limits.memory_mib }),
            TurnFault::Stack => stopped(&LimitError::Stack),
            other => Ended::Stopped {
                code: "guest_fault".to_owned(),
                message: format!("the sandbox stopped the script: {other}"),
            },
        }
    }
}

fn stopped(limit: &LimitError) -> Ended {
    Ended::Stopped { code: limit.code().to_owned(), message: limit.to_string() }
}

/// The entries as a store would keep them.
fn seal(entries: &[Entry]) -> Result<Vec<Record>, EngineError> {
    let mut chain = Chain::new();
    let sealed: Result<Vec<Record>, _> = entries.iter().map(|entry| chain.seal(entry)).collect();
    sealed.map_err(|error| EngineError::System {
        doing: "write an entry of the journal as JSON",
        error: error.into(),
    })
}

impl Ended {
    /// Whether the script waits for what never comes, or computes without end.
    pub(super) fn hangs(&self) -> bool {
        match self {
            Self::Failed(error) => error.code == NEVER_SETTLES,
            Self::Stopped { code, .. } => ["limit_fuel", "limit_turn_fuel"].contains(&code.as_str()),
            _ => false,
        }
    }
}
