//! The run machine against a script that is a function of its deliveries.
//!
//! The script here is Rust, so that ten thousand runs take a moment; the real
//! guest goes through the same machine in the tests of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_wf_core::guest::{Dialect, Outcome, Refusal, ScriptError, Status, StopTurn, TurnHost};
use smol_wf_core::ids::{Digest, RunId, Scope, StepId};
use smol_wf_core::journal::{
    Body, Chain, Entry, JOURNAL_FORMAT, RunEnd, RunHead, ScopeStart, read,
};
use smol_wf_core::limits::{LimitError, Limits};
use smol_wf_core::machine::{Effect, Machine, Next};
use smol_wf_core::report::{Report, RunState};
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::{Reply, StepDefaults, Usage};
use smol_wf_core::surface::Surface;

const FUEL: u64 = 1_000;

fn head() -> RunHead {
    RunHead {
        format: JOURNAL_FORMAT,
        surface: Surface::CURRENT,
        run: RunId::from_bits(7),
        name: "pretend".into(),
        script: Digest::of(b"script"),
        script_path: "/p/pretend.mjs".into(),
        project_root: "/p".into(),
        cwd: None,
        seed: 1,
        budget: Some(1_000),
        provider: "debug".into(),
        model_map: Vec::new(),
        defaults: StepDefaults::default(),
        debug_rules: Vec::new(),
        parent: None,
    }
}

fn start(scope: Scope) -> ScopeStart {
    ScopeStart {
        author_text: None,
        modules: Vec::new(),
        scope,
        text: String::new(),
        file_name: "pretend.mjs".into(),
        path: "pretend.mjs".into(),
        meta_export: 0,
        dialect: Dialect::Body,
        meta: r#"{"phases":[{"title":"Look","model":"small","provider":"debug"}]}"#.into(),
        args: None,
    }
}

fn guest() -> Digest {
    Digest::of(b"guest")
}

/// A script: what it does when it starts and when a step settles. It must be a
/// function of its deliveries so far.
trait Script {
    fn turn(
        &mut self,
        host: &mut Machine,
        delivery: Option<(StepId, &Outcome)>,
    ) -> Result<Status, StopTurn>;
}

/// Asks `width` agents at once, then one more for each answer, `depth` times,
/// sleeps once, and returns the number of answers.
#[derive(Default)]
struct Fan {
    width: u32,
    depth: u32,
    answers: u32,
    asked: BTreeMap<StepId, u32>,
    open: u32,
}

impl Fan {
    fn script(width: u32, depth: u32) -> Box<dyn Script> {
        Box::new(Self { width, depth, ..Self::default() })
    }

