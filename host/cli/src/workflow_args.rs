//! The workflow's own arguments: `--args-<name>`, `--args`, `--args-from-file`.
//!
//! Owns: removing `--args-<name>` from argv before clap sees it (the workflow
//! defines the names, so clap cannot list them), and merging the three sources.
//! Never: knows what a workflow does with them.

mod source;
mod yaml;

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::{Map, Value};
use smol_wf_core::limits::ARGS_BYTES_MAX;

use self::source::Source;
pub(crate) use self::source::SourceError;

/// Commands that take `--args-<name>`; others refuse them and never propose them.
pub(crate) const TAKE_ARGS: [&str; 4] = ["run", "fork", "plan", "explore"];

/// How the flag of a named argument begins.
const PREFIX: &str = "--args-";
/// Flags of this program that begin like the workflow's.
const OWN_FLAGS: [&str; 1] = ["from-file"];
/// Longest value that a message repeats, in bytes.
const SHOWN_BYTES: usize = 40;

/// Arguments by name, in the order of the command line.
pub(crate) type Named = Vec<(String, Value)>;

/// Why the arguments of the workflow cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgsError {
    /// A file of `--args-from-file` cannot be used.
    #[error("--args-from-file: {0}")]
    File(SourceError),
    /// The file in `--args @FILE` cannot be used.
    #[error("--args: {0}")]
    AtFile(SourceError),
    /// A file of `--args-from-file` holds another kind of value.
    #[error("--args-from-file: {place} must hold an object, and holds {found}")]
    NotAnObject { place: String, found: &'static str },
    #[error("--args is not JSON: {reason}; {hint}")]
    NotJson { reason: String, hint: String },
    #[error(
        "--args is {found}, which --args-<name> and --args-from-file cannot add to; give one or the other"
    )]
    NotMergeable { found: &'static str },
    #[error("the arguments are {bytes} bytes of JSON, and {ARGS_BYTES_MAX} is the most")]
    TooLarge { bytes: usize },
}

/// Splits argv into the part for clap and the workflow's own arguments. They are
/// removed after any command; a command that takes none refuses them by name.
pub(crate) fn split(argv: impl Iterator<Item = OsString>) -> (Vec<OsString>, Named) {
    let mut kept = Vec::new();
    let mut named = Named::new();
    let mut argv = argv.peekable();
    while let Some(token) = argv.next() {
        let Some(name) = own_name(&token, kept.len()) else {
            let end = token == "--";
            kept.push(token);
            if end {
                kept.extend(argv);
                break;
            }
            continue;
        };
        if let Some((name, value)) = name.split_once('=') {
            named.push((name.to_owned(), value_of(value)));
            continue;
        }
        let value = argv.next_if(|next| !next.to_string_lossy().starts_with("--"));
        let value = value.map_or(Value::Bool(true), |text| value_of(&text.to_string_lossy()));
        named.push((name, value));
    }
    (kept, named)
}

/// Name (and `=value`) of an argument of the workflow at this position of argv,
/// if it is one.
fn own_name(token: &OsString, position: usize) -> Option<String> {
    // The program and the subcommand come first.
    if position < 2 {
        return None;
    }
    let rest = token.to_str()?.strip_prefix(PREFIX)?;
    let name = rest.split('=').next().unwrap_or(rest);
    (!name.is_empty() && !OWN_FLAGS.contains(&name)).then(|| rest.to_owned())
}

/// Reads a value: `5`, `true`, `null`, `[1]` and `{"a":1}` are JSON, everything
/// else is text. `'"5"'` is the text 5. A number that JavaScript would print
/// differently is text too: `1.10` may be a version, `12345e7` a commit, twenty
/// digits an id.
fn value_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) if !survives_javascript(&number, text) => {
            Value::String(text.to_owned())
        }
        Ok(value) => value,
        Err(_) => Value::String(text.to_owned()),
    }
}

