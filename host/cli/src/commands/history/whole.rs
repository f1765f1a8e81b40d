//! Steps of a run with nothing left out: what was asked, with which options, and what
//! was answered.
//!
//! Owns: the text and the JSON of a whole step. Never: more than one step in memory.

use serde_json::{Map, Value, json};
use smol_wf_core::details::{PermissionDetails, PermissionState, StepDetails, StepMessage};
use smol_wf_core::outcome::{Outcome, UNDEFINED};
use smol_wf_core::step::StepKind;
use smol_wf_engine::{EngineError, Report};

use super::brief;
use crate::failure::CommandError;
use crate::humanize::{count, plural, price, span, utc};
use crate::json_list::JsonList;
use crate::lean_run::LeanRun;
use crate::message_words::fate_words;
use crate::output::{self, Sink};
use crate::table::Format;
use crate::{result_text, sanitize};

/// Fields of a request that have a place of their own.
const PLACED: [&str; 7] = ["prompt", "question", "detail", "schema", "system", "label", "phase"];

/// Most columns of what an agent wanted to do; the whole is in the JSON.
const DETAIL_COLUMNS: usize = 200;

/// Version of the documents about single steps. Fields are only ever added.
const FORMAT: u32 = 1;

/// A step and its whole texts.
pub(super) struct WholeStep<'a> {
    step: &'a StepDetails<'a>,
    /// Its request as JSON, with the names that scripts use.
    request: Value,
    /// Its answer as JSON text.
    answer: Option<String>,
}

impl<'a> WholeStep<'a> {
    /// Reads the texts of a step that were cut. Fails if an entry cannot be read.
    pub(super) async fn read(
        run: &LeanRun,
        step: &'a StepDetails<'a>,
    ) -> Result<Self, EngineError> {
        let asked = run.asked(step.step).await?;
        let request = serde_json::to_value(asked.as_ref().unwrap_or(step.asked));
        let request = request.map(|mut request| request["request"].take()).unwrap_or_default();
        let answer = match step.outcome {
            // A child that returned nothing has none.
            Some(Outcome::Value(text)) if text != UNDEFINED => {
                Some(run.answer(step.step).await?.unwrap_or_else(|| text.clone()))
            }
            _ => None,
        };
        Ok(Self { step, request: in_script_names(request), answer })
    }

    /// The step as JSON.
    pub(super) fn json(self) -> serde_json::Result<Value> {
        let mut value = serde_json::to_value(self.step)?;
        if let Some(fields) = value.as_object_mut() {
            // The request has them whole.
            fields.shift_remove("options");
            fields.insert("request".to_owned(), self.request);
            fields.extend(self.answer.map(|answer| ("answer".to_owned(), of_json(answer))));
        }
        Ok(value)
    }

    /// What was said, as JSON: enough to read the run as a conversation.
    fn said_json(self) -> Value {
        let step = self.step;
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("step", json!(step.step));
        put("kind", json!(step.kind));
        put("label", json!(&*step.label));
        put("state", json!(step.state));
        if let Some(prompt) = self.prompt() {
            put("prompt", prompt.into());
        }
        if let Some(answer) = self.answer {
            put("answer", of_json(answer));
        }
        if let Some(error) = step.error {
            put("error", json!(error));
        }
        fields.into()
    }

    /// What was asked: the prompt of an agent, or a question and what people must know.
    fn prompt(&self) -> Option<String> {
        let text = |name| self.request.get(name).and_then(Value::as_str);
        let asked = text("prompt").or_else(|| text("question"))?;
        Some(match text("detail") {
            Some(detail) => format!("{asked}\n\n{detail}"),
            None => asked.to_owned(),
        })
    }

