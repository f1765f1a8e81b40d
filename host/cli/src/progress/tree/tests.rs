//! What the moving lines say at different sizes.

use serde_json::{Value, json};
use smol_wf_core::event::parse::event_line;

use super::*;

fn event(kind: &str, step: u32, at_ms: u64, data: &Value) -> Value {
    json!({ "type": format!("workflow.{kind}"), "seq": 1, "elapsedNanos": at_ms * 1_000_000,
        "metadata": { "stepId": step.to_string() }, "data": data })
}

fn view_of(events: &[Value]) -> RunView {
    let mut view = RunView::brief();
    for event in events {
        view.apply(&event_line(&event.to_string()).unwrap().event);
    }
    view
}

/// Three phases: one done, one with twelve agents at work, others queued and one
/// failed, and one to come.
fn large() -> RunView {
    let phases = ["Plan", "Review every file", "Report"];
    let script = json!({ "name": "n", "phases": phases, "budget": { "usd_micros": 5_000_000 } });
    let mut events = vec![event("started", 0, 0, &script)];
    let ended = |label: &str, phase: &str| {
        json!({ "label": label, "phase": phase, "model": null, "prompt": "p", "attempt": 1,
            "usage": { "inputTokens": 900, "outputTokens": 2_469 }, "costUsd": 0.08434,
            "output": 1, "error": { "code": "provider_failed", "message": "m" } })
    };
    for step in 1..=2 {
        let agent = ended("plan", "Plan");
        events.push(event("agent_started", step, 0, &agent));
        events.push(event("agent_completed", step, 4_000, &agent));
    }
    for step in 3..=1_220 {
        let agent = ended(&format!("review src/parser/file-{step}.rs"), phases[1]);
        events.push(event("agent_queued", step, 4_000, &agent));
        if step < 20 {
            events.push(event("agent_started", step, 5_000, &agent));
        }
        match step {
            3..=6 => events.push(event("agent_completed", step, 9_000, &agent)),
            7 => events.push(event("agent_failed", step, 9_000, &agent)),
            8..=19 if step % 3 != 0 => {
                let doing = json!({ "kind": "tool", "text": "bash cargo test --workspace --lib -- parser" });
                events.push(event("agent_event", step, 60_000 + u64::from(step) * 500, &doing));
            }
            8..=19 => {
                let writing = json!({ "kind": "text", "text": "So" });
                events.push(event("agent_event", step, 69_000, &writing));
            }
            _ => {}
        }
    }
    view_of(&events)
}

fn shown(view: &RunView, rows: usize, columns: usize) -> String {
    let frame = Frame { rows, columns: columns - 1, now_ms: 70_000, began_ms: 0 };
    let lines = lines(view, frame);
    assert!(lines.len() <= 1 + rows.saturating_sub(LINES_FREE_MIN), "{lines:#?}");
    assert!(lines.iter().all(|line| sanitize::columns(line) < columns.max(2)), "{lines:#?}");
    lines.join("\n")
}

