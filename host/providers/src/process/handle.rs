//! What holds a child: the side of the [`keeper`](super::keeper) that callers see.
//!
//! Owns: what is said to the keeper. Never: waits for a child by itself.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::{Arc, mpsc};

use tokio::sync::{oneshot, watch};

use super::error::ProcessError;
use super::launch::Launch;

/// A child that runs: what holds it, and its pipes.
pub(super) struct StartedChild {
    pub(super) handle: ChildHandle,
    /// Of one that is spoken to in frames.
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// Holds a child: it is ended when this is dropped.
#[derive(Debug)]
pub(super) struct ChildHandle {
    pub(super) id: u64,
    pub(super) status: watch::Receiver<Option<ExitStatus>>,
    pub(super) keeper: KeeperSender,
}

impl ChildHandle {
    /// Returns when the child has ended; none when it cannot be ended, or how it
    /// did is unknown.
    pub(super) async fn exited(&self) -> Option<ExitStatus> {
        let mut status = self.status.clone();
        status.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Ends the tree, and returns when the child itself has ended.
    pub(super) async fn end_and_wait(&self) -> Option<ExitStatus> {
        self.keeper.send(Order::End(self.id));
        self.exited().await
    }
}

impl Drop for ChildHandle {
    fn drop(&mut self) {
        self.keeper.send(Order::End(self.id));
    }
}

/// What the thread is told to do.
pub(super) enum Order {
    Start {
        launch: Box<Launch>,
        group: u64,
        keeper: KeeperSender,
        reply: oneshot::Sender<Result<StartedChild, ProcessError>>,
    },
    End(u64),
    EndAllAtOnce,
    /// All children of one.
    EndGroup(u64),
    /// Does this when no child of this group is being ended any more; of any when
    /// there is none.
    Quiet {
        group: Option<u64>,
        then: Box<dyn FnOnce() + Send>,
    },
}

/// Speaks to the thread, which ends when nobody can any more and all is done.
#[derive(Debug, Clone)]
pub(super) struct KeeperSender {
    // In this order: the thread is woken when the last of these is gone, and then
    // finds that no order can come.
    orders: mpsc::Sender<Order>,
    wake: Arc<UnixStream>,
}

impl KeeperSender {
    pub(super) fn new(orders: mpsc::Sender<Order>, wake: UnixStream) -> Self {
        Self { orders, wake: Arc::new(wake) }
    }

    pub(super) fn send(&self, order: Order) {
        // Both fail only when the thread is gone, and then so is the process; or
        // when the pipe is full, and then the thread is awake.
        let _ = self.orders.send(order);
        let _ = (&*self.wake).write(&[0]);
    }
}
