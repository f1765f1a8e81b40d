//! What is shown of a run: the table of cases that every reducer must pass, and what
//! holds of any stream.
#![allow(clippy::disallowed_methods, reason = "these are tests")]

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use smol_wf_core::event::Event;
use smol_wf_core::event::parse::{EventLineFault, event_line};
use smol_wf_core::view::{
    Filter, Folds, LOG_LINES_MAX, NodeId, NodeKind, Row, RowKind, RunView, Search, StepState, rows,
};

/// The view as the table of cases writes it.
fn shown(view: &RunView) -> Value {
    let (facts, root) = (view.facts(), view.tree().root());
    let rows = rows(view, &Folds::default(), &Filter::all());
    json!({
        "run": {
            "name": facts.name,
            "status": facts.status.word(),
            "epoch": facts.epoch,
            "budget": facts.budget.map(|budget| budget.in_words()),
            "pausing": facts.pausing,
            "result": facts.result,
            "error": facts.error,
        },
        "steps": root.counts.steps,
        "agents": root.counts.agents,
        "usage": {
            "inputTokens": root.counts.usage.input_tokens,
            "outputTokens": root.counts.usage.output_tokens,
            "costUsd": root.counts.cost_usd(),
        },
        "asks": view.asks().map(|ask| json!({
            "step": ask.step, "question": ask.opened.question, "digest": ask.opened.digest,
        })).collect::<Vec<_>>(),
        "rows": rows.iter().map(|row| row_text(view, *row)).collect::<Vec<_>>(),
        "log": view.log().lines().iter().map(|line| {
            let step = line.step.as_deref().unwrap_or("-");
            let by = line.by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
            let kind = json!(line.kind);
            format!("{} {step} {} {}{by}", line.at_ms, kind.as_str().unwrap(), line.text)
        }).collect::<Vec<_>>(),
    })
}

fn row_text(view: &RunView, row: Row) -> String {
    let mut text = " ".repeat(2 * usize::from(row.depth));
    match row.kind {
        RowKind::Phase(node) => {
            let node = view.tree().node(node);
            let NodeKind::Phase(title) = &node.kind else { panic!("a phase") };
            let _ = write!(text, "phase {title}: {}", json!(node.counts.steps));
        }
        RowKind::Step(node) => {
            let step = view.tree().step(node).unwrap();
            let _ = write!(text, "#{} {} {}", step.key, step.label, step.state.word());
            for (name, said) in [
                ("model", step.model.as_deref()),
                ("provider", step.provider.as_deref()),
                ("session", step.session.as_deref()),
                ("doing", Some(step.doing.text.as_str()).filter(|text| !text.is_empty())),
                ("writing", Some(step.doing.writing.as_str()).filter(|text| !text.is_empty())),
                ("output", step.output.as_deref()),
                ("error", step.error.as_ref().map(|(_, message)| message.as_str())),
            ] {
                if let Some(said) = said {
                    let _ = write!(text, " {name}={said}");
                }
            }
            if let Some(took) = step.took_ms(view.last_ms()) {
                let _ = write!(text, " {took}ms");
            }
        }
        RowKind::Group { group, count, .. } => {
            let stem = group.stem.map_or("", |stem| view.stem(stem));
            let _ = write!(text, "{count} {} {stem}", group.state.word());
        }
        _ => {}
    }
    text
}

fn viewed<'e>(events: impl IntoIterator<Item = &'e Event>) -> RunView {
    let mut view = RunView::new();
    events.into_iter().for_each(|event| view.apply(event));
    view
}

fn read(line: &Value) -> Event {
    event_line(&line.to_string()).unwrap_or_else(|error| panic!("{error}: {line}")).event
}

