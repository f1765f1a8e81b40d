//! The entrance: what is to be run, and the run at work.
//!
//! Owns: the task of each run, its place among those at work, and what its handle
//! can ask of it. Never: what a run is; [`crate::engine`], [`crate::resume`] and
//! [`crate::fork`] know that.

use std::sync::Arc;

use smol_wf_core::event::Event;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::StopReason;
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
use crate::watch::{DatabaseWait, NoWatcher, Watcher, WorksIn};

/// What can be started.
#[derive(Debug, Clone)]
pub enum Start {
    /// A new run.
    Run(Box<RunSpec>),
    /// A run that is taken up again where its journal ends. With another script than
    /// the recorded one it is a fork, which goes on with the answers of that run; the
    /// second time it is that fork. One that is over is only reported.
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

/// What is known of a run that was started.
#[derive(Debug, Clone)]
struct Seen {
    run: RunId,
    /// It is in the store.
    is_kept: bool,
    /// Events that were told.
    events: u64,
}

/// A run at work. Dropping it changes nothing: the run goes on.
#[derive(Debug)]
pub struct RunHandle {
    engine: Engine,
    seen: watch::Receiver<Seen>,
    stop: CancellationToken,
    work: JoinHandle<Result<Report, EngineError>>,
}

impl RunHandle {
    /// Which run it is. One that is taken up with another script becomes its fork, as
    /// soon as that is found or made.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.seen.borrow().run.clone()
    }

    /// The events of the run, from the first one on, read from its journal: a slow
    /// reader holds nobody up and misses nothing.
    #[must_use]
    pub fn events(&self) -> Events {
        Events { engine: self.engine.clone(), seen: self.seen.clone(), tail: None }
    }

    /// Stops the run, as Ctrl-C does: its agents are ended, what is known is written
    /// down, and it can be resumed.
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// Waits for the report: of the end of the run, or of why it has stopped.
    ///
    /// # Errors
    /// When the run could not start, or its journal could no longer be written. What
    /// the script does wrong is in the report.
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

/// A cursor over the events of a run at work.
pub struct Events {
    engine: Engine,
    seen: watch::Receiver<Seen>,
    tail: Option<Tail>,
}

impl Events {
    /// The next event, as soon as it is durable; none when there is no other, and the
    /// run is not at work here any more. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn next(&mut self) -> Result<Option<Event>, EngineError> {
        loop {
            // Before the look: what comes after it is told.
            let is_over = self.seen.has_changed().is_err();
            let seen = self.seen.borrow_and_update().clone();
            if seen.is_kept {
                let tail = self.tail.get_or_insert_with(|| self.engine.tail(&seen.run));
                if let Some(event) = tail.next().await? {
                    return Ok(Some(event));
                }
            }
            if is_over {
                return Ok(None);
            }
            // An error says that it is over now.
            let _ = self.seen.changed().await;
        }
    }
}

impl Engine {
    /// Starts a run and returns at once. It goes on as a task of the runtime that this
    /// is called in; when as many as may be are at work, it waits for its turn.
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
    /// When there is no runtime, no randomness for an id, or the engine was shut down.
    /// Whatever else keeps a run from starting is told by [`RunHandle::wait`].
    pub fn start(&self, what: impl Into<Start>) -> Result<RunHandle, EngineError> {
        self.start_with(what, Arc::new(NoWatcher), CancellationToken::new())
    }

    /// The same with somebody who is told of everything while it happens, and another
    /// way to cancel it.
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
        let at_work = self.running.one_more().ok_or(EngineError::ShuttingDown)?;
        let run = match &what {
            Start::Resume(request) => request.run.clone(),
            Start::Run(_) | Start::Fork(_) => RunId::from_bits(random_u128()?),
        };
        let (tell, seen) = watch::channel(Seen { run: run.clone(), is_kept: false, events: 0 });
        let stop = cancel.child_token();
        let engine = self.clone();
        let cancel = stop.clone();
        let work = runtime.spawn(async move {
            let _at_work = at_work;
            let watcher = Telling { inner: watcher, tell };
            let running = engine.running.clone();
            let _place = running.place(&cancel).await;
            let work = engine.perform(what, run, &watcher, cancel.clone());
            let mut work = Box::pin(work);
            tokio::select! {
                report = &mut work => report,
                () = running.ended() => {
                    cancel.cancel();
                    work.await
                }
            }
        });
        Ok(RunHandle { engine: self.clone(), seen, stop, work })
    }

    async fn perform(
        &self,
        what: Start,
        run: RunId,
        watcher: &dyn Watcher,
        cancel: CancellationToken,
    ) -> Result<Report, EngineError> {
        // On the heap: each holds all that its beginning needs.
        match what {
            Start::Run(spec) => Box::pin(self.run(*spec, run, watcher, cancel)).await,
            Start::Resume(request) => Box::pin(self.resume(*request, watcher, cancel)).await,
            Start::Fork(request) => Box::pin(self.fork(*request, run, watcher, cancel)).await,
        }
    }
}

/// Passes everything on, each method of the trait, and tells handles that there is something to read.
struct Telling {
    inner: Arc<dyn Watcher>,
    tell: watch::Sender<Seen>,
}

impl Watcher for Telling {
    fn works_in(&self, place: WorksIn<'_>) {
        self.inner.works_in(place);
    }

    fn run_known(&self, run: &RunId, resumed: bool) {
        self.tell.send_modify(|seen| {
            seen.run = run.clone();
            seen.is_kept = true;
        });
        self.inner.run_known(run, resumed);
    }

    fn taken_up_before(&self, run: &RunId, fork: &RunId) {
        self.inner.taken_up_before(run, fork);
    }

    fn event(&self, event: &Event, replayed: bool) {
        self.tell.send_modify(|seen| seen.events += 1);
        self.inner.event(event, replayed);
    }

    fn fleeting(&self, event: &Event) {
        self.inner.fleeting(event);
    }

    fn queued(&self, agents: usize) {
        self.inner.queued(agents);
    }

    fn waits_for_agents(&self, at_work: usize, reason: &StopReason) {
        self.inner.waits_for_agents(at_work, reason);
    }

    fn warn(&self, message: &str) {
        self.inner.warn(message);
    }

    fn waits_for_database(&self, wait: DatabaseWait<'_>) {
        self.inner.waits_for_database(wait);
    }
}
