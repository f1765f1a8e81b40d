//! Which expressions are promises, or hold promises.
//!
//! Owns: which values certainly are promises, which hold some, and the calls that they
//! come from. Never: judges their use.

use std::cell::RefCell;
use std::collections::HashMap;

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ArrayExpressionElement, CallExpression, ChainElement, Class, ComputedMemberExpression,
    Expression, ObjectExpression, ObjectPropertyKind,
};
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;
use oxc_syntax::operator::LogicalOperator;

use super::asks::has_own_list;
use super::functions::{Fun, method_of_class, property};
use super::tree::{AWAITED, Binding, Tree, argument, method_of};

/// Methods of lists that keep what their callback returns.
const MAPPING: [&str; 2] = ["map", "flatMap"];

/// Functions of `Promise` that make one promise of many.
const GATHERING: [&str; 4] = ["all", "allSettled", "any", "race"];

/// Methods of a list whose result holds the same items.
const SAME_ITEMS: [&str; 9] =
    ["filter", "slice", "concat", "reverse", "toReversed", "flat", "sort", "toSorted", "with"];

/// Methods of a list whose result is an item.
const ONE_ITEM: [&str; 5] = ["at", "shift", "pop", "find", "findLast"];

/// Methods that pass the items of a list to a function, and the index of the parameter.
const HANDING: [(&str, usize); 11] = [
    ("map", 0),
    ("flatMap", 0),
    ("forEach", 0),
    ("filter", 0),
    ("some", 0),
    ("every", 0),
    ("find", 0),
    ("findIndex", 0),
    ("findLast", 0),
    ("reduce", 1),
    ("reduceRight", 1),
];

/// The origin of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source<'a> {
    /// A primitive such as `agent`, a function of the script, or `Promise` or `async`.
    pub(super) name: &'a str,
    /// Whether a primitive is called, so that work is lost if the promise is not awaited.
    pub(super) asks: bool,
}

impl Source<'_> {
    /// The origin, for messages.
    pub(super) fn call(self) -> String {
        match self.name {
            "Promise" => "promise".to_owned(),
            "async" => "async function".to_owned(),
            name => format!("`{name}()`"),
        }
    }
}

/// What is known about the structure of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    Promise(Source<'a>),
    /// A list of promises only.
    List(Source<'a>),
    /// An object or list with a promise somewhere in it.
    Holder(Source<'a>),
}

impl<'a> Shape<'a> {
    /// The call or construct that the value comes from.
    pub(super) fn source(self) -> Source<'a> {
        match self {
            Self::Promise(source) | Self::List(source) | Self::Holder(source) => source,
        }
    }
}

/// The origin of a promise that does not come from a known call.
const PLAIN: Source<'static> = Source { name: "Promise", asks: false };

/// Finds the shapes of expressions, and remembers those of symbols.
pub(super) struct Shapes<'t, 's, 'a> {
    pub(super) tree: &'t Tree<'s, 'a>,
    /// Whether the script defines a method such as `map`.
    own_list: bool,
    known: RefCell<HashMap<SymbolId, Option<Shape<'a>>>>,
    pub(super) asking: RefCell<HashMap<NodeId, Option<&'static str>>>,
}

impl<'t, 's, 'a> Shapes<'t, 's, 'a> {
    pub(super) fn new(tree: &'t Tree<'s, 'a>) -> Self {
        Self {
            tree,
            own_list: has_own_list(tree),
            known: RefCell::default(),
            asking: RefCell::default(),
        }
    }