/// Whether JavaScript would print the number exactly as it was typed.
fn survives_javascript(number: &serde_json::Number, text: &str) -> bool {
    // 2^53 - 1, and the smallest fraction that JavaScript prints without an
    // exponent.
    const EXACT_MAX: u64 = (1 << 53) - 1;
    const PLAIN_MIN: f64 = 1e-6;
    if let Some(whole) = number.as_i64() {
        return whole.unsigned_abs() <= EXACT_MAX && whole.to_string() == text;
    }
    let is_plain =
        |float: f64| float.abs() >= PLAIN_MIN && float.fract() != 0.0 && float.to_string() == text;
    number.as_f64().is_some_and(is_plain)
}

/// Merges the three sources to JSON text: first the objects of files, then
/// `--args`, then the named arguments. `None` if nothing was given. Fails if a
/// source cannot be read, is not an object where one is needed, or the result is
/// too large.
pub(crate) fn merge(
    files: &[PathBuf],
    json: Option<&str>,
    named: Named,
) -> Result<Option<String>, ArgsError> {
    let mut from_files = Map::new();
    for file in files {
        for (name, value) in object_of(&Source::of(file))? {
            append(&mut from_files, name, value);
        }
    }
    let mut base = (!files.is_empty()).then(|| Value::Object(from_files.clone()));
    if let Some(text) = json {
        base = Some(match (base, given(text)?) {
            (None, given) => given,
            (Some(Value::Object(mut all)), Value::Object(more)) => {
                from_files.retain(|name, _| !more.contains_key(name));
                all.extend(more);
                Value::Object(all)
            }
            (Some(_), other) => return Err(not_mergeable(&other)),
        });
    }
    if !named.is_empty() {
        let mut all = match base {
            None => Map::new(),
            Some(Value::Object(all)) => all,
            Some(other) => return Err(not_mergeable(&other)),
        };
        for (name, mut values) in collect(named) {
            if from_files.contains_key(&name) {
                // Arguments on the command line add to those of a file.
                values.into_iter().for_each(|value| append(&mut all, name.clone(), value));
            } else {
                let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
                all.insert(name, value);
            }
        }
        base = Some(Value::Object(all));
    }
    let Some(value) = base else { return Ok(None) };
    let text = value.to_string();
    if text.len() > ARGS_BYTES_MAX {
        return Err(ArgsError::TooLarge { bytes: text.len() });
    }
    Ok(Some(text))
}

/// The object in a source. Fails if it holds another value.
fn object_of(source: &Source) -> Result<Map<String, Value>, ArgsError> {
    match source.read().map_err(ArgsError::File)? {
        Value::Object(all) => Ok(all),
        other => {
            let found = smol_wf_core::json_kind::kind_of(&other);
            Err(ArgsError::NotAnObject { place: source.to_string(), found })
        }
    }
}

/// The value of `--args`: JSON, or `@FILE`.
fn given(text: &str) -> Result<Value, ArgsError> {
    if let Some(path) = text.strip_prefix('@') {
        return Source::of(path.as_ref()).read().map_err(ArgsError::AtFile);
    }
    serde_json::from_str(text)
        .map_err(|error| ArgsError::NotJson { reason: error.to_string(), hint: quoting_hint(text) })
}

/// The hint for a value that is not JSON: a bare word was meant as text; anything
/// else lost its quotes in the shell.
fn quoting_hint(text: &str) -> String {
    let is_word = text.len() <= SHOWN_BYTES
        && !text.contains(|one: char| "{}[]\"'\\".contains(one) || one.is_control());
    if is_word {
        format!("for text, type --args '\"{text}\"'; for one named argument, --args-name '{text}'")
    } else {
        "quote it for your shell, as in --args '{\"name\": 1}', or give a file: --args @FILE"
            .to_owned()
    }
}

/// Groups the named arguments: each name with its values in order.
fn collect(named: Named) -> Vec<(String, Vec<Value>)> {
    let mut all: Vec<(String, Vec<Value>)> = Vec::new();
    for (name, value) in named {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => all.push((name, vec![value])),
        }
    }
    all
}

/// Adds a value to a name: a list grows, any other value becomes a list.
fn append(all: &mut Map<String, Value>, name: String, value: Value) {
    match all.get_mut(&name) {
        None => {
            all.insert(name, value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

/// The error about arguments that are not an object.
fn not_mergeable(value: &Value) -> ArgsError {
    ArgsError::NotMergeable { found: smol_wf_core::json_kind::kind_of(value) }
}

#[cfg(test)]
mod tests;
