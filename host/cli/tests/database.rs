//! What others do to the database while a run works, and what is left of it
//! afterwards.

#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::time::Duration;

use common::{Place, finish, snapshot, until};
use rusqlite::Connection;

/// An agent that counts its calls, says that it has begun, and ends when it may.
const AGENT: &str = "echo call >> calls; touch started; i=0; while [ ! -e go ] && [ $i -lt 6000 ]; do sleep 0.01; i=$((i+1)); done; cat > /dev/null; echo ok";

/// A run whose first agent is at work.
fn at_work(place: &Place, flags: &[&str]) -> Child {
    let config =
        format!("[providers.slow]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {AGENT:?}]\n");
    place.write("config.toml", config);
    place.write(
        "script.mjs",
        "export const meta = { name: 'n', description: 'd' }
const first = await agent('one', { provider: 'slow' })
return [first, await agent('two')]\n",
    );
    let mut command = place.command(&[&["run", "script.mjs"], flags].concat());
    let child = command.env("SMOL_WF_CONFIG", place.path("config.toml")).spawn().unwrap();
    until("its first agent starts", || place.path("started").exists());
    child
}

fn beside(place: &Place, ending: &str) -> std::path::PathBuf {
    let mut name = place.db().into_os_string();
    name.push(ending);
    name.into()
}

type Act = dyn Fn(&Place, &[&str]);

#[test]
fn a_run_whose_database_goes_away_never_says_that_it_completed() {
    let delete = |place: &Place, endings: &[&str]| {
        for ending in endings {
            fs::remove_file(beside(place, ending)).unwrap();
        }
    };
    let replace = |place: &Place, endings: &[&str]| {
        for ending in endings {
            let file = beside(place, ending);
            fs::copy(&file, place.path("copy")).unwrap();
            fs::rename(place.path("copy"), file).unwrap();
        }
    };
    let acts: [&Act; 2] = [&delete, &replace];
    for act in acts {
        for endings in [&[""][..], &["-wal"], &["", "-wal"], &["", "-wal", "-shm"]] {
            let place = Place::new();
            let child = at_work(&place, &[]);
            act(&place, endings);
            fs::write(place.path("go"), "").unwrap();
            let ran = finish(child);
            ran.fails(3, &["[store_replaced]"]);
            assert!(!ran.stdout.contains("completed"), "{endings:?}: {}", ran.stdout);
        }
    }
}

#[test]
fn a_locked_database_is_waited_for_and_no_answer_is_lost() {
    let place = Place::new();
    let mut child = at_work(&place, &[]);
    let other = Connection::open(place.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    fs::write(place.path("go"), "").unwrap();
    // Longer than SQLite itself waits: until the run says that it waits.
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("this run waits for it") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended without waiting");
    }
    other.execute_batch("COMMIT").unwrap();
    // The rest is of no interest, and must not fill the pipe.
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    let ran = finish(child);
    assert_eq!(ran.ok()["state"], "completed");
    assert_eq!(fs::read_to_string(place.path("calls")).unwrap(), "call\n", "asked once");
}

#[test]
fn space_is_not_given_back_while_a_run_works() {
    let place = Place::new();
    let child = at_work(&place, &[]);
    let refused = place.run(&["history", "delete", "--vacuum"]);
    snapshot!(refused.said(3), @"
    error: the database was not made smaller: process 1 works on run run_1, and would have to wait until it is done [store_in_use]
    once that run is done: smol-wf history delete --vacuum
    ");
    fs::write(place.path("go"), "").unwrap();
    assert_eq!(finish(child).code, 0);
    let done = place.run(&["history", "delete", "--vacuum"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
}

#[test]
fn a_copy_of_the_main_file_alone_has_the_runs_that_are_done() {
    let place = Place::new();
    let body = "export const meta = { name: 'n', description: 'd' }\nreturn await agent('one')\n";
    assert_eq!(place.script(body, &[]).code, 0);
    let copy = place.path("copy.db");
    fs::copy(place.db(), &copy).unwrap();
    let listed = place.run(&["history", "--output", "json", "--db", copy.to_str().unwrap()]);
    let document: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(document["runs"][0]["state"], "completed", "{}", listed.stdout);
}

#[test]
fn a_database_with_a_view_in_the_place_of_a_table_is_refused_at_once() {
    let place = Place::new();
    let body = "export const meta = { name: 'n', description: 'd' }\nreturn 1\n";
    assert_eq!(place.script(body, &[]).code, 0);
    Connection::open(place.db())
        .unwrap()
        .execute_batch(
            "ALTER TABLE runs RENAME TO old; CREATE VIEW runs AS
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        )
        .unwrap();
    for command in [&["history"][..], &["run", "script.mjs"], &["replay", "latest"]] {
        insta::allow_duplicates!(
            snapshot!(place.run(command).said(3), @"error: /folder/runs.db has an added view `runs`: something other than smol-wf has changed it, and it was left as it is; undo the change (`sqlite3 /folder/runs.db .schema` lists what is in it), or choose another database with --db [store_altered]")
        );
    }
}

/// What was answered is written down, also when the time for the run is over.
#[test]
fn a_time_limit_costs_no_answer_at_a_locked_database() {
    let place = Place::new();
    let child = at_work(&place, &["--timeout", "10s"]);
    let other = Connection::open(place.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    place.write("go", "");
    // What is tried is a lock that lasts longer than the run may.
    std::thread::sleep(Duration::from_secs(15));
    drop(other);
    let ran = finish(child);
    ran.fails(5, &["waits for it, up to 10 minutes, and loses nothing", "[timed_out]"]);
    let mut resume = place.command(&["resume", &ran.run_id()]);
    let resumed = finish(resume.env("SMOL_WF_CONFIG", place.path("config.toml")).spawn().unwrap());
    assert_eq!(resumed.ok()["results"], serde_json::json!(["ok", "echo: two"]));
    assert_eq!(fs::read_to_string(place.path("calls")).unwrap().lines().count(), 1);
}
