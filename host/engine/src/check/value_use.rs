//! How the value of an expression is used.
//!
//! Owns: telling whether a value is awaited, dropped, or used as if it were no promise.
//! Never: writes a message; an unknown use counts as one that may await the value.

use oxc_ast::AstKind;
use oxc_ast::ast::{AssignmentTarget, BindingPattern, CallExpression, Expression};
use oxc_semantic::NodeId;
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator::{BinaryOperator, LogicalOperator, UnaryOperator};

use super::functions::Fun;
use super::shapes::{Shape, Shapes};
use super::tree::method_of;

/// Properties of promises.
const OF_PROMISES: [&str; 5] = ["then", "catch", "finally", "constructor", "toString"];

/// A use of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueUse<'a> {
    /// It is awaited, or passed to code that may await it.
    Fine,
    /// It is tested, or its length is read: neither awaits it nor is wrong.
    Neutral,
    /// Nothing gets it, as in an expression statement.
    Dropped,
    /// Operand of the `await` at this byte.
    Awaited(u32),
    /// Converted to a string.
    Text,
    /// This property is read.
    Read(&'a str),
    /// Used as a condition.
    Tested,
    /// Operand of a comparison or of arithmetic.
    Compared,
    /// Iterated or spread.
    Iterated,
    /// Written as JSON.
    Json,
    /// Logged.
    Logged,
    /// The prompt of an agent.
    Prompt,
    /// Called like a function.
    Called,
    /// Destructured.
    TakenApart,
    /// Returned as the result of the script.
    Result,
}

impl<'a> Shapes<'_, '_, 'a> {
    /// The use of this node's value.
    pub(super) fn use_of(&self, node: NodeId, shape: Shape<'a>) -> ValueUse<'a> {
        let mut at = node;
        loop {
            let parent = self.tree.semantic().nodes().parent_id(at);
            let (span, around) = (self.tree.kind(at).span(), self.tree.kind(parent));
            if !is_handed_on(around, span) {
                let of_expression = self.in_expression(around, span, shape);
                return of_expression
                    .or_else(|| self.in_statement(around, span, shape))
                    .unwrap_or(ValueUse::Fine);
            }
            at = parent;
        }
    }

    fn in_expression(
        &self,
        around: AstKind<'a>,
        span: Span,
        shape: Shape<'a>,
    ) -> Option<ValueUse<'a>> {
        let is_promise = matches!(shape, Shape::Promise(_));
        let of_promise = |used| if is_promise { used } else { ValueUse::Fine };
        Some(match around {
            AstKind::ConditionalExpression(_) => looked_at(shape),
            AstKind::LogicalExpression(it) => match it.operator {
                LogicalOperator::And => looked_at(shape),
                // `list || other` is the list itself.
                _ => of_promise(ValueUse::Tested),
            },
            AstKind::SequenceExpression(_) => ValueUse::Dropped,
            AstKind::AwaitExpression(it) => ValueUse::Awaited(it.span.start),
            AstKind::UnaryExpression(it) => match it.operator {
                UnaryOperator::LogicalNot => of_promise(ValueUse::Tested),
                UnaryOperator::UnaryPlus | UnaryOperator::UnaryNegation => {
                    of_promise(ValueUse::Compared)
                }
                _ => ValueUse::Fine,
            },
            AstKind::BinaryExpression(it) => {
                let other = if it.left.span() == span { &it.right } else { &it.left };
                in_binary(it.operator, other, shape)
            }
            AstKind::TemplateLiteral(it) => {
                let above = self.tree.parent(it.node_id.get());
                let is_tagged = matches!(above, AstKind::TaggedTemplateExpression(_));
                match shape {
                    Shape::Promise(_) | Shape::List(_) if !is_tagged => ValueUse::Text,
                    _ => ValueUse::Fine,
                }
            }
            AstKind::StaticMemberExpression(it) => {
                self.read(it.property.name.as_str(), shape, it.node_id.get())
            }
            AstKind::ComputedMemberExpression(it) => match &it.expression {
                key if key.span() == span => of_promise(ValueUse::Text),
                Expression::StringLiteral(name) => {
                    self.read(name.value.as_str(), shape, it.node_id.get())
                }
                _ => of_promise(ValueUse::Read("item")),
            },
            AstKind::CallExpression(call) => self.in_call(call, span, shape),
            AstKind::SpreadElement(it) => match self.tree.parent(it.node_id.get()) {
                AstKind::ObjectExpression(_) => of_promise(ValueUse::TakenApart),
                _ => of_promise(ValueUse::Iterated),
            },
            AstKind::ObjectProperty(it) if it.computed && it.key.span() == span => {
                of_promise(ValueUse::Text)
            }
            AstKind::AssignmentExpression(it) => match &it.left {
                AssignmentTarget::ArrayAssignmentTarget(_)
                | AssignmentTarget::ObjectAssignmentTarget(_) => of_promise(ValueUse::TakenApart),
                _ => ValueUse::Fine,
            },
            AstKind::ArrowFunctionExpression(arrow) => {
                self.as_result(Some(Fun::Arrow(arrow)), shape)
            }
            _ => return None,
        })
    }

