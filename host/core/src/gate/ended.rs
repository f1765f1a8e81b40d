//! Which question an answer is for, and why it is for none.
//!
//! Owns: what is kept of questions that have ended, and the one rule by which the holder of
//! a run and those who post to it refuse an answer. Never: checks whether an answer fits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{AnswerRefusal, AskRequest};
use crate::ids::{Digest, StepId};
use crate::limits::AGENT_ASKS_MAX;

/// The questions of a run that have ended: no answer to them counts.
#[derive(Debug, Default)]
pub(crate) struct EndedAsks {
    /// Steps that have their outcome, and that asked or whose agent did.
    steps: BTreeSet<StepId>,
    /// Those of agents whose step is open.
    of_agents: BTreeMap<StepId, Vec<Digest>>,
}

impl EndedAsks {
    /// A question of an agent has ended, and its step has not.
    pub(crate) fn end(&mut self, step: StepId, request: &AskRequest) {
        let ended = self.of_agents.entry(step).or_default();
        // An agent may ask no more; a forged journal may say more.
        if ended.len() < AGENT_ASKS_MAX {
            ended.push(request.digest());
        }
    }

    /// A step has its outcome. `asks` says whether it is a question, or its agent has one
    /// open.
    pub(crate) fn end_step(&mut self, step: StepId, asks: bool) {
        if self.of_agents.remove(&step).is_some() || asks {
            self.steps.insert(step);
        }
    }

    /// How many questions of the agent of an open step have ended.
    pub(crate) fn of_agent(&self, step: StepId) -> usize {
        self.of_agents.get(&step).map_or(0, Vec::len)
    }

    /// Whether a step has its outcome, and it or its agent asked something.
    pub(crate) fn is_over(&self, step: StepId) -> bool {
        self.steps.contains(&step)
    }

    /// The question of this digest among `asks`, those of a step that have not ended.
    /// `is_open` says whether the step has no outcome yet. An answer to another question is
    /// told what a script asks, but not what an agent does: an agent asks many things, and
    /// an answer to one of them is for no other.
    pub(crate) fn question<'a>(
        &self,
        step: StepId,
        digest: &Digest,
        (asks, is_open): (&'a [Arc<AskRequest>], bool),
    ) -> Result<&'a Arc<AskRequest>, AnswerRefusal> {
        if !is_open && !asks.is_empty() {
            return Err(AnswerRefusal::Answered { step });
        }
        if let Some(meant) = asks.iter().find(|ask| ask.digest() == *digest) {
            return Ok(meant);
        }
        let of_agent = self.of_agents.get(&step).is_some_and(|ended| ended.contains(digest));
        if of_agent || self.is_over(step) {
            return Err(AnswerRefusal::Answered { step });
        }
        match asks.first().filter(|ask| ask.agent.is_none()) {
            Some(ask) => Err(AnswerRefusal::Changed { step, digest: ask.digest() }),
            None => Err(AnswerRefusal::Unknown { step }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AskKind, PermissionAsk};
    use super::*;

    const STEP: StepId = StepId(3);

    fn permission(number: u32) -> Arc<AskRequest> {
        Arc::new(PermissionAsk::default().into_request(number, "l".to_owned(), 1, "acp"))
    }

    #[test]
    fn an_answer_to_another_question_of_an_agent_names_none_that_is_open() {
        let mut ended = EndedAsks::default();
        let (first, second) = (permission(1), permission(2));
        let open = [Arc::clone(&second)];
        ended.end(STEP, &first);
        let meant = ended.question(STEP, &second.digest(), (&open, true)).unwrap();
        assert!(Arc::ptr_eq(meant, &second));
        let refused = |ended: &EndedAsks, digest: &Digest, asks: &[Arc<AskRequest>]| {
            ended.question(STEP, digest, (asks, true)).unwrap_err()
        };
        let answered = AnswerRefusal::Answered { step: STEP };
        assert_eq!(refused(&ended, &first.digest(), &open), answered);
        let unknown = AnswerRefusal::Unknown { step: STEP };
        assert_eq!(refused(&ended, &Digest::of(b"x"), &open), unknown);
        ended.end_step(STEP, false);
        assert_eq!(refused(&ended, &Digest::of(b"x"), &[]), answered);
        assert_eq!((ended.of_agent(STEP), ended.is_over(STEP)), (0, true));
        // An agent that asked nothing.
        ended.end_step(StepId(4), false);
        assert!(!ended.is_over(StepId(4)));
    }

    #[test]
    fn an_answer_to_another_question_of_a_script_is_told_what_it_asks() {
        let mut ended = EndedAsks::default();
        let open = Arc::new(AskRequest::plain(AskKind::Approve, "Deploy?"));
        let (digest, open) = (open.digest(), [open]);
        let refused = ended.question(STEP, &Digest::of(b"x"), (&open, true)).unwrap_err();
        assert_eq!(refused, AnswerRefusal::Changed { step: STEP, digest: digest.clone() });
        let answered = AnswerRefusal::Answered { step: STEP };
        assert_eq!(ended.question(STEP, &digest, (&open, false)).unwrap_err(), answered);
        ended.end_step(STEP, true);
        assert_eq!(ended.question(STEP, &digest, (&[], false)).unwrap_err(), answered);
    }
}
