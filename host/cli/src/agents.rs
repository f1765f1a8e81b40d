//! The available providers: the built-in ones and those from settings.
//!
//! Owns: which provider a name means, and which one `auto` chooses. Never: drives
//! an agent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use smol_wf_core::journal::RunHead;
use smol_wf_core::selector::Selector;
use smol_wf_engine::providers::acp::Acp;
use smol_wf_engine::providers::claude_code::ClaudeCode;
use smol_wf_engine::providers::codex::Codex;
use smol_wf_engine::providers::command::Command;
use smol_wf_engine::providers::debug::Debug;
use smol_wf_engine::providers::opencode::Opencode;
use smol_wf_engine::providers::pi::Pi;
use smol_wf_engine::providers::{
    AskPolicy, CliOptions, ConfiguredProgram, HintingProvider, MaskingProvider, Provider,
    ProviderAlias, Registry,
};
use smol_wf_engine::{EngineError, NOBODY, Providers};

use crate::advice;
use crate::config::{
    AUTO, DEBUG, Key, Origin, ProviderKind, ProviderSettings, Settings, Sourced, Value,
};
use crate::failure::CommandError;
use crate::progress::{self, Preamble};

/// Banner on a terminal without any agent: an echo must never be mistaken for an
/// answer. It is about calls that name no agent, because a script may name one.
const NOTHING: &str = "no agent is installed and logged in, so calls that name none (by provider, \
    model or phase) only echo their prompt: NOTHING IS SENT TO A MODEL. `smol-wf doctor` \
    says what is missing; --agent-provider debug hides this warning";

/// The warning in the same case if stderr is not watched.
const REFUSED: &str = "no agent is installed and logged in, so the first call that names none (by \
    provider, model or phase) stops the run; `smol-wf doctor` says what is missing; \
    --agent-provider debug echoes prompts";

/// The enabled providers by name, and how to build them.
pub(crate) struct Catalogue {
    providers: BTreeMap<String, ProviderSettings>,
    /// Secrets of MCP servers in the settings, which are masked in every agent's
    /// output.
    servers_secrets: Vec<(String, String)>,
    /// How agents' permission questions are answered.
    asks: AskPolicy,
}

impl Catalogue {
    /// The built-in providers as configured, and those that the settings add,
    /// without disabled ones.
    pub(crate) fn of(settings: &Settings) -> Self {
        let built_in = ProviderKind::BUILT_IN
            .map(|kind| (kind.word().to_owned(), ProviderSettings::of_kind(kind)));
        let configured = settings.providers.iter();
        let configured = configured.map(|(name, given)| (name.clone(), given.value.clone()));
        let mut providers: BTreeMap<_, _> = built_in.into_iter().chain(configured).collect();
        providers.retain(|_, provider| provider.enabled);
        let asks = match settings.text(Key::Asks) {
            Some("allow") => AskPolicy::Allow,
            Some("person") => AskPolicy::Person,
            _ => AskPolicy::Refuse,
        };
        let servers = settings.mcp.values();
        let servers_secrets = servers.flat_map(|given| given.value.secrets()).collect();
        Self { providers, servers_secrets, asks }
    }

    /// The first built-in agent that is installed and logged in, and its program.
    fn first_ready(&self) -> Option<(ProviderKind, PathBuf)> {
        ProviderKind::BUILT_IN.into_iter().find_map(|kind| {
            let settings = self.providers.get(kind.word())?;
            let seen = self.build(kind.word(), settings).glance();
            seen.program.filter(|_| seen.logged_in == Some(true)).map(|program| (kind, program))
        })
    }

    /// One provider of this catalogue, with the settings that concern all.
    fn build(&self, name: &str, settings: &ProviderSettings) -> Arc<dyn Provider> {
        build(name, settings, &self.servers_secrets, self.asks)
    }

    /// All providers: first in the order that `auto` prefers, then by name, the
    /// debug provider last.
    pub(crate) fn all(&self) -> Vec<Arc<dyn Provider>> {
        let rank = |name: &str| ProviderKind::BUILT_IN.iter().position(|kind| kind.word() == name);
        let mut names: Vec<&String> = self.providers.keys().collect();
        names.sort_by_key(|name| (rank(name).unwrap_or(usize::MAX), *name));
        let built = names.into_iter().map(|name| self.build(name, &self.providers[name]));
        built.chain([Arc::new(Debug::new()) as Arc<dyn Provider>]).collect()
    }
}

