//! What agents say while they work, on its way to the watcher and the journal.
//!
//! Owns: which of it is written down, and how often. Never: waits; what does
//! not fit is dropped, unless it is written down.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smol_wf_core::asked::Asked;
use smol_wf_core::attempts::Start;
use smol_wf_core::cut;
use smol_wf_core::event;
use smol_wf_core::ids::CallId;
use smol_wf_core::limits::{ACTIVITIES_KEPT_MAX, ACTIVITY_BYTES_MAX};
use smol_wf_core::machine::Noted;
use smol_wf_providers::{AgentActivity, ProviderError};
use tokio::sync::mpsc;

/// Lines that may wait to be shown; more are dropped, for they are gone in a
/// moment anyway.
const WAITING_MAX: usize = 256;

/// What is written down of one call comes no faster than this.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// Sessions of one call that are written down: one an attempt.
const SESSIONS_KEPT_MAX: u32 = 20;

/// Different warnings of agents' own settings that a run passes on.
const WARNINGS_ONCE_MAX: usize = 100;

/// Something that an agent said.
pub(crate) enum Note {
    /// To be shown, and gone.
    Fleeting(event::Activity),
    /// To be written down.
    Kept(CallId, Noted),
    /// To be told once to whoever watches.
    Warning(String),
}

/// Where notes come together.
pub(crate) struct Board {
    fleeting: (mpsc::Sender<event::Activity>, mpsc::Receiver<event::Activity>),
    /// Bounded by what [`Notes`] lets through of each call.
    kept: (mpsc::UnboundedSender<Note>, mpsc::UnboundedReceiver<Note>),
    said_once: Arc<Mutex<BTreeSet<String>>>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            fleeting: mpsc::channel(WAITING_MAX),
            kept: mpsc::unbounded_channel(),
            said_once: Arc::default(),
        }
    }

    /// For the agent of one call.
    pub(crate) fn notes(&self, call: CallId, provider: &str) -> Notes {
        Notes {
            call,
            provider: provider.to_owned(),
            fleeting: self.fleeting.0.clone(),
            kept: self.kept.0.clone(),
            said_once: Arc::clone(&self.said_once),
            so_far: Mutex::new(SoFar::default()),
        }
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Note {
        tokio::select! {
            biased;
            Some(note) = self.kept.1.recv() => note,
            Some(activity) = self.fleeting.1.recv() => Note::Fleeting(activity),
        }
    }

    /// Those that are there already, and no more than there can be at a time.
    pub(crate) fn there(&mut self) -> Vec<Note> {
        let kept = std::iter::from_fn(|| self.kept.1.try_recv().ok());
        let fleeting = std::iter::from_fn(|| self.fleeting.1.try_recv().ok());
        kept.take(WAITING_MAX).chain(fleeting.take(WAITING_MAX).map(Note::Fleeting)).collect()
    }
}

/// Takes the notes of one call.
pub(crate) struct Notes {
    call: CallId,
    provider: String,
    fleeting: mpsc::Sender<event::Activity>,
    kept: mpsc::UnboundedSender<Note>,
    /// Warnings that no other call is to repeat.
    said_once: Arc<Mutex<BTreeSet<String>>>,
    so_far: Mutex<SoFar>,
}

/// What was written down of one call.
#[derive(Default)]
struct SoFar {
    session: Option<String>,
    sessions: u32,
    last: Option<(Instant, String)>,
    activities: u32,
    asks: Vec<Asked>,
}

impl SoFar {
    /// Whether one more line is to be written down, now.
    fn takes(&mut self, text: &str) -> bool {
        let now = Instant::now();
        let too_soon = self
            .last
            .as_ref()
            .is_some_and(|(at, last)| now.duration_since(*at) < KEPT_EVERY || last == text);
        if too_soon || self.activities >= ACTIVITIES_KEPT_MAX {
            return false;
        }
        self.activities += 1;
        self.last = Some((now, text.to_owned()));
        true
    }
}

impl Notes {
    pub(crate) fn activity(&self, activity: &AgentActivity) {
        let (kind, text) = words_of(activity);
        let is_kept =
            matches!(activity, AgentActivity::Tool { .. } | AgentActivity::Waiting { .. });
        let text = if is_kept { cut::to_bytes(text, ACTIVITY_BYTES_MAX) } else { text };
        if is_kept && self.with(|so_far| so_far.takes(&text)) {
            self.keep(Noted::Activity { kind: kind.to_owned(), text });
            return;
        }
        let activity = event::Activity { call: self.call, kind: kind.to_owned(), text };
        // Full means that the watcher is slower than the agents: dropping is right.
        let _ = self.fleeting.try_send(activity);
    }

    /// The call waits before it is tried again.
    pub(crate) fn waiting(&self, error: &ProviderError, wait_ms: u64, start: Start) {
        let next = match start {
            Start::Fresh => "trying again",
            Start::InSession => "going on in its session",
        };
        let reason = format!("failed ({}), {next} in {wait_ms} ms", error.kind);
        self.activity(&AgentActivity::Waiting { reason });
    }

    pub(crate) fn session(&self, session_id: &str) {
        let is_new = self.with(|so_far| {
            let known = so_far.session.as_deref() == Some(session_id);
            if known || so_far.sessions >= SESSIONS_KEPT_MAX {
                return false;
            }
            so_far.sessions += 1;
            so_far.session = Some(session_id.to_owned());
            true
        });
        if is_new {
            let (provider, session_id) = (self.provider.clone(), session_id.to_owned());
            self.keep(Noted::Session { provider, session_id });
        }
    }

    pub(crate) fn refused(&self, asked: Asked) {
        self.with(|so_far| asked.add_to(&mut so_far.asks));
    }

    /// What the call's agents asked leave for in vain, so far.
    pub(crate) fn asks(&self) -> Vec<Asked> {
        self.with(|so_far| std::mem::take(&mut so_far.asks))
    }

    pub(crate) fn warn(&self, message: String) {
        // Nobody listens any more when the run is over.
        let _ = self.kept.send(Note::Warning(message));
    }

    /// The same, unless a call of the run has said it already.
    pub(crate) fn warn_once(&self, message: String) {
        let mut said = self.said_once.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < WARNINGS_ONCE_MAX && said.insert(message.clone()) {
            self.warn(message);
        }
    }

    /// For something that outlives the call.
    pub(crate) fn warner(&self) -> impl Fn(String) + Send + Sync + 'static {
        let kept = self.kept.clone();
        move |message| {
            let _ = kept.send(Note::Warning(message));
        }
    }

    fn keep(&self, noted: Noted) {
        let _ = self.kept.send(Note::Kept(self.call, noted));
    }

    fn with<T>(&self, change: impl FnOnce(&mut SoFar) -> T) -> T {
        change(&mut self.so_far.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A word for machines and a line for people.
pub(crate) fn words_of(activity: &AgentActivity) -> (&'static str, String) {
    match activity {
        AgentActivity::Thinking => ("thinking", "thinking".to_owned()),
        AgentActivity::Tool { name, detail: None } => ("tool", name.clone()),
        AgentActivity::Tool { name, detail: Some(detail) } => ("tool", format!("{name} {detail}")),
        AgentActivity::Text { text } => ("text", text.clone()),
        AgentActivity::Waiting { reason } => ("waiting", reason.clone()),
    }
}
