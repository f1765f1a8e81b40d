//! Unknown options of `agent()`.
//!
//! Owns: which keys of a call certainly reach the host and are ignored there. Never:
//! guesses the contents of a spread, a computed key or a variable.

use std::collections::BTreeSet;

use oxc_ast::ast::{CallExpression, Expression, ObjectPropertyKind, PropertyKind};
use oxc_span::GetSpan;
use serde_json::{Map, Value};
use smol_wf_core::options::{OPTIONS, OptionRules};
use smol_wf_core::step_request::AgentRequest;

use super::finding::Spot;
use super::rules;
use crate::library::similar;

/// The unknown options of this call.
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
        // `__proto__` sets the prototype of the object, and is not an option.
        if !OPTIONS.contains(&name.as_ref()) && name != "__proto__" {
            let written = literal(&property.value);
            let is_refused = is_refused(&name, written.clone().unwrap_or(Value::from(1)));
            if is_refused && written.is_some() {
                // The rule `refused` reports it, with the message of a run.
                continue;
            }
            let ending = if is_refused { "" } else { "; it is ignored" };
            let message = format!("agent() does not know the option `{name}`{ending}");
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

/// The value of a literal that is neither a list nor an object.
fn literal(value: &Expression<'_>) -> Option<Value> {
    match value {
        Expression::BooleanLiteral(it) => Some(it.value.into()),
        Expression::NumericLiteral(it) => Some(it.value.into()),
        Expression::StringLiteral(it) => Some(it.value.as_str().into()),
        _ => None,
    }
}

/// Whether a call with this unknown option is refused: its name resembles that of an
/// option that restricts the agent.
fn is_refused(name: &str, value: Value) -> bool {
    let options = Value::Object(Map::from_iter([(name.to_owned(), value)])).to_string();
    AgentRequest::read("x".to_owned(), &options, OptionRules::MODULE).is_err()
}

/// Whether a value never reaches the host. Options are sent as JSON, which leaves out
/// `undefined` and functions; `null` counts as absent.
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
