//! Draws the whole screen from what the TUI knows.
//!
//! Owns: where each pane is at which size. Never: changes anything but how far panes are
//! scrolled, which follows from their height.

mod band;
mod footer;
mod header;
mod help;
mod line;
mod log;
mod step;
mod tree;

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::app::{App, Pane};
use super::mode::Mode;
use super::theme::Role;

/// From this width on the tree and the details are beside each other.
const BESIDE_MIN: u16 = 100;

/// From this height on the log is shown below the other panes.
const WITH_LOG_MIN: u16 = 20;

/// Smallest screen on which something can be read.
const SMALLEST: (u16, u16) = (20, 5);

/// Rows that a form needs: its heading or a line of the question, and two for what is typed.
const TYPED_ROWS: u16 = 3;

/// The time of a frame: for sentences that pass, and since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) us: i64,
}

/// Draws a frame.
pub(crate) fn draw(app: &mut App, frame: &mut Frame<'_>, now: Now) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        frame.render_widget(Paragraph::new("too small"), area);
        return;
    }
    app.tree.refresh(&app.view);
    let now_ms = app.now_ms(now.us);
    let head = header::lines(app, usize::from(area.width), now_ms);
    let head_rows = u16::try_from(head.len()).unwrap_or(2).min(area.height / 3);
    let most = band_rows_max(app, area.height - head_rows);
    let band = band::lines(app, usize::from(area.width), usize::from(most));
    let band_rows = u16::try_from(band.lines.len()).unwrap_or(0).min(most);
    let rows = [
        Constraint::Length(head_rows),
        Constraint::Length(band_rows),
        Constraint::Min(0),
        Constraint::Length(1),
    ];
    let [top, middle, body, bottom] = Layout::vertical(rows).areas(area);
    frame.render_widget(Paragraph::new(head), top);
    frame.render_widget(Paragraph::new(band.lines), middle);
    if let Mode::Help(from) = &mut app.mode {
        help::draw(app.theme, from, frame, body);
    } else {
        panes(app, frame, body, now_ms);
    }
    frame.render_widget(footer::line(app, usize::from(bottom.width), now.instant), bottom);
    if let Some((row, column)) = band.cursor {
        let row = u16::try_from(row).unwrap_or(0).min(band_rows.saturating_sub(1));
        let column = u16::try_from(column).unwrap_or(0).min(area.width.saturating_sub(1));
        frame.set_cursor_position((middle.x + column, middle.y + row));
    }
}

/// Most rows of the band, of those below the header. The panes keep three and the footer
/// one, unless something is typed on a screen that is too low for both.
fn band_rows_max(app: &App, rows: u16) -> u16 {
    let beside_panes = rows.saturating_sub(4);
    match app.mode {
        Mode::Browse | Mode::Opening(_) | Mode::Help(_) => beside_panes,
        _ => beside_panes.max(TYPED_ROWS.min(rows.saturating_sub(1))),
    }
}

fn panes(app: &mut App, frame: &mut Frame<'_>, area: Rect, now_ms: u64) {
    let has_log = area.height + 4 >= WITH_LOG_MIN;
    let log_rows = if has_log { (area.height / 4).clamp(4, 16) } else { 0 };
    if !has_log && app.focus == Pane::Log {
        log::draw(app, frame, area);
        return;
    }
    let rows = [Constraint::Min(3), Constraint::Length(log_rows)];
    let [main, below] = Layout::vertical(rows).areas(area);
    if area.width >= BESIDE_MIN {
        let halves = [Constraint::Percentage(55), Constraint::Percentage(45)];
        let [left, right] = Layout::horizontal(halves).areas(main);
        tree::draw(app, frame, left, now_ms);
        step::draw(app, frame, right, now_ms);
    } else if app.detail.key().is_some() && app.focus != Pane::Tree {
        step::draw(app, frame, main, now_ms);
    } else {
        tree::draw(app, frame, main, now_ms);
    }
    if has_log {
        log::draw(app, frame, below);
    }
}

/// The frame of a pane with its name, and the area inside.
fn pane(
    app: &App,
    pane: Pane,
    title: Vec<Span<'static>>,
    frame: &mut Frame<'_>,
    area: Rect,
) -> Rect {
    let role = if app.focus == pane { Role::Working } else { Role::Faint };
    let block = Block::new()
        .borders(Borders::ALL)
        .border_set(app.theme.border())
        .border_style(app.theme.style(role))
        .title(Line::from(title));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}
