//! Reads YAML 1.2 as JSON.
//!
//! Owns: the core schema (which plain words are numbers, booleans or null), and
//! errors with their place, also about values that JSON cannot hold. Never: reads
//! a file, or lets aliases expand without limit.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};
use smol_wf_core::limits::ARGS_BYTES_MAX;

/// Largest size of expanded anchors and aliases: values plus bytes of text. Ten
/// short lines of aliases can expand to any size; larger arguments would be
/// refused later anyway.
const EXPANDED_MAX: usize = 2 * ARGS_BYTES_MAX;

/// Deepest nesting: what a JSON reader accepts, less some levels for the document
/// around the arguments.
const DEPTH_MAX: usize = 100;

/// Largest whole number that is exact in JavaScript: 2^53 - 1.
const EXACT_MAX: u64 = (1 << 53) - 1;

/// Reads a text with one document.
///
/// # Errors What is wrong, with line and column.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut loader = Loader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| at(*error.marker(), error.info()))?;
        loader.take(event, span.start)?;
    }
    Ok(loader.document.unwrap_or_default())
}

/// An error with line and column.
fn at(mark: Marker, problem: impl std::fmt::Display) -> String {
    format!("line {} column {}: {problem}", mark.line(), mark.col() + 1)
}

/// A value and the size of a copy of it.
#[derive(Clone, Default)]
struct Built {
    value: Value,
    /// Values in it plus bytes of text; see [`EXPANDED_MAX`].
    size: usize,
}

/// An open collection.
struct Open {
    /// Number of its anchor; 0 without one.
    anchor: usize,
    size: usize,
    kind: Kind,
}

/// The content of an open collection.
enum Kind {
    List(Vec<Value>),
    Map {
        entries: Map<String, Value>,
        /// Entries of `<<`; the map's own entries override them.
        merged: Map<String, Value>,
        key: Option<Key>,
    },
}

/// A key whose value comes next.
enum Key {
    Name(String),
    /// `<<`: the entries of the value are merged.
    Merge,
}

/// Builds a value from parser events.
#[derive(Default)]
struct Loader {
    /// Collections that have begun, the innermost last.
    open: Vec<Open>,
    /// Anchored values by the number of their anchor.
    anchors: HashMap<usize, Built>,
    document: Option<Value>,
    documents: usize,
    /// Size of all copies for anchors and aliases so far.
    expanded: usize,
}

impl Loader {
    /// Handles one event of the parser.
    fn take(&mut self, event: Event<'_>, mark: Marker) -> Result<(), String> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(at(mark, "a second document begins; only one is allowed"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    self.key(&text, style, tag.as_deref(), anchor, mark)
                } else {
                    let value = scalar(&text, style, tag.as_deref(), mark)?;
                    let size = 1 + text.len();
                    self.put(Built { value, size }, anchor, mark)
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "seq", mark)?;
                self.begin(Kind::List(Vec::new()), anchor, mark)
            }
            Event::MappingStart(_, anchor, tag) => {
                collection_tag(tag.as_deref(), "map", mark)?;
                let (entries, merged) = (Map::new(), Map::new());
                self.begin(Kind::Map { entries, merged, key: None }, anchor, mark)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(mark),
            Event::Alias(id) => self.alias(id, mark),
            _ => Ok(()),
        }
    }

    /// Whether the next value is a key of the innermost collection.
    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { kind: Kind::Map { key: None, .. }, .. }))
    }

    /// Opens a collection. Fails if it would be a key, or is nested too deep.
    fn begin(&mut self, kind: Kind, anchor: usize, mark: Marker) -> Result<(), String> {
        if self.wants_key() {
            return Err(at(mark, "a key is a list or a map; JSON has text for keys"));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(at(mark, format!("nested more than {DEPTH_MAX} levels deep")));
        }
        self.open.push(Open { anchor, size: 1, kind });
        Ok(())
    }

    /// Closes the innermost collection and puts it into the one around it.
    fn end(&mut self, mark: Marker) -> Result<(), String> {
        let Some(Open { anchor, size, kind }) = self.open.pop() else { return Ok(()) };
        let value = match kind {
            Kind::List(items) => Value::Array(items),
            Kind::Map { mut entries, merged, .. } => {
                for (name, value) in merged {
                    entries.entry(name).or_insert(value);
                }
                Value::Object(entries)
            }
        };
        self.put(Built { value, size }, anchor, mark)
    }

    /// Puts a copy of an anchored value, which counts towards [`EXPANDED_MAX`].
    fn alias(&mut self, id: usize, mark: Marker) -> Result<(), String> {
        let Some(built) = self.anchors.get(&id) else {
            return Err(at(mark, "an alias to a value that contains it"));
        };
        let built = built.clone();
        self.expand(built.size, mark)?;
        match (&built.value, self.wants_key()) {
            (Value::String(text), true) => {
                let text = text.clone();
                self.key(&text, ScalarStyle::DoubleQuoted, None, 0, mark)
            }
            (_, true) => Err(at(mark, "a key is an alias to something that is not text")),
            (_, false) => self.put(built, 0, mark),
        }
    }

    /// Counts a copy of this size. Fails beyond [`EXPANDED_MAX`].
    fn expand(&mut self, size: usize, mark: Marker) -> Result<(), String> {
        self.expanded = self.expanded.saturating_add(size);
        if self.expanded > EXPANDED_MAX {
            return Err(at(mark, format!("the aliases expand to more than {EXPANDED_MAX} bytes")));
        }
        Ok(())
    }

    /// Takes a key of the innermost map. Fails if the map has it already.
    /// `anchor` is 0 if the key has none.
    fn key(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        anchor: usize,
        mark: Marker,
    ) -> Result<(), String> {
        // Checks the tag only: a key is its text, even if it looks like a number.
        scalar_tag(tag, mark)?;
        if anchor != 0 {
            self.expand(1 + text.len(), mark)?;
            let value = Value::String(text.to_owned());
            self.anchors.insert(anchor, Built { value, size: 1 + text.len() });
        }
        let Some(Open { kind: Kind::Map { entries, key, .. }, size, .. }) = self.open.last_mut()
        else {
            return Ok(());
        };
        *size = size.saturating_add(1 + text.len());
        if text == "<<" && style == ScalarStyle::Plain && tag.is_none() {
            *key = Some(Key::Merge);
        } else if entries.contains_key(text) {
            return Err(at(mark, format!("the key `{text}` is given twice")));
        } else {
            *key = Some(Key::Name(text.to_owned()));
        }
        Ok(())
    }

    /// Puts a value into the innermost collection, or makes it the document. An
    /// anchored value is kept for its aliases.
    fn put(&mut self, built: Built, anchor: usize, mark: Marker) -> Result<(), String> {
        if anchor != 0 {
            self.expand(built.size, mark)?;
            self.anchors.insert(anchor, built.clone());
        }
        let Built { value, size } = built;
        let Some(open) = self.open.last_mut() else {
            self.document = Some(value);
            return Ok(());
        };
        open.size = open.size.saturating_add(size);
        match &mut open.kind {
            Kind::List(items) => items.push(value),
            Kind::Map { entries, merged, key } => match key.take() {
                Some(Key::Name(name)) => {
                    entries.insert(name, value);
                }
                Some(Key::Merge) => merge(merged, value, mark)?,
                None => {}
            },
        }
        Ok(())
    }
}

