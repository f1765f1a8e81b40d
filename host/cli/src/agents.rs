//! The agents there are: those that come with the program, and those that the
//! settings add.
//!
//! Owns: which provider a name means, and which one `auto` is. Never: drives an
//! agent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use smol_wf_core::journal::RunHead;
use smol_wf_engine::providers::Registry;
use smol_wf_engine::providers::ready::{self, Surroundings};
use smol_wf_engine::{EngineError, Providers};

use crate::config::{AUTO, Key, ProviderKind, ProviderSettings, Settings};
use crate::progress::Opening;

/// What answers when there is no agent.
const DEBUG: &str = "debug";
/// Said when nothing else is there: an echo must never pass for an answer.
const NOTHING: &str = "no agent is installed and logged in, so NOTHING IS SENT TO A MODEL: \
    the debug provider echoes every prompt. `smol-wf doctor` says what is missing; \
    --agent-provider debug asks for the echo";

/// The providers of a program's settings, by name.
pub(crate) struct Catalogue {
    providers: BTreeMap<String, ProviderSettings>,
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
        Self { providers }
    }
}

impl Catalogue {
    /// The first agent that is installed and logged in.
    fn first_ready(&self) -> Option<(ProviderKind, PathBuf)> {
        ProviderKind::BUILT_IN.into_iter().find_map(|kind| {
            let settings = self.providers.get(kind.word())?;
            let program = program_of(settings)?;
            has_credentials(settings).then_some((kind, program))
        })
    }
}

/// Where a provider's program is, when it is anywhere.
fn program_of(settings: &ProviderSettings) -> Option<PathBuf> {
    let named = settings.program.as_ref().map(|path| path.to_string_lossy().into_owned());
    let name = named.or_else(|| settings.command.first().cloned());
    ready::find_program(&name.unwrap_or_else(|| program_name(settings.kind).to_owned()))
}

/// What the program of a built-in provider is called.
fn program_name(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::ClaudeCode => "claude",
        other => other.word(),
    }
}

fn has_credentials(settings: &ProviderSettings) -> bool {
    let around = Surroundings { added: &settings.env };
    match settings.kind {
        ProviderKind::ClaudeCode => ready::claude_code(around),
        ProviderKind::Codex => ready::codex(around),
        ProviderKind::Opencode => ready::opencode(around),
        ProviderKind::Pi => ready::pi(around),
        // Whoever configured it sees to that.
        ProviderKind::Acp | ProviderKind::Command => true,
    }
}

impl Providers for Catalogue {
    fn registry(&self, _head: &RunHead) -> Result<Registry, EngineError> {
        Ok(Registry::new())
    }
}

/// The provider of a new run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    how: How,
}

#[derive(Debug, PartialEq, Eq)]
enum How {
    /// Somebody named it.
    Named,
    /// It is installed and logged in.
    Found { program: PathBuf },
    /// There is nothing else.
    Nothing,
}

/// Settles what `auto` is, once and for all of a run, by looking at files: no
/// program is started for it.
pub(crate) fn choose(settings: &Settings) -> Chosen {
    let named = settings.text(Key::Provider).filter(|name| *name != AUTO);
    if let Some(name) = named {
        return Chosen { name: name.to_owned(), how: How::Named };
    }
    let found = Catalogue::of(settings).first_ready();
    match found {
        Some((kind, program)) => {
            Chosen { name: kind.word().to_owned(), how: How::Found { program } }
        }
        None => Chosen { name: DEBUG.to_owned(), how: How::Nothing },
    }
}

impl Chosen {
    /// What the user has to know of it.
    pub(crate) fn announce(&self, opening: &mut Opening) {
        match &self.how {
            How::Named => {}
            How::Found { program } => {
                opening.notes.push(format!(
                    "agents: {} (found at {})",
                    self.name,
                    program.display()
                ));
            }
            How::Nothing => opening.warnings.push(NOTHING.to_owned()),
        }
    }
}
