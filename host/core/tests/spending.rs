//! A budget holds wherever the process dies, and a parked step is dispatched again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use smol_wf_core::attempts::ShutProvider;
use smol_wf_core::budget::{Allowance, Budget, BudgetMode};
use smol_wf_core::guest::{Dialect, Outcome, Status, TurnHost};
use smol_wf_core::ids::{Digest, RunId, Scope, StepId};
use smol_wf_core::journal::{Body, Entry, JOURNAL_FORMAT, RunHead, ScopeStart, StopReason};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{Effect, Machine, MayBegin, Next};
use smol_wf_core::report::{Report, RunState};
use smol_wf_core::step_request::{Reply, StepDefaults, Usage};
use smol_wf_core::surface::Surface;

const STEPS: u32 = 20;
const TOKENS_EACH: u64 = 1_000;
const PARALLEL: usize = 4;

fn head() -> RunHead {
    RunHead {
        format: JOURNAL_FORMAT,
        surface: Surface::CURRENT,
        run: RunId::from_bits(7),
        name: "fleet".into(),
        script: Digest::of(b"script"),
        script_path: "/p/fleet.mjs".into(),
        project_root: "/p".into(),
        cwd: None,
        seed: 1,
        budget: None,
        provider: "agent".into(),
        model_map: Vec::new(),
        defaults: StepDefaults::default(),
        parent: None,
        debug_rules: Vec::new(),
    }
}

fn start() -> ScopeStart {
    ScopeStart {
        author_text: None,
        modules: Vec::new(),
        scope: Scope::ROOT,
        text: String::new(),
        file_name: "fleet.mjs".into(),
        path: "fleet.mjs".into(),
        meta_export: 0,
        dialect: Dialect::Body,
        meta: "{}".into(),
        args: None,
    }
}

fn limits(tokens: u64) -> Limits {
    let allowance = Allowance::OutputTokens(tokens);
    Limits { budget: Some(Budget { allowance, mode: BudgetMode::Pause }), ..Limits::default() }
}

fn reply() -> Reply {
    let usage = Usage { output_tokens: TOKENS_EACH, ..Usage::default() };
    Reply { provider: "agent".into(), usage, attempts: 1, ..Reply::default() }
}

/// The world around a machine: an agent that answers in the order it was asked.
#[derive(Default)]
struct World {
    /// How often each step was dispatched.
    asked: BTreeMap<StepId, u32>,
    /// Steps that find their provider shut, once each.
    shut: BTreeSet<StepId>,
}

impl World {
    /// Drives until the run is over or cannot go on. Returns the new entries, and why
    /// it stopped.
    fn drive(&mut self, mut machine: Machine) -> (Vec<Entry>, Option<StopReason>) {
        let (mut entries, mut settled) = (Vec::new(), 0);
        let (mut queue, mut working) = (VecDeque::new(), VecDeque::new());
        loop {
            let status = match machine.next(1).unwrap() {
                Next::Fire { .. } => unreachable!("no timer is set"),
                Next::Start { .. } => {
                    for number in 0..STEPS {
                        machine.agent(format!("p{number}"), "{}".into()).unwrap();
                    }
                    Status::Pending
                }
                Next::Settle { .. } => {
                    settled += 1;
                    if settled == STEPS { Status::Done("1".into()) } else { Status::Pending }
                }
                Next::Ended => {
                    entries.extend(machine.take_entries());
                    return (entries, None);
                }
                Next::Fetch(_) => panic!("nothing is kept elsewhere"),
                Next::Stuck(_) => panic!("stuck"),
                Next::Wait => {
                    entries.extend(machine.take_entries());
                    queue.extend(machine.take_effects().into_iter().filter_map(
                        |effect| match effect {
                            Effect::RunAgent { step, .. } => Some(step),
                            _ => None,
                        },
                    ));
                    self.begin(&mut machine, &mut queue, &mut working);
                    entries.extend(machine.take_entries());
                    let Some(step) = working.pop_front() else {
                        let reason = machine.held_by().expect("a reason");
                        machine.stop(reason.clone(), 2);
                        entries.extend(machine.take_entries());
                        return (entries, Some(reason));
                    };
                    self.end(&mut machine, step);
                    continue;
                }
            };
            machine.end_turn(Scope::ROOT, 1, status).unwrap();
        }
    }

