//! Lines made of pieces, each with its role.
//!
//! Owns: that a line fits its width, and how a state looks. Never: a place.

use ratatui::text::{Line, Span};
use smol_wf_core::view::StepState;

use crate::tui::text;
use crate::tui::theme::{Role, Sign, Theme};

/// A line that grows to the right until it is full.
pub(super) struct Row {
    theme: Theme,
    spans: Vec<Span<'static>>,
    used: usize,
    width: usize,
}

impl Row {
    pub(super) fn new(theme: Theme, width: usize) -> Self {
        Self { theme, spans: Vec::new(), used: 0, width }
    }

    /// Columns that are left.
    pub(super) fn room(&self) -> usize {
        self.width.saturating_sub(self.used)
    }

    /// Adds a safe text, cut where the line is full.
    pub(super) fn put(&mut self, role: Role, part: &str) {
        let part = text::cut(part, self.room(), self.theme.sign(Sign::Cut));
        self.used += text::columns(&part);
        if !part.is_empty() {
            self.spans.push(Span::styled(part, self.theme.style(role)));
        }
    }

    /// Adds a text of a script or an agent.
    pub(super) fn put_foreign(&mut self, role: Role, part: &str) {
        // No more is looked at than can be shown.
        let head = smol_wf_core::cut::head_chars(part, self.width.saturating_mul(4).max(64));
        self.put(role, &text::one_line(head));
    }

    /// Adds a whole text if it fits.
    pub(super) fn put_whole(&mut self, role: Role, part: &str) {
        if text::columns(part) <= self.room() {
            self.put(role, part);
        }
    }

    /// Leaves some columns empty.
    pub(super) fn skip(&mut self, columns: usize) {
        self.fill_to(self.used.saturating_add(columns));
    }

    /// Columns that are used.
    pub(super) fn line_width(&self) -> usize {
        self.used
    }

    /// Adds another row, which must fit.
    pub(super) fn append(&mut self, other: Self) {
        self.used += other.used;
        self.spans.extend(other.spans);
    }

    /// Moves to a column.
    pub(super) fn fill_to(&mut self, column: usize) {
        let by = column.min(self.width).saturating_sub(self.used);
        if by > 0 {
            self.used += by;
            self.spans.push(Span::raw(" ".repeat(by)));
        }
    }

    pub(super) fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }

    /// The whole line in one more role.
    pub(super) fn line_as(mut self, role: Role) -> Line<'static> {
        self.fill_to(self.width);
        let style = self.theme.style(role);
        Line::from(self.spans).patch_style(style)
    }
}

/// How a state looks.
pub(super) fn role_of(state: StepState) -> Role {
    match state {
        StepState::Done => Role::Done,
        StepState::Working => Role::Working,
        StepState::Waiting | StepState::Sleeping | StepState::Parked => Role::Waiting,
        StepState::Failed | StepState::Null | StepState::Stopped => Role::Failed,
        StepState::Reused => Role::Done,
        _ => Role::Faint,
    }
}

/// The sign of a state.
pub(super) fn sign_of(state: StepState) -> Sign {
    match state {
        StepState::Working => Sign::Working,
        StepState::Waiting => Sign::Waiting,
        StepState::Sleeping => Sign::Sleeping,
        StepState::Done => Sign::Done,
        StepState::Failed => Sign::Failed,
        StepState::Null => Sign::Null,
        StepState::Parked => Sign::Parked,
        StepState::Stopped => Sign::Stopped,
        StepState::Reused => Sign::Reused,
        _ => Sign::Queued,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_never_wider_than_its_pane() {
        let theme = Theme { has_colors: false, is_ascii: true };
        let mut row = Row::new(theme, 10);
        row.put(Role::Plain, "12345");
        row.put_foreign(Role::Plain, "\u{1b}[31m日本語 and more");
        row.put_whole(Role::Plain, "no room");
        assert_eq!(row.room(), 0);
        assert_eq!(row.line().width(), 10);
    }
}
