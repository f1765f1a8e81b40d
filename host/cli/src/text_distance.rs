//! Which known word was probably meant.
//!
//! Owns: how near two words must be. Never: a list of words.

/// Most letters to change in a mistyped word.
const LETTERS_MAX: usize = 2;

/// Fewest letters that count as the beginning of a word.
const BEGINNING_MIN: usize = 4;

/// The known word that was probably meant by this one: one with a few other letters, or
/// else one that begins so.
pub(crate) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.collect();
    let begins = |word: &&&str| typed.len() >= BEGINNING_MIN && word.starts_with(typed);
    let begun = known.iter().find(begins).copied();
    let near = known.iter().copied().map(|word| (strsim::damerau_levenshtein(word, typed), word));
    near.filter(|(distance, _)| *distance <= LETTERS_MAX).min().map(|(_, word)| word).or(begun)
}
