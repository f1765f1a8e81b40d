//! The only way to the store: every append of every run goes through it.
//!
//! Owns: the store, and the thread that uses it. While a run is alone in the process and
//! no agent is at work, its commits are made on the run's own thread: nothing else could
//! happen meanwhile, and waking another thread takes half as long as the commit.
//! Otherwise a thread makes them, and all appends that wait during a commit go into the
//! next one together. Never: decides what is written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, mpsc};
use std::thread;
use std::time::Duration;

use smol_wf_core::journal::Record;
use smol_wf_core::report::RunState;
use smol_wf_store::{Append, Appended, BUSY_TIMEOUT, Lease, Store, StoreError, Wake};
use tokio::sync::oneshot;

/// Most appends in one transaction. With more, the first one would wait for long.
const GROUP_MAX: usize = 256;

/// How long a commit on the run's own thread waits for another process. The writing
/// thread takes over then: signals and timers are not handled while the run's thread
/// waits.
const QUICK_WAIT: Duration = Duration::from_millis(5);

/// How long the beginning of a run waits before the watcher hears of it.
const SOON: Duration = Duration::from_secs(1);

/// Records to append to one journal.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) lease: Lease,
    pub(crate) first_seq: u64,
    pub(crate) records: Arc<[Record]>,
    pub(crate) state: Option<RunState>,
    pub(crate) wake: Wake,
    /// Number up to which messages are taken.
    pub(crate) takes: Option<u64>,
    pub(crate) release: bool,
}

impl Batch {
    fn append(&self) -> Append<'_> {
        Append {
            lease: &self.lease,
            first_seq: self.first_seq,
            records: &self.records,
            state: self.state,
            wake: self.wake,
            takes: self.takes,
            release: self.release,
        }
    }
}

/// An append, and where its result goes.
struct AppendJob {
    batch: Batch,
    reply: oneshot::Sender<Result<Appended, StoreError>>,
}

type OtherJob = Box<dyn FnOnce(&mut dyn Store) + Send>;

/// Work for the thread.
enum Job {
    Append(AppendJob),
    Other(OtherJob),
}

type SharedStore = Arc<Mutex<Box<dyn Store>>>;

/// A handle to the store. Clones share it; the thread ends with the last of them.
#[derive(Clone)]
pub(crate) struct Writer {
    store: SharedStore,
    /// Sends jobs to the thread, which starts when it is first needed.
    thread: Arc<Mutex<Option<mpsc::Sender<Job>>>>,
    /// Number of jobs that the thread has not finished.
    queued: Arc<AtomicUsize>,
    runs: Arc<AtomicUsize>,
    agents: Arc<AtomicUsize>,
}

/// The writing thread is gone: it could not be started, or it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the thread that writes the journal is gone")]
pub struct WriterGone;

