//! Structured answers as text: how to find them in an agent's output, and the prompts
//! that ask for them.
//!
//! Owns: the sentences about a schema in prompts. Never: checks an answer.

use serde_json::Value;

use crate::cut;
use crate::limits::ANSWER_BYTES_MAX;

/// Most bytes of a rejected answer that a correction repeats.
const SHOWN_BYTES: usize = 8 * 1024;

/// Most fenced blocks that are tried.
const BLOCKS_MAX: usize = 8;

/// Most opening brackets that are tried without success: prose has brackets too, as in
/// `[x]` and `{name}`.
const STARTS_MAX: usize = 64;

/// The complaint about an answer in prose.
const NO_JSON: &str = "no JSON found in the answer (whole text, last value, fenced block)";

/// The JSON in an agent's text: the whole text, the value at its end, the last valid
/// fenced block, or the value at its beginning. A value in the middle of prose does not
/// count, because it is as likely an example or a footnote.
#[must_use]
pub fn parse_answer(text: &str) -> Option<Value> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.len() > ANSWER_BYTES_MAX {
        return None;
    }
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    ending(text).or_else(|| fenced(text)).or_else(|| beginning(text))
}

/// The value of the last valid fenced block: agents think aloud before they answer.
fn fenced(text: &str) -> Option<Value> {
    let blocks = blocks(text);
    blocks.iter().rev().take(BLOCKS_MAX).find_map(|block| serde_json::from_str(block.trim()).ok())
}

/// The fenced blocks marked as JSON or without a language.
fn blocks(text: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find("```") {
        let after = &rest[open + 3..];
        let Some((language, body)) = after.split_once('\n') else { break };
        let Some(close) = body.find("```") else { break };
        if matches!(language.trim().to_ascii_lowercase().as_str(), "" | "json" | "jsonc" | "json5")
        {
            blocks.push(&body[..close]);
        }
        rest = &body[close + 3..];
    }
    blocks
}

/// The value at the end of the text. Parses a value from each opening bracket, and
/// skips one that ends too early as a whole.
fn ending(text: &str) -> Option<Value> {
    let mut tries = 0;
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find(['{', '[']).map(|found| from + found) {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) if at + values.byte_offset() == text.len() => return Some(value),
            Some(Ok(_)) => from = at + values.byte_offset(),
            _ => {
                tries += 1;
                from = at + 1;
            }
        }
        if tries > STARTS_MAX {
            return None;
        }
    }
    None
}

/// The value at the beginning of the text, on lines of its own: some agents add a remark
/// after it.
fn beginning(text: &str) -> Option<Value> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let behind = text.get(values.byte_offset()..)?;
    behind.trim_start_matches([' ', '\t', '\r']).starts_with('\n').then_some(value)
}

/// Why a text has no JSON: the error in the part that was probably meant as JSON.
#[must_use]
pub fn why_no_json(text: &str) -> String {
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    if trimmed.len() > ANSWER_BYTES_MAX {
        return format!("the answer is over {ANSWER_BYTES_MAX} bytes, the most that is read");
    }
    let Some(candidate) = nearly(trimmed) else { return NO_JSON.to_owned() };
    let error = match serde_json::from_str::<Value>(candidate) {
        Err(error) => error,
        Ok(_) => return NO_JSON.to_owned(),
    };
    // The parser counts lines from the start of the candidate.
    let start = candidate.as_ptr().addr() - trimmed.as_ptr().addr();
    let before = &trimmed[..start];
    let line = before.matches('\n').count() + error.line();
    let column = if error.line() == 1 {
        before.len() - before.rfind('\n').map_or(0, |found| found + 1) + error.column()
    } else {
        error.column()
    };
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    let near = near(candidate, error.line(), error.column());
    format!("the answer is not valid JSON: {said} at line {line} column {column}{near}")
}

/// The part of a text that was probably meant as JSON: the last fenced block that
/// begins with a bracket, or else the text from a bracket at the beginning of a line.
fn nearly(text: &str) -> Option<&str> {
    let begins = |text: &str| text.starts_with(['{', '[']);
    if begins(text) {
        return Some(text);
    }
    let block = blocks(text).into_iter().rev().map(str::trim).find(|block| begins(block));
    block.or_else(|| {
        let at = text.match_indices(['{', '[']).map(|(at, _)| at);
        let mut on_lines =
            at.filter(|at| text[..*at].trim_end_matches([' ', '\t']).ends_with('\n'));
        on_lines.next().map(|at| &text[at..])
    })
}

/// A few characters from the position at which parsing stopped.
fn near(text: &str, line: usize, column: usize) -> String {
    const NEAR_CHARS: usize = 16;
    let Some(found) = text.lines().nth(line.saturating_sub(1)) else { return String::new() };
    let before = cut::head(found, column.saturating_sub(2));
    let shown = cut::head_chars(found[before.len()..].trim_start(), NEAR_CHARS);
    if shown.is_empty() { String::new() } else { format!(", near `{shown}`") }
}

/// The prompt for an agent that cannot be given a schema in another way.
#[must_use]
pub fn with_schema_instructions(prompt: &str, schema_text: &str) -> String {
    format!(
        "{prompt}\n\nAnswer with one JSON value that satisfies this JSON Schema, and nothing else: \
         no prose, no code fence.\n\n{schema_text}"
    )
}

