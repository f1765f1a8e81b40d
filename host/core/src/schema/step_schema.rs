//! The schema of a step: its text, and a shared compiled form.
//!
//! Owns: compiling a schema only once, for its acceptance and for the checks of all
//! attempts and rounds. Never: checks an answer.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::checker::{Checker, bounded_text};
use super::example::example_by;
use crate::outcome::Failure;

/// Compiled schemas that a run keeps for further steps. Scripts have a handful of
/// schemas; the largest takes a few megabytes when compiled.
const RECENT_MAX: usize = 8;

/// The JSON Schema that a step's answer must satisfy. Clones share the compiled form,
/// which is dropped when nothing uses it. Equality and the serialised form are those of
/// the text.
#[derive(Clone)]
pub struct StepSchema {
    text: String,
    compiled: Arc<Mutex<Weak<Checker>>>,
}

impl StepSchema {
    /// The compiled schema; compiles it if no compiled form is in use.
    ///
    /// # Errors
    /// As in [`Checker::new`]: the text may come from a journal.
    pub fn checker(&self) -> Result<Arc<Checker>, Failure> {
        // Locked while compiling, so that two threads do not both compile.
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(checker) = compiled.upgrade() {
            return Ok(checker);
        }
        let checker = Arc::new(Checker::new(&self.text)?);
        *compiled = Arc::downgrade(&checker);
        Ok(checker)
    }

    /// An example answer, as by [`example`](super::example()).
    ///
    /// # Errors
    /// When the schema cannot be used, or no example was found.
    pub fn example(&self, seed: u64) -> Result<Value, Failure> {
        example_by(self.checker()?.as_ref(), &self.text, seed)
    }
}

impl Deref for StepSchema {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<String> for StepSchema {
    fn from(text: String) -> Self {
        Self { text, compiled: Arc::default() }
    }
}

impl From<&str> for StepSchema {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for StepSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl PartialEq for StepSchema {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for StepSchema {}

impl Serialize for StepSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StepSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// The most recently accepted schemas of a run, compiled.
#[derive(Debug, Default)]
pub struct RecentSchemas {
    /// The most recent first.
    recent: VecDeque<(StepSchema, Arc<Checker>)>,
}

impl RecentSchemas {
    /// Accepts a schema from a script.
    ///
    /// # Errors
    /// As in [`accept`](super::accept()).
    pub fn accept(&mut self, schema: &Value) -> Result<StepSchema, Failure> {
        let text = bounded_text(schema)?;
        let known = self.recent.iter().position(|(recent, _)| **recent == *text);
        let (schema, checker) = match known.and_then(|index| self.recent.remove(index)) {
            Some(known) => known,
            None => {
                let checker = Arc::new(Checker::of(schema)?);
                let compiled = Arc::new(Mutex::new(Arc::downgrade(&checker)));
                (StepSchema { text, compiled }, checker)
            }
        };
        self.recent.truncate(RECENT_MAX - 1);
        self.recent.push_front((schema.clone(), checker));
        Ok(schema)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::checker::tests::compilations;

    #[test]
    fn a_schema_is_compiled_once_for_a_step_and_the_equal_steps_after_it() {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
        let mut recent = RecentSchemas::default();
        let before = compilations();
        for _ in 0..3 {
            let accepted = recent.accept(&schema).unwrap();
            // Attempts and rounds have clones of the request.
            for _ in 0..4 {
                let round = accepted.clone();
                let answer = round.example(7).unwrap();
                round.checker().unwrap().check(&answer).unwrap();
            }
        }
        assert_eq!(compilations() - before, 1);
    }

    #[test]
    fn a_schema_from_a_journal_is_compiled_at_its_first_check() {
        let before = compilations();
        let read: StepSchema = serde_json::from_str("\"{}\"").unwrap();
        assert_eq!(compilations() - before, 0);
        let checker = read.checker().unwrap();
        assert!(Arc::ptr_eq(&checker, &read.clone().checker().unwrap()));
        assert_eq!(compilations() - before, 1);
        let broken = StepSchema::from("{");
        assert!(broken.checker().is_err() && broken.example(1).is_err());
    }

    #[test]
    fn a_run_keeps_few_compiled_schemas() {
        let mut recent = RecentSchemas::default();
        let accepted: Vec<StepSchema> =
            (0..20).map(|least| recent.accept(&json!({"minimum": least})).unwrap()).collect();
        let alive = accepted.iter().filter(|one| one.compiled.lock().unwrap().strong_count() > 0);
        assert_eq!(alive.count(), RECENT_MAX);
        assert!(recent.accept(&json!({"type": 1})).is_err());
        assert!(accepted[0].checker().is_ok(), "compiled again");
    }
}
