//! Results that nobody reads off a terminal.

#![cfg(target_os = "linux")]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use common::{Place, finish};
use serde_json::{Value, json};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// What a command shows on a terminal of its own.
fn on_a_terminal(place: &Place, arguments: &str) -> String {
    let program = env!("CARGO_BIN_EXE_smol-wf");
    let line = format!("{program} {arguments} --db runs.db; echo code=$?");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(place.dir.path()).env_clear();
    script.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", place.path("home"));
    script.env("TERM", "xterm").env("SHELL", "/bin/sh");
    script.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(script.spawn().unwrap()).stdout
}

/// The report among what was shown.
fn report_in(shown: &str) -> Value {
    let report = &shown[shown.find("{\r\n").unwrap()..=shown.find("\n}").unwrap() + 1];
    serde_json::from_str(report).unwrap()
}

#[test]
fn on_a_terminal_a_large_result_goes_to_a_file_that_goes_with_its_run() {
    let place = Place::new();
    std::fs::create_dir(place.path("home")).unwrap();
    place.write("large.js", format!("{META}return {{ text: 'é'.repeat(10_000_000) }}\n"));
    let shown = on_a_terminal(&place, "run large.js --agent-provider debug --output json");
    assert!(shown.contains("code=0") && shown.len() < 10_000, "{}", shown.len());
    let report = report_in(&shown);
    let run = report["runId"].as_str().unwrap();
    assert_eq!(report["results"], json!(null));
    let file = place.path(&format!("runs.db.results/{run}.json"));
    assert_eq!(
        report["resultsFile"].as_str().unwrap(),
        file.canonicalize().unwrap().to_str().unwrap()
    );
    assert!(
        shown.contains(&format!("result: in {}", file.canonicalize().unwrap().display())),
        "{shown}"
    );
    let whole = json!({ "text": "é".repeat(10_000_000) });
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert!(kept == whole, "another result");
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file.clone()), mode(place.path("runs.db.results"))), (0o600, 0o700));
    // A program has it whole, and no file is made for it: 20 MB is no error.
    std::fs::remove_file(&file).unwrap();
    let resumed = place.run(&["resume", run, "--db", "runs.db"]).ok();
    assert!(resumed["results"] == whole && resumed.get("resultsFile").is_none());
    assert!(!file.exists());
    // Made again where it is shown again, and gone with the run.
    on_a_terminal(&place, &format!("resume {run}"));
    assert!(file.exists());
    place.run(&["history", "delete", run, "--db", "runs.db"]).fails(0, &[]);
    assert!(!place.path("runs.db.results").exists());
}

#[test]
fn as_text_a_terminal_gets_the_beginning_of_a_large_result_and_its_file() {
    let place = Place::new();
    std::fs::create_dir(place.path("home")).unwrap();
    place.write("s.js", format!("{META}return 'word '.repeat(100_000)\n"));
    let shown = on_a_terminal(&place, "run s.js --agent-provider debug");
    assert!(shown.contains("code=0") && shown.contains("word word"), "{shown}");
    // A few screens of 80 columns.
    assert!(shown.len() < 20_000, "{}", shown.len());
    let file = shown.lines().find_map(|line| line.trim().strip_prefix("result: in ")).unwrap();
    let kept: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(kept == json!("word ".repeat(100_000)), "another result");
}

#[test]
fn a_database_has_one_folder_of_results_by_whatever_name_it_goes() {
    let place = Place::new();
    std::fs::create_dir(place.path("home")).unwrap();
    place.write("real/runs.db", "");
    std::os::unix::fs::symlink("real/runs.db", place.path("runs.db")).unwrap();
    place.write("s.js", format!("{META}return 'x'.repeat(300_000)\n"));
    let shown = on_a_terminal(&place, "run s.js --agent-provider debug --output json");
    let report = report_in(&shown);
    let run = report["runId"].as_str().unwrap();
    let file = place.path(&format!("real/runs.db.results/{run}.json"));
    let real = file.canonicalize().unwrap();
    assert_eq!(report["resultsFile"].as_str().unwrap(), real.to_str().unwrap());
    assert!(!place.path("runs.db.results").exists());
    // What an older program has put beside the link goes as well.
    place.write(&format!("runs.db.results/{run}.json"), "");
    place.run(&["history", "delete", run, "--db", "runs.db"]).fails(0, &[]);
    assert!(!file.exists() && !place.path("runs.db.results").exists());
}

#[test]
fn small_results_stay_in_the_report() {
    let place = Place::new();
    std::fs::create_dir(place.path("home")).unwrap();
    place.write("s.js", format!("{META}return 'x'.repeat(200_000)\n"));
    let shown = on_a_terminal(&place, "run s.js --agent-provider debug --output json");
    assert_eq!(report_in(&shown)["results"].as_str().unwrap().len(), 200_000);
    assert!(!place.path("runs.db.results").exists());
}

/// A repository may carry the link, and with it choose the folder.
#[test]
fn a_folder_of_results_that_is_a_link_is_not_written_into() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("home")).unwrap();
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", place.path("runs.db.results")).unwrap();
    place.write("s.js", format!("{META}return 'x'.repeat(300_000)\n"));
    let shown = on_a_terminal(&place, "run s.js --agent-provider debug --output json");
    let warned = shown.contains("cannot be written to") && shown.contains("its folder is a link");
    assert!(shown.contains("code=0") && warned, "{}", shown.len());
    let report = report_in(&shown);
    assert_eq!(report["results"].as_str().unwrap().len(), 300_000);
    assert_eq!(std::fs::read_dir(place.path("elsewhere")).unwrap().count(), 0);
    // Nor is anything taken away there.
    let run = report["runId"].as_str().unwrap();
    let kept = place.write(&format!("elsewhere/{run}.json"), "kept");
    place.run(&["history", "delete", run, "--db", "runs.db"]).fails(0, &[]);
    assert!(kept.exists());
}

#[test]
fn a_result_that_cannot_be_put_aside_is_shown() {
    let place = Place::new();
    std::fs::create_dir(place.path("home")).unwrap();
    place.write("runs.db.results", "");
    place.write("s.js", format!("{META}return 'x'.repeat(300_000)\n"));
    let shown = on_a_terminal(&place, "run s.js --agent-provider debug --output json");
    assert!(
        shown.contains("code=0") && shown.contains("warning: the result is large"),
        "{}",
        shown.len()
    );
    assert_eq!(report_in(&shown)["results"].as_str().unwrap().len(), 300_000);
}
