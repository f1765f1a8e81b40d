//! What the labels of like steps have in common.
//!
//! Owns: the stem of a label, and a number for each stem. Never: decides what is folded.

use std::collections::HashMap;

use crate::cut;

/// Most different stems. Steps with further ones are like no other.
const STEMS_MAX: usize = 10_000;

/// Bytes looked at of a label.
const STEM_BYTES_MAX: usize = 64;

/// Characters that separate the stem from what differs.
const SEPARATORS: [char; 7] = [':', '#', '(', '[', '=', '|', '@'];

/// Number of a stem; equal stems have equal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StemId(pub(super) u32);

/// The stems so far.
#[derive(Debug, Default)]
pub(super) struct Stems {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Stems {
    /// The stem of a label; none if it has none.
    pub(super) fn of(&mut self, label: &str) -> Option<StemId> {
        let stem = stem(label);
        if stem.is_empty() {
            return None;
        }
        if let Some(&number) = self.numbers.get(stem) {
            return Some(StemId(number));
        }
        if self.texts.len() >= STEMS_MAX {
            return None;
        }
        let number = u32::try_from(self.texts.len()).ok()?;
        self.texts.push(stem.to_owned());
        self.numbers.insert(stem.to_owned(), number);
        Some(StemId(number))
    }

    /// The text of a stem.
    pub(super) fn text(&self, stem: StemId) -> &str {
        self.texts.get(stem.0 as usize).map_or("", String::as_str)
    }
}

/// The part of a label before what tells it from its like: `review` of `review: a.rs`
/// and of `review a/b.rs`, `agent number` of `agent number 12`.
fn stem(label: &str) -> &str {
    let label = cut::head(label, STEM_BYTES_MAX).trim();
    let is_soft =
        |character: char| character.is_ascii_digit() || matches!(character, '/' | '\\' | '.' | '…');
    let Some(end) = label.find(|character| SEPARATORS.contains(&character) || is_soft(character))
    else {
        return label;
    };
    let before = &label[..end];
    let is_word_cut = label[end..].starts_with(is_soft) && !before.ends_with(char::is_whitespace);
    // `review src/a.rs` is cut in a word, which differs.
    let whole_words = if is_word_cut { before.rfind(char::is_whitespace) } else { None };
    let stem = whole_words.map_or(before, |end| &before[..end]);
    stem.trim_end_matches(|character: char| !character.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_labels_have_one_stem() {
        for (label, is) in [
            ("review: a.rs", "review"),
            ("review src/a.rs", "review"),
            ("review a.rs", "review"),
            ("agent number 12", "agent number"),
            ("agent-12", "agent"),
            ("Find bugs #3 (again)", "Find bugs"),
            ("verify[2]", "verify"),
            ("plan", "plan"),
            ("write the report", "write the report"),
            ("12", ""),
            ("", ""),
            ("日本語 3", "日本語"),
            ("…", ""),
        ] {
            assert_eq!(stem(label), is, "{label}");
        }
    }

    #[test]
    fn stems_are_bounded() {
        let mut stems = Stems::default();
        let first = stems.of("review: a").unwrap();
        assert_eq!(stems.of("review: b"), Some(first));
        assert_eq!(stems.text(first), "review");
        let letters = |number: usize| -> String {
            (0..5)
                .map(|place| char::from(b'a' + (number / 26_usize.pow(place) % 26) as u8))
                .collect()
        };
        for number in 0..STEMS_MAX + 5 {
            stems.of(&letters(number));
        }
        assert_eq!(stems.of("something new"), None);
        assert_eq!(stems.of("review: c"), Some(first));
    }
}
