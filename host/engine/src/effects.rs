//! Runs the machine's effects and reports their results.
//!
//! Owns: agents at work and queued, sleeps, questions, and the search for child scripts.
//! Never: writes the journal, or decides an outcome.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Failure, Outcome};
use smol_wf_core::ids::StepId;
use smol_wf_core::journal::{Body, StopReason};
use smol_wf_core::machine::{AgentRecord, Effect, Machine, MayBegin};
use smol_wf_core::step_request::Reply;
use smol_wf_providers::Processes;
use smol_wf_store::{RunKey, Store};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::agent_events::{AgentEvent, AgentEventQueue};
use crate::agents::{AgentOutcome, Agents, Job};
use crate::asks::OpenAsks;
use crate::at_work::{self, AtWork, Cut, CutAgent, QueuedAgent};
use crate::children::Children;
use crate::clock;
use crate::error::EngineError;
use crate::mailboxes::Mailboxes;
use crate::read_ahead::{self, ReadAhead};
use crate::standstill::Nap;
use crate::stop_reasons;
use crate::timers::Timers;
use crate::turn::children::{self, ChildScript, QueuedChild};
use crate::undelivered::Undelivered;
use crate::waits::Waits;
use crate::writer::Writer;

/// Most results that share a commit. With more, too much work would not be durable yet.
const OUTCOMES_TOGETHER_MAX: usize = 256;

/// The failure that a script sees when a defect of smol-wf ended a step.
const BROKEN: &str = "a defect of smol-wf ended this call; what it was is on stderr";

/// Something that happened to the effects of a run.
pub(crate) enum RunnerEvent {
    Agent(StepId, Box<AgentOutcome>),
    Child(StepId, ChildScript),
    /// An agent that was cut off has ended.
    Cut(CutAgent),
    Woke,
    Said(AgentEvent),
    /// A folder of the run is gone: this process cannot go on, a later one may.
    Lost(StepId, EngineError),
}

/// The effects of one run that are under way.
pub(crate) struct EffectRunner {
    pub(crate) agents: Arc<Agents>,
    children: Arc<Children>,
    writer: Writer,
    parallel_max: usize,
    queue: VecDeque<QueuedAgent>,
    /// The head of the queue, once its provider is known.
    first: Option<Job>,
    /// Steps that wait for the next epoch, because their provider is unavailable.
    held: BTreeSet<StepId>,
    at_work: AtWork,
    tasks: JoinSet<RunnerEvent>,
    pub(crate) waits: Waits,
    timers: Timers,
    stood_still: Duration,
    lost: Option<EngineError>,
    /// Queued steps that name no agent, in a run that has none.
    for_nobody: BTreeSet<StepId>,
    /// Children whose scripts are being searched, and the task of each.
    finding: HashMap<StepId, Id>,
    undelivered: Undelivered,
    mailboxes: Mailboxes,
    agent_events: AgentEventQueue,
}

impl EffectRunner {
    pub(crate) fn new(
        agents: Agents,
        children: Children,
        writer: Writer,
        parallel_max: u32,
    ) -> Self {
        Self {
            agents: Arc::new(agents),
            children: Arc::new(children),
            writer,
            parallel_max: parallel_max.max(1) as usize,
            queue: VecDeque::new(),
            first: None,
            held: BTreeSet::new(),
            at_work: AtWork::default(),
            tasks: JoinSet::new(),
            waits: Waits::default(),
            timers: Timers::default(),
            stood_still: Duration::ZERO,
            lost: None,
            for_nobody: BTreeSet::new(),
            finding: HashMap::new(),
            undelivered: Undelivered::default(),
            mailboxes: Mailboxes::default(),
            agent_events: AgentEventQueue::new(),
        }
    }

    /// Starts the programs of the run.
    pub(crate) fn processes(&self) -> &Processes {
        &self.agents.processes
    }

    /// Starts or queues these effects.
    pub(crate) fn perform(&mut self, effects: Vec<Effect>) {
        let now = Instant::now();
        for effect in effects {
            match effect {
                Effect::RunAgent { step, ordinal, request } => {
                    if self.agents.is_for_nobody(&request) {
                        self.for_nobody.insert(step);
                    }
                    self.queue.push_back(QueuedAgent { step, ordinal, request });
                }
                Effect::SleepUntil { step, wake_at_us, left_us } => {
                    self.waits.sleep(step, wake_at_us, left_us);
                }
                Effect::Ask { step, request, left_us } => {
                    self.waits.ask(step, request.deadline_us, left_us);
                }
                // Queued by the driver.
                Effect::FindChild { .. } => {}
                Effect::AnswerAgent { step, ask, allowed, comment } => {
                    self.waits.agents.answer((step, ask), allowed, comment);
                }
                Effect::TellAgent { step, message } => self.mailboxes.post(step, message),
                Effect::Cancel(step) => self.cut(step, None),
                Effect::RestartAgent { step, ordinal, request } => {
                    self.cut(step, Some(QueuedAgent { step, ordinal, request }));
                }
                Effect::SetTimer { timer, left_us } => self.timers.set(timer, left_us, now),
                Effect::ClearTimer(timer) => self.timers.clear(timer),
            }
        }
    }