    fn begin(
        &mut self,
        machine: &mut Machine,
        queue: &mut VecDeque<StepId>,
        working: &mut VecDeque<StepId>,
    ) {
        while working.len() < PARALLEL && !queue.is_empty() {
            if machine.may_begin("agent") != MayBegin::Now {
                return;
            }
            let step = queue.pop_front().unwrap();
            machine.dispatched(step, None, 1);
            *self.asked.entry(step).or_default() += 1;
            working.push_back(step);
        }
    }

    fn end(&mut self, machine: &mut Machine, step: StepId) {
        if !self.shut.remove(&step) {
            return machine.answered(step, Outcome::Value("\"x\"".into()), reply());
        }
        let shut = ShutProvider {
            provider: "agent".into(),
            code: "provider_quota".into(),
            message: "agent: nothing left".into(),
            resets_at_ms: Some(0),
        };
        machine.park(step, shut, reply(), 1);
    }

    fn begun(&self) -> u64 {
        self.asked.values().map(|times| u64::from(*times)).sum()
    }
}

fn fresh(tokens: u64) -> Machine {
    Machine::start(head(), start(), limits(tokens), Digest::of(b"guest"), 0)
}

fn resumed(entries: &[Entry], tokens: u64) -> Machine {
    Machine::resume_whole(entries.to_vec(), limits(tokens), Digest::of(b"guest"), 1).unwrap()
}

fn code(stopped: Option<&StopReason>) -> &str {
    stopped.map_or("none", StopReason::code)
}

#[test]
fn a_budget_holds_wherever_the_process_dies() {
    const BUDGET: u64 = 9_500;
    let (whole, stopped) = World::default().drive(fresh(BUDGET));
    assert_eq!(code(stopped.as_ref()), "budget_spent");
    for cut in 3..=whole.len() {
        let before = &whole[..cut];
        let mut world = World::default();
        let (after, stopped) = world.drive(resumed(before, BUDGET));
        assert_eq!(code(stopped.as_ref()), "budget_spent", "cut at {cut}");
        // Every dispatch, before and after the cut, also of agents that died with the
        // process.
        let began = |entries: &[Entry]| {
            let count = entries.iter().filter(|e| matches!(e.body, Body::AgentDispatched { .. }));
            count.count() as u64
        };
        let settled =
            before.iter().filter(|e| matches!(e.body, Body::Settled { .. })).count() as u64;
        let died = began(before) - settled;
        assert!(died <= PARALLEL as u64, "cut at {cut}");
        let spent = (settled + world.begun()) * TOKENS_EACH;
        assert!(spent <= BUDGET + TOKENS_EACH, "cut at {cut}: {spent} spent");
        assert_eq!(began(&after), world.begun());
    }
    let (_, stopped) = World::default().drive(resumed(&whole, 1_000_000));
    assert_eq!(code(stopped.as_ref()), "none", "raised, it goes on to the end");
}

#[test]
fn a_parked_step_is_dispatched_again_and_its_spend_counts() {
    let mut world = World { shut: BTreeSet::from([StepId(3)]), ..World::default() };
    let (mut entries, stopped) = world.drive(fresh(1_000_000));
    assert_eq!(code(stopped.as_ref()), "provider_quota");
    let begun = world.begun();
    assert!(begun < u64::from(STEPS), "nothing more goes there");
    let report = Report::fold(&entries, false).unwrap();
    assert_eq!((report.state, report.agents.failed), (RunState::Paused, 0));
    let error = report.error.as_ref().unwrap();
    assert_eq!(error.resets_at.as_deref(), Some("1970-01-01T00:00:00Z"));
    assert_eq!(report.agents.completed, begun - 1, "what was at work is settled");
    assert_eq!(report.token_usage.output_tokens, begun * TOKENS_EACH);

    let (more, stopped) = world.drive(resumed(&entries, 1_000_000));
    assert_eq!(code(stopped.as_ref()), "none");
    entries.extend(more);
    assert!(world.asked.iter().all(|(step, times)| *times == if step.0 == 3 { 2 } else { 1 }));
    let report = Report::fold(&entries, false).unwrap();
    assert_eq!((report.state, report.agents.completed), (RunState::Completed, u64::from(STEPS)));

    // Its spend also counts against the budget of the next epoch.
    let cut = entries.iter().position(|e| matches!(e.body, Body::AgentParked { .. })).unwrap();
    let settled = entries[..=cut].iter().filter(|e| matches!(e.body, Body::Settled { .. })).count();
    let machine = resumed(&entries[..=cut], (settled as u64 + 1) * TOKENS_EACH);
    let mut again = World::default();
    let (_, stopped) = again.drive(machine);
    assert_eq!((code(stopped.as_ref()), again.begun()), ("budget_spent", 0));
}
