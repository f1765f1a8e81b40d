//! Starting a run, resume or fork, and the handle of it.
//!
//! Owns: the task of each run, its slot among those at work, and what its handle can
//! ask of it. Never: how a run begins; [`crate::engine`], [`crate::resume`] and
//! [`crate::fork`] know that.

use std::sync::Arc;

use smol_wf_core::event::Event;
use smol_wf_core::ids::RunId;
use smol_wf_core::report::Report;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, random_u128};
use crate::error::EngineError;
use crate::fork::ForkRequest;
use crate::request::{ResumeRequest, RunSpec};
use crate::tail::Tail;
use crate::watch::{NoWatcher, Notice, Watcher};

/// A request that starts a run.
#[derive(Debug, Clone)]
pub enum Start {
    /// A new run.
    Run(Box<RunSpec>),
    /// A run that goes on where its journal ends. With another script than the
    /// recorded one, a fork is made that reuses the answers of that run; the same
    /// request made again resumes that fork. A run that is over is only reported.
    Resume(Box<ResumeRequest>),
    /// A new run with the answers of another one.
    Fork(Box<ForkRequest>),
}

impl From<RunSpec> for Start {
    fn from(spec: RunSpec) -> Self {
        Self::Run(Box::new(spec))
    }
}

impl From<ResumeRequest> for Start {
    fn from(request: ResumeRequest) -> Self {
        Self::Resume(Box::new(request))
    }
}

impl From<ForkRequest> for Start {
    fn from(request: ForkRequest) -> Self {
        Self::Fork(Box::new(request))
    }
}

/// The state that the handles of a run share.
#[derive(Debug, Clone)]
struct RunStatus {
    run: RunId,
    /// The run is in the store, so its events can be read.
    is_stored: bool,
    /// Number of events that were announced; a change wakes readers.
    events: u64,
}

/// A run that was started. Dropping the handle changes nothing: the run goes on, or
/// stays in the queue.
#[derive(Debug)]
pub struct RunHandle {
    engine: Engine,
    status: watch::Receiver<RunStatus>,
    stop: CancellationToken,
    work: JoinHandle<Result<Report, EngineError>>,
}

impl RunHandle {
    /// The run's id. When a changed script makes a fork of a run, this becomes the id
    /// of the fork as soon as that is in the store.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.status.borrow().run.clone()
    }

    /// A cursor over the events of the run, from the first one on. It reads the
    /// journal, so a slow reader delays nothing and misses nothing.
    ///
    /// ```no_run
    /// # async fn f(run: smol_wf_engine::RunHandle) -> Result<(), smol_wf_engine::EngineError> {
    /// let mut events = run.events();
    /// while let Some(event) = events.next().await? {
    ///     println!("{}: {:?}", event.seq, event.kind());
    /// }
    /// println!("{}", run.wait().await?.result.get());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn events(&self) -> Events {
        Events { engine: self.engine.clone(), status: self.status.clone(), tail: None }
    }

    /// Stops the run as Ctrl-C does: its agents are ended, and the run can be resumed.
    /// Returns at once; [`Self::wait`] returns when it has stopped.
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// Waits until the run has ended or stopped, and returns its report.
    ///
    /// # Errors
    /// When the run could not start, or its journal could no longer be written.
    /// [`EngineError::ShuttingDown`] when it was still in the queue at
    /// [`Engine::shutdown`]. Errors of the script are in the report.
    ///
    /// # Panics
    /// When the run's task has panicked, with the same panic.
    pub async fn wait(self) -> Result<Report, EngineError> {
        match self.work.await {
            Ok(report) => report,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(gone) => Err(EngineError::System {
                    doing: "wait for a run whose runtime is gone",
                    error: std::io::Error::other(gone),
                }),
            },
        }
    }
}

/// A cursor over the events of a run that was started.
pub struct Events {
    engine: Engine,
    status: watch::Receiver<RunStatus>,
    tail: Option<Tail>,
}

