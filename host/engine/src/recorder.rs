//! The journal of one run in this process: what is durable, what is about to be.
//!
//! Owns: sealing entries, appending them under the lease, and telling the
//! watcher of what has become durable, never before. Never: decides what is
//! written.

use smol_wf_core::event::{Activity, EventFold};
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{Chain, Entry, Record};
use smol_wf_core::limits::{JOURNAL_BYTES_MAX, LimitError};
use smol_wf_core::report::{Report, ReportFold};
use smol_wf_store::{Lease, NewRun, RunKey, Store, StoreError, Wake};

use crate::clock;
use crate::error::EngineError;
use crate::watch::Watcher;
use crate::writer::Writer;

pub(crate) struct Recorder<'a> {
    writer: Writer,
    watcher: &'a dyn Watcher,
    key: RunKey,
    lease: Option<Lease>,
    chain: Chain,
    /// Records that are durable.
    length: u64,
    bytes: u64,
    /// The wake-up time that the store has, once this process has set it.
    stored_wake: Option<Option<i64>>,
    pending: Vec<Pending>,
    events: EventFold,
    report: ReportFold,
}

/// What waits for the next commit, in the order in which it is to be told.
enum Pending {
    Entry(Entry),
    /// What an agent was doing between two entries.
    Activity(Activity, i64),
}

/// What a new run's row says.
pub(crate) struct Birth {
    pub(crate) name: String,
    pub(crate) owner: String,
}

impl<'a> Recorder<'a> {
    /// For a run that is not in the store yet.
    pub(crate) fn new(writer: Writer, watcher: &'a dyn Watcher, key: RunKey) -> Self {
        Self {
            writer,
            watcher,
            key,
            lease: None,
            chain: Chain::new(),
            length: 0,
            bytes: 0,
            stored_wake: None,
            pending: Vec::new(),
            events: EventFold::new(),
            report: ReportFold::new(),
        }
    }

    /// For a run that this process has claimed. The watcher is told of what
    /// happened before.
    pub(crate) fn resumed(
        writer: Writer,
        watcher: &'a dyn Watcher,
        lease: Lease,
        records: &[Record],
        entries: &[Entry],
    ) -> Self {
        let mut recorder = Self::new(writer, watcher, lease.key.clone());
        recorder.lease = Some(lease);
        recorder.chain = Chain::after(records);
        recorder.length = records.len() as u64;
        recorder.bytes = records.iter().map(|record| record.body.len() as u64).sum();
        for entry in entries {
            recorder.tell(entry, true);
        }
        recorder
    }

    pub(crate) fn run(&self) -> &RunId {
        &self.key.run
    }

    pub(crate) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    pub(crate) fn absorb(&mut self, entries: Vec<Entry>) {
        self.pending.extend(entries.into_iter().map(Pending::Entry));
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Puts the run into the store, with all that is pending.
    pub(crate) async fn create(&mut self, birth: Birth) -> Result<(), EngineError> {
        let (told, records) = self.seal()?;
        let created_at_us = told.iter().find_map(Pending::at_us).unwrap_or_else(clock::now_us);
        let run =
            NewRun { key: self.key.clone(), name: birth.name, created_at_us, wake_at_us: None };
        let expires = clock::now_us() + clock::LEASE_US;
        let sent = records.clone();
        let lease = self
            .writer
            .with(move |store: &mut dyn Store| store.create(&run, &birth.owner, expires, &sent))
            .await??;
        self.lease = Some(lease);
        // Before anything is told of it.
        self.watcher.run_known(self.run(), false);
        self.durable(told, &records);
        Ok(())
    }

    /// Makes durable all that is pending, then tells the watcher.
    pub(crate) async fn flush(&mut self, wake_at_us: Option<i64>) -> Result<(), EngineError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Some(lease) = self.lease.clone() else { return Ok(()) };
        let (told, records) = self.seal()?;
        // Most commits leave it as it is, and save writing the run's row.
        let wake = match wake_at_us {
            same if self.stored_wake == Some(same) => Wake::Keep,
            Some(at_us) => Wake::At(at_us),
            None => Wake::Never,
        };
        let appended = self.writer.append(lease, self.length, records.clone(), wake).await?;
        match appended {
            Ok(()) => {
                self.stored_wake = Some(wake_at_us);
                self.durable(told, &records);
                Ok(())
            }
            Err(StoreError::LeaseLost { .. }) => {
                Err(EngineError::LeaseLost { run: self.run().clone() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the journal has grown over its bound.
    pub(crate) fn over_limit(&self) -> Option<LimitError> {
        (self.bytes > JOURNAL_BYTES_MAX).then_some(LimitError::Journal { limit: JOURNAL_BYTES_MAX })
    }

    /// Tells what an agent is doing, after the entries that came before it.
    pub(crate) fn activity(&mut self, activity: Activity) {
        let at_us = clock::now_us();
        if self.pending.is_empty() {
            self.watcher.fleeting(&self.events.activity(&activity, at_us));
        } else {
            self.pending.push(Pending::Activity(activity, at_us));
        }
    }

    /// So many agents wait for their turn.
    pub(crate) fn queued(&self, agents: usize) {
        self.watcher.queued(agents);
    }

    /// Passes on what is no part of the run.
    pub(crate) fn warn(&self, message: &str) {
        self.watcher.warn(message);
    }

    /// The report of all that is durable.
    pub(crate) fn into_report(self) -> Result<Report, EngineError> {
        self.report
            .finish(false)
            .map_err(|_| EngineError::UnknownRun { asked: self.key.run.to_string() })
    }

    fn seal(&mut self) -> Result<(Vec<Pending>, Vec<Record>), EngineError> {
        let pending = std::mem::take(&mut self.pending);
        let entries = pending.iter().filter_map(Pending::entry);
        let records: Result<Vec<Record>, _> = entries.map(|entry| self.chain.seal(entry)).collect();
        let records = records.map_err(|error| EngineError::System {
            doing: "write an entry of the journal as JSON",
            error: error.into(),
        })?;
        Ok((pending, records))
    }

    fn durable(&mut self, told: Vec<Pending>, records: &[Record]) {
        self.length += records.len() as u64;
        self.bytes += records.iter().map(|record| record.body.len() as u64).sum::<u64>();
        for pending in &told {
            match pending {
                Pending::Entry(entry) => self.tell(entry, false),
                Pending::Activity(activity, at_us) => {
                    self.watcher.fleeting(&self.events.activity(activity, *at_us));
                }
            }
        }
    }

    fn tell(&mut self, entry: &Entry, replayed: bool) {
        for event in self.events.after(entry) {
            self.watcher.event(&event, replayed);
        }
        self.report.after(entry);
    }
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
