//! The data of a wasmtime store besides the guest: the host of the turn, the limits and
//! the meter.
//!
//! Owns: the receiver of the guest's calls, the cost of a call, and the limit of memory.
//! Never: WIT types, which are in [`crate::convert`], or WASI's functions.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use smol_wf_core::cut;
use smol_wf_core::guest::{StopTurn, TurnHost};
use smol_wf_core::limits::{MEMORY_MIB_MAX, RESULT_BYTES_MAX};
use wasmtime::{ResourceLimiter, Trap};

use crate::component::{CORE_INSTANCES, TABLE_ENTRIES, TABLES};
use crate::wasi::Wasi;

/// Most bytes that the guest may pass to the host at once: the largest result, and some
/// more, so that a result that is slightly too large gets an error of its own.
pub(crate) const HOSTCALL_BYTES: usize = RESULT_BYTES_MAX + 16 * 1024 * 1024;

/// Fuel of one call into the host, worth about a microsecond. Time in the host costs the
/// guest no instructions, so it is charged here.
pub(crate) const CALL_FUEL: u64 = 10_000;

/// Fuel of each byte passed to the host, which copies, checks, parses and keeps it.
const BYTE_FUEL: u64 = 16;

/// The fuel that the host charged in this turn, and the clock. Shared with WASI's clocks,
/// which cannot reach the store.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    charged: AtomicU64,
    /// How often the guest yielded in this turn.
    yields: AtomicU64,
    now_us: AtomicU64,
}

/// Microseconds by which each read advances the clock, so that a loop that waits for
/// time to pass ends.
const READ_US: u64 = 1_000;

impl Meter {
    pub(crate) fn charge(&self, fuel: u64) {
        self.charged.store(self.charged().saturating_add(fuel), Relaxed);
    }

    pub(crate) fn charged(&self) -> u64 {
        self.charged.load(Relaxed)
    }

    /// Counts that the guest yielded.
    pub(crate) fn yielded(&self) {
        self.yields.fetch_add(1, Relaxed);
    }

    pub(crate) fn yields(&self) -> u64 {
        self.yields.load(Relaxed)
    }

    /// The current time in microseconds; the next read returns a later one.
    pub(crate) fn read_clock(&self) -> u64 {
        self.now_us.fetch_add(READ_US, Relaxed)
    }

    fn begin(&self, now_us: i64) {
        self.charged.store(0, Relaxed);
        self.yields.store(0, Relaxed);
        self.now_us.fetch_max(u64::try_from(now_us).unwrap_or(0), Relaxed);
    }
}

/// A [`TurnHost`] whose type is restored after the turn.
pub(crate) trait AnyHost: TurnHost + Send {
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<H: TurnHost + Send + 'static> AnyHost for H {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The data of one wasmtime store.
pub(crate) struct State {
    pub(crate) wasi: Wasi,
    pub(crate) meter: Arc<Meter>,
    memory: Memory,
    host: Option<Box<dyn AnyHost>>,
    fuel: u64,
    stop: Option<StopTurn>,
}

impl State {
    pub(crate) fn new(memory_mib: u32) -> Self {
        let meter = Arc::new(Meter::default());
        Self {
            wasi: Wasi::new(&meter),
            meter,
            memory: Memory::new(memory_mib),
            host: None,
            fuel: 0,
            stop: None,
        }
    }

    pub(crate) fn begin(&mut self, host: Option<Box<dyn AnyHost>>, fuel: u64, now_us: i64) {
        self.meter.begin(now_us);
        self.memory.denied = false;
        self.host = host;
        self.fuel = fuel;
        self.stop = None;
    }

    pub(crate) fn end(&mut self) -> Option<Box<dyn AnyHost>> {
        self.host.take()
    }

    /// Charges for a call that passed this many bytes, and returns the host of the turn.
    ///
    /// # Errors
    /// When the fuel of the turn is used up, or there is no turn.
    pub(crate) fn charged_host(
        &mut self,
        bytes: usize,
    ) -> wasmtime::Result<&mut (dyn AnyHost + 'static)> {
        self.meter.charge(CALL_FUEL.saturating_add(BYTE_FUEL.saturating_mul(bytes as u64)));
        if self.meter.charged() > self.fuel {
            return Err(Trap::OutOfFuel.into());
        }
        self.host.as_deref_mut().ok_or_else(|| wasmtime::format_err!("a call outside of a turn"))
    }

    /// Stops the turn. wasmtime unwinds the guest with the returned error.
    pub(crate) fn stop(&mut self, stop: StopTurn) -> wasmtime::Error {
        let error = wasmtime::format_err!("stopped: {stop}");
        self.stop = Some(stop);
        error
    }

    pub(crate) fn take_stop(&mut self) -> Option<StopTurn> {
        self.stop.take()
    }

    pub(crate) fn limit_memory(&mut self, memory_mib: u32) {
        self.memory.bytes_max = bytes_of(memory_mib);
    }

    pub(crate) fn memory_denied(&self) -> bool {
        self.memory.denied
    }

    pub(crate) fn host_memory_failed(&self) -> bool {
        self.memory.host_failed
    }

    pub(crate) fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }

    /// Adds what the guest wrote to stderr, which explains a crash best.
    pub(crate) fn with_stderr(&self, mut detail: String, bytes_max: usize) -> String {
        let said = self.wasi.stderr();
        if !said.is_empty() {
            detail.push_str("; it said: ");
            detail.push_str(&said);
        }
        cut::to_bytes(detail, bytes_max)
    }
}

/// The memory limit of one store.
struct Memory {
    bytes_max: usize,
    /// Whether the limit refused growth in this turn. The script sees this refusal, in
    /// every replay as well.
    denied: bool,
    /// Whether growth was allowed whose success is not known yet.
    allowed: bool,
    /// Whether the machine refused growth. The script must not see that.
    host_failed: bool,
}

impl Memory {
    fn new(memory_mib: u32) -> Self {
        let bytes_max = bytes_of(memory_mib);
        Self { bytes_max, denied: false, allowed: false, host_failed: false }
    }
}

fn bytes_of(memory_mib: u32) -> usize {
    (memory_mib.min(MEMORY_MIB_MAX) as usize) << 20
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, _: usize, to: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.allowed = to <= self.bytes_max;
        self.denied |= !self.allowed;
        Ok(self.allowed)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // Growth beyond the maximum of the memory's type fails without `memory_growing`.
        if !std::mem::take(&mut self.allowed) {
            self.denied = true;
            return Ok(());
        }
        self.host_failed = true;
        Err(error)
    }

    fn table_growing(&mut self, _: usize, to: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(to <= TABLE_ENTRIES)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        1
    }
}
