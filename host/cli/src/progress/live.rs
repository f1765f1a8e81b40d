//! Progress on a terminal: lines that stay, and below them what agents do now.
//!
//! Owns: the lines that move. Never: more of them than a small terminal has, or
//! longer ones than it is wide.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use smol_wf_core::event::Event;

use super::plain::line_of;
use super::text_of;
use crate::failure::talk;
use crate::screen;

/// Agents shown at work; the rest is a number.
const AGENTS_SHOWN_MAX: usize = 8;
/// Lines left free above the moving ones on a small terminal.
const LINES_FREE_MIN: u16 = 4;
/// How often the moving lines are drawn, and how often a second at the most.
const TICK: Duration = Duration::from_millis(120);
const DRAWS_A_SECOND_MAX: u8 = 20;
/// Columns of an agent's label, and of what it is doing.
const LABEL_COLUMNS: usize = 40;
const DOING_COLUMNS: usize = 48;
/// Columns of a moving line around its text: the spinner, and how long.
const AROUND_COLUMNS: usize = 16;

/// The moving lines of this process, while there are any. Whoever else writes to
/// the terminal goes around them.
static SHOWN: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Writes to the terminal with the moving lines out of the way.
pub(crate) fn around<T>(write: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(lines) => lines.suspend(write),
        None => write(),
    }
}

/// Takes the moving lines away for good.
pub(crate) fn take_away() {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(lines) = shown {
        let _ = lines.clear();
        lines.set_draw_target(ProgressDrawTarget::hidden());
    }
}

/// Shows nothing before its first event.
#[derive(Default)]
pub(crate) struct Live {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    screen: Option<Screen>,
    /// In the order in which they began.
    working: Vec<Working>,
    done: u64,
    failed: u64,
    phase: String,
}

struct Screen {
    lines: MultiProgress,
    summary: ProgressBar,
    rows_max: usize,
    columns: usize,
}

/// An agent at work, and its row if it has one.
struct Working {
    step: String,
    label: String,
    doing: String,
    since: Instant,
    row: Option<ProgressBar>,
}

impl Live {
    pub(crate) fn show(&self, event: &Event) {
        let Ok(mut state) = self.state.lock() else { return };
        let step = event.metadata.step_id.clone().unwrap_or_default();
        state.begin();
        match event.kind {
            "workflow.agent_started" => state.started(step, text_of(event, "label")),
            "workflow.agent_event" => {
                // Pieces of an answer say nothing by themselves.
                let is_text = text_of(event, "kind") == "text";
                state.does(&step, if is_text { "writing" } else { text_of(event, "text") });
            }
            "workflow.agent_completed" | "workflow.agent_failed" | "workflow.agent_parked" => {
                match event.kind {
                    "workflow.agent_completed" => state.done += 1,
                    "workflow.agent_failed" => state.failed += 1,
                    // It is made again when the run is resumed.
                    _ => {}
                }
                state.stopped(&step);
                stay(event);
            }
            "workflow.phase" => {
                state.phase = moving(text_of(event, "title"), LABEL_COLUMNS);
                stay(event);
            }
            _ => stay(event),
        }
        state.give_rows();
        state.summarise();
    }

    /// Takes the moving lines away. The next event brings them back.
    pub(crate) fn finish(&self) {
        if let Ok(mut state) = self.state.lock() {
            for row in state.working.drain(..).filter_map(|agent| agent.row) {
                row.finish_and_clear();
            }
            if let Some(screen) = state.screen.take() {
                screen.summary.finish_and_clear();
            }
        }
        take_away();
    }
}

fn stay(event: &Event) {
    if let Some(line) = line_of(event) {
        talk(&screen::one_line(&line));
    }
}

impl State {
    fn begin(&mut self) {
        if self.screen.is_some() {
            return;
        }
        let terminal = Box::new(Terminal(Term::buffered_stderr()));
        let target = ProgressDrawTarget::term_like_with_hz(terminal, DRAWS_A_SECOND_MAX);
        let lines = MultiProgress::with_draw_target(target);
        let (rows, columns) = size();
        let summary = lines.add(ProgressBar::new_spinner());
        summary.set_style(style("{spinner} {msg} ({elapsed})"));
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(lines.clone());
        self.screen = Some(Screen {
            lines,
            summary,
            rows_max: AGENTS_SHOWN_MAX.min(rows.saturating_sub(LINES_FREE_MIN).into()),
            columns: usize::from(columns).saturating_sub(AROUND_COLUMNS),
        });
        self.summarise();
        if let Some(screen) = &self.screen {
            screen.summary.enable_steady_tick(TICK);
        }
    }

