//! Runs in the background: `--detach`, what is said before it and after it, and what
//! ends such a run.

#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::background::{Background, META};
use common::{Place, finish, lives, signal, until};
use rusqlite::Connection;
use rustix::process::Signal;

const ONE: &str = "return await agent('hi')";

/// A shell command in the place, with `smol-wf` as `$WF`.
fn shell(at: &Background, text: &str) -> Command {
    let with = at.command(&[]);
    let mut shell = Command::new("bash");
    shell.args(["-c", text]).current_dir(at.place.dir.path()).env_clear();
    for (name, value) in with.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.env("WF", env!("CARGO_BIN_EXE_smol-wf"));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

#[test]
fn the_id_is_there_at_once_and_the_run_goes_on() {
    let at = Background::new(ONE);
    // The shell waits until nobody has its pipes open any more, its third one too.
    let text = "{ id=$($WF run s.mjs --detach 3>&1); echo \"$id\"; } 3>&1";
    let ran = finish(shell(&at, text).spawn().unwrap());
    let run = ran.printed(0).trim_end().to_owned();
    let said: Vec<&str> = ran.stderr.lines().collect();
    assert!(said[0].starts_with(&format!("run {run} in /")), "{said:?}");
    assert_eq!(*said.last().unwrap(), format!("in the background: smol-wf attach {run}"));
    let holder = at.at_work(&run);
    assert!(!at.place.path("go").exists(), "its agent still works");
    // A session of its own, and nothing open but its own streams and files.
    let stat = std::fs::read_to_string(format!("/proc/{holder}/stat")).unwrap();
    let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().to_owned();
    assert_eq!(session, holder.to_string());
    for (stream, leads_to) in [(0, "/dev/null"), (1, ".log"), (2, ".log")] {
        let target = std::fs::read_link(format!("/proc/{holder}/fd/{stream}")).unwrap();
        assert!(target.to_string_lossy().ends_with(leads_to), "{stream}: {target:?}");
    }
    at.go();
    let ran = at.run(&["attach", &run]);
    assert_eq!(ran.ok()["results"], "answer to hi");
    // Its last words come when it has let go of the run.
    until("its last words", || at.log_text(&run).contains("completed: 1 agent"));
    let log = at.log_text(&run);
    assert!(log.starts_with(&format!("run {run} in /")), "{log}");
    assert!(log.contains("[agent] hi: done"), "{log}");
    assert!(at.held().is_empty());
}

#[test]
fn the_log_is_private_and_goes_with_the_run() {
    let at = Background::new("return 1");
    let run = at.detach(&[]);
    at.until_state(&run, "completed");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    let log = at.log(&run);
    assert_eq!((mode(&log), mode(log.parent().unwrap())), (0o600, 0o700));
    until("nobody holds it", || at.run(&["history", "delete", &run]).code == 0);
    assert!(!log.parent().unwrap().exists(), "the folder goes with its last file");
}

#[test]
fn a_run_at_work_is_listed_when_its_journal_was_changed() {
    let at = Background::new(ONE);
    let run = at.detach(&[]);
    let holder = at.at_work(&run);
    let change = "UPDATE journal SET body = replace(body, 'hi', 'ho')";
    assert!(Connection::open(at.place.db()).unwrap().execute(change, []).unwrap() > 0);
    let listed = at.run(&["ps", "--json"]).ok();
    let row = &listed["runs"][0];
    assert_eq!(row["runId"], *run, "{listed}");
    assert_eq!(row["state"], "running", "{row}");
    assert_eq!(row["process"], holder.as_raw_nonzero().get(), "{row}");
    assert!(row["damage"].as_str().unwrap().contains(&run), "{row}");
    assert!(at.run(&["ps"]).printed(0).contains(&format!("smol-wf history {run}")));
}

/// What a run says in the foreground, and what it says with `--detach`.
#[track_caller]
fn equal(at: &Background, args: &[&str], code: i32) {
    let here = at.run(args);
    let there = at.run(&[args, &["--detach"]].concat());
    assert_eq!(here.code, code, "{args:?}: {}", here.stderr);
    assert_eq!(there.code, code, "{args:?}: {}", there.stderr);
    assert_eq!(there.stderr, here.stderr, "{args:?}");
    assert_eq!(there.stdout, here.stdout, "{args:?}");
}

#[test]
fn errors_come_before_it_detaches_with_the_same_code() {
    let at = Background::new(ONE);
    at.place.write("broken.mjs", format!("{META}return (\n"));
    equal(&at, &["run", "nothing.mjs"], 3);
    equal(&at, &["run", "broken.mjs"], 3);
    equal(&at, &["run", "s.mjs", "--args", "{"], 3);
    equal(&at, &["run", "s.mjs", "--agent-provider", "nobody"], 2);
    equal(&at, &["run", "s.mjs", "--cwd", "gone"], 3);
    equal(&at, &["resume", "latest"], 3);
    equal(&at, &["fork", "run_0"], 3);
    equal(&at, &["run", "s.mjs", "--db", "."], 3);
    assert!(!at.place.path("runs.db.logs").exists());
    let ran = at.run(&["run", "s.mjs", "--detach", "--events"]);
    ran.fails(2, &["--events"]);
    // Nobody to ask.
    let place = Place::new();
    place.write("s.mjs", format!("{META}{ONE}\n"));
    for flags in [&["run", "s.mjs"][..], &["run", "s.mjs", "--detach"]] {
        let mut command = place.at_home(flags);
        let ran = finish(command.env("PATH", "/nowhere").spawn().unwrap());
        ran.fails(69, &["no agent is installed and logged in"]);
    }
}

#[test]
fn a_locked_database_is_waited_for_and_a_signal_ends_the_wait() {
    let at = Background::new("return 1");
    at.run(&["run", "s.mjs"]).ok();
    let other = Connection::open(at.place.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = at.run(&["run", "s.mjs", "--detach", "--timeout", "1200ms"]);
    ran.fails(3, &["[store_busy]"]);
    let mut child = at.start(&["run", "s.mjs", "--detach"]);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("is locked by another process") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended without waiting");
    }
    signal(&child, Signal::TERM);
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    assert_eq!(finish(child).code, 143);
    drop(other);
    let runs = at.run(&["history", "--json"]).ok();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "{runs}");
}

