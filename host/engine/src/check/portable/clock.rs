//! `Date.now()`, `new Date()` and `Math.random()`: real in Claude Code and
//! therefore refused there, recorded here.
//!
//! Owns: finding them, also under another name. Never: what the script does
//! with them.

use oxc_ast::ast::{BindingPattern, CallExpression, Expression, NewExpression, VariableDeclarator};

use super::spot;
use crate::check::finding::Spot;
use crate::check::tree::Tree;

const HINT: &str = "give the time as an argument, or leave it to an agent";

/// The objects, each with what of it is refused.
const REFUSED: [(&str, &str); 2] = [("Date", "now"), ("Math", "random")];

/// Finds them by what a name stands for.
pub(super) struct Clock<'t, 's, 'a> {
    tree: &'t Tree<'s, 'a>,
}

impl<'t, 's, 'a> Clock<'t, 's, 'a> {
    pub(super) fn new(tree: &'t Tree<'s, 'a>) -> Self {
        Self { tree }
    }

    /// `Date`, `globalThis.Date`, or a variable that was given one.
    fn object(&self, expression: &Expression<'a>) -> Option<&'static str> {
        self.tree.denotes(expression).filter(|name| REFUSED.iter().any(|(one, _)| one == name))
    }

    /// `const { random } = Math`.
    pub(super) fn declares(&self, it: &VariableDeclarator<'a>) -> Option<Spot> {
        let BindingPattern::ObjectPattern(pattern) = &it.id else { return None };
        let object = self.object(it.init.as_ref()?)?;
        let taken = pattern.properties.iter().find_map(|property| {
            let name = property.key.static_name()?;
            REFUSED.contains(&(object, name.as_ref())).then_some(property.span.start)
        });
        taken.map(|at| refused(at, &in_words(object)))
    }

    /// `Date.now`, `Math.random`.
    pub(super) fn member(&self, object: &Expression<'a>, name: &str, at: u32) -> Option<Spot> {
        let object = self.object(object)?;
        REFUSED.contains(&(object, name)).then(|| refused(at, &in_words(object)))
    }

    /// `Date()`.
    pub(super) fn called(&self, it: &CallExpression<'a>) -> Option<Spot> {
        (self.object(&it.callee) == Some("Date")).then(|| refused(it.span.start, "Date()"))
    }

    /// `new Date()`.
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
