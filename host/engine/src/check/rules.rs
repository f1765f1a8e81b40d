//! The rules: what each is called and how bad it is.
//!
//! Owns: the list, which `docs/replay.md` repeats. Never: looks at a script.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It may be wrong.
    Warning,
    /// It is wrong.
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
    /// Stable.
    pub id: &'static str,
    /// Of all its findings.
    pub severity: Severity,
    /// What it finds.
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
    SYNTAX = "syntax", Error, "the script does not compile, or is no text";
    META = "meta", Error, "`meta` is missing, no literal, or lacks a key";
    META_KEY = "meta-key", Warning, "a key of `meta` that means nothing here";
    PHASE_TITLE = "phase-title", Warning, "a phase that `meta.phases` does not list, or one that never begins";
    IMPORT = "import", Error, "an import of anything but `workflow:extra`, or any import in a body";
    DYNAMIC_CODE = "dynamic-code", Warning, "`import()`, `eval` or `Function`";
    NOT_AWAITED = "not-awaited", Error, "a call that nobody awaits: it is cut off when the script ends";
    FOR_EACH = "for-each", Warning, "an async callback of `forEach`, which waits for nothing";
    UNGUARDED_NULL = "unguarded-null", Warning, "a result that may be null, used as if it could not";
    REFUSED = "refused", Error, "a call that is refused before anyone is asked";
    NOT_ALLOWED = "not-allowed", Warning, "a server or folder that a call names and that the settings here do not allow";
    WORKFLOW = "workflow", Error, "a child workflow that is not found, or cannot be run";
    OBJECT_TEXT = "object-text", Warning, "an object in a text, where it is `[object Object]`";
    UNKNOWN_OPTION = "unknown-option", Warning, "an option of `agent()` that is ignored";
    UNKNOWN_NAME = "unknown-name", Error, "a name that nothing declares, and that no script finds";
    NOT_PORTABLE = "not-portable", Warning, "a body that runs here and that Claude Code refuses";
    UNCHECKED = "unchecked", Warning, "the script is nested too deep for the rules to follow";
}
