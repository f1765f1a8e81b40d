//! Ctrl-C, SIGTERM and SIGHUP: the first stops the run cleanly, the second ends
//! the process at once.
//!
//! Owns: these signals, received by a thread of its own so that nothing can delay
//! them. Never: decides what stopping means; the engine does.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Once, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use smol_wf_core::ids::RunId;
use smol_wf_engine::CancellationToken;

use crate::notices::print_message;
use crate::supervisor::supervisor;
use crate::{exit, file_output, shell, streams};
use system::Listener;

/// How long a second signal waits for the agents to be killed. That takes
/// milliseconds unless one hangs in the kernel.
const KILL_MAX: Duration = Duration::from_secs(1);

/// How long it waits for the terminal to clear the moving lines: far longer than
/// a working terminal takes.
const CLEAR_MAX: Duration = Duration::from_millis(200);

/// After a signal, a reader that reads nothing for this long is given up.
const STALLED: Duration = Duration::from_millis(400);

/// How often signals are polled if no thread could be started.
const POLL_EVERY: Duration = Duration::from_millis(100);

/// The signal handler of the process; it listens until the process ends.
#[derive(Clone)]
pub(crate) struct Signals {
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
    state: Arc<SignalState>,
}

/// What the signal thread and the command share.
#[derive(Default)]
struct SignalState {
    /// The exit code of the first signal; 0 if none was received.
    code: AtomicU8,
    /// Nothing is at work any more; only output is left.
    is_over: AtomicBool,
    /// A thread watches whether readers still read.
    is_watched: AtomicBool,
}

/// What is left to do after [`Signals::receive`].
enum StopRequest {
    /// The process goes on.
    Nothing,
    /// End now, with this code.
    End(u8),
    /// End all agents first, then exit with this code.
    EndAll(u8),
}

/// The handler, once it listens: a process has one set of signals.
static LISTENING: OnceLock<Signals> = OnceLock::new();

/// The run at work, for the message on the second signal.
static RUN: OnceLock<RunId> = OnceLock::new();

/// Closing terminals no longer concern this process.
static IGNORES_HANG_UP: AtomicBool = AtomicBool::new(false);

/// A signal ends this process, with a message.
static ENDS_WITH_MESSAGE: AtomicBool = AtomicBool::new(false);

/// From here on SIGHUP does nothing: the process has left its terminal.
pub(crate) fn ignore_hang_up() {
    IGNORES_HANG_UP.store(true, Ordering::SeqCst);
}

/// Stops the run as the signal with this exit code does.
pub(crate) fn stop_run(code: u8) {
    if let Some(signals) = LISTENING.get() {
        // Of a first signal nothing is left to do.
        let _ = signals.receive(code);
    }
}

/// Records the run at work, which can be resumed from here on.
pub(crate) fn set_run(run: &RunId) {
    let _ = RUN.set(run.clone());
}

impl Signals {
    /// Starts to listen. From here on no write to stderr waits for its reader.
    pub(crate) fn listen() -> Self {
        let signals = Self { cancel: CancellationToken::new(), state: Arc::default() };
        streams::start_queue();
        let _ = LISTENING.set(signals.clone());
        // First of all, so that no signal is missed. If this fails, signals end
        // the process as usual.
        if let Some(listener) = Listener::new() {
            let listens = signals.clone();
            let thread = thread::Builder::new().name("signals".to_owned());
            if thread.spawn(move || listens.listen_blocking(listener)).is_err() {
                // No thread could be started: poll between other tasks.
                let _ = Listener::new()
                    .map(|listener| tokio::spawn(signals.clone().listen_polling(listener)));
            }
        }
        signals
    }

    /// The exit code of the first signal, if one was received.
    pub(crate) fn code(&self) -> Option<u8> {
        match self.state.code.load(Ordering::SeqCst) {
            0 => None,
            code => Some(code),
        }
    }

    /// Nothing is at work any more: output may wait for its readers, and a signal
    /// ends the process. If a signal was received before, readers that read
    /// nothing are given up.
    pub(crate) fn all_is_over(&self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        let is_due = self.code().is_some() && !self.state.is_watched.swap(true, Ordering::SeqCst);
        if is_due {
            let watches = self.clone();
            // If no thread can be started, slow readers are waited for.
            let _ =
                thread::Builder::new().name("stalled".to_owned()).spawn(move || watches.watch());
        }
    }

    /// Work starts again: a signal stops it cleanly.
    pub(crate) fn work_goes_on(&self) {
        self.state.is_over.store(false, Ordering::SeqCst);
    }

