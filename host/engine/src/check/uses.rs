//! Promises that are not awaited.
//!
//! Owns: the findings, at most one for each variable. Never: finds the shape of a value
//! ([`super::shapes`]) or its use ([`super::value_use`]).

use std::collections::HashSet;

use oxc_ast::AstKind;
use oxc_ast::ast::{BindingPattern, CallExpression, Expression};
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;

use super::finding::Spot;
use super::rules;
use super::shapes::{Shape, Shapes, Source};
use super::tree::method_of;
use super::value_use::ValueUse;
use super::walk::{NOT_AWAITED_HINT, quoted};

const LIST_HINT: &str =
    "write `await parallel(items.map(item => () => …))`, or `await Promise.all(items.map(…))`";

const BEFORE_HINT: &str = "write `await` before the call, or before the promise where it is used";

/// The findings about promises in a script.
pub(super) fn spots<'a>(shapes: &Shapes<'_, '_, 'a>, text: &str) -> Vec<Spot> {
    let mut uses = Uses { shapes, text, spots: Vec::new(), told: HashSet::new() };
    for node in shapes.tree.semantic().nodes() {
        match node.kind() {
            AstKind::CallExpression(call) => uses.call(call),
            AstKind::IdentifierReference(name) => {
                let Some(symbol) = shapes.tree.symbol(name) else { continue };
                if let Some(shape) = shapes.of_symbol(symbol) {
                    uses.mention(node.id(), symbol, shape);
                }
            }
            AstKind::AwaitExpression(it) => {
                if let Some(shape) = shapes.awaited(&it.argument) {
                    uses.look(node.id(), shape, None);
                }
            }
            AstKind::ComputedMemberExpression(member) => {
                if let Some(shape) = shapes.of_item(member) {
                    uses.look(node.id(), shape, None);
                }
            }
            AstKind::ArrayExpression(list) => {
                if let Some(shape) = shapes.of_list(&list.elements) {
                    uses.look(node.id(), shape, None);
                }
            }
            AstKind::ObjectExpression(object) => {
                if let Some(shape) = shapes.of_object(object) {
                    uses.look(node.id(), shape, None);
                }
            }
            AstKind::VariableDeclarator(one) => {
                if let (Some(init), BindingPattern::BindingIdentifier(name)) = (&one.init, &one.id)
                    && let Some(symbol) = name.symbol_id.get()
                    && let Some(shape) = shapes.of(init)
                {
                    uses.forgotten(symbol, shape, init);
                }
            }
            _ => {}
        }
    }
    uses.spots
}

struct Uses<'u, 't, 's, 'a> {
    shapes: &'u Shapes<'t, 's, 'a>,
    text: &'u str,
    spots: Vec<Spot>,
    /// Variables with a finding.
    told: HashSet<SymbolId>,
}

