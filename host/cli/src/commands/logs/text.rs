//! An event as text: a line, and below it what was asked or answered.
//!
//! Owns: these texts, and how much of a long one is shown. Never: prints.

use serde_json::Value;
use smol_wf_core::event::{
    AgentCompleted, AgentStarted, AskOpened, AskSettled, Event, EventData, MessageEvent,
};
use smol_wf_core::gate::AskKind;
use smol_wf_core::ids::RunId;

use crate::ask_words::settled_words;
use crate::humanize::{plural, span, utc};
use crate::message_words::message_words;
use crate::{advice, sanitize, shell};

/// Most lines and characters of a prompt or an answer among others.
const LINES_SHOWN_MAX: usize = 12;
const CHARS_SHOWN_MAX: usize = 1_000;

/// Makes the texts of one run.
pub(super) struct Texts<'a> {
    pub(super) run: &'a RunId,
    /// When the run was created.
    pub(super) created_at_us: i64,
    /// Prompts and answers are not cut.
    pub(super) is_whole: bool,
}

/// What an event says: on its line, and below it.
struct Said {
    line: String,
    below: Option<String>,
}

impl Texts<'_> {
    /// The text of an event; `None` if it repeats another one.
    pub(super) fn of(&self, event: &Event) -> Option<String> {
        let Said { line, below } = said(&event.data)?;
        let since_us = i64::try_from(event.elapsed_nanos / 1_000).unwrap_or(i64::MAX);
        let time = utc(self.created_at_us.saturating_add(since_us) / 1_000);
        let step = event.metadata.step_id.as_deref();
        let place = step.map_or_else(String::new, |step| format!("#{step} "));
        let mut text = format!("{time}  {place}{}", sanitize::one_line(&line));
        if let Some(below) = below.filter(|below| !below.is_empty()) {
            self.add_below(&mut text, &below, step);
        }
        Some(text)
    }

    /// Adds a prompt or an answer, indented; if it is cut, with the command that shows
    /// all of it.
    fn add_below(&self, text: &mut String, below: &str, step: Option<&str>) {
        let mut shown: String = below.to_owned();
        if !self.is_whole {
            let first: Vec<&str> = below.lines().take(LINES_SHOWN_MAX).collect();
            shown = first.join("\n").chars().take(CHARS_SHOWN_MAX).collect();
        }
        let is_cut = shown.len() < below.trim_end_matches('\n').len();
        for line in shown.lines() {
            text.push_str("\n    ");
            text.push_str(line);
        }
        if is_cut {
            let (run, db) = (self.run, shell::with_database());
            let whole = match step {
                Some(step) => format!("smol-wf logs {run}#{step}{db}"),
                None => format!("smol-wf history {run}{db}"),
            };
            text.push_str(&format!("\n    … whole: {whole}"));
        }
    }
}

/// A line alone.
fn line(line: impl Into<String>) -> Option<Said> {
    Some(Said { line: line.into(), below: None })
}

/// A line with a text below it.
fn with(line: impl Into<String>, below: impl Into<String>) -> Option<Said> {
    Some(Said { line: line.into(), below: Some(below.into()) })
}

/// What an event says.
fn said(data: &EventData) -> Option<Said> {
    match data {
        // It repeats the event before it.
        EventData::Log { of: Some(_), .. } => None,
        EventData::Log { message, .. } if message.contains('\n') => with("log", message),
        EventData::Log { message, .. } => line(format!("log {message}")),
        EventData::Forked(parent) => line(format!("fork of {}", parent.run)),
        EventData::Resumed { attempt, .. } => line(format!("resumed (start {attempt})")),
        EventData::Started(script) => {
            line(format!("workflow {}", script.name.as_str().unwrap_or(&script.script)))
        }
        EventData::Phase { title } => line(format!("phase {title}")),
        EventData::Warning(warning) => line(format!("warning: {}", warning.message)),
        EventData::SlotNull(slot) => line(format!(
            "null in slot {} of {} {}: {}",
            slot.index,
            slot.group.word(),
            slot.ordinal,
            slot.error.message
        )),
        EventData::SleepStarted { milliseconds } => line(format!("sleeps {milliseconds} ms")),
        EventData::SleepEnded {} => line("awake"),
        EventData::Completed { result } => with("completed", text_of(result)),
        EventData::ChildCompleted { workflow, result } => {
            with(format!("workflow {workflow} completed"), text_of(result))
        }
        EventData::Failed { error } => line(format!("failed: {}", error.message)),
        EventData::ChildFailed { workflow, error } => {
            line(format!("workflow {workflow} failed: {}", error.message))
        }
        EventData::Stopped(reason) => line(format!("stopped: {}", advice::of_stop(reason))),
        EventData::AskOpened(ask) => Some(opened(ask)),
        EventData::AskSettled(ask) => Some(settled(ask)),
        EventData::Message(message) => {
            let below = message.text.clone();
            Some(Said { line: of_message(message), below })
        }
        other => of_agent(other),
    }
}

