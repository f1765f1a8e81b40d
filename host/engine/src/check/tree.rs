//! The syntax tree of one script, and the meaning of its names.
//!
//! Owns: finding the declaration of a name and the primitive that an expression stands
//! for, and the bound on the work of all rules together. Never: judges, or guesses.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, BindingPattern, CallExpression, Class, Expression, IdentifierReference,
    ImportSpecifier, MemberExpression, ModuleExportName,
};
use oxc_semantic::{NodeId, Semantic, SymbolId};
use oxc_span::{GetSpan, Span};

use super::functions::Fun;

/// The primitives that return promises, which the script must await.
pub(super) const AWAITED: [&str; 8] =
    ["agent", "workflow", "sleep", "parallel", "pipeline", "approve", "ask", "waitFor"];

/// Those of them that `workflow:extra` exports; they are no globals.
const OF_EXTRA: [&str; 4] = ["sleep", "approve", "ask", "waitFor"];

/// Those of them that wait for people.
pub(super) const PEOPLE: [&str; 3] = ["approve", "ask", "waitFor"];

/// The primitives that return nothing.
const TOLD: [&str; 2] = ["phase", "log"];

/// Objects that hold the primitives.
const HOLDERS: [&str; 2] = ["SW", "ctx"];

/// The module that is not a file.
pub(super) const IMPORTABLE: &str = "workflow:extra";

/// Their key that holds the exports of `workflow:extra`.
const EXTRA: &str = "extra";

/// Globals that rules look for, besides the primitives.
const LANGUAGE: [&str; 12] = [
    "Promise",
    "Array",
    "JSON",
    "Object",
    "console",
    "String",
    "Number",
    "Boolean",
    "globalThis",
    "Date",
    "Math",
    "budget",
];

/// Most expressions that all rules together may look at to follow values. An ordinary
/// script takes some thousands; this stops a script that is made to branch without end.
const LOOKS_MAX: u32 = 3_000_000;

/// Most names and calls through which one value is followed.
const HOPS_MAX: u32 = 24;

