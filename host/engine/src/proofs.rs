//! Proofs that a run is a function of its journal, on the real guest.
//!
//! Owns: generated scripts, their replays, and journals that someone has
//! tampered with. Never: a store or an agent; what calls come to is drawn from a
//! seed.
#![allow(clippy::print_stdout, reason = "each proof prints what it counted")]

mod scripts;
mod tampered;

use std::collections::{BTreeMap, BTreeSet};

use smol_wf_core::guest::{Dialect, Failure, Outcome, StopTurn};
use smol_wf_core::ids::{CallId, Digest, RunId, Scope, TimerId};
use smol_wf_core::journal::{Body, Entry, JOURNAL_FORMAT, RunEnd, RunHead, ScopeStart};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{Effect, Machine};
use smol_wf_core::script::Script;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Sandbox, SandboxConfig};

use self::scripts::Dice;
use crate::children::scope_start;
use crate::offline::{Offline, Pause};

/// Scripts that are generated, run and replayed.
const SCRIPTS: u64 = 10_000;
/// Of so many scripts, one is also replayed piece by piece.
const IN_PIECES: u64 = 4;
/// Steps of the one long run.
const LONG_STEPS: u32 = 100_000;
/// Any moment will do.
const NOW_US: i64 = 1_700_000_000_000_000;

/// Fewer than the defaults would need for the long run.
fn limits() -> Limits {
    Limits { agents: 1_000_000, fuel: u64::MAX / 100, ..Limits::default() }
}

fn head(seed: u64) -> RunHead {
    // By way of JSON, so that what a head may also hold need not be named here.
    let head = serde_json::json!({
        "format": JOURNAL_FORMAT, "surface": Surface::CURRENT, "run": RunId::from_bits(seed.into()), "name": "proof",
        "script": Digest::of(b""), "script_path": "proof.js", "project_root": ".",
        "seed": seed, "budget": 1_000_000, "provider": "debug",
    });
    serde_json::from_value(head).unwrap()
}

fn start(scope: Scope, text: &str, args: Option<&str>) -> ScopeStart {
    let script = Script::read(text.as_bytes(), "proof.js").unwrap();
    scope_start(scope, script, Dialect::Body, "proof.js".into(), args.map(str::to_owned))
}

/// A run that is driven by dice: which call ends next, and how.
struct Ran {
    entries: Vec<Entry>,
    end: Option<RunEnd>,
}

