//! The TUI without a terminal: what it shows, and what each thing that happens changes.
//!
//! Owns: the panes, the mode, and what is asked of others. Never: draws, reads or posts,
//! so that tests drive all of it.

use std::time::{Duration, Instant};

use smol_wf_core::event::Event;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::step::StepKind;
use smol_wf_core::view::{OpenAsk, RowKind, RunView, StepState, StepView};

use super::desk::{Reply, Request};
use super::detail_pane::DetailPane;
use super::log_search::LogSearch;
use super::mode::Mode;
use super::player::Pace;
use super::text_pane::Scroll;
use super::theme::Theme;
use super::tree_pane::TreePane;

/// How long a sentence stays.
const NOTE_LASTS: Duration = Duration::from_secs(8);

/// A pane of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pane {
    Tree,
    Detail,
    Log,
}

/// Where the events come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Origin {
    /// A run in the database, as it happens.
    Live {
        /// When it was created, in microseconds since 1970.
        created_at_us: i64,
        /// Whether a process holds it.
        is_held: bool,
        /// It cannot be read any more.
        is_gone: bool,
    },
    /// A stored stream.
    Replay {
        pace: Pace,
        /// All events are shown.
        is_over: bool,
        /// The rest cannot be read.
        is_damaged: bool,
    },
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Ask(Request),
    Copy(String),
    SetPace(Pace),
    NextEvent,
    SetMouse(bool),
    Redraw,
    Suspend,
    Quit,
}

/// A sentence about what was done.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) is_error: bool,
    until: Instant,
}

/// The TUI of one run.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) view: RunView,
    pub(crate) origin: Origin,
    pub(crate) theme: Theme,
    /// The run, where its id is known before its first event.
    pub(crate) run: Option<RunId>,
    pub(crate) tree: TreePane,
    pub(crate) detail: DetailPane,
    pub(crate) log: Scroll,
    pub(crate) log_search: LogSearch,
    pub(crate) focus: Pane,
    pub(crate) mode: Mode,
    pub(crate) has_mouse: bool,
    pub(crate) events: u64,
    note: Option<Note>,
}

impl App {
    pub(crate) fn new(origin: Origin, run: Option<RunId>, theme: Theme) -> Self {
        Self {
            view: RunView::new(),
            origin,
            theme,
            run,
            tree: TreePane::default(),
            detail: DetailPane::default(),
            log: Scroll::at_end(),
            log_search: LogSearch::default(),
            focus: Pane::Tree,
            mode: Mode::Browse,
            has_mouse: false,
            events: 0,
            note: None,
        }
    }

    pub(crate) fn is_replay(&self) -> bool {
        matches!(self.origin, Origin::Replay { .. })
    }

    /// The run to name in commands, if it is in a database here.
    pub(crate) fn run(&self) -> Option<&RunId> {
        self.run.as_ref()
    }

    /// Takes an event of the run.
    pub(crate) fn event(&mut self, event: &Event) {
        self.events += 1;
        self.view.apply(event);
        self.detail.event(event);
        self.tree.set_stale();
    }

    /// A process holds the run, or none does.
    pub(crate) fn held(&mut self, held: bool) {
        if let Origin::Live { is_held, .. } = &mut self.origin {
            *is_held = held;
        }
        if !held {
            self.view.interrupted();
            self.tree.set_stale();
        }
    }

    /// The run cannot be read any more. What is shown stays.
    pub(crate) fn gone(&mut self, why: String) {
        if let Origin::Live { is_gone, is_held, .. } = &mut self.origin {
            (*is_gone, *is_held) = (true, false);
        }
        self.fail(why);
    }

    /// The stream that is replayed has no more events.
    pub(crate) fn played(&mut self, end: Result<(), String>) {
        if let Origin::Replay { is_over, is_damaged, .. } = &mut self.origin {
            (*is_over, *is_damaged) = (true, end.is_err());
        }
        if let Err(why) = end {
            self.fail(why);
        }
    }

