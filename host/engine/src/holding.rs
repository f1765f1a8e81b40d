//! A run that this process holds.
//!
//! Owns: the renewal of its lease, for as long as it is held, and who counts as
//! holding a run. Never: takes a lease or gives it back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smol_wf_providers::owner;
use smol_wf_store::{Holder, Lease, LeaseRow, RunRow, Store, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::writer::Writer;

/// Whether someone holds a run, as its row was read.
pub(crate) fn is_held(row: &RunRow) -> bool {
    row.lease.as_ref().is_some_and(holds)
}

/// Whether the holder of this lease still has it.
pub(crate) fn holds(lease: &LeaseRow) -> bool {
    judge(&lease.owner).holds(lease.expires_at_us, clock::now_us())
}

/// What can be known of the owner of a lease from here.
pub(crate) fn judge(owner: &str) -> Holder {
    if owner::is_dead(owner) {
        Holder::Dead
    } else if owner::is_alive(owner) {
        Holder::Lives
    } else {
        Holder::Unknown
    }
}

/// A lease that is renewed until this is dropped.
pub(crate) struct Holding {
    lease: Lease,
    renewal: JoinHandle<()>,
    /// The lease was let go of on purpose.
    is_over: Arc<AtomicBool>,
}

impl Holding {
    /// When the lease is lost, or the database with it, the run is cancelled; its
    /// next append would be refused anyway.
    pub(crate) fn begin(lease: Lease, writer: &Writer, cancel: CancellationToken) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let renewal = renew(lease.clone(), writer.clone(), cancel, is_over.clone());
        Self { lease, renewal: tokio::spawn(renewal), is_over }
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Before the lease is given back: that it is gone is no loss from then on.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(
    mut lease: Lease,
    writer: Writer,
    cancel: CancellationToken,
    is_over: Arc<AtomicBool>,
) {
    loop {
        tokio::time::sleep(clock::LEASE_RENEWAL).await;
        let expires = clock::now_us() + clock::LEASE_US;
        let renewed = writer
            .with(move |store: &mut dyn Store| {
                let result = store.renew(&mut lease, expires);
                (lease, result)
            })
            .await;
        match renewed {
            Ok((kept, Ok(()))) => lease = kept,
            Ok((_, Err(StoreError::LeaseLost { .. } | StoreError::Replaced { .. }))) | Err(_) => {
                if !is_over.load(Ordering::SeqCst) {
                    cancel.cancel();
                }
                return;
            }
            // A busy or full disk: the lease lasts a while yet.
            Ok((kept, Err(_))) => lease = kept,
        }
    }
}
