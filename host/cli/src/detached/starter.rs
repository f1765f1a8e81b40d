//! The process that starts a holder, and waits until its run is durable.
//!
//! Owns: passing on the holder's words, its exit code, and signals to it. Never: keeps
//! the run; it ends while the run goes on.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use smol_wf_core::ids::RunId;
use smol_wf_engine::EngineError;

use super::holder::{CALLED, READY};
use super::system;
use crate::{exit, signals};

/// Longest line in which a holder names its run.
const READY_BYTES_MAX: u64 = 256;

/// Bytes that are passed on at a time.
const PART_BYTES: usize = 16 * 1024;

/// Stack of a thread that only waits for a process.
const WAITER_BYTES: usize = 64 * 1024;

/// Longest that a holder which is told to end may take: its run has not begun.
const END_MAX: Duration = Duration::from_secs(5);

/// Why no run is in the background.
#[derive(Debug)]
pub(crate) enum NotDetached {
    /// The command ended before its run was durable, with this exit code. It has said
    /// why on stderr.
    Ended(u8),
    /// The system starts no such process.
    System(EngineError),
}

/// Starts this program again in the background with these arguments, the command
/// first, and returns the id of its run as soon as the run is durable. Folder,
/// environment and stdin are those of this process. Blocks until then; what the holder
/// says meanwhile goes to stderr, and signals go to the holder.
pub(crate) fn start_holder(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<RunId, NotDetached> {
    start_holder_saying(arguments, io::stderr(), crate::streams::Stdout)
}

/// The same; what the holder says goes to `words`, and a report in place of a run to
/// `report`.
pub(crate) fn start_holder_saying(
    arguments: impl IntoIterator<Item = OsString>,
    words: impl Write + Send + 'static,
    report: impl Write,
) -> Result<RunId, NotDetached> {
    let mut command = system::program(CALLED).map_err(refused)?;
    command.args(arguments);
    begin(command, words, report, |child| {
        let target = child.clone();
        signals::pass_on(move |code| {
            let child = target.lock().unwrap_or_else(PoisonError::into_inner);
            child.as_ref().map(|child| system::signal(child, code)).is_some()
        });
    })
    .map(|(run, _)| run)
}

/// The same for a program that goes on after it: the holder has no stdin, and signals to
/// this process are not for it. `place` sets its folder and its variables. What it says
/// on its way goes to `words`; a report in place of a run is dropped. A holder whose run
/// is not durable after `longest` is ended.
pub(crate) fn start_holder_apart(
    arguments: impl IntoIterator<Item = OsString>,
    place: impl FnOnce(&mut Command),
    words: impl Write + Send + 'static,
    longest: Duration,
) -> Result<RunId, NotDetached> {
    let mut command = system::program(CALLED).map_err(refused)?;
    command.args(arguments).stdin(Stdio::null());
    place(&mut command);
    let (over, is_over) = channel();
    let started = begin(command, words, io::sink(), |child| {
        let child = child.clone();
        let watch = move || end_late(&child, longest, &is_over);
        // Without the thread it may take as long as it likes.
        let _ = waiter().spawn(watch);
    });
    drop(over);
    let (run, child) = started?;
    if let Some(mut child) = child {
        // A process that has ended and that nobody has waited for looks alive. Without the
        // thread it does so until this one ends.
        let _ = waiter().spawn(move || child.wait());
    }
    Ok(run)
}

fn waiter() -> thread::Builder {
    thread::Builder::new().name("holder".to_owned()).stack_size(WAITER_BYTES)
}

/// Ends a holder that is not alone after `longest`: first it may clean up.
fn end_late(child: &Mutex<Option<Child>>, longest: Duration, is_over: &Receiver<()>) {
    if is_over.recv_timeout(longest) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let with = |end: &dyn Fn(&mut Child)| {
        child.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(end)
    };
    with(&|child| system::signal(child, exit::TERMINATED));
    if is_over.recv_timeout(END_MAX) == Err(RecvTimeoutError::Timeout) {
        // It may have ended just now.
        with(&|child| {
            let _ = child.kill();
        });
    }
}

/// This program, to be started as an ordinary command.
pub(crate) fn this_program() -> Result<Command, EngineError> {
    system::program("smol-wf")
        .map_err(|error| EngineError::System { doing: "start this program", error })
}

fn refused(error: io::Error) -> NotDetached {
    NotDetached::System(EngineError::System { doing: "start a process in the background", error })
}

/// Starts the holder and waits until its run is durable. `share` is given the process
/// before anything is waited for; it holds none once the holder is alone.
fn begin(
    mut command: Command,
    words: impl Write + Send + 'static,
    report: impl Write,
    share: impl FnOnce(&Arc<Mutex<Option<Child>>>),
) -> Result<(RunId, Option<Child>), NotDetached> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(refused)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let child = Arc::new(Mutex::new(Some(child)));
    share(&child);
    let words = stderr.map(|stderr| thread::spawn(move || pass_words(stderr, words)));
    let told =
        stdout.map(|stdout| read_ready(stdout, report)).transpose().map_err(refused)?.flatten();
    // It ends when the holder has turned away, or has ended.
    let _ = words.map(thread::JoinHandle::join);
    match told {
        Some(run) => {
            // From here on it is alone: signals are for this process.
            let child = child.lock().unwrap_or_else(PoisonError::into_inner).take();
            Ok((run, child))
        }
        None => Err(NotDetached::Ended(end_of(&child))),
    }
}

