//! Which database is used when none is named.

mod common;

use std::path::PathBuf;

use common::{Place, Ran, finish, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";
const STATE: &str = "home/.local/state/smol-workflows";

fn run(place: &Place, args: &[&str]) -> Ran {
    let mut command = place.at_home(args);
    finish(command.env("SMOL_WF_AGENT_PROVIDER", "debug").spawn().unwrap())
}

fn state(place: &Place, name: &str) -> PathBuf {
    place.path(STATE).join(name)
}

fn place() -> Place {
    let place = Place::new();
    place.write("s.js", format!("{META}return 1\n"));
    std::fs::create_dir_all(place.path(STATE)).unwrap();
    place
}

#[test]
fn another_programs_database_is_left_alone() {
    for with_log in [false, true] {
        let place = place();
        let theirs = state(&place, "workflows.db");
        let open = rusqlite::Connection::open(&theirs).unwrap();
        if with_log {
            open.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        }
        open.execute_batch(
            "CREATE TABLE workflow_runs (id TEXT); INSERT INTO workflow_runs VALUES ('x')",
        )
        .unwrap();
        let files = || {
            let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(place.path(STATE))
                .unwrap()
                .map(|entry| entry.unwrap())
                .filter(|entry| entry.file_name().to_string_lossy().starts_with("workflows.db"))
                .map(|entry| {
                    (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
                })
                .collect();
            all.sort();
            all
        };
        let before = files();
        let first = run(&place, &["run", "s.js"]);
        insta::allow_duplicates!(snapshot!(first.said(0), @"
        run run_1 in /folder
        /folder/home/.local/state/smol-workflows/workflows.db belongs to another program and was not changed; runs are stored in /folder/home/.local/state/smol-workflows/smol-wf.db
        "));
        assert!(state(&place, "smol-wf.db").exists());
        let second = run(&place, &["run", "s.js"]);
        // It is said once.
        insta::allow_duplicates!(snapshot!(second.said(0), @"run run_1 in /folder"));
        for args in [
            &["history", "-o", "json"][..],
            &["worktrees", "list"],
            &["replay", "latest"],
            &["export", "latest", "--format", "jsonl"],
        ] {
            run(&place, args).fails(0, &[]);
        }
        let doctor = run(&place, &["doctor"]);
        assert!(
            doctor.stdout.contains("smol-wf.db") && !doctor.stdout.contains("FAILED"),
            "{}",
            doctor.stdout
        );
        assert!(files() == before, "something of it has changed");
        // Whoever names it is told what it is.
        let named = theirs.to_str().unwrap();
        insta::allow_duplicates! {
            snapshot!(run(&place, &["history", "--db", named]).said(3), @"error: /folder/home/.local/state/smol-workflows/workflows.db is the database of another program and was left as it is; choose another path [store_foreign]");
        }
        drop(open);
    }
}

#[test]
fn an_older_database_of_ours_stays_in_use_while_there_is_no_new_one() {
    let place = place();
    let older = state(&place, "workflows.db");
    run(&place, &["run", "s.js", "--db", older.to_str().unwrap()]).ok();
    let run_id = run(&place, &["run", "s.js"]).run_id();
    assert!(!state(&place, "smol-wf.db").exists(), "nothing is moved, nothing is made beside it");
    let list = || run(&place, &["history", "-o", "json"]).ok()["runs"].as_array().unwrap().len();
    assert_eq!(list(), 2);
    run(&place, &["replay", &run_id]).fails(0, &[]);
    let shown = run(&place, &["config", "show", "-o", "json"]).ok();
    let settings = shown["settings"].as_array().unwrap();
    let db = settings.iter().find(|row| row["key"] == "db").unwrap();
    assert!(db["value"].as_str().unwrap().ends_with("/workflows.db"), "{db}");
    // With its log emptied into it, as another program may leave it, as well.
    let open = rusqlite::Connection::open(&older).unwrap();
    open.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(open);
    assert_eq!(list(), 2);
    // Whoever has a new one uses that.
    run(&place, &["run", "s.js", "--db", state(&place, "smol-wf.db").to_str().unwrap()]).ok();
    assert_eq!(list(), 1);
}

#[test]
fn what_is_no_database_is_not_taken_for_ours() {
    for bytes in [&b""[..], b"hello", &[0; 4096]] {
        let place = place();
        std::fs::write(state(&place, "workflows.db"), bytes).unwrap();
        run(&place, &["run", "s.js"]).ok();
        assert!(state(&place, "smol-wf.db").exists());
        assert_eq!(std::fs::read(state(&place, "workflows.db")).unwrap(), bytes);
    }
}
