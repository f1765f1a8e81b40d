//! Whether slots of `parallel` and items of `pipeline` may be null.
//!
//! Owns: which functions may throw or give null, so that their slots are null. Never:
//! counts a failure that the function handles itself.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ArrayExpressionElement, CallExpression, Expression, LogicalExpression, StaticMemberExpression,
    ThrowStatement, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::NodeId;
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator::LogicalOperator;

use super::functions::Fun;
use super::settled::{Null, Settled};
use super::shapes::Shape;
use super::tree::{AWAITED, argument, method_of};

impl<'a> Settled<'_, '_, '_, 'a> {
    /// Whether a slot of this list may be null. A list that is not a literal may hold
    /// anything.
    pub(super) fn has_null_slots(&self, list: &Expression<'a>) -> bool {
        let tree = self.shapes.tree;
        match tree.written(list) {
            Expression::ArrayExpression(all) if all.elements.is_empty() => {
                let Expression::Identifier(name) = list else { return false };
                tree.symbol(name).is_none_or(|symbol| {
                    let pushed: Vec<bool> =
                        tree.mentions(symbol).filter_map(|at| self.pushed(at)).collect();
                    pushed.is_empty() || pushed.contains(&true)
                })
            }
            Expression::ArrayExpression(all) => all.elements.iter().any(|one| match one {
                ArrayExpressionElement::SpreadElement(more) => self.has_null_slots(&more.argument),
                one => {
                    one.as_expression().is_some_and(|one| self.may_give_null(one).unwrap_or(false))
                }
            }),
            Expression::CallExpression(call) => self.called_list(call),
            _ => true,
        }
    }

    fn called_list(&self, call: &CallExpression<'a>) -> bool {
        let Some((object, method)) = method_of(call) else { return true };
        let is_array = self.shapes.tree.denotes(object) == Some("Array");
        let callback = match method {
            "map" | "flatMap" => argument(call, 0),
            "from" if is_array => argument(call, 1),
            "filter" | "slice" | "reverse" | "concat" => return self.has_null_slots(object),
            _ => return true,
        };
        let Some(fun) = callback.and_then(|callback| self.shapes.callee(callback)) else {
            return true;
        };
        // The list holds promises instead of functions.
        if matches!(self.shapes.returned(fun), Some(Shape::Promise(_))) {
            return self.of_function(fun);
        }
        fun.returns().into_iter().any(|thunk| self.may_give_null(thunk).unwrap_or(false))
    }

    /// Whether the function that `thunks.push(() => …)` adds may give null; none for other
    /// mentions of the list.
    fn pushed(&self, mention: NodeId) -> Option<bool> {
        let tree = self.shapes.tree;
        let AstKind::StaticMemberExpression(member) = tree.parent(mention) else { return None };
        let AstKind::CallExpression(call) = tree.parent(member.node_id.get()) else { return None };
        let is_it = member.property.name == "push" && call.callee.span() == member.span;
        is_it.then(|| argument(call, 0).is_none_or(|one| self.may_give_null(one).unwrap_or(false)))
    }

    /// Whether a function or promise in a slot, or a stage, may end in null; none if that
    /// is not certain.
    pub(super) fn may_give_null(&self, thunk: &Expression<'a>) -> Option<bool> {
        self.shapes.tree.further(|| {
            if let Some(fun) = self.shapes.callee(thunk) {
                return Some(self.of_function(fun));
            }
            match thunk {
                Expression::CallExpression(call) if self.shapes.of_call(call).is_none() => {
                    // `safely(() => …)`: the slot holds the function that it returns.
                    let maker = self.shapes.callee(&call.callee)?;
                    let made = maker.returns();
                    let fun = self.shapes.callee(made.first()?)?;
                    Some(self.of_function(fun)).filter(|_| made.len() == 1)
                }
                Expression::ConditionalExpression(it) => {
                    let either = [&it.consequent, &it.alternate];
                    Some(either.iter().any(|one| self.may_give_null(one).unwrap_or(false)))
                }
                other => match self.shapes.of(other) {
                    Some(Shape::Promise(_)) => Some(match self.settled(other) {
                        Null::Maybe(_) | Null::Said => true,
                        Null::Handled => false,
                        _ => !self.is_caught_within(other),
                    }),
                    _ => None,
                },
            }
        })?
    }

    fn is_caught_within(&self, promise: &Expression<'a>) -> bool {
        let Expression::CallExpression(call) = promise else { return false };
        method_of(call).is_some_and(|(_, method)| method == "catch")
    }

    fn of_function(&self, fun: Fun<'_, 'a>) -> bool {
        if let Some(known) = self.slots.borrow().get(&fun.node()) {
            return *known;
        }
        let is_alone = self.is_alone();
        let may_be_null = self.look_at(fun);
        if is_alone {
            self.slots.borrow_mut().insert(fun.node(), may_be_null);
        }
        may_be_null
    }

    fn look_at(&self, fun: Fun<'_, 'a>) -> bool {
        let result = self.result(fun, &[]);
        if matches!(result, Null::Maybe(_) | Null::Said) {
            return true;
        }
        let within = self.look_into(fun);
        match result {
            _ if within.throws => true,
            Null::Handled => false,
            // A function that tests answers for null handles it.
            _ => within.asks && !within.guards,
        }
    }

    /// Looks for calls that nothing catches, `throw`, and tests of answers in a function.
    fn look_into(&self, fun: Fun<'_, 'a>) -> Within<'_, '_, '_, '_, 'a> {
        let mut within =
            Within { settled: self, outer: fun.node(), asks: false, throws: false, guards: false };
        match fun {
            Fun::Arrow(arrow) => walk::walk_arrow_function_expression(&mut within, arrow),
            Fun::Function(function) => {
                if let Some(body) = &function.body {
                    within.visit_function_body(body);
                }
            }
        }
        within
    }
}

