//! Answers to questions that were given before the run asked them.
//!
//! Owns: giving each open question its answer, once. Never: decides which answer is for
//! which question, or whether it fits; its giver and the machine do.

use std::sync::Arc;

use smol_wf_core::gate::AskRequest;
use smol_wf_core::ids::StepId;
use smol_wf_core::machine::Machine;

use crate::clock;

/// Knows answers to questions before they are asked.
pub trait Answers: Send + Sync {
    /// The answer to a question, as JSON text that fits it; none leaves it open.
    fn answer(&self, question: &AskRequest) -> Option<String>;

    /// The system's name of the user who gave the answers.
    fn by(&self) -> &str;
}

/// The answers that a process has for its run; none by default.
#[derive(Clone, Default)]
pub struct GivenAnswers(Option<Arc<dyn Answers>>);

impl GivenAnswers {
    /// Answers by this giver.
    #[must_use]
    pub fn by(answers: Arc<dyn Answers>) -> Self {
        Self(Some(answers))
    }
}

impl std::fmt::Debug for GivenAnswers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GivenAnswers").field(&self.0.is_some()).finish()
    }
}

/// Answers questions as they open.
#[derive(Debug, Default)]
pub(crate) struct AnswerGiver {
    given: GivenAnswers,
    /// The last question that was offered: steps are numbered in order.
    offered: Option<StepId>,
}

impl AnswerGiver {
    pub(crate) fn new(given: GivenAnswers) -> Self {
        Self { given, offered: None }
    }

    /// Gives new questions their answers. Returns whether one was taken.
    pub(crate) fn answer(&mut self, machine: &mut Machine) -> bool {
        let Some(answers) = &self.given.0 else { return false };
        let new = machine.open_asks().filter(|open| Some(open.step) > self.offered);
        let new: Vec<_> = new.map(|open| (open.step, Arc::clone(open.request))).collect();
        let mut has_answered = false;
        for (step, request) in new {
            self.offered = Some(step);
            let Some(value) = answers.answer(&request) else { continue };
            let (digest, by) = (request.digest(), answers.by());
            let answered = machine.answer(step, &digest, &value, by, None, clock::now_us());
            // One that is refused leaves the question open.
            has_answered |= answered.is_ok();
        }
        has_answered
    }
}