#[test]
fn stdin_and_substitutions_of_the_shell_are_read_first() {
    let at = Background::new("return args");
    let mut child = at.command(&["run", "-", "--detach"]);
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{META}return 'piped'\n").as_bytes()).unwrap();
    let run = finish(child).printed(0).trim_end().to_owned();
    assert_eq!(at.run(&["attach", &run]).ok()["results"], "piped");
    let text = "$WF run s.mjs --detach --args-from-file <(echo '{\"a\": 1}') --args-b 'c d'";
    let run = finish(shell(&at, text).spawn().unwrap()).printed(0).trim_end().to_owned();
    let shown = at.run(&["attach", &run]).ok();
    assert_eq!(shown["results"], serde_json::json!({"a": 1, "b": "c d"}));
}

#[test]
fn a_closed_terminal_does_nothing_and_sigterm_stops_the_run() {
    let at = Background::new(ONE);
    let run = at.detach(&[]);
    at.at_work(&run);
    at.signal(&run, Signal::HUP);
    at.signal(&run, Signal::HUP);
    assert_eq!(at.state(&run), "running");
    at.signal(&run, Signal::TERM);
    at.until_state(&run, "cancelled");
    at.go();
    // And on, in the background again.
    let again = at.run(&["resume", &run, "--detach"]);
    assert_eq!(again.printed(0), format!("{run}\n"));
    assert_eq!(at.run(&["attach", &run]).ok()["results"], "answer to hi");
    let log = at.log_text(&run);
    assert!(log.contains("Stopping") && log.contains("(resumed)"), "{log}");
    // What is over is only reported, as in the foreground.
    let over = at.run(&["resume", &run, "--detach"]);
    assert_eq!(over.ok()["results"], "answer to hi");
}

