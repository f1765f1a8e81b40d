//! Ctrl-C, SIGTERM and the closing of the terminal: once stops cleanly, twice
//! stops at once.
//!
//! Owns: those signals, heard by a thread of its own, so that nothing else can
//! keep them from being heard. Never: decides what stopping means; the engine
//! does.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Once, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use smol_wf_core::ids::RunId;
use smol_wf_engine::CancellationToken;

use crate::notices::talk;
use crate::supervisor::supervisor;
use crate::{exit, file_output, shell, streams};
use system::Listener;

/// How long a second signal waits until the agents are killed, which takes
/// milliseconds unless one hangs in the kernel.
const KILL_MAX: Duration = Duration::from_secs(1);

/// How long it waits for the terminal to take the moving lines away: far longer
/// than any that works takes.
const CLEAR_MAX: Duration = Duration::from_millis(200);

/// After a signal, a reader that takes nothing for this long is not waited for.
const STALLED: Duration = Duration::from_millis(400);

/// How often signals are looked for where there is no thread to wait for them.
const LOOK: Duration = Duration::from_millis(100);

/// Listens until the program ends.
#[derive(Clone)]
pub(crate) struct Signals {
    pub(crate) cancel: CancellationToken,
    heard: Arc<SignalState>,
}

#[derive(Default)]
struct SignalState {
    /// The exit code of the signal that came.
    code: AtomicU8,
    /// Nothing is at work any more; all that is left is to tell of it.
    is_over: AtomicBool,
    /// Somebody looks whether readers still take something.
    is_watched: AtomicBool,
}

/// What a signal asks for beyond what [`Signals::heard`] has done.
enum StopRequest {
    Nothing,
    /// To end now, with this code.
    End(u8),
    /// The same, and nobody is left at work.
    EndAll(u8),
}

/// There is one set of signals, and so one who listens.
static LISTENING: OnceLock<Signals> = OnceLock::new();

/// The run at work.
static RUN: OnceLock<RunId> = OnceLock::new();

/// This run can be taken up again from here on.
pub(crate) fn run_is(run: &RunId) {
    let _ = RUN.set(run.clone());
}

impl Signals {
    /// Starts to listen. From here on no write to stderr waits.
    pub(crate) fn listen() -> Self {
        let signals = Self { cancel: CancellationToken::new(), heard: Arc::default() };
        streams::begin();
        let _ = LISTENING.set(signals.clone());
        // Before anything else is done, so that no signal is missed. One that
        // cannot be had leaves signals to do what they do to any other program.
        if let Some(listener) = Listener::new() {
            let listens = signals.clone();
            let thread = thread::Builder::new().name("signals".to_owned());
            if thread.spawn(move || listens.hear(listener)).is_err() {
                // Without a thread to be had, as well as a busy one can.
                let _ =
                    Listener::new().map(|listener| tokio::spawn(signals.clone().look(listener)));
            }
        }
        signals
    }

    /// The exit code of the signal that came, if one did.
    pub(crate) fn code(&self) -> Option<u8> {
        match self.heard.code.load(Ordering::SeqCst) {
            0 => None,
            code => Some(code),
        }
    }

    /// Nothing is at work any more: what is left is to tell of it, for which
    /// readers are waited for, and which a signal ends.
    pub(crate) fn all_is_over(&self) {
        self.heard.is_over.store(true, Ordering::SeqCst);
        let is_due = self.code().is_some() && !self.heard.is_watched.swap(true, Ordering::SeqCst);
        if is_due {
            let watches = self.clone();
            // Without a thread to be had, readers are waited for.
            let _ =
                thread::Builder::new().name("stalled".to_owned()).spawn(move || watches.watch());
        }
    }

    /// There is work again.
    pub(crate) fn work_goes_on(&self) {
        self.heard.is_over.store(false, Ordering::SeqCst);
    }

