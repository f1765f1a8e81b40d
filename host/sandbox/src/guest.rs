//! One instance, driven turn by turn.
//!
//! Owns: the cost of a turn and how it ends. Never: continues an instance that trapped
//! or was cut off; its store is dropped at once.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use smol_wf_core::guest::{Outcome, StartInput, Status, TurnHost};
use smol_wf_core::ids::{StepId, TimerId};
use wasmtime::{Store, Trap};

use crate::bindings::Workflow;
use crate::convert::{Fire, GuestCall, Settle, Start, Unsettled};
use crate::fault::TurnFault;
use crate::sandbox::{InstanceLimits, InstanceSlot};
use crate::state::{AnyHost, Meter, State};

/// Limits of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnLimits {
    /// Units of fuel. Calls into the host cost fuel as well.
    pub fuel: u64,
    /// Time at which the script's clock starts, in microseconds since 1970. The clock
    /// never runs backwards: an earlier time than the last one read is ignored.
    pub now_us: i64,
}

/// The result of a turn.
#[derive(Debug)]
pub struct Turn<H> {
    /// The host that was passed in, after the guest's calls.
    pub host: H,
    /// Units of fuel that the turn used, at most its limit.
    pub fuel: u64,
    /// Whether memory was refused. The script may have caught that error and gone on.
    pub memory_denied: bool,
    /// The state of the script after the turn.
    pub end: Result<Status, TurnFault>,
}

/// An instance with at most one script in it.
///
/// Dropping the future of a turn ends the instance; later turns fail with
/// [`TurnFault::Spent`].
pub struct Guest {
    live: Option<Live>,
    meter: Arc<Meter>,
    yield_fuel: u64,
}

struct Live {
    // Dropped before the slot is returned: fields are dropped in order.
    store: Store<State>,
    workflow: Workflow,
    _slot: InstanceSlot,
}

/// The result of a call of one of the guest's exports.
pub(crate) struct GuestReply<A> {
    host: Option<Box<dyn AnyHost>>,
    fuel: u64,
    memory_denied: bool,
    pub(crate) end: Result<A, TurnFault>,
}

impl Guest {
    pub(crate) fn new(
        store: Store<State>,
        workflow: Workflow,
        slot: InstanceSlot,
        yield_fuel: u64,
    ) -> Self {
        let meter = Arc::clone(&store.data().meter);
        Self { live: Some(Live { store, workflow, _slot: slot }), meter, yield_fuel }
    }

    /// Fuel that the latest turn has used so far. For a turn that was cut off: up to the
    /// last time that it yielded.
    #[must_use]
    pub fn fuel_so_far(&self) -> u64 {
        self.yield_fuel.saturating_mul(self.meter.yields()).saturating_add(self.meter.charged())
    }

