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
    pending: Vec<Entry>,
    events: EventFold,
    report: ReportFold,
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
        self.pending.extend(entries);
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Puts the run into the store, with all that is pending.
    pub(crate) async fn create(&mut self, birth: Birth) -> Result<(), EngineError> {
        let (entries, records) = self.seal()?;
        let created_at_us = entries.first().map_or_else(clock::now_us, |entry| entry.at_us);
        let run =
            NewRun { key: self.key.clone(), name: birth.name, created_at_us, wake_at_us: None };
        let expires = clock::now_us() + clock::LEASE_US;
        let sent = records.clone();
        let lease = self
            .writer
            .with(move |store: &mut dyn Store| store.create(&run, &birth.owner, expires, &sent))
            .await??;
        self.lease = Some(lease);
        self.durable(entries, &records);
        Ok(())
    }

    /// Makes durable all that is pending, then tells the watcher.
    pub(crate) async fn flush(&mut self, wake_at_us: Option<i64>) -> Result<(), EngineError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Some(lease) = self.lease.clone() else { return Ok(()) };
        let (entries, records) = self.seal()?;
        let wake = wake_at_us.map_or(Wake::Never, Wake::At);
        let appended = self.writer.append(lease, self.length, records.clone(), wake).await?;
        match appended {
            Ok(()) => {
                self.durable(entries, &records);
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

    pub(crate) fn activity(&self, activity: &Activity) {
        self.watcher.event(&self.events.activity(activity, clock::now_us()), false);
    }

    /// The report of all that is durable.
    pub(crate) fn into_report(self) -> Result<Report, EngineError> {
        self.report
            .finish(false)
            .map_err(|_| EngineError::UnknownRun { asked: self.key.run.to_string() })
    }

    fn seal(&mut self) -> Result<(Vec<Entry>, Vec<Record>), EngineError> {
        let entries = std::mem::take(&mut self.pending);
        let records: Result<Vec<Record>, _> =
            entries.iter().map(|entry| self.chain.seal(entry)).collect();
        let records = records.map_err(|error| EngineError::System {
            doing: "write an entry of the journal as JSON",
            error: error.into(),
        })?;
        Ok((entries, records))
    }

    fn durable(&mut self, entries: Vec<Entry>, records: &[Record]) {
        self.length += records.len() as u64;
        self.bytes += records.iter().map(|record| record.body.len() as u64).sum::<u64>();
        for entry in &entries {
            self.tell(entry, false);
        }
    }

    fn tell(&mut self, entry: &Entry, replayed: bool) {
        for event in self.events.after(entry) {
            self.watcher.event(&event, replayed);
        }
        self.report.after(entry);
    }
}
