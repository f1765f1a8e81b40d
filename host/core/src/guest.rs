//! The interface between the run machine and the sandbox that runs a script.
//!
//! Owns: what goes into a guest, what comes out, and [`TurnHost`], the
//! questions a guest may ask during a turn. Never: runs anything; the sandbox
//! does, and translates these to and from WIT in one file.

use serde::{Deserialize, Serialize};

use crate::ids::{StepId, TimerId};
use crate::limits::LimitError;
pub use crate::outcome::{Failure, Outcome, UNDEFINED};
use crate::surface::Surface;

/// How a script is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// An ES module: `export default` of a value or a function.
    Module,
    /// A body that may `await` and `return` at top level, behind `export const meta`.
    Body,
}

/// The text of a script and how to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Exactly as the author wrote it.
    pub text: String,
    /// Its name in error positions; never a path of this machine.
    pub file_name: String,
    /// Byte offset of the word `export` in front of `const meta`.
    pub meta_export: u32,
}

/// The input of a script's first turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartInput {
    /// The script.
    pub source: Source,
    /// Its dialect, as `inspect` found it.
    pub dialect: Dialect,
    /// The surface that it sees.
    pub surface: Surface,
    /// Its arguments as JSON text; none is `undefined`.
    pub args: Option<String>,
    /// JSON text of the script's `meta`.
    pub meta: String,
    /// Seed of `Math.random` in this instance.
    pub seed: u64,
    /// Whether to record where promises are made, to name those that never settle.
    pub diagnose: bool,
}

/// Why a script could not go on. Line and column are the author's, from 1;
/// zero when there is no position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptError {
    /// Stable: `syntax`, `import`, `thrown`, `unhandled_rejection`,
    /// `result_not_json`, `no_default_export`.
    pub code: String,
    /// The error's own name, such as `TypeError`.
    pub name: String,
    /// Its message.
    pub message: String,
    /// From 1, 0 for none.
    pub line: u32,
    /// From 1, 0 for none.
    pub column: u32,
    /// The author's frames only, one a line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stack: String,
    /// The code of the call failure that was thrown, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Where a turn left the script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing is runnable; calls are outstanding, or nothing ever will be.
    Pending,
    /// The result as JSON text, or [`UNDEFINED`].
    Done(String),
    /// The script failed.
    Failed(ScriptError),
}

/// A script's view of its budget, in output tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetState {
    /// None when no allowance was given.
    pub total: Option<u64>,
    /// Output tokens of the calls that have settled.
    pub spent: u64,
}

/// Which construct turned an error into `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// A slot of `parallel`.
    Parallel,
    /// An item of `pipeline`.
    Pipeline,
}

impl GroupKind {
    /// As a script calls it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Parallel => "parallel",
            Self::Pipeline => "pipeline",
        }
    }
}

/// One slot of a `parallel` or one item of a `pipeline` that became `null`
/// because something threw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NullSlot {
    /// Kind of the construct.
    pub group: GroupKind,
    /// Ordinal of the construct within its script, from 1, in order of start.
    pub ordinal: u32,
    /// Slot or item, from 0.
    pub index: u32,
    /// The stage that threw, from 0, in a pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<u32>,
    /// The error that was thrown.
    pub error: ScriptError,
    /// The call whose failure was thrown, known from the error itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
}