#[test]
fn phases_have_their_agents_below_them() {
    let view = large();
    insta::assert_snapshot!(shown(&view, 45, 120), @r"
    ⠸ 12 running, 1,201 queued, 6 done, 1 failed · 17,283 tokens · $0.59 of $5.00 (1m10s)
      ✓ Plan  2 done, 4s
      ⠸ Review every file  5 of 1,218, 12 running, 1,201 queued, 1 failed, 1m05s
        ⠸ review src/parser/file-8.rs » bash cargo test --workspace --lib -- parser 6s SLOW 1m05s
        ⠸ review src/parser/file-9.rs » writing 1s SLOW 1m05s
        ⠸ review src/parser/file-10.rs » bash cargo test --workspace --lib -- parser 5s SLOW 1m05s
        ⠸ review src/parser/file-11.rs » bash cargo test --workspace --lib -- parser 4s SLOW 1m05s
        ⠸ review src/parser/file-12.rs » writing 1s SLOW 1m05s
        ⠸ review src/parser/file-13.rs » bash cargo test --workspace --lib -- parser 3s SLOW 1m05s
        ⠸ review src/parser/file-14.rs » bash cargo test --workspace --lib -- parser 3s SLOW 1m05s
        ⠸ review src/parser/file-15.rs » writing 1s SLOW 1m05s
        +4 more
      · Report
    ");
    insta::assert_snapshot!(shown(&view, 45, 80), @r"
    ⠸ 12 running, 1,201 queued, 6 done, 1 failed · $0.59 of $5.00 (1m10s)
      ✓ Plan  2 done, 4s
      ⠸ Review every file  5 of 1,218, 12 running, 1,201 queued, 1 failed, 1m05s
        ⠸ review src/parser/file-8.rs » bash cargo test --workspace … 6s SLOW 1m05s
        ⠸ review src/parser/file-9.rs » writing 1s SLOW 1m05s
        ⠸ review src/parser/file-10.rs » bash cargo test --workspace… 5s SLOW 1m05s
        ⠸ review src/parser/file-11.rs » bash cargo test --workspace… 4s SLOW 1m05s
        ⠸ review src/parser/file-12.rs » writing 1s SLOW 1m05s
        ⠸ review src/parser/file-13.rs » bash cargo test --workspace… 3s SLOW 1m05s
        ⠸ review src/parser/file-14.rs » bash cargo test --workspace… 3s SLOW 1m05s
        ⠸ review src/parser/file-15.rs » writing 1s SLOW 1m05s
        +4 more
      · Report
    ");
    insta::assert_snapshot!(shown(&view, 45, 40), @r"
    ⠸ 12 running, 6 done, 1 failed (1m10s)
      ✓ Plan  2 done, 4s
      ⠸ Review every file  5 of 1,218
        ⠸ review src/parser/fil… 1m05s SLOW
        ⠸ review src/parser/fil… 1m05s SLOW
        ⠸ review src/parser/fil… 1m05s SLOW
        ⠸ review src/parser/fil… 1m05s SLOW
        ⠸ review src/parser/fil… 1m05s SLOW
        ⠸ review src/parser/fil… 1m05s SLOW
        ⠸ review src/parser/fil… 1m05s SLOW
        ⠸ review src/parser/fil… 1m05s SLOW
        +4 more
      · Report
    ");
}

#[test]
fn a_small_terminal_shows_what_matters_most() {
    let view = large();
    insta::assert_snapshot!(shown(&view, 12, 80), @r"
    ⠸ 12 running, 1,201 queued, 6 done, 1 failed · $0.59 of $5.00 (1m10s)
      ⠸ Review every file  5 of 1,218, 12 running, 1,201 queued, 1 failed, 1m05s
        ⠸ review src/parser/file-8.rs » bash cargo test --workspace … 6s SLOW 1m05s
        ⠸ review src/parser/file-9.rs » writing 1s SLOW 1m05s
        ⠸ review src/parser/file-10.rs » bash cargo test --workspace… 5s SLOW 1m05s
        ⠸ review src/parser/file-11.rs » bash cargo test --workspace… 4s SLOW 1m05s
        ⠸ review src/parser/file-12.rs » writing 1s SLOW 1m05s
        +7 more
      +2 more phases
    ");
    insta::assert_snapshot!(shown(&view, 5, 40), @r"
    ⠸ 12 running, 6 done, 1 failed (1m10s)
      ⠸ review src/parser/file-… 1m05s SLOW
    ");
    insta::assert_snapshot!(shown(&view, 4, 20), @r"
    ⠸ 12 running
    ");
}

#[test]
fn no_terminal_is_too_small() {
    let view = large();
    for rows in [0, 1, 2, 4, 5, 6, 7, 9, 12, 24, 100] {
        for columns in [1, 2, 3, 5, 10, 20, 40, 60, 80, 200] {
            shown(&view, rows, columns);
        }
    }
}

#[test]
fn without_phases_there_are_sums_and_agents_only() {
    let agent = json!({ "label": "🧪 tests\u{fe0f} of\nthe parser", "phase": null, "model": null,
        "prompt": "p", "attempt": 1 });
    let ask = json!({ "kind": "ask", "label": "who", "question": "Who?", "digest": "d" });
    let view = view_of(&[
        event("started", 0, 0, &json!({ "name": "n", "budget": { "output_tokens": 200_000 } })),
        event("agent_started", 1, 2_000, &agent),
        event("ask_opened", 2, 3_000, &ask),
        event("sleep_started", 3, 3_000, &json!({ "milliseconds": 60_000.0 })),
    ]);
    insta::assert_snapshot!(shown(&view, 24, 80), @r"
    ⠸ 1 running, 1 waiting, 1 asleep, 0 done · 0 of 200,000 tokens (1m10s)
      ⠸ 🧪 tests of the parser 1m08s
    ");
    insta::assert_snapshot!(shown(&RunView::brief(), 24, 80), @r"
    ⠸ 0 running, 0 done (1m10s)
    ");
}

#[test]
fn of_many_phases_those_at_work_are_shown() {
    let mut events = Vec::new();
    for step in 1..=30 {
        let agent = json!({ "label": "a", "phase": format!("Phase {step}"), "model": null,
            "prompt": "p", "attempt": 1, "output": 1 });
        events.push(event("agent_started", step, 0, &agent));
        if step != 4 && step != 20 {
            events.push(event("agent_completed", step, 2_000, &agent));
        }
    }
    insta::assert_snapshot!(shown(&view_of(&events), 45, 80), @r"
    ⠸ 2 running, 28 done (1m10s)
      ⠸ Phase 4  0 of 1, 1 running, 1m10s
        ⠸ a 1m10s SLOW 1m10s
      ⠸ Phase 20  0 of 1, 1 running, 1m10s
        ⠸ a 1m10s SLOW 1m10s
      ✓ Phase 28  1 done, 2s
      ✓ Phase 29  1 done, 2s
      ✓ Phase 30  1 done, 2s
      +25 more phases
    ");
}

#[test]
fn an_agent_is_slow_that_takes_twice_as_long_as_others_and_over_a_minute() {
    let agent = json!({ "label": "a", "phase": null, "model": null, "prompt": "p", "attempt": 1,
        "output": 1 });
    let alone = view_of(&[event("agent_started", 1, 0, &agent)]);
    let is_slow = |view: &RunView, step: &str, now_ms| {
        let step = view.tree().step(view.find(step).unwrap()).unwrap();
        slow::is_slow(view, step, now_ms)
    };
    assert!(!is_slow(&alone, "1", 299_000) && is_slow(&alone, "1", 300_000));
    for (others_ms, slow_ms) in [(1_000, 60_000), (50_000, 100_000)] {
        let view = view_of(&[
            event("agent_started", 1, 0, &agent),
            event("agent_started", 2, 0, &agent),
            event("agent_completed", 2, others_ms, &agent),
        ]);
        assert!(!is_slow(&view, "1", slow_ms - 1) && is_slow(&view, "1", slow_ms));
    }
}