/// How a name got its value.
#[derive(Clone, Copy)]
pub(super) enum Binding<'a> {
    /// `const x = value`, or a variable that is never assigned again.
    Value(&'a Expression<'a>),
    /// `const { key: x } = value`.
    Key(&'a Expression<'a>, &'a str),
    /// `const [, x] = value`.
    Element(&'a Expression<'a>, usize),
    /// `for (const x of value)`.
    Item(&'a Expression<'a>),
    Function(Fun<'a, 'a>),
    Class(&'a Class<'a>),
    /// A whole parameter, by its index.
    Parameter(Fun<'a, 'a>, usize),
    /// A key of a parameter that is destructured, by the index of the parameter.
    ParameterKey(Fun<'a, 'a>, usize, &'a str),
    /// An import from `workflow:extra`: a name, or `extra` for the whole module.
    Import(&'a str),
    /// Anything else, and names whose value may change.
    Unknown,
}

/// The syntax tree of a script, with its symbols.
pub(super) struct Tree<'s, 'a> {
    semantic: &'s Semantic<'a>,
    looks: Cell<u32>,
    hops: Cell<u32>,
    bindings: RefCell<HashMap<SymbolId, Binding<'a>>>,
    /// Whether the script was cut off at some depth. The rest may do anything.
    pub(super) is_cut: bool,
}

impl<'s, 'a> Tree<'s, 'a> {
    pub(super) fn new(semantic: &'s Semantic<'a>, is_cut: bool) -> Self {
        Self {
            semantic,
            looks: Cell::new(0),
            hops: Cell::new(0),
            bindings: RefCell::default(),
            is_cut,
        }
    }

    /// Scopes, symbols and references of the script.
    pub(super) fn semantic(&self) -> &'s Semantic<'a> {
        self.semantic
    }

    /// Follows a value once more; none when a bound is reached.
    pub(super) fn further<T>(&self, look: impl FnOnce() -> T) -> Option<T> {
        if self.looks.get() >= LOOKS_MAX || self.hops.get() >= HOPS_MAX {
            return None;
        }
        self.looks.set(self.looks.get() + 1);
        self.hops.set(self.hops.get() + 1);
        let seen = look();
        self.hops.set(self.hops.get() - 1);
        Some(seen)
    }

    /// Whether the bound on all looks is reached. Results are not certain from then on.
    pub(super) fn is_spent(&self) -> bool {
        self.looks.get() >= LOOKS_MAX
    }

    /// The syntax of a node.
    pub(super) fn kind(&self, node: NodeId) -> AstKind<'a> {
        self.semantic.nodes().kind(node)
    }

    /// The syntax of the parent of a node.
    pub(super) fn parent(&self, node: NodeId) -> AstKind<'a> {
        self.semantic.nodes().parent_kind(node)
    }

    /// The symbol of this name; none for a global.
    pub(super) fn symbol(&self, name: &IdentifierReference<'a>) -> Option<SymbolId> {
        let reference = name.reference_id.get()?;
        self.semantic.scoping().get_reference(reference).symbol_id()
    }

    /// Whether this is the global of its name, which the script does not replace.
    pub(super) fn is_global(&self, name: &IdentifierReference<'a>) -> bool {
        let scoping = self.semantic.scoping();
        let is_kept = || {
            let written = scoping.root_unresolved_references().get(name.name.as_str());
            written.is_none_or(|all| all.iter().all(|one| !scoping.get_reference(*one).is_write()))
        };
        self.symbol(name).is_none() && is_kept()
    }

    /// The nodes at which a name is mentioned.
    pub(super) fn mentions(&self, symbol: SymbolId) -> impl Iterator<Item = NodeId> + '_ {
        self.semantic.scoping().get_resolved_references(symbol).map(|one| one.node_id())
    }

    /// The name of a symbol.
    pub(super) fn name(&self, symbol: SymbolId) -> &str {
        self.semantic.scoping().symbol_name(symbol)
    }

    /// How a name got its value, if the value never changes.
    pub(super) fn binding(&self, symbol: SymbolId) -> Binding<'a> {
        if let Some(known) = self.bindings.borrow().get(&symbol) {
            return *known;
        }
        let binding = self.find_binding(symbol);
        self.bindings.borrow_mut().insert(symbol, binding);
        binding
    }

    fn find_binding(&self, symbol: SymbolId) -> Binding<'a> {
        let scoping = self.semantic.scoping();
        if scoping.symbol_is_mutated(symbol) || !scoping.symbol_redeclarations(symbol).is_empty() {
            return Binding::Unknown;
        }
        let at = scoping.symbol_span(symbol);
        let declared = scoping.symbol_declaration(symbol);
        match self.kind(declared) {
            AstKind::VariableDeclarator(one) => {
                let of_loop = self.loop_over(declared);
                match (&one.init, of_loop, within(&one.id, at)) {
                    (Some(init), _, Some(Within::Whole)) => Binding::Value(init),
                    (Some(init), _, Some(Within::Key(key))) => Binding::Key(init, key),
                    (Some(init), _, Some(Within::Element(place))) => Binding::Element(init, place),
                    (None, Some(list), Some(Within::Whole)) => Binding::Item(list),
                    _ => Binding::Unknown,
                }
            }
            AstKind::Function(function) => Binding::Function(Fun::Function(function)),
            AstKind::Class(class) => Binding::Class(class),
            AstKind::FormalParameter(_) | AstKind::FormalParameters(_) => {
                self.parameter(declared, at)
            }
            AstKind::ImportSpecifier(one) if self.is_of_extra(declared) => imported(one),
            AstKind::ImportDefaultSpecifier(_) | AstKind::ImportNamespaceSpecifier(_)
                if self.is_of_extra(declared) =>
            {
                Binding::Import(EXTRA)
            }
            _ => Binding::Unknown,
        }
    }

    /// Whether an import is one from `workflow:extra`, and not from a file.
    fn is_of_extra(&self, specifier: NodeId) -> bool {
        let around = self.semantic.nodes().parent_kind(specifier);
        matches!(around, AstKind::ImportDeclaration(import) if import.source.value == IMPORTABLE)
    }

    /// The list of the `for … of` loop that declares this variable.
    fn loop_over(&self, declarator: NodeId) -> Option<&'a Expression<'a>> {
        let declaration = self.semantic.nodes().parent_id(declarator);
        match self.parent(declaration) {
            AstKind::ForOfStatement(all) if all.left.span() == self.kind(declaration).span() => {
                (!all.r#await).then_some(&all.right)
            }
            _ => None,
        }
    }

    fn parameter(&self, declared: NodeId, at: Span) -> Binding<'a> {
        let nodes = self.semantic.nodes();
        let fun =
            std::iter::once(declared).chain(nodes.ancestor_ids(declared)).find_map(
                |node| match self.kind(node) {
                    AstKind::Function(function) => Some(Fun::Function(function)),
                    AstKind::ArrowFunctionExpression(arrow) => Some(Fun::Arrow(arrow)),
                    _ => None,
                },
            );
        let Some(fun) = fun else { return Binding::Unknown };
        let holds = |span: Span| span.start <= at.start && at.end <= span.end;
        let found = fun.parameters().items.iter().enumerate().find(|(_, one)| holds(one.span));
        match found.and_then(|(nth, one)| Some((nth, within(&one.pattern, at)?, one))) {
            Some((nth, Within::Whole, one)) if one.initializer.is_none() => {
                Binding::Parameter(fun, nth)
            }
            Some((nth, Within::Key(key), _)) => Binding::ParameterKey(fun, nth, key),
            _ => Binding::Unknown,
        }
    }

    /// The primitive or global that an expression stands for: `agent`, `SW.agent`, or a
    /// name with one of these as its value.
    pub(super) fn denotes(&self, expression: &Expression<'a>) -> Option<&'static str> {
        match expression {
            Expression::Identifier(name) => self.denoted(name),
            Expression::StaticMemberExpression(member) => {
                let holder = self.denotes(&member.object)?;
                of_holder(holder, member.property.name.as_str())
            }
            _ => None,
        }
    }

    fn denoted(&self, name: &IdentifierReference<'a>) -> Option<&'static str> {
        let Some(symbol) = self.symbol(name) else {
            return known(&name.name)
                .filter(|name| !OF_EXTRA.contains(name) && *name != EXTRA && *name != "ctx")
                .filter(|_| self.is_global(name));
        };
        self.further(|| match self.binding(symbol) {
            Binding::Value(value) => self.denotes(value),
            Binding::Key(holder, key) => of_holder(self.denotes(holder)?, key),
            Binding::Import(name) => {
                known(name).filter(|name| OF_EXTRA.contains(name) || *name == EXTRA)
            }
            Binding::Parameter(fun, nth) => {
                let is_ctx = nth == 1 && self.is_main(fun);
                (is_ctx || HOLDERS.contains(&self.name(symbol))).then_some("ctx")
            }
            Binding::ParameterKey(fun, 1, key) if self.is_main(fun) => of_holder("ctx", key),
            _ => None,
        })?
    }

    /// Whether this is the function that a module exports.
    pub(super) fn is_main(&self, fun: Fun<'_, 'a>) -> bool {
        let node = fun.node();
        if matches!(self.parent(node), AstKind::ExportDefaultDeclaration(_)) {
            return true;
        }
        let symbol = self.named_as(fun);
        symbol.is_some_and(|symbol| {
            self.mentions(symbol)
                .any(|at| matches!(self.parent(at), AstKind::ExportDefaultDeclaration(_)))
        })
    }

    /// The symbol of a function: of its declaration, or of the variable that holds it.
    fn named_as(&self, fun: Fun<'_, 'a>) -> Option<SymbolId> {
        match (fun, self.parent(fun.node())) {
            (Fun::Function(function), _) if function.id.is_some() => {
                function.id.as_ref().and_then(|id| id.symbol_id.get())
            }
            (_, AstKind::VariableDeclarator(one)) => {
                one.id.get_binding_identifier()?.symbol_id.get()
            }
            _ => None,
        }
    }

    /// The calls of a function by its name.
    pub(super) fn calls_of(&self, fun: Fun<'_, 'a>) -> Vec<&'a CallExpression<'a>> {
        let Some(symbol) = self.named_as(fun) else { return Vec::new() };
        let calls = self.mentions(symbol).filter_map(|at| match self.parent(at) {
            AstKind::CallExpression(call) if call.callee.span() == self.kind(at).span() => {
                Some(call)
            }
            _ => None,
        });
        calls.collect()
    }

    /// The primitive that this calls: `agent(…)`, `SW.agent(…)`.
    pub(super) fn primitive(&self, call: &CallExpression<'a>) -> Option<&'static str> {
        self.denotes(&call.callee).filter(|name| AWAITED.contains(name) || TOLD.contains(name))
    }

    /// Whether this call prints its arguments.
    pub(super) fn logs(&self, call: &CallExpression<'a>) -> bool {
        let of_console = || {
            let (object, _) = method_of(call)?;
            (self.denotes(object) == Some("console")).then_some(())
        };
        self.primitive(call) == Some("log") || of_console().is_some()
    }

    /// The expression, or the value of the constant that it names.
    pub(super) fn written<'e>(&self, expression: &'e Expression<'a>) -> &'e Expression<'a>
    where
        'a: 'e,
    {
        let mut at = expression;
        for _ in 0..HOPS_MAX {
            let Expression::Identifier(name) = at else { break };
            let Some(Binding::Value(value)) = self.symbol(name).map(|symbol| self.binding(symbol))
            else {
                break;
            };
            at = value;
        }
        at
    }

    /// The function around a node; none at the top.
    pub(super) fn function_around(&self, node: NodeId) -> Option<Fun<'a, 'a>> {
        self.semantic.nodes().ancestor_ids(node).find_map(|one| match self.kind(one) {
            AstKind::Function(function) => Some(Fun::Function(function)),
            AstKind::ArrowFunctionExpression(arrow) => Some(Fun::Arrow(arrow)),
            _ => None,
        })
    }

    /// Whether a node is in the block of a `try` with a `catch`, within its function or,
    /// with `whole`, anywhere around it.
    pub(super) fn is_tried(&self, node: NodeId, whole: bool) -> bool {
        let mut inner = self.kind(node).span();
        for one in self.semantic.nodes().ancestor_ids(node) {
            match self.kind(one) {
                AstKind::TryStatement(it) if it.handler.is_some() && it.block.span == inner => {
                    return true;
                }
                AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) if !whole => {
                    return false;
                }
                _ => {}
            }
            inner = self.kind(one).span();
        }
        false
    }
}

/// The primitive or global of this name.
fn known(name: &str) -> Option<&'static str> {
    let all = AWAITED.iter().chain(&TOLD).chain(&HOLDERS).chain(&LANGUAGE).chain(&[EXTRA]);
    all.copied().find(|known| *known == name)
}

