//! What is shown of a run, as a fold over its events.
//!
//! Owns: the tree of phases and steps with the state of each, sums, open questions, the
//! log, and which rows of the tree are visible. Never: words, colours or columns; the
//! edges have them. Never: a clock; events carry their time, and a renderer passes `now`.
//!
//! [`RunView::apply`] takes one event after the other, from a live run, a journal or a
//! file. It accepts any order: what it does not understand changes nothing. Everything
//! is bounded. Whole prompts and answers are not kept: a reader fetches them from the
//! journal by the number of the step, or from the stream by the numbers of its events.
//!
//! Times are milliseconds since the run was created.

mod activity;
mod apply;
mod counts;
mod facts;
mod filter;
mod folds;
mod log;
mod messages;
mod preview;
mod rows;
mod run_view;
mod search;
mod state;
mod stems;
mod step_view;
mod tree;

pub use activity::Doing;
pub use counts::{Counts, Tally};
pub use facts::{RunFacts, RunStatus};
pub use filter::Filter;
pub use folds::{Folds, Group};
pub use log::{LOG_LINES_MAX, Level, Log, LogKind, LogLine};
pub use messages::MessageView;
pub use rows::{Row, RowKind, rows};
pub use run_view::{OpenAsk, PHASES_MAX, RunView, STEPS_MAX};
pub use search::Search;
pub use state::StepState;
pub use stems::StemId;
pub use step_view::StepView;
pub use tree::{Node, NodeId, NodeKind, Tree};
