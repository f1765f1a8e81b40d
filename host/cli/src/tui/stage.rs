//! The thread that has the terminal: it takes what happens, and draws.
//!
//! Owns: when a frame is drawn, and what only the terminal can do: copying, the mouse,
//! stopping and going on. Never: waits for anything but what happens. If the terminal
//! does not read, this thread alone waits for it.

use std::io;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use smol_wf_core::cut::MARK;
use smol_wf_core::event::Event;
use tokio::sync::mpsc::UnboundedSender;

use super::app::{App, Effect};
use super::clipboard::{COPIED_BYTES_MAX, copy};
use super::desk::{Reply, Request};
use super::farewell::Farewell;
use super::input::Typed;
use super::jobs::{self, JobChange};
use super::mailbox::{Mailbox, Weight};
use super::paint::{Now, draw};
use super::player::Player;
use super::terminal::{FrameWriter, Session, give_back};
use super::timings::Timings;
use super::unread::Unread;
use crate::humanize::plural;
use crate::sanitize;

/// Shortest time between two frames: 30 a second.
const FRAME_MIN: Duration = Duration::from_millis(33);

/// Longest time between two frames while a clock is on the screen.
const CLOCK: Duration = Duration::from_secs(1);

/// Longest wait for something to happen.
const IDLE: Duration = Duration::from_secs(60);

/// How long the first frame waits for all that is there to be read.
const FIRST_FRAME_MAX: Duration = Duration::from_millis(400);

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Happened {
    Typed(Typed),
    Job(JobChange),
    /// Events of the run.
    Events(Vec<Event>),
    /// Whether a process holds the run.
    Held(bool),
    /// All that there was at the beginning has been read.
    CaughtUp,
    /// The run cannot be read any more, and why.
    Gone(String),
    /// A replay is at its end, or at a line that cannot be read.
    Played(Result<(), String>),
    Reply(Reply),
}

impl Happened {
    /// A sentence about a message or a file.
    pub(crate) fn said(&self) -> Option<&str> {
        match self {
            Self::Reply(Reply::Said(Ok(said) | Err(said))) => Some(said),
            _ => None,
        }
    }
}

impl Weight for Happened {
    fn weight(&self) -> usize {
        match self {
            Self::Events(events) => events.len(),
            _ => 1,
        }
    }
}

/// Why the TUI ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The person left.
    Left,
    /// The terminal is gone.
    Gone,
}

/// What is left of the TUI at its end.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) ended: Ended,
    /// Number of events that were shown.
    pub(crate) events: u64,
    pub(crate) timings: Timings,
    /// What was said and nobody can have read.
    pub(crate) unread: Vec<String>,
}

/// The terminal and what is on it.
pub(crate) struct Stage {
    app: App,
    session: Session,
    /// Not dropped: it would show the cursor, which the session has shown by then, and
    /// complain on stderr that it cannot.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<FrameWriter>>>,
    mailbox: Mailbox<Happened>,
    asks: UnboundedSender<Request>,
    player: Option<Player>,
    /// Drawn as it is.
    is_clean: bool,
    /// The process was stopped, and has not been continued.
    is_stopped: bool,
    first_frame_at: Instant,
    timings: Timings,
    farewell: Farewell,
    unread: Unread,
}

impl Stage {
    pub(crate) fn new(
        app: App,
        session: Session,
        mailbox: Mailbox<Happened>,
        asks: UnboundedSender<Request>,
        player: Option<Player>,
        began: Instant,
    ) -> io::Result<Self> {
        let terminal = Terminal::new(CrosstermBackend::new(FrameWriter::default()))?;
        let terminal = ManuallyDrop::new(terminal);
        let first_frame_at = Instant::now() + FIRST_FRAME_MAX;
        Ok(Self {
            app,
            session,
            terminal,
            mailbox,
            asks,
            player,
            is_clean: false,
            is_stopped: false,
            first_frame_at,
            timings: Timings::since(began),
            farewell: Farewell::default(),
            unread: Unread::default(),
        })
    }

    /// Keeps these last words true.
    pub(crate) fn saying(self, farewell: Farewell) -> Self {
        Self { farewell, ..self }
    }

    /// Shows the run until the person leaves. Returns what was known of it then.
    pub(crate) fn run(mut self) -> io::Result<Shown> {
        let mut drawn: Option<Instant> = None;
        loop {
            let next = self.frame_at(drawn);
            let latest = match (self.is_stopped, self.is_clean, drawn) {
                (true, ..) => Instant::now() + IDLE,
                (_, false, _) | (_, _, None) => next,
                (_, true, Some(at)) if self.app.is_moving() => at + CLOCK,
                _ => Instant::now() + IDLE,
            };
            // Before the first frame everything is taken in as it comes, beside those who
            // read it.
            let soonest = drawn.map_or_else(Instant::now, |_| next);
            let taken = self.mailbox.take(soonest, latest);
            let begun = Instant::now();
            let mut taken = taken.into_iter();
            while let Some(happened) = taken.next() {
                if let Some(ended) = self.take(happened) {
                    taken.for_each(|late| self.hear(&late));
                    return Ok(self.shown(ended));
                }
            }
            self.farewell.note(&self.app);
            self.timings.took(begun.elapsed());
            let now = Instant::now();
            let is_due = if self.is_clean { now >= latest } else { now >= self.frame_at(drawn) };
            if is_due && !self.is_stopped {
                if self.draw().is_err() {
                    return Ok(self.shown(Ended::Gone));
                }
                drawn = Some(Instant::now());
                self.timings.drawn(now.elapsed());
            }
        }
    }

