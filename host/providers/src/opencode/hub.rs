//! Distributes one stream of events to the rounds that they are about.
//!
//! Owns: which session belongs to which round, the sessions of subagents included. Never:
//! interprets an event beyond that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc;

/// Most events that wait for one round. A round only reads them, so more than a moment's
/// worth never piles up; a full queue delays the stream.
const WAITING_MAX: usize = 256;

/// One event of a session.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// The session that it is about.
    pub(super) session: String,
    /// Its type, such as `message.part.delta`.
    pub(super) kind: String,
    /// Its content.
    pub(super) properties: Value,
    /// The whole event, as one line of JSON.
    pub(super) line: String,
}

impl Event {
    /// Reads an event of `/global/event`; none for one that is not about a session.
    pub(super) fn read(data: &str) -> Option<Self> {
        let mut outer: Value = serde_json::from_str(data).ok()?;
        let mut payload = outer.get_mut("payload")?.take();
        // `sync` repeats other events for other servers.
        let kind = payload.get("type")?.as_str().filter(|kind| *kind != "sync")?.to_owned();
        let line = payload.to_string();
        let properties = payload.get_mut("properties")?.take();
        let session = properties.get("sessionID")?.as_str()?.to_owned();
        Some(Self { session, kind, properties, line })
    }
}

/// The rounds that wait for events, by session.
#[derive(Debug, Clone, Default)]
pub(super) struct Hub(Arc<Mutex<HashMap<String, mpsc::Sender<Event>>>>);

impl Hub {
    /// All events of `session`, and of the sessions that it starts.
    pub(super) fn subscribe(&self, session: &str) -> Subscription {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.lock().insert(session.to_owned(), sender.clone());
        Subscription { hub: self.clone(), sender, receiver }
    }

    /// Passes an event to the round that it is about, if any.
    pub(super) async fn dispatch(&self, event: Event) {
        let Some(sender) = self.route(&event) else { return };
        // The round has ended.
        let _ = sender.send(event).await;
    }

    fn route(&self, event: &Event) -> Option<mpsc::Sender<Event>> {
        let mut routes = self.lock();
        if let Some(parent) = event.properties.pointer("/info/parentID").and_then(Value::as_str)
            && event.kind == "session.created"
            && let Some(sender) = routes.get(parent).cloned()
        {
            routes.insert(event.session.clone(), sender);
        }
        routes.get(&event.session).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::Sender<Event>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The events of one round, until it is dropped.
#[derive(Debug)]
pub(super) struct Subscription {
    hub: Hub,
    sender: mpsc::Sender<Event>,
    receiver: mpsc::Receiver<Event>,
}

impl Subscription {
    /// The next event.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.lock().retain(|_, sender| !sender.same_channel(&self.sender));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(session: &str, kind: &str, parent: Option<&str>) -> Event {
        let info = parent.map_or_else(String::new, |p| format!(r#","info":{{"parentID":"{p}"}}"#));
        Event::read(&format!(
            r#"{{"payload":{{"type":"{kind}","properties":{{"sessionID":"{session}"{info}}}}}}}"#
        ))
        .unwrap()
    }

    #[tokio::test]
    async fn each_round_gets_its_own_events_and_those_of_its_subagents() {
        let hub = Hub::default();
        let (mut one, mut two) = (hub.subscribe("one"), hub.subscribe("two"));
        hub.dispatch(event("sub", "session.created", Some("one"))).await;
        hub.dispatch(event("sub", "session.idle", None)).await;
        hub.dispatch(event("two", "session.idle", None)).await;
        hub.dispatch(event("stranger", "session.idle", None)).await;
        for (subscription, heard) in [(&mut one, vec!["sub", "sub"]), (&mut two, vec!["two"])] {
            let mut events = Vec::new();
            while let Ok(event) = subscription.receiver.try_recv() {
                events.push(event.session);
            }
            assert_eq!(events, heard);
        }
        drop((one, two));
        assert!(hub.lock().is_empty());
    }

    #[test]
    fn events_without_a_session_and_repeated_ones_are_left_out() {
        for data in [
            "nonsense",
            "{}",
            r#"{"payload":{"type":"server.connected","properties":{}}}"#,
            r#"{"payload":{"type":"sync","properties":{"sessionID":"s"}}}"#,
        ] {
            assert!(Event::read(data).is_none(), "{data}");
        }
    }
}
