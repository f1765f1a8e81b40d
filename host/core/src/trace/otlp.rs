//! OpenTelemetry spans in OTLP's JSON form, by the semantic conventions for generative
//! AI.
//!
//! Owns: ids, names and attributes of the spans. Never: sends them, or includes prompts
//! and answers unless requested.

use serde_json::{Value, json};

use crate::details::{Details, StepDetails, StepState};
use crate::guest::Outcome;
use crate::ids::{Digest, StepId};
use crate::journal::RunEnd;
use crate::report::RunState;
use crate::step::{StepKind, StepRequest};
use crate::step_request::AgentRequest;

/// Prompt and answer of a step, for its span. The step's details supply those that are
/// none.
#[derive(Debug, Default)]
pub struct SpanTexts {
    /// The agent's prompt.
    pub prompt: Option<String>,
    /// The step's answer as JSON text.
    pub answer: Option<String>,
}

/// OTLP's numbers for `INTERNAL` and `CLIENT`.
const INTERNAL: u32 = 1;
const CLIENT: u32 = 3;

/// Hex digits of a trace id and of a span id.
const TRACE_ID: usize = 32;
const SPAN_ID: usize = 16;

/// An `ExportTraceServiceRequest` without its spans, which belong into its last empty
/// list.
#[must_use]
pub fn otlp(version: &str) -> Value {
    let service = [text("service.name", "smol-wf"), text("service.version", version)];
    json!({ "resourceSpans": [{
        "resource": { "attributes": service },
        "scopeSpans": [{ "scope": { "name": "smol-wf", "version": version }, "spans": [] }],
    }]})
}

/// The spans of a run, one by one. The same run always has the same ids.
#[derive(Debug, Clone, Copy)]
pub struct Spans<'a, 'b> {
    details: &'b Details<'a>,
}

impl<'a, 'b> Spans<'a, 'b> {
    /// The spans of this run.
    #[must_use]
    pub fn of(details: &'b Details<'a>) -> Self {
        Self { details }
    }

    fn id(&self, of: &str, digits: usize) -> String {
        let digest = Digest::of(format!("{} {of}", self.details.head.run).as_bytes());
        digest.as_str()[..digits].to_owned()
    }

    fn span_of(&self, step: StepId) -> String {
        self.id(&format!("step {step}"), SPAN_ID)
    }

    /// The span of the run itself, which is in this state.
    #[must_use]
    pub fn root(&self, state: RunState) -> Value {
        let head = self.details.head;
        let events: Vec<Value> = self
            .details
            .notes
            .iter()
            .filter(|note| note.is_phase)
            .map(|note| {
                let attributes = [text("smol_wf.phase", note.text)];
                json!({ "timeUnixNano": nanos(note.at_us), "name": "phase", "attributes": attributes })
            })
            .collect();
        let attributes = [
            text("gen_ai.operation.name", "invoke_workflow"),
            text("gen_ai.workflow.name", &head.name),
            text("workflow.name", &head.name),
            text("workflow.run_id", head.run.as_str()),
            text("smol_wf.state", state.as_str()),
            number("smol_wf.attempts", self.details.epochs.len() as u64),
        ];
        let failed = match self.details.end {
            Some(RunEnd::Failed { error }) => Some((error.code.as_str(), error.message.as_str())),
            _ => None,
        };
        let span = json!({
            "traceId": self.id("trace", TRACE_ID),
            "spanId": self.id("run", SPAN_ID),
            "name": format!("invoke_workflow {}", head.name),
            "kind": INTERNAL,
            "startTimeUnixNano": nanos(self.details.created_at_us),
            "endTimeUnixNano": nanos(self.details.updated_at_us),
            "attributes": attributes,
            "events": events,
        });
        with_status(span, failed)
    }

