//! Lists of runs, and what is kept beside their journals for them.
//!
//! Owns: what a store promises of them. Never: what a list shows of a run.

use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::report::RunState;

use crate::{LeaseRow, RunKey, StoreError};

/// A run in a list. What it means is a fold over its records; `summary` is such
/// a fold that was kept, so that a list need not load whole journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Which.
    pub key: RunKey,
    /// As in [`crate::NewRun`].
    pub name: String,
    /// As in [`crate::NewRun`].
    pub created_at_us: i64,
    /// Length of the journal.
    pub entries: u64,
    /// Digest of its last record.
    pub tip: String,
    /// Who holds the run, if anyone does.
    pub lease: Option<LeaseRow>,
    /// As in [`Summary`]; none when the journal has grown since.
    pub summary: Option<String>,
    /// As in [`Facts`]; none when it is not known.
    pub place: Option<String>,
}

/// What lists are narrowed by. The store keeps it and interprets no entry: who
/// appends says what it is behind that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// How the run stands, as if nobody held it.
    pub state: RunState,
    /// The run that it is a fork of.
    pub parent: Option<RunId>,
    /// Where its agents work.
    pub place: String,
}

/// Facts that a reader found in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Of which run.
    pub run: RunId,
    /// Length of the journal that was read.
    pub entries: u64,
    /// Digest of its last record.
    pub tip: String,
    /// What was found.
    pub facts: Facts,
}

/// What a reader made of a journal, kept beside it. Only a cache: it is handed
/// out while the journal ends where it ended, and gone with the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Of which run.
    pub run: RunId,
    /// Length of the journal that was read.
    pub entries: u64,
    /// Digest of its last record.
    pub tip: String,
    /// What was made of it, in the reader's own words.
    pub text: String,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page<'a> {
    /// Only runs older than this: creation time and id of the last row of the
    /// page before.
    pub before: Option<(i64, &'a RunId)>,
    /// Rows at the most.
    pub limit: u32,
    /// Only runs of this name.
    pub name: Option<&'a str>,
    /// Only runs created at this time or later, in microseconds since 1970.
    pub since_us: Option<i64>,
    /// Only runs created before this time.
    pub until_us: Option<i64>,
    /// Only some of them.
    pub filter: RunFilter<'a>,
}

/// Which runs, as far as their [`Facts`] are known. Where they are not, a run is
/// among those that are asked for, and its journal decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunFilter<'a> {
    /// All.
    #[default]
    All,
    /// Those in one of these states; of none, only those of which it is not known.
    States(&'a [RunState]),
    /// Forks of this run.
    ForksOf(&'a RunId),
}

/// Finds runs without reading their journals.
pub trait Lists {
    /// Runs of a tenant, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn list(&mut self, tenant: &TenantId, page: &Page<'_>) -> Result<Vec<RunRow>, StoreError>;

    /// Runs of a tenant in the order in which they came into this store, the
    /// newest first, behind so many of them: a clock that was set back does not
    /// make an older run of a newer one.
    ///
    /// # Errors
    /// When they cannot be read.
    fn newest(
        &mut self,
        tenant: &TenantId,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// Runs of a tenant whose id starts like this, in order of their ids.
    ///
    /// # Errors
    /// When they cannot be read.
    fn find(
        &mut self,
        tenant: &TenantId,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// Keeps what was made of journals. What no longer fits its journal is left
    /// out without a word.
    ///
    /// # Errors
    /// When they cannot be written.
    fn put_summaries(&mut self, tenant: &TenantId, summaries: &[Summary])
    -> Result<(), StoreError>;

    /// Keeps the facts of runs of which they are not known, whoever holds them: who
    /// writes on says how a run stands then. What no longer fits its journal is left
    /// out without a word.
    ///
    /// # Errors
    /// When they cannot be written.
    fn put_facts(&mut self, tenant: &TenantId, found: &[RunFacts]) -> Result<(), StoreError>;
}
