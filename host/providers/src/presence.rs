//! Whether anything still works for an attempt that is over.
//!
//! Owns: noticing when the last of it has ended. Never: ends anything.

use std::convert::Infallible;

use tokio::sync::mpsc;

/// Held by everything that works for one attempt, such as its programs, which may take
/// seconds to end when nobody waits for them any more.
#[derive(Debug, Clone)]
pub struct Presence(
    // Nothing is ever sent; what counts is that it exists.
    #[allow(dead_code, reason = "is held, and never used")] mpsc::Sender<Infallible>,
);

/// Waits until a [`Presence`] and all of its clones are dropped.
#[derive(Debug)]
pub struct Departure(mpsc::Receiver<Infallible>);

impl Presence {
    /// A presence for one attempt, and its end.
    #[must_use]
    pub fn new() -> (Self, Departure) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), Departure(receiver))
    }

    /// A presence that nobody waits for.
    #[must_use]
    pub fn unwatched() -> Self {
        Self::new().0
    }
}

impl Departure {
    /// Returns when nothing works for the attempt any more.
    pub async fn wait(mut self) {
        let _ = self.0.recv().await;
    }
}
