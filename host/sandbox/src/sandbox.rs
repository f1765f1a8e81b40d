//! The engine with the guest linked into it, and the creation of instances.
//!
//! Owns: what all instances share. Never: the turns of an instance; see
//! [`crate::guest`].

use smol_wf_core::codes::Code;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use smol_wf_core::guest::{Dialect, ScriptError, Source};
use smol_wf_core::ids::Digest;
use smol_wf_core::limits::MEMORY_MIB_MAX;
use smol_wf_core::surface::Surface;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, PoolConcurrencyLimitError, Store};

use crate::bindings::{Workflow, WorkflowPre};
use crate::convert::Inspect;
use crate::engine::WASM_STACK;
use crate::fault::TurnFault;
use crate::guest::{Guest, TurnLimits};
use crate::image::Image;
use crate::state::{HOSTCALL_BYTES, State};
use crate::{engine, wasi};

/// Fuel for creating an instance. The guest is already initialised and uses a fraction.
const INSTANTIATE_FUEL: u64 = 100_000_000;

/// Fuel of an inspection. The largest script compiles with a tenth of it.
const INSPECT_FUEL: u64 = 10_000_000_000;

/// Memory of an inspection, in MiB. The largest script needs a quarter of it.
const INSPECT_MEMORY_MIB: u32 = 256;

/// WASI resources that one instance may hold at once. It needs three.
const HANDLES_MAX: usize = 1_000;

/// The configuration of a sandbox.
#[derive(Debug, Clone, Copy)]
pub struct SandboxConfig {
    /// Most instances at the same time, including those of waiting scripts.
    pub instances_max: u32,
    /// Whether to reserve room for all of them in advance. Each instance is then created
    /// faster, and the sandbox more slowly.
    pub pooled: bool,
    /// Units of fuel after which a busy guest yields: about a millisecond of most work,
    /// and a tenth of a second of the slowest known. Changes neither results nor fuel.
    pub yield_fuel: u64,
    /// Bytes of the guest's native stack. A larger one changes nothing; a smaller one
    /// turns deep recursion into traps.
    pub wasm_stack: usize,
}

impl SandboxConfig {
    /// A configuration for a few scripts: this many instances, mapped one by one.
    #[must_use]
    pub fn new(instances_max: u32) -> Self {
        Self { instances_max, pooled: false, yield_fuel: 10_000_000, wasm_stack: WASM_STACK }
    }

    /// A configuration for hundreds of scripts: this many instances, from a pool.
    #[must_use]
    pub fn pooled(instances_max: u32) -> Self {
        Self { pooled: true, ..Self::new(instances_max) }
    }
}

/// Limits of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceLimits {
    /// Linear memory in MiB, at most [`MEMORY_MIB_MAX`].
    pub memory_mib: u32,
}

/// Why a sandbox or an instance could not be created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The engine or the guest could not be loaded.
    #[error("the sandbox cannot be set up: {detail}")]
    Setup {
        /// The error of the engine.
        detail: String,
    },
    /// All instances are in use.
    #[error("all {instances_max} script instances are in use")]
    Full {
        /// Number of instances.
        instances_max: u32,
    },
    /// An instance could not be created.
    #[error("a script instance cannot be made: {detail}")]
    Instance {
        /// The error of the engine.
        detail: String,
    },
    /// The script could not be inspected.
    #[error("the script cannot be inspected: {0}")]
    Inspect(#[from] TurnFault),
}

impl SandboxError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Setup { .. } => Code::SandboxSetup,
            Self::Full { .. } => Code::SandboxFull,
            Self::Instance { .. } => Code::SandboxInstance,
            Self::Inspect(fault) => fault.code(),
        }
    }
}

/// Creates script instances. Cheap to clone; all clones share the instances.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    guest: WorkflowPre<State>,
    config: SandboxConfig,
    /// Number of live instances.
    slots: Arc<AtomicU32>,
}

/// The right to one instance, returned when it is dropped.
pub(crate) struct InstanceSlot(Arc<AtomicU32>);

