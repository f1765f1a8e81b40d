//! Questions to people, and events from outside.
//!
//! Owns: which answer settles which question, once, and the end of its time. Never:
//! asks anyone; the engine shows the questions and takes in the answers.

use std::collections::{BTreeSet, VecDeque};
use std::slice;
use std::sync::Arc;

use serde_json::Value;

use super::agent_asks::AgentAsks;
use super::{Body, Digest, Effect, Machine, Outcome, OutcomeRef, Scope, StepId, StopTurn};
use crate::codes::Code;
use crate::gate::{
    AnswerRefusal, AnsweredBy, AskKind, AskRequest, Checked, EndedAsks, check, check_comment,
    fits_event, read_event,
};
use crate::guest::Failure;
use crate::journal::Entry;
use crate::limits::ASKS_OPEN_MAX;
use crate::message::{SIGNALS_KEPT_BYTES_MAX, SIGNALS_KEPT_MAX};
use crate::step::StepRequest;
use crate::surface::Surface;

/// The questions of a run.
#[derive(Debug, Default)]
pub(super) struct Asks {
    /// Those without an outcome.
    pub(super) open: BTreeSet<StepId>,
    /// Those that have ended: no second answer counts.
    pub(super) ended: EndedAsks,
    /// Those of agents without an answer.
    pub(super) agents: AgentAsks,
    /// Events from outside that no script has waited for yet.
    kept: VecDeque<KeptSignal>,
    /// Bytes of their values.
    kept_bytes: usize,
}

impl Asks {
    /// Keeps an event that nobody waits for. Returns false if there is no room.
    pub(super) fn keep(&mut self, signal: KeptSignal) -> bool {
        let bytes = self.kept_bytes.saturating_add(signal.value.len());
        if self.kept.len() >= SIGNALS_KEPT_MAX || bytes > SIGNALS_KEPT_BYTES_MAX {
            return false;
        }
        self.kept_bytes = bytes;
        self.kept.push_back(signal);
        true
    }

    /// A step is over. `is_ask` says whether it is a question.
    pub(super) fn settle(&mut self, step: StepId, is_ask: bool) {
        self.open.remove(&step);
        let has_open = self.agents.forget(step);
        self.ended.end_step(step, is_ask || has_open);
    }
}

/// A question that waits for its answer.
#[derive(Debug, Clone, Copy)]
pub struct OpenAsk<'m> {
    /// Number of the step.
    pub step: StepId,
    /// Scope of the script that asks.
    pub scope: Scope,
    /// What is asked.
    pub request: &'m Arc<AskRequest>,
}

/// An event from outside that no script has waited for yet.
#[derive(Debug)]
pub(super) struct KeptSignal {
    name: String,
    /// What happened, as JSON text.
    value: String,
    by: String,
    at_us: i64,
}

impl KeptSignal {
    pub(super) fn new(name: &str, value: &str, by: &str, at_us: i64) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), by: by.to_owned(), at_us }
    }
}

