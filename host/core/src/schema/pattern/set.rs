//! Character classes.
//!
//! Owns: the characters of `.`, `\w` and `\s` in ECMA-262. Never: parses a pattern.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

pub(super) fn maybe_not(mut set: ClassUnicode, negated: bool) -> ClassUnicode {
    if negated {
        set.negate();
    }
    set
}

pub(super) fn ranges(list: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(list.iter().map(|(low, high)| ClassUnicodeRange::new(*low, *high)))
}

pub(super) fn single(one: char) -> ClassUnicode {
    ranges(&[(one, one)])
}

/// The set `\w`.
pub(super) fn word() -> ClassUnicode {
    ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
}

/// The set `\s`: white space and line ends.
pub(super) fn space() -> ClassUnicode {
    ranges(&[
        ('\t', '\r'),
        (' ', ' '),
        ('\u{a0}', '\u{a0}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{2000}', '\u{200a}'),
        ('\u{2028}', '\u{2029}'),
        ('\u{202f}', '\u{202f}'),
        ('\u{205f}', '\u{205f}'),
        ('\u{3000}', '\u{3000}'),
        ('\u{feff}', '\u{feff}'),
    ])
}

/// The set `.`: everything except line ends.
pub(super) fn dot() -> ClassUnicode {
    maybe_not(ranges(&[('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')]), true)
}
