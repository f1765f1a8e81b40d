//! Turns journal entries into events.
//!
//! Owns: which entry becomes which event, and their numbers. Never: the form of
//! one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::{
    Activity, AgentCompleted, AgentEnded, AgentFailed, AgentParked, AgentStarted, Event, EventData,
    EventKind, EventWarning, Metadata, ScriptStarted,
};
use crate::asked::Asked;
use crate::call::{AgentRequest, Reply};
use crate::dollars;
use crate::guest::{Failure, GroupKind, NullSlot, Outcome, UNDEFINED, Warning};
use crate::ids::{CallId, RunId, Scope};
use crate::journal::{Body, Entry, RunEnd, RunHead, ScopeStart};
use crate::report::warnings;
use crate::selector::{Addressee, choose};
use crate::settlement::Given;
use crate::surface::Surface;

/// Most warnings about options of one run.
const WARNED_MAX: usize = 1_000;

struct Step {
    scope: Scope,
    request: Option<Arc<AgentRequest>>,
    /// The session, once the agent has named one.
    session: Option<String>,
    /// Whom it was given to, where that was written down.
    to: Option<Addressee>,
    target: Option<String>,
}

impl Step {
    fn plain(scope: Scope) -> Self {
        Self { scope, request: None, session: None, to: None, target: None }
    }
}

/// Turns entries into events, one after the other.
pub struct EventFold {
    head: Option<RunHead>,
    created_us: i64,
    seq: u64,
    at_us: i64,
    steps: HashMap<CallId, Step>,
    dispatches: HashMap<CallId, u32>,
    /// Warnings about options, each of which is given once.
    warned: HashSet<String>,
}

impl Default for EventFold {
    fn default() -> Self {
        Self::new()
    }
}

impl EventFold {
    /// At the start of a journal.
    #[must_use]
    pub fn new() -> Self {
        Self {
            head: None,
            created_us: 0,
            seq: 0,
            at_us: 0,
            steps: HashMap::new(),
            dispatches: HashMap::new(),
            warned: HashSet::new(),
        }
    }

    /// The events of the next entry: none, one, or one and a warning.
    pub fn after(&mut self, entry: &Entry) -> Vec<Event> {
        self.at_us = entry.at_us;
        match &entry.body {
            Body::RunStarted(head) => {
                self.head = Some((**head).clone());
                self.created_us = entry.at_us;
                match &head.parent {
                    Some(parent) => self.one(Scope::ROOT, None, EventData::Forked(parent.clone())),
                    None => Vec::new(),
                }
            }
            Body::AttemptStarted { attempt: 1, .. }
            | Body::TurnEnded { .. }
            | Body::AnswerPooled(_)
            | Body::TimerSet { .. }
            | Body::TimerCleared { .. }
            | Body::TimerFired { .. }
            | Body::AgentAnswered { .. } => Vec::new(),
            Body::AgentParked { call, failure, reply } => self.parked(*call, failure, reply),
            Body::AgentSession { call, session_id, .. } => self.session(*call, session_id),
            Body::AgentActivity(activity) => self.kept_activity(activity),
            Body::WorktreeKept { call, worktree } => {
                let scope = self.scope_of(*call);
                self.one(scope, Some(*call), EventData::WorktreeKept(worktree.clone()))
            }
            Body::AttemptStarted { attempt, .. } => {
                self.one(Scope::ROOT, None, EventData::Resumed { attempt: *attempt })
            }
            Body::ScopeStarted(start) => self.started(start),
            Body::AgentCalled { call, scope, request } => self.called(*call, *scope, request),
            Body::WorkflowCalled { call, scope, target, .. } => {
                let target = Some(target.to_string());
                self.steps.insert(*call, Step { target, ..Step::plain(*scope) });
                Vec::new()
            }
            Body::SleepCalled { call, scope, milliseconds, .. } => {
                self.steps.insert(*call, Step::plain(*scope));
                let data = EventData::SleepStarted { milliseconds: *milliseconds };
                self.one(*scope, Some(*call), data)
            }
            Body::PhaseSet { scope, title } => {
                self.one(*scope, None, EventData::Phase { title: title.clone() })
            }
            Body::Logged { scope, message } => {
                self.one(*scope, None, EventData::Log { message: message.clone(), of: None })
            }
            Body::SlotNulled { scope, slot } => {
                let mut events = self.one(*scope, None, EventData::SlotNull(slot.clone()));
                events.extend(self.said(EventKind::SlotNull, *scope, slot.step, slot_line(slot)));
                events
            }
            Body::Warned { scope, warning } => self.warned(*scope, warning),
            Body::AgentDispatched { call, to } => self.dispatched(*call, to.as_deref()),
            Body::Settled { call, outcome, reply, given } => {
                self.settled(*call, outcome, reply.as_deref(), *given)
            }
            Body::RunEnded { end } => self.ended(end),
            Body::AttemptEnded { reason, .. } => {
                self.one(Scope::ROOT, None, EventData::Stopped(reason.clone()))
            }
        }
    }

