//! Journals: creating, appending, reading and deleting them.
//!
//! Owns: the contract of a store for journals. Never: how a store keeps it.

use smol_wf_core::journal::Record;
use smol_wf_core::report::RunState;

use crate::{Facts, Lease, LeaseRow, LeaseTerms, RunKey, StoreError};

/// A run to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its id.
    pub key: RunKey,
    /// The name by which lists can be filtered.
    pub name: String,
    /// Creation time, by which lists are ordered, in microseconds since 1970.
    pub created_at_us: i64,
    /// When the run should be taken up, as in [`Wake::At`].
    pub wake_at_us: Option<i64>,
    /// State, parent and place; none when they have yet to be read from its journal.
    pub facts: Option<Facts>,
}

/// What an append does to the time at which a run should be taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Leaves the time unchanged.
    Keep,
    /// Sets the time, in microseconds since 1970.
    At(i64),
    /// Removes the time: the run does not wait for one.
    Never,
}

/// A batch of records for the end of one journal.
#[derive(Debug, Clone, Copy)]
pub struct Append<'a> {
    /// The lease under which the batch is written.
    pub lease: &'a Lease,
    /// Number of the first record, counted from 0: the length of the journal as the
    /// writer knows it.
    pub first_seq: u64,
    /// The records in order. May be empty; then only the other fields apply.
    pub records: &'a [Record],
    /// State of the run after them; none when it is unchanged.
    pub state: Option<RunState>,
    /// When the run should be taken up.
    pub wake: Wake,
    /// The same transaction takes the messages up to this number: it marks them as taken
    /// and deletes them. If they were taken before, nothing changes.
    pub takes: Option<u64>,
    /// Whether the same transaction releases the lease: nothing more will be written.
    pub release: bool,
}

/// What a holder learns from an append.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Number of the last message that was posted to the run, as in
    /// [`InboxState`](crate::InboxState).
    pub posted: u64,
}

/// How much of a journal one call reads: it stops at whichever limit is reached
/// first. At least one record is read, whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// Most records.
    pub records: u32,
    /// Bytes of bodies after which no further record is read.
    pub bytes: usize,
}

impl ReadLimit {
    /// No limit.
    pub const NONE: Self = Self { records: u32::MAX, bytes: usize::MAX };

    /// At most this many records, of any size.
    #[must_use]
    pub const fn records(records: u32) -> Self {
        Self { records, ..Self::NONE }
    }
}

/// Consecutive records of one journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The records in order.
    pub records: Vec<Record>,
    /// Whether the journal ends with the last of them.
    pub is_last: bool,
}

/// Reads and writes journals.
///
/// After an `Err` of a writing call, nothing of that call may be assumed to be
/// durable. After an I/O error it may be on disk nevertheless: load the journal again
/// before writing on.
pub trait Journals {
    /// Creates a run with its first records, and with a lease if `terms` are given,
    /// in one transaction. The records are read one by one, so that they need not fit
    /// into memory together. The iterator must not use this handle; it can read
    /// through [another one](crate::Maintenance::open_again).
    ///
    /// # Errors
    /// [`StoreError::RunExists`]; [`StoreError::Invalid`] when there is no record or
    /// one is not JSON; the first error of the iterator; any failure of the database.
    /// The run then does not exist.
    fn create_from(
        &mut self,
        run: &NewRun,
        terms: Option<LeaseTerms<'_>>,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<(), StoreError>;

    /// Creates a run under a lease, with records that are in memory.
    ///
    /// # Errors
    /// Those of [`Self::create_from`].
    fn create(
        &mut self,
        run: &NewRun,
        terms: LeaseTerms<'_>,
        records: &[Record],
    ) -> Result<Lease, StoreError> {
        self.create_from(run, Some(terms), &mut records.iter().cloned().map(Ok))?;
        Ok(terms.of_new(&run.key))
    }

    /// Appends to any number of journals in one commit. Each batch has a result of
    /// its own, in the order of the batches: it is appended as a whole or not at all,
    /// and a refused batch does not affect the others.
    ///
    /// # Errors
    /// Per batch: [`StoreError::LeaseLost`], [`StoreError::OutOfSequence`],
    /// [`StoreError::Invalid`], also when the batch takes messages that nobody posted.
    /// For the call: the commit failed, and nothing of any batch may be assumed to be
    /// durable.
    fn append(
        &mut self,
        batches: &[Append<'_>],
    ) -> Result<Vec<Result<Appended, StoreError>>, StoreError>;

    /// Reads the journal of a run from record `first_seq` on, up to the limit; none
    /// when the run does not exist.
    ///
    /// # Errors
    /// Those of [`Self::load`] for the records that were read. Records missing at the
    /// end are noticed with the last segment.
    fn load_from(
        &mut self,
        key: &RunKey,
        first_seq: u64,
        limit: ReadLimit,
    ) -> Result<Option<Segment>, StoreError>;

    /// Reads the whole journal of a run; none when the run does not exist.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a record is missing anywhere, the end included;
    /// any failure of the database. A changed record is not noticed here but by the
    /// reader who checks the chain of digests.
    fn load(&mut self, key: &RunKey) -> Result<Option<Vec<Record>>, StoreError> {
        Ok(self.load_from(key, 0, ReadLimit::NONE)?.map(|segment| segment.records))
    }

    /// Deletes a run with its journal, its messages and the large values that no other
    /// run uses, in one transaction. The run must be free or held by exactly the lease `replacing`,
    /// as in [`claim`](crate::Leases::claim).
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`], [`StoreError::NoSuchRun`]; any failure of the
    /// database.
    fn delete(&mut self, key: &RunKey, replacing: Option<&LeaseRow>) -> Result<(), StoreError>;
}
