//! Refused calls: each has an entry, and is refused alike in every replay.

use serde_json::json;
use smol_wf_core::guest::{Dialect, Refusal, Status, StopTurn, TurnHost};
use smol_wf_core::ids::{Digest, RunId, Scope};
use smol_wf_core::journal::{Body, Entry, JOURNAL_FORMAT, Mismatch, ScopeStart};
use smol_wf_core::limits::{LOG_BYTES_MAX, LimitError, Limits, NOTES_MAX};
use smol_wf_core::machine::{Machine, Next};
use smol_wf_core::outcome::Failure;
use smol_wf_core::refusal::{Function, RefusedCall};

const NOW_US: i64 = 1_000_000;
const NO_MODEL: &str = r#"{"model":"?"}"#;

fn begun() -> Machine {
    let head = json!({
        "format": JOURNAL_FORMAT, "surface": 2, "run": RunId::from_bits(7), "name": "n",
        "script": Digest::of(b""), "script_path": "/p/n.js", "project_root": "/p",
        "seed": 1, "provider": "debug",
    });
    let start = ScopeStart {
        author_text: None,
        modules: Vec::new(),
        scope: Scope::ROOT,
        text: String::new(),
        file_name: "n.js".into(),
        path: "n.js".into(),
        meta_export: 0,
        dialect: Dialect::Body,
        meta: "{}".into(),
        args: None,
    };
    let head = serde_json::from_value(head).unwrap();
    let guest = Digest::of(b"guest");
    begin(Machine::start(head, start, Limits::default(), guest, NOW_US))
}

fn begin(mut machine: Machine) -> Machine {
    assert!(matches!(machine.next(NOW_US), Ok(Next::Start { .. })));
    machine
}

fn again(recorded: &[Entry]) -> Machine {
    let guest = Digest::of(b"guest");
    begin(Machine::resume_whole(recorded.to_vec(), Limits::default(), guest, NOW_US).unwrap())
}

/// The failure that the script is thrown for this call.
fn refused(machine: &mut Machine, prompt: &str, options: &str) -> Failure {
    match machine.agent(prompt.into(), options.into()) {
        Err(Refusal::Call(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn mismatch<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> Mismatch {
    match answer {
        Err(Refusal::Stop(StopTurn::Mismatch(mismatch))) => mismatch,
        other => panic!("{other:?}"),
    }
}

fn end(machine: &mut Machine) -> Vec<Entry> {
    machine.end_turn(Scope::ROOT, 1, Status::Done("1".into())).unwrap();
    machine.take_entries()
}

/// A run with one refused call, and the failure that its script was thrown.
fn recorded() -> (Vec<Entry>, Failure) {
    let mut machine = begun();
    let failure = refused(&mut machine, "Look.", NO_MODEL);
    (end(&mut machine), failure)
}

fn refusals(entries: &mut [Entry]) -> Vec<&mut RefusedCall> {
    let found = entries.iter_mut().filter_map(|entry| match &mut entry.body {
        Body::CallRefused(refused) => Some(&mut **refused),
        _ => None,
    });
    found.collect()
}

#[test]
fn the_refusals_of_each_function_are_journaled() {
    let mut machine = begun();
    let failure = refused(&mut machine, "Look.", NO_MODEL);
    assert!(matches!(machine.workflow("7".into(), None), Err(Refusal::Call(_))));
    assert!(matches!(machine.sleep(f64::NAN), Err(Refusal::Call(_))));
    assert!(matches!(machine.set_timer(-1.0), Err(Refusal::Call(_))));
    let mut entries = end(&mut machine);
    let refusals = refusals(&mut entries);
    let asked: Vec<_> = refusals.iter().map(|one| (one.of, one.text.as_str())).collect();
    let expected = [
        (Function::Agent, "Look."),
        (Function::Workflow, "7"),
        (Function::Sleep, "NaN"),
        (Function::Timer, "-1"),
    ];
    assert_eq!(asked, expected);
    assert_eq!((&refusals[0].failure, refusals[0].options.as_str()), (&failure, NO_MODEL));
}

#[test]
fn a_replay_throws_the_recorded_failure() {
    let (mut older, today) = recorded();
    let then = Failure::new("call_invalid", "in other words");
    refusals(&mut older)[0].failure = then.clone();
    let mut machine = again(&older);
    assert_ne!(then, today);
    assert_eq!(refused(&mut machine, "Look.", NO_MODEL), then);
    end(&mut machine);
    assert!(machine.end().is_some() && machine.compares_fuel());
}

#[test]
fn a_recorded_refusal_stays_even_if_the_call_would_be_accepted_now() {
    let (older, failure) = recorded();
    // As a program with fewer options recorded it.
    let text = serde_json::to_string(&older).unwrap();
    let mut older: Vec<Entry> = serde_json::from_str(&text).unwrap();
    let call = smol_wf_core::refusal::Call {
        of: Function::Agent,
        text: "Look.",
        options: r#"{"model":"m"}"#,
    };
    *refusals(&mut older)[0] = RefusedCall::new(Scope::ROOT, &call, failure.clone());
    let mut machine = again(&older);
    assert_eq!(refused(&mut machine, "Look.", r#"{"model":"m"}"#), failure);
    end(&mut machine);
    assert!(machine.end().is_some());
}

#[test]
fn another_call_is_a_mismatch_and_so_is_one_that_was_accepted() {
    let (older, _) = recorded();
    let found = mismatch(again(&older).agent("Look there.".into(), NO_MODEL.into()));
    assert!(found.fields.iter().any(|field| field.field == "text"), "{found:?}");
    mismatch(again(&older).agent("Look.".into(), "{}".into()));
    mismatch(again(&older).sleep(f64::NAN));

    let mut machine = begun();
    machine.agent("Look.".into(), "{}".into()).unwrap();
    let taken = end(&mut machine);
    mismatch(again(&taken).agent("Look.".into(), NO_MODEL.into()));
}

#[test]
fn long_calls_and_refusals_are_kept_in_part() {
    let mut machine = begun();
    let prompt = "x".repeat(100_000);
    let model = "m?".repeat(100_000);
    let failure = refused(&mut machine, &prompt, &json!({ "model": model }).to_string());
    assert!(failure.message.len() <= LOG_BYTES_MAX, "{}", failure.message.len());
    let entries = end(&mut machine);
    let kept = serde_json::to_string(&entries).unwrap().len();
    assert!(kept < LOG_BYTES_MAX + 16 * 1024, "{kept}");
}

#[test]
fn a_script_with_endless_refusals_is_stopped() {
    let mut machine = begun();
    for _ in 0..NOTES_MAX {
        refused(&mut machine, "", "{}");
    }
    let stopped = machine.agent(String::new(), "{}".into());
    let Err(Refusal::Stop(StopTurn::Limit(limit))) = stopped else { panic!("{stopped:?}") };
    assert!(matches!(limit, LimitError::Notes { .. }), "{limit:?}");
}
