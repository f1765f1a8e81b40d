//! The log: what scripts said, and what happened.
//!
//! Owns: the words of a line. Never: which lines there are; the view has them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use smol_wf_core::view::{Level, LogKind, LogLine, RunView};

use super::line::Row;
use crate::humanize::count;
use crate::tui::app::{App, Pane};
use crate::tui::detail::time;
use crate::tui::theme::Role;

pub(super) fn draw(app: &mut App, frame: &mut Frame<'_>, area: Rect) {
    let filter = app.tree.filter();
    let is_searched = !filter.text().is_empty();
    let log = app.view.log();
    let fitting: Vec<usize> = if is_searched {
        let fits = |line: &LogLine| filter.is_in(&said(&app.view, line));
        (0..log.lines().len()).filter(|at| log.lines().get(*at).is_some_and(fits)).collect()
    } else {
        Vec::new()
    };
    let number = if is_searched { fitting.len() } else { log.lines().len() };
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
    let place = |at: usize| if is_searched { fitting.get(at).copied() } else { Some(at) };
    let shown =
        (top..number.min(top + height)).filter_map(|at| app.view.log().lines().get(place(at)?));
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
        LogKind::AskSettled => format!("answered: {text}"),
        LogKind::Message => of_message(view, line),
        LogKind::Worktree => format!("worktree kept: {text}"),
        LogKind::Forked => format!("fork of {text}"),
        LogKind::Resumed => format!("resumed, epoch {text}"),
        LogKind::Stopped => format!("stopped: {text}"),
        LogKind::Completed => "completed".to_owned(),
        LogKind::Failed => format!("failed: {text}"),
        _ => text.clone(),
    }
}

/// A message from outside, with who posted it and whether it had an effect.
fn of_message(view: &RunView, line: &LogLine) -> String {
    let is_it =
        |at: u64, word: Option<&str>| at == line.at_ms && word.unwrap_or_default() == line.text;
    let found = view.messages().iter().find(|(at, one)| is_it(*at, one.message.as_deref()));
    let Some((_, message)) = found else { return format!("message {}", line.text) };
    let word = message.message.as_deref().unwrap_or("message of a newer program");
    let step = message.step.map_or_else(String::new, |step| format!(" of step {step}"));
    let refused =
        message.refused.as_ref().map_or_else(String::new, |code| format!(": no effect: {code}"));
    format!("{word}{step} by {}{refused}", message.by)
}