    /// Receives signals in a thread of its own, until the process ends.
    fn listen_blocking(self, mut listener: Listener) {
        loop {
            for received in listener.wait() {
                match self.receive(received) {
                    StopRequest::Nothing => {}
                    StopRequest::End(code) => stop_at_once(code),
                    StopRequest::EndAll(code) => {
                        let runtime =
                            tokio::runtime::Builder::new_current_thread().enable_time().build();
                        if let Ok(runtime) = runtime {
                            runtime.block_on(end_all());
                        }
                        stop_at_once(code)
                    }
                }
            }
        }
    }

    /// Receives signals between other tasks, if no thread could be started.
    async fn listen_polling(self, mut listener: Listener) {
        loop {
            for received in listener.pending() {
                match self.receive(received) {
                    StopRequest::Nothing => {}
                    StopRequest::End(code) => stop_at_once(code),
                    StopRequest::EndAll(code) => {
                        end_all().await;
                        stop_at_once(code)
                    }
                }
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    /// Handles one signal, and returns what is left to do.
    fn receive(&self, received: u8) -> StopRequest {
        if received == exit::HUNG_UP && IGNORES_HANG_UP.load(Ordering::SeqCst) {
            return StopRequest::Nothing;
        }
        let first =
            self.state.code.compare_exchange(0, received, Ordering::SeqCst, Ordering::SeqCst);
        // When a terminal closes, the kernel and the shell both send SIGHUP: that is
        // one request, also when the run ends between the two.
        if received == exit::HUNG_UP && first.is_err() {
            return StopRequest::Nothing;
        }
        if self.state.is_over.load(Ordering::SeqCst) {
            return StopRequest::End(received);
        }
        if first.is_ok() {
            print_message(stopping(received));
            self.cancel.cancel();
        } else {
            // The second signal: end at once. The journal is durable. Agents that
            // ignored the first signal are killed.
            if let Some(run) = RUN.get() {
                print_message(&format!("resume: {}", shell::resume(run, None)));
            }
            return StopRequest::EndAll(received);
        }
        StopRequest::Nothing
    }

    /// Ends the process when a reader stalls: one write was in progress for the
    /// whole interval. Output that takes long to compute does not count.
    fn watch(&self) {
        let writing = || (streams::is_writing(), streams::finished_writes());
        let mut before = writing();
        while self.state.is_over.load(Ordering::SeqCst) {
            thread::sleep(STALLED);
            let now = writing();
            if now.0 && now == before && self.state.is_over.load(Ordering::SeqCst) {
                finish(self.code().unwrap_or(exit::TERMINATED));
            }
            before = now;
        }
        self.state.is_watched.store(false, Ordering::SeqCst);
    }
}

/// Kills all agents; waits [`KILL_MAX`] at most.
async fn end_all() {
    let _ = tokio::time::timeout(KILL_MAX, supervisor().end_all_at_once()).await;
}

/// The message after the first signal.
fn stopping(code: u8) -> &'static str {
    match code {
        exit::INTERRUPTED => "Stopping… Ctrl-C again to stop now",
        _ => "Stopping… another signal stops it now",
    }
}

/// The command is done: from here on a signal ends the process, even while output
/// waits.
pub(crate) fn command_is_over() {
    if let Some(signals) = LISTENING.get() {
        signals.all_is_over();
    }
}

/// Clears the moving lines and ends the process.
fn stop_at_once(code: u8) -> ! {
    streams::clear_moving(CLEAR_MAX);
    finish(code)
}

/// Removes unfinished files and ends the process.
#[expect(clippy::exit, reason = "the second signal must not wait for anything")]
fn finish(code: u8) -> ! {
    file_output::remove_unfinished();
    std::process::exit(i32::from(code))
}

/// Calls `take` with the exit code of each signal, in a thread of its own. For a command
/// that does not listen: if no thread can be started, a signal ends the process.
fn on_each(take: impl Fn(u8) + Send + 'static) {
    let (says, ready) = mpsc::channel::<()>();
    let thread = thread::Builder::new().name("signals".to_owned());
    let _ = thread.spawn(move || {
        let Some(mut listener) = Listener::new() else { return };
        drop(says);
        loop {
            listener.wait().into_iter().for_each(&take);
        }
    });
    // Wait until the thread listens.
    let _ = ready.recv();
}

/// Somebody removes unfinished files when a signal comes.
static REMOVES_UNFINISHED: Once = Once::new();

/// Hands each signal to another process instead of ending this one, as long as `to` finds
/// that process.
pub(crate) fn pass_on(to: impl Fn(u8) -> bool + Send + 'static) {
    // It does so itself, where it ends the process.
    REMOVES_UNFINISHED.call_once(|| {});
    on_each(move |code| {
        if !to(code) && !ENDS_WITH_MESSAGE.load(Ordering::SeqCst) {
            stop_at_once(code);
        }
    });
}

/// Makes a signal end this process, which only watches a run, with a message that
/// `said` gives for its exit code.
pub(crate) fn end_with_message(said: impl Fn() -> Option<String> + Send + 'static) {
    ENDS_WITH_MESSAGE.store(true, Ordering::SeqCst);
    on_each(move |code| {
        streams::clear_moving(CLEAR_MAX);
        said().iter().for_each(|line| print_message(line));
        stop_at_once(code)
    });
}

/// In a command that does not listen, makes a signal remove unfinished files
/// before it ends the process as usual.
pub(crate) fn remove_unfinished_files() {
    if LISTENING.get().is_some() {
        return;
    }
    REMOVES_UNFINISHED.call_once(|| {
        on_each(|code| {
            // The thread with the message removes them last, and gives a terminal back first.
            if !ENDS_WITH_MESSAGE.load(Ordering::SeqCst) {
                file_output::remove_unfinished();
                system::end(code);
            }
        });
    });
}

/// Handles SIGXFSZ, which a write over `ulimit -f` sends, so that the write fails
/// with an error instead of ending the process. Agents keep the default.
pub(crate) fn let_large_files_fail() {
    system::let_large_files_fail();
}

/// The signals of Unix.
#[cfg(unix)]
mod system {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use tokio::signal::unix::{SignalKind, signal};

    use crate::exit;

    /// Receives SIGINT, SIGTERM and SIGHUP.
    pub(super) struct Listener(Signals);

    impl Listener {
        /// Starts to listen; `None` if the system refuses.
        pub(super) fn new() -> Option<Self> {
            // Ignored signals stay ignored: under nohup a run survives the
            // terminal, and in the background of a shell script Ctrl-C is for
            // another process.
            let is_ignored = ignored();
            let handled = [SIGINT, SIGTERM, SIGHUP]
                .into_iter()
                .filter(|&signal| signal == SIGTERM || !is_ignored(signal));
            Signals::new(handled).ok().map(Self)
        }

        /// Waits for signals; returns the exit code of each.
        pub(super) fn wait(&mut self) -> Vec<u8> {
            self.0.wait().filter_map(code).collect()
        }

        /// Exit codes of the signals that were received, without waiting.
        pub(super) fn pending(&mut self) -> Vec<u8> {
            self.0.pending().filter_map(code).collect()
        }
    }

    /// The exit code of a signal: 128 and its number.
    fn code(signal: i32) -> Option<u8> {
        match signal {
            SIGINT => Some(exit::INTERRUPTED),
            SIGTERM => Some(exit::TERMINATED),
            SIGHUP => Some(exit::HUNG_UP),
            _ => None,
        }
    }

    /// Ends the process by the signal that belongs to this exit code.
    pub(super) fn end(code: u8) {
        let signal = i32::from(code) - 128;
        if signal_hook::low_level::emulate_default_handler(signal).is_err() {
            super::finish(code);
        }
    }

    /// Handles SIGXFSZ with nothing, so that the write itself fails.
    pub(super) fn let_large_files_fail() {
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        const SIGXFSZ: i32 = 25;
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        // If this fails, the signal ends the process as before.
        let _ = signal(SignalKind::from_raw(SIGXFSZ));
    }

    /// Tests whether a signal was ignored when the process started. The kernel
    /// shows a set of bits; signal 1 is the lowest.
    #[cfg(target_os = "linux")]
    fn ignored() -> impl Fn(i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let bits = line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
        move |number| (bits >> (number - 1)) & 1 == 1
    }

    /// Without /proc: a child inherits ignored signals, and survives sending one
    /// to itself.
    #[cfg(not(target_os = "linux"))]
    fn ignored() -> impl Fn(i32) -> bool {
        |number| {
            let mut child = std::process::Command::new("/bin/sh");
            child.args(["-c", &format!("kill -{number} $$")]);
            child.status().is_ok_and(|status| status.success())
        }
    }
}

/// Other systems have Ctrl-C only.
#[cfg(not(unix))]
mod system {
    use tokio::runtime::{Builder, Runtime};

    use crate::exit;

    /// Receives Ctrl-C, with a runtime of its own.
    pub(super) struct Listener(Runtime);

    impl Listener {
        pub(super) fn new() -> Option<Self> {
            Builder::new_current_thread().enable_all().build().ok().map(Self)
        }

        pub(super) fn wait(&mut self) -> Vec<u8> {
            match self.0.block_on(tokio::signal::ctrl_c()) {
                Ok(()) => vec![exit::INTERRUPTED],
                Err(_) => self.0.block_on(std::future::pending()),
            }
        }

        pub(super) fn pending(&mut self) -> Vec<u8> {
            Vec::new()
        }
    }

    pub(super) fn end(code: u8) {
        super::finish(code);
    }

    pub(super) fn let_large_files_fail() {}
}