impl InstanceSlot {
    /// Takes a slot; none when all `most` are taken.
    fn take(taken: &Arc<AtomicU32>, most: u32) -> Option<Self> {
        let more = |count: u32| (count < most).then_some(count + 1);
        // Relaxed, because the count guards no other memory.
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(taken.clone()))
    }
}

impl Drop for InstanceSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sandbox {
    /// Sets up the engine and loads the guest.
    ///
    /// # Errors
    /// [`SandboxError::Setup`] when the engine refuses its settings or the guest imports
    /// more than it may. A lack of address space is not an error.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        let shared =
            Shared::new(config).map_err(|error| SandboxError::Setup { detail: text(&error) })?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Digest of the guest's code, the engine's version and its settings. Fuel is only
    /// comparable under the same digest.
    #[must_use]
    pub fn guest_digest() -> Digest {
        Digest::from_hex(env!("SMOL_WF_GUEST_DIGEST"))
    }

    /// The imports of the guest: interfaces with their functions, sorted.
    #[must_use]
    pub fn guest_imports(&self) -> Vec<(String, Vec<String>)> {
        wasi::imports(self.shared.guest.instance_pre().component())
    }

    /// Determines the dialect of a script under this surface, without running it.
    ///
    /// # Errors
    /// Outer: no instance could be created, or the guest broke down. Inner: the script
    /// has neither dialect.
    pub async fn inspect(
        &self,
        source: &Source,
        surface: Surface,
    ) -> Result<Result<Dialect, ScriptError>, SandboxError> {
        let mut guest = self.instance(InstanceLimits { memory_mib: INSPECT_MEMORY_MIB }).await?;
        let limits = TurnLimits { fuel: INSPECT_FUEL, now_us: 0 };
        Ok(guest.call(None, limits, Inspect(source, surface)).await.end?)
    }

    /// Creates an instance that shares no state with any other.
    ///
    /// # Errors
    /// [`SandboxError::Full`] when all instances are in use; [`SandboxError::Instance`]
    /// when the memory limit is smaller than the guest's image.
    pub async fn instance(&self, limits: InstanceLimits) -> Result<Guest, SandboxError> {
        let shared = &*self.shared;
        let full = || SandboxError::Full { instances_max: shared.config.instances_max };
        let slot =
            InstanceSlot::take(&shared.slots, shared.config.instances_max).ok_or_else(full)?;
        let mut store = Store::new(&shared.engine, State::new(limits.memory_mib));
        match shared.fill(&mut store).await {
            Ok(workflow) => Ok(Guest::new(store, workflow, slot, shared.config.yield_fuel)),
            // The pool learns of an instance's end a moment later than `slots` does.
            Err(error) if error.is::<PoolConcurrencyLimitError>() => Err(full()),
            Err(_) if store.data().memory_denied() => Err(SandboxError::Instance {
                detail: format!(
                    "{} MiB of memory are less than the script engine itself needs",
                    limits.memory_mib.min(MEMORY_MIB_MAX)
                ),
            }),
            Err(error) => Err(SandboxError::Instance { detail: text(&error) }),
        }
    }
}

impl Shared {
    fn new(config: SandboxConfig) -> wasmtime::Result<Self> {
        let image = Image::guest();
        let engine = engine::engine(&config, &image)?;
        let mut linker = Linker::new(&engine);
        Workflow::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        wasi::link(&mut linker)?;
        let guest = WorkflowPre::new(linker.instantiate_pre(&image.component(&engine)?)?)?;
        Ok(Self { engine, guest, config, slots: Arc::default() })
    }

    async fn fill(&self, store: &mut Store<State>) -> wasmtime::Result<Workflow> {
        store.limiter(State::limiter);
        store.set_hostcall_fuel(HOSTCALL_BYTES);
        store.set_max_component_handles(HANDLES_MAX);
        store.fuel_async_yield_interval(Some(self.config.yield_fuel))?;
        store.set_fuel(INSTANTIATE_FUEL)?;
        self.guest.instantiate_async(store).await
    }
}

fn text(error: &wasmtime::Error) -> String {
    format!("{error:#}")
}