    fn ask(&mut self, host: &mut Machine, level: u32) -> Result<(), StopTurn> {
        let prompt = format!("level {level} after {}", self.answers);
        let step = step_of(host.agent(prompt, r#"{"label":"l"}"#.to_owned()))?;
        self.asked.insert(step, level);
        self.open += 1;
        Ok(())
    }
}

/// The step of a call that may not be refused.
fn step_of(answer: Result<StepId, Refusal>) -> Result<StepId, StopTurn> {
    match answer {
        Ok(step) => Ok(step),
        Err(Refusal::Stop(stop)) => Err(stop),
        Err(Refusal::Call(failure)) => panic!("{failure:?}"),
    }
}

impl Script for Fan {
    fn turn(
        &mut self,
        host: &mut Machine,
        delivery: Option<(StepId, &Outcome)>,
    ) -> Result<Status, StopTurn> {
        match delivery {
            None => {
                host.phase("Look".into())?;
                host.log("started".into())?;
                for _ in 0..self.width {
                    self.ask(host, 0)?;
                }
                step_of(host.sleep(5.0))?;
                self.open += 1;
            }
            Some((step, _)) => {
                self.answers += 1;
                self.open -= 1;
                let level = self.asked.get(&step).copied();
                if let Some(level) = level.filter(|level| level + 1 < self.depth) {
                    self.ask(host, level + 1)?;
                }
            }
        }
        Ok(if self.open == 0 { Status::Done(self.answers.to_string()) } else { Status::Pending })
    }
}

/// Drives to the end. Answers come in the order that `pick` chooses. Returns the
/// entries that became durable and the steps that were dispatched.
fn drive(
    mut machine: Machine,
    make: &dyn Fn() -> Box<dyn Script>,
    mut pick: impl FnMut(usize) -> usize,
) -> Result<(Vec<Entry>, Vec<StepId>), StopTurn> {
    let mut scripts: BTreeMap<Scope, Box<dyn Script>> = BTreeMap::new();
    let (mut durable, mut waiting, mut dispatched) = (Vec::new(), Vec::new(), Vec::new());
    let mut now_us = 1_000_000;
    loop {
        now_us += 10;
        let (scope, delivery) = match machine.next(now_us)? {
            Next::Start { start, .. } => {
                scripts.insert(start.scope, make());
                (start.scope, None)
            }
            Next::Settle { scope, step, outcome, .. } => (scope, Some((step, outcome))),
            Next::Fetch(entry) => panic!("entry {entry} is not kept here"),
            Next::Fire { scope, .. } => (scope, None),
            Next::Stuck(scope) => {
                machine.give_up(scope, &["3:7".to_owned()])?;
                continue;
            }
            Next::Ended => {
                durable.extend(machine.take_entries());
                return Ok((durable, dispatched));
            }
            Next::Wait => {
                durable.extend(machine.take_entries());
                for effect in machine.take_effects() {
                    match effect {
                        Effect::RunAgent { step, .. } => {
                            dispatched.push(step);
                            machine.dispatched(step, None, now_us);
                            waiting.push(step);
                        }
                        Effect::SleepUntil { step, .. } | Effect::Ask { step, .. } => {
                            waiting.push(step);
                        }
                        Effect::FindChild { step, .. } => {
                            machine.child_found(start(Scope::of(step)))
                        }
                        Effect::SetTimer { timer, .. } => machine.fire(timer),
                        Effect::Cancel(_)
                        | Effect::ClearTimer(_)
                        | Effect::RestartAgent { .. }
                        | Effect::AnswerAgent { .. }
                        | Effect::TellAgent { .. } => {}
                    }
                }
                if !waiting.is_empty() {
                    let step = waiting.remove(pick(waiting.len()));
                    let usage = Usage { input_tokens: 3, output_tokens: 2, ..Usage::default() };
                    let reply = Reply { usage, ..Reply::default() };
                    machine.complete(step, Outcome::Value("\"ok\"".into()), Some(reply));
                }
                continue;
            }
        };
        let script = scripts.get_mut(&scope).expect("started");
        let delivery = delivery.as_ref().map(|(step, outcome)| (*step, outcome));
        let status = script.turn(&mut machine, delivery)?;
        machine.end_turn(scope, FUEL, status)?;
    }
}

fn fresh() -> Machine {
    Machine::start(head(), start(Scope::ROOT), Limits::default(), guest(), 1_000_000)
}

fn resumed(entries: &[Entry]) -> Machine {
    Machine::resume_whole(entries.to_vec(), Limits::default(), guest(), 2_000_000).unwrap()
}

fn result_of(entries: &[Entry]) -> String {
    match &entries.last().unwrap().body {
        Body::RunEnded { end: RunEnd::Completed { result, .. } } => result.clone(),
        other => panic!("not completed: {other:?}"),
    }
}

fn settled(entries: &[Entry]) -> Vec<StepId> {
    let steps = entries.iter().filter_map(|entry| match &entry.body {
        Body::Settled { step, .. } => Some(*step),
        _ => None,
    });
    steps.collect()
}

/// Picks at random, the same for the same seed.
fn picker(seed: u64) -> impl FnMut(usize) -> usize {
    let mut dice = fastrand::Rng::with_seed(seed);
    move |length| dice.usize(0..length)
}

#[test]
fn a_journal_cut_anywhere_resumes_to_the_same_result_and_repeats_no_settled_step() {
    let make = || Fan::script(4, 3);
    for seed in 1..20 {
        let (whole, _) = drive(fresh(), &make, picker(seed)).unwrap();
        assert_eq!(result_of(&whole), "13");
        // The first commit holds the head, the epoch and the script.
        for cut in 3..whole.len() {
            let kept = &whole[..cut];
            let (rest, dispatched) = drive(resumed(kept), &make, picker(seed + 99)).unwrap();
            assert_eq!(result_of(&rest), "13", "seed {seed}, cut {cut}");
            let done = settled(kept);
            assert!(!dispatched.iter().any(|step| done.contains(step)), "seed {seed}, cut {cut}");
            let mut all = kept.to_vec();
            all.extend(rest);
            let (more, dispatched) = drive(resumed(&all), &make, |_| 0).unwrap();
            assert!(more.is_empty() && dispatched.is_empty(), "a finished run stays as it is");
        }
    }
}

#[test]
fn every_changed_entry_is_noticed_in_a_replay() {
    let make = || Fan::script(3, 2);
    let (whole, _) = drive(fresh(), &make, |_| 0).unwrap();
    for index in 3..whole.len() {
        let mut changed = whole.clone();
        match &mut changed[index].body {
            Body::StepAsked { asked: StepRequest::Agent(request), .. } => {
                Arc::make_mut(request).prompt.push('x');
            }
            Body::StepAsked { asked: StepRequest::Sleep(sleep), .. } => sleep.wake_at_us += 1,
            Body::PhaseSet { title, .. } => title.push('x'),
            Body::Logged { message, .. } => message.push('x'),
            Body::TurnEnded { fuel, .. } => *fuel += 1,
            Body::RunEnded { end: RunEnd::Completed { result, .. } } => result.push('1'),
            Body::Settled { step, .. } => step.0 += 1_000,
            _ => continue,
        }
        let noticed = drive(resumed(&changed), &make, |_| 0);
        assert!(matches!(noticed, Err(StopTurn::Mismatch(_))), "entry {index} went unnoticed");
    }
    // The chain notices what the machine cannot, such as a changed answer.
    let mut chain = Chain::new();
    let mut records: Vec<_> = whole.iter().map(|entry| chain.seal(entry).unwrap()).collect();
    let answered =
        whole.iter().position(|entry| matches!(entry.body, Body::Settled { .. })).unwrap();
    records[answered].body = records[answered].body.replace("ok", "OK");
    assert!(read(&records).is_err());
}

#[test]
fn another_guest_need_not_use_the_same_fuel() {
    let make = || Fan::script(2, 2);
    let (mut whole, _) = drive(fresh(), &make, |_| 0).unwrap();
    for entry in &mut whole {
        match &mut entry.body {
            Body::EpochStarted { guest, .. } => *guest = Digest::of(b"older guest"),
            Body::TurnEnded { fuel, .. } => *fuel += 5,
            _ => {}
        }
    }
    assert!(drive(resumed(&whole), &make, |_| 0).is_ok());
}

#[test]
fn phases_give_defaults_and_the_report_adds_up_the_spend() {
    let (whole, _) = drive(fresh(), &|| Fan::script(3, 1), |_| 0).unwrap();
    let (_, request) = whole.iter().find_map(|entry| entry.body.asked_agent()).unwrap();
    assert_eq!((request.phase.as_deref(), request.model.as_deref()), (Some("Look"), Some("small")));
    let report = Report::fold(&whole, false).unwrap();
    assert_eq!(report.state, RunState::Completed);
    assert_eq!((report.agents.called, report.agents.completed), (3, 3));
    assert_eq!(report.token_usage.total_tokens, 3 * 5);
    assert_eq!(report.phases.len(), 1);
    assert_eq!(report.phases[0].agents, 3);
    assert_eq!(report.fuel, 5 * FUEL);
}

#[test]
fn the_agent_limit_stops_the_run_and_a_higher_one_lets_it_go_on() {
    let make = || Fan::script(10, 1);
    let few = Limits { agents: 4, ..Limits::default() };
    let machine = Machine::start(head(), start(Scope::ROOT), few, guest(), 1_000_000);
    let stopped = drive(machine, &make, |_| 0).unwrap_err();
    // The turn that exceeds the limit is dropped whole.
    let limit = LimitError::Agents { limit: 4, started: 0, asked: 5 };
    assert_eq!(stopped, StopTurn::Limit(limit));
    let mut machine = Machine::start(head(), start(Scope::ROOT), few, guest(), 1_000_000);
    let journal = machine.take_entries();
    let (rest, _) = drive(resumed(&journal), &make, |_| 0).unwrap();
    assert_eq!(result_of(&rest), "11");
}

struct Waits;

impl Script for Waits {
    fn turn(&mut self, _: &mut Machine, _: Option<(StepId, &Outcome)>) -> Result<Status, StopTurn> {
        Ok(Status::Pending)
    }
}

#[test]
fn a_script_that_waits_for_nothing_fails_with_a_position() {
    let make = || Box::new(Waits) as Box<dyn Script>;
    let (whole, _) = drive(fresh(), &make, |_| 0).unwrap();
    let Body::RunEnded { end: RunEnd::Failed { error } } = &whole.last().unwrap().body else {
        panic!("{whole:?}");
    };
    assert_eq!((error.code.as_str(), error.line, error.column), ("never_settles", 3, 7));
    assert!(drive(resumed(&whole), &make, |_| 0).unwrap().0.is_empty(), "and replays");
}

/// The root starts a child and returns its result; the child asks one agent.
#[derive(Default)]
struct Family {
    child: bool,
}

impl Script for Family {
    fn turn(
        &mut self,
        host: &mut Machine,
        delivery: Option<(StepId, &Outcome)>,
    ) -> Result<Status, StopTurn> {
        if let Some((_, outcome)) = delivery {
            return Ok(match outcome {
                Outcome::Value(text) => Status::Done(text.clone()),
                Outcome::Failed(failure) => Status::Failed(ScriptError {
                    code: "thrown".into(),
                    name: "AgentError".into(),
                    message: failure.message.clone(),
                    file: None,
                    line: 1,
                    column: 1,
                    stack: String::new(),
                    failure: Some(failure.code.clone()),
                }),
            });
        }
        self.child = host.current_scope() != Scope::ROOT;
        if self.child {
            let nested = host.workflow("\"other\"".into(), None);
            assert!(
                matches!(nested, Err(Refusal::Call(failure)) if failure.code == "nested_too_deep")
            );
            host.agent("in the child".into(), "{}".into()).expect("an agent");
        } else {
            host.workflow("\"child\"".into(), Some("1".into())).expect("a child");
        }
        Ok(Status::Pending)
    }
}

#[test]
fn a_run_with_a_child_resumes_from_a_cut_anywhere() {
    let make = || Box::<Family>::default() as Box<dyn Script>;
    let (whole, dispatched) = drive(fresh(), &make, |_| 0).unwrap();
    assert_eq!(result_of(&whole), "\"ok\"");
    assert_eq!(dispatched.len(), 1);
    for cut in 3..whole.len() {
        let (rest, _) = drive(resumed(&whole[..cut]), &make, |_| 0).unwrap();
        assert_eq!(result_of(&rest), "\"ok\"", "cut {cut}");
    }
}

#[test]
fn refused_calls_take_no_step_number_and_sleeps_are_bounded() {
    let mut machine = fresh();
    machine.next(1_000_000).unwrap();
    machine.take_entries();
    for wrong in [f64::NAN, f64::INFINITY, -1.0, 366.0 * 86_400_000.0] {
        assert!(matches!(machine.sleep(wrong), Err(Refusal::Call(_))), "{wrong}");
    }
    assert!(machine.agent(String::new(), "{}".into()).is_err());
    let made = machine.take_entries();
    assert!(made.iter().all(|entry| matches!(entry.body, Body::CallRefused(_))), "{made:?}");
    assert_eq!(machine.sleep(0.0), Ok(StepId(1)));
}

/// One agent with this schema; its result says whether it was asked.
struct Schema(&'static str);

impl Script for Schema {
    fn turn(
        &mut self,
        host: &mut Machine,
        delivery: Option<(StepId, &Outcome)>,
    ) -> Result<Status, StopTurn> {
        if delivery.is_some() {
            return Ok(Status::Done("answered".into()));
        }
        let options = format!(r#"{{"schema":{}}}"#, self.0);
        match host.agent("Look.".into(), options) {
            Err(Refusal::Call(_)) => Ok(Status::Done("refused".into())),
            answer => step_of(answer).map(|_| Status::Pending),
        }
    }
}

#[test]
fn a_recorded_schema_is_accepted_in_its_replay_and_nowhere_else() {
    const TAKEN: &str = r#"{"pattern":"(?=a)a"}"#;
    const REFUSED: &str = r#"{"pattern":"(?<y>a)\\k<y"}"#;
    let script = |schema| move || -> Box<dyn Script> { Box::new(Schema(schema)) };
    let (recorded, _) = drive(fresh(), &script(TAKEN), |_| 0).unwrap();
    assert_eq!(result_of(&recorded), "answered");
    assert_eq!(result_of(&drive(fresh(), &script(REFUSED), |_| 0).unwrap().0), "refused");
    // As a program that accepted the schema recorded it.
    let mut older = recorded.clone();
    for entry in &mut older {
        if let Body::StepAsked { asked: StepRequest::Agent(request), .. } = &mut entry.body {
            Arc::make_mut(request).schema = Some(REFUSED.into());
        }
    }
    for cut in 4..=older.len() {
        let (rest, _) = drive(resumed(&older[..cut]), &script(REFUSED), |_| 0).unwrap();
        let all: Vec<Entry> = older[..cut].iter().cloned().chain(rest).collect();
        let asked = older[..cut].iter().any(|entry| entry.body.asked_agent().is_some());
        assert_eq!(result_of(&all), if asked { "answered" } else { "refused" }, "{cut}");
    }
    assert!(drive(resumed(&recorded), &script(REFUSED), |_| 0).is_err());
    assert!(drive(resumed(&older), &script(TAKEN), |_| 0).is_err());
}
