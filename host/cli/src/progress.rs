//! What is shown on stderr while a run goes on.
//!
//! Owns: one line a change off a terminal, live lines on one. Never: stdout,
//! but for the event stream that `--events` asks for.

mod live;
mod plain;
mod slow;

use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use smol_wf_core::event::{Event, EventData, EventWarning};
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::RunHead;
use smol_wf_engine::{DatabaseWait, Engine, Notice, Watcher};

use crate::advice;
use crate::config::{DEBUG, Settings};
use crate::log_level::LogLevel;
use crate::notices::talk;
use crate::sanitize;
use crate::shell;
use crate::signals;
use crate::streams::EventStream;
use live::Live;
use plain::Plain;

/// Shows a run.
pub(crate) struct Progress {
    /// Where events are read from, when they are asked for.
    events: Option<Engine>,
    stream: OnceLock<EventStream>,
    level: LogLevel,
    screen: Screen,
    run: OnceLock<RunId>,
    /// Where its agents work, as the first line says it.
    place: OnceLock<String>,
    opening: Preamble,
    /// Warnings from before the run was known: its id comes first.
    early: Mutex<Vec<String>>,
    /// What was warned of, to be said once more below a long report.
    warned: Mutex<Vec<String>>,
}

/// Warnings that are said once more.
const WARNED_MAX: usize = 5;

/// What is said once the run is known, behind its id.
#[derive(Debug, Default)]
pub(crate) struct Preamble {
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
    /// What must not be missed: said first, and last of all.
    pub(crate) banner: Option<String>,
}

impl Preamble {
    /// Of a run that is taken up, or forked.
    pub(crate) fn of_recorded(settings: &Settings, head: &RunHead, said: Option<String>) -> Self {
        let mut notes: Vec<String> = said.into_iter().collect();
        if head.provider == DEBUG {
            notes
                .push("agents: debug, which echoes prompts: nothing is sent to a model".to_owned());
        }
        Self { warnings: settings.warnings(), notes, banner: None }
    }
}

enum Screen {
    Plain(Plain),
    Live(Arc<Live>),
}

impl Progress {
    /// With an engine to read them from, the events go to stdout.
    pub(crate) fn new(events: Option<Engine>, settings: &Settings, opening: Preamble) -> Self {
        let level = LogLevel::of(settings);
        let live = level == LogLevel::Info && events.is_none() && may_animate();
        let screen = if live {
            Screen::Live(Arc::default())
        } else {
            Screen::Plain(Plain::new(level >= LogLevel::Info))
        };
        Self {
            events,
            stream: OnceLock::new(),
            level,
            screen,
            run: OnceLock::new(),
            place: OnceLock::new(),
            opening,
            early: Mutex::default(),
            warned: Mutex::default(),
        }
    }

    /// The run, once it can be resumed.
    pub(crate) fn run(&self) -> Option<&RunId> {
        self.run.get()
    }

    /// Waits until the events have been read; why they could not be written, if
    /// they could not.
    pub(crate) fn settle(&self) -> std::io::Result<()> {
        self.stream.get().map_or(Ok(()), EventStream::settle)
    }

    /// What explains why a run did not even start, too.
    pub(crate) fn say_warnings(&self) {
        self.say_banner();
        for warning in &self.opening.warnings {
            self.warning(warning);
        }
        let early: Vec<_> = std::mem::take(&mut *locked(&self.early));
        early.iter().for_each(|warning| self.warning(warning));
    }

    /// At every level: an echo must never pass for an answer.
    pub(crate) fn say_banner(&self) {
        if let Some(banner) = &self.opening.banner {
            talk(&format!("warning: {banner}"));
        }
    }

    /// Whether only what is wrong is to be said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.level < LogLevel::Info
    }

    /// The first warnings.
    pub(crate) fn warned(&self) -> Vec<String> {
        locked(&self.warned).clone()
    }

    fn warning(&self, message: &str) {
        if self.level < LogLevel::Warn {
            return;
        }
        talk(&format!("warning: {message}"));
        let mut warned = locked(&self.warned);
        if warned.len() < WARNED_MAX {
            warned.push(message.to_owned());
        }
    }

    /// Takes the live lines away, before anything else is said.
    pub(crate) fn finish(&self) {
        match &self.screen {
            Screen::Live(live) => live.finish(),
            Screen::Plain(plain) => plain.finish(),
        }
    }
}

