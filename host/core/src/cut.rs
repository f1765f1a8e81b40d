//! Texts that are too long.
//!
//! Owns: the one way to cut a text at the end of a character, by bytes or by
//! characters. Never: how long a text may be; each caller has a constant.

/// Stands behind a text of which something is missing.
pub const MARK: char = '…';

/// The start of a text, at most so many bytes of it.
#[must_use]
pub fn head(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The same of an owned text.
#[must_use]
pub fn to_bytes(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

/// The same with a mark behind it, where something is missing.
#[must_use]
pub fn marked(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text = to_bytes(text, bytes_max);
        text.push(MARK);
    }
    text
}

/// The start of a text, at most so many characters of it.
#[must_use]
pub fn head_chars(text: &str, chars_max: usize) -> &str {
    text.char_indices().nth(chars_max).map_or(text, |(end, _)| &text[..end])
}

/// At most so many characters, of which the mark is the last where something is
/// missing.
#[must_use]
pub fn to_chars(text: &str, chars_max: usize) -> String {
    if head_chars(text, chars_max).len() == text.len() {
        return text.to_owned();
    }
    format!("{}{MARK}", head_chars(text, chars_max.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_the_end_of_a_character() {
        assert_eq!(head("añb", 2), "a");
        assert_eq!(head("añb", 3), "añ");
        assert_eq!(head("añb", 99), "añb");
        assert_eq!(to_bytes("日本".into(), 5), "日");
        assert_eq!(head_chars("añb", 2), "añ");
        assert_eq!(head_chars("añb", 0), "");
    }

    #[test]
    fn only_what_was_cut_has_a_mark() {
        assert_eq!(marked("añb".into(), 4), "añb");
        assert_eq!(marked("añb".into(), 2), "a…");
        assert_eq!(to_chars("añb", 3), "añb");
        assert_eq!(to_chars("añbc", 3), "añ…");
        assert_eq!(to_chars("ab", 0), "…");
    }
}
