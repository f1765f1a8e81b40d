//! Leases: who may write a journal.
//!
//! Owns: the contract of a store for leases, and the possible states of a holder.
//! Never: determines that state; only the caller knows where a holder runs.

use std::time::Duration;

use smol_wf_core::ids::TenantId;

use crate::{RunKey, StoreError};

/// Fence of a run that is created under a lease.
pub(crate) const FIRST_FENCE: u64 = 1;

/// The right to write one journal, as its holder keeps it.
///
/// The fence decides: a lease with an older fence than the run's is refused, whatever
/// any clock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The run whose journal may be written.
    pub key: RunKey,
    /// Who holds it, in a form that tells the caller where to look for the holder.
    pub owner: String,
    /// Number of the epoch: grows by one with every claim and never falls.
    pub fence: u64,
}

/// Who claims a run, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct LeaseTerms<'a> {
    /// Owner of the lease, as in [`Lease`].
    pub owner: &'a str,
    /// How long the lease lasts from now on, by the clock of the store.
    pub lasting: Duration,
}

impl LeaseTerms<'_> {
    /// The lease of a run that was created with these terms.
    #[must_use]
    pub fn of_new(&self, key: &RunKey) -> Lease {
        Lease { key: key.clone(), owner: self.owner.to_owned(), fence: FIRST_FENCE }
    }
}

/// A lease as other processes read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Who holds it.
    pub owner: String,
    /// Its fence, as in [`Lease`].
    pub fence: u64,
    /// When it expires, in microseconds since 1970 by the store's clock.
    pub expires_at_us: i64,
    /// Whether it had expired when it was read. No other process has claimed the run.
    pub is_over: bool,
}

impl LeaseRow {
    /// Whether a lease with these values is the same one, and was not renewed since it
    /// was read.
    pub(crate) fn is_still(&self, owner: &str, fence: u64, expires_at_us: i64) -> bool {
        (self.owner.as_str(), self.fence, self.expires_at_us) == (owner, fence, expires_at_us)
    }
}

/// What another process can know about the holder of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Certainly alive: it keeps its lease, whatever the clock says. Otherwise a clock
    /// that jumps would end every lease at once.
    Lives,
    /// Certainly dead: its lease can be replaced.
    Dead,
    /// Perhaps on another machine: its lease counts until it expires.
    Unknown,
}

impl Holder {
    /// Whether this holder still has its lease.
    #[must_use]
    pub fn holds(self, lease: &LeaseRow) -> bool {
        match self {
            Self::Lives => true,
            Self::Dead => false,
            Self::Unknown => !lease.is_over,
        }
    }
}

/// Determines the state of a holder from the owner in its lease. Called outside of any
/// lock.
pub type HolderCheck = fn(&str) -> Holder;

/// Claims, renews and releases the right to write a journal.
pub trait Leases {
    /// The lease on a run, expired or not; none when the run is free.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`]; any failure of the database.
    fn lease(&mut self, key: &RunKey) -> Result<Option<LeaseRow>, StoreError>;

    /// Claims a run that is free, or held by exactly the lease `replacing`. The caller
    /// has read that lease and knows that its holder no longer [holds](Holder::holds)
    /// it, which is determined outside of any lock.
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`] by any other lease; [`StoreError::NoSuchRun`]; any
    /// failure of the database.
    fn claim(
        &mut self,
        key: &RunKey,
        terms: LeaseTerms<'_>,
        replacing: Option<&LeaseRow>,
    ) -> Result<Lease, StoreError>;

    /// Extends a lease: it expires this long from now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; any failure of the database.
    fn renew(&mut self, lease: &Lease, lasting: Duration) -> Result<(), StoreError>;

    /// Releases a lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it no longer held the run; any failure of the
    /// database.
    fn release(&mut self, lease: &Lease) -> Result<(), StoreError>;

    /// All runs of all tenants that are under a lease, expired or not.
    ///
    /// # Errors
    /// When the runs cannot be read.
    fn leased(&mut self) -> Result<Vec<(RunKey, LeaseRow)>, StoreError>;

    /// Claims up to `limit` free runs that are due: those of the first tenant, the
    /// longest overdue first, then those of the next tenant. A run that was created
    /// for now and without a holder is queued in this way. It is one transaction, so
    /// that several processes that ask get different runs.
    ///
    /// Runs that a dead process holds are not included: the caller finds them by
    /// [`Self::leased`] and [claims](Self::claim) them.
    ///
    /// # Errors
    /// When the runs cannot be claimed; then none of them is.
    fn wake_ups(
        &mut self,
        tenants: &[TenantId],
        terms: LeaseTerms<'_>,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreError>;
}
