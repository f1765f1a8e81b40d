//! Replays a recorded journal.
//!
//! Owns: the start of a replay or resume, and the recorded deliveries. Never: lets an
//! effect leave the machine before the end of the recording.

use super::recording::Recording;
use super::{
    Body, Digest, Entry, JournalError, Limits, Machine, Mismatch, NEVER_SETTLES, Next, Outcome,
    RunEnd, Scope, StopTurn, Survey,
};
use crate::codes::Code;
use crate::guest::ScriptError;
use crate::journal::{FORMAT_IN_EPOCHS, JOURNAL_FORMAT, RunHead};
use crate::settlement;
use crate::survey::limits_after;

/// The head of the journal that begins with these entries.
fn head_of(entries: &[Entry]) -> Result<RunHead, JournalError> {
    let first = entries.first().map(|entry| &entry.body);
    let Some(Body::RunStarted(head)) = first else {
        let found = first.map_or("nothing", Body::kind);
        let reason = "a journal begins with `run_started`";
        return Err(JournalError::OutOfOrder { seq: 0, found, reason });
    };
    Ok((**head).clone())
}

impl Machine {
    /// Begins this epoch now. Timers keep the time that they had left.
    fn begin(&mut self) {
        self.begun_us = self.now_us;
        self.timers.begin_at(self.now_us);
    }

    /// Records that an epoch begins; `before` is the format of the entries before it.
    pub(super) fn write_epoch(&mut self, epoch: u32, before: u32) {
        if before < FORMAT_IN_EPOCHS {
            let head = RunHead { format: JOURNAL_FORMAT, ..self.head.clone() };
            self.write(Body::FormatRaised(Box::new(head)));
        }
        let (limits, guest, format) = (self.limits, self.guest.clone(), JOURNAL_FORMAT);
        self.write(Body::EpochStarted { epoch, limits, guest, format });
    }

    /// Replays a journal. These entries are its beginning; [`Machine::feed`] adds the
    /// rest. Without `limits`, the recorded limits are in force.
    ///
    /// # Errors
    /// When the entries cannot begin a journal.
    pub fn replay(
        beginning: Vec<Entry>,
        limits: Option<Limits>,
        guest: Digest,
    ) -> Result<Self, JournalError> {
        let head = head_of(&beginning)?;
        let mut machine = Self {
            seq: 1,
            keeps_limits: limits.is_some(),
            fetches: true,
            recording: Recording::beginning(),
            ..Self::empty(head, limits.unwrap_or_default(), guest)
        };
        machine.take_in(beginning.into_iter().skip(1));
        machine.skip_epochs();
        Ok(machine)
    }

    /// Resumes a run where its journal ends. These entries are the beginning of the
    /// journal, and `survey` is a fold over all of it; [`Machine::feed`] adds the rest.
    ///
    /// # Errors
    /// When the entries cannot begin a journal.
    pub fn resume(
        beginning: Vec<Entry>,
        survey: &Survey,
        limits: Limits,
        guest: Digest,
        now_us: i64,
    ) -> Result<Self, JournalError> {
        let mut machine = Self::replay(beginning, Some(limits), guest)?;
        if survey.is_over() {
            return Ok(machine);
        }
        machine.now_us = survey.last_us.max(now_us);
        machine.begin();
        machine.write_epoch(survey.epochs.saturating_add(1), survey.format);
        if survey.root.is_none() {
            let reason = "a journal holds the script from its first commit on";
            return Err(JournalError::OutOfOrder { seq: 1, found: "nothing", reason });
        }
        Ok(machine)
    }

    /// Resumes a run whose whole journal is in memory. It never asks for
    /// [`Next::Fetch`].
    ///
    /// # Errors
    /// When the entries cannot begin a journal.
    pub fn resume_whole(
        entries: Vec<Entry>,
        limits: Limits,
        guest: Digest,
        now_us: i64,
    ) -> Result<Self, JournalError> {
        let survey = Survey::of(&entries);
        // The head alone, so that no answer is replayed before `fetches` is false.
        let mut entries = entries.into_iter();
        let head: Vec<Entry> = entries.next().into_iter().collect();
        let mut machine = Self::resume(head, &survey, limits, guest, now_us)?;
        machine.fetches = false;
        machine.feed(Some(entries.collect()));
        machine.feed(None);
        Ok(machine)
    }

    /// Adds the next entries of the journal; none marks its end.
    pub fn feed(&mut self, piece: Option<Vec<Entry>>) {
        match piece {
            Some(entries) => self.take_in(entries),
            None => self.recording.complete(),
        }
        // The last entry may have been replayed already.
        self.leave_replay();
    }

