//! The run machine: decides what becomes of everything a script asks for.
//!
//! Owns: the numbering of calls, the order of deliveries, replay against the
//! journal, phases, the budget, shut providers, the limits that count calls, and how a run
//! ends. Never: reads a clock, runs a guest, talks to an agent or a store.
//!
//! The engine drives it in a circle. [`Machine::next`] names the turn to run;
//! the engine lends the machine to the guest for that turn (it is the guest's
//! [`TurnHost`](crate::guest::TurnHost)) and gives it back with
//! [`Machine::end_turn`]. When there is no turn to run, the engine makes
//! [`Machine::take_entries`] durable, performs [`Machine::take_effects`], waits,
//! and reports what happened with [`Machine::complete`].

mod agent_state;
mod agents;
mod calls;
mod held_time;
mod judge;
mod older_refusals;
mod open;
mod recording;
mod replay;
mod sessions;
mod stuck;
mod timers;
mod turn;

use std::collections::{BTreeMap, VecDeque};

use crate::call::{AgentRequest, Reply, Usage, WorkflowTarget};
use crate::guest::{Outcome, Status, StopTurn, UNDEFINED};
use crate::ids::{CallId, Digest, Scope, TimerId};
use crate::journal::{
    Body, Entry, JOURNAL_FORMAT, JournalError, Mismatch, RunEnd, RunHead, ScopeStart, StopReason,
    TurnState,
};
use crate::limits::{LimitError, Limits};
use crate::mismatch::same;
use crate::reuse::{AnswerMemory, AnswerRef, OutcomeRef, ReusableAnswers};
use crate::schema::RecentSchemas;
use crate::settlement;
use crate::surface::Surface;
use crate::survey::Survey;
use agent_state::AgentState;
pub use agent_state::{AgentRecord, MayBegin};
use held_time::Timers;
use older_refusals::OlderRefusals;
pub use open::{Delivery, Effect};
use open::{OpenCall, ScopeState};
use recording::Recording;
use sessions::Sessions;
pub use stuck::NEVER_SETTLES;

/// What the engine has to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Start this script in a fresh guest.
    Start {
        /// All about it.
        start: Box<ScopeStart>,
        /// Seed of its `Math.random`.
        seed: u64,
        /// The time the script sees, in microseconds since 1970.
        now_us: i64,
    },
    /// Settle a call in the guest of this scope.
    Settle {
        /// Whose guest.
        scope: Scope,
        /// Which call.
        call: CallId,
        /// What it came to.
        outcome: Outcome,
        /// The time the script sees, in microseconds since 1970.
        now_us: i64,
    },
    /// Read the outcome that this entry of the run's journal holds, hand it over
    /// with [`Machine::fetched`], and ask again.
    Fetch(u64),
    /// Run the callback of a timer in the guest of this scope.
    Fire {
        /// Whose guest.
        scope: Scope,
        /// Which timer.
        timer: TimerId,
        /// The time the script sees, in microseconds since 1970.
        now_us: i64,
    },
    /// Nothing to deliver: commit, perform, wait.
    Wait,
    /// This script waits for something that no call of its own will ever
    /// settle. Find out what, then say so with [`Machine::give_up`].
    Stuck(Scope),
    /// The run is over.
    Ended,
}

/// Number of the first answer in the journal of a fork: the head and the first
/// attempt stand before it.
pub const ANSWERS_FROM: u64 = 2;

