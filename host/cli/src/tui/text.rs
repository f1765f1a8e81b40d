//! Text of scripts and agents as lines for the screen.
//!
//! Owns: that nothing in them is obeyed, and how they are wrapped and cut. Never: colours.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::sanitize;

/// Columns of a tab.
const TAB: &str = "    ";

/// The text on one line that a terminal shows as it is.
pub(crate) fn one_line(text: &str) -> String {
    sanitize::one_line(text)
}

/// Columns that a text takes in a cell grid, as the drawing counts them.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// Cuts a safe line to some columns, with `mark` at the cut.
pub(crate) fn cut(line: &str, columns_max: usize, mark: &str) -> String {
    if columns(line) <= columns_max {
        return line.to_owned();
    }
    let room = columns_max.saturating_sub(columns(mark));
    let (mut used, mut kept) = (0, String::new());
    for grapheme in line.graphemes(true) {
        used += columns(grapheme);
        if used > room {
            break;
        }
        kept.push_str(grapheme);
    }
    if columns(mark) <= columns_max {
        kept.push_str(mark);
    }
    kept
}

/// A text as safe lines of some columns, wrapped between words where that is possible.
/// At most `lines_max` lines.
pub(crate) fn wrap(text: &str, columns_max: usize, lines_max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        if lines.len() >= lines_max {
            break;
        }
        let safe = sanitize::one_line(&line.replace('\t', TAB));
        wrap_line(&safe, columns_max.max(1), &mut lines);
    }
    lines.truncate(lines_max);
    lines
}

/// Wraps one line. What comes before the first word indents it alone.
fn wrap_line(line: &str, columns_max: usize, lines: &mut Vec<String>) {
    let mut now = String::new();
    let mut used = 0;
    for word in line.split_word_bounds() {
        let wide = columns(word);
        if used + wide <= columns_max {
            now.push_str(word);
            used += wide;
            continue;
        }
        if wide <= columns_max {
            lines.push(std::mem::take(&mut now).trim_end().to_owned());
            // The space at which a line is broken is not shown.
            let rest = if word.trim().is_empty() { "" } else { word };
            now.push_str(rest);
            used = columns(rest);
            continue;
        }
        for grapheme in word.graphemes(true) {
            let wide = columns(grapheme);
            if used + wide > columns_max && used > 0 {
                lines.push(std::mem::take(&mut now));
                used = 0;
            }
            now.push_str(grapheme);
            used += wide;
        }
    }
    lines.push(now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_between_words_and_nothing_is_lost() {
        assert_eq!(wrap("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrap("  a b", 4, 9), ["  a", "b"]);
        assert_eq!(wrap("abcdefgh", 3, 9), ["abc", "def", "gh"]);
        assert_eq!(wrap("a\n\nb", 5, 9), ["a", "", "b"]);
        assert_eq!(wrap("日本語", 4, 9), ["日本", "語"]);
        assert_eq!(wrap("\tx", 9, 9), ["    x"]);
        assert_eq!(wrap("1\n2\n3", 9, 2), ["1", "2"]);
        assert_eq!(wrap("日", 1, 9), ["日"], "too wide for any line");
    }

    #[test]
    fn a_cut_line_fits_also_between_parts_of_a_character() {
        assert_eq!(cut("abcdef", 6, "…"), "abcdef");
        assert_eq!(cut("abcdefg", 6, "…"), "abcde…");
        assert_eq!(cut("👩\u{200d}💻👩\u{200d}💻", 3, "…"), "👩\u{200d}💻…");
        assert_eq!(cut("abcdefg", 4, "..."), "a...");
        assert_eq!(cut("abcdefg", 2, "..."), "ab"[..0].to_owned());
        assert_eq!(cut("abc", 0, "…"), "");
    }

    #[test]
    fn nothing_of_an_agent_reaches_the_terminal_as_a_command() {
        // Random bytes as agents may write them, with a good part of escapes.
        let mut dice = fastrand::Rng::with_seed(7);
        let parts =
            ["\x1b[2J", "\x1b]52;c;eA==\x07", "\u{9b}31m", "\r\n", "\u{202e}", "日", "e\u{301}"];
        for _ in 0..20_000 {
            let text: String = (0..dice.usize(..24))
                .map(|_| match dice.u8(..3) {
                    0 => dice.choice(parts).unwrap_or("").to_owned(),
                    1 => char::from_u32(dice.u32(..0x300)).unwrap_or(' ').to_string(),
                    _ => dice.alphanumeric().to_string(),
                })
                .collect();
            for line in wrap(&text, 1 + dice.usize(..40), 50).iter().chain([&one_line(&text)]) {
                assert!(!line.chars().any(sanitize::is_unsafe), "{text:?} gives {line:?}");
            }
        }
    }
}