    /// Whether the machine needs more of the journal before the next turn.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        // The outcome of a stuck child can be anywhere in the rest.
        let is_child_stuck = self.stuck.is_some_and(|scope| scope != Scope::ROOT);
        self.recording.is_short() || (is_child_stuck && self.recording.has_more())
    }

    fn take_in(&mut self, entries: impl IntoIterator<Item = Entry>) {
        let keeps_limits = self.keeps_limits;
        let limits = &mut self.limits;
        // A turn that was cut off at a limit was repeated under a higher one. The epoch
        // with the higher limit is recorded before the end of the repeated turn, so the
        // limit is known before that turn begins.
        self.recording.add(entries.into_iter().inspect(|entry| {
            if let (false, Some(raised)) = (keeps_limits, limits_after(entry, *limits)) {
                *limits = raised;
            }
        }));
    }

    /// Takes the next recorded delivery; none at the end of the recording.
    pub(super) fn pop_recorded_delivery(&mut self) -> Result<Option<Entry>, StopTurn> {
        self.skip_epochs();
        let Some(entry) = self.take_recorded() else { return Ok(None) };
        let begins_turn = matches!(
            entry.body,
            Body::ScopeStarted(_) | Body::Settled { .. } | Body::TimerFired { .. }
        );
        if !begins_turn {
            let now = match &entry.body {
                Body::RunEnded { .. } => "the script goes on waiting",
                _ => "the script has nothing more to run in this turn",
            };
            return Err(self.delivered_instead(&entry.body, now));
        }
        Ok(Some(entry))
    }

    pub(super) fn deliver_recorded(&mut self, body: Body) -> Result<Next, StopTurn> {
        match body {
            Body::ScopeStarted(start) => {
                if let Some(step) = start.scope.opened_by() {
                    let Some(open) = self.steps.get_mut(&step) else {
                        let now = "no `workflow` step is open under this number";
                        return Err(self.delivered_instead(&Body::ScopeStarted(start), now));
                    };
                    // Its script was found in an earlier epoch.
                    open.effect = None;
                }
                let next = self.open_scope(*start);
                self.leave_replay();
                Ok(next)
            }
            Body::Settled { step, outcome, reply, given } => {
                if let Some(Some(ended)) = self.ended_children.remove(&step)
                    && ended != outcome
                {
                    let recorded = Body::Settled { step, outcome, reply: reply.clone(), given };
                    let now = Body::Settled { step, outcome: ended, reply, given };
                    let seq = self.seq - 1;
                    return Err(Mismatch::between(seq, self.last_step, &recorded, &now).into());
                }
                if !self.steps.contains_key(&step) {
                    let now = "no step is open under this number";
                    let recorded = Body::Settled { step, outcome, reply, given };
                    return Err(self.delivered_instead(&recorded, now));
                }
                // Somebody stopped the child; a fixture has no entry of that.
                if self.scopes.contains_key(&Scope::of(step)) {
                    self.end_child(Scope::of(step), None);
                    self.ended_children.remove(&step);
                }
                self.drop_answer(step);
                if let Some(reply) = &reply {
                    self.agent_state.ledger.count(reply);
                }
                // As recorded, even if this program would give the script another value.
                let delivered = settlement::delivered(outcome, given);
                let next = self.settle(step, delivered, reply.as_deref());
                self.leave_replay();
                // Never none: the step is open.
                Ok(next.unwrap_or(Next::Wait))
            }
            Body::TimerFired { timer, scope } => self.replay_timer(timer, scope),
            other => Err(self.delivered_instead(&other, "this begins no turn")),
        }
    }

    /// The mismatch of an entry that has been popped already.
    fn delivered_instead(&self, recorded: &Body, now: &str) -> StopTurn {
        Mismatch::instead_of(self.seq - 1, self.last_step, recorded, now).into()
    }

    /// Applies the recorded verdict on a stuck script, so that the guest need not be
    /// asked again what it waits for.
    pub(super) fn apply_recorded_verdict(&mut self, scope: Scope) -> Result<(), StopTurn> {
        self.skip_epochs();
        let Some(entry) = self.recording.front() else { return Ok(()) };
        let verdict = match (&entry.body, scope.opened_by()) {
            (Body::RunEnded { end: RunEnd::Failed { error } }, None) => is_never_settles(error),
            // The verdict on a child is its outcome. Turns of other scripts may be
            // recorded before the outcome was delivered.
            (_, Some(child)) => self.recording.iter().any(|entry| {
                matches!(&entry.body, Body::Settled { step, outcome: Outcome::Failed(failure), .. }
                    if *step == child && failure.code == Code::WorkflowFailed)
            }),
            _ => false,
        };
        if !verdict {
            return Ok(());
        }
        self.stuck = None;
        if scope == Scope::ROOT {
            if let Some(Entry { body: Body::RunEnded { end }, .. }) = self.take_recorded() {
                self.steps.clear();
                self.asks.open.clear();
                self.timers.forget_all();
                self.end = Some(end);
            }
            return Ok(());
        }
        self.end_child(scope, None);
        Ok(())
    }
}

fn is_never_settles(error: &ScriptError) -> bool {
    error.code == NEVER_SETTLES
}
