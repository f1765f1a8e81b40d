//! Runs one guest instance: WIT on one side, [`smol_wf_core::guest`] on the other.
//!
//! Owns: the engine, its instances, the guest's compiled code, fuel,
//! memory and stack limits, the deterministic clock, and the translation
//! between WIT and core. Never: a provider, a file, a journal; it asks the
//! [`smol_wf_core::guest::TurnHost`] and reports how the turn ended.
//!
//! The guest is taken to be hostile, as a whole and from the first turn on.
//! Nothing that comes out of it is believed: lengths are bounded here, and
//! meaning is checked by whoever is asked.

// For what ships only: tests, benchmarks and examples are crates of their own.
#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_used
)]

mod bindings;
mod component;
mod convert;
mod engine;
mod engine_config;
mod fault;
mod guest;
mod image;
mod sandbox;
mod state;
mod wasi;

pub use fault::TurnFault;
pub use guest::{Guest, Turn, TurnLimits};
pub use sandbox::{InstanceLimits, Sandbox, SandboxConfig, SandboxError};
pub use wasi::{OWN_IMPORTS, WASI_IMPORTS};
