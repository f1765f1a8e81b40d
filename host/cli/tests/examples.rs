//! Every example runs, on the debug provider, as a user runs it.

mod common;

use common::{Place, finish, project};
use serde_json::Value;

/// Runs an example of the project's own folder.
fn example(place: &Place, name: &str, args: &[&str]) -> Value {
    let path = format!("examples/{name}");
    let all: Vec<&str> = ["run", path.as_str()].iter().chain(args).copied().collect();
    let mut command = place.command(&all);
    let ran = finish(command.current_dir(project()).spawn().unwrap());
    assert_eq!(ran.code, 0, "{name}: {}\n{}", ran.stderr, ran.stdout);
    assert!(!ran.stderr.contains("warning:"), "{name}: {}", ran.stderr);
    let report = ran.report();
    assert!(!report["results"].is_null(), "{name} returned nothing");
    report
}

#[test]
fn every_example_runs() {
    let place = Place::new();
    let mut names: Vec<String> = std::fs::read_dir(project().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| [".mjs", ".js", ".ts"].iter().any(|ending| name.ends_with(ending)))
        .collect();
    names.sort();
    assert!(names.len() >= 10, "{names:?}");
    for name in &names {
        // Nobody is at a terminal.
        let answers: &[&str] = match name.as_str() {
            "approve.mjs" => &["--answer", "plan=yes", "--answer", "care=all at once"],
            "deep-research.js" => &["--args-question", "How do heat pumps fare in the cold?"],
            _ => &[],
        };
        let report = example(&place, name, answers);
        // A child by itself may have nothing to do without arguments.
        if name != "child.mjs" {
            assert!(report["agents"]["called"].as_u64().unwrap() > 0, "{name} asked nobody");
        }
        assert_eq!(report["agents"]["failed"], 0, "{name}");
    }
}

#[test]
fn hello_greets_the_given_name() {
    let report = example(&Place::new(), "hello.mjs", &["--args-name", "Ada"]);
    assert!(report["results"].to_string().contains("Ada"), "{report}");
}

#[test]
fn pod_diagnostics_goes_through_its_phases() {
    let report = example(&Place::new(), "pod-diagnostics.mjs", &[]);
    assert!(report["phases"].as_array().unwrap().len() >= 3, "{report}");
    assert!(report["agents"]["called"].as_u64().unwrap() >= 4, "{report}");
}

#[test]
fn examples_survive_agents_that_fail() {
    let place = Place::new();
    for (name, args) in [
        ("pod-diagnostics.mjs", &[][..]),
        ("deep-research.js", &["--args-question", "Why?"]),
        ("code-review.js", &[]),
        ("stock-research.js", &[]),
        ("triage-tests.js", &[]),
    ] {
        let path = format!("examples/{name}");
        let mut command = place.command(&["run", &path, "--debug-rule", "#3=fail"]);
        command.args(args);
        let ran = finish(command.current_dir(project()).spawn().unwrap());
        assert!(!ran.stderr.contains("TypeError"), "{name}: {}", ran.stderr);
    }
}