struct Within<'w, 'r, 't, 's, 'a> {
    settled: &'w Settled<'r, 't, 's, 'a>,
    outer: NodeId,
    /// Whether it calls a primitive that may throw.
    asks: bool,
    /// Whether it has a `throw` of its own.
    throws: bool,
    /// Whether it tests an answer for null.
    guards: bool,
}

impl<'a> Visit<'a> for Within<'_, '_, '_, '_, 'a> {
    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let shapes = self.settled.shapes;
        let asks = shapes.tree.primitive(it).is_some_and(|name| AWAITED.contains(&name));
        let of_own = || {
            let fun = shapes.callee(&it.callee)?;
            let look = || shapes.asks(fun).is_some() && self.settled.look_into(fun).asks;
            shapes.tree.further(look)
        };
        if !self.asks && (asks || of_own().unwrap_or(false)) {
            self.asks = !self.is_caught(it.node_id.get());
        }
        if let Some((object, "then")) = method_of(it)
            && let Some(name) = argument(it, 0).and_then(Fun::of).and_then(Fun::first_name)
            && matches!(self.settled.settled(object), Null::Maybe(_))
        {
            self.guards |= self.settled.is_tested(name);
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_throw_statement(&mut self, it: &ThrowStatement<'a>) {
        let node = it.node_id.get();
        let around = self.settled.shapes.tree.function_around(node);
        let is_own = around.is_some_and(|fun| fun.node() == self.outer);
        self.throws |= is_own && !self.is_caught(node);
        walk::walk_throw_statement(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let Some(init) = &it.init {
            let name = it.id.get_binding_identifier().and_then(|name| name.symbol_id.get());
            self.guards |= match self.settled.value(init) {
                Null::Handled => true,
                Null::Maybe(_) => name.is_some_and(|name| self.settled.is_tested(name)),
                _ => false,
            };
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        let is_maybe = || matches!(self.settled.value(&it.left), Null::Maybe(_));
        self.guards |= it.operator != LogicalOperator::And && is_maybe();
        walk::walk_logical_expression(self, it);
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        let is_maybe = || matches!(self.settled.value(&it.object), Null::Maybe(_));
        self.guards |= it.optional && is_maybe();
        walk::walk_static_member_expression(self, it);
    }
}

impl Within<'_, '_, '_, '_, '_> {
    /// Whether a `try` or `.catch()` in the function catches an error that this node throws.
    fn is_caught(&self, node: NodeId) -> bool {
        let tree = self.settled.shapes.tree;
        let mut span = tree.kind(node).span();
        for one in tree.semantic().nodes().ancestor_ids(node) {
            if one == self.outer {
                return false;
            }
            let kind = tree.kind(one);
            match kind {
                AstKind::TryStatement(it) if it.handler.is_some() && it.block.span == span => {
                    return true;
                }
                AstKind::CallExpression(call) if is_behind(call, span) => return true,
                _ => {}
            }
            span = kind.span();
        }
        false
    }
}

/// Whether a call is `….catch(…)`, or a `….then(…, …)` that handles failures.
fn is_behind(call: &CallExpression<'_>, callee: Span) -> bool {
    call.callee.span() == callee
        && match method_of(call) {
            Some((_, "catch")) => true,
            Some((_, "then")) => call.arguments.len() > 1,
            _ => false,
        }
}
