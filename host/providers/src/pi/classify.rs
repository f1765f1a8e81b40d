//! Which kind of failure pi reports.
//!
//! Owns: its own words for what went wrong. Never: the words that all agents share.

use crate::ProviderErrorKind as Kind;
use crate::cause::Cause;
use crate::process::Exit;

/// A line on stderr which says that an option was not applied.
pub(super) fn warning(line: &str) -> Option<Cause> {
    let said = line.strip_prefix("Warning: ")?;
    if said.starts_with("Invalid thinking level") {
        return Some(Cause::new(Kind::Unsupported, said));
    }
    let unknown = said.starts_with("Model ") && said.contains("not found");
    unknown.then(|| {
        let named = said.split_once(". ").map_or(said, |(first, _)| first);
        let message = format!("{named}; `pi --list-models` shows those that it knows");
        Cause::new(Kind::Model, message)
    })
}

/// A turn that did not end well, by its `stopReason`.
pub(super) fn stopped(reason: Option<&str>, message: Option<&str>) -> Cause {
    match (reason, message) {
        (Some("length"), _) => Cause::new(
            Kind::Failed,
            "the answer broke off at the model's limit of output tokens (stopReason: length)",
        ),
        (Some("aborted"), _) => aborted(),
        (_, Some(message)) if !message.is_empty() => Cause::read(message, None),
        (reason, _) => Cause::new(
            Kind::Failed,
            format!("pi stopped and gave no reason (stopReason: {})", reason.unwrap_or("none")),
        ),
    }
}

pub(super) fn aborted() -> Cause {
    Cause::new(Kind::Killed, "pi was interrupted before it had answered")
}

/// It ended, or was ended, before it had settled.
pub(super) fn no_end(exit: Option<&Exit>) -> Cause {
    match exit {
        Some(exit) => Cause::of_exit("pi", exit),
        None => Cause::new(Kind::CutStream, "pi was ended before it had answered"),
    }
}
