//! Strips a text, and checks that the result means the same.
//!
//! Owns: how a text is parsed, before and after, and the comparison of both trees. A
//! construct that was blanked wrongly is found here and refused. Never: blanks anything;
//! [`crate::blank`] does.

use oxc_allocator::Allocator;
use oxc_ast::ast::Program;
use oxc_ast_visit::Visit;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;

use crate::blank::Blank;
use crate::refusal::{Reason, Refusal};
use crate::shape::Shape;

/// The JavaScript of a TypeScript text, with blanks in place of types.
///
/// # Errors
/// When the text cannot be parsed, or holds what is more than a type.
pub fn strip(source: &str) -> Result<String, Refusal> {
    let (shape, blanked) = blank(source)?;
    let allocator = Allocator::default();
    // A parser's error here means that a blank has changed the syntax.
    let program = parse(&allocator, &blanked, SourceType::mjs())
        .map_err(|refusal| Refusal::new(refusal.at, Reason::Ambiguous))?;
    let mut without_types = Shape::default();
    without_types.visit_program(&program);
    match shape.differs(&without_types) {
        None => Ok(blanked),
        Some(at) => Err(Refusal::new(at, Reason::Ambiguous)),
    }
}

fn blank(source: &str) -> Result<(Shape, String), Refusal> {
    let allocator = Allocator::default();
    // As a module: in other code, `await (x)` is a call.
    let program = parse(&allocator, source, SourceType::ts().with_module(true))?;
    Blank::new(source, !program.directives.is_empty()).all(&program)
}

fn parse<'a>(
    allocator: &'a Allocator,
    text: &'a str,
    kind: SourceType,
) -> Result<Program<'a>, Refusal> {
    let options = ParseOptions {
        // A body returns at top level.
        allow_return_outside_function: true,
        // `(x as T) * 2` keeps its parentheses, which are compared.
        preserve_parens: true,
        ..ParseOptions::default()
    };
    let parsed = Parser::new(allocator, text, kind).with_options(options).parse();
    if let Some(problem) = parsed.diagnostics.iter().next() {
        let at = problem.labels.first().map_or(0, |label| label.offset());
        let at = u32::try_from(at).unwrap_or(0);
        return Err(Refusal::syntax(at, problem.message.to_string()));
    }
    if parsed.panicked {
        return Err(Refusal::syntax(0, "it cannot be parsed"));
    }
    Ok(parsed.program)
}
