//! Runs the official JSON Schema test suite with the code of `agent({schema})`.
//!
//! Owns: the names of the groups that need a network. Never: installs the suite;
//! `scripts/schema-suite.sh` does, and passes its folder.

#![allow(clippy::disallowed_methods, reason = "a program beside the core; the core has no files")]

use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use smol_wf_core::schema::{Checker, accept};

/// The drafts whose required tests all have to pass, and their `$schema`.
const DRAFTS: [(&str, &str); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#"),
    ("draft6", "http://json-schema.org/draft-06/schema#"),
    ("draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema"),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema"),
];

/// Groups of `refRemote` in draft 4.
const REMOTE_IN_4: &[&str] = &[
    "remote ref",
    "fragment within remote ref",
    "ref within remote ref",
    "base URI change",
    "base URI change - change folder",
    "base URI change - change folder in subschema",
    "root ref in remote ref",
    "Location-independent identifier in remote ref",
];

/// Groups of `refRemote` in drafts 6 and 7.
const REMOTE_IN_6: &[&str] = &[
    "remote ref",
    "fragment within remote ref",
    "ref within remote ref",
    "base URI change",
    "base URI change - change folder",
    "base URI change - change folder in subschema",
    "root ref in remote ref",
    "remote ref with ref to definitions",
    "Location-independent identifier in remote ref",
    "retrieved nested refs resolve relative to their URI not $id",
    "$ref to $ref finds location-independent $id",
];

/// Groups of `refRemote` in drafts 2019-09 and 2020-12.
const REMOTE_IN_2019: &[&str] = &[
    "remote ref",
    "fragment within remote ref",
    "anchor within remote ref",
    "ref within remote ref",
    "base URI change",
    "base URI change - change folder",
    "base URI change - change folder in subschema",
    "root ref in remote ref",
    "remote ref with ref to defs",
    "Location-independent identifier in remote ref",
    "retrieved nested refs resolve relative to their URI not $id",
    "remote HTTP ref with different $id",
    "remote HTTP ref with different URN $id",
    "remote HTTP ref with nested absolute ref",
    "$ref to $ref finds detached $anchor",
];

/// Groups whose metaschema is on the suite's server.
const VOCABULARY: &[&str] = &[
    "schema that uses custom metaschema with with no validation vocabulary",
    "ignore unrecognized optional vocabulary",
];

/// Groups of `dynamicRef`.
const DYNAMIC: &[&str] = &[
    "strict-tree schema, guards against misspelled properties",
    "tests for implementation dynamic anchor and reference link",
    "$ref and $dynamicAnchor are independent of order - $defs first",
    "$ref and $dynamicAnchor are independent of order - $ref first",
    "$ref to $dynamicRef finds detached $dynamicAnchor",
];

/// Groups that refer to a document on the suite's own server at `localhost:1234`. Their
/// schemas must be refused.
const NETWORK: [(&str, &str, &[&str]); 8] = [
    ("draft4", "refRemote", REMOTE_IN_4),
    ("draft6", "refRemote", REMOTE_IN_6),
    ("draft7", "refRemote", REMOTE_IN_6),
    ("draft2019-09", "refRemote", REMOTE_IN_2019),
    ("draft2019-09", "vocabulary", VOCABULARY),
    ("draft2020-12", "dynamicRef", DYNAMIC),
    ("draft2020-12", "refRemote", REMOTE_IN_2019),
    ("draft2020-12", "vocabulary", VOCABULARY),
];

struct Tally {
    passed: usize,
    refused: usize,
    failures: Vec<String>,
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("schema_suite: name the folder of the suite that holds draft4 to draft2020-12");
        return ExitCode::from(2);
    };
    let mut tally = Tally { passed: 0, refused: 0, failures: Vec::new() };
    for (draft, dialect) in DRAFTS {
        let place = Path::new(&folder).join(draft);
        if let Err(error) = whole_draft(draft, dialect, &place, &mut tally) {
            eprintln!("schema_suite: {}: {error}", place.display());
            return ExitCode::FAILURE;
        }
    }
    for failure in &tally.failures {
        println!("FAIL {failure}");
    }
    let known: usize = NETWORK.iter().map(|(_, _, names)| names.len()).sum();
    println!(
        "{} required tests passed, {} failed; {known} groups ({} tests) need a network and were refused",
        tally.passed,
        tally.failures.len(),
        tally.refused
    );
    if tally.failures.is_empty() && tally.passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn whole_draft(
    draft: &str,
    dialect: &str,
    place: &Path,
    tally: &mut Tally,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place)? {
        files.extend(Some(entry?.path()).filter(|path| path.is_file()));
    }
    files.sort();
    for path in files {
        let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let groups: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        for group in groups {
            one_group(draft, dialect, &file, group, tally);
        }
    }
    Ok(())
}

fn one_group(draft: &str, dialect: &str, file: &str, mut group: Value, tally: &mut Tally) {
    let name = group["description"].as_str().unwrap_or_default().to_owned();
    let mut schema = group["schema"].take();
    if let Value::Object(keywords) = &mut schema {
        keywords.entry("$schema").or_insert_with(|| dialect.into());
    }
    let tests = group["tests"].as_array().cloned().unwrap_or_default();
    let place = format!("{draft}/{file}: {name}");
    let needs_network = NETWORK.iter().any(|(of, within, names)| {
        (*of, *within) == (draft, file) && names.contains(&name.as_str())
    });
    let checker = accept(&schema).and_then(|text| Checker::new(&text));
    let checker = match (checker, needs_network) {
        (Ok(_), true) => {
            tally.failures.push(format!("{place}: is said to need a network, and does not"));
            return;
        }
        (Err(_), true) => {
            tally.refused += tests.len();
            return;
        }
        (Err(failure), false) => {
            let refused = tests.iter().map(|_| format!("{place}: {}", failure.message));
            tally.failures.extend(refused);
            return;
        }
        (Ok(checker), false) => checker,
    };
    for test in tests {
        let valid = checker.check(&test["data"]).is_ok();
        if Value::Bool(valid) == test["valid"] {
            tally.passed += 1;
        } else {
            tally.failures.push(format!("{place}: {}: found {valid}", test["description"]));
        }
    }
}
