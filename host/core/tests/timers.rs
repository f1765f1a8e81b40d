//! Timers of held time: the time left after a pause, and timers that are never
//! delivered.

use smol_wf_core::guest::{Dialect, Outcome, Status, TurnHost, Warning};
use smol_wf_core::ids::{Digest, RunId, Scope, TimerId};
use smol_wf_core::journal::{Body, Entry, JOURNAL_FORMAT, RunEnd, RunHead, ScopeStart, StopReason};
use smol_wf_core::limits::{Limits, WARNINGS_MAX};
use smol_wf_core::machine::{Effect, Machine, Next};
use smol_wf_core::report::Report;
use smol_wf_core::step_request::StepDefaults;
use smol_wf_core::surface::Surface;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;

fn head() -> RunHead {
    RunHead {
        surface: Surface::CURRENT,
        ..serde_json::from_value(serde_json::json!({
            "format": JOURNAL_FORMAT, "run": RunId::from_bits(7), "name": "t",
            "script": Digest::of(b""), "script_path": "t.js", "project_root": ".",
            "seed": 1, "provider": "debug", "defaults": StepDefaults::default(),
        }))
        .unwrap()
    }
}

fn root() -> ScopeStart {
    ScopeStart {
        author_text: None,
        modules: Vec::new(),
        scope: Scope::ROOT,
        text: String::new(),
        file_name: "t.js".into(),
        path: "t.js".into(),
        meta_export: 0,
        dialect: Dialect::Body,
        meta: "{}".into(),
        args: None,
    }
}

fn started(now_us: i64) -> Machine {
    let guest = Digest::of(b"guest");
    let mut machine = Machine::start(head(), root(), Limits::default(), guest, now_us);
    assert!(matches!(machine.next(now_us).unwrap(), Next::Start { .. }));
    machine
}

fn resumed(entries: &[Entry], now_us: i64) -> Machine {
    let guest = Digest::of(b"guest");
    Machine::resume_whole(entries.to_vec(), Limits::default(), guest, now_us).unwrap()
}

fn set_timers(machine: &mut Machine) -> Vec<(TimerId, i64)> {
    let effects = machine.take_effects().into_iter().filter_map(|effect| match effect {
        Effect::SetTimer { timer, left_us } => Some((timer, left_us)),
        _ => None,
    });
    effects.collect()
}

/// A script that sets two timers, of 10 s and of 4 s, and waits.
fn first_turn(machine: &mut Machine) {
    assert_eq!(machine.set_timer(10_000.0).unwrap(), TimerId(1));
    assert_eq!(machine.set_timer(4_000.0).unwrap(), TimerId(2));
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
}

#[test]
fn a_pause_does_not_shorten_a_timer() {
    let mut machine = started(0);
    first_turn(&mut machine);
    assert_eq!(set_timers(&mut machine), [(TimerId(1), 10 * SECOND), (TimerId(2), 4 * SECOND)]);
    machine.stop(StopReason::Cancelled, 3 * SECOND);
    let mut entries = machine.take_entries();

    // An hour later: 3 s were held.
    let mut machine = resumed(&entries, HOUR);
    assert!(matches!(machine.next(HOUR).unwrap(), Next::Start { .. }));
    first_turn(&mut machine);
    assert_eq!(set_timers(&mut machine), [(TimerId(1), 7 * SECOND), (TimerId(2), SECOND)]);
    machine.fire(TimerId(2));
    machine.fire(TimerId(2));
    let next = machine.next(HOUR + 2 * SECOND).unwrap();
    assert!(matches!(next, Next::Fire { timer: TimerId(2), .. }), "{next:?}");
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    assert_eq!(machine.next(HOUR + 2 * SECOND).unwrap(), Next::Wait, "it fires once");
    entries.extend(machine.take_entries());

    // Killed, and resumed a day later: the journal shows 3 s and 2 s of held time.
    let mut machine = resumed(&entries, 24 * HOUR);
    assert!(matches!(machine.next(0).unwrap(), Next::Start { .. }));
    first_turn(&mut machine);
    let next = machine.next(0).unwrap();
    assert!(matches!(next, Next::Fire { timer: TimerId(2), .. }), "{next:?}");
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    assert_eq!(set_timers(&mut machine), [(TimerId(1), 5 * SECOND)]);
}

