//! What a script is given for steps that fail, and when a sleep ends.

use serde_json::{Value, json};
use smol_wf_core::event::EventFold;
use smol_wf_core::guest::{
    Dialect, Failure, GroupKind, NullSlot, Outcome, ScriptError, Status, TurnHost,
};
use smol_wf_core::ids::{Digest, RunId, Scope, StepId};
use smol_wf_core::journal::{Body, Chain, Entry, JOURNAL_FORMAT, RunHead, ScopeStart, read};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{Effect, Machine, Next};
use smol_wf_core::report::Report;
use smol_wf_core::reuse::answers_of;
use smol_wf_core::settlement::{OnFailure, Substitute};
use smol_wf_core::step_request::{Reply, StepDefaults};
use smol_wf_core::surface::Surface;

const NOW_US: i64 = 1_000_000_000;
const S: i64 = 1_000_000;

/// The properties of a run that matter here.
#[derive(Clone, Copy)]
struct World {
    surface: Surface,
    dialect: Dialect,
    on_failure: Option<OnFailure>,
    phase_models: bool,
}

const BODY: World = World {
    surface: Surface::Second,
    dialect: Dialect::Body,
    on_failure: None,
    phase_models: false,
};
const MODULE: World = World { dialect: Dialect::Module, ..BODY };

fn head(world: World) -> RunHead {
    let head = json!({
        "format": JOURNAL_FORMAT, "run": RunId::from_bits(7), "name": "n",
        "script": Digest::of(b""), "script_path": "/p/n.mjs", "project_root": "/p",
        "seed": 1, "provider": "debug",
    });
    let (on_failure, phase_models) = (world.on_failure, world.phase_models);
    let defaults = StepDefaults { on_failure, phase_models, ..StepDefaults::default() };
    RunHead { surface: world.surface, defaults, ..serde_json::from_value(head).unwrap() }
}

fn start(world: World) -> ScopeStart {
    ScopeStart {
        author_text: None,
        modules: Vec::new(),
        scope: Scope::ROOT,
        text: String::new(),
        file_name: "n.mjs".into(),
        path: "n.mjs".into(),
        meta_export: 0,
        dialect: world.dialect,
        meta: r#"{"phases":["Plan",{"title":"Look","model":"m"},{"title":"Ours","model":"o","provider":"p"}]}"#.into(),
        args: None,
    }
}

/// A run whose script has started, and is in its first turn.
fn begun(world: World) -> Machine {
    let limits = Limits::default();
    let mut machine = Machine::start(head(world), start(world), limits, Digest::of(b"g"), NOW_US);
    assert!(matches!(machine.next(NOW_US), Ok(Next::Start { .. })));
    machine
}

fn failed(code: &str) -> Outcome {
    Outcome::Failed(Failure::new(code, format!("debug: {code}")))
}

/// What the script is given for a step with these options whose agent fails with this
/// code.
fn given(world: World, options: &str, code: &str) -> (Outcome, Vec<Entry>) {
    let mut machine = begun(world);
    let step = machine.agent("p".into(), options.into()).unwrap();
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    assert!(matches!(machine.next(NOW_US), Ok(Next::Wait)));
    machine.dispatched(step, None, NOW_US);
    machine.answered(step, failed(code), Reply::default());
    let Ok(Next::Settle { outcome, .. }) = machine.next(NOW_US + 1) else { panic!("not settled") };
    machine.end_turn(Scope::ROOT, 1, Status::Done("1".into())).unwrap();
    (outcome, machine.take_entries())
}

fn is_null(outcome: &Outcome) -> bool {
    *outcome == Outcome::Value("null".into())
}

