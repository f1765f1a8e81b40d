//! The run machine: decides what happens to everything that a script asks for.
//!
//! Owns: the numbering of steps, the order of deliveries, replay against the journal,
//! phases, the budget, shut providers, the limits on the number of steps and notes, and how
//! a run ends. Never: reads a clock, runs a guest, talks to an agent or a store.
//!
//! The engine drives it in a loop. [`Machine::next`] names the next turn. The engine
//! lends the machine to the guest for that turn, as its
//! [`TurnHost`](crate::guest::TurnHost), and calls [`Machine::end_turn`]. When no turn
//! is left, the engine makes [`Machine::take_entries`] durable, performs
//! [`Machine::take_effects`], waits, and reports results with [`Machine::complete`].

mod agent_asks;
mod agent_state;
mod agents;
mod gate;
mod held_time;
mod judge;
mod messages;
mod older_refusals;
mod open;
mod recording;
mod replay;
mod sessions;
mod steps;
mod stuck;
mod timers;
mod turn;

use std::collections::{BTreeMap, VecDeque};

use crate::guest::{Outcome, Status, StopTurn, UNDEFINED};
use crate::ids::{Digest, Scope, StepId, TimerId};
use crate::journal::{
    Body, Entry, JOURNAL_FORMAT, JournalError, Mismatch, RunEnd, RunHead, ScopeStart, StopReason,
    TurnState,
};
use crate::limits::{LimitError, Limits};
use crate::mismatch::same;
use crate::reuse::{AnswerMemory, AnswerRef, OutcomeRef, ReusableAnswers};
use crate::schema::RecentSchemas;
use crate::settlement;
use crate::step_request::{AgentRequest, Reply, Usage, WorkflowTarget};
use crate::surface::Surface;
use crate::survey::Survey;
use agent_state::AgentState;
pub use agent_state::{AgentRecord, MayBegin};
pub use gate::OpenAsk;
use held_time::Timers;
pub use messages::Orders;
use older_refusals::OlderRefusals;
pub use open::{Delivery, Effect};
use open::{OpenStep, ScopeState};
use recording::Recording;
use sessions::Sessions;
pub use stuck::NEVER_SETTLES;

/// The engine's next action.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Start this script in a fresh guest.
    Start {
        /// The script and its arguments.
        start: Box<ScopeStart>,
        /// Seed of its `Math.random`.
        seed: u64,
        /// The time the script sees, in microseconds since 1970.
        now_us: i64,
    },
    /// Settle a step in the guest of this scope.
    Settle {
        /// Scope whose guest runs the turn.
        scope: Scope,
        /// Number of the step.
        step: StepId,
        /// Its outcome.
        outcome: Outcome,
        /// The time the script sees, in microseconds since 1970.
        now_us: i64,
    },
    /// Read the outcome from the journal entry of this number, pass it to
    /// [`Machine::fetched`], and ask again.
    Fetch(u64),
    /// Run the callback of a timer in the guest of this scope.
    Fire {
        /// Scope whose guest runs the turn.
        scope: Scope,
        /// Number of the timer.
        timer: TimerId,
        /// The time the script sees, in microseconds since 1970.
        now_us: i64,
    },
    /// Nothing to deliver: commit, perform the effects, and wait.
    Wait,
    /// This script waits for a promise that no step and no timer will settle. Find out
    /// where the promise was made, and report it with [`Machine::give_up`].
    Stuck(Scope),
    /// The run is over.
    Ended,
}

/// Number of the journal entry with a fork's first reusable answer: the head and the
/// start of the first epoch come before it.
pub const ANSWERS_FROM: u64 = 2;