/// The state of one run. See the module's text.
#[derive(Debug)]
pub struct Machine {
    head: RunHead,
    limits: Limits,
    /// Whatever the journal says of limits, these are in force.
    keeps_limits: bool,
    /// Whether whoever drives it can read the journal again.
    fetches: bool,
    /// Entries still to be met again in a replay.
    recording: Recording,
    /// Format of the entries that are met now.
    format: u32,
    /// Number of the next entry, for messages.
    seq: u64,
    /// Whether the fuel of recorded turns must be met as well.
    compare_fuel: bool,
    /// What calls were refused with in this replay. In a box: a machine moves with
    /// every turn.
    older_refusals: Box<OlderRefusals>,
    guest: Digest,
    /// Entries made since the engine last took them.
    fresh: Vec<Entry>,
    effects: Vec<Effect>,
    closed: Vec<Scope>,
    /// Answers that are there before they are asked for: they came in as an
    /// earlier attempt let go, or they are reusable ones.
    answered: BTreeMap<CallId, (OutcomeRef, Option<Box<Reply>>)>,
    /// In a fork: answers that wait for calls of their content.
    reusable: ReusableAnswers,
    /// For answers of the journal that are told later.
    memory: AnswerMemory,
    deliveries: VecDeque<Delivery>,
    /// In a box, as [`Machine::refused`] is.
    schemas: Box<RecentSchemas>,
    /// Outcomes of children that ended in a replay, to be met as `Settled`.
    ended_children: BTreeMap<CallId, Option<Outcome>>,
    calls: BTreeMap<CallId, OpenCall>,
    sessions: Sessions,
    /// In a box, for the same reason.
    timers: Box<Timers>,
    scopes: BTreeMap<Scope, ScopeState>,
    /// Scope of the turn in progress.
    current: Scope,
    now_us: i64,
    /// When this attempt began; not before the last entry of those before it.
    begun_us: i64,
    last_call: u32,
    /// Bytes that the guest handed over in this turn.
    turn_bytes: usize,
    agents: u32,
    agent_state: AgentState,
    /// Of the agents, those that nobody was asked for.
    reused: u32,
    /// Agents that were asked for before this turn.
    agents_before: u32,
    notes: u32,
    warnings: u32,
    usage: Usage,
    fuel: u64,
    stuck: Option<Scope>,
    end: Option<RunEnd>,
}

impl Machine {
    /// A new run of this script.
    #[must_use]
    pub fn start(
        head: RunHead,
        root: ScopeStart,
        limits: Limits,
        guest: Digest,
        now_us: i64,
    ) -> Self {
        Self::fork(head, root, Vec::new(), limits, guest, now_us)
    }

    /// A new run in which calls take these answers where their content is
    /// equal, first in, first out. They stand in its journal from entry
    /// [`ANSWERS_FROM`] on, in this order: whoever writes it puts them there.
    #[must_use]
    pub fn fork(
        head: RunHead,
        root: ScopeStart,
        answers: Vec<AnswerRef>,
        limits: Limits,
        guest: Digest,
        now_us: i64,
    ) -> Self {
        let mut machine = Self::empty(head.clone(), limits, guest);
        machine.now_us = now_us;
        machine.write(Body::RunStarted(Box::new(head)));
        machine.write_epoch(1, JOURNAL_FORMAT);
        machine.seq += answers.len() as u64;
        machine.reusable = answers.into_iter().collect();
        // With the head, so that whatever is durable of a run can be resumed.
        machine.write(Body::ScopeStarted(Box::new(root.clone())));
        machine.deliveries.push_back(Delivery::Begin(Box::new(root)));
        machine
    }

    fn empty(head: RunHead, limits: Limits, guest: Digest) -> Self {
        Self {
            head,
            limits,
            keeps_limits: false,
            fetches: false,
            recording: Recording::default(),
            format: JOURNAL_FORMAT,
            seq: 0,
            compare_fuel: true,
            older_refusals: Box::default(),
            guest,
            fresh: Vec::new(),
            effects: Vec::new(),
            closed: Vec::new(),
            answered: BTreeMap::new(),
            reusable: ReusableAnswers::default(),
            memory: AnswerMemory::default(),
            deliveries: VecDeque::new(),
            schemas: Box::default(),
            ended_children: BTreeMap::new(),
            calls: BTreeMap::new(),
            sessions: Sessions::default(),
            timers: Box::default(),
            scopes: BTreeMap::new(),
            current: Scope::ROOT,
            now_us: 0,
            begun_us: 0,
            last_call: 0,
            turn_bytes: 0,
            agents: 0,
            agent_state: AgentState::default(),
            reused: 0,
            agents_before: 0,
            notes: 0,
            warnings: 0,
            usage: Usage::default(),
            fuel: 0,
            stuck: None,
            end: None,
        }
    }

    /// What the run was started with.
    #[must_use]
    pub fn head(&self) -> &RunHead {
        &self.head
    }

