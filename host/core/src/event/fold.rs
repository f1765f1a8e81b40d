//! Turns journal entries into events.
//!
//! Owns: which entry becomes which event, and their numbers. Never: the form of an
//! event.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    Activity, AgentCompleted, AgentEnded, AgentFailed, AgentParked, AgentQueued, AgentStarted,
    AskOpened, AskSettled, Event, EventData, EventKind, EventWarning, MessageEvent, Metadata,
    ScriptStarted,
};
use crate::asks::RefusedAsk;
use crate::budget::Allowance;
use crate::dollars;
use crate::gate::AskRequest;
use crate::guest::{Failure, GroupKind, NullSlot, Outcome, UNDEFINED, Warning};
use crate::ids::{Digest, RunId, Scope, StepId};
use crate::journal::{Body, Entry, RunEnd, RunHead, ScopeStart};
use crate::limits::Limits;
use crate::report::warnings;
use crate::selector::choose;
use crate::settlement::Substitute;
use crate::step::StepRequest;
use crate::step_request::{AgentRequest, Reply};
use crate::steps::{EndedAsk, Step, Steps};
use crate::surface::Surface;

/// Most warnings about options in one run.
const WARNED_MAX: usize = 1_000;

/// Turns entries into events, one after the other.
#[derive(Default)]
pub struct EventFold {
    lines: Lines,
    steps: Steps,
    /// Digests of the warnings about options that were given: each is given once. Not
    /// the messages, which hold names that a script chose.
    warned: HashSet<Digest>,
}

/// Makes the lines of the stream; holds what they need beyond the current entry.
#[derive(Default)]
struct Lines {
    head: Option<RunHead>,
    created_us: i64,
    seq: u64,
    /// Time of the entry that is turned into lines.
    at_us: i64,
    /// The budget of the first epoch.
    budget: Option<Allowance>,
}

impl EventFold {
    /// A fold at the start of a journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The events of the next entry; usually none or one.
    pub fn after(&mut self, entry: &Entry) -> Vec<Event> {
        let Self { lines, steps, warned } = self;
        lines.at_us = entry.at_us;
        let (step, ended) = steps.after_with_asks(entry);
        let mut events = lines.asks_ended(&ended);
        events.extend(match &entry.body {
            Body::RunStarted(head) => lines.begin(head, entry.at_us),
            Body::EpochStarted { epoch: 1, limits, .. } => {
                lines.budget = allowance(limits);
                Vec::new()
            }
            Body::FormatRaised(_)
            | Body::TurnEnded { .. }
            | Body::CallRefused(_)
            | Body::AnswerPooled(_)
            | Body::TimerSet { .. }
            | Body::TimerCleared { .. }
            | Body::TimerFired { .. }
            | Body::AgentAnswered { .. }
            | Body::AskAnswered { .. }
            | Body::AgentAskAnswered { .. }
            | Body::AgentAskWithdrawn { .. } => Vec::new(),
            body @ (Body::AgentAsked { .. }
            | Body::AgentParked { .. }
            | Body::AgentSession { .. }
            | Body::AgentActivity(_)
            | Body::AgentTold { .. }) => lines.of_agent(step, body),
            Body::MessageTaken(taken) => {
                lines.one(Scope::ROOT, EventData::Message(MessageEvent::of(taken)))
            }
            Body::WorktreeKept { step: number, worktree } => {
                lines.about(*number, step, EventData::WorktreeKept(worktree.clone()))
            }
            Body::EpochStarted { epoch, limits, .. } => {
                let budget = allowance(limits);
                lines.one(Scope::ROOT, EventData::Resumed { attempt: *epoch, budget })
            }
            Body::ScopeStarted(start) => lines.started(start),
            Body::StepAsked { .. } => step.map_or_else(Vec::new, |step| lines.asked(step, warned)),
            Body::PhaseSet { scope, title } => {
                lines.one(*scope, EventData::Phase { title: title.clone() })
            }
            Body::Logged { scope, message } => {
                lines.one(*scope, EventData::Log { message: message.clone(), of: None })
            }
            Body::SlotNulled { scope, slot } => {
                let mut events = lines.one(*scope, EventData::SlotNull(slot.clone()));
                let of = slot.step.map(|step| (step, steps.get(step)));
                events.extend(lines.said(EventKind::SlotNull, *scope, of, slot_line(slot)));
                events
            }
            Body::Warned { scope, warning } => {
                let of = warning.step.map(|step| (step, steps.get(step)));
                lines.warned(*scope, of, warning)
            }
            Body::AgentDispatched { .. } => {
                step.map_or_else(Vec::new, |step| lines.dispatched(step))
            }
            Body::Settled { outcome, reply, given, .. } => step.map_or_else(Vec::new, |step| {
                lines.settled(step, outcome, reply.as_deref(), *given)
            }),
            Body::RunEnded { end } => lines.ended(end),
            Body::EpochEnded { reason, .. } => {
                lines.one(Scope::ROOT, EventData::Stopped(reason.clone()))
            }
        });
        events
    }