impl Providers for Catalogue {
    fn registry(&self, _head: &RunHead) -> Result<Registry, EngineError> {
        let built = self.providers.iter().map(|(name, settings)| self.build(name, settings));
        Ok(built.fold(Registry::new(), Registry::with))
    }
}

/// Builds one provider as configured.
fn build(
    name: &str,
    settings: &ProviderSettings,
    servers_secrets: &[(String, String)],
    asks: AskPolicy,
) -> Arc<dyn Provider> {
    let ProviderSettings { kind, program, command, args, env, env_allow, subagents, .. } =
        settings.clone();
    let cli = CliOptions {
        program,
        args: args.clone(),
        env: env.clone(),
        env_allow: env_allow.clone(),
        subagents,
        asks,
        start_timeout: settings.start_timeout,
    };
    let name_of_its_own = name.to_owned();
    let named = ConfiguredProgram { name: name_of_its_own, command, args, env, env_allow, asks };
    let provider: Arc<dyn Provider> = match kind {
        ProviderKind::ClaudeCode => Arc::new(ClaudeCode::new(cli)),
        ProviderKind::Codex => Arc::new(Codex::new(cli)),
        ProviderKind::Pi => Arc::new(Pi::new(cli)),
        ProviderKind::Opencode => Arc::new(Opencode::new(cli)),
        ProviderKind::Acp => Arc::new(Acp::new(named)),
        ProviderKind::Command => Arc::new(Command::new(named)),
    };
    let provider: Arc<dyn Provider> =
        Arc::new(HintingProvider::new(provider, advice::of_missing_program));
    let servers = servers_secrets.iter().map(|(name, value)| (name, value));
    let provider: Arc<dyn Provider> = match settings.env.is_empty() && servers_secrets.is_empty() {
        true => provider,
        false => Arc::new(MaskingProvider::new(provider, settings.env.iter().chain(servers))),
    };
    // A built-in kind knows only its own name.
    if provider.name() == name { provider } else { Arc::new(ProviderAlias::new(name, provider)) }
}

/// The provider of a new run, and why it was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AgentChoice {
    /// The default provider of the run.
    pub(crate) name: String,
    /// The provider of calls that name neither model nor provider: that of the
    /// default model, otherwise [`name`](Self::name).
    pub(crate) answering: String,
    /// Why it was chosen.
    how: ChosenBy,
    /// Other providers that the settings choose for some steps.
    others: Vec<OtherAgent>,
}

/// Why a provider was chosen; decides what is printed about it.
#[derive(Debug, PartialEq, Eq)]
enum ChosenBy {
    /// A flag, a variable or the user's settings named it.
    Named,
    /// The project's settings named it, which the user may not know.
    OfProject { place: String },
    /// `auto` found it installed and logged in.
    Found { program: PathBuf },
    /// No agent was found, so debug answers. The settings may still have agents
    /// that a call can name.
    Nothing { some_configured: bool },
    /// No agent was found, and an echo could be mistaken for an answer: calls
    /// that name no agent stop the run.
    Nobody,
}

/// A provider that a model in the settings chooses.
#[derive(Debug, PartialEq, Eq)]
struct OtherAgent {
    /// Name of the provider.
    name: String,
    /// The steps that it gets, and the setting that says so.
    what_for: String,
}

/// Chooses the provider of a run; resolves `auto` by looking at files, without
/// starting a program. If no agent is found, the provider of the configured model
/// is chosen.
pub(crate) fn choose(settings: &Settings) -> AgentChoice {
    // A name that is not a provider is a vendor of models.
    let by_default_model =
        settings.provider_of_model().filter(|(name, _)| is_provider(settings, name));
    let (name, how) = match named(settings) {
        Some(named) => named,
        None => match (Catalogue::of(settings).first_ready(), &by_default_model) {
            (Some((kind, program)), _) => (kind.word().to_owned(), ChosenBy::Found { program }),
            (None, Some((name, _))) => (name.clone(), ChosenBy::Named),
            (None, None) => {
                let some_configured = settings.providers.values().any(|given| {
                    let kind = given.value.kind;
                    given.value.enabled && !ProviderKind::BUILT_IN.contains(&kind)
                });
                (DEBUG.to_owned(), ChosenBy::Nothing { some_configured })
            }
        },
    };
    let mut others = Vec::new();
    let mut answering = name.clone();
    if let Some((by_model, origin)) = by_default_model {
        answering.clone_from(&by_model);
        others.push(OtherAgent { name: by_model, what_for: format!("by the model: {origin}") });
    }
    others.extend(of_projects_aliases(settings));
    AgentChoice { name, answering, how, others }
}

