//! Leases: who holds a run, and the lease that this process holds.
//!
//! Owns: renewing a lease while it is held, and whether a holder is dead. Never: claims
//! a lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smol_wf_providers::{Processes, owner};
use smol_wf_store::{Holder, Lease, LeaseRow, RunRow, Store, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::writer::Writer;

/// Whether a process holds the run of this row.
pub(crate) fn is_held(row: &RunRow) -> bool {
    row.lease.as_ref().is_some_and(holds)
}

/// Whether the holder of this lease still has it. Called outside of any lock: a claim
/// names the lease that it replaces, and the store does not ask why.
pub(crate) fn holds(lease: &LeaseRow) -> bool {
    judge(&lease.owner).holds(lease)
}

/// Whether the owner of a lease lives, as far as this machine can tell. A store opened
/// by several machines gets [`Holder::Unknown`] for owners on the others, whose leases
/// last until they expire.
#[must_use]
pub fn judge(owner: &str) -> Holder {
    if owner::is_dead(owner) {
        Holder::Dead
    } else if owner::is_alive(owner) {
        Holder::Lives
    } else {
        Holder::Unknown
    }
}

/// A lease that was just claimed, on its way to its run. Dropped on the way, as when the
/// task that waits for it is dropped with its runtime, it is released.
pub(crate) struct ClaimedLease {
    lease: Lease,
    is_kept: bool,
    writer: Writer,
}

impl ClaimedLease {
    /// Made where the lease is claimed, before anything can be dropped.
    pub(crate) fn new(lease: Lease, writer: &Writer) -> Self {
        Self { lease, is_kept: false, writer: writer.clone() }
    }

    /// The lease, which its caller releases from here on.
    pub(crate) fn keep(mut self) -> Lease {
        self.is_kept = true;
        self.lease.clone()
    }
}

impl Drop for ClaimedLease {
    fn drop(&mut self) {
        if !self.is_kept {
            let lease = self.lease.clone();
            // A lease that cannot be released expires.
            let _ = self.writer.ask(move |store: &mut dyn Store| store.release(&lease));
        }
    }
}

/// A lease that is renewed until this is dropped.
pub(crate) struct HeldLease {
    lease: Lease,
    renewal: JoinHandle<()>,
    /// The lease is being released on purpose.
    is_over: Arc<AtomicBool>,
    writer: Writer,
    /// The programs of the run.
    processes: Processes,
}

impl HeldLease {
    /// Renews the lease from now on. When the lease or the database is lost, the run is
    /// cancelled; its next append would be refused anyway.
    pub(crate) fn begin(
        lease: Lease,
        writer: &Writer,
        processes: &Processes,
        cancel: CancellationToken,
    ) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let renewal = renew(lease.clone(), writer.clone(), cancel, is_over.clone());
        let (writer, processes) = (writer.clone(), processes.clone());
        Self { lease, renewal: tokio::spawn(renewal), is_over, writer, processes }
    }

    /// The lease.
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Called before the lease is released, so that its end does not count as a loss.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

impl Drop for HeldLease {
    /// Releases the lease of a run whose task was dropped, with its runtime for
    /// instance, as soon as all its agents have ended.
    fn drop(&mut self) {
        self.renewal.abort();
        if self.is_over.load(Ordering::SeqCst) {
            return;
        }
        let (lease, writer) = (self.lease.clone(), self.writer.clone());
        self.processes.end_all_then(move || {
            // A lease that cannot be released expires.
            let _ = writer.ask(move |store: &mut dyn Store| store.release(&lease));
        });
    }
}

/// Renews a lease until it is lost.
async fn renew(lease: Lease, writer: Writer, cancel: CancellationToken, is_over: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(clock::LEASE_RENEWAL).await;
        let lease = lease.clone();
        let renewed =
            writer.with(move |store: &mut dyn Store| store.renew(&lease, clock::LEASE)).await;
        match renewed {
            Ok(Err(StoreError::LeaseLost { .. } | StoreError::Replaced { .. })) | Err(_) => {
                if !is_over.load(Ordering::SeqCst) {
                    cancel.cancel();
                }
                return;
            }
            // Also a busy or full disk: the lease still lasts a while.
            Ok(Ok(()) | Err(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use smol_wf_core::ids::{RunId, Scope, TenantId};
    use smol_wf_core::journal::{Body, Chain, Entry};
    use smol_wf_store::{LeaseTerms, Leases as _, MemoryStore, NewRun, RunKey};

    use super::*;

    fn key() -> RunKey {
        RunKey { tenant: TenantId::local(), run: RunId::from_bits(1) }
    }

    #[tokio::test]
    async fn a_lease_that_nobody_waits_for_any_more_is_released() {
        let mut store = MemoryStore::new();
        let writer = Writer::over(Box::new(store.clone()));
        // Holds the thread until the task that waits for the claim is gone.
        let (go, wait) = mpsc::channel::<()>();
        drop(writer.ask(move |_: &mut dyn Store| wait.recv()));
        let claims = writer.clone();
        let claim = writer.with(move |store: &mut dyn Store| {
            let body = Body::Logged { scope: Scope::ROOT, message: "first".to_owned() };
            let record = Chain::new().seal(&Entry { at_us: 1, body }).unwrap();
            let run = NewRun {
                key: key(),
                name: "name".to_owned(),
                created_at_us: 1,
                wake_at_us: None,
                facts: None,
            };
            let terms = LeaseTerms { owner: "me", lasting: clock::LEASE };
            let lease = store.create(&run, terms, &[record])?;
            Ok::<_, StoreError>(ClaimedLease::new(lease, &claims))
        });
        let claim = Box::pin(claim);
        assert!(tokio::time::timeout(std::time::Duration::ZERO, claim).await.is_err());
        go.send(()).unwrap();
        // All jobs before this one are done, the release among them.
        writer.with(|_: &mut dyn Store| ()).await.unwrap();
        writer.with(|_: &mut dyn Store| ()).await.unwrap();
        assert_eq!(store.lease(&key()), Ok(None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_lease_lasts_while_its_holder_lives_and_no_longer_than_it() {
        let own = owner::this_process(1);
        let held = |owner: &str, is_over| {
            let owner = owner.to_owned();
            holds(&LeaseRow { owner, fence: 1, expires_at_us: 0, is_over })
        };
        assert!(held(&own, false) && held(&own, true), "whatever a clock says");
        let pid = format!("/{}/", std::process::id());
        let gone = own.replace(&pid, "/4194305/");
        assert!(!held(&gone, false), "taken over at once");
        let elsewhere = own.replacen(|_: char| true, "x", 1);
        assert!(held(&elsewhere, false) && !held(&elsewhere, true));
    }
}