#[test]
fn a_cleared_timer_is_never_delivered_and_does_not_keep_its_script_waiting() {
    let mut machine = started(0);
    first_turn(&mut machine);
    machine.fire(TimerId(1));
    machine.fire(TimerId(2));
    assert!(matches!(machine.next(SECOND).unwrap(), Next::Fire { timer: TimerId(1), .. }));
    machine.clear_timer(TimerId(2)).unwrap();
    machine.clear_timer(TimerId(2)).unwrap();
    machine.clear_timer(TimerId(99)).unwrap();
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    let next = machine.next(SECOND).unwrap();
    assert_eq!(next, Next::Stuck(Scope::ROOT), "nothing is left to wait for");
    assert!(machine.take_effects().contains(&Effect::ClearTimer(TimerId(2))));
    machine.give_up(Scope::ROOT, &[]).unwrap();
    let cleared = machine.take_entries();
    let cleared = cleared.iter().filter(|entry| matches!(entry.body, Body::TimerCleared { .. }));
    assert_eq!(cleared.count(), 1);
}

#[test]
fn open_timers_do_not_delay_a_result_and_are_not_counted() {
    let mut machine = started(0);
    let agent = machine.agent("p".into(), "{}".into()).unwrap();
    assert_eq!(agent.0, 1, "timers take no step number");
    machine.set_timer(1e9).unwrap();
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    machine.complete(agent, Outcome::Value("1".into()), None);
    assert!(matches!(machine.next(5).unwrap(), Next::Settle { .. }));
    machine.end_turn(Scope::ROOT, 1, Status::Done("1".into())).unwrap();
    assert!(
        matches!(machine.end(), Some(RunEnd::Completed { abandoned, .. }) if abandoned.is_empty())
    );
    let report = Report::fold(&machine.take_entries(), false).unwrap();
    assert_eq!(report.agents.called, 1);
    assert!(report.abandoned.is_empty());
}

#[test]
fn a_timer_of_more_than_a_year_is_refused() {
    let mut machine = started(0);
    for milliseconds in [f64::NAN, f64::INFINITY, -1.0, 366.0 * 24.0 * 3_600_000.0] {
        assert!(machine.set_timer(milliseconds).is_err(), "{milliseconds}");
    }
    assert_eq!(machine.set_timer(365.0 * 24.0 * 3_600_000.0).unwrap(), TimerId(1));
}

#[test]
fn warnings_are_bounded_and_reported() {
    let mut machine = started(0);
    let warning = |message: String| Warning {
        code: "result_part".into(),
        message,
        path: Some("result.a".into()),
        step: None,
        line: 3,
        column: 4,
    };
    machine.warn(warning("x".repeat(100_000))).unwrap();
    for _ in 0..WARNINGS_MAX + 10 {
        machine.warn(warning("again".into())).unwrap();
    }
    machine.end_turn(Scope::ROOT, 1, Status::Done("1".into())).unwrap();
    let report = Report::fold(&machine.take_entries(), false).unwrap();
    assert_eq!(report.warnings.len(), WARNINGS_MAX as usize + 1);
    assert!(report.warnings[0].warning.message.len() < 3_000);
    assert_eq!(report.warnings.last().unwrap().warning.code, "warnings_cut");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["warnings"][1]["line"], 3);
    assert_eq!(json["warnings"][1]["path"], "result.a");
}

#[test]
fn agents_that_were_not_awaited_give_a_warning() {
    let mut machine = started(0);
    machine.agent("p".into(), r#"{"label":"lost"}"#.into()).unwrap();
    machine.end_turn(Scope::ROOT, 1, Status::Done("1".into())).unwrap();
    let report = Report::fold(&machine.take_entries(), false).unwrap();
    assert_eq!(report.warnings[0].warning.code, "not_awaited");
    assert_eq!(report.warnings[0].label.as_deref(), Some("lost"));
}
