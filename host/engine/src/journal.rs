//! Reads a recorded run in bounded memory.
//!
//! Owns: the first pass over a whole journal, and what it keeps for the second.
//! Never: what an entry means.

use smol_wf_core::journal::{Entry, RunHead, ScopeStart};
use smol_wf_core::limits::Limits;
use smol_wf_core::survey::Survey;
use smol_wf_store::RunKey;

use crate::error::EngineError;
use crate::read_ahead::ReadAhead;
use crate::runs::{row, same_run, unknown};
use crate::writer::Writer;

/// Up to this size a journal stays in memory after the first pass: reading costs 6 µs
/// an entry, and most journals are small.
const KEPT_BYTES_MAX: u64 = 12 * 1024 * 1024;

/// A journal that was read once; all digests were checked.
pub(crate) struct Journal {
    pub(crate) survey: Survey,
    /// Digest of its last record.
    pub(crate) tip: String,
    /// Size of all bodies, as the journal's limit counts it.
    pub(crate) bytes: u64,
    key: RunKey,
    /// All entries, when the journal is small.
    kept: Option<Vec<Entry>>,
}

impl Journal {
    /// The head, the first script and the limits last in force.
    pub(crate) fn recorded(&self) -> Result<(RunHead, ScopeStart, Limits), EngineError> {
        let Survey { head, root, limits, .. } = &self.survey;
        match (head, root) {
            (Some(head), Some(root)) => Ok((head.clone(), root.clone(), *limits)),
            _ => Err(unknown(&self.key.run)),
        }
    }

    /// Reads the entries again, from the first one.
    pub(crate) fn entries(self, writer: &Writer) -> Result<Entries, EngineError> {
        Ok(match self.kept {
            Some(entries) => Entries::Kept(Some(entries)),
            None => Entries::Stored(ReadAhead::begin(writer.clone(), self.key)?),
        })
    }
}

/// The entries of a journal that are still to be read.
pub(crate) enum Entries {
    Kept(Option<Vec<Entry>>),
    Stored(ReadAhead),
}

impl Entries {
    pub(crate) const NONE: Self = Self::Kept(None);

    /// The next entries; none after the last ones.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Entry>>, EngineError> {
        match self {
            Self::Kept(entries) => Ok(entries.take()),
            Self::Stored(pieces) => Ok(pieces.next().await?.map(|piece| piece.entries)),
        }
    }
}

/// The first pass over a journal.
pub(crate) async fn survey(writer: &Writer, key: &RunKey) -> Result<Journal, EngineError> {
    look(writer, key, &mut |_, _, _| {}).await
}

/// The first pass, which shows each entry to `see`: its number, the digest before it,
/// and the entry.
pub(crate) async fn look(
    writer: &Writer,
    key: &RunKey,
    see: &mut (dyn FnMut(u64, &str, &Entry) + Send),
) -> Result<Journal, EngineError> {
    let row = row(writer, key).await?.ok_or_else(|| unknown(&key.run))?;
    let mut pieces = ReadAhead::begin(writer.clone(), key.clone())?;
    let mut journal = Journal {
        survey: Survey::default(),
        tip: String::new(),
        bytes: 0,
        key: key.clone(),
        kept: Some(Vec::new()),
    };
    let mut written = 0;
    while let Some(piece) = pieces.next().await? {
        if journal.survey.entries == 0 {
            same_run(&row, &piece.entries)?;
        }
        let mut before = std::mem::replace(&mut journal.tip, piece.tip.clone());
        for (entry, record) in piece.entries.iter().zip(&piece.records) {
            see(journal.survey.entries, &before, entry);
            before.clone_from(&record.chain);
            journal.survey.add(entry);
        }
        journal.bytes += piece.bytes;
        written += piece.written;
        match &mut journal.kept {
            Some(kept) if written <= KEPT_BYTES_MAX => kept.extend(piece.entries),
            kept => *kept = None,
        }
    }
    if journal.survey.entries == 0 { Err(unknown(&key.run)) } else { Ok(journal) }
}
