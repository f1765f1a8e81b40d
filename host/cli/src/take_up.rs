//! Starts a holder for a run that has a message and no process.
//!
//! Owns: the command line of that holder, and the wait until it has taken the message.
//! Never: the holder itself; it is `smol-wf resume` in the background.

use std::ffi::OsString;
use std::process::ExitCode;

use tokio::time::Instant;

use crate::config::Key;
use crate::detached::{NotDetached, start_holder};
use crate::failure::CommandError;
use crate::notices::print_message;
use crate::posting::{Posted, Posting, TAKEN_MAX};
use crate::shell;

/// Most holders that are started for a message: another one may take the run up first, and
/// let go of it before it has seen the message.
const STARTS_MAX: u32 = 3;

/// What became of a message for which a holder may have been started.
pub(crate) enum TakenUp {
    /// It was taken, or the process that holds the run has not taken it in time.
    Posted(Posted),
    /// The holder could not take the run up. It has said why, and this is its exit code.
    Failed(ExitCode),
}

/// Waits until the message of this number was taken, and starts a holder if no process
/// holds the run. A holder that does not take it is waited for: it may be letting go of the
/// run, however long its agents take to finish.
pub(crate) async fn until_taken(
    posting: &Posting,
    mut posted: Posted,
) -> Result<TakenUp, CommandError> {
    let mut starts = 0;
    let mut has_said = false;
    loop {
        let (number, held) = match posted {
            Posted::Waits { number, held } => (number, held),
            done => return Ok(TakenUp::Posted(done)),
        };
        if held && !has_said {
            has_said = true;
            print_message(&format!(
                "run {} has not taken this yet; waiting for the process that works on it (Ctrl-C ends the wait, the message stays)",
                posting.run
            ));
        }
        if !held {
            if starts == STARTS_MAX {
                return Ok(TakenUp::Posted(Posted::Waits { number, held }));
            }
            starts += 1;
            if let Err(code) = start(posting)?
                // Another process may have been faster.
                && matches!(posting.look(number).await?, Posted::Waits { held: false, .. })
            {
                return Ok(TakenUp::Failed(ExitCode::from(code)));
            }
        }
        posted = posting.wait(number, Instant::now() + TAKEN_MAX).await?;
    }
}

/// Starts a holder, which goes on with the recorded script. Returns its exit code if it
/// ended before it had the run.
fn start(posting: &Posting) -> Result<Result<(), u8>, CommandError> {
    match start_holder(command_line(posting)) {
        Ok(_) => Ok(Ok(())),
        Err(NotDetached::Ended(code)) => Ok(Err(code)),
        Err(NotDetached::System(error)) => Err(error.into()),
    }
}

/// The same arguments without the database.
pub(crate) fn resume_of(posting: &Posting) -> Vec<OsString> {
    ["resume", posting.run.as_str(), "--as-recorded"].map(OsString::from).into()
}

/// The arguments of the holder that goes on with the recorded script.
pub(crate) fn command_line(posting: &Posting) -> Vec<OsString> {
    let mut argv = resume_of(posting);
    if let Some(database) = posting.settings.path(Key::Db).filter(|_| shell::is_database_named()) {
        argv.extend(["--db".into(), database.into()]);
    }
    argv
}
