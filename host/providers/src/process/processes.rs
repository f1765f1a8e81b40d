//! Where programs are started: for one run, or for another purpose of its own.
//!
//! Owns: whom the children of a run are told apart by, and starting the thread
//! that keeps them when it is first needed. Never: looks at a child by itself.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

use super::error::ProcessError;
use super::handle::{KeeperSender, Order, StartedChild};
use super::keeper::Keeper;
use super::launch::Launch;
use super::leftovers::Search;
use super::reach::Reach;

/// Stack of the thread: it keeps nothing large there.
const STACK_BYTES: usize = 256 * 1024;

/// Starts programs, and ends each with all that it has started. Clones are the
/// same one; [`Self::apart`] makes another, which is waited for by itself.
///
/// Those that [`Self::new`] makes leave the process that they are part of as it
/// is: see [`Supervisor`](super::Supervisor) for what it takes to do more. When the
/// last of them is dropped, whatever still runs is ended, which takes a thread of
/// this process a few seconds at the most.
#[derive(Clone)]
pub struct Processes {
    shared: Arc<Shared>,
    /// Number of this one among those that share a thread, from 1.
    group: u64,
}

/// What all that share a thread have in common.
struct Shared {
    reach: Reach,
    keeper: Mutex<Option<KeeperSender>>,
    groups: AtomicU64,
    search: Search,
}

impl std::fmt::Debug for Processes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Processes").field("group", &self.group).finish_non_exhaustive()
    }
}

impl Default for Processes {
    fn default() -> Self {
        Self::new()
    }
}

impl Processes {
    /// With a thread of its own, once it is needed, and without power over this
    /// process.
    #[must_use]
    pub fn new() -> Self {
        Self::reaching(Reach::Marked)
    }

    pub(super) fn reaching(reach: Reach) -> Self {
        let (keeper, groups) = (Mutex::new(None), AtomicU64::new(1));
        Self { shared: Arc::new(Shared { reach, keeper, groups, search: Search::new() }), group: 1 }
    }

    /// Others that the same thread keeps: each is waited for by itself.
    #[must_use]
    pub fn apart(&self) -> Self {
        let group = self.shared.groups.fetch_add(1, Ordering::Relaxed) + 1;
        Self { shared: self.shared.clone(), group }
    }

    /// Returns when everything that was started here and is no longer wanted is
    /// gone, with all that it has started.
    pub async fn all_ended(&self) {
        self.quiet(Some(self.group)).await;
    }

    /// Ends everything that was started here, wanted or not, and then does this: on
    /// the thread that ends it, so it must return at once.
    pub fn end_all_then(&self, then: impl FnOnce() + Send + 'static) {
        let Some(keeper) = self.begun() else { return then() };
        keeper.send(Order::EndGroup(self.group));
        keeper.send(Order::Quiet { group: Some(self.group), then: Box::new(then) });
    }

    /// The same for all that share the thread.
    pub(super) async fn all_started_ended(&self) {
        self.quiet(None).await;
    }

    /// Returns when the leftovers that were found, if they were looked for, have
    /// ended: those that are let go of half-way would only have been asked to end,
    /// and never made to.
    pub async fn leftovers_ended(&self) {
        self.shared.search.ended().await;
    }

    /// Begins to look, in the background and once, for programs that a smol-wf of
    /// this user has left behind when it was killed, and ends them. Whatever is
    /// started as an agent waits for it, so that no two work on the same thing.
    pub fn begin_to_end_leftovers(&self) {
        self.shared.search.begin();
    }

    /// The same, and returns when they have ended.
    pub async fn end_leftovers(&self) {
        self.shared.search.done().await;
    }

    /// Starts a child.
    pub(super) async fn start(&self, launch: Launch) -> Result<StartedChild, ProcessError> {
        let program = launch.program.clone();
        let failed = |error| ProcessError::Spawn { program: program.clone(), error };
        let keeper = self.keeper().map_err(failed)?;
        let (reply, started) = oneshot::channel();
        let (launch, group) = (Box::new(launch), self.group);
        keeper.send(Order::Start { launch, group, keeper: keeper.clone(), reply });
        started.await.unwrap_or_else(|_| Err(failed(io::ErrorKind::BrokenPipe.into())))
    }

    /// Kills every tree, wanted or not.
    pub(super) fn end_all_at_once(&self) {
        if let Some(keeper) = self.begun() {
            keeper.send(Order::EndAllAtOnce);
        }
    }

    async fn quiet(&self, group: Option<u64>) {
        let Some(keeper) = self.begun() else { return };
        let (reply, quiet) = oneshot::channel();
        // Whoever asked may be gone.
        let then = Box::new(move || _ = reply.send(()));
        keeper.send(Order::Quiet { group, then });
        let _ = quiet.await;
    }

    /// The thread, when it was ever needed.
    fn begun(&self) -> Option<KeeperSender> {
        self.shared.keeper.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The thread, started when it is first needed.
    fn keeper(&self) -> io::Result<KeeperSender> {
        let mut keeper = self.shared.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = &*keeper {
            return Ok(keeper.clone());
        }
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let (orders, incoming) = mpsc::channel();
        let thread = Keeper::new(self.shared.reach, incoming, woken);
        let builder =
            thread::Builder::new().name("smol-wf-keeper".to_owned()).stack_size(STACK_BYTES);
        builder.spawn(move || thread.run())?;
        let new = KeeperSender::new(orders, wake);
        *keeper = Some(new.clone());
        Ok(new)
    }
}