    fn shown(self, ended: Ended) -> Shown {
        let unread = self.unread.rest(Instant::now());
        Shown { ended, events: self.app.events, timings: self.timings, unread }
    }

    fn frame_at(&self, drawn: Option<Instant>) -> Instant {
        drawn.map_or(self.first_frame_at, |at| at + FRAME_MIN)
    }

    fn draw(&mut self) -> io::Result<()> {
        let now = Now { instant: Instant::now(), us: Timestamp::now().as_microsecond() };
        self.terminal.draw(|frame| draw(&mut self.app, frame, now))?;
        self.is_clean = true;
        if let Some(note) = self.app.noted(now.instant) {
            self.unread.drawn(&note.text, now.instant);
        }
        Ok(())
    }

    /// Empties the screen, so that the next frame draws all of it. `Terminal::clear` would
    /// ask the terminal for its cursor, and take the answer and keys from the thread that
    /// reads.
    fn blank(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Takes something that happened. Returns how the TUI ends, if it does.
    fn take(&mut self, happened: Happened) -> Option<Ended> {
        self.is_clean = false;
        self.hear(&happened);
        match happened {
            Happened::Typed(Typed::Key(key)) => {
                return self.app.key(&key).and_then(|it| self.perform(it));
            }
            Happened::Typed(Typed::Paste(text)) => self.app.paste(&text),
            Happened::Typed(Typed::Mouse(mouse)) => self.app.mouse(&mouse),
            Happened::Typed(Typed::Gone) => return Some(Ended::Gone),
            Happened::Typed(Typed::Resized) | Happened::Job(JobChange::Resized) => {}
            Happened::Job(JobChange::Stop) => return self.perform(Effect::Suspend),
            Happened::Job(JobChange::Continued) => {
                self.is_stopped = false;
                // A shell may have left anything in it.
                if self.session.take().and_then(|()| self.blank()).is_err() {
                    return Some(Ended::Gone);
                }
            }
            Happened::Events(events) => events.iter().for_each(|event| self.app.event(event)),
            Happened::Held(is_held) => self.app.held(is_held),
            Happened::CaughtUp => self.first_frame_at = Instant::now(),
            Happened::Gone(why) => {
                self.first_frame_at = Instant::now();
                self.app.gone(why);
            }
            Happened::Played(end) => self.app.played(end),
            Happened::Reply(reply) => self.app.reply(reply),
        }
        None
    }

    /// Keeps what is said until it has been read.
    fn hear(&mut self, happened: &Happened) {
        happened.said().into_iter().for_each(|said| self.unread.put(said));
    }

    /// Does what the app wants done.
    fn perform(&mut self, effect: Effect) -> Option<Ended> {
        match effect {
            Effect::Quit => return Some(Ended::Left),
            // Nobody answers at the end, and nobody waits then.
            Effect::Ask(request) => drop(self.asks.send(request)),
            Effect::SetPace(pace) => self.player.iter().for_each(|player| player.set_pace(pace)),
            Effect::NextEvent => self.player.iter().for_each(Player::next_event),
            Effect::Redraw => {
                if self.blank().is_err() {
                    return Some(Ended::Gone);
                }
            }
            Effect::SetMouse(has_mouse) => {
                if self.session.set_mouse(has_mouse).is_err() {
                    return Some(Ended::Gone);
                }
                self.app.say(if has_mouse {
                    "the wheel scrolls"
                } else {
                    "the terminal has the mouse"
                });
            }
            Effect::Copy(text) => return self.copy(&text),
            Effect::Suspend => {
                give_back();
                if jobs::stop() {
                    self.is_stopped = true;
                } else {
                    self.app.fail("no shell could continue this, so it is not stopped");
                    if self.session.take().and_then(|()| self.blank()).is_err() {
                        return Some(Ended::Gone);
                    }
                }
            }
        }
        None
    }

    fn copy(&mut self, text: &str) -> Option<Ended> {
        // A shell that it is pasted into must not obey it either.
        let copied = copy(&sanitize::with_tabs(text));
        if self.session.say(&copied.sequence).is_err() {
            return Some(Ended::Gone);
        }
        let lines = plural(text.lines().count(), "line");
        if copied.is_cut {
            self.app
                .fail(format!("the first {COPIED_BYTES_MAX} bytes were copied: more does not fit"));
        } else if text.ends_with(MARK) {
            self.app.say(format!("{lines} copied, which is the beginning; Enter opens the whole"));
        } else {
            self.app.say(format!("{lines} copied, if your terminal allows it"));
        }
        None
    }
}
