//! A store as a whole: its handles, its lock and its files.
//!
//! Owns: the contract of a store for them. Never: runs or journals.

use std::time::Duration;

use crate::{Inbox, Journals, Leases, Lists, StoreError};

/// A complete store. Every implementation has to pass `conformance::run` (feature
/// `conformance`).
pub trait Store: Journals + Leases + Inbox + Lists + Maintenance + Send {}

impl<S: Journals + Leases + Inbox + Lists + Maintenance + Send> Store for S {}

/// Maintains the handles and files of a store.
pub trait Maintenance {
    /// Opens another handle on the same store, to read while this one writes.
    ///
    /// # Errors
    /// When the store cannot be opened again.
    fn open_again(&self) -> Result<Box<dyn Store>, StoreError>;

    /// Sets how long this handle waits for another one that writes.
    fn wait_for_lock(&mut self, _at_most: Duration) {}

    /// Checks that this handle could write now.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another handle writes; any failure that prevents
    /// writing.
    fn try_lock(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Copies the log into the main file, so that a copy of that file alone is
    /// complete. Leaves out what another process is still reading.
    ///
    /// # Errors
    /// When the files cannot be written. Nothing is lost then.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Removes the bytes of deleted runs from the files. With `shrink`, also returns
    /// the space to the system, which takes time and as much space again.
    ///
    /// # Errors
    /// When the files cannot be written.
    fn clean(&mut self, _shrink: bool) -> Result<(), StoreError> {
        Ok(())
    }
}
