//! Stable codes of failures that a script may see. Add; never rename.
//!
//! Owns: the words. Every code stands in `docs/errors.md` with what to do.

/// A call was made with arguments that it cannot have.
pub const CALL_INVALID: &str = "call_invalid";
/// A prompt, an option, a schema or an argument is too large.
pub const CALL_TOO_LARGE: &str = "call_too_large";
/// A `workflow()` call inside a child workflow.
pub const NESTED_TOO_DEEP: &str = "nested_too_deep";
/// `workflow()` names a script that is not there or lies outside the project.
pub const WORKFLOW_NOT_FOUND: &str = "workflow_not_found";
/// `workflow()` names a script that cannot be run.
pub const WORKFLOW_REFUSED: &str = "workflow_refused";
/// A child workflow failed.
pub const WORKFLOW_FAILED: &str = "workflow_failed";
/// The schema of a call is not a JSON Schema, or larger than allowed.
pub const SCHEMA_INVALID: &str = "schema_invalid";
/// The agent's answer does not satisfy the schema, after one correction round.
pub const SCHEMA_MISMATCH: &str = "schema_mismatch";
/// No provider of that name.
pub const PROVIDER_UNKNOWN: &str = "provider_unknown";
/// The call names no provider, and none was there when the run started.
pub const NO_AGENT: &str = "no_agent";
/// The agent's answer is larger than allowed.
pub const ANSWER_TOO_LARGE: &str = "answer_too_large";
/// The agent's answer cannot be checked against the schema in bounded time.
pub const ANSWER_TOO_COSTLY: &str = "answer_too_costly";
/// A defect of smol-wf ended the call.
pub const INTERNAL: &str = "internal_error";
