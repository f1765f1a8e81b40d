//! Makes text of scripts and agents safe to print.
//!
//! Owns: the one sanitiser for everything that people and CI systems read:
//! terminals, logs, XML, Markdown. Never: used on data: JSON is escaped, while
//! this replaces.

use std::path::Path;

use unicode_width::UnicodeWidthChar as _;

/// Variation selector: shows the character before it as a wider picture.
const AS_EMOJI: char = '\u{fe0f}';

/// Whether a terminal might obey this character, or a reader might be misled by
/// it: C0 and C1 controls, direction marks and isolates, and invisible
/// characters. Joiners (U+200C, U+200D) are allowed, because letters and emoji
/// need them.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The text on one safe line: unsafe characters become U+FFFD, line ends and tabs
/// a space, and commands of CI systems plain text.
pub(crate) fn one_line(text: &str) -> String {
    safe_line(text, ' ')
}

/// One safe line, with `tab` in place of each tab.
fn safe_line(text: &str, tab: char) -> String {
    let text: String = text
        .chars()
        .map(|character| match character {
            '\t' => tab,
            '\n' | '\r' => ' ',
            other if is_unsafe(other) => '\u{fffd}',
            other => other,
        })
        .collect();
    without_commands(text)
}

/// The text with each line made safe. Its tabs stay, because they indent code.
pub(crate) fn with_tabs(text: &str) -> String {
    text.lines().map(|line| safe_line(line, '\t')).collect::<Vec<_>>().join("\n")
}

/// The text with each line made safe.
pub(crate) fn lines(text: &str) -> String {
    text.lines().map(one_line).collect::<Vec<_>>().join("\n")
}

/// A path on one safe line.
pub(crate) fn path(path: &Path) -> String {
    one_line(&path.to_string_lossy())
}

/// Breaks commands of CI systems with a space. The runners of GitHub and Azure
/// obey lines that begin with `::` after white space, and `##[` or `##vso[`
/// anywhere.
fn without_commands(mut text: String) -> String {
    let found: Vec<_> = commands(&text).collect();
    for (at, _) in found.into_iter().rev() {
        text.insert(at, ' ');
    }
    let start = text.len() - text.trim_start().len();
    if text[start..].starts_with("::") {
        text.insert(start + 1, ' ');
    }
    text
}

/// Byte offsets of `##[`, `##vso[` and the like: of the last `#` and of the
/// bracket.
pub(crate) fn commands(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    text.match_indices('[').filter_map(|(bracket, _)| {
        let before = text[..bracket].trim_end_matches(|c: char| c.is_ascii_alphanumeric());
        before.ends_with("##").then(|| (before.len() - 1, bracket))
    })
}

/// Columns that a text needs on a terminal; the most, where terminals differ.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Columns of one character; combining ones have none.
fn columns_of(character: char) -> usize {
    if character == AS_EMOJI { 1 } else { character.width().unwrap_or(0) }
}

/// Cuts a text to `columns_max` columns, with `…` at the cut.
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
    fn invisible_characters_are_replaced_and_joiners_stay() {
        for hidden in
            "\u{61c}\u{ad}\u{180e}\u{115f}\u{3164}\u{200b}\u{202e}\u{2066}\u{feff}\u{0}".chars()
        {
            assert_eq!(one_line(&format!("a{hidden}b")), "a\u{fffd}b", "{hidden:?}");
        }
        for kept in ["👩\u{200d}💻", "می\u{200c}خواهم", "e\u{301}", "❤\u{fe0f}", "日本語"]
        {
            assert_eq!(one_line(kept), kept);
        }
    }

    #[test]
    fn no_text_is_a_command_of_a_ci_system() {
        let hostile = [
            "::error::x",
            "  \u{a0}\u{3000}::set-output name=a::true",
            "\u{b}::add-mask::x",
            "ok\n::set-output name=a::true\n##[add-mask]x",
            "a ##[group]b ###[c] ##vso[task.complete]d ####vso[e]",
            "##\u{0}[x] ##[",
            "\r::error::x\r\n\t::error::y",
            "::::",
        ];
        for text in hostile {
            for line in lines(text).lines().chain([one_line(text).as_str()]) {
                assert!(!line.trim_start().starts_with("::"), "{text:?} gives {line:?}");
                assert_eq!(commands(line).count(), 0, "{text:?} gives {line:?}");
                assert_eq!(one_line(line), line, "what is safe stays as it is");
            }
        }
        assert_eq!(one_line("std::fs, # [a], a[1]"), "std::fs, # [a], a[1]");
    }

    #[test]
    fn tabs_that_stay_hide_no_command() {
        assert_eq!(with_tabs("if x:\r\n\treturn\t1\n"), "if x:\n\treturn\t1");
        assert_eq!(
            with_tabs("\t::error::x\n\t##[group]y\u{1b}[2J"),
            "\t: :error::x\n\t# #[group]y\u{fffd}[2J"
        );
    }

    #[test]
    fn a_cut_text_fits_its_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語語", 6), "日本…");
        assert_eq!(cut("💥💥💥💥", 7), "💥💥💥…");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(columns("❤\u{fe0f}"), 2);
    }
}
