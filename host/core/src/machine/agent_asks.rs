//! Permissions that agents ask people for.
//!
//! Owns: which question may be asked, its number, and which answer it gets, once. Never:
//! asks anyone; the engine does, and lets the agent wait. A replay repeats none: the
//! questions of an epoch end with it, and the next attempt asks again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Body, Digest, Effect, Machine, StepId};
use crate::gate::{AnswerRefusal, AnsweredBy, AskRequest, PermissionAsk, check, check_comment};
use crate::limits::{AGENT_ASKS_MAX, AGENT_ASKS_OPEN_MAX, ASKS_OPEN_MAX};

/// The questions of the agents of a run, by step.
#[derive(Debug, Default)]
pub(super) struct AgentAsks {
    steps: BTreeMap<StepId, StepAsks>,
}

#[derive(Debug, Default)]
struct StepAsks {
    /// Number of the last one.
    last: u32,
    /// Those without an answer, in the order in which they were asked.
    open: Vec<Arc<AskRequest>>,
    /// Those that are answered or withdrawn: no second answer counts.
    over: Vec<Digest>,
}

impl StepAsks {
    /// Ends the question of this number.
    fn end(&mut self, ask: u32) -> Option<Arc<AskRequest>> {
        let place = self.open.iter().position(|open| number_of(open) == ask)?;
        let ended = self.open.remove(place);
        self.over.push(ended.digest());
        Some(ended)
    }
}

impl AgentAsks {
    /// Adds a question that an earlier epoch asked: it is over.
    pub(super) fn replay(&mut self, step: StepId, request: &AskRequest) {
        let asks = self.steps.entry(step).or_default();
        asks.last = asks.last.max(number_of(request));
        if asks.over.len() < AGENT_ASKS_MAX {
            asks.over.push(request.digest());
        }
    }

    /// Forgets a step that is settled.
    pub(super) fn settle(&mut self, step: StepId) {
        self.steps.remove(&step);
    }

    fn open(&self) -> usize {
        self.steps.values().map(|asks| asks.open.len()).sum()
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
        let asks = self.asks.agents.steps.entry(step).or_default();
        let has_asked = asks.open.len() + asks.over.len();
        if is_full || asks.open.len() >= AGENT_ASKS_OPEN_MAX || has_asked >= AGENT_ASKS_MAX {
            return None;
        }
        asks.last = asks.last.saturating_add(1);
        let number = asks.last;
        let request = Box::new(ask.into_request(number, label, attempt, provider));
        asks.open.push(Arc::new((*request).clone()));
        self.now_us = self.now_us.max(now_us);
        self.write(Body::AgentAsked { step, request });
        Some(number)
    }

    /// Records that an agent no longer waits for the answer to a question. Ignored if the
    /// question has its answer.
    pub fn agent_ask_withdrawn(&mut self, step: StepId, ask: u32, now_us: i64) {
        let asks = self.asks.agents.steps.get_mut(&step);
        if asks.and_then(|asks| asks.end(ask)).is_some() && self.end.is_none() {
            self.now_us = self.now_us.max(now_us);
            self.write(Body::AgentAskWithdrawn { step, ask });
        }
    }

    /// Withdraws all questions of a step whose agent begins again.
    pub(super) fn withdraw_agent_asks(&mut self, step: StepId) {
        let Some(asks) = self.asks.agents.steps.get_mut(&step) else { return };
        let open: Vec<u32> = asks.open.iter().map(|open| number_of(open)).collect();
        for ask in &open {
            asks.end(*ask);
        }
        for ask in open {
            self.write(Body::AgentAskWithdrawn { step, ask });
        }
    }

    /// Whether an answer to this step is one to its agent.
    pub(super) fn is_asked_by_agent(&self, step: StepId) -> bool {
        let open = self.steps.get(&step);
        self.is_live() && open.is_some_and(|open| open.ask.is_none() && open.request.is_some())
    }

    /// Takes the answer to an agent, as [`Machine::answer`] does to a script.
    pub(super) fn answer_agent(
        &mut self,
        step: StepId,
        digest: &Digest,
        value: &str,
        by: &str,
        (comment, at_us): (Option<&str>, i64),
    ) -> Result<(), AnswerRefusal> {
        if self.steps.get(&step).is_none_or(|open| open.completed) {
            return Err(AnswerRefusal::Answered { step });
        }
        let unknown = AnswerRefusal::Unknown { step };
        let asks = self.asks.agents.steps.get_mut(&step).ok_or(unknown)?;
        let request = open_ask(step, digest, &asks.open, &asks.over)?;
        let checked = check(&request, value)?;
        check_comment(comment)?;
        let comment = comment.map(ToOwned::to_owned).or(checked.comment);
        let (ask, allowed) = (number_of(&request), checked.approved);
        asks.end(ask);
        let answered = AnsweredBy::new(by, comment.clone(), at_us);
        self.effects.push(Effect::AnswerAgent { step, ask, allowed, comment });
        self.write(Body::AgentAskAnswered { step, ask, allowed, answered: Box::new(answered) });
        Ok(())
    }
}

/// The open question of this digest.
fn open_ask(
    step: StepId,
    digest: &Digest,
    open: &[Arc<AskRequest>],
    over: &[Digest],
) -> Result<Arc<AskRequest>, AnswerRefusal> {
    match open.iter().find(|open| open.digest() == *digest) {
        Some(found) => Ok(Arc::clone(found)),
        None if over.contains(digest) => Err(AnswerRefusal::Answered { step }),
        None => match open.first() {
            Some(first) => Err(AnswerRefusal::Changed { step, digest: first.digest() }),
            None => Err(AnswerRefusal::Unknown { step }),
        },
    }
}
