//! Total and idle timeout of one attempt.
//!
//! Owns: ending an attempt that takes too long, and the error, which says what the agent
//! was doing or waiting for, and in which session. Never: tries again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::attempts::FailureClass;
use smol_wf_core::gate::PermissionAsk;
use smol_wf_core::step_request::AgentRequest;
use smol_wf_providers::{
    Activity, AgentActivity, AgentReply, AgentTask, Asking, Provider, ProviderError,
    ProviderErrorKind, RoundSpend,
};
use tokio::time::{Instant, sleep_until};

use crate::agent_events::{AgentReporter, words_of};
use crate::request::AgentSettings;
use crate::standstill::Nap;

/// How long one attempt may take, and how long it may be silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttemptTimeouts {
    total: Duration,
    silence: Duration,
    /// The option or setting to raise, for the message.
    by: &'static str,
}

impl AttemptTimeouts {
    /// The timeouts of a step, or else those of the settings.
    pub(crate) fn of(request: &AgentRequest, settings: &AgentSettings) -> Self {
        let total = request.timeout_ms.map_or(settings.timeout, Duration::from_millis);
        let (silence, by) = match request.stall_ms {
            // No idle timeout: the total one always ends first.
            Some(0) => (total, "the option `stallMs`"),
            Some(ms) => (Duration::from_millis(ms), "the option `stallMs`"),
            None => (settings.idle_timeout, "--idle-timeout"),
        };
        Self { total, silence, by }
    }
}

/// Why an attempt gave no answer.
pub(crate) struct AttemptError {
    pub(crate) error: ProviderError,
    pub(crate) class: FailureClass,
}

impl From<ProviderError> for AttemptError {
    fn from(error: ProviderError) -> Self {
        let class = class_of(error.kind);
        Self { error, class }
    }
}

/// Makes the attempt of this number, and ends it when it takes too long. Time in which it
/// waits for a person does not count.
pub(crate) async fn attempt(
    provider: &dyn Provider,
    task: AgentTask,
    (reporter, number): (&AgentReporter, u32),
    timeouts: AttemptTimeouts,
) -> Result<AgentReply, AttemptError> {
    let state = MonitorState {
        at: Instant::now(),
        doing: None,
        hindered: None,
        session: None,
        spent: RoundSpend::default(),
        people: WaitsForPeople::default(),
    };
    let monitor = AgentMonitor { reporter, number, state: Mutex::new(state) };
    // Declared after the monitor that it borrows, so that it is dropped first.
    let work = provider.attempt(task, &monitor);
    tokio::pin!(work);
    let mut deadline = Instant::now() + timeouts.total;
    loop {
        let quiet_until = monitor.state().at + timeouts.silence;
        let due = deadline + monitor.waited_for_people();
        let is_waiting = monitor.waits_for_people();
        let nap = Nap::before((!is_waiting).then_some(due.min(quiet_until)));
        tokio::select! {
            biased;
            ended = &mut work => return ended.map_err(AttemptError::from),
            () = sleep_until(nap.until) => {}
        }
        // Its answer may have come just now; the next look is at the new times.
        if is_waiting || monitor.waits_for_people() {
            continue;
        }
        if let Some(stood) = nap.stood_still() {
            deadline += stood;
            monitor.state().at += stood;
        }
        let now = Instant::now();
        if deadline + monitor.waited_for_people() <= now {
            let (took, doing) = (span(timeouts.total), monitor.doing());
            let message = format!(
                "gave no answer within {took}; {doing}; give it longer with the option `timeout` or with --agent-timeout"
            );
            return Err(monitor.ended(provider, FailureClass::Slow, message));
        }
        if monitor.state().at + timeouts.silence <= now {
            let (took, doing) = (span(timeouts.silence), monitor.doing());
            let by = timeouts.by;
            let message = format!("was silent for {took}; {doing}; give it longer with {by}");
            return Err(monitor.ended(provider, FailureClass::Silent, message));
        }
    }
}

/// How an error of a provider counts for the retry policy.
fn class_of(kind: ProviderErrorKind) -> FailureClass {
    match kind {
        ProviderErrorKind::Auth | ProviderErrorKind::Quota => FailureClass::Shut,
        ProviderErrorKind::RateLimit | ProviderErrorKind::Unavailable => FailureClass::Crowded,
        ProviderErrorKind::CutStream | ProviderErrorKind::Killed => FailureClass::Broken,
        ProviderErrorKind::Timeout => FailureClass::Slow,
        ProviderErrorKind::Failed => FailureClass::Unclear,
        ProviderErrorKind::Model
        | ProviderErrorKind::Refused
        | ProviderErrorKind::PermissionDenied
        | ProviderErrorKind::Spawn
        | ProviderErrorKind::Unsupported => FailureClass::Final,
    }
}

/// Passes on an agent's reports, and keeps those that the message of a timeout names.
struct AgentMonitor<'a> {
    reporter: &'a AgentReporter,
    /// Number of the attempt.
    number: u32,
    state: Mutex<MonitorState>,
}

/// The state of an attempt so far.
struct MonitorState {
    at: Instant,
    doing: Option<String>,
    /// The error that the agent is waiting out, until it does something else.
    hindered: Option<ProviderError>,
    session: Option<String>,
    /// The usage that it has reported. It may have used more since.
    spent: RoundSpend,
    people: WaitsForPeople,
}

