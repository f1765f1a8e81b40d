//! Suggestions for mistyped words.
//!
//! Owns: when a word counts as a mistyped form of another. Never: the list of known
//! words.

/// Most wrong letters in a word of six or more. A word of three to five may have one
/// wrong letter and a shorter one none, because short words are too similar.
const WRONG_MAX: usize = 2;

/// Fewest letters with which the beginning of a word counts as the word.
const BEGINNING_MIN: usize = 3;

/// The known word that was probably meant: one that differs only in case and
/// separators, one that begins with `typed`, or one with one or two wrong letters.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bare = |word: &str| -> String {
        word.chars().filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = bare(typed);
    let length = wanted.chars().count();
    let wrong_max = match length {
        0..BEGINNING_MIN => 0,
        BEGINNING_MIN..6 => WRONG_MAX / 2,
        _ => WRONG_MAX,
    };
    let distance = |known: &str| {
        let known = bare(known);
        if length >= BEGINNING_MIN && known.starts_with(&wanted) {
            return Some(0);
        }
        // A missing or extra letter counts as a wrong one.
        if known.chars().count().abs_diff(length) > wrong_max {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&known, &wanted);
        (distance <= wrong_max && distance < length).then_some(distance)
    };
    let near = known.into_iter().filter_map(|known| Some((distance(known)?, known)));
    near.min_by_key(|(distance, known)| (*distance, known.len())).map(|(_, known)| known)
}

/// The text `; did you mean …?`, or an empty one without a suggestion.
pub fn suggestion<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, known).map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_and_shortened_words_get_a_suggestion() {
        let known = ["claude-code", "codex", "opencode", "pi"];
        for (typed, meant) in [
            ("claude", Some("claude-code")),
            ("claudecode", Some("claude-code")),
            ("Claude_Code", Some("claude-code")),
            ("codx", Some("codex")),
            ("opncoed", Some("opencode")),
            ("p", None),
            ("po", None),
            ("gemini", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
        assert_eq!(suggestion("codx", known), "; did you mean `codex`?");
        assert_eq!(suggestion("gemini", known), "");
    }
}
