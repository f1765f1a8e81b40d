//! Questions to people in the machine: which answer counts, once, in any process.

use smol_wf_core::codes::Code;
use smol_wf_core::gate::{AskKind, AskRequest};
use smol_wf_core::guest::{Dialect, Outcome, Refusal, Status, TurnHost};
use smol_wf_core::ids::{Digest, RunId, Scope, StepId};
use smol_wf_core::journal::{Body, Entry, JOURNAL_FORMAT, RunHead, ScopeStart, StopReason};
use smol_wf_core::limits::{ASKS_OPEN_MAX, Limits};
use smol_wf_core::machine::{Effect, Machine, Next};
use smol_wf_core::report::{Report, RunState};
use smol_wf_core::reuse::{AnswerRef, answers_of};
use smol_wf_core::step_request::StepDefaults;
use smol_wf_core::surface::Surface;

const NOW_US: i64 = 1_700_000_000_000_000;
const S: i64 = 1_000_000;

fn guest() -> Digest {
    Digest::of(b"guest")
}

fn head(surface: Surface) -> RunHead {
    RunHead {
        format: JOURNAL_FORMAT,
        surface,
        run: RunId::from_bits(7),
        name: "gate".into(),
        script: Digest::of(b"script"),
        script_path: "/p/gate.js".into(),
        project_root: "/p".into(),
        cwd: None,
        seed: 1,
        budget: None,
        provider: "debug".into(),
        model_map: Vec::new(),
        defaults: StepDefaults::default(),
        debug_rules: Vec::new(),
        parent: None,
    }
}

fn root() -> ScopeStart {
    ScopeStart {
        author_text: None,
        modules: Vec::new(),
        scope: Scope::ROOT,
        text: String::new(),
        file_name: "gate.js".into(),
        path: "gate.js".into(),
        meta_export: 0,
        dialect: Dialect::Body,
        meta: "{}".into(),
        args: None,
    }
}

/// A machine in its first turn.
fn begun() -> Machine {
    let root = root();
    let mut machine =
        Machine::start(head(Surface::CURRENT), root, Limits::default(), guest(), NOW_US);
    assert!(matches!(machine.next(NOW_US), Ok(Next::Start { .. })));
    machine
}

/// The questions of a test: the function, the question and the options.
type Asked = (AskKind, &'static str, &'static str);

fn asked_by(machine: &mut Machine, asks: &[Asked]) -> Vec<StepId> {
    let ask = |(kind, question, options): &Asked| {
        machine.ask(*kind, (*question).to_owned(), (*options).to_owned()).unwrap()
    };
    let steps = asks.iter().map(ask).collect();
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    steps
}

/// A machine that waits for these questions.
fn waiting(asks: &[Asked]) -> (Machine, Vec<StepId>) {
    let mut machine = begun();
    let steps = asked_by(&mut machine, asks);
    assert!(matches!(machine.next(NOW_US), Ok(Next::Wait)));
    (machine, steps)
}

/// The machine of the next process, which asks the same.
fn resumed(entries: Vec<Entry>, asks: &[Asked], now_us: i64) -> Machine {
    let mut machine = Machine::resume_whole(entries, Limits::default(), guest(), now_us).unwrap();
    assert!(matches!(machine.next(now_us), Ok(Next::Start { .. })));
    asked_by(&mut machine, asks);
    machine
}

fn digest_of(machine: &Machine, step: StepId) -> Digest {
    machine.open_asks().find(|open| open.step == step).unwrap().request.digest()
}

fn value_of(next: Next) -> (StepId, String) {
    match next {
        Next::Settle { step, outcome: Outcome::Value(text), .. } => (step, text),
        other => panic!("{other:?}"),
    }
}