    /// The step as text: with `facts` all of it, else what was said.
    pub(super) fn text(&self, facts: bool) -> String {
        let step = self.step;
        let label = sanitize::one_line(&step.label);
        let mut parts = vec![format!("STEP {}  {label}  {}", step.step, step.state.as_str())];
        if facts {
            parts[0] = format!("{}\n{}", parts[0], self.facts().join("\n"));
        }
        let text = |name| self.request.get(name).and_then(Value::as_str).map(sanitize::with_tabs);
        parts.extend(text("system").filter(|_| facts).map(|text| titled("SYSTEM", &text)));
        let prompt = self.prompt().map(|text| titled("PROMPT", &sanitize::with_tabs(&text)));
        parts.extend(prompt);
        // A question is asked with its schema.
        let has_schema = facts || step.kind == StepKind::Ask;
        let schema = self.request.get("schema").filter(|_| has_schema);
        parts
            .extend(schema.map(|schema| titled("SCHEMA", &output::escape(&format!("{schema:#}")))));
        parts.extend(step.messages.iter().filter(|_| facts).map(told));
        let answer = self.answer.as_deref();
        parts.extend(answer.map(|answer| titled("ANSWER", &result_text::of_json(answer))));
        parts.extend(step.error.map(|error| {
            let given = step.given.map_or("", |_| "\nThe script was given null.");
            let said = format!("{} [{}]{given}", error.message, error.code);
            titled("FAILED", &sanitize::with_tabs(&said))
        }));
        parts.join("\n\n")
    }

    /// Who was asked, when, how often, at what cost, and with which options.
    fn facts(&self) -> Vec<String> {
        let step = self.step;
        let optional = |name: &str, value: Option<&str>| {
            value.map(|value| format!(", {name} {value}")).unwrap_or_default()
        };
        let mut lines = vec![
            format!(
                "{}{}{}{}{}",
                step.asked.function(),
                optional("phase", step.phase),
                optional("provider", step.provider),
                optional("model", step.model),
                optional("session", step.session_id),
            ),
            format!("asked {} UTC{}", utc(step.asked_at_us / 1_000), self.tries()),
        ];
        let tokens = step.token_usage;
        if tokens.total_tokens > 0 {
            let cost = step.cost_usd.map(price).filter(|cost| !cost.is_empty());
            lines.push(format!(
                "{} ({} read, {} written){}",
                plural(count(tokens.total_tokens), "token"),
                count(tokens.input_tokens),
                count(tokens.output_tokens),
                cost.map(|cost| format!(", {cost}")).unwrap_or_default()
            ));
        }
        lines.extend(step.reused.map(|reused| {
            let by_hand = if reused.by_hand { ", written by hand" } else { "" };
            format!("answer of step {} of {}{by_hand}", reused.step, reused.run)
        }));
        lines.extend(
            (step.steered > 0)
                .then(|| format!("steered by {}", plural(u64::from(step.steered), "message"))),
        );
        lines.extend(step.worktree.map(|worktree| format!("worktree {}", worktree.path)));
        lines.extend(step.permissions.iter().map(permission));
        let options = self.request.as_object().into_iter().flatten();
        for (name, value) in options.filter(|(name, _)| !PLACED.contains(&name.as_str())) {
            lines.push(match value {
                Value::String(text) => format!("{name} {text}"),
                value => format!("{name} {value}"),
            });
        }
        lines.iter().map(|line| sanitize::one_line(line)).collect()
    }

    /// How long it took, and how often it was tried.
    fn tries(&self) -> String {
        let step = self.step;
        let mut text =
            step.duration_ms.map(|ms| format!(", took {}", span(ms))).unwrap_or_default();
        let tries = [
            (u64::from(step.dispatches), "dispatch", "dispatches"),
            (u64::from(step.attempts), "attempt", "attempts"),
            (u64::from(step.rounds), "round", "rounds"),
        ];
        for (number, one, many) in tries.into_iter().filter(|(number, ..)| *number > 0) {
            text.push_str(&format!(", {} {}", count(number), if number == 1 { one } else { many }));
        }
        text
    }
}

/// A permission that the agent asked for: what became of it, and by whom.
fn permission(asked: &PermissionDetails<'_>) -> String {
    let what = match asked.detail {
        Some(detail) if !asked.question.contains(detail) => {
            format!(
                "{}: {}",
                asked.question,
                sanitize::cut(&sanitize::one_line(detail), DETAIL_COLUMNS)
            )
        }
        _ => asked.question.to_owned(),
    };
    let became = match (asked.state, asked.by) {
        (PermissionState::Open, _) => "waits for a person".to_owned(),
        (PermissionState::Allowed, by) => format!("allowed by {}", by.unwrap_or("a person")),
        (PermissionState::Refused, by) => format!("refused by {}", by.unwrap_or("a person")),
        (PermissionState::Withdrawn, _) => "withdrawn".to_owned(),
    };
    let comment = asked.comment.map(|comment| format!(", {comment}")).unwrap_or_default();
    format!("permission {} {became}{comment}: {what}", asked.ask)
}

