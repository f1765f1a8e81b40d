//! Permissions that agents ask people for.
//!
//! Owns: which question may be asked, its number, and which answer it gets, once. Never:
//! asks anyone; the engine does, and lets the agent wait. A replay repeats none: the
//! questions of an epoch end with it, and the next attempt asks again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Body, Effect, Machine, StepId};
use crate::gate::{AnswerRefusal, AnsweredBy, AskRequest, PermissionAsk, check, check_comment};
use crate::limits::{AGENT_ASKS_MAX, AGENT_ASKS_OPEN_MAX, ASKS_OPEN_MAX};

/// The questions of the agents of a run that have no answer, by step, in the order in
/// which they were asked. A step without one is not in it.
#[derive(Debug, Default)]
pub(super) struct AgentAsks {
    steps: BTreeMap<StepId, Vec<Arc<AskRequest>>>,
}

impl AgentAsks {
    /// Those of a step.
    pub(super) fn of(&self, step: StepId) -> &[Arc<AskRequest>] {
        self.steps.get(&step).map(Vec::as_slice).unwrap_or_default()
    }

    /// Forgets a step. Returns whether its agent had an open question.
    pub(super) fn forget(&mut self, step: StepId) -> bool {
        self.steps.remove(&step).is_some()
    }

    /// Takes out the question of this number.
    fn take(&mut self, step: StepId, ask: u32) -> Option<Arc<AskRequest>> {
        let open = self.steps.get_mut(&step)?;
        let place = open.iter().position(|open| number_of(open) == ask)?;
        let taken = open.remove(place);
        if open.is_empty() {
            self.steps.remove(&step);
        }
        Some(taken)
    }

    fn open(&self) -> usize {
        self.steps.values().map(Vec::len).sum()
    }
}

/// Number of a question within its step.
fn number_of(request: &AskRequest) -> u32 {
    request.agent.as_ref().map_or(0, |agent| agent.ask)
}

impl Machine {
    /// Records that an agent asks for a permission. Returns the number of the question
    /// within its step; none if the step has its outcome, or too many are asked. Then the
    /// agent is refused.
    pub fn agent_asks(
        &mut self,
        step: StepId,
        (attempt, provider): (u32, &str),
        ask: PermissionAsk,
        now_us: i64,
    ) -> Option<u32> {
        let is_full = self.asks.open.len() + self.asks.agents.open() >= ASKS_OPEN_MAX;
        let open = self.steps.get(&step).filter(|open| !open.completed)?;
        let label = open.request.as_ref().map(|(_, request)| request.title())?;
        let waits = self.asks.agents.of(step).len();
        let has_asked = waits + self.asks.ended.of_agent(step);
        if is_full || waits >= AGENT_ASKS_OPEN_MAX || has_asked >= AGENT_ASKS_MAX {
            return None;
        }
        let number = u32::try_from(has_asked).ok()?.checked_add(1)?;
        let request = Box::new(ask.into_request(number, label, attempt, provider));
        let asked = Arc::new((*request).clone());
        self.asks.agents.steps.entry(step).or_default().push(asked);
        self.now_us = self.now_us.max(now_us);
        self.write(Body::AgentAsked { step, request });
        Some(number)
    }

    /// Records that an agent no longer waits for the answer to a question. Ignored if the
    /// question has its answer.
    pub fn agent_ask_withdrawn(&mut self, step: StepId, ask: u32, now_us: i64) {
        if self.end_agent_ask(step, ask) && self.end.is_none() {
            self.now_us = self.now_us.max(now_us);
            self.write(Body::AgentAskWithdrawn { step, ask });
        }
    }

    /// Withdraws all questions of a step whose agent begins again.
    pub(super) fn withdraw_agent_asks(&mut self, step: StepId) {
        let open: Vec<u32> = self.asks.agents.of(step).iter().map(|open| number_of(open)).collect();
        for ask in open {
            self.end_agent_ask(step, ask);
            self.write(Body::AgentAskWithdrawn { step, ask });
        }
    }

    /// Takes the answer to a question of an agent, as [`Machine::answer`] does to one of a
    /// script.
    pub(super) fn answer_agent(
        &mut self,
        step: StepId,
        request: &AskRequest,
        value: &str,
        by: &str,
        (comment, at_us): (Option<&str>, i64),
    ) -> Result<(), AnswerRefusal> {
        let checked = check(request, value)?;
        check_comment(comment)?;
        let comment = comment.map(ToOwned::to_owned).or(checked.comment);
        let (ask, allowed) = (number_of(request), checked.approved);
        self.end_agent_ask(step, ask);
        let answered = AnsweredBy::new(by, comment.clone(), at_us);
        self.effects.push(Effect::AnswerAgent { step, ask, allowed, comment });
        self.write(Body::AgentAskAnswered { step, ask, allowed, answered: Box::new(answered) });
        Ok(())
    }

    /// Ends a question of an agent. Returns false if it was not open.
    fn end_agent_ask(&mut self, step: StepId, ask: u32) -> bool {
        let Some(request) = self.asks.agents.take(step, ask) else { return false };
        self.asks.ended.end(step, &request);
        true
    }
}
