//! The kind of value that an expression certainly has.
//!
//! Owns: the kinds that decide whether a call is refused. Never: follows a value that may
//! be of two kinds.

use oxc_ast::AstKind;
use oxc_ast::ast::{Expression, ObjectPropertyKind};
use oxc_syntax::operator::UnaryOperator;
use serde_json::Value;

use super::functions::Fun;
use super::shapes::{Shape, Shapes};
use super::tree::{Binding, argument, method_of};

/// The type of a value, as far as the checks distinguish types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    EmptyText,
    Number,
    Boolean,
    /// `null` or `undefined`.
    Nothing,
    Object,
    List,
    Function,
    Promise,
}

impl Kind {
    /// The kind as messages name it.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::EmptyText => "an empty string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Nothing => "null or undefined",
            Self::Object => "an object",
            Self::List => "an array",
            Self::Function => "a function",
            Self::Promise => "a promise",
        }
    }
}

impl<'a> Shapes<'_, '_, 'a> {
    /// The kind of an expression, if it is certain.
    pub(super) fn kind_of(&self, expression: &Expression<'a>) -> Option<Kind> {
        self.tree.further(|| self.read_kind(expression))?
    }

    fn read_kind(&self, expression: &Expression<'a>) -> Option<Kind> {
        match expression {
            Expression::StringLiteral(text) if text.value.is_empty() => Some(Kind::EmptyText),
            Expression::TemplateLiteral(it) if it.expressions.is_empty() => {
                let is_empty = it.quasis.iter().all(|part| part.value.raw.is_empty());
                Some(if is_empty { Kind::EmptyText } else { Kind::Text })
            }
            Expression::StringLiteral(_) | Expression::TemplateLiteral(_) => Some(Kind::Text),
            Expression::NumericLiteral(_) | Expression::BigIntLiteral(_) => Some(Kind::Number),
            Expression::BooleanLiteral(_) => Some(Kind::Boolean),
            Expression::NullLiteral(_) => Some(Kind::Nothing),
            Expression::UnaryExpression(it) => match it.operator {
                UnaryOperator::LogicalNot => Some(Kind::Boolean),
                UnaryOperator::UnaryNegation => {
                    self.kind_of(&it.argument).filter(|kind| *kind == Kind::Number)
                }
                _ => None,
            },
            Expression::Identifier(name) if name.name == "undefined" => Some(Kind::Nothing),
            Expression::ObjectExpression(_) | Expression::RegExpLiteral(_) => Some(Kind::Object),
            Expression::ArrayExpression(_) => Some(Kind::List),
            Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_) => {
                Some(Kind::Function)
            }
            Expression::AwaitExpression(it) => self.answer(&it.argument),
            Expression::Identifier(name) => {
                let symbol = self.tree.symbol(name)?;
                match self.tree.binding(symbol) {
                    Binding::Value(value) => self.kind_of(value),
                    Binding::Function(_) => Some(Kind::Function),
                    Binding::Item(list) => self.item_kind(list),
                    Binding::Parameter(fun, 0) => self.item_kind(self.list_of(fun)?),
                    _ => None,
                }
            }
            other => match self.of(other)? {
                Shape::Promise(_) => Some(Kind::Promise),
                Shape::List(_) => Some(Kind::List),
                Shape::Holder(_) => None,
            },
        }
    }

    /// The list whose items this function is called with.
    fn list_of(&self, fun: Fun<'a, 'a>) -> Option<&'a Expression<'a>> {
        let AstKind::CallExpression(call) = self.tree.parent(fun.node()) else { return None };
        let (object, method) = method_of(call)?;
        let is_it = ["map", "flatMap", "forEach"].contains(&method)
            && argument(call, 0).and_then(Fun::of)?.node() == fun.node();
        is_it.then_some(object)
    }

    /// The kind of all items of a list literal, if it is the same.
    fn item_kind(&self, list: &Expression<'a>) -> Option<Kind> {
        let Expression::ArrayExpression(list) = self.tree.written(list) else { return None };
        let mut kinds = list.elements.iter().map(|one| self.kind_of(one.as_expression()?));
        let first = kinds.next()??;
        kinds.all(|kind| kind == Some(first)).then_some(first)
    }

    /// The kind of an awaited answer: an object if the schema of the agent asks for one.
    fn answer(&self, awaited: &Expression<'a>) -> Option<Kind> {
        let Expression::CallExpression(call) = awaited else { return None };
        if self.tree.primitive(call) != Some("agent") {
            return None;
        }
        let options = self.tree.json(argument(call, 1)?)?;
        match options.value.get("schema")?.get("type") {
            Some(Value::String(kind)) if kind == "object" => Some(Kind::Object),
            _ => None,
        }
    }

    /// Whether this becomes `[object Object]` in a string.
    pub(super) fn is_plain_object(&self, expression: &Expression<'a>) -> bool {
        if self.kind_of(expression) != Some(Kind::Object) {
            return false;
        }
        match self.tree.written(expression) {
            Expression::ObjectExpression(object) => {
                !object.properties.iter().any(|property| match property {
                    ObjectPropertyKind::SpreadProperty(_) => true,
                    ObjectPropertyKind::ObjectProperty(one) => {
                        one.computed || one.key.static_name().is_some_and(|key| key == "toString")
                    }
                })
            }
            Expression::RegExpLiteral(_) => false,
            _ => true,
        }
    }
}
