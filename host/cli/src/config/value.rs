//! Values of settings.
//!
//! Owns: how each kind is read from text, compared and written. Never: the origin
//! of a value.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};

use smol_wf_core::budget::BudgetSetting;
use smol_wf_core::selector::Selector;

/// Error without the text, which may be a secret.
const NO_MODEL: &str = "it is not a model; a model reads ID or ID?provider=NAME&thinking=LEVEL";

/// The kind of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text that is not empty.
    Text,
    /// A model, or an alias of one.
    Selector,
    /// One of these words, the least permissive first.
    Choice(&'static [&'static str]),
    /// A whole number in these bounds.
    Count { least: u64, most: u64 },
    /// `90s`, `5m`.
    Duration,
    /// `$5`, `200k`.
    Budget,
    /// A file or a folder.
    Path,
}

/// A setting's value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Text, the word of a choice, or a selector.
    Text(String),
    Count(u64),
    Duration(Duration),
    Budget(BudgetSetting),
    Path(PathBuf),
}

impl Kind {
    /// Reads the text of a flag or variable. The error does not repeat the text,
    /// which may be a secret.
    pub(crate) fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text if text.is_empty() => Err("it is empty".to_owned()),
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Selector => match Selector::parse(text) {
                Ok(_) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(NO_MODEL.to_owned()),
            },
            Self::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Self::Choice(words) => Err(format!("expected one of {}", words.join(", "))),
            Self::Count { least, most } => match text.parse() {
                Ok(count) if (least..=most).contains(&count) => Ok(Value::Count(count)),
                _ => Err(format!("expected a whole number from {least} to {most}")),
            },
            Self::Duration => duration(text).map(Value::Duration),
            // The parser's own error would repeat the text.
            Self::Budget => BudgetSetting::parse(text).map(Value::Budget).map_err(|_| {
                "a budget is dollars or output tokens: '$5', '$0.50', 200k, 1.5M; or none"
                    .to_owned()
            }),
            Self::Path if text.is_empty() => Err("it is empty".to_owned()),
            Self::Path => Ok(Value::Path(PathBuf::from(text))),
        }
    }

    /// Whether a file may hold it as a number, and as a string.
    pub(crate) fn in_files(self) -> (bool, bool) {
        match self {
            Self::Count { .. } => (true, false),
            Self::Duration | Self::Budget => (true, true),
            Self::Text | Self::Selector | Self::Choice(_) | Self::Path => (false, true),
        }
    }

    /// Whether `value` allows no more than `other`; `None` is unlimited.
    pub(crate) fn is_at_most(self, value: &Value, other: Option<&Value>) -> bool {
        match (self, value, other) {
            (Self::Choice(words), Value::Text(word), other) => {
                let rank = |word: &str| words.iter().position(|known| *known == word);
                match other {
                    Some(Value::Text(other)) => rank(word) <= rank(other),
                    _ => rank(word) == Some(0),
                }
            }
            (_, _, None) => true,
            (_, Value::Count(count), Some(Value::Count(other))) => count <= other,
            (_, Value::Duration(span), Some(Value::Duration(other))) => span <= other,
            (_, Value::Budget(budget), Some(Value::Budget(other))) => {
                match (budget.allowance(), other.allowance()) {
                    (Some(budget), Some(other)) => other.is_less_than(budget) == Some(false),
                    (_, other) => other.is_none(),
                }
            }
            _ => false,
        }
    }
}

impl Value {
    /// The value as JSON: counts as numbers, all others as text.
    pub(crate) fn json(&self) -> Json {
        match self {
            Self::Count(count) => json!(count),
            other => json!(other.to_string()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => write!(f, "{count}"),
            Self::Duration(span) => f.write_str(&span_text(*span)),
            Self::Budget(budget) => write!(f, "{budget}"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A duration as [`duration`] reads it, in the largest unit that divides it.
fn span_text(span: Duration) -> String {
    let milliseconds = span.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let unit = units.into_iter().find(|(size, _)| milliseconds.is_multiple_of(*size));
    let (size, name) = unit.unwrap_or((1, "ms"));
    format!("{}{name}", milliseconds / size)
}

/// Reads `ALIAS:SELECTOR`. The error says the form.
pub(crate) fn model_alias(text: &str) -> Result<(String, String), String> {
    match text.split_once(':').map(|(alias, selector)| (alias.trim(), selector.trim())) {
        Some((alias, selector)) if !alias.is_empty() && !selector.is_empty() => {
            Ok((alias.to_owned(), selector.to_owned()))
        }
        _ => Err("a model alias reads ALIAS:SELECTOR, as in fast:claude-haiku".to_owned()),
    }
}

/// Reads `ALIAS:SELECTOR,ALIAS:SELECTOR`, the form of the variable.
pub(crate) fn model_aliases(text: &str) -> Result<Vec<(String, String)>, String> {
    let read = |one: &str| {
        let (alias, selector) = model_alias(one.trim())?;
        Kind::Selector.read(&selector).map(|_| (alias, selector))
    };
    text.split(',').filter(|one| !one.trim().is_empty()).map(read).collect()
}

/// Reads `500ms`, `90s`, `5m`, `1h30m`, `2d`. Fails for a number without a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    smol_wf_core::duration::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_they_are_read() {
        for (kind, text) in [
            (Kind::Duration, "90s"),
            (Kind::Duration, "30m"),
            (Kind::Duration, "1500ms"),
            (Kind::Count { least: 1, most: 9 }, "9"),
            (Kind::Choice(&["read", "write"]), "write"),
            (Kind::Budget, "$0.50"),
            (Kind::Budget, "200000"),
        ] {
            assert_eq!(kind.read(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn values_that_do_not_compare_are_not_lower() {
        let at_most = |kind: Kind, value: &str, other: Option<&str>| {
            let other = other.map(|other| kind.read(other).unwrap());
            kind.is_at_most(&kind.read(value).unwrap(), other.as_ref())
        };
        let access = Kind::Choice(&["read", "write"]);
        assert!(at_most(access, "read", None) && at_most(access, "read", Some("write")));
        assert!(!at_most(access, "write", None) && !at_most(access, "write", Some("read")));
        assert!(at_most(Kind::Duration, "1m", Some("90s")));
        assert!(!at_most(Kind::Duration, "2m", Some("90s")));
        assert!(at_most(Kind::Budget, "$5", None) && at_most(Kind::Budget, "$5", Some("$5")));
        assert!(at_most(Kind::Budget, "$5", Some("none")));
        assert!(!at_most(Kind::Budget, "none", Some("$5")));
        // Dollars and tokens do not compare.
        assert!(!at_most(Kind::Budget, "1", Some("$5")));
    }
}