/// Merges `<<: *base`, or a list of maps; the first of two equal keys counts.
fn merge(merged: &mut Map<String, Value>, value: Value, mark: Marker) -> Result<(), String> {
    let maps = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    for map in maps {
        let Value::Object(map) = map else {
            return Err(at(mark, "`<<` takes a map or a list of maps"));
        };
        for (name, value) in map {
            merged.entry(name).or_insert(value);
        }
    }
    Ok(())
}

/// Fails if a collection has a tag other than `own`, which is `seq` or `map`.
fn collection_tag(tag: Option<&Tag>, own: &str, mark: Marker) -> Result<(), String> {
    match tag {
        None => Ok(()),
        Some(tag) if tag.core_suffix() == Some(own) => Ok(()),
        Some(tag) => Err(unknown(tag, mark)),
    }
}

/// The error about a tag outside the core schema.
fn unknown(tag: &Tag, mark: Marker) -> String {
    at(mark, format!("the tag `{}` is not one of YAML's core", tag.original()))
}

/// The suffix of a core tag of scalars; `None` without a tag.
fn scalar_tag(tag: Option<&Tag>, mark: Marker) -> Result<Option<&str>, String> {
    let Some(tag) = tag else { return Ok(None) };
    match tag.core_suffix() {
        Some(known @ ("str" | "int" | "float" | "bool" | "null")) => Ok(Some(known)),
        _ if tag.original() == "!" => Ok(Some("str")),
        _ => Err(unknown(tag, mark)),
    }
}

/// The value of a scalar by its tag, or by the core schema if it is plain.
fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    mark: Marker,
) -> Result<Value, String> {
    let wrong = |kind: &str| at(mark, format!("`{text}` is not {kind}"));
    match scalar_tag(tag, mark)? {
        Some("str") => Ok(Value::String(text.to_owned())),
        Some("bool") => boolean(text).ok_or_else(|| wrong("a boolean")),
        Some("null") if is_null(text) => Ok(Value::Null),
        Some("null") => Err(wrong("null")),
        Some(_) => number(text).ok_or_else(|| wrong("a number")),
        None if style != ScalarStyle::Plain => Ok(Value::String(text.to_owned())),
        None if is_null(text) => Ok(Value::Null),
        None => {
            if is_unbounded(text) {
                let problem = format!("JSON has no number `{text}`; put it in quotes");
                return Err(at(mark, problem));
            }
            Ok(boolean(text)
                .or_else(|| number(text))
                .unwrap_or_else(|| Value::String(text.to_owned())))
        }
    }
}

