//! Keeps the journals of runs, durably and in order.
//!
//! Owns: the trait that the engine writes through, the leases that keep two
//! processes from writing one journal, large values by digest, and two stores:
//! [`SqliteStore`] on disk and [`MemoryStore`] for tests and runs that nobody
//! wants to keep. Never: decides what an entry means, which entry may follow
//! which, or what time it is; a record is text, and time is an argument.
//!
//! Everything here blocks. The engine gives a store one thread of its own and
//! sends it batches, so that many runs share one commit.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod memory;
mod pack;
mod sqlite;

use smol_wf_core::ids::{Digest, RunId, TenantId};
use smol_wf_core::journal::Record;

pub use error::StoreError;
pub use memory::MemoryStore;
pub use pack::LARGE_BYTES;
pub use sqlite::{BUSY_TIMEOUT, SQLITE_OLDEST, SqliteStore};

/// Names one run among all tenants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which.
    pub run: RunId,
}

/// The right to write one journal, as its holder keeps it.
///
/// The fence is what counts: a lease whose fence is no longer the run's is
/// refused, whatever the clocks of the two machines say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which journal.
    pub key: RunKey,
    /// Who holds it, in words that `dead` of [`Store::claim`] understands.
    pub owner: String,
    /// Grows by one with every claim, and never falls.
    pub fence: u64,
    /// From when on anyone may take it, in microseconds since 1970.
    pub expires_at_us: i64,
}

/// A lease as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Who holds it.
    pub owner: String,
    /// As in [`Lease`].
    pub fence: u64,
    /// As in [`Lease`]. A row may be past it: then nobody took the run up since.
    pub expires_at_us: i64,
}

/// A run in a list. What it means is a fold over its records; `summary` is such
/// a fold that was kept, so that a list need not load whole journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Which.
    pub key: RunKey,
    /// As in [`NewRun`].
    pub name: String,
    /// As in [`NewRun`].
    pub created_at_us: i64,
    /// Length of the journal.
    pub entries: u64,
    /// Digest of its last record.
    pub tip: String,
    /// Who holds the run, if anyone does.
    pub lease: Option<LeaseRow>,
    /// As in [`Summary`]; none when the journal has grown since.
    pub summary: Option<String>,
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

/// A run to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Which.
    pub key: RunKey,
    /// What lists can be narrowed to.
    pub name: String,
    /// Decides its place in lists; microseconds since 1970.
    pub created_at_us: i64,
    /// As in [`Wake::At`].
    pub wake_at_us: Option<i64>,
}

/// What an append does to the time at which a run wants to be taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// It stays as it is.
    Keep,
    /// It becomes this, in microseconds since 1970.
    At(i64),
    /// The run waits for no time.
    Never,
}

/// Records for the end of one journal.
#[derive(Debug, Clone, Copy)]
pub struct Append<'a> {
    /// The right to write there.
    pub lease: &'a Lease,
    /// Number of the first record, from 0: the length that the writer takes the
    /// journal to have.
    pub first_seq: u64,
    /// In order. None at all is fine: then only `wake` is set.
    pub records: &'a [Record],
    /// When the run wants to be taken up.
    pub wake: Wake,
}

/// Consecutive records of one journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// In order.
    pub records: Vec<Record>,
    /// Whether the journal ends with them.
    pub is_last: bool,
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
}

/// A place for journals. `conformance::run` (feature `conformance`) is what
/// every implementation has to pass.
///
/// An `Err` of a writing call means that nothing of it may be taken for
/// durable. After an I/O error it may nevertheless be on disk: load the journal
/// again before writing on.
pub trait Store: Send {
    /// Creates a run with its lease and its first records, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::RunExists`]; [`StoreError::Invalid`] when there is no
    /// record or one is not JSON; anything that keeps the database from working.
    fn create(
        &mut self,
        run: &NewRun,
        owner: &str,
        expires_at_us: i64,
        records: &[Record],
    ) -> Result<Lease, StoreError>;