impl<'a> Uses<'_, '_, '_, 'a> {
    fn call(&mut self, call: &CallExpression<'a>) {
        let node = call.node_id.get();
        match self.shapes.of_call(call) {
            Some(shape) => {
                self.look(node, shape, None);
            }
            None => {
                if let Some(source) = self.shapes.lost_each(call)
                    && source.asks
                {
                    let message = format!("the {} calls made here are not awaited", source.call());
                    self.say(call.span.start, message, LIST_HINT);
                }
            }
        }
    }

    fn mention(&mut self, node: NodeId, symbol: SymbolId, shape: Shape<'a>) {
        if !self.told.contains(&symbol) && self.look(node, shape, Some(symbol)) {
            self.told.insert(symbol);
        }
    }

    /// Reports a promise in a variable that is never used, or used only in neutral ways.
    fn forgotten(&mut self, symbol: SymbolId, shape: Shape<'a>, init: &Expression<'a>) {
        let tree = self.shapes.tree;
        let source = shape.source();
        if tree.is_cut || !source.asks || matches!(shape, Shape::Holder(_)) {
            return;
        }
        let uses = tree.mentions(symbol).map(|at| self.shapes.use_of(at, shape));
        let uses: Vec<ValueUse<'_>> = uses.collect();
        if uses.iter().any(|used| *used != ValueUse::Neutral) {
            return;
        }
        let name = tree.name(symbol);
        let what = self.what(shape, Some(init));
        let why = match uses.is_empty() {
            true => format!("`{name}` is not used"),
            false => format!("`{name}` is not awaited anywhere"),
        };
        self.say(init.span().start, format!("{what}: {why}"), hint(shape));
    }

    /// Reports a wrong use of this node's value. Returns whether it did.
    fn look(&mut self, node: NodeId, shape: Shape<'a>, symbol: Option<SymbolId>) -> bool {
        let used = self.shapes.use_of(node, shape);
        let kind = self.shapes.tree.kind(node);
        let at = kind.span();
        let source = shape.source();
        let why = match (used, shape) {
            (ValueUse::Fine | ValueUse::Neutral, _) => return false,
            (ValueUse::Dropped, Shape::Holder(_)) => return false,
            (ValueUse::Dropped, _) if self.is_awaited_elsewhere(kind) => return false,
            (ValueUse::Dropped, _)
                if !source.asks || symbol.is_some() || self.is_settled_by_hand(node) =>
            {
                return false;
            }
            (ValueUse::Dropped, _) => String::new(),
            (ValueUse::Awaited(at), Shape::List(_)) => {
                let what = self.what(shape, None);
                let message = format!("{what}: `await` of a list does not wait for its promises");
                self.say(at, message, LIST_HINT);
                return true;
            }
            (ValueUse::Awaited(_), _) => return false,
            (ValueUse::Tested, _) if symbol.is_some_and(|symbol| self.is_told_apart(symbol)) => {
                return false;
            }
            (ValueUse::Text, _) => "in a string it is \"[object Promise]\"".to_owned(),
            (ValueUse::Read(name), _) => format!("a promise has no `{name}`"),
            (ValueUse::Tested, _) => "a promise is always true".to_owned(),
            (ValueUse::Compared, _) => "the promise itself is compared".to_owned(),
            (ValueUse::Iterated, _) => "a promise cannot be iterated".to_owned(),
            (ValueUse::Json, _) => "in JSON a promise is `{}`".to_owned(),
            (ValueUse::Logged, _) => "the promise itself is logged".to_owned(),
            (ValueUse::Prompt, _) => "a prompt must be a string".to_owned(),
            (ValueUse::Called, _) => "a promise is not a function".to_owned(),
            (ValueUse::TakenApart, _) => "a promise cannot be destructured".to_owned(),
            (ValueUse::Result, _) => "in the result a promise is `{}`".to_owned(),
        };
        let what = self.named(shape, kind, symbol);
        let message = if why.is_empty() { what } else { format!("{what}: {why}") };
        let hint = if used == ValueUse::Dropped { hint(shape) } else { before(shape) };
        self.say(at.start, message, hint);
        true
    }

    fn say(&mut self, at: u32, message: String, hint: &str) {
        self.spots.push(Spot::new(&rules::NOT_AWAITED, at, message, hint));
    }

    /// The first part of a message: the variable or expression that is not awaited.
    fn named(&self, shape: Shape<'a>, kind: AstKind<'a>, symbol: Option<SymbolId>) -> String {
        match (symbol, kind) {
            (Some(symbol), _) => {
                let name = self.shapes.tree.name(symbol);
                let of = match shape.source().name {
                    "Promise" => String::new(),
                    "async" => " of an async function".to_owned(),
                    _ => format!(" of {}", shape.source().call()),
                };
                match shape {
                    Shape::Promise(_) if of.is_empty() => {
                        format!("`{name}` is a promise and is not awaited here")
                    }
                    Shape::Promise(_) => {
                        format!("`{name}` is the promise{of} and is not awaited here")
                    }
                    Shape::List(_) | Shape::Holder(_) => {
                        format!("`{name}` holds promises{of} that are not awaited here")
                    }
                }
            }
            (None, AstKind::CallExpression(call)) => self.of_call(shape, call),
            (None, _) => self.what(shape, None),
        }
    }

    fn of_call(&self, shape: Shape<'a>, call: &CallExpression<'a>) -> String {
        let name = shape.source().call();
        let is_own = self.shapes.tree.primitive(call).is_none()
            && self.shapes.callee(&call.callee).is_some()
            && matches!(shape, Shape::Promise(_));
        if !is_own {
            return self.what(shape, None);
        }
        let called = quoted(self.text, call.callee.span());
        match shape.source().asks {
            true => format!("this `{called}()`, which calls {name}, is not awaited"),
            false => format!("this `{called}()` is not awaited"),
        }
    }

    fn what(&self, shape: Shape<'a>, init: Option<&Expression<'a>>) -> String {
        if let Some(Expression::CallExpression(call)) = init {
            return self.of_call(shape, call);
        }
        let call = shape.source().call();
        match shape {
            Shape::Promise(_) => format!("this {call} is not awaited"),
            Shape::List(Source { name: "Promise", .. }) => {
                "the promises made here are not awaited".to_owned()
            }
            Shape::List(_) => format!("the {call} calls made here are not awaited"),
            Shape::Holder(_) => format!("the {call} in here is not awaited"),
        }
    }

    /// Whether this is `p.catch(() => {})` or the like, and `p` is used elsewhere: then the
    /// promise itself is not lost.
    fn is_awaited_elsewhere(&self, kind: AstKind<'a>) -> bool {
        let AstKind::CallExpression(call) = kind else { return false };
        let mut at = call;
        loop {
            match method_of(at) {
                Some((Expression::CallExpression(inner), "then" | "catch" | "finally")) => {
                    at = inner
                }
                Some((Expression::Identifier(name), "then" | "catch" | "finally")) => {
                    let symbol = self.shapes.tree.symbol(name);
                    return symbol
                        .is_some_and(|symbol| self.shapes.tree.mentions(symbol).count() > 1);
                }
                _ => return false,
            }
        }
    }

    /// Whether the script tests for promises: `if (p && typeof p.catch === 'function')`.
    fn is_told_apart(&self, symbol: SymbolId) -> bool {
        let tree = self.shapes.tree;
        tree.mentions(symbol).any(|at| {
            let AstKind::StaticMemberExpression(member) = tree.parent(at) else { return false };
            matches!(&*member.property.name, "then" | "catch" | "finally")
        })
    }

    /// Whether a `new Promise` is around this promise and may settle with it:
    /// `new Promise(resolve => { agent('x').then(resolve) })`.
    fn is_settled_by_hand(&self, node: NodeId) -> bool {
        let nodes = self.shapes.tree.semantic().nodes();
        nodes.ancestor_kinds(node).any(|kind| match kind {
            AstKind::NewExpression(made) => {
                self.shapes.tree.denotes(&made.callee) == Some("Promise")
            }
            _ => false,
        })
    }
}

fn hint(shape: Shape<'_>) -> &'static str {
    match shape {
        Shape::Promise(Source { name: "Promise", .. }) | Shape::List(_) | Shape::Holder(_) => {
            LIST_HINT
        }
        Shape::Promise(_) => NOT_AWAITED_HINT,
    }
}

fn before(shape: Shape<'_>) -> &'static str {
    match shape {
        Shape::List(_) => LIST_HINT,
        Shape::Promise(_) | Shape::Holder(_) => BEFORE_HINT,
    }
}
