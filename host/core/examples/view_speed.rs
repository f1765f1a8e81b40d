//! What a view costs: 50,000 events of 10,000 steps, in batches of 1,000 with the visible
//! rows after each.
//!
//!     cargo run --release -p smol-wf-core --example view_speed

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smol_wf_core::event::Event;
use smol_wf_core::event::parse::event_line;
use smol_wf_core::view::{Filter, Folds, RunView, rows};

const STEPS: usize = 10_000;
const BATCH: usize = 1_000;
/// Steps that are at work at the same time.
const AT_ONCE: usize = 1_000;

fn event(kind: &str, step: usize, data: &Value) -> Event {
    let line = json!({ "type": format!("workflow.{kind}"), "seq": step, "elapsedNanos": step,
        "metadata": { "stepId": step.to_string(), "provider": "debug" }, "data": data });
    event_line(&line.to_string()).expect("an event").event
}

fn events() -> Vec<Event> {
    let data = |step: usize| {
        json!({ "label": format!("review: src/file-{step}.rs"), "phase": format!("Phase {}", step % 10),
            "model": null, "prompt": "Review this file. ".repeat(100), "attempt": 1,
            "usage": { "inputTokens": 1_000, "outputTokens": 100 }, "costUsd": 0.01,
            "output": { "issues": ["none"] }, "kind": "tool", "text": format!("bash test {step}"),
            "error": { "code": "provider_failed", "message": "it broke" } })
    };
    let mut events = Vec::new();
    events.extend((0..STEPS).map(|step| event("agent_queued", step, &data(step))));
    for from in (0..STEPS).step_by(AT_ONCE) {
        let part = from..from + AT_ONCE;
        for kind in ["agent_started", "agent_event", "agent_event"] {
            events.extend(part.clone().map(|step| event(kind, step, &data(step))));
        }
        events.extend(part.map(|step| {
            let kind = if step % 20 == 0 { "agent_failed" } else { "agent_completed" };
            event(kind, step, &data(step))
        }));
    }
    events
}

fn main() {
    let events = events();
    for (name, filter) in
        [("all rows", Filter::all()), ("with a text", Filter::all().with_text("file-99"))]
    {
        let mut view = RunView::new();
        let folds = Folds::default();
        let (mut applied, mut batches, mut most) = (Duration::ZERO, Vec::new(), 0);
        for batch in events.chunks(BATCH) {
            let began = Instant::now();
            batch.iter().for_each(|event| view.apply(event));
            applied += began.elapsed();
            most = most.max(black_box(rows(&view, &folds, &filter)).len());
            batches.push(began.elapsed());
        }
        batches.sort();
        let p99 = batches[batches.len() * 99 / 100];
        let each = applied / u32::try_from(events.len()).expect("few");
        println!(
            "{name}: {} events, {each:.2?} each; {BATCH} events and up to {most} rows: p50 {:.2?}, p99 {p99:.2?}",
            events.len(),
            batches[batches.len() / 2]
        );
    }
}
