//! Whether the value of a promise may be null, or a list with nulls in it.
//!
//! Owns: which calls, callbacks and functions of the script may give null in the script's
//! dialect, and where the script replaces null by something else. Never: infers anything
//! from the names of variables.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use oxc_ast::AstKind;
use oxc_ast::ast::{Argument, ArrayExpressionElement, CallExpression, Expression};
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;
use oxc_syntax::operator::{LogicalOperator, UnaryOperator};
use serde_json::Value;
use smol_wf_core::guest::Dialect;

use super::functions::Fun;
use super::shapes::{Shape, Shapes};
use super::tree::{Binding, argument, method_of};

/// Whether a value may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// It is never null.
    Never,
    /// It may be null, because of this construct.
    Maybe(&'static str),
    /// It is a literal `null` of the script.
    Said,
    /// It may have been null, and the script has tested or replaced it.
    Handled,
    /// It is a list that may hold nulls, made by this construct.
    Slots(&'static str),
    Unknown,
}

impl Null {
    /// Of a value that is one or the other.
    fn or(self, other: Self) -> Self {
        let either = |one| self == one || other == one;
        match (self, other) {
            (one @ Self::Maybe(_), _) | (_, one @ Self::Maybe(_)) => one,
            (one, other) if one == other => one,
            _ if either(Self::Said) => Self::Said,
            // A script that handles null on one path is aware of it.
            _ if either(Self::Handled) => Self::Handled,
            _ => Self::Unknown,
        }
    }

    /// Of the value that a `.catch()` gives in place of a failure.
    fn of_catch(self) -> Self {
        if self == Self::Said { Self::Maybe("catch") } else { self }
    }
}

/// Finds out which values may be `null` once their promises have settled.
pub(super) struct Settled<'r, 't, 's, 'a> {
    pub(super) shapes: &'r Shapes<'t, 's, 'a>,
    pub(super) dialect: Dialect,
    /// Parameters of the functions that are being followed, with their arguments.
    given: RefCell<Vec<(SymbolId, Null)>>,
    says_on_failure: OnceCell<bool>,
    tested: RefCell<HashMap<SymbolId, bool>>,
    /// Functions, and whether their slots may be null, as far as that was looked up.
    pub(super) slots: RefCell<HashMap<NodeId, bool>>,
}

impl<'r, 't, 's, 'a> Settled<'r, 't, 's, 'a> {
    pub(super) fn new(shapes: &'r Shapes<'t, 's, 'a>, dialect: Dialect) -> Self {
        Self {
            shapes,
            dialect,
            given: RefCell::default(),
            says_on_failure: OnceCell::new(),
            tested: RefCell::default(),
            slots: RefCell::default(),
        }
    }

    /// Whether the value of this expression may be null.
    pub(super) fn value(&self, expression: &Expression<'a>) -> Null {
        self.shapes.tree.further(|| self.look(expression, false)).unwrap_or(Null::Unknown)
    }

    /// Whether the value of this expression may be null once it is awaited.
    pub(super) fn settled(&self, expression: &Expression<'a>) -> Null {
        self.shapes.tree.further(|| self.look(expression, true)).unwrap_or(Null::Unknown)
    }

    fn look(&self, expression: &Expression<'a>, awaited: bool) -> Null {
        let again = |one| if awaited { self.settled(one) } else { self.value(one) };
        match expression {
            Expression::AwaitExpression(it) => self.settled(&it.argument),
            Expression::NullLiteral(_) => Null::Said,
            Expression::StringLiteral(_)
            | Expression::NumericLiteral(_)
            | Expression::BooleanLiteral(_)
            | Expression::TemplateLiteral(_)
            | Expression::ObjectExpression(_)
            | Expression::ArrayExpression(_)
            | Expression::ArrowFunctionExpression(_)
            | Expression::FunctionExpression(_)
            | Expression::BinaryExpression(_) => Null::Never,
            Expression::ConditionalExpression(it) => again(&it.consequent).or(again(&it.alternate)),
            Expression::SequenceExpression(it) => {
                it.expressions.last().map_or(Null::Unknown, again)
            }
            Expression::LogicalExpression(it) => {
                let is_promise = matches!(self.shapes.of(&it.left), Some(Shape::Promise(_)));
                match it.operator {
                    LogicalOperator::And => match self.unguarded(&it.left) {
                        one @ Null::Maybe(_) => one,
                        _ => again(&it.right),
                    },
                    // A promise is never null itself.
                    _ if is_promise => again(&it.left),
                    _ => match (again(&it.left), again(&it.right)) {
                        (Null::Never, _) => Null::Never,
                        (_, right @ (Null::Maybe(_) | Null::Said)) => right,
                        _ => Null::Handled,
                    },
                }
            }
            Expression::Identifier(name) => match self.shapes.tree.symbol(name) {
                Some(symbol) => self.name(symbol, awaited, true),
                None => Null::Unknown,
            },
            Expression::CallExpression(call) => {
                if awaited {
                    return self.call(call);
                }
                match self.shapes.of_call(call) {
                    Some(_) => Null::Never,
                    None => self.own_call(call),
                }
            }
            _ => Null::Unknown,
        }
    }

    /// The same as [`Self::value`], also if the script tests the variable.
    fn unguarded(&self, expression: &Expression<'a>) -> Null {
        match expression {
            Expression::Identifier(name) => match self.shapes.tree.symbol(name) {
                Some(symbol) => self.name(symbol, false, false),
                None => Null::Unknown,
            },
            other => self.value(other),
        }
    }

    fn name(&self, symbol: SymbolId, awaited: bool, guards: bool) -> Null {
        let given = self.given.borrow().iter().rev().find(|(one, _)| *one == symbol).map(|it| it.1);
        let is = given.unwrap_or_else(|| match self.shapes.tree.binding(symbol) {
            Binding::Value(value) if awaited => self.settled(value),
            Binding::Value(value) => self.value(value),
            _ => Null::Unknown,
        });
        match is {
            Null::Never => Null::Never,
            _ if guards && self.is_tested(symbol) => Null::Handled,
            is => is,
        }
    }

    /// Whether the awaited result of a call may be null.
    fn call(&self, call: &CallExpression<'a>) -> Null {
        match self.shapes.tree.primitive(call) {
            Some("agent") => return self.agent(call),
            Some("parallel") => {
                let has = argument(call, 0).is_none_or(|list| self.has_null_slots(list));
                return if has { Null::Slots("parallel") } else { Null::Unknown };
            }
            Some("pipeline") => {
                let stages = call.arguments.iter().skip(1);
                let may = |stage: &Argument<'a>| {
                    stage
                        .as_expression()
                        .is_none_or(|stage| self.may_give_null(stage) != Some(false))
                };
                return if stages.into_iter().any(may) {
                    Null::Slots("pipeline")
                } else {
                    Null::Unknown
                };
            }
            Some(_) => return Null::Unknown,
            None => {}
        }
        let Some((object, method)) = method_of(call) else { return self.own_call(call) };
        match (self.shapes.tree.denotes(object), method) {
            (Some("Promise"), "all") => match argument(call, 0).map(|list| self.item(list)) {
                Some(Null::Maybe(_)) => Null::Slots("Promise.all"),
                _ => Null::Unknown,
            },
            (Some("Promise"), "race" | "any") => {
                argument(call, 0).map_or(Null::Unknown, |list| self.item(list))
            }
            (Some("Promise"), "resolve") => {
                argument(call, 0).map_or(Null::Unknown, |value| self.settled(value))
            }
            (Some(_), _) => Null::Unknown,
            (None, "then") => match argument(call, 0) {
                Some(callback) => {
                    let then = self.returned(callback, &[self.settled(object)]);
                    let failed =
                        argument(call, 1).map(|other| self.returned(other, &[]).of_catch());
                    failed.map_or(then, |failed| then.or(failed))
                }
                None => Null::Unknown,
            },
            (None, "catch") => match argument(call, 0) {
                Some(callback) => self.settled(object).or(self.returned(callback, &[]).of_catch()),
                None => self.settled(object),
            },
            (None, "finally") => self.settled(object),
            _ => self.own_call(call),
        }
    }

    fn own_call(&self, call: &CallExpression<'a>) -> Null {
        let values: Vec<Null> = call
            .arguments
            .iter()
            .map(|one| match one.as_expression() {
                // A function that gets a promise is expected to await it.
                Some(one) if matches!(self.shapes.of(one), Some(Shape::Promise(_))) => {
                    self.settled(one)
                }
                Some(one) => self.value(one),
                None => Null::Unknown,
            })
            .collect();
        self.returned(&call.callee, &values)
    }

    /// Whether no call is being followed, so that results do not depend on arguments.
    pub(super) fn is_alone(&self) -> bool {
        self.given.borrow().is_empty()
    }

    /// Whether the result of a function of the script may be null, for these arguments.
    fn returned(&self, callee: &Expression<'a>, values: &[Null]) -> Null {
        match self.shapes.callee(callee) {
            Some(fun) => self.result(fun, values),
            None => Null::Unknown,
        }
    }

    /// Whether the awaited result of this function may be null, for these arguments.
    pub(super) fn result(&self, fun: Fun<'_, 'a>, values: &[Null]) -> Null {
        let before = self.given.borrow().len();
        for (nth, parameter) in fun.parameters().items.iter().enumerate() {
            if let Some(name) = parameter.pattern.get_binding_identifier()
                && let Some(symbol) = name.symbol_id.get()
            {
                let value = values.get(nth).copied().unwrap_or(Null::Unknown);
                self.given.borrow_mut().push((symbol, value));
            }
        }
        let results = fun.returns().into_iter().map(|one| self.settled(one));
        let result = results.reduce(Null::or).unwrap_or(Null::Unknown);
        self.given.borrow_mut().truncate(before);
        result
    }

    /// Whether the items of a list of promises may be null once awaited, if they are alike.
    fn item(&self, list: &Expression<'a>) -> Null {
        let list = self.shapes.tree.written(list);
        match list {
            Expression::ArrayExpression(all) => {
                let each = all.elements.iter().map(|one| match one {
                    ArrayExpressionElement::SpreadElement(more) => self.item(&more.argument),
                    one => one.as_expression().map_or(Null::Unknown, |one| self.settled(one)),
                });
                let is_maybe = |one: &Null| matches!(one, Null::Maybe(_));
                let each: Vec<Null> = each.collect();
                each.first().copied().filter(|_| each.iter().all(is_maybe)).unwrap_or(Null::Unknown)
            }
            Expression::CallExpression(call) => match method_of(call) {
                Some((_, "map")) => {
                    argument(call, 0).map_or(Null::Unknown, |callback| self.returned(callback, &[]))
                }
                Some((array, "from")) if self.shapes.tree.denotes(array) == Some("Array") => {
                    argument(call, 1).map_or(Null::Unknown, |callback| self.returned(callback, &[]))
                }
                _ => Null::Unknown,
            },
            _ => Null::Unknown,
        }
    }

    /// A failed agent gives null in a body and throws in a module, unless the call has
    /// `onFailure`.
    fn agent(&self, call: &CallExpression<'a>) -> Null {
        let by_dialect = match self.dialect {
            Dialect::Body => Null::Maybe("agent"),
            Dialect::Module => Null::Never,
        };
        let Some(options) = call.arguments.get(1) else { return by_dialect };
        let written = options.as_expression().and_then(|one| self.shapes.tree.json(one));
        let says = written.as_ref().and_then(|written| written.value.get("onFailure"));
        match says {
            Some(Value::String(text)) if text == "null" => Null::Maybe("agent"),
            Some(Value::String(text)) if text == "throw" => Null::Never,
            Some(_) => by_dialect,
            // The option may come from a value that is not a literal.
            None if self.says_on_failure() => Null::Unknown,
            None => by_dialect,
        }
    }

    fn says_on_failure(&self) -> bool {
        *self.says_on_failure.get_or_init(|| {
            let nodes = self.shapes.tree.semantic().nodes();
            nodes.iter().any(|node| match node.kind() {
                AstKind::ObjectProperty(one) => {
                    one.key.static_name().is_some_and(|name| name == "onFailure")
                }
                _ => false,
            })
        })
    }

    /// Whether a condition mentions a variable, or a function gets it.
    pub(super) fn is_tested(&self, symbol: SymbolId) -> bool {
        if let Some(known) = self.tested.borrow().get(&symbol) {
            return *known;
        }
        let is_tested = self.shapes.tree.mentions(symbol).any(|node| self.looks(node));
        self.tested.borrow_mut().insert(symbol, is_tested);
        is_tested
    }

    fn looks(&self, node: NodeId) -> bool {
        let nodes = self.shapes.tree.semantic().nodes();
        let mut span = self.shapes.tree.kind(node).span();
        for kind in nodes.ancestor_kinds(node) {
            let looks = match kind {
                AstKind::ConditionalExpression(it) => it.test.span() == span,
                AstKind::LogicalExpression(it) => it.left.span() == span,
                AstKind::IfStatement(it) => it.test.span() == span,
                AstKind::WhileStatement(it) => it.test.span() == span,
                AstKind::UnaryExpression(it) => it.operator == UnaryOperator::LogicalNot,
                AstKind::BinaryExpression(it) => it.operator.is_equality(),
                AstKind::SwitchStatement(it) => it.discriminant.span() == span,
                AstKind::CallExpression(call) => {
                    matches!(call.callee, Expression::Identifier(_))
                        && call.callee.span() != span
                        && self.shapes.tree.primitive(call).is_none()
                }
                kind if kind.is_statement() || kind.is_function_like() => return false,
                _ => false,
            };
            if looks {
                return true;
            }
            span = kind.span();
        }
        false
    }
}
