//! Hints for fixtures that cannot be written or read.
//!
//! Owns: the hints, and the flag of a redaction rule. Never: the fault; the error
//! names it.

use smol_wf_engine::FixtureError;

use super::joined;

/// The whole sentence about a fixture.
pub(crate) fn sentence(error: &FixtureError) -> String {
    if let FixtureError::Rule { rule, reason } = error {
        return format!("--redact {rule}: {reason}");
    }
    joined(&error.to_string(), hint(error))
}

/// The hint for an error; `None` if the message says it all.
fn hint(error: &FixtureError) -> Option<&'static str> {
    Some(match error {
        FixtureError::Newer { .. } => "use a newer smol-wf",
        FixtureError::NotAFixture => "`smol-wf export RUN --fixture FILE` makes one",
        FixtureError::Changed { .. } => {
            "restore the file, or export it again from a run: smol-wf export RUN --fixture FILE"
        }
        FixtureError::ScriptGone { .. } => {
            "if it was moved, give its new path: smol-wf test FIXTURE --script FILE --accept"
        }
        FixtureError::ScriptPiped => {
            "save it in the project of the fixture and give its path: smol-wf test FIXTURE --script FILE --accept"
        }
        FixtureError::Unacceptable { .. } => {
            "move the script there or the fixture to the script, or leave out --accept and --record"
        }
        FixtureError::Outside { .. } => {
            "if it was moved, give its new path: smol-wf test FIXTURE --script FILE"
        }
        FixtureError::Kept { .. } => "delete that file to ask the agents again",
        FixtureError::NotOver { .. } => "resume it, then export it again",
        FixtureError::Running { .. } => "wait until the run is over, then export it again",
        FixtureError::TooLarge { .. } => "export it as a journal",
        FixtureError::Journal(error) => return super::of_journal(error),
        FixtureError::Unreadable { .. }
        | FixtureError::Entry(_)
        | FixtureError::Rules { .. }
        | FixtureError::Rule { .. }
        | FixtureError::Redaction { .. } => return None,
    })
}
