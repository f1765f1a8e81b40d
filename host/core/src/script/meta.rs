//! The `meta` of a script: name, description, phases.
//!
//! Owns: the keys of `meta`, their types, and which are required. Never: reads text;
//! its input is a literal.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::errors::{Fault, OffsetWarning};
use super::literal::{Data, Entry, Literal};
use super::quoted::shown;
use crate::args_schema::ArgsSchema;
use crate::codes::Code;
use crate::options::PhaseOptions;
use crate::schema;
use crate::surface::Surface;

/// Most warnings of one script; further ones would not help its author.
const WARNINGS_MAX: usize = 16;

/// The `meta` of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Name of the workflow.
    pub name: String,
    /// Its purpose, in a sentence.
    pub description: String,
    /// When an agent should choose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_to_use: Option<String>,
    /// Its phases, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// JSON Schema of its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    /// Other keys, kept for other programs.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A phase that a script declares. `model` and `provider` apply to its steps that name
/// none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Its title, as in `phase()` and the option `phase`.
    pub title: String,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Model id, selector or alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Provider by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Options of its steps.
    #[serde(flatten)]
    pub options: PhaseOptions,
}

impl Meta {
    /// The phase with this title, if it was declared.
    #[must_use]
    pub fn phase(&self, title: &str) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.title == title)
    }
}

/// The keys of `meta`; `args` since surface 4.
const META_KEYS: [&str; 5] = ["name", "description", "whenToUse", "phases", "args"];

/// Keys of a phase that are not options of its steps.
const PHASE_KEYS: [&str; 4] = ["title", "detail", "model", "provider"];

/// Reads the keys of `meta`.
pub(super) fn check(
    literal: &Literal,
    surface: Surface,
) -> Result<(Meta, Vec<OffsetWarning>), Fault> {
    let fields = Fields::of(literal, "`meta`")?;
    let mut notes = Vec::new();
    let has_args = surface >= Surface::Fourth;
    let known: &[&str] = if has_args { &META_KEYS } else { &META_KEYS[..4] };
    let meta = Meta {
        name: fields.required("name")?,
        description: fields.required("description")?,
        when_to_use: fields.text_or_note("whenToUse", &mut notes),
        phases: phases(&fields, &mut notes, surface)?,
        args: if has_args { args(&fields, &mut notes)? } else { None },
        extra: fields.others(known, &mut notes),
    };
    notes.sort_by_key(|note| note.at);
    notes.truncate(WARNINGS_MAX);
    Ok((meta, notes))
}

/// Reads the schema of the arguments. A broken schema is refused. A value that is not an
/// object was written for people, and is ignored with a warning.
fn args(fields: &Fields<'_>, notes: &mut Vec<OffsetWarning>) -> Result<Option<Value>, Fault> {
    const PLACE: &str = "`meta.args`";
    let Some(literal) = fields.get("args") else { return Ok(None) };
    if !matches!(literal.data, Data::Object(_)) {
        ignored(notes, wrong_type(literal, PLACE, "a JSON Schema, an object"));
        return Ok(None);
    }
    let schema = literal.to_json();
    ArgsSchema::of(&schema).map_err(|fault| {
        let at = literal.place_of(&fault.place);
        Fault::new(Code::MetaInvalid, at, format!("{PLACE}: {}", fault.message))
    })?;
    let mut note = |message| {
        if notes.len() < WARNINGS_MAX {
            notes.push(OffsetWarning { at: literal.at, message });
        }
    };
    schema::mistyped(&schema, PLACE).into_iter().for_each(&mut note);
    if schema.as_object().is_some_and(|words| !words.is_empty()) && !schema::has_keyword(&schema) {
        note(format!(
            "{PLACE} has no keyword of JSON Schema, so it allows everything; arguments belong into its `properties`"
        ));
    }
    Ok(Some(schema))
}

/// Reads the phases. Invalid values are ignored with a warning, because they only
/// affect what people see, and the model of steps that name none. Invalid options are
/// refused, because some restrict an agent.
fn phases(
    fields: &Fields<'_>,
    notes: &mut Vec<OffsetWarning>,
    surface: Surface,
) -> Result<Vec<Phase>, Fault> {
    let Some(value) = fields.get("phases") else { return Ok(Vec::new()) };
    let Data::List(items) = &value.data else {
        ignored(notes, wrong_type(value, "`meta.phases`", "an array"));
        return Ok(Vec::new());
    };
    let mut phases = Vec::new();
    for (item, index) in items.iter().zip(0_usize..) {
        let name = format!("`meta.phases[{index}]`");
        let has_options = surface >= Surface::Third;
        let options = if has_options { options(item, &name)? } else { PhaseOptions::default() };
        match phase(item, &name, has_options, notes) {
            Ok(phase) => {
                let phase = Phase { options, ..phase };
                refuse_second(&phases, &phase, item, &name)?;
                phases.push(phase);
            }
            Err(fault) => ignored(notes, fault),
        }
    }
    Ok(phases)
}

/// Refuses a second phase with the same title if either has options, because it would
/// be unclear which options apply.
fn refuse_second(
    phases: &[Phase],
    second: &Phase,
    item: &Literal,
    name: &str,
) -> Result<(), Fault> {
    let none = PhaseOptions::default();
    let clashes = |first: &&Phase| {
        first.title == second.title && (first.options != none || second.options != none)
    };
    if phases.iter().any(|first| clashes(&first)) {
        let title = shown(&second.title);
        let why = format!(
            "{name}: a phase before it has the title {title}, and one of them has options; write them into one phase"
        );
        return Err(Fault::new(Code::MetaInvalid, item.at, why));
    }
    Ok(())
}

