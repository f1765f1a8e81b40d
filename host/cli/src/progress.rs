//! Progress of a run on stderr.
//!
//! On a terminal as moving lines, elsewhere as one line per change. Owns: which
//! events become which output. Never: stdout, except for the event stream of
//! `--events`.

mod live;
mod plain;
mod slow;
mod tree;

use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use smol_wf_core::event::{AgentFailed, Event, EventData, EventWarning};
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::RunHead;
use smol_wf_engine::{DatabaseWait, Engine, Notice, Watcher};

use crate::advice;
use crate::config::{DEBUG, Settings};
use crate::detached;
use crate::final_lines::Said;
use crate::log_level::LogLevel;
use crate::notices::print_message;
use crate::sanitize;
use crate::shell;
use crate::signals;
use crate::streams::EventStream;
use live::Live;
use plain::Plain;

/// Shows the progress of one run; the engine calls it as a [`Watcher`].
pub(crate) struct Progress {
    /// The engine to read events from, with `--events`.
    events: Option<Engine>,
    /// The event stream, from the first line of the run on.
    stream: OnceLock<EventStream>,
    level: LogLevel,
    screen: Screen,
    /// The run, once it is in the store.
    run: OnceLock<RunId>,
    /// It was over when it was asked for.
    was_over: OnceLock<()>,
    /// The folder of the agents, for the first line.
    place: OnceLock<String>,
    /// When the run was created, in microseconds since 1970, if its events are shown
    /// later than they happened.
    created_us: OnceLock<i64>,
    opening: Preamble,
    /// Warnings from before the run had an id, which must be the first line.
    early: Mutex<Vec<String>>,
    /// What is repeated at the end.
    said: Mutex<Said>,
}

/// Most warnings, and most failures, that are repeated.
const REPEATED_MAX: usize = 5;

/// Messages after the line with the run's id.
#[derive(Debug, Default)]
pub(crate) struct Preamble {
    /// Printed from log level `warn` on.
    pub(crate) warnings: Vec<String>,
    /// Printed from log level `info` on.
    pub(crate) notes: Vec<String>,
    /// A warning that must not be missed: printed first and again at the end.
    pub(crate) banner: Option<String>,
}

impl Preamble {
    /// The preamble of a resumed run or a fork.
    pub(crate) fn of_recorded(settings: &Settings, head: &RunHead, said: Option<String>) -> Self {
        let mut notes: Vec<String> = said.into_iter().collect();
        if head.provider == DEBUG {
            notes
                .push("agents: debug, which echoes prompts: nothing is sent to a model".to_owned());
        }
        Self { warnings: settings.warnings(), notes, banner: None }
    }
}

/// How progress is shown.
enum Screen {
    /// One line per change.
    Plain(Plain),
    /// Moving lines.
    Live(Arc<Live>),
}

impl Progress {
    /// With `events`, the event stream goes to stdout.
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
            was_over: OnceLock::new(),
            place: OnceLock::new(),
            created_us: OnceLock::new(),
            opening,
            early: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// For a run that began earlier: agents have been at work since their events.
    pub(crate) fn created_at(&self, at_us: i64) {
        let _ = self.created_us.set(at_us);
    }

    /// How old the run is, in milliseconds, when this event is shown.
    fn age_ms(&self, event: &Event) -> u64 {
        let event_us = event.elapsed_nanos / 1_000;
        let age_us = self.created_us.get().map(|created_us| {
            let age_us = Timestamp::now().as_microsecond().saturating_sub(*created_us);
            u64::try_from(age_us).unwrap_or(0)
        });
        age_us.unwrap_or(0).max(event_us) / 1_000
    }

    /// When an event happened.
    fn time_of(&self, event: &Event) -> Instant {
        let now = Instant::now();
        let Some(created_us) = self.created_us.get() else { return now };
        let since_us = i64::try_from(event.elapsed_nanos / 1_000).unwrap_or(i64::MAX);
        let at_us = created_us.saturating_add(since_us);
        let age_us = Timestamp::now().as_microsecond().saturating_sub(at_us);
        let age = Duration::from_micros(u64::try_from(age_us).unwrap_or(0));
        now.checked_sub(age).unwrap_or(now)
    }