    /// Searches the script of a child in the background.
    pub(crate) fn find(&mut self, QueuedChild { step, caller, target, args }: QueuedChild) {
        let children = self.children.clone();
        let reporter = self.agent_events.reporter(step, "", Arc::default());
        let task = self.tasks.spawn(async move {
            let found = children.find(step, caller, target, args).await;
            if found.is_err()
                && let Some(gone) = children.library.gone()
            {
                return RunnerEvent::Lost(step, gone);
            }
            let found = found.map(|(start, warning)| {
                warning.into_iter().for_each(|warning| reporter.warn(warning));
                start
            });
            RunnerEvent::Child(step, found)
        });
        self.finding.insert(step, task.id());
    }

    /// Number of children whose scripts are being searched.
    pub(crate) fn searching(&self) -> usize {
        self.finding.len()
    }

    /// Starts as many queued agents as may work. Returns whether it settled steps that
    /// were refused.
    pub(crate) fn dispatch(&mut self, machine: &mut Machine) -> bool {
        let mut has_refused = false;
        while self.at_work.len() < self.parallel_max {
            let job = match self.first.take().map_or_else(|| self.next_job(), |job| Some(Ok(job))) {
                None => break,
                Some(Ok(job)) => job,
                Some(Err((step, failure))) => {
                    has_refused = true;
                    machine.complete(step, Outcome::Failed(failure), None);
                    continue;
                }
            };
            match machine.may_begin(&job.choice.provider) {
                MayBegin::Now => self.begin(job, machine),
                MayBegin::Shut => {
                    self.held.insert(job.step);
                }
                MayBegin::Later | MayBegin::Spent => {
                    self.first = Some(job);
                    break;
                }
            }
        }
        has_refused
    }

    /// The next queued step with its provider, or its refusal; none when the queue is empty.
    fn next_job(&mut self) -> Option<Result<Job, (StepId, Failure)>> {
        let QueuedAgent { step, ordinal, request } = self.queue.pop_front()?;
        let planned = self.agents.plan(step, ordinal, Arc::unwrap_or_clone(request));
        Some(planned.map_err(|failure| (step, failure)))
    }

    /// Starts the agent of a step.
    fn begin(&mut self, job: Job, machine: &mut Machine) {
        let (step, is_isolated) = (job.step, job.request.isolation.is_some());
        machine.dispatched(step, job.choice.addressee(), clock::now_us());
        let agents = self.agents.clone();
        let (provider, mailbox) = (&job.choice.provider, self.mailboxes.of(step));
        let reporter = self.agent_events.reporter(step, provider, mailbox);
        // Boxed: a step is many nested futures, and thousands may wait.
        let work = Box::pin(async move {
            // Without this check, the agent would fail for good.
            if !agents.cwd.is_dir() {
                let (path, run) = (agents.cwd.clone(), Some(agents.run.clone()));
                return RunnerEvent::Lost(step, EngineError::CwdGone { path, run });
            }
            RunnerEvent::Agent(step, Box::new(agents.run(job, reporter).await))
        });
        let counted = self.writer.agent();
        self.at_work.add(step, self.tasks.spawn(work), is_isolated, counted);
    }

