//! The Trace Event Format, which Perfetto and `chrome://tracing` read.
//!
//! Owns: the lanes: as many as agents were at work at the same time, and a queue.
//! Never: includes a prompt or an answer.

use serde_json::{Value, json};

use crate::details::{Details, StepDetails};
use crate::step::StepKind;

/// Three groups of lanes, which the format calls processes.
const SCRIPT: u32 = 1;
const AGENTS: u32 = 2;
const QUEUE: u32 = 3;

/// The trace as one JSON object without its events, which belong into its last empty
/// list.
#[must_use]
pub fn chrome(details: &Details<'_>) -> Value {
    json!({
        "displayTimeUnit": "ms",
        "otherData": { "run": details.head.run, "workflow": details.head.name },
        "traceEvents": [],
    })
}

/// Passes its events to `emit`, one by one; a step has several. Times are microseconds
/// since the run was created.
///
/// # Errors
/// The first error of `emit`.
pub fn chrome_events<E>(
    details: &Details<'_>,
    emit: &mut dyn FnMut(Value) -> Result<(), E>,
) -> Result<(), E> {
    emit(named("process_name", SCRIPT, 0, &format!("workflow {}", details.head.name)))?;
    emit(named("process_name", AGENTS, 0, "agents at work"))?;
    emit(named("process_name", QUEUE, 0, "agents in the queue"))?;
    let at = |at_us: i64| at_us.saturating_sub(details.created_at_us);
    for epoch in &details.epochs {
        emit(json!({
            "name": format!("attempt {}", epoch.number), "cat": "attempt", "ph": "X",
            "pid": SCRIPT, "tid": 0, "ts": at(epoch.started_at_us),
            "dur": epoch.ended_at_us.saturating_sub(epoch.started_at_us),
            "args": { "ended": epoch.ended.as_str() },
        }))?;
    }
    for note in &details.notes {
        let kind = if note.is_phase { "phase" } else { "log" };
        emit(json!({
            "name": note.text, "cat": kind, "ph": "i", "s": "p",
            "pid": SCRIPT, "tid": 0, "ts": at(note.at_us),
        }))?;
    }
    let mut lanes = Lanes::default();
    let mut works: Vec<_> = details
        .steps
        .iter()
        .flat_map(|step| step.work.iter().map(move |work| (work, step)))
        .collect();
    works.sort_by_key(|(work, step)| (work.from_us, step.step));
    for (work, step) in works {
        let (pid, tid) = match step.kind {
            StepKind::Agent => (AGENTS, lanes.take(work.from_us, work.to_us)),
            // Other steps have a lane each, because they may overlap.
            _ => (SCRIPT, step.step.0),
        };
        emit(json!({
            "name": &*step.label, "cat": step.kind, "ph": "X", "pid": pid, "tid": tid,
            "ts": at(work.from_us), "dur": work.to_us.saturating_sub(work.from_us), "args": arguments(step),
        }))?;
    }
    for tid in 1..=lanes.busy_until.len() {
        emit(named("thread_name", AGENTS, tid, &format!("slot {tid}")))?;
    }
    for step in details.steps.iter().filter(|step| step.kind == StepKind::Agent) {
        queued(step, &at).into_iter().flatten().try_for_each(&mut *emit)?;
    }
    Ok(())
}

/// The time from request to dispatch, as a pair of asynchronous events: any number of
/// steps may wait at the same time.
fn queued(step: &StepDetails<'_>, at: &impl Fn(i64) -> i64) -> Option<[Value; 2]> {
    let until_us = step.started_at_us.filter(|until| *until > step.asked_at_us)?;
    let event = |phase: &str, at_us: i64| {
        json!({
            "name": &*step.label, "cat": "queued", "ph": phase, "id": step.step.0,
            "pid": QUEUE, "tid": 0, "ts": at(at_us),
        })
    };
    Some([event("b", step.asked_at_us), event("e", until_us)])
}

fn arguments(step: &StepDetails<'_>) -> Value {
    json!({
        "step": step.step, "state": step.state, "phase": step.phase, "provider": step.provider,
        "model": step.model, "inputTokens": step.token_usage.input_tokens,
        "outputTokens": step.token_usage.output_tokens, "costUsd": step.cost_usd,
        "rounds": step.rounds, "error": step.error.map(|error| &error.code), "reused": step.reused,
    })
}

fn named(what: &str, pid: u32, tid: usize, name: &str) -> Value {
    json!({ "name": what, "ph": "M", "pid": pid, "tid": tid, "args": { "name": name } })
}

/// Gives each piece of work the first free lane.
#[derive(Default)]
struct Lanes {
    busy_until: Vec<i64>,
}

impl Lanes {
    /// Number of the lane, from 1.
    fn take(&mut self, from_us: i64, to_us: i64) -> u32 {
        let free = self.busy_until.iter().position(|until| *until <= from_us);
        let lane = free.unwrap_or_else(|| {
            self.busy_until.push(0);
            self.busy_until.len() - 1
        });
        // Work of zero length does not share its lane either.
        self.busy_until[lane] = to_us.max(from_us.saturating_add(1));
        u32::try_from(lane + 1).unwrap_or(u32::MAX)
    }
}
