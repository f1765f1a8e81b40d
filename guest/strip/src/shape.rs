//! The shape of a syntax tree: the kinds of its nodes and their depths, in order.
//!
//! Owns: what makes two trees equal. Never: looks at types; those are left out by the
//! visitor that makes the shape.

use oxc_ast::ast::Expression;
use oxc_ast::{AstKind, AstType};
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan;

/// Levels of expressions that are walked. The module's stack of 1 MiB ends at some
/// 17,000.
pub(crate) const LEVELS_MAX: u32 = 10_000;

/// One node: its kind, its depth, and the byte at which it begins.
#[derive(Clone, Copy)]
struct Node {
    kind: AstType,
    depth: u32,
    at: u32,
}

/// The nodes of a tree in order.
#[derive(Default)]
pub(crate) struct Shape {
    nodes: Vec<Node>,
    depth: u32,
    levels: u32,
    is_cut: bool,
}

impl Shape {
    pub(crate) fn enter(&mut self, kind: AstKind<'_>) {
        let same = match kind.ty() {
            // Stands where a type stood.
            AstType::EmptyStatement => return,
            // A `;` before it makes a directive an ordinary statement.
            AstType::Directive => AstType::ExpressionStatement,
            other => other,
        };
        self.nodes.push(Node { kind: same, depth: self.depth, at: kind.span().start });
        self.depth += 1;
    }

    pub(crate) fn leave(&mut self, kind: AstKind<'_>) {
        if kind.ty() != AstType::EmptyStatement {
            self.depth -= 1;
        }
    }

    /// The byte, in this tree's text, of the first node in which the other tree differs.
    pub(crate) fn differs(&self, other: &Self) -> Option<u32> {
        if other.is_cut {
            return Some(0);
        }
        let same = |one: &Node, two: &Node| (one.kind, one.depth) == (two.kind, two.depth);
        let mut pairs = self.nodes.iter().zip(&other.nodes);
        match pairs.find(|(one, two)| !same(one, two)) {
            Some((one, _)) => Some(one.at),
            None if self.nodes.len() == other.nodes.len() => None,
            None => Some(self.nodes.get(other.nodes.len()).map_or(0, |node| node.at)),
        }
    }
}

impl<'a> Visit<'a> for Shape {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        if self.levels >= LEVELS_MAX {
            self.is_cut = true;
            return;
        }
        self.levels += 1;
        walk::walk_expression(self, it);
        self.levels -= 1;
    }

    fn enter_node(&mut self, kind: AstKind<'a>) {
        self.enter(kind);
    }

    fn leave_node(&mut self, kind: AstKind<'a>) {
        self.leave(kind);
    }
}