/// A message to the agent of the step, and what became of it.
fn told(message: &StepMessage<'_>) -> String {
    let StepMessage { number, by, fate, text, .. } = message;
    let fate = fate_words(*fate);
    let title = format!("MESSAGE {number} BY {} ({fate})", sanitize::one_line(by));
    titled(&title, &sanitize::with_tabs(text))
}

/// Prints one step.
pub(super) async fn print_step(
    run: &LeanRun,
    report: &Report,
    step: &StepDetails<'_>,
    format: Format,
) -> Result<(), CommandError> {
    let whole = WholeStep::read(run, step).await?;
    if format == Format::Text {
        return Ok(output::safe_text(&whole.text(true))?);
    }
    let mut document = of_run(report);
    document["step"] = whole.json().map_err(std::io::Error::from)?;
    Ok(output::print(format, &document)?)
}

/// Prints the prompts and answers of all agents: in JSON one document, in JSON Lines
/// one step a line.
pub(super) async fn print_said(
    run: &LeanRun,
    report: &Report,
    steps: &[StepDetails<'_>],
    format: Format,
) -> Result<(), CommandError> {
    let steps = steps.iter().filter(|step| brief::is_asked(step));
    let mut sink = Sink::stdout();
    if format == Format::Json {
        let mut frame = of_run(report);
        frame["steps"] = json!([]);
        let mut list = JsonList::begin(&mut sink, &output::pretty(&frame)?)?;
        for step in steps {
            list.push(WholeStep::read(run, step).await?.said_json())?;
        }
        list.finish()?;
        return Ok(sink.finish()?);
    }
    for (index, step) in steps.enumerate() {
        let whole = WholeStep::read(run, step).await?;
        match format {
            Format::Text if index > 0 => sink.safe_text(&format!("\n{}", whole.text(false)))?,
            Format::Text => sink.safe_text(&whole.text(false))?,
            _ => sink.json(&whole.said_json().to_string())?,
        }
    }
    Ok(sink.finish()?)
}

/// The beginning of a document about steps of a run.
fn of_run(report: &Report) -> Value {
    json!({
        "schemaVersion": FORMAT,
        "runId": report.run_id,
        "name": report.name,
        "state": report.state,
    })
}

/// A text below its title. It is indented, so that none of its lines looks like a
/// title.
fn titled(title: &str, text: &str) -> String {
    let mut titled = title.to_owned();
    for line in text.lines() {
        titled.push_str(if line.is_empty() { "\n" } else { "\n  " });
        titled.push_str(line);
    }
    titled
}

/// A JSON text as a value; one that is nested too deeply as the text it is.
fn of_json(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// A request with the names that scripts use (`timeoutMs`), and its schema as JSON.
/// The schema's own names stay.
fn in_script_names(request: Value) -> Value {
    let Value::Object(fields) = request else { return request };
    let renamed = fields.into_iter().map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("schema", Value::String(text)) => of_json(text),
            (_, value) => in_script_names(value),
        };
        (camel(&name), value)
    });
    renamed.collect::<Map<_, _>>().into()
}

/// `timeout_ms` as `timeoutMs`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_names_of_scripts_and_its_schema_its_own() {
        let request = json!({ "stall_ms": 5, "schema": "{\"a_b\":{}}", "session": { "of": { "session_id": "s" } } });
        let expected = json!({ "stallMs": 5, "schema": { "a_b": {} }, "session": { "of": { "sessionId": "s" } } });
        assert_eq!(in_script_names(request), expected);
    }

    #[test]
    fn no_line_of_a_text_looks_like_a_title() {
        assert_eq!(titled("PROMPT", "a\n\nANSWER\nb"), "PROMPT\n  a\n\n  ANSWER\n  b");
    }
}
