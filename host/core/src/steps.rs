//! The steps of a journal, as a fold: which are open, and who was asked.
//!
//! Owns: the map of open steps that the event stream, the report, the details and
//! reuse have in common. Never: keeps a settled step, or copies a text; a reader takes
//! what it needs of a step when the step settles.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::gate::{AnsweredBy, AskRequest};
use crate::ids::{Scope, StepId};
use crate::journal::{Body, Entry};
use crate::limits::AGENT_ASKS_OPEN_MAX;
use crate::selector::Addressee;
use crate::step::{StepRequest, WorkflowRequest};
use crate::step_request::AgentRequest;

/// A step, after the entries read so far.
#[derive(Debug, Clone)]
pub struct Step {
    /// Number of the step.
    pub id: StepId,
    /// Scope of the script that asked.
    pub scope: Scope,
    /// Number of steps before it: its index among all steps.
    pub index: usize,
    /// The request; for a child workflow without the arguments.
    pub asked: StepRequest,
    /// How often it was dispatched.
    pub dispatches: u32,
    /// Who was asked by the last dispatch, if that was recorded.
    pub to: Option<Box<Addressee>>,
    /// The session of its agent, once the agent has named it.
    pub session: Option<String>,
    /// Who answered, if it is a question that was answered.
    pub answered: Option<Box<AnsweredBy>>,
}

/// A question of an agent that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedAsk {
    /// Number of the agent's step.
    pub step: StepId,
    /// Scope of the script that asked for the step.
    pub scope: Scope,
    /// Index of the step among all steps.
    pub index: usize,
    /// What the agent asked for.
    pub request: Arc<AskRequest>,
    /// Whether it may, and who said so; none if the question was withdrawn, or ended with
    /// the attempt.
    pub answer: Option<(bool, AnsweredBy)>,
}

impl Step {
    /// A question of its agent that has ended.
    fn ended(&self, request: Arc<AskRequest>, answer: Option<(bool, AnsweredBy)>) -> EndedAsk {
        EndedAsk { step: self.id, scope: self.scope, index: self.index, request, answer }
    }

    /// The request, if it is an agent's.
    #[must_use]
    pub fn agent(&self) -> Option<&Arc<AgentRequest>> {
        self.asked.agent()
    }
}

/// The open steps.
#[derive(Debug, Default)]
pub struct Steps {
    open: BTreeMap<StepId, Step>,
    /// The permissions that agents of open steps wait for. A step without one is not in
    /// it: few have one, and there may be many thousand steps.
    asks: BTreeMap<StepId, Vec<Arc<AskRequest>>>,
    /// The step that the last entry settled.
    settled: Option<Step>,
    asked: usize,
    last: Option<StepId>,
}

impl Steps {
    /// A fold at the start of a journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next entry, and returns the step that it is about, in its new state.
    /// None if the entry is not about a step, or the step is not open.
    pub fn after(&mut self, entry: &Entry) -> Option<&Step> {
        self.after_with_asks(entry).0
    }

    /// The same, with the questions of agents that the entry ended.
    pub fn after_with_asks(&mut self, entry: &Entry) -> (Option<&Step>, Vec<EndedAsk>) {
        let ended = self.end_asks(entry);
        (self.add(entry), ended)
    }

