//! Whether an expression may be null, or a list with nulls in it.
//!
//! Owns: deciding that for one expression, with the tracked variables. Never: infers
//! anything from the names of variables.

use oxc_ast::ast::{
    Argument, ArrayExpressionElement, CallExpression, Expression, FormalParameters,
};

use super::nulls::{Kind, Nulls};
use super::settled::{Null, Settled};

/// Methods whose result holds the same items.
const SAME_ITEMS: [&str; 6] = ["slice", "flat", "concat", "reverse", "toReversed", "with"];

/// Methods whose result is an item.
const ONE_ITEM: [&str; 3] = ["at", "shift", "pop"];

/// Methods that pass items to a function, and the indices of its parameters.
const CALLBACKS: [(&str, &[usize]); 15] = [
    ("map", &[0]),
    ("flatMap", &[0]),
    ("forEach", &[0]),
    ("filter", &[0]),
    ("some", &[0]),
    ("every", &[0]),
    ("find", &[0]),
    ("findIndex", &[0]),
    ("findLast", &[0]),
    ("findLastIndex", &[0]),
    ("reduce", &[1]),
    ("reduceRight", &[1]),
    ("sort", &[0, 1]),
    ("toSorted", &[0, 1]),
    ("toSpliced", &[]),
];

/// The facts by which an expression is judged.
pub(super) struct Values<'n, 'r, 't, 's, 'a> {
    pub(super) settled: &'n Settled<'r, 't, 's, 'a>,
    pub(super) nulls: &'n Nulls,
}

impl<'a> Values<'_, '_, '_, '_, 'a> {
    /// How this expression may be null; none if it may not, or if nothing is known.
    pub(super) fn kind(&self, expression: &Expression<'a>) -> Option<Kind> {
        match expression {
            Expression::Identifier(name) => {
                self.settled.shapes.tree.symbol(name).and_then(|id| self.nulls.kind(id))
            }
            // `[...list]`, or several lists in one.
            Expression::ArrayExpression(list) => {
                let kind = |one: &ArrayExpressionElement<'a>| match one {
                    ArrayExpressionElement::SpreadElement(all) => self.kind(&all.argument),
                    _ => None,
                };
                let all_lists = list.elements.iter().all(|one| kind(one).is_some());
                list.elements.first().and_then(kind).filter(|_| all_lists)
            }
            Expression::ComputedMemberExpression(member) => match self.kind(&member.object)? {
                Kind::List(source) if !member.optional => Some(Kind::One(source)),
                _ => None,
            },
            Expression::CallExpression(call) => {
                self.of_method(call).or_else(|| self.found(expression))
            }
            _ => self.found(expression),
        }
    }

    fn found(&self, expression: &Expression<'a>) -> Option<Kind> {
        let value = self.settled.value(expression);
        if self.settled.shapes.tree.is_spent() {
            return None;
        }
        match value {
            Null::Maybe(source) => Some(Kind::One(source)),
            Null::Slots(source) => Some(Kind::List(source)),
            _ => None,
        }
    }

    fn of_method(&self, call: &CallExpression<'a>) -> Option<Kind> {
        let Expression::StaticMemberExpression(member) = &call.callee else { return None };
        let Kind::List(source) = self.kind(&member.object)? else { return None };
        let method = member.property.name.as_str();
        if SAME_ITEMS.contains(&method) {
            return Some(Kind::List(source));
        }
        ONE_ITEM.contains(&method).then_some(Kind::One(source))
    }

    /// The positions of the callback's parameters that get items of a list in this call.
    pub(super) fn item_parameters(&self, call: &CallExpression<'a>) -> Vec<(u32, Kind)> {
        let Expression::StaticMemberExpression(member) = &call.callee else { return Vec::new() };
        let method = member.property.name.as_str();
        // The parameter of `agent(…).then(answer => …)`.
        if method == "then"
            && let Null::Maybe(source) = self.settled.settled(&member.object)
        {
            let first = call.arguments.first().and_then(parameters);
            let first = first.and_then(|parameters| parameters.items.first());
            return first.map(|one| (one.span.start, Kind::One(source))).into_iter().collect();
        }
        let Some(Kind::List(source)) = self.kind(&member.object) else { return Vec::new() };
        let Some((_, which)) = CALLBACKS.iter().find(|(name, _)| *name == method) else {
            return Vec::new();
        };
        let Some(parameters) = call.arguments.first().and_then(parameters) else {
            return Vec::new();
        };
        let starts = which.iter().filter_map(|nth| parameters.items.get(*nth));
        starts.map(|parameter| (parameter.span.start, Kind::One(source))).collect()
    }
}

/// The parameters of a function expression that is an argument.
fn parameters<'b, 'a>(argument: &'b Argument<'a>) -> Option<&'b FormalParameters<'a>> {
    match argument.as_expression()? {
        Expression::ArrowFunctionExpression(arrow) => Some(&arrow.params),
        Expression::FunctionExpression(function) => Some(&function.params),
        _ => None,
    }
}

/// Whether a value is a test: a comparison, a negation, or a question about a list.
pub(super) fn says_yes_or_no(value: &Expression<'_>) -> bool {
    match value.without_parentheses() {
        Expression::BinaryExpression(it) => it.operator.is_equality() || it.operator.is_compare(),
        Expression::UnaryExpression(it) => it.operator.is_not(),
        Expression::LogicalExpression(it) => says_yes_or_no(&it.left) && says_yes_or_no(&it.right),
        Expression::CallExpression(it) => match &it.callee {
            Expression::StaticMemberExpression(member) => {
                matches!(member.property.name.as_str(), "some" | "every" | "includes")
            }
            Expression::Identifier(name) => name.name == "Boolean",
            _ => false,
        },
        _ => false,
    }
}

/// Whether an argument is an async function.
pub(super) fn is_async(argument: &Argument<'_>) -> bool {
    match argument.as_expression() {
        Some(Expression::ArrowFunctionExpression(arrow)) => arrow.r#async,
        Some(Expression::FunctionExpression(function)) => function.r#async,
        _ => false,
    }
}
