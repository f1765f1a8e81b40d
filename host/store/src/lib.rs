//! Keeps the journals of runs, durably and in order.
//!
//! Owns: the traits that the engine writes and reads through, the leases that
//! keep two processes from writing one journal, large values by digest, and two
//! stores: [`SqliteStore`] on disk and [`MemoryStore`] for tests and runs that
//! nobody wants to keep. Never: decides what an entry means or which entry may
//! follow which; a record is text.
//!
//! What time it is, a store knows by itself: many machines may share one, and
//! their clocks differ.
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

mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod journals;
mod leases;
mod lists;
mod maintenance;
mod memory;
mod pack;
mod sqlite;

use smol_wf_core::ids::{RunId, TenantId};

pub use error::{FileChange, StoreError};
pub use journals::{Append, Journals, NewRun, ReadLimit, Segment, Wake};
pub use leases::{Holder, HolderCheck, Lease, LeaseRow, LeaseTerms, Leases};
pub use lists::{Facts, Lists, Page, RunFacts, RunFilter, RunRow, Summary};
pub use maintenance::{Maintenance, Store};
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