    fn add(&mut self, entry: &Entry) -> Option<&Step> {
        self.settled = None;
        match &entry.body {
            Body::StepAsked { step, scope, asked } => {
                Some(self.ask(*step, *scope, without_args(asked)))
            }
            Body::AgentDispatched { step, to } => {
                let step = self.open.get_mut(step)?;
                step.dispatches = step.dispatches.saturating_add(1);
                step.to.clone_from(to);
                Some(step)
            }
            Body::AgentSession { step, session_id, .. } => {
                let step = self.open.get_mut(step)?;
                step.session = Some(session_id.clone());
                Some(step)
            }
            Body::AskAnswered { step, answered, .. } => {
                let step = self.open.get_mut(step)?;
                step.answered = Some(answered.clone());
                Some(step)
            }
            Body::AgentAsked { step, request } => {
                let step = self.open.get_mut(step)?;
                let asks = self.asks.entry(step.id).or_default();
                // An agent may wait for no more; a forged journal may say more.
                if asks.len() < AGENT_ASKS_OPEN_MAX {
                    asks.push(Arc::new((**request).clone()));
                }
                Some(step)
            }
            Body::AgentAskAnswered { step, .. }
            | Body::AgentAskWithdrawn { step, .. }
            | Body::AgentAnswered { step, .. }
            | Body::AgentParked { step, .. }
            | Body::AgentTold { step, .. }
            | Body::WorktreeKept { step, .. } => self.open.get(step),
            Body::AgentActivity(activity) => self.open.get(&activity.step),
            Body::ScopeStarted(start) => self.open.get(&start.scope.opened_by()?),
            Body::Settled { step, .. } => {
                self.settled = self.open.remove(step);
                self.settled.as_ref()
            }
            Body::RunStarted(_)
            | Body::FormatRaised(_)
            | Body::EpochStarted { .. }
            | Body::CallRefused(_)
            | Body::AnswerPooled(_)
            | Body::TimerSet { .. }
            | Body::TimerCleared { .. }
            | Body::TimerFired { .. }
            | Body::PhaseSet { .. }
            | Body::Logged { .. }
            | Body::SlotNulled { .. }
            | Body::Warned { .. }
            | Body::MessageTaken(_)
            | Body::TurnEnded { .. }
            | Body::RunEnded { .. }
            | Body::EpochEnded { .. } => None,
        }
    }

    fn ask(&mut self, step: StepId, scope: Scope, asked: StepRequest) -> &Step {
        let index = self.asked;
        self.asked += 1;
        self.last = self.last.max(Some(step));
        let asked = Step {
            id: step,
            scope,
            index,
            asked,
            dispatches: 0,
            to: None,
            session: None,
            answered: None,
        };
        self.open.entry(step).insert_entry(asked).into_mut()
    }

    /// Ends those questions of agents that this entry ends, and returns them. Those of an
    /// attempt end with it.
    fn end_asks(&mut self, entry: &Entry) -> Vec<EndedAsk> {
        match &entry.body {
            Body::AgentAskAnswered { step, ask, allowed, answered } => {
                self.end_ask(*step, *ask, Some((*allowed, (**answered).clone())))
            }
            Body::AgentAskWithdrawn { step, ask } => self.end_ask(*step, *ask, None),
            Body::AgentDispatched { step, .. }
            | Body::AgentParked { step, .. }
            | Body::Settled { step, .. } => self.end_asks_of(*step),
            Body::EpochStarted { .. } | Body::EpochEnded { .. } | Body::RunEnded { .. } => {
                self.end_all_asks()
            }
            _ => Vec::new(),
        }
    }

    /// Ends all questions of agents: no process holds the run.
    pub fn end_all_asks(&mut self) -> Vec<EndedAsk> {
        let steps: Vec<StepId> = self.asks.keys().copied().collect();
        steps.into_iter().flat_map(|step| self.end_asks_of(step)).collect()
    }

    /// Ends the questions of a step's agent, unanswered.
    fn end_asks_of(&mut self, step: StepId) -> Vec<EndedAsk> {
        let asks = self.asks.remove(&step).unwrap_or_default();
        let Some(step) = self.open.get(&step) else { return Vec::new() };
        asks.into_iter().map(|request| step.ended(request, None)).collect()
    }

