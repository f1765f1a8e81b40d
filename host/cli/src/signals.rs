//! Ctrl-C and SIGTERM: once stops cleanly, twice stops at once.
//!
//! Owns: the two signals. Never: decides what stopping means; the engine does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use smol_wf_engine::CancellationToken;
use smol_wf_engine::providers::end_all_at_once;

use crate::exit;

/// 128 and the number of SIGTERM.
const TERMINATED: u8 = 143;

/// How long a second signal waits until the agents are killed, which takes
/// milliseconds unless one hangs in the kernel.
const KILL_MAX: Duration = Duration::from_secs(1);

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
        tokio::spawn(async move {
            loop {
                let received = next_signal().await;
                if token.is_cancelled() {
                    // Twice: at once. What is durable is durable. Agents that
                    // have ignored the first one are not left to themselves.
                    let _ = tokio::time::timeout(KILL_MAX, end_all_at_once()).await;
                    stop_at_once(received);
                }
                seen.store(received, Ordering::SeqCst);
                crate::failure::say("stopping; once more stops at once", None);
                token.cancel();
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

#[cfg(unix)]
async fn next_signal() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => exit::INTERRUPTED,
        _ = terminate.recv() => TERMINATED,
    }
}

#[cfg(not(unix))]
async fn next_signal() -> u8 {
    let _ = tokio::signal::ctrl_c().await;
    exit::INTERRUPTED
}
