//! A database that a living process of an older program is at work with: readers
//! read it as it is, and who writes waits until that process has let go.

#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Duration;

use common::{Place, finish};
use rusqlite::Connection;
use smol_wf_engine::providers::owner;

/// The programs of schemas 3 and 5 that left a database.
const OF_SCHEMA_3: &str = "9264ab0";
const OF_SCHEMA_5: &str = "506e397";

/// The database that this program left, one of its runs held by this process; the run
/// that is held, and one that is over.
fn held(program: &str) -> (Place, String, String) {
    let place = Place::new();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(program);
    std::fs::copy(recorded.join("database.db"), place.db()).unwrap();
    let connection = Connection::open(place.db()).unwrap();
    let run = |over: bool| -> String {
        let sql = "SELECT run FROM runs r WHERE ?1 = EXISTS
            (SELECT 1 FROM entries e WHERE e.run = r.run AND e.kind = 'run_ended') LIMIT 1";
        connection.query_row(sql, [over], |row| row.get(0)).unwrap()
    };
    let (held, over) = (run(false), run(true));
    let hold = "UPDATE runs SET owner = ?1 WHERE run = ?2";
    connection.execute(hold, [&owner::this_process(1), &held]).unwrap();
    (place, held, over)
}

fn version(place: &Place) -> i64 {
    let connection = Connection::open(place.db()).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn readers_read_the_old_tables_and_leave_them_as_they_are() {
    for (program, schema) in [(OF_SCHEMA_3, 3), (OF_SCHEMA_5, 5)] {
        are_read_as_they_are(program, schema);
    }
}

fn are_read_as_they_are(program: &str, schema: i64) {
    let (place, held, over) = held(program);
    let listed = place.run(&["history", "-o", "json"]).ok();
    let state = |run: &str| {
        let runs = listed["runs"].as_array().unwrap();
        runs.iter().find(|row| row["runId"] == run).unwrap()["state"].clone()
    };
    assert_eq!(state(&held), "running");
    assert_ne!(state(&over), "running");
    let running = place.run(&["history", "--state", "running", "-o", "json"]).ok();
    assert_eq!(running["runs"].as_array().unwrap().len(), 1);
    assert_eq!(place.run(&["replay", &over]).code, 0);
    assert!(place.run(&["export", &over, "--format", "journal"]).code == 0);
    place.run(&["history", &held]).fails(0, &[]);
    assert_eq!(version(&place), schema);
}

#[test]
fn the_state_of_an_abandoned_run_is_looked_up_once() {
    let (place, held, _) = held(OF_SCHEMA_3);
    let connection = Connection::open(place.db()).unwrap();
    let own = owner::this_process(1);
    let gone = own.replace(&format!("/{}/", std::process::id()), "/4194305/");
    assert_ne!(gone, own);
    connection.execute("UPDATE runs SET owner = ?1 WHERE run = ?2", [&gone, &held]).unwrap();
    place.run(&["history", "--state", "failed", "-o", "json"]).ok();
    let known = "SELECT owner, state IS NOT NULL FROM runs WHERE run = ?1";
    let known = connection.query_row(known, [&held], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(known, Ok((gone, true)));
}

#[test]
fn who_writes_says_whose_it_is_and_goes_on_when_that_is_done() {
    for (program, schema) in [(OF_SCHEMA_3, 3), (OF_SCHEMA_5, 5)] {
        is_waited_for(program, schema);
    }
}

fn is_waited_for(program: &str, schema: i64) {
    let (place, held, over) = held(program);
    place.write("s.js", "export const meta = { name: 'n', description: 'd' }\nreturn 1\n");
    for args in [["run", "s.js", "--cwd", "."], ["fork", &over, "--cwd", "."]] {
        let late = place.run(&[&args[..], &["--timeout", "2s"]].concat());
        let who = format!("process {} works on run {held}", std::process::id());
        late.fails(3, &["[store_busy]", &who, "older smol-wf", "up to 2 s"]);
        assert_eq!(version(&place), schema);
    }
    let mut child = place.command(&["run", "s.js"]).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("older smol-wf") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended without waiting");
    }
    // The holder writes on meanwhile, and lets go.
    std::thread::sleep(Duration::from_millis(50));
    let older = Connection::open(place.db()).unwrap();
    older.execute("UPDATE runs SET owner = NULL", []).unwrap();
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    let ran = finish(child);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(version(&place), 6);
    assert_eq!(place.run(&["replay", &over]).code, 0);
    assert_eq!(place.run(&["history", "latest"]).report()["results"], 1);
}
