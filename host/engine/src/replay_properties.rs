//! Proofs that a run is a function of its journal, on the real guest.
//!
//! Owns: generated scripts, their replays, and journals that were tampered with. Never: a store or an agent; the outcomes of steps are drawn from a
//! seed.
#![allow(clippy::print_stdout, reason = "each proof prints what it counted")]

mod scripts;
mod tampered;

use std::collections::{BTreeMap, BTreeSet};

use smol_wf_core::guest::{Dialect, Failure, Outcome, StopTurn};
use smol_wf_core::ids::{Digest, RunId, Scope, StepId, TimerId};
use smol_wf_core::journal::{Body, Entry, JOURNAL_FORMAT, RunEnd, RunHead, ScopeStart};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{Effect, Machine};
use smol_wf_core::message::{Message, Posted};
use smol_wf_core::script::Script;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Sandbox, SandboxConfig, SandboxError};

use self::scripts::Dice;
use crate::children::scope_start;
use crate::turn::backend::Backend;
use crate::turn::children::{ChildScript, QueuedChild};
use crate::turn::driver::Turns;
use crate::turn::pause::Pause;

/// Number of scripts that are generated, run and replayed.
const SCRIPTS: u64 = 10_000;
/// One of this many scripts is also replayed piece by piece.
const IN_PIECES: u64 = 4;
/// Number of steps of the one long run.
const LONG_STEPS: u32 = 100_000;
/// The time at which all runs start.
const NOW_US: i64 = 1_700_000_000_000_000;

/// The default limits, raised for the long run.
fn limits() -> Limits {
    Limits { agents: 1_000_000, fuel: u64::MAX / 100, ..Limits::default() }
}

fn head(seed: u64) -> RunHead {
    // From JSON, so that optional fields need not be listed here.
    let head = serde_json::json!({
        "format": JOURNAL_FORMAT, "surface": Surface::CURRENT, "run": RunId::from_bits(seed.into()), "name": "proof",
        "script": Digest::of(b""), "script_path": "proof.js", "project_root": ".",
        "seed": seed, "budget": 1_000_000, "provider": "debug",
    });
    serde_json::from_value(head).unwrap()
}

fn start(scope: Scope, text: &str, args: Option<&str>) -> ScopeStart {
    let script = Script::read(text.as_bytes(), "proof.js").unwrap();
    let start = scope_start(scope, script, Dialect::Body, "proof.js".into());
    ScopeStart { args: args.map(str::to_owned), ..start }
}

/// A run that is driven by dice: which step ends next, and how.
struct Ran {
    entries: Vec<Entry>,
    end: Option<RunEnd>,
}