    /// Appends to any number of journals in one commit. A batch is appended
    /// whole or, with an inner error, not at all; the others do not suffer.
    ///
    /// # Errors
    /// Inner: [`StoreError::LeaseLost`], [`StoreError::OutOfSequence`],
    /// [`StoreError::Invalid`]. Outer: nothing of any batch may be taken for
    /// durable.
    fn append(&mut self, batches: &[Append<'_>])
    -> Result<Vec<Result<(), StoreError>>, StoreError>;

    /// The journal of a run from one record on, so many records at the most;
    /// none when there is no such run.
    ///
    /// # Errors
    /// As of [`Self::load`], as far as that is seen from here: what is missing at
    /// the end is seen in the last stretch.
    fn load_from(
        &mut self,
        key: &RunKey,
        first_seq: u64,
        limit: u32,
    ) -> Result<Option<Stretch>, StoreError>;

    /// The whole journal of a run; none when there is no such run.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a record is missing at any place, the end
    /// included; anything that keeps it from being read. Whether a record was
    /// changed is for its reader to see.
    fn load(&mut self, key: &RunKey) -> Result<Option<Vec<Record>>, StoreError>;

    /// Takes a run: one that is free, whose lease is over, whose holder is this
    /// owner, or whose holder is dead. `dead` is asked while the database is
    /// locked, so it must not take long.
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`], [`StoreError::NoSuchRun`].
    fn claim(
        &mut self,
        key: &RunKey,
        owner: &str,
        now_us: i64,
        expires_at_us: i64,
        dead: &dyn Fn(&str) -> bool,
    ) -> Result<Lease, StoreError>;

    /// Moves the end of a lease, in the store and in `lease`.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    fn renew(&mut self, lease: &mut Lease, expires_at_us: i64) -> Result<(), StoreError>;

    /// Lets go of a run.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it was no longer held.
    fn release(&mut self, lease: &Lease) -> Result<(), StoreError>;

    /// Runs of a tenant, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn list(&mut self, tenant: &TenantId, page: &Page<'_>) -> Result<Vec<RunRow>, StoreError>;

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

    /// Runs of all tenants that wanted to be taken up by now and that nobody
    /// holds, the longest overdue first.
    ///
    /// # Errors
    /// When they cannot be read.
    fn wake_ups(&mut self, now_us: i64, limit: u32) -> Result<Vec<(RunKey, i64)>, StoreError>;

    /// Keeps what was made of journals. What no longer fits its journal is left
    /// out without a word.
    ///
    /// # Errors
    /// When they cannot be written.
    fn put_summaries(&mut self, tenant: &TenantId, summaries: &[Summary])
    -> Result<(), StoreError>;

    /// Deletes a run that nobody holds, with its journal and the large values
    /// that no other run has, in one transaction. `dead` as in [`Self::claim`].
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`], [`StoreError::NoSuchRun`].
    fn delete(
        &mut self,
        key: &RunKey,
        now_us: i64,
        dead: &dyn Fn(&str) -> bool,
    ) -> Result<(), StoreError>;

    /// Takes what was deleted out of the store's files; with `shrink`, also
    /// gives their space back, which takes a while and as much space again.
    ///
    /// # Errors
    /// When they cannot be written.
    fn clean(&mut self, shrink: bool) -> Result<(), StoreError>;

    /// Keeps bytes until the store itself is gone, whatever runs are deleted;
    /// the same bytes of one tenant are kept once.
    ///
    /// # Errors
    /// When they cannot be written.
    fn put_blob(&mut self, tenant: &TenantId, bytes: &[u8]) -> Result<Digest, StoreError>;

    /// The bytes with this digest.
    ///
    /// # Errors
    /// When they cannot be read.
    fn get_blob(
        &mut self,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Option<Vec<u8>>, StoreError>;
}
