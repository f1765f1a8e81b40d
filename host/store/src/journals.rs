//! Journals: made, appended to, read, deleted.
//!
//! Owns: what a store promises of them. Never: how it keeps the promise.

use smol_wf_core::journal::Record;
use smol_wf_core::report::RunState;

use crate::{Facts, Lease, LeaseRow, LeaseTerms, RunKey, StoreError};

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
    /// None when they are yet to be found in its journal.
    pub facts: Option<Facts>,
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
    /// In order. None at all is fine: then only the rest is set.
    pub records: &'a [Record],
    /// How the run stands behind them; none when as before.
    pub state: Option<RunState>,
    /// When the run wants to be taken up.
    pub wake: Wake,
    /// Whether the lease is let go of with it: nothing more is to be written.
    pub release: bool,
}

/// How much of a journal is read at once: what is reached first. One record comes
/// in any case, however large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// Records at the most.
    pub records: u32,
    /// No further record once their bodies have so many bytes.
    pub bytes: usize,
}

impl ReadLimit {
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
pub struct Segment {
    /// In order.
    pub records: Vec<Record>,
    /// Whether the journal ends with them.
    pub is_last: bool,
}

/// A place for journals.
///
/// An `Err` of a writing call means that nothing of it may be taken for
/// durable. After an I/O error it may nevertheless be on disk: load the journal
/// again before writing on.
pub trait Journals {
    /// Creates a run with its first records, and with its lease when someone is
    /// to hold it, in one transaction. The records are taken one by one, so that
    /// more of them can be written than fit into memory; an error among them is
    /// handed on, and then there is no run. What makes them must not need this
    /// handle for it; see [`again`](crate::Maintenance::open_again).
    ///
    /// # Errors
    /// [`StoreError::RunExists`]; [`StoreError::Invalid`] when there is no
    /// record or one is not JSON; anything that keeps the database from working.
    fn create_from(
        &mut self,
        run: &NewRun,
        terms: Option<LeaseTerms<'_>>,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<(), StoreError>;

    /// The same for a run that is held, with records that are all there.
    ///
    /// # Errors
    /// As of [`Self::create_from`].
    fn create(
        &mut self,
        run: &NewRun,
        terms: LeaseTerms<'_>,
        records: &[Record],
    ) -> Result<Lease, StoreError> {
        self.create_from(run, Some(terms), &mut records.iter().cloned().map(Ok))?;
        Ok(terms.of_new(&run.key))
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
    /// the end is seen in the last segment.
    fn load_from(
        &mut self,
        key: &RunKey,
        first_seq: u64,
        limit: ReadLimit,
    ) -> Result<Option<Segment>, StoreError>;

    /// The whole journal of a run; none when there is no such run.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a record is missing at any place, the end
    /// included; anything that keeps it from being read. Whether a record was
    /// changed is for its reader to see.
    fn load(&mut self, key: &RunKey) -> Result<Option<Vec<Record>>, StoreError> {
        Ok(self.load_from(key, 0, ReadLimit::NONE)?.map(|segment| segment.records))
    }

    /// Deletes a run that is free, or held by nobody but under the lease to be
    /// replaced, with its journal and the large values that no other run has, in
    /// one transaction. `replacing` as in [`claim`](crate::Leases::claim).
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`], [`StoreError::NoSuchRun`].
    fn delete(&mut self, key: &RunKey, replacing: Option<&LeaseRow>) -> Result<(), StoreError>;
}
