//! Runs workflows: performs what `smol-wf-core` decides, with a sandbox for the
//! script, providers for its agents and a store for its journal.
//!
//! ```
//! use smol_wf_engine::{Engine, EngineOptions, MemoryStore, RunSpec, RunState, ScriptFile};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let text = "export const meta = { name: 'hello', description: 'Greets' }
//!         return await agent(`Greet ${args.name}.`)";
//!     let script = ScriptFile { bytes: text.into(), path: "hello.mjs".into() };
//!     // Without other providers, the debug provider echoes each prompt.
//!     let engine = Engine::new(EngineOptions::over(Box::new(MemoryStore::new())))?;
//!     let args = Some(r#"{ "name": "Ada" }"#.to_owned());
//!     let run = engine.start(RunSpec { args, ..RunSpec::new(script) })?;
//!     let report = run.wait().await?;
//!     assert_eq!(report.state, RunState::Completed);
//!     println!("{}: {}", report.run_id, report.result.get());
//!     Ok(())
//! }
//! ```
//!
//! The entry points:
//!
//! - [`Engine::start`] starts a [`RunSpec`], a [`ResumeRequest`] or a [`ForkRequest`],
//!   and returns a [`RunHandle`] with the events and the report of the run.
//! - [`Engine::history`], [`Engine::journal`] and [`Engine::tail`] read runs;
//!   [`Engine::replay`] executes one again and compares.
//! - [`simulate::Simulator`] plans and explores a script without agents, and
//!   [`check::Checks`] reads it without running it.
//! - [`Engine::fixture`] and [`Engine::test_fixture`] record and test a run in a file.
//!
//! A service keeps its runs in a [`SqliteStore`], gives the engine [`Providers`], and
//! ends with [`Engine::shutdown`]. Runs that wait for a slot are in memory only:
//! [`Engine::start`] says what that means. `examples/embed.rs` has agents that are
//! programs; `docs/processes.md` says how those are ended, and what a
//! [`providers::Supervisor`] adds.
//!
//! Owns: the public library. Never: reads argv or the environment, prints or exits. A
//! caller passes everything in, and learns everything through handles, a [`Watcher`]
//! and the [`Report`].

// For the library only: tests, benchmarks and examples are crates of their own.
#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_used
)]

mod agent_asks;
mod agent_events;
mod agents;
mod asks;
mod at_work;
mod attempt_timeouts;
mod bell;
pub mod check;
mod children;
mod clock;
mod compile;
mod diagnose;
mod drive;
mod effects;
mod engine;
mod error;
mod explain;
mod facts;
mod fifo;
mod fixture;
mod folders;
mod fork;
mod fork_answers;
mod given_answers;
mod history;
mod inbox;
mod journal;
mod lease_holder;
pub mod library;
mod limit_changes;
mod live;
mod lock_wait;
mod mailboxes;
mod maintenance;
mod modules;
mod post;
mod post_error;
mod provider_set;
mod read_ahead;
mod read_script;
mod recorder;
mod replay;
#[cfg(test)]
mod replay_properties;
mod request;
mod resume;
mod rounds;
mod run_reader;
mod running;
mod runs;
pub mod simulate;
mod sleeps;
mod standstill;
mod start;
mod status;
mod step_resources;
mod stop_reasons;
mod tail;
mod timers;
mod transcript_files;
mod turn;
mod undelivered;
mod waits;
mod watch;
mod worktree;
mod writer;

pub use engine::{Engine, EngineOptions};
pub use error::EngineError;
pub use fixture::{
    Difference, ExportRequest, FIXTURE_BYTES_MAX, FixtureError, FixtureExport, FixtureRequest,
    FixtureVerdict, Keep, LiveSteps, StepNote, fixture_entries,
};
pub use fork::{ForkError, ForkRequest};
pub use given_answers::{Answers, GivenAnswers};
pub use history::{HistoryPage, Latest, RunSummary};
pub use lease_holder::judge;
pub use library::LibraryError;
pub use lock_wait::START_LOCKED_MAX;
pub use maintenance::{Imported, Lines, look_over};
pub use post::{Delivery, Receipt};
pub use post_error::PostError;
pub use provider_set::{DebugOnly, NOBODY, Providers};
pub use read_script::read_script_now;
pub use replay::ReplayReport;
pub use request::{
    AgentSettings, Folders, ResumeRequest, RunSettings, RunSpec, ScriptFile, Times, WhenOnlyAsks,
};
pub use run_reader::{RunJournal, RunReader};
pub use smol_wf_core::ids::{RunId, TenantId};
pub use smol_wf_core::journal::RunHead;
pub use smol_wf_core::limit_changes::LimitChanges;
pub use smol_wf_core::message::Message;
pub use smol_wf_core::report::{Report, RunState};
pub use smol_wf_providers as providers;
pub use smol_wf_sandbox::SandboxError;
pub use smol_wf_store::{HolderCheck, Journals, MemoryStore, SqliteStore, Store, StoreError};
pub use start::{Events, RunHandle, Start};
pub use status::{RunHolder, RunStatus};
pub use tail::Tail;
pub use tokio_util::sync::CancellationToken;
pub use watch::{DatabaseWait, NoWatcher, Notice, Recording, Watcher};
pub use worktree::{Leftover, LeftoverState, Pruned, WorktreeError, worktree_obstacle};
pub use writer::WriterGone;
