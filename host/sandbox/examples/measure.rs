//! Prints the cost of an instance in time and memory.
//!
//! `cargo run --release -p smol-wf-sandbox --example measure [instances]`

use std::time::{Duration, Instant};

use smol_wf_core::gate::AskKind;
use smol_wf_core::guest::{
    BudgetState, Dialect, NullSlot, Outcome, Refusal, Source, StartInput, Status, StopTurn,
    TurnHost, Warning,
};
use smol_wf_core::ids::{StepId, TimerId};
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Guest, InstanceLimits, Sandbox, SandboxConfig, TurnLimits};

/// A host that only counts steps and timers.
#[derive(Default)]
struct Counter(u32);

impl TurnHost for Counter {
    fn agent(&mut self, _: String, _: String) -> Result<StepId, Refusal> {
        self.0 += 1;
        Ok(StepId(self.0))
    }
    fn workflow(&mut self, _: String, _: Option<String>) -> Result<StepId, Refusal> {
        self.agent(String::new(), String::new())
    }
    fn sleep(&mut self, _: f64) -> Result<StepId, Refusal> {
        self.agent(String::new(), String::new())
    }
    fn ask(&mut self, _: AskKind, question: String, _: String) -> Result<StepId, Refusal> {
        self.agent(question, String::new())
    }
    fn set_timer(&mut self, _: f64) -> Result<TimerId, Refusal> {
        self.0 += 1;
        Ok(TimerId(self.0))
    }
    fn clear_timer(&mut self, _: TimerId) -> Result<(), StopTurn> {
        Ok(())
    }
    fn phase(&mut self, _: String) -> Result<(), StopTurn> {
        Ok(())
    }
    fn log(&mut self, _: String) -> Result<(), StopTurn> {
        Ok(())
    }
    fn null_slot(&mut self, _: NullSlot) -> Result<(), StopTurn> {
        Ok(())
    }
    fn warn(&mut self, _: Warning) -> Result<(), StopTurn> {
        Ok(())
    }
    fn budget(&self) -> BudgetState {
        BudgetState { total: None, spent: 0 }
    }
}

fn script(body: &str) -> StartInput {
    StartInput {
        source: Source {
            text: format!("export const meta = {{ name: 'm', description: 'm' }}\n{body}"),
            file_name: "m.js".into(),
            path: String::new(),
            meta_export: 0,
            modules: Vec::new(),
        },
        dialect: Dialect::Body,
        surface: Surface::CURRENT,
        args: None,
        meta: r#"{"name":"m","description":"m"}"#.into(),
        seed: 1,
        diagnose: false,
    }
}

const LIMITS: TurnLimits = TurnLimits { fuel: 100_000_000_000, now_us: 1_700_000_000_000_000 };

async fn instance(sandbox: &Sandbox) -> Guest {
    sandbox.instance(InstanceLimits { memory_mib: 256 }).await.unwrap()
}

/// Runs a script to its end and returns the fuel of all turns.
async fn run(sandbox: &Sandbox, input: &StartInput) -> u64 {
    let mut guest = instance(sandbox).await;
    let answer = Outcome::Value("\"an answer\"".into());
    let mut turn = guest.start(Counter::default(), LIMITS, input).await;
    let (mut settled, mut fuel) = (0, turn.fuel);
    while turn.end == Ok(Status::Pending) {
        settled += 1;
        turn = guest.settle(turn.host, LIMITS, StepId(settled), &answer).await;
        fuel += turn.fuel;
    }
    assert!(matches!(turn.end, Ok(Status::Done(_))), "{:?}", turn.end);
    fuel
}

fn row(what: &str, took: Duration, fuel: u64) {
    println!("{what:<44} {:>12.3} ms {fuel:>14} fuel", took.as_secs_f64() * 1e3);
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

async fn waiting(sandbox: &Sandbox, count: u32) {
    let script = script("await agent('a question of some length'); return 1");
    let before = resident_kib();
    let mut guests = Vec::new();
    for _ in 0..count {
        let mut guest = instance(sandbox).await;
        let _ = guest.start(Counter::default(), LIMITS, &script).await;
        guests.push(guest);
    }
    let each = (resident_kib() - before) / u64::from(count);
    println!("{:<44} {each:>12} KiB each", format!("resident, {count} waiting guests"));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let count: u32 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000);
    for instances in [72, count] {
        let start = Instant::now();
        let sandbox = Sandbox::new(SandboxConfig::new(instances));
        row(&format!("Sandbox::new for {instances} instances"), start.elapsed(), 0);
        drop(sandbox);
    }
    let sandbox = Sandbox::new(SandboxConfig::new(count)).unwrap();
    let trivial = script("return 1");
    let start = Instant::now();
    let fuel = run(&sandbox, &trivial).await;
    row("first trivial script", start.elapsed(), fuel);

    let start = Instant::now();
    for _ in 0..1_000 {
        drop(instance(&sandbox).await);
    }
    row("instantiate and drop", start.elapsed() / 1_000, 0);
    let start = Instant::now();
    let mut fuel = 0;
    for _ in 0..1_000 {
        fuel = run(&sandbox, &trivial).await;
    }
    row("trivial script, instance included", start.elapsed() / 1_000, fuel);

    let in_a_row = script("for (let i = 0; i < 10000; i++) await agent('p' + i); return 1");
    let start = Instant::now();
    let fuel = run(&sandbox, &in_a_row).await;
    row("10,000 sequential steps", start.elapsed(), fuel);
    let at_once = script(
        "return (await parallel(Array.from({length: 10000}, (_, i) => () => agent('p' + i)))).length",
    );
    let start = Instant::now();
    let fuel = run(&sandbox, &at_once).await;
    row("10,000 parallel steps", start.elapsed(), fuel);
    waiting(&sandbox, count).await;
}