async fn run(sandbox: &Sandbox, text: &str, seed: u64) -> Ran {
    let mut dice = Dice::new(seed);
    let guest = Sandbox::guest_digest();
    let root = start(Scope::ROOT, text, Some(r#"{"n":3,"files":["a","é","c"]}"#));
    let mut machine = Machine::start(head(seed), root, limits(), guest, NOW_US);
    let mut offline = Offline::new(sandbox.clone());
    let mut open = BTreeMap::new();
    let mut timers: BTreeSet<TimerId> = BTreeSet::new();
    let mut entries = Vec::new();
    let mut now_us = NOW_US;
    loop {
        now_us += i64::try_from(dice.roll(5_000_000)).unwrap();
        let (kept, pause) = offline.advance(machine, now_us).await.unwrap();
        machine = kept;
        match pause {
            Pause::Wait => {}
            Pause::Stuck(scope) => {
                machine.give_up(scope, &[]).unwrap();
                continue;
            }
            Pause::Ended => {
                entries.extend(machine.take_entries());
                return Ran { entries, end: machine.end().cloned() };
            }
            other => panic!("{other:?} in\n{text}"),
        }
        entries.extend(machine.take_entries());
        for effect in machine.take_effects() {
            match effect {
                Effect::Cancel(call) => drop(open.remove(&call)),
                Effect::RunAgent { call, .. } => drop(open.insert(call, Kind::Agent)),
                Effect::SleepUntil { call, .. } => drop(open.insert(call, Kind::Sleep)),
                Effect::FindChild { call, .. } => drop(open.insert(call, Kind::Child)),
                Effect::SetTimer { timer, .. } => drop(timers.insert(timer)),
                Effect::ClearTimer(timer) => drop(timers.remove(&timer)),
            }
        }
        if dice.roll(2) == 0
            && let Some(timer) = timers.pop_first()
        {
            machine.fire(timer);
            continue;
        }
        let together = 1 + dice.roll(3);
        for _ in 0..together {
            let Some(call) = pick(&mut open, &mut dice) else { break };
            complete(&mut machine, call, &mut dice);
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Agent,
    Sleep,
    Child,
}

/// Takes one open call out.
fn pick(open: &mut BTreeMap<CallId, Kind>, dice: &mut Dice) -> Option<(CallId, Kind)> {
    let index = dice.roll(open.len().max(1) as u64);
    let call = *open.keys().nth(usize::try_from(index).ok()?)?;
    open.remove_entry(&call)
}

fn complete(machine: &mut Machine, (call, kind): (CallId, Kind), dice: &mut Dice) {
    let outcome = match (kind, dice.roll(6)) {
        (Kind::Child, _) => {
            let text = scripts::child(dice);
            machine.child_found(start(Scope::of(call), &text, Some("[1,2]")));
            return;
        }
        (Kind::Sleep, _) | (Kind::Agent, 0) => Outcome::Value("null".into()),
        (_, 1) => Outcome::Failed(Failure::new("provider_failed", "it failed")),
        (_, 2) => Outcome::Value(r#"{"items":[1,2,3],"ok":true}"#.into()),
        (_, n) => Outcome::Value(format!("\"answer {call}{}\"", "é".repeat(n as usize))),
    };
    machine.complete(call, outcome, None);
}

/// Replays a journal to its end. Nothing may be written, nothing dispatched.
async fn replay(sandbox: &Sandbox, entries: Vec<Entry>) -> Result<Option<RunEnd>, StopTurn> {
    let guest = Sandbox::guest_digest();
    let machine = Machine::resume(entries, limits(), guest, NOW_US).unwrap();
    let mut offline = Offline::new(sandbox.clone());
    let (machine, pause) = offline.advance(machine, NOW_US).await.unwrap();
    met(machine, pause)
}

/// The same, of a journal that comes in pieces of so many entries.
async fn replay_in_pieces(
    sandbox: &Sandbox,
    entries: &[Entry],
    size: usize,
) -> Result<Option<RunEnd>, StopTurn> {
    let mut pieces = entries.chunks(size).map(<[Entry]>::to_vec);
    let mut machine = Machine::replay(pieces.next().unwrap(), Sandbox::guest_digest()).unwrap();
    let mut offline = Offline::new(sandbox.clone());
    loop {
        let pause;
        (machine, pause) = offline.advance(machine, NOW_US).await.unwrap();
        if !matches!(pause, Pause::Hungry) {
            return met(machine, pause);
        }
        machine.feed(pieces.next());
    }
}

fn met(mut machine: Machine, pause: Pause) -> Result<Option<RunEnd>, StopTurn> {
    let dispatched = machine
        .take_effects()
        .into_iter()
        .filter(|effect| !matches!(effect, Effect::Cancel(_)))
        .count();
    assert_eq!(dispatched, 0, "a replay dispatched something");
    match pause {
        Pause::Ended => {
            assert!(machine.is_live(), "entries are left");
            assert_eq!(machine.take_entries(), [], "a replay wrote something");
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
async fn ten_thousand_generated_scripts_replay_with_equal_calls_and_fuel() {
    let sandbox = sandbox();
    let (mut calls, mut turns, mut failed, mut raced) = (0, 0, 0, 0);
    for seed in 1..=SCRIPTS {
        let text = scripts::script(&mut Dice::new(seed));
        let ran = run(&sandbox, &text, seed).await;
        calls += ran.entries.iter().filter(|entry| is_call(&entry.body)).count();
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
        "{SCRIPTS} scripts, {calls} calls, {turns} turns, {failed} failed, {raced} with a race: all replay"
    );
    // The generator must go on covering what it is meant to cover; a failed agent
    // alone ends none of these runs.
    assert!(calls > 30_000 && turns > 30_000 && failed > 300 && raced > 1_000);
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
    let mut machine = Machine::start(head(1), root, limits(), guest, NOW_US);
    let mut offline = Offline::new(sandbox.clone());
    let mut entries = Vec::new();
    loop {
        let (kept, pause) = offline.advance(machine, NOW_US).await.unwrap();
        machine = kept;
        entries.extend(machine.take_entries());
        for effect in machine.take_effects() {
            let Effect::RunAgent { call, .. } = effect else { panic!("{effect:?}") };
            machine.complete(call, Outcome::Value(format!("\"{call}\"")), None);
        }
        if matches!(pause, Pause::Ended) {
            break;
        }
    }
    let calls = entries.iter().filter(|entry| is_call(&entry.body)).count();
    assert_eq!(calls, LONG_STEPS as usize);
    let end = machine.end().cloned();
    assert!(matches!(end, Some(RunEnd::Completed { .. })), "{end:?}");
    assert_eq!(replay(&sandbox, entries).await, Ok(end));
    println!("{LONG_STEPS} steps replay");
}

fn is_call(body: &Body) -> bool {
    matches!(
        body,
        Body::AgentCalled { .. } | Body::WorkflowCalled { .. } | Body::SleepCalled { .. }
    )
}

fn is_turn(body: &Body) -> bool {
    matches!(body, Body::TurnEnded { .. })
}
