//! Parses a script into a syntax tree, on a stack that is large enough.
//!
//! Owns: the bounds that keep hostile nesting from overflowing the stack, which would end
//! the whole process. Never: judges; [`super::walk`] does.
//!
//! The guest has compiled the script before, on a stack of 256 KiB and with a check:
//! code that nests more than a few thousand levels was refused as a syntax error. Some
//! code, such as `a + a + a`, is not nested for a parser, which reads it in a loop, but is
//! nested in the tree. [`super::depth`] cuts it off at a bound.

use std::thread;

use oxc_allocator::Allocator;
use oxc_ast_visit::Visit;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use smol_wf_core::guest::Dialect;

use super::finding::Spot;
use super::refusals::{Named, Refused, Wanted};
use super::settled::Settled;
use super::shapes::Shapes;
use super::tree::Tree;
use super::walk::Walk;
use super::{depth, portable, refusals, rules, unknown, uses};
use crate::error::EngineError;

/// Native stack of the parser; only the used part takes memory. The deepest nesting that
/// the guest accepts, 5,000 levels, fits several times, also in an unoptimised build.
pub(super) const STACK_BYTES: usize = 64 * 1024 * 1024;

/// The result of applying all rules to a script.
pub(super) struct ParsedScript {
    pub(super) spots: Vec<Spot>,
    /// Child workflows that the script names.
    pub(super) named: Vec<Named>,
    /// Servers, folders and images that its calls name.
    pub(super) wanted: Vec<Wanted>,
}

/// Parses a script and applies the rules. `titles` are the phases of `meta`, which begins
/// at byte `meta_at`.
pub(super) fn see(
    text: &str,
    titles: &[String],
    meta_at: usize,
    dialect: Dialect,
) -> Result<ParsedScript, EngineError> {
    let failed = |error| EngineError::System { doing: "start a thread", error };
    thread::scope(|scope| {
        let work = thread::Builder::new().name("check".to_owned()).stack_size(STACK_BYTES);
        let work = work.spawn_scoped(scope, || on_this_stack(text, titles, meta_at, dialect));
        let gone = || failed(std::io::Error::other("the thread of the parser died"));
        work.map_err(failed)?.join().map_err(|_| gone())
    })
}

fn on_this_stack(text: &str, titles: &[String], meta_at: usize, dialect: Dialect) -> ParsedScript {
    let allocator = Allocator::default();
    let options = ParseOptions {
        allow_return_outside_function: true,
        preserve_parens: false,
        ..ParseOptions::default()
    };
    let mut parsed = Parser::new(&allocator, text, SourceType::mjs()).with_options(options).parse();
    if parsed.panicked {
        let message = "the rules could not be applied: their parser does not accept the script";
        let spot = Spot::new(&rules::UNCHECKED, 0, message.to_owned(), "");
        return ParsedScript { spots: vec![spot], named: Vec::new(), wanted: Vec::new() };
    }
    let cut_at = depth::cut(&allocator, &mut parsed.program);
    let program = allocator.alloc(parsed.program);
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(program).semantic;
    let tree = Tree::new(&semantic, cut_at.is_some());
    let shapes = Shapes::new(&tree);
    let settled = Settled::new(&shapes, dialect);
    let mut walk = Walk::new(&settled, text, titles);
    walk.visit_program(program);
    let mut spots = walk.finish(meta_at, cut_at);
    spots.extend(uses::spots(&shapes, text));
    spots.extend(unknown::spots(&tree));
    let Refused { spots: refused, named, wanted } = refusals::find(&shapes, dialect);
    spots.extend(refused);
    if dialect == Dialect::Body {
        spots.extend(portable::spots(&shapes, text, program));
    }
    ParsedScript { spots, named, wanted }
}
