//! The last line: what the keys do here, or what was done.
//!
//! Owns: which keys are worth naming at the moment. Never: a key; the table has them.

use std::time::Instant;

use ratatui::text::Line;

use super::line::Row;
use crate::tui::app::{App, Origin, Pane};
use crate::tui::keys::{Action, binding_of};
use crate::tui::mode::Mode;
use crate::tui::player::Pace;
use crate::tui::theme::Role;

pub(super) fn line(app: &App, width: usize, now: Instant) -> Line<'static> {
    let mut row = Row::new(app.theme, width);
    row.put(Role::Plain, " ");
    if let Some(note) = app.noted(now) {
        let role = if note.is_error { Role::Failed } else { Role::Strong };
        row.put_foreign(role, &note.text);
        return row.line();
    }
    let actions = match app.mode {
        Mode::Browse | Mode::Opening(_) => actions(app),
        Mode::Help(_) => {
            row.put(Role::Faint, "up and down scroll; any other key goes back");
            return row.line();
        }
        _ => {
            row.put(Role::Faint, "Esc: back");
            return row.line();
        }
    };
    for (action, word) in actions {
        let Some(binding) = binding_of(action) else { continue };
        let word = word.unwrap_or(binding.word);
        let name = if app.theme.is_ascii { binding.ascii_name() } else { binding.name() };
        if row.room() > name.len() + word.len() + 2 {
            row.put(Role::Key, name);
            row.put(Role::Faint, &format!(" {word}  "));
        }
    }
    row.line()
}

/// The keys for what is selected, the most useful first. A word in place of the table's.
fn actions(app: &App) -> Vec<(Action, Option<&'static str>)> {
    let mut actions = vec![(Action::Help, None), (Action::Quit, None)];
    match &app.origin {
        Origin::Replay { is_over: true, .. } => {}
        Origin::Replay { pace, .. } => {
            let word = if *pace == Pace::Halted { "play" } else { "halt" };
            actions.extend([
                (Action::Play, Some(word)),
                (Action::Next, None),
                (Action::ToEnd, None),
            ]);
        }
        Origin::Live { is_held, .. } if app.is_open() => {
            if app.question().is_some() {
                actions.push((Action::Answer, None));
            }
            if app.open_step().is_some() {
                actions.push((Action::Stop, None));
            }
            if app.restartable().is_some() {
                actions.push((Action::Restart, None));
                actions.push((Action::Tell, None));
            }
            actions.push((Action::Pause, (!is_held).then_some("go on")));
        }
        Origin::Live { .. } => {}
    }
    match app.focus {
        Pane::Tree => {
            actions.extend([(Action::In, None), (Action::Search, None), (Action::NextState, None)])
        }
        Pane::Detail => {
            let word = if app.detail.is_raw { "pretty" } else { "raw" };
            actions.extend([(Action::Raw, Some(word)), (Action::Copy, None)]);
        }
        Pane::Log => actions.push((Action::Search, None)),
    }
    actions.extend([(Action::Follow, None), (Action::NextPane, None), (Action::Save, None)]);
    if app.is_open() {
        actions.push((Action::Raise, None));
    }
    actions
}
