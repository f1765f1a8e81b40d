//! Ctrl-C, SIGTERM and the closing of the terminal: once stops cleanly, twice
//! stops at once.
//!
//! Owns: those signals, heard by a thread of its own, so that nothing else can
//! keep them from being heard. Never: decides what stopping means; the engine
//! does.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use smol_wf_engine::CancellationToken;
use smol_wf_engine::providers::end_all_at_once;
use tokio::sync::Notify;

use crate::{exit, failure, streams};
use system::Listener;

/// How long a second signal waits until the agents are killed, which takes
/// milliseconds unless one hangs in the kernel.
const KILL_MAX: Duration = Duration::from_secs(1);

/// How long it waits for the terminal to take the moving lines away: far longer
/// than any that works takes.
const CLEAR_MAX: Duration = Duration::from_millis(200);

/// After a signal, a reader that takes nothing for this long is not waited for.
const STALLED: Duration = Duration::from_millis(400);

/// Listens until the program ends.
#[derive(Clone)]
pub(crate) struct Signals {
    pub(crate) cancel: CancellationToken,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    /// The exit code of the signal that came.
    code: AtomicU8,
    /// Nothing is at work any more; all that is left is to tell of it.
    is_over: AtomicBool,
    /// A signal came, and now all is over.
    over_after_signal: Notify,
}

/// There is one set of signals, and so one who listens.
static LISTENING: OnceLock<Signals> = OnceLock::new();

impl Signals {
    /// Starts to listen. From here on no write to stderr waits.
    pub(crate) fn listen() -> Self {
        let signals = Self { cancel: CancellationToken::new(), heard: Arc::default() };
        let (ready, is_ready) = mpsc::channel();
        let listens = signals.clone();
        let started = thread::Builder::new().name("signals".to_owned()).spawn(move || {
            // One that cannot be had leaves signals to do what they do to any
            // other program.
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build()
            {
                runtime.block_on(listens.hear(Some(ready)));
            }
        });
        match started {
            // Before anything else is done, so that no signal is missed.
            Ok(_) => drop(is_ready.recv()),
            // Without a thread to be had, as well as a busy one can.
            Err(_) => drop(tokio::spawn(signals.clone().hear(None))),
        }
        streams::begin();
        let _ = LISTENING.set(signals.clone());
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
        if self.code().is_some() {
            self.heard.over_after_signal.notify_one();
        }
    }

    /// There is work again.
    pub(crate) fn work_goes_on(&self) {
        self.heard.is_over.store(false, Ordering::SeqCst);
    }

    async fn hear(self, ready: Option<mpsc::Sender<()>>) {
        let mut listener = Listener::new();
        if let Some(ready) = ready {
            let _ = ready.send(());
        }
        let stalled = self.stalled();
        tokio::pin!(stalled);
        loop {
            let received = tokio::select! {
                received = listener.next() => received,
                code = &mut stalled => stop_at_once(code),
            };
            let is_first = self.code().is_none();
            if self.heard.is_over.load(Ordering::SeqCst) {
                streams::take_away(CLEAR_MAX);
                stop_at_once(received);
            } else if is_first {
                self.heard.code.store(received, Ordering::SeqCst);
                failure::talk(stopping(received));
                self.cancel.cancel();
            } else if received != exit::HUNG_UP {
                // Twice: at once. What is durable is durable. Agents that have
                // ignored the first one are not left to themselves.
                let _ = tokio::time::timeout(KILL_MAX, end_all_at_once()).await;
                streams::take_away(CLEAR_MAX);
                stop_at_once(received);
            }
            // A terminal that closes is told of by the kernel and by the shell:
            // nobody has asked twice.
        }
    }

    /// The exit code, once nobody reads what is left to be told.
    async fn stalled(&self) -> u8 {
        self.heard.over_after_signal.notified().await;
        let mut moved = streams::moved();
        loop {
            tokio::time::sleep(STALLED).await;
            let now = streams::moved();
            if now == moved {
                return self.code().unwrap_or(exit::TERMINATED);
            }
            moved = now;
        }
    }
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

#[expect(clippy::exit, reason = "the second signal must not wait for anything")]
fn stop_at_once(code: u8) -> ! {
    std::process::exit(i32::from(code))
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
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::exit;

    const SIGHUP: u32 = 1;
    const SIGINT: u32 = 2;

    /// One that cannot be had is never received.
    pub(super) struct Listener {
        interrupt: Option<Signal>,
        terminate: Option<Signal>,
        hang_up: Option<Signal>,
    }

    impl Listener {
        pub(super) fn new() -> Self {
            // Under nohup a run goes on when the terminal closes, and in the
            // background of a script when Ctrl-C is meant for another.
            let is_ignored = ignored();
            let unless_ignored = |number, kind| {
                let wanted = (!is_ignored(number)).then_some(kind);
                wanted.and_then(|kind| signal(kind).ok())
            };
            Self {
                interrupt: unless_ignored(SIGINT, SignalKind::interrupt()),
                terminate: signal(SignalKind::terminate()).ok(),
                hang_up: unless_ignored(SIGHUP, SignalKind::hangup()),
            }
        }

        /// The exit code of the next signal.
        pub(super) async fn next(&mut self) -> u8 {
            tokio::select! {
                () = received(&mut self.interrupt) => exit::INTERRUPTED,
                () = received(&mut self.terminate) => exit::TERMINATED,
                () = received(&mut self.hang_up) => exit::HUNG_UP,
            }
        }
    }

    async fn received(signal: &mut Option<Signal>) {
        let received = match signal {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if received.is_none() {
            std::future::pending().await
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
    fn ignored() -> impl Fn(u32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let bits = line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
        move |number| (bits >> (number - 1)) & 1 == 1
    }

    /// The same, where it cannot be read: what is ignored here is ignored in a
    /// child, which survives its own signal.
    #[cfg(not(target_os = "linux"))]
    fn ignored() -> impl Fn(u32) -> bool {
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
    use crate::exit;

    pub(super) struct Listener;

    impl Listener {
        pub(super) fn new() -> Self {
            Self
        }

        pub(super) async fn next(&mut self) -> u8 {
            match tokio::signal::ctrl_c().await {
                Ok(()) => exit::INTERRUPTED,
                Err(_) => std::future::pending().await,
            }
        }
    }

    pub(super) fn let_large_files_fail() {}
}
