//! Cuts off code whose nesting would overflow the stack.
//!
//! Owns: how deep the rules look. Deeper code is cut off, so that no rule has to count
//! levels. Never: judges.

use oxc_allocator::{Allocator, TakeIn};
use oxc_ast::ast::{Expression, Program, Statement};
use oxc_ast_visit::{VisitMut, walk_mut};
use oxc_span::GetSpan;

/// Levels of expressions and statements that are kept. No author nests a tenth of that,
/// and the parser's stack has room for many times more.
pub(super) const LEVELS_MAX: u32 = 2_000;

/// Cuts off code that is nested more deeply. Returns the position of the first cut.
pub(super) fn cut<'a>(allocator: &'a Allocator, program: &mut Program<'a>) -> Option<u32> {
    let mut cut = Cut { allocator, levels: 0, first: None };
    cut.visit_program(program);
    cut.first
}

struct Cut<'a> {
    allocator: &'a Allocator,
    levels: u32,
    first: Option<u32>,
}

impl<'a> VisitMut<'a> for Cut<'a> {
    fn visit_expression(&mut self, it: &mut Expression<'a>) {
        if self.levels >= LEVELS_MAX {
            self.first.get_or_insert(it.span().start);
            // The placeholder means nothing to any rule.
            let _ = it.take_in(&self.allocator);
            return;
        }
        self.levels += 1;
        walk_mut::walk_expression(self, it);
        self.levels -= 1;
    }

    fn visit_statement(&mut self, it: &mut Statement<'a>) {
        if self.levels >= LEVELS_MAX {
            self.first.get_or_insert(it.span().start);
            let _ = it.take_in(&self.allocator);
            return;
        }
        self.levels += 1;
        walk_mut::walk_statement(self, it);
        self.levels -= 1;
    }
}