    fn started(&mut self, step: String, label: &str) {
        let label = moving(label, LABEL_COLUMNS);
        let (doing, since, row) = (String::new(), Instant::now(), None);
        self.working.push(Working { step, label, doing, since, row });
    }

    fn does(&mut self, step: &str, doing: &str) {
        let Some(agent) = self.working.iter_mut().find(|agent| agent.step == step) else { return };
        let doing = format!(" » {}", moving(doing, DOING_COLUMNS));
        if agent.doing != doing {
            agent.doing = doing;
            // How long it has been doing this.
            agent.since = Instant::now();
            if let (Some(row), Some(screen)) = (&agent.row, &self.screen) {
                row.set_message(agent.text(screen.columns));
                row.reset_elapsed();
            }
        }
    }

    fn stopped(&mut self, step: &str) {
        let Some(at) = self.working.iter().position(|agent| agent.step == step) else { return };
        if let (Some(row), Some(screen)) = (self.working.remove(at).row, &self.screen) {
            row.finish_and_clear();
            screen.lines.remove(&row);
        }
    }

    /// A row that is free goes to the agent that has waited for one the longest.
    fn give_rows(&mut self) {
        let Some(screen) = &self.screen else { return };
        let used = self.working.iter().filter(|agent| agent.row.is_some()).count();
        let waiting = self.working.iter_mut().filter(|agent| agent.row.is_none());
        for agent in waiting.take(screen.rows_max.saturating_sub(used)) {
            let row = ProgressBar::new_spinner().with_elapsed(agent.since.elapsed());
            let row = screen.lines.add(row);
            row.set_style(style("  {spinner} {msg} {elapsed}"));
            row.set_message(agent.text(screen.columns));
            row.enable_steady_tick(TICK);
            agent.row = Some(row);
        }
    }

    fn summarise(&self) {
        let Some(screen) = &self.screen else { return };
        let phase =
            if self.phase.is_empty() { String::new() } else { format!("{} · ", self.phase) };
        let failed =
            if self.failed == 0 { String::new() } else { format!(", {} failed", self.failed) };
        let message = format!("{phase}{} running, {} done{failed}", self.working.len(), self.done);
        screen.summary.set_message(screen::cut(&message, screen.columns));
    }
}

impl Working {
    fn text(&self, columns: usize) -> String {
        screen::cut(&format!("{}{}", self.label, self.doing), columns)
    }
}

/// A template of this file; one that does not parse falls back to plain text.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Rows and columns of the terminal.
fn size() -> (u16, u16) {
    const UNKNOWN: (u16, u16) = (24, 80);
    Term::stderr().size_checked().unwrap_or(UNKNOWN)
}

/// Text for a line that moves. What changes the character before it is left out:
/// terminals do not agree on how wide the two are, and a line that is wider or
/// narrower than it was taken for spoils those below.
fn moving(text: &str, columns_max: usize) -> String {
    let disputed = |character| matches!(character, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    let text: String = text.chars().filter(|&character| !disputed(character)).collect();
    screen::cut(&screen::one_line(&text), columns_max)
}

/// One that has gone shows nothing, and the run goes on: nothing here fails.
#[derive(Debug)]
struct Terminal(Term);

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.0.size().1
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        shown(self.0.move_cursor_up(n))
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        shown(self.0.move_cursor_down(n))
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        shown(self.0.move_cursor_right(n))
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        shown(self.0.move_cursor_left(n))
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        shown(self.0.write_line(text))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        shown(self.0.write_str(text))
    }

    fn clear_line(&self) -> io::Result<()> {
        shown(self.0.clear_line())
    }

    fn flush(&self) -> io::Result<()> {
        // The last line fills the terminal: what the user types would be shown
        // on the next one, and everything would stand one line too low.
        let _ = self.0.write_str("\r");
        shown(self.0.flush())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the trait wants a result")]
fn shown(_written: io::Result<()>) -> io::Result<()> {
    Ok(())
}
