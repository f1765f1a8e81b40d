//! Recording a fixture, cut short: what agents have answered is paid for once.

#![cfg(unix)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use common::{Place, Ran, finish, snapshot};

const META: &str = "export const meta = { name: 'review', description: 'd' }\n";
const RECORD: [&str; 3] = ["test", "--record", "missing"];

/// Two answers before a third is awaited.
fn script(word: &str) -> String {
    format!(
        "{META}const found = await parallel(['a', 'b'].map(file => () => agent(`{word} ${{file}}`)))\n\
         return [found, await agent('{word} all')]\n"
    )
}

/// A fixture of another script than there is now, and a recording of what is new
/// that waits for its third answer.
fn waiting() -> (Place, Child) {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("review.js", script("Read"));
    assert_eq!(place.run(&["run", "review.js"]).code, 0);
    place.run(&["export", "latest", "--fixture", "review.swf"]).fails(0, &[]);
    place.write("review.js", script("Study"));
    let slow = [&RECORD[..], &["--debug-rule", "prompt:Study all=delay:60s"]].concat();
    let child = place.command(&slow).spawn().unwrap();
    let begun = Instant::now();
    let kept = || std::fs::read_to_string(place.path("review.swf.kept")).unwrap_or_default();
    while !(kept().contains("Study a") && kept().contains("Study b")) {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is kept");
        std::thread::sleep(Duration::from_millis(5));
    }
    (place, child)
}

fn signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

/// The same command asks for the one answer that is missing.
fn goes_on(place: &Place) {
    snapshot!(place.run(&RECORD).printed(0), "recording-goes-on");
    assert!(!place.path("review.swf.kept").exists());
    snapshot!(place.run(&["test"]).printed(0), "recording-whole");
}

#[test]
fn a_signal_stops_a_recording_and_the_same_command_goes_on() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let (place, child) = waiting();
        let before = std::fs::read_to_string(place.path("review.swf")).unwrap();
        signal(&child, name);
        let ran = finish(child);
        insta::allow_duplicates! {
            snapshot!(ran.printed(code), @"
            FAIL  review.swf  3 steps, 3 live, script edited, 0.0 s
                  it was stopped
                  the answers so far are kept in review.swf.kept; go on: smol-wf test review.swf --record missing
            ");
        }
        snapshot!(ran.stderr, format!("recording-stopped{name}").as_str());
        assert_eq!(std::fs::read_to_string(place.path("review.swf")).unwrap(), before);
        goes_on(&place);
    }
}

#[test]
fn two_recordings_at_one_moment_ask_for_an_answer_once() {
    let (place, slow) = waiting();
    let mut other = place.command(&RECORD).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(other.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "review.swf: waiting for another smol-wf that records here\n");
    signal(&slow, "-KILL");
    assert_eq!(finish(slow).code, -1);
    let ran = finish(other);
    snapshot!(ran.printed(0), "recording-goes-on");
}

#[test]
fn a_recording_that_is_killed_has_kept_its_answers() {
    let (place, mut child) = waiting();
    child.kill().unwrap();
    child.wait().unwrap();
    goes_on(&place);
}

/// An agent of the user's settings that knows its own name, and notes the key of
/// each step.
const AGENT: &str = "#!/bin/sh\necho \"$SMOL_WF_IDEMPOTENCY_KEY\" >> \"$(dirname \"$0\")/keys\"\n\
    echo \"$1 says: $(cat)\"\n";
const CONFIG: &str = "[providers.mine]\nkind = 'command'\ncommand = ['./agent.sh', 'mine']\n\
    [providers.other]\nkind = 'command'\ncommand = ['./agent.sh', 'other']\n";

/// The command where no agent is but those of the settings.
fn at_home(place: &Place, args: &[&str]) -> Ran {
    let mut command = place.at_home(args);
    command.env("PATH", format!("{}:/usr/bin:/bin", place.path("bin").display()));
    finish(command.spawn().unwrap())
}

fn fixture(place: &Place) -> String {
    std::fs::read_to_string(place.path("review.swf")).unwrap()
}

