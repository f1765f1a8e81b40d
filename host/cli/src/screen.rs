//! Text of scripts and agents, made safe to show.
//!
//! Owns: the one sanitiser of everything that goes to a terminal. Never: used
//! on data; stdout escapes, this replaces.

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

/// At most so many characters, with a mark where it was cut.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect()
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
}