/// The time that an attempt spends waiting for people.
#[derive(Default)]
struct WaitsForPeople {
    /// Number of questions that wait.
    open: u32,
    /// When the first of them was asked.
    since: Option<Instant>,
    /// The time before that.
    waited: Duration,
}

/// One question to a person that waits.
struct WaitsForPerson<'a>(&'a AgentMonitor<'a>);

impl<'a> WaitsForPerson<'a> {
    fn begin(monitor: &'a AgentMonitor<'a>) -> Self {
        let mut state = monitor.state();
        state.people.open += 1;
        state.people.since.get_or_insert_with(Instant::now);
        drop(state);
        Self(monitor)
    }
}

impl Drop for WaitsForPerson<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.at = Instant::now();
        let people = &mut state.people;
        people.open = people.open.saturating_sub(1);
        if people.open == 0 {
            people.waited += people.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        }
    }
}

impl AgentMonitor<'_> {
    fn state(&self) -> MutexGuard<'_, MonitorState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waits_for_people(&self) -> bool {
        self.state().people.open > 0
    }

    /// How long it has waited for people until now.
    fn waited_for_people(&self) -> Duration {
        let state = self.state();
        let since = state.people.since.map_or(Duration::ZERO, |since| since.elapsed());
        state.people.waited + since
    }

    fn doing(&self) -> String {
        match &self.state().doing {
            Some(doing) => format!("it was last doing: {doing}"),
            None => "it had said nothing".to_owned(),
        }
    }

    /// The error of an attempt that timed out. Its session can be resumed.
    fn ended(&self, provider: &dyn Provider, class: FailureClass, message: String) -> AttemptError {
        let (session_id, hindered, spent) = {
            let mut state = self.state();
            let spent = std::mem::take(&mut state.spent);
            (state.session.take(), state.hindered.take(), spent)
        };
        let (mut error, class) = match hindered {
            Some(by) => hindrance(provider.name(), &by, class, &message),
            None => {
                (ProviderError::new(provider.name(), ProviderErrorKind::Timeout, message), class)
            }
        };
        *error.spent = RoundSpend { session_id, ..spent };
        AttemptError { error, class }
    }
}

/// The error of an agent that timed out while it waited for a service. When that service
/// is unavailable, the error is the service's.
fn hindrance(
    provider: &str,
    by: &ProviderError,
    class: FailureClass,
    message: &str,
) -> (ProviderError, FailureClass) {
    let (kind, class) = match (by.kind, class_of(by.kind)) {
        // The wait was longer than the timeout: it would be for every step.
        (ProviderErrorKind::RateLimit, _) => (by.kind, FailureClass::Shut),
        (kind, of_kind @ (FailureClass::Shut | FailureClass::Crowded)) => (kind, of_kind),
        _ => (ProviderErrorKind::Timeout, class),
    };
    let message = match kind {
        ProviderErrorKind::Timeout => message.to_owned(),
        _ => format!("{}; then it {message}", by.message),
    };
    let error = ProviderError::new(provider, kind, message);
    (ProviderError { retry_after: by.retry_after, ..error }, class)
}

impl Activity for AgentMonitor<'_> {
    fn note(&self, activity: AgentActivity) {
        let doing = match &activity {
            // A piece of text says nothing by itself.
            AgentActivity::Text { .. } => "writing its answer".to_owned(),
            other => words_of(other).1,
        };
        {
            let mut state = self.state();
            state.at = Instant::now();
            state.doing = Some(doing);
            if !matches!(activity, AgentActivity::Waiting { .. }) {
                state.hindered = None;
            }
        }
        self.reporter.activity(&activity);
    }

    fn alive(&self) {
        self.state().at = Instant::now();
    }

    fn hindered(&self, by: &ProviderError) {
        self.state().hindered = Some(by.clone());
    }

    fn session(&self, session_id: &str) {
        {
            let mut state = self.state();
            state.at = Instant::now();
            state.session = Some(session_id.to_owned());
        }
        self.reporter.session(session_id);
    }

    fn used(&self, spent: &RoundSpend) {
        self.state().spent = spent.clone();
    }

    fn ask(&self, ask: PermissionAsk) -> Asking<'_> {
        Box::pin(async move {
            let _waits = WaitsForPerson::begin(self);
            self.reporter.ask(self.number, ask).await
        })
    }

    fn refused(&self, asked: RefusedAsk) {
        self.state().at = Instant::now();
        self.reporter.refused(asked);
    }

    fn told(&self, number: u64) {
        self.state().at = Instant::now();
        self.reporter.told(number);
    }

    fn warn(&self, message: String) {
        self.reporter.warn_once(message);
    }
}

/// `250 ms`, `90 s`, `30 min`.
fn span(duration: Duration) -> String {
    match duration.as_millis() {
        ms if ms < 1_000 || ms % 1_000 != 0 => format!("{ms} ms"),
        ms if ms < 120_000 || ms % 60_000 != 0 => format!("{} s", ms / 1_000),
        ms => format!("{} min", ms / 60_000),
    }
}