/// The options that a phase declares for its steps.
fn options(item: &Literal, name: &str) -> Result<PhaseOptions, Fault> {
    let Data::Object(entries) = &item.data else { return Ok(PhaseOptions::default()) };
    let wrong = |at, why: String| Fault::new(Code::MetaInvalid, at, format!("{name}: {why}"));
    let mut given = Map::new();
    for Entry { key, value, at, .. } in entries {
        if matches!(value.data, Data::Undefined | Data::Null) {
            continue;
        }
        if PhaseOptions::OF_CALLS.contains(&key.as_str()) {
            let why =
                format!("no phase takes the option `{key}`; give it to the calls of the phase");
            return Err(wrong(*at, why));
        }
        if PhaseOptions::NAMES.contains(&key.as_str()) {
            given.insert(key.clone(), value.to_json());
            // Read alone first, so that the error has the position of its value.
            let alone = Map::from_iter([(key.clone(), value.to_json())]);
            PhaseOptions::read(alone).map_err(|failure| wrong(value.at, failure.message))?;
        } else if !PHASE_KEYS.contains(&key.as_str()) {
            PhaseOptions::refuse_alike(key, &value.to_json())
                .map_err(|failure| wrong(*at, failure.message))?;
        }
    }
    PhaseOptions::read(given).map_err(|failure| wrong(item.at, failure.message))
}

fn phase(
    item: &Literal,
    name: &str,
    has_options: bool,
    notes: &mut Vec<OffsetWarning>,
) -> Result<Phase, Fault> {
    let options = PhaseOptions::default();
    if let Data::Text(title) = &item.data {
        let title = not_blank(title, item.at, name)?;
        return Ok(Phase { title, detail: None, model: None, provider: None, options });
    }
    let fields = Fields::of(item, name)?;
    let title = fields.required("title")?;
    let names: &[&str] = if has_options { &PhaseOptions::NAMES } else { &[] };
    fields.others(&[&PHASE_KEYS, names].concat(), notes);
    let mut text = |key| fields.text_or_note(key, notes);
    let (detail, model, provider) = (text("detail"), text("model"), text("provider"));
    Ok(Phase { title, detail, model, provider, options })
}

fn ignored(notes: &mut Vec<OffsetWarning>, fault: Fault) {
    if notes.len() < WARNINGS_MAX {
        let message = format!("{}; it is ignored", fault.message);
        notes.push(OffsetWarning { at: fault.at, message });
    }
}

/// The keys of one object.
struct Fields<'a> {
    /// Name of the object, in backquotes.
    name: &'a str,
    at: usize,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    fn of(literal: &'a Literal, name: &'a str) -> Result<Self, Fault> {
        match &literal.data {
            Data::Object(entries) => Ok(Self { name, at: literal.at, entries }),
            _ => Err(wrong_type(literal, name, "an object")),
        }
    }

    /// The value of a key, unless it is null or undefined.
    fn get(&self, key: &str) -> Option<&'a Literal> {
        let last = self.entries.iter().rfind(|entry| entry.key == key)?;
        (!matches!(last.value.data, Data::Undefined | Data::Null)).then_some(&last.value)
    }

    fn key_name(&self, key: &str) -> String {
        format!("`{}.{key}`", self.name.trim_matches('`'))
    }

    fn text(&self, key: &str) -> Result<Option<String>, Fault> {
        match self.get(key) {
            None => Ok(None),
            Some(Literal { data: Data::Text(text), .. }) => Ok(Some(text.clone())),
            Some(value) => Err(wrong_type(value, &self.key_name(key), "a string")),
        }
    }

    /// As [`Self::text`], but ignores an invalid value with a warning.
    fn text_or_note(&self, key: &str, notes: &mut Vec<OffsetWarning>) -> Option<String> {
        self.text(key).unwrap_or_else(|fault| {
            ignored(notes, fault);
            None
        })
    }

    fn required(&self, key: &str) -> Result<String, Fault> {
        match (self.text(key)?, self.get(key)) {
            (Some(text), Some(value)) => not_blank(&text, value.at, &self.key_name(key)),
            _ => {
                let message = format!("{} needs a `{key}`, a string", self.name);
                Err(Fault::new(Code::MetaInvalid, self.at, message))
            }
        }
    }

    /// All other keys, each with a warning.
    fn others(&self, known: &[&str], notes: &mut Vec<OffsetWarning>) -> Map<String, Value> {
        let mut others = Map::new();
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            if notes.len() < WARNINGS_MAX {
                let message =
                    format!("{} is not known and is ignored", self.key_name(&shown(&entry.key)));
                notes.push(OffsetWarning { at: entry.at, message });
            }
            others.insert(entry.key.clone(), entry.value.to_json());
        }
        others
    }
}

fn not_blank(text: &str, at: usize, name: &str) -> Result<String, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::new(Code::MetaInvalid, at, format!("{name} is empty")));
    }
    Ok(text.to_owned())
}

fn wrong_type(value: &Literal, name: &str, wanted: &str) -> Fault {
    let message = format!("{name} must be {wanted}, and is {}", value.kind());
    Fault::new(Code::MetaInvalid, value.at, message)
}
