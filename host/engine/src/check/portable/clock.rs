//! `Date.now()`, `new Date()` and `Math.random()`: Claude Code refuses them because it
//! does not record them; here they are recorded.
//!
//! Owns: finding them, also under another name. Never: looks at the use of their values.

use oxc_ast::ast::{BindingPattern, CallExpression, Expression, NewExpression, VariableDeclarator};

use super::spot;
use crate::check::finding::Spot;
use crate::check::tree::Tree;

const HINT: &str = "pass the value as an argument, or ask an agent for it";

/// The objects, each with its method that is refused.
const REFUSED: [(&str, &str); 2] = [("Date", "now"), ("Math", "random")];

/// Finds them by the meaning of names.
pub(super) struct Clock<'t, 's, 'a> {
    tree: &'t Tree<'s, 'a>,
}

impl<'t, 's, 'a> Clock<'t, 's, 'a> {
    pub(super) fn new(tree: &'t Tree<'s, 'a>) -> Self {
        Self { tree }
    }

    /// `Date` or `Math`, also as `globalThis.Date` or under the name of a constant.
    fn object(&self, expression: &Expression<'a>) -> Option<&'static str> {
        self.tree.denotes(expression).filter(|name| REFUSED.iter().any(|(one, _)| one == name))
    }

    /// Reports `const { random } = Math`.
    pub(super) fn declares(&self, it: &VariableDeclarator<'a>) -> Option<Spot> {
        let BindingPattern::ObjectPattern(pattern) = &it.id else { return None };
        let object = self.object(it.init.as_ref()?)?;
        let taken = pattern.properties.iter().find_map(|property| {
            let name = property.key.static_name()?;
            REFUSED.contains(&(object, name.as_ref())).then_some(property.span.start)
        });
        taken.map(|at| refused(at, &in_words(object)))
    }

    /// Reports `Date.now` and `Math.random`.
    pub(super) fn member(&self, object: &Expression<'a>, name: &str, at: u32) -> Option<Spot> {
        let object = self.object(object)?;
        REFUSED.contains(&(object, name)).then(|| refused(at, &in_words(object)))
    }

    /// Reports `Date()`.
    pub(super) fn called(&self, it: &CallExpression<'a>) -> Option<Spot> {
        (self.object(&it.callee) == Some("Date")).then(|| refused(it.span.start, "Date()"))
    }

    /// Reports `new Date()`.
    pub(super) fn constructed(&self, it: &NewExpression<'a>) -> Option<Spot> {
        let is_now = it.arguments.is_empty() && self.object(&it.callee) == Some("Date");
        is_now.then(|| refused(it.span.start, "new Date()"))
    }
}

fn in_words(object: &str) -> String {
    let name = REFUSED.iter().find(|(it, _)| *it == object).map_or("", |(_, name)| *name);
    format!("{object}.{name}()")
}

fn refused(at: u32, what: &str) -> Spot {
    spot(at, format!("Claude Code refuses `{what}`"), HINT)
}