#[test]
fn every_case_of_the_table_is_shown_as_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/view_cases.json");
    let mut cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array_mut().unwrap() {
        let events: Vec<Event> = case["events"].as_array().unwrap().iter().map(read).collect();
        let is = shown(&viewed(&events));
        if is != case["view"] {
            wrong.push(case["name"].to_string());
            case["view"] = is;
        }
    }
    if !wrong.is_empty() {
        let now = std::env::temp_dir().join("smol-wf-view-cases.json");
        std::fs::write(&now, serde_json::to_string_pretty(&cases).unwrap()).unwrap();
        panic!("{} have other views; {} has those", wrong.join(", "), now.display());
    }
}

/// The events of one step, in order.
fn of_step(step: usize, dice: &mut fastrand::Rng) -> Vec<Value> {
    let label = format!("{} {step}", ["look", "reload", "a longer label"][dice.usize(..3)]);
    let phase = [json!(null), json!("One"), json!("Two")][dice.usize(..3)].clone();
    let event = |kind: &str, data: Value| {
        json!({ "v": 1, "type": format!("workflow.{kind}"), "seq": 1, "elapsedNanos": 1_000_000,
            "metadata": { "stepId": step.to_string(), "workflowDepth": 0 }, "data": data })
    };
    if dice.u8(..8) == 0 {
        let ask = json!({ "kind": "ask", "label": label, "question": "?", "digest": "d" });
        let answer = json!({ "kind": "ask", "label": label, "output": 1, "by": "ann" });
        return vec![event("ask_opened", ask), event("ask_settled", answer)];
    }
    let queued = json!({ "label": label, "phase": phase, "model": null });
    let mut started = queued.clone();
    started["prompt"] = "p".into();
    started["attempt"] = 1.into();
    let mut ended = queued.clone();
    ended["usage"] = json!({ "inputTokens": dice.u32(..1_000), "outputTokens": dice.u32(..1_000) });
    ended["costUsd"] = json!(dice.f64());
    let mut events = vec![event("agent_queued", queued), event("agent_started", started)];
    for kind in ["tool", "text", "thinking"] {
        events.push(event(
            "agent_event",
            json!({ "kind": kind, "text": "t".repeat(dice.usize(..9)) }),
        ));
    }
    if dice.u8(..6) == 0 {
        let mut parked = ended.clone();
        parked["error"] = json!({ "code": "provider_quota", "message": "no" });
        events.push(event("agent_parked", parked));
        return events;
    }
    if dice.bool() {
        ended["output"] = json!("o");
        events.push(event("agent_completed", ended));
    } else {
        ended["error"] = json!({ "code": "provider_failed", "message": "no" });
        if dice.bool() {
            ended["given"] = json!("null");
        }
        events.push(event("agent_failed", ended));
    }
    events
}

/// The phase that a step is in.
fn phase_of(view: &RunView, step: NodeId) -> Option<String> {
    match &view.tree().node(view.tree().node(step).parent?).kind {
        NodeKind::Phase(title) => Some(title.clone()),
        _ => None,
    }
}

/// The sums, and the steps with their states, without the order of rows.
fn totals(view: &RunView) -> Value {
    let all = Filter::all().with_text("lo").with_states(StepState::ALL);
    let mut steps: Vec<_> = rows(view, &Folds::default(), &all)
        .iter()
        .filter(|row| matches!(row.kind, RowKind::Step(_)))
        .map(|row| {
            let step = view.tree().step(row.node()).unwrap();
            (step.key.clone(), step.state, phase_of(view, row.node()))
        })
        .collect();
    steps.sort();
    let counts = view.tree().root().counts;
    json!([
        counts.steps,
        counts.agents,
        counts.usage,
        counts.cost_usd(),
        steps.iter().map(|step| format!("{step:?}")).collect::<Vec<_>>(),
        view.asks().count(),
    ])
}

