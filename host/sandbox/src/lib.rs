//! Runs guest instances: WIT on one side, [`smol_wf_core::guest`] on the other.
//!
//! Owns: the engine, its instances, the guest's compiled code, the limits of fuel,
//! memory and stack, the deterministic clock, and the translation between WIT and core.
//! Never: uses a provider, a file or a journal; it passes the guest's calls to a
//! [`smol_wf_core::guest::TurnHost`] and reports how the turn ended.
//!
//! The whole guest is assumed to be hostile from its first turn on. Nothing that it
//! returns is trusted: this crate bounds lengths, and the host of the turn checks
//! meaning.

// Only for code that ships: tests, benchmarks and examples are separate crates.
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
mod strip;
mod wasi;

pub use fault::TurnFault;
pub use guest::{Guest, Turn, TurnLimits};
pub use sandbox::{InstanceLimits, Sandbox, SandboxConfig, SandboxError};
pub use strip::{Stripping, strip, strip_now};
pub use wasi::{OWN_IMPORTS, WASI_IMPORTS};
