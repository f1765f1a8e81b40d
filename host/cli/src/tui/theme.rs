//! Colours and signs.
//!
//! Owns: the 16 colours that every terminal has, what stands for them without colours,
//! and signs for terminals that know only ASCII. Never: a meaning by colour alone.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    /// Headings and names.
    Strong,
    /// What matters less.
    Faint,
    Done,
    Working,
    /// Waits for a person or for time.
    Waiting,
    Failed,
    /// A key, in the footer.
    Key,
    /// The line that is selected, in the pane that has the keys.
    Selected,
    /// The same in another pane.
    Marked,
}

/// How the screen looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Theme {
    pub(crate) has_colors: bool,
    pub(crate) is_ascii: bool,
}

/// Signs that are one column wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Queued,
    Working,
    Waiting,
    Sleeping,
    Done,
    Failed,
    Null,
    Parked,
    Stopped,
    Reused,
    /// A group that is open or closed.
    Open,
    Closed,
    /// Between facts on a line.
    Dot,
    /// Where a line is cut.
    Cut,
    /// A line end in a text that is typed.
    LineEnd,
}

/// The border of a pane in ASCII.
const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

impl Theme {
    pub(crate) fn style(self, role: Role) -> Style {
        let style = Style::new();
        let color = |color| if self.has_colors { style.fg(color) } else { style };
        match role {
            Role::Plain => style,
            Role::Strong => style.add_modifier(Modifier::BOLD),
            Role::Faint if self.has_colors => style.fg(Color::DarkGray),
            Role::Faint => style.add_modifier(Modifier::DIM),
            Role::Done => color(Color::Green),
            Role::Working => color(Color::Cyan),
            Role::Waiting => color(Color::Yellow).add_modifier(Modifier::BOLD),
            Role::Failed => color(Color::Red).add_modifier(Modifier::BOLD),
            Role::Key => color(Color::Cyan).add_modifier(Modifier::BOLD),
            Role::Selected => style.add_modifier(Modifier::REVERSED),
            Role::Marked => style.add_modifier(Modifier::UNDERLINED),
        }
    }

    pub(crate) fn sign(self, sign: Sign) -> &'static str {
        let (drawn, ascii) = match sign {
            Sign::Queued => ("○", "."),
            Sign::Working => ("●", "*"),
            Sign::Waiting => ("?", "?"),
            Sign::Sleeping => ("z", "z"),
            Sign::Done => ("✓", "+"),
            Sign::Failed => ("✗", "x"),
            Sign::Null => ("∅", "0"),
            Sign::Parked => ("‖", "p"),
            Sign::Stopped => ("■", "s"),
            Sign::Reused => ("=", "="),
            Sign::Open => ("▾", "-"),
            Sign::Closed => ("▸", ">"),
            Sign::Dot => ("·", "|"),
            Sign::Cut => ("…", "~"),
            Sign::LineEnd => ("⏎", "/"),
        };
        if self.is_ascii { ascii } else { drawn }
    }

    pub(crate) fn border(self) -> border::Set<'static> {
        if self.is_ascii { ASCII_BORDER } else { border::ROUNDED }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_one_column_wide_and_ascii_where_that_is_asked_for() {
        let signs = [
            Sign::Queued,
            Sign::Working,
            Sign::Waiting,
            Sign::Sleeping,
            Sign::Done,
            Sign::Failed,
            Sign::Null,
            Sign::Parked,
            Sign::Stopped,
            Sign::Reused,
            Sign::Open,
            Sign::Closed,
            Sign::Dot,
            Sign::Cut,
            Sign::LineEnd,
        ];
        for is_ascii in [true, false] {
            let theme = Theme { has_colors: true, is_ascii };
            for sign in signs {
                assert_eq!(crate::tui::text::columns(theme.sign(sign)), 1, "{sign:?}");
                assert!(!is_ascii || theme.sign(sign).is_ascii(), "{sign:?}");
            }
        }
    }

    #[test]
    fn without_colours_no_style_has_one() {
        let theme = Theme { has_colors: false, is_ascii: false };
        for role in [Role::Faint, Role::Done, Role::Waiting, Role::Failed, Role::Key] {
            assert_eq!(theme.style(role).fg, None, "{role:?}");
        }
    }
}