    /// Takes what came of a request.
    pub(crate) fn reply(&mut self, reply: Reply) {
        if matches!(reply, Reply::Question(_, Ok(None) | Err(_)))
            && matches!(self.mode, Mode::Opening(_))
        {
            self.mode = Mode::Browse;
        }
        match reply {
            Reply::Step(key, step) => {
                let until = self.is_replay().then(|| self.view.last_ms());
                self.detail.take(&key, step, until);
            }
            Reply::Question(step, Ok(Some(request))) => self.open_answer(step, request),
            Reply::Question(step, Ok(None)) => {
                self.fail(format!("step {step} was answered elsewhere, or its time is up"));
            }
            Reply::Said(Ok(said)) => self.say(said),
            Reply::Question(_, Err(why)) | Reply::Said(Err(why)) => self.fail(why),
        }
    }

    /// Says something for a while.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.note(text.into(), false);
    }

    /// Says that something did not work.
    pub(crate) fn fail(&mut self, text: impl Into<String>) {
        self.note(text.into(), true);
    }

    fn note(&mut self, text: String, is_error: bool) {
        self.note = Some(Note { text, is_error, until: Instant::now() + NOTE_LASTS });
    }

    /// A sentence has been seen once a key is pressed.
    pub(crate) fn forget_note(&mut self) {
        if !self.is_broken() {
            self.note = None;
        }
    }

    /// Whether the run or its stream cannot be read to the end.
    fn is_broken(&self) -> bool {
        match self.origin {
            Origin::Live { is_gone, .. } => is_gone,
            Origin::Replay { is_damaged, .. } => is_damaged,
        }
    }

    /// The sentence to show at this time. An error about the run itself stays.
    pub(crate) fn noted(&self, now: Instant) -> Option<&Note> {
        let stays = self.is_broken();
        self.note.as_ref().filter(|note| now < note.until || (stays && note.is_error))
    }

    /// Whether something on the screen changes by itself.
    pub(crate) fn is_moving(&self) -> bool {
        self.note.as_ref().is_some_and(|note| Instant::now() < note.until + NOTE_LASTS)
            || matches!(self.origin, Origin::Live { is_held: true, .. })
    }

    /// Milliseconds since the run was created, at this time since 1970.
    pub(crate) fn now_ms(&self, now_us: i64) -> u64 {
        match self.origin {
            Origin::Live { created_at_us, is_held: true, .. } => {
                let since_us = now_us.saturating_sub(created_at_us).max(0);
                u64::try_from(since_us / 1_000).unwrap_or(0).max(self.view.last_ms())
            }
            _ => self.view.last_ms(),
        }
    }

    /// The selected step.
    pub(crate) fn step(&self) -> Option<&StepView> {
        match self.tree.row()?.kind {
            RowKind::Step(node) => self.view.tree().step(node),
            _ => None,
        }
    }

    /// Number of the selected step, if it can be stopped or run again: one that is open.
    pub(crate) fn open_step(&self) -> Option<(StepId, &StepView)> {
        let step = self.step()?;
        let is_open = matches!(
            step.state,
            StepState::Queued
                | StepState::Working
                | StepState::Waiting
                | StepState::Sleeping
                | StepState::Parked
        );
        Some((step.number().filter(|_| is_open && step.ended_ms.is_none())?, step))
    }

    /// Number of the selected step, if its agent can be run again.
    pub(crate) fn restartable(&self) -> Option<(StepId, &StepView)> {
        self.open_step().filter(|(_, step)| step.kind == StepKind::Agent)
    }

    /// The question to answer: that of the selected step, or else the first.
    pub(crate) fn question(&self) -> Option<&OpenAsk> {
        let selected = self.tree.row().map(|row| row.node());
        let mut asks = self.view.asks();
        let of_selected = self.view.asks().find(|ask| Some(ask.node) == selected);
        of_selected.or_else(|| asks.next()).filter(|ask| ask.step.is_some())
    }

    /// Whether the run can still be acted on.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.origin, Origin::Live { is_gone: false, .. })
            && !self.view.facts().status.is_over()
    }
}
