//! A step as text: what was asked, what its agent did, and what came of it.
//!
//! Owns: these texts, for reading and raw, and how much of a long one is shown. Never:
//! where they stand on the screen.

use serde_json::Value;
use smol_wf_core::event::{AgentEnded, AskOpened, AskSettled, Event, EventData, MessageEvent};
use smol_wf_core::ids::RunId;
use smol_wf_core::message::Fate;
use smol_wf_core::view::RunView;

use super::desk::WholeStep;
use crate::ask_words::settled_words;
use crate::humanize::{count, plural, price, span};
use crate::message_words::fate_words;
use crate::shell;

/// Most bytes of one text that are shown: some thousand lines.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Fields of a request that the events have as well.
const SHOWN_ELSEWHERE: [&str; 6] = ["prompt", "question", "detail", "label", "phase", "schema"];

/// A part of a step: a heading and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) heading: String,
    pub(crate) text: String,
    /// The text is a failure.
    pub(crate) is_failure: bool,
}

impl Section {
    fn new(heading: impl Into<String>, text: impl Into<String>) -> Self {
        Self { heading: heading.into(), text: text.into(), is_failure: false }
    }
}

/// The parts of a step. `run` is the one to name in commands, if there is one; `view` knows
/// what became of messages that no event tells of.
pub(crate) fn sections(
    step: &WholeStep,
    view: &RunView,
    is_raw: bool,
    run: Option<&RunId>,
    key: &str,
) -> Vec<Section> {
    let mut sections = if is_raw { raw(step) } else { pretty(step, view) };
    for section in &mut sections {
        if section.text.len() > TEXT_BYTES_MAX {
            let text = std::mem::take(&mut section.text);
            section.text = smol_wf_core::cut::to_bytes(text, TEXT_BYTES_MAX);
            let whole = run.map_or_else(String::new, |run| {
                format!("; whole: smol-wf logs {run}#{key}{}", shell::with_database())
            });
            section.text.push_str(&format!("\n… cut here{whole}"));
        }
    }
    sections
}