#[test]
fn a_failed_agent_is_null_in_a_body_and_throws_in_a_module_unless_set_otherwise() {
    let (null, throw) = (Some(OnFailure::Null), Some(OnFailure::Throw));
    let (as_null, as_throw) = (r#"{"onFailure":"null"}"#, r#"{"onFailure":"throw"}"#);
    for (world, options, expected) in [
        (BODY, "{}", true),
        (BODY, as_throw, false),
        (World { on_failure: throw, ..BODY }, "{}", false),
        (World { on_failure: throw, ..BODY }, as_null, true),
        (MODULE, "{}", false),
        (MODULE, as_null, true),
        (World { on_failure: null, ..MODULE }, "{}", true),
        (World { on_failure: null, ..MODULE }, as_throw, false),
        // Surface 1 does not know the option.
        (World { surface: Surface::First, ..BODY }, as_null, false),
    ] {
        let (outcome, entries) = given(world, options, "provider_failed");
        assert_eq!(is_null(&outcome), expected, "{options} {:?}", world.dialect);
        // Whatever the script was given, the step has failed.
        let settled = entries.iter().find_map(|entry| match &entry.body {
            Body::Settled { outcome, given, .. } => Some((outcome.clone(), *given)),
            _ => None,
        });
        let recorded = expected.then_some(Substitute::Null);
        assert_eq!(settled, Some((failed("provider_failed"), recorded)));
        assert!(answers_of(&RunId::from_bits(7), &entries).is_empty(), "a fork asks again");
    }
    // These throw in both dialects, whatever the options.
    for code in ["schema_mismatch", "provider_timeout", "provider_unsupported", "answer_too_large"]
    {
        for (world, options) in [(BODY, "{}"), (BODY, as_null), (MODULE, as_null)] {
            assert_eq!(given(world, options, code).0, failed(code), "{code}");
        }
    }
}

#[test]
fn a_substitute_is_journaled_chained_and_replayed() {
    let (_, entries) = given(BODY, "{}", "provider_killed");
    let mut chain = Chain::new();
    let mut records: Vec<_> = entries.iter().map(|entry| chain.seal(entry).unwrap()).collect();
    assert_eq!(read(&records).unwrap(), entries);
    let at = records.iter().position(|record| record.body.contains("\"given\":\"null\"")).unwrap();
    records[at].body = records[at].body.replace(",\"given\":\"null\"", "");
    assert!(read(&records).is_err(), "it is part of the chain");

    // Cut after the delivery, and replayed.
    let kept = entries.iter().position(|entry| matches!(entry.body, Body::Settled { .. })).unwrap();
    let mut kept = entries[..=kept].to_vec();
    let replayed = |entries: Vec<Entry>| {
        let guest = Digest::of(b"g");
        let mut machine = Machine::resume_whole(entries, Limits::default(), guest, NOW_US).unwrap();
        assert!(matches!(machine.next(NOW_US), Ok(Next::Start { .. })));
        machine.agent("p".into(), "{}".into()).unwrap();
        machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
        match machine.next(NOW_US) {
            Ok(Next::Settle { outcome, .. }) => outcome,
            other => panic!("{other:?}"),
        }
    };
    assert!(is_null(&replayed(kept.clone())));
    // The journal decides, not the present rules.
    if let Some(Entry { body: Body::Settled { given, .. }, .. }) = kept.last_mut() {
        *given = None;
    }
    assert_eq!(replayed(kept), failed("provider_killed"));
}

#[test]
fn the_report_and_the_log_say_why_there_is_a_null() {
    let (_, entries) = given(BODY, r#"{"label":"look"}"#, "provider_killed");
    let report = Report::fold(&entries, false).unwrap();
    assert_eq!((report.agents.called, report.agents.failed, report.agents.null), (1, 1, 0));
    assert!(report.is_fruitless(), "the only agent failed");
    let null = serde_json::to_value(&report.nulls[0]).unwrap();
    let expected = json!({ "place": "agent", "step": 1, "label": "look",
        "code": "provider_killed", "reason": "debug: provider_killed" });
    assert_eq!((null, report.nulls.len()), (expected, 1));
    let events = events(&entries);
    let of = |kind: &str| events.iter().filter(|event| event.0 == kind).collect::<Vec<_>>();
    assert_eq!(of("workflow.agent_failed")[0].1["given"], "null");
    let log = of("workflow.log");
    assert_eq!(log[0].1["message"], "agent `look` failed: debug: provider_killed");
    assert_eq!((log.len(), &log[0].1["of"]), (1, &json!("workflow.agent_failed")));

    let (_, entries) = given(World { surface: Surface::First, ..BODY }, "{}", "provider_killed");
    assert!(Report::fold(&entries, false).unwrap().nulls.is_empty());
    assert!(
        !events_of(&entries).contains(&"workflow.log"),
        "streams of old runs stay as they were"
    );
}

fn events(entries: &[Entry]) -> Vec<(&'static str, Value)> {
    let mut fold = EventFold::new();
    let events = entries.iter().flat_map(|entry| fold.after(entry));
    events.map(|event| (event.kind().word(), serde_json::to_value(&event.data).unwrap())).collect()
}

fn events_of(entries: &[Entry]) -> Vec<&'static str> {
    events(entries).into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn the_cause_of_a_null_slot_is_the_step_that_it_names() {
    let blamed = |surface: Surface, step: Option<StepId>| {
        let mut machine = begun(World { surface, ..MODULE });
        let steps = ["one", "two"].map(|prompt| machine.agent(prompt.into(), "{}".into()).unwrap());
        machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
        for step in steps {
            machine.answered(step, failed("provider_failed"), Reply::default());
        }
        for state in [Status::Pending, Status::Done("[null]".into())] {
            assert!(matches!(machine.next(NOW_US), Ok(Next::Settle { .. })));
            if state != Status::Pending {
                let error = ScriptError {
                    code: "thrown".into(),
                    name: "AgentError".into(),
                    message: "debug: provider_failed".into(),
                    file: None,
                    line: 0,
                    column: 0,
                    stack: String::new(),
                    failure: Some("provider_failed".into()),
                };
                let (group, stage) = (GroupKind::Parallel, None);
                let slot = NullSlot { group, ordinal: 1, index: 0, stage, error, step };
                machine.null_slot(slot).unwrap();
            }
            machine.end_turn(Scope::ROOT, 1, state).unwrap();
        }
        let report = Report::fold(&machine.take_entries(), false).unwrap();
        report.nulls[0].step.map(|step| step.0)
    };
    assert_eq!(blamed(Surface::Second, Some(StepId(2))), Some(2));
    assert_eq!(blamed(Surface::Second, None), None, "never by an equal message");
    assert_eq!(blamed(Surface::Second, Some(StepId(99))), None, "a guest may name any step");
    // Under surface 1 slots name no step, so an equal message decides.
    assert_eq!(blamed(Surface::First, None), Some(1));
}

#[test]
fn models_of_phases_apply_in_a_module_and_are_only_shown_in_a_body() {
    let asked = |world: World, phase: &str| {
        let mut machine = begun(world);
        machine.phase(phase.into()).unwrap();
        machine.agent("p".into(), "{}".into()).unwrap();
        let entries = machine.take_entries();
        let (_, request) = entries.iter().find_map(|entry| entry.body.asked_agent()).unwrap();
        (request.model.clone(), request.provider.clone())
    };
    let model = |name: &str| Some(name.to_owned());
    assert_eq!(asked(BODY, "Look"), (None, None));
    assert_eq!(asked(World { phase_models: true, ..BODY }, "Look"), (model("m"), None));
    assert_eq!(asked(MODULE, "Look"), (model("m"), None));
    // Claude Code has no providers, so a phase that names one is meant for this program.
    assert_eq!(asked(BODY, "Ours"), (model("o"), Some("p".to_owned())));
    // Under surface 1 a phase that is only a text drops all defaults.
    assert_eq!(asked(World { surface: Surface::First, ..MODULE }, "Look"), (None, None));
}

/// Sleeps ten seconds, and resumes at this time. Returns the time left, and the time
/// that the script sees when it wakes.
fn left_after(resumed_at_us: i64) -> (u64, i64) {
    let mut machine = begun(BODY);
    let step = machine.sleep(10_000.0).unwrap();
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    machine.record_agent(
        step,
        smol_wf_core::machine::AgentRecord::Activity { kind: "k".into(), text: "t".into() },
        NOW_US + 4 * S,
    );
    let entries = machine.take_entries();
    let guest = Digest::of(b"g");
    let mut machine =
        Machine::resume_whole(entries, Limits::default(), guest, resumed_at_us).unwrap();
    assert!(matches!(machine.next(resumed_at_us), Ok(Next::Start { .. })));
    machine.sleep(10_000.0).unwrap();
    machine.end_turn(Scope::ROOT, 1, Status::Pending).unwrap();
    assert!(matches!(machine.next(resumed_at_us), Ok(Next::Wait)));
    let effects = machine.take_effects();
    let [Effect::SleepUntil { left_us, .. }] = effects[..] else { panic!("{effects:?}") };
    machine.complete(step, Outcome::Value("null".into()), None);
    match machine.next(resumed_at_us) {
        Ok(Next::Settle { now_us, .. }) => (left_us, now_us),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sleep_keeps_its_time_left_even_if_the_clock_was_set() {
    let wakes = NOW_US + 10 * S;
    for (resumed_at, left_s) in
        [(NOW_US + 5 * S, 5), (NOW_US + 60 * S, 0), (NOW_US, 6), (NOW_US - 3_600 * S, 6)]
    {
        let (left_us, woke_us) = left_after(resumed_at);
        assert_eq!(left_us, left_s * 1_000_000, "resumed at {resumed_at}");
        assert!(woke_us >= wakes, "the script sees that it has slept: {woke_us}");
    }
}
