//! Text of scripts and agents, made safe to show.
//!
//! Owns: the one sanitiser of everything that goes to a terminal. Never: used
//! on data; stdout escapes, this replaces.

use unicode_width::UnicodeWidthChar as _;

/// Asks for the picture of the character before it, which is wider.
const AS_EMOJI: char = '\u{fe0f}';

/// Whether a terminal might obey this character, or a reader be misled by it:
/// C0 and C1 controls, direction marks and isolates, zero-width characters.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// One line, safe: unsafe characters become a replacement, line ends a space.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            other if is_unsafe(other) => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// Several lines, safe.
pub(crate) fn lines(text: &str) -> String {
    text.lines().map(one_line).collect::<Vec<_>>().join("\n")
}

/// Columns that a terminal needs for a text; where terminals differ, the most.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(character: char) -> usize {
    if character == AS_EMOJI { 1 } else { character.width().unwrap_or(0) }
}

/// At most so many columns, with a mark where it was cut.
pub(crate) fn cut(text: &str, columns_max: usize) -> String {
    if columns(text) <= columns_max {
        return text.to_owned();
    }
    let mut used = 1; // The mark's own.
    let fits = |character: &char| {
        used += columns_of(*character);
        used <= columns_max
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_survives() {
        let every: String = (0..=0x10_ffff_u32).filter_map(char::from_u32).collect();
        assert!(!one_line(&every).chars().any(|c| c.is_control()));
        assert_eq!(one_line("a\u{1b}]52;c;x\u{7}b\nc"), "a\u{fffd}]52;c;x\u{fffd}b c");
    }
    #[test]
    fn what_is_cut_fits_its_columns_whatever_its_characters_take() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語語", 6), "日本…");
        assert_eq!(cut("💥💥💥💥", 7), "💥💥💥…");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(columns("❤\u{fe0f}"), 2);
    }
}