    fn end_ask(
        &mut self,
        step: StepId,
        ask: u32,
        answer: Option<(bool, AnsweredBy)>,
    ) -> Vec<EndedAsk> {
        let Some(asks) = self.asks.get_mut(&step) else { return Vec::new() };
        let is_it = |one: &Arc<AskRequest>| one.agent.as_ref().is_some_and(|it| it.ask == ask);
        let Some(place) = asks.iter().position(is_it) else { return Vec::new() };
        let request = asks.remove(place);
        if asks.is_empty() {
            self.asks.remove(&step);
        }
        self.open.get(&step).map(|step| step.ended(request, answer)).into_iter().collect()
    }

    /// The permissions that the agent of this step waits for, in the order in which it
    /// asked.
    #[must_use]
    pub fn asks(&self, step: StepId) -> &[Arc<AskRequest>] {
        self.asks.get(&step).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether an agent waits for a permission.
    #[must_use]
    pub fn has_asks(&self) -> bool {
        !self.asks.is_empty()
    }

    /// An open step.
    #[must_use]
    pub fn get(&self, step: StepId) -> Option<&Step> {
        self.open.get(&step)
    }

    /// The open steps, by number.
    pub fn open(&self) -> impl Iterator<Item = &Step> {
        self.open.values()
    }

    /// Number of steps that were asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// The largest number of a step; none before the first.
    #[must_use]
    pub fn last(&self) -> Option<StepId> {
        self.last
    }
}

/// The request without the arguments of a child workflow, which no reader of open steps
/// needs.
fn without_args(asked: &StepRequest) -> StepRequest {
    match asked {
        StepRequest::Workflow(request) if request.args.is_some() => {
            let target = request.target.clone();
            StepRequest::Workflow(Arc::new(WorkflowRequest { target, args: None }))
        }
        asked => asked.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::Outcome;

    fn entry(body: Body) -> Entry {
        Entry { at_us: 0, body }
    }

    fn asked(step: u32) -> Entry {
        let asked = StepRequest::Agent(AgentRequest::plain("p").into());
        entry(Body::StepAsked { step: StepId(step), scope: Scope::ROOT, asked })
    }

    fn settled(step: u32) -> Entry {
        let outcome = Outcome::Value("1".into());
        entry(Body::Settled { step: StepId(step), outcome, reply: None, given: None })
    }

    fn dispatched(step: u32, to: Option<&str>) -> Entry {
        let to = to.map(|to| Addressee { provider: to.to_owned(), vendor: "v".into() });
        entry(Body::AgentDispatched { step: StepId(step), to: to.map(Box::new) })
    }

    #[test]
    fn a_step_is_open_from_its_request_to_its_outcome() {
        let mut steps = Steps::new();
        assert_eq!(steps.after(&asked(1)).unwrap().index, 0);
        assert_eq!(steps.after(&asked(2)).unwrap().index, 1);
        steps.after(&dispatched(2, Some("a")));
        let again = steps.after(&dispatched(2, None)).unwrap();
        assert_eq!((again.dispatches, again.to.is_none()), (2, true), "the last one counts");
        assert_eq!(steps.after(&settled(2)).unwrap().dispatches, 2, "as it stood at its end");
        assert!(steps.get(StepId(2)).is_none() && steps.get(StepId(1)).is_some());
        assert!(steps.after(&settled(2)).is_none(), "it is settled once");
        assert!(steps.after(&dispatched(2, None)).is_none());
        assert_eq!((steps.asked(), steps.last()), (2, Some(StepId(2))));
    }

    #[test]
    fn settled_steps_take_no_memory_and_texts_are_not_copied() {
        let mut steps = Steps::new();
        let long = asked(7);
        let (_, request) = long.body.asked_agent().unwrap();
        steps.after(&long);
        assert!(Arc::ptr_eq(steps.get(StepId(7)).unwrap().agent().unwrap(), request));
        for step in 8..1_000 {
            steps.after(&asked(step));
            steps.after(&settled(step));
        }
        assert_eq!(steps.open().count(), 1);
        assert_eq!(Arc::strong_count(request), 2);
    }
}
