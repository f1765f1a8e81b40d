//! The workflow's own arguments: `--args-<name>`, `--args`, `--args-from-file`.
//!
//! Owns: removing `--args-<name>` from argv before clap sees it (the workflow
//! defines the names, so clap cannot list them), merging the three sources, and their
//! check by the schema of the workflow. Never: knows what a workflow does with them.

mod source;
mod typed;
mod yaml;

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::{Map, Value};
use smol_wf_core::args_schema::{ArgsMisfit, ArgsSchema};
use smol_wf_core::limits::ARGS_BYTES_MAX;
use smol_wf_core::script::{Meta, Script, ScriptRefusal};
use smol_wf_core::surface::Surface;
use smol_wf_engine::check::name_of;
use smol_wf_engine::{ScriptFile, read_script_now};

use self::source::Source;
pub(crate) use self::source::SourceError;
use crate::notices::print_message;

/// Commands that take `--args-<name>`; others refuse them and never propose them.
pub(crate) const TAKE_ARGS: [&str; 5] = ["run", "fork", "plan", "explore", "dev"];

/// How the flag of a named argument begins.
const PREFIX: &str = "--args-";
/// Flags of this program that begin like the workflow's.
const OWN_FLAGS: [&str; 1] = ["from-file"];
/// Longest value that a message repeats, in bytes.
const SHOWN_BYTES: usize = 40;

/// Arguments by name, in the order of the command line; a flag without a value has none.
pub(crate) type Named = Vec<(String, Option<String>)>;

/// The three sources of arguments.
pub(crate) struct Sources<'a> {
    /// `--args-from-file`.
    pub(crate) files: &'a [PathBuf],
    /// `--args`.
    pub(crate) json: Option<&'a str>,
    /// `--args-<name>`.
    pub(crate) named: Named,
}

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
    /// They do not satisfy the schema of the workflow.
    #[error("the arguments do not fit the workflow; its arguments: smol-wf run SCRIPT --help")]
    Misfit(ArgsMisfit),
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
            named.push((name.to_owned(), Some(value.to_owned())));
            continue;
        }
        let value = argv.next_if(|next| !is_flag(next));
        named.push((name, value.map(|text| text.to_string_lossy().into_owned())));
    }
    (kept, named)
}

/// Whether a word is a flag and not a value: `-3` and `-` are values.
fn is_flag(word: &OsString) -> bool {
    let text = word.to_string_lossy();
    let after = text.strip_prefix('-').and_then(|rest| rest.chars().next());
    after.is_some_and(|first| first == '-' || first.is_alphabetic())
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

/// What a script's `meta` says; none if that cannot be read, which the engine reports.
pub(crate) fn meta_of(script: &ScriptFile) -> Option<Meta> {
    read(script).ok().map(|script| script.meta)
}

/// Reads a script without running it. Fails if its text or its `meta` is refused.
pub(crate) fn read(script: &ScriptFile) -> Result<Script, ScriptRefusal> {
    read_script_now(&script.bytes, &name_of(script), Surface::CURRENT)
}

/// The schema that a workflow declares for its arguments.
pub(crate) fn schema_of(meta: Option<&Meta>) -> Option<ArgsSchema> {
    ArgsSchema::of(meta?.args.as_ref()?).ok()
}

impl Sources<'_> {
    /// Whether no argument was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.json.is_none() && self.named.is_empty()
    }

    /// The arguments for a script, as JSON text: typed, checked, and with the defaults of
    /// its schema. Fails as [`Self::merge`] does, and if they do not fit the schema.
    pub(crate) fn fit(self, script: &ScriptFile) -> Result<Option<String>, ArgsError> {
        self.fit_to(schema_of(meta_of(script).as_ref()).as_ref())
    }

    /// As [`Self::fit`], for this schema.
    pub(crate) fn fit_to(self, schema: Option<&ArgsSchema>) -> Result<Option<String>, ArgsError> {
        let given = self.merge(schema)?;
        fit(given.as_deref(), schema)
    }

    /// Merges the sources to JSON text, typed by the schema: first the objects of files,
    /// then `--args`, then the named arguments. `None` if nothing was given. Fails if a
    /// source cannot be read, is not an object where one is needed, or the result is too
    /// large.
    pub(crate) fn merge(self, schema: Option<&ArgsSchema>) -> Result<Option<String>, ArgsError> {
        let names: Vec<String> = self.named.iter().map(|(name, _)| name.clone()).collect();
        let merged = merge(self.files, self.json, self.named, schema)?;
        if let Some(schema) = schema.filter(|schema| !schema.is_closed()) {
            for said in typed::likely_mistyped(schema, &names) {
                print_message(&format!("warning: {said}"));
            }
        }
        Ok(merged)
    }
}

/// Arguments with the defaults of a schema. Fails if they do not satisfy it.
pub(crate) fn fit(
    given: Option<&str>,
    schema: Option<&ArgsSchema>,
) -> Result<Option<String>, ArgsError> {
    match schema {
        Some(schema) => schema.fit(given).map_err(ArgsError::Misfit),
        None => Ok(given.map(str::to_owned)),
    }
}

/// As [`Sources::merge`].
fn merge(
    files: &[PathBuf],
    json: Option<&str>,
    named: Named,
    schema: Option<&ArgsSchema>,
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
        for (name, texts) in collect(named) {
            let argument =
                schema.and_then(|schema| Some((schema, typed::declared(schema, &name)?)));
            // What a file's value grows by; without one, what is in place of it.
            let (name, added, value) = match argument {
                Some((schema, argument)) => {
                    let value = typed::value(schema, &argument, texts);
                    let items = value.as_array().filter(|_| typed::is_list(&argument)).cloned();
                    (argument.name.to_owned(), items, value)
                }
                None => {
                    let values: Vec<Value> = texts.into_iter().map(typed::untyped).collect();
                    (name, Some(values.clone()), typed::collected(values))
                }
            };
            match added.filter(|_| from_files.contains_key(&name)) {
                Some(values) => {
                    values.into_iter().for_each(|value| append(&mut all, name.clone(), value));
                }
                None => drop(all.insert(name, value)),
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
fn collect(named: Named) -> Vec<(String, Vec<Option<String>>)> {
    let mut all: Vec<(String, Vec<Option<String>>)> = Vec::new();
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
