//! The event stream: what watchers are told, as a fold over the journal.
//!
//! Owns: which entry becomes which event, and the stream's form. Never: prints
//! or stores one. Live, replayed and stored streams go through the same
//! [`EventFold`], so they are the same stream.
//!
//! An [`Event`] comes from a journal entry and can be had again at any time. An
//! [`Activity`] is what an agent is doing now: most are shown and gone, some are
//! entries themselves.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::call::{AgentRequest, Reply};
use crate::dollars;
use crate::guest::{Failure, GroupKind, NullSlot, Outcome, ScriptError, UNDEFINED};
use crate::ids::{CallId, RunId, Scope};
use crate::journal::{Body, Entry, RunEnd, RunHead, ScopeStart, StopReason};
use crate::report::warnings;
use crate::selector::{Addressee, choose};
use crate::settlement::Given;
use crate::surface::Surface;

/// Version of the stream. Fields and types are only ever added.
pub const EVENT_FORMAT: u32 = 1;

/// Most warnings about options of one run.
const WARNED_MAX: usize = 1_000;

/// One line of the stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// [`EVENT_FORMAT`].
    pub v: u32,
    /// Such as `workflow.agent_completed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// From 1, without gaps, over the events of a run. An activity carries the
    /// number of the event before it.
    pub seq: u64,
    /// Since the run was created, by the clocks of the machines it ran on.
    pub elapsed_nanos: u64,
    /// Whom it is about.
    pub metadata: Metadata,
    /// What there is to know.
    pub data: Value,
}

/// Whom an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The run.
    pub run_id: RunId,
    /// Number of the call, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    /// Who answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's own session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// 0, or 1 in a child workflow.
    pub workflow_depth: u32,
    /// The `workflow()` call that started this script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_step_id: Option<String>,
}

