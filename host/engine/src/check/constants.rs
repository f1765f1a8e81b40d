//! Literal values in a script.
//!
//! Owns: reading literals, and constants that hold one, as JSON. Never: computes a value;
//! other values are left out, and the result is marked as incomplete.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ArrayExpressionElement, Expression, ObjectExpression, ObjectPropertyKind, PropertyKind,
};
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;
use oxc_syntax::operator::{BinaryOperator, UnaryOperator};
use serde_json::{Map, Number, Value};

use super::tree::{Binding, Tree, method_of};

/// Methods that change their receiver.
const CHANGING: [&str; 9] =
    ["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin"];

/// A literal value, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) value: Value,
    /// Whether nothing was left out.
    pub(super) is_whole: bool,
}

impl Written {
    fn whole(value: impl Into<Value>) -> Self {
        Self { value: value.into(), is_whole: true }
    }
}

impl<'a> Tree<'_, 'a> {
    /// The expression as JSON, as far as it consists of literals; none if it is not one.
    pub(super) fn json(&self, expression: &Expression<'a>) -> Option<Written> {
        self.further(|| self.read_json(expression))?
    }

    fn read_json(&self, expression: &Expression<'a>) -> Option<Written> {
        match expression {
            Expression::StringLiteral(text) => Some(Written::whole(text.value.as_str())),
            Expression::BooleanLiteral(is) => Some(Written::whole(is.value)),
            Expression::NullLiteral(_) => Some(Written::whole(Value::Null)),
            Expression::NumericLiteral(number) => number_of(number.value),
            Expression::UnaryExpression(it) if it.operator == UnaryOperator::UnaryNegation => {
                match &it.argument {
                    Expression::NumericLiteral(number) => number_of(-number.value),
                    _ => None,
                }
            }
            Expression::TemplateLiteral(_) | Expression::BinaryExpression(_) => {
                self.text(expression).map(Written::whole)
            }
            Expression::ArrayExpression(list) => {
                let (mut values, mut is_whole) = (Vec::new(), true);
                for element in &list.elements {
                    let ArrayExpressionElement::SpreadElement(all) = element else {
                        let one = self.json(element.as_expression()?)?;
                        is_whole &= one.is_whole;
                        values.push(one.value);
                        continue;
                    };
                    let all = self.json(&all.argument)?;
                    let Value::Array(more) = all.value else { return None };
                    is_whole &= all.is_whole;
                    values.extend(more);
                }
                Some(Written { value: Value::Array(values), is_whole })
            }
            Expression::ObjectExpression(object) => Some(self.object(object)),
            Expression::Identifier(name) => {
                let symbol = self.symbol(name)?;
                match self.binding(symbol) {
                    Binding::Value(value) if !self.is_changed(symbol) => self.json(value),
                    _ => None,
                }
            }
            Expression::StaticMemberExpression(member) if !member.optional => {
                let whole = self.json(&member.object)?;
                let value = whole.value.get(member.property.name.as_str())?.clone();
                // The parts that were left out may be at any key.
                whole.is_whole.then(|| Written::whole(value))
            }
            _ => None,
        }
    }

    fn text(&self, expression: &Expression<'a>) -> Option<String> {
        match expression {
            Expression::TemplateLiteral(it) => {
                let mut text = String::new();
                for (nth, part) in it.quasis.iter().enumerate() {
                    text.push_str(part.value.cooked.as_ref()?.as_str());
                    if let Some(inner) = it.expressions.get(nth) {
                        text.push_str(self.json(inner)?.value.as_str()?);
                    }
                }
                Some(text)
            }
            Expression::BinaryExpression(it) if it.operator == BinaryOperator::Addition => {
                let left = self.json(&it.left)?.value.as_str()?.to_owned();
                Some(left + self.json(&it.right)?.value.as_str()?)
            }
            _ => None,
        }
    }

    fn object(&self, object: &ObjectExpression<'a>) -> Written {
        let (mut values, mut is_whole) = (Map::new(), true);
        for property in &object.properties {
            match property {
                ObjectPropertyKind::SpreadProperty(all) => match self.json(&all.argument) {
                    Some(Written { value: Value::Object(more), is_whole: whole }) => {
                        values.extend(more);
                        is_whole &= whole;
                    }
                    // An unknown spread may replace any key before it.
                    _ => {
                        values.clear();
                        is_whole = false;
                    }
                },
                ObjectPropertyKind::ObjectProperty(one) => {
                    let name = one.key.static_name().filter(|_| one.kind == PropertyKind::Init);
                    let Some(name) = name else {
                        values.clear();
                        is_whole = false;
                        continue;
                    };
                    let value = self.json(&one.value).filter(|_| name != "__proto__");
                    values.shift_remove(name.as_ref());
                    match value {
                        Some(written) => {
                            is_whole &= written.is_whole;
                            values.insert(name.into_owned(), written.value);
                        }
                        None => is_whole &= never_arrives(&one.value),
                    }
                }
            }
        }
        Written { value: Value::Object(values), is_whole }
    }

    /// Whether the script changes the list or object that this name holds.
    fn is_changed(&self, symbol: SymbolId) -> bool {
        self.mentions(symbol).any(|node| self.changes(node))
    }

    fn changes(&self, node: NodeId) -> bool {
        let nodes = self.semantic().nodes();
        let mut at = node;
        loop {
            let span = self.kind(at).span();
            let parent = nodes.parent_id(at);
            match self.kind(parent) {
                AstKind::StaticMemberExpression(it) if it.object.span() == span => {}
                AstKind::ComputedMemberExpression(it) if it.object.span() == span => {}
                AstKind::AssignmentExpression(it) => return at != node && it.left.span() == span,
                AstKind::UpdateExpression(_) => return at != node,
                AstKind::UnaryExpression(it) => return it.operator == UnaryOperator::Delete,
                AstKind::CallExpression(call) => {
                    let Some((object, method)) = method_of(call) else { return false };
                    let is_called = call.callee.span() == span && CHANGING.contains(&method);
                    let is_first = call.arguments.first().is_some_and(|one| one.span() == span);
                    let puts = ["assign", "defineProperty", "defineProperties", "setPrototypeOf"];
                    let is_put_into = is_first
                        && self.denotes(object) == Some("Object")
                        && puts.contains(&method);
                    return is_called || is_put_into;
                }
                _ => return false,
            }
            at = parent;
        }
    }
}

fn number_of(number: f64) -> Option<Written> {
    #[expect(clippy::cast_possible_truncation, reason = "compared with what it was")]
    let whole = number as i64;
    #[expect(clippy::cast_precision_loss, reason = "compared with what it was")]
    let is_same = whole as f64 == number;
    let number = if is_same { Number::from(whole) } else { Number::from_f64(number)? };
    Some(Written::whole(Value::Number(number)))
}

/// Whether JSON leaves out this value, so that an option with it never reaches the host.
pub(super) fn never_arrives(value: &Expression<'_>) -> bool {
    match value {
        Expression::Identifier(name) => name.name == "undefined",
        Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_) => true,
        _ => false,
    }
}