/// Counts one run or agent until it is dropped.
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn one(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Writer {
    /// A writer for this store.
    pub(crate) fn over(store: Box<dyn Store>) -> Self {
        Self {
            store: Arc::new(Mutex::new(store)),
            thread: Arc::default(),
            queued: Arc::default(),
            runs: Arc::default(),
            agents: Arc::default(),
        }
    }

    /// Counts a run that this process drives.
    pub(crate) fn run(&self) -> Counted {
        Counted::one(&self.runs)
    }

    /// Counts an agent at work.
    pub(crate) fn agent(&self) -> Counted {
        Counted::one(&self.agents)
    }

    /// Appends records. They are durable when this returns `Ok(Ok(_))`.
    pub(crate) async fn append(
        &self,
        batch: Batch,
    ) -> Result<Result<Appended, StoreError>, WriterGone> {
        let here = self.here(|store| match store.append(&[batch.append()]) {
            Ok(mut results) => results.pop().unwrap_or(Ok(Appended::default())),
            Err(error) => Err(error),
        });
        if let Some(done) = here {
            return Ok(done);
        }
        let (reply, answer) = oneshot::channel();
        self.send(Job::Append(AppendJob { batch, reply }))?;
        answer.await.map_err(|_| WriterGone)
    }

    /// Does short work with the store, after all jobs before it.
    pub(crate) async fn shortly<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Result<T, StoreError>, WriterGone> {
        match self.here(|store| work(store)) {
            Some(done) => Ok(done),
            None => self.with(work).await,
        }
    }

    /// The same for callers that try again: it fails within a second when another process
    /// is writing.
    pub(crate) async fn soon<T: Send + 'static>(
        &self,
        work: impl Fn(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Result<T, StoreError>, WriterGone> {
        if let Some(done) = self.here(|store| work(store)) {
            return Ok(done);
        }
        self.with(move |store| {
            store.wait_for_lock(SOON);
            let done = work(store);
            store.wait_for_lock(BUSY_TIMEOUT);
            done
        })
        .await
    }

    /// Does work with the store on its thread, after all jobs before it.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> T + Send + 'static,
    ) -> Result<T, WriterGone> {
        self.ask(work)?.await.map_err(|_| WriterGone)
    }

    /// As [`Self::with`], without waiting for the result.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, WriterGone> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Other(Box::new(move |store| {
            // Fails when the caller is gone; then nobody needs the result.
            let _ = reply.send(work(store));
        })))?;
        Ok(answer)
    }

    /// Does work on the current thread. None when the writing thread must do it: jobs
    /// wait there, other runs or agents would wait here, or another process is writing.
    fn here<T>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let count = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        if count(&self.agents) > 0 || count(&self.runs) > 1 || count(&self.queued) > 0 {
            return None;
        }
        let mut store = match self.store.try_lock() {
            Ok(store) => store,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        store.wait_for_lock(QUICK_WAIT);
        let done = work(store.as_mut());
        store.wait_for_lock(BUSY_TIMEOUT);
        match done {
            Err(StoreError::Busy { .. }) => None,
            done => Some(done),
        }
    }

    fn send(&self, job: Job) -> Result<(), WriterGone> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = match thread.take() {
            Some(jobs) => jobs,
            None => self.start()?,
        };
        self.queued.fetch_add(1, Ordering::SeqCst);
        let sent = jobs.send(job).map_err(|_| WriterGone);
        *thread = Some(jobs);
        sent
    }

    fn start(&self) -> Result<mpsc::Sender<Job>, WriterGone> {
        let (jobs, queue) = mpsc::channel();
        let (store, queued) = (self.store.clone(), self.queued.clone());
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(&store, &queue, &queued))
            .map_err(|_| WriterGone)?;
        Ok(jobs)
    }
}

/// The thread: commits appends in groups, and does other jobs in order.
fn write_all(store: &SharedStore, queue: &mpsc::Receiver<Job>, queued: &AtomicUsize) {
    while let Ok(first) = queue.recv() {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Append(append) => group.push(append),
                Job::Other(work) => {
                    // In order: appends before it are written first.
                    commit(store, std::mem::take(&mut group), queued);
                    work(locked(store).as_mut());
                    queued.fetch_sub(1, Ordering::SeqCst);
                }
            }
            next = if group.len() < GROUP_MAX { queue.try_recv().ok() } else { None };
        }
        commit(store, group, queued);
    }
}

/// The store, also after a panic in another job: that job counts as failed.
fn locked(store: &SharedStore) -> MutexGuard<'_, Box<dyn Store>> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Commits a group of appends in one transaction.
fn commit(store: &SharedStore, group: Vec<AppendJob>, queued: &AtomicUsize) {
    if group.is_empty() {
        return;
    }
    let batches: Vec<Append<'_>> = group.iter().map(|job| job.batch.append()).collect();
    let appended = locked(store).append(&batches);
    queued.fetch_sub(group.len(), Ordering::SeqCst);
    match appended {
        Ok(results) => {
            for (job, result) in group.into_iter().zip(results) {
                let _ = job.reply.send(result);
            }
        }
        Err(error) => {
            for job in group {
                let _ = job.reply.send(Err(error.clone()));
            }
        }
    }
}