/// The prompt of the correction round. It repeats everything, because some providers
/// cannot continue a session.
#[must_use]
pub fn correction_prompt(
    original_prompt: &str,
    schema_text: &str,
    answer: &str,
    problem: &str,
) -> String {
    let shown = cut::marked(answer.to_owned(), SHOWN_BYTES);
    format!(
        "You were asked:\n\n{original_prompt}\n\nYour answer was:\n\n{shown}\n\nIt cannot be used: \
         {problem}\n\nAnswer again, with one JSON value that satisfies this JSON Schema, and nothing \
         else: no prose, no code fence. Keep what was right; do not repeat work that is done.\n\n\
         {schema_text}"
    )
}

/// The prompt of the correction round in a continued session, in which the agent knows
/// the task and its answer.
#[must_use]
pub fn correction_in_session(schema_text: &str, problem: &str) -> String {
    format!(
        "Your answer cannot be used: {problem}\n\nAnswer again, with one JSON value that satisfies \
         this JSON Schema, and nothing else: no prose, no code fence. Keep what was right; do not \
         repeat work that is done.\n\n{schema_text}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_found_in_the_texts_of_agents() {
        let cases = [
            ("{\"a\":1}", Some(json!({"a": 1}))),
            ("\u{feff} [1]\n", Some(json!([1]))),
            ("true", Some(json!(true))),
            ("Sure!\n```json\n{\"a\":1}\n```\nDone.", Some(json!({"a": 1}))),
            ("```\n[1]\n```", Some(json!([1]))),
            ("```rust\nfn x() {}\n```\n```json\n{\"b\":2}\n```", Some(json!({"b": 2}))),
            (
                "```json\n{\"draft\":1}\n```\nBetter:\n```json\n{\"final\":1}\n```",
                Some(json!({"final": 1})),
            ),
            ("Here is it: {\"a\":{\"b\":[1,2]}}\n", Some(json!({"a": {"b": [1, 2]}}))),
            ("See [the docs] and {this}: {\"a\":1}", Some(json!({"a": 1}))),
            ("- [x] one\n- [ ] two\n[1] [2] {\"a\":1}", Some(json!({"a": 1}))),
            ("```json\n{\"draft\":1}\n```\nFinally: {\"a\":1}", Some(json!({"a": 1}))),
            ("```json\n{\"a\":1}", Some(json!({"a": 1}))),
            // An example, and a footnote.
            ("The example was {\"ok\": true}, but it is NOT ok", None),
            ("See footnote [1]. Sorry, I could not do it.", None),
            ("Here is it: {\"a\":1} as wished.", None),
            ("{\"a\":1} \r\n\nI hope that this helps.", Some(json!({"a": 1}))),
            ("[1] is a footnote.\nSorry.", None),
            ("no json at all", None),
            ("{\"a\":", None),
            ("", None),
        ];
        for (text, value) in cases {
            assert_eq!(parse_answer(text), value, "{text}");
        }
    }

    #[test]
    fn the_error_in_invalid_json_is_named_with_its_position() {
        for (text, said) in [
            (r#"{"x":"grep a\|b"}"#, "invalid escape at line 1 column 14, near `\\|b\"}`"),
            ("{\"a\": 1,}", "trailing comma at line 1 column 9"),
            ("{\"a\": \"one\ntwo\"}", "found while parsing a string at line 2 column 0"),
            ("{\"a\": NaN}", "expected value at line 1 column 7, near `NaN}`"),
            ("{'a': 1}", "key must be a string at line 1 column 2, near `{'a': 1}`"),
            ("{\"a\": 1", "EOF while parsing an object at line 1 column 7"),
            (
                "Here:\n```json\n{\"a\": 1,\n \"b\": oops}\n```\nDone.",
                "at line 4 column 7, near `oops}`",
            ),
            ("Well,\n  {\"a\": tru}", "expected ident at line 2 column 1"),
        ] {
            assert_eq!(parse_answer(text), None, "{text}");
            let why = why_no_json(text);
            assert!(
                why.starts_with("the answer is not valid JSON: ") && why.contains(said),
                "{why}"
            );
        }
        for text in ["no json at all", "", "See footnote [1]. Sorry."] {
            assert_eq!(why_no_json(text), NO_JSON);
        }
    }

    #[test]
    fn hostile_texts_take_bounded_work() {
        assert_eq!(parse_answer(&"[".repeat(ANSWER_BYTES_MAX)), None);
        assert_eq!(parse_answer(&"```json\n".repeat(100_000)), None);
        for text in ["[".repeat(ANSWER_BYTES_MAX), "\n{".repeat(100_000), "```\n{".repeat(100_000)]
        {
            assert!(why_no_json(&text).len() < 200);
        }
        assert_eq!(parse_answer(&" ".repeat(ANSWER_BYTES_MAX + 1)), None);
    }

    #[test]
    fn a_correction_has_all_that_is_needed_and_a_bounded_size() {
        let prompt = correction_prompt(
            "Count.",
            "{\"type\":\"number\"}",
            &"é".repeat(8000),
            "(root): wrong",
        );
        for part in ["Count.", "{\"type\":\"number\"}", "(root): wrong", "…"] {
            assert!(prompt.contains(part), "{part}");
        }
        assert!(prompt.len() < SHOWN_BYTES + 1000);
        assert!(with_schema_instructions("P", "{}").starts_with("P\n\n"));
    }
}
