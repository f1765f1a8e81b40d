//! A live run: real agents, real time, and a journal that is written.
//!
//! Owns: commits, waiting, time limits and cancellation. Never: decides; the machine
//! does. [`crate::effects`] runs its effects.

use std::time::Duration;

use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Outcome, StopTurn};
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::{Entry, StopReason};
use smol_wf_core::limits::{LimitError, Limits};
use smol_wf_core::machine::{Effect, Machine};
use smol_wf_core::step_request::AgentRequest;
use smol_wf_sandbox::{Sandbox, SandboxError};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::agent_events::AgentEvent;
use crate::clock;
use crate::diagnose;
use crate::effects::{EffectRunner, RunnerEvent};
use crate::error::EngineError;
use crate::given_answers::AnswerGiver;
use crate::inbox::HolderInbox;
use crate::journal::Entries;
use crate::recorder::Recorder;
use crate::request::{Times, WhenOnlyAsks};
use crate::standstill::Nap;
use crate::stop_reasons::place_gone;
use crate::turn::backend::Backend;
use crate::turn::children::{ChildScript, QueuedChild};

/// Why driving stopped before the run ended.
pub(crate) enum Halt {
    /// A reason that is journaled.
    Stop(StopReason),
    /// The journal can no longer be written.
    Error(EngineError),
}

/// Why a turn or a wait was cut off.
pub(crate) enum Cut {
    /// The turn took too long.
    Late,
    /// The run stops.
    Halted(Halt),
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        Self::Error(error)
    }
}

impl From<Halt> for Cut {
    fn from(halt: Halt) -> Self {
        Self::Halted(halt)
    }
}

impl From<EngineError> for Cut {
    fn from(error: EngineError) -> Self {
        Self::Halted(error.into())
    }
}

impl From<SandboxError> for Cut {
    fn from(error: SandboxError) -> Self {
        EngineError::from(error).into()
    }
}

/// The backend of a live run.
pub(crate) struct Live<'a> {
    pub(crate) sandbox: Sandbox,
    pub(crate) recorder: Recorder<'a>,
    /// Recorded entries that are still to be replayed.
    rest: Entries,
    pub(crate) runner: EffectRunner,
    pub(crate) inbox: HolderInbox,
    /// Whether agents at work are cut off when the run stops, whatever the reason.
    pub(crate) cuts_agents: bool,
    pub(crate) cancel: CancellationToken,
    /// No agent is to begin any more.
    pub(crate) drain: CancellationToken,
    pub(crate) times: Times,
    /// What happens when only questions to people are open.
    pub(crate) asks: WhenOnlyAsks,
    /// Answers that were given in advance.
    pub(crate) answers: AnswerGiver,
    started: Instant,
}

