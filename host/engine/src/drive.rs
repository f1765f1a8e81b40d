//! Drives one run: turn by turn, until it ends or this process lets go of it.
//!
//! Owns: the circle of turns, commits and waiting. Never: decides; the machine
//! does. [`crate::effects`] performs what it decided.

use std::collections::HashMap;
use std::time::Duration;

use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Outcome, StopTurn};
use smol_wf_core::ids::Scope;
use smol_wf_core::journal::{Body, Entry, StopReason};
use smol_wf_core::limits::LimitError;
use smol_wf_core::machine::{Machine, Next};
use smol_wf_sandbox::{Guest, InstanceLimits, Sandbox, Turn, TurnFault, TurnLimits};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::diagnose;
use crate::effects::{Happened, World};
use crate::error::EngineError;
use crate::journal::Entries;
use crate::notes::Note;
use crate::recorder::Recorder;
use crate::request::Times;
use crate::standstill::Nap;
use crate::stops::{lets_agents_finish, place_gone};
use crate::turn::{Task, limit_of, run_turn};

/// Why driving ended before the run did.
pub(crate) enum Halt {
    /// For a reason that belongs into the journal.
    Stop(StopReason),
    /// Nothing more can be written.
    Error(EngineError),
}

/// Why a turn was cut off from outside.
enum Cut {
    /// It took too long.
    Late,
    Halted(Halt),
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        Self::Error(error)
    }
}

pub(crate) struct Drive<'a> {
    pub(crate) sandbox: Sandbox,
    pub(crate) recorder: Recorder<'a>,
    /// What is left of the journal that is met again.
    rest: Entries,
    pub(crate) world: World,
    pub(crate) cancel: CancellationToken,
    pub(crate) times: Times,
    pub(crate) started: Instant,
    guests: HashMap<Scope, Guest>,
    /// Fuel of the turn that was cut off.
    cut_fuel: u64,
}

impl<'a> Drive<'a> {
    pub(crate) fn new(
        sandbox: Sandbox,
        recorder: Recorder<'a>,
        rest: Entries,
        world: World,
        cancel: CancellationToken,
        times: Times,
    ) -> Self {
        let started = Instant::now();
        let mut recorder = recorder;
        recorder.give_up_at(times.run.map(|run| started + run));
        let guests = HashMap::new();
        Self { sandbox, recorder, rest, world, cancel, times, started, guests, cut_fuel: 0 }
    }

    /// Drives the run until it ends. What stops it sooner is written down, as
    /// far as it can be.
    pub(crate) async fn run(&mut self, machine: Machine) -> Result<(), EngineError> {
        // On the heap: it holds a machine and all that a turn needs.
        let halted = match Box::pin(self.turns(machine)).await {
            Err(Halt::Stop(reason)) if lets_agents_finish(&reason) => {
                Err(self.let_finish(reason).await)
            }
            halted => halted,
        };
        let answered = self.world.answered();
        let left = self.world.cancel_all().await;
        for note in self.world.notes() {
            if let Note::Warning(message) = note {
                self.recorder.warn(&message);
            }
        }
        match halted {
            Ok(()) => Ok(()),
            Err(Halt::Error(error)) => Err(error),
            Err(Halt::Stop(reason)) => {
                let at_us = clock::now_us();
                let left = left.into_iter().map(|(call, noted)| noted.into_body(call));
                let ended = std::iter::once(Body::AttemptEnded { reason, fuel: self.cut_fuel });
                let entries = answered.into_iter().chain(left).chain(ended);
                self.recorder.absorb(entries.map(|body| Entry { at_us, body }).collect());
                self.recorder.flush(None).await
            }
        }
    }