    /// The id of the run, once it can be resumed.
    pub(crate) fn run(&self) -> Option<&RunId> {
        self.run.get()
    }

    /// Waits until the event stream is written. Returns the error if that failed.
    pub(crate) fn flush_events(&self) -> std::io::Result<()> {
        self.stream.get().map_or(Ok(()), EventStream::flush)
    }

    /// Prints all warnings so far; they may also explain why a run did not start.
    pub(crate) fn say_warnings(&self) {
        self.say_banner();
        for warning in &self.opening.warnings {
            self.warning(warning);
        }
        let early: Vec<_> = std::mem::take(&mut *locked(&self.early));
        early.iter().for_each(|warning| self.warning(warning));
    }

    /// Prints the banner at every log level: an echo must never be mistaken for
    /// an answer.
    pub(crate) fn say_banner(&self) {
        if let Some(banner) = &self.opening.banner {
            print_message(&format!("warning: {banner}"));
        }
    }

    /// Whether the log level shows warnings and errors only.
    pub(crate) fn is_quiet(&self) -> bool {
        self.level < LogLevel::Info
    }

    /// The first warnings and failures of the run.
    pub(crate) fn said(&self) -> Said {
        std::mem::take(&mut *locked(&self.said))
    }

    /// Prints a warning and remembers the first ones.
    fn warning(&self, message: &str) {
        if self.level < LogLevel::Warn {
            return;
        }
        print_message(&format!("warning: {message}"));
        let mut said = locked(&self.said);
        if said.warnings.len() < REPEATED_MAX {
            said.warnings.push(message.to_owned());
        }
    }

    /// Keeps moving lines and lines of progress away while a prompt is on the screen.
    pub(crate) fn hold(&self) {
        if let Screen::Live(live) = &self.screen {
            live.hold();
        }
    }

    /// Shows what was kept away.
    pub(crate) fn release(&self) {
        if let Screen::Live(live) = &self.screen {
            live.release();
        }
    }

    /// Removes the moving lines, before other messages.
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
            Notice::RunOver => _ = self.was_over.set(()),
            Notice::TakenUpBefore { run, fork } => self.taken_up_before(run, fork),
            Notice::Event { event, replayed } => self.event(event, replayed),
            Notice::Activity(event) => self.activity(event),
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
    /// Keeps the folder for the first line. `outside` is the project of the
    /// script, if the folder is not in it.
    fn works_in(&self, cwd: &Path, outside: Option<&Path>) {
        let mut place = format!(" in {}", sanitize::path(cwd));
        if let Some(project) = outside {
            place.push_str(&format!(
                " (warning: outside the project of its script, {}; choose another folder with --cwd)",
                sanitize::path(project)
            ));
        }
        let _ = self.place.set(place);
    }

    /// Prints the first line, starts the event stream, and prints the preamble.
    fn run_known(&self, run: &RunId, resumed: bool) {
        let is_first = self.run.set(run.clone()).is_ok();
        signals::set_run(run);
        self.first_line(run, resumed);
        if let Some(engine) = &self.events {
            self.stream.get_or_init(|| EventStream::start(engine.tail(run)));
        }
        // When this process resumes the run once more, the rest was printed
        // before.
        if !is_first {
            return;
        }
        self.say_warnings();
        if self.level >= LogLevel::Info {
            for note in &self.opening.notes {
                print_message(note);
            }
        }
        if !resumed {
            self.go_to_background(run, resumed);
        }
    }

    /// Prints the first line of stderr, at every log level: without the id the run
    /// cannot be resumed.
    fn first_line(&self, run: &RunId, resumed: bool) {
        if self.was_over.get().is_some() {
            print_message(&of_over(run));
            return;
        }
        let place = self.place.get().map_or("", String::as_str);
        print_message(&format!("run {run}{}{place}", if resumed { " (resumed)" } else { "" }));
    }

    /// With `--detach`, leaves the process that waits for the run to be durable.
    fn go_to_background(&self, run: &RunId, resumed: bool) {
        if !detached::is_holder() || detached::is_away() {
            return;
        }
        if self.level >= LogLevel::Info {
            let db = shell::with_database();
            print_message(&format!("in the background: smol-wf attach {run}{db}"));
        }
        if detached::leave(run) {
            // The first line of the log as well.
            self.first_line(run, resumed);
        }
    }