/// The parts as one text, to copy.
pub(crate) fn as_text(sections: &[Section]) -> String {
    let parts = sections.iter().map(|section| match section.heading.as_str() {
        "" => section.text.clone(),
        heading => format!("{heading}\n{}", section.text),
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

fn raw(step: &WholeStep) -> Vec<Section> {
    let request = step.request.iter().map(|request| Section::new("request", json(request)));
    let events = step.events.iter().map(|event| {
        let heading = format!("{} {}", event.seq, word(event));
        let text = serde_json::to_value(event).map(|event| json(&event)).unwrap_or_default();
        Section::new(heading, text)
    });
    request.chain(events).collect()
}

fn word(event: &Event) -> &str {
    match &event.data {
        EventData::Other(other) => &other.kind,
        data => data.kind().word(),
    }
}

fn pretty(step: &WholeStep, view: &RunView) -> Vec<Section> {
    let mut sections = Vec::new();
    let (mut prompt, mut done) = (None, Vec::new());
    for event in &step.events {
        match &event.data {
            EventData::AgentStarted(agent) => {
                let heading = match agent.attempt {
                    0 | 1 => "prompt".to_owned(),
                    attempt => {
                        done.push(format!("{} asked again, attempt {attempt}", clock(event)));
                        continue;
                    }
                };
                prompt = Some(Section::new(heading, agent.prompt.clone()));
            }
            EventData::AgentEvent { kind, text } => {
                done.push(format!("{} {kind}: {text}", clock(event)));
            }
            EventData::AgentSession { session_id } => {
                done.push(format!("{} session {session_id}", clock(event)));
            }
            EventData::AgentParked(parked) => done.push(format!(
                "{} parked: {} [{}]",
                clock(event),
                parked.error.message,
                parked.error.code
            )),
            // Those to the agent have a part of their own.
            EventData::Message(message) if message.text.is_some() => {}
            EventData::Message(message) => {
                let (word, by) = (message.message.as_deref().unwrap_or("message"), &message.by);
                done.push(format!("{} {word} by {by}{}", clock(event), no_effect(message)));
            }
            EventData::Warning(warning) => {
                done.push(format!("{} warning: {}", clock(event), warning.message));
            }
            EventData::Log { message, of: None } => {
                done.push(format!("{} {message}", clock(event)))
            }
            _ => {}
        }
    }
    sections.extend(prompt);
    sections.extend(step.events.iter().filter_map(|event| question(&event.data)));
    sections.push(Section::new("messages", messages(&step.events, view).join("\n\n")));
    if !done.is_empty() {
        sections.push(Section::new("activity", done.join("\n")));
    }
    for event in &step.events {
        outcome(&event.data, &mut sections);
    }
    if let Some(request) = &step.request {
        sections.extend(options(request));
    }
    sections.retain(|section| !section.text.is_empty());
    sections
}

/// The messages to the agent: who posted each and when, what became of it, and its text.
fn messages(events: &[Event], view: &RunView) -> Vec<String> {
    let told = |of: u64| {
        events.iter().find_map(|event| match event.data {
            EventData::AgentTold { number, too_late } if number == of => {
                let fate = fate_words(Fate::of(too_late));
                Some(format!(", {fate} at {}", clock(event)))
            }
            _ => None,
        })
    };
    let untold = |number: u64| {
        let fate = view.message(number).and_then(|message| message.fate);
        format!(", {}", fate_words(fate.unwrap_or(Fate::Waits)))
    };
    let said = events.iter().filter_map(|event| {
        let EventData::Message(message) = &event.data else { return None };
        let text = message.text.as_ref()?;
        let became = match &message.refused {
            Some(_) => no_effect(message),
            None => told(message.number).unwrap_or_else(|| untold(message.number)),
        };
        let MessageEvent { number, by, .. } = message;
        Some(format!("{} message {number} by {by}{became}\n{text}", clock(event)))
    });
    said.collect()
}

/// Why a message had no effect, if it had none.
fn no_effect(message: &MessageEvent) -> String {
    message.refused.as_ref().map_or_else(String::new, |code| format!(", no effect: {code}"))
}

fn question(data: &EventData) -> Option<Section> {
    let EventData::AskOpened(ask) = data else { return None };
    let AskOpened { kind, question, detail, deadline, .. } = &**ask;
    let mut text = question.clone();
    for part in detail.iter().chain(deadline.iter()) {
        text.push_str(&format!("\n{part}"));
    }
    Some(Section::new(kind.function(), text))
}

/// What came of the step, by the event that ends it.
fn outcome(data: &EventData, sections: &mut Vec<Section>) {
    let failed = |message: &str, code: &str| Section {
        is_failure: true,
        ..Section::new("failure", format!("{message} [{code}]"))
    };
    match data {
        EventData::AgentCompleted(done) => {
            sections.push(Section::new("answer", text_of(&done.output)));
            sections.push(Section::new("account", account(&done.agent)));
        }
        EventData::AgentFailed(agent) => {
            sections.push(failed(&agent.error.message, &agent.error.code));
            sections.push(Section::new("account", account(&agent.agent)));
        }
        EventData::ChildCompleted { result, .. } => {
            sections.push(Section::new("result", text_of(result)));
        }
        EventData::ChildFailed { error, .. } => sections.push(failed(&error.message, &error.code)),
        EventData::AskSettled(ask) => sections.push(settled(ask)),
        EventData::WorktreeKept(worktree) => {
            sections.push(Section::new("worktree kept", worktree.path.clone()));
        }
        EventData::SleepStarted { milliseconds } => {
            sections.push(Section::new("sleep", format!("{milliseconds} ms")));
        }
        _ => {}
    }
}

fn settled(ask: &AskSettled) -> Section {
    let mut text = match (&ask.output, &ask.error) {
        (Some(output), _) => text_of(output),
        (None, Some(error)) => format!("{} [{}]", error.message, error.code),
        (None, None) => settled_words(ask),
    };
    if let Some(by) = &ask.by {
        text.push_str(&format!("\nby {by}"));
    }
    if let Some(comment) = &ask.comment {
        text.push_str(&format!("\ncomment: {comment}"));
    }
    Section { is_failure: ask.error.is_some(), ..Section::new("answer", text) }
}

/// Model, tokens, dollars and attempts.
fn account(agent: &AgentEnded) -> String {
    let mut facts = Vec::new();
    facts.extend(agent.model.clone().map(|model| format!("model {model}")));
    facts.extend(agent.duration_ms.map(|ms| format!("took {}", span(ms))));
    if let Some(usage) = agent.usage {
        let (read, written) = (count(usage.input_tokens), count(usage.output_tokens));
        facts.push(format!("{read} tokens in, {written} out"));
    }
    facts.extend(agent.cost_usd.map(price).filter(|price| !price.is_empty()));
    facts.extend(agent.attempts.map(|attempts| plural(attempts, "attempt")));
    facts.extend(
        agent.reused.as_ref().map(|source| format!("answer of {} #{}", source.run, source.step)),
    );
    facts.extend(agent.worktree.as_ref().map(|kept| format!("worktree {}", kept.path)));
    for ask in &agent.asks {
        facts.push(format!("was refused: {}", ask.what));
    }
    facts.join("\n")
}

/// The schema and the other options of the request.
fn options(request: &Value) -> Vec<Section> {
    let fields = request.get("request").unwrap_or(request);
    let schema = fields.get("schema").filter(|schema| !schema.is_null()).map(|schema| {
        let read = schema.as_str().and_then(|text| serde_json::from_str(text).ok());
        Section::new("schema", json(read.as_ref().unwrap_or(schema)))
    });
    let others: Vec<String> = fields
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !SHOWN_ELSEWHERE.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| format!("{name}: {}", text_of(value)))
        .collect();
    let others = (!others.is_empty()).then(|| Section::new("options", others.join("\n")));
    schema.into_iter().chain(others).collect()
}

/// When an event was, since the run began.
fn clock(event: &Event) -> String {
    time(event.elapsed_nanos / 1_000_000)
}

/// `1:02:03` since the run began.
pub(crate) fn time(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Text as it is, everything else as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => json(other),
    }
}

fn json(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
