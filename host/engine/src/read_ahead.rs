//! Reads a journal piece by piece, each while the one before it is replayed.
//!
//! Owns: how much is read at a time and ahead. Never: hands out an entry before its
//! digest was checked, and those of all entries before it.

use smol_wf_core::guest::Outcome;
use smol_wf_core::journal::{self, Body, Entry, JournalError, Record};
use smol_wf_store::{Journals, ReadLimit, RunKey};
use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::writer::{Writer, WriterGone};

/// Records of the first piece, for which the reader waits: half a millisecond.
const FIRST_RECORDS: u32 = 256;

/// Most records of a piece: 2 ms, so that commits of other runs on the same thread wait
/// no longer than for each other.
const RECORDS_MAX: u32 = 1_024;

/// Most bytes of a piece, so that memory does not grow with the journal: large answers
/// come one by one.
const BYTES_MAX: usize = 1024 * 1024;

/// Reads one journal. One piece is read ahead on the store's thread.
pub(crate) struct ReadAhead {
    writer: Writer,
    key: RunKey,
    records: u32,
    bodies: bool,
    /// The piece that is being read; none after the last one.
    next_piece: Option<oneshot::Receiver<Result<JournalPiece, EngineError>>>,
}

/// Consecutive entries of a journal.
pub(crate) struct JournalPiece {
    pub(crate) entries: Vec<Entry>,
    /// The record of each entry.
    pub(crate) records: Vec<Record>,
    /// Digest of the last record.
    pub(crate) tip: String,
    /// Size of all bodies, as the journal's limit counts it.
    pub(crate) bytes: u64,
    /// Size of all bodies.
    pub(crate) written: u64,
    /// Where the next piece begins; none after the last one.
    next: Option<Position>,
}

/// A position in a journal.
#[derive(Default)]
struct Position {
    seq: u64,
    /// Digest of the record before it.
    chain: String,
}

impl ReadAhead {
    /// Starts to read a journal from its first record. Bodies are dropped.
    pub(crate) fn begin(writer: Writer, key: RunKey) -> Result<Self, EngineError> {
        Self::start(writer, key, false)
    }

    /// As [`Self::begin`], with the JSON bodies of the records.
    pub(crate) fn with_bodies(writer: Writer, key: RunKey) -> Result<Self, EngineError> {
        Self::start(writer, key, true)
    }

    fn start(writer: Writer, key: RunKey, bodies: bool) -> Result<Self, EngineError> {
        let mut journal = Self { writer, key, bodies, records: FIRST_RECORDS, next_piece: None };
        journal.ask(Position::default())?;
        Ok(journal)
    }

    /// The next piece; none after the last one.
    pub(crate) async fn next(&mut self) -> Result<Option<JournalPiece>, EngineError> {
        let Some(next_piece) = self.next_piece.take() else { return Ok(None) };
        let mut piece = next_piece.await.map_err(|_| WriterGone)??;
        if let Some(next) = piece.next.take() {
            self.ask(next)?;
        }
        Ok(Some(piece))
    }

    /// One entry by its number.
    pub(crate) async fn entry(&self, seq: u64) -> Result<Entry, EngineError> {
        let key = self.key.clone();
        let read = self.writer.ask(move |store| entry_at(store, &key, seq))?;
        read.await.map_err(|_| WriterGone)?
    }

    fn ask(&mut self, at: Position) -> Result<(), EngineError> {
        let (key, records, bodies) = (self.key.clone(), self.records, self.bodies);
        self.records = RECORDS_MAX.min(records.saturating_mul(2));
        self.next_piece =
            Some(self.writer.ask(move |store| read(store, &key, &at, records, bodies))?);
        Ok(())
    }
}

fn read(
    store: &mut dyn Journals,
    key: &RunKey,
    at: &Position,
    limit: u32,
    bodies: bool,
) -> Result<JournalPiece, EngineError> {
    let unknown = || EngineError::UnknownRun { asked: key.run.to_string() };
    let bound = ReadLimit { records: limit, bytes: BYTES_MAX };
    let segment = store.load_from(key, at.seq, bound)?.ok_or_else(unknown)?;
    let mut records = segment.records;
    let entries = journal::read_behind(&at.chain, at.seq, &records)
        .map_err(|error| EngineError::Journal { run: key.run.clone(), error })?;
    let counted = |(entry, record): (&Entry, &Record)| entry.body.counted(record.body.len()) as u64;
    let written = records.iter().map(|record| record.body.len() as u64).sum();
    let bytes = entries.iter().zip(&records).map(counted).sum();
    if !bodies {
        records.iter_mut().for_each(|record| record.body = String::new());
    }
    let tip = records.last().map(|last| last.chain.clone()).unwrap_or_default();
    let next = (!segment.is_last)
        .then(|| Position { seq: at.seq + records.len() as u64, chain: tip.clone() });
    Ok(JournalPiece { entries, records, tip, bytes, written, next })
}

