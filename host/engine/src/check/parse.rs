//! Parses a file of a script into a syntax tree, on a stack that is large enough.
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
use super::phases::Begun;
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

/// A file of a script.
pub(super) struct File<'t> {
    pub(super) text: &'t str,
    pub(super) dialect: Dialect,
    /// The phases that `meta` lists.
    pub(super) titles: &'t [String],
    /// None for an imported one.
    pub(super) main: Option<MainFile>,
}

/// What the main file of a script has beyond an imported one.
pub(super) struct MainFile {
    /// The byte at which `meta` begins.
    pub(super) meta_at: usize,
    /// The phases that begin in the imported ones.
    pub(super) begun: Begun,
}

/// The result of applying all rules to a file.
pub(super) struct ParsedFile {
    pub(super) spots: Vec<Spot>,
    /// Child workflows that it names.
    pub(super) named: Vec<Named>,
    /// Servers, folders and images that its calls name.
    pub(super) wanted: Vec<Wanted>,
    /// The phases that begin in it.
    pub(super) begun: Begun,
}

/// Parses a file and applies the rules.
pub(super) fn see(file: File<'_>) -> Result<ParsedFile, EngineError> {
    let failed = |error| EngineError::System { doing: "start a thread", error };
    thread::scope(|scope| {
        let work = thread::Builder::new().name("check".to_owned()).stack_size(STACK_BYTES);
        let work = work.spawn_scoped(scope, || on_this_stack(file));
        let gone = || failed(std::io::Error::other("the thread of the parser died"));
        work.map_err(failed)?.join().map_err(|_| gone())
    })
}

fn on_this_stack(File { text, dialect, titles, main }: File<'_>) -> ParsedFile {
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
        let (named, wanted) = (Vec::new(), Vec::new());
        return ParsedFile { spots: vec![spot], named, wanted, begun: Begun::any() };
    }
    let cut_at = depth::cut(&allocator, &mut parsed.program);
    let program = allocator.alloc(parsed.program);
    let semantic = SemanticBuilder::new().with_build_nodes(true).build(program).semantic;
    let tree = Tree::new(&semantic, cut_at.is_some());
    let shapes = Shapes::new(&tree);
    let settled = Settled::new(&shapes, dialect);
    let mut walk = Walk::new(&settled, text, titles);
    walk.visit_program(program);
    let (mut spots, begun) = walk.finish(main, cut_at);
    spots.extend(uses::spots(&shapes, text));
    spots.extend(unknown::spots(&tree));
    let Refused { spots: refused, named, wanted } = refusals::find(&shapes, dialect);
    spots.extend(refused);
    if dialect == Dialect::Body {
        spots.extend(portable::spots(&shapes, text, program));
    }
    ParsedFile { spots, named, wanted, begun }
}
