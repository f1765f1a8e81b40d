//! Messages about waiting for agents and for the database.
//!
//! Owns: the sentences. Never: waits.

use std::time::Duration;

use smol_wf_core::stop::StopReason;
use smol_wf_engine::providers::owner;
use smol_wf_engine::{DatabaseWait, StoreError};

use super::of_stop;
use crate::shell;

/// A stopping run waits for its agents.
pub(crate) fn for_agents(at_work: usize, reason: &StopReason) -> String {
    let (agents, have) = if at_work == 1 { ("agent", "has") } else { ("agents", "have") };
    format!(
        "{}; the run stops when the {at_work} {agents} at work {have} finished; Ctrl-C ends them at once",
        of_stop(reason)
    )
}

/// A run waits for its database, or a command waits to begin.
pub(crate) fn for_database(wait: DatabaseWait<'_>) -> String {
    let DatabaseWait { busy, longest, is_under_way } = wait;
    let longest = in_words(longest);
    let who = match busy {
        StoreError::Busy { path } => {
            let (shown, typed) = (path.display(), shell::path(path));
            format!("{shown} is locked by another process (`fuser {typed}` names it)")
        }
        StoreError::OlderHolder { path, run, owner } => format!(
            "{} has the tables of an older smol-wf, and {} works on run {run} with them",
            path.display(),
            owner::in_words(owner)
        ),
        other => other.to_string(),
    };
    match is_under_way {
        true => format!("{who}; this run waits for it, up to {longest}, and loses nothing"),
        false => format!("{who}; waiting for it, up to {longest}; Ctrl-C ends the wait"),
    }
}

/// `2 minutes`, `90 s`, `500 ms`: rounded, for a limit.
fn in_words(longest: Duration) -> String {
    let milliseconds = longest.as_millis();
    if milliseconds < 1_000 {
        return format!("{milliseconds} ms");
    }
    match (milliseconds + 500) / 1_000 {
        60 => "1 minute".to_owned(),
        seconds if seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rounded_to_words() {
        for (milliseconds, words) in [
            (500, "500 ms"),
            (1_980, "2 s"),
            (59_990, "1 minute"),
            (90_000, "90 s"),
            (119_990, "2 minutes"),
            (600_000, "10 minutes"),
        ] {
            assert_eq!(in_words(Duration::from_millis(milliseconds)), words);
        }
    }

    #[test]
    fn the_locked_database_is_quoted_for_a_shell() {
        let busy = StoreError::Busy { path: "it's a/runs.db".into() };
        for is_under_way in [true, false] {
            let longest = Duration::from_secs(120);
            let said = for_database(DatabaseWait { busy: &busy, longest, is_under_way });
            assert!(said.contains(r"(`fuser 'it'\''s a/runs.db'` names it)"), "{said}");
        }
    }
}
