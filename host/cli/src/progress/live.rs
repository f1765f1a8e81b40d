//! Progress on a terminal: lines that stay, and below them the run as it stands.
//!
//! Owns: what is shown when, and the time of the run. Never: the text of the moving
//! lines, or drawing them; the thread of stderr asks for them when it draws.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use smol_wf_core::event::{Event, EventData};
use smol_wf_core::view::RunView;

use super::plain::line_of;
use super::tree::{self, Frame};
use crate::humanize::plural;
use crate::streams::{self, Moving};
use crate::{failure, sanitize};

/// Most lines of progress that are kept while a prompt is on the screen; `history` has all.
const LINES_HELD_MAX: usize = 500;

/// The moving lines of a run; empty before the first event.
#[derive(Default)]
pub(crate) struct Live {
    state: Mutex<State>,
}

/// What the moving lines show.
struct State {
    view: RunView,
    /// A moment, and how many milliseconds the run was old then.
    moment: Option<(Instant, u64)>,
    /// How old it was when it was shown first, in milliseconds.
    began_ms: u64,
    is_shown: bool,
    /// Lines of progress that wait while a prompt is on the screen.
    held: Option<Held>,
}

impl Default for State {
    fn default() -> Self {
        let view = RunView::brief();
        Self { view, moment: None, began_ms: 0, is_shown: false, held: None }
    }
}

/// Lines of progress that wait.
#[derive(Default)]
struct Held {
    lines: Vec<String>,
    left_out: usize,
}

impl Live {
    /// Takes in an event that an earlier process has shown.
    pub(crate) fn replay(&self, event: &Event) {
        let mut state = self.state();
        if event.seq == 1 {
            // This process takes the run up once more.
            state.view = RunView::brief();
        }
        state.view.apply(event);
    }

    /// Updates the moving lines with an event, and prints its line above them. The run
    /// is `age_ms` old now.
    pub(crate) fn show(self: &Arc<Self>, event: &Event, age_ms: u64) {
        let mut state = self.state();
        if !state.is_shown {
            state.is_shown = true;
            if state.held.is_none() {
                streams::set_moving(Some(self.clone()));
            }
        }
        if state.moment.is_none() {
            state.began_ms = event.elapsed_nanos / 1_000_000;
        }
        if state.age_ms() < age_ms || state.moment.is_none() {
            state.moment = Some((Instant::now(), age_ms));
        }
        state.view.apply(event);
        let changes_a_line =
            matches!(event.data, EventData::AgentStarted(_) | EventData::AgentEvent { .. });
        let line = if changes_a_line { None } else { line_of(event) };
        let Some(line) = line.map(|line| sanitize::one_line(&line)) else { return };
        match &mut state.held {
            Some(held) if held.lines.len() < LINES_HELD_MAX => held.lines.push(line),
            Some(held) => held.left_out += 1,
            None => {
                drop(state);
                failure::print_progress(&line);
            }
        }
    }

    /// Keeps all lines back until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.state().held.get_or_insert_default();
        streams::set_moving(None);
    }

    /// Prints what was kept back, and shows the moving lines again.
    pub(crate) fn release(self: &Arc<Self>) {
        let mut state = self.state();
        let held = state.held.take().unwrap_or_default();
        if state.is_shown {
            streams::set_moving(Some(self.clone()));
        }
        drop(state);
        held.lines.iter().for_each(|line| failure::print_progress(line));
        if held.left_out > 0 {
            let left_out = plural(held.left_out, "line");
            failure::print_progress(&format!("… {left_out} of progress left out here"));
        }
    }

    /// Removes the moving lines; the next event shows them again.
    pub(crate) fn finish(&self) {
        self.state().is_shown = false;
        streams::set_moving(None);
    }

    /// The state, also after a panic of another holder.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moving for Live {
    fn lines(&self, rows: usize, columns: usize) -> Vec<String> {
        let state = self.state();
        // The last column stays free: some terminals wrap a line that fills it.
        let columns = columns.saturating_sub(1);
        let frame = Frame { rows, columns, now_ms: state.age_ms(), began_ms: state.began_ms };
        tree::lines(&state.view, frame)
    }
}

impl State {
    /// How old the run is, in milliseconds.
    fn age_ms(&self) -> u64 {
        self.moment.map_or(0, |(at, age_ms)| {
            let since_ms = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
            age_ms.saturating_add(since_ms)
        })
    }
}
