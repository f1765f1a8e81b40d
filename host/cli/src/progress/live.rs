//! Progress on a terminal: lines that stay, and below them the agents at work.
//!
//! Owns: the text of the moving lines. Never: draws them; the thread of stderr
//! asks for them when it draws.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smol_wf_core::event::{AgentEnded, Event, EventData};
use smol_wf_core::step_request::Usage;

use super::plain::line_of;
use crate::humanize::{count, dollars, plural};
use crate::streams::{self, Moving};
use crate::{failure, sanitize};

/// Most agents with a line of their own; the rest is a number.
const AGENTS_SHOWN_MAX: usize = 8;
/// Lines left free on a small terminal, including the line with the totals.
const LINES_FREE_MIN: usize = 4;
/// Below this width the totals leave out the phase and the tokens.
const COLUMNS_NARROW: usize = 60;
/// Most columns of an agent's label, and of its activity.
const LABEL_COLUMNS: usize = 40;
/// Most columns of its activity.
const DOING_COLUMNS: usize = 48;
/// Most lines of progress that are kept while a prompt is on the screen; `history` has all.
const LINES_HELD_MAX: usize = 500;
/// The spinner's characters, one per step; a frozen screen is then visible.
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// Time of one character, in milliseconds.
const SPINNER_STEP_MS: u128 = 120;

/// The moving lines of a run; empty before the first event.
#[derive(Default)]
pub(crate) struct Live {
    state: Mutex<State>,
}

/// What the moving lines show.
#[derive(Default)]
struct State {
    began: Option<Instant>,
    is_shown: bool,
    /// Lines of progress that wait while a prompt is on the screen.
    held: Option<Held>,
    /// Agents at work, in the order of their start.
    working: Vec<WorkingAgent>,
    /// Agents that wait for room.
    queued: usize,
    done: u64,
    failed: u64,
    /// Tokens of all agents that have ended, read and written.
    tokens: u64,
    /// Their dollars, as far as they are known.
    cost_usd: f64,
    phase: String,
}

/// Lines of progress that wait.
#[derive(Default)]
struct Held {
    lines: Vec<String>,
    left_out: usize,
}

/// An agent at work.
struct WorkingAgent {
    step: String,
    label: String,
    /// Its last activity; empty before the first.
    doing: String,
    /// When that activity began, or the agent if there was none.
    since: Instant,
}

impl Live {
    /// Updates the moving lines with an event that happened at this time, and prints its
    /// line above them.
    pub(crate) fn show(self: &Arc<Self>, event: &Event, at: Instant) {
        let mut state = self.state();
        if !state.is_shown {
            state.is_shown = true;
            state.began.get_or_insert(at);
            if state.held.is_none() {
                streams::set_moving(Some(self.clone()));
            }
        }
        state.apply(event, at);
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

    /// Sets the number of agents that wait for room.
    pub(crate) fn queued(&self, agents: usize) {
        self.state().queued = agents;
    }

    /// Removes the moving lines; the next event shows them again.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        state.working.clear();
        state.is_shown = false;
        streams::set_moving(None);
    }

    /// The state, also after a panic of another holder.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moving for Live {
    fn lines(&self, rows: usize, columns: usize) -> Vec<String> {
        self.state().lines(rows, columns.saturating_sub(1), Instant::now())
    }
}