/// A warning for the author of a script; it does not stop the script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Its stable code, one of [`WARNING_CODES`].
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Where in a result it is, such as `result.items[2]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The call that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// From 1, 0 for none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub line: u32,
    /// From 1, 0 for none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub column: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(position: &u32) -> bool {
    *position == 0
}

/// Code of the last warning of a run that had more of them than are kept.
pub const WARNINGS_CUT: &str = "warnings_cut";

/// The codes that a guest may give to a warning.
pub const WARNING_CODES: [&str; 15] = [
    "unhandled_rejection",
    "timer_threw",
    "result_promise",
    "result_part",
    "args_promise",
    "args_part",
    "prompt_promise",
    "prompt_object",
    "prompt_nothing",
    "prompt_null",
    "options_ignored",
    "options_part",
    "timer_arguments",
    "script_warning",
    WARNINGS_CUT,
];

/// Code of the warning that a phase has no usable title.
pub const PHASE_TITLE: &str = "phase_title";

/// Code of the warning that an agent was cut off with its script.
pub const NOT_AWAITED: &str = "not_awaited";

/// Code of the warning that an answer is not what its agent has printed.
pub const ANSWER_NOT_UTF8: &str = "answer_not_utf8";

/// Why a question of the guest was not answered with the number of a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This one call is refused; the script may catch it.
    #[error("{}", .0.message)]
    Call(Failure),
    /// The run may not go on; the turn ends here and the script sees nothing.
    #[error(transparent)]
    Stop(#[from] StopTurn),
}

/// Why a turn is ended from the host's side.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopTurn {
    /// A limit of the run.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The script asked for something other than the recorded entry.
    #[error(transparent)]
    Mismatch(#[from] crate::mismatch::Mismatch),
}

/// The questions that a guest may ask its host during one turn. Every argument is
/// hostile: the sandbox bounds its length, and nothing else.
///
/// All functions return at once; outcomes arrive later, each with a turn of its own.
pub trait TurnHost {
    /// Start an agent; `options` is JSON text.
    ///
    /// # Errors
    /// When this call is refused, or the run must stop.
    fn agent(&mut self, prompt: String, options: String) -> Result<StepId, Refusal>;

    /// Start a child workflow; `target` and `args` are JSON text.
    ///
    /// # Errors
    /// When this call is refused, or the run must stop.
    fn workflow(&mut self, target: String, args: Option<String>) -> Result<StepId, Refusal>;

    /// Sleep durably.
    ///
    /// # Errors
    /// When the duration is refused, or the run must stop.
    fn sleep(&mut self, milliseconds: f64) -> Result<StepId, Refusal>;

    /// Set a timer of held time.
    ///
    /// # Errors
    /// When the duration is refused, or the run must stop.
    fn set_timer(&mut self, milliseconds: f64) -> Result<TimerId, Refusal>;

    /// Clear a timer; one that is not open is ignored.
    ///
    /// # Errors
    /// When the run must stop.
    fn clear_timer(&mut self, timer: TimerId) -> Result<(), StopTurn>;

    /// Name the phase of later calls.
    ///
    /// # Errors
    /// When the run must stop.
    fn phase(&mut self, title: String) -> Result<(), StopTurn>;

    /// Write a line to the log.
    ///
    /// # Errors
    /// When the run must stop.
    fn log(&mut self, message: String) -> Result<(), StopTurn>;

    /// Record why a slot is null.
    ///
    /// # Errors
    /// When the run must stop.
    fn null_slot(&mut self, slot: NullSlot) -> Result<(), StopTurn>;

    /// Warn the author of something that does not stop the script.
    ///
    /// # Errors
    /// When the run must stop.
    fn warn(&mut self, warning: Warning) -> Result<(), StopTurn>;

    /// The script's budget so far.
    fn budget(&self) -> BudgetState;
}

/// The host moves into the sandbox and back with every turn; a large one moves more
/// cheaply in a box.
impl<H: TurnHost> TurnHost for Box<H> {
    fn agent(&mut self, prompt: String, options: String) -> Result<StepId, Refusal> {
        (**self).agent(prompt, options)
    }

    fn workflow(&mut self, target: String, args: Option<String>) -> Result<StepId, Refusal> {
        (**self).workflow(target, args)
    }

    fn sleep(&mut self, milliseconds: f64) -> Result<StepId, Refusal> {
        (**self).sleep(milliseconds)
    }

    fn set_timer(&mut self, milliseconds: f64) -> Result<TimerId, Refusal> {
        (**self).set_timer(milliseconds)
    }

    fn clear_timer(&mut self, timer: TimerId) -> Result<(), StopTurn> {
        (**self).clear_timer(timer)
    }

    fn phase(&mut self, title: String) -> Result<(), StopTurn> {
        (**self).phase(title)
    }

    fn log(&mut self, message: String) -> Result<(), StopTurn> {
        (**self).log(message)
    }

    fn null_slot(&mut self, slot: NullSlot) -> Result<(), StopTurn> {
        (**self).null_slot(slot)
    }

    fn warn(&mut self, warning: Warning) -> Result<(), StopTurn> {
        (**self).warn(warning)
    }

    fn budget(&self) -> BudgetState {
        (**self).budget()
    }
}
