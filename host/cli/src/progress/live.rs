//! Progress on a terminal: lines that stay, and below them what agents do now.
//!
//! Owns: the lines that move. Never: more of them than a small terminal has.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use smol_wf_core::event::Event;

use super::plain::line_of;
use super::text_of;
use crate::screen;

/// Agents shown at work; the rest is a number.
const AGENTS_SHOWN_MAX: usize = 8;
/// Lines left free above the moving ones on a small terminal.
const LINES_FREE_MIN: u16 = 4;
/// How often the moving lines are drawn.
const TICK: Duration = Duration::from_millis(120);

pub(crate) struct Live {
    lines: MultiProgress,
    state: Mutex<State>,
}

struct State {
    summary: ProgressBar,
    bars: HashMap<String, ProgressBar>,
    working: usize,
    done: u64,
    failed: u64,
    phase: String,
    shown_max: usize,
}

impl Live {
    pub(crate) fn new() -> Self {
        let lines = MultiProgress::new();
        let summary = lines.add(ProgressBar::new_spinner());
        summary.set_style(style("{spinner} {msg} ({elapsed})"));
        summary.enable_steady_tick(TICK);
        let rows = console_rows().saturating_sub(LINES_FREE_MIN);
        let state = State {
            summary,
            bars: HashMap::new(),
            working: 0,
            done: 0,
            failed: 0,
            phase: String::new(),
            shown_max: AGENTS_SHOWN_MAX.min(rows.into()),
        };
        Self { lines, state: Mutex::new(state) }
    }

    /// A line that stays.
    pub(crate) fn line(&self, text: &str) {
        // A terminal that has gone shows nothing; the run goes on.
        let _ = self.lines.println(screen::one_line(text));
    }

    pub(crate) fn show(&self, event: &Event) {
        let Ok(mut state) = self.state.lock() else { return };
        let step = event.metadata.step_id.clone().unwrap_or_default();
        match event.kind {
            "workflow.agent_started" => {
                state.working += 1;
                if state.bars.len() < state.shown_max {
                    let bar = self.lines.add(ProgressBar::new_spinner());
                    bar.set_style(style("  {spinner} {prefix} {msg} ({elapsed})"));
                    bar.set_prefix(screen::cut(&screen::one_line(text_of(event, "label")), 40));
                    bar.enable_steady_tick(TICK);
                    state.bars.insert(step, bar);
                }
            }
            "workflow.agent_event" => {
                if let Some(bar) = state.bars.get(&step) {
                    bar.set_message(screen::cut(&screen::one_line(text_of(event, "text")), 48));
                }
            }
            "workflow.agent_completed" | "workflow.agent_failed" => {
                // Nobody was set to work for an answer that was there already.
                if event.data.get("reused").is_none() {
                    state.working = state.working.saturating_sub(1);
                }
                if event.kind == "workflow.agent_failed" {
                    state.failed += 1;
                } else {
                    state.done += 1;
                }
                if let Some(bar) = state.bars.remove(&step) {
                    bar.finish_and_clear();
                    self.lines.remove(&bar);
                }
                self.stay(event);
            }
            "workflow.phase" => {
                state.phase = screen::cut(&screen::one_line(text_of(event, "title")), 40);
                self.stay(event);
            }
            _ => self.stay(event),
        }
        state.summarise();
    }

    pub(crate) fn finish(&self) {
        if let Ok(mut state) = self.state.lock() {
            for (_, bar) in state.bars.drain() {
                bar.finish_and_clear();
            }
            state.summary.finish_and_clear();
        }
        let _ = self.lines.clear();
    }

    fn stay(&self, event: &Event) {
        if let Some(line) = line_of(event) {
            self.line(&line);
        }
    }
}

impl State {
    fn summarise(&self) {
        let phase =
            if self.phase.is_empty() { String::new() } else { format!("{} · ", self.phase) };
        let failed =
            if self.failed == 0 { String::new() } else { format!(", {} failed", self.failed) };
        let message = format!("{phase}{} running, {} done{failed}", self.working, self.done);
        self.summary.set_message(message);
    }
}

/// A template of this file; one that does not parse falls back to plain text.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn console_rows() -> u16 {
    const ROWS_UNKNOWN: u16 = 24;
    console::Term::stderr().size_checked().map_or(ROWS_UNKNOWN, |(rows, _)| rows)
}
