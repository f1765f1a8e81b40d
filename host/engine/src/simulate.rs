//! Runs of a script without agents: plans and explorations.
//!
//! Owns: a script that is ready to run with stubs in place of agents, in the real guest
//! under the real run machine. Never: a store, a provider or a clock; nothing is sent,
//! stored or slept.

mod bounds;
mod contrast;
mod culprit;
mod estimate;
mod explore;
mod faults;
mod finding;
mod finding_set;
mod groups;
mod in_order;
mod plan;
mod plan_warning;
mod rehearsal;
mod schedule;
mod simulated_run;
mod simulation;
mod stubs;
mod unawaited;

use std::sync::Arc;

use smol_wf_core::ids::{RunId, Scope};
use smol_wf_core::journal::{JOURNAL_FORMAT, RunHead, ScopeStart};
use smol_wf_core::limits::{CHILDREN_OPEN_MAX, Limits};
use smol_wf_core::reuse::AnswerRef;
use smol_wf_core::surface::Surface;
use smol_wf_providers::Registry;
use smol_wf_sandbox::{Sandbox, SandboxConfig};

use crate::children::{Children, given, scope_start};
use crate::compile::compile;
use crate::engine::refuse_wrong_models;
use crate::error::EngineError;
use crate::folders::RunFolders;
use crate::provider_set::{self, Providers};
use crate::request::RunSpec;
use crate::step_resources::ResourceRules;

pub use estimate::{CostRange, Estimate};
pub use finding::{Exploration, ExploreOptions, Finding, FindingKind, Side, Tally};
pub use plan::{GroupPlan, Plan, PlanError, PlanPhase, PlannedAsk, PlannedStep};
pub use plan_warning::PlanWarning;
pub use rehearsal::{RecordedAnswers, Rehearsal};

/// A script that is ready to run with stubs in place of agents, as often as needed.
///
/// ```no_run
/// # async fn f(spec: smol_wf_engine::RunSpec) -> Result<(), smol_wf_engine::EngineError> {
/// use smol_wf_engine::DebugOnly;
/// use smol_wf_engine::simulate::Simulator;
///
/// let plan = Simulator::new(spec, &DebugOnly).await?.plan().await?;
/// println!("{} agents in {} phases", plan.agents, plan.phases.len());
/// # Ok(()) }
/// ```
pub struct Simulator {
    pub(crate) sandbox: Sandbox,
    pub(crate) children: Arc<Children>,
    pub(crate) head: RunHead,
    pub(crate) root: ScopeStart,
    pub(crate) limits: Limits,
    /// The providers that steps may name. None is ever asked.
    pub(crate) registry: Registry,
    pub(crate) resources: ResourceRules,
    /// Answers that equal steps take; none in a plan of a new run.
    pub(crate) answers: Vec<AnswerRef>,
}

impl Simulator {
    /// Reads and compiles the script. Of the providers, only names and capabilities are
    /// used.
    ///
    /// # Errors
    /// When the script is invalid, with the author's line and column, or the request is.
    pub async fn new(request: RunSpec, providers: &dyn Providers) -> Result<Self, EngineError> {
        refuse_wrong_models(&request.model_map, &request.defaults)?;
        // For the script, its children, and some to compile and to diagnose scripts that
        // hang.
        let sandbox = Sandbox::new(SandboxConfig::pooled(CHILDREN_OPEN_MAX * 2 + 8))?;
        let folders = RunFolders::of_new(&request.script.path, &request.settings.folders)?;
        let folder = folders.modules();
        let (script, dialect) =
            compile(&sandbox, &request.script, Surface::CURRENT, folder).await?;
        let project = folders.root.as_ref();
        let path = project.map_or_else(String::new, |root| root.relative(&request.script.path));
        let head = RunHead {
            format: JOURNAL_FORMAT,
            surface: Surface::CURRENT,
            // Not a run: nothing of it is ever stored.
            run: RunId::from_bits(0),
            name: script.meta.name.clone(),
            script: script.digest.clone(),
            script_path: request.script.path.to_string_lossy().into_owned(),
            // Never read: nothing is resumed.
            project_root: String::new(),
            cwd: None,
            seed: request.seed.unwrap_or_default(),
            budget: request.budget,
            provider: request.provider,
            model_map: request.model_map,
            debug_rules: Vec::new(),
            defaults: request.defaults,
            parent: None,
        };
        let registry = provider_set::registry(providers, &head)?;
        let root = scope_start(Scope::ROOT, script, dialect, path);
        let root = given(root, request.args)?;
        let resources = ResourceRules {
            cwd: folders.cwd.clone(),
            home: folders.home.clone(),
            settings: request.settings.agents,
        };
        let library = Arc::new(folders.library());
        let surface = Surface::CURRENT;
        let children = Children { library, sandbox: sandbox.clone(), surface, rules: None };
        Ok(Self {
            sandbox,
            children: Arc::new(children),
            head,
            root,
            limits: request.limits,
            registry,
            resources,
            answers: Vec::new(),
        })
    }
}
