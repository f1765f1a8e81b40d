//! What `smol-wf check` says of a script.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use serde_json::Value;

use super::common::Place;

/// What every script begins with.
pub const META: &str = "export const meta = { name: 'a', description: 'b' };\n";

/// Rule and line of all that is found in a script.
pub fn found(text: &str) -> Vec<(String, u64)> {
    let place = Place::new();
    place.write("script.js", text);
    let ran = place.run(&["check", "script.js", "--json"]);
    let report = ran.report();
    let findings = report["findings"].as_array().unwrap();
    let bad = findings.iter().any(|finding| finding["severity"] == "error");
    assert_eq!(ran.code, if bad { 7 } else { 0 }, "{}", ran.stdout);
    let one = |finding: &Value| {
        assert_eq!(finding["file"], "script.js");
        (finding["rule"].as_str().unwrap().to_owned(), finding["line"].as_u64().unwrap())
    };
    findings.iter().map(one).collect()
}

/// What is found in a script of this body.
#[track_caller]
pub fn finds(body: &str, expected: &[(&str, u64)]) {
    let found = found(&format!("{META}{body}"));
    let found: Vec<(&str, u64)> = found.iter().map(|(rule, line)| (rule.as_str(), *line)).collect();
    assert_eq!(found, expected, "{body}");
}
