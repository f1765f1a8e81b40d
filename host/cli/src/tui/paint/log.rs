//! The log: what scripts said, and what happened.
//!
//! Owns: the words of a line. Never: which lines there are; the view has them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use smol_wf_core::view::{Level, LogKind, LogLine, RunView};

use super::line::Row;
use crate::ask_words::{answered_words, withdrawn_words};
use crate::humanize::count;
use crate::message_words::message_words;
use crate::tui::app::{App, Pane};
use crate::tui::detail::time;
use crate::tui::theme::Role;

pub(super) fn draw(app: &mut App, frame: &mut Frame<'_>, area: Rect) {
    let filter = app.tree.filter();
    let is_searched = !filter.text().is_empty();
    let number = if is_searched {
        let view = &app.view;
        app.log_search.look(view.log(), &filter, |line| said(view, line))
    } else {
        app.view.log().lines().len()
    };
    let log = app.view.log();
    let mut title = format!("3 log {}", count(number as u64));
    if log.dropped() > 0 {
        title.push_str(&format!(", {} earlier ones left out", count(log.dropped())));
    }
    let (width, height) =
        (usize::from(area.width.saturating_sub(2)), usize::from(area.height.saturating_sub(2)));
    let top = app.log.top(number, height);
    if !app.log.follows {
        title.push_str(", scrolled");
    }
    let inside = super::pane(app, Pane::Log, vec![Span::raw(title)], frame, area);
    let log = app.view.log();
    let place = |at: usize| if is_searched { app.log_search.place(log, at) } else { Some(at) };
    let shown = (top..number.min(top + height)).filter_map(|at| log.lines().get(place(at)?));
    let lines: Vec<Line<'static>> = shown.map(|line| drawn(app, line, width)).collect();
    frame.render_widget(Paragraph::new(lines), inside);
}

fn drawn(app: &App, line: &LogLine, width: usize) -> Line<'static> {
    let mut row = Row::new(app.theme, width);
    row.put(Role::Faint, &format!("{:>7} ", time(line.at_ms)));
    if let Some(step) = line.step.as_ref().filter(|step| step.len() <= 8) {
        row.put_foreign(Role::Faint, &format!("#{step} "));
    }
    let role = match line.kind.level() {
        Level::Error => Role::Failed,
        Level::Warn => Role::Waiting,
        Level::Info if line.kind == LogKind::Script => Role::Plain,
        Level::Info => Role::Faint,
    };
    row.put_foreign(role, &said(&app.view, line));
    row.line()
}

/// What a line says.
fn said(view: &RunView, line: &LogLine) -> String {
    let text = &line.text;
    match line.kind {
        LogKind::Script => text.clone(),
        LogKind::Warning => format!("warning: {text}"),
        LogKind::Phase => format!("phase {text}"),
        LogKind::Child => format!("workflow {text}"),
        LogKind::AgentFailed => format!("failed: {text}"),
        LogKind::AgentParked => format!("parked: {text}"),
        LogKind::ChildFailed => format!("workflow failed: {text}"),
        LogKind::SlotNull => format!("null: {text}"),
        LogKind::AskOpened => format!("asks: {text}"),
        LogKind::AskSettled => answered_words(text, line.by.as_deref()),
        LogKind::AskFailed => format!("failed: {text}"),
        LogKind::AskWithdrawn => withdrawn_words(text),
        LogKind::Message | LogKind::MessageRefused | LogKind::Told | LogKind::ToldTooLate => {
            of_message(view, line)
        }
        LogKind::Worktree => format!("worktree kept: {text}"),
        LogKind::Forked => format!("fork of {text}"),
        LogKind::Resumed => format!("resumed (start {text})"),
        LogKind::Stopped => format!("stopped: {text}"),
        LogKind::Completed => "completed".to_owned(),
        LogKind::Failed => format!("failed: {text}"),
        _ => text.clone(),
    }
}

/// A message from outside: who posted it, whether it had an effect, and the text that an
/// agent gets.
fn of_message(view: &RunView, line: &LogLine) -> String {
    let number = line.message.map_or_else(String::new, |number| format!(" {number}"));
    let by = line.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
    let text = &line.text;
    match line.kind {
        LogKind::Told => format!("the agent has message{number}{by}: {text}"),
        LogKind::ToldTooLate => format!("message{number}{by} came too late: {text}"),
        _ => match line.message.and_then(|number| view.message(number)) {
            Some(message) => {
                let said = message.event.text.as_ref();
                let said = said.map_or_else(String::new, |said| format!(": {said}"));
                let is_other = message.event.message.as_ref().is_some_and(|word| word != "message");
                let what = if is_other { "" } else { "message " };
                format!("{what}{}{said}", message_words(&message.event))
            }
            None => format!("message {text}{by}"),
        },
    }
}