impl State {
    /// Updates the agents and the totals with an event.
    fn apply(&mut self, event: &Event, at: Instant) {
        let step = event.metadata.step_id.clone().unwrap_or_default();
        match &event.data {
            EventData::AgentStarted(agent) => {
                let label = fit_moving_line(&agent.label, LABEL_COLUMNS);
                let (doing, since) = (String::new(), at);
                self.working.push(WorkingAgent { step, label, doing, since });
            }
            EventData::AgentEvent { kind, text } => {
                // Fragments of an answer are not worth showing.
                self.set_activity(&step, if kind == "text" { "writing" } else { text }, at);
            }
            EventData::AgentCompleted(done) => {
                self.done += 1;
                self.remove_ended(&step, &done.agent);
            }
            EventData::AgentFailed(failed) => {
                self.failed += 1;
                self.remove_ended(&step, &failed.agent);
            }
            // The step runs again when the run is resumed.
            EventData::AgentParked(parked) => {
                self.add_usage(Some(parked.usage), None);
                self.working.retain(|agent| agent.step != step);
            }
            // What an earlier process had at work is over, and begins anew.
            EventData::Resumed { .. } | EventData::Stopped(_) => self.working.clear(),
            EventData::Phase { title } => self.phase = fit_moving_line(title, LABEL_COLUMNS),
            _ => {}
        }
    }

    /// Removes an agent that has ended, and adds its usage.
    fn remove_ended(&mut self, step: &str, agent: &AgentEnded) {
        // A reused answer costs nothing in this run.
        if agent.reused.is_none() {
            self.add_usage(agent.usage, agent.cost_usd);
        }
        self.working.retain(|agent| agent.step != step);
    }

    /// Adds tokens and dollars, as far as they are known.
    fn add_usage(&mut self, usage: Option<Usage>, cost_usd: Option<f64>) {
        let tokens = usage.map_or(0, |usage| usage.output_tokens);
        self.tokens = self.tokens.saturating_add(tokens);
        self.cost_usd += cost_usd.unwrap_or_default();
    }

    /// Shows what the agent of a step is doing.
    fn set_activity(&mut self, step: &str, doing: &str, at: Instant) {
        let Some(agent) = self.working.iter_mut().find(|agent| agent.step == step) else { return };
        let doing = fit_moving_line(doing, DOING_COLUMNS);
        if agent.doing != doing {
            agent.doing = doing;
            // The time of the current activity starts anew.
            agent.since = at;
        }
    }

    /// The moving lines at the time `now`: the totals, then one line per agent.
    fn lines(&self, rows: usize, columns: usize, now: Instant) -> Vec<String> {
        let took = now.saturating_duration_since(self.began.unwrap_or(now));
        let step = took.as_millis() / SPINNER_STEP_MS;
        let spinner = SPINNER[usize::try_from(step).unwrap_or_default() % SPINNER.len()];
        let mut lines =
            vec![sanitize::cut(&format!("{spinner} {}", self.totals(took, columns)), columns)];
        let (shown, has_more) = self.rows(rows);
        for agent in &self.working[..shown] {
            lines.push(agent.line(spinner, columns, now));
        }
        if has_more {
            let more = format!("    +{} more", self.working.len() - shown);
            lines.push(sanitize::cut(&more, columns));
        }
        lines
    }

    /// How many agents get a line, and whether one line counts the rest.
    fn rows(&self, rows: usize) -> (usize, bool) {
        let lines_max = rows.saturating_sub(LINES_FREE_MIN);
        let agents = self.working.len();
        match lines_max {
            _ if agents <= lines_max.min(AGENTS_SHOWN_MAX) => (agents, false),
            // The totals have their number.
            0 | 1 => (lines_max, false),
            _ => ((lines_max - 1).min(AGENTS_SHOWN_MAX), true),
        }
    }

    /// The line of totals: phase, counts, tokens, dollars and time.
    fn totals(&self, took: Duration, columns: usize) -> String {
        let mut text = String::new();
        let is_narrow = columns < COLUMNS_NARROW;
        if !self.phase.is_empty() && !is_narrow {
            text = format!("{} · ", self.phase);
        }
        text.push_str(&format!("{} running, ", self.working.len()));
        if self.queued > 0 {
            text.push_str(&format!("{} queued, ", count(self.queued as u64)));
        }
        text.push_str(&format!("{} done", count(self.done)));
        if self.failed > 0 {
            text.push_str(&format!(", {} failed", count(self.failed)));
        }
        if self.tokens > 0 && !is_narrow {
            text.push_str(&format!(" · {}", plural(count(self.tokens), "token")));
        }
        if self.cost_usd > 0.0 {
            text.push_str(&format!(" · {}", dollars(self.cost_usd)));
        }
        format!("{text} ({})", seconds(took))
    }
}

