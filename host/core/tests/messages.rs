//! Messages in the run machine: what one batch does, and what a replay makes of a journal
//! that ends right after a message was taken.

use smol_wf_core::codes::Code;
use smol_wf_core::details::{Details, Fate};
use smol_wf_core::event::EventFold;
use smol_wf_core::guest::{Dialect, Outcome, Status, TurnHost as _};
use smol_wf_core::ids::{Digest, RunId, Scope, StepId};
use smol_wf_core::journal::{Body, Entry, JOURNAL_FORMAT, RunEnd, RunHead, ScopeStart, StopReason};
use smol_wf_core::limit_changes::LimitChanges;
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{AgentRecord, Effect, Machine, Next, Orders};
use smol_wf_core::message::{Message, MessageTaken, Posted, STEP_MESSAGES_MAX};
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::AgentRequest;
use smol_wf_core::survey::Survey;
use smol_wf_core::view::RunView;

fn head() -> RunHead {
    let head = serde_json::json!({
        "format": JOURNAL_FORMAT, "surface": 3, "run": RunId::from_bits(7), "name": "n",
        "script": Digest::of(b"script"), "script_path": "/p/n.mjs", "project_root": "/p",
        "seed": 1, "provider": "debug",
    });
    serde_json::from_value(head).unwrap()
}

fn guest() -> Digest {
    Digest::of(b"guest")
}

/// A run whose script has asked two agents and waits; and its entries so far.
fn waiting() -> (Machine, Vec<Entry>) {
    let root = ScopeStart {
        author_text: None,
        modules: Vec::new(),
        scope: Scope::ROOT,
        text: String::new(),
        file_name: "n.mjs".into(),
        path: "n.mjs".into(),
        meta_export: 0,
        dialect: Dialect::Body,
        meta: "{}".into(),
        args: None,
    };
    let machine = Machine::start(head(), root, Limits::default(), guest(), 1);
    let mut machine = first_turn(machine);
    let entries = machine.take_entries();
    assert_eq!(machine.take_effects().len(), 2);
    (machine, entries)
}

/// The first turn of the script, live or replayed.
fn first_turn(mut machine: Machine) -> Machine {
    assert!(matches!(machine.next(2).unwrap(), Next::Start { .. }));
    machine.agent("a".into(), "{}".into()).unwrap();
    machine.agent("b".into(), "{}".into()).unwrap();
    machine.end_turn(Scope::ROOT, 5, Status::Pending).unwrap();
    machine
}

fn resumed(entries: &[Entry]) -> Machine {
    let survey = Survey::of(entries);
    let limits = survey.limits;
    let machine = Machine::resume_whole(entries.to_vec(), limits, guest(), 9).unwrap();
    first_turn(machine)
}

fn posted(number: u64, message: Message) -> Posted {
    Posted { number, by: "ann".into(), posted_us: 3, message: Ok(message) }
}

fn take(machine: &mut Machine, known: u64, messages: &[Message]) -> (Orders, Vec<Option<String>>) {
    let all = (1..).zip(messages).map(|(number, one)| posted(number, one.clone())).collect();
    let orders = machine.take_messages(all, known, &|_| true, 4);
    (orders, verdicts(&machine.take_entries()))
}

fn verdicts(entries: &[Entry]) -> Vec<Option<String>> {
    let taken = entries.iter().filter_map(|entry| match &entry.body {
        Body::MessageTaken(taken) => Some(taken.refused.clone()),
        _ => None,
    });
    taken.collect()
}

fn refused(code: Code) -> Option<String> {
    Some(code.word().to_owned())
}

const PAUSE: Message = Message::Pause { now: false };

#[test]
fn a_continue_and_a_take_up_make_pauses_before_them_void() {
    let (mut machine, _) = waiting();
    let batch = [PAUSE, Message::Cancel {}, Message::Continue {}];
    let (orders, verdicts) = take(&mut machine, 0, &batch);
    let void = refused(Code::MessageSuperseded);
    assert_eq!((orders, verdicts), (Orders::default(), vec![void.clone(), void.clone(), None]));

    let (orders, verdicts) = take(&mut machine, 1, &[PAUSE, Message::Pause { now: true }]);
    assert_eq!(verdicts, [void, None]);
    assert_eq!(orders.stop, Some(StopReason::Paused { by: "ann".into() }));
    assert!(orders.cut_agents);
}

