//! Sessions of clients over HTTP that have them: those before 2026-07-28.
//!
//! Owns: how many there are, which one ends to make room, and how many requests of one are
//! at work. Never: what a session says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

/// Sessions at once.
const SESSIONS_MAX: usize = 64;

/// Requests of one session that may be open at once, with the stream on which it listens: a
/// quarter of the calls that may wait.
const OPEN_MAX: usize = 16;

/// Longest that a session may be idle. A host may be left open over a meeting.
const IDLE_MAX: Duration = Duration::from_secs(3600);

/// After so long without a request a session ends if another client needs the room; its own
/// begins a new one.
const IDLE_MIN: Duration = Duration::from_secs(60);

/// The sessions of a server.
pub(super) struct Sessions {
    pub(super) manager: Arc<LocalSessionManager>,
    uses: Mutex<HashMap<String, Use>>,
}

/// How a session is used.
#[derive(Debug, Clone, Copy)]
struct Use {
    last: Instant,
    /// Requests that are open.
    open: usize,
}

/// An open request of a session.
pub(super) struct Open {
    sessions: Arc<Sessions>,
    id: String,
}

impl Sessions {
    pub(super) fn new() -> Arc<Self> {
        let mut manager = LocalSessionManager::default();
        manager.session_config.keep_alive = Some(IDLE_MAX);
        Arc::new(Self { manager: Arc::new(manager), uses: Mutex::default() })
    }

    /// Whether one more session may begin; ends the one that is idle for longest if there
    /// would be too many.
    pub(super) async fn has_room(&self) -> bool {
        let all = self.manager.sessions.read().await;
        if all.len() < SESSIONS_MAX {
            return true;
        }
        let idlest = {
            let mut uses = self.uses();
            uses.retain(|id, _| all.contains_key(id.as_str()));
            let idlest = idlest(&uses, Instant::now());
            if let Some(id) = &idlest {
                uses.remove(id);
            }
            idlest
        };
        drop(all);
        let Some(idlest) = idlest else { return false };
        self.manager.close_session(&idlest.into()).await.is_ok()
    }

    /// Remembers a session that has just begun.
    pub(super) fn has_begun(&self, id: &str) {
        self.uses().insert(id.to_owned(), Use { last: Instant::now(), open: 0 });
    }

    /// Begins a request of a session; none if too many of it are open.
    pub(super) fn open(self: &Arc<Self>, id: &str) -> Option<Open> {
        // One that is not known is refused by the library.
        if let Some(of_this) = self.uses().get_mut(id) {
            if of_this.open >= OPEN_MAX {
                return None;
            }
            *of_this = Use { last: Instant::now(), open: of_this.open + 1 };
        }
        Some(Open { sessions: self.clone(), id: id.to_owned() })
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<String, Use>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(of_this) = self.sessions.uses().get_mut(&self.id) {
            *of_this = Use { last: Instant::now(), open: of_this.open.saturating_sub(1) };
        }
    }
}

/// The session that nobody has used for longest, if that is long.
fn idlest(uses: &HashMap<String, Use>, now: Instant) -> Option<String> {
    let is_idle = |one: &Use| one.open == 0 && now.duration_since(one.last) >= IDLE_MIN;
    let idle = uses.iter().filter(|(_, one)| is_idle(one));
    idle.min_by_key(|(_, one)| one.last).map(|(id, _)| id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_that_nobody_uses_ends_for_another() {
        let sessions = Sessions::new();
        sessions.has_begun("a");
        let open: Vec<Option<Open>> = (0..=OPEN_MAX).map(|_| sessions.open("a")).collect();
        assert_eq!(open.iter().flatten().count(), OPEN_MAX);
        let later = Instant::now() + 2 * IDLE_MIN;
        assert_eq!(idlest(&sessions.uses(), later), None, "it has open requests");
        drop(open);
        sessions.has_begun("b");
        assert_eq!(idlest(&sessions.uses(), Instant::now()), None, "both were just used");
        let later = Instant::now() + 2 * IDLE_MIN;
        assert_eq!(idlest(&sessions.uses(), later).as_deref(), Some("a"));
        assert!(sessions.open("unknown").is_some());
    }
}
