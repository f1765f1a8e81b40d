//! An engine over a memory store, with scripted agents.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod repo;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::journal::{Entry, RunHead, read};
use smol_wf_core::settlement::OnFailure;
use smol_wf_core::step_request::{StepDefaults, Usage};
use smol_wf_engine::providers::{
    Activity, AgentReply, AgentTask, Answer, Capabilities, Probe, Processes, Provider,
    ProviderError, Registry,
};
use smol_wf_engine::{
    CancellationToken, Engine, EngineError, EngineOptions, Folders, Journals, LimitChanges,
    MemoryStore, NoWatcher, Providers, Report, ResumeRequest, RunSettings, RunSpec, ScriptFile,
    Watcher,
};
use smol_wf_store::RunKey;

pub const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Longest that anything in these tests may take before it counts as hung.
pub const HUNG: Duration = Duration::from_secs(60);

pub type Answering<'a> =
    Pin<Box<dyn Future<Output = Result<AgentReply, ProviderError>> + Send + 'a>>;
pub type Act = dyn for<'a> Fn(AgentTask, &'a dyn Activity) -> Answering<'a> + Send + Sync;

/// An agent with the behaviour of a closure.
#[derive(Clone)]
pub struct Scripted {
    pub name: &'static str,
    pub can: Capabilities,
    pub act: Arc<Act>,
}

impl Scripted {
    /// An agent of the name `agent`.
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
        Probe::UNKNOWN
    }
}

struct These(Vec<Scripted>);

impl Providers for These {
    fn registry(&self, _head: &RunHead) -> Result<Registry, EngineError> {
        let all = self.0.iter().cloned();
        Ok(all.fold(Registry::new(), |registry, one| registry.with(Arc::new(one))))
    }
}

/// A reply of this many tokens, of a model without a known price.
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
    agents: Vec<Scripted>,
}

impl Bench {
    pub fn new(dir: &Path, agents: Vec<Scripted>) -> Self {
        Self::over(MemoryStore::new(), dir, agents)
    }

    pub fn over(store: MemoryStore, dir: &Path, agents: Vec<Scripted>) -> Self {
        let options = EngineOptions {
            providers: Arc::new(These(agents.clone())),
            worktrees: Some(dir.join("worktrees")),
            ..EngineOptions::over(Box::new(store.clone()))
        };
        Self { engine: Engine::new(options).unwrap(), store, dir: dir.to_owned(), agents }
    }

    /// The providers, for another engine.
    pub fn providers(&self) -> Arc<dyn Providers> {
        Arc::new(These(self.agents.clone()))
    }

    pub fn request(&self, body: &str) -> RunSpec {
        let script = ScriptFile {
            bytes: format!("{META}{body}").into_bytes(),
            path: self.dir.join("script.mjs"),
        };
        RunSpec {
            provider: "agent".into(),
            // Makes failures visible to the test, with their codes.
            defaults: StepDefaults {
                on_failure: Some(OnFailure::Throw),
                ..StepDefaults::default()
            },
            seed: Some(1),
            settings: RunSettings {
                folders: Folders { project_root: Some(self.dir.clone()), ..Folders::default() },
                ..RunSettings::default()
            },
            ..RunSpec::new(script)
        }
    }

    pub async fn run(&self, request: RunSpec) -> Report {
        self.watched(request, Arc::new(NoWatcher)).await
    }

    pub async fn watched(&self, request: RunSpec, watcher: Arc<dyn Watcher>) -> Report {
        let run = self.engine.start_with(request, watcher, CancellationToken::new()).unwrap();
        tokio::time::timeout(HUNG, run.wait()).await.expect("hangs").unwrap()
    }

    pub async fn resume(&self, run: &RunId, limits: LimitChanges) -> Result<Report, EngineError> {
        let request = ResumeRequest { limits, ..ResumeRequest::of(run.clone()) };
        let run = self.engine.start(request)?;
        tokio::time::timeout(HUNG, run.wait()).await.expect("hangs")
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
