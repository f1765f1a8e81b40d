//! The workflow's own arguments: `--args-<name>`, `--args`, `--args-from-file`.
//!
//! Owns: taking `--args-<name>` out of argv before clap sees it (names are the
//! workflow's, so no clap definition can list them), and putting the three
//! sources together. Never: knows what a workflow does with them.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use smol_wf_core::limits::ARGS_BYTES_MAX;
use smol_wf_engine::library;

use crate::paths;

const PREFIX: &str = "--args-";
/// Largest file of arguments: as JSON they may have a quarter of that, and YAML
/// and white space take more room.
const FILE_BYTES_MAX: usize = 4 * ARGS_BYTES_MAX;
/// Flags of the program that begin like the workflow's own.
const OWN_FLAGS: [&str; 1] = ["from-file"];

/// Arguments by name, in order of the command line.
pub(crate) type Named = Vec<(String, Value)>;

/// Why there are no arguments to run with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgsError {
    #[error("--args-from-file: {} is over {FILE_BYTES_MAX} bytes, the most there can be", path.display())]
    FileTooLarge { path: PathBuf },
    #[error("--args-from-file: {} cannot be read: {error}; check the path", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("--args-from-file: {} is not UTF-8 (byte {offset}); save it as UTF-8", path.display())]
    NotUtf8 { path: PathBuf, offset: usize },
    #[error("--args-from-file: {} is not {format}: {reason}", path.display())]
    NotParsed { path: PathBuf, format: &'static str, reason: String },
    #[error("--args-from-file: {} must hold an object, and holds {found}", path.display())]
    NotAnObject { path: PathBuf, found: &'static str },
    #[error(
        "--args is not JSON: {reason}; quote it for your shell, as in --args '{{\"name\": 1}}'"
    )]
    NotJson { reason: String },
    #[error(
        "--args is {found}, which --args-<name> and --args-from-file cannot add to; give one or the other"
    )]
    NotMergeable { found: &'static str },
    #[error("the arguments are {bytes} bytes of JSON, and {ARGS_BYTES_MAX} is the most")]
    TooLarge { bytes: usize },
}

/// Splits argv into what clap reads and the workflow's own arguments. Only
/// behind the `run` subcommand is there anything to take out.
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

fn own_name(token: &OsString, position: usize) -> Option<String> {
    // The program and the subcommand come first.
    if position < 2 {
        return None;
    }
    let rest = token.to_str()?.strip_prefix(PREFIX)?;
    let name = rest.split('=').next().unwrap_or(rest);
    (!name.is_empty() && !OWN_FLAGS.contains(&name)).then(|| rest.to_owned())
}

/// `5`, `true`, `null`, `[1]` and `{"a":1}` are JSON; everything else is text.
/// `'"5"'` is the text 5.
fn value_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// The three sources together, as JSON text: a file's object first, then
/// `--args`, then the named ones. None when nothing was given.
pub(crate) fn merge(
    file: Option<&Path>,
    json: Option<&str>,
    named: Named,
) -> Result<Option<String>, ArgsError> {
    let mut base = file.map(read_file).transpose()?.map(Value::Object);
    if let Some(text) = json {
        let given: Value = serde_json::from_str(text)
            .map_err(|error| ArgsError::NotJson { reason: error.to_string() })?;
        base = Some(match (base, given) {
            (None, given) => given,
            (Some(Value::Object(mut all)), Value::Object(more)) => {
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
        all.extend(collect(named));
        base = Some(Value::Object(all));
    }
    let Some(value) = base else { return Ok(None) };
    let text = value.to_string();
    if text.len() > ARGS_BYTES_MAX {
        return Err(ArgsError::TooLarge { bytes: text.len() });
    }
    Ok(Some(text))
}

/// A name that is given more than once becomes an array.
fn collect(named: Named) -> Map<String, Value> {
    let mut all: Map<String, Value> = Map::new();
    let mut repeated: Vec<String> = Vec::new();
    for (name, value) in named {
        match all.get_mut(&name) {
            None => {
                all.insert(name, value);
            }
            Some(Value::Array(values)) if repeated.contains(&name) => values.push(value),
            Some(first) => {
                *first = Value::Array(vec![first.take(), value]);
                repeated.push(name);
            }
        }
    }
    all
}

fn not_mergeable(value: &Value) -> ArgsError {
    ArgsError::NotMergeable { found: smol_wf_core::call::kind_of(value) }
}

fn read_file(path: &Path) -> Result<Map<String, Value>, ArgsError> {
    let path = path.to_owned();
    let home = paths::home();
    let bytes = match library::read_named(&path, FILE_BYTES_MAX as u64, home.as_deref()) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::FileTooLarge => {
            return Err(ArgsError::FileTooLarge { path });
        }
        Err(error) => return Err(ArgsError::Unreadable { path, error }),
    };
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => return Err(ArgsError::NotUtf8 { path, offset: error.valid_up_to() }),
    };
    let is_yaml = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"));
    let parsed: Result<Value, (&'static str, String)> = if is_yaml {
        serde_saphyr::from_str(text).map_err(|error| ("YAML", error.to_string()))
    } else {
        serde_json::from_str(text).map_err(|error| ("JSON", error.to_string()))
    };
    match parsed {
        Ok(Value::Object(all)) => Ok(all),
        Ok(other) => {
            Err(ArgsError::NotAnObject { path, found: smol_wf_core::call::kind_of(&other) })
        }
        Err((format, reason)) => Err(ArgsError::NotParsed { path, format, reason }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(line: &str) -> (Vec<String>, Option<Value>) {
        let argv = line.split_whitespace().map(OsString::from);
        let (kept, named) = split(argv);
        let merged = merge(None, None, named).unwrap();
        let kept = kept.into_iter().map(|token| token.into_string().unwrap()).collect();
        (kept, merged.map(|text| serde_json::from_str(&text).unwrap()))
    }

    #[test]
    fn named_arguments_in_all_their_forms() {
        let (kept, args) = parse(
            "smol-wf run a.mjs --args-name World --args-n=5 --args-deep --events --args-tag a \
             --args-tag b --args-neg -3 --args-list [1,2] --args-list [3]",
        );
        assert_eq!(kept, ["smol-wf", "run", "a.mjs", "--events"]);
        let expected = json!({
            "name": "World", "n": 5, "deep": true, "tag": ["a", "b"], "neg": -3,
            "list": [[1, 2], [3]],
        });
        assert_eq!(args, Some(expected));
    }

    #[test]
    fn flags_of_the_program_stay_and_a_double_dash_ends_it() {
        let (kept, args) = parse("smol-wf run --args-from-file a.json --args 1 x -- --args-y 1");
        assert_eq!(kept.len(), 10);
        assert_eq!(args, None);
    }

    #[test]
    fn the_sources_add_up() {
        let named = vec![("b".to_owned(), json!(2))];
        let merged = merge(None, Some(r#"{"a":1,"b":1}"#), named.clone()).unwrap().unwrap();
        assert_eq!(merged, r#"{"a":1,"b":2}"#);
        assert!(matches!(merge(None, Some("[1]"), named), Err(ArgsError::NotMergeable { .. })));
        assert_eq!(merge(None, Some("\"text\""), Vec::new()).unwrap().unwrap(), "\"text\"");
        assert!(matches!(merge(None, Some("{"), Vec::new()), Err(ArgsError::NotJson { .. })));
    }
}
