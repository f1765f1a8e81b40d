//! A program that runs a workflow with agents of its own, and keeps its journal:
//! `cargo run -p smol-wf-engine --example embed`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use smol_wf_engine::providers::command::Command;
use smol_wf_engine::providers::{ConfiguredProgram, Registry};
use smol_wf_engine::{Engine, EngineOptions, RunHead, RunSpec, ScriptFile, SqliteStore};

const SCRIPT: &str = "export const meta = { name: 'shout', description: 'Asks about each word' }
const words = await parallel(args.map(word => () => agent(word)))
return words.join(' ')
";

/// Runs the workflow and returns its result as JSON. The journal is in `folder`.
pub async fn shout(folder: &Path) -> Result<String, Box<dyn Error>> {
    // Any program that reads a prompt and prints an answer is an agent.
    let command = ["tr", "a-z", "A-Z"].map(str::to_owned).to_vec();
    let agent =
        Command::new(ConfiguredProgram { name: "tr".into(), command, ..Default::default() });
    let store = Box::new(SqliteStore::open(&folder.join("runs.db"))?);
    let engine = Engine::new(EngineOptions {
        providers: Arc::new(move |_: &RunHead| Ok(Registry::new().with(Arc::new(agent.clone())))),
        ..EngineOptions::over(store)
    })?;
    let script = ScriptFile { bytes: SCRIPT.into(), path: folder.join("shout.mjs") };
    let args = Some(r#"["hello", "world"]"#.to_owned());
    let run = engine.start(RunSpec { provider: "tr".into(), args, ..RunSpec::new(script) })?;
    let mut events = run.events();
    while let Some(event) = events.next().await? {
        eprintln!("{:?}", event.kind());
    }
    Ok(run.wait().await?.result.get().to_owned())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    println!("{}", shout(folder.path()).await?);
    Ok(())
}