impl Machine {
    /// The questions that wait for an answer, in the order in which they were asked.
    pub fn open_asks(&self) -> impl Iterator<Item = OpenAsk<'_>> {
        self.asks.open.iter().filter_map(|step| {
            let open = self.steps.get(step).filter(|open| !open.completed)?;
            Some(OpenAsk { step: *step, scope: open.scope, request: open.ask.as_ref()? })
        })
    }

    /// Takes the answer to a question of a script or an agent. `digest` is that of what was
    /// asked, `value` the answer as JSON text, and `at_us` the time of the answer, in
    /// microseconds since 1970. Writes the entry of the answer; the script gets it with a later turn,
    /// the agent by [`Effect::AnswerAgent`].
    ///
    /// # Errors
    /// When the step asks nothing, asks something else or has its answer, and when the
    /// answer does not fit. Then nothing has changed.
    pub fn answer(
        &mut self,
        step: StepId,
        digest: &Digest,
        value: &str,
        by: &str,
        comment: Option<&str>,
        at_us: i64,
    ) -> Result<(), AnswerRefusal> {
        // In a replay, an answer may be among the entries to come.
        if !self.is_live() {
            return Err(AnswerRefusal::Unknown { step });
        }
        let open = self.steps.get(&step);
        let asks = match open.and_then(|open| open.ask.as_ref()) {
            Some(request) => slice::from_ref(request),
            None => self.asks.agents.of(step),
        };
        let is_open = open.is_some_and(|open| !open.completed);
        let request = self.asks.ended.question(step, digest, (asks, is_open))?.clone();
        if request.agent.is_some() {
            return self.answer_agent(step, &request, value, by, (comment, at_us));
        }
        let checked = check(&request, value)?;
        check_comment(comment)?;
        let comment = comment.map(ToOwned::to_owned).or_else(|| checked.comment.clone());
        let answered = AnsweredBy::new(by, comment, at_us);
        self.take_answer(step, &request, &checked, answered);
        Ok(())
    }

    /// Takes an event from outside: it settles the first `waitFor()` of this name whose
    /// `match` it fits. Returns that step; none if nobody waits for it.
    ///
    /// # Errors
    /// When the event is not JSON, or too large. Then nothing has changed.
    pub fn signal(
        &mut self,
        name: &str,
        value: &str,
        by: &str,
        at_us: i64,
    ) -> Result<Option<StepId>, AnswerRefusal> {
        let event = read_event(value)?;
        if !self.is_live() {
            return Ok(None);
        }
        let waits = |open: &OpenAsk<'_>| {
            let request = open.request;
            let is_named = request.kind == AskKind::WaitFor && request.question == name;
            is_named && fits_event(request, &event)
        };
        let first = self.open_asks().find(waits).map(|open| (open.step, Arc::clone(open.request)));
        let Some((step, request)) = first else { return Ok(None) };
        self.take_event(step, &request, &event, by, at_us);
        Ok(Some(step))
    }

    fn take_event(
        &mut self,
        step: StepId,
        request: &AskRequest,
        event: &Value,
        by: &str,
        at_us: i64,
    ) {
        let checked = Checked { value: event.to_string(), approved: false, comment: None };
        let answered = AnsweredBy::new(by, None, at_us);
        self.take_answer(step, request, &checked, answered);
    }

    /// Takes the first kept event that a question waits for.
    fn take_kept(&mut self, request: &AskRequest) -> Option<(KeptSignal, Value)> {
        if request.kind != AskKind::WaitFor {
            return None;
        }
        let read = |kept: &KeptSignal| read_event(&kept.value).ok();
        let fits = |kept: &KeptSignal| {
            kept.name == request.question
                && read(kept).is_some_and(|event| fits_event(request, &event))
        };
        let place = self.asks.kept.iter().position(fits)?;
        let kept = self.asks.kept.remove(place)?;
        self.asks.kept_bytes = self.asks.kept_bytes.saturating_sub(kept.value.len());
        let event = read(&kept)?;
        Some((kept, event))
    }

    /// Reports that the time of a question is up. Ignored if it has its answer.
    pub fn ask_timed_out(&mut self, step: StepId) {
        let Some(open) = self.steps.get_mut(&step).filter(|open| !open.completed) else { return };
        let Some(request) = open.ask.clone() else { return };
        // No script sees its time end early, even if the clock was set back.
        open.wakes_at_us = request.deadline_us;
        self.complete(step, request.timed_out(), None);
    }

    /// Journals an answer that fits, and queues its delivery.
    fn take_answer(
        &mut self,
        step: StepId,
        request: &AskRequest,
        checked: &Checked,
        answered: AnsweredBy,
    ) {
        let outcome = request.outcome(checked, &answered);
        let kept = outcome.clone();
        self.write(Body::AskAnswered { step, outcome: kept, answered: Box::new(answered) });
        self.effects.push(Effect::Cancel(step));
        self.complete_by(step, OutcomeRef::Inline(outcome), None);
    }

    /// Reads a call of `approve()`, `ask()` or `waitFor()`.
    pub(super) fn read_ask(
        &mut self,
        kind: AskKind,
        question: &str,
        options: &str,
    ) -> Result<AskRequest, Failure> {
        let function = kind.function();
        let refuse = |why: String| Failure::new(Code::CallInvalid, format!("{function}() {why}"));
        // The prelude of older surfaces has no such function, so no script calls it.
        if self.surface() < Surface::Fourth {
            return Err(refuse("is not part of this surface".to_owned()));
        }
        if self.is_live() && self.asks.open.len() >= ASKS_OPEN_MAX {
            return Err(refuse(format!(
                "is refused: {ASKS_OPEN_MAX} questions of this run are open, the most allowed"
            )));
        }
        let taken = self.recorded_ask();
        let schemas = &mut *self.schemas;
        AskRequest::read_again(kind, question, options, taken.as_deref(), schemas)
    }

    pub(super) fn open_ask(&mut self, mut request: AskRequest) -> Result<StepId, StopTurn> {
        self.count_note()?;
        request.asked_at(self.now_us);
        let request = Arc::new(request);
        let step = self.number(StepRequest::Ask(Arc::clone(&request)))?;
        let reused = match request.kind {
            // An approval is given in one run.
            AskKind::Approve | AskKind::Permission => None,
            AskKind::Ask | AskKind::WaitFor => self.take_reusable(|| request.digest()),
        };
        match reused {
            Some(answer) => self.open_answered(step, None, None, answer),
            None => {
                let left_us = request.timeout_ms.map(|timeout| timeout.saturating_mul(1_000));
                let request = Arc::clone(&request);
                self.open_step(step, None, Effect::Ask { step, request, left_us });
            }
        }
        if let Some(open) = self.steps.get_mut(&step) {
            open.ask = Some(request);
            if !open.completed {
                self.asks.open.insert(step);
            }
        }
        Ok(step)
    }

    /// Gives questions the events that came before they were asked. Between two turns, so
    /// that a replay finds the question open where its answer is recorded. Returns whether
    /// one was given.
    pub(super) fn take_kept_events(&mut self, now_us: i64) -> bool {
        if self.asks.kept.is_empty() || !self.is_live() {
            return false;
        }
        let open: Vec<_> =
            self.open_asks().map(|open| (open.step, Arc::clone(open.request))).collect();
        let mut has_taken = false;
        for (step, request) in open {
            if let Some((kept, event)) = self.take_kept(&request) {
                self.now_us = self.now_us.max(now_us);
                self.take_event(step, &request, &event, &kept.by, kept.at_us);
                has_taken = true;
            }
        }
        has_taken
    }

    /// The question in the next recorded entry, if that entry has one.
    fn recorded_ask(&self) -> Option<Arc<AskRequest>> {
        let next: &Entry = self.recording.iter().find(|entry| !entry.body.is_about_epochs())?;
        match &next.body {
            Body::StepAsked { asked: StepRequest::Ask(request), .. } => Some(Arc::clone(request)),
            _ => None,
        }
    }

    /// Replays the entry of an answer: it waits for its delivery, or for the end of the
    /// recording.
    pub(super) fn replay_answer(&mut self, step: StepId, outcome: Outcome) {
        // An event that was kept when the script waited for it. One that came later found
        // no such event: that would have been taken first.
        if let Some(request) = self.steps.get(&step).and_then(|open| open.ask.clone()) {
            self.take_kept(&request);
        }
        self.drop_answer(step);
        let outcome = self.outcome_ref(outcome);
        self.answered.insert(step, (outcome, None));
    }
}
