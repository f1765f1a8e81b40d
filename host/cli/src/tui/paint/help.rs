//! The help: all keys, and what the signs mean.
//!
//! Owns: its layout. Never: a key; they come from the table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use smol_wf_core::view::StepState;

use super::line::{Row, role_of, sign_of};
use crate::tui::keys::{Place, TABLE};
use crate::tui::theme::{Role, Theme};

/// Columns of the keys.
const KEYS: usize = 16;

/// Draws the help from this line on.
pub(super) fn draw(theme: Theme, from: &mut usize, frame: &mut Frame<'_>, area: Rect) {
    let lines = lines(theme, usize::from(area.width));
    let height = usize::from(area.height);
    *from = (*from).min(lines.len().saturating_sub(height));
    let shown: Vec<Line<'static>> = lines.into_iter().skip(*from).take(height).collect();
    frame.render_widget(Paragraph::new(shown), area);
}

fn lines(theme: Theme, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let heading = |lines: &mut Vec<Line<'static>>, text: &str| {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let mut row = Row::new(theme, width);
        row.put(Role::Strong, &format!(" {text}"));
        lines.push(row.line());
    };
    for place in [Place::Anywhere, Place::Live, Place::Replay] {
        heading(&mut lines, place.heading());
        for binding in TABLE.iter().filter(|binding| binding.place == place) {
            let mut row = Row::new(theme, width);
            let names = if theme.is_ascii { binding.ascii_names() } else { binding.names() };
            row.put(Role::Key, &format!(" {names}"));
            row.fill_to(KEYS);
            row.put(Role::Plain, &format!(" {}", binding.says));
            lines.push(row.line());
        }
    }
    heading(&mut lines, "Signs");
    for state in StepState::ALL {
        let mut row = Row::new(theme, width);
        row.put(role_of(state), &format!(" {}", theme.sign(sign_of(state))));
        row.fill_to(KEYS);
        row.put(Role::Plain, &format!(" {}", state.word()));
        lines.push(row.line());
    }
    lines
}