    /// What an agent is doing now, as a line of the stream.
    #[must_use]
    pub fn activity(&self, activity: &Activity, at_us: i64) -> Event {
        let step = self.steps.get(activity.step);
        let scope = step.map_or(Scope::ROOT, |step| step.scope);
        let of = Some((activity.step, step));
        let mut event = self.lines.event(scope, of, activity_data(activity));
        event.elapsed_nanos = self.lines.elapsed(at_us);
        event
    }
}

/// The step that a line is about, with its data while it is open.
type Of<'s> = Option<(StepId, Option<&'s Step>)>;

impl Lines {
    /// What an agent at work says.
    fn of_agent(&mut self, step: Option<&Step>, body: &Body) -> Vec<Event> {
        match body {
            Body::AgentAsked { request, .. } => step.map_or_else(Vec::new, |step| {
                let data = EventData::AskOpened(Box::new(AskOpened::of(request)));
                self.of_step(step, data)
            }),
            Body::AgentParked { failure, reply, .. } => {
                step.map_or_else(Vec::new, |step| self.parked(step, failure, reply))
            }
            Body::AgentSession { session_id, .. } => step.map_or_else(Vec::new, |step| {
                let data = EventData::AgentSession { session_id: session_id.clone() };
                self.of_step(step, data)
            }),
            Body::AgentActivity(activity) => {
                self.about(activity.step, step, activity_data(activity))
            }
            Body::AgentTold { step: told, number, too_late } => {
                let data = EventData::AgentTold { number: *number, too_late: *too_late };
                self.about(*told, step, data)
            }
            _ => Vec::new(),
        }
    }

    fn begin(&mut self, head: &RunHead, at_us: i64) -> Vec<Event> {
        self.head = Some(head.clone());
        self.created_us = at_us;
        match &head.parent {
            Some(parent) => self.one(Scope::ROOT, EventData::Forked(parent.clone())),
            None => Vec::new(),
        }
    }

    /// The ends of agents' questions.
    fn asks_ended(&mut self, ended: &[EndedAsk]) -> Vec<Event> {
        let end = |ended: &EndedAsk| {
            let data = EventData::AskSettled(Box::new(AskSettled::of_agent(
                &ended.request,
                ended.answer.as_ref(),
            )));
            self.about_settled(ended.step, ended.scope, data)
        };
        ended.iter().flat_map(end).collect()
    }

    fn parked(&mut self, step: &Step, failure: &Failure, reply: &Reply) -> Vec<Event> {
        let Some(request) = step.agent() else { return Vec::new() };
        let data = EventData::AgentParked(Box::new(AgentParked {
            label: request.title(),
            phase: request.phase.clone(),
            error: failure.clone(),
            usage: reply.usage,
        }));
        let mut events = self.of_step(step, data);
        if let Some(worktree) = &reply.worktree {
            events.extend(self.of_step(step, EventData::WorktreeKept(worktree.clone())));
        }
        events
    }

    fn started(&mut self, start: &ScopeStart) -> Vec<Event> {
        let meta: Value = serde_json::from_str(&start.meta).unwrap_or_default();
        let of_meta = |key| meta.get(key).cloned().unwrap_or_default();
        let data = EventData::Started(ScriptStarted {
            name: of_meta("name"),
            description: of_meta("description"),
            phases: of_meta("phases"),
            script: start.path.clone(),
            budget: self.budget.filter(|_| start.scope == Scope::ROOT),
        });
        self.one(start.scope, data)
    }

    fn warned(&mut self, scope: Scope, of: Of<'_>, warning: &Warning) -> Vec<Event> {
        let agent = of.and_then(|(_, step)| step?.agent());
        let label = agent.map(|request| request.title());
        self.line(scope, of, EventData::Warning(EventWarning::of(warning, label)))
    }

