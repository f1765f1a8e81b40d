//! The lines at the top: the run, its state, and its sums.
//!
//! Owns: which facts are there at which width. Never: a sum; the view has them.

use ratatui::text::Line;
use smol_wf_core::budget::Allowance;
use smol_wf_core::view::{RunStatus, StepState};

use super::line::{Row, role_of};
use crate::humanize::{count, dollars, price, short_count, short_time};
use crate::tui::app::{App, Origin};
use crate::tui::player::Pace;
use crate::tui::text;
use crate::tui::theme::{Role, Sign};

/// The states with a number of their own, in the order of their urgency.
const COUNTED: [StepState; 9] = [
    StepState::Failed,
    StepState::Null,
    StepState::Waiting,
    StepState::Working,
    StepState::Queued,
    StepState::Sleeping,
    StepState::Parked,
    StepState::Stopped,
    StepState::Reused,
];

/// The two lines.
pub(super) fn lines(app: &App, width: usize, now_ms: u64) -> Vec<Line<'static>> {
    vec![first(app, width, now_ms), second(app, width)]
}

fn first(app: &App, width: usize, now_ms: u64) -> Line<'static> {
    let facts = app.view.facts();
    let mut row = Row::new(app.theme, width);
    let (role, state) = state(app);
    row.put(role, &format!(" {state}"));
    row.put(Role::Plain, "  ");
    let name = if facts.name.is_empty() { "run" } else { &facts.name };
    row.put_foreign(Role::Strong, name);
    row.put(Role::Plain, &format!("  {}", short_time(elapsed(app, now_ms))));
    if let Some(by) = &facts.pausing {
        row.put_foreign(Role::Waiting, &format!("  stops, for {by}"));
    }
    if let Some(run) = facts.run.as_ref().or(app.run()) {
        row.put_whole(Role::Faint, &format!("  {run}"));
    }
    row.line()
}

/// How long the run has taken: until it ended, if it did.
fn elapsed(app: &App, now_ms: u64) -> u64 {
    let facts = app.view.facts();
    let until = match facts.status {
        RunStatus::Running | RunStatus::NotStarted => now_ms,
        _ => facts.status_ms,
    };
    until.saturating_sub(facts.started_ms.unwrap_or(0))
}

/// The state of the run in a few words.
fn state(app: &App) -> (Role, String) {
    let facts = app.view.facts();
    let (mut role, mut word) = match &facts.status {
        RunStatus::NotStarted => (Role::Faint, "not started".to_owned()),
        RunStatus::Running => (Role::Working, "running".to_owned()),
        RunStatus::Interrupted => (Role::Failed, "interrupted".to_owned()),
        RunStatus::Completed => (Role::Done, "completed".to_owned()),
        RunStatus::Failed => (Role::Failed, "failed".to_owned()),
        other => (Role::Waiting, format!("stopped: {}", other.word().replace('_', " "))),
    };
    match app.origin {
        Origin::Live { is_gone: true, .. } => (role, word) = (Role::Failed, "gone".to_owned()),
        Origin::Live { .. } => {}
        Origin::Replay { pace, is_over, is_damaged } => {
            let playing = match (is_damaged, is_over, pace) {
                (true, ..) => "damaged",
                (_, true, _) => "end",
                (_, _, Pace::Halted) => "halted",
                (_, _, Pace::Playing | Pace::ToEnd) => "playing",
            };
            word = format!("replay, {playing}: {word}");
        }
    }
    let sign = match role {
        Role::Done => Sign::Done,
        Role::Failed => Sign::Failed,
        Role::Working => Sign::Working,
        _ => Sign::Queued,
    };
    (role, format!("{} {word}", app.theme.sign(sign)))
}

/// Numbers of steps, tokens and dollars. Where it is narrow the last states go first.
fn second(app: &App, width: usize) -> Line<'static> {
    let root = &app.view.tree().root().counts;
    let dot = app.theme.sign(Sign::Dot);
    let mut row = Row::new(app.theme, width);
    let (over, all) = (root.steps.over(), root.steps.total());
    let steps = format!(" {}/{} steps", count(over.into()), count(all.into()));
    row.put(Role::Plain, &steps);
    if app.view.unlisted() > 0 {
        row.put(Role::Waiting, " (more are not listed)");
    }
    let spent: Vec<String> = [tokens(app), money(app)].into_iter().flatten().collect();
    let spent: String = spent.iter().map(|part| format!(" {dot} {part}")).collect();
    let mut states = Row::new(app.theme, row.room().saturating_sub(text::columns(&spent)));
    for state in COUNTED {
        let number = root.steps.get(state);
        let part = format!("{} {}", count(number.into()), state.word());
        if number > 0 && text::columns(&part) + 3 <= states.room() {
            states.put(Role::Plain, &format!(" {dot} "));
            states.put(role_of(state), &part);
        }
    }
    row.append(states);
    row.put_whole(Role::Plain, &spent);
    row.line()
}

fn tokens(app: &App) -> Option<String> {
    let usage = app.view.tree().root().counts.usage;
    let (read, written) = (usage.input_tokens, usage.output_tokens);
    (read + written > 0).then(|| format!("{} in {} out", short_count(read), short_count(written)))
}

/// What was spent, and of how much.
fn money(app: &App) -> Option<String> {
    let root = &app.view.tree().root().counts;
    let spent = root.cost_usd();
    match app.view.facts().budget {
        Some(Allowance::UsdMicros(most)) => {
            #[expect(clippy::cast_precision_loss, reason = "money that is shown")]
            let most = most as f64 / 1e6;
            Some(format!("{} of {}", dollars(spent), dollars(most)))
        }
        Some(Allowance::OutputTokens(most)) => {
            let written = root.usage.output_tokens;
            Some(format!("{} of {} tokens", short_count(written), short_count(most)))
        }
        None => Some(price(spent)).filter(|price| !price.is_empty()),
    }
}
