//! What is shown on stderr while a run goes on.
//!
//! Owns: one line a change off a terminal, live lines on one. Never: stdout,
//! but for the event stream that `--events` asks for.

mod live;
mod plain;
mod slow;

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use smol_wf_core::event::Event;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::RunHead;
use smol_wf_engine::{Watcher, WorksIn};

use crate::agents::DEBUG;
use crate::config::{Key, Settings};
use crate::failure::talk;
use crate::output;
use crate::standing::one_line;
use crate::words::span;
use live::Live;
pub(crate) use live::{around, take_away};
use plain::Plain;

/// Shows a run.
pub(crate) struct Progress {
    events: bool,
    level: LogLevel,
    screen: Screen,
    run: OnceLock<RunId>,
    /// Where its agents work, as the first line says it.
    place: OnceLock<String>,
    opening: Opening,
    /// Warnings from before the run was known: its id comes first.
    early: Mutex<Vec<String>>,
    /// Number of the last event that was told.
    told: AtomicU64,
    /// What it was when this same process took the run up again: what is replayed
    /// up to there was told.
    told_before: AtomicU64,
    /// Why the event stream has a hole.
    lost: OnceLock<std::io::Error>,
}

/// What is said once the run is known, behind its id.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Opening {
    /// Of a run that is taken up, or forked.
    pub(crate) fn of_recorded(settings: &Settings, head: &RunHead, said: Option<String>) -> Self {
        let mut notes: Vec<String> = said.into_iter().collect();
        if head.provider == DEBUG {
            notes.push(
                "agents: debug, as the run was started: it echoes prompts, and nothing is sent to a model"
                    .to_owned(),
            );
        }
        Self { warnings: settings.warnings(), notes }
    }
}

enum Screen {
    Plain(Plain),
    Live(Live),
}

impl Progress {
    pub(crate) fn new(events: bool, settings: &Settings, opening: Opening) -> Self {
        let level = LogLevel::of(settings);
        let live = level == LogLevel::Info && !events && may_animate();
        let screen = if live {
            Screen::Live(Live::default())
        } else {
            Screen::Plain(Plain::new(level >= LogLevel::Info))
        };
        Self {
            events,
            level,
            screen,
            run: OnceLock::new(),
            place: OnceLock::new(),
            opening,
            early: Mutex::default(),
            told: AtomicU64::new(0),
            told_before: AtomicU64::new(0),
            lost: OnceLock::new(),
        }
    }

    /// The run, once it can be resumed.
    pub(crate) fn run(&self) -> Option<&RunId> {
        self.run.get()
    }

    /// Why the event stream could not be written whole, if it could not.
    pub(crate) fn lost(&mut self) -> Option<std::io::Error> {
        self.lost.take()
    }

    /// What explains why a run did not even start, too.
    pub(crate) fn say_warnings(&self) {
        if self.level >= LogLevel::Warn {
            for warning in &self.opening.warnings {
                talk(&format!("warning: {warning}"));
            }
        }
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        early.drain(..).for_each(|warning| talk(&format!("warning: {warning}")));
    }

    /// The run is to be taken up again.
    pub(crate) fn again(&self) {
        self.told_before.store(self.told.load(Ordering::Relaxed), Ordering::Relaxed);
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
    fn works_in(&self, WorksIn { cwd, outside }: WorksIn<'_>) {
        let mut place = format!(" in {}", one_line(cwd));
        if let Some(project) = outside {
            place.push_str(&format!(
                " (warning: that is outside the project of its script, {}; --cwd names another folder)",
                one_line(project)
            ));
        }
        let _ = self.place.set(place);
    }

    fn run_known(&self, run: &RunId, resumed: bool) {
        let _ = self.run.set(run.clone());
        // The first line of stderr, whatever the level: without the id, nobody
        // can resume.
        let place = self.place.get().map_or("", String::as_str);
        talk(&format!("run {run}{}{place}", if resumed { " (resumed)" } else { "" }));
        self.say_warnings();
        if self.level >= LogLevel::Info {
            for note in &self.opening.notes {
                talk(note);
            }
        }
    }

    fn event(&self, event: &Event, replayed: bool) {
        if replayed && event.seq <= self.told_before.load(Ordering::Relaxed) {
            return;
        }
        self.told.fetch_max(event.seq, Ordering::Relaxed);
        if self.events {
            // A reader that has gone misses the rest, and the run goes on; a
            // stream that could not be written is told of at the end.
            if let Err(error) = output::json_line(event) {
                let _ = self.lost.set(error);
            }
        }
        if replayed {
            return;
        }
        if let Screen::Plain(plain) = &self.screen {
            plain.heard(event);
        }
        match event.kind {
            "workflow.warning" if self.level >= LogLevel::Warn => {
                talk(&format!("warning: {}", text_of(event, "message")));
            }
            "workflow.agent_event" if self.level < LogLevel::Debug => {
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

    fn warn(&self, message: &str) {
        if self.level < LogLevel::Warn {
            return;
        }
        if self.run.get().is_none() {
            let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
            early.push(message.to_owned());
        } else {
            talk(&format!("warning: {message}"));
        }
    }
}

/// How much to say on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogLevel {
    /// Only what went wrong.
    Error,
    /// And what may go wrong.
    Warn,
    /// And progress.
    Info,
    /// And what agents are doing.
    Debug,
}

impl LogLevel {
    pub(crate) fn of(settings: &Settings) -> Self {
        match settings.text(Key::LogLevel) {
            Some("error") => Self::Error,
            Some("warn") => Self::Warn,
            Some("debug") => Self::Debug,
            _ => Self::Info,
        }
    }
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

fn text_of<'a>(event: &'a Event, field: &str) -> &'a str {
    event.data.get(field).and_then(serde_json::Value::as_str).unwrap_or_default()
}

fn number_of(event: &Event, pointer: &str) -> u64 {
    let value = event.data.pointer(pointer);
    let whole = value.and_then(serde_json::Value::as_u64);
    // JavaScript's numbers come as floats.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let rounded = || value.and_then(serde_json::Value::as_f64).map(|float| float as u64);
    whole.or_else(rounded).unwrap_or_default()
}

/// Why it failed, from an event that says so.
fn failure_of(event: &Event) -> &str {
    event.data.pointer("/error/message").and_then(serde_json::Value::as_str).unwrap_or_default()
}
