//! The rules of a workflow run, as pure functions over data.
//!
//! Owns: every rule: how a script is read, which calls become steps, which entry of
//! the journal may follow which, what a run may spend, what the report shows. Never:
//! uses a clock, a file, the environment, a thread, SQL or WebAssembly. Time comes in
//! as an argument; effects go out as data for the engine to perform.

// Only for code that ships: tests, benchmarks and examples are separate crates.
#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_used
)]

pub mod archive;
pub mod args_schema;
pub mod asks;
pub mod attempts;
pub mod budget;
pub mod codes;
pub mod content;
pub mod cut;
pub mod details;
pub mod dice;
pub mod diff;
pub mod dollars;
pub mod duration;
pub mod event;
pub mod gate;
pub mod guest;
pub mod ids;
pub mod inbox;
pub mod journal;
pub mod json_kind;
pub mod limit_changes;
pub mod limits;
pub mod machine;
pub mod message;
pub mod mismatch;
pub mod module_text;
pub mod near;
pub mod options;
pub mod outcome;
pub mod prices;
pub mod refusal;
pub mod reply;
pub mod report;
pub mod reuse;
pub mod schema;
pub mod script;
pub mod selector;
pub mod settlement;
pub mod shell;
pub mod step;
pub mod step_request;
pub mod steps;
pub mod stop;
pub mod summary;
pub mod surface;
pub mod survey;
pub mod trace;
mod utc;
pub mod view;
pub mod worktree;
