//! Commands that a message tells the reader to type: typed back, they do it,
//! whatever is in the names.

#![cfg(unix)]

mod common;

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use common::{Place, Ran, finish, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Types it into a shell that knows the program, in the place's folder.
#[track_caller]
fn typed(place: &Place, line: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_smol-wf")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(place.dir.path()).env_clear();
    shell.env("PATH", format!("{}:{path}", program.display())).env("HOME", "/nonexistent");
    let output = shell.env("SMOL_WF_AGENT_PROVIDER", "debug").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The command between backticks that begins so.
#[track_caller]
fn command_of(ran: &Ran, start: &str) -> String {
    let (_, rest) = ran.stderr.split_once(&format!("`{start} ")).expect(&ran.stderr);
    format!("{start} {}", rest.split('`').next().unwrap())
}

#[test]
fn a_database_of_an_odd_name_is_moved_away_as_it_is_said() {
    let place = Place::new();
    let db = place.write("it's a db/my runs.db", "not a database at all ".repeat(500));
    let history = || place.run(&["history", "--db", "it's a db/my runs.db"]);
    let ran = history();
    snapshot!(ran.said(3), @r"error: it's a db/my runs.db is damaged, or not a database: file is not a database; move it away (`mv 'it'\''s a db/my runs.db' 'it'\''s a db/my runs.db.bad'`) to start afresh, and try `sqlite3 'it'\''s a db/my runs.db.bad' .recover` to save what is in it [store_corrupt]");
    typed(&place, &command_of(&ran, "mv"));
    assert!(!db.exists() && place.path("it's a db/my runs.db.bad").exists());
    let recover = command_of(&ran, "sqlite3");
    let named = typed(&place, &format!("set -- {recover}; printf '%s|%s' \"$2\" \"$3\""));
    assert!(named.ends_with("it's a db/my runs.db.bad|.recover"), "{named}");
    assert!(!history().stderr.contains("store_corrupt"));
}

/// Makes an agent of this text, and a script that asks it.
fn with_agent(text: &str, mode: u32) -> Place {
    let place = Place::new();
    let agent = place.write("home/.config/smol-workflows/the agent's.sh", text);
    std::fs::set_permissions(agent, std::fs::Permissions::from_mode(mode)).unwrap();
    let file =
        "provider = 'mine'\n[providers.mine]\nkind = 'command'\ncommand = [\"./the agent's.sh\"]\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    place.write("s.mjs", format!("{META}export default await agent('hi')\n"));
    place
}

fn at_home(place: &Place, args: &[&str]) -> Ran {
    finish(place.at_home(args).spawn().unwrap())
}

#[test]
fn an_agent_that_cannot_be_run_says_what_to_type_and_then_runs() {
    let mut said = String::new();
    for (text, mode, start) in [
        ("#!/bin/sh\necho well\n", 0o644, "chmod +x"),
        ("#!/bin/sh\r\necho well\r\n", 0o755, "sed -i"),
    ] {
        let place = with_agent(text, mode);
        let ran = at_home(&place, &["run", "s.mjs"]);
        said += ran.said(1);
        let doctor = at_home(&place, &["doctor"]);
        assert!(doctor.stdout.contains("cannot be run"), "{}", doctor.stdout);
        let (_, line) = ran.stderr.split_once("type: ").expect(&ran.stderr);
        assert!(line.starts_with(start), "{line}");
        typed(&place, line.lines().next().unwrap().split(" [").next().unwrap());
        assert_eq!(at_home(&place, &["run", "s.mjs"]).ok()["results"], "well");
    }
    snapshot!(said, "typed-agent-to-be-mended");
}

#[test]
fn an_agent_that_cannot_be_run_says_which_file_and_why() {
    let mut said = String::new();
    for (text, why) in [
        #[cfg(target_os = "linux")]
        ("echo hello\n", "begin it with a line such as `#!/bin/sh`"),
        #[cfg(target_os = "linux")]
        ("", "it is empty"),
        ("#!/no/such/python3 -u\n", "`/no/such/python3`, which is not there; install that"),
        ("#!/usr/bin/env no-such-node\n", "`no-such-node`, which is not on the PATH"),
    ] {
        let place = with_agent(text, 0o755);
        said += at_home(&place, &["run", "s.mjs"]).said(1);
        let doctor = at_home(&place, &["doctor"]);
        assert!(doctor.stdout.contains(why), "{}", doctor.stdout);
    }
    let place = with_agent("", 0o755);
    std::fs::remove_file(place.path("home/.config/smol-workflows/the agent's.sh")).unwrap();
    said += at_home(&place, &["run", "s.mjs"]).said(1);
    snapshot!(said, "typed-agent-cannot-run");
}

#[test]
fn what_is_written_through_a_link_to_nothing_names_both_and_what_to_type() {
    let place = Place::new();
    place.script(&format!("{META}export default 1\n"), &[]).ok();
    symlink("gone/there.json", place.path("my link.json")).unwrap();
    symlink("nowhere", place.path("folder")).unwrap();
    place.run(&["export", "latest", "--fixture", "ok.swf"]).fails(0, &[]);
    let mut said = String::new();
    for (args, code) in [
        (&["export", "latest", "--format", "jsonl", "--out", "my link.json"][..], 3),
        (&["export", "latest", "--fixture", "my link.json"], 2),
        (&["test", "ok.swf", "--junit", "my link.json"], 2),
    ] {
        said += place.run(args).said(code);
        assert!(place.path("my link.json").is_symlink());
    }
    snapshot!(said, @"
    latest is run_1, the last run of /folder
    error: my link.json cannot be written: my link.json is a link to gone/there.json, which does not exist; remove the link (`rm 'my link.json'`), or choose another file [file_unwritable]
    latest is run_1, the last run of /folder
    error: cannot write /folder/my link.json: my link.json is a link to gone/there.json, which does not exist; remove the link (`rm 'my link.json'`), or choose another file
    error: cannot write my link.json: my link.json is a link to gone/there.json, which does not exist; remove the link (`rm 'my link.json'`), or choose another file
    1 fixture, 0 failed
    ");
    let within = ["export", "latest", "--format", "jsonl", "--out", "folder/out.json"];
    snapshot!(place.run(&within).said(3), @"
    latest is run_1, the last run of /folder
    error: folder/out.json cannot be written: folder is a link to nowhere, which does not exist; remove the link (`rm folder`), or choose another file [file_unwritable]
    ");
    let out = ["export", "latest", "--format", "jsonl", "--out", "my link.json"];
    typed(&place, &command_of(&place.run(&out), "rm"));
    place.run(&out).fails(0, &[]);
    assert!(place.path("my link.json").is_file());
}

#[test]
fn the_script_that_a_test_was_given_is_in_what_is_to_be_typed() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("s.mjs", format!("{META}export default {{ one: await agent('x') }}\n"));
    place.run(&["run", "s.mjs"]).ok();
    place.run(&["export", "latest", "--fixture", "my review.swf"]).fails(0, &[]);
    let changed = format!("{META}export default {{ other: await agent('x') }}\n");
    place.write("the author's/s v2.mjs", changed);
    let ran = place.run(&["test", "my review.swf", "--script", "the author's/s v2.mjs"]);
    assert_eq!(ran.code, 7, "{}{}", ran.stdout, ran.stderr);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let (_, line) = said.split_once("accept it: ").expect(&said);
    typed(&place, line.lines().next().unwrap());
    place.run(&["test", "my review.swf"]).fails(0, &[]);
    let fixture = std::fs::read_to_string(place.path("my review.swf")).unwrap();
    assert!(fixture.contains("s v2.mjs"), "{fixture}");
}

#[test]
fn a_run_that_met_a_limit_goes_on_as_its_last_line_says() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return [await agent('a'), await agent('b')]\n"));
    let ran = place.run(&["run", "s.mjs", "--max-agents", "1"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix("resume: ")).unwrap();
    assert!(line.ends_with(" --max-agents 2"), "{line}");
    typed(&place, &format!("{line} --db '{}'", place.db().display()));
}

#[test]
fn a_run_in_a_folder_that_was_moved_is_resumed_where_it_is_now() {
    for again in [&["resume"][..], &["run", "new one/s.mjs", "--resume-run"]] {
        let place = Place::new();
        let calls = "await agent('a'); await agent('b'); return agent('c')";
        place.write("old one/s.mjs", format!("{META}{calls}\n"));
        let first = place.run(&["run", "old one/s.mjs", "--cwd", "old one", "--max-agents", "1"]);
        assert_eq!(first.code, 5, "{}", first.stderr);
        std::fs::rename(place.path("old one"), place.path("new one")).unwrap();
        let run = first.run_id();
        let second = place.run(&[again, &[&run, "--cwd", "new one", "--max-agents", "2"]].concat());
        assert_eq!(second.code, 5, "{}", second.stderr);
        let line = second.stderr.lines().find_map(|line| line.strip_prefix("resume: ")).unwrap();
        let report = typed(&place, &format!("{line} --db '{}'", place.db().display()));
        assert!(report.contains("echo: c"), "{report}");
    }
}

#[test]
fn hints_contain_no_text_of_an_agent() {
    let message = "quota; raise it with --yes; touch pwned #";
    let error = serde_json::json!({ "error": { "kind": "auth", "message": message } });
    let place = with_agent(&format!("#!/bin/sh\ncat > /dev/null\necho '{error}'\n"), 0o755);
    let ran = at_home(&place, &["run", "s.mjs"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let line = ran.stderr.lines().find_map(|line| line.strip_prefix("resume: ")).unwrap();
    assert_eq!(line, format!("smol-wf resume {}", ran.run_id()));
}