    /// Handles a durable event. A replayed one was shown by an earlier process.
    fn event(&self, event: &Event, replayed: bool) {
        // The stream continues at its position, also when this process resumes
        // the run once more.
        if let Some(stream) = self.stream.get() {
            stream.durable_up_to(event.seq);
        }
        if let EventData::AgentFailed(failed) = &event.data {
            self.failed(failed);
        }
        if replayed {
            if let Screen::Live(live) = &self.screen {
                live.replay(event);
            }
            return;
        }
        // A resumed run is taken up for good only now: its replay may have failed.
        if let Some(run) = self.run() {
            self.go_to_background(run, true);
        }
        self.show(event);
    }

    /// Remembers the first failures that were thrown; the report lists the others as
    /// nulls.
    fn failed(&self, failed: &AgentFailed) {
        let mut said = locked(&self.said);
        if failed.given.is_none() && said.failures.len() < REPEATED_MAX {
            let reason = failed.error.message.lines().next().unwrap_or_default();
            said.failures.push(sanitize::one_line(&format!("{}: {reason}", failed.agent.label)));
        }
    }

    /// Handles a fleeting event, which is in no journal.
    fn activity(&self, event: &Event) {
        if let Some(stream) = self.stream.get() {
            stream.fleeting(event);
        }
        self.show(event);
    }

    /// Warns that another process has the database locked.
    fn waits_for_database(&self, wait: DatabaseWait<'_>) {
        let message = advice::waits::for_database(wait);
        if wait.is_under_way {
            self.warn(&message);
        } else if self.level >= LogLevel::Warn {
            // Immediately: the first line of the run may take long.
            print_message(&format!("warning: {message}"));
        }
    }

    /// Warns that a resume continues an earlier fork of this script.
    fn taken_up_before(&self, run: &RunId, fork: &RunId) {
        self.warn(&format!(
            "run {run} was resumed with this script before; its fork {fork} continues; smol-wf fork {run} SCRIPT{} starts another one",
            shell::with_database()
        ));
    }

    /// Prints a warning, or keeps it until the first line is printed.
    pub(crate) fn warn(&self, message: &str) {
        if self.run.get().is_none() {
            locked(&self.early).push(message.to_owned());
        } else {
            self.warning(message);
        }
    }

    /// Shows an event, as far as the log level allows.
    fn show(&self, event: &Event) {
        if let Screen::Plain(plain) = &self.screen {
            plain.note(event, self.time_of(event));
        }
        match &event.data {
            EventData::Warning(warning) => {
                if let Screen::Live(live) = &self.screen {
                    live.show(event, self.age_ms(event));
                }
                self.warning(&format!("{}{}", warning.message, place_of(warning)));
            }
            EventData::AgentEvent { .. } if self.level < LogLevel::Debug => {
                if let Screen::Live(live) = &self.screen {
                    live.show(event, self.age_ms(event));
                }
            }
            _ if self.level >= LogLevel::Info => match &self.screen {
                Screen::Plain(plain) => plain.show(event),
                Screen::Live(live) => live.show(event, self.age_ms(event)),
            },
            _ => {}
        }
    }
}

/// Locks, also after a panic of another holder.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether someone may be reading: stderr is a terminal, and this is not CI.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("CI").is_none_or(|value| value.is_empty())
}

/// Whether lines may be redrawn: on a terminal that can, and not in CI.
fn may_animate() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    std::io::stderr().is_terminal() && !dumb && !set("CI")
}

/// The first line about a run that is over, and what to type in place of `resume`.
fn of_over(run: &RunId) -> String {
    let db = shell::with_database();
    format!(
        "run {run} is over, so there is nothing to resume; its steps: smol-wf history {run}{db}; a new run that begins anew at one of them: smol-wf fork {run} --from STEP{db}"
    )
}

/// Label and line of a warning: ` (find bugs, line 3)`.
fn place_of(warning: &EventWarning) -> String {
    match (&warning.label, warning.line) {
        (None, None) => String::new(),
        (None, Some(line)) => format!(" (line {line})"),
        (Some(label), None) => format!(" ({label})"),
        (Some(label), Some(line)) => format!(" ({label}, line {line})"),
    }
}