    /// What an agent is doing now, as a line of the stream.
    #[must_use]
    pub fn activity(&self, activity: &Activity, at_us: i64) -> Event {
        let scope = self.scope_of(activity.call);
        let mut event = self.event(scope, Some(activity.call), activity_data(activity));
        event.elapsed_nanos = self.elapsed(at_us);
        event
    }

    fn kept_activity(&mut self, activity: &Activity) -> Vec<Event> {
        let scope = self.scope_of(activity.call);
        self.one(scope, Some(activity.call), activity_data(activity))
    }

    fn session(&mut self, call: CallId, session_id: &str) -> Vec<Event> {
        let Some(step) = self.steps.get_mut(&call) else { return Vec::new() };
        step.session = Some(session_id.to_owned());
        let scope = step.scope;
        let data = EventData::AgentSession { session_id: session_id.to_owned() };
        self.one(scope, Some(call), data)
    }

    fn parked(&mut self, call: CallId, failure: &Failure, reply: &Reply) -> Vec<Event> {
        let Some(Step { scope, request: Some(request), .. }) = self.steps.get(&call) else {
            return Vec::new();
        };
        let data = EventData::AgentParked(Box::new(AgentParked {
            label: request.title(),
            phase: request.phase.clone(),
            error: failure.clone(),
            usage: reply.usage,
        }));
        let scope = *scope;
        let mut events = self.one(scope, Some(call), data);
        if let Some(worktree) = &reply.worktree {
            events.extend(self.one(scope, Some(call), EventData::WorktreeKept(worktree.clone())));
        }
        events
    }

    fn scope_of(&self, call: CallId) -> Scope {
        self.steps.get(&call).map_or(Scope::ROOT, |step| step.scope)
    }

    fn started(&mut self, start: &ScopeStart) -> Vec<Event> {
        let meta: Value = serde_json::from_str(&start.meta).unwrap_or_default();
        let of_meta = |key| meta.get(key).cloned().unwrap_or_default();
        let data = EventData::Started(ScriptStarted {
            name: of_meta("name"),
            description: of_meta("description"),
            phases: of_meta("phases"),
            script: start.path.clone(),
        });
        self.one(start.scope, None, data)
    }

    fn warned(&mut self, scope: Scope, warning: &Warning) -> Vec<Event> {
        let step = warning.step.and_then(|step| self.steps.get(&step));
        let label = step.and_then(|step| step.request.as_ref()).map(|asked| asked.title());
        self.one(scope, warning.step, EventData::Warning(EventWarning::of(warning, label)))
    }

    fn called(&mut self, call: CallId, scope: Scope, request: &Arc<AgentRequest>) -> Vec<Event> {
        let request_kept = Some(Arc::clone(request));
        self.steps.insert(call, Step { request: request_kept, ..Step::plain(scope) });
        let mut events = Vec::new();
        let unknown = request.unknown.iter();
        let unknown =
            unknown.map(|name| format!("agent() does not know the option `{name}`; it is ignored"));
        for message in unknown.chain(request.ignored.iter().cloned()) {
            if self.warned.len() >= WARNED_MAX || !self.warned.insert(message.clone()) {
                continue;
            }
            let data = EventData::Warning(EventWarning::said(message));
            events.extend(self.one(scope, Some(call), data));
        }
        events
    }

    fn dispatched(&mut self, call: CallId, to: Option<&Addressee>) -> Vec<Event> {
        let attempt = self.dispatches.entry(call).or_default();
        *attempt += 1;
        let attempt = *attempt;
        if let Some(step) = self.steps.get_mut(&call) {
            step.to = to.cloned();
        }
        let Some(Step { scope, request: Some(request), .. }) = self.steps.get(&call) else {
            return Vec::new();
        };
        let data = EventData::AgentStarted(Box::new(AgentStarted {
            label: request.title(),
            phase: request.phase.clone(),
            model: request.model.clone(),
            prompt: request.prompt.clone(),
            attempt,
            vendor: to.map(|to| to.vendor.clone()),
        }));
        let scope = *scope;
        self.one(scope, Some(call), data)
    }

    fn settled(
        &mut self,
        call: CallId,
        outcome: &Outcome,
        reply: Option<&Reply>,
        given: Option<Given>,
    ) -> Vec<Event> {
        let Some(step) = self.steps.remove(&call) else { return Vec::new() };
        let scope = step.scope;
        if let Some(request) = step.request {
            return self.agent_settled(call, scope, &request, outcome, reply, given);
        }
        let Some(target) = step.target else {
            return self.one(scope, Some(call), EventData::SleepEnded {});
        };
        let data = match outcome {
            Outcome::Value(text) => {
                EventData::ChildCompleted { workflow: target, result: value_of(text) }
            }
            Outcome::Failed(failure) => {
                EventData::ChildFailed { workflow: target, error: failure.clone() }
            }
        };
        self.one(Scope::of(call), Some(call), data)
    }

