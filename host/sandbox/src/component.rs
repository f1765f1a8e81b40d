//! The numbers of parts of the guest's component.
//!
//! Owns: how many instances and tables one guest has, for the allocator that reserves
//! room for them and the limiter that allows no more. Never: memory, whose limit a run
//! sets.

/// Core instances of one component: the guest, the adapter, and the glue
/// between them.
pub(crate) const CORE_INSTANCES: u32 = 6;

/// Tables of one component: the guest's and the glue's.
pub(crate) const TABLES: u32 = 3;

/// Entries of a table. The guest's is fixed in size and holds its functions.
pub(crate) const TABLE_ENTRIES: usize = 16 * 1024;