impl Watcher for Progress {
    fn notice(&self, notice: Notice<'_>) {
        match notice {
            Notice::WorksIn { cwd, outside } => self.works_in(cwd, outside),
            Notice::RunKnown { run, resumed } => self.run_known(run, resumed),
            Notice::TakenUpBefore { run, fork } => self.taken_up_before(run, fork),
            Notice::Event { event, replayed } => self.event(event, replayed),
            Notice::Activity(event) => self.activity(event),
            Notice::Queued { agents } => {
                if let Screen::Live(live) = &self.screen {
                    live.queued(agents);
                }
            }
            Notice::WaitsForAgents { at_work, reason } => {
                self.warn(&advice::waits::for_agents(at_work, reason));
            }
            Notice::Warning(message) => self.warn(message),
            Notice::WaitsForDatabase(wait) => self.waits_for_database(wait),
            // A notice that says nothing on a terminal.
            _ => {}
        }
    }
}

impl Progress {
    fn works_in(&self, cwd: &Path, outside: Option<&Path>) {
        let mut place = format!(" in {}", sanitize::path(cwd));
        if let Some(project) = outside {
            place.push_str(&format!(
                " (warning: that is outside the project of its script, {}; --cwd names another folder)",
                sanitize::path(project)
            ));
        }
        let _ = self.place.set(place);
    }

    fn run_known(&self, run: &RunId, resumed: bool) {
        let is_first = self.run.set(run.clone()).is_ok();
        signals::run_is(run);
        // The first line of stderr, whatever the level: without the id, nobody
        // can resume.
        let place = self.place.get().map_or("", String::as_str);
        talk(&format!("run {run}{}{place}", if resumed { " (resumed)" } else { "" }));
        if let Some(engine) = &self.events {
            self.stream.get_or_init(|| EventStream::start(engine.tail(run)));
        }
        // Taken up once more by this process, it has said all of this.
        if !is_first {
            return;
        }
        self.say_warnings();
        if self.level >= LogLevel::Info {
            for note in &self.opening.notes {
                talk(note);
            }
        }
    }

    fn event(&self, event: &Event, replayed: bool) {
        // A stream goes on where it stands, also when this process takes the run
        // up once more.
        if let Some(stream) = self.stream.get() {
            stream.told(event.seq);
        }
        if !replayed {
            self.show(event);
        }
    }

    fn activity(&self, event: &Event) {
        if let Some(stream) = self.stream.get() {
            stream.fleeting(event);
        }
        self.show(event);
    }

    fn waits_for_database(&self, wait: DatabaseWait<'_>) {
        let message = advice::waits::for_database(wait);
        if wait.is_under_way {
            self.warn(&message);
        } else if self.level >= LogLevel::Warn {
            // At once: the first line of a run may be long in coming.
            talk(&format!("warning: {message}"));
        }
    }

    fn taken_up_before(&self, run: &RunId, fork: &RunId) {
        self.warn(&format!(
            "run {run} was taken up with this script before: that run, {fork}, is the one that goes on; smol-wf fork {run} SCRIPT{} makes another one",
            shell::with_database()
        ));
    }

    fn warn(&self, message: &str) {
        if self.run.get().is_none() {
            locked(&self.early).push(message.to_owned());
        } else {
            self.warning(message);
        }
    }

    fn show(&self, event: &Event) {
        if let Screen::Plain(plain) = &self.screen {
            plain.heard(event);
        }
        match &event.data {
            EventData::Warning(warning) => {
                self.warning(&format!("{}{}", warning.message, place_of(warning)));
            }
            EventData::AgentEvent { .. } if self.level < LogLevel::Debug => {
                if let Screen::Live(live) = &self.screen {
                    live.show(event);
                }
            }
            _ if self.level >= LogLevel::Info => match &self.screen {
                Screen::Plain(plain) => plain.show(event),
                Screen::Live(live) => live.show(event),
            },
            _ => {}
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether someone may be looking: on a terminal, and not in CI.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("CI").is_none_or(|value| value.is_empty())
}

/// Whether lines may be drawn over: on a terminal that can, and not where
/// someone asked for calm.
fn may_animate() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    std::io::stderr().is_terminal() && !dumb && !set("CI")
}

/// ` (find bugs, line 3)`, of what is about an agent or a line of the script.
fn place_of(warning: &EventWarning) -> String {
    match (&warning.label, warning.line) {
        (None, None) => String::new(),
        (None, Some(line)) => format!(" (line {line})"),
        (Some(label), None) => format!(" ({label})"),
        (Some(label), Some(line)) => format!(" ({label}, line {line})"),
    }
}