/// The state of one run. The module docs say how the engine drives it.
#[derive(Debug)]
pub struct Machine {
    head: RunHead,
    limits: Limits,
    /// Whether `limits` stay in force, whatever limits the journal records.
    keeps_limits: bool,
    /// Whether the driver can read entries of the journal a second time.
    fetches: bool,
    /// Recorded entries that the replay has not reached.
    recording: Recording,
    /// Format of the entries that are replayed now.
    format: u32,
    /// Number of the next entry, for messages.
    seq: u64,
    /// Whether the fuel of recorded turns is compared as well.
    compare_fuel: bool,
    /// Refusals that older programs worded differently. Boxed, because the machine is
    /// moved with every turn.
    older_refusals: Box<OlderRefusals>,
    guest: Digest,
    /// Entries made since the engine last took them.
    fresh: Vec<Entry>,
    effects: Vec<Effect>,
    closed: Vec<Scope>,
    /// Answers to deliver at the end of a replay: those that came when an earlier epoch
    /// ended, and reused ones.
    answered: BTreeMap<StepId, (OutcomeRef, Option<Box<Reply>>)>,
    /// In a fork: answers for steps of equal content.
    reusable: ReusableAnswers,
    /// Memory for answers of the journal that are delivered later.
    memory: AnswerMemory,
    deliveries: VecDeque<Delivery>,
    /// Boxed, as `older_refusals` is.
    schemas: Box<RecentSchemas>,
    /// Outcomes of children that ended in a replay, to be compared with `Settled`.
    ended_children: BTreeMap<StepId, Option<Outcome>>,
    steps: BTreeMap<StepId, OpenStep>,
    asks: gate::Asks,
    sessions: Sessions,
    /// Boxed, for the same reason.
    timers: Box<Timers>,
    scopes: BTreeMap<Scope, ScopeState>,
    /// Scope of the turn in progress.
    current: Scope,
    now_us: i64,
    /// When this epoch began; never earlier than the last recorded entry.
    begun_us: i64,
    last_step: u32,
    /// Bytes that the guest handed over in this turn.
    turn_bytes: usize,
    agents: u32,
    agent_state: AgentState,
    /// Agent steps whose answers were reused; `agents` counts them as well.
    reused: u32,
    /// Agents started before this turn: `agents` without `reused`.
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

    /// A new run whose steps reuse these answers where their content is equal, first
    /// in, first out. The caller writes them into its journal from entry
    /// [`ANSWERS_FROM`] on, in this order.
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
        // With the head, so that a run can be resumed from its first commit on.
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
            steps: BTreeMap::new(),
            asks: gate::Asks::default(),
            sessions: Sessions::default(),
            timers: Box::default(),
            scopes: BTreeMap::new(),
            current: Scope::ROOT,
            now_us: 0,
            begun_us: 0,
            last_step: 0,
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

    /// The head of the run.
    #[must_use]
    pub fn head(&self) -> &RunHead {
        &self.head
    }

    /// The surface that the scripts of the run see.
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