    /// The shape of an expression, if it is certain.
    pub(super) fn of(&self, expression: &Expression<'a>) -> Option<Shape<'a>> {
        self.tree.further(|| self.look(expression))?
    }

    fn look(&self, expression: &Expression<'a>) -> Option<Shape<'a>> {
        match expression {
            Expression::CallExpression(call) => self.of_call(call),
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.of_call(call),
                _ => None,
            },
            Expression::Identifier(name) => self.of_symbol(self.tree.symbol(name)?),
            Expression::ConditionalExpression(either) => {
                let one = self.of(&either.consequent)?;
                self.of(&either.alternate).and(Some(one))
            }
            Expression::LogicalExpression(either) if either.operator != LogicalOperator::And => {
                self.of(&either.left)
            }
            Expression::SequenceExpression(all) => self.of(all.expressions.last()?),
            Expression::AssignmentExpression(it) => {
                self.of(&it.right).filter(|_| it.operator.is_assign())
            }
            Expression::ArrayExpression(list) => self.of_list(&list.elements),
            Expression::ObjectExpression(object) => self.of_object(object),
            Expression::ComputedMemberExpression(member) => self.of_item(member),
            Expression::NewExpression(it) => {
                (self.tree.denotes(&it.callee) == Some("Promise")).then_some(Shape::Promise(PLAIN))
            }
            Expression::ImportExpression(_) => Some(Shape::Promise(PLAIN)),
            Expression::AwaitExpression(it) => self.awaited(&it.argument),
            _ => None,
        }
    }

    /// The shape of `list[i]`.
    pub(super) fn of_item(&self, member: &ComputedMemberExpression<'a>) -> Option<Shape<'a>> {
        match self.of(&member.object)? {
            // With a string literal it is a property of the list, not an item.
            Shape::List(source) if !matches!(member.expression, Expression::StringLiteral(_)) => {
                Some(Shape::Promise(source))
            }
            _ => None,
        }
    }

    /// The shape of an array literal.
    pub(super) fn of_list(&self, elements: &[ArrayExpressionElement<'a>]) -> Option<Shape<'a>> {
        let (mut found, mut is_pure) = (None, true);
        for element in elements {
            let of = match element {
                ArrayExpressionElement::SpreadElement(all) => match self.of(&all.argument) {
                    Some(Shape::Promise(_)) => None,
                    of => of,
                },
                one => match one.as_expression().and_then(|one| self.of(one)) {
                    // A list in a list.
                    Some(Shape::List(source)) => Some(Shape::Holder(source)),
                    Some(Shape::Promise(source)) => Some(Shape::List(source)),
                    of => of,
                },
            };
            is_pure &= matches!(of, Some(Shape::List(_)));
            found = found.or(of.map(Shape::source));
        }
        Some(if is_pure { Shape::List(found?) } else { Shape::Holder(found?) })
    }

    /// The shape of an object literal.
    pub(super) fn of_object(&self, object: &ObjectExpression<'a>) -> Option<Shape<'a>> {
        object.properties.iter().find_map(|property| match property {
            ObjectPropertyKind::ObjectProperty(one) => {
                Some(Shape::Holder(self.of(&one.value)?.source()))
            }
            ObjectPropertyKind::SpreadProperty(all) => match self.of(&all.argument)? {
                Shape::Holder(source) => Some(Shape::Holder(source)),
                _ => None,
            },
        })
    }

    /// The shape of what a call returns.
    pub(super) fn of_call(&self, call: &CallExpression<'a>) -> Option<Shape<'a>> {
        if let Some(primitive) = self.tree.primitive(call) {
            let source = Source { name: primitive, asks: true };
            return AWAITED.contains(&primitive).then_some(Shape::Promise(source));
        }
        self.of_method(call).or_else(|| {
            let fun = self.callee(&call.callee)?;
            self.returned(fun)
        })
    }

    fn of_method(&self, call: &CallExpression<'a>) -> Option<Shape<'a>> {
        let (object, method) = method_of(call)?;
        match self.tree.denotes(object) {
            Some("Promise") if GATHERING.contains(&method) => {
                let of = argument(call, 0).and_then(|list| self.of(list));
                let source = of.map_or(PLAIN, Shape::source);
                return Some(Shape::Promise(source));
            }
            Some("Promise") => return Some(Shape::Promise(PLAIN)),
            Some("Array") if method == "from" => {
                return match argument(call, 1) {
                    Some(callback) => self.each(callback),
                    None => match self.of(argument(call, 0)?)? {
                        list @ Shape::List(_) => Some(list),
                        _ => None,
                    },
                };
            }
            _ => {}
        }
        if MAPPING.contains(&method) && !self.own_list {
            return self.each(argument(call, 0)?);
        }
        match (self.of(object)?, method) {
            (promise @ Shape::Promise(_), "then" | "catch" | "finally") => Some(promise),
            (list @ Shape::List(_), _) if SAME_ITEMS.contains(&method) => Some(list),
            (Shape::List(source), _) if ONE_ITEM.contains(&method) => Some(Shape::Promise(source)),
            _ => None,
        }
    }

    /// The list of what a callback returns for each item.
    fn each(&self, callback: &Expression<'a>) -> Option<Shape<'a>> {
        let fun = self.callee(callback)?;
        match self.returned(fun)? {
            Shape::Promise(source) => Some(Shape::List(source)),
            Shape::Holder(source) | Shape::List(source) => Some(Shape::Holder(source)),
        }
    }

    /// The source of promises that are dropped for each item: those that a callback of
    /// `forEach` returns.
    pub(super) fn lost_each(&self, call: &CallExpression<'a>) -> Option<Source<'a>> {
        let (_, method) = method_of(call)?;
        if self.own_list || method != "forEach" {
            return None;
        }
        let fun = self.callee(argument(call, 0)?)?;
        // The rule `for-each` reports async callbacks.
        if fun.is_async() {
            return None;
        }
        match self.returned(fun)? {
            Shape::Promise(source) => Some(source),
            _ => None,
        }
    }

    /// The function of the script that an expression stands for.
    pub(super) fn callee<'b>(&self, callee: &'b Expression<'a>) -> Option<Fun<'b, 'a>>
    where
        'a: 'b,
    {
        if let Some(fun) = Fun::of(callee) {
            return Some(fun);
        }
        match callee {
            Expression::Identifier(name) => match self.tree.binding(self.tree.symbol(name)?) {
                Binding::Function(fun) => Some(fun),
                Binding::Value(value) => self.tree.further(|| self.callee(value))?,
                _ => None,
            },
            Expression::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                match &member.object {
                    Expression::ThisExpression(this) => {
                        method_of_class(self.class_around(this.node_id.get())?, name)
                    }
                    object => match self.tree.written(object) {
                        Expression::ObjectExpression(written) => Fun::of(property(written, name)?),
                        Expression::NewExpression(made) => {
                            let Expression::Identifier(class) = &made.callee else { return None };
                            match self.tree.binding(self.tree.symbol(class)?) {
                                Binding::Class(class) => method_of_class(class, name),
                                _ => None,
                            }
                        }
                        _ => None,
                    },
                }
            }
            _ => None,
        }
    }

    fn class_around(&self, node: NodeId) -> Option<&'a Class<'a>> {
        self.tree.semantic().nodes().ancestor_kinds(node).find_map(|kind| match kind {
            AstKind::Class(class) => Some(class),
            _ => None,
        })
    }

    /// The shape of this function's result.
    pub(super) fn returned(&self, fun: Fun<'_, 'a>) -> Option<Shape<'a>> {
        if fun.is_generator() {
            return None;
        }
        if fun.is_async() {
            let asks = self.asks(fun);
            let name = asks.unwrap_or_else(|| self.own_name(fun));
            return Some(Shape::Promise(Source { name, asks: asks.is_some() }));
        }
        let mut shape = None;
        for one in fun.returns() {
            let next = self.of(one)?;
            shape.get_or_insert(next);
        }
        shape
    }

    /// The name of a function declaration; `async` for other functions.
    fn own_name(&self, fun: Fun<'_, 'a>) -> &'a str {
        match self.tree.kind(fun.node()) {
            AstKind::Function(function) if function.id.is_some() => {
                function.id.as_ref().map_or("async", |id| id.name.as_str())
            }
            _ => "async",
        }
    }

    /// The shape of a variable, if it never changes.
    pub(super) fn of_symbol(&self, symbol: SymbolId) -> Option<Shape<'a>> {
        if let Some(known) = self.known.borrow().get(&symbol) {
            return *known;
        }
        self.known.borrow_mut().insert(symbol, None);
        let found = match self.tree.binding(symbol) {
            Binding::Value(value) => self.of(value).or_else(|| self.built(symbol, value)),
            Binding::Element(value, _) | Binding::Item(value) => match self.of(value) {
                Some(Shape::List(source)) => {
                    self.element(value, symbol).or(Some(Shape::Promise(source)))
                }
                _ => None,
            },
            Binding::Parameter(fun, nth) => self.item_of(fun, nth),
            _ => None,
        };
        self.known.borrow_mut().insert(symbol, found);
        found
    }

    /// The shape of one variable of a pattern: in `const [a, b] = [agent(x), 1]`, only `a`
    /// is a promise.
    fn element(&self, value: &Expression<'a>, symbol: SymbolId) -> Option<Shape<'a>> {
        let Expression::ArrayExpression(list) = value else { return None };
        let Binding::Element(_, nth) = self.tree.binding(symbol) else { return None };
        self.of(list.elements.get(nth)?.as_expression()?)
    }

    /// The shape of a callback's parameter, such as `p` in
    /// `items.map(i => agent(i)).forEach(p => …)`.
    fn item_of(&self, fun: Fun<'a, 'a>, nth: usize) -> Option<Shape<'a>> {
        let AstKind::CallExpression(call) = self.tree.parent(fun.node()) else { return None };
        let (object, method) = method_of(call)?;
        let is_first =
            call.arguments.first()?.as_expression().and_then(Fun::of)?.node() == fun.node();
        let hands = HANDING.contains(&(method, nth));
        match self.of(object)? {
            Shape::List(source) if is_first && hands && !self.own_list => {
                Some(Shape::Promise(source))
            }
            _ => None,
        }
    }

    /// The shape of a list or object that begins empty: `const all = []` to which promises
    /// are pushed, or `const all = {}` whose keys are set to promises.
    fn built(&self, symbol: SymbolId, value: &Expression<'a>) -> Option<Shape<'a>> {
        let is_list = match value {
            Expression::ArrayExpression(list) if list.elements.is_empty() => true,
            Expression::ObjectExpression(object) if object.properties.is_empty() => false,
            _ => return None,
        };
        let mut shape = None;
        for at in self.tree.mentions(symbol) {
            let next = match self.tree.parent(at) {
                AstKind::StaticMemberExpression(member)
                    if is_list && member.property.name == "push" =>
                {
                    let AstKind::CallExpression(call) = self.tree.parent(member.node_id.get())
                    else {
                        return None;
                    };
                    match self.of(argument(call, 0)?)? {
                        Shape::Promise(source) => Shape::List(source),
                        _ => return None,
                    }
                }
                AstKind::StaticMemberExpression(member) if !is_list => {
                    match self.given(member.node_id.get()) {
                        Some(given) => given?,
                        None => continue,
                    }
                }
                AstKind::ComputedMemberExpression(member) if !is_list => {
                    match self.given(member.node_id.get()) {
                        Some(given) => given?,
                        None => continue,
                    }
                }
                _ => continue,
            };
            shape.get_or_insert(next);
        }
        shape
    }

    /// The shape that is assigned to a member; the outer `None` if this is no assignment.
    #[expect(clippy::option_option, reason = "not assigned, and assigned an unknown value")]
    fn given(&self, member: NodeId) -> Option<Option<Shape<'a>>> {
        let AstKind::AssignmentExpression(it) = self.tree.parent(member) else { return None };
        let is_left = it.left.span() == self.tree.kind(member).span();
        is_left.then(|| match self.of(&it.right)? {
            Shape::Promise(source) => Some(Shape::Holder(source)),
            _ => None,
        })
    }
}