#[test]
fn a_fork_is_a_run_of_its_own() {
    let at = Background::new(ONE);
    at.go();
    let run = at.run(&["run", "s.mjs"]).run_id();
    let fork = at.run(&["fork", &run, "--detach"]).printed(0).trim_end().to_owned();
    assert_ne!(fork, run);
    let report = at.run(&["attach", &fork]).ok();
    assert_eq!(report["parent"]["run"], *run);
    // A script that was changed: the fork's id.
    at.place.write("s.mjs", format!("{META}return [await agent('hi'), 2]\n"));
    let edited = at.run(&["resume", &run, "--detach"]).printed(0).trim_end().to_owned();
    assert!(edited != run && edited != fork);
    assert_eq!(at.run(&["attach", &edited]).ok()["results"][1], 2);
}

#[test]
fn the_folder_may_go_and_so_may_the_log() {
    let at = Background::new(ONE);
    std::fs::create_dir(at.place.path("there")).unwrap();
    std::fs::write(at.place.path("runs.db.logs"), "a file").unwrap();
    let mut command = at.command(&["run", "../s.mjs", "--detach", "--cwd", ".."]);
    command.current_dir(at.place.path("there"));
    let ran = finish(command.spawn().unwrap());
    let run = ran.printed(0).trim_end().to_owned();
    ran.fails(0, &["warning: the log of the run cannot be written"]);
    at.at_work(&run);
    std::fs::remove_dir(at.place.path("there")).unwrap();
    at.go();
    assert_eq!(at.run(&["attach", &run]).ok()["results"], "answer to hi");
}

#[test]
fn a_log_is_cut_and_says_so() {
    // A turn may write some thousand lines.
    let at = Background::new(
        "for (let i = 0; i < 30; i++) {\n  for (let j = 0; j < 300; j++) log('l'.repeat(3000))\n  \
        await agent('a' + i)\n}\nreturn 'whole'",
    );
    let run = at.detach(&["--agent-provider", "debug"]);
    at.until_state(&run, "completed");
    until("nobody holds it", || at.held().is_empty());
    let log = at.log_text(&run);
    let is_near = (16 * 1024 * 1024 - 20_000..16 * 1024 * 1024 + 200).contains(&log.len());
    assert!(is_near, "{}", log.len());
    assert!(log.ends_with("… the log ends here: it has its largest size\n"));
    assert_eq!(at.run(&["history", &run]).ok()["results"], "whole");
}

/// What an agent starts in the background bears its mark, and ends with its step.
#[test]
fn a_run_that_an_agent_has_started_ends_with_its_step() {
    let at = Background::new(ONE);
    let inner = at.place.write("inner.mjs", format!("{META}return await agent('in')\n"));
    let program = env!("CARGO_BIN_EXE_smol-wf");
    let starts = format!(
        "#!/bin/sh\ncat >/dev/null\nexec {program} run {} --detach --agent-provider debug \
        --debug-rule '*=delay:600s' --db {}\n",
        inner.display(),
        at.place.path("inner.db").display()
    );
    let agent = at.place.path("home/.config/smol-workflows/agent.sh");
    std::fs::write(&agent, starts).unwrap();
    let ran = at.run(&["run", "s.mjs"]);
    let run = ran.ok()["results"].as_str().unwrap().to_owned();
    let db = at.place.path("inner.db");
    let db = db.to_str().unwrap();
    let listed = at.run(&["ps", "--all", "--json", "--db", db]).ok();
    assert_eq!(listed["runs"][0]["runId"], *run, "{listed}");
    assert_eq!(listed["runs"][0]["state"], "cancelled", "{listed}");
    assert_eq!(listed["runs"][0].get("process"), None, "nobody holds it any more");
}

#[test]
fn a_run_whose_starter_is_gone_before_its_id_stops() {
    let at = Background::new(ONE);
    // The holder of the pipes is killed while the holder of the run waits.
    at.run(&["run", "s.mjs", "--agent-provider", "debug"]).ok();
    let other = Connection::open(at.place.db()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut child = at.start(&["run", "s.mjs", "--detach"]);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("is locked by another process") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended without waiting");
    }
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let holder: u32 = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lives(holder));
    drop(other);
    until("the holder has ended", || !lives(holder));
    let runs = at.run(&["history", "--json"]).ok();
    assert_eq!(runs["runs"][0]["state"], "cancelled", "{runs}");
}
