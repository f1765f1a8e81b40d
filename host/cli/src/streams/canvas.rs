//! Draws lines that stay above a block of lines that is redrawn.
//!
//! Owns: the control sequences that go back to the first moving line. Never: a
//! terminal; it returns text.

use crate::sanitize;

/// Most rows to go back: more than any terminal has.
const ROWS_UP_MAX: usize = 1_000;

/// The moving lines on the screen.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    shown: Vec<String>,
}

impl Canvas {
    /// Whether the screen shows no moving lines.
    pub(super) fn is_clear(&self) -> bool {
        self.shown.is_empty()
    }

    /// Somebody else has written below the moving lines: they stay where they are.
    pub(super) fn forget(&mut self) {
        self.shown.clear();
    }

    /// The text that replaces the moving lines by `stay` (whole lines that
    /// remain), followed by `rows`. Each row must be narrower than `columns`.
    pub(super) fn frame(&mut self, stay: &str, rows: Vec<String>, columns: usize) -> String {
        if stay.is_empty() && rows == self.shown {
            return String::new();
        }
        let mut frame = String::new();
        if let [above @ .., _] = self.shown.as_slice() {
            // A terminal that became narrower has wrapped the rows. The cursor is
            // at the beginning of the last one.
            let up: usize = above.iter().map(|row| lines_of(row, columns)).sum();
            // Row by row from below: some terminals keep what is cleared from the top of
            // the screen on as if it had scrolled away, which fills their history.
            frame.push_str("\r\u{1b}[K");
            frame.push_str(&"\u{1b}[A\u{1b}[K".repeat(up.min(ROWS_UP_MAX)));
        }
        frame.push_str(stay);
        if !rows.is_empty() {
            frame.push_str(&rows.join("\n"));
            frame.push('\r');
        }
        self.shown = rows;
        frame
    }
}

/// Lines that a row takes on a terminal of this width, at least one.
fn lines_of(row: &str, columns: usize) -> usize {
    sanitize::columns(row).div_ceil(columns.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn lines_that_stay_go_above_the_moving_ones() {
        let mut canvas = Canvas::default();
        assert_eq!(canvas.frame("one\n", Vec::new(), 80), "one\n");
        assert_eq!(canvas.frame("", rows(&["a", "b"]), 80), "a\nb\r");
        assert_eq!(canvas.frame("", rows(&["a", "b"]), 80), "", "nothing has changed");
        assert_eq!(canvas.frame("two\n", rows(&["c"]), 80), "\r\u{1b}[K\u{1b}[A\u{1b}[Ktwo\nc\r");
        assert_eq!(canvas.frame("", Vec::new(), 80), "\r\u{1b}[K");
        assert!(canvas.is_clear());
    }

    #[test]
    fn a_terminal_that_was_made_narrower_has_broken_the_rows() {
        let mut canvas = Canvas::default();
        canvas.frame("", rows(&["1234567890", "12345", "1234567"]), 40);
        assert_eq!(
            canvas.frame("", rows(&["x"]), 5),
            "\r\u{1b}[K\u{1b}[A\u{1b}[K\u{1b}[A\u{1b}[K\u{1b}[A\u{1b}[Kx\r"
        );
    }
}
