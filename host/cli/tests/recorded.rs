//! What older programs wrote stays of use: their journals replay, their paused
//! runs go on, their databases open and their fixtures pass, for ever.
//!
//! `recorded/<commit>/` holds what the program of that commit wrote: a database,
//! each run of it as a journal, its scripts and fixtures; `expected.json` says
//! what that program made of each. Never change a file there.

mod common;

use std::path::{Path, PathBuf};

use common::Place;
use serde_json::Value;

/// 9264ab0 to 037532f are of format 2, 549e0fa of format 3 and schema 4. 86df485 adds
/// what is in flight where a program of format 3 takes a run up: refusals, children,
/// answers of a fork. 037532f and 549e0fa are of surface 2 and have options that surface
/// 3 takes otherwise. 506e397 is of surface 3, whose scripts cannot ask people, and of
/// schema 5, which had no messages; its scripts that try to ask are in 506e397-people.
const COMMITS: [&str; 7] =
    ["796b2d9", "9264ab0", "86df485", "037532f", "549e0fa", "506e397", "506e397-people"];

fn recorded(commit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(commit)
}

fn runs(commit: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(recorded(commit).join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    expected["runs"].as_array().unwrap().clone()
}

/// Whether that program had let go of the run before its end.
fn is_paused(run: &Value) -> bool {
    run.get("resume").is_some()
}

/// A project with the recorded database.
fn project(commit: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    let files = std::fs::read_dir(recorded(commit)).unwrap().map(|file| file.unwrap().path());
    let mut databases = files.filter(|file| file.extension().is_some_and(|is| is == "db"));
    std::fs::copy(databases.next().unwrap(), place.db()).unwrap();
    place
}

/// What a report says that the program of today must say as well.
#[track_caller]
fn reports_the_same(run: &Value, report: &Value) {
    for key in ["state", "results", "agents"] {
        let Some(fields) = run[key].as_object().filter(|_| key == "agents") else {
            assert_eq!(report[key], run[key], "`{key}` of {}", run["name"]);
            continue;
        };
        // An agent that nobody awaits may answer before the script ends, or not.
        let free = run["abandoned"].as_array().map_or(0, Vec::len) as u64;
        for (field, count) in fields {
            let (now, then) = (report[key][field].as_u64(), count.as_u64().unwrap());
            let most = if field == "completed" { then + free } else { then };
            let fits = now.is_some_and(|now| (then..=most).contains(&now));
            assert!(fits, "`{key}.{field}` of {}: {now:?}, once {then}", run["name"]);
        }
    }
    assert_eq!(report["error"]["code"], run["error"], "the error of {}", run["name"]);
    let reasons = |of: &Value| of["nulls"].as_array().map_or(0, Vec::len);
    assert_eq!(reasons(report), reasons(run), "the nulls of {}", run["name"]);
}

#[test]
fn recorded_journals_are_imported_and_replay() {
    for commit in COMMITS {
        let place = Place::new();
        for run in runs(commit) {
            let name = run["name"].as_str().unwrap();
            let file = recorded(commit).join(format!("journals/{name}.jsonl"));
            let imported = place.run(&["import", file.to_str().unwrap()]);
            assert_eq!(imported.code, 0, "{name}: {}", imported.stderr);
            let replayed = place.run(&["replay", run["run"].as_str().unwrap()]);
            assert_eq!(replayed.code, 0, "{name}: {}{}", replayed.stdout, replayed.stderr);
        }
    }
}

/// What calls were refused with is in no entry of these, but in what their scripts
/// logged, returned and left in slots; today some of it reads otherwise.
#[test]
fn recorded_refusals_replay_whatever_their_words_are_today() {
    for folder in COMMITS.map(|commit| recorded(commit).join("refused")) {
        if !folder.exists() {
            continue;
        }
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let (place, file) = (Place::new(), file.unwrap().path());
            let imported = place.run(&["import", file.to_str().unwrap()]);
            assert_eq!(imported.code, 0, "{}", imported.stderr);
            let replayed = place.run(&["replay", imported.stdout.trim()]);
            assert_eq!(replayed.code, 0, "{}{}", replayed.stdout, replayed.stderr);
            let exported = place.run(&["export", imported.stdout.trim(), "--format", "journal"]);
            assert_eq!(exported.stdout, std::fs::read_to_string(file).unwrap(), "as it was");
            count += 1;
        }
        assert!(count > 0);
    }
}

/// The lines of a stream that programs before `workflow.agent_queued` and `budget` wrote,
/// without their numbers.
fn as_once(stream: &str) -> Vec<Value> {
    let lines = stream.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let known = lines.filter(|event| event["type"] != "workflow.agent_queued");
    known
        .map(|mut event| {
            event.as_object_mut().unwrap().remove("seq");
            let kind = event["type"].as_str().unwrap();
            if ["workflow.started", "workflow.resumed"].contains(&kind) {
                event["data"].as_object_mut().unwrap().remove("budget");
            }
            event
        })
        .collect()
}

