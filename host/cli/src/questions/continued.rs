//! Ctrl-Z and `fg` at a question.
//!
//! Owns: hearing that the process goes on. Never: what is shown then.

/// Hears that the process was stopped and goes on.
pub(super) struct Continued {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Continued {
    /// Listens from now on. If that fails, nothing is heard.
    pub(super) fn listen() -> Self {
        #[cfg(unix)]
        {
            use rustix::process::Signal;
            use tokio::signal::unix::{SignalKind, signal};
            Self { signal: signal(SignalKind::from_raw(Signal::CONT.as_raw())).ok() }
        }
        #[cfg(not(unix))]
        Self {}
    }

    /// Waits until the process goes on.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
