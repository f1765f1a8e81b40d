//! What an expression's value may be: null, or a list with nulls in it.
//!
//! Owns: reading that off one expression. Never: goes by what an author calls
//! things.

use oxc_ast::ast::{
    Argument, ArrayExpressionElement, ArrowFunctionBody, CallExpression, Expression,
    FormalParameters, ObjectPropertyKind,
};
use smol_wf_core::guest::Dialect;

use super::nulls::{Kind, Nulls};
use super::tree::Tree;

/// Methods whose result holds the same items.
const SAME_ITEMS: [&str; 6] = ["slice", "flat", "concat", "reverse", "toReversed", "with"];

/// Methods whose result is an item.
const ONE_ITEM: [&str; 3] = ["at", "shift", "pop"];

/// Methods that hand items to a function, and at which of its parameters.
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

/// What is known when an expression is looked at.
pub(super) struct Values<'n, 's, 'a> {
    pub(super) tree: &'n Tree<'s, 'a>,
    pub(super) nulls: &'n Nulls,
    pub(super) dialect: Dialect,
}

impl<'a> Values<'_, '_, 'a> {
    /// What this may be; none when nothing is known.
    pub(super) fn kind(&self, expression: &Expression<'a>) -> Option<Kind> {
        match expression {
            Expression::AwaitExpression(awaited) => self.awaited(&awaited.argument),
            Expression::Identifier(name) => {
                self.tree.symbol(name).and_then(|id| self.nulls.kind(id))
            }
            // A copy of a list, or several in one.
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
                let Expression::StaticMemberExpression(member) = &call.callee else { return None };
                let Kind::List(source) = self.kind(&member.object)? else { return None };
                let method = member.property.name.as_str();
                if SAME_ITEMS.contains(&method) {
                    Some(Kind::List(source))
                } else {
                    ONE_ITEM.contains(&method).then_some(Kind::One(source))
                }
            }
            _ => None,
        }
    }

    fn awaited(&self, expression: &Expression<'a>) -> Option<Kind> {
        let Expression::CallExpression(call) = expression else { return None };
        // What an answer is, it stays behind these.
        if let Expression::StaticMemberExpression(member) = &call.callee
            && ["catch", "finally"].contains(&member.property.name.as_str())
        {
            return self.awaited(&member.object);
        }
        match self.tree.primitive(call) {
            Some("agent") => self.may_be_null(call).then_some(Kind::One("agent")),
            Some("parallel") => Some(Kind::List("parallel")),
            Some("pipeline") => Some(Kind::List("pipeline")),
            Some(_) => None,
            None => self.all_of_agents(call).then_some(Kind::List("Promise.all")),
        }
    }

    /// `Promise.all([agent(…), …])`, `Promise.all(items.map(i => agent(…)))`.
    fn all_of_agents(&self, call: &CallExpression<'a>) -> bool {
        let Expression::StaticMemberExpression(callee) = &call.callee else { return false };
        let is_promise =
            matches!(&callee.object, Expression::Identifier(name) if name.name == "Promise");
        if !is_promise || callee.property.name != "all" {
            return false;
        }
        match call.arguments.first().and_then(Argument::as_expression) {
            Some(Expression::ArrayExpression(list)) => {
                let is_agent = |one: &Expression<'a>| self.is_agent(one);
                let mut elements = list.elements.iter();
                !list.elements.is_empty()
                    && elements.all(|one| one.as_expression().is_some_and(is_agent))
            }
            Some(Expression::CallExpression(mapped)) => {
                let is_map = matches!(&mapped.callee,
                    Expression::StaticMemberExpression(member) if member.property.name == "map");
                let callback = mapped.arguments.first().and_then(Argument::as_expression);
                let body = match callback {
                    Some(Expression::ArrowFunctionExpression(arrow)) => &arrow.body,
                    _ => return false,
                };
                let agent = match body {
                    ArrowFunctionBody::FunctionBody(_) => None,
                    expression => expression.as_expression(),
                };
                is_map && agent.is_some_and(|one| self.is_agent(one))
            }
            _ => false,
        }
    }

    fn is_agent(&self, expression: &Expression<'a>) -> bool {
        matches!(expression, Expression::CallExpression(call)
            if self.tree.primitive(call) == Some("agent") && self.may_be_null(call))
    }

    /// An agent that fails is null in a body and throws in a module, unless the
    /// call says otherwise.
    fn may_be_null(&self, call: &CallExpression<'a>) -> bool {
        let options = call.arguments.get(1).and_then(Argument::as_expression);
        let Some(Expression::ObjectExpression(options)) = options else {
            return self.dialect == Dialect::Body;
        };
        let says = options.properties.iter().find_map(|property| match property {
            ObjectPropertyKind::ObjectProperty(property)
                if property.key.static_name().is_some_and(|name| name == "onFailure") =>
            {
                Some(&property.value)
            }
            _ => None,
        });
        match says {
            Some(Expression::StringLiteral(text)) => text.value == "null",
            _ => self.dialect == Dialect::Body,
        }
    }

    /// Where the parameters begin that this call hands items of a list to.
    pub(super) fn item_parameters(&self, call: &CallExpression<'a>) -> Vec<(u32, Kind)> {
        let Expression::StaticMemberExpression(member) = &call.callee else { return Vec::new() };
        let Some(Kind::List(source)) = self.kind(&member.object) else { return Vec::new() };
        let method = member.property.name.as_str();
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

/// The parameters of a function that is an argument.
fn parameters<'b, 'a>(argument: &'b Argument<'a>) -> Option<&'b FormalParameters<'a>> {
    match argument.as_expression()? {
        Expression::ArrowFunctionExpression(arrow) => Some(&arrow.params),
        Expression::FunctionExpression(function) => Some(&function.params),
        _ => None,
    }
}

/// Whether a value is a test: a comparison, its contrary, or a question to a list.
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
