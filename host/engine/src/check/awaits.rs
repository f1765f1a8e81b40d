//! Promises that nobody awaits.
//!
//! Owns: which primitive's promises the value of an expression holds, and which
//! places throw a value away. Never: follows a value through a variable or
//! through a function of the script's own; what is not certain is no finding.

use oxc_ast::ast::{
    Argument, ArrowFunctionBody, ArrowFunctionExpression, AwaitExpression, BindingIdentifier,
    CallExpression, Expression, Function, MemberExpression, ReturnStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::ScopeFlags;

use super::names::{AWAITED, HOLDERS, Names};
use super::walk::NOT_AWAITED_HINT;
use super::{Spot, rules};

/// Methods of lists that call a function for each item, and keep what it returns.
const MAPPING: [&str; 2] = ["map", "flatMap"];

/// Those, and the one that throws it away. A script that has a method of such a
/// name itself may mean that one.
pub(super) const CALLING: [&str; 3] = ["map", "flatMap", "forEach"];

/// Functions of `Promise` that make one promise of many.
const GATHERING: [&str; 4] = ["all", "allSettled", "any", "race"];

const LIST_HINT: &str =
    "write `await parallel(items.map(item => () => …))`, or `await Promise.all(items.map(…))`";

/// A promise that is thrown away.
pub(super) struct Lost {
    pub(super) spot: Spot,
    /// It is one of a list's, so that it depends on what `map` means.
    pub(super) of_list: bool,
}

/// What is known when an expression is looked at.
pub(super) struct Awaits<'n, 'a> {
    pub(super) names: &'n Names<'a>,
}

impl<'a> Awaits<'_, 'a> {
    /// The primitive behind this promise: its own one, or one of many.
    pub(super) fn promised(&self, expression: &Expression<'a>) -> Option<&'static str> {
        self.names.promised(expression).or_else(|| self.gathered(expression))
    }

    /// `Promise.all(items.map(i => agent(i)))`, also with `then` and the like.
    fn gathered(&self, expression: &Expression<'a>) -> Option<&'static str> {
        let call = base_call(expression)?;
        let (object, method) = method_of(call)?;
        let is_promise = matches!(object, Expression::Identifier(name) if name.name == "Promise");
        if !is_promise || !GATHERING.contains(&method) {
            return None;
        }
        self.listed(call.arguments.first()?.as_expression()?)
    }

    /// `[agent(a), agent(b)]`, `items.map(i => agent(i))`.
    pub(super) fn listed(&self, expression: &Expression<'a>) -> Option<&'static str> {
        match expression {
            Expression::ArrayExpression(list) => {
                list.elements.iter().find_map(|one| self.promised(one.as_expression()?))
            }
            Expression::CallExpression(call) => self.each(call, &MAPPING),
            _ => None,
        }
    }

    /// The primitive whose promise comes of each item.
    fn each(&self, call: &CallExpression<'a>, methods: &[&str]) -> Option<&'static str> {
        let (_, method) = method_of(call)?;
        if !methods.contains(&method) {
            return None;
        }
        let is_loop = !MAPPING.contains(&method);
        match call.arguments.first().and_then(Argument::as_expression)? {
            // Another rule speaks of async callbacks of `forEach`.
            Expression::ArrowFunctionExpression(arrow) if !(is_loop && arrow.r#async) => {
                Returned::of(self).arrow(arrow)
            }
            Expression::FunctionExpression(function) if !(is_loop && function.r#async) => {
                Returned::of(self).function(function)
            }
            _ => None,
        }
    }

    /// What is lost when the value of this is thrown away.
    pub(super) fn discarded(&self, expression: &Expression<'a>) -> Vec<Lost> {
        match expression {
            Expression::LogicalExpression(either) => self.discarded(&either.right),
            Expression::ConditionalExpression(either) => {
                let mut spots = self.discarded(&either.consequent);
                spots.extend(self.discarded(&either.alternate));
                spots
            }
            Expression::SequenceExpression(all) => {
                all.expressions.iter().flat_map(|one| self.discarded(one)).collect()
            }
            Expression::CallExpression(call) => {
                let lone = self.names.promised(expression).map(|primitive| {
                    let message = format!("nobody awaits this `{primitive}()`");
                    let spot = spot(expression.span(), message, NOT_AWAITED_HINT);
                    Lost { spot, of_list: false }
                });
                let many = || {
                    let all = self.gathered(expression);
                    let primitive = all.or_else(|| self.each(call, &CALLING))?;
                    let hint = if all.is_some() { NOT_AWAITED_HINT } else { LIST_HINT };
                    let message = format!("nobody awaits the `{primitive}()` calls made here");
                    Some(Lost { spot: spot(expression.span(), message, hint), of_list: true })
                };
                lone.or_else(many).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// `await items.map(i => agent(i))`: a list is no promise.
    pub(super) fn awaited_list(&self, it: &AwaitExpression<'a>) -> Option<Lost> {
        let primitive = self.listed(&it.argument)?;
        let message =
            format!("nobody awaits the `{primitive}()` calls made here: a list is no promise");
        Some(Lost { spot: spot(it.span, message, LIST_HINT), of_list: true })
    }

    /// `log(agent('x'))`.
    pub(super) fn logged(&self, call: &CallExpression<'a>) -> Vec<Spot> {
        if !self.names.logs(call) {
            return Vec::new();
        }
        let arguments = call.arguments.iter().filter_map(Argument::as_expression);
        let lost = arguments.filter_map(|one| Some((one.span(), self.promised(one)?)));
        let spot = |(at, primitive)| {
            let message =
                format!("nobody awaits this `{primitive}()`: what is logged is a promise");
            spot(at, message, NOT_AWAITED_HINT)
        };
        lost.map(spot).collect()
    }
}

fn spot(at: Span, message: String, hint: &str) -> Spot {
    Spot::new(&rules::NOT_AWAITED, at.start, message, hint)
}

/// The call in front of all `then`, `catch` and `finally`.
fn base_call<'b, 'a>(expression: &'b Expression<'a>) -> Option<&'b CallExpression<'a>> {
    let mut current = expression;
    loop {
        let Expression::CallExpression(call) = current else { return None };
        match method_of(call) {
            Some((object, "then" | "catch" | "finally")) => current = object,
            _ => return Some(call),
        }
    }
}

/// The object and the name of a call of a method.
fn method_of<'b, 'a>(call: &'b CallExpression<'a>) -> Option<(&'b Expression<'a>, &'b str)> {
    match call.callee.as_member_expression()? {
        MemberExpression::StaticMemberExpression(member) => {
            Some((&member.object, member.property.name.as_str()))
        }
        _ => None,
    }
}

/// Finds the primitive whose promise a function returns.
struct Returned<'w, 'n, 'a> {
    awaits: &'w Awaits<'n, 'a>,
    /// An async function's promise waits for all that is awaited in it.
    is_async: bool,
    found: Option<&'static str>,
    /// It has a variable of a primitive's name, so that nothing is certain.
    hides: bool,
}

impl<'w, 'n, 'a> Returned<'w, 'n, 'a> {
    fn of(awaits: &'w Awaits<'n, 'a>) -> Self {
        Self { awaits, is_async: false, found: None, hides: false }
    }

    fn arrow(mut self, arrow: &ArrowFunctionExpression<'a>) -> Option<&'static str> {
        self.is_async = arrow.r#async;
        self.visit_formal_parameters(&arrow.params);
        match &arrow.body {
            ArrowFunctionBody::FunctionBody(body) => self.visit_function_body(body),
            expression => {
                let expression = expression.as_expression()?;
                self.returns(expression);
                self.visit_expression(expression);
            }
        }
        self.found.filter(|_| !self.hides)
    }

    fn function(mut self, function: &Function<'a>) -> Option<&'static str> {
        self.is_async = function.r#async;
        self.visit_formal_parameters(&function.params);
        self.visit_function_body(function.body.as_ref()?);
        self.found.filter(|_| !self.hides && !function.generator)
    }

    fn returns(&mut self, expression: &Expression<'a>) {
        self.found = self.found.or_else(|| self.awaits.promised(expression));
    }
}

impl<'a> Visit<'a> for Returned<'_, '_, 'a> {
    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        let name = it.name.as_str();
        self.hides |= AWAITED.contains(&name) || HOLDERS.contains(&name) || name == "Promise";
    }

    fn visit_return_statement(&mut self, it: &ReturnStatement<'a>) {
        if let Some(argument) = &it.argument {
            self.returns(argument);
        }
        walk::walk_return_statement(self, it);
    }

    fn visit_await_expression(&mut self, it: &AwaitExpression<'a>) {
        if self.is_async {
            self.returns(&it.argument);
        }
        walk::walk_await_expression(self, it);
    }

    // What functions within it return is theirs.
    fn visit_function(&mut self, _: &Function<'a>, _: ScopeFlags) {}

    fn visit_arrow_function_expression(&mut self, _: &ArrowFunctionExpression<'a>) {}
}