impl<'a> Live<'a> {
    pub(crate) fn new(
        sandbox: Sandbox,
        (mut recorder, inbox): (Recorder<'a>, HolderInbox),
        rest: Entries,
        runner: EffectRunner,
        cancel: CancellationToken,
        times: Times,
    ) -> Self {
        let started = Instant::now();
        recorder.give_up_at(times.run.map(|run| started + run));
        let drain = CancellationToken::new();
        let (cuts_agents, asks) = (false, WhenOnlyAsks::default());
        Self {
            sandbox,
            recorder,
            rest,
            runner,
            inbox,
            cuts_agents,
            cancel,
            drain,
            times,
            asks,
            answers: AnswerGiver::default(),
            started,
        }
    }

    /// Takes the messages that wait, and does what they say. Returns whether there were any.
    async fn hear(&mut self, machine: &mut Machine) -> Result<bool, Halt> {
        let posted = self.inbox.read().await?;
        let Some(last) = posted.last().map(|last| last.number) else { return Ok(false) };
        let takes = |request: &AgentRequest| self.runner.agents.takes_messages(request);
        let known = self.inbox.known();
        let orders = machine.take_messages(posted, known, &takes, clock::now_us());
        self.recorder.absorb(machine.take_entries());
        self.recorder.take_messages_to(last);
        self.inbox.took(last);
        if let Some(limits) = orders.limits {
            self.runner.set_parallel_agents(limits.parallel_agents);
        }
        // At once: whoever posted waits to see it.
        self.flush().await?;
        match orders.stop {
            Some(reason) => {
                self.cuts_agents = orders.cut_agents;
                Err(Halt::Stop(reason))
            }
            None => Ok(true),
        }
    }

    /// Dispatches agents, then waits for an event for the machine.
    async fn until_told(&mut self, machine: &mut Machine) -> Result<(), Halt> {
        // Before anything begins: a message may stop it.
        if self.inbox.is_due(self.recorder.posted()) && self.hear(machine).await? {
            return Ok(());
        }
        if self.answers.answer(machine) {
            self.recorder.absorb(machine.take_entries());
            return Ok(());
        }
        if let Some(reason) = self.runner.nobody() {
            return Err(Halt::Stop(reason));
        }
        if self.drain.is_cancelled() {
            return Err(Halt::Stop(StopReason::Cancelled));
        }
        let has_refused = self.runner.dispatch(machine);
        self.recorder.absorb(machine.take_entries());
        self.recorder.queued(self.runner.queued());
        if has_refused {
            return Ok(());
        }
        if let Some(reason) = self.agents_stop(machine) {
            return Err(Halt::Stop(reason));
        }
        if let Some(reason) = self.only_asks_stop() {
            return Err(Halt::Stop(reason));
        }
        if !self.runner.waits_for_people() {
            return self.until_event(machine).await;
        }
        // The time of the run stands still meanwhile.
        let (began, stood) = (Instant::now(), self.runner.stood_still());
        let told = self.until_event(machine).await;
        let stood = self.runner.stood_still().saturating_sub(stood);
        self.runner.waited_for_people(began.elapsed().saturating_sub(stood));
        told
    }

    /// Why the run stops here, if only questions to people are open.
    fn only_asks_stop(&self) -> Option<StopReason> {
        let asks = self.runner.only_asks()?;
        // A time that is up settles its question first, whatever the policy.
        let stays = asks.is_due(clock::now_us())
            || match self.asks {
                WhenOnlyAsks::Stay => true,
                WhenOnlyAsks::StayForDeadlines => asks.deadline_us().is_some(),
                WhenOnlyAsks::End => false,
            };
        let asks = u32::try_from(asks.len()).unwrap_or(u32::MAX);
        (!stays).then_some(StopReason::WaitingForAnswer { asks })
    }

    /// Waits for an event for the machine.
    async fn until_event(&mut self, machine: &mut Machine) -> Result<(), Halt> {
        let (cancel, drain) = (self.cancel.clone(), self.drain.clone());
        let lazy = sleep(clock::LAZY_COMMIT);
        tokio::pin!(lazy);
        let is_timed = !self.runner.waits_for_people();
        loop {
            let deadline = self.deadline().filter(|_| is_timed);
            let pending = self.recorder.has_pending();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Halt::Stop(StopReason::Cancelled)),
                () = drain.cancelled() => return Err(Halt::Stop(StopReason::Cancelled)),
                event = self.runner.next_event() => {
                    if let RunnerEvent::Said(said) = event {
                        let is_ask = matches!(said, AgentEvent::Asks(_) | AgentEvent::Withdrew(_));
                        self.record(said, machine);
                        if is_ask {
                            // At once: people may be shown only what is durable.
                            self.flush().await?;
                            return Ok(());
                        }
                        if !pending {
                            lazy.as_mut().reset(Instant::now() + clock::LAZY_COMMIT);
                        }
                        continue;
                    }
                    // Reported before the outcome, so recorded before it.
                    for said in self.runner.agent_events() {
                        self.record(said, machine);
                    }
                    self.runner.take_in(event, machine);
                    self.recorder.absorb(machine.take_entries());
                    return Ok(());
                }
                // The deadline is later now if this process stood still.
                () = at(deadline), if is_timed => {
                    if self.deadline() == deadline {
                        return Err(self.timed_out());
                    }
                }
                () = &mut lazy, if pending => {
                    self.flush().await?;
                    if self.inbox.is_due(self.recorder.posted()) && self.hear(machine).await? {
                        return Ok(());
                    }
                }
                // Last: an answer that is ready comes before a message that stops its agent.
                () = self.inbox.rung() => {
                    if self.hear(machine).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Shows or journals an event of an agent.
    fn record(&mut self, said: AgentEvent, machine: &mut Machine) {
        match said {
            AgentEvent::Fleeting(activity) => self.recorder.activity(activity),
            AgentEvent::Warning(message) => self.recorder.warn(&message),
            AgentEvent::Recorded(step, record) => {
                machine.record_agent(step, record, clock::now_us());
            }
            AgentEvent::Asks(asked) => self.runner.waits.agents.ask(*asked, machine),
            AgentEvent::Withdrew(step) => self.runner.waits.agents.withdraw(step, machine),
        }
        self.recorder.absorb(machine.take_entries());
    }

    /// Why the run stops here, if its agents cannot go on.
    fn agents_stop(&self, machine: &Machine) -> Option<StopReason> {
        if let Some(error) = self.runner.lost() {
            return Some(place_gone(error));
        }
        if machine.must_stop_agents() {
            return machine.held_by();
        }
        self.runner.stalled(machine)
    }

    /// Makes pending entries durable. This process may stand still during that, too.
    pub(crate) async fn flush(&mut self) -> Result<(), Halt> {
        let flushed = self.recorder.flush(self.runner.wakes_at_us());
        tokio::pin!(flushed);
        loop {
            let nap = Nap::before(None);
            let done = tokio::select! {
                biased;
                done = &mut flushed => Some(done),
                () = sleep_until(nap.until) => None,
            };
            if let Some(stood) = nap.stood_still() {
                self.runner.put_off(stood);
            }
            if let Some(done) = done {
                return Ok(done?);
            }
        }
    }

    /// When the time of the run is up in this process; none without a limit.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.times.run.map(|run| self.started + run + self.runner.stood_still())
    }

    /// Whether the run stops for a shutdown, which waits for its agents.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain.is_cancelled() && !self.cancel.is_cancelled()
    }

    /// Stops the run because its time in this process is up.
    fn timed_out(&self) -> Halt {
        let limit_ms = self.times.run.map_or(0, milliseconds);
        Halt::Stop(StopReason::TimedOut { limit_ms })
    }

    /// The end of driving after the machine has stopped a turn, at a limit or a mismatch.
    pub(crate) fn halt(&self, stop: StopTurn) -> Halt {
        match stop {
            StopTurn::Limit(error) => limit(error),
            StopTurn::Mismatch(mismatch) => {
                Halt::Error(EngineError::Mismatch { run: self.recorder.run().clone(), mismatch })
            }
        }
    }
}

impl Backend for Live<'_> {
    type Halt = Cut;

