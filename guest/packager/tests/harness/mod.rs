//! A host just good enough to try the real artefact: fake imports, the real
//! engine settings. A prompt says what its call comes to.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "workflow" });
}

use bindings::Workflow;
use bindings::smol::workflow::{calls, types};

pub use bindings::exports::smol::workflow::script::{
    Dialect, Outcome, ScriptError, Source, StartInput, Status,
};
pub use types::{BudgetState, Failure, NullSlot, Warning};

const FUEL: u64 = 50_000_000_000;

/// What the fake host has seen.
#[derive(Default)]
pub struct Seen {
    pub calls: Vec<String>,
    pub log: Vec<String>,
    pub phases: Vec<String>,
    pub null_slots: Vec<NullSlot>,
    pub timers: Vec<f64>,
    pub cleared: Vec<u32>,
    pub warnings: Vec<Warning>,
    pub budget: Option<u64>,
    due: std::collections::VecDeque<(u32, Outcome)>,
}

struct Host {
    seen: Seen,
    wasi: WasiCtx,
    limits: StoreLimits,
    table: ResourceTable,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl Host {
    fn call(&mut self, line: String, outcome: Option<Outcome>) -> u32 {
        self.seen.calls.push(line);
        let id = u32::try_from(self.seen.calls.len()).unwrap();
        self.seen.due.extend(outcome.map(|outcome| (id, outcome)));
        id
    }
}

/// `refuse <code>`, `fail <code>`, `hang`, `json <text>`; any other prompt is
/// answered with itself.
impl calls::Host for Host {
    fn agent(&mut self, prompt: String, options: String) -> Result<u32, Failure> {
        let failure = |code: &str| Failure {
            code: code.into(),
            message: format!("it is {code}"),
            name: None,
        };
        let line = format!("agent {prompt} {options}");
        let outcome = match prompt.split_once(' ') {
            Some(("refuse", code)) => return Err(failure(code)),
            Some(("fail", code)) => Some(Outcome::Failed(failure(code))),
            Some(("json", text)) => Some(Outcome::Value(text.into())),
            _ if prompt == "hang" => None,
            _ => Some(Outcome::Value(format!("{prompt:?}"))),
        };
        Ok(self.call(line, outcome))
    }

    fn workflow(&mut self, target: String, args: Option<String>) -> Result<u32, Failure> {
        let line = format!("workflow {target} {}", args.as_deref().unwrap_or("-"));
        Ok(self.call(line, Some(Outcome::Value(target))))
    }

    fn sleep(&mut self, milliseconds: f64) -> Result<u32, Failure> {
        if milliseconds < 0.0 {
            return Err(Failure {
                code: "bad_sleep".into(),
                message: "less than nothing".into(),
                name: None,
            });
        }
        Ok(self.call(format!("sleep {milliseconds}"), Some(Outcome::Value("null".into()))))
    }

    fn ask(
        &mut self,
        kind: types::AskKind,
        question: String,
        options: String,
    ) -> Result<u32, Failure> {
        let line = format!("{kind:?} {question} {options}");
        Ok(self.call(line, Some(Outcome::Value(format!("{question:?}")))))
    }

    fn set_timer(&mut self, milliseconds: f64) -> Result<u32, Failure> {
        self.seen.timers.push(milliseconds);
        Ok(u32::try_from(self.seen.timers.len()).unwrap())
    }

    fn clear_timer(&mut self, timer: u32) {
        self.seen.cleared.push(timer);
    }

    fn warn(&mut self, warning: Warning) {
        self.seen.warnings.push(warning);
    }

    fn phase(&mut self, title: String) {
        self.seen.phases.push(title);
    }

    fn log(&mut self, message: String) {
        self.seen.log.push(message);
    }

    fn null_slot(&mut self, slot: NullSlot) {
        self.seen.null_slots.push(slot);
    }

