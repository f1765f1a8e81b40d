//! `cargo bench -p smol-wf --bench start`: what it takes to run the smallest
//! workflow, next to starting Node.js, and how much memory that is.
//!
//! Owns: measuring. Never: judges; the targets are those of docs/performance.md.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Interleaved runs of each program.
const ROUNDS: usize = 51;

fn main() {
    let dir = tempfile::tempdir().expect("a folder");
    // As an installation has it: a copy, whose pages in the kernel's cache are
    // larger than those that a linker leaves behind.
    let program = dir.path().join("smol-wf");
    std::fs::copy(env!("CARGO_BIN_EXE_smol-wf"), &program).expect("a copy");
    let hello = || hello(&program, dir.path());
    let fresh = || {
        let _ = std::fs::remove_dir_all(dir.path().join("db"));
        hello()
    };
    let node = || took(Command::new("node").args(["-e", "0"]));
    hello();
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].extend(node());
        times[2].extend(fresh());
        times[1].extend(hello());
    }
    let [node, known, fresh] = times.map(median);
    row("node -e 0 (median of 51, in turn)", node.map_or_else(|| "no node".to_owned(), ms));
    for (what, time) in [("hello", known), ("hello, no database yet", fresh)] {
        let time = time.expect("it ran");
        row(&format!("run {what}, whole process"), ms(time));
        if let Some(node) = node {
            let ratio = time.as_secs_f64() / node.as_secs_f64();
            row("  the same, in `node -e 0`", format!("{ratio:.3}"));
        }
    }
    match peak_kib(&program, dir.path()) {
        Some(kib) => row("  resident at its highest", format!("{:.1} MiB", kib / 1024.0)),
        None => row("  resident at its highest", "not known here".to_owned()),
    }
}

fn row(what: &str, measured: String) {
    println!("{what:<48} {measured:>14}");
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort();
    times.get(times.len() / 2).copied()
}

/// None when there is no such program.
fn took(command: &mut Command) -> Option<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().ok()?;
    let took = started.elapsed();
    assert!(status.success(), "{command:?}");
    Some(took)
}

fn command(program: &Path, dir: &Path) -> Command {
    let project: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(program);
    command.args(["run", "examples/hello.mjs", "--agent-provider", "debug"]);
    command.current_dir(project).env("SMOL_WF_DB", dir.join("db/runs.db"));
    command
}

fn hello(program: &Path, dir: &Path) -> Option<Duration> {
    took(&mut command(program, dir))
}

/// `VmHWM` of a run whose agent takes a while; none where there is no `/proc`.
fn peak_kib(program: &Path, dir: &Path) -> Option<f64> {
    let mut command = command(program, dir);
    command.args(["--debug-rule", "*=delay:300ms"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait().expect("its state").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // The figure only grows, so the last one that can be read is the highest.
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kib.or(peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}