async fn run(sandbox: &Sandbox, text: &str, seed: u64) -> Ran {
    let guest = Sandbox::guest_digest();
    let root = start(Scope::ROOT, text, Some(r#"{"n":3,"files":["a","é","c"]}"#));
    let machine = Machine::start(head(seed), root, limits(), guest, NOW_US);
    let mut diced = Diced {
        dice: Dice::new(seed),
        now_us: NOW_US,
        open: BTreeMap::new(),
        timers: BTreeSet::new(),
        asks: BTreeMap::new(),
        posted: 0,
        entries: Vec::new(),
    };
    let driven = Turns::new(sandbox.clone()).drive(machine, &mut diced).await;
    let (machine, pause) = driven.unwrap();
    assert!(matches!(pause, Pause::Ended), "{pause:?} in\n{text}");
    Ran { entries: diced.entries, end: machine.end().cloned() }
}

/// A backend that settles steps at random.
struct Diced {
    dice: Dice,
    now_us: i64,
    open: BTreeMap<StepId, Kind>,
    timers: BTreeSet<TimerId>,
    /// Digests of what is asked.
    asks: BTreeMap<StepId, Digest>,
    /// Number of the last message.
    posted: u64,
    entries: Vec<Entry>,
}

impl Backend for Diced {
    type Halt = SandboxError;

    fn now_us(&self) -> i64 {
        self.now_us
    }

    fn wrote(&mut self, entries: Vec<Entry>) {
        self.entries.extend(entries);
    }

    async fn unsettled(
        &mut self,
        _scope: Scope,
        _limits: Limits,
    ) -> Result<Option<Vec<String>>, SandboxError> {
        Ok(Some(Vec::new()))
    }

    async fn commit(&mut self) -> Result<bool, SandboxError> {
        Ok(true)
    }

    fn perform(&mut self, effects: Vec<Effect>, _machine: &mut Machine) {
        for effect in effects {
            match effect {
                Effect::Cancel(step) => drop(self.open.remove(&step)),
                Effect::RunAgent { step, .. } | Effect::RestartAgent { step, .. } => {
                    self.open.insert(step, Kind::Agent);
                }
                Effect::SleepUntil { step, .. } => drop(self.open.insert(step, Kind::Sleep)),
                Effect::Ask { step, request, .. } => {
                    self.open.insert(step, Kind::Ask);
                    self.asks.insert(step, request.digest());
                }
                Effect::FindChild { .. }
                | Effect::AnswerAgent { .. }
                | Effect::TellAgent { .. } => {}
                Effect::SetTimer { timer, .. } => drop(self.timers.insert(timer)),
                Effect::ClearTimer(timer) => drop(self.timers.remove(&timer)),
            }
        }
    }

    async fn find(&mut self, child: QueuedChild) -> Option<ChildScript> {
        self.open.insert(child.step, Kind::Child);
        None
    }

    async fn wait(&mut self, machine: &mut Machine) -> Result<bool, SandboxError> {
        self.now_us += i64::try_from(self.dice.roll(5_000_000)).unwrap();
        if self.dice.roll(2) == 0
            && let Some(timer) = self.timers.pop_first()
        {
            machine.fire(timer);
            return Ok(true);
        }
        if self.dice.roll(8) == 0 {
            self.post(machine);
            return Ok(true);
        }
        let together = 1 + self.dice.roll(3);
        for _ in 0..together {
            let Some(step) = pick(&mut self.open, &mut self.dice) else { break };
            if let (step, Kind::Ask) = step {
                self.settle_ask(machine, step);
                continue;
            }
            complete(machine, step, &mut self.dice);
        }
        Ok(true)
    }
}

impl Diced {
    /// Lets the machine take a message from outside, which may name a step that is not
    /// open.
    fn post(&mut self, machine: &mut Machine) {
        self.posted += 1;
        let step = StepId(u32::try_from(1 + self.dice.roll(12)).unwrap());
        let message = match self.dice.roll(5) {
            0 => Message::Stop { step },
            1 => Message::Restart { step },
            2 => Message::Continue {},
            3 => Message::Message { step, text: format!("note {}", self.posted) },
            _ => {
                let name = format!("event {}", self.dice.roll(20));
                Message::Signal { name, value: self.posted.to_string() }
            }
        };
        let (number, by) = (self.posted, "me".to_owned());
        let posted = Posted { number, by, posted_us: self.now_us, message: Ok(message) };
        let orders = machine.take_messages(vec![posted], 0, &|_| true, self.now_us);
        assert_eq!(orders.stop, None);
        self.entries.extend(machine.take_entries());
    }

    /// Answers a question, or lets its time pass. Forged answers change nothing.
    fn settle_ask(&mut self, machine: &mut Machine, step: StepId) {
        let asked = self.asks[&step].clone();
        if self.dice.roll(4) == 0 {
            machine.ask_timed_out(step);
        } else {
            let text = ["true", "false", "\"a\"", "7"];
            let other = Digest::of(b"another question");
            machine.answer(step, &other, "true", "me", None, NOW_US).unwrap_err();
            let fits = text.iter().any(|value| {
                machine.answer(step, &asked, value, "me", Some("so"), self.now_us).is_ok()
            });
            assert!(fits, "one of them fits");
        }
        machine.answer(step, &asked, "true", "me", None, NOW_US).unwrap_err();
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Ask,
    Agent,
    Sleep,
    Child,
}

/// Takes one open step out.
fn pick(open: &mut BTreeMap<StepId, Kind>, dice: &mut Dice) -> Option<(StepId, Kind)> {
    let index = dice.roll(open.len().max(1) as u64);
    let step = *open.keys().nth(usize::try_from(index).ok()?)?;
    open.remove_entry(&step)
}

fn complete(machine: &mut Machine, (step, kind): (StepId, Kind), dice: &mut Dice) {
    let outcome = match (kind, dice.roll(6)) {
        (Kind::Ask, _) => return,
        (Kind::Child, _) => {
            let text = scripts::child(dice);
            machine.child_found(start(Scope::of(step), &text, Some("[1,2]")));
            return;
        }
        (Kind::Sleep, _) | (Kind::Agent, 0) => Outcome::Value("null".into()),
        (_, 1) => Outcome::Failed(Failure::new("provider_failed", "it failed")),
        (_, 2) => Outcome::Value(r#"{"items":[1,2,3],"ok":true}"#.into()),
        (_, n) => Outcome::Value(format!("\"answer {step}{}\"", "é".repeat(n as usize))),
    };
    machine.complete(step, outcome, None);
}

/// Replays a journal to its end. The replay must not write or dispatch anything.
async fn replay(sandbox: &Sandbox, entries: Vec<Entry>) -> Result<Option<RunEnd>, StopTurn> {
    let guest = Sandbox::guest_digest();
    let machine = Machine::resume_whole(entries, limits(), guest, NOW_US).unwrap();
    meet(sandbox, machine, Replayed { pieces: [].chunks(1), wrote: Vec::new() }).await
}

/// Replays a journal in pieces of this many entries.
async fn replay_in_pieces(
    sandbox: &Sandbox,
    entries: &[Entry],
    size: usize,
) -> Result<Option<RunEnd>, StopTurn> {
    let mut pieces = entries.chunks(size);
    let beginning = pieces.next().unwrap().to_vec();
    let machine = Machine::replay(beginning, None, Sandbox::guest_digest()).unwrap();
    meet(sandbox, machine, Replayed { pieces, wrote: Vec::new() }).await
}

/// The backend of a replay.
struct Replayed<'a> {
    pieces: std::slice::Chunks<'a, Entry>,
    wrote: Vec<Entry>,
}

impl Backend for Replayed<'_> {
    type Halt = SandboxError;

    fn now_us(&self) -> i64 {
        NOW_US
    }

    async fn more(&mut self) -> Result<Option<Vec<Entry>>, SandboxError> {
        Ok(self.pieces.next().map(<[Entry]>::to_vec))
    }

    fn wrote(&mut self, entries: Vec<Entry>) {
        self.wrote.extend(entries);
    }
}

async fn meet(
    sandbox: &Sandbox,
    machine: Machine,
    mut replayed: Replayed<'_>,
) -> Result<Option<RunEnd>, StopTurn> {
    let driven = Turns::new(sandbox.clone()).drive(machine, &mut replayed).await;
    let (mut machine, pause) = driven.unwrap();
    let dispatched = machine
        .take_effects()
        .into_iter()
        .filter(|effect| !matches!(effect, Effect::Cancel(_)))
        .count();
    assert_eq!(dispatched, 0, "a replay dispatched something");
    match pause {
        Pause::Ended => {
            assert!(machine.is_live(), "entries are left");
            assert_eq!(replayed.wrote, [], "a replay wrote something");
            Ok(machine.end().cloned())
        }
        Pause::Stopped(stop) => Err(stop),
        other => panic!("{other:?}"),
    }
}

fn sandbox() -> Sandbox {
    Sandbox::new(SandboxConfig::new(72)).unwrap()
}

#[tokio::test]
async fn ten_thousand_generated_scripts_replay_with_equal_steps_and_fuel() {
    let sandbox = sandbox();
    let (mut steps, mut turns, mut failed, mut raced) = (0, 0, 0, 0);
    for seed in 1..=SCRIPTS {
        let text = scripts::script(&mut Dice::new(seed));
        let ran = run(&sandbox, &text, seed).await;
        steps += ran.entries.iter().filter(|entry| is_step(&entry.body)).count();
        turns += ran.entries.iter().filter(|entry| is_turn(&entry.body)).count();
        failed += u64::from(matches!(ran.end, Some(RunEnd::Failed { .. })));
        raced += u64::from(text.contains("race"));
        if seed % IN_PIECES == 0 {
            let size = 1 + Dice::new(seed).roll(9) as usize;
            let again = replay_in_pieces(&sandbox, &ran.entries, size).await;
            assert_eq!(again.as_ref().ok(), Some(&ran.end), "by {size}: {again:?}\n{text}");
        }
        let again = replay(&sandbox, ran.entries).await;
        assert_eq!(again.as_ref().ok(), Some(&ran.end), "seed {seed}: {again:?}\n{text}");
    }
    println!(
        "{SCRIPTS} scripts, {steps} steps, {turns} turns, {failed} failed, {raced} with a race: all replay"
    );
    // The generator must keep covering failures and races. A failed agent alone fails none of
    // these runs.
    assert!(steps > 30_000 && turns > 30_000 && failed > 300 && raced > 1_000);
}

#[tokio::test]
async fn a_run_of_a_hundred_thousand_steps_replays() {
    let text = format!(
        "export const meta = {{ name: 'long', description: 'long' }}
         let sum = 0
         for (let step = 0; step < {LONG_STEPS}; step++) sum += (await agent('step ' + step))?.length ?? 0
         return sum"
    );
    let sandbox = sandbox();
    // No failures: one would end the loop.
    let guest = Sandbox::guest_digest();
    let root = start(Scope::ROOT, &text, None);
    let machine = Machine::start(head(1), root, limits(), guest, NOW_US);
    let mut echo = Echo { entries: Vec::new() };
    let (machine, pause) = Turns::new(sandbox.clone()).drive(machine, &mut echo).await.unwrap();
    assert!(matches!(pause, Pause::Ended), "{pause:?}");
    let entries = echo.entries;
    let steps = entries.iter().filter(|entry| is_step(&entry.body)).count();
    assert_eq!(steps, LONG_STEPS as usize);
    let end = machine.end().cloned();
    assert!(matches!(end, Some(RunEnd::Completed { .. })), "{end:?}");
    assert_eq!(replay(&sandbox, entries).await, Ok(end));
    println!("{LONG_STEPS} steps replay");
}

/// Answers every agent at once.
struct Echo {
    entries: Vec<Entry>,
}

impl Backend for Echo {
    type Halt = SandboxError;

    fn now_us(&self) -> i64 {
        NOW_US
    }

    fn wrote(&mut self, entries: Vec<Entry>) {
        self.entries.extend(entries);
    }

    async fn commit(&mut self) -> Result<bool, SandboxError> {
        Ok(true)
    }

    fn perform(&mut self, effects: Vec<Effect>, machine: &mut Machine) {
        for effect in effects {
            let Effect::RunAgent { step, .. } = effect else { panic!("{effect:?}") };
            machine.complete(step, Outcome::Value(format!("\"{step}\"")), None);
        }
    }
}

fn is_step(body: &Body) -> bool {
    matches!(body, Body::StepAsked { .. })
}

fn is_turn(body: &Body) -> bool {
    matches!(body, Body::TurnEnded { .. })
}
