//! Commands that messages propose after `--db`, typed as they are printed: they find
//! the database that was named, and no other.

#![cfg(unix)]

mod common;

use common::{Place, Ran, finish};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// A shell has to quote it.
const DB: &str = "other 'one.db";

fn other(place: &Place, args: &[&str]) -> Ran {
    place.run(&[args, &["--db", DB]].concat())
}

/// The one command in what it said on stderr, up to the end of its line.
#[track_caller]
fn proposed<'a>(ran: &'a Ran, verb: &str) -> &'a str {
    let begins = format!("smol-wf {verb}");
    let found = ran.stderr.lines().find_map(|line| Some(&line[line.find(&begins)?..]));
    found.unwrap_or_else(|| panic!("no `{begins}` in: {}", ran.stderr))
}

/// As a person types it, in the same folder.
fn type_it(place: &Place, typed: &str) -> Ran {
    let program = env!("CARGO_BIN_EXE_smol-wf");
    let mut command = place.command(&[]);
    let environment: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command = std::process::Command::new("sh");
    command
        .args(["-c", &typed.replacen("smol-wf", program, 1)])
        .current_dir(place.dir.path())
        .env_clear()
        .envs(environment)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    finish(command.spawn().unwrap())
}

/// Types what was proposed: it works, on the database that was named, and the
/// default one stays without a run.
#[track_caller]
fn works(place: &Place, ran: &Ran, verb: &str) -> Ran {
    let typed = proposed(ran, verb);
    assert!(typed.contains(r"--db 'other '\''one.db'"), "{typed}");
    let did = type_it(place, typed);
    assert_eq!(did.code, 0, "{typed}: {}", did.stderr);
    assert!(!place.db().exists(), "{typed}: went to the default database");
    did
}

/// A run that is paused after its first agent, and its id.
fn paused(place: &Place) -> String {
    place.write("s.mjs", format!("{META}return [await agent('a'), await agent('b')]\n"));
    let ran = other(place, &["run", "s.mjs", "--max-agents", "1"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    ran.run_id()
}

#[test]
fn of_a_run_that_failed() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return agent('p')\n"));
    let ran = other(&place, &["run", "s.mjs", "--debug-rule", "*=fail"]);
    works(&place, &ran, "history run_");
}

#[test]
fn of_a_run_that_is_no_fixture_yet() {
    let place = Place::new();
    let run = paused(&place);
    let refused = other(&place, &["export", &run, "--fixture", "s.swf"]);
    assert_eq!(refused.code, 3);
    let typed = proposed(&refused, "resume").to_owned();
    assert!(typed.contains("--db"), "{typed}");
    let resumed = type_it(&place, &format!("{typed} --max-agents 2"));
    assert_eq!((resumed.code, place.db().exists()), (0, false), "{}", resumed.stderr);
}

#[test]
fn of_an_import_that_meets_another_journal() {
    let place = Place::new();
    let run = paused(&place);
    let journal = place.path("journal");
    let journal = journal.to_str().unwrap();
    assert_eq!(other(&place, &["export", &run, "--format", "journal", "--out", journal]).code, 0);
    assert_eq!(other(&place, &["resume", &run, "--max-agents", "2"]).code, 0);
    let met = other(&place, &["import", journal]);
    met.fails(3, &["[import_conflict]"]);
    works(&place, &met, "history delete");
    assert_eq!(other(&place, &["import", journal]).code, 0, "it was deleted");
}

#[test]
fn of_a_run_or_a_step_that_is_not_there() {
    let place = Place::new();
    let run = paused(&place);
    for asked in ["run_0000", "n"] {
        let unknown = other(&place, &["history", asked]);
        assert_eq!(unknown.code, 3);
        works(&place, &unknown, "history");
    }
    for beyond in [&["--from", "9"][..], &["--set-result", "9=1"]] {
        let refused = other(&place, &[&["fork", &run], beyond].concat());
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        let listed = works(&place, &refused, "history");
        assert!(listed.stdout.contains("limit_agents"), "{}", listed.stdout);
    }
}

#[test]
fn of_a_resume_with_other_values() {
    let place = Place::new();
    let run = paused(&place);
    let differs = other(&place, &["run", "s.mjs", "--resume-run", &run, "--args-a", "1"]);
    assert_eq!(differs.code, 2, "{}", differs.stderr);
    works(&place, &differs, "fork");
}
