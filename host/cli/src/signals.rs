//! Ctrl-C, SIGTERM and the closing of the terminal: once stops cleanly, twice
//! stops at once.
//!
//! Owns: those signals. Never: decides what stopping means; the engine does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use smol_wf_engine::CancellationToken;
use smol_wf_engine::providers::end_all_at_once;

use crate::exit;
use system::Listener;

/// How long a second signal waits until the agents are killed, which takes
/// milliseconds unless one hangs in the kernel.
const KILL_MAX: Duration = Duration::from_secs(1);

/// How long it waits for the terminal to take the moving lines away: far longer
/// than any that works takes.
const CLEAR_MAX: Duration = Duration::from_millis(200);

/// Listens until the program ends.
pub(crate) struct Signals {
    pub(crate) cancel: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Signals {
    /// Starts to listen.
    pub(crate) fn listen() -> Self {
        let cancel = CancellationToken::new();
        let code = Arc::new(AtomicU8::new(0));
        let (token, seen) = (cancel.clone(), code.clone());
        // Before anything else is done, so that no signal is missed.
        let mut listener = Listener::new();
        tokio::spawn(async move {
            loop {
                let received = listener.next().await;
                if !token.is_cancelled() {
                    seen.store(received, Ordering::SeqCst);
                    crate::failure::say("stopping; once more stops at once", None);
                    token.cancel();
                } else if received != exit::HUNG_UP {
                    // Twice: at once. What is durable is durable. Agents that
                    // have ignored the first one are not left to themselves.
                    let _ = tokio::time::timeout(KILL_MAX, end_all_at_once()).await;
                    // A terminal that takes nothing must not keep us either.
                    let away = tokio::task::spawn_blocking(crate::progress::take_away);
                    let _ = tokio::time::timeout(CLEAR_MAX, away).await;
                    stop_at_once(received);
                }
                // A terminal that closes is told of by the kernel and by the
                // shell: nobody has asked twice.
            }
        });
        Self { cancel, code }
    }

    /// The exit code of the signal that came, if one did.
    pub(crate) fn code(&self) -> Option<u8> {
        match self.code.load(Ordering::SeqCst) {
            0 => None,
            code => Some(code),
        }
    }
}

#[expect(clippy::exit, reason = "the second signal must not wait for anything")]
fn stop_at_once(code: u8) -> ! {
    std::process::exit(i32::from(code))
}

/// The signals of Unix.
#[cfg(unix)]
mod system {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::exit;

    /// One that cannot be had is never received.
    pub(super) struct Listener {
        interrupt: Option<Signal>,
        terminate: Option<Signal>,
        hang_up: Option<Signal>,
    }

    impl Listener {
        pub(super) fn new() -> Self {
            // Under nohup a run goes on when the terminal closes.
            let hang_up = (!hang_up_is_ignored()).then(SignalKind::hangup);
            Self {
                interrupt: signal(SignalKind::interrupt()).ok(),
                terminate: signal(SignalKind::terminate()).ok(),
                hang_up: hang_up.and_then(|kind| signal(kind).ok()),
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

    /// Whether this process was started with SIGHUP ignored. The kernel says so
    /// in a set of bits, of which SIGHUP, number 1, is the lowest.
    #[cfg(target_os = "linux")]
    fn hang_up_is_ignored() -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        ignored.is_some_and(|bits| {
            u64::from_str_radix(bits.trim(), 16).is_ok_and(|bits| bits & 1 == 1)
        })
    }

    /// The same, where it cannot be read: what is ignored here is ignored in a
    /// child, which survives its own signal.
    #[cfg(not(target_os = "linux"))]
    fn hang_up_is_ignored() -> bool {
        let mut child = std::process::Command::new("/bin/sh");
        child.args(["-c", "kill -HUP $$"]).status().is_ok_and(|status| status.success())
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
}