    /// Number of agents that wait for a free slot.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len() + usize::from(self.first.is_some())
    }

    /// Why the run cannot go on: no agent is at work, and the steps that wait may not
    /// begin.
    pub(crate) fn stalled(&self, machine: &Machine) -> Option<StopReason> {
        let is_idle = self.at_work.is_empty() && self.finding.is_empty();
        let waits = self.first.is_some() || !self.held.is_empty();
        if is_idle && waits { machine.held_by() } else { None }
    }

    /// A folder that this step needs is gone. The step waits for the next epoch.
    pub(crate) fn lose(&mut self, step: StepId, error: EngineError) {
        self.at_work.remove(step);
        self.finding.remove(&step);
        self.lost.get_or_insert(error);
    }

    /// The error that names the folder that is gone.
    pub(crate) fn lost(&self) -> Option<&EngineError> {
        self.lost.as_ref()
    }

    /// Why the run stops, when a step has no agent. Checked before any step of the same
    /// turn starts.
    pub(crate) fn nobody(&self) -> Option<StopReason> {
        let first = self.for_nobody.first()?;
        let queued = self.queue.iter().find(|queued| queued.step == *first)?;
        Some(stop_reasons::nobody(queued.step, &queued.request.title()))
    }

    /// Whether only the end of a sleep can happen: no agent is at work, no timer is set
    /// and no script is being searched.
    pub(crate) fn is_idle(&self) -> bool {
        self.at_work.is_empty() && self.finding.is_empty() && self.timers.is_empty()
    }

    /// Waits until something happens.
    pub(crate) async fn next_event(&mut self) -> RunnerEvent {
        loop {
            let sleep = self.waits.next(clock::now_us()).map(|nap| nap.min(clock::NAP_MAX));
            let sleep = sleep.map(|nap| Instant::now() + nap);
            let due = sleep.into_iter().chain(self.timers.next()).min();
            let nap = if self.is_idle() { Nap::idle(due) } else { Nap::before(due) };
            let event = tokio::select! {
                biased;
                Some(joined) = self.tasks.join_next() => self.heard(joined),
                said = self.agent_events.next() => Some(RunnerEvent::Said(said)),
                () = sleep_until(nap.until) => None,
            };
            if let Some(stood) = nap.stood_still() {
                self.put_off(stood);
            }
            let is_due = |due: Instant| due <= Instant::now();
            match event {
                Some(event) => return event,
                None if sleep.is_some_and(is_due) || self.timers.next().is_some_and(is_due) => {
                    return RunnerEvent::Woke;
                }
                None => {}
            }
        }
    }

    /// Extends the time of the run by time in which it only waited for people.
    pub(crate) fn waited_for_people(&mut self, waited: Duration) {
        self.stood_still += waited;
    }

    /// Moves all timers by the time for which this process stood still.
    pub(crate) fn put_off(&mut self, stood: Duration) {
        self.stood_still += stood;
        self.timers.put_off(stood);
    }

    /// How long this process stood still, or only waited for people, while it had this
    /// run.
    pub(crate) fn stood_still(&self) -> Duration {
        self.stood_still
    }

    /// Events of agents that are ready, the oldest first.
    pub(crate) fn agent_events(&mut self) -> Vec<AgentEvent> {
        self.agent_events.ready()
    }

    /// Reports this event to the machine, and all others that are ready.
    pub(crate) fn take_in(&mut self, first: RunnerEvent, machine: &mut Machine) {
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(event) = next {
            taken += 1;
            match event {
                RunnerEvent::Said(_) | RunnerEvent::Woke => {}
                RunnerEvent::Lost(step, error) => self.lose(step, error),
                // Somebody may have stopped the step at the same moment.
                RunnerEvent::Agent(step, _) if !self.at_work.remove(step) => {}
                RunnerEvent::Agent(step, ended) => {
                    match *ended {
                        AgentOutcome::Settled(outcome, reply) => {
                            self.mailboxes.close(step, machine);
                            self.undelivered.keep(step, outcome.clone(), reply.clone());
                            machine.answered(step, outcome, reply);
                        }
                        AgentOutcome::Shut(shut, reply) => {
                            self.held.insert(step);
                            machine.park(step, shut, reply, clock::now_us());
                        }
                    }
                    self.dispatch(machine);
                }
                RunnerEvent::Cut(CutAgent { step, kept }) => {
                    if let Some(worktree) = kept {
                        machine.keep_worktree(step, worktree, clock::now_us());
                    }
                    // Ahead of those that have not begun yet.
                    let again = self.at_work.ended(step).filter(|_| machine.awaits(step));
                    again.into_iter().for_each(|again| self.queue.push_front(again));
                }
                RunnerEvent::Child(step, found) => {
                    self.finding.remove(&step);
                    children::report(machine, step, found);
                }
            }
            next = if taken < OUTCOMES_TOGETHER_MAX { self.event_already() } else { None };
        }
        self.wake(machine);
    }

    fn event_already(&mut self) -> Option<RunnerEvent> {
        loop {
            let joined = self.tasks.try_join_next()?;
            if let Some(event) = self.heard(joined) {
                return Some(event);
            }
        }
    }

    /// The event of a finished task. An aborted task has none. A task that panicked fails
    /// its step, which would otherwise stay open forever.
    fn heard(&self, joined: Result<RunnerEvent, JoinError>) -> Option<RunnerEvent> {
        let error = match joined {
            Ok(event) => return Some(event),
            Err(error) if error.is_cancelled() => return None,
            Err(error) => error,
        };
        let broken = || Failure::new(Code::InternalError, BROKEN);
        if let Some(step) = self.at_work.step_of(error.id()) {
            let ended = AgentOutcome::Settled(Outcome::Failed(broken()), Reply::default());
            return Some(RunnerEvent::Agent(step, Box::new(ended)));
        }
        let child = self.finding.iter().find(|(_, id)| **id == error.id());
        child.map(|(step, _)| RunnerEvent::Child(*step, Err(broken())))
    }

    /// Settles sleeps that are over and questions whose time is up, and fires timers that
    /// are due.
    fn wake(&mut self, machine: &mut Machine) {
        self.waits.settle_over(machine);
        let now = Instant::now();
        while let Some(timer) = self.timers.take_due(now) {
            machine.fire(timer);
        }
    }

    /// When the next durable sleep ends or the time of a question is up, in microseconds
    /// since 1970.
    pub(crate) fn wakes_at_us(&self) -> Option<i64> {
        self.waits.wakes_at_us()
    }

    /// The open questions, if nothing else of the run is under way.
    pub(crate) fn only_asks(&self) -> Option<&OpenAsks> {
        let is_idle = self.is_idle() && self.queued() == 0 && self.held.is_empty();
        self.waits.only_asks().filter(|_| is_idle)
    }

    /// Whether nothing goes on until a person answers: all agents at work wait for one, and
    /// so does the script.
    pub(crate) fn waits_for_people(&self) -> bool {
        let others = self.finding.is_empty() && self.timers.is_empty() && self.waits.has_no_sleep();
        let agents = self.at_work.all(|step| self.waits.agents.is_waiting(step));
        (others && agents) || self.only_asks().is_some()
    }

    /// Drops all sleeps, timers and questions.
    pub(crate) fn forget_waits(&mut self) {
        self.waits.clear();
        self.timers = Timers::default();
    }

    /// Number of agents at work.
    pub(crate) fn at_work(&self) -> usize {
        self.at_work.len()
    }

    /// Sets how many agents may be at work. Those that are go on.
    pub(crate) fn set_parallel_agents(&mut self, most: u32) {
        self.parallel_max = most.max(1) as usize;
    }

    /// Keeps the result of an agent for [`Self::answered`], when the machine takes no more.
    pub(crate) fn ended(&mut self, step: StepId, ended: AgentOutcome) {
        if self.at_work.remove(step) {
            self.mailboxes.close_unheard(step, &ended);
            self.undelivered.keep_ended(step, ended);
        }
    }

    /// The outcome of this step is being delivered.
    pub(crate) fn delivered(&mut self, step: StepId) {
        self.undelivered.remove(step);
    }

    /// Entries for all results of agents that are not in the journal yet, when this
    /// process releases the run.
    pub(crate) fn answered(&mut self) -> Vec<Body> {
        while let Some(event) = self.event_already() {
            if let RunnerEvent::Agent(step, ended) = event {
                self.ended(step, *ended);
            }
        }
        self.mailboxes.take_late().chain(self.undelivered.take()).collect()
    }

    /// Drops everything that is under way for a step, and begins its agent again if that
    /// is wanted.
    pub(crate) fn cut(&mut self, step: StepId, again: Option<QueuedAgent>) {
        self.mailboxes.cut(step, again.is_some());
        self.undelivered.remove(step);
        self.held.remove(&step);
        self.for_nobody.remove(&step);
        self.first.take_if(|first| first.step == step);
        self.queue.retain(|queued| queued.step != step);
        self.waits.remove(step);
        match self.at_work.cut(step, again) {
            Cut::Ending(task) => {
                let ended = at_work::until_ended(self.agents.clone(), task, step);
                self.tasks.spawn(async move { RunnerEvent::Cut(ended.await) });
            }
            Cut::Idle(again) => self.queue.extend(again),
            Cut::Done => {}
        }
    }

    /// Stops everything and waits for it, including programs that providers keep running
    /// between steps. Returns the worktrees of steps that were cut off.
    pub(crate) async fn cancel_all(&mut self) -> Vec<(StepId, AgentRecord)> {
        self.queue.clear();
        self.first = None;
        self.held.clear();
        self.waits.clear();
        self.timers.clear_all();
        self.tasks.shutdown().await;
        self.at_work.clear();
        self.agents.close().await
    }

    /// The outcome in this entry of the run's journal.
    pub(crate) async fn outcome(&self, key: RunKey, entry: u64) -> Result<Outcome, EngineError> {
        self.writer
            .with(move |store: &mut dyn Store| read_ahead::outcome_at(store, &key, entry))
            .await?
    }

    /// Reads the journal of this run from its beginning.
    pub(crate) fn read(&self, key: RunKey) -> Result<ReadAhead, EngineError> {
        ReadAhead::begin(self.writer.clone(), key)
    }
}
