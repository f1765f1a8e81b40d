//! The published JSON Schemas, against which whatever the program prints is checked.
//!
//! Owns: which schema a document has, and the check. Never: the schemas; those are
//! files of `docs/schemas`.
//!
//! A schema lets readers meet keys that are added later. Here it does not: a key that
//! it does not name fails the test, so the schemas are complete.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use smol_wf_core::schema::{Checker, describe};

/// Documents of one output that are checked, from its beginning: a stream of a hundred
/// thousand events has the same few types.
const CHECKED_MAX: usize = 100;

/// Larger documents hold a large result, which no schema looks into.
const BYTES_MAX: usize = 1 << 20;

/// Checkers by schema and whether parts are allowed.
type Checkers = HashMap<(String, bool), Arc<Checker>>;

/// Those that were needed so far.
static CHECKERS: LazyLock<Mutex<Checkers>> = LazyLock::new(Mutex::default);

/// Checks each report, event and plan in what a command printed.
#[track_caller]
pub fn check_output(stdout: &str) {
    if !stdout.starts_with('{') {
        return;
    }
    if stdout.len() < BYTES_MAX
        && let Ok(document) = serde_json::from_str::<Value>(stdout)
    {
        return check_known(&document);
    }
    for line in stdout.lines().take(CHECKED_MAX).filter(|line| line.len() < BYTES_MAX) {
        if let Ok(document) = serde_json::from_str::<Value>(line) {
            check_known(&document);
        }
    }
}

#[track_caller]
fn check_known(document: &Value) {
    let has = |keys: &[&str]| keys.iter().all(|key| document.get(key).is_some());
    if has(&["schemaVersion", "runID", "tokenUsage", "agents"]) {
        check("report", document);
    } else if has(&["v", "type", "seq", "metadata"]) {
        check("events", document);
    } else if has(&["schemaVersion", "groupsWhole", "capabilities"]) {
        check("plan", document);
    }
}

/// Checks a document against the schema of this name.
#[track_caller]
pub fn check(name: &str, document: &Value) {
    against(name, document, false);
}

/// The same for a document in which parts were left out.
#[track_caller]
pub fn check_part(name: &str, document: &Value) {
    against(name, document, true);
}

#[track_caller]
fn against(name: &str, document: &Value, is_part: bool) {
    let mut checkers = CHECKERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let checker = checkers.entry((name.to_owned(), is_part)).or_insert_with(|| {
        let path = super::project().join(format!("docs/schemas/{name}.schema.json"));
        let mut schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        close(&mut schema, is_part);
        Arc::new(Checker::new(&schema.to_string()).unwrap())
    });
    let checker = Arc::clone(checker);
    drop(checkers);
    if let Err(violations) = checker.check(document) {
        panic!(
            "not as docs/schemas/{name}.schema.json says:\n{}\n{document}",
            describe(&violations)
        );
    }
}

/// Closes each object whose keys the schema names.
fn close(schema: &mut Value, is_part: bool) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| close(item, is_part)),
        Value::Object(keywords) => {
            keywords.values_mut().for_each(|value| close(value, is_part));
            let is_object = keywords.get("type").is_some_and(|of| of == "object");
            if is_object && keywords.get("properties").is_some_and(Value::is_object) {
                keywords.entry("additionalProperties").or_insert(Value::Bool(false));
                if is_part {
                    keywords.remove("required");
                }
            }
        }
        _ => {}
    }
}
