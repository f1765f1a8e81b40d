//! What a thousand waiting agents cost in memory; the figure of
//! docs/performance.md.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands"
)]

mod common;

use std::time::Duration;

use common::{Place, finish};

/// Resident memory of the program at its highest, in KiB.
const PEAK_KIB_MAX: u64 = 60 * 1024;

#[test]
fn a_thousand_queued_agents_fit_into_60_mib() {
    let place = Place::new();
    // A program of its own for each call, which reads its prompt and answers.
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
    let mut command = place.command(&["run", "script.mjs", "--max-parallel-agents", "16"]);
    let child = command.env("SMOL_WF_CONFIG", place.path("config.toml")).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut peak_kib = 0;
        // The figure only grows, so the last one that can be read is the highest.
        while let Some(kib) = peak_of(&status) {
            peak_kib = kib;
            std::thread::sleep(Duration::from_millis(5));
        }
        peak_kib
    });
    let ran = finish(child);
    assert_eq!(ran.ok()["results"], 1000);
    let peak_kib = watch.join().unwrap();
    println!("1,000 queued agents, 16 at work: {} MiB at the highest", peak_kib / 1024);
    assert!((1..=PEAK_KIB_MAX).contains(&peak_kib), "{peak_kib} KiB");
}

/// None once the process has ended.
fn peak_of(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}