    fn budget(&mut self) -> BudgetState {
        BudgetState { total: self.seen.budget, spent: 40 }
    }
}

impl types::Host for Host {}

/// A clock that moves on by a millisecond a read.
struct Ticking(AtomicU64);

impl HostWallClock for Ticking {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(1_000_000 + self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl HostMonotonicClock for Ticking {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(1_000_000, Ordering::Relaxed)
    }
}

/// Runs a test where there is room for the engine's stack.
pub fn deep(test: fn()) {
    std::thread::Builder::new().stack_size(64 << 20).spawn(test).unwrap().join().unwrap();
}

pub struct Guest {
    store: Store<Host>,
    world: Workflow,
}

/// The settings that the host of smol-wf uses, as far as the guest can tell.
fn engine() -> Engine {
    let mut config = Config::new();
    config.consume_fuel(true).max_wasm_stack(48 << 20).async_stack_size(49 << 20);
    config.gc_support(false).cranelift_nan_canonicalization(true);
    config.wasm_threads(false).wasm_function_references(false).wasm_exceptions(false);
    config.wasm_gc(false).wasm_tail_call(false).wasm_memory64(false);
    config.wasm_relaxed_simd(false).wasm_wide_arithmetic(false).wasm_multi_memory(false);
    Engine::new(&config).unwrap()
}

pub fn component() -> &'static Component {
    static COMPONENT: OnceLock<Component> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/guest.wasm");
        Component::from_file(&engine(), path).unwrap()
    })
}

impl Guest {
    pub fn new(seen: Seen) -> Self {
        let component = component();
        let engine = component.engine();
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap();
        Workflow::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host).unwrap();
        let mut wasi = WasiCtx::builder();
        wasi.wall_clock(Ticking(AtomicU64::new(0))).monotonic_clock(Ticking(AtomicU64::new(0)));
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
        let host = Host { seen, wasi: wasi.build(), limits, table: ResourceTable::new() };
        let mut store = Store::new(engine, host);
        store.limiter(|host| &mut host.limits);
        store.set_fuel(FUEL).unwrap();
        let world = Workflow::instantiate(&mut store, component, &linker).unwrap();
        Self { store, world }
    }

    pub fn fuel(&self) -> u64 {
        FUEL - self.store.get_fuel().unwrap()
    }

    pub fn seen(&self) -> &Seen {
        &self.store.data().seen
    }

    pub fn inspect(&mut self, text: &str) -> Result<Dialect, ScriptError> {
        let script = self.world.smol_workflow_script();
        script.call_inspect(&mut self.store, &source(text), 1).expect("no trap")
    }

    pub fn start(&mut self, input: &StartInput) -> Status {
        self.world.smol_workflow_script().call_start(&mut self.store, input).expect("no trap")
    }

    pub fn settle(&mut self, call: u32, outcome: &Outcome) -> Status {
        let script = self.world.smol_workflow_script();
        script.call_settle(&mut self.store, call, outcome).expect("no trap")
    }

    pub fn unsettled(&mut self) -> Vec<String> {
        self.world.smol_workflow_script().call_unsettled(&mut self.store).expect("no trap")
    }

    /// Settles calls, first in first out, until the script has ended or waits
    /// for one that hangs.
    pub fn finish(&mut self, mut status: Status) -> Status {
        while let Some((call, outcome)) = self.store.data_mut().seen.due.pop_front() {
            if !matches!(status, Status::Pending) {
                break;
            }
            status = self.settle(call, &outcome);
        }
        status
    }
}

pub fn source(text: &str) -> Source {
    let meta_export = text.find("export const meta").map_or(u32::MAX, |at| at.try_into().unwrap());
    Source {
        text: text.into(),
        file_name: "flow.js".into(),
        path: "flow.js".into(),
        meta_export,
        modules: Vec::new(),
    }
}

pub fn input(text: &str, dialect: Dialect) -> StartInput {
    StartInput {
        source: source(text),
        dialect,
        // The behaviour that is written down here is that of the first; what the
        // second changes is tested beside the host's sandbox.
        surface: 1,
        args: Some(r#"{"list":[1,{"deep":true}],"who":"me"}"#.into()),
        meta: r#"{"name":"m"}"#.into(),
        seed: 7,
        diagnose: false,
    }
}

/// `inspect` in one instance, the run in another, as the host does.
pub fn run(text: &str) -> (Status, Guest) {
    let dialect = match Guest::new(Seen::default()).inspect(text) {
        Ok(dialect) => dialect,
        Err(error) => return (Status::Failed(error), Guest::new(Seen::default())),
    };
    let mut guest = Guest::new(Seen::default());
    let status = guest.start(&input(text, dialect));
    let status = guest.finish(status);
    (status, guest)
}

/// One line for a table: `done <json>`, `pending`, or
/// `<code>[/<failure>] <line>:<column> <name>: <message>`.
pub fn line(status: &Status) -> String {
    match status {
        Status::Pending => "pending".into(),
        Status::Done(json) => format!("done {json}"),
        Status::Failed(error) => {
            let failure = error.failure.as_ref().map(|code| format!("/{code}")).unwrap_or_default();
            let ScriptError { code, name, message, line, column, .. } = error;
            format!("{code}{failure} {line}:{column} {name}: {message}")
        }
    }
}
