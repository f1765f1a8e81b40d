//! The agents there are: those that come with the program, and those that the
//! settings add.
//!
//! Owns: which provider a name means, and which one `auto` is. Never: drives an
//! agent.

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
    AskPolicy, CliOptions, ConfiguredProgram, MaskingProvider, Provider, ProviderAlias, Registry,
};
use smol_wf_engine::{EngineError, NOBODY, Providers};

use crate::config::{
    AUTO, DEBUG, Key, Origin, ProviderKind, ProviderSettings, Settings, Sourced, Value,
};
use crate::failure::CommandError;
use crate::progress::{self, Preamble};

/// Said when nothing else is there: an echo must never pass for an answer.
/// What a script may name, nobody knows before it has run.
const NOTHING: &str = "no agent is installed and logged in, so calls that name none (by provider, \
    model or phase) only echo their prompt: NOTHING IS SENT TO A MODEL by them. `smol-wf doctor` \
    says what is missing; --agent-provider debug asks for the echo";

/// The same where nobody may see it.
const REFUSED: &str = "no agent is installed and logged in, so the first call that names none (by \
    provider, model or phase) stops the run; `smol-wf doctor` says what is missing; \
    --agent-provider debug asks for an echo";

/// The providers of a program's settings, by name.
pub(crate) struct Catalogue {
    providers: BTreeMap<String, ProviderSettings>,
    /// What the settings give to MCP servers, which any agent may be given.
    servers_secrets: Vec<(String, String)>,
    asks: AskPolicy,
}

impl Catalogue {
    /// Those that are built in, as the settings change them, and those that the
    /// settings add; without those that are not enabled.
    pub(crate) fn of(settings: &Settings) -> Self {
        let built_in = ProviderKind::BUILT_IN
            .map(|kind| (kind.word().to_owned(), ProviderSettings::of_kind(kind)));
        let configured = settings.providers.iter();
        let configured = configured.map(|(name, given)| (name.clone(), given.value.clone()));
        let mut providers: BTreeMap<_, _> = built_in.into_iter().chain(configured).collect();
        providers.retain(|_, provider| provider.enabled);
        let asks = match settings.text(Key::Asks) {
            Some("allow") => AskPolicy::Allow,
            _ => AskPolicy::Refuse,
        };
        let servers = settings.mcp.values();
        let servers_secrets = servers.flat_map(|given| given.value.secrets()).collect();
        Self { providers, servers_secrets, asks }
    }

    /// The first agent that is installed and logged in.
    fn first_ready(&self) -> Option<(ProviderKind, PathBuf)> {
        ProviderKind::BUILT_IN.into_iter().find_map(|kind| {
            let settings = self.providers.get(kind.word())?;
            let seen = self.build(kind.word(), settings).glance();
            seen.program.filter(|_| seen.logged_in == Some(true)).map(|program| (kind, program))
        })
    }

    fn build(&self, name: &str, settings: &ProviderSettings) -> Arc<dyn Provider> {
        build(name, settings, &self.servers_secrets, self.asks)
    }

    /// All of them, those that `auto` prefers first and the debug provider last.
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

/// A provider as it is configured.
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
    let servers = servers_secrets.iter().map(|(name, value)| (name, value));
    let provider: Arc<dyn Provider> = match settings.env.is_empty() && servers_secrets.is_empty() {
        true => provider,
        false => Arc::new(MaskingProvider::new(provider, settings.env.iter().chain(servers))),
    };
    // The built-in kinds know but one name.
    if provider.name() == name { provider } else { Arc::new(ProviderAlias::new(name, provider)) }
}

/// Who answers the calls of a new run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AgentChoice {
    /// Who is asked where nothing else decides.
    pub(crate) name: String,
    /// Who is asked by a call that says nothing of model and provider.
    pub(crate) answering: String,
    how: ChosenBy,
    /// Others that the settings choose, each with what for and where.
    others: Vec<OtherAgent>,
}

#[derive(Debug, PartialEq, Eq)]
enum ChosenBy {
    /// The user named it.
    Named,
    /// The project named it, which the user may not know.
    OfProject { place: String },
    /// It is installed and logged in.
    Found { program: PathBuf },
    /// There is nothing else; but the settings may have agents that a call can
    /// name.
    Nothing { some_configured: bool },
    /// The same where an echo would pass for an answer.
    Nobody,
}

/// An agent that a model of the settings chooses.
#[derive(Debug, PartialEq, Eq)]
struct OtherAgent {
    name: String,
    what_for: String,
}

/// Settles what `auto` is, once and for all of a run, by looking at files: no
/// program is started for it. Where there is no agent, it is the one that the
/// model of the settings names.
pub(crate) fn choose(settings: &Settings) -> AgentChoice {
    // A name that no provider has is that of the model's vendor.
    let steered = settings.provider_of_model().filter(|(name, _)| is_there(settings, name));
    let (name, how) = match named(settings) {
        Some(named) => named,
        None => match (Catalogue::of(settings).first_ready(), &steered) {
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
    if let Some((by_model, origin)) = steered {
        answering.clone_from(&by_model);
        others.push(OtherAgent { name: by_model, what_for: format!("by the model: {origin}") });
    }
    others.extend(of_projects_aliases(settings));
    AgentChoice { name, answering, how, others }
}

/// The same for a run that is about to begin, whether it is new or a fork: where
/// nobody may see that prompts are echoed, they are not.
pub(crate) fn choose_to_begin(settings: &Settings) -> Result<AgentChoice, CommandError> {
    let chosen = choose(settings);
    if progress::is_watched() {
        return Ok(chosen);
    }
    if chosen.is_alone() { Err(CommandError::NoAgent) } else { Ok(chosen.unwatched()) }
}

/// Whether a provider has this name.
fn is_there(settings: &Settings, name: &str) -> bool {
    name == DEBUG || Catalogue::of(settings).providers.contains_key(name)
}

/// Whether the provider that is asked takes the vendor of a model beside it.
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

/// Agents that a script reaches by an alias of the project's, which the user may
/// not know.
fn of_projects_aliases(settings: &Settings) -> impl Iterator<Item = OtherAgent> {
    settings.model_map.iter().filter_map(|(alias, given)| {
        let Origin::Project { .. } = given.origin else { return None };
        let name = Selector::parse(&given.value).ok()?.provider?;
        let name = Some(name).filter(|name| is_there(settings, name))?;
        let place = given.origin.source()?;
        Some(OtherAgent { name, what_for: format!("for the model `{alias}`, named in {place}") })
    })
}

impl AgentChoice {
    /// Whether it stands in for an agent that is not there.
    pub(crate) fn is_makeshift(&self) -> bool {
        matches!(self.how, ChosenBy::Nothing { .. })
    }

    /// Whether there is no agent that any call could be for.
    pub(crate) fn is_alone(&self) -> bool {
        self.how == ChosenBy::Nothing { some_configured: false }
    }

    /// The same where nobody may see that prompts are echoed: then calls that name
    /// no agent are refused.
    fn unwatched(mut self) -> Self {
        if self.is_makeshift() {
            NOBODY.clone_into(&mut self.name);
            self.how = ChosenBy::Nobody;
        }
        self
    }

    /// What the user has to know of it.
    pub(crate) fn announce(&self, opening: &mut Preamble) {
        self.announce_default(opening);
        let others = self.others.iter();
        opening
            .notes
            .extend(others.map(|other| format!("agents: {} ({})", other.name, other.what_for)));
    }

    /// The same of who is asked where nothing else decides: what models decide, the
    /// settings say of a new run alone.
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