/// Whether a plain word is null in the core schema.
fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The boolean that a plain word is in the core schema.
fn boolean(text: &str) -> Option<Value> {
    match text {
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// Whether it is an infinity or not a number, which JSON cannot hold.
fn is_unbounded(text: &str) -> bool {
    let bare = text.trim_start_matches(['+', '-']);
    matches!(bare, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// A number of the core schema. Digits with a leading zero (an identifier) stay
/// text, and so do whole numbers that JavaScript would round: both would lose
/// digits.
fn number(text: &str) -> Option<Value> {
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let fits = digits.chars().all(|one| one.is_digit(radix));
            let whole = u64::from_str_radix(digits, radix).ok().filter(|_| fits);
            return whole.filter(|whole| *whole <= EXACT_MAX).map(Value::from);
        }
    }
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match bare.find(['e', 'E']) {
        Some(found) => (&bare[..found], Some(&bare[found + 1..])),
        None => (bare, None),
    };
    let (whole, part) = match mantissa.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (mantissa, None),
    };
    let digits = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
    let padded = whole.len() > 1 && whole.starts_with('0');
    let empty = whole.is_empty() && part.unwrap_or("").is_empty();
    if !digits(whole) || !digits(part.unwrap_or("")) || padded || empty {
        return None;
    }
    if let Some(exponent) = exponent {
        let bare = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if bare.is_empty() || !digits(bare) {
            return None;
        }
    }
    if part.is_none() && exponent.is_none() {
        let exact: i64 = text.strip_prefix('+').unwrap_or(text).parse().ok()?;
        return (exact.unsigned_abs() <= EXACT_MAX).then(|| Value::from(exact));
    }
    // Rust parses all of these forms, including `.5` and `5.`.
    Number::from_f64(text.parse().ok()?).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_words_are_text_unless_the_core_schema_says_otherwise() {
        for word in [
            "no",
            "NO",
            "n",
            "y",
            "yes",
            "on",
            "off",
            "0123",
            "-007",
            "00",
            "1_000",
            "1:30",
            "0b101",
            "1.2.3",
            "2024-01-02",
            "12e",
            "e3",
            ".",
            "+",
            "1e+",
            "0x",
            "0xZ",
            "Infinity",
            "1234567890123456789",
            "tRUE",
        ] {
            assert_eq!(read(&format!("a: {word}")), Ok(json!({ "a": word })), "{word}");
        }
        for (word, value) in [
            ("true", json!(true)),
            ("False", json!(false)),
            ("null", json!(null)),
            ("~", json!(null)),
            ("", json!(null)),
            ("0", json!(0)),
            ("-12", json!(-12)),
            ("+7", json!(7)),
            ("1.10", json!(1.1)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("9007199254740991", json!(9_007_199_254_740_991_u64)),
            ("\"no\"", json!("no")),
            ("'12'", json!("12")),
            ("!!str 12", json!("12")),
            ("!!int \"12\"", json!(12)),
            ("|\n  12\n", json!("12\n")),
        ] {
            assert_eq!(read(&format!("a: {word}")), Ok(json!({ "a": value })), "{word}");
        }
    }

    #[test]
    fn collections_aliases_and_merges() {
        let text = "base: &b {x: 1, y: [en, no]}\nagain: *b\nmore:\n  <<: *b\n  x: 2\n1: one\n";
        let expected = json!({
            "base": {"x": 1, "y": ["en", "no"]},
            "again": {"x": 1, "y": ["en", "no"]},
            "more": {"x": 2, "y": ["en", "no"]},
            "1": "one",
        });
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read("# nothing\n"), Ok(Value::Null));
        assert_eq!(read("- 1\n- {a: b}\n"), Ok(json!([1, {"a": "b"}])));
    }

    #[test]
    fn values_that_json_lacks_are_refused_with_their_place() {
        for (text, problem) in [
            ("a: 1\na: 2\n", "line 2 column 1: the key `a` is given twice"),
            ("a: 1\n---\nb: 2\n", "line 2 column 1: a second document"),
            ("x: .inf\n", "line 1 column 4: JSON has no number"),
            ("x: !env HOME\n", "the tag `!env`"),
            ("? [1, 2]\n: x\n", "line 1 column 3: a key is a list"),
            ("a: *nope\n", "line 1 column 4"),
            ("a: &a [*a]\n", "line 1"),
            ("a: [1, 2\n", "line "),
            ("a: \"x\n", "line "),
            ("a: b: c\n", "line 1 column 5"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn hostile_text_is_refused_quickly() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let inner = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", inner.trim_end_matches(", ")));
        }
        assert!(read(&bomb).unwrap_err().contains("aliases expand to more"));
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&"- ".repeat(100_000)).is_err());
        assert!(read(&"{a: ".repeat(100_000)).is_err());
        // An alias is found without a walk through all that were named.
        let many: String = (0..60_000).map(|n| format!("- &n{n} 1\n")).collect();
        let items = read(&format!("all:\n{many}{}", "- *n0\n".repeat(60_000))).unwrap();
        assert_eq!(items["all"].as_array().map(Vec::len), Some(120_000));
    }
}
