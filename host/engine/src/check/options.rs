//! Options of `agent()` that it does not know.
//!
//! Owns: which keys of a call are certain to arrive and to be ignored. Never:
//! guesses what a spread, a computed key or a variable holds.

use std::collections::BTreeSet;

use oxc_ast::ast::{CallExpression, Expression, ObjectPropertyKind, PropertyKind};
use oxc_span::GetSpan;
use smol_wf_core::options::OPTIONS;

use super::finding::Spot;
use super::rules;
use crate::library::similar;

/// The options of this call that mean nothing.
pub(super) fn unknown(call: &CallExpression<'_>) -> Vec<Spot> {
    let second = call.arguments.get(1).and_then(|argument| argument.as_expression());
    let Some(Expression::ObjectExpression(options)) = second else { return Vec::new() };
    let mut spots = Vec::new();
    for property in &options.properties {
        let ObjectPropertyKind::ObjectProperty(property) = property else { continue };
        if property.computed
            || property.kind != PropertyKind::Init
            || never_arrives(&property.value)
        {
            continue;
        }
        let Some(name) = property.key.static_name() else { continue };
        // This one sets what the object inherits from, and is no option.
        if !OPTIONS.contains(&name.as_ref()) && name != "__proto__" {
            let message = format!("agent() does not know the option `{name}`; it is ignored");
            spots.push(Spot::new(
                &rules::UNKNOWN_OPTION,
                property.key.span().start,
                message,
                hint(&name),
            ));
        }
    }
    spots
}

/// Options go to the host as JSON: what is undefined or a function stays behind,
/// and null is as good as nothing.
fn never_arrives(value: &Expression<'_>) -> bool {
    match value {
        Expression::Identifier(name) => name.name == "undefined",
        Expression::NullLiteral(_)
        | Expression::ArrowFunctionExpression(_)
        | Expression::FunctionExpression(_) => true,
        _ => false,
    }
}

fn hint(name: &str) -> String {
    let known: BTreeSet<String> = OPTIONS.iter().map(|&known| known.to_owned()).collect();
    let close = similar(name, &known);
    if close.is_empty() {
        let all = OPTIONS.map(|known| format!("`{known}`"));
        return format!("it knows {}", all.join(", "));
    }
    format!("did you mean {}?", close.join(" or "))
}
