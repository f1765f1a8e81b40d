//! Recording a fixture, cut short: what agents have answered is paid for once.

#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where it stands"
)]

mod common;

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use common::{Place, finish};

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
    let ran = place.run(&RECORD);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("3 calls, 1 live"), "{}", ran.stdout);
    assert!(!place.path("review.swf.kept").exists());
    let ran = place.run(&["test"]);
    assert!(ran.stdout.contains("PASS  review.swf  3 calls, 0 live"), "{}", ran.stdout);
}

#[test]
fn a_signal_stops_a_recording_and_the_same_command_goes_on() {
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        let (place, child) = waiting();
        let before = std::fs::read_to_string(place.path("review.swf")).unwrap();
        signal(&child, name);
        let ran = finish(child);
        ran.fails(
            code,
            &["stopping", "stopped; what agents have answered is kept", "same command"],
        );
        for part in ["FAIL", "it was stopped", "review.swf.kept; go on: smol-wf test"] {
            assert!(ran.stdout.contains(part), "no `{part}` in: {}", ran.stdout);
        }
        assert_eq!(std::fs::read_to_string(place.path("review.swf")).unwrap(), before);
        goes_on(&place);
    }
}

#[test]
fn a_recording_that_is_killed_has_kept_its_answers() {
    let (place, mut child) = waiting();
    child.kill().unwrap();
    child.wait().unwrap();
    goes_on(&place);
}
