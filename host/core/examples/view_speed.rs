//! What a view costs: 50,000 events of 10,000 steps, in batches of 1,000 with the visible
//! rows after each.
//!
//!     cargo run --release -p smol-wf-core --example view_speed
#![allow(clippy::disallowed_methods, reason = "a program beside the core; the core has no clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smol_wf_core::event::Event;
use smol_wf_core::event::parse::event_line;
use smol_wf_core::view::{Filter, Folds, RunView, Search};

const STEPS: usize = 10_000;
const BATCH: usize = 1_000;
const RUNS: usize = 7;
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
        // Other programs are at work: of each batch the best of all runs counts.
        let mut best = vec![(Duration::MAX, Duration::MAX); events.len().div_ceil(BATCH)];
        let mut most = 0;
        for _ in 0..RUNS {
            let (mut view, mut search) = (RunView::new(), Search::new());
            for (best, batch) in best.iter_mut().zip(events.chunks(BATCH)) {
                let began = Instant::now();
                batch.iter().for_each(|event| view.apply(event));
                best.0 = best.0.min(began.elapsed());
                most = most.max(black_box(search.rows(&view, &Folds::default(), &filter)).len());
                best.1 = best.1.min(began.elapsed());
            }
        }
        let applied: Duration = best.iter().map(|(applied, _)| *applied).sum();
        let each = applied / u32::try_from(events.len()).expect("few");
        let mut whole: Vec<_> = best.iter().map(|(_, whole)| *whole).collect();
        whole.sort();
        println!(
            "{name}: {} events, {each:.2?} each; {BATCH} events and up to {most} rows: median {:.2?}, p99 {:.2?}",
            events.len(),
            whole[whole.len() / 2],
            whole[(whole.len() * 99).div_ceil(100) - 1]
        );
    }
}
