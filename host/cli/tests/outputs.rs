//! What commands print, whole: lists, runs, plans, comparisons and help.
//!
//! Owns: a project with recorded runs, whose outputs are the same at any time.
//! Never: what a single line means; the tests of each command say that.

mod common;

use std::path::Path;

use common::snapshots::compare;
use common::{Place, finish};

/// Runs in the recorded database, by what is special about them.
const RUNS: [(&str, &str); 6] = [
    ("nulls", "run_7hfgg3xmdzyknctqym3anpjtga"),
    ("fork", "run_6qs74gghgq95jfe8c75y6tc1dx"),
    ("paused", "run_570ff57c4rt12qtyqbntj72bhv"),
    ("limit", "run_4h9g7bqp62s5mxr3q9qbqax10j"),
    ("children", "run_19hcryg1gdebq3n1jjtg5dww23"),
    ("sleeps", "run_3jqthdax7qn9wa39yzayregc3n"),
];

/// The run that the others named `wide` are compared with.
const WIDE: &str = "run_45109hyxmx8vt7d18kvw4ne2fq";

/// Deepest subcommand.
const DEPTH_MAX: usize = 3;

fn project() -> Place {
    let place = Place::new();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/9264ab0");
    std::fs::create_dir(place.path(".git")).unwrap();
    std::fs::copy(recorded.join("database.db"), place.db()).unwrap();
    for folder in ["scripts", "scripts/workflows"] {
        for entry in std::fs::read_dir(recorded.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap();
                place.write(&format!("{folder}/{name}"), std::fs::read(&path).unwrap());
            }
        }
    }
    place
}

/// Runs a command in the time zone and width that the snapshots have, and compares
/// what it writes to stdout.
#[track_caller]
fn shows(place: &Place, name: &str, args: &[&str], code: i32) -> String {
    let mut command = place.command(args);
    let ran = finish(command.env("TZ", "UTC").env("COLUMNS", "100").spawn().unwrap());
    assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
    compare(name, &ran.stdout);
    ran.stdout
}

#[test]
fn lists_of_runs() {
    let place = project();
    shows(&place, "history", &["history", "--anywhere"], 0);
    shows(&place, "history-paused", &["history", "--anywhere", "--state", "paused"], 0);
    shows(&place, "history-limit", &["history", "--anywhere", "--limit", "7"], 0);
    shows(&place, "history-usage", &["history", "usage"], 0);
    shows(&place, "history-json", &["history", "--anywhere", "--limit", "2", "-o", "json"], 0);
}

#[test]
fn runs_in_detail() {
    let place = project();
    for (name, run) in RUNS {
        shows(&place, &format!("history-run-{name}"), &["history", run, "-o", "text"], 0);
    }
    let (name, run) = RUNS[0];
    shows(&place, &format!("history-run-{name}-json"), &["history", run, "-o", "json"], 0);
}

#[test]
fn plans() {
    let place = project();
    for script in ["nulls.js", "children.js", "schema.js", "wide.js", "naps.mjs"] {
        let path = format!("scripts/{script}");
        let (name, _) = script.split_once('.').unwrap();
        shows(&place, &format!("plan-{name}"), &["plan", &path], 0);
    }
    shows(&place, "plan-schema-json", &["plan", "scripts/schema.js", "--json"], 0);
}

#[test]
fn comparisons() {
    let place = project();
    let of = |name: &str| RUNS.iter().find(|(known, _)| *known == name).unwrap().1;
    shows(&place, "diff-fork", &["diff", WIDE, of("fork")], 1);
    shows(&place, "diff-limit", &["diff", WIDE, of("limit")], 1);
    shows(&place, "diff-paused", &["diff", of("paused"), WIDE], 1);
    shows(&place, "diff-same", &["diff", WIDE, WIDE], 0);
    shows(&place, "diff-fork-json", &["diff", WIDE, of("fork"), "--json"], 1);
}

#[test]
fn help_of_every_command() {
    let place = Place::new();
    let mut commands = vec![Vec::new()];
    let mut count = 0;
    while let Some(command) = commands.pop() {
        assert!(command.len() < DEPTH_MAX, "{command:?}");
        let args: Vec<&str> =
            command.iter().map(String::as_str).chain(std::iter::once("--help")).collect();
        let name = [vec!["help".to_owned()], command.clone()].concat().join("-");
        let help = shows(&place, &name, &args, 0);
        let below = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
        for line in below.lines().take_while(|line| !line.is_empty()) {
            let name = line.split_whitespace().next().unwrap();
            // A long description goes on in the next line.
            if name != "help" && line.starts_with("  ") && !line.starts_with("   ") {
                commands.push([command.clone(), vec![name.to_owned()]].concat());
            }
        }
        count += 1;
    }
    assert!(count > 20, "only {count} commands");
}