#[test]
fn the_stronger_of_two_orders_holds() {
    let (mut machine, _) = waiting();
    let (orders, _) = take(&mut machine, 0, &[Message::Cancel {}, PAUSE]);
    assert_eq!((orders.stop, orders.cut_agents), (Some(StopReason::Cancelled), true));
    let (orders, _) = take(&mut machine, 0, &[PAUSE]);
    assert!(!orders.cut_agents);
}

#[test]
fn a_step_is_stopped_once_and_one_that_answered_before_not_at_all() {
    let (mut machine, _) = waiting();
    machine.complete(StepId(2), Outcome::Value("1".into()), None);
    let batch = [1, 1, 2, 3].map(|step| Message::Stop { step: StepId(step) });
    let (_, verdicts) = take(&mut machine, 0, &batch);
    let settled = refused(Code::StepSettled);
    let unknown = refused(Code::StepUnknown);
    assert_eq!(verdicts, [None, settled.clone(), settled, unknown]);
    let effects = machine.take_effects();
    assert!(matches!(effects[..], [Effect::Cancel(StepId(1))]), "{effects:?}");
}

/// The holder died right after the commit that took the message.
#[test]
fn the_next_holder_delivers_what_a_message_gave_to_a_step() {
    let (mut machine, mut entries) = waiting();
    machine.take_messages(vec![posted(1, Message::Stop { step: StepId(1) })], 0, &|_| true, 4);
    entries.extend(machine.take_entries());
    let mut next = resumed(&entries);
    let effects = next.take_effects();
    let asked = |effect: &Effect| matches!(effect, Effect::RunAgent { step: StepId(2), .. });
    assert!(effects.len() == 1 && asked(&effects[0]), "step 1 is not asked again: {effects:?}");
    let Next::Settle { step: StepId(1), outcome, .. } = next.next(10).unwrap() else {
        panic!("not delivered")
    };
    // In a body, an agent that was stopped is null.
    assert_eq!(outcome, Outcome::Value("null".into()));
}

#[test]
fn a_raised_limit_is_in_force_after_a_replay() {
    let (mut machine, mut entries) = waiting();
    let limits = LimitChanges { agents: Some(5_000), ..LimitChanges::default() };
    let (orders, _) = {
        let raise = posted(1, Message::Raise { limits });
        let orders = machine.take_messages(vec![raise], 0, &|_| true, 4);
        let fresh = machine.take_entries();
        let said = verdicts(&fresh);
        entries.extend(fresh);
        (orders, said)
    };
    assert_eq!(orders.limits.unwrap().agents, 5_000);
    assert_eq!(Survey::of(&entries).limits.agents, 5_000);
    let replayed = Machine::replay(entries, None, guest()).unwrap();
    assert_eq!(replayed.limits().agents, 5_000);
}