/// What an agent is doing now. Most are gone once they were shown; a few are
/// journaled, and those come with a number of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Which call.
    pub call: CallId,
    /// A word for machines, such as `text` or `tool`.
    #[serde(rename = "what")]
    pub kind: String,
    /// A line for people.
    pub text: String,
}

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
                    Some(parent) => self.one("workflow.forked", Scope::ROOT, None, json!(parent)),
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
                self.one("workflow.worktree_kept", scope, Some(*call), json!(worktree))
            }
            Body::AttemptStarted { attempt, .. } => {
                self.one("workflow.resumed", Scope::ROOT, None, json!({ "attempt": attempt }))
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
                let data = json!({ "milliseconds": milliseconds });
                self.one("workflow.sleep_started", *scope, Some(*call), data)
            }
            Body::PhaseSet { scope, title } => {
                self.one("workflow.phase", *scope, None, json!({ "title": title }))
            }
            Body::Logged { scope, message } => {
                self.one("workflow.log", *scope, None, json!({ "message": message }))
            }
            Body::SlotNulled { scope, slot } => {
                let kind = "workflow.slot_null";
                let mut events = self.one(kind, *scope, None, json!(slot));
                events.extend(self.said(kind, *scope, slot.step, &slot_line(slot)));
                events
            }
            Body::Warned { scope, warning } => {
                let step = warning.step.and_then(|step| self.steps.get(&step));
                let label = step.and_then(|step| step.request.as_ref()).map(|asked| asked.title());
                let mut data = json!(warning);
                if let Some(label) = label {
                    data["label"] = json!(label);
                }
                self.one("workflow.warning", *scope, warning.step, data)
            }
            Body::AgentDispatched { call, to } => self.dispatched(*call, to.as_deref()),
            Body::Settled { call, outcome, reply, given } => {
                self.settled(*call, outcome, reply.as_deref(), *given)
            }
            Body::RunEnded { end } => self.ended(end),
            Body::AttemptEnded { reason, .. } => self.stopped(reason),
        }
    }

    /// What an agent is doing now, as a line of the stream.
    #[must_use]
    pub fn activity(&self, activity: &Activity, at_us: i64) -> Event {
        let scope = self.scope_of(activity.call);
        let data = activity_data(activity);
        let mut event = self.event("workflow.agent_event", scope, Some(activity.call), data);
        event.elapsed_nanos = self.elapsed(at_us);
        event
    }

    fn kept_activity(&mut self, activity: &Activity) -> Vec<Event> {
        let scope = self.scope_of(activity.call);
        self.one("workflow.agent_event", scope, Some(activity.call), activity_data(activity))
    }

    fn session(&mut self, call: CallId, session_id: &str) -> Vec<Event> {
        let Some(step) = self.steps.get_mut(&call) else { return Vec::new() };
        step.session = Some(session_id.to_owned());
        let scope = step.scope;
        let data = json!({ "sessionId": session_id });
        self.one("workflow.agent_session", scope, Some(call), data)
    }

    fn parked(&mut self, call: CallId, failure: &Failure, reply: &Reply) -> Vec<Event> {
        let Some(Step { scope, request: Some(request), .. }) = self.steps.get(&call) else {
            return Vec::new();
        };
        let data = json!({
            "label": request.title(),
            "phase": request.phase,
            "error": failure,
            "usage": reply.usage,
        });
        let scope = *scope;
        let mut events = self.one("workflow.agent_parked", scope, Some(call), data);
        if let Some(worktree) = &reply.worktree {
            events.extend(self.one("workflow.worktree_kept", scope, Some(call), json!(worktree)));
        }
        events
    }

    fn scope_of(&self, call: CallId) -> Scope {
        self.steps.get(&call).map_or(Scope::ROOT, |step| step.scope)
    }

    fn started(&mut self, start: &ScopeStart) -> Vec<Event> {
        let meta: Value = serde_json::from_str(&start.meta).unwrap_or_default();
        let data = json!({
            "name": meta.get("name"),
            "description": meta.get("description"),
            "phases": meta.get("phases"),
            "script": start.path,
        });
        self.one("workflow.started", start.scope, None, data)
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
            let data = json!({ "message": message });
            events.extend(self.one("workflow.warning", scope, Some(call), data));
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
        let mut data = json!({
            "label": request.title(),
            "phase": request.phase,
            "model": request.model,
            "prompt": request.prompt,
            "attempt": attempt,
        });
        if let Some(to) = to {
            data["vendor"] = json!(to.vendor);
        }
        let scope = *scope;
        self.one("workflow.agent_started", scope, Some(call), data)
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
            return self.one("workflow.sleep_ended", scope, Some(call), json!({}));
        };
        let (kind, data) = match outcome {
            Outcome::Value(text) => {
                ("workflow.result", json!({ "workflow": target, "result": value_of(text) }))
            }
            Outcome::Failed(failure) => {
                ("workflow.error", json!({ "workflow": target, "error": failure }))
            }
        };
        self.one(kind, Scope::of(call), Some(call), data)
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
        let mut data = json!({
            "label": request.title(),
            "phase": request.phase,
            "usage": reply.map(|reply| reply.usage),
            "model": reply.and_then(|reply| reply.model.clone()),
            "durationMs": reply.map(|reply| reply.duration_ms),
            "costUsd": reply.and_then(|reply| reply.cost_usd).map(dollars::clean),
            "attempts": reply.map(|reply| reply.attempts.max(1)),
        });
        if let Some(reply) = reply.filter(|reply| !reply.asks.is_empty()) {
            data["asks"] = json!(reply.asks);
        }
        if let Some(worktree) = reply.and_then(|reply| reply.worktree.as_ref()) {
            data["worktree"] = json!(worktree);
        }
        if let Some(reused) = reply.and_then(|reply| reply.reused.as_ref()) {
            data["reused"] = json!(reused);
        }
        let kind = match outcome {
            Outcome::Value(text) => {
                data["output"] = value_of(text);
                "workflow.agent_completed"
            }
            Outcome::Failed(failure) => {
                data["error"] = json!(failure);
                if let Some(given) = given {
                    data["given"] = json!(given);
                }
                "workflow.agent_failed"
            }
        };
        let mut events = self.one(kind, scope, Some(call), data);
        if let (Some(event), Some(reply)) = (events.first_mut(), reply) {
            event.metadata.provider = Some(reply.provider.clone());
            event.metadata.session_id.clone_from(&reply.session_id);
            // What was asked for when the answer was made was said then.
            let said = reply.reused.is_none().then(|| Asked::sentence(&reply.asks)).flatten();
            if let Some(said) = said {
                let message = format!("{} (call {call}): {said}", request.title());
                let data = json!({ "message": message });
                events.extend(self.one("workflow.warning", scope, Some(call), data));
            }
            if let Some(warning) = warnings::of_reply(call, reply) {
                let mut data = json!(warning);
                data["label"] = json!(request.title());
                events.extend(self.one("workflow.warning", scope, Some(call), data));
            }
        }
        if let Outcome::Failed(failure) = outcome {
            let message = format!("agent `{}` failed: {}", request.title(), failure.message);
            events.extend(self.said(kind, scope, Some(call), &message));
        }
        events
    }

    fn ended(&mut self, end: &RunEnd) -> Vec<Event> {
        match end {
            RunEnd::Completed { result, .. } => {
                let data = json!({ "result": value_of(result) });
                self.one("workflow.result", Scope::ROOT, None, data)
            }
            RunEnd::Failed { error } => {
                self.one("workflow.error", Scope::ROOT, None, json!({ "error": error_data(error) }))
            }
        }
    }

    fn stopped(&mut self, reason: &StopReason) -> Vec<Event> {
        self.one("workflow.stopped", Scope::ROOT, None, json!(reason))
    }

    /// A line of the log that no script wrote, as Claude Code has one for every
    /// agent and every slot that fails. `of` is the event that it says again.
    fn said(
        &mut self,
        of: &'static str,
        scope: Scope,
        call: Option<CallId>,
        message: &str,
    ) -> Vec<Event> {
        if self.head.as_ref().is_none_or(|head| head.surface == Surface::First) {
            return Vec::new();
        }
        self.one("workflow.log", scope, call, json!({ "message": message, "of": of }))
    }

    fn one(
        &mut self,
        kind: &'static str,
        scope: Scope,
        call: Option<CallId>,
        data: Value,
    ) -> Vec<Event> {
        self.seq += 1;
        vec![self.event(kind, scope, call, data)]
    }

    fn event(&self, kind: &'static str, scope: Scope, call: Option<CallId>, data: Value) -> Event {
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
        Event { v: EVENT_FORMAT, kind, seq: self.seq, elapsed_nanos, metadata, data }
    }

    fn elapsed(&self, at_us: i64) -> u64 {
        let micros = u64::try_from(at_us.saturating_sub(self.created_us)).unwrap_or_default();
        micros.saturating_mul(1_000)
    }
}

fn slot_line(slot: &NullSlot) -> String {
    let NullSlot { group, ordinal, index, stage, error, .. } = slot;
    let stage = stage.map_or_else(String::new, |stage| format!(", stage {stage}"));
    let (group, part) = match group {
        GroupKind::Parallel => ("parallel", "slot"),
        GroupKind::Pipeline => ("pipeline", "item"),
    };
    format!("{group} {ordinal}, {part} {index}{stage} failed: {}: {}", error.name, error.message)
}

fn activity_data(activity: &Activity) -> Value {
    json!({ "kind": activity.kind, "text": activity.text })
}

/// The value of JSON text that was checked when it was journaled; a child that
/// returned nothing is shown as null.
fn value_of(text: &str) -> Value {
    if text == UNDEFINED {
        return Value::Null;
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn error_data(error: &ScriptError) -> Value {
    json!(error)
}
