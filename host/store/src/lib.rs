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

// For what ships only: tests, benchmarks and examples are crates of their own.
#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_used
)]

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod memory;
mod pack;
mod sqlite;

use std::time::Duration;

use smol_wf_core::ids::{Digest, RunId, TenantId};
use smol_wf_core::journal::Record;

pub use error::{Gone, StoreError};
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
    /// Who holds it, in words that `judge` of [`Store::claim`] understands.
    pub owner: String,
    /// Grows by one with every claim, and never falls.
    pub fence: u64,
    /// From when on anyone may take it, in microseconds since 1970.
    pub expires_at_us: i64,
}

/// What can be known of a holder from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Certainly there: it keeps its lease, whatever the clock says. A clock that
    /// jumps would otherwise end every lease at once.
    Lives,
    /// Certainly gone: its lease is free.
    Dead,
    /// Perhaps on another machine: its lease holds until it runs out.
    Unknown,
}

impl Holder {
    /// Whether it has a lease that ends at this time.
    #[must_use]
    pub fn holds(self, expires_at_us: i64, now_us: i64) -> bool {
        match self {
            Self::Lives => true,
            Self::Dead => false,
            Self::Unknown => expires_at_us > now_us,
        }
    }
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
    /// Whether the lease is let go of with it: nothing more is to be written.
    pub release: bool,
}

/// How much of a journal is read at once: what is reached first. One record comes
/// in any case, however large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Records at the most.
    pub records: u32,
    /// No further record once their bodies have so many bytes.
    pub bytes: usize,
}

impl Bound {
    /// All that there is.
    pub const NONE: Self = Self { records: u32::MAX, bytes: usize::MAX };

    /// So many records, of any size.
    #[must_use]
    pub const fn records(records: u32) -> Self {
        Self { records, ..Self::NONE }
    }
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
    /// They are taken one by one, so that more of them can be written than fit
    /// into memory; an error among them is handed on, and then there is no run.
    /// Whoever makes them must not need this handle for it; see [`Self::again`].
    ///
    /// # Errors
    /// [`StoreError::RunExists`]; [`StoreError::Invalid`] when there is no
    /// record or one is not JSON; anything that keeps the database from working.
    fn create_from(
        &mut self,
        run: &NewRun,
        owner: &str,
        expires_at_us: i64,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<Lease, StoreError>;

    /// The same with records that are all there.
    ///
    /// # Errors
    /// As of [`Self::create_from`].
    fn create(
        &mut self,
        run: &NewRun,
        owner: &str,
        expires_at_us: i64,
        records: &[Record],
    ) -> Result<Lease, StoreError> {
        self.create_from(run, owner, expires_at_us, &mut records.iter().cloned().map(Ok))
    }

    /// Another handle on the same journals, to read with while this one writes.
    ///
    /// # Errors
    /// When they cannot be opened once more.
    fn again(&self) -> Result<Box<dyn Store>, StoreError>;

    /// How long this handle waits, from now on, for another one that writes.
    fn wait_for_lock(&mut self, _at_most: Duration) {}

    /// Makes sure that this handle could write now.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another one writes; when nothing can be written.
    fn try_lock(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Appends to any number of journals in one commit. A batch is appended
    /// whole or, with an inner error, not at all; the others do not suffer.
    ///
    /// # Errors
    /// Inner: [`StoreError::LeaseLost`], [`StoreError::OutOfSequence`],
    /// [`StoreError::Invalid`]. Outer: nothing of any batch may be taken for
    /// durable.
    fn append(&mut self, batches: &[Append<'_>])
    -> Result<Vec<Result<(), StoreError>>, StoreError>;

    /// The journal of a run from one record on, as far as the bound goes; none
    /// when there is no such run.
    ///
    /// # Errors
    /// As of [`Self::load`], as far as that is seen from here: what is missing at
    /// the end is seen in the last stretch.
    fn load_from(
        &mut self,
        key: &RunKey,
        first_seq: u64,
        bound: Bound,
    ) -> Result<Option<Stretch>, StoreError>;

    /// The whole journal of a run; none when there is no such run.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a record is missing at any place, the end
    /// included; anything that keeps it from being read. Whether a record was
    /// changed is for its reader to see.
    fn load(&mut self, key: &RunKey) -> Result<Option<Vec<Record>>, StoreError> {
        Ok(self.load_from(key, 0, Bound::NONE)?.map(|stretch| stretch.records))
    }

    /// Takes a run that is free or this owner's, or whose holder does not
    /// [hold](Holder::holds) it any more. `judge` is asked while the database is
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
        judge: &dyn Fn(&str) -> Holder,
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

    /// Runs of all tenants that someone has a lease on, whether it is over or
    /// not.
    ///
    /// # Errors
    /// When they cannot be read.
    fn leased(&mut self) -> Result<Vec<(RunKey, LeaseRow)>, StoreError>;

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
    /// that no other run has, in one transaction. `judge` as in [`Self::claim`].
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`], [`StoreError::NoSuchRun`].
    fn delete(
        &mut self,
        key: &RunKey,
        now_us: i64,
        judge: &dyn Fn(&str) -> Holder,
    ) -> Result<(), StoreError>;

    /// Brings the store's files into the state in which a copy of the main one is
    /// whole, as far as nobody else is in the way.
    ///
    /// # Errors
    /// When they cannot be written. Nothing is lost then.
    fn settle(&mut self) -> Result<(), StoreError>;

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
