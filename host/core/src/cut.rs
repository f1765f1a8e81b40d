//! Cutting of long texts.
//!
//! Owns: the one way to cut a text between characters, by bytes or by characters.
//! Never: how long a text may be; each caller has a constant.

/// The mark after a text that was cut.
pub const MARK: char = '…';

/// The start of a text, at most this many bytes.
#[must_use]
pub fn head(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// As [`head`], for an owned text.
#[must_use]
pub fn to_bytes(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

/// As [`to_bytes`], with a mark after a text that was cut.
#[must_use]
pub fn marked(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text = to_bytes(text, bytes_max);
        text.push(MARK);
    }
    text
}

/// The start of a text, at most this many characters.
#[must_use]
pub fn head_chars(text: &str, chars_max: usize) -> &str {
    text.char_indices().nth(chars_max).map_or(text, |(end, _)| &text[..end])
}

/// The start of a text, at most this many characters; the last one is a mark if the
/// text was cut.
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
    fn a_text_is_cut_between_characters() {
        assert_eq!(head("añb", 2), "a");
        assert_eq!(head("añb", 3), "añ");
        assert_eq!(head("añb", 99), "añb");
        assert_eq!(to_bytes("日本".into(), 5), "日");
        assert_eq!(head_chars("añb", 2), "añ");
        assert_eq!(head_chars("añb", 0), "");
    }

    #[test]
    fn only_a_cut_text_has_a_mark() {
        assert_eq!(marked("añb".into(), 4), "añb");
        assert_eq!(marked("añb".into(), 2), "a…");
        assert_eq!(to_chars("añb", 3), "añb");
        assert_eq!(to_chars("añbc", 3), "añ…");
        assert_eq!(to_chars("ab", 0), "…");
    }
}
