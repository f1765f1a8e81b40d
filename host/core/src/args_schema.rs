//! The arguments that a workflow declares: the JSON Schema in `meta.args`.
//!
//! Owns: what a run's arguments must be, the defaults that are filled in, and what is
//! wrong with each argument. Never: reads a flag or a file, or refuses a script; its
//! callers do.

mod problem;
mod words;

use std::fmt;

use serde_json::{Map, Value};

use crate::outcome::Failure;
use crate::schema::{Checker, bounded_text};

pub use problem::{ArgProblem, ArgsMisfit};
pub use words::in_words;

/// Most references that are followed to find the schema of an argument. The checker
/// follows all of them; this is for names and descriptions.
const REFERENCES_MAX: usize = 16;

/// Why a schema of arguments cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgsSchemaFault {
    /// JSON Pointer into the schema; empty for the whole.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// The compiled schema of a workflow's arguments.
pub struct ArgsSchema {
    schema: Value,
    checker: Checker,
}

/// One argument that a schema declares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeclaredArg<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its schema, with references followed.
    pub schema: &'a Value,
    /// Whether a run needs it.
    pub required: bool,
    /// Its value in a run that is not given one.
    pub default: Option<&'a Value>,
    /// Its description, for people.
    pub description: Option<&'a str>,
}

impl fmt::Debug for ArgsSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArgsSchema").field(&self.schema).finish()
    }
}

impl ArgsSchema {
    /// Compiles a schema, and checks its defaults.
    ///
    /// # Errors
    /// When it is not a JSON Schema within the bounds of those of `agent()`, or a default
    /// does not fit it.
    pub fn of(schema: &Value) -> Result<Self, ArgsSchemaFault> {
        let nowhere = |failure: Failure| fault(String::new(), failure.message);
        bounded_text(schema).map_err(nowhere)?;
        let checker =
            Checker::placed(schema).map_err(|(place, failure)| fault(place, failure.message))?;
        let schema = Self { schema: schema.clone(), checker };
        schema.check_defaults()?;
        Ok(schema)
    }

    /// The schema in the `meta` of a script, as JSON text; none if it declares no
    /// arguments.
    ///
    /// # Errors
    /// As in [`Self::of`].
    pub fn of_meta(meta: &str) -> Result<Option<Self>, ArgsSchemaFault> {
        let meta: Value = serde_json::from_str(meta).unwrap_or_default();
        let declared = meta.get("args").filter(|schema| schema.is_object());
        declared.map(Self::of).transpose()
    }

    /// The schema as it is in `meta`.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.schema
    }

    /// The declared arguments in the order of the schema: the properties of its root.
    #[must_use]
    pub fn declared(&self) -> Vec<DeclaredArg<'_>> {
        let root = self.followed(&self.schema);
        let required = root.get("required").and_then(Value::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
        };
        let properties = root.get("properties").and_then(Value::as_object);
        let declared = properties.into_iter().flatten().map(|(name, own)| {
            let schema = self.followed(own);
            // Beside a reference there may be a description of this use of it.
            let of = |key: &str| own.get(key).or_else(|| schema.get(key));
            DeclaredArg {
                name,
                schema,
                required: is_required(name),
                default: of("default"),
                description: of("description").or_else(|| of("title")).and_then(Value::as_str),
            }
        });
        declared.collect()
    }

    /// The declared argument of this name.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<DeclaredArg<'_>> {
        self.declared().into_iter().find(|one| one.name == name)
    }

    /// Whether arguments that are not declared are refused.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let root = self.followed(&self.schema);
        let closed = |key: &str| root.get(key) == Some(&Value::Bool(false));
        closed("additionalProperties") || closed("unevaluatedProperties")
    }

    /// The arguments of a run, as JSON text, with the defaults of those that were not
    /// given. A run that is given none has `{}`, where the schema takes objects.
    ///
    /// # Errors
    /// When they do not satisfy the schema.
    pub fn fit(&self, args: Option<&str>) -> Result<Option<String>, ArgsMisfit> {
        let given = match args {
            Some(text) => {
                Some(serde_json::from_str(text).map_err(|error: serde_json::Error| {
                    ArgsMisfit::whole(format!("they are not JSON: {error}"), &self.schema)
                })?)
            }
            None => self.absent()?,
        };
        let Some(given) = given else { return Ok(None) };
        let value = self.filled(given.clone());
        self.checker.check_names(&value).map_err(|found| problem::misfit(self, &value, found))?;
        Ok(match args {
            Some(text) if value == given => Some(text.to_owned()),
            _ => Some(value.to_string()),
        })
    }

    /// The arguments of a run that is given none; none if the schema lets it have none.
    fn absent(&self) -> Result<Option<Value>, ArgsMisfit> {
        let root = self.followed(&self.schema);
        if takes_objects(root) {
            return Ok(Some(Value::Object(Map::new())));
        }
        if let Some(default) = root.get("default") {
            return Ok(Some(default.clone()));
        }
        match self.checker.check(&Value::Null) {
            Ok(()) => Ok(None),
            Err(_) => Err(ArgsMisfit::whole("none were given".to_owned(), &self.schema)),
        }
    }

    /// An object of arguments with the defaults of those that it lacks.
    fn filled(&self, mut args: Value) -> Value {
        if let Value::Object(given) = &mut args {
            for DeclaredArg { name, default, .. } in self.declared() {
                if let Some(default) = default.filter(|_| !given.contains_key(name)) {
                    given.insert(name.to_owned(), default.clone());
                }
            }
        }
        args
    }

    /// Refuses a default that a run would be refused for.
    fn check_defaults(&self) -> Result<(), ArgsSchemaFault> {
        let all = self.filled(Value::Object(Map::new()));
        let Err(found) = self.checker.check_names(&all) else { return Ok(()) };
        let Some(wrong) = found.iter().find(|one| one.is_of_property) else { return Ok(()) };
        let name = problem::first_name(&wrong.violation.path);
        let message = format!(
            "the default of `{}` does not fit its schema: {}",
            problem::shown(&name),
            wrong.violation.message
        );
        Err(fault(format!("/properties/{}/default", problem::escaped(&name)), message))
    }

    /// The schema that the reference of this one leads to, if it is one within this
    /// document; otherwise this schema.
    #[must_use]
    pub fn followed<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut at = schema;
        for _ in 0..REFERENCES_MAX {
            let pointer = at.get("$ref").and_then(Value::as_str);
            let target =
                pointer.and_then(|pointer| self.schema.pointer(pointer.strip_prefix('#')?));
            match target {
                Some(target) => at = target,
                None => break,
            }
        }
        at
    }
}

fn fault(place: String, message: String) -> ArgsSchemaFault {
    ArgsSchemaFault { place, message }
}

/// Whether the type of a schema lets a value be an object.
fn takes_objects(schema: &Value) -> bool {
    match schema.get("type") {
        None => true,
        Some(Value::Array(types)) => types.iter().any(|one| one == "object"),
        Some(one) => one == "object",
    }
}

#[cfg(test)]
mod tests;
