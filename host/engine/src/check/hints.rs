//! Facts about a script that help to explain the end of its run.
//!
//! Owns: facts that hold in every run: the only loop, the only expression for the result,
//! and whether anything is returned. Never: guesses; of two loops, none is named.

use std::thread;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    ArrowFunctionExpression, DoWhileStatement, ExportDefaultDeclaration,
    ExportDefaultDeclarationKind, Expression, ForInStatement, ForOfStatement, ForStatement,
    Function, IdentifierReference, ReturnStatement, Statement, StaticMemberExpression,
    WhileStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::{ParseOptions, Parser};
use oxc_span::{GetSpan, SourceType, Span};
use oxc_syntax::scope::ScopeFlags;
use smol_wf_core::script::{Position, position_at};

use super::depth::LEVELS_MAX;
use super::parse::STACK_BYTES;

/// The facts about one script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    /// The only loop of the script; none if the script may start other code.
    pub only_loop: Option<Position>,
    /// The only `return` or expression that the result can come from.
    pub only_result: Option<Position>,
    /// Whether the script has no `return` with a value and no `export default`.
    pub returns_nothing: bool,
}

/// Reads the hints from a script that the guest has compiled; no hints if it cannot be
/// parsed.
#[must_use]
pub fn hints(text: &str) -> Hints {
    thread::scope(|scope| {
        let work = thread::Builder::new().name("hints".to_owned()).stack_size(STACK_BYTES);
        let work = work.spawn_scoped(scope, || on_this_stack(text)).ok()?;
        work.join().ok()?
    })
    .unwrap_or_default()
}

fn on_this_stack(text: &str) -> Option<Hints> {
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parse = |kind| Parser::new(&allocator, text, kind).with_options(options).parse();
    // The text is the author's, which may have types.
    let as_module = parse(SourceType::mjs());
    let parsed = match as_module.panicked {
        true => parse(SourceType::ts().with_module(true)),
        false => as_module,
    };
    if parsed.panicked {
        return None;
    }
    let mut walk = Walk::default();
    walk.visit_program(&parsed.program);
    let only = |spans: &[u32]| match spans {
        [one] => Some(position_at(text, *one as usize)),
        _ => None,
    };
    (!walk.is_too_deep).then(|| Hints {
        only_loop: only(&walk.loops).filter(|_| !walk.starts_others),
        only_result: only(&walk.results),
        returns_nothing: walk.results.is_empty() && !walk.has_default,
    })
}

#[derive(Default)]
struct Walk {
    levels: u32,
    is_too_deep: bool,
    /// Number of functions around the current node, without the exported function.
    functions: u32,
    loops: Vec<u32>,
    results: Vec<u32>,
    has_default: bool,
    starts_others: bool,
}

impl Walk {
    fn deeper(&mut self, walk: impl FnOnce(&mut Self)) {
        if self.levels >= LEVELS_MAX {
            self.is_too_deep = true;
            return;
        }
        self.levels += 1;
        walk(self);
        self.levels -= 1;
    }

    fn in_function(&mut self, walk: impl FnOnce(&mut Self)) {
        self.functions += 1;
        walk(self);
        self.functions -= 1;
    }

    fn repeats(&mut self, span: Span) {
        self.loops.push(span.start);
    }

    /// Walks the function that a module exports, whose `return` gives the result.
    fn exported(&mut self, walk: impl FnOnce(&mut Self)) {
        let around = std::mem::replace(&mut self.functions, 0);
        walk(self);
        self.functions = around;
    }
}

impl<'a> Visit<'a> for Walk {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        self.deeper(|walk_| walk::walk_expression(walk_, it));
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        self.deeper(|walk_| walk::walk_statement(walk_, it));
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.in_function(|walk_| walk::walk_function(walk_, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.in_function(|walk_| walk::walk_arrow_function_expression(walk_, it));
    }

    fn visit_export_default_declaration(&mut self, it: &ExportDefaultDeclaration<'a>) {
        self.has_default = true;
        match &it.declaration {
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                self.exported(|walk_| walk::walk_function(walk_, function, ScopeFlags::Function));
            }
            ExportDefaultDeclarationKind::ArrowFunctionExpression(arrow) => {
                if arrow.body.is_expression() {
                    self.results.push(arrow.body.span().start);
                }
                let walk = |walk_: &mut Self| walk::walk_arrow_function_expression(walk_, arrow);
                if arrow.body.is_expression() {
                    self.in_function(walk)
                } else {
                    self.exported(walk)
                }
            }
            other => {
                self.results.push(other.span().start);
                walk::walk_export_default_declaration(self, it);
            }
        }
    }

    fn visit_return_statement(&mut self, it: &ReturnStatement<'a>) {
        if self.functions == 0 && it.argument.is_some() {
            self.results.push(it.span.start);
        }
        walk::walk_return_statement(self, it);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        self.repeats(it.span);
        walk::walk_for_statement(self, it);
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.repeats(it.span);
        walk::walk_for_in_statement(self, it);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.repeats(it.span);
        walk::walk_for_of_statement(self, it);
    }

    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        self.repeats(it.span);
        walk::walk_while_statement(self, it);
    }

    fn visit_do_while_statement(&mut self, it: &DoWhileStatement<'a>) {
        self.repeats(it.span);
        walk::walk_do_while_statement(self, it);
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        self.starts_others |= STARTERS.contains(&it.name.as_str());
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        self.starts_others |= it.property.name == "workflow";
        walk::walk_static_member_expression(self, it);
    }
}

/// Names through which a script may start other code, which may have the loop.
const STARTERS: [&str; 5] = ["workflow", "eval", "Function", "SW", "globalThis"];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Option<u32>, Option<u32>, bool) {
        let found = hints(text);
        let line = |at: Option<Position>| at.map(|at| at.line);
        (line(found.only_loop), line(found.only_result), found.returns_nothing)
    }

    #[test]
    fn the_only_loop_and_the_only_result_are_found() {
        for (text, expected) in [
            ("let n = 0\nwhile (true) n++\nreturn n", (Some(2), Some(3), false)),
            ("const f = () => { return 1 }\nfor (;;) f()", (Some(2), None, true)),
            (
                "export default async () => {\n  do { } while (1)\n  return 1\n}",
                (Some(2), Some(3), false),
            ),
            ("export default () =>\n  agent('x')", (None, Some(2), false)),
            (
                "export default function (input) {\n  if (input) return 1\n  return 2\n}",
                (None, None, false),
            ),
            ("export default 5", (None, Some(1), false)),
            ("export default async function () { await agent('x') }", (None, None, false)),
            ("await agent('x')", (None, None, true)),
            ("return", (None, None, true)),
            ("for (const a of b) { }\nfor (;;) { }", (None, None, true)),
            // The loop may be in the other script.
            ("for (;;) await workflow('other')", (None, None, true)),
            ("for (;;) ctx.workflow('other')", (None, None, true)),
            ("for (;;) eval(text)", (None, None, true)),
            ("this is not a script", (None, None, false)),
        ] {
            assert_eq!(lines(text), expected, "{text}");
        }
    }

    #[test]
    fn a_script_that_is_nested_too_deeply_has_no_hints() {
        let deep = format!("for (;;) 1{}", "+1".repeat(100_000));
        assert_eq!(hints(&deep), Hints::default());
    }
}