    async fn turns(&mut self, mut machine: Machine) -> Result<(), Halt> {
        loop {
            for scope in machine.take_closed() {
                self.guests.remove(&scope);
            }
            while machine.wants_more() {
                let piece = self.rest.next().await?;
                self.recorder.retell(piece.as_deref().unwrap_or_default());
                machine.feed(piece);
            }
            let next = machine.next(clock::now_us()).map_err(|stop| self.halt(stop))?;
            self.recorder.absorb(machine.take_entries());
            match next {
                Next::Start { start, seed, now_us } => {
                    let scope = start.scope;
                    self.open(&machine, scope).await?;
                    machine = self.turn(machine, scope, now_us, Task::Start(start, seed)).await?;
                }
                Next::Settle { scope, call, outcome, now_us } => {
                    self.world.told(call);
                    let task = Task::Settle(call, outcome);
                    machine = self.turn(machine, scope, now_us, task).await?;
                }
                Next::Fetch(entry) => {
                    // What was told before it need not wait in memory.
                    self.flush().await?;
                    machine.fetched(self.fetch(entry).await?);
                }
                Next::Fire { scope, timer, now_us } => {
                    machine = self.turn(machine, scope, now_us, Task::Fire(timer)).await?;
                }
                Next::Stuck(scope) => {
                    self.flush().await?;
                    let unsettled = self.diagnose(&machine, scope).await?;
                    machine.give_up(scope, &unsettled).map_err(|stop| self.halt(stop))?;
                }
                Next::Wait => {
                    self.flush().await?;
                    self.wait(&mut machine).await?;
                }
                // Nobody waits for the lease while an agent is being ended.
                Next::Ended if self.world.is_idle() => {
                    return Ok(self.recorder.flush_last().await?);
                }
                Next::Ended => return self.flush().await,
            }
        }
    }

    async fn open(&mut self, machine: &Machine, scope: Scope) -> Result<(), Halt> {
        let limits = InstanceLimits { memory_mib: machine.limits().memory_mib };
        let guest = self.sandbox.instance(limits).await.map_err(EngineError::from)?;
        self.guests.insert(scope, guest);
        Ok(())
    }

    async fn turn(
        &mut self,
        machine: Machine,
        scope: Scope,
        now_us: i64,
        task: Task,
    ) -> Result<Machine, Halt> {
        let limits = *machine.limits();
        let fuel = machine.turn_fuel();
        // What is met again is durable, and is told before anything new.
        let is_live = machine.is_live();
        let Some(mut guest) = self.guests.remove(&scope) else {
            return Err(guest_fault("the script instance is gone"));
        };
        let run = run_turn(&mut guest, machine, TurnLimits { fuel, now_us }, task);
        let most = self.times.turn;
        let turn = match self.accompany(run, is_live, most).await {
            Ok(turn) => turn,
            Err(Cut::Late) => {
                self.cut_fuel = guest.fuel_so_far();
                return Err(limit(LimitError::TurnTime {
                    limit_ms: milliseconds(most),
                    used: self.cut_fuel,
                }));
            }
            Err(Cut::Halted(halt)) => {
                self.cut_fuel = guest.fuel_so_far();
                return Err(halt);
            }
        };
        let Turn { host: mut machine, fuel: used, end, memory_denied } = turn;
        // Of one that has its entry, it counts there.
        self.cut_fuel = used;
        let status = end.map_err(|fault| match fault {
            TurnFault::Stopped(stop) => self.halt(stop),
            TurnFault::Oversize => guest_fault("it handed over more than 48 MiB at once"),
            other => match limit_of(&other, fuel, &limits) {
                Some(error) => limit(error),
                None => guest_fault(&other.to_string()),
            },
        })?;
        // Also when the script caught it: what it does without that memory would
        // not replay with more.
        if memory_denied {
            return Err(limit(LimitError::Memory { limit_mib: limits.memory_mib }));
        }
        machine.end_turn(scope, used, status).map_err(|stop| self.halt(stop))?;
        self.cut_fuel = 0;
        self.guests.insert(scope, guest);
        self.recorder.absorb(machine.take_entries());
        if machine.is_live() && self.recorder.is_laden() {
            self.flush().await?;
        }
        // Nothing follows the end of a run.
        match self.recorder.over_limit(&limits) {
            Some(error) if machine.end().is_none() => Err(limit(error)),
            _ => Ok(machine),
        }
    }

