//! An engine over a memory store, with agents that do what a test says.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod repo;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smol_wf_core::call::{CallDefaults, Usage};
use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::journal::{Entry, RunHead, read};
use smol_wf_core::limits::Limits;
use smol_wf_core::settlement::OnFailure;
use smol_wf_engine::providers::{
    Activity, AgentReply, AgentTask, Answer, Capabilities, Probe, Processes, Provider,
    ProviderError, Registry,
};
use smol_wf_engine::{
    AgentSettings, CancellationToken, Engine, EngineError, EngineOptions, Journals, LimitChanges,
    MemoryStore, NoWatcher, Places, Providers, Report, ResumeRequest, RunRequest, ScriptFile,
    Times, Watcher,
};
use smol_wf_store::RunKey;

pub const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Longest that anything in these tests may take before it counts as hung.
pub const HUNG: Duration = Duration::from_secs(60);

pub type Answering<'a> =
    Pin<Box<dyn Future<Output = Result<AgentReply, ProviderError>> + Send + 'a>>;
pub type Act = dyn for<'a> Fn(AgentTask, &'a dyn Activity) -> Answering<'a> + Send + Sync;

/// An agent that does what a test says.
#[derive(Clone)]
pub struct Scripted {
    pub name: &'static str,
    pub can: Capabilities,
    pub act: Arc<Act>,
}

impl Scripted {
    /// An agent called `agent`.
    pub fn new(
        act: impl for<'a> Fn(AgentTask, &'a dyn Activity) -> Answering<'a> + Send + Sync + 'static,
    ) -> Self {
        Self { name: "agent", can: Capabilities::default(), act: Arc::new(act) }
    }
}

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.can
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        (self.act)(task, activity).await
    }

    async fn probe(&self, _processes: &Processes) -> Probe {
        Probe { program: None, version: None, logged_in: None, problem: None }
    }
}

struct These(Vec<Scripted>);

impl Providers for These {
    fn registry(&self, _head: &RunHead) -> Result<Registry, EngineError> {
        let all = self.0.iter().cloned();
        Ok(all.fold(Registry::new(), |registry, one| registry.with(Arc::new(one))))
    }
}

/// A reply of so many tokens, at no known price.
pub fn reply(text: &str, output_tokens: u64) -> AgentReply {
    AgentReply {
        answer: Answer::Text(text.to_owned()),
        usage: Usage { output_tokens, ..Usage::default() },
        cost_usd: None,
        model: None,
        session_id: None,
        replaced_bytes: 0,
    }
}

/// An engine, its store, and a folder.
pub struct Bench {
    pub engine: Engine,
    pub store: MemoryStore,
    pub dir: PathBuf,
}

impl Bench {
    pub fn new(dir: &Path, agents: Vec<Scripted>) -> Self {
        Self::over(MemoryStore::new(), dir, agents)
    }

    pub fn over(store: MemoryStore, dir: &Path, agents: Vec<Scripted>) -> Self {
        let options = EngineOptions {
            providers: Arc::new(These(agents)),
            worktrees: Some(dir.join("worktrees")),
            ..EngineOptions::over(Box::new(store.clone()))
        };
        Self { engine: Engine::new(options).unwrap(), store, dir: dir.to_owned() }
    }

    pub fn request(&self, body: &str) -> RunRequest {
        RunRequest {
            script: ScriptFile {
                bytes: format!("{META}{body}").into_bytes(),
                path: self.dir.join("script.mjs"),
            },
            args: None,
            limits: Limits::default(),
            budget: None,
            provider: "agent".into(),
            model_map: Vec::new(),
            // So that a test sees the code of each failure.
            defaults: CallDefaults {
                on_failure: Some(OnFailure::Throw),
                ..CallDefaults::default()
            },
            agents: AgentSettings::default(),
            debug_rules: Vec::new(),
            times: Times::default(),
            seed: Some(1),
            places: Places { project_root: Some(self.dir.clone()), ..Places::default() },
        }
    }

    pub async fn run(&self, request: RunRequest) -> Report {
        self.watched(request, &NoWatcher).await
    }

    pub async fn watched(&self, request: RunRequest, watcher: &dyn Watcher) -> Report {
        let run = self.engine.run(request, watcher, CancellationToken::new());
        tokio::time::timeout(HUNG, run).await.expect("hangs").unwrap()
    }

    pub async fn resume(&self, run: &RunId, limits: LimitChanges) -> Result<Report, EngineError> {
        let request = ResumeRequest {
            run: run.clone(),
            script: None,
            limits,
            agents: AgentSettings::default(),
            times: Times::default(),
            places: Places::default(),
        };
        let run = self.engine.resume(request, &NoWatcher, CancellationToken::new());
        tokio::time::timeout(HUNG, run).await.expect("hangs")
    }

    pub fn entries(&self, run: &RunId) -> Vec<Entry> {
        let key = RunKey { tenant: TenantId::local(), run: run.clone() };
        let records = self.store.clone().load(&key).unwrap().unwrap();
        read(&records).unwrap()
    }

    pub fn kinds(&self, run: &RunId) -> Vec<&'static str> {
        self.entries(run).iter().map(|entry| entry.body.kind()).collect()
    }
}
