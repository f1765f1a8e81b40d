//! Where programs are started: for one run, or for another purpose of its own.
//!
//! Owns: the groups that tell the children of runs apart, and starting the keeper's
//! thread when it is first needed. Never: inspects a child.

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

/// Stack of the thread, which keeps nothing large on it.
const STACK_BYTES: usize = 256 * 1024;

/// Starts programs, and ends each with all that it started. Clones share everything;
/// [`Self::apart`] makes a group that is waited for separately.
///
/// A value from [`Self::new`] changes nothing about the process that it is part of; see
/// [`Supervisor`](super::Supervisor) for more. When the last clone is dropped, whatever
/// still runs is ended, which takes a thread of this process a few seconds at the most.
#[derive(Clone)]
pub struct Processes {
    shared: Arc<Shared>,
    /// Number of this group among those that share a thread, from 1.
    group: u64,
}

/// What all groups of one thread share.
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
    /// A group with a thread of its own, started when it is first needed, and without
    /// power over this process.
    #[must_use]
    pub fn new() -> Self {
        Self::reaching(Reach::Marked)
    }

    pub(super) fn reaching(reach: Reach) -> Self {
        let (keeper, groups) = (Mutex::new(None), AtomicU64::new(1));
        Self { shared: Arc::new(Shared { reach, keeper, groups, search: Search::new() }), group: 1 }
    }

    /// Another group on the same thread, which is waited for separately.
    #[must_use]
    pub fn apart(&self) -> Self {
        let group = self.shared.groups.fetch_add(1, Ordering::Relaxed) + 1;
        Self { shared: self.shared.clone(), group }
    }

    /// Returns when every child of this group that is no longer wanted has ended, with
    /// all that it started.
    pub async fn all_ended(&self) {
        self.quiet(Some(self.group)).await;
    }

    /// Ends every child of this group, wanted or not, and then calls `then`, on the
    /// keeper's thread, so it must return at once.
    pub fn end_all_then(&self, then: impl FnOnce() + Send + 'static) {
        let Some(keeper) = self.begun() else { return then() };
        keeper.send(Order::EndGroup(self.group));
        keeper.send(Order::Quiet { group: Some(self.group), then: Box::new(then) });
    }

    /// Returns when every child of the thread that is no longer wanted has ended.
    pub(super) async fn all_started_ended(&self) {
        self.quiet(None).await;
    }

    /// Returns when the leftovers that were found have ended; at once when nobody looked
    /// for them. A process that exits earlier would have asked them to end and not made
    /// sure.
    pub async fn leftovers_ended(&self) {
        self.shared.search.ended().await;
    }

    /// Begins to look, in the background and once, for programs that a killed smol-wf of
    /// this user has left behind, and ends them. An agent starts only after that, so that
    /// no two work on the same thing.
    pub fn begin_to_end_leftovers(&self) {
        self.shared.search.begin();
    }

    /// Looks for leftovers, and returns when they have ended.
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
        // The caller may be gone.
        let then = Box::new(move || _ = reply.send(()));
        keeper.send(Order::Quiet { group, then });
        let _ = quiet.await;
    }

    /// The sender to the thread; none when the thread was never needed.
    fn begun(&self) -> Option<KeeperSender> {
        self.shared.keeper.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sender to the thread, which is started when it is first needed.
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
