//! Which functions of a script call a primitive.
//!
//! Owns: finding calls of primitives in a function and in the functions that it calls.
//! Never: looks at what is done with their results.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ArrowFunctionExpression, AssignmentTarget, CallExpression, Function, PropertyKey,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::NodeId;
use oxc_syntax::scope::ScopeFlags;

use super::functions::Fun;
use super::shapes::Shapes;
use super::tree::{AWAITED, Tree};

/// Methods of lists that call a function for each item. A script that defines a method of
/// such a name may mean its own.
const CALLING: [&str; 3] = ["map", "flatMap", "forEach"];

impl<'a> Shapes<'_, '_, 'a> {
    /// The first primitive that a function calls, directly or through other functions; none
    /// if it calls none.
    pub(super) fn asks(&self, fun: Fun<'_, 'a>) -> Option<&'static str> {
        if let Some(known) = self.asking.borrow().get(&fun.node()) {
            return *known;
        }
        // A function that calls itself is not followed again.
        self.asking.borrow_mut().insert(fun.node(), None);
        let found = self.tree.further(|| {
            let mut asks = Asks { shapes: self, found: None };
            match fun {
                Fun::Arrow(arrow) => walk::walk_arrow_function_expression(&mut asks, arrow),
                Fun::Function(function) => {
                    if let Some(body) = &function.body {
                        asks.visit_function_body(body);
                    }
                }
            }
            asks.found
        })?;
        self.asking.borrow_mut().insert(fun.node(), found);
        found
    }
}

/// Whether the script defines a method such as `map`, which may await the promises of its
/// callback.
pub(super) fn has_own_list(tree: &Tree<'_, '_>) -> bool {
    let is_it = |key: &PropertyKey<'_>| {
        key.static_name().is_some_and(|name| CALLING.contains(&name.as_ref()))
    };
    tree.semantic().nodes().iter().any(|node| match node.kind() {
        AstKind::MethodDefinition(method) => is_it(&method.key),
        AstKind::PropertyDefinition(property) => is_it(&property.key),
        AstKind::ObjectProperty(property) => {
            is_it(&property.key) && Fun::of(&property.value).is_some()
        }
        AstKind::AssignmentExpression(it) => matches!(&it.left,
            AssignmentTarget::StaticMemberExpression(member)
                if CALLING.contains(&member.property.name.as_str())),
        _ => false,
    })
}

/// Finds a call of a primitive in a function, also in nested functions that are passed on.
struct Asks<'w, 't, 's, 'a> {
    shapes: &'w Shapes<'t, 's, 'a>,
    found: Option<&'static str>,
}

impl<'a> Visit<'a> for Asks<'_, '_, '_, 'a> {
    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if self.found.is_some() {
            return;
        }
        let primitive = self.shapes.tree.primitive(it).filter(|name| AWAITED.contains(name));
        self.found = primitive.or_else(|| {
            let fun = self.shapes.callee(&it.callee)?;
            self.shapes.asks(fun)
        });
        walk::walk_call_expression(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if self.is_handed_over(it.node_id.get()) {
            walk::walk_function(self, it, flags);
        }
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        if self.is_handed_over(it.node_id.get()) {
            walk::walk_arrow_function_expression(self, it);
        }
    }
}

impl Asks<'_, '_, '_, '_> {
    /// Whether a function is passed to another function, which counts as calling it. A
    /// function in a variable may never be called.
    fn is_handed_over(&self, function: NodeId) -> bool {
        matches!(
            self.shapes.tree.parent(function),
            AstKind::CallExpression(_) | AstKind::NewExpression(_)
        )
    }
}