    fn asked(&mut self, step: &Step, warned: &mut HashSet<Digest>) -> Vec<Event> {
        match &step.asked {
            StepRequest::Agent(request) => self.agent_asked(step, request, warned),
            StepRequest::Workflow(_) => Vec::new(),
            StepRequest::Sleep(sleep) => {
                let milliseconds = sleep.milliseconds;
                self.of_step(step, EventData::SleepStarted { milliseconds })
            }
            StepRequest::Ask(request) => {
                let mut events = self.unknown_options(step, request, warned);
                let data = EventData::AskOpened(Box::new(AskOpened::of(request)));
                events.extend(self.of_step(step, data));
                events
            }
        }
    }

    /// The agent in the queue, behind the warnings about options that have no effect.
    fn agent_asked(
        &mut self,
        step: &Step,
        request: &AgentRequest,
        warned: &mut HashSet<Digest>,
    ) -> Vec<Event> {
        let unknown = request.unknown.iter().map(|name| unknown_option("agent", name));
        let unknown = unknown.chain(request.ignored.iter().cloned());
        let mut events = self.warn_once(step, unknown, warned);
        let data = EventData::AgentQueued(Box::new(AgentQueued {
            label: request.title(),
            phase: request.phase.clone(),
            model: request.model.clone(),
        }));
        let mut queued = self.of_step(step, data);
        for event in &mut queued {
            // It is known when the agent is dispatched: a selector may name a vendor.
            event.metadata.provider = None;
        }
        events.extend(queued);
        events
    }

    fn unknown_options(
        &mut self,
        step: &Step,
        request: &AskRequest,
        warned: &mut HashSet<Digest>,
    ) -> Vec<Event> {
        let function = request.kind.function();
        let unknown = request.unknown.iter().map(|name| unknown_option(function, name));
        self.warn_once(step, unknown, warned)
    }

    /// Those of the warnings that were not given before.
    fn warn_once(
        &mut self,
        step: &Step,
        messages: impl Iterator<Item = String>,
        warned: &mut HashSet<Digest>,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        for message in messages {
            if warned.len() >= WARNED_MAX || !warned.insert(Digest::of(message.as_bytes())) {
                continue;
            }
            let data = EventData::Warning(EventWarning::said(message));
            events.extend(self.of_step(step, data));
        }
        events
    }

    fn dispatched(&mut self, step: &Step) -> Vec<Event> {
        let Some(request) = step.agent() else { return Vec::new() };
        let data = EventData::AgentStarted(Box::new(AgentStarted {
            label: request.title(),
            phase: request.phase.clone(),
            model: request.model.clone(),
            prompt: request.prompt.clone(),
            attempt: step.dispatches,
            vendor: step.to.as_ref().map(|to| to.vendor.clone()),
        }));
        self.of_step(step, data)
    }

    fn settled(
        &mut self,
        step: &Step,
        outcome: &Outcome,
        reply: Option<&Reply>,
        given: Option<Substitute>,
    ) -> Vec<Event> {
        let Step { id, scope, .. } = *step;
        let target = match &step.asked {
            StepRequest::Agent(request) => {
                return self.agent_settled(id, scope, request, outcome, reply, given);
            }
            StepRequest::Sleep(_) => {
                return self.about_settled(id, scope, EventData::SleepEnded {});
            }
            StepRequest::Ask(request) => {
                let settled = AskSettled::of(request, outcome, step.answered.as_deref());
                return self.about_settled(id, scope, EventData::AskSettled(Box::new(settled)));
            }
            StepRequest::Workflow(request) => request.target.to_string(),
        };
        let data = match outcome {
            Outcome::Value(text) => {
                EventData::ChildCompleted { workflow: target, result: value_of(text) }
            }
            Outcome::Failed(failure) => {
                EventData::ChildFailed { workflow: target, error: failure.clone() }
            }
        };
        self.about_settled(id, Scope::of(id), data)
    }