/// What holds of every view.
#[track_caller]
fn is_consistent(view: &RunView) {
    let tree = view.tree();
    let counts = tree.root().counts;
    let open: usize =
        [StepState::Queued, StepState::Working, StepState::Waiting, StepState::Sleeping]
            .into_iter()
            .chain([StepState::Parked])
            .map(|state| counts.steps.get(state) as usize)
            .sum();
    assert!(open <= tree.open().count());
    let working = tree.working().count();
    assert_eq!(working, counts.agents.get(StepState::Working) as usize);
    let by_state: u32 = StepState::ALL.into_iter().map(|state| counts.steps.get(state)).sum();
    assert_eq!(by_state, counts.steps.total());
    assert_eq!(tree.open().count(), (counts.steps.total() - counts.steps.over()) as usize);
    // Without folds every step has one row, and with folds it is counted in one.
    let shown = |filter: &Filter| -> u32 {
        let steps = rows(view, &Folds::default(), filter);
        steps
            .iter()
            .map(|row| match row.kind {
                RowKind::Step(_) => 1,
                RowKind::Group { count, .. } => count,
                _ => 0,
            })
            .sum()
    };
    assert_eq!(shown(&Filter::all()), counts.steps.total());
    assert_eq!(shown(&Filter::all().with_states(StepState::ALL)), counts.steps.total());
}

#[test]
fn a_search_that_is_kept_finds_what_a_new_one_finds() {
    for seed in 0..10 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let filters = [
            Filter::all().with_text("load"),
            Filter::all().with_text("two"),
            Filter::all().with_states([StepState::Failed, StepState::Working]),
            Filter::all(),
        ];
        let mut kept: Vec<Search> = filters.iter().map(|_| Search::new()).collect();
        let folds = Folds::default();
        let mut steps: Vec<Vec<Value>> = (1..30).map(|step| of_step(step, &mut dice)).collect();
        let mut view = RunView::new();
        while let Some(at) = (!steps.is_empty()).then(|| dice.usize(..steps.len())) {
            if steps[at].is_empty() {
                steps.swap_remove(at);
                continue;
            }
            view.apply(&read(&steps[at].remove(0)));
            for (filter, search) in filters.iter().zip(&mut kept) {
                let all = rows(&view, &folds, filter);
                assert_eq!(search.rows(&view, &folds, filter), all, "seed {seed}");
            }
        }
    }
}

#[test]
fn what_became_of_a_message_to_an_agent_is_known() {
    let event = |kind: &str, step: Option<&str>, data: Value| {
        read(&json!({ "v": 1, "type": format!("workflow.{kind}"), "seq": 1,
            "elapsedNanos": 3_000_000_u64,
            "metadata": { "stepId": step, "workflowDepth": 0 }, "data": data }))
    };
    let posted = |number: u32, text: &str| {
        let data = json!({ "message": "message", "number": number, "by": "ann", "step": 1,
            "text": text });
        event("message", None, data)
    };
    let told = |number: u32, too_late: bool| {
        event("agent_told", Some("1"), json!({ "number": number, "tooLate": too_late }))
    };
    let mut view =
        viewed(&[posted(1, "look at b"), posted(2, "and at c"), posted(3, "d"), told(1, false)]);
    view.apply(&told(2, true));
    // Of a message that is not known.
    view.apply(&told(9, false));
    let fates = view.messages().map(|message| json!(message.fate)).collect::<Vec<_>>();
    assert_eq!(fates, [json!("told"), json!("too_late"), json!("waits")]);
    let log = view.log().lines();
    let last = log
        .iter()
        .skip(3)
        .map(|line| json!([line.kind, line.text, line.by, line.step, line.message]));
    assert_eq!(
        last.collect::<Vec<_>>(),
        [
            json!(["told", "look at b", "ann", "1", 1]),
            json!(["told_too_late", "and at c", "ann", "1", 2]),
            json!(["told", "", null, "1", null]),
        ]
    );
    for number in 10..5_000 {
        view.apply(&posted(number, &"long ".repeat(1_000)));
    }
    assert_eq!(view.messages().count(), 1_000);
    assert!(view.messages().all(|message| message.event.text.as_ref().unwrap().len() < 1_000));
}

