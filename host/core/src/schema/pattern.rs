//! Regular expressions in schemas: their cost, and example texts.
//!
//! Owns: which engine matches a `pattern`. The library's linear engine gets every
//! pattern that it can parse; its time is at most the length of the text times the
//! weight computed here. Patterns with look-around, back-references or many control
//! escapes go to [`backtrack`], which counts its work. Never: compiles a pattern for the
//! linear engine.

mod backtrack;
mod set;
mod syntax;
mod text;

use crate::cut;
use std::cell::Cell;
use std::sync::Arc;

use regex_syntax::hir::{Class, Hir, HirKind};

pub(super) use self::backtrack::Program;

/// The cost of a pattern.
#[derive(Debug, Clone)]
pub(super) struct Weight {
    /// Work for each byte of a text, in eighths of a unit.
    pub(super) work: u64,
    /// Estimated number of states of the compiled pattern.
    pub(super) states: u64,
    /// The program for [`backtrack`], if the linear engine cannot match the pattern.
    pub(super) program: Option<Arc<Program>>,
}

/// Weighs a pattern without compiling it for the linear engine.
///
/// # Errors
/// For people, when neither engine can match the pattern.
pub(super) fn weigh(pattern: &str) -> Result<Weight, String> {
    if let Some(hir) = linear(pattern) {
        return Ok(Weight {
            work: leaves(&hir, false).saturating_add(8),
            states: states(&hir),
            program: None,
        });
    }
    let program = bounded(pattern)?;
    Ok(Weight { work: 0, states: program.size() as u64, program: Some(Arc::new(program)) })
}

/// The program of a pattern that the linear engine cannot match; none for others.
pub(super) fn program(pattern: &str) -> Option<Program> {
    if linear(pattern).is_some() { None } else { bounded(pattern).ok() }
}

/// Whether [`program`] would probably return one; does not compile it.
pub(super) fn is_bounded(pattern: &str) -> bool {
    linear(pattern).is_none() && syntax::read(pattern).is_ok()
}

/// Most control escapes such as `\cA` in a pattern for the linear engine: its
/// translation starts over after each. A pattern with more goes to [`backtrack`].
const CONTROLS_MAX: usize = 16;

/// The pattern as the linear engine will parse it, with an ASCII `\w`; none if it
/// cannot.
fn linear(pattern: &str) -> Option<Hir> {
    if pattern.matches("\\c").count() > CONTROLS_MAX {
        return None;
    }
    let translated = jsonschema_regex::to_rust_regex(pattern).ok()?;
    regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(&translated).ok()
}

fn bounded(pattern: &str) -> Result<Program, String> {
    syntax::read(pattern)
        .and_then(|(node, groups)| Program::of(&node, groups))
        .map_err(|problem| format!("the pattern `{}` is not supported: {problem}", shown(pattern)))
}

/// The start of a pattern, for a message.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 80;
    cut::head_chars(text, SHOWN_CHARS).to_owned()
}

/// Estimated number of states of the compiled pattern.
pub(super) fn states(hir: &Hir) -> u64 {
    leaves(hir, true)
}

/// Number of leaves once repetitions are expanded. With `states`, a class counts as
/// the states that it compiles to.
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

/// Units of work for parsing one byte of a pattern.
const STEPS_PER_BYTE: u64 = 4;

/// A text that probably matches. `choose` picks one of this many alternatives, `left`
/// is the work that may still be done.
pub(super) fn example(
    pattern: &str,
    left: &Cell<u64>,
    choose: &mut dyn FnMut(usize) -> usize,
) -> Option<String> {
    left.set(left.get().checked_sub(STEPS_PER_BYTE * pattern.len() as u64)?);
    match linear(pattern) {
        Some(hir) => text::of_linear(&hir, left, choose),
        None => text::of_bounded(&syntax::read(pattern).ok()?.0, left, choose),
    }
}

#[cfg(test)]
mod tests;