    fn agent_settled(
        &mut self,
        call: CallId,
        scope: Scope,
        request: &AgentRequest,
        outcome: &Outcome,
        reply: Option<&Reply>,
        given: Option<Given>,
    ) -> Vec<Event> {
        let agent = AgentEnded {
            label: request.title(),
            phase: request.phase.clone(),
            usage: reply.map(|reply| reply.usage),
            model: reply.and_then(|reply| reply.model.clone()),
            duration_ms: reply.map(|reply| reply.duration_ms),
            cost_usd: reply.and_then(|reply| reply.cost_usd).map(dollars::clean),
            attempts: reply.map(|reply| reply.attempts.max(1)),
            asks: reply.map(|reply| reply.asks.clone()).unwrap_or_default(),
            worktree: reply.and_then(|reply| reply.worktree.clone()),
            reused: reply.and_then(|reply| reply.reused.clone()),
        };
        let data = match outcome {
            Outcome::Value(text) => {
                let output = value_of(text);
                EventData::AgentCompleted(Box::new(AgentCompleted { agent, output }))
            }
            Outcome::Failed(failure) => {
                let error = failure.clone();
                EventData::AgentFailed(Box::new(AgentFailed { agent, error, given }))
            }
        };
        let mut events = self.one(scope, Some(call), data);
        if let (Some(event), Some(reply)) = (events.first_mut(), reply) {
            event.metadata.provider = Some(reply.provider.clone());
            event.metadata.session_id.clone_from(&reply.session_id);
            // What was asked for when the answer was made was said then.
            let said = reply.reused.is_none().then(|| Asked::sentence(&reply.asks)).flatten();
            if let Some(said) = said {
                let message = format!("{} (call {call}): {said}", request.title());
                let data = EventData::Warning(EventWarning::said(message));
                events.extend(self.one(scope, Some(call), data));
            }
            if let Some(warning) = warnings::of_reply(call, reply) {
                let data = EventWarning::of(&warning, Some(request.title()));
                events.extend(self.one(scope, Some(call), EventData::Warning(data)));
            }
        }
        if let Outcome::Failed(failure) = outcome {
            let message = format!("agent `{}` failed: {}", request.title(), failure.message);
            events.extend(self.said(EventKind::AgentFailed, scope, Some(call), message));
        }
        events
    }

    fn ended(&mut self, end: &RunEnd) -> Vec<Event> {
        let data = match end {
            RunEnd::Completed { result, .. } => EventData::Completed { result: value_of(result) },
            RunEnd::Failed { error } => EventData::Failed { error: Box::new(error.clone()) },
        };
        self.one(Scope::ROOT, None, data)
    }

    /// A line of the log that no script wrote, as Claude Code has one for every
    /// agent and every slot that fails. `of` is the event that it says again.
    fn said(
        &mut self,
        of: EventKind,
        scope: Scope,
        call: Option<CallId>,
        message: String,
    ) -> Vec<Event> {
        if self.head.as_ref().is_none_or(|head| head.surface == Surface::First) {
            return Vec::new();
        }
        self.one(scope, call, EventData::Log { message, of: Some(of) })
    }

    fn one(&mut self, scope: Scope, call: Option<CallId>, data: EventData) -> Vec<Event> {
        self.seq += 1;
        vec![self.event(scope, call, data)]
    }

    fn event(&self, scope: Scope, call: Option<CallId>, data: EventData) -> Event {
        let head = self.head.as_ref();
        let step = call.and_then(|call| self.steps.get(&call));
        let asked = step.and_then(|step| step.request.as_ref()).zip(head);
        let chosen = || Some(choose(asked?.0, asked?.1).ok()?.provider);
        let written = step.and_then(|step| step.to.as_ref()).map(|to| to.provider.clone());
        let provider = written.or_else(chosen);
        let metadata = Metadata {
            run_id: head.map_or_else(|| RunId::from_bits(0), |head| head.run.clone()),
            step_id: call.map(|call| call.to_string()),
            provider,
            session_id: step.and_then(|step| step.session.clone()),
            workflow_depth: scope.depth(),
            parent_step_id: scope.opened_by().map(|call| call.to_string()),
        };
        let elapsed_nanos = self.elapsed(self.at_us);
        Event { seq: self.seq, elapsed_nanos, metadata, data }
    }

    fn elapsed(&self, at_us: i64) -> u64 {
        let micros = u64::try_from(at_us.saturating_sub(self.created_us)).unwrap_or_default();
        micros.saturating_mul(1_000)
    }
}

fn slot_line(slot: &NullSlot) -> String {
    let NullSlot { group, ordinal, index, stage, error, .. } = slot;
    let stage = stage.map_or_else(String::new, |stage| format!(", stage {stage}"));
    let part = match group {
        GroupKind::Parallel => "slot",
        GroupKind::Pipeline => "item",
    };
    let group = group.word();
    format!("{group} {ordinal}, {part} {index}{stage} failed: {}: {}", error.name, error.message)
}

fn activity_data(activity: &Activity) -> EventData {
    EventData::AgentEvent { kind: activity.kind.clone(), text: activity.text.clone() }
}

/// The value of JSON text that was checked when it was journaled; a child that
/// returned nothing is shown as null.
fn value_of(text: &str) -> Value {
    if text == UNDEFINED {
        return Value::Null;
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