#[test]
fn independent_steps_give_the_same_totals_in_any_order() {
    for seed in 0..25 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let steps: Vec<Vec<Event>> = (1..dice.usize(2..40))
            .map(|step| of_step(step, &mut dice).iter().map(read).collect())
            .collect();
        let in_order = totals(&viewed(steps.iter().flatten()));
        for _ in 0..2 {
            let mut waiting: Vec<_> = steps.iter().map(|step| step.iter()).collect();
            let mut view = RunView::new();
            while !waiting.is_empty() {
                let next = dice.usize(..waiting.len());
                match waiting[next].next() {
                    Some(event) => view.apply(event),
                    None => drop(waiting.swap_remove(next)),
                }
                is_consistent(&view);
            }
            assert_eq!(totals(&view), in_order, "seed {seed}");
        }
    }
}

/// The streams that older programs recorded.
fn recorded() -> Vec<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/recorded");
    let commits = std::fs::read_dir(folder).unwrap().map(|commit| commit.unwrap().path());
    let folders = commits.filter_map(|commit| std::fs::read_dir(commit.join("events")).ok());
    let files =
        folders.flatten().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    files.map(|text| text.lines().map(str::to_owned).collect()).collect()
}

#[test]
fn recorded_streams_read_back_to_the_byte_and_every_prefix_is_shown() {
    let streams = recorded();
    assert!(streams.len() > 20);
    for lines in streams {
        let mut view = RunView::new();
        for line in &lines {
            let read = event_line(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(&serde_json::to_string(&read.event).unwrap(), line);
            view.apply(&read.event);
            is_consistent(&view);
        }
        let open = view.tree().open().count();
        assert!(open == 0 || !view.facts().status.is_over());
    }
}

#[test]
fn streams_in_any_order_and_with_anything_in_them_break_nothing() {
    let lines: Vec<String> = recorded().into_iter().flatten().collect();
    for seed in 0..20 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut view = RunView::new();
        for _ in 0..400 {
            let mut line = lines[dice.usize(..lines.len())].clone();
            // One digit in ten lines, so that steps, depths and times become others.
            if dice.u8(..10) == 0
                && let Some(at) = line.find(|character: char| character.is_ascii_digit())
            {
                let at = dice.usize(at..line.len());
                if line.as_bytes()[at].is_ascii_digit() {
                    line.replace_range(at..=at, &dice.u8(..10).to_string());
                }
            }
            let Ok(read) = event_line(&line) else { continue };
            view.apply(&read.event);
        }
        is_consistent(&view);
    }
}

#[test]
fn the_log_is_a_ring_and_texts_are_cut() {
    let mut view = RunView::new();
    let event = |kind: &str, data: Value| {
        read(&json!({ "type": kind, "data": data,
        "metadata": { "stepId": "1" } }))
    };
    for line in 0..LOG_LINES_MAX + 5 {
        view.apply(&event("workflow.log", json!({ "message": format!("line {line}") })));
    }
    assert_eq!((view.log().lines().len(), view.log().dropped()), (LOG_LINES_MAX, 5));
    assert_eq!(view.log().lines()[0].text, "line 5");
    let long = "ñ".repeat(1_000_000);
    view.apply(&event("workflow.log", json!({ "message": long })));
    assert!(view.log().lines().back().unwrap().text.len() < 4_000);
    let started =
        json!({ "label": long, "phase": long, "model": null, "prompt": long, "attempt": 1 });
    view.apply(&event("workflow.agent_started", started));
    for _ in 0..100 {
        view.apply(&event(
            "workflow.agent_event",
            json!({ "kind": "text", "text": "ñ".repeat(500) }),
        ));
    }
    view.apply(&event("workflow.agent_event", json!({ "kind": "tool", "text": long })));
    let step = view.tree().step(view.find("1").unwrap()).unwrap();
    let kept = [&step.label, &step.prompt, &step.doing.text, &step.doing.writing];
    assert!(kept.iter().all(|text| text.len() <= 4_096), "{:?}", kept.map(String::len));
    assert!(step.doing.writing.len() > 1_000, "the end of what it writes");
}

