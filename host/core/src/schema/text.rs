//! Example texts for a format, a pattern or a length.
//!
//! Owns: what example texts look like. Never: guarantees a match; the checker decides.

use crate::cut;
use serde_json::{Map, Value};

use super::example::{Maker, Spot, count};
use super::pattern;

/// Longest text for a `minLength`, in characters.
const LENGTH_MAX: usize = 64 * 1024;

pub(super) fn make(
    maker: &Maker<'_>,
    shape: &Map<String, Value>,
    spot: Spot<'_>,
) -> Option<String> {
    let word = |keyword: &str| shape.get(keyword).and_then(Value::as_str);
    let least = count(shape, "minLength").unwrap_or(0);
    let most = count(shape, "maxLength").unwrap_or(usize::MAX);
    if least > LENGTH_MAX {
        return None;
    }
    if let Some(pattern) = word("pattern") {
        let mut turn = spot.salt;
        let text = pattern::example(pattern, maker.steps, &mut |count| {
            turn = turn.wrapping_add(1);
            if spot.ordinal > 1 { maker.any(count, turn) } else { maker.branch(count, turn) }
        })?;
        return Some(fitted(text, least, most));
    }
    if let Some(text) = word("format").and_then(|format| formatted(format, spot.ordinal.max(1))) {
        return Some(text);
    }
    let mut text = format!("example {}", words(spot.name));
    if spot.ordinal > 0 {
        text.push_str(&format!(" {}", spot.ordinal));
    }
    if text.chars().count() > most && spot.ordinal > 0 {
        text = spot.ordinal.to_string();
    }
    Some(fitted(text, least, most))
}

/// A property name as words: `filePath` and `file_path` both give `file path`.
pub(super) fn words(name: &str) -> String {
    let mut words = String::new();
    for one in name.chars() {
        let starts = one.is_uppercase() && words.ends_with(char::is_lowercase);
        let separates = !one.is_alphanumeric();
        if (starts || separates) && !words.is_empty() && !words.ends_with(' ') {
            words.push(' ');
        }
        if !separates {
            words.extend(one.to_lowercase());
        }
    }
    words.trim_end().to_owned()
}

/// The text padded to `least` and cut to `most` characters.
fn fitted(text: String, least: usize, most: usize) -> String {
    let mut text = text;
    let last = text.chars().last().unwrap_or('x');
    let filler =
        if last.is_alphanumeric() && text.starts_with("example ") { " and more" } else { "" };
    let mut length = text.chars().count();
    while length < least && !filler.is_empty() {
        text.push_str(filler);
        length += filler.len();
    }
    while length < least {
        text.push(last);
        length += 1;
    }
    // The padding above may have exceeded both bounds.
    if length > most { cut::head_chars(&text, most).to_owned() } else { text }
}

fn formatted(format: &str, ordinal: usize) -> Option<String> {
    let digit = ordinal % 9 + 1;
    Some(match format {
        "date" => format!("2025-01-{:02}", ordinal % 28 + 1),
        "time" => format!("12:00:{:02}Z", ordinal % 60),
        "date-time" => format!("2025-01-{:02}T12:00:00Z", ordinal % 28 + 1),
        "duration" => format!("PT{ordinal}M"),
        "email" | "idn-email" => format!("person{ordinal}@example.com"),
        "hostname" | "idn-hostname" => format!("host{ordinal}.example.com"),
        "ipv4" | "ip-address" => format!("192.0.2.{digit}"),
        "ipv6" => format!("2001:db8::{digit}"),
        "uri" | "url" | "iri" => format!("https://example.com/{ordinal}"),
        "uri-reference" | "iri-reference" => format!("/example/{ordinal}"),
        "uri-template" => "https://example.com/{id}".to_owned(),
        "uuid" => format!("00000000-0000-4000-8000-{:012}", ordinal % 1_000_000),
        "json-pointer" => format!("/example/{ordinal}"),
        "relative-json-pointer" => format!("{ordinal}/example"),
        "regex" => "^example".to_owned(),
        _ => return None,
    })
}
