//! Writes example texts for a pattern.
//!
//! Owns: what the examples look like. Never: guarantees a match; the caller checks.

use std::cell::Cell;

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind};

use super::syntax::Node;

/// Picks one of this many alternatives.
type Choose<'c> = &'c mut dyn FnMut(usize) -> usize;

/// Number of repetitions in an example: up to three, because `+` reads better with
/// three than with one, and `?` and `*` should show what they repeat.
fn times(min: u32, max: Option<u32>) -> u32 {
    const REPEATED: u32 = 3;
    max.unwrap_or(u32::MAX).min(min.max(REPEATED))
}

pub(super) fn of_linear(hir: &Hir, left: &Cell<u64>, choose: Choose<'_>) -> Option<String> {
    let mut text = String::new();
    write(hir, left, choose, &mut text)?;
    Some(text)
}

/// Counts one part of a pattern. There may be 2^64 parts that write nothing.
fn spend(left: &Cell<u64>) -> Option<()> {
    left.set(left.get().checked_sub(1)?);
    Some(())
}

/// A text for a pattern with look-around or back-references. `choose` decides whether
/// the content of a look-ahead is written; a look-behind is left out.
pub(super) fn of_bounded(node: &Node, left: &Cell<u64>, choose: Choose<'_>) -> Option<String> {
    let mut made = Made { text: String::new(), groups: Vec::new(), left };
    made.write(node, choose)?;
    Some(made.text)
}

struct Made<'l> {
    text: String,
    /// The last text of each group.
    groups: Vec<String>,
    /// Parts of the pattern that may still be written.
    left: &'l Cell<u64>,
}

impl Made<'_> {
    fn write(&mut self, node: &Node, choose: Choose<'_>) -> Option<()> {
        spend(self.left)?;
        if self.text.len() > TEXT_BYTES_MAX {
            return None;
        }
        match node {
            Node::Set(set) => {
                let one = pick(set, choose)?;
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

fn write(hir: &Hir, left: &Cell<u64>, choose: Choose<'_>, text: &mut String) -> Option<()> {
    spend(left)?;
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            text.push(pick(class, choose)?);
        }
        HirKind::Class(Class::Bytes(class)) => {
            let range = class.ranges().iter().find(|range| range.start().is_ascii())?;
            text.push(char::from(range.start()));
        }
        HirKind::Repetition(repetition) => {
            for _ in 0..times(repetition.min, repetition.max) {
                write(&repetition.sub, left, choose, text)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, left, choose, text)?,
        HirKind::Concat(list) => {
            for one in list {
                write(one, left, choose, text)?;
            }
        }
        HirKind::Alternation(list) => write(list.get(choose(list.len()))?, left, choose, text)?,
    }
    Some(())
}

/// A readable character of a class: a letter, else a digit, else a printable one.
fn pick(set: &ClassUnicode, choose: Choose<'_>) -> Option<char> {
    let ranges = set.ranges();
    for (from, to) in [('a', 'z'), ('A', 'Z'), ('0', '9'), ('!', '~'), (' ', ' ')] {
        // A binary search, because a class may have a thousand ranges.
        let first = ranges.partition_point(|range| range.end() < from);
        let found: Vec<char> = ranges[first..]
            .iter()
            .take_while(|range| range.start() <= to)
            .flat_map(|range| range.start().max(from)..=range.end().min(to))
            .collect();
        if !found.is_empty() {
            return found.get(choose(found.len())).copied();
        }
    }
    ranges.first().map(|range| range.start())
}
