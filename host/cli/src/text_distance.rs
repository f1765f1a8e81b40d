//! Which known word was probably meant.
//!
//! Owns: how near two words must be. Never: a list of words.

/// Most letters to change in a mistyped word.
const LETTERS_MAX: usize = 2;

/// The known word that was probably meant by this one.
pub(crate) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|word| (strsim::damerau_levenshtein(word, typed), word));
    near.filter(|(distance, _)| *distance <= LETTERS_MAX).min().map(|(_, word)| word)
}
