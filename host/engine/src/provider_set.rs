//! The set of providers of a run.
//!
//! Owns: making a fresh set for each run, always with the debug provider. Never: finds
//! programs or reads settings; the caller does.

use std::sync::Arc;

use smol_wf_core::journal::RunHead;
use smol_wf_core::near;
use smol_wf_providers::Registry;
use smol_wf_providers::debug::Debug;

use crate::error::EngineError;

/// Makes the providers of a run. A closure that returns a [`Registry`] is one:
///
/// ```
/// use std::sync::Arc;
///
/// use smol_wf_engine::providers::command::Command;
/// use smol_wf_engine::providers::{ConfiguredProgram, Registry};
/// use smol_wf_engine::{Providers, RunHead};
///
/// let command = ["tr", "a-z", "A-Z"].map(str::to_owned).to_vec();
/// let agent = Command::new(ConfiguredProgram { name: "tr".into(), command, ..Default::default() });
/// let providers: Arc<dyn Providers> =
///     Arc::new(move |_: &RunHead| Ok(Registry::new().with(Arc::new(agent.clone()))));
/// ```
///
/// Each run has its own providers, because they keep state of the run, such as a server that
/// steps share, or the debug rules that have matched. The engine closes them when the run ends or
/// stops.
pub trait Providers: Send + Sync {
    /// The providers of the run with this head. The engine adds the debug provider.
    ///
    /// # Errors
    /// When a provider cannot be made from its configuration. The run does not start
    /// then.
    fn registry(&self, head: &RunHead) -> Result<Registry, EngineError>;
}

impl<F> Providers for F
where
    F: Fn(&RunHead) -> Result<Registry, EngineError> + Send + Sync,
{
    fn registry(&self, head: &RunHead) -> Result<Registry, EngineError> {
        self(head)
    }
}

/// The debug provider alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct DebugOnly;

impl Providers for DebugOnly {
    fn registry(&self, _head: &RunHead) -> Result<Registry, EngineError> {
        Ok(Registry::new())
    }
}

/// Provider name of a run for which no agent was found: a step that names no agent stops
/// the run. No provider has this name.
pub const NOBODY: &str = "auto";

/// The message about an unknown provider, with the known ones.
pub(crate) fn unknown(asked: &str, registry: &Registry) -> String {
    let there: Vec<&str> = registry.names().collect();
    if asked == NOBODY {
        return format!(
            "`{NOBODY}` is no provider: only --agent-provider and the settings know it; name one of {}, or leave the provider out, and the call goes to the agent of the run",
            there.join(", ")
        );
    }
    let meant = near::suggestion(asked, there.iter().copied());
    format!("unknown provider `{asked}`; available: {}{meant}", there.join(", "))
}

/// The providers of a run, the debug provider among them.
pub(crate) fn registry(providers: &dyn Providers, head: &RunHead) -> Result<Registry, EngineError> {
    let debug = Debug::with_rules(&head.debug_rules)
        .map_err(|error| EngineError::DebugRule { reason: error.to_string() })?;
    let registry = providers.registry(head)?.with(Arc::new(debug));
    if registry.get(&head.provider).is_none() && head.provider != NOBODY {
        let message = unknown(&head.provider, &registry);
        return Err(EngineError::Request { message });
    }
    Ok(registry)
}
