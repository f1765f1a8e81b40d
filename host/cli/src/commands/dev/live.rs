//! Enter under `--live`: the script is run for real, by a process of its own.
//!
//! Owns: waiting for a line of stdin without keeping it from that process, and that
//! process. Never: a run.

use std::io::{self, Read, Write as _};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::failure::{CommandError, FileError, print_message};
use crate::file_output::PartialFile;
use crate::shell;

/// Most bytes of a line that are read at a time; what follows counts as the same line.
const LINE_BYTES: usize = 4096;

/// A process asks agents.
static IS_AT_WORK: AtomicBool = AtomicBool::new(false);

/// What came from stdin.
pub(super) enum Line {
    None,
    One,
    End,
}

/// Fails where nobody can press Enter.
pub(super) fn check_stdin() -> Result<(), CommandError> {
    if has_stdin() {
        return Ok(());
    }
    let message = "--live waits for Enter on stdin, which cannot be read here; leave it out";
    Err(CommandError::Usage(message.to_owned()))
}

/// Drops what was typed at a terminal and not read yet. What a program writes into a pipe
/// stays.
#[cfg(unix)]
pub(super) fn forget_typed() {
    use rustix::termios::{QueueSelector, tcflush};
    // Fails where stdin is not a terminal.
    let _ = tcflush(rustix::stdio::stdin(), QueueSelector::IFlush);
}

#[cfg(not(unix))]
pub(super) fn forget_typed() {}

/// Waits for a line for this long. Nothing is read ahead of it, so the process that asks
/// agents can read the answers to its own questions.
pub(super) async fn line_within(wait: Duration) -> Line {
    let waited = tokio::task::spawn_blocking(move || is_readable(wait));
    match waited.await {
        Ok(true) => {}
        _ => return Line::None,
    }
    let mut line = [0; LINE_BYTES];
    match io::stdin().lock().read(&mut line) {
        Ok(0) | Err(_) => Line::End,
        Ok(_) => Line::One,
    }
}

#[cfg(unix)]
fn has_stdin() -> bool {
    rustix::fs::fstat(rustix::stdio::stdin()).is_ok()
}

#[cfg(not(unix))]
fn has_stdin() -> bool {
    false
}

#[cfg(not(unix))]
fn is_readable(wait: Duration) -> bool {
    std::thread::sleep(wait);
    false
}

#[cfg(unix)]
fn is_readable(wait: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = rustix::stdio::stdin();
    let mut waits = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
    poll(&mut waits, Some(&wait)).is_ok_and(|ready| ready > 0)
}

/// Runs this command of the program to its end, with these arguments of the workflow.
/// Ctrl-C stops the run alone: the terminal sends it to both processes, and this one waits
/// for the other. Fails if the arguments cannot be handed over.
pub(super) async fn ask(mut words: Vec<String>, args: Option<&str>) -> Result<(), CommandError> {
    let file = args.map(private).transpose()?;
    if let Some(file) = &file {
        words.extend(["--args".to_owned(), format!("@{}", file.path().to_string_lossy())]);
    }
    let shown: Vec<String> = words.iter().map(|word| shell::word(word)).collect();
    print_message(&format!("smol-wf {}", shown.join(" ")));
    let ended = tokio::task::spawn_blocking(move || run(&words)).await;
    let said = match ended {
        Ok(Ok(status)) => match status.code() {
            Some(code) => format!("it ended with exit code {code}"),
            None => "it was ended by a signal".to_owned(),
        },
        Ok(Err(error)) => format!("error: it cannot be started: {error}"),
        Err(_) => return Ok(()),
    };
    print_message(&said);
    Ok(())
}

/// A file with this text that only this user can read, until it is dropped. On a command
/// line, long arguments do not fit, and others could read them.
fn private(text: &str) -> Result<PartialFile, FileError> {
    let folder = std::env::temp_dir();
    let written = PartialFile::of(&folder.join("args")).and_then(|(mut file, named)| {
        file.write_all(text.as_bytes())?;
        Ok(named)
    });
    written.map_err(|error| FileError::Temporary { folder, error })
}

fn run(words: &[String]) -> io::Result<ExitStatus> {
    let path = std::env::current_exe()?;
    // An update may have replaced the file; Linux still has the old one.
    let program = if path.exists() { path } else { "/proc/self/exe".into() };
    let mut child = Command::new(program).args(words).spawn()?;
    IS_AT_WORK.store(true, Ordering::SeqCst);
    let ended = child.wait();
    IS_AT_WORK.store(false, Ordering::SeqCst);
    ended
}

/// Whether a run is at work, which Ctrl-C is for.
pub(super) fn is_at_work() -> bool {
    IS_AT_WORK.load(Ordering::SeqCst)
}