    /// Whether the replay has reached the end of the recording.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.recording.is_empty()
    }

    /// Whether the fuel of recorded turns is compared: only under the build of the
    /// guest that recorded them.
    #[must_use]
    pub fn compares_fuel(&self) -> bool {
        self.compare_fuel && !self.older_refusals.found_other_wording()
    }

    /// The recorded entry that should come next, compared with `now`, a description
    /// of what happened instead; none at the end of the recording.
    #[must_use]
    pub fn missed(&self, now: &str) -> Option<Mismatch> {
        let recorded = &self.recording.front()?.body;
        Some(Mismatch::instead_of(self.seq, self.last_step, recorded, now))
    }

    /// Fuel that the next turn may use.
    #[must_use]
    pub fn turn_fuel(&self) -> u64 {
        self.limits.turn_fuel(self.fuel)
    }

    /// Takes the entries to be made durable, in order.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.fresh)
    }

    /// Takes the effects to perform once every entry taken so far is durable.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether something waits to be delivered.
    #[must_use]
    pub fn has_deliveries(&self) -> bool {
        !self.deliveries.is_empty()
    }

    /// Takes the scopes that ended since this was last called, also in a replay: their
    /// guests can be dropped.
    pub fn take_closed(&mut self) -> Vec<Scope> {
        std::mem::take(&mut self.closed)
    }

    /// The next action. `now_us` is the time of a delivery that is made now, in
    /// microseconds since 1970.
    ///
    /// # Errors
    /// When a recorded entry does not fit what the script does now.
    pub fn next(&mut self, now_us: i64) -> Result<Next, StopTurn> {
        if let Some(scope) = self.stuck {
            self.apply_recorded_verdict(scope)?;
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
            // The first script starts at the time that was journaled with it. From then
            // on time never goes back, even if the clock does.
            if !matches!(delivery, Delivery::Begin(_)) {
                self.now_us = self.now_us.max(now_us);
            }
            if let Some(next) = self.deliver(delivery) {
                return Ok(next);
            }
        }
        if self.take_kept_events(now_us) { self.next(now_us) } else { Ok(Next::Wait) }
    }

    /// Journals a delivery; none when its script ended meanwhile.
    fn deliver(&mut self, delivery: Delivery) -> Option<Next> {
        match delivery {
            Delivery::Begin(start) => Some(self.open_scope(*start)),
            Delivery::Start(start) => {
                let wanted =
                    start.scope.opened_by().is_none_or(|step| self.steps.contains_key(&step));
                wanted.then(|| {
                    self.write(Body::ScopeStarted(start.clone()));
                    self.open_scope(*start)
                })
            }
            Delivery::Settle { outcome: OutcomeRef::InEntry(_), .. } => None,
            Delivery::Settle { step, outcome: OutcomeRef::Inline(outcome), reply } => {
                // Its script may have ended while the outcome was queued.
                let open = self.steps.get(&step)?;
                let given = settlement::in_place_of(&outcome, open.agent);
                // No script sees a sleep end early, even if the clock was set back.
                self.now_us = self.now_us.max(open.wakes_at_us.unwrap_or(self.now_us));
                let (kept, of) = (outcome.clone(), reply.clone());
                self.write(Body::Settled { step, outcome: kept, reply: of, given });
                self.settle(step, settlement::delivered(outcome, given), reply.as_deref())
            }
            Delivery::Fire(timer) => self.deliver_timer(timer),
        }
    }

    /// Reports the outcome of a step. It is ignored if the step is no longer open.
    pub fn complete(&mut self, step: StepId, outcome: Outcome, reply: Option<Reply>) {
        self.complete_by(step, OutcomeRef::Inline(outcome), reply.map(Box::new));
    }

    /// Reports that the script of a `workflow()` call was found and may start.
    pub fn child_found(&mut self, start: ScopeStart) {
        self.deliveries.push_back(Delivery::Start(Box::new(start)));
    }

    /// Records that this process lets go of the run; ignored in a replay and once the
    /// run has ended.
    pub fn stop(&mut self, reason: StopReason, now_us: i64) {
        if self.is_live() && self.end.is_none() {
            self.now_us = self.now_us.max(now_us);
            self.write(Body::EpochEnded { reason, fuel: 0 });
        }
    }

    /// Ends a turn: takes the machine back from the guest.
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
        // In a replay, a message that stopped this child may follow its last turn.
        if !self.scopes.contains_key(&scope) {
            return Ok(());
        }
        match (scope, status) {
            (_, Status::Pending) => {
                let waits = self.steps.values().any(|step| step.scope == scope);
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
        // Steps that were not awaited are cut off, those of the last turn too.
        self.effects.clear();
        self.steps.clear();
        self.asks.open.clear();
        self.timers.forget_all();
        self.deliveries.clear();
        self.end = Some(end);
        Ok(())
    }

    fn open_agents(&self) -> Vec<StepId> {
        let agents = self.steps.iter().filter(|(_, step)| step.agent.is_some());
        agents.map(|(id, _)| *id).collect()
    }

    /// Appends an entry without comparing it with the recording.
    fn write(&mut self, body: Body) {
        if self.is_live() {
            self.seq += 1;
            self.timers.pass(&body, self.now_us);
        }
        self.fresh.push(Entry { at_us: self.now_us, body });
    }

    /// Takes the next recorded entry.
    fn take_recorded(&mut self) -> Option<Entry> {
        let entry = self.recording.pop()?;
        self.seq += 1;
        self.timers.pass(&entry.body, entry.at_us);
        Some(entry)
    }

    /// Compares an entry with the recorded one, or appends it at the end of the
    /// recording.
    fn record(&mut self, body: Body) -> Result<(), StopTurn> {
        self.skip_epochs();
        let Some(recorded) = self.recording.front() else {
            self.write(body);
            return Ok(());
        };
        if !same(&recorded.body, &body, self.compares_fuel())
            && !self.older_refusals.explains(&recorded.body, &body)
        {
            let (seq, step) = (self.seq, self.last_step);
            return Err(Mismatch::between(seq, step, &recorded.body, &body).into());
        }
        self.take_recorded();
        self.leave_replay();
        Ok(())
    }
}
