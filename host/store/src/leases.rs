//! Leases: who may write a journal.
//!
//! Owns: what a store promises of them, and what can be known of a holder.
//! Never: finds that out; only its caller knows where a holder works.

use std::time::Duration;

use smol_wf_core::ids::TenantId;

use crate::{RunKey, StoreError};

/// Fence of the lease that a run is created with.
pub(crate) const FIRST_FENCE: u64 = 1;

/// The right to write one journal, as its holder keeps it.
///
/// The fence is what counts: a lease whose fence is no longer the run's is
/// refused, whatever any clock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which journal.
    pub key: RunKey,
    /// Who holds it, in words that tell its caller where to look for the holder.
    pub owner: String,
    /// Grows by one with every claim, and never falls.
    pub fence: u64,
}

/// Who takes a run, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct LeaseTerms<'a> {
    /// As in [`Lease`].
    pub owner: &'a str,
    /// Until when, from now on and by the clock of the store.
    pub lasting: Duration,
}

impl LeaseTerms<'_> {
    /// The lease on a run that was created with it.
    #[must_use]
    pub fn of_new(&self, key: &RunKey) -> Lease {
        Lease { key: key.clone(), owner: self.owner.to_owned(), fence: FIRST_FENCE }
    }
}

/// A lease as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Who holds it.
    pub owner: String,
    /// As in [`Lease`].
    pub fence: u64,
    /// When it runs out, in microseconds since 1970 of the store's clock.
    pub expires_at_us: i64,
    /// Whether it had run out when this was read. Nobody took the run up since.
    pub is_over: bool,
}

impl LeaseRow {
    /// Whether the run is still held as it was seen to be held: by a lease that
    /// was not even renewed meanwhile.
    pub(crate) fn is_still(&self, owner: &str, fence: u64, expires_at_us: i64) -> bool {
        (self.owner.as_str(), self.fence, self.expires_at_us) == (owner, fence, expires_at_us)
    }
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
    /// Whether it still has this lease of its.
    #[must_use]
    pub fn holds(self, lease: &LeaseRow) -> bool {
        match self {
            Self::Lives => true,
            Self::Dead => false,
            Self::Unknown => !lease.is_over,
        }
    }
}

/// Finds out what can be known of the owner of a lease. Asked outside of any
/// lock.
pub type HolderCheck = fn(&str) -> Holder;

/// Who may write which journal.
pub trait Leases {
    /// Who has a lease on a run, whether it is over or not; none when nobody has.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`]; when it cannot be read.
    fn lease(&mut self, key: &RunKey) -> Result<Option<LeaseRow>, StoreError>;

    /// Takes a run that is free, or held by exactly the lease to be replaced: one
    /// that the caller has read and whose holder does not
    /// [hold](Holder::holds) it any more, which is found out outside of any lock.
    ///
    /// # Errors
    /// [`StoreError::LeaseHeld`] by any other lease; [`StoreError::NoSuchRun`].
    fn claim(
        &mut self,
        key: &RunKey,
        terms: LeaseTerms<'_>,
        replacing: Option<&LeaseRow>,
    ) -> Result<Lease, StoreError>;

    /// Lets a lease last so long from now on.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    fn renew(&mut self, lease: &Lease, lasting: Duration) -> Result<(), StoreError>;

    /// Lets go of a run.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when it was no longer held.
    fn release(&mut self, lease: &Lease) -> Result<(), StoreError>;

    /// Runs of all tenants that someone has a lease on, whether it is over or
    /// not.
    ///
    /// # Errors
    /// When they cannot be read.
    fn leased(&mut self) -> Result<Vec<(RunKey, LeaseRow)>, StoreError>;

    /// Takes up to so many runs that nobody holds and that wanted to be taken up
    /// by now: those of the tenant that is named first, the longest overdue
    /// first, then those of the next. A run that was created for now and for no
    /// holder is queued like that. One call, so that of many processes that ask
    /// each gets runs of its own.
    ///
    /// What a dead process held is not among them: that it is dead is found out
    /// by what [`Self::leased`] says, and its runs are [claimed](Self::claim).
    ///
    /// # Errors
    /// When they cannot be taken; then none of them is.
    fn wake_ups(
        &mut self,
        tenants: &[TenantId],
        terms: LeaseTerms<'_>,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreError>;
}
