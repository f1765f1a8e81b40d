//! What holds a child: the side of the [`keeper`](super::keeper) that callers see.
//!
//! Owns: starting the keeper's thread when it is first needed, and what is said
//! to it. Never: waits for a child by itself.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::{oneshot, watch};

use super::error::ProcessError;
use super::keeper::Keeper;
use super::{Launch, leftovers};

/// Stack of the thread: it keeps nothing large there.
const STACK_BYTES: usize = 256 * 1024;

/// A child that runs: what holds it, and its pipes.
pub(super) struct Started {
    pub(super) tether: Tether,
    /// Of one that is spoken to in frames.
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// Holds a child: it is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Tether {
    pub(super) id: u64,
    pub(super) status: watch::Receiver<Option<ExitStatus>>,
    pub(super) handle: Handle,
}

impl Tether {
    /// Returns when the child has ended; none when it cannot be ended, or how it
    /// did is unknown.
    pub(super) async fn exited(&self) -> Option<ExitStatus> {
        let mut status = self.status.clone();
        status.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Ends the tree, and returns when the child itself has ended.
    pub(super) async fn end_and_wait(&self) -> Option<ExitStatus> {
        self.handle.send(Order::End(self.id));
        self.exited().await
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        self.handle.send(Order::End(self.id));
    }
}

/// What the thread is told to do.
pub(super) enum Order {
    Start { launch: Box<Launch>, reply: oneshot::Sender<Result<Started, ProcessError>> },
    End(u64),
    EndAllAtOnce,
    Quiet(oneshot::Sender<()>),
}

/// Speaks to the thread.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    orders: mpsc::Sender<Order>,
    wake: Arc<UnixStream>,
}

impl Handle {
    fn send(&self, order: Order) {
        // Both fail only when the thread is gone, and then so is the process; or
        // when the pipe is full, and then the thread is awake.
        let _ = self.orders.send(order);
        let _ = (&*self.wake).write(&[0]);
    }
}

static HANDLE: Mutex<Option<Handle>> = Mutex::new(None);

/// The thread, started when it is first needed.
fn handle() -> io::Result<Handle> {
    let mut handle = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*handle {
        return Ok(handle.clone());
    }
    let (wake, woken) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    woken.set_nonblocking(true)?;
    let (orders, incoming) = mpsc::channel();
    let new = Handle { orders, wake: Arc::new(wake) };
    let keeper = Keeper::new(new.clone(), incoming, woken);
    let builder = thread::Builder::new().name("smol-wf-keeper".to_owned()).stack_size(STACK_BYTES);
    builder.spawn(move || keeper.run())?;
    *handle = Some(new.clone());
    Ok(new)
}

/// Starts a child, when what an earlier process has left behind has ended.
pub(super) async fn start(launch: Launch) -> Result<Started, ProcessError> {
    leftovers::searched().await;
    start_beside_leftovers(launch).await
}

/// Starts a child that is no agent, whatever else is at work.
pub(super) async fn start_beside_leftovers(launch: Launch) -> Result<Started, ProcessError> {
    let program = launch.program.clone();
    let failed = |error| ProcessError::Spawn { program: program.clone(), error };
    let (reply, started) = oneshot::channel();
    handle().map_err(failed)?.send(Order::Start { launch: Box::new(launch), reply });
    started.await.unwrap_or_else(|_| Err(failed(io::ErrorKind::BrokenPipe.into())))
}

/// The thread, when it was ever needed.
fn running() -> Option<Handle> {
    HANDLE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Kills every tree, wanted or not.
pub(super) fn end_all_at_once() {
    if let Some(handle) = running() {
        handle.send(Order::EndAllAtOnce);
    }
}

/// Returns when every tree is gone that is no longer wanted.
pub(super) async fn quiet() {
    let Some(handle) = running() else { return };
    let (reply, quiet) = oneshot::channel();
    handle.send(Order::Quiet(reply));
    let _ = quiet.await;
}
