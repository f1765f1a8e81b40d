//! Commands that look make nothing: no database, no folder.

mod common;

use std::path::Path;

use common::{Place, Ran, finish, snapshot};

/// Everything below a folder.
fn below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push(path.display().to_string());
        if path.is_dir() {
            found.extend(below(&path));
        }
    }
    found
}

/// Runs it with the default path, and with one of its own in a folder that is
/// not there. Nothing may be left.
fn both(arguments: &[&str], check: impl Fn(Ran, &str)) {
    let place = Place::new();
    let by_default = finish(place.at_home(arguments).spawn().unwrap());
    check(by_default, "home/.local/state/smol-workflows/smol-wf.db");
    let named = [arguments, &["--db", "folder/own.db"]].concat();
    check(finish(place.at_home(&named).spawn().unwrap()), "folder/own.db");
    let left = below(place.dir.path());
    assert_eq!(left, [place.path("home").display().to_string()], "{arguments:?}");
}

#[test]
fn lists_are_empty() {
    for arguments in [
        &["history"][..],
        &["history", "--state", "failed", "-o", "json"],
        &["history", "usage"],
        &["history", "delete", "--all", "--yes"],
        &["history", "delete", "--vacuum"],
        &["worktrees", "list"],
        &["worktrees", "prune"],
    ] {
        both(arguments, |ran, db| ran.fails(0, &[db]));
    }
    both(&["history", "-o", "json"], |ran, _| {
        assert_eq!(ran.ok()["runs"], serde_json::json!([]));
    });
    both(&["doctor"], |ran, db| assert!(ran.stdout.contains(db), "{}", ran.stdout));
}

#[test]
fn a_run_is_in_no_database_that_is_not_there() {
    for arguments in [
        &["history", "latest"][..],
        &["history", "--before", "latest"],
        &["history", "delete", "latest"],
        &["diff", "latest", "latest"],
        &["replay", "latest"],
        &["resume", "latest"],
        &["fork", "latest", "--from", "1"],
        &["export", "latest", "--format", "jsonl"],
        &["export", "latest", "--fixture", "new/a.swf"],
    ] {
        both(arguments, |ran, db| {
            ran.fails(3, &[db]);
            assert_eq!(ran.stdout, "", "{arguments:?}");
        });
    }
    let place = Place::new();
    place.write("s.mjs", "export const meta = { name: 'n', description: 'd' }\nreturn 1\n");
    snapshot!(place.run(&["run", "s.mjs", "--resume-run", "latest"]).said(3), @"error: there is no run `latest`: there is no database at /folder/runs.db yet; start a run with `smol-wf run SCRIPT`, or name another database with --db [run_unknown]");
    assert!(!place.db().exists());
}
