//! Messages to runs where something is in the way: a database that is being migrated, is
//! locked or may not be written, a bell that is something else, another answer at the same
//! moment. Each gets a clear error or its effect, and nothing else changes.

#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr};

use common::background::Background;
use common::{Place, finish, signal, until};
use rusqlite::Connection;
use rustix::process::Signal;
use smol_wf_engine::providers::owner;

/// Commands that post to a run, whose first step asks, and whose second is an agent.
fn posts(run: &str) -> Vec<Vec<String>> {
    let (ask, agent) = (format!("{run}#1"), format!("{run}#2"));
    let posts: [&[&str]; 5] = [
        &["msg", &agent, "look"],
        &["answer", &ask, "yes"],
        &["stop", &agent],
        &["pause", run],
        &["continue", run],
    ];
    posts.map(|words| words.iter().map(|word| (*word).to_owned()).collect()).to_vec()
}

/// Reads what a command says until it says this.
fn says(child: &mut Child, part: &str) -> BufReader<ChildStderr> {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended without `{part}`");
    }
    stderr
}

/// An older program holds a run, so nobody may migrate its database, which has no place
/// for messages.
#[test]
fn a_message_waits_for_a_holder_of_an_older_program_and_posts_nothing_before() {
    let place = Place::new();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/506e397");
    std::fs::copy(recorded.join("database.db"), place.db()).unwrap();
    let older = Connection::open(place.db()).unwrap();
    let open = "SELECT run FROM runs r WHERE NOT EXISTS
        (SELECT 1 FROM entries e WHERE e.run = r.run AND e.kind = 'run_ended') LIMIT 1";
    let held: String = older.query_row(open, [], |row| row.get(0)).unwrap();
    let hold = "UPDATE runs SET owner = ?1 WHERE run = ?2";
    older.execute(hold, [&owner::this_process(1), &held]).unwrap();
    for post in
        [&["pause", &held][..], &["cancel", &held], &["raise", &held, "--max-agents", "2000"]]
    {
        let mut child = place.command(post).spawn().unwrap();
        let stderr = says(&mut child, "older smol-wf");
        signal(&child, Signal::INT);
        assert_ne!(finish(child).code, 0, "{post:?}");
        drop(stderr);
        let version = older.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        assert_eq!(version, Ok(5), "{post:?}");
    }
}

/// As while the holder migrates it, or another process writes.
#[test]
fn a_message_waits_while_the_database_is_locked() {
    let at = Background::new("return SW.extra.ask('Which?')");
    let run = at.run(&["run", "s.mjs"]);
    let run = run.report()["runId"].as_str().unwrap().to_owned();
    let other = Connection::open(at.place.db()).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let mut child = at.start(&["answer", &run, "this", "--wait"]);
    let mut stderr = says(&mut child, "is locked by another process");
    drop(other);
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    assert_eq!(finish(child).report()["result"], "this");
}

#[test]
fn who_may_not_write_the_database_posts_nothing() {
    let at = Background::new(
        "const asked = SW.extra.approve('Deploy?'); const said = await agent('one')\n\
         return [said, await Promise.race([asked, 'open'])]",
    );
    let run = at.detach(&[]);
    at.at_work(&run);
    let files: Vec<PathBuf> =
        ["runs.db", "runs.db-wal", "runs.db-shm"].map(|name| at.place.path(name)).to_vec();
    let may_write = |may: bool| {
        let mode = if may { 0o600 } else { 0o400 };
        for file in files.iter().filter(|file| file.exists()) {
            std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(mode))
                .unwrap();
        }
    };
    for post in posts(&run) {
        may_write(false);
        let words: Vec<&str> = post.iter().map(String::as_str).collect();
        let mut child = at.place.unprivileged(&words);
        let ran = finish(child.env("HOME", at.place.path("home")).spawn().unwrap());
        may_write(true);
        ran.fails(3, &["runs.db cannot be written", "[store_not_writable]"]);
    }
    at.go();
    let report = at.run(&["attach", &run]).report();
    assert_eq!(report["result"], serde_json::json!(["answer to one", "open"]));
    let logs = at.run(&["logs", &run, "--json"]);
    assert!(!logs.printed(0).contains("workflow.message"), "{}", logs.stdout);
}

/// Whoever holds the run looks by itself, and neither writes nor removes what is there.
#[test]
fn a_file_or_a_link_in_place_of_the_bell_is_left_alone_and_delays_nothing() {
    let at = Background::new("return agent('one')");
    let run = at.detach(&[]);
    at.at_work(&run);
    let bell = at.place.path("runs.db.bells").join(&run);
    let mine = at.place.write("mine", "mine");
    for (agents, is_link) in [("2000", false), ("3000", true)] {
        at.signal(&run, Signal::KILL);
        until("nobody holds it", || at.held().is_empty());
        std::fs::remove_file(&bell).unwrap();
        match is_link {
            true => std::os::unix::fs::symlink(&mine, &bell).unwrap(),
            false => _ = std::fs::copy(&mine, &bell).unwrap(),
        }
        at.run(&["continue", &run]).printed(0);
        at.at_work(&run);
        let raised = at.run(&["raise", &run, "--max-agents", agents, "--json"]).ok();
        assert_eq!(raised["taken"], true, "{raised}");
        assert_eq!(std::fs::symlink_metadata(&bell).unwrap().is_symlink(), is_link);
        for file in [&bell, &mine] {
            assert_eq!(std::fs::read_to_string(file).unwrap(), "mine", "{is_link}");
        }
    }
    at.go();
    assert_eq!(at.run(&["attach", &run]).report()["result"], "answer to one");
    assert!(bell.exists(), "not ours to remove");
}

#[test]
fn of_two_answers_to_an_agent_at_once_one_counts() {
    let at = Background::new("return agent('[ask] [inside]')");
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("../providers/tests/fake/acp");
    let file = format!(
        "provider = 'mine'\nasks = 'person'\n[providers.mine]\nkind = 'acp'\n\
         command = ['{}']\nenv = {{ FAKE_LOG = '{}' }}\n",
        agent.display(),
        at.place.path("agent.log").display()
    );
    at.place.write("home/.config/smol-workflows/config.toml", file);
    let run = at.detach(&[]);
    until("a question", || at.run(&["answer", &run, "--json"]).code == 0);
    let question = format!("{run}#1.1");
    let racers = ["--yes", "--no"].map(|value| at.start(&["answer", &question, value]));
    let [yes, no] = racers.map(finish);
    let (winner, loser, says) = match yes.code {
        0 => (yes, no, "allow_once"),
        _ => (no, yes, "reject_once"),
    };
    assert!(winner.said(0).contains("has your answer"), "{}", winner.stderr);
    assert_eq!(loser.code, 3, "{}", loser.stderr);
    let why = ["[ask_answered]", "[ask_unknown]", "[run_over]"];
    assert!(why.iter().any(|code| loser.stderr.contains(code)), "{}", loser.stderr);
    let report = at.run(&["attach", &run]).report();
    assert!(report["result"].as_str().unwrap().contains(says), "{report}");
}