impl WorkingAgent {
    /// The line of an agent: label, activity and its time.
    fn line(&self, spinner: char, columns: usize, now: Instant) -> String {
        let took = seconds(now.saturating_duration_since(self.since));
        let doing =
            if self.doing.is_empty() { String::new() } else { format!(" » {}", self.doing) };
        // The time stays visible when the rest is cut.
        let around = 5 + took.len();
        let text = sanitize::cut(&format!("{}{doing}", self.label), columns.saturating_sub(around));
        sanitize::cut(&format!("  {spinner} {text} {took}"), columns)
    }
}

/// `5s`, `3m05s`, `2h05m`.
fn seconds(took: Duration) -> String {
    match took.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// Text for a moving line. Variation selectors and skin tones are removed:
/// terminals disagree about the width of such pairs, and a wrong width breaks the
/// lines below.
fn fit_moving_line(text: &str, columns_max: usize) -> String {
    let disputed = |character| matches!(character, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
    let text: String = text.chars().filter(|&character| !disputed(character)).collect();
    sanitize::cut(&sanitize::one_line(&text), columns_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_work(agents: usize) -> State {
        let now = Instant::now();
        let working = (0..agents).map(|number| WorkingAgent {
            step: number.to_string(),
            label: format!("agent number {number}"),
            doing: "bash npm test".to_owned(),
            since: now,
        });
        State {
            began: Some(now),
            working: working.collect(),
            queued: 1_200,
            done: 5,
            failed: 1,
            tokens: 12_345,
            cost_usd: 0.4217,
            phase: "Review".to_owned(),
            ..State::default()
        }
    }

    #[test]
    fn sums_name_queue_tokens_and_dollars_and_the_rest_is_a_number() {
        let state = at_work(12);
        let now = state.began.unwrap() + Duration::from_secs(65);
        let lines = state.lines(45, 120, now);
        assert_eq!(
            lines[0],
            "⠙ Review · 12 running, 1,200 queued, 5 done, 1 failed · 12,345 tokens · $0.42 (1m05s)"
        );
        assert_eq!(lines.len(), 10);
        assert!(lines[1].ends_with("agent number 0 » bash npm test 1m05s"), "{}", lines[1]);
        assert_eq!(lines[9], "    +4 more");
    }

    #[test]
    fn what_an_earlier_process_had_at_work_is_not_shown() {
        let mut state = at_work(3);
        let metadata = smol_wf_core::event::Metadata {
            run_id: smol_wf_core::ids::RunId::from_bits(1),
            step_id: None,
            provider: None,
            session_id: None,
            workflow_depth: 0,
            parent_step_id: None,
        };
        let data = EventData::Resumed { attempt: 2, budget: None };
        state.apply(&Event { seq: 9, elapsed_nanos: 0, metadata, data }, Instant::now());
        assert!(state.working.is_empty());
    }

    #[test]
    fn no_terminal_is_too_small() {
        for agents in [0, 1, 3, 12] {
            let state = at_work(agents);
            for (rows, columns) in [(0, 0), (1, 1), (2, 5), (5, 20), (7, 40), (24, 80)] {
                let lines = state.lines(rows, columns, state.began.unwrap());
                assert!(lines.len() <= 1 + rows.saturating_sub(LINES_FREE_MIN), "{lines:?}");
                for line in &lines {
                    assert!(sanitize::columns(line) <= columns.max(1), "{columns}: {line}");
                }
            }
        }
        assert_eq!(at_work(3).lines(5, 19, Instant::now()).len(), 2);
    }
}