/// One entry of a journal. Its digest, which covers the one before it, is checked.
pub(crate) fn entry_at(
    store: &mut dyn Journals,
    key: &RunKey,
    seq: u64,
) -> Result<Entry, EngineError> {
    let unknown = || EngineError::UnknownRun { asked: key.run.to_string() };
    let mut one = |seq| {
        let segment = store.load_from(key, seq, ReadLimit::records(1))?;
        segment.and_then(|segment| segment.records.into_iter().next()).ok_or_else(unknown)
    };
    let chain = seq.checked_sub(1).map(&mut one).transpose()?.map(|before| before.chain);
    let record = one(seq)?;
    let chain = chain.unwrap_or_default();
    let read = journal::read_behind(&chain, seq, std::slice::from_ref(&record))
        .map_err(|error| EngineError::Journal { run: key.run.clone(), error })?;
    read.into_iter().next().ok_or_else(unknown)
}

/// The outcome in one entry of a journal.
pub(crate) fn outcome_at(
    store: &mut dyn Journals,
    key: &RunKey,
    entry: u64,
) -> Result<Outcome, EngineError> {
    match entry_at(store, key, entry)?.body {
        Body::AnswerPooled(pooled) => Ok(pooled.outcome),
        Body::Settled { outcome, .. }
        | Body::AgentAnswered { outcome, .. }
        | Body::AskAnswered { outcome, .. } => Ok(outcome),
        _ => Err(EngineError::Journal {
            run: key.run.clone(),
            error: JournalError::Unreadable {
                seq: entry,
                reason: "it holds no outcome".to_owned(),
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use smol_wf_core::ids::{RunId, Scope, TenantId};
    use smol_wf_core::journal::{Body, Chain, JournalError, Record};
    use smol_wf_store::{LeaseTerms, MemoryStore, NewRun};

    use super::*;

    fn key() -> RunKey {
        RunKey { tenant: TenantId::local(), run: RunId::from_bits(1) }
    }

    fn sealed(length: u32) -> (Vec<Entry>, Vec<Record>) {
        let log = |n: u32| Body::Logged { scope: Scope::ROOT, message: n.to_string() };
        let entries: Vec<Entry> = (0..length).map(|n| Entry { at_us: 1, body: log(n) }).collect();
        let mut chain = Chain::new();
        let records = entries.iter().map(|entry| chain.seal(entry).unwrap()).collect();
        (entries, records)
    }

    /// Reads this journal to its end. Returns the entries so far, and the result.
    async fn read_all(records: &[Record]) -> (Vec<Entry>, Result<(), EngineError>) {
        let mut store = MemoryStore::new();
        let run = NewRun {
            key: key(),
            name: "n".into(),
            created_at_us: 1,
            wake_at_us: None,
            facts: None,
        };
        let hold = LeaseTerms { owner: "me", lasting: std::time::Duration::from_secs(60) };
        store.create(&run, hold, records).unwrap();
        let writer = Writer::over(Box::new(store));
        let mut journal = ReadAhead::begin(writer, key()).unwrap();
        let mut read = Vec::new();
        loop {
            match journal.next().await {
                Ok(Some(piece)) => read.extend(piece.entries),
                Ok(None) => return (read, Ok(())),
                Err(error) => return (read, Err(error)),
            }
        }
    }

    #[tokio::test]
    async fn journals_of_every_length_come_whole() {
        let whole = FIRST_RECORDS + 2 * FIRST_RECORDS + 2 * RECORDS_MAX;
        for length in [1, FIRST_RECORDS, FIRST_RECORDS + 1, whole - 1, whole, whole + 1] {
            let (entries, records) = sealed(length);
            let (read, ended) = read_all(&records).await;
            assert!(ended.is_ok(), "{length}");
            assert_eq!(read, entries, "{length}");
        }
    }

    #[tokio::test]
    async fn nothing_at_or_behind_a_change_is_handed_out() {
        let (_, records) = sealed(3 * RECORDS_MAX);
        let (first, last) = (FIRST_RECORDS as usize, records.len() - 1);
        for changed in [0, first - 1, first, first + 1, 3 * first, 3 * first + 1, last] {
            let mut records = records.clone();
            records[changed].body =
                records[changed].body.replace("\"message\":\"", "\"message\":\"x");
            let (read, ended) = read_all(&records).await;
            assert!(read.len() <= changed, "{} entries before {changed}", read.len());
            match ended.unwrap_err() {
                EngineError::Journal { error, .. } => {
                    assert_eq!(error, JournalError::Changed { seq: changed as u64 });
                }
                other => panic!("{other}"),
            }
        }
    }

    #[tokio::test]
    async fn a_run_that_is_not_there_is_unknown() {
        let writer = Writer::over(Box::new(MemoryStore::new()));
        let ended = ReadAhead::begin(writer, key()).unwrap().next().await;
        assert!(matches!(ended, Err(EngineError::UnknownRun { .. })));
    }
}
