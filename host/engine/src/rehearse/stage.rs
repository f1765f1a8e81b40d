//! Performs a run whose agents are stubs.
//!
//! Owns: the circle of turns, in which a [`Director`] says who answers next,
//! with what, and when everything in memory is lost. Never: decides any of
//! that, and never leaves this thread to wait for something.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use smol_wf_core::call::{AgentRequest, Reply, WorkflowTarget};
use smol_wf_core::guest::{Failure, Outcome, ScriptError, StopTurn};
use smol_wf_core::ids::{CallId, RunId, Scope};
use smol_wf_core::journal::{self, Body, Chain, Entry, Record, RunEnd, RunHead, ScopeStart};
use smol_wf_core::limits::{CHILDREN_OPEN_MAX, Limits};
use smol_wf_core::machine::{Effect, Machine, NEVER_SETTLES};
use smol_wf_sandbox::Sandbox;

use super::Rehearsal;
use crate::children::Children;
use crate::diagnose;
use crate::error::EngineError;
use crate::offline::{Offline, Pause};

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
    guests: Offline,
    entries: Vec<Entry>,
    /// By number, which is the order of issue and that of dispatch.
    asked: BTreeMap<CallId, Asked>,
    sleeping: BTreeSet<(i64, CallId)>,
    child_queue: VecDeque<Child>,
    /// Children whose callers have not been told how they ended.
    open_children: BTreeSet<CallId>,
    now_us: i64,
    deliveries: usize,
}

struct Child {
    call: CallId,
    caller: String,
    target: WorkflowTarget,
    args: Option<String>,
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
        guests: Offline::new(rehearsal.sandbox.clone()),
        entries: Vec::new(),
        asked: BTreeMap::new(),
        sleeping: BTreeSet::new(),
        child_queue: VecDeque::new(),
        open_children: BTreeSet::new(),
        now_us: BEGIN_US,
        deliveries: 0,
    };
    let ended = stage.run(machine, director).await?;
    Ok(Performance { entries: stage.entries, ended })
}

impl Stage<'_> {
    async fn run(
        &mut self,
        mut machine: Machine,
        director: &mut dyn Director,
    ) -> Result<Ended, EngineError> {
        loop {
            let pause;
            (machine, pause) = self.guests.advance(machine, self.now_us).await?;
            self.take_entries(&mut machine, director);
            match pause {
                Pause::Wait => {
                    self.take_effects(&mut machine);
                    if self.find_child(&mut machine).await {
                        continue;
                    }
                    if director.crashes(self.deliveries) {
                        machine = self.crash()?;
                        continue;
                    }
                    if !self.happen(&mut machine, director) {
                        return Ok(Ended::BrokenOff);
                    }
                }
                Pause::Stuck(scope) => {
                    let entries = self.entries.clone();
                    let unsettled =
                        diagnose::unsettled(self.sandbox, entries, self.limits, scope).await;
                    if let Err(stop) = machine.give_up(scope, &unsettled) {
                        return Ok(stopped(stop));
                    }
                }
                Pause::Ended => {
                    return Ok(match machine.end() {
                        Some(RunEnd::Completed { result, .. }) => Ended::Completed(result.clone()),
                        Some(RunEnd::Failed { error }) => Ended::Failed(error.clone()),
                        None => Ended::BrokenOff,
                    });
                }
                // Never: its journal is given whole.
                Pause::Hungry => return Ok(Ended::BrokenOff),
                Pause::Stopped(stop) => return Ok(stopped(stop)),
                Pause::Fault(said) => {
                    let message = format!("the sandbox stopped the script: {said}");
                    return Ok(Ended::Stopped { code: "guest_fault".to_owned(), message });
                }
            }
        }
    }

    fn take_entries(&mut self, machine: &mut Machine, director: &mut dyn Director) {
        let fresh = machine.take_entries();
        for entry in &fresh {
            if let Body::Settled { call, .. } = &entry.body {
                self.open_children.remove(call);
            }
        }
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
                    self.sleeping.insert((wake_at_us, call));
                }
                Effect::FindChild { call, caller, target, args } => {
                    self.child_queue.push_back(Child { call, caller, target, args });
                }
                Effect::Cancel(call) => {
                    self.asked.remove(&call);
                    self.sleeping.retain(|(_, sleeping)| *sleeping != call);
                }
            }
        }
    }

    /// Starts the next child workflow, when there is one and room for it.
    async fn find_child(&mut self, machine: &mut Machine) -> bool {
        if self.open_children.len() >= CHILDREN_OPEN_MAX as usize {
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
                self.open_children.insert(call);
                let args = args.or_else(|| start.args.clone());
                machine.child_found(ScopeStart {
                    scope: Scope::of(call),
                    args,
                    ..(**start).clone()
                });
            }
            Some(Err(failure)) => machine.complete(call, Outcome::Failed(failure.clone()), None),
            None => {}
        }
        true
    }

    /// Lets the director decide what happens, and tells the machine; false when
    /// nothing happens any more.
    fn happen(&mut self, machine: &mut Machine, director: &mut dyn Director) -> bool {
        // Agents are dispatched in order of issue, so that those at work are
        // always the first of all that are open.
        let at_once = self.limits.parallel_agents.max(1) as usize;
        let working: Vec<&Asked> = self.asked.values().take(at_once).collect();
        if working.is_empty() && self.sleeping.is_empty() {
            return false;
        }
        self.deliveries += 1;
        match director.cue(&working, !self.sleeping.is_empty()) {
            Cue::Answer(index) => {
                let Some(asked) = working.get(index).or(working.last()) else { return false };
                let asked = (*asked).clone();
                self.asked.remove(&asked.call);
                let (outcome, reply) = director.answer(&asked);
                machine.complete(asked.call, outcome, Some(reply));
            }
            Cue::Wake => {
                let Some((at_us, call)) = self.sleeping.pop_first() else { return false };
                self.now_us = self.now_us.max(at_us);
                machine.complete(call, Outcome::Value("null".to_owned()), None);
            }
            Cue::Enough => return false,
        }
        true
    }

    /// Loses everything but the journal, and takes the run up from that.
    fn crash(&mut self) -> Result<Machine, EngineError> {
        self.guests = Offline::new(self.sandbox.clone());
        self.asked.clear();
        self.sleeping.clear();
        self.child_queue.clear();
        let unreadable = |error| EngineError::Journal { run: self.run.clone(), error };
        let entries = journal::read(&seal(&self.entries)?).map_err(unreadable)?;
        Machine::resume(entries, self.limits, Sandbox::guest_digest(), self.now_us)
            .map_err(unreadable)
    }
}

fn stopped(stop: StopTurn) -> Ended {
    match stop {
        StopTurn::Limit(limit) => {
            Ended::Stopped { code: limit.code().to_owned(), message: limit.to_string() }
        }
        StopTurn::Mismatch(mismatch) => {
            Ended::Stopped { code: "replay_mismatch".to_owned(), message: mismatch.to_string() }
        }
    }
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
            Self::Stopped { code, .. } => {
                ["limit_fuel", "limit_turn_fuel"].contains(&code.as_str())
            }
            _ => false,
        }
    }
}
