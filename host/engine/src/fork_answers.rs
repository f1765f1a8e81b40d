//! Copies the answers that a fork may reuse from its parent's journal into its own.
//!
//! Owns: copying them one by one, so that a fork of any size fits into memory. Never:
//! decides which answers those are.

use smol_wf_core::guest::Outcome;
use smol_wf_core::journal::{Body, Chain, Entry, Record};
use smol_wf_core::machine::ANSWERS_FROM;
use smol_wf_core::reuse::{AnswerRef, OutcomeRef};
use smol_wf_store::{RunKey, Store, StoreError};

use crate::error::EngineError;
use crate::lease_holder::ClaimedLease;
use crate::read_ahead::outcome_at;

/// The answers of a fork, and the journal that holds those that are not in memory.
pub(crate) struct ForkAnswers {
    pub(crate) parent: RunKey,
    /// The time of their entries, in microseconds since 1970.
    pub(crate) at_us: i64,
    /// With entry numbers of the parent's journal.
    pub(crate) answers: Vec<AnswerRef>,
    /// The lease on the parent, if it must not be forked again before this fork is stored.
    pub(crate) parent_lease: Option<ClaimedLease>,
}

impl ForkAnswers {
    /// The same answers, with the entry numbers of the fork's own journal.
    pub(crate) fn in_fork(&self) -> Vec<AnswerRef> {
        let own = |(entry, answer): (u64, &AnswerRef)| {
            let mut answer = answer.clone();
            if let OutcomeRef::InEntry(place) = &mut answer.outcome {
                *place = entry;
            }
            answer
        };
        (ANSWERS_FROM..).zip(&self.answers).map(own).collect()
    }
}

/// Makes the records of a fork's first commit, one after the other.
pub(crate) struct FirstCommit {
    /// A second handle of the store: the first one writes meanwhile.
    pub(crate) reader: Box<dyn Store>,
    pub(crate) parent: RunKey,
    pub(crate) fork: RunKey,
    pub(crate) at_us: i64,
    /// The entries before the answers, the answers, and the entries after them.
    pub(crate) coming: std::vec::IntoIter<FirstRecord>,
    pub(crate) chain: Chain,
    pub(crate) length: u64,
    pub(crate) bytes: u64,
}

/// One record of the first commit.
pub(crate) enum FirstRecord {
    Entry(Entry),
    Answer(Box<AnswerRef>),
}

impl FirstCommit {
    /// The entry of a record. The outcome of an answer is read from the parent.
    fn entry(&mut self, coming: FirstRecord) -> Result<Entry, StoreError> {
        let answer = match coming {
            FirstRecord::Entry(entry) => return Ok(entry),
            FirstRecord::Answer(answer) => answer,
        };
        let outcome = match &answer.outcome {
            OutcomeRef::Inline(outcome) => outcome.clone(),
            OutcomeRef::InEntry(entry) => self.outcome(*entry)?,
        };
        let body = Body::AnswerPooled(Box::new(answer.with(outcome)));
        Ok(Entry { at_us: self.at_us, body })
    }

    fn outcome(&mut self, entry: u64) -> Result<Outcome, StoreError> {
        outcome_at(self.reader.as_mut(), &self.parent, entry).map_err(|error| match error {
            EngineError::Store(error) => error,
            other => StoreError::Damaged { key: self.parent.clone(), reason: other.to_string() },
        })
    }
}

impl Iterator for FirstCommit {
    type Item = Result<Record, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let coming = self.coming.next()?;
        let record = self.entry(coming).and_then(|entry| {
            self.chain.seal(&entry).map_err(|error| StoreError::Invalid {
                key: self.fork.clone(),
                reason: error.to_string(),
            })
        });
        if let Ok(record) = &record {
            self.length += 1;
            self.bytes += record.body.len() as u64;
        }
        Some(record)
    }
}
