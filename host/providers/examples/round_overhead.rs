//! What one round costs above starting the same program by hand, and what the search for
//! leftovers costs: `cargo run --release -p smol-wf-providers --example round_overhead`.
//!
//! Owns: measuring. Never: judges the figures; a busy machine is not a failure.

use std::io::Write;
use std::process::{Command as Program, Stdio};
use std::time::{Duration, Instant};

use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::step_request::AgentRequest;
use smol_wf_providers::ConfiguredProgram;
use smol_wf_providers::command::Command;
use smol_wf_providers::{AgentTask, Presence, Processes, Provider};

const ROUNDS: usize = 300;
/// A program that exits at once.
const PROGRAM: &str = "true";

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(measure());
}

async fn measure() {
    let provider = Command::new(ConfiguredProgram {
        name: "fake".to_owned(),
        command: vec![PROGRAM.to_owned()],
        ..ConfiguredProgram::default()
    });
    let (mut by_hand, mut by_provider) = (Vec::new(), Vec::new());
    // Alternating, so that both meet the same load.
    for _ in 0..ROUNDS {
        by_hand.push(start_by_hand());
        let begun = Instant::now();
        provider.attempt(task(), &()).await.expect("an exit with code 0");
        by_provider.push(begun.elapsed());
    }
    let (by_hand, by_provider) = (median(by_hand), median(by_provider));
    println!("started by hand   {by_hand:>12.3?} (median of {ROUNDS})");
    println!("by the provider   {by_provider:>12.3?}");
    let overhead = (by_provider.as_secs_f64() - by_hand.as_secs_f64()) * 1000.0;
    println!("overhead          {overhead:>10.3}ms");
    let searches = (0..ROUNDS).map(|_| {
        let begun = Instant::now();
        smol_wf_providers::end_leftovers();
        begun.elapsed()
    });
    println!("search leftovers  {:>12.3?}", median(searches.collect()));
}

fn start_by_hand() -> Duration {
    let begun = Instant::now();
    let mut child = Program::new(PROGRAM)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a program");
    if let Some(mut stdin) = child.stdin.take() {
        // It may have ended without reading.
        let _ = stdin.write_all(b"prompt");
    }
    child.wait_with_output().expect("an exit");
    begun.elapsed()
}

fn task() -> AgentTask {
    AgentTask {
        run: RunId::from_bits(1),
        step: StepId(1),
        ordinal: 1,
        round: 1,
        idempotency_key: "run-1-call-1".to_owned(),
        request: AgentRequest::plain("prompt"),
        prompt: "prompt".to_owned(),
        model: None,
        effort: None,
        permissions: None,
        session_id: None,
        cwd: std::env::temp_dir(),
        dirs: Vec::new(),
        images: Vec::new(),
        mcp: Vec::new(),
        raw: None,
        messages: smol_wf_providers::AgentMessages::none(),
        processes: Processes::new(),
        presence: Presence::unwatched(),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
