//! The word that was probably meant by one that is not known.
//!
//! Owns: when one word counts as another, mistyped. Never: the list of known
//! words.

/// Letters that may be wrong in a word of six or more; in a shorter one half as
/// many, and none in one of two, so that not every short word counts as every
/// other.
const WRONG_MAX: usize = 2;

/// Letters of the beginning of a word that stand for the whole of it.
const BEGINNING_MIN: usize = 3;

/// The known word that was probably meant: the same but for case and separators,
/// one that begins like that, or one with a letter or two that differ.
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
        // A letter more or less is one that is wrong.
        if known.chars().count().abs_diff(length) > wrong_max {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&known, &wanted);
        (distance <= wrong_max && distance < length).then_some(distance)
    };
    let near = known.into_iter().filter_map(|known| Some((distance(known)?, known)));
    near.min_by_key(|(distance, known)| (*distance, known.len())).map(|(_, known)| known)
}

/// `; did you mean …?`, or nothing.
pub fn suggestion<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, known).map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_near_when_it_was_mistyped_or_cut_short() {
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