    /// Which program the scripts of the run see.
    #[must_use]
    pub fn surface(&self) -> Surface {
        self.head.surface
    }

    /// Limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How the run ended, once it has.
    #[must_use]
    pub fn end(&self) -> Option<&RunEnd> {
        self.end.as_ref()
    }

    /// Whether everything that was recorded has been met again.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.recording.is_empty()
    }

    /// Whether the fuel of recorded turns was compared: it is under the build of
    /// the guest that they were recorded with.
    #[must_use]
    pub fn compares_fuel(&self) -> bool {
        self.compare_fuel && !self.older_refusals.were_put_otherwise()
    }

    /// The recorded entry that would have to come next, against what happened
    /// in its place; none when all of them were met.
    #[must_use]
    pub fn missed(&self, now: &str) -> Option<Mismatch> {
        let recorded = &self.recording.front()?.body;
        Some(Mismatch::instead_of(self.seq, self.last_call, recorded, now))
    }

    /// Fuel that the next turn may use.
    #[must_use]
    pub fn turn_fuel(&self) -> u64 {
        self.limits.turn_fuel(self.fuel)
    }

    /// Entries to be made durable, in order. They are gone from here.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.fresh)
    }

    /// What to perform once every entry taken so far is durable.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether something waits to be delivered.
    #[must_use]
    pub fn has_deliveries(&self) -> bool {
        !self.deliveries.is_empty()
    }

    /// Scripts that are over since this was last asked: their guests can go, in
    /// a replay too.
    pub fn take_closed(&mut self) -> Vec<Scope> {
        std::mem::take(&mut self.closed)
    }

    /// What to do next. `now_us` is the time of a delivery that is made now.
    ///
    /// # Errors
    /// When the journal holds something that may not follow.
    pub fn next(&mut self, now_us: i64) -> Result<Next, StopTurn> {
        if let Some(scope) = self.stuck {
            self.meet_recorded_verdict(scope)?;
            if self.stuck.is_some() {
                return Ok(Next::Stuck(scope));
            }
        }
        if self.end.is_some() {
            return Ok(Next::Ended);
        }
        if let Some(entry) = self.pop_recorded_delivery()? {
            self.now_us = entry.at_us;
            return self.deliver_recorded(entry.body);
        }
        while let Some(delivery) = self.deliveries.pop_front() {
            if let Some(entry) = self.entry_to_fetch(&delivery) {
                self.deliveries.push_front(delivery);
                return Ok(Next::Fetch(entry));
            }
            // The first script starts at the time that was journaled with it.
            // After that, time only goes on, even where a clock went backwards.
            if !matches!(delivery, Delivery::Begin(_)) {
                self.now_us = self.now_us.max(now_us);
            }
            if let Some(next) = self.deliver(delivery) {
                return Ok(next);
            }
        }
        Ok(Next::Wait)
    }

    /// Journals a delivery; none when it came too late for anyone to want it.
    fn deliver(&mut self, delivery: Delivery) -> Option<Next> {
        match delivery {
            Delivery::Begin(start) => Some(self.open_scope(*start)),
            Delivery::Start(start) => {
                let wanted =
                    start.scope.opened_by().is_none_or(|call| self.calls.contains_key(&call));
                wanted.then(|| {
                    self.write(Body::ScopeStarted(start.clone()));
                    self.open_scope(*start)
                })
            }
            Delivery::Settle { outcome: OutcomeRef::InEntry(_), .. } => None,
            Delivery::Settle { call, outcome: OutcomeRef::Inline(outcome), reply } => {
                // Its script may have ended while the outcome was queued.
                let open = self.calls.get(&call)?;
                let given = settlement::in_place_of(&outcome, open.agent);
                // A clock that was set back does not make a sleep shorter.
                self.now_us = self.now_us.max(open.wakes_at_us.unwrap_or(self.now_us));
                let (kept, of) = (outcome.clone(), reply.clone());
                self.write(Body::Settled { call, outcome: kept, reply: of, given });
                self.settle(call, settlement::delivered(outcome, given), reply.as_deref())
            }
            Delivery::Fire(timer) => self.deliver_timer(timer),
        }
    }

    /// Reports that a call came to its end. One that nobody waits for any more
    /// is ignored.
    pub fn complete(&mut self, call: CallId, outcome: Outcome, reply: Option<Reply>) {
        self.complete_by(call, OutcomeRef::Inline(outcome), reply.map(Box::new));
    }

    /// Reports that the script of a `workflow()` call was found and may start.
    pub fn child_found(&mut self, start: ScopeStart) {
        self.deliveries.push_back(Delivery::Start(Box::new(start)));
    }

    /// Notes that this process lets go of the run.
    pub fn stop(&mut self, reason: StopReason, now_us: i64) {
        if self.is_live() && self.end.is_none() {
            self.now_us = self.now_us.max(now_us);
            self.write(Body::EpochEnded { reason, fuel: 0 });
        }
    }

    /// Takes the machine back from the guest.
    ///
    /// # Errors
    /// When the turn differs from the recorded one, or a limit is reached.
    pub fn end_turn(&mut self, scope: Scope, fuel: u64, status: Status) -> Result<(), StopTurn> {
        let state = match &status {
            Status::Pending => TurnState::Pending,
            Status::Done(_) => TurnState::Done,
            Status::Failed(_) => TurnState::Failed,
        };
        self.fuel = self.fuel.saturating_add(fuel);
        self.turn_bytes = 0;
        self.agents_before = self.agents - self.reused;
        self.record(Body::TurnEnded { scope, fuel, state })?;
        match (scope, status) {
            (_, Status::Pending) => {
                let waits = self.calls.values().any(|call| call.scope == scope);
                if !waits && !self.timers.any_of(scope) {
                    self.stuck = Some(scope);
                }
            }
            (Scope::ROOT, Status::Done(result)) => {
                let abandoned = self.open_agents();
                self.warn_of_abandoned(&abandoned)?;
                let result = if result == UNDEFINED { "null".to_owned() } else { result };
                return self.finish(RunEnd::Completed { result, abandoned });
            }
            (Scope::ROOT, Status::Failed(error)) => return self.finish(RunEnd::Failed { error }),
            (child, Status::Done(result)) => self.end_child(child, Some(Outcome::Value(result))),
            (child, Status::Failed(error)) => {
                let failure = self.child_failure(child, &error);
                self.end_child(child, Some(Outcome::Failed(failure)));
            }
        }
        Ok(())
    }

    fn finish(&mut self, end: RunEnd) -> Result<(), StopTurn> {
        self.record(Body::RunEnded { end: end.clone() })?;
        // Calls that nobody awaited are cut off, those of the last turn too.
        self.effects.clear();
        self.calls.clear();
        self.timers.forget_all();
        self.deliveries.clear();
        self.end = Some(end);
        Ok(())
    }

    fn open_agents(&self) -> Vec<CallId> {
        let agents = self.calls.iter().filter(|(_, call)| call.agent.is_some());
        agents.map(|(id, _)| *id).collect()
    }

    /// Appends to the journal, without a look at what is recorded.
    fn write(&mut self, body: Body) {
        if self.is_live() {
            self.seq += 1;
            self.timers.pass(&body, self.now_us);
        }
        self.fresh.push(Entry { at_us: self.now_us, body });
    }

    /// The next recorded entry has been met.
    fn met(&mut self) -> Option<Entry> {
        let entry = self.recording.pop()?;
        self.seq += 1;
        self.timers.pass(&entry.body, entry.at_us);
        Some(entry)
    }

    /// Meets the recorded entry that must follow, or appends a new one when
    /// the recording is at its end.
    fn record(&mut self, body: Body) -> Result<(), StopTurn> {
        self.skip_epochs();
        let Some(recorded) = self.recording.front() else {
            self.write(body);
            return Ok(());
        };
        if !same(&recorded.body, &body, self.compares_fuel())
            && !self.older_refusals.explains(&recorded.body, &body)
        {
            let (seq, call) = (self.seq, self.last_call);
            return Err(Mismatch::between(seq, call, &recorded.body, &body).into());
        }
        self.met();
        self.leave_replay();
        Ok(())
    }
}
