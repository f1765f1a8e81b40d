//! Eight calls through one shared server against eight `opencode run`.
//!
//! Owns: the two times and their ratio. Never: a verdict; a machine's figures are
//! its own.
//!
//! `opencode_parallel <program> [calls]`, where opencode's configuration names a
//! model that answers at once. Both sides begin with nothing running, and both
//! include every start and end of a process.

#![allow(clippy::print_stdout, reason = "a figure is for people")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use smol_wf_providers::conformance::task;
use smol_wf_providers::opencode::Opencode;
use smol_wf_providers::{CliOptions, Provider};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let program = PathBuf::from(args.next().ok_or("usage: opencode_parallel <program> [calls]")?);
    let calls: usize = args.next().map_or(Ok(8), |text| text.parse())?;
    let shared = through_the_server(&program, calls).await?;
    let separate = one_by_one(&program, calls).await?;
    println!("{calls} calls through the shared server: {:.2} s", shared.as_secs_f64());
    println!("{calls} `opencode run` at once: {:.2} s", separate.as_secs_f64());
    println!("ratio: 1/{:.1}", separate.as_secs_f64() / shared.as_secs_f64());
    Ok(())
}

async fn through_the_server(program: &Path, calls: usize) -> Result<Duration, Box<dyn Error>> {
    let options = CliOptions {
        program: Some(program.to_owned()),
        // What the configuration of a test may refer to.
        env_allow: vec!["MOCK_*".to_owned()],
        ..CliOptions::default()
    };
    let provider = std::sync::Arc::new(Opencode::new(options));
    let started = Instant::now();
    let mut going = JoinSet::new();
    for number in 0..calls {
        let provider = provider.clone();
        going.spawn(async move { provider.attempt(task(&format!("call {number}")), &()).await });
    }
    while let Some(reply) = going.join_next().await {
        reply??;
    }
    let answered = started.elapsed();
    provider.close().await;
    println!("(answered after {:.2} s)", answered.as_secs_f64());
    Ok(started.elapsed())
}

async fn one_by_one(program: &Path, calls: usize) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    let mut going = JoinSet::new();
    for number in 0..calls {
        let mut run = Command::new(program);
        run.args(["run", "--format", "json", "--title", "a title"]);
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = run.spawn()?;
        let mut stdin = child.stdin.take().ok_or("a child without stdin")?;
        going.spawn(async move {
            stdin.write_all(format!("call {number}").as_bytes()).await?;
            drop(stdin);
            child.wait_with_output().await
        });
    }
    while let Some(ended) = going.join_next().await {
        let output = ended??;
        if !String::from_utf8_lossy(&output.stdout).contains("step_finish") {
            return Err("an `opencode run` did not answer".into());
        }
    }
    Ok(started.elapsed())
}