/// The event stream is a promise: of a recorded journal it is the same but for the kinds
/// and fields that were added since, and the numbers, which count them.
#[test]
fn recorded_journals_have_the_events_that_they_had() {
    let folders = COMMITS[1..].iter().map(|commit| recorded(commit).join("events"));
    let files: Vec<_> = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).collect();
    assert!(files.len() > 20);
    for file in files.into_iter().map(|file| file.unwrap().path()) {
        let place = Place::new();
        let journal = file.parent().unwrap().with_file_name("journals");
        let journal = journal.join(file.file_name().unwrap());
        let imported = place.run(&["import", journal.to_str().unwrap()]);
        let stream = place.run(&["export", imported.stdout.trim(), "--format", "jsonl"]).stdout;
        let was = std::fs::read_to_string(&file).unwrap();
        assert_eq!(as_once(&stream), as_once(&was), "{}", file.display());
        let numbers = stream.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let numbers: Vec<_> = numbers.map(|event| event["seq"].as_u64().unwrap()).collect();
        assert!(numbers.iter().zip(1..).all(|(is, be)| *is == be), "{numbers:?}");
    }
}

/// `latest` is what came last, whatever a clock says: these runs began long ago.
#[test]
fn a_run_that_came_in_last_is_the_latest() {
    let place = Place::new();
    place.script("export const meta = { name: 'n', description: 'd' }\nreturn 1\n", &[]).ok();
    let run = &runs(COMMITS[0])[0];
    let file =
        recorded(COMMITS[0]).join(format!("journals/{}.jsonl", run["name"].as_str().unwrap()));
    assert_eq!(place.run(&["import", file.to_str().unwrap()]).code, 0);
    let shown = place.run(&["history", "latest", "--anywhere"]).report();
    assert_eq!(shown["runId"], run["run"]);
}

#[test]
fn recorded_databases_open_and_their_runs_are_reported_as_they_were() {
    for commit in COMMITS {
        let place = project(commit);
        for run in runs(commit).iter().filter(|run| !is_paused(run)) {
            let id = run["run"].as_str().unwrap();
            let replayed = place.run(&["replay", id]);
            assert_eq!(replayed.code, 0, "{id}: {}{}", replayed.stdout, replayed.stderr);
            reports_the_same(run, &place.run(&["resume", id]).report());
        }
    }
}

#[test]
fn recorded_fixtures_pass_with_the_scripts_of_their_time() {
    for commit in COMMITS.into_iter().filter(|commit| recorded(commit).join("fixtures").exists()) {
        let place = Place::new();
        std::fs::create_dir(place.path(".git")).unwrap();
        for (folder, to) in [("examples", "examples"), ("fixtures", "examples/fixtures")] {
            for file in std::fs::read_dir(recorded(commit).join(folder)).unwrap() {
                let file = file.unwrap();
                let name = file.file_name().into_string().unwrap();
                place.write(&format!("{to}/{name}"), std::fs::read(file.path()).unwrap());
            }
        }
        let tested = place.run(&["test", "examples"]);
        assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
        let count = std::fs::read_dir(recorded(commit).join("fixtures")).unwrap().count();
        assert_eq!(tested.stdout.matches("PASS").count(), count, "{}", tested.stdout);
    }
}

#[test]
fn recorded_runs_that_were_paused_go_on() {
    for commit in COMMITS {
        for run in runs(commit).iter().filter(|run| is_paused(run)) {
            // Where they were recorded there is nothing now; their children are
            // looked for in this project.
            let place = project(commit);
            let scripts = recorded(commit).join("scripts");
            std::fs::copy(scripts.join("kid.js"), place.path("kid.js")).unwrap();
            let child = std::fs::read(scripts.join("workflows/kid.js")).unwrap();
            place.write(".claude/workflows/kid.js", child);
            let folder = place.dir.path().to_str().unwrap();
            let mut args = vec!["resume", run["run"].as_str().unwrap()];
            args.extend(["--project-root", folder, "--cwd", folder]);
            args.extend(
                run["resume"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap()),
            );
            let resumed = place.run(&args);
            let code = resumed.code;
            assert_eq!(Some(i64::from(code)), run["exit"].as_i64(), "{}", resumed.stderr);
            reports_the_same(run, &resumed.report());
            // It is known from then on how it stands, before any list asks for it.
            let known = "SELECT state FROM runs WHERE run = ?1";
            let known: Option<String> = rusqlite::Connection::open(place.db())
                .unwrap()
                .query_row(known, [run["run"].as_str()], |row| row.get(0))
                .unwrap();
            // One of them was over already: that was its only attempt.
            let state = resumed.report()["state"].as_str().map(str::to_owned);
            let was_over = resumed.report()["attempts"] == 1;
            assert_eq!(known, state.filter(|_| !was_over), "{}", run["name"]);
            let replayed = place.run(&["replay", run["run"].as_str().unwrap()]);
            assert_eq!(replayed.code, 0, "{}{}", replayed.stdout, replayed.stderr);
        }
    }
}
