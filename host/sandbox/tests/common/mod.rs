//! Shared by all tests of the sandbox: a host that records the guest's calls, and a
//! driver that answers them.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses its own part; clippy knows only #[test] functions as tests"
)]

use std::sync::OnceLock;

use smol_wf_core::gate::AskKind;
use smol_wf_core::guest::{
    BudgetState, Dialect, Failure, NullSlot, Outcome, Refusal, Source, StartInput, Status,
    StopTurn, TurnHost, Warning,
};
use smol_wf_core::ids::{StepId, TimerId};
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Guest, InstanceLimits, Sandbox, SandboxConfig, Turn, TurnFault, TurnLimits};

pub const FUEL: u64 = 10_000_000_000;
pub const NOW_US: i64 = 1_700_000_000_000_000;

/// Records the guest's calls, and refuses those that it is configured to refuse.
#[derive(Debug, Default)]
pub struct Recorder {
    /// Number and text of each step.
    pub steps: Vec<(u32, String)>,
    /// The options of each agent, also of refused ones.
    pub options: Vec<String>,
    /// The arguments of each child.
    pub args: Vec<Option<String>>,
    pub lines: Vec<String>,
    pub phases: Vec<String>,
    pub slots: Vec<NullSlot>,
    pub warnings: Vec<Warning>,
    pub timers: Vec<(u32, f64)>,
    pub cleared: Vec<u32>,
    pub refuse: Option<Failure>,
    pub stop_at: Option<(u32, StopTurn)>,
    pub next: u32,
}

impl Recorder {
    fn count(&mut self, what: String) -> Result<StepId, Refusal> {
        if let Some(failure) = &self.refuse {
            return Err(Refusal::Call(failure.clone()));
        }
        self.next += 1;
        if let Some((at, stop)) = &self.stop_at
            && *at == self.next
        {
            return Err(Refusal::Stop(stop.clone()));
        }
        self.steps.push((self.next, what));
        Ok(StepId(self.next))
    }
}

impl TurnHost for Recorder {
    fn agent(&mut self, prompt: String, options: String) -> Result<StepId, Refusal> {
        self.options.push(options);
        self.count(prompt)
    }
    fn workflow(&mut self, target: String, args: Option<String>) -> Result<StepId, Refusal> {
        self.args.push(args);
        self.count(target)
    }
    fn sleep(&mut self, milliseconds: f64) -> Result<StepId, Refusal> {
        self.count(format!("sleep {milliseconds}"))
    }
    fn ask(&mut self, kind: AskKind, question: String, options: String) -> Result<StepId, Refusal> {
        self.options.push(options);
        self.count(format!("{} {question}", kind.function()))
    }
    fn set_timer(&mut self, milliseconds: f64) -> Result<TimerId, Refusal> {
        let timer = u32::try_from(self.timers.len()).unwrap() + 1;
        self.timers.push((timer, milliseconds));
        Ok(TimerId(timer))
    }
    fn clear_timer(&mut self, timer: TimerId) -> Result<(), StopTurn> {
        self.cleared.push(timer.0);
        Ok(())
    }
    fn phase(&mut self, title: String) -> Result<(), StopTurn> {
        self.phases.push(title);
        Ok(())
    }
    fn log(&mut self, message: String) -> Result<(), StopTurn> {
        self.lines.push(message);
        Ok(())
    }
    fn null_slot(&mut self, slot: NullSlot) -> Result<(), StopTurn> {
        self.slots.push(slot);
        Ok(())
    }
    fn warn(&mut self, warning: Warning) -> Result<(), StopTurn> {
        self.warnings.push(warning);
        Ok(())
    }
    fn budget(&self) -> BudgetState {
        BudgetState { total: Some(1_000), spent: 7 }
    }
}

/// One sandbox for all tests of a file, as in a server.
pub fn sandbox() -> Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(SandboxConfig::pooled(64)).unwrap()).clone()
}

pub const META: &str = "export const meta = { name: 'test', description: 'a test' }\n";

/// A script in the body dialect with this text after its `meta`.
pub fn body(text: &str) -> StartInput {
    start(&format!("{META}{text}"), Dialect::Body)
}

/// A module with this text after its `meta`.
pub fn module(text: &str) -> StartInput {
    start(&format!("{META}{text}"), Dialect::Module)
}

pub fn start(text: &str, dialect: Dialect) -> StartInput {
    StartInput {
        source: source(text),
        dialect,
        surface: Surface::CURRENT,
        args: None,
        meta: r#"{"name":"test","description":"a test"}"#.into(),
        seed: 42,
        diagnose: false,
    }
}

pub fn source(text: &str) -> Source {
    Source {
        text: text.into(),
        file_name: "test.js".into(),
        path: "test.js".into(),
        meta_export: 0,
        modules: Vec::new(),
    }
}

pub fn limits() -> TurnLimits {
    TurnLimits { fuel: FUEL, now_us: NOW_US }
}

pub async fn guest(sandbox: &Sandbox) -> Guest {
    guest_with(sandbox, 256).await
}

pub async fn guest_with(sandbox: &Sandbox, memory_mib: u32) -> Guest {
    sandbox.instance(InstanceLimits { memory_mib }).await.unwrap()
}

/// The result of a whole script.
#[derive(Debug)]
pub struct Ran {
    pub host: Recorder,
    pub fuel: Vec<u64>,
    pub memory_denied: bool,
    pub end: Result<Status, TurnFault>,
}

impl Ran {
    pub fn done(&self) -> &str {
        match &self.end {
            Ok(Status::Done(json)) => json,
            other => panic!("not done: {other:?}; it said {:?}", self.host.lines),
        }
    }
}

/// Runs a script to its end, and answers each step in order with its own text.
pub async fn run_in(guest: &mut Guest, input: &StartInput) -> Ran {
    let mut turn: Turn<Recorder> = guest.start(Recorder::default(), limits(), input).await;
    let mut fuel = vec![turn.fuel];
    let mut memory_denied = turn.memory_denied;
    let mut next = 0;
    while let (Ok(Status::Pending), Some((step, text))) =
        (&turn.end, turn.host.steps.get(next).cloned())
    {
        let outcome = Outcome::Value(format!("\"got {text}\""));
        turn = guest.settle(turn.host, limits(), StepId(step), &outcome).await;
        fuel.push(turn.fuel);
        memory_denied |= turn.memory_denied;
        next += 1;
    }
    Ran { host: turn.host, fuel, memory_denied, end: turn.end }
}

pub async fn run(sandbox: &Sandbox, input: &StartInput) -> Ran {
    run_in(&mut guest(sandbox).await, input).await
}

/// Checks that the next run on the same sandbox works.
pub async fn assert_healthy(sandbox: &Sandbox) {
    let ran = run(sandbox, &body("return await agent('hi')")).await;
    assert_eq!(ran.done(), "\"got hi\"");
}
