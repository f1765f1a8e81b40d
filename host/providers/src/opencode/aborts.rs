//! The sessions whose work is being aborted.
//!
//! Owns: aborting a session that nobody waits for any more, and letting the next message of
//! that session wait until it is done. Never: decides which session that is.
//!
//! An abort names a session, not a message: one that comes late would end the message after
//! the one that it was for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use super::server::Server;
use crate::Presence;

/// How long after an abort the session is checked: the message itself may have arrived
/// after the first abort.
const CHECKED_AFTER: Duration = Duration::from_millis(500);

/// How often a session is aborted before it is left to the end of the server.
const ABORTS_MAX: u32 = 4;

/// The aborts that go on, by session. Each lasts as long as its sender.
#[derive(Debug, Default)]
pub(super) struct Aborts(Mutex<HashMap<String, watch::Receiver<()>>>);

impl Aborts {
    /// Waits until nothing of this session is being aborted.
    pub(super) async fn done(&self, session: &str) {
        let Some(mut going_on) = self.lock().get(session).cloned() else { return };
        // Nothing is sent: it ends with its sender.
        while going_on.changed().await.is_ok() {}
    }

    /// An abort of this session begins, and lasts until the sender is dropped.
    fn begin(&self, session: &str) -> watch::Sender<()> {
        let (lasts, going_on) = watch::channel(());
        let mut all = self.lock();
        all.retain(|_, going_on| going_on.has_changed().is_ok());
        all.insert(session.to_owned(), going_on);
        lasts
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Aborts a session when it is dropped: the server works on a message also when nobody
/// waits for its answer.
pub(super) struct AbortGuard {
    server: Option<Arc<Server>>,
    pub(super) session: String,
    pub(super) query: String,
    runtime: Handle,
    presence: Presence,
}

impl AbortGuard {
    pub(super) fn new(
        server: &Arc<Server>,
        session: &str,
        query: &str,
        presence: &Presence,
    ) -> Self {
        Self {
            server: Some(server.clone()),
            session: session.to_owned(),
            query: query.to_owned(),
            runtime: Handle::current(),
            presence: presence.clone(),
        }
    }

    pub(super) fn disarm(&mut self) {
        self.server = None;
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let (session, query) = (self.session.clone(), self.query.clone());
            let presence = self.presence.clone();
            let lasts = server.aborts.begin(&session);
            self.runtime.spawn(async move {
                abort(&server, &session, &query).await;
                drop((lasts, presence));
            });
        }
    }
}

async fn abort(server: &Server, session: &str, query: &str) {
    for _ in 0..ABORTS_MAX {
        let path = format!("/session/{session}/abort?{query}");
        if server.post::<Value>(&path, &json!({})).await.is_err() {
            // The server is ending, and everything with it.
            return;
        }
        sleep(CHECKED_AFTER).await;
        // It does not list sessions at rest.
        match server.get::<Value>(&format!("/session/status?{query}")).await {
            Ok(busy) if busy.get(session).is_some() => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_is_done_when_its_last_abort_is() {
        let aborts = Aborts::default();
        aborts.done("a").await;
        let first = aborts.begin("a");
        let other = aborts.begin("b");
        let second = aborts.begin("a");
        let is_done = |session: &'static str| {
            let done = aborts.done(session);
            async move {
                tokio::select! {
                    biased;
                    () = done => true,
                    () = std::future::ready(()) => false,
                }
            }
        };
        drop(first);
        assert!(!is_done("a").await && !is_done("b").await);
        drop(second);
        assert!(is_done("a").await && !is_done("b").await);
        drop(other);
        drop(aborts.begin("c"));
        assert!(is_done("b").await && is_done("c").await);
        assert_eq!(aborts.lock().len(), 1, "those that are done are forgotten");
    }
}