    fn now_us(&self) -> i64 {
        clock::now_us()
    }

    async fn more(&mut self) -> Result<Option<Vec<Entry>>, Cut> {
        let piece = self.rest.next().await?;
        self.recorder.retell(piece.as_deref().unwrap_or_default());
        Ok(piece)
    }

    fn wrote(&mut self, entries: Vec<Entry>) {
        self.recorder.absorb(entries);
    }

    fn settled(&mut self, step: StepId) {
        self.runner.delivered(step);
    }

    /// When a turn takes long, its delivery is made durable meanwhile, so that no
    /// finished work depends on a slow script. Time in which this process stands still
    /// does not count.
    async fn accompany<T: Send>(
        &mut self,
        turn: impl Future<Output = T> + Send,
        is_live: bool,
    ) -> Result<T, Cut> {
        tokio::pin!(turn);
        let mut until = Instant::now() + self.times.turn;
        let cancel = self.cancel.clone();
        let late = sleep(clock::LATE_TURN);
        tokio::pin!(late);
        let mut flushed = !is_live;
        loop {
            let deadline = self.deadline();
            let nap = Nap::before(deadline.into_iter().chain([until]).min());
            tokio::select! {
                biased;
                turn = &mut turn => return Ok(turn),
                () = cancel.cancelled() => return Err(Halt::Stop(StopReason::Cancelled).into()),
                () = sleep_until(nap.until) => {
                    if let Some(stood) = nap.stood_still() {
                        until += stood;
                        self.runner.put_off(stood);
                    }
                    let now = Instant::now();
                    if self.deadline().is_some_and(|deadline| deadline <= now) {
                        return Err(self.timed_out().into());
                    }
                    if until <= now {
                        return Err(Cut::Late);
                    }
                }
                () = &mut late, if !flushed => {
                    flushed = true;
                    let began = Instant::now();
                    self.flush().await?;
                    // Waiting for a locked database is not the script's fault.
                    until += began.elapsed();
                }
                // The machine is with the guest, so nothing can be taken; but a long turn
                // can be cut off.
                () = self.inbox.rung(), if is_live && flushed => {
                    if let Some(reason) = self.inbox.cut().await? {
                        self.cuts_agents = true;
                        return Err(Halt::Stop(reason).into());
                    }
                }
            }
        }
    }

