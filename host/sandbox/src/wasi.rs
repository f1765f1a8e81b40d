//! The parts of WASI that the guest's toolchain requires, with nothing granted.
//!
//! Owns: the exact list of the guest's imports and their implementations: a clock that
//! the journal sets, and an output that is kept only to explain a crash. Never: links an
//! interface outside the list, so that there is no file, environment, network or
//! randomness.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, io};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

use crate::state::{CALL_FUEL, Meter, State};

/// The interfaces of `wit/` that the guest imports: the calls and their types.
pub const OWN_IMPORTS: &[&str] = &["smol:workflow/calls@2.2.0", "smol:workflow/types@2.2.0"];

/// The interfaces of WASI that the guest may import. A component that imports any other
/// cannot be instantiated.
pub const WASI_IMPORTS: &[&str] = &[
    "wasi:cli/stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/streams",
];

/// Bytes that a guest may write to stderr in total. An honest guest writes only the
/// reason for which it aborts.
const OUTPUT_BYTES: usize = 8 * 1024;

/// The data of WASI in one store.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    stderr: MemoryOutputPipe,
}

impl Wasi {
    pub(crate) fn new(meter: &Arc<Meter>) -> Self {
        let stderr = MemoryOutputPipe::new(OUTPUT_BYTES);
        let ctx = WasiCtx::builder()
            .stderr(stderr.clone())
            .wall_clock(Clock(Arc::clone(meter)))
            .monotonic_clock(Clock(Arc::clone(meter)))
            .build();
        Self { ctx, table: ResourceTable::new(), stderr }
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.contents()).trim().to_owned()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Every function of WASI gets its context here, and costs as much as one of ours.
        self.meter.charge(CALL_FUEL);
        WasiCtxView { ctx: &mut self.wasi.ctx, table: &mut self.wasi.table }
    }
}

/// A clock that starts at the time of the last delivery and advances with every read.
struct Clock(Arc<Meter>);

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_micros(self.0.read_clock())
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0.read_clock().saturating_mul(1_000)
    }
}

/// The table of resources, which is all that the streams of WASI need.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links the interfaces of [`WASI_IMPORTS`], one by one.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let l = linker;
    cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    io::error::add_to_linker::<State, Table>(l, |state| state.ctx().table)?;
    io::streams::add_to_linker::<State, Table>(l, |state| state.ctx().table)?;
    Ok(())
}

/// The imports of a component: interfaces with their functions, sorted.
pub(crate) fn imports(component: &Component) -> Vec<(String, Vec<String>)> {
    let engine = component.engine();
    let mut imports: Vec<_> = component
        .component_type()
        .imports(engine)
        .map(|(name, item)| {
            let mut parts: Vec<_> = match item.ty {
                ComponentItem::ComponentInstance(instance) => {
                    instance.exports(engine).map(|(name, _)| name.to_owned()).collect()
                }
                _ => Vec::new(),
            };
            parts.sort();
            (name.to_owned(), parts)
        })
        .collect();
    imports.sort();
    imports
}
