//! Lists of runs, and the data kept beside journals for them.
//!
//! Owns: the contract of a store for lists. Never: what a list shows of a run.

use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::report::RunState;

use crate::{LeaseRow, RunKey, StoreError};

/// A run in a list. Everything shown of a run is a fold over its records; `summary`
/// is such a fold, kept so that a list need not load whole journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Id of the run.
    pub key: RunKey,
    /// Name of the run, as in [`crate::NewRun`].
    pub name: String,
    /// Creation time, as in [`crate::NewRun`].
    pub created_at_us: i64,
    /// Length of the journal.
    pub entries: u64,
    /// Digest of its last record, in hex.
    pub tip: String,
    /// The lease on the run, expired or not.
    pub lease: Option<LeaseRow>,
    /// Text of its [`Summary`]; none when the journal has changed since.
    pub summary: Option<String>,
    /// Place of its agents, as in [`Facts`]; none when unknown.
    pub place: Option<String>,
}

/// The columns by which lists are filtered. The store keeps them and interprets no
/// entry: the caller of an append says how they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// State of the run, regardless of its lease.
    pub state: RunState,
    /// The run of which it is a fork.
    pub parent: Option<RunId>,
    /// Folder in which its agents work.
    pub place: String,
}

/// Facts that were read from the journal of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Id of the run.
    pub run: RunId,
    /// Length of the journal when it was read.
    pub entries: u64,
    /// Digest of its last record.
    pub tip: String,
    /// The facts.
    pub facts: Facts,
}

/// A fold of a journal, kept beside it as a cache. It is valid while the journal ends
/// where it ended then, and is deleted with the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Id of the run.
    pub run: RunId,
    /// Length of the journal when it was read.
    pub entries: u64,
    /// Digest of its last record.
    pub tip: String,
    /// The fold, in a format that only the caller knows.
    pub text: String,
}

/// A page of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page<'a> {
    /// Only runs before this one: creation time and id of the last row of the previous
    /// page.
    pub before: Option<(i64, &'a RunId)>,
    /// Most rows.
    pub limit: u32,
    /// Only runs with this name.
    pub name: Option<&'a str>,
    /// Only runs created at or after this time, in microseconds since 1970.
    pub since_us: Option<i64>,
    /// Only runs created before this time, in microseconds since 1970.
    pub until_us: Option<i64>,
    /// Only runs with these facts.
    pub filter: RunFilter<'a>,
}

/// Selects runs by their [`Facts`]. A run whose facts are unknown is always selected;
/// the caller decides by its journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunFilter<'a> {
    /// All runs.
    #[default]
    All,
    /// Runs in one of these states. With no state: only runs whose facts are unknown.
    States(&'a [RunState]),
    /// Forks of this run.
    ForksOf(&'a RunId),
}

/// Finds runs without reading their journals.
pub trait Lists {
    /// Runs of a tenant by creation time, the newest first.
    ///
    /// # Errors
    /// When the runs cannot be read.
    fn list(&mut self, tenant: &TenantId, page: &Page<'_>) -> Result<Vec<RunRow>, StoreError>;

    /// Runs of a tenant in the order in which they were stored, the newest first,
    /// without the first `skip` of them. A clock that was set back does not change
    /// this order.
    ///
    /// # Errors
    /// When the runs cannot be read.
    fn newest(
        &mut self,
        tenant: &TenantId,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// Runs of a tenant whose id starts with `prefix`, ordered by id.
    ///
    /// # Errors
    /// When the runs cannot be read.
    fn find(
        &mut self,
        tenant: &TenantId,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// Keeps summaries. One that no longer fits its journal is silently left out.
    ///
    /// # Errors
    /// When the summaries cannot be written.
    fn put_summaries(&mut self, tenant: &TenantId, summaries: &[Summary])
    -> Result<(), StoreError>;

    /// Keeps facts of runs whose facts are unknown, held or not: from then on appends
    /// keep the state up to date. Facts that no longer fit their journal are silently
    /// left out.
    ///
    /// # Errors
    /// When the facts cannot be written.
    fn put_facts(&mut self, tenant: &TenantId, found: &[RunFacts]) -> Result<(), StoreError>;
}
