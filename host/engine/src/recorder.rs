//! Writes the journal of one run.
//!
//! Owns: sealing entries, appending them under the lease, and telling the watcher
//! what is durable, never before. Never: decides what is written.

use std::sync::Arc;

use smol_wf_core::event::{Activity, EventFold};
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{Chain, Entry, Record};
use smol_wf_core::limits::{LimitError, Limits};
use smol_wf_core::machine::ANSWERS_FROM;
use smol_wf_core::report::{Report, ReportFold, RunState};
use smol_wf_core::stop::StopReason;
use smol_wf_providers::Processes;
use smol_wf_store::{Facts, Lease, LeaseTerms, NewRun, RunKey, Store, StoreError, Wake};
use tokio::time::Instant;

use crate::clock;
use crate::error::EngineError;
use crate::facts::facts;
use crate::fork_answers::{FirstCommit, FirstRecord, ForkAnswers};
use crate::journal::Journal;
use crate::lease_holder::{ClaimedLease, HeldLease};
use crate::lock_wait::LockWait;
use crate::watch::{Notice, Watcher};
use crate::writer::{Batch, Writer};

/// Pending bytes after which a turn's entries are made durable at once. Otherwise
/// large answers would pile up in memory.
const PENDING_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Where the journal is written, and the programs of the run, which end before its
/// lease is released.
type Tools = (Writer, Processes);

/// The journal of a run that this process holds or creates.
pub(crate) struct Recorder<'a> {
    writer: Writer,
    processes: Processes,
    watcher: &'a dyn Watcher,
    lock_wait: LockWait<'a>,
    key: RunKey,
    /// Set until the first commit, which creates the run.
    new_run: Option<NewRunInfo>,
    held: Option<HeldLease>,
    chain: Chain,
    /// Number of durable records.
    length: u64,
    bytes: u64,
    /// The wake-up time in the store, once this process has set it.
    stored_wake: Option<Option<i64>>,
    /// The state in the store, once this process has set it.
    stored_state: Option<RunState>,
    pending: Vec<Pending>,
    pending_bytes: usize,
    events: EventFold,
    report: ReportFold,
}

/// An item that waits for the next commit. Items are noticed in this order.
enum Pending {
    Entry(Entry),
    /// An activity of an agent between two entries.
    Activity(Activity, i64),
}

/// Columns of a new run's row.
#[derive(Clone)]
pub(crate) struct NewRunInfo {
    pub(crate) name: String,
    pub(crate) owner: String,
}

impl<'a> Recorder<'a> {
    /// For a run that is not in the store yet. The first commit creates it, together
    /// with the entries of its first turn.
    pub(crate) fn new(
        tools: Tools,
        lock_wait: LockWait<'a>,
        key: RunKey,
        new_run: NewRunInfo,
    ) -> Self {
        Self { new_run: Some(new_run), ..Self::of(tools, lock_wait, key) }
    }

    fn of((writer, processes): Tools, lock_wait: LockWait<'a>, key: RunKey) -> Self {
        Self {
            writer,
            processes,
            watcher: lock_wait.watcher,
            lock_wait,
            key,
            new_run: None,
            held: None,
            chain: Chain::new(),
            length: 0,
            bytes: 0,
            stored_wake: None,
            stored_state: None,
            pending: Vec::new(),
            pending_bytes: 0,
            events: EventFold::new(),
            report: ReportFold::new(),
        }
    }

    /// For a run that this process has claimed. [`Self::retell`] notices its recorded
    /// events.
    pub(crate) fn resumed(
        tools: Tools,
        lock_wait: LockWait<'a>,
        lease: Lease,
        journal: &Journal,
    ) -> Self {
        let mut recorder = Self::of(tools, lock_wait, lease.key.clone());
        recorder.hold(lease);
        recorder.chain = Chain::behind(journal.tip.clone());
        recorder.length = journal.survey.entries;
        recorder.bytes = journal.bytes;
        recorder
    }