impl Events {
    /// The next event, as soon as it is durable; none after the last one, when the run
    /// has ended or stopped. Dropping the future loses no event.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn next(&mut self) -> Result<Option<Event>, EngineError> {
        loop {
            // Checked before reading: what comes after the check wakes us again.
            let is_over = self.status.has_changed().is_err();
            let status = self.status.borrow_and_update().clone();
            if status.is_stored {
                let tail = self.tail.get_or_insert_with(|| self.engine.tail(&status.run));
                if let Some(event) = tail.next().await? {
                    return Ok(Some(event));
                }
            }
            if is_over {
                return Ok(None);
            }
            // An error means that the run has ended now; the loop sees that.
            let _ = self.status.changed().await;
        }
    }
}

impl Engine {
    /// Starts a run and returns at once. The run goes on as a task of the tokio runtime
    /// that this is called in.
    ///
    /// When [`runs_max`](crate::EngineOptions::runs_max) runs are at work, it waits in
    /// a queue, first come first served. The queue is in memory only: a queued run is
    /// not in the store, and it is lost when the process ends, the runtime is dropped
    /// or the engine is shut down. Cancelling a queued run writes it down as cancelled,
    /// so that it can be resumed.
    ///
    /// ```no_run
    /// # async fn f(engine: smol_wf_engine::Engine, script: smol_wf_engine::ScriptFile)
    /// # -> Result<(), smol_wf_engine::EngineError> {
    /// use smol_wf_engine::RunSpec;
    ///
    /// let run = engine.start(RunSpec::new(script))?;
    /// println!("{}", run.id());
    /// println!("{}", run.wait().await?.result.get());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When there is no runtime, the system gives no random id, or the engine is shut
    /// down. [`RunHandle::wait`] returns everything else that keeps a run from starting.
    pub fn start(&self, what: impl Into<Start>) -> Result<RunHandle, EngineError> {
        self.start_with(what, Arc::new(NoWatcher), CancellationToken::new())
    }

    /// As [`Self::start`], with a watcher, and a token that cancels the run as
    /// [`RunHandle::cancel`] does.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_with(
        &self,
        what: impl Into<Start>,
        watcher: Arc<dyn Watcher>,
        cancel: CancellationToken,
    ) -> Result<RunHandle, EngineError> {
        let what = what.into();
        let runtime = Handle::try_current().map_err(|error| EngineError::System {
            doing: "start a run outside of a tokio runtime",
            error: std::io::Error::other(error),
        })?;
        let started = self.running.count_one()?;
        let run = match &what {
            Start::Resume(request) => request.run.clone(),
            Start::Run(_) | Start::Fork(_) => RunId::from_bits(random_u128()?),
        };
        let first = RunStatus { run: run.clone(), is_stored: false, events: 0 };
        let (updates, status) = watch::channel(first);
        let stop = cancel.child_token();
        let (engine, cancel) = (self.clone(), stop.clone());
        let work = runtime.spawn(async move {
            let _started = started;
            let watcher = HandleUpdates { watcher, status: updates };
            let running = engine.running.clone();
            let _slot = running.slot(&cancel).await?;
            let work = Box::pin(engine.perform(what, run, &watcher, cancel.clone()));
            running.until_ended(work, &cancel).await
        });
        Ok(RunHandle { engine: self.clone(), status, stop, work })
    }

    async fn perform(
        &self,
        what: Start,
        run: RunId,
        watcher: &dyn Watcher,
        cancel: CancellationToken,
    ) -> Result<Report, EngineError> {
        // Boxed: these futures are large, and only one of them is used.
        match what {
            Start::Run(spec) => Box::pin(self.run(*spec, run, watcher, cancel)).await,
            Start::Resume(request) => Box::pin(self.resume(*request, watcher, cancel)).await,
            Start::Fork(request) => {
                Box::pin(self.fork((*request, None), run, watcher, cancel)).await
            }
        }
    }
}

/// Passes every notice on, and tells the handles of the run that there is something
/// to read.
struct HandleUpdates {
    watcher: Arc<dyn Watcher>,
    status: watch::Sender<RunStatus>,
}

impl Watcher for HandleUpdates {
    fn notice(&self, notice: Notice<'_>) {
        match notice {
            Notice::RunKnown { run, .. } => self.status.send_modify(|status| {
                status.run = run.clone();
                status.is_stored = true;
            }),
            Notice::Event { .. } => self.status.send_modify(|status| status.events += 1),
            _ => {}
        }
        self.watcher.notice(notice);
    }
}
