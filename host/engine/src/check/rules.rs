//! The rules: the name and severity of each.
//!
//! Owns: the list, which `docs/checking.md` repeats. Never: looks at a script.

use serde::Serialize;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The script may be wrong.
    Warning,
    /// The script is wrong.
    Error,
}

impl Severity {
    /// The word for it in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable name of the rule, such as `not-awaited`.
    pub id: &'static str,
    /// The severity of all its findings.
    pub severity: Severity,
    /// A description of its findings, for people.
    pub about: &'static str,
}

macro_rules! rules {
    ($($name:ident = $id:literal, $severity:ident, $about:literal;)*) => {
        $(pub(super) static $name: Rule =
            Rule { id: $id, severity: Severity::$severity, about: $about };)*
        /// All rules.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    SYNTAX = "syntax", Error, "the script does not compile, or is not text";
    META = "meta", Error, "`meta` is missing, is not a literal, or lacks a key";
    META_KEY = "meta-key", Warning, "a key of `meta` that is unknown here";
    PHASE_TITLE = "phase-title", Warning, "a phase that `meta.phases` does not list, or a listed phase that never begins";
    IMPORT = "import", Error, "an import of anything but `workflow:extra` and files of the project, or any import in a body";
    DYNAMIC_CODE = "dynamic-code", Warning, "`import()`, `eval` or `Function`";
    NOT_AWAITED = "not-awaited", Error, "a call that is not awaited: it is cut off when the script ends";
    FOR_EACH = "for-each", Warning, "an async callback of `forEach`, which does not wait for it";
    UNGUARDED_NULL = "unguarded-null", Warning, "a result that may be null and is used without a test";
    REFUSED = "refused", Error, "a call that a run refuses before an agent is asked";
    NOT_ALLOWED = "not-allowed", Warning, "a server or folder that a call names and that the settings here do not allow";
    WORKTREE = "worktree", Warning, "an agent in a worktree, where a run started here could make none";
    WORKFLOW = "workflow", Error, "a child workflow that is not found, or cannot be run";
    OBJECT_TEXT = "object-text", Warning, "an object in a string, where it becomes `[object Object]`";
    UNKNOWN_OPTION = "unknown-option", Warning, "an option of `agent()` that is ignored";
    UNKNOWN_NAME = "unknown-name", Error, "a name that is neither declared nor available in scripts";
    NOT_PORTABLE = "not-portable", Warning, "a body that runs here and that Claude Code refuses";
    UNCHECKED = "unchecked", Warning, "the script is nested too deeply for the rules to follow";
}