    /// Notices the events of entries that earlier holders wrote.
    pub(crate) fn retell(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.tell(entry, true);
        }
    }

    /// The id of the run.
    pub(crate) fn run(&self) -> &RunId {
        &self.key.run
    }

    /// The lease; none before the first commit.
    pub(crate) fn lease(&self) -> Option<&Lease> {
        self.held.as_ref().map(HeldLease::lease)
    }

    /// Begins to renew the lease.
    fn hold(&mut self, lease: Lease) {
        let cancel = self.lock_wait.cancel.clone();
        self.held = Some(HeldLease::begin(lease, &self.writer, &self.processes, cancel));
    }

    /// Releases the run.
    pub(crate) async fn let_go(&mut self) {
        let held = self.held.take();
        if let Some(held) = &held {
            held.end();
        }
        let lease = held.as_ref().map(|held| held.lease().clone());
        let let_go = self.writer.shortly(move |store: &mut dyn Store| {
            if let Some(lease) = &lease {
                store.release(lease)?;
            }
            store.checkpoint()
        });
        // If this fails, the lease ends with this process, and readers read the store's
        // log.
        let _ = let_go.await;
    }

    /// Sets the time after which the process stops waiting for a locked database.
    pub(crate) fn give_up_at(&mut self, deadline: Option<Instant>) {
        self.lock_wait.deadline = deadline;
    }

    /// Takes entries for the next commit.
    pub(crate) fn absorb(&mut self, entries: Vec<Entry>) {
        self.pending_bytes += entries.iter().map(|entry| entry.body.weight()).sum::<usize>();
        self.pending.extend(entries.into_iter().map(Pending::Entry));
    }

    /// Whether enough bytes are pending for a commit of their own.
    pub(crate) fn is_laden(&self) -> bool {
        self.pending_bytes > PENDING_BYTES_MAX
    }

    /// Whether entries wait for a commit.
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Makes pending entries durable, then notices their events.
    pub(crate) async fn flush(&mut self, wake_at_us: Option<i64>) -> Result<(), EngineError> {
        self.commit(wake_at_us, false).await
    }

    /// The same for the last time, when nothing is at work any more: the same commit
    /// releases the lease.
    pub(crate) async fn flush_last(&mut self) -> Result<(), EngineError> {
        self.commit(None, true).await
    }

    /// Appends the pending entries, with the state and the wake-up time when they change.
    async fn commit(&mut self, wake_at_us: Option<i64>, release: bool) -> Result<(), EngineError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if let Some(new_run) = self.new_run.take() {
            return self.create(new_run, wake_at_us).await;
        }
        let Some(lease) = self.lease().cloned() else { return Ok(()) };
        let (told, records) = self.seal()?;
        // Most commits do not change it, and need not write the run's row.
        let wake = match wake_at_us {
            same if self.stored_wake == Some(same) => Wake::Keep,
            Some(at_us) => Wake::At(at_us),
            None => Wake::Never,
        };
        if let Some(held) = self.held.as_ref().filter(|_| release) {
            held.end();
        }
        let last = told.iter().rev().find_map(Pending::entry);
        let stands = last.map(|last| RunState::after(&last.body, false));
        let state = stands.filter(|_| stands != self.stored_state);
        let first_seq = self.length;
        let batch =
            Batch { lease, first_seq, records: records.clone(), state, wake, takes: None, release };
        let appended = self.lock_wait.wait(|| self.writer.append(batch.clone())).await?;
        match appended {
            Ok(_) => {
                self.stored_wake = Some(wake_at_us);
                self.stored_state = stands.or(self.stored_state);
                if release {
                    self.held = None;
                }
                self.durable(told, &records);
                Ok(())
            }
            Err(StoreError::LeaseLost { .. }) => {
                Err(EngineError::LeaseLost { run: self.run().clone() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Creates a fork in the store, with the reusable answers in their place among the
    /// pending entries.
    pub(crate) async fn create_fork(&mut self, answers: ForkAnswers) -> Result<(), EngineError> {
        let Some(new_run) = self.new_run.take() else { return Ok(()) };
        let told = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let mut coming: Vec<FirstRecord> =
            told.iter().filter_map(Pending::entry).cloned().map(FirstRecord::Entry).collect();
        let place = usize::try_from(ANSWERS_FROM).unwrap_or(0).min(coming.len());
        let behind = coming.split_off(place);
        let ForkAnswers { parent, at_us, answers, parent_lease } = answers;
        coming.extend(answers.into_iter().map(|answer| FirstRecord::Answer(Box::new(answer))));
        coming.extend(behind);
        let key = self.key.clone();
        let run = NewRun {
            key: key.clone(),
            name: new_run.name,
            created_at_us: told.iter().find_map(Pending::at_us).unwrap_or(at_us),
            wake_at_us: None,
            facts: facts_of(&told),
        };
        self.lock_wait.start(|| self.writer.soon(|store| store.try_lock())).await??;
        let writer = self.writer.clone();
        let (claimed, chain, length, bytes) = self
            .writer
            .with(move |store: &mut dyn Store| {
                let mut records = FirstCommit {
                    reader: store.open_again()?,
                    parent,
                    fork: key,
                    at_us,
                    coming: coming.into_iter(),
                    chain: Chain::new(),
                    length: 0,
                    bytes: 0,
                };
                let hold = LeaseTerms { owner: &new_run.owner, lasting: clock::LEASE };
                store.create_from(&run, Some(hold), &mut records)?;
                let claimed = ClaimedLease::new(hold.of_new(&run.key), &writer);
                let FirstCommit { chain, length, bytes, .. } = records;
                Ok::<_, StoreError>((claimed, chain, length, bytes))
            })
            .await??;
        (self.chain, self.length, self.bytes) = (chain, length, bytes);
        // Another resume of the parent finds this fork from now on.
        drop(parent_lease);
        self.stored_wake = Some(None);
        self.hold(claimed.keep());
        self.watcher.notice(Notice::RunKnown { run: self.run(), resumed: false });
        self.durable(told, &[]);
        Ok(())
    }

    /// Creates the run in the store, with the pending entries.
    async fn create(
        &mut self,
        new_run: NewRunInfo,
        wake_at_us: Option<i64>,
    ) -> Result<(), EngineError> {
        let (told, records) = self.seal()?;
        let created_at_us = told.iter().find_map(Pending::at_us).unwrap_or_else(clock::now_us);
        let facts = facts_of(&told);
        self.stored_state = facts.as_ref().map(|facts| facts.state);
        let run =
            NewRun { key: self.key.clone(), name: new_run.name, created_at_us, wake_at_us, facts };
        let sent = records.clone();
        let new = Arc::new((run, new_run.owner, sent));
        let claimed = self
            .lock_wait
            .start(|| {
                let (new, writer) = (new.clone(), self.writer.clone());
                self.writer.soon(move |store: &mut dyn Store| {
                    let (run, owner, records) = &*new;
                    let terms = LeaseTerms { owner, lasting: clock::LEASE };
                    let lease = store.create(run, terms, records)?;
                    Ok(ClaimedLease::new(lease, &writer))
                })
            })
            .await??;
        self.stored_wake = Some(wake_at_us);
        self.hold(claimed.keep());
        // Before any other notice of it.
        self.watcher.notice(Notice::RunKnown { run: self.run(), resumed: false });
        self.durable(told, &records);
        Ok(())
    }

    /// The limit of the journal's size, if it is exceeded.
    pub(crate) fn over_limit(&self, limits: &Limits) -> Option<LimitError> {
        let limit_mib = limits.journal_mib;
        let is_over = self.bytes > u64::from(limit_mib) * 1024 * 1024;
        is_over.then_some(LimitError::Journal { limit_mib })
    }

    /// Notices an activity of an agent, after the entries before it are durable.
    pub(crate) fn activity(&mut self, activity: Activity) {
        let at_us = clock::now_us();
        if self.pending.is_empty() {
            self.watcher.notice(Notice::Activity(&self.events.activity(&activity, at_us)));
        } else {
            self.pending.push(Pending::Activity(activity, at_us));
        }
    }

    /// Notices the number of queued agents.
    pub(crate) fn queued(&self, agents: usize) {
        self.watcher.notice(Notice::Queued { agents });
    }

    /// Notices a warning that is not part of the run.
    pub(crate) fn warn(&self, message: &str) {
        self.watcher.notice(Notice::Warning(message));
    }

    /// Notices that the run stops when the agents at work have finished.
    pub(crate) fn waits_for_agents(&self, at_work: usize, reason: &StopReason) {
        self.watcher.notice(Notice::WaitsForAgents { at_work, reason });
    }

    /// The report of all durable entries.
    pub(crate) fn into_report(self) -> Result<Report, EngineError> {
        self.report
            .finish(false)
            .map_err(|_| EngineError::UnknownRun { asked: self.key.run.to_string() })
    }

    /// Takes the pending entries, and makes their records.
    fn seal(&mut self) -> Result<(Vec<Pending>, Arc<[Record]>), EngineError> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let entries = pending.iter().filter_map(Pending::entry);
        let records: Result<Arc<[Record]>, _> =
            entries.map(|entry| self.chain.seal(entry)).collect();
        let records = records.map_err(|error| EngineError::System {
            doing: "write an entry of the journal as JSON",
            error: error.into(),
        })?;
        Ok((pending, records))
    }

    /// Notices entries and activities that are durable now.
    fn durable(&mut self, told: Vec<Pending>, records: &[Record]) {
        self.length += records.len() as u64;
        let entries = told.iter().filter_map(Pending::entry);
        self.bytes += entries
            .zip(records)
            .map(|(entry, record)| entry.body.counted(record.body.len()) as u64)
            .sum::<u64>();
        for pending in &told {
            match pending {
                Pending::Entry(entry) => self.tell(entry, false),
                Pending::Activity(activity, at_us) => {
                    self.watcher.notice(Notice::Activity(&self.events.activity(activity, *at_us)));
                }
            }
        }
    }

    /// Notices the events of an entry.
    fn tell(&mut self, entry: &Entry, replayed: bool) {
        for event in self.events.after(entry) {
            self.watcher.notice(Notice::Event { event: &event, replayed });
        }
        self.report.after(entry);
    }
}

/// The facts of a run that begins with these entries.
fn facts_of(told: &[Pending]) -> Option<Facts> {
    let mut entries = told.iter().filter_map(Pending::entry);
    let first = entries.next()?;
    facts(&first.body, &entries.next_back().unwrap_or(first).body)
}

impl Pending {
    fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Activity(..) => None,
        }
    }

    fn at_us(&self) -> Option<i64> {
        self.entry().map(|entry| entry.at_us)
    }
}