/// Waits for the end of the holder, and returns its exit code.
fn end_of(child: &Mutex<Option<Child>>) -> u8 {
    // Kept where signals find it until it has ended.
    loop {
        let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
        match child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => {}
            Some(Ok(Some(status))) => {
                *child = None;
                return system::code_of(status).unwrap_or(exit::FAILED);
            }
            _ => return exit::FAILED,
        }
        drop(child);
        // Its streams are closed, so it is at its very end.
        thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// Reads the id of the run. What else the holder writes to stdout, such as the report
/// of a run that is over, goes to `report`.
fn read_ready(stdout: ChildStdout, mut report: impl Write) -> io::Result<Option<RunId>> {
    let mut stdout = BufReader::new(stdout);
    let mut first = Vec::new();
    stdout.by_ref().take(READY_BYTES_MAX).read_until(b'\n', &mut first)?;
    let line = std::str::from_utf8(&first).ok();
    if let Some(run) = line.and_then(|line| line.strip_prefix(READY)) {
        return Ok(RunId::parse(run.trim_end()).ok());
    }
    // A reader that has gone is not an error.
    if report.write_all(&first).is_ok() {
        let _ = io::copy(&mut stdout, &mut report);
    }
    Ok(None)
}

/// Passes on what the holder says, which is safe to print. Goes on reading when nobody
/// reads here, because the holder must not wait.
fn pass_words(mut stderr: ChildStderr, mut out: impl Write) {
    let mut part = vec![0; PART_BYTES];
    loop {
        match stderr.read(&mut part) {
            Ok(0) => return,
            Ok(read) => {
                let _ = out.write_all(part.get(..read).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_takes_too_long_is_ended_and_another_is_left_alone() {
        let start = || Command::new("sleep").arg("600").spawn().map(Some).map(Mutex::new).unwrap();
        let (late, (over, is_over)) = (&start(), channel());
        thread::scope(|scope| {
            scope.spawn(move || end_late(late, Duration::ZERO, &is_over));
            assert_eq!(end_of(late), exit::TERMINATED);
            drop(over);
        });
        // This one is alone by now, so it is not ended.
        let (alone, (over, is_over)) = (start(), channel());
        drop(over);
        end_late(&alone, Duration::from_secs(600), &is_over);
        let mut child = alone.into_inner().unwrap().unwrap();
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