    /// Whether the instance has ended, so that every further turn fails.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.live.is_none()
    }

    /// Changes the limits of the instance from the next turn on.
    pub fn limit(&mut self, limits: InstanceLimits) {
        if let Some(live) = &mut self.live {
            live.store.data_mut().limit_memory(limits.memory_mib);
        }
    }

    /// Starts a script and runs it until nothing is runnable. Only once per instance.
    pub async fn start<H: TurnHost + Send + 'static>(
        &mut self,
        host: H,
        limits: TurnLimits,
        input: &StartInput,
    ) -> Turn<H> {
        self.turn(host, limits, Start(input)).await
    }

    /// Settles a step and runs the script until nothing is runnable.
    pub async fn settle<H: TurnHost + Send + 'static>(
        &mut self,
        host: H,
        limits: TurnLimits,
        step: StepId,
        outcome: &Outcome,
    ) -> Turn<H> {
        self.turn(host, limits, Settle(step, outcome)).await
    }

    /// Calls the callback of a timer and runs the script until nothing is runnable.
    pub async fn fire<H: TurnHost + Send + 'static>(
        &mut self,
        host: H,
        limits: TurnLimits,
        timer: TimerId,
    ) -> Turn<H> {
        self.turn(host, limits, Fire(timer)).await
    }

    /// After a start with `diagnose`: the positions, as `line:column`, at which the script
    /// made promises that are still unsettled. Empty when the guest does not know them.
    pub async fn unsettled<H: TurnHost + Send + 'static>(
        &mut self,
        host: H,
        limits: TurnLimits,
    ) -> (H, Vec<String>) {
        let reply = self.call(Some(Box::new(host)), limits, Unsettled).await;
        (back(reply.host), reply.end.unwrap_or_default())
    }

    async fn turn<H: TurnHost + Send + 'static>(
        &mut self,
        host: H,
        limits: TurnLimits,
        call: impl GuestCall<Output = Status>,
    ) -> Turn<H> {
        let reply = self.call(Some(Box::new(host)), limits, call).await;
        let end = match reply.end {
            // With more memory the script might not have failed: this is a limit, which
            // can be raised, and not an outcome of the script.
            Ok(Status::Failed(_)) if reply.memory_denied => {
                self.live = None;
                Err(TurnFault::Memory)
            }
            end => end,
        };
        Turn { host: back(reply.host), fuel: reply.fuel, memory_denied: reply.memory_denied, end }
    }

    pub(crate) async fn call<A: GuestCall>(
        &mut self,
        host: Option<Box<dyn AnyHost>>,
        limits: TurnLimits,
        call: A,
    ) -> GuestReply<A::Output> {
        // Taken out, so that it is dropped if this function is cut off.
        let Some(mut live) = self.live.take() else {
            return GuestReply { host, fuel: 0, memory_denied: false, end: Err(TurnFault::Spent) };
        };
        let reply = live.call(host, limits, call).await;
        if reply.end.is_ok() {
            self.live = Some(live);
        }
        reply
    }
}

impl Live {
    async fn call<A: GuestCall>(
        &mut self,
        host: Option<Box<dyn AnyHost>>,
        limits: TurnLimits,
        call: A,
    ) -> GuestReply<A::Output> {
        self.store.data_mut().begin(host, limits.fuel, limits.now_us);
        let answer = match self.store.set_fuel(limits.fuel) {
            Ok(()) => self.run(limits.fuel, call).await,
            Err(error) => Err(error),
        };
        let left = self.store.get_fuel().unwrap_or(0);
        let state = self.store.data_mut();
        let used = limits.fuel.saturating_sub(left).saturating_add(state.meter.charged());
        let end = match answer {
            Ok(_) if used > limits.fuel => Err(TurnFault::OutOfFuel),
            Ok(answer) => Ok(answer),
            Err(error) => Err(TurnFault::read(&error, state)),
        };
        GuestReply {
            host: state.end(),
            fuel: used.min(limits.fuel),
            memory_denied: state.memory_denied(),
            end,
        }
    }

    /// Runs a call. WASI's functions can charge fuel but not trap, so a guest that calls
    /// nothing else is stopped here when it yields.
    async fn run<A: GuestCall>(&mut self, fuel: u64, call: A) -> wasmtime::Result<A::Output> {
        let meter = Arc::clone(&self.store.data().meter);
        let mut running = pin!(call.run(&self.workflow, &mut self.store));
        poll_fn(move |context| {
            if meter.charged() > fuel {
                return Poll::Ready(Err(Trap::OutOfFuel.into()));
            }
            let polled = running.as_mut().poll(context);
            if polled.is_pending() {
                meter.yielded();
            }
            polled
        })
        .await
    }
}

fn back<H: 'static>(host: Option<Box<dyn AnyHost>>) -> H {
    match host.map(|host| host.into_any().downcast::<H>()) {
        Some(Ok(host)) => *host,
        _ => unreachable!("a turn holds the very host it was given until it ends"),
    }
}
