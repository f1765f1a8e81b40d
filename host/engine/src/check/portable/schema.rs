//! Schemas that Claude Code refuses.
//!
//! Owns: the schemas that it accepts, as measured: `type: 'object'` at the root, draft 7,
//! and known keywords. Never: judges a schema that is not a literal.

use oxc_ast::ast::{ArrayExpressionElement, Expression, ObjectExpression, ObjectPropertyKind};
use smol_wf_core::schema::does_claude_code_take;

/// Keywords whose value is a schema.
const ONE: [&str; 8] =
    ["additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"];

/// Keywords whose value is an object of schemas.
const BY_NAME: [&str; 4] = ["properties", "patternProperties", "definitions", "$defs"];

/// Keywords whose value is a list of schemas.
const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Most levels of a schema that are looked at.
const LEVELS_MAX: usize = 64;

/// Why Claude Code refuses this schema; none if it accepts it, or if that is not certain.
pub(super) fn refused(schema: &Expression<'_>) -> Option<String> {
    let Expression::ObjectExpression(root) = schema else { return None };
    if root.properties.iter().any(|one| matches!(one, ObjectPropertyKind::SpreadProperty(_))) {
        return None;
    }
    match value(root, "type") {
        Some(Expression::StringLiteral(kind)) if kind.value == "object" => {}
        Some(Expression::StringLiteral(_) | Expression::ArrayExpression(_)) | None => {
            return Some(
                "Claude Code accepts only schemas with `type: 'object'` at the root".to_owned(),
            );
        }
        Some(_) => return None,
    }
    if let Some(Expression::StringLiteral(draft)) = value(root, "$schema")
        && !draft.value.contains("draft-07")
    {
        return Some("Claude Code accepts only schemas of draft 7".to_owned());
    }
    inside(root, 0)
}

fn value<'e, 'a>(object: &'e ObjectExpression<'a>, name: &str) -> Option<&'e Expression<'a>> {
    object.properties.iter().find_map(|property| match property {
        ObjectPropertyKind::ObjectProperty(property)
            if property.key.static_name().is_some_and(|key| key == name) =>
        {
            Some(&property.value)
        }
        _ => None,
    })
}

fn inside(schema: &ObjectExpression<'_>, level: usize) -> Option<String> {
    if level > LEVELS_MAX {
        return None;
    }
    for property in &schema.properties {
        let ObjectPropertyKind::ObjectProperty(property) = property else { return None };
        let key = property.key.static_name()?;
        if !does_claude_code_take(&key) {
            return Some(format!("Claude Code refuses the unknown keyword `{key}` in a schema"));
        }
        let objects: Vec<&ObjectExpression<'_>> = match &property.value {
            Expression::ObjectExpression(one) if ONE.contains(&key.as_ref()) => vec![one],
            Expression::ObjectExpression(named) if BY_NAME.contains(&key.as_ref()) => {
                let values = named.properties.iter().filter_map(|property| match property {
                    ObjectPropertyKind::ObjectProperty(property) => object(&property.value),
                    ObjectPropertyKind::SpreadProperty(_) => None,
                });
                values.collect()
            }
            Expression::ArrayExpression(list) if LISTS.contains(&key.as_ref()) => list
                .elements
                .iter()
                .filter_map(|one| one.as_expression().and_then(object))
                .collect(),
            _ => Vec::new(),
        };
        if let Some(refused) = objects.into_iter().find_map(|one| inside(one, level + 1)) {
            return Some(refused);
        }
    }
    not_described(schema)
}

fn object<'e, 'a>(value: &'e Expression<'a>) -> Option<&'e ObjectExpression<'a>> {
    match value {
        Expression::ObjectExpression(object) => Some(object),
        _ => None,
    }
}

/// A required key that `properties` does not have.
fn not_described(schema: &ObjectExpression<'_>) -> Option<String> {
    let Some(Expression::ArrayExpression(required)) = value(schema, "required") else {
        return None;
    };
    let Some(Expression::ObjectExpression(properties)) = value(schema, "properties") else {
        return None;
    };
    let is_whole =
        |one: &ObjectPropertyKind<'_>| matches!(one, ObjectPropertyKind::ObjectProperty(_));
    if !properties.properties.iter().all(is_whole) {
        return None;
    }
    let names = required.elements.iter().filter_map(|one: &ArrayExpressionElement<'_>| match one {
        ArrayExpressionElement::StringLiteral(name) => Some(name.value.as_str()),
        _ => None,
    });
    let missing = names.into_iter().find(|name| value(properties, name).is_none())?;
    Some(format!("Claude Code refuses a schema that requires `{missing}` and does not describe it"))
}