    async fn turn_ended(&mut self, machine: &Machine) -> Result<(), Cut> {
        if machine.is_live() && self.recorder.is_laden() {
            self.flush().await?;
        }
        // Nothing may follow the end of a run.
        match self.recorder.over_limit(machine.limits()) {
            Some(error) if machine.end().is_none() => Err(limit(error).into()),
            _ => Ok(()),
        }
    }

    async fn fetch(&mut self, entry: u64) -> Result<Option<Outcome>, Cut> {
        // Frees the memory of what was delivered before.
        self.flush().await?;
        let Some(lease) = self.recorder.lease() else {
            let asked = self.recorder.run().to_string();
            return Err(EngineError::UnknownRun { asked }.into());
        };
        Ok(Some(self.runner.outcome(lease.key.clone(), entry).await?))
    }

    async fn unsettled(
        &mut self,
        scope: Scope,
        limits: Limits,
    ) -> Result<Option<Vec<String>>, Cut> {
        self.flush().await?;
        let Some(lease) = self.recorder.lease() else { return Ok(Some(Vec::new())) };
        let journal = Entries::Stored(self.runner.read(lease.key.clone())?);
        // If this fails, the script's error names no promise.
        let found = diagnose::unsettled(&self.sandbox, journal, limits, scope);
        tokio::select! {
            biased;
            found = found => Ok(Some(found.unwrap_or_default())),
            () = self.cancel.cancelled() => Err(Halt::Stop(StopReason::Cancelled).into()),
            () = at(self.deadline()) => Err(self.timed_out().into()),
        }
    }

    async fn commit(&mut self) -> Result<bool, Cut> {
        self.flush().await?;
        Ok(true)
    }

    fn perform(&mut self, effects: Vec<Effect>, _machine: &mut Machine) {
        self.runner.perform(effects);
    }

    fn searching(&self) -> usize {
        self.runner.searching()
    }

    async fn find(&mut self, child: QueuedChild) -> Option<ChildScript> {
        self.runner.find(child);
        None
    }

    async fn wait(&mut self, machine: &mut Machine) -> Result<bool, Cut> {
        self.until_told(machine).await?;
        Ok(true)
    }
}

/// Stops the run at a limit.
pub(crate) fn limit(error: LimitError) -> Halt {
    Halt::Stop(error.into())
}

/// A duration in milliseconds, as the journal records it.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Stops the run because its guest has failed.
pub(crate) fn guest_fault(detail: &str) -> Halt {
    let message = format!("the sandbox stopped the script: {detail}");
    Halt::Stop(StopReason::held(Code::GuestFault, message))
}

/// Waits until a deadline, or forever without one.
pub(crate) async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
