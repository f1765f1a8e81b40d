//! Whether a message fits a run as its journal shows it.
//!
//! Owns: the check before a message is posted. Never: the verdict that counts; the
//! holder takes the message later, and [`crate::machine`] judges then.

use std::collections::BTreeSet;
use std::slice;
use std::sync::Arc;

use crate::gate::{AnswerRefusal, AskRequest, EndedAsks, check_answer, check_comment, check_event};
use crate::ids::{Digest, StepId};
use crate::journal::{Body, Entry};
use crate::message::{Message, MessageRefusal, check_text};
use crate::step::StepRequest;
use crate::steps::{Step, Steps};
use crate::survey::Survey;

/// A run as those who post to it see it, as a fold over its journal.
#[derive(Debug, Default)]
pub struct Standing {
    /// Limits, epochs and state.
    pub survey: Survey,
    /// The open steps.
    pub steps: Steps,
    /// Open steps whose outcome is known and was not delivered yet.
    answered: BTreeSet<StepId>,
    /// Questions that have ended.
    ended: EndedAsks,
}

impl Standing {
    /// Whether an agent waits for the answer of a person.
    #[must_use]
    pub fn has_agent_asks(&self) -> bool {
        self.steps.has_asks()
    }

    /// No process holds the run, so its agents wait for nothing.
    pub fn release(&mut self) {
        for ask in self.steps.end_all_asks() {
            self.ended.end(ask.step, &ask.request);
        }
    }

    /// Adds the next entry.
    pub fn add(&mut self, entry: &Entry) {
        self.survey.add(entry);
        let (step, ended) = self.steps.after_with_asks(entry);
        let is_ask = step.is_some_and(|step| matches!(step.asked, StepRequest::Ask(_)));
        for ask in ended {
            self.ended.end(ask.step, &ask.request);
        }
        match &entry.body {
            Body::AgentAnswered { step, .. } | Body::AskAnswered { step, .. } => {
                self.answered.insert(*step);
            }
            Body::MessageTaken(taken) => {
                self.answered.extend(taken.settles.as_ref().map(|settles| settles.step));
            }
            Body::Settled { step, .. } => {
                self.answered.remove(step);
                self.ended.end_step(*step, is_ask);
            }
            _ => {}
        }
    }

    /// Refuses a message about a step that is not open, or cannot do what it asks.
    ///
    /// # Errors
    /// The reason, which the holder would give as well.
    pub fn check(&self, message: &Message) -> Result<(), MessageRefusal> {
        match message {
            Message::Stop { step } => self.check_open(*step),
            Message::Restart { step } => self.check_open_agent(*step),
            Message::Message { step, text } => {
                check_text(text)?;
                self.check_open_agent(*step)
            }
            Message::Answer { step, digest, value, comment } => {
                self.check_answer(*step, digest, value)?;
                Ok(check_comment(comment.as_deref())?)
            }
            Message::Signal { value, .. } => Ok(check_event(value)?),
            _ => Ok(()),
        }
    }

    /// Refuses an answer to no open question, to another one than was asked, or one that
    /// does not fit.
    fn check_answer(
        &self,
        step: StepId,
        digest: &Digest,
        value: &str,
    ) -> Result<(), AnswerRefusal> {
        let asks = match self.steps.get(step) {
            Some(Step { asked: StepRequest::Ask(request), .. }) => slice::from_ref(request),
            Some(_) => self.steps.asks(step),
            None => &[],
        };
        let request = self.ended.question(step, digest, (asks, self.is_open(step)))?;
        check_answer(request, value).map(|_| ())
    }

    /// Why there is no open question of this step, or none of its agent with this number.
    #[must_use]
    pub fn not_open(&self, step: StepId, ask: Option<u32>) -> AnswerRefusal {
        let of_agent = self.ended.of_agent(step);
        let has_ended = match (self.steps.get(step), ask) {
            (Some(Step { asked: StepRequest::Ask(_), .. }), _) => !self.is_open(step),
            // An agent numbers its questions from 1.
            (Some(_), Some(ask)) => {
                let asked = of_agent + self.steps.asks(step).len();
                usize::try_from(ask).is_ok_and(|ask| (1..=asked).contains(&ask))
            }
            (Some(_), None) => of_agent > 0,
            (None, _) => self.ended.is_over(step),
        };
        match has_ended {
            true => AnswerRefusal::Answered { step },
            false => AnswerRefusal::Unknown { step },
        }
    }

    /// The questions that wait for an answer, by step, in the order in which they were
    /// asked. Those of a child that is over ended with it.
    pub fn open_asks(&self) -> impl Iterator<Item = (StepId, &Arc<AskRequest>)> {
        let is_alive = |by: Option<StepId>| by.is_none_or(|by| self.steps.get(by).is_some());
        let open = self.steps.open().filter(move |open| is_alive(open.scope.opened_by()));
        open.filter(|open| !self.answered.contains(&open.id)).flat_map(|open| {
            let of_script = match &open.asked {
                StepRequest::Ask(request) => Some(request),
                _ => None,
            };
            of_script.into_iter().chain(self.steps.asks(open.id)).map(|request| (open.id, request))
        })
    }

    /// Whether a step is open; those of a child that is over ended with it.
    fn is_open(&self, step: StepId) -> bool {
        let open = self.steps.get(step).filter(|_| !self.answered.contains(&step));
        let by = open.map(|open| open.scope.opened_by());
        by.is_some_and(|by| by.is_none_or(|by| self.steps.get(by).is_some()))
    }

    fn check_open_agent(&self, step: StepId) -> Result<(), MessageRefusal> {
        self.check_open(step)?;
        let is_agent = self.steps.get(step).is_some_and(|open| open.agent().is_some());
        is_agent.then_some(()).ok_or(MessageRefusal::NotAnAgent { step })
    }

    /// The open agent steps that have no outcome yet, in the order in which the script
    /// asked for them.
    pub fn open_agents(&self) -> impl Iterator<Item = &Step> {
        self.steps.open().filter(|open| open.agent().is_some() && self.is_open(open.id))
    }

    fn check_open(&self, step: StepId) -> Result<(), MessageRefusal> {
        if self.is_open(step) {
            return Ok(());
        }
        let asked = self.steps.last().map_or(0, |last| last.0);
        match (1..=asked).contains(&step.0) {
            true => Err(MessageRefusal::StepSettled { step }),
            false => Err(MessageRefusal::StepUnknown { step, asked: asked as usize }),
        }
    }
}