#[test]
fn a_line_that_is_no_event_says_what_and_where() {
    let said = |line: &str| event_line(line).unwrap_err().to_string();
    assert_eq!(said(r#"{"data":{}}"#), "column 1: `type` is missing");
    assert_eq!(said(r#"{"type":"workflow.log"}"#), "column 1: `data` is missing");
    assert_eq!(said("[1]"), "column 1: not an object");
    assert_eq!(said(""), "column 1: invalid JSON: EOF while parsing a value");
    assert_eq!(
        said(r#"{"type":"workflow.log","data":{"#),
        "column 31: invalid JSON: EOF while parsing an object"
    );
    assert_eq!(
        said(r#"{"type":"workflow.log","data":{"message":7}}"#),
        "column 42: invalid `data`: invalid type: integer `7`, expected a string"
    );
    assert_eq!(
        said(r#"{"type":7,"data":{}}"#),
        "column 9: invalid `type`: invalid type: integer `7`, expected a string"
    );
    assert_eq!(
        said(r#"{"type":"x","seq":-1,"data":{}}"#),
        "column 20: invalid `seq`: invalid value: integer `-1`, expected u64"
    );
    let long = " ".repeat(smol_wf_core::event::parse::EVENT_LINE_BYTES_MAX + 1);
    assert!(matches!(event_line(&long).unwrap_err().fault, EventLineFault::TooLong { .. }));
}

#[test]
fn what_was_at_work_when_a_process_died_is_stopped_until_the_run_is_taken_up() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/view_cases.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let is_at_work = |case: &&Value| case["name"] == "an agent at work";
    let case = cases["cases"].as_array().unwrap().iter().find(is_at_work).unwrap();
    let events: Vec<Event> = case["events"].as_array().unwrap().iter().map(read).collect();
    let mut view = viewed(&events);
    let state = |view: &RunView| view.tree().step(view.find("1").unwrap()).unwrap().state;
    assert_eq!(state(&view), StepState::Working);
    view.interrupted();
    assert_eq!((state(&view), view.facts().status.word()), (StepState::Stopped, "interrupted"));
    view.apply(&read(
        &json!({ "v": 1, "type": "workflow.resumed", "seq": 9, "elapsedNanos": 9_000_000,
        "metadata": { "workflowDepth": 0 }, "data": { "attempt": 2 } }),
    ));
    assert_ne!(state(&view), StepState::Stopped);
}

#[test]
fn an_agent_waits_until_each_of_its_questions_has_ended() {
    let event = |kind: &str, data: Value| {
        read(
            &json!({ "v": 1, "type": format!("workflow.{kind}"), "seq": 1, "elapsedNanos": 1_000_000,
            "metadata": { "stepId": "1", "workflowDepth": 0 }, "data": data }),
        )
    };
    let agent = json!({ "label": "a", "phase": null, "model": null, "prompt": "p", "attempt": 1 });
    let opened = |ask: u32| json!({ "kind": "permission", "label": "a", "question": format!("q{ask}"), "digest": "d", "ask": ask });
    let settled =
        |ask: u32| json!({ "kind": "permission", "label": "a", "ask": ask, "output": true });
    let mut view = viewed(&[
        event("agent_started", agent),
        event("ask_opened", opened(1)),
        event("ask_opened", opened(2)),
    ]);
    let open = |view: &RunView| {
        let asks = view.asks().map(|ask| ask.opened.question.clone()).collect::<Vec<_>>();
        (asks, view.tree().step(view.find("1").unwrap()).unwrap().state)
    };
    assert_eq!(open(&view), (vec!["q1".to_owned(), "q2".to_owned()], StepState::Waiting));
    view.apply(&event("ask_settled", settled(2)));
    assert_eq!(open(&view), (vec!["q1".to_owned()], StepState::Waiting));
    view.apply(&event("ask_settled", settled(1)));
    assert_eq!(open(&view), (Vec::new(), StepState::Working));
    view.apply(&event("ask_opened", opened(3)));
    view.interrupted();
    assert_eq!(open(&view), (Vec::new(), StepState::Stopped), "its process is gone");
}
