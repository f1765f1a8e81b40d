//! The one thread that writes: every append of every run goes through it.
//!
//! Owns: the store, and group commit (whatever waits while a commit is under
//! way goes into the next one together). Never: decides what is written.

use std::sync::mpsc;
use std::thread;

use smol_wf_core::journal::Record;
use smol_wf_store::{Append, Lease, Store, StoreError, Wake};
use tokio::sync::oneshot;

/// Appends that go into one transaction at the most. More would make the first
/// of them wait for long.
const GROUP_MAX: usize = 256;

struct AppendJob {
    lease: Lease,
    first_seq: u64,
    records: Vec<Record>,
    wake: Wake,
    reply: oneshot::Sender<Result<(), StoreError>>,
}

type OtherJob = Box<dyn FnOnce(&mut dyn Store) + Send>;

enum Job {
    Append(AppendJob),
    Other(OtherJob),
}

/// A handle to the writing thread; clones share it. The thread ends when the
/// last handle is gone.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
}

/// The writing thread is gone: it could not be started, or it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the thread that writes the journal is gone")]
pub struct WriterGone;

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(store: Box<dyn Store>) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(store, &queue))?;
        Ok(Self { jobs })
    }

    /// Makes records durable. When this returns `Ok`, they are.
    pub(crate) async fn append(
        &self,
        lease: Lease,
        first_seq: u64,
        records: Vec<Record>,
        wake: Wake,
    ) -> Result<Result<(), StoreError>, WriterGone> {
        let (reply, answer) = oneshot::channel();
        let job = AppendJob { lease, first_seq, records, wake, reply };
        self.jobs.send(Job::Append(job)).map_err(|_| WriterGone)?;
        answer.await.map_err(|_| WriterGone)
    }

    /// Does something with the store, in turn.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> T + Send + 'static,
    ) -> Result<T, WriterGone> {
        self.ask(work)?.await.map_err(|_| WriterGone)
    }

    /// As [`Self::with`], without waiting: it is done meanwhile.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, WriterGone> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Other(Box::new(move |store| {
            // Whoever asked may have gone; then nobody wants the answer.
            let _ = reply.send(work(store));
        }));
        self.jobs.send(job).map_err(|_| WriterGone)?;
        Ok(answer)
    }
}

fn write_all(mut store: Box<dyn Store>, queue: &mpsc::Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Append(append) => group.push(append),
                Job::Other(work) => {
                    // In turn: what was asked for before it is written first.
                    commit(store.as_mut(), std::mem::take(&mut group));
                    work(store.as_mut());
                }
            }
            next = if group.len() < GROUP_MAX { queue.try_recv().ok() } else { None };
        }
        commit(store.as_mut(), group);
    }
}

fn commit(store: &mut dyn Store, group: Vec<AppendJob>) {
    if group.is_empty() {
        return;
    }
    let batches: Vec<Append<'_>> = group
        .iter()
        .map(|job| Append {
            lease: &job.lease,
            first_seq: job.first_seq,
            records: &job.records,
            wake: job.wake,
        })
        .collect();
    match store.append(&batches) {
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
