//! What a thousand waiting agents cost in memory; the figure of
//! docs/performance.md.

#![cfg(target_os = "linux")]

mod common;

use std::time::Duration;

use common::{Place, finish};

/// Resident memory of the program at its highest, in KiB.
const PEAK_KIB_MAX: u64 = 60 * 1024;

#[test]
fn a_thousand_queued_agents_fit_into_60_mib() {
    let place = Place::new();
    // A program of its own for each step, which reads its prompt and answers.
    place.write(
        "config.toml",
        "[providers.fake]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", \"cat > /dev/null; echo ok\"]\n",
    );
    place.write(
        "script.mjs",
        "export const meta = { name: 'n', description: 'd' }
const all = await parallel(Array.from({ length: 1000 }, (_, i) => () => agent(`item ${i}`, { provider: 'fake' })))
return all.filter((answer) => answer === 'ok').length\n",
    );
    let (ran, peak_kib) = watched(&place, &["run", "script.mjs", "--max-parallel-agents", "16"]);
    assert_eq!(ran.ok()["results"], 1000);
    assert!((1..=PEAK_KIB_MAX).contains(&peak_kib), "{peak_kib} KiB");
}

/// None once the process has ended.
fn peak_of(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

/// What every way of reading a journal may take, whatever its size: 16 answers
/// of 3.9 MB are 62 MB, and were held several times.
const READING_KIB_MAX: u64 = 96 * 1024;

/// Answers 3.9 MB, just under what an answer may have.
const LARGE: &str = "[providers.large]\nkind = \"command\"\ncommand = [\"sh\", \"-c\", \"cat > /dev/null; head -c 3900000 /dev/zero | tr '\\\\0' x\"]\n";

fn meta(body: &str) -> String {
    format!("export const meta = {{ name: 'n', description: 'd' }}\n{body}")
}

/// What came of it, and its resident memory at its highest, in KiB.
fn watched(place: &Place, arguments: &[&str]) -> (common::Ran, u64) {
    let mut command = place.command(arguments);
    let child = command.env("SMOL_WF_CONFIG", place.path("config.toml")).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut peak_kib = 0;
        // The figure only grows, so the last one that can be read is the highest.
        while let Some(kib) = peak_of(&status) {
            peak_kib = kib;
            std::thread::sleep(Duration::from_millis(2));
        }
        peak_kib
    });
    let ran = finish(child);
    let peak_kib = watch.join().unwrap();
    println!("{arguments:?}: {} MiB at the highest", peak_kib / 1024);
    (ran, peak_kib)
}

/// Of a command that must succeed.
fn fits(place: &Place, arguments: &[&str], code: i32) {
    let (ran, peak_kib) = watched(place, arguments);
    assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
    assert!((1..=READING_KIB_MAX).contains(&peak_kib), "{arguments:?}: {peak_kib} KiB");
}

#[test]
fn a_journal_of_large_answers_is_read_in_little_memory() {
    let place = Place::new();
    place.write("config.toml", LARGE);
    place.write(
        "large.mjs",
        meta("let n = 0\nfor (let i = 0; i < 16; i++) n += (await agent(`p ${i}`, { provider: 'large' })).length\nreturn n\n"),
    );
    let paused = watched(&place, &["run", "large.mjs", "--max-agents", "15"]).0;
    assert_eq!(paused.code, 5, "{}", paused.stderr);
    fits(&place, &["replay", "latest"], 0);
    // Stops again where it stopped: all it does is to meet the journal.
    fits(&place, &["resume", "latest", "--max-agents", "15"], 5);
    fits(&place, &["resume", "latest", "--max-agents", "16"], 0);
    for format in ["journal", "jsonl", "chrome-trace", "otlp-json"] {
        fits(&place, &["export", "latest", "--format", format, "--out", "out"], 0);
    }
    for output in ["text", "json"] {
        fits(&place, &["history", "latest", "-o", output], 0);
    }
    fits(&place, &["history"], 0);
    fits(&place, &["fork", "latest"], 0);
    fits(&place, &["replay", "latest"], 0);
}

#[test]
fn one_large_text_of_many_steps_is_read_in_little_memory() {
    let place = Place::new();
    place.write("config.toml", "");
    place.write(
        "same.mjs",
        meta("const text = 'x'.repeat(3_900_000)\nfor (let i = 0; i < 10; i++) await agent(text)\nreturn 1\n"),
    );
    // Each agent answers with its prompt: two texts, ten times.
    let ran = watched(&place, &["run", "same.mjs"]).0;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for format in ["journal", "jsonl", "chrome-trace", "otlp-json"] {
        fits(&place, &["export", "latest", "--format", format, "--out", "out"], 0);
    }
    fits(&place, &["export", "latest", "--format", "otlp-json", "--content", "--out", "out"], 0);
    assert!(std::fs::metadata(place.path("out")).unwrap().len() > 2 * 10 * 3_900_000);
    for arguments in [
        ["history", "latest", "--full", "-o", "json"],
        ["history", "latest", "--full", "-o", "text"],
        ["history", "latest", "--prompts", "-o", "jsonl"],
    ] {
        fits(&place, &arguments, 0);
    }
    fits(&place, &["export", "latest", "--fixture", "same.swf"], 0);
    fits(&place, &["replay", "latest"], 0);
    fits(&place, &["export", "latest", "--format", "journal", "--out", "out"], 0);
    // What is here already is compared, what is not is written.
    fits(&place, &["import", "out"], 0);
    fits(&place, &["import", "out", "--db", "other.db"], 0);
    fits(&place, &["replay", "latest", "--db", "other.db"], 0);
}

/// What a fan-out of 60,000 may take; 231 MiB were measured.
const FAN_OUT_KIB_MAX: u64 = 250 * 1024;

#[test]
fn a_fan_out_of_sixty_thousand_needs_no_more_than_its_steps() {
    let place = Place::new();
    place.write("config.toml", "");
    place.write(
        "wide.mjs",
        meta("const all = await parallel(Array.from({ length: 60_000 }, (_, i) => () => agent(`p${i}`)))\nreturn all.filter((one) => one !== null).length\n"),
    );
    // All of them are asked for in one turn, which has fuel for that by default.
    let (ran, peak_kib) = watched(&place, &["run", "wide.mjs", "--max-agents", "60000"]);
    assert_eq!(ran.ok()["results"], 60_000);
    assert!((1..=FAN_OUT_KIB_MAX).contains(&peak_kib), "{peak_kib} KiB");
    for arguments in [
        &["replay", "latest"][..],
        &["export", "latest", "--format", "chrome-trace", "--out", "out"],
    ] {
        let (ran, peak_kib) = watched(&place, arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!((1..=FAN_OUT_KIB_MAX).contains(&peak_kib), "{arguments:?}: {peak_kib} KiB");
    }
}
