//! The interface between the run machine and the sandbox that runs a script.
//!
//! Owns: what goes into a guest, what comes out, and [`TurnHost`], the calls that a
//! guest may make during a turn. Never: runs a script; the sandbox does, and translates
//! these types to and from WIT.

use serde::{Deserialize, Serialize};

use crate::gate::AskKind;
use crate::ids::{StepId, TimerId};
use crate::limits::LimitError;
use crate::module_text::ModuleText;
pub use crate::outcome::{Failure, Outcome, UNDEFINED};
use crate::surface::Surface;

/// How a script is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// An ES module: `export default` of a value or a function.
    Module,
    /// A body that may `await` and `return` at top level, after `export const meta`.
    Body,
}

/// The text of a script and how to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The JavaScript that runs; blanks stand where the author's types were.
    pub text: String,
    /// Its name in error positions; never a path of this machine.
    pub file_name: String,
    /// Its path from its project, to which its imports are relative.
    pub path: String,
    /// Byte offset of the `export` before `const meta`.
    pub meta_export: u32,
    /// All modules that it imports, and those that they import.
    pub modules: Vec<ModuleText>,
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
    /// The script's `meta` as JSON text.
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
    /// Its stable code: `syntax`, `import`, `thrown`, `unhandled_rejection`,
    /// `result_not_json`, `no_default_export` or `never_settles`.
    pub code: String,
    /// The error's own name, such as `TypeError`.
    pub name: String,
    /// The error's own message.
    pub message: String,
    /// The path of the module that the position is in; none is the script itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line from 1; 0 for none.
    pub line: u32,
    /// Column from 1; 0 for none.
    pub column: u32,
    /// Only the author's frames, one per line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stack: String,
    /// If the error is that of a failed step or refused call: its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The state of a script after a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for a step or a timer, or for something that never happens.
    Pending,
    /// The result as JSON text, or [`UNDEFINED`].
    Done(String),
    /// The script failed.
    Failed(ScriptError),
}

/// A script's view of its budget, in output tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetState {
    /// The total; none when none was given.
    pub total: Option<u64>,
    /// Output tokens of the steps that have settled.
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
    /// The name of the function in scripts.
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
    /// Number of the construct within its script, from 1, in the order of their starts.
    pub ordinal: u32,
    /// Slot or item, from 0.
    pub index: u32,
    /// The stage that threw, from 0, in a pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<u32>,
    /// The error that was thrown.
    pub error: ScriptError,
    /// The step whose failure was thrown, known from the error itself.
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
    /// The step that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Line from 1; 0 for none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub line: u32,
    /// Column from 1; 0 for none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub column: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(position: &u32) -> bool {
    *position == 0
}

/// Code of the last warning of a run that has more warnings than are kept.
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

/// Code of the warning that an answer differs from the bytes that its agent printed.
pub const ANSWER_NOT_UTF8: &str = "answer_not_utf8";

/// Why a call of the guest did not become a step or a timer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Only this call is refused; the script may catch the failure.
    #[error("{}", .0.message)]
    Call(Failure),
    /// The run must stop; the turn ends here, and the script sees nothing.
    #[error(transparent)]
    Stop(#[from] StopTurn),
}

/// Why the host ends a turn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopTurn {
    /// A limit of the run.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The script does something else than the journal records.
    #[error(transparent)]
    Mismatch(#[from] crate::mismatch::Mismatch),
}

/// The calls that a guest may make during a turn. Every argument is hostile: the
/// sandbox bounds its length, and checks nothing else.
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

    /// Ask people, or wait for an event of the name `question`; `options` is JSON text.
    ///
    /// # Errors
    /// When this call is refused, or the run must stop.
    fn ask(&mut self, kind: AskKind, question: String, options: String) -> Result<StepId, Refusal>;

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

    /// Set the phase of later steps.
    ///
    /// # Errors
    /// When the run must stop.
    fn phase(&mut self, title: String) -> Result<(), StopTurn>;

    /// Write a line to the run's log.
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

    /// The script's budget, with the spend so far.
    fn budget(&self) -> BudgetState;
}

/// The host moves into the sandbox and back with every turn; boxed, a large host moves
/// more cheaply.
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

    fn ask(&mut self, kind: AskKind, question: String, options: String) -> Result<StepId, Refusal> {
        (**self).ask(kind, question, options)
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
