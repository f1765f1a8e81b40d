//! Progress as lines that stay: for pipes, logs and CI.
//!
//! Owns: the line for each kind of event. Never: colour or movement, so that a
//! log reads the same everywhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smol_wf_core::event::{AgentCompleted, AskOpened, Event, EventData, MessageEvent};
use smol_wf_core::gate::AskKind;
use smol_wf_core::guest::NullSlot;

use tokio::sync::Notify;

use super::slow::Slow;
use crate::ask_words::settled_words;
use crate::failure;
use crate::humanize::{plural, span};
use crate::message_words::message_words;
use crate::shell;

/// How often slow agents are looked for while an agent works.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Prints each event as a line, and reports agents that take long.
#[derive(Debug)]
pub(crate) struct Plain {
    slow: Arc<Mutex<Slow>>,
    /// Wakes the watch when an agent has begun.
    began: Arc<Notify>,
    watch: Option<tokio::task::JoinHandle<()>>,
}

impl Plain {
    /// `reports_slow` is false if only errors and warnings are wanted.
    pub(crate) fn new(reports_slow: bool) -> Self {
        let slow = Arc::new(Mutex::new(Slow::default()));
        let began = Arc::new(Notify::new());
        let watch = reports_slow.then(|| tokio::spawn(report_slow(slow.clone(), began.clone())));
        Self { slow, began, watch }
    }

    /// Prints the line of an event, if it has one.
    pub(crate) fn show(&self, event: &Event) {
        if let Some(line) = line_of(event) {
            failure::print_progress(&line);
        }
        if let EventData::AskOpened(ask) = &event.data
            && ask.kind == AskKind::Permission
        {
            failure::print_progress(&how_to_answer(event, ask));
        }
    }

    /// Notes an event for the reports about slow agents, whether it is shown or
    /// not.
    pub(crate) fn note(&self, event: &Event, at: Instant) {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.note(event, at);
        if !slow.is_empty() {
            self.began.notify_one();
        }
    }

    /// Stops the reports about slow agents.
    pub(crate) fn finish(&self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

/// Prints lines about slow agents until it is aborted. A run that only waits for people
/// does not wake it.
async fn report_slow(slow: Arc<Mutex<Slow>>, began: Arc<Notify>) {
    loop {
        began.notified().await;
        tokio::time::sleep(LOOK_EVERY).await;
        let due = slow.lock().unwrap_or_else(PoisonError::into_inner).due(Instant::now());
        due.iter().for_each(|line| failure::print_progress(line));
        if !slow.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            began.notify_one();
        }
    }
}

/// An event as a line; `None` if it is not worth a line.
pub(crate) fn line_of(event: &Event) -> Option<String> {
    let is_child = event.metadata.workflow_depth > 0;
    Some(match &event.data {
        EventData::Started(script) if is_child => {
            format!("[workflow] {}", script.name.as_str().unwrap_or_default())
        }
        EventData::Forked(parent) => format!("[fork] of {}", parent.run),
        EventData::Phase { title } => format!("[phase] {title}"),
        // A log line with `of` repeats the event before it.
        EventData::Log { message, of: None } => format!("[log] {message}"),
        EventData::AgentStarted(agent) => format!("[agent] {}", agent.label),
        EventData::AgentCompleted(done) => completed(done),
        EventData::AgentFailed(failed) => {
            let given = if failed.given.is_some() { ", null for the script" } else { "" };
            format!("[agent] {}: failed{given}: {}", failed.agent.label, failed.error.message)
        }
        EventData::AgentParked(parked) => {
            format!("[agent] {}: waits for a resume: {}", parked.label, parked.error.message)
        }
        EventData::Message(message) => of_message(message),
        EventData::AgentTold { too_late, .. } => {
            let step = event.metadata.step_id.as_deref().unwrap_or_default();
            match too_late {
                false => format!("[agent {step}] has the message"),
                true => format!("[agent {step}] had ended before the message came"),
            }
        }
        EventData::WorktreeKept(worktree) => format!("[worktree] kept: {}", worktree.path),
        EventData::AgentEvent { text, .. } => {
            let step = event.metadata.step_id.as_deref().unwrap_or_default();
            format!("[agent {step}] {text}")
        }
        EventData::SlotNull(slot) => null(slot),
        EventData::SleepStarted { milliseconds } => {
            format!("[sleep] {}", span(whole(*milliseconds)))
        }
        EventData::AskOpened(ask) if ask.kind == AskKind::Permission => leave(ask),
        EventData::AskOpened(ask) => format!("[ask] {}(): {}", ask.kind.function(), ask.question),
        EventData::AskSettled(ask) => format!("[ask] {}", settled_words(ask)),
        EventData::ChildFailed { workflow, error } => {
            format!("[workflow] {workflow}: failed: {}", error.message)
        }
        EventData::Failed { error } if is_child => format!("[workflow] failed: {}", error.message),
        _ => return None,
    })
}

/// The line about a message from outside: `[message] stop of step 3 by ann`.
fn of_message(message: &MessageEvent) -> String {
    let text = message.text.as_ref().map_or_else(String::new, |text| format!(": {text}"));
    format!("[message] {}{text}", message_words(message))
}

/// The line about an agent that answered: reused, null, or time and tokens.
fn completed(AgentCompleted { agent, output }: &AgentCompleted) -> String {
    let label = &agent.label;
    if agent.reused.is_some() {
        return format!("[agent] {label}: answer reused");
    }
    let took = span(agent.duration_ms.unwrap_or_default());
    if output.is_null() {
        return format!("[agent] {label}: answered null in {took}");
    }
    let tokens = agent.usage.map_or(0, |usage| usage.output_tokens);
    format!("[agent] {label}: done in {took}, {}", plural(tokens, "token"))
}

/// The line about a permission that an agent asks for.
fn leave(ask: &AskOpened) -> String {
    let provider = ask.provider.as_deref().unwrap_or("an agent");
    format!("[ask] {}: {provider} asks leave: {}", ask.label, ask.question)
}

/// What exactly an agent wants to do, and how to answer it: the run waits, and nobody may
/// be at its terminal.
fn how_to_answer(event: &Event, ask: &AskOpened) -> String {
    let (run, db) = (&event.metadata.run_id, shell::with_database());
    let step = event.metadata.step_id.as_deref().unwrap_or_default();
    let number = ask.ask.unwrap_or_default();
    let detail = ask.detail.as_ref().map_or_else(String::new, |detail| format!("{detail}\n"));
    format!("{detail}answer: smol-wf answer {run}#{step}.{number} --yes{db} (or --no)")
}

/// The line about a slot that became null: `[null] parallel 1, slot 2, line 7:
/// …`.
fn null(slot: &NullSlot) -> String {
    let NullSlot { group, ordinal, index, error, .. } = slot;
    let of = error.file.as_ref().map(|file| format!(" of {file}")).unwrap_or_default();
    let line = match error.line {
        0 => String::new(),
        line => format!(", line {line}{of}"),
    };
    format!("[null] {} {ordinal}, slot {index}{line}: {}", group.word(), error.message)
}

/// A number of JavaScript as whole milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(milliseconds: f64) -> u64 {
    milliseconds as u64
}
