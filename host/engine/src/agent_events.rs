//! Passes the reports of agents at work to the watcher and the journal.
//!
//! Owns: which reports are journaled, and how often. Never: waits; a report that is only
//! shown is dropped when the channel is full.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::attempts::RetryStart;
use smol_wf_core::cut;
use smol_wf_core::event;
use smol_wf_core::gate::PermissionAsk;
use smol_wf_core::ids::StepId;
use smol_wf_core::limits::{ACTIVITIES_KEPT_MAX, ACTIVITY_BYTES_MAX};
use smol_wf_core::machine::AgentRecord;
use smol_wf_providers::{AgentActivity, Mailbox, PermissionVerdict, ProviderError};
use tokio::sync::{mpsc, oneshot};

/// Activities that may wait to be shown. More are dropped: they are outdated in a moment
/// anyway.
const WAITING_MAX: usize = 256;

/// Least time between two journaled activities of one step.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// Most journaled sessions of one step: one for each attempt.
const SESSIONS_KEPT_MAX: u32 = 20;

/// Most different warnings about agents' own settings that a run passes on.
const WARNINGS_ONCE_MAX: usize = 100;

/// Something that an agent reports.
pub(crate) enum AgentEvent {
    /// Shown, and not journaled.
    Fleeting(event::Activity),
    /// Journaled.
    Recorded(StepId, AgentRecord),
    /// A warning for the watcher.
    Warning(String),
    /// An agent asks people for a permission, and waits.
    Asks(Box<AskedPermission>),
    /// An agent no longer waits for some of its answers.
    Withdrew(StepId),
}

/// A permission that an agent asks people for.
pub(crate) struct AskedPermission {
    pub(crate) step: StepId,
    pub(crate) attempt: u32,
    pub(crate) provider: String,
    pub(crate) ask: PermissionAsk,
    /// Takes the verdict. Dropped without one, nobody is asked.
    pub(crate) verdict: oneshot::Sender<PermissionVerdict>,
}

/// The events of all agents of a run.
pub(crate) struct AgentEventQueue {
    fleeting: (mpsc::Sender<event::Activity>, mpsc::Receiver<event::Activity>),
    /// Bounded by what each [`AgentReporter`] lets through.
    kept: (mpsc::UnboundedSender<AgentEvent>, mpsc::UnboundedReceiver<AgentEvent>),
    said_once: Arc<Mutex<BTreeSet<String>>>,
}

impl AgentEventQueue {
    pub(crate) fn new() -> Self {
        Self {
            fleeting: mpsc::channel(WAITING_MAX),
            kept: mpsc::unbounded_channel(),
            said_once: Arc::default(),
        }
    }

    /// The reporter for the agent of one step.
    pub(crate) fn reporter(
        &self,
        step: StepId,
        provider: &str,
        mailbox: Arc<Mailbox>,
    ) -> AgentReporter {
        AgentReporter {
            step,
            mailbox,
            provider: provider.to_owned(),
            fleeting: self.fleeting.0.clone(),
            kept: self.kept.0.clone(),
            said_once: Arc::clone(&self.said_once),
            log: Mutex::new(StepLog::default()),
        }
    }

    /// Waits for the next event.
    pub(crate) async fn next(&mut self) -> AgentEvent {
        tokio::select! {
            biased;
            Some(event) = self.kept.1.recv() => event,
            Some(activity) = self.fleeting.1.recv() => AgentEvent::Fleeting(activity),
        }
    }

    /// The events that are ready, at most as many as can wait.
    pub(crate) fn ready(&mut self) -> Vec<AgentEvent> {
        let kept = std::iter::from_fn(|| self.kept.1.try_recv().ok());
        let fleeting = std::iter::from_fn(|| self.fleeting.1.try_recv().ok());
        kept.take(WAITING_MAX).chain(fleeting.take(WAITING_MAX).map(AgentEvent::Fleeting)).collect()
    }
}

/// Reports for the agent of one step.
pub(crate) struct AgentReporter {
    step: StepId,
    /// The messages to the agent.
    pub(crate) mailbox: Arc<Mailbox>,
    provider: String,
    fleeting: mpsc::Sender<event::Activity>,
    kept: mpsc::UnboundedSender<AgentEvent>,
    /// Warnings that were given already, by any step.
    said_once: Arc<Mutex<BTreeSet<String>>>,
    log: Mutex<StepLog>,
}

/// What was journaled of one step.
#[derive(Default)]
struct StepLog {
    session: Option<String>,
    sessions: u32,
    last: Option<(Instant, String)>,
    activities: u32,
    asks: Vec<RefusedAsk>,
}

