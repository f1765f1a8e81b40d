//! The words between the run machine and whatever runs a script.
//!
//! Owns: what goes into a guest, what comes out, and [`TurnHost`], the
//! questions a guest may ask during a turn. Never: runs anything; the sandbox
//! does, and translates these to and from WIT in one file.

use serde::{Deserialize, Serialize};

use crate::ids::{CallId, TimerId};
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
    /// What positions in errors call it; never a path of this machine.
    pub file_name: String,
    /// Byte offset of the word `export` in front of `const meta`.
    pub meta_export: u32,
}

/// All that a script is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartInput {
    /// What to run.
    pub source: Source,
    /// As `inspect` found it.
    pub dialect: Dialect,
    /// Which program it sees.
    pub surface: Surface,
    /// JSON text; none is `undefined`.
    pub args: Option<String>,
    /// JSON text of the script's `meta`.
    pub meta: String,
    /// Seed of `Math.random` in this instance.
    pub seed: u64,
    /// Watch promises, to name those that never settle.
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
    /// What it says.
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

/// What a script may know of its budget, in output tokens.
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
    /// Which construct.
    pub group: GroupKind,
    /// Ordinal of the construct within its script, from 1, in order of start.
    pub ordinal: u32,
    /// Slot or item, from 0.
    pub index: u32,
    /// The stage that threw, from 0, in a pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<u32>,
    /// What was thrown.
    pub error: ScriptError,
    /// The call whose failure was thrown, known from the error itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<CallId>,
}

/// Something that its author should know of a script, and that does not stop it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable; one of [`WARNING_CODES`].
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Where in a result it is, such as `result.items[2]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The call that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<CallId>,
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

/// What a guest may call a warning.
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

/// Code of the warning that a phase has no title to speak of.
pub const PHASE_TITLE: &str = "phase_title";

/// Code of the warning that an agent was cut off with its script.
pub const NOT_AWAITED: &str = "not_awaited";

/// Code of the warning that an answer is not what its agent has printed.
pub const ANSWER_NOT_UTF8: &str = "answer_not_utf8";

/// Why a question of the guest was not answered with a call id.
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
    /// The script asks for something else than the journal holds.
    #[error(transparent)]
    Mismatch(#[from] crate::mismatch::Mismatch),
}

/// What a guest may ask of its host during one turn. Every value that comes in
/// is hostile: bounded in length by the sandbox, and by nothing else.
///
/// All functions answer at once; outcomes come later, as turns of their own.
pub trait TurnHost {
    /// Start an agent; `options` is JSON text.
    ///
    /// # Errors
    /// When this call is refused, or the run must stop.
    fn agent(&mut self, prompt: String, options: String) -> Result<CallId, Refusal>;

    /// Start a child workflow; `target` and `args` are JSON text.
    ///
    /// # Errors
    /// When this call is refused, or the run must stop.
    fn workflow(&mut self, target: String, args: Option<String>) -> Result<CallId, Refusal>;

    /// Sleep durably.
    ///
    /// # Errors
    /// When the duration is refused, or the run must stop.
    fn sleep(&mut self, milliseconds: f64) -> Result<CallId, Refusal>;

    /// Set a timer of held time.
    ///
    /// # Errors
    /// When the duration is refused, or the run must stop.
    fn set_timer(&mut self, milliseconds: f64) -> Result<TimerId, Refusal>;

    /// Clear a timer; one that is not open means nothing.
    ///
    /// # Errors
    /// When the run must stop.
    fn clear_timer(&mut self, timer: TimerId) -> Result<(), StopTurn>;

    /// Name the phase of later calls.
    ///
    /// # Errors
    /// When the run must stop.
    fn phase(&mut self, title: String) -> Result<(), StopTurn>;

    /// Say something to whoever watches.
    ///
    /// # Errors
    /// When the run must stop.
    fn log(&mut self, message: String) -> Result<(), StopTurn>;

    /// Say why a slot is null.
    ///
    /// # Errors
    /// When the run must stop.
    fn null_slot(&mut self, slot: NullSlot) -> Result<(), StopTurn>;

    /// Tell the author something that does not stop the script.
    ///
    /// # Errors
    /// When the run must stop.
    fn warn(&mut self, warning: Warning) -> Result<(), StopTurn>;

    /// What is known of the budget.
    fn budget(&self) -> BudgetState;
}

/// A host goes into the sandbox and comes back with every turn: a large one does
/// so more cheaply in a box.
impl<H: TurnHost> TurnHost for Box<H> {
    fn agent(&mut self, prompt: String, options: String) -> Result<CallId, Refusal> {
        (**self).agent(prompt, options)
    }

    fn workflow(&mut self, target: String, args: Option<String>) -> Result<CallId, Refusal> {
        (**self).workflow(target, args)
    }

    fn sleep(&mut self, milliseconds: f64) -> Result<CallId, Refusal> {
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