/// A question, and what people must know to answer it.
fn opened(ask: &AskOpened) -> Said {
    let does = match ask.kind {
        AskKind::Approve | AskKind::Ask => "asks",
        AskKind::Permission => "asked of a person",
        AskKind::WaitFor => "waits for an event",
    };
    let mut below = ask.question.clone();
    if let Some(detail) = &ask.detail {
        below.push_str(&format!("\n{detail}"));
    }
    Said { line: format!("{}: {} {does}", ask.label, ask.kind.function()), below: Some(below) }
}

/// The answer to a question: who gave it, and what they said beside it.
fn settled(ask: &AskSettled) -> Said {
    let mut line = settled_words(ask);
    if let Some(comment) = &ask.comment {
        line.push_str(&format!(", with the comment: {comment}"));
    }
    Said { line, below: ask.output.as_ref().map(text_of) }
}

/// A message from outside: `message stop of step 3 by ann`.
fn of_message(message: &MessageEvent) -> String {
    format!("message {}", message_words(message))
}

/// What an event about an agent says.
fn of_agent(data: &EventData) -> Option<Said> {
    match data {
        EventData::AgentQueued(agent) => line(format!("{} is queued", agent.label)),
        EventData::AgentStarted(agent) => Some(asked(agent)),
        EventData::AgentEvent { kind, text } => line(format!("{kind}: {text}")),
        EventData::AgentSession { session_id } => line(format!("session {session_id}")),
        EventData::AgentTold { too_late: false, .. } => line("the agent has the message"),
        EventData::AgentTold { too_late: true, .. } => {
            line("the message came too late: the agent had ended")
        }
        EventData::AgentParked(parked) => {
            line(format!("{} waits for a resume: {}", parked.label, parked.error.message))
        }
        EventData::AgentCompleted(done) => Some(answered(done)),
        EventData::AgentFailed(failed) => {
            line(format!("{} failed: {}", failed.agent.label, failed.error.message))
        }
        EventData::WorktreeKept(worktree) => line(format!("worktree kept: {}", worktree.path)),
        // A kind of a newer library.
        other => line(other.kind().word()),
    }
}

/// The prompt of an agent.
fn asked(agent: &AgentStarted) -> Said {
    let model = agent.model.as_ref().map_or_else(String::new, |model| format!(" ({model})"));
    let again = match agent.attempt {
        0 | 1 => String::new(),
        attempt => format!(", for the {attempt}. time"),
    };
    let line = format!("{} asked{model}{again}", agent.label);
    Said { line, below: Some(agent.prompt.clone()) }
}

/// The answer of an agent.
fn answered(AgentCompleted { agent, output }: &AgentCompleted) -> Said {
    let line = if agent.reused.is_some() {
        let steered = if agent.steered > 0 { ", steered by messages" } else { "" };
        format!("{}: answer reused{steered}", agent.label)
    } else {
        let took = span(agent.duration_ms.unwrap_or_default());
        let tokens = agent.usage.map_or(0, |usage| usage.output_tokens);
        format!("{} answered in {took}, {}", agent.label, plural(tokens, "token"))
    };
    Said { line, below: Some(text_of(output)) }
}

/// A value for people: text as it is, everything else as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_else(|_| other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use smol_wf_core::ids::StepId;

    use super::*;

    #[test]
    fn a_message_says_what_who_and_whether_it_had_an_effect() {
        let mut message = MessageEvent {
            message: Some("stop".into()),
            number: 1,
            by: "ann".to_owned(),
            step: Some(StepId(3)),
            text: None,
            refused: None,
            limits: None,
        };
        assert_eq!(of_message(&message), "message stop of step 3 by ann");
        message.refused = Some("step_settled".to_owned());
        assert_eq!(of_message(&message), "message stop of step 3 by ann: no effect: step_settled");
        (message.message, message.step) = (None, None);
        let newer = "message of a newer program by ann: no effect: step_settled";
        assert_eq!(of_message(&message), newer);
        let told = MessageEvent {
            message: Some("message".into()),
            step: Some(StepId(3)),
            text: Some("look".to_owned()),
            refused: None,
            ..message
        };
        assert_eq!(of_message(&told), "message to step 3 by ann");
    }
}