    fn in_statement(
        &self,
        around: AstKind<'a>,
        span: Span,
        shape: Shape<'a>,
    ) -> Option<ValueUse<'a>> {
        let is_promise = matches!(shape, Shape::Promise(_));
        let of_promise = |used| if is_promise { used } else { ValueUse::Fine };
        Some(match around {
            AstKind::ExpressionStatement(_) => ValueUse::Dropped,
            AstKind::VariableDeclarator(it) => match &it.id {
                BindingPattern::ObjectPattern(_) | BindingPattern::ArrayPattern(_) => {
                    of_promise(ValueUse::TakenApart)
                }
                _ => ValueUse::Fine,
            },
            AstKind::ReturnStatement(it) => {
                self.as_result(self.tree.function_around(it.node_id.get()), shape)
            }
            AstKind::ExportDefaultDeclaration(_) => self.as_result(None, shape),
            AstKind::IfStatement(_) | AstKind::WhileStatement(_) | AstKind::DoWhileStatement(_) => {
                looked_at(shape)
            }
            AstKind::ForStatement(it) => match &it.test {
                Some(test) if test.span() == span => looked_at(shape),
                _ => ValueUse::Dropped,
            },
            AstKind::SwitchStatement(_) => of_promise(ValueUse::Compared),
            AstKind::ForOfStatement(_) | AstKind::ForInStatement(_) => {
                of_promise(ValueUse::Iterated)
            }
            _ => return None,
        })
    }

    fn as_result(&self, around: Option<Fun<'a, 'a>>, shape: Shape<'a>) -> ValueUse<'a> {
        let is_main = around.is_none_or(|fun| self.tree.is_main(fun));
        match shape {
            Shape::List(_) | Shape::Holder(_) if is_main => ValueUse::Result,
            _ => ValueUse::Fine,
        }
    }

    fn read(&self, name: &'a str, shape: Shape<'a>, member: NodeId) -> ValueUse<'a> {
        let is_given = matches!(
            self.tree.parent(member),
            AstKind::AssignmentExpression(it) if it.left.span() == self.tree.kind(member).span()
        );
        match shape {
            Shape::Promise(_) if OF_PROMISES.contains(&name) || is_given => ValueUse::Fine,
            Shape::Promise(_) => ValueUse::Read(name),
            Shape::List(_) if name == "length" => ValueUse::Neutral,
            Shape::List(_) if name == "join" => ValueUse::Text,
            _ => ValueUse::Fine,
        }
    }

    fn in_call(&self, call: &CallExpression<'a>, span: Span, shape: Shape<'a>) -> ValueUse<'a> {
        let is_promise = matches!(shape, Shape::Promise(_));
        let tree = self.tree;
        if call.callee.span() == span {
            return if is_promise { ValueUse::Called } else { ValueUse::Fine };
        }
        let nth = call.arguments.iter().position(|one| one.span() == span).unwrap_or_default();
        if tree.logs(call) {
            return ValueUse::Logged;
        }
        match (tree.primitive(call), nth) {
            (Some("agent"), 0) => return ValueUse::Prompt,
            (Some("workflow"), 1) => return ValueUse::Json,
            (Some(_), _) => return ValueUse::Fine,
            (None, _) => {}
        }
        if nth == 0 && is_promise {
            match tree.denotes(&call.callee) {
                Some("String") => return ValueUse::Text,
                Some("Number") => return ValueUse::Compared,
                Some("Boolean") => return ValueUse::Tested,
                _ => {}
            }
        }
        let Some((object, method)) = method_of(call) else { return ValueUse::Fine };
        match (tree.denotes(object), method) {
            (Some("JSON"), "stringify") if nth == 0 => ValueUse::Json,
            (Some("Object"), "keys" | "values" | "entries") if is_promise => ValueUse::TakenApart,
            _ => ValueUse::Fine,
        }
    }
}

/// Whether the value of this part is the value of the whole expression.
fn is_handed_on(around: AstKind<'_>, span: Span) -> bool {
    match around {
        AstKind::ChainExpression(_) | AstKind::ParenthesizedExpression(_) => true,
        AstKind::ConditionalExpression(it) => it.test.span() != span,
        AstKind::LogicalExpression(it) => it.left.span() != span,
        AstKind::SequenceExpression(it) => {
            it.expressions.last().is_some_and(|last| last.span() == span)
        }
        _ => false,
    }
}

/// The use in a condition. Promises, lists and objects are always true.
fn looked_at<'a>(shape: Shape<'_>) -> ValueUse<'a> {
    match shape {
        Shape::Promise(_) => ValueUse::Tested,
        Shape::List(_) | Shape::Holder(_) => ValueUse::Neutral,
    }
}

fn in_binary<'a>(
    operator: BinaryOperator,
    other: &Expression<'a>,
    shape: Shape<'a>,
) -> ValueUse<'a> {
    if !matches!(shape, Shape::Promise(_)) {
        let is_text = operator == BinaryOperator::Addition && matches!(shape, Shape::List(_));
        return if is_text { ValueUse::Text } else { ValueUse::Fine };
    }
    let is_plain = other.is_literal()
        || matches!(other, Expression::TemplateLiteral(_))
        || matches!(other, Expression::Identifier(name) if name.name == "undefined");
    match operator {
        BinaryOperator::Addition => ValueUse::Text,
        BinaryOperator::In | BinaryOperator::Instanceof => ValueUse::Fine,
        _ if operator.is_equality() && !is_plain => ValueUse::Fine,
        _ => ValueUse::Compared,
    }
}