impl StepLog {
    /// Whether to journal one more activity now. Counts it if so.
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

impl AgentReporter {
    /// Reports an activity of the agent. Tools and waits are journaled, but not too often;
    /// everything else is shown if the channel has room.
    pub(crate) fn activity(&self, activity: &AgentActivity) {
        let (kind, text) = words_of(activity);
        let is_kept =
            matches!(activity, AgentActivity::Tool { .. } | AgentActivity::Waiting { .. });
        let text = if is_kept { cut::to_bytes(text, ACTIVITY_BYTES_MAX) } else { text };
        if is_kept && self.with(|log| log.takes(&text)) {
            self.keep(AgentRecord::Activity { kind: kind.to_owned(), text });
            return;
        }
        let activity = event::Activity { step: self.step, kind: kind.to_owned(), text };
        // The channel is full when the watcher is slower than the agents: drop it.
        let _ = self.fleeting.try_send(activity);
    }

    /// Reports that the step waits before its next attempt.
    pub(crate) fn waiting(&self, error: &ProviderError, wait_ms: u64, start: RetryStart) {
        let next = match start {
            RetryStart::Fresh => "trying again",
            RetryStart::InSession => "going on in its session",
        };
        let reason = format!("failed ({}), {next} in {wait_ms} ms", error.kind);
        self.activity(&AgentActivity::Waiting { reason });
    }

    /// Journals the session that the agent has named, once.
    pub(crate) fn session(&self, session_id: &str) {
        let is_new = self.with(|log| {
            let known = log.session.as_deref() == Some(session_id);
            if known || log.sessions >= SESSIONS_KEPT_MAX {
                return false;
            }
            log.sessions += 1;
            log.session = Some(session_id.to_owned());
            true
        });
        if is_new {
            let (provider, session_id) = (self.provider.clone(), session_id.to_owned());
            self.keep(AgentRecord::Session { provider, session_id });
        }
    }

    /// Journals that the agent has the message of this number. Bounded by the number of
    /// messages and of attempts.
    pub(crate) fn told(&self, number: u64) {
        if self.mailbox.told(number) {
            self.keep(AgentRecord::Told { number, too_late: false });
        }
    }

    /// Keeps a permission that the agent was refused, for the reply.
    pub(crate) fn refused(&self, asked: RefusedAsk) {
        self.with(|log| asked.add_to(&mut log.asks));
    }

    /// Asks people for a permission, and waits for the verdict.
    pub(crate) async fn ask(&self, attempt: u32, ask: PermissionAsk) -> PermissionVerdict {
        let (verdict, coming) = oneshot::channel();
        let (step, provider) = (self.step, self.provider.clone());
        let asked = AskedPermission { step, attempt, provider, ask, verdict };
        // Fails when the run is over.
        let _ = self.kept.send(AgentEvent::Asks(Box::new(asked)));
        let mut waiting = WaitingAsk { reporter: self, coming, is_over: false };
        let verdict = (&mut waiting.coming).await;
        waiting.is_over = true;
        verdict.unwrap_or(PermissionVerdict::Nobody)
    }

    /// Takes the permissions that the step's agents were refused so far.
    pub(crate) fn asks(&self) -> Vec<RefusedAsk> {
        self.with(|log| std::mem::take(&mut log.asks))
    }

    /// Sends a warning to the watcher.
    pub(crate) fn warn(&self, message: String) {
        // Fails when the run is over: nobody listens any more.
        let _ = self.kept.send(AgentEvent::Warning(message));
    }

    /// Warns, unless a step of the run has given the same warning.
    pub(crate) fn warn_once(&self, message: String) {
        let mut said = self.said_once.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < WARNINGS_ONCE_MAX && said.insert(message.clone()) {
            self.warn(message);
        }
    }

    /// A function that warns, for code that outlives the step.
    pub(crate) fn warner(&self) -> impl Fn(String) + Send + Sync + 'static {
        let kept = self.kept.clone();
        move |message| {
            let _ = kept.send(AgentEvent::Warning(message));
        }
    }

    fn keep(&self, record: AgentRecord) {
        let _ = self.kept.send(AgentEvent::Recorded(self.step, record));
    }

    fn with<T>(&self, change: impl FnOnce(&mut StepLog) -> T) -> T {
        change(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A question that waits for its verdict; dropped before, it is withdrawn.
struct WaitingAsk<'r> {
    reporter: &'r AgentReporter,
    coming: oneshot::Receiver<PermissionVerdict>,
    is_over: bool,
}

impl Drop for WaitingAsk<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // Before the event, which tells its reader to look for closed ones.
            self.coming.close();
            let _ = self.reporter.kept.send(AgentEvent::Withdrew(self.reporter.step));
        }
    }
}

/// The kind of an activity, for machines, and a line for people.
pub(crate) fn words_of(activity: &AgentActivity) -> (&'static str, String) {
    match activity {
        AgentActivity::Thinking => ("thinking", "thinking".to_owned()),
        AgentActivity::Tool { name, detail: None } => ("tool", name.clone()),
        AgentActivity::Tool { name, detail: Some(detail) } => ("tool", format!("{name} {detail}")),
        AgentActivity::Text { text } => ("text", text.clone()),
        AgentActivity::Waiting { reason } => ("waiting", reason.clone()),
    }
}
