//! A text that matches a pattern.
//!
//! Owns: what made-up texts for patterns look like. Never: vouches for them:
//! what is made is put to the pattern afterwards.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::syntax::Node;

/// Picks one of so many alternatives.
type Choose<'c> = &'c mut dyn FnMut(usize) -> usize;

/// Three of `+` read better than one; `?` and `*` show what they allow.
fn times(min: u32, max: Option<u32>) -> u32 {
    const REPEATED: u32 = 3;
    max.unwrap_or(u32::MAX).min(min.max(REPEATED))
}

pub(super) fn of_linear(hir: &Hir, choose: Choose<'_>) -> Option<String> {
    let mut text = String::new();
    write(hir, choose, &mut text)?;
    Some(text)
}

/// Back-references repeat what was written; what a look-ahead asks for is
/// written before the rest, or left out, in turn.
pub(super) fn of_bounded(node: &Node, choose: Choose<'_>) -> Option<String> {
    let mut made = Made { text: String::new(), groups: Vec::new() };
    made.write(node, choose)?;
    Some(made.text)
}

struct Made {
    text: String,
    /// What each group wrote last.
    groups: Vec<String>,
}

impl Made {
    fn write(&mut self, node: &Node, choose: Choose<'_>) -> Option<()> {
        if self.text.len() > TEXT_BYTES_MAX {
            return None;
        }
        match node {
            Node::Set(set) => {
                let ranges: Vec<(char, char)> =
                    set.ranges().iter().map(|range| (range.start(), range.end())).collect();
                let one = pick(&ranges, choose)?;
                self.text.push(one);
            }
            Node::Concat(list) => {
                for one in list {
                    self.write(one, choose)?;
                }
            }
            Node::Alt(list) => self.write(list.get(choose(list.len()))?, choose)?,
            Node::Repeat { inner, min, max, .. } => {
                for _ in 0..times(*min, *max) {
                    self.write(inner, choose)?;
                }
            }
            Node::Group(inner, number) => {
                let from = self.text.len();
                self.write(inner, choose)?;
                let written = self.text.get(from..)?.to_owned();
                self.groups.resize(self.groups.len().max(number + 1), String::new());
                self.groups[*number] = written;
            }
            Node::Look { inner, ahead: true, negated: false } => {
                if choose(2) == 0 {
                    self.write(inner, choose)?;
                }
            }
            Node::Look { .. } | Node::Assert(_) => {}
            Node::Back(number) => {
                let again = self.groups.get(*number).cloned().unwrap_or_default();
                self.text.push_str(&again);
            }
        }
        Some(())
    }
}

/// Longest text that is written for a pattern, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;

fn write(hir: &Hir, choose: Choose<'_>, text: &mut String) -> Option<()> {
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
            for _ in 0..times(repetition.min, repetition.max) {
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
fn pick(ranges: &[(char, char)], choose: Choose<'_>) -> Option<char> {
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
