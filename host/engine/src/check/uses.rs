//! Promises that are not awaited, and how they are used instead.
//!
//! Owns: the findings, and that each variable has one. Never: says what a value
//! is ([`super::shapes`]) or where it stands ([`super::value_use`]).

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

const BEFORE_HINT: &str = "write `await` in front of the call, or of the promise where it is used";

/// What is wrong with promises in this script.
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
    /// Variables that something was said of.
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
                    let message = format!("nobody awaits the {} calls made here", source.call());
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

    /// A promise in a variable that nothing can await.
    fn forgotten(&mut self, symbol: SymbolId, shape: Shape<'a>, init: &Expression<'a>) {
        let tree = self.shapes.tree;
        let source = shape.source();
        if tree.is_cut || !source.asks || matches!(shape, Shape::Holder(_)) {
            return;
        }
        let places = tree.mentions(symbol).map(|at| self.shapes.place(at, shape));
        let places: Vec<ValueUse<'_>> = places.collect();
        if places.iter().any(|place| *place != ValueUse::Neutral) {
            return;
        }
        let name = tree.name(symbol);
        let what = self.what(shape, Some(init));
        let why = match places.is_empty() {
            true => format!("`{name}` is not used"),
            false => format!("`{name}` is not awaited anywhere"),
        };
        self.say(init.span().start, format!("{what}: {why}"), hint(shape));
    }

    /// Says what is wrong with a value at this place, if anything is.
    fn look(&mut self, node: NodeId, shape: Shape<'a>, symbol: Option<SymbolId>) -> bool {
        let place = self.shapes.place(node, shape);
        let kind = self.shapes.tree.kind(node);
        let at = kind.span();
        let source = shape.source();
        let says = match (place, shape) {
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
                let message = format!("{}: a list is no promise", self.what(shape, None));
                self.say(at, message, LIST_HINT);
                return true;
            }
            (ValueUse::Awaited(_), _) => return false,
            (ValueUse::Tested, _) if symbol.is_some_and(|symbol| self.is_told_apart(symbol)) => {
                return false;
            }
            (ValueUse::Text, _) => "in a text it is \"[object Promise]\"".to_owned(),
            (ValueUse::Read(name), _) => format!("a promise has no `{name}`"),
            (ValueUse::Tested, _) => "a promise is always true".to_owned(),
            (ValueUse::Compared, _) => "a promise is compared".to_owned(),
            (ValueUse::Iterated, _) => "a promise cannot be iterated".to_owned(),
            (ValueUse::Json, _) => "in JSON a promise is `{}`".to_owned(),
            (ValueUse::Logged, _) => "what is logged is a promise".to_owned(),
            (ValueUse::Prompt, _) => "a prompt has to be a text".to_owned(),
            (ValueUse::Called, _) => "a promise is not a function".to_owned(),
            (ValueUse::TakenApart, _) => "a promise has nothing that could be taken out".to_owned(),
            (ValueUse::Result, _) => "in the result a promise is `{}`".to_owned(),
        };
        let what = self.named(shape, kind, symbol);
        let message = if says.is_empty() { what } else { format!("{what}: {says}") };
        let hint = if place == ValueUse::Dropped { hint(shape) } else { before(shape) };
        self.say(at.start, message, hint);
        true
    }

    fn say(&mut self, at: u32, message: String, hint: &str) {
        self.spots.push(Spot::new(&rules::NOT_AWAITED, at, message, hint));
    }

    fn named(&self, shape: Shape<'a>, kind: AstKind<'a>, symbol: Option<SymbolId>) -> String {
        match (symbol, kind) {
            (Some(symbol), _) => {
                let (name, call) = (self.shapes.tree.name(symbol), shape.source().call());
                match shape {
                    Shape::Promise(_) => {
                        format!("`{name}` is the promise of {call}, and nobody awaits it here")
                    }
                    Shape::List(_) | Shape::Holder(_) => {
                        format!("`{name}` holds promises of {call}, and nobody awaits them here")
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
            true => format!("nobody awaits this `{called}()`, which calls {name}"),
            false => format!("nobody awaits this `{called}()`"),
        }
    }

    fn what(&self, shape: Shape<'a>, init: Option<&Expression<'a>>) -> String {
        if let Some(Expression::CallExpression(call)) = init {
            return self.of_call(shape, call);
        }
        let call = shape.source().call();
        match shape {
            Shape::Promise(_) => format!("nobody awaits this {call}"),
            Shape::List(_) => format!("nobody awaits the {call} calls made here"),
            Shape::Holder(_) => format!("nobody awaits the {call} in here"),
        }
    }

    /// `p.catch(() => {})` beside an `await p`: the promise itself is not lost.
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

    /// `if (p && typeof p.catch === 'function')`: who asks that knows what it is.
    fn is_told_apart(&self, symbol: SymbolId) -> bool {
        let tree = self.shapes.tree;
        tree.mentions(symbol).any(|at| {
            let AstKind::StaticMemberExpression(member) = tree.parent(at) else { return false };
            matches!(&*member.property.name, "then" | "catch" | "finally")
        })
    }

    /// Whether a promise of the author's own settles when this one does:
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