#[test]
fn a_message_of_a_newer_program_has_no_effect_and_is_taken() {
    let (mut machine, _) = waiting();
    let newer = Posted::read(1, "ann".into(), 3, r#"{"type":"dance"}"#);
    let orders = machine.take_messages(vec![newer], 0, &|_| true, 4);
    assert_eq!(orders, Orders::default());
    assert_eq!(verdicts(&machine.take_entries()), [refused(Code::MessageUnreadable)]);
}

fn told(effects: &[Effect]) -> Vec<(u32, u64, &str)> {
    let tells = effects.iter().filter_map(|effect| match effect {
        Effect::TellAgent { step, message } => Some((step.0, message.number, &*message.text)),
        _ => None,
    });
    tells.collect()
}

#[test]
fn an_agent_is_told_and_the_next_holder_tells_it_again_in_order() {
    let tell = |step: u32, text: &str| Message::Message { step: StepId(step), text: text.into() };
    let (mut machine, mut entries) = waiting();
    let posted: Vec<Posted> = (1..)
        .zip([tell(1, "a"), tell(2, "b"), tell(1, "c"), tell(9, "d"), tell(1, " ")])
        .map(|(number, one)| posted(number, one))
        .collect();
    machine.take_messages(posted, 0, &|_| true, 4);
    let written = machine.take_entries();
    let said = [Code::StepUnknown, Code::MessageEmpty].map(refused);
    assert_eq!(verdicts(&written)[..3], [None, None, None]);
    assert_eq!(verdicts(&written)[3..], said);
    entries.extend(written);
    let all = [(1, 1, "a"), (2, 2, "b"), (1, 3, "c")];
    assert_eq!(told(&machine.take_effects()), all);
    machine.record_agent(StepId(1), AgentRecord::Told { number: 1, too_late: false }, 5);
    entries.extend(machine.take_entries());
    let effects = resumed(&entries).take_effects();
    assert_eq!(told(&effects), [(1, 1, "a"), (1, 3, "c"), (2, 2, "b")], "whatever it had heard");
    let in_time =
        |effect: &Effect| matches!(effect, Effect::TellAgent { message, .. } if message.was_told);
    assert_eq!(effects.iter().map(in_time).collect::<Vec<_>>()[2..], [true, false, false]);
    let runs = |effect: &Effect| matches!(effect, Effect::RunAgent { .. });
    assert!(effects[..2].iter().all(runs), "{effects:?}");
}

#[test]
fn an_agent_that_takes_no_messages_or_has_too_many_is_left_alone() {
    let tell = |number| posted(number, Message::Message { step: StepId(1), text: "x".into() });
    let (mut machine, _) = waiting();
    machine.take_messages(vec![tell(1)], 0, &|_| false, 4);
    assert_eq!(verdicts(&machine.take_entries()), [refused(Code::AgentTakesNoMessages)]);
    let most = STEP_MESSAGES_MAX as u64;
    machine.take_messages((2..=most + 2).map(tell).collect(), 0, &|_| true, 4);
    let said = verdicts(&machine.take_entries());
    assert_eq!(said.iter().filter(|one| one.is_none()).count(), STEP_MESSAGES_MAX);
    assert_eq!(said.last(), Some(&refused(Code::StepMessagesFull)));
    assert_eq!(told(&machine.take_effects()).len(), STEP_MESSAGES_MAX);
}

/// What became of the messages to agents, in the order of their numbers: as the details of
/// the run have it, and as its events show it.
fn fates(entries: &[Entry]) -> Vec<Fate> {
    let details = Details::fold(entries, true).unwrap();
    let mut all: Vec<_> = details.steps.iter().flat_map(|step| &step.messages).collect();
    all.sort_by_key(|message| message.number);
    let fates: Vec<_> = all.iter().map(|message| message.fate).collect();
    let (mut fold, mut view) = (EventFold::new(), RunView::new());
    for event in entries.iter().flat_map(|entry| fold.after(entry)) {
        view.apply(&event);
    }
    let shown: Vec<_> = view.messages().filter_map(|message| message.fate).collect();
    assert_eq!(shown, fates);
    fates
}

#[test]
fn what_waits_for_a_step_that_is_over_came_too_late() {
    let tell = |step: u32| Message::Message { step: StepId(step), text: "x".into() };
    let entry = |body: Body| Entry { at_us: 9, body };
    let (mut machine, mut entries) = waiting();
    let batch = [tell(1), tell(2), Message::Stop { step: StepId(2) }];
    let posts = (1..).zip(batch).map(|(number, one)| posted(number, one)).collect();
    machine.take_messages(posts, 0, &|_| true, 4);
    assert!(matches!(machine.next(5).unwrap(), Next::Settle { step: StepId(2), .. }));
    entries.extend(machine.take_entries());
    assert_eq!(fates(&entries), [Fate::Waits, Fate::TooLate], "its step was stopped");

    // A child workflow that asks an agent, and ends without awaiting it.
    let child = serde_json::json!({ "target": { "name": "child" } });
    let child = StepRequest::Workflow(serde_json::from_value(child).unwrap());
    let agent = StepRequest::Agent(AgentRequest::plain("p").into());
    for (step, scope, asked) in [(3, Scope::ROOT, child), (4, Scope::of(StepId(3)), agent)] {
        entries.push(entry(Body::StepAsked { step: StepId(step), scope, asked }));
    }
    entries.push(entry(Body::MessageTaken(Box::new(MessageTaken {
        number: 4,
        by: "ann".into(),
        posted_us: 8,
        message: Some(tell(4)),
        refused: None,
        settles: None,
        answers: None,
    }))));
    assert_eq!(fates(&entries), [Fate::Waits, Fate::TooLate, Fate::Waits]);
    let outcome = Outcome::Value("1".into());
    let settled = |step: u32| {
        let outcome = outcome.clone();
        entry(Body::Settled { step: StepId(step), outcome, reply: None, given: None })
    };
    entries.push(settled(3));
    assert_eq!(fates(&entries), [Fate::Waits, Fate::TooLate, Fate::TooLate]);

    let end = RunEnd::Completed { result: "1".into(), abandoned: vec![StepId(1)] };
    entries.push(entry(Body::RunEnded { end }));
    assert_eq!(fates(&entries), [Fate::TooLate; 3], "the script has not awaited step 1");
}
