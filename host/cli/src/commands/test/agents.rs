//! Who is asked for answers that a fixture lacks.
//!
//! Owns: the agents, by the settings of the fixture's project, chosen as `run`
//! chooses them. Never: knows what is lacking; the engine does.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use smol_wf_engine::{Engine, Keep, LiveCalls};

use crate::advice;
use crate::agents::{self, Catalogue};
use crate::config::{FlagLayer, Key, Settings, Value};
use crate::failure::talk;
use crate::log_level::LogLevel;
use crate::progress::Preamble;
use crate::setup;

/// An echo would be taken for an answer from then on.
const NOBODY: &str = "no agent is installed and logged in, so there is nobody to ask; \
    `smol-wf doctor` says what is missing; --agent-provider debug asks for an echo [request_invalid]";

/// What the command line says of agents.
#[derive(Debug)]
pub(super) struct Agents {
    pub(super) provider: Option<Value>,
    pub(super) debug_rules: Vec<String>,
    /// What was said: many fixtures have one project.
    pub(super) told: BTreeSet<String>,
}

impl Agents {
    /// An engine with the agents of this fixture's project, and how to ask them.
    pub(super) fn of(
        &mut self,
        engine: &Engine,
        fixture: &Path,
        keep: Keep,
    ) -> Result<(Engine, LiveCalls), String> {
        let mut flags = FlagLayer::default();
        flags.add(Key::Provider, self.provider.as_ref());
        let settings = Settings::load(flags, fixture)
            .map_err(|error| format!("{error} [{}]", error.code()))?;
        let mut opening = Preamble { warnings: settings.warnings(), ..Preamble::default() };
        // Calls go to the provider of the recording, unless another one is named.
        let chosen = self.provider.is_some().then(|| agents::choose(&settings));
        if let Some(chosen) = &chosen {
            if chosen.is_makeshift() {
                return Err(NOBODY.to_owned());
            }
            chosen.announce(&mut opening);
        }
        self.tell(opening, LogLevel::of(&settings));
        let live = LiveCalls {
            provider: chosen.map(|chosen| chosen.name),
            debug_rules: self.debug_rules.clone(),
            agents: setup::agents(&settings)
                .map_err(|error| format!("{} [{}]", advice::sentence(&error), error.code()))?,
            keep,
        };
        Ok((engine.clone().providing(Arc::new(Catalogue::of(&settings))), live))
    }

    fn tell(&mut self, opening: Preamble, level: LogLevel) {
        let Preamble { warnings, notes, .. } = opening;
        let warnings =
            warnings.into_iter().map(|text| (LogLevel::Warn, format!("warning: {text}")));
        let notes = notes.into_iter().map(|text| (LogLevel::Info, text));
        for (least, text) in warnings.chain(notes) {
            if level >= least && self.told.insert(text.clone()) {
                talk(&text);
            }
        }
    }
}
