//! The band below the header: what needs an answer, and what is being typed.
//!
//! Owns: its lines, and where the cursor is. Never: what an answer means.

use ratatui::text::Line;

use super::line::Row;
use crate::questions::{notes, pretty, what_is_asked};
use crate::tui::app::{App, Origin};
use crate::tui::entry::Entry;
use crate::tui::mode::{Answering, Mode};
use crate::tui::text;
use crate::tui::theme::{Role, Sign};

/// The band, and the cursor in it: row and column.
#[derive(Debug, Default)]
pub(super) struct Band {
    pub(super) lines: Vec<Line<'static>>,
    pub(super) cursor: Option<(usize, usize)>,
}

/// The band in this width, with so many lines at the most.
pub(super) fn lines(app: &mut App, width: usize, lines_max: usize) -> Band {
    let theme = app.theme;
    let mut band = Band::default();
    let error = |band: &mut Band, said: &str, rows: usize| {
        for line in text::wrap(said, width.saturating_sub(1), rows) {
            band.say(theme, width, Role::Waiting, &format!(" {line}"));
        }
    };
    let run_asks = match app.origin {
        Origin::Live { .. } => asks(app, width),
        Origin::Replay { .. } => None,
    };
    match &mut app.mode {
        Mode::Answer(answering) => answer(answering, theme, width, lines_max, &mut band),
        Mode::Search(entry) => band.typed(theme, width, "search:", entry),
        Mode::Line(line) => {
            if let Some(said) = &line.error {
                error(&mut band, said, 3);
            }
            band.typed(theme, width, line.prompt(), &line.entry);
        }
        Mode::Confirm(confirm) => {
            error(&mut band, &confirm.question, 3);
            band.say(theme, width, Role::Key, " y does it; any other key does nothing");
        }
        Mode::Browse | Mode::Opening | Mode::Help(_) => band.lines.extend(run_asks),
    }
    if !app.tree.search().is_empty() && matches!(app.mode, Mode::Browse | Mode::Opening) {
        let searched = format!(" search: {}", text::one_line(app.tree.search()));
        band.say(theme, width, Role::Waiting, &searched);
    }
    band
}

impl Band {
    fn say(&mut self, theme: crate::tui::theme::Theme, width: usize, role: Role, said: &str) {
        let mut row = Row::new(theme, width);
        row.put(role, said);
        self.lines.push(row.line());
    }

    fn typed(
        &mut self,
        theme: crate::tui::theme::Theme,
        width: usize,
        prompt: &str,
        entry: &Entry,
    ) {
        let mut row = Row::new(theme, width);
        row.put(Role::Strong, &format!(" {prompt} "));
        if row.room() < width / 3 {
            self.lines.push(row.line());
            row = Row::new(theme, width);
            row.put(Role::Strong, " ");
        }
        let before = width - row.room();
        let (shown, cursor) = entry.shown(row.room(), theme.sign(Sign::LineEnd));
        row.put(Role::Plain, &shown);
        self.cursor = Some((self.lines.len(), before + cursor));
        self.lines.push(row.line());
    }
}

/// The first open question, and how many more there are.
fn asks(app: &App, width: usize) -> Option<Line<'static>> {
    let asks = app.view.asks();
    let number = asks.len();
    let ask = app.question()?;
    let mut row = Row::new(app.theme, width);
    let step = ask.step.map_or_else(String::new, |step| format!(" #{step}"));
    let more = match number {
        1 => "a: answer ".to_owned(),
        _ => format!("{} more  a: answer ", number - 1),
    };
    let keep = width.saturating_sub(text::columns(&more) + 1);
    let mut left = Row::new(app.theme, keep);
    left.put(Role::Waiting, &format!(" {}{step} ", app.theme.sign(Sign::Waiting)));
    left.put(Role::Waiting, &format!("{}: ", ask.opened.kind.function()));
    left.put_foreign(Role::Strong, &ask.opened.question);
    row.append(left);
    row.skip(row.room().saturating_sub(text::columns(&more)));
    row.put(Role::Key, &more);
    Some(row.line_as(Role::Selected))
}

/// A question that is being answered: its text as far as there is room, the choices, what
/// was wrong, and the line.
fn answer(
    answering: &mut Answering,
    theme: crate::tui::theme::Theme,
    width: usize,
    lines_max: usize,
    band: &mut Band,
) {
    let request = answering.request.clone();
    let mut head = Row::new(theme, width);
    let asks = format!(" {} step {}: ", request.kind.function(), answering.step);
    head.put(Role::Waiting, &asks);
    head.put_foreign(Role::Faint, "Enter answers, ? explains, Esc leaves it open");
    band.lines.push(head.line_as(Role::Selected));
    let mut body = what_is_asked(&request);
    if let Some(detail) = &request.detail {
        body.push('\n');
        body.push_str(&pretty(detail));
    }
    body.push_str(&notes(&request));
    let mut below: Vec<String> = answering.choices();
    if let Some(said) = &answering.said {
        below.extend(text::wrap(said, width.saturating_sub(2), 12));
    }
    let room = lines_max.saturating_sub(below.len() + 3).max(1);
    let lines = text::wrap(&body, width.saturating_sub(2), 2_000);
    answering.top = answering.top.min(lines.len().saturating_sub(room));
    let rest = lines.len().saturating_sub(answering.top + room);
    for line in lines.iter().skip(answering.top).take(room) {
        band.say(theme, width, Role::Plain, &format!(" {line}"));
    }
    if rest > 0 || answering.top > 0 {
        let more = format!(" {rest} lines below; up and down scroll");
        band.say(theme, width, Role::Faint, &more);
    }
    for line in below {
        band.say(theme, width, Role::Waiting, &format!(" {line}"));
    }
    let prompt = answering.prompt();
    band.typed(theme, width, &text::one_line(&prompt), &answering.entry);
}
