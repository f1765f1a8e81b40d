//! Keeps the journals of runs, durably and in order.
//!
//! Owns: the traits through which the engine reads and writes, the leases that prevent
//! two processes from writing the same journal, messages to runs until they are taken,
//! large values by digest, and two stores:
//! [`SqliteStore`] on disk and [`MemoryStore`] for tests and for runs that are not
//! kept. Never: interprets an entry or a message, or decides which entry may follow
//! another; a record is text.
//!
//! A store uses its own clock, because several machines may share one store and
//! their clocks differ.
//!
//! Every call blocks. The engine gives a store its own thread and sends it batches,
//! so that many runs share one commit.

// Only for code that ships: tests, benchmarks and examples are separate crates.
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
mod inbox;
mod journals;
mod leases;
mod lists;
mod maintenance;
mod memory;
mod pack;
mod sqlite;

use smol_wf_core::ids::{RunId, TenantId};

pub use error::{FileChange, StoreError};
pub use inbox::{INBOX_MAX, Inbox, InboxState, MESSAGE_BYTES_MAX, NewMessage, StoredMessage};
pub use journals::{Append, Appended, Journals, NewRun, ReadLimit, Segment, Wake};
pub use leases::{Holder, HolderCheck, Lease, LeaseRow, LeaseTerms, Leases};
pub use lists::{Facts, Lists, Page, RunFacts, RunFilter, RunRow, Summary};
pub use maintenance::{Maintenance, Store};
pub use memory::MemoryStore;
pub use pack::LARGE_BYTES;
pub use sqlite::{BUSY_TIMEOUT, SQLITE_OLDEST, SqliteStore};

/// Identifies a run among those of all tenants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunKey {
    /// The tenant that owns the run.
    pub tenant: TenantId,
    /// The id of the run within its tenant.
    pub run: RunId,
}
