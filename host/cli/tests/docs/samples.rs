//! Samples in the pages are what they say they are.
//!
//! Owns: which schema a block of JSON or TOML has. Never: the schemas.
//!
//! A block of JSON names its schema behind the word `json`; `-part` behind that means
//! that keys are left out.

use regex::Regex;
use serde_json::Value;
use smol_wf_core::limits;
use toml::de::{DeTable, DeValue};

use crate::common::{project, schemas};
use crate::{pages, read};

fn json_of_table(table: &DeTable<'_>) -> Value {
    let fields =
        table.iter().map(|(key, value)| (key.get_ref().to_string(), json_of(value.get_ref())));
    Value::Object(fields.collect())
}

/// A value of TOML as JSON.
fn json_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => Value::from(number.as_str().parse::<i64>().unwrap()),
        DeValue::Boolean(is) => Value::from(*is),
        DeValue::Array(items) => items.iter().map(|item| json_of(item.get_ref())).collect(),
        DeValue::Table(table) => json_of_table(table),
        other => panic!("settings have no {other:?}"),
    }
}

#[test]
fn every_sample_has_its_schema() {
    let block = Regex::new(r"(?ms)^```(json|toml)([^\n]*)\n(.*?)^```").unwrap();
    let mut count = 0;
    // The page of the SDK shows settings of TypeScript.
    for page in pages().into_iter().filter(|page| page != "ts/sdk/README.md") {
        for found in block.captures_iter(&read(&page)) {
            count += 1;
            let text = &found[3];
            if &found[1] == "toml" {
                let table = DeTable::parse(text).unwrap_or_else(|error| panic!("{page}: {error}"));
                schemas::check("config", &json_of_table(table.get_ref()));
                continue;
            }
            let value: Value = serde_json::from_str(text)
                .unwrap_or_else(|error| panic!("{page}: {error}\n{text}"));
            let name = found[2].split_whitespace().next();
            let name = name.unwrap_or_else(|| panic!("{page}: name the schema of\n{text}"));
            match name.strip_suffix("-part") {
                Some(name) => schemas::check_part(name, &value),
                None => schemas::check(name, &value),
            }
        }
    }
    assert!(count >= 10, "only {count} samples found");
}

#[test]
fn every_line_of_a_fixture_has_the_published_schema() {
    let folders = ["examples/fixtures", "examples/tutorial"].map(|name| project().join(name));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut count = 0;
    for path in entries.map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|ending| ending == "swf") {
            count += 1;
            for line in text.lines() {
                schemas::check("fixture", &serde_json::from_str(line).unwrap());
            }
        }
    }
    assert!(count >= 12, "only {count} fixtures");
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as the page writes them.
fn bytes(count: usize) -> String {
    match count {
        count if count % (1 << 20) == 0 => format!("{} MiB", count >> 20),
        count => format!("{} KiB", count >> 10),
    }
}

#[test]
fn the_page_of_limits_has_the_numbers_of_the_program() {
    let page = read("docs/limits.md");
    let rows = [
        ("agents of a run", grouped(limits::AGENTS_DEFAULT.into())),
        ("agents of a run", grouped(limits::AGENTS_MAX.into())),
        ("agents at work at once", limits::PARALLEL_AGENTS_DEFAULT.to_string()),
        ("agents at work at once", grouped(limits::PARALLEL_AGENTS_MAX.into())),
        ("fuel of a run", grouped(limits::FUEL_DEFAULT)),
        ("memory of a script", format!("{} MiB", limits::MEMORY_MIB_DEFAULT)),
        ("memory of a script", format!("{} MiB", grouped(limits::MEMORY_MIB_MAX.into()))),
        ("prompts, answers and log lines of a run", format!("{} MiB", limits::JOURNAL_MIB_DEFAULT)),
        (
            "prompts, answers and log lines of a run",
            format!("{} MiB", grouped(limits::JOURNAL_MIB_MAX.into())),
        ),
        ("its text, together with its modules", bytes(limits::SCRIPT_BYTES_MAX)),
        ("files that it consists of", limits::MODULES_MAX.to_string()),
        ("arguments, as JSON", bytes(limits::ARGS_BYTES_MAX)),
        ("result, as JSON", bytes(limits::RESULT_BYTES_MAX)),
        ("child workflows at once", limits::CHILDREN_OPEN_MAX.to_string()),
        (
            "log lines, phases, sleeps, null slots and refused calls",
            grouped(limits::NOTES_MAX.into()),
        ),
        ("handed over without waiting for a step", bytes(limits::TURN_BYTES_MAX)),
        ("warnings kept", grouped(limits::WARNINGS_MAX.into())),
        ("prompt", bytes(limits::PROMPT_BYTES_MAX)),
        ("options, as JSON", bytes(limits::OPTIONS_BYTES_MAX)),
        ("schema", bytes(limits::SCHEMA_BYTES_MAX)),
        ("schema", format!("{} levels", limits::SCHEMA_DEPTH_MAX)),
        ("answer, as JSON", bytes(limits::ANSWER_BYTES_MAX)),
        ("a line of `log()`", bytes(limits::LOG_BYTES_MAX)),
        ("title of a phase", bytes(limits::TITLE_BYTES_MAX)),
        ("question", bytes(limits::ASK_QUESTION_BYTES_MAX)),
        ("detail", bytes(limits::ASK_DETAIL_BYTES_MAX)),
        ("answer, or event, as JSON", bytes(limits::ASK_ANSWER_BYTES_MAX)),
        ("comment", bytes(limits::ASK_COMMENT_BYTES_MAX)),
        ("open questions of a run", grouped(limits::ASKS_OPEN_MAX as u64)),
        ("permissions that one agent waits for at once", limits::AGENT_ASKS_OPEN_MAX.to_string()),
    ];
    for (what, number) in rows {
        let row = page.lines().find(|line| line.starts_with(&format!("| {what} |")));
        assert!(row.is_some_and(|row| row.contains(&number)), "{what}: {number}, not {row:?}");
    }
}
