//! Forty scripts as people write them, with planted faults: what `check` and
//! `explore` say of them is true, and little is missed.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::{Place, project};

/// Tool, file, line, rule.
type Fault = (String, String, u64, String);

fn corpus(place: &Place) -> Vec<String> {
    let from = project().join("host/cli/tests/corpus");
    copy(&from, &place.path(""));
    let mut scripts: Vec<String> = fs::read_dir(&from)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".js") || name.ends_with(".mjs"))
        .collect();
    scripts.sort();
    scripts
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), &target).unwrap()),
        }
    }
}

fn planted(tool: &str) -> BTreeSet<Fault> {
    let text = fs::read_to_string(project().join("host/cli/tests/corpus/expected.txt")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let fault = |row: &str| {
        let parts: Vec<&str> = row.split_whitespace().collect();
        let [tool, file, line, rule] = parts[..] else { panic!("{row}") };
        (tool.to_owned(), file.to_owned(), line.parse().unwrap(), rule.to_owned())
    };
    rows.map(fault).filter(|(one, ..)| one == tool).collect()
}

/// Nothing untrue, and 95 of 100 planted faults.
fn judge(tool: &str, planted: &BTreeSet<Fault>, found: &BTreeSet<Fault>) {
    let untrue: Vec<&Fault> = found.difference(planted).collect();
    let missed: Vec<&Fault> = planted.difference(found).collect();
    let hits = planted.len() - missed.len();
    println!(
        "{tool}: {} untrue findings, {hits} of {} planted faults found",
        untrue.len(),
        planted.len()
    );
    assert_eq!(untrue, Vec::<&Fault>::new());
    assert!(hits * 100 >= planted.len() * 95, "{missed:?}");
}

#[test]
fn check_says_only_what_is_true_and_misses_little() {
    let place = Place::new();
    let scripts = corpus(&place);
    assert_eq!(scripts.len(), 40);
    let planted = planted("check");
    let faulty: BTreeSet<&String> = planted.iter().map(|(_, file, ..)| file).collect();
    assert!(faulty.len() <= 20, "half of them are sound");
    let mut args = vec!["check", "--json"];
    args.extend(scripts.iter().map(String::as_str));
    let ran = place.run(&args);
    let report = ran.report();
    let found = report["findings"].as_array().unwrap().iter().map(|finding| {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        ("check".to_owned(), text("file"), finding["line"].as_u64().unwrap(), text("rule"))
    });
    judge("check", &planted, &found.collect());
}

#[test]
fn explore_says_only_what_is_true_and_misses_little() {
    let place = Place::new();
    let scripts = corpus(&place);
    let mut found = BTreeSet::new();
    for script in &scripts {
        let args = ["explore", script, "--json", "--runs", "80", "--max-agents", "60"];
        let ran = place.run(&args);
        for finding in ran.report()["findings"].as_array().unwrap() {
            let kind = finding["kind"].as_str().unwrap().to_owned();
            let line = finding["line"].as_u64().unwrap_or(0);
            found.insert(("explore".to_owned(), script.clone(), line, kind));
        }
    }
    judge("explore", &planted("explore"), &found);
}