/// Like [`choose`], for a run or fork that is about to start: prompts are not
/// echoed unless someone may see the warning. Fails with `no_agent` if no call
/// could reach an agent.
pub(crate) fn choose_to_begin(settings: &Settings) -> Result<AgentChoice, CommandError> {
    let chosen = choose(settings);
    if progress::is_watched() {
        return Ok(chosen);
    }
    if chosen.is_unreachable() { Err(CommandError::NoAgent) } else { Ok(chosen.unwatched()) }
}

/// Whether a provider with this name is enabled.
fn is_provider(settings: &Settings, name: &str) -> bool {
    name == DEBUG || Catalogue::of(settings).providers.contains_key(name)
}

/// Whether the chosen provider accepts a vendor in the name of a model.
pub(crate) fn takes_vendors(settings: &Settings) -> bool {
    let catalogue = Catalogue::of(settings);
    let kind = match settings.text(Key::Provider) {
        Some(name) if name != AUTO => catalogue.providers.get(name).map(|provider| provider.kind),
        _ => catalogue.first_ready().map(|(kind, _)| kind),
    };
    matches!(kind, Some(ProviderKind::Pi | ProviderKind::Opencode))
}

/// The provider that the settings name, unless it is `auto`.
fn named(settings: &Settings) -> Option<(String, ChosenBy)> {
    let Sourced { value: Value::Text(name), origin } = settings.get(Key::Provider)? else {
        return None;
    };
    let how = match (origin, origin.source()) {
        (Origin::Project { .. }, Some(place)) => ChosenBy::OfProject { place },
        _ => ChosenBy::Named,
    };
    (name != AUTO).then(|| (name.clone(), how))
}

/// Providers that a script reaches by an alias of the project, which the user may
/// not know.
fn of_projects_aliases(settings: &Settings) -> impl Iterator<Item = OtherAgent> {
    settings.model_map.iter().filter_map(|(alias, given)| {
        let Origin::Project { .. } = given.origin else { return None };
        let name = Selector::parse(&given.value).ok()?.provider?;
        let name = Some(name).filter(|name| is_provider(settings, name))?;
        let place = given.origin.source()?;
        Some(OtherAgent { name, what_for: format!("for the model `{alias}`, named in {place}") })
    })
}

impl AgentChoice {
    /// Whether debug stands in because no agent was found.
    pub(crate) fn is_stand_in(&self) -> bool {
        matches!(self.how, ChosenBy::Nothing { .. })
    }

    /// Whether no call can reach an agent, even by naming one.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.how == ChosenBy::Nothing { some_configured: false }
    }

    /// The choice for a process that nobody watches: calls that name no agent are
    /// refused instead of echoed.
    fn unwatched(mut self) -> Self {
        if self.is_stand_in() {
            NOBODY.clone_into(&mut self.name);
            self.how = ChosenBy::Nobody;
        }
        self
    }

    /// Adds to the preamble what the user should know about the choice.
    pub(crate) fn announce(&self, opening: &mut Preamble) {
        self.announce_default(opening);
        let others = self.others.iter();
        opening
            .notes
            .extend(others.map(|other| format!("agents: {} ({})", other.name, other.what_for)));
    }

    /// Like [`announce`](Self::announce), for the default provider only: the
    /// models in the settings count for new runs, not for recorded ones.
    pub(crate) fn announce_default(&self, opening: &mut Preamble) {
        let name = &self.name;
        match &self.how {
            ChosenBy::Named => {}
            ChosenBy::OfProject { place } => {
                opening.notes.push(format!("agents: {name} (named in {place})"));
            }
            ChosenBy::Found { program } => {
                opening.notes.push(format!("agents: {name} (found at {})", program.display()));
            }
            ChosenBy::Nothing { .. } => opening.banner = Some(NOTHING.to_owned()),
            ChosenBy::Nobody => opening.warnings.push(REFUSED.to_owned()),
        }
    }
}
