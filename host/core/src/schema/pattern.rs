//! Regular expressions in schemas: what they cost, and a text that matches.
//!
//! Owns: reading `pattern` the way the engine will. Never: matches anything;
//! the engine does, in time linear in the text times what is weighed here.

use regex_syntax::hir::{Class, Hir, HirKind};

/// What a pattern costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    /// Work for each byte of a text, in eighths of a step.
    pub(super) work: u64,
    /// States that compiling makes, roughly.
    pub(super) states: u64,
}

/// Weighs a pattern without compiling it.
pub(super) fn weigh(pattern: &str) -> Result<Weight, String> {
    // A pattern in the JavaScript dialect that this parser does not read is
    // taken at its length; whether the engine takes it shows in compilation.
    let Some(hir) = parse(pattern) else {
        let length = pattern.len() as u64;
        return if expands(pattern) {
            Err(format!("the pattern `{}` is not supported", shorten(pattern)))
        } else {
            Ok(Weight { work: 8 + length, states: length })
        };
    };
    Ok(Weight { work: leaves(&hir, false).saturating_add(8), states: leaves(&hir, true) })
}

/// A pattern that repeats could be any size once expanded.
fn expands(pattern: &str) -> bool {
    pattern.contains(['{', '\\'])
}

fn parse(pattern: &str) -> Option<Hir> {
    regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(pattern).ok()
}

fn shorten(text: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    text.chars().take(SHOWN_CHARS).collect()
}

/// Leaves once repetitions are written out; with `states`, a class counts what
/// it compiles to.
fn leaves(hir: &Hir, states: bool) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(_) if !states => 1,
        HirKind::Class(Class::Unicode(class)) => 1 + 2 * class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(class)) => 1 + class.ranges().len() as u64,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min.saturating_add(1)));
            leaves(&repetition.sub, states).saturating_mul(times.max(1)).saturating_add(1)
        }
        HirKind::Capture(capture) => leaves(&capture.sub, states).saturating_add(1),
        HirKind::Concat(list) | HirKind::Alternation(list) => {
            list.iter().fold(1, |sum, one| leaves(one, states).saturating_add(sum))
        }
    }
}

/// A text that matches, as far as that can be read off the pattern. `choose`
/// picks one of so many alternatives.
pub(super) fn example(pattern: &str, choose: &mut dyn FnMut(usize) -> usize) -> Option<String> {
    let mut text = String::new();
    write(&parse(pattern)?, choose, &mut text)?;
    Some(text)
}

/// Longest text that is written for a pattern, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;

fn write(hir: &Hir, choose: &mut dyn FnMut(usize) -> usize, text: &mut String) -> Option<()> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let ranges: Vec<(char, char)> =
                class.ranges().iter().map(|range| (range.start(), range.end())).collect();
            text.push(pick(&ranges, choose)?);
        }
        HirKind::Class(Class::Bytes(class)) => {
            let range = class.ranges().iter().find(|range| range.start().is_ascii())?;
            text.push(char::from(range.start()));
        }
        HirKind::Repetition(repetition) => {
            // Three of `+` read better than one; `?` and `*` show what they allow.
            const REPEATED: u32 = 3;
            let most = repetition.max.unwrap_or(u32::MAX).min(repetition.min.max(REPEATED));
            for _ in 0..most {
                write(&repetition.sub, choose, text)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, choose, text)?,
        HirKind::Concat(list) => {
            for one in list {
                write(one, choose, text)?;
            }
        }
        HirKind::Alternation(list) => write(list.get(choose(list.len()))?, choose, text)?,
    }
    Some(())
}

/// A readable character of a class: a letter, else a digit, else what prints.
fn pick(ranges: &[(char, char)], choose: &mut dyn FnMut(usize) -> usize) -> Option<char> {
    let within = |from: char, to: char| {
        (from..=to)
            .filter(|one| ranges.iter().any(|(low, high)| low <= one && one <= high))
            .collect()
    };
    for (from, to) in [('a', 'z'), ('A', 'Z'), ('0', '9'), ('!', '~'), (' ', ' ')] {
        let found: Vec<char> = within(from, to);
        if !found.is_empty() {
            return found.get(choose(found.len())).copied();
        }
    }
    ranges.first().map(|(low, _)| *low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_repetitions_are_weighed_without_being_written_out() {
        assert!(weigh("((a{1000}){1000}){1000}").unwrap().states > 1_000_000_000);
        assert!(weigh(r"\p{L}{60}").unwrap().states > 10_000);
        assert!(weigh("^[a-z]{1,8}$").unwrap().states < 60);
    }

    #[test]
    fn a_text_is_written_for_a_pattern() {
        for (pattern, text) in [
            ("^[A-Z]{3}-[0-9]{2}$", "AAA-00"),
            ("^(high|low)$", "high"),
            (r"^v\d+(\.\d+)?$", "v000.000"),
        ] {
            assert_eq!(example(pattern, &mut |_| 0).as_deref(), Some(text));
        }
    }
}
