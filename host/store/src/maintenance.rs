//! A store as a whole: its handles, its lock and its files.
//!
//! Owns: what a store promises of them. Never: what is in them.

use std::time::Duration;

use crate::{Journals, Leases, Lists, StoreError};

/// All of it. `conformance::run` (feature `conformance`) is what every
/// implementation has to pass.
pub trait Store: Journals + Leases + Lists + Maintenance + Send {}

impl<S: Journals + Leases + Lists + Maintenance + Send> Store for S {}

/// What a handle and its files need.
pub trait Maintenance {
    /// Another handle on the same journals, to read with while this one writes.
    ///
    /// # Errors
    /// When they cannot be opened once more.
    fn open_again(&self) -> Result<Box<dyn Store>, StoreError>;

    /// How long this handle waits, from now on, for another one that writes.
    fn wait_for_lock(&mut self, _at_most: Duration) {}

    /// Makes sure that this handle could write now.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while another one writes; when nothing can be written.
    fn try_lock(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Brings the store's files into the state in which a copy of the main one is
    /// whole, as far as nobody else is in the way.
    ///
    /// # Errors
    /// When they cannot be written. Nothing is lost then.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Takes what was deleted out of the store's files; with `shrink`, also
    /// gives their space back, which takes a while and as much space again.
    ///
    /// # Errors
    /// When they cannot be written.
    fn clean(&mut self, _shrink: bool) -> Result<(), StoreError> {
        Ok(())
    }
}