    fn hear(self, mut listener: Listener) {
        loop {
            for received in listener.wait() {
                match self.heard(received) {
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

    async fn look(self, mut listener: Listener) {
        loop {
            for received in listener.pending() {
                match self.heard(received) {
                    StopRequest::Nothing => {}
                    StopRequest::End(code) => stop_at_once(code),
                    StopRequest::EndAll(code) => {
                        end_all().await;
                        stop_at_once(code)
                    }
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn heard(&self, received: u8) -> StopRequest {
        let first =
            self.heard.code.compare_exchange(0, received, Ordering::SeqCst, Ordering::SeqCst);
        if self.heard.is_over.load(Ordering::SeqCst) {
            return StopRequest::End(received);
        }
        if first.is_ok() {
            talk(stopping(received));
            self.cancel.cancel();
        } else if received != exit::HUNG_UP {
            // Twice: at once. What is durable is durable. Agents that have
            // ignored the first one are not left to themselves.
            if let Some(run) = RUN.get() {
                talk(&format!("resume: {}", shell::resume(run, None)));
            }
            return StopRequest::EndAll(received);
        }
        // A terminal that closes is told of by the kernel and by the shell:
        // nobody has asked twice.
        StopRequest::Nothing
    }

    /// Ends the process once nobody reads what is left to be told: one write has been
    /// under way all the time. What takes long to be made is nobody's stall.
    fn watch(&self) {
        let seen = || (streams::is_writing(), streams::moved());
        let mut before = seen();
        while self.heard.is_over.load(Ordering::SeqCst) {
            thread::sleep(STALLED);
            let now = seen();
            if now.0 && now == before && self.heard.is_over.load(Ordering::SeqCst) {
                finish(self.code().unwrap_or(exit::TERMINATED));
            }
            before = now;
        }
        self.heard.is_watched.store(false, Ordering::SeqCst);
    }
}

async fn end_all() {
    let _ = tokio::time::timeout(KILL_MAX, supervisor().end_all_at_once()).await;
}

fn stopping(code: u8) -> &'static str {
    match code {
        exit::INTERRUPTED => "Stopping… Ctrl-C again to stop now",
        _ => "Stopping… another signal stops it now",
    }
}

/// The command is done; whoever listens for signals waits no longer for readers
/// than they let it.
pub(crate) fn command_is_over() {
    if let Some(signals) = LISTENING.get() {
        signals.all_is_over();
    }
}

fn stop_at_once(code: u8) -> ! {
    streams::take_away(CLEAR_MAX);
    finish(code)
}

#[expect(clippy::exit, reason = "the second signal must not wait for anything")]
fn finish(code: u8) -> ! {
    file_output::remove_unfinished();
    std::process::exit(i32::from(code))
}

/// In a command that does not listen, has a signal take away files that are not
/// whole before it ends the process as it ends any other.
pub(crate) fn remove_unfinished_files() {
    static ONCE: Once = Once::new();
    if LISTENING.get().is_some() {
        return;
    }
    ONCE.call_once(|| {
        let (says, ready) = mpsc::channel::<()>();
        // Without a thread to be had, nothing is heard, and the process just ends.
        let thread = thread::Builder::new().name("signals".to_owned());
        let _ = thread.spawn(move || {
            let Some(mut listener) = Listener::new() else { return };
            drop(says);
            loop {
                for code in listener.wait() {
                    file_output::remove_unfinished();
                    system::end(code);
                }
            }
        });
        // Until signals are heard.
        let _ = ready.recv();
    });
}

/// Takes the signal that a file grown over the limit of the system (`ulimit -f`)
/// sends, so that the write fails with its reason in place of ending us. Agents
/// have it as it was.
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

    pub(super) struct Listener(Signals);

    impl Listener {
        pub(super) fn new() -> Option<Self> {
            // Under nohup a run goes on when the terminal closes, and in the
            // background of a script when Ctrl-C is meant for another.
            let is_ignored = ignored();
            let heard = [SIGINT, SIGTERM, SIGHUP]
                .into_iter()
                .filter(|&signal| signal == SIGTERM || !is_ignored(signal));
            Signals::new(heard).ok().map(Self)
        }

        /// Waits for signals: the exit code of each.
        pub(super) fn wait(&mut self) -> Vec<u8> {
            self.0.wait().filter_map(code).collect()
        }

        /// Those that have come.
        pub(super) fn pending(&mut self) -> Vec<u8> {
            self.0.pending().filter_map(code).collect()
        }
    }

    fn code(signal: i32) -> Option<u8> {
        match signal {
            SIGINT => Some(exit::INTERRUPTED),
            SIGTERM => Some(exit::TERMINATED),
            SIGHUP => Some(exit::HUNG_UP),
            _ => None,
        }
    }

    /// Ends the process by the signal of this code.
    pub(super) fn end(code: u8) {
        let signal = i32::from(code) - 128;
        if signal_hook::low_level::emulate_default_handler(signal).is_err() {
            super::finish(code);
        }
    }

    pub(super) fn let_large_files_fail() {
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        const SIGXFSZ: i32 = 25;
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        // Where it cannot be had, it ends us as before.
        let _ = signal(SignalKind::from_raw(SIGXFSZ));
    }

    /// Which signals this process was started with as ignored. The kernel says so in
    /// a set of bits, of which number 1 is the lowest.
    #[cfg(target_os = "linux")]
    fn ignored() -> impl Fn(i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let bits = line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
        move |number| (bits >> (number - 1)) & 1 == 1
    }

    /// The same, where it cannot be read: what is ignored here is ignored in a
    /// child, which survives its own signal.
    #[cfg(not(target_os = "linux"))]
    fn ignored() -> impl Fn(i32) -> bool {
        |number| {
            let mut child = std::process::Command::new("/bin/sh");
            child.args(["-c", &format!("kill -{number} $$")]);
            child.status().is_ok_and(|status| status.success())
        }
    }
}

/// Elsewhere there is Ctrl-C.
#[cfg(not(unix))]
mod system {
    use tokio::runtime::{Builder, Runtime};

    use crate::exit;

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
