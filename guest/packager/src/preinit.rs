//! Runs `initialize` once and keeps the memory it leaves, so that no run pays
//! for it.

use std::time::Duration;

use anyhow::Result;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wizer::Wizer;

const OURS: &str = "smol:workflow/";
const INITIALIZE: &str = "smol:workflow/script.initialize@2.2.0";

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// A clock that always says the same: QuickJS reads it when it starts.
struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}

/// The component with `initialize` behind it.
pub(crate) fn initialized(component: &[u8]) -> Result<Vec<u8>> {
    let engine = Engine::new(&Config::new())?;
    let mut wasi = WasiCtx::builder();
    wasi.wall_clock(Stopped).monotonic_clock(Stopped);
    let state = State { wasi: wasi.build(), table: ResourceTable::new() };
    let mut store = Store::new(&engine, state);

    let mut wizer = Wizer::new();
    wizer.init_func(INITIALIZE);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (image, _) = runtime.block_on(wizer.run_component(
        &mut store,
        component,
        async |store, component| {
            let mut linker = Linker::new(store.engine());
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            refuse_calls(&mut linker, component)?;
            linker.instantiate_async(store, component).await
        },
    ))?;
    Ok(image)
}

/// Links our own imports: nothing may call them while the guest is built.
fn refuse_calls(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine().clone();
    for (name, import) in component.component_type().imports(&engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else { continue };
        if !name.starts_with(OURS) {
            continue;
        }
        let mut instance = linker.instance(name)?;
        for (function, item) in interface.exports(&engine) {
            if matches!(item.ty, ComponentItem::ComponentFunc(_)) {
                instance.func_new(function, |_, _, _, _| {
                    Err(wasmtime::Error::msg("the guest made a call while it was built"))
                })?;
            }
        }
    }
    Ok(())
}