    fn agent_settled(
        &mut self,
        step: StepId,
        scope: Scope,
        request: &AgentRequest,
        outcome: &Outcome,
        reply: Option<&Reply>,
        given: Option<Substitute>,
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
            steered: reply.map_or(0, |reply| reply.steered),
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
        let mut events = self.about_settled(step, scope, data);
        if let (Some(event), Some(reply)) = (events.first_mut(), reply) {
            event.metadata.provider = Some(reply.provider.clone());
            event.metadata.session_id.clone_from(&reply.session_id);
            // For a reused answer, the run that made it has given this warning.
            let said = reply.reused.is_none().then(|| RefusedAsk::sentence(&reply.asks)).flatten();
            if let Some(said) = said {
                let message = format!("{} (call {step}): {said}", request.title());
                let data = EventData::Warning(EventWarning::said(message));
                events.extend(self.about_settled(step, scope, data));
            }
            if let Some(warning) = warnings::of_reply(step, reply) {
                let data = EventWarning::of(&warning, Some(request.title()));
                events.extend(self.about_settled(step, scope, EventData::Warning(data)));
            }
        }
        if let Outcome::Failed(failure) = outcome {
            let message = format!("agent `{}` failed: {}", request.title(), failure.message);
            let of = Some((step, None));
            events.extend(self.said(EventKind::AgentFailed, scope, of, message));
        }
        events
    }

    fn ended(&mut self, end: &RunEnd) -> Vec<Event> {
        let data = match end {
            RunEnd::Completed { result, .. } => EventData::Completed { result: value_of(result) },
            RunEnd::Failed { error } => EventData::Failed { error: Box::new(error.clone()) },
        };
        self.one(Scope::ROOT, data)
    }

    /// A log line that no script wrote: like Claude Code, one for every agent and every
    /// slot that fails. `kind` is the kind of the event that it repeats.
    fn said(&mut self, kind: EventKind, scope: Scope, of: Of<'_>, message: String) -> Vec<Event> {
        if self.head.as_ref().is_none_or(|head| head.surface == Surface::First) {
            return Vec::new();
        }
        self.line(scope, of, EventData::Log { message, of: Some(kind) })
    }

    /// A line about no step.
    fn one(&mut self, scope: Scope, data: EventData) -> Vec<Event> {
        self.line(scope, None, data)
    }

    /// A line about an open step.
    fn of_step(&mut self, step: &Step, data: EventData) -> Vec<Event> {
        self.line(step.scope, Some((step.id, Some(step))), data)
    }

    /// A line about a step that may be open.
    fn about(&mut self, step: StepId, open: Option<&Step>, data: EventData) -> Vec<Event> {
        let scope = open.map_or(Scope::ROOT, |open| open.scope);
        self.line(scope, Some((step, open)), data)
    }

    /// A line about a step that is settled: who answered is in its reply.
    fn about_settled(&mut self, step: StepId, scope: Scope, data: EventData) -> Vec<Event> {
        self.line(scope, Some((step, None)), data)
    }

    fn line(&mut self, scope: Scope, of: Of<'_>, data: EventData) -> Vec<Event> {
        self.seq += 1;
        vec![self.event(scope, of, data)]
    }

    fn event(&self, scope: Scope, of: Of<'_>, data: EventData) -> Event {
        let head = self.head.as_ref();
        let step = of.and_then(|(_, step)| step);
        let asked = step.and_then(Step::agent).zip(head);
        let chosen = || Some(choose(asked?.0, asked?.1).ok()?.provider);
        let written = step.and_then(|step| step.to.as_ref()).map(|to| to.provider.clone());
        let metadata = Metadata {
            run_id: head.map_or_else(|| RunId::from_bits(0), |head| head.run.clone()),
            step_id: of.map(|(step, _)| step.to_string()),
            provider: written.or_else(chosen),
            session_id: step.and_then(|step| step.session.clone()),
            workflow_depth: scope.depth(),
            parent_step_id: scope.opened_by().map(|step| step.to_string()),
        };
        let elapsed_nanos = self.elapsed(self.at_us);
        Event { seq: self.seq, elapsed_nanos, metadata, data }
    }

    fn elapsed(&self, at_us: i64) -> u64 {
        let micros = u64::try_from(at_us.saturating_sub(self.created_us)).unwrap_or_default();
        micros.saturating_mul(1_000)
    }
}

fn allowance(limits: &Limits) -> Option<Allowance> {
    limits.budget.map(|budget| budget.allowance)
}

fn unknown_option(function: &str, name: &str) -> String {
    format!("{function}() does not know the option `{name}`; it is ignored")
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

/// The value of JSON text that was checked when it was journaled; `undefined`, from a
/// child that returned nothing, becomes null.
fn value_of(text: &str) -> Value {
    if text == UNDEFINED {
        return Value::Null;
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}
