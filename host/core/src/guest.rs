//! The words between the run machine and whatever runs a script.
//!
//! Owns: what goes into a guest, what comes out, and [`TurnHost`], the
//! questions a guest may ask during a turn. Never: runs anything; the sandbox
//! does, and translates these to and from WIT in one file.

use serde::{Deserialize, Serialize};

use crate::ids::CallId;
use crate::limits::LimitError;

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
    /// JSON text; none is `undefined`.
    pub args: Option<String>,
    /// JSON text of the script's `meta`.
    pub meta: String,
    /// Seed of `Math.random` in this instance.
    pub seed: u64,
    /// Watch promises, to name those that never settle.
    pub diagnose: bool,
}

/// A call that failed or was refused. Stored in the journal as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable; see `docs/errors.md`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl Failure {
    /// A failure with a code of [`crate::codes`].
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// JSON text, `null` included.
    Value(String),
    /// It failed.
    Failed(Failure),
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
    /// The result as JSON text.
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
}

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
    Mismatch(#[from] crate::journal::Mismatch),
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

    fn phase(&mut self, title: String) -> Result<(), StopTurn> {
        (**self).phase(title)
    }

    fn log(&mut self, message: String) -> Result<(), StopTurn> {
        (**self).log(message)
    }

    fn null_slot(&mut self, slot: NullSlot) -> Result<(), StopTurn> {
        (**self).null_slot(slot)
    }

    fn budget(&self) -> BudgetState {
        (**self).budget()
    }
}
