//! `Date.now()`, `new Date()` and `Math.random()`: real in Claude Code and
//! therefore refused there, recorded here.
//!
//! Owns: finding them, also under another name. Never: what the script does
//! with them.

use std::collections::HashMap;

use oxc_ast::ast::{BindingPattern, CallExpression, Expression, NewExpression, VariableDeclarator};

use super::spot;
use crate::check::Spot;

const HINT: &str = "give the time as an argument, or leave it to an agent";

/// The objects, each with what of it is refused.
const REFUSED: [(&str, &str); 2] = [("Date", "now"), ("Math", "random")];

/// Which of them a name stands for.
#[derive(Default)]
pub(super) struct Clock<'a> {
    names: HashMap<&'a str, &'static str>,
}

impl<'a> Clock<'a> {
    /// `Date`, `globalThis.Date`, or a variable that was given one.
    fn object(&self, expression: &Expression<'a>) -> Option<&'static str> {
        let known = |name: &str| REFUSED.iter().map(|(object, _)| *object).find(|it| *it == name);
        match expression {
            Expression::Identifier(name) => {
                let name = name.name.as_str();
                self.names.get(name).copied().or_else(|| known(name))
            }
            Expression::StaticMemberExpression(member) => {
                let is_global = matches!(&member.object,
                    Expression::Identifier(name) if name.name == "globalThis");
                known(&member.property.name).filter(|_| is_global)
            }
            _ => None,
        }
    }

    /// `const D = Date`, `const { random } = Math`.
    pub(super) fn declares(&mut self, it: &VariableDeclarator<'a>) -> Option<Spot> {
        let object = self.object(it.init.as_ref()?)?;
        match &it.id {
            BindingPattern::BindingIdentifier(name) => {
                self.names.insert(name.name.as_str(), object);
                None
            }
            BindingPattern::ObjectPattern(pattern) => {
                let taken = pattern.properties.iter().find_map(|property| {
                    let name = property.key.static_name()?;
                    REFUSED.contains(&(object, name.as_ref())).then_some(property.span.start)
                });
                taken.map(|at| refused(at, &in_words(object)))
            }
            _ => None,
        }
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
