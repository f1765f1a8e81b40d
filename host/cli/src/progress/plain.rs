//! Progress as lines that stay: for pipes, logs and CI.
//!
//! Owns: one line for each change of state. Never: colour or movement, so a log
//! reads the same everywhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smol_wf_core::event::Event;

use super::slow::Slow;
use super::{failure_of, number_of, span, text_of};
use crate::failure;
use crate::words::plural;

/// How often agents are looked at for being slow.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Shows each event as a line, and agents that take long.
#[derive(Debug)]
pub(crate) struct Plain {
    slow: Arc<Mutex<Slow>>,
    watch: Option<tokio::task::JoinHandle<()>>,
}

impl Plain {
    /// `tells_slow` is false where only errors are wanted.
    pub(crate) fn new(tells_slow: bool) -> Self {
        let slow = Arc::new(Mutex::new(Slow::default()));
        let watch = tells_slow.then(|| tokio::spawn(tell_slow(slow.clone())));
        Self { slow, watch }
    }

    pub(crate) fn show(&self, event: &Event) {
        if let Some(line) = line_of(event) {
            failure::progress(&line);
        }
    }

    /// Takes in what is not shown as well.
    pub(crate) fn heard(&self, event: &Event) {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.heard(event, Instant::now());
    }

    pub(crate) fn finish(&self) {
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

async fn tell_slow(slow: Arc<Mutex<Slow>>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let due = slow.lock().unwrap_or_else(PoisonError::into_inner).due(Instant::now());
        due.iter().for_each(|line| failure::progress(line));
    }
}

/// An event as a line; none for those that nobody wants to read.
pub(crate) fn line_of(event: &Event) -> Option<String> {
    let label = text_of(event, "label");
    Some(match event.kind {
        "workflow.started" if event.metadata.workflow_depth > 0 => {
            format!("[workflow] {}", text_of(event, "name"))
        }
        "workflow.forked" => format!("[fork] of {}", text_of(event, "run")),
        "workflow.phase" => format!("[phase] {}", text_of(event, "title")),
        // It says again what the event before it has said.
        "workflow.log" if event.data.get("of").is_some() => return None,
        "workflow.log" => format!("[log] {}", text_of(event, "message")),
        "workflow.agent_started" => format!("[agent] {label}"),
        "workflow.agent_completed" if event.data.get("reused").is_some() => {
            format!("[agent] {label}: answer reused")
        }
        "workflow.agent_completed" if event.data.get("output").is_some_and(|it| it.is_null()) => {
            format!("[agent] {label}: answered null in {}", span(number_of(event, "/durationMs")))
        }
        "workflow.agent_failed" if event.data.get("given").is_some() => {
            format!("[agent] {label}: failed, null for the script: {}", failure_of(event))
        }
        "workflow.agent_completed" => format!(
            "[agent] {label}: done in {}, {}",
            span(number_of(event, "/durationMs")),
            plural(number_of(event, "/usage/outputTokens"), "token"),
        ),
        "workflow.agent_failed" => format!("[agent] {label}: failed: {}", failure_of(event)),
        "workflow.agent_parked" => {
            format!("[agent] {label}: waits for a resume: {}", failure_of(event))
        }
        "workflow.worktree_kept" => format!("[worktree] kept: {}", text_of(event, "path")),
        "workflow.agent_event" => {
            let step = event.metadata.step_id.as_deref().unwrap_or_default();
            format!("[agent {step}] {}", text_of(event, "text"))
        }
        "workflow.slot_null" => format!(
            "[null] {} {}, slot {}{}: {}",
            text_of(event, "group"),
            number_of(event, "/ordinal"),
            number_of(event, "/index"),
            match number_of(event, "/error/line") {
                0 => String::new(),
                line => format!(", line {line}"),
            },
            failure_of(event),
        ),
        "workflow.sleep_started" => format!("[sleep] {}", span(number_of(event, "/milliseconds"))),
        "workflow.error" if event.metadata.workflow_depth > 0 => {
            format!("[workflow] {}: failed: {}", text_of(event, "workflow"), failure_of(event))
        }
        _ => return None,
    })
}
