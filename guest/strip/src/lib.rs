//! Turns TypeScript into JavaScript by blanking the types, so that every line, column
//! and byte stays in its place.
//!
//! Owns: which syntax can be erased, and the module's interface: `room` gives memory for
//! a text, `strip` strips it. Never: prints code anew, or decides what a refusal says.
//!
//! As a WebAssembly module it has no imports at all. The host makes a fresh instance for
//! every text, under fuel and a limit of memory, so no text can do harm; a trap, as by
//! nesting that overflows this module's stack, is an error like any other.

mod blank;
mod only_types;
mod refusal;
mod shape;
mod strip;
mod text;

pub use refusal::{Reason, Refusal};
pub use strip::strip;

#[cfg(target_arch = "wasm32")]
mod abi;