fn of_holder(holder: &str, key: &str) -> Option<&'static str> {
    match holder {
        "globalThis" => known(key).filter(|name| *name != EXTRA && !OF_EXTRA.contains(name)),
        EXTRA => known(key).filter(|name| OF_EXTRA.contains(name)),
        _ if HOLDERS.contains(&holder) => known(key).filter(|name| {
            let is_call = AWAITED.contains(name) && !PEOPLE.contains(name);
            *name == EXTRA || *name == "budget" || is_call || TOLD.contains(name)
        }),
        _ => None,
    }
}

fn imported<'a>(one: &'a ImportSpecifier<'a>) -> Binding<'a> {
    match &one.imported {
        ModuleExportName::IdentifierName(name) if name.name == "default" => Binding::Import(EXTRA),
        ModuleExportName::IdentifierName(name) => Binding::Import(name.name.as_str()),
        _ => Binding::Unknown,
    }
}

/// The position of a name in a pattern.
enum Within<'a> {
    Whole,
    Key(&'a str),
    Element(usize),
}

fn within<'a>(pattern: &'a BindingPattern<'a>, at: Span) -> Option<Within<'a>> {
    let is_it = |pattern: &BindingPattern<'a>| matches!(pattern, BindingPattern::BindingIdentifier(name) if name.span == at);
    match pattern {
        BindingPattern::BindingIdentifier(_) => is_it(pattern).then_some(Within::Whole),
        BindingPattern::ObjectPattern(object) => object.properties.iter().find_map(|property| {
            if !is_it(&property.value) || property.computed {
                return None;
            }
            match &property.key {
                oxc_ast::ast::PropertyKey::StaticIdentifier(key) => {
                    Some(Within::Key(key.name.as_str()))
                }
                _ => None,
            }
        }),
        BindingPattern::ArrayPattern(list) => list
            .elements
            .iter()
            .position(|one| one.as_ref().is_some_and(is_it))
            .map(Within::Element),
        BindingPattern::AssignmentPattern(_) => None,
    }
}

/// The object and the method name of a method call.
pub(super) fn method_of<'b, 'a>(
    call: &'b CallExpression<'a>,
) -> Option<(&'b Expression<'a>, &'b str)> {
    match call.callee.as_member_expression()? {
        MemberExpression::StaticMemberExpression(member) => {
            Some((&member.object, member.property.name.as_str()))
        }
        _ => None,
    }
}

/// The argument at this index; none if it or one before it is a spread.
pub(super) fn argument<'b, 'a>(
    call: &'b CallExpression<'a>,
    nth: usize,
) -> Option<&'b Expression<'a>> {
    // A spread may stand for any number of arguments.
    let is_spread = |one: &Argument<'a>| matches!(one, Argument::SpreadElement(_));
    if call.arguments.iter().take(nth).any(is_spread) {
        return None;
    }
    call.arguments.get(nth)?.as_expression()
}
