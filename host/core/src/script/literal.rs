//! A literal of JavaScript: data without code.
//!
//! Owns: reading one value. Never: knows which keys `meta` has.

use serde_json::{Map, Number, Value};

use super::errors::Fault;
use super::lexer::{Kind, Lexer, Token};
use super::literal_errors::{ends, goes_on, no_colon, not_literal, other_than_value, spread};
use super::quoted::{self, shown};
use crate::codes::Code;

/// Most levels of nesting in `meta`; a real one has four.
const DEPTH_MAX: usize = 64;

/// A value and its byte offset.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Literal {
    pub(super) at: usize,
    pub(super) data: Data,
}

/// The contents of a literal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Literal>),
    /// In the order of the text; of two entries with the same key the last one counts.
    Object(Vec<Entry>),
}

/// One key of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Byte offset of the key.
    pub(super) at: usize,
    pub(super) value: Literal,
}

impl Literal {
    /// The value as `JSON.stringify` would write it.
    pub(super) fn to_json(&self) -> Value {
        match &self.data {
            Data::Undefined | Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => number_to_json(*value),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Object(entries) => {
                let mut object = Map::new();
                for entry in entries {
                    if entry.value.data == Data::Undefined {
                        object.shift_remove(&entry.key);
                    } else {
                        object.insert(entry.key.clone(), entry.value.to_json());
                    }
                }
                Value::Object(object)
            }
        }
    }

    /// Byte offset of the value at a JSON Pointer, or of the deepest one on the way to it.
    pub(super) fn place_of(&self, pointer: &str) -> usize {
        let mut at = self;
        for part in pointer.split('/').skip(1) {
            let name = part.replace("~1", "/").replace("~0", "~");
            let inner = match &at.data {
                Data::Object(entries) => {
                    entries.iter().rfind(|entry| entry.key == name).map(|entry| &entry.value)
                }
                Data::List(items) => name.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            match inner {
                Some(inner) => at = inner,
                None => break,
            }
        }
        at.at
    }

    /// Its type, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.data {
            Data::Undefined => "undefined",
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::Text(_) => "a string",
            Data::List(_) => "an array",
            Data::Object(_) => "an object",
        }
    }
}

fn number_to_json(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Value::Number(Number::from(value as i64));
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// Reads the next literal.
pub(super) fn read(lexer: &mut Lexer<'_>) -> Result<Literal, Fault> {
    value(lexer, 0)
}

fn value(lexer: &mut Lexer<'_>, depth: usize) -> Result<Literal, Fault> {
    let token = lexer.next()?;
    let at = token.start;
    if depth > DEPTH_MAX {
        let message = format!("`meta` is nested more than {DEPTH_MAX} levels deep");
        return Err(Fault::new(Code::MetaTooDeep, at, message));
    }
    let text = lexer.text(token);
    let data = match (token.kind, text) {
        (Kind::Mark, "{") => object(lexer, depth)?,
        (Kind::Mark, "[") => list(lexer, depth)?,
        (Kind::Mark, "(") => return parenthesised(lexer, token, depth),
        (Kind::Mark, "+" | "-") => signed(lexer, token, depth)?,
        (Kind::Text | Kind::Template, _) => {
            let read = quoted::string(text);
            Data::Text(read.map_err(|(offset, wrong)| not_literal(at + offset, wrong))?)
        }
        (Kind::Number, _) => {
            Data::Number(quoted::number(text).map_err(|wrong| not_literal(at, wrong))?)
        }
        (Kind::Word, "null") => Data::Null,
        (Kind::Word, "undefined") => Data::Undefined,
        (Kind::Word, "true") => Data::Bool(true),
        (Kind::Word, "false") => Data::Bool(false),
        _ => return Err(other_than_value(lexer, token)),
    };
    Ok(Literal { at, data })
}

fn parenthesised(lexer: &mut Lexer<'_>, open: Token, depth: usize) -> Result<Literal, Fault> {
    let next = lexer.peek()?;
    if lexer.text(next) == ")" {
        return Err(not_literal(open.start, "found a function `() => …`"));
    }
    let inner = value(lexer, depth + 1)?;
    let close = lexer.next()?;
    if lexer.text(close) == ")" { Ok(inner) } else { Err(goes_on(lexer, close, "`)`")) }
}

fn signed(lexer: &mut Lexer<'_>, sign: Token, depth: usize) -> Result<Data, Fault> {
    let negative = lexer.text(sign) == "-";
    match value(lexer, depth + 1)?.data {
        Data::Number(number) => Ok(Data::Number(if negative { -number } else { number })),
        _ => {
            Err(not_literal(sign.start, "found a sign in front of something that is not a number"))
        }
    }
}

fn list(lexer: &mut Lexer<'_>, depth: usize) -> Result<Data, Fault> {
    let mut items = Vec::new();
    loop {
        let next = lexer.peek()?;
        match (next.kind, lexer.text(next)) {
            (Kind::Mark, "]") => {
                lexer.next()?;
                return Ok(Data::List(items));
            }
            // A hole in the array.
            (Kind::Mark, ",") => {
                lexer.next()?;
                items.push(Literal { at: next.start, data: Data::Undefined });
                continue;
            }
            _ => items.push(value(lexer, depth + 1)?),
        }
        let after = lexer.peek()?;
        match (after.kind, lexer.text(after)) {
            (Kind::Mark, ",") => {
                lexer.next()?;
            }
            (Kind::Mark, "]") => {}
            _ => return Err(goes_on(lexer, after, "`,` or `]`")),
        }
    }
}

fn object(lexer: &mut Lexer<'_>, depth: usize) -> Result<Data, Fault> {
    let mut entries = Vec::new();
    loop {
        let token = lexer.next()?;
        if lexer.text(token) == "}" {
            return Ok(Data::Object(entries));
        }
        let key = key(lexer, token)?;
        let colon = lexer.next()?;
        if (colon.kind, lexer.text(colon)) != (Kind::Mark, ":") {
            return Err(no_colon(lexer, token, colon));
        }
        entries.push(Entry { key, at: token.start, value: value(lexer, depth + 1)? });
        let after = lexer.peek()?;
        match (after.kind, lexer.text(after)) {
            (Kind::Mark, ",") => {
                lexer.next()?;
            }
            (Kind::Mark, "}") => {}
            _ => return Err(goes_on(lexer, after, "`,` or `}`")),
        }
    }
}

fn key(lexer: &mut Lexer<'_>, token: Token) -> Result<String, Fault> {
    let text = lexer.text(token);
    let at = token.start;
    let wrong = |(offset, wrong)| not_literal(at + offset, wrong);
    match (token.kind, text) {
        (Kind::Word, _) => quoted::word(text).map_err(wrong),
        (Kind::Text, _) => quoted::string(text).map_err(wrong),
        (Kind::Number, _) => {
            let number = quoted::number(text).map_err(|found| not_literal(at, found))?;
            Ok(number_to_json(number).to_string())
        }
        (Kind::Mark, "[") => Err(not_literal(at, "found a computed key `[…]`")),
        (Kind::Mark, "...") => Err(spread(lexer, token)),
        (Kind::Mark, "*") => Err(not_literal(at, "found a generator method")),
        (Kind::End, _) => Err(ends(at)),
        _ => Err(not_literal(at, format_args!("expected a key and found `{}`", shown(text)))),
    }
}
