//! The rights that calls need: to work, to wait, and to start a run.
//!
//! Owns: how many there are, and that a call which waits gives its right to work back.
//! Never: what a call does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Most calls at work at once: hosts call some at a time, and each may start a process.
const CALLS_MAX: usize = 32;

/// Most calls that wait for the right to work: hosts that send more send them again.
const QUEUE_MAX: usize = 128;

/// Longest that a call waits for it.
const CALL_TURN_MAX: Duration = Duration::from_secs(5);

/// Most calls that stop something at once. They have rights of their own: what ends work
/// is never kept waiting by work.
const STOPS_MAX: usize = 16;

/// Most calls that wait for a run at once: each looks at one row now and then.
const RUN_WAITS_MAX: usize = 64;

/// Most calls that wait for a client or its user at once: a person reads one form at a time.
const CLIENT_WAITS_MAX: usize = 16;

/// Most runs that are being started at once: each start is a process and two threads.
const STARTS_MAX: u32 = 8;

/// Longest that a call waits for its turn to start a run.
const START_TURN_MAX: Duration = Duration::from_secs(5);

pub(super) const TOO_MANY: &str = "too many calls are at work; call again later";

/// What a call may wait for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    /// News of a run.
    Run,
    /// The client, or the person who sits at it.
    Client,
}

/// The rights of a server.
#[derive(Debug)]
pub(super) struct Rights {
    calls: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    stops: Arc<Semaphore>,
    run_waits: Arc<Semaphore>,
    client_waits: Arc<Semaphore>,
    starts: Arc<Semaphore>,
}

impl Rights {
    pub(super) fn new() -> Arc<Self> {
        let rights = |number: usize| Arc::new(Semaphore::new(number));
        Arc::new(Self {
            calls: rights(CALLS_MAX),
            queue: rights(QUEUE_MAX),
            stops: rights(STOPS_MAX),
            run_waits: rights(RUN_WAITS_MAX),
            client_waits: rights(CLIENT_WAITS_MAX),
            starts: rights(STARTS_MAX as usize),
        })
    }

    /// The right to work for one more call; none if too many are at work for a while.
    /// `stops` says whether the call ends something.
    pub(super) async fn begin_call(self: &Arc<Self>, stops: bool) -> Option<Right> {
        let pool = if stops { &self.stops } else { &self.calls }.clone();
        let work = match pool.clone().try_acquire_owned() {
            Ok(work) => work,
            Err(_) => {
                let _turn = self.queue.try_acquire().ok()?;
                timeout(CALL_TURN_MAX, pool.clone().acquire_owned()).await.ok()?.ok()?
            }
        };
        Some(Right { rights: self.clone(), pool, work: Mutex::new(Some(work)) })
    }

    /// The right to start a run. Fails if it takes too long to get, or the server ends.
    pub(super) async fn begin_start(&self) -> Result<OwnedSemaphorePermit, String> {
        match timeout(START_TURN_MAX, self.starts.clone().acquire_owned()).await {
            Ok(Ok(right)) => Ok(right),
            Ok(Err(_)) => Err("the server ends, so no run was started".to_owned()),
            Err(_) => Err(format!(
                "{STARTS_MAX} runs are being started already, so no other was; call again later"
            )),
        }
    }

    /// Waits until no start is under way, but no longer than `longest`, and lets no other
    /// begin.
    pub(super) async fn starts_are_over(&self, longest: Duration) {
        let _ = timeout(longest, self.starts.acquire_many(STARTS_MAX)).await;
        self.starts.close();
    }
}

/// The right of one call to work.
#[derive(Debug)]
pub(super) struct Right {
    rights: Arc<Rights>,
    pool: Arc<Semaphore>,
    work: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Right {
    /// Waits without the right to work, which the call has again afterwards. Fails at once
    /// if too many calls wait already.
    pub(super) async fn waiting<T>(
        &self,
        wait: Wait,
        what: impl Future<Output = T>,
    ) -> Result<T, String> {
        let (waits, told) = match wait {
            Wait::Run => (&self.rights.run_waits, "too many calls wait already; call again later"),
            Wait::Client => (
                &self.rights.client_waits,
                "too many questions to clients and their users are open; call again later",
            ),
        };
        let room = waits.clone().try_acquire_owned().map_err(|_| told.to_owned())?;
        self.set(None);
        let came = what.await;
        drop(room);
        // Work is bounded in time, and whoever waited longest is next.
        self.set(self.pool.clone().acquire_owned().await.ok());
        Ok(came)
    }

    fn set(&self, work: Option<OwnedSemaphorePermit>) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = work;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_leaves_room_for_work_and_for_stops() {
        let rights = Rights::new();
        let mut held = Vec::new();
        for _ in 0..CALLS_MAX {
            held.extend(rights.begin_call(false).await);
        }
        assert_eq!(held.len(), CALLS_MAX);
        // Whoever finds none waits for one.
        let soon = Duration::from_millis(10);
        assert!(timeout(soon, rights.begin_call(false)).await.is_err());
        assert!(rights.begin_call(true).await.is_some());
        let during = held[0].waiting(Wait::Run, async { rights.begin_call(false).await.is_some() });
        assert_eq!(during.await, Ok(true));
        assert!(timeout(soon, rights.begin_call(false)).await.is_err(), "it works again");
        let all = rights.client_waits.clone().acquire_many_owned(CLIENT_WAITS_MAX as u32).await;
        let refused = held[0].waiting(Wait::Client, async {}).await;
        assert!(refused.unwrap_err().contains("call again later"));
        drop(all);
    }
}