    /// The span of a step; it includes prompt and answer only if `said` is given.
    #[must_use]
    pub fn step(&self, step: &StepDetails<'_>, said: Option<&SpanTexts>) -> Value {
        let is_agent = step.kind == StepKind::Agent;
        let kind = if is_agent { CLIENT } else { INTERNAL };
        let name = match step.kind.operation() {
            Some(operation) => format!("{operation} {}", &*step.label),
            None => step.label.to_string(),
        };
        let parent = match step.scope.opened_by() {
            Some(step) => self.span_of(step),
            None => self.id("run", SPAN_ID),
        };
        let worked_until = step.work.last().map(|work| work.to_us);
        let ended_at_us = match is_agent {
            true => worked_until.or(step.ended_at_us),
            false => step.ended_at_us.or(worked_until),
        };
        let span = json!({
            "traceId": self.id("trace", TRACE_ID),
            "spanId": self.span_of(step.step),
            "parentSpanId": parent,
            "name": name,
            "kind": kind,
            "startTimeUnixNano": nanos(step.started_at_us.unwrap_or(step.asked_at_us)),
            "endTimeUnixNano": nanos(ended_at_us.unwrap_or(self.details.updated_at_us)),
            "attributes": self.attributes(step, said),
        });
        with_status(span, step.error.map(|error| (error.code.as_str(), error.message.as_str())))
    }

    fn attributes(&self, step: &StepDetails<'_>, said: Option<&SpanTexts>) -> Vec<Value> {
        let mut all = vec![
            number("smol_wf.step", step.step.0.into()),
            text("smol_wf.state", step.state.as_str()),
            text("workflow.run_id", self.details.head.run.as_str()),
        ];
        let mut optional = |key: &str, value: Option<&str>| {
            all.extend(value.map(|value| text(key, value)));
        };
        optional("smol_wf.phase", step.phase);
        optional("smol_wf.reused_from", step.reused.map(|reused| reused.run.as_str()));
        optional("error.type", step.error.map(|error| error.code.as_str()));
        optional("gen_ai.operation.name", step.kind.operation());
        match step.asked {
            StepRequest::Workflow(request) => {
                optional("gen_ai.workflow.name", Some(&request.target.to_string()));
            }
            StepRequest::Agent(request) => {
                optional("gen_ai.agent.name", request.label.as_deref());
                optional("gen_ai.provider.name", step.provider);
                optional("gen_ai.request.model", request.model.as_deref());
                let answered = step.reply.and_then(|reply| reply.model.as_deref());
                optional("gen_ai.response.model", answered);
                optional("gen_ai.conversation.id", step.session_id);
                let form = if request.schema.is_some() { "json" } else { "text" };
                optional("gen_ai.output.type", Some(form));
                all.extend(usage(step));
                if let Some(said) = said {
                    all.extend(messages(request, step, said));
                }
            }
            _ => {}
        }
        all
    }
}

fn usage(step: &StepDetails<'_>) -> Vec<Value> {
    let Some(reply) = step.reply.filter(|reply| reply.reused.is_none()) else { return Vec::new() };
    let usage = reply.usage;
    let mut all = vec![
        number("gen_ai.usage.input_tokens", usage.input_tokens),
        number("gen_ai.usage.output_tokens", usage.output_tokens),
        number("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens),
        number("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens),
        number("smol_wf.rounds", reply.rounds.into()),
    ];
    if let Some(cost) = step.cost_usd {
        all.push(json!({ "key": "smol_wf.cost_usd", "value": { "doubleValue": cost } }));
    }
    all
}

fn messages(request: &AgentRequest, step: &StepDetails<'_>, said: &SpanTexts) -> Vec<Value> {
    let message = |role: &str, content: &str| {
        let parts = json!([{ "type": "text", "content": content }]);
        json!([{ "role": role, "parts": parts }]).to_string()
    };
    let prompt = said.prompt.as_ref().unwrap_or(&request.prompt);
    let mut all = vec![text("gen_ai.input.messages", &message("user", prompt))];
    if let (Some(Outcome::Value(answer)), StepState::Completed | StepState::Answered) =
        (step.outcome, step.state)
    {
        // A plain text answer was journaled as JSON text as well.
        let answer = said.answer.as_ref().unwrap_or(answer);
        let plain: Option<String> = serde_json::from_str(answer).ok();
        let answer = plain.as_deref().unwrap_or(answer);
        all.push(text("gen_ai.output.messages", &message("assistant", answer)));
    }
    all
}

fn with_status(mut span: Value, failed: Option<(&str, &str)>) -> Value {
    if let Some((_, message)) = failed {
        // 2 is OTLP's number for an error.
        span["status"] = json!({ "code": 2, "message": message });
    }
    span
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// OTLP's JSON writes 64-bit numbers as text.
fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn nanos(at_us: i64) -> String {
    (i128::from(at_us) * 1_000).to_string()
}
