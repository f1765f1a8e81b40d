//! Which program the script sees, for this side of the guest.
//!
//! Owns the number. The prelude has its own look at it, in `js/surface.js`.

use std::cell::Cell;

thread_local! {
    static CURRENT: Cell<u32> = const { Cell::new(1) };
}

pub(crate) fn set(surface: u32) {
    CURRENT.set(surface);
}

/// Whether the script sees at least this surface.
pub(crate) fn sees(surface: u32) -> bool {
    CURRENT.get() >= surface
}
