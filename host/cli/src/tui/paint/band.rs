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
use crate::tui::theme::{Role, Sign, Theme};

/// Most lines of a question, and of what is said of an answer: a text of some screens.
const LINES_MAX: usize = 2_000;

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
            error(&mut band, &confirm.question, lines_max.saturating_sub(1).min(3));
            band.say(theme, width, Role::Key, " y does it; any other key does nothing");
        }
        Mode::Browse | Mode::Opening(_) | Mode::Help(_) => band.lines.extend(run_asks),
    }
    if !app.tree.search().is_empty() && matches!(app.mode, Mode::Browse | Mode::Opening(_)) {
        let searched = format!(" search: {}", text::one_line(app.tree.search()));
        band.say(theme, width, Role::Waiting, &searched);
    }
    band.keep_last(lines_max);
    band
}

impl Band {
    fn say(&mut self, theme: Theme, width: usize, role: Role, said: &str) {
        let mut row = Row::new(theme, width);
        row.put(role, said);
        self.lines.push(row.line());
    }

    /// Leaves the last lines, so that what is typed stays on the smallest screen.
    fn keep_last(&mut self, lines_max: usize) {
        let over = self.lines.len().saturating_sub(lines_max);
        self.lines.drain(..over);
        self.cursor = self.cursor.map(|(row, column)| (row.saturating_sub(over), column));
    }

    fn typed(&mut self, theme: Theme, width: usize, prompt: &str, entry: &Entry) {
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

/// A question that is being answered: its text, the choices and what was wrong as far as
/// there is room, which scroll, and the line, which does not.
fn answer(
    answering: &mut Answering,
    theme: Theme,
    width: usize,
    lines_max: usize,
    band: &mut Band,
) {
    let mut typed = Band::default();
    let prompt = answering.prompt();
    typed.typed(theme, width, &text::one_line(&prompt), &answering.entry);

    let (lines, said_at) = scrolled(answering, width.saturating_sub(2));
    // The text comes first where there is no room for more.
    let mut room = lines_max.saturating_sub(typed.lines.len()).max(1);
    if room > 1 {
        let mut head = Row::new(theme, width);
        let asks = format!(" {} step {}: ", answering.request.kind.function(), answering.step);
        head.put(Role::Waiting, &asks);
        head.put_foreign(Role::Faint, "Enter answers, ? explains, Esc leaves it open");
        band.lines.push(head.line_as(Role::Selected));
        room -= 1;
    }
    let says_more = lines.len() > room && room > 1;
    if says_more {
        room -= 1;
    }
    if std::mem::take(&mut answering.is_said_now) {
        answering.top = said_at;
    }
    answering.top = answering.top.min(lines.len().saturating_sub(room));
    for (role, line) in lines.iter().skip(answering.top).take(room) {
        band.say(theme, width, *role, &format!(" {line}"));
    }
    if says_more {
        let (above, below) = (answering.top, lines.len().saturating_sub(answering.top + room));
        let more = format!(" {above} lines above, {below} below; up and down scroll");
        band.say(theme, width, Role::Faint, &more);
    }
    band.cursor = typed.cursor.map(|(row, column)| (row + band.lines.len(), column));
    band.lines.append(&mut typed.lines);
}

/// The lines that scroll, and the first of what was said of the last answer.
fn scrolled(answering: &Answering, width: usize) -> (Vec<(Role, String)>, usize) {
    let request = &answering.request;
    let mut body = what_is_asked(request);
    if let Some(detail) = &request.detail {
        body.push('\n');
        body.push_str(&pretty(detail));
    }
    body.push_str(&notes(request));
    let wrapped = |role, part: &str| {
        text::wrap(part, width, LINES_MAX).into_iter().map(move |line| (role, line))
    };
    let mut lines: Vec<_> = wrapped(Role::Plain, &body).collect();
    for choice in answering.choices() {
        lines.extend(wrapped(Role::Waiting, &choice));
    }
    let said_at = lines.len();
    if let Some(said) = &answering.said {
        lines.extend(wrapped(Role::Waiting, said));
    }
    (lines, said_at)
}
