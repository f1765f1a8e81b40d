//! Which name means what, and which expression calls what.
//!
//! Owns: scopes, their bindings, and reading a call of a primitive. Never:
//! follows values.

use std::collections::HashMap;

use oxc_ast::ast::{CallExpression, Expression, MemberExpression};

/// The primitives whose promises somebody has to await.
pub(super) const AWAITED: [&str; 5] = ["agent", "workflow", "sleep", "parallel", "pipeline"];

/// Objects that hold the primitives, too.
pub(super) const HOLDERS: [&str; 2] = ["SW", "ctx"];

/// How a name came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The script's own.
    Own,
    /// A parameter: perhaps the primitives that a module's function is given.
    Parameter,
    /// An import.
    Import,
}

/// Index of a binding, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(usize);

/// The scopes around the place that is looked at.
#[derive(Default)]
pub(super) struct Names<'a> {
    scopes: Vec<HashMap<&'a str, Id>>,
    origins: Vec<Origin>,
}

impl<'a> Names<'a> {
    pub(super) fn enter(&mut self) {
        self.scopes.push(HashMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    pub(super) fn declare(&mut self, name: &'a str, origin: Origin) -> Id {
        let id = Id(self.origins.len());
        self.origins.push(origin);
        if self.scopes.is_empty() {
            self.enter();
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, id);
        }
        id
    }

    pub(super) fn find(&self, name: &str) -> Option<Id> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name).copied())
    }

    /// Whether a name may be the global of that name.
    pub(super) fn is_given(&self, name: &str) -> bool {
        let origin = self.find(name).and_then(|id| self.origins.get(id.0));
        origin.is_none_or(|origin| *origin != Origin::Own)
    }

    /// What this calls, by its own name or as `SW.name`.
    fn given<'c>(&self, call: &'c CallExpression<'a>, holders: &[&str]) -> Option<&'c str> {
        match &call.callee {
            Expression::Identifier(name) if self.is_given(&name.name) => Some(name.name.as_str()),
            Expression::StaticMemberExpression(member) => match &member.object {
                Expression::Identifier(holder)
                    if holders.contains(&holder.name.as_str()) && self.is_given(&holder.name) =>
                {
                    Some(member.property.name.as_str())
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether this shows its arguments to whoever watches.
    pub(super) fn logs(&self, call: &CallExpression<'a>) -> bool {
        self.given(call, &HOLDERS) == Some("log")
            || (self.given(call, &["console"]).is_some()
                && !matches!(call.callee, Expression::Identifier(_)))
    }

    /// The primitive that this calls: `agent(…)`, `SW.agent(…)`.
    pub(super) fn primitive(&self, call: &CallExpression<'a>) -> Option<&'static str> {
        let name = self.given(call, &HOLDERS)?;
        let known = AWAITED.iter().chain(&["phase"]);
        known.copied().find(|known| *known == name)
    }

    /// The primitive whose promise this is, also behind `then` and the like.
    pub(super) fn promised(&self, expression: &Expression<'a>) -> Option<&'static str> {
        let mut current = expression;
        loop {
            let Expression::CallExpression(call) = current else { return None };
            if let Some(primitive) = self.primitive(call) {
                return AWAITED.contains(&primitive).then_some(primitive);
            }
            match call.callee.as_member_expression() {
                Some(MemberExpression::StaticMemberExpression(member))
                    if ["then", "catch", "finally"].contains(&member.property.name.as_str()) =>
                {
                    current = &member.object;
                }
                _ => return None,
            }
        }
    }
}
