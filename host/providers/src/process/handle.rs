//! The caller's side of the [`keeper`](super::keeper): a handle to each child.
//!
//! Owns: the orders to the keeper. Never: waits for a child process itself.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::{Arc, mpsc};

use tokio::sync::{oneshot, watch};

use super::error::ProcessError;
use super::launch::Launch;

/// A running child: its handle and its pipes.
pub(super) struct StartedChild {
    pub(super) handle: ChildHandle,
    /// Only with [`Input::Framed`](super::Input::Framed).
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// A handle to a child. Dropping it ends the child.
#[derive(Debug)]
pub(super) struct ChildHandle {
    pub(super) id: u64,
    pub(super) status: watch::Receiver<Option<ExitStatus>>,
    pub(super) keeper: KeeperSender,
}

impl ChildHandle {
    /// Returns when the child has ended. None when it cannot be ended, or its exit status
    /// is unknown.
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

/// An order to the keeper's thread.
pub(super) enum Order {
    Start {
        launch: Box<Launch>,
        group: u64,
        keeper: KeeperSender,
        reply: oneshot::Sender<Result<StartedChild, ProcessError>>,
    },
    End(u64),
    EndAllAtOnce,
    /// Ends all children of a group.
    EndGroup(u64),
    /// Calls `then` when no child of this group is being ended any more; of any group
    /// when it is none.
    Quiet {
        group: Option<u64>,
        then: Box<dyn FnOnce() + Send>,
    },
}

/// Sends orders to the keeper's thread. The thread ends when the last sender is dropped
/// and its work is done.
#[derive(Debug, Clone)]
pub(super) struct KeeperSender {
    // In this order: dropping the last `wake` wakes the thread, which then finds `orders`
    // closed.
    orders: mpsc::Sender<Order>,
    wake: Arc<UnixStream>,
}

impl KeeperSender {
    pub(super) fn new(orders: mpsc::Sender<Order>, wake: UnixStream) -> Self {
        Self { orders, wake: Arc::new(wake) }
    }

    pub(super) fn send(&self, order: Order) {
        // The first fails only when the thread has ended, and the process with it. The
        // second fails also when the pipe is full, and then the thread is awake.
        let _ = self.orders.send(order);
        let _ = (&*self.wake).write(&[0]);
    }
}
