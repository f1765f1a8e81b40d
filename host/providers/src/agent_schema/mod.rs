//! A schema in the form that an agent takes, and the answer back in the author's form.
//!
//! Owns: what each agent's own structured output refuses or cannot express. Never: judges
//! an answer. An adapted schema may allow more than the author's does; the answer is
//! checked against the author's afterwards.

mod draft7;
mod nulls;
mod strict;

use serde_json::{Map, Value, json};
use smol_wf_core::schema::{linked, parse_answer};

use crate::{Answer, ProviderError, ProviderErrorKind};

/// The one property of an answer whose schema is not an object.
const WRAPPER: &str = "value";

/// A schema as one agent takes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AgentSchema {
    /// The schema that the agent gets.
    pub(crate) schema: Value,
    /// Whether the answer is inside an object.
    wrapped: bool,
    /// The author's schema, when nulls in the answer may stand for omitted properties.
    nulls: Option<Value>,
}

impl AgentSchema {
    /// For a validator of draft 7 in strict mode, and for services that read the same
    /// schema as draft 2020-12: what both understand alike.
    pub(crate) fn draft7(author: &Value) -> Self {
        let plain = draft7::adapt(author);
        Self::wrapping(plain)
    }

    /// The schema as it is, in an object: for agents that pass it to the model unread.
    pub(crate) fn raw(author: &Value) -> Self {
        let mut plain = author.clone();
        if let Value::Object(keywords) = &mut plain {
            keywords.shift_remove("$schema");
        }
        Self::wrapping(plain)
    }

    /// For a service that writes answers by grammar: every object closed, every property
    /// required. None when the schema cannot be expressed that way, such as an object
    /// with arbitrary properties.
    pub(crate) fn strict(author: &Value) -> Option<Self> {
        let (schema, wrapped) = strict::adapt(author)?;
        Some(Self { schema, wrapped, nulls: Some(author.clone()) })
    }

    /// Wraps a schema that is not an object: structured output is a tool's input nearly
    /// everywhere, and that is an object.
    fn wrapping(plain: Value) -> Self {
        if is_plain_object(&plain) {
            return Self { schema: plain, wrapped: false, nulls: None };
        }
        let mut inner = plain;
        move_refs(&mut inner, &format!("#/properties/{WRAPPER}"));
        Self { schema: in_object(inner), wrapped: true, nulls: None }
    }

    /// An answer in the author's form. An agent that answers in text although it got a
    /// schema follows the adapted one; text without JSON stays.
    pub(crate) fn restore_answer(&self, answer: Answer) -> Answer {
        match answer {
            Answer::Json(value) => Answer::Json(self.restore(value)),
            Answer::Text(text) => match parse_answer(&text) {
                Some(value) => Answer::Json(self.restore(value)),
                None => Answer::Text(text),
            },
            Answer::Null => Answer::Null,
        }
    }

    /// A value in the author's form.
    fn restore(&self, answer: Value) -> Value {
        let mut answer = match answer {
            Value::Object(mut fields)
                if self.wrapped && fields.len() == 1 && fields.contains_key(WRAPPER) =>
            {
                fields.shift_remove(WRAPPER).unwrap_or_default()
            }
            other => other,
        };
        if let Some(author) = &self.nulls {
            nulls::drop_stand_ins(author, &mut answer);
        }
        answer
    }
}

/// Parses `request.schema`, and turns every reference into one to a place in it: services
/// do not follow names.
///
/// # Errors
/// When the text is not a schema, or a reference leads nowhere.
pub(crate) fn read(provider: &str, schema_text: &str) -> Result<Value, ProviderError> {
    let unusable = |reason: String| {
        let message = format!("the schema of the call cannot be read: {reason}");
        ProviderError::new(provider, ProviderErrorKind::Unsupported, message)
    };
    let schema = serde_json::from_str(schema_text).map_err(|error| unusable(error.to_string()))?;
    linked(&schema).map_err(|failure| unusable(failure.message))
}

/// Whether a schema is an object without a choice at its root: services refuse `anyOf`
/// and the like there.
fn is_plain_object(schema: &Value) -> bool {
    let choices = ["anyOf", "oneOf", "allOf", "not", "if", "$ref", "enum", "const"];
    schema["type"] == "object" && choices.iter().all(|keyword| schema.get(keyword).is_none())
}

fn in_object(inner: Value) -> Value {
    json!({
        "type": "object",
        "properties": {(WRAPPER): inner},
        "required": [WRAPPER],
        "additionalProperties": false,
    })
}

/// Lets every reference into the document start at another place in it.
fn move_refs(schema: &mut Value, root: &str) {
    each_schema(schema, &mut |keywords| {
        if let Some(Value::String(target)) = keywords.get_mut("$ref")
            && let Some(path) = target.strip_prefix('#')
        {
            *target = format!("{root}{path}");
        }
    });
}

/// Keywords that hold one schema.
const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords that hold a list of schemas.
const LIST: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];

/// Keywords that hold schemas by name.
const NAMED: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

/// Calls `visit` on this schema and on all schemas in it. Other values, such as those of
/// an `enum`, are skipped. The caller has bounded the depth of the schema.
fn each_schema(schema: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(keywords) = schema else { return };
    visit(keywords);
    for (keyword, value) in keywords.iter_mut() {
        match value {
            Value::Object(named) if NAMED.contains(&keyword.as_str()) => {
                named.values_mut().for_each(|one| each_schema(one, visit));
            }
            Value::Array(list) if LIST.contains(&keyword.as_str()) => {
                list.iter_mut().for_each(|one| each_schema(one, visit));
            }
            one if ONE.contains(&keyword.as_str()) => each_schema(one, visit),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