fn program(place: &Place, name: &str, text: &str) {
    let path = place.write(name, text);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn agents_of_the_settings_are_asked_as_run_asks_them() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    program(&place, "home/.config/smol-workflows/agent.sh", AGENT);
    place.write("home/.config/smol-workflows/config.toml", CONFIG);
    place.write("review.js", script("Read"));
    assert_eq!(at_home(&place, &["run", "review.js", "--agent-provider", "mine"]).code, 0);
    at_home(&place, &["export", "latest", "--fixture", "review.swf"]).fails(0, &[]);
    // Whoever was asked then, unless another one is named.
    for (word, flags, says) in [
        ("Study", &[][..], "mine says: Study all"),
        ("Scan", &["--agent-provider", "other"], "other says: Scan all"),
    ] {
        place.write("review.js", script(word));
        let ran = at_home(&place, &[&RECORD[..], flags].concat());
        assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
        assert!(fixture(&place).contains(says), "{}", fixture(&place));
    }
    // An agent that knows a key again would give the answer to another question.
    let keys = place.path("home/.config/smol-workflows/keys");
    let keys = std::fs::read_to_string(keys).unwrap();
    let different: std::collections::HashSet<&str> = keys.lines().collect();
    assert_eq!((keys.lines().count(), different.len()), (9, 9), "{keys}");
    let before = fixture(&place);
    place.write("review.js", script("Skim"));
    let by = |name| at_home(&place, &[&RECORD[..], &["--agent-provider", name]].concat());
    snapshot!(by("nix").printed(7), @"FAIL  review.swf  unknown provider `nix`; available: claude-code, codex, debug, mine, opencode, other, pi [request_invalid]");
    snapshot!(by("auto").printed(7), @"FAIL  review.swf  no agent is installed and logged in; `smol-wf doctor` says what is missing; --agent-provider debug records an echo of the prompts [request_invalid]");
    // The one that is there and logged in, which answers nothing that it could.
    program(&place, "bin/claude", "#!/bin/sh\nexit 3\n");
    place.write("home/.claude/.credentials.json", r#"{"claudeAiOauth":{"accessToken":"x"}}"#);
    snapshot!(by("auto").said(7), @"
    agents: claude-code (found at /folder/bin/claude)
    1 fixture, 1 failed
    ");
    assert_eq!(fixture(&place), before);
}

#[test]
fn a_step_that_fails_is_not_recorded() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("review.js", script("Read"));
    assert_eq!(place.run(&["run", "review.js"]).code, 0);
    place.run(&["export", "latest", "--fixture", "review.swf"]).fails(0, &[]);
    let before = fixture(&place);
    place.write("review.js", script("Study"));
    // One slot of two: the script goes on with a null, and completes.
    let fail = ["--debug-rule", "prompt:Study b=fail"];
    snapshot!(place.run(&[&RECORD[..], &fail].concat()).printed(7), @"
    FAIL  review.swf  3 steps, 3 live, script edited, 0.0 s
          step 2 (Study b) failed: debug: failed (failed) because a debug rule says so [provider_failed]
          the answers so far are kept in review.swf.kept; go on: smol-wf test review.swf --record missing
    ");
    assert_eq!(fixture(&place), before);
    // Only what failed is asked for again.
    snapshot!(place.run(&RECORD).printed(0), "recording-failed-step");
    // Nor is a script that fails now, though all agents answer.
    let before = fixture(&place);
    place.write("review.js", script("Scan").replace("return [", "undefinedFn()\nreturn ["));
    snapshot!(place.run(&RECORD).printed(7), "recording-failed-step-2");
    assert_eq!(fixture(&place), before);
    place.write("review.js", script("Scan"));
    snapshot!(place.run(&RECORD).printed(0), "recording-failed-step-3");
    // Where nothing was answered, nothing is kept.
    place.write("review.js", script("Skim"));
    snapshot!(place.run(&[&RECORD[..], &["--debug-rule", "*=fail"]].concat()).printed(7), @"
    FAIL  review.swf  3 steps, 3 live, script edited, 0.0 s
          step 1 (Skim a) failed: debug: failed (failed) because a debug rule says so [provider_failed]
          step 2 (Skim b) failed: debug: failed (failed) because a debug rule says so [provider_failed]
          step 3 (Skim all) failed: debug: failed (failed) because a debug rule says so [provider_failed]
          the fixture is as it was; ask again: smol-wf test review.swf --record missing
    ");
    assert!(!place.path("review.swf.kept").exists());
}

#[test]
fn answers_outlive_a_fixture_that_cannot_be_written() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("review.js", script("Read"));
    assert_eq!(place.run(&["run", "review.js"]).code, 0);
    place.run(&["export", "latest", "--fixture", "review.swf"]).fails(0, &[]);
    std::fs::copy(place.path("review.swf"), place.path("b.swf")).unwrap();
    place.write("review.js", script("Study"));
    let set = |mode| {
        let mode = PermissionsExt::from_mode(mode);
        std::fs::set_permissions(place.path("b.swf"), mode).unwrap();
    };
    set(0o444);
    let args = [&RECORD[..], &["--junit", "new/report.xml"]].concat();
    let ran = finish(place.unprivileged(&args).spawn().unwrap());
    snapshot!(ran.said(7), @"
    created the folder new
    2 fixtures, 1 failed
    ");
    snapshot!(ran.stdout, "recording-answers-outlive-fixture");
    let junit = std::fs::read_to_string(place.path("new/report.xml")).unwrap();
    snapshot!(junit, "test-junit-unwritable");
    set(0o644);
    snapshot!(place.run(&RECORD).printed(0), "recording-answers-outlive-fixture-2");
}
