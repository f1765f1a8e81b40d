//! A pane with lines of text that can be scrolled.
//!
//! Owns: the first line that is shown. Never: the lines.

/// Where a text is scrolled to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Scroll {
    top: usize,
    /// The last line is shown, also when more come.
    pub(crate) follows: bool,
    /// Lines and height when it was drawn last.
    lines: usize,
    height: usize,
}

impl Scroll {
    /// At the end, and stays there.
    pub(crate) fn at_end() -> Self {
        Self { follows: true, ..Self::default() }
    }

    /// The first line to show of this many in this height.
    pub(crate) fn top(&mut self, lines: usize, height: usize) -> usize {
        (self.lines, self.height) = (lines, height);
        if self.follows {
            self.top = self.last_top();
        }
        self.top = self.top.min(self.last_top());
        self.top
    }

    fn last_top(&self) -> usize {
        self.lines.saturating_sub(self.height)
    }

    /// Scrolls by some lines. At the end it follows again if `follows_at_end`.
    pub(crate) fn by(&mut self, lines: isize, follows_at_end: bool) {
        self.top = self.top.saturating_add_signed(lines).min(self.last_top());
        self.follows = follows_at_end && self.top == self.last_top();
    }

    /// To the first line.
    pub(crate) fn show_first(&mut self) {
        (self.top, self.follows) = (0, false);
    }

    /// To the last line.
    pub(crate) fn show_last(&mut self) {
        self.top = self.last_top();
    }

    /// Lines of a page.
    pub(crate) fn page(&self) -> isize {
        isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_followed_shows_its_end_until_somebody_scrolls_up() {
        let mut scroll = Scroll::at_end();
        assert_eq!(scroll.top(100, 10), 90);
        assert_eq!(scroll.top(101, 10), 91);
        scroll.by(-1, true);
        assert_eq!(scroll.top(200, 10), 90);
        scroll.by(1_000, true);
        assert_eq!(scroll.top(201, 10), 191);
        assert_eq!(scroll.top(5, 10), 0);
        scroll.show_first();
        assert_eq!((scroll.top(50, 10), scroll.page()), (0, 9));
    }
}