const APPROVE: Asked = (AskKind::Approve, "Deploy?", "{}");
const NUMBER: Asked = (AskKind::Ask, "How many?", r#"{"schema":{"type":"integer","minimum":1}}"#);
const EVENT: Asked = (AskKind::WaitFor, "merged", r#"{"match":{"number":12}}"#);

#[test]
fn an_answer_settles_its_question_once() {
    let (mut machine, steps) = waiting(&[APPROVE, NUMBER]);
    let digests: Vec<Digest> = steps.iter().map(|step| digest_of(&machine, *step)).collect();
    let effects = machine.take_effects();
    assert!(matches!(effects[..], [Effect::Ask { left_us: None, .. }, Effect::Ask { .. }]));
    machine.take_entries();
    let value = r#"{"approved":true,"comment":"go"}"#;
    machine.answer(steps[0], &digests[0], value, "ann", None, NOW_US + S).unwrap();
    let second = machine.answer(steps[0], &digests[0], "false", "bob", None, NOW_US + S);
    assert_eq!(second.unwrap_err().code(), Code::AskAnswered);
    machine.answer(steps[1], &digests[1], "3", "bob", Some("so"), NOW_US + S).unwrap();
    assert_eq!(machine.open_asks().count(), 0);
    assert_eq!(machine.take_effects(), [Effect::Cancel(steps[0]), Effect::Cancel(steps[1])]);
    let (step, text) = value_of(machine.next(NOW_US + S).unwrap());
    let expected = serde_json::json!({
        "approved": true, "by": "ann", "comment": "go", "at": "2023-11-14T22:13:21Z",
    });
    assert_eq!(step, steps[0]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    assert_eq!(value_of(machine.next(NOW_US + S).unwrap()), (steps[1], "3".to_owned()));
    let late = machine.answer(steps[0], &digests[0], "true", "eve", None, NOW_US + S);
    assert_eq!(late.unwrap_err().code(), Code::AskAnswered, "it is settled");
}

#[test]
fn forged_answers_are_refused_and_change_nothing() {
    let (mut machine, steps) = waiting(&[APPROVE, NUMBER]);
    let agent = Digest::of(b"other");
    let right = digest_of(&machine, steps[0]);
    let number = digest_of(&machine, steps[1]);
    machine.take_entries();
    machine.take_effects();
    for (step, digest, value, code) in [
        (StepId(9), &right, "true", Code::AskUnknown),
        (steps[0], &agent, "true", Code::AskChanged),
        (steps[0], &number, "true", Code::AskChanged),
        (steps[0], &right, "\"yes\"", Code::AnswerInvalid),
        (steps[0], &right, r#"{"approved":true,"by":"root"}"#, Code::AnswerInvalid),
        (steps[0], &right, "nonsense", Code::AnswerInvalid),
        (steps[1], &number, "0", Code::AnswerInvalid),
        (steps[1], &number, "null", Code::AnswerInvalid),
        (steps[1], &number, &"9".repeat(300_000), Code::AnswerTooLarge),
    ] {
        let refused = machine.answer(step, digest, value, "eve", None, NOW_US).unwrap_err();
        assert_eq!(refused.code(), code, "{value:.20}: {refused}");
    }
    assert_eq!(machine.open_asks().count(), 2);
    assert!(machine.take_entries().is_empty() && machine.take_effects().is_empty());
    assert!(matches!(machine.next(NOW_US), Ok(Next::Wait)));
}

#[test]
fn an_event_settles_the_first_wait_that_it_fits() {
    let any = (AskKind::WaitFor, "merged", "{}");
    let (mut machine, steps) = waiting(&[EVENT, any, EVENT]);
    let signal = |machine: &mut Machine, name: &str, value: &str| {
        machine.signal(name, value, "hook", NOW_US).unwrap()
    };
    assert_eq!(signal(&mut machine, "closed", r#"{"number":12}"#), None);
    assert_eq!(signal(&mut machine, "merged", r#"{"number":13}"#), Some(steps[1]));
    let left = |machine: &Machine| machine.open_asks().map(|open| open.step).collect::<Vec<_>>();
    assert_eq!(left(&machine), [steps[0], steps[2]]);
    assert_eq!(signal(&mut machine, "merged", r#"{"number":13}"#), None);
    assert_eq!(signal(&mut machine, "merged", r#"{"number":12}"#), Some(steps[0]));
    assert_eq!(left(&machine), [steps[2]]);
    assert!(machine.signal("merged", "{", "hook", NOW_US).is_err());
    assert_eq!(value_of(machine.next(NOW_US).unwrap()).0, steps[1], "in order of the events");
}

#[test]
fn an_answer_outlives_the_process_that_took_it() {
    let asks = [APPROVE, NUMBER];
    let (mut machine, steps) = waiting(&asks);
    let (approval, number) = (digest_of(&machine, steps[0]), digest_of(&machine, steps[1]));
    machine.answer(steps[1], &number, "2", "ann", None, NOW_US + S).unwrap();
    // The process dies before the script gets the answer.
    let entries = machine.take_entries();
    assert!(matches!(entries.last().unwrap().body, Body::AskAnswered { .. }));
    let mut machine = resumed(entries, &asks, NOW_US + 9 * S);
    let again = machine.answer(steps[1], &number, "3", "bob", None, NOW_US).unwrap_err();
    assert_eq!(again.code(), Code::AskAnswered);
    assert_eq!(value_of(machine.next(NOW_US + 9 * S).unwrap()), (steps[1], "2".to_owned()));
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    let open = machine.take_effects();
    assert!(matches!(open[..], [Effect::Ask { step, .. }] if step == steps[0]), "{open:?}");
    machine.answer(steps[0], &approval, "false", "bob", None, NOW_US).unwrap();
}

/// Resumes at this time a question with ten seconds. Returns the time left, and the time
/// that the script sees when its time is up.
fn left_after(resumed_at_us: i64) -> (Option<u64>, i64) {
    let asks = [(AskKind::Ask, "q", r#"{"timeout":10000,"onTimeout":{"value":"late"}}"#)];
    let (mut machine, steps) = waiting(&asks);
    let mut machine = resumed(machine.take_entries(), &asks, resumed_at_us);
    assert!(matches!(machine.next(resumed_at_us), Ok(Next::Wait)));
    let effects = machine.take_effects();
    let [Effect::Ask { left_us, .. }] = effects[..] else { panic!("{effects:?}") };
    machine.ask_timed_out(steps[0]);
    machine.ask_timed_out(steps[0]);
    match machine.next(resumed_at_us) {
        Ok(Next::Settle { now_us, outcome: Outcome::Value(text), .. }) => {
            assert_eq!(text, "\"late\"");
            (left_us, now_us)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deadline_counts_by_the_wall_clock_also_without_a_process() {
    for (resumed_at, left_s) in [(NOW_US + 4 * S, 6), (NOW_US + 60 * S, 0), (NOW_US, 10)] {
        let (left_us, seen_us) = left_after(resumed_at);
        assert_eq!(left_us, Some(left_s * 1_000_000), "resumed at {resumed_at}");
        assert!(seen_us >= NOW_US + 10 * S, "the script sees that the time is up");
    }
}

#[test]
fn time_that_is_up_fails_or_gives_a_value_and_takes_no_answer() {
    let asks = [
        (AskKind::Approve, "a", r#"{"timeout":1}"#),
        (AskKind::Approve, "b", r#"{"timeout":1,"onTimeout":{"value":false}}"#),
    ];
    let (mut machine, steps) = waiting(&asks);
    let digest = digest_of(&machine, steps[0]);
    steps.iter().for_each(|step| machine.ask_timed_out(*step));
    let late = machine.answer(steps[0], &digest, "true", "ann", None, NOW_US).unwrap_err();
    assert_eq!(late.code(), Code::AskAnswered);
    match machine.next(NOW_US).unwrap() {
        Next::Settle { outcome: Outcome::Failed(failure), .. } => {
            assert_eq!(failure.code, Code::AskTimedOut);
        }
        other => panic!("{other:?}"),
    }
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    let (_, text) = value_of(machine.next(NOW_US).unwrap());
    assert!(text.contains(r#""approved":false"#) && text.contains(r#""by":null"#), "{text}");
}

/// The answers that a fork of this journal may take.
fn reusable(entries: &[Entry]) -> Vec<AnswerRef> {
    let answers = answers_of(&RunId::from_bits(7), entries);
    answers.into_iter().map(|candidate| candidate.answer).collect()
}

#[test]
fn a_fork_takes_answers_and_no_approvals_and_no_time_outs() {
    let late = (AskKind::Ask, "late", r#"{"timeout":1,"onTimeout":{"value":"x"}}"#);
    let asks = [APPROVE, NUMBER, EVENT, late];
    let (mut machine, steps) = waiting(&asks);
    let digests: Vec<Digest> = steps.iter().map(|step| digest_of(&machine, *step)).collect();
    machine.answer(steps[0], &digests[0], "true", "ann", None, NOW_US).unwrap();
    machine.answer(steps[1], &digests[1], "3", "ann", None, NOW_US).unwrap();
    assert_eq!(machine.signal("merged", r#"{"number":12}"#, "hook", NOW_US), Ok(Some(steps[2])));
    machine.ask_timed_out(steps[3]);
    while let Next::Settle { .. } = machine.next(NOW_US).unwrap() {
        machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    }
    let answers = reusable(&machine.take_entries());
    assert_eq!(answers.len(), 2);
    let mut fork =
        Machine::fork(head(Surface::CURRENT), root(), answers, Limits::default(), guest(), NOW_US);
    assert!(matches!(fork.next(NOW_US), Ok(Next::Start { .. })));
    let steps = asked_by(&mut fork, &asks);
    let open: Vec<StepId> = fork.open_asks().map(|open| open.step).collect();
    assert_eq!(open, [steps[0], steps[3]]);
    assert_eq!(value_of(fork.next(NOW_US).unwrap()), (steps[1], "3".to_owned()));
    fork.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    assert_eq!(value_of(fork.next(NOW_US).unwrap()).1, r#"{"number":12}"#);
    let taken = fork.answer(steps[1], &digests[1], "4", "bob", None, NOW_US).unwrap_err();
    assert_eq!(taken.code(), Code::AskAnswered);
}

#[test]
fn older_surfaces_ask_nobody_and_open_questions_are_bounded() {
    let root = root();
    let mut machine =
        Machine::start(head(Surface::Third), root, Limits::default(), guest(), NOW_US);
    assert!(matches!(machine.next(NOW_US), Ok(Next::Start { .. })));
    let refused = machine.ask(AskKind::Ask, "q".into(), "{}".into()).unwrap_err();
    assert!(matches!(refused, Refusal::Call(_)));
    let mut machine = begun();
    for n in 0..ASKS_OPEN_MAX {
        machine.ask(AskKind::Ask, format!("q {n}"), "{}".into()).unwrap();
    }
    let Err(Refusal::Call(failure)) = machine.ask(AskKind::Ask, "q".into(), "{}".into()) else {
        panic!("one too many")
    };
    assert_eq!(failure.code, Code::CallInvalid);
}

#[test]
fn the_report_of_a_waiting_run_says_what_is_asked() {
    let (mut machine, steps) = waiting(&[APPROVE, NUMBER]);
    let digest = digest_of(&machine, steps[0]);
    machine.answer(steps[0], &digest, "true", "ann", None, NOW_US).unwrap();
    machine.stop(StopReason::WaitingForAnswer { asks: 1 }, NOW_US);
    let entries = machine.take_entries();
    let report = Report::fold(&entries, false).unwrap();
    assert_eq!(report.state, RunState::Paused);
    assert_eq!(report.error.as_ref().unwrap().code, "waiting_for_answer");
    let json = serde_json::to_value(&report).unwrap();
    let open = &json["asks"]["open"];
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!((&open[0]["step"], &open[0]["kind"]), (&2.into(), &"ask".into()));
    assert_eq!(open[0]["schema"]["minimum"], 1);
    let request = AskRequest::read(NUMBER.0, NUMBER.1, NUMBER.2).unwrap();
    assert_eq!(open[0]["digest"], request.digest().as_str());
    // What was written reads back.
    for entry in &entries {
        let text = serde_json::to_string(entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), *entry);
    }
}
