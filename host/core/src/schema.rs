//! JSON Schema for structured answers: accepted within bounds, checked offline.
//!
//! Owns: which schemas a call may have, the verdict on an answer, examples, and the
//! messages about all of them. Never: fetches a document, or starts a check that could
//! take long: schema and answer are hostile, and the library has no budget of its own.

mod answer;
mod applicators;
mod checker;
mod document;
mod draw;
mod effort;
mod example;
mod keyword;
mod known;
mod link;
mod messages;
mod number;
mod object;
mod pattern;
mod plan;
mod shape;
mod step_schema;
mod surface1;
mod text;

pub use self::answer::{
    correction_in_session, correction_prompt, parse_answer, why_no_json, with_schema_instructions,
};
pub(crate) use self::checker::{About, NamedViolation, bounded_text};
pub use self::checker::{
    CHECK_STEPS_MAX, Checker, Rejection, TOO_COSTLY, Violation, accept, describe, linked,
    was_accepted_by_first,
};
pub use self::example::example;
pub use self::known::{do_drafts_share, does_claude_code_take};
pub(crate) use self::known::{has_keyword, mistyped};
pub use self::step_schema::{RecentSchemas, StepSchema};