    /// Runs a turn to its end. When it takes long, what was delivered to it is
    /// made durable meanwhile, so that no finished work hangs on a slow script. Time
    /// in which this process stands still is none of the turn's.
    async fn accompany<F>(
        &mut self,
        turn: F,
        is_live: bool,
        most: Duration,
    ) -> Result<Turn<Machine>, Cut>
    where
        F: Future<Output = Turn<Machine>>,
    {
        tokio::pin!(turn);
        let mut until = Instant::now() + most;
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
                () = cancel.cancelled() => {
                    return Err(Cut::Halted(Halt::Stop(StopReason::Cancelled)));
                }
                () = sleep_until(nap.until) => {
                    if let Some(stood) = nap.stood_still() {
                        until += stood;
                        self.world.put_off(stood);
                    }
                    let now = Instant::now();
                    if self.deadline().is_some_and(|deadline| deadline <= now) {
                        return Err(Cut::Halted(self.timed_out()));
                    }
                    if until <= now {
                        return Err(Cut::Late);
                    }
                }
                () = &mut late, if !flushed => {
                    flushed = true;
                    let began = Instant::now();
                    self.flush().await.map_err(Cut::Halted)?;
                    // A database that others hold is not the script's fault.
                    until += began.elapsed();
                }
            }
        }
    }

    async fn wait(&mut self, machine: &mut Machine) -> Result<(), Halt> {
        self.world.perform(machine.take_effects(), self.guests.len());
        if let Some(reason) = self.world.nobody() {
            return Err(Halt::Stop(reason));
        }
        let has_refused = self.world.dispatch(machine);
        self.recorder.absorb(machine.take_entries());
        self.recorder.queued(self.world.queued());
        if has_refused {
            return Ok(());
        }
        if let Some(reason) = self.agents_stop(machine) {
            return Err(Halt::Stop(reason));
        }
        let cancel = self.cancel.clone();
        let lazy = sleep(clock::LAZY_COMMIT);
        tokio::pin!(lazy);
        loop {
            let deadline = self.deadline();
            let pending = self.recorder.has_pending();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Halt::Stop(StopReason::Cancelled)),
                happened = self.world.happened() => {
                    if let Happened::Noted(note) = happened {
                        self.note(note, machine);
                        if !pending {
                            lazy.as_mut().reset(Instant::now() + clock::LAZY_COMMIT);
                        }
                        continue;
                    }
                    // Said before the outcome, so told before it.
                    for note in self.world.notes() {
                        self.note(note, machine);
                    }
                    self.world.take_in(happened, machine);
                    self.recorder.absorb(machine.take_entries());
                    return Ok(());
                }
                // Put off when this process has stood still.
                () = at(deadline) => {
                    if self.deadline() == deadline {
                        return Err(self.timed_out());
                    }
                }
                () = &mut lazy, if pending => self.flush().await?,
            }
        }
    }

    fn note(&mut self, note: Note, machine: &mut Machine) {
        match note {
            Note::Fleeting(activity) => self.recorder.activity(activity),
            Note::Warning(message) => self.recorder.warn(&message),
            Note::Kept(call, noted) => {
                machine.noted(call, noted, clock::now_us());
                self.recorder.absorb(machine.take_entries());
            }
        }
    }

    /// Why the run stops here, when its agents may not go on.
    fn agents_stop(&self, machine: &Machine) -> Option<StopReason> {
        if let Some(error) = self.world.lost() {
            return Some(place_gone(error));
        }
        if machine.must_stop_agents() {
            return machine.held_by();
        }
        self.world.stalled(machine)
    }

    /// Makes durable what waits. This process may stand still meanwhile as well.
    async fn flush(&mut self) -> Result<(), Halt> {
        let flushed = self.recorder.flush(self.world.wakes_at_us());
        tokio::pin!(flushed);
        loop {
            let nap = Nap::before(None);
            let done = tokio::select! {
                biased;
                done = &mut flushed => Some(done),
                () = sleep_until(nap.until) => None,
            };
            if let Some(stood) = nap.stood_still() {
                self.world.put_off(stood);
            }
            if let Some(done) = done {
                return Ok(done?);
            }
        }
    }

    async fn diagnose(&mut self, machine: &Machine, scope: Scope) -> Result<Vec<String>, Halt> {
        let Some(lease) = self.recorder.lease() else { return Ok(Vec::new()) };
        let journal = Entries::Stored(self.world.read(lease.key.clone())?);
        // It may fail to find out; then the script is told less.
        let found = diagnose::unsettled(&self.sandbox, journal, *machine.limits(), scope);
        tokio::select! {
            biased;
            found = found => Ok(found.unwrap_or_default()),
            () = self.cancel.cancelled() => Err(Halt::Stop(StopReason::Cancelled)),
            () = at(self.deadline()) => Err(self.timed_out()),
        }
    }

    /// The outcome that an entry of this run's own journal holds.
    async fn fetch(&mut self, entry: u64) -> Result<Outcome, EngineError> {
        let Some(lease) = self.recorder.lease() else {
            return Err(EngineError::UnknownRun { asked: self.recorder.run().to_string() });
        };
        self.world.outcome(lease.key.clone(), entry).await
    }

    /// Waits for the agents at work, whose answers the next attempt will want.
    /// Nothing new begins.
    async fn let_finish(&mut self, reason: StopReason) -> Halt {
        // The script that they would wake is gone.
        self.world.forget_waits();
        let at_work = self.world.at_work();
        if at_work > 0 {
            self.recorder.waits_for_agents(at_work, &reason);
        }
        let cancel = self.cancel.clone();
        while self.world.at_work() > 0 {
            let deadline = self.deadline();
            let happened = tokio::select! {
                biased;
                () = cancel.cancelled() => return Halt::Stop(StopReason::Cancelled),
                happened = self.world.happened() => happened,
                () = at(deadline) => {
                    // Put off when this process has stood still.
                    if self.deadline() == deadline {
                        return Halt::Stop(reason);
                    }
                    continue;
                }
            };
            let entries = match happened {
                Happened::Noted(Note::Kept(call, noted)) => vec![noted.into_body(call)],
                Happened::Noted(Note::Fleeting(activity)) => {
                    self.recorder.activity(activity);
                    continue;
                }
                Happened::Noted(Note::Warning(message)) => {
                    self.recorder.warn(&message);
                    continue;
                }
                Happened::Agent(call, ended) => {
                    self.world.ended(call, *ended);
                    self.world.answered()
                }
                Happened::Lost(call, error) => {
                    self.world.lose(call, error);
                    continue;
                }
                Happened::Child(..) | Happened::Woke => continue,
            };
            let at_us = clock::now_us();
            self.recorder.absorb(entries.into_iter().map(|body| Entry { at_us, body }).collect());
            if let Err(error) = self.recorder.flush(None).await {
                return Halt::Error(error);
            }
        }
        Halt::Stop(reason)
    }

    fn deadline(&self) -> Option<Instant> {
        self.times.run.map(|run| self.started + run + self.world.stood_still())
    }

    fn timed_out(&self) -> Halt {
        let limit_ms = self.times.run.map_or(0, milliseconds);
        Halt::Stop(StopReason::TimedOut { limit_ms })
    }

    fn halt(&self, stop: StopTurn) -> Halt {
        match stop {
            StopTurn::Limit(error) => limit(error),
            StopTurn::Mismatch(mismatch) => {
                Halt::Error(EngineError::Mismatch { run: self.recorder.run().clone(), mismatch })
            }
        }
    }
}

fn limit(error: LimitError) -> Halt {
    Halt::Stop(error.into())
}

fn guest_fault(detail: &str) -> Halt {
    let message = format!("the sandbox stopped the script: {detail}");
    Halt::Stop(StopReason::held(Code::GuestFault, message))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
