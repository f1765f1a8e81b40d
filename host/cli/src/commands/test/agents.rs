//! The agents that supply answers which a fixture lacks.
//!
//! Owns: the choice of agents, from the settings of the fixture's project, as
//! `run` does it. Never: knows which answers are missing; the engine does.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use smol_wf_engine::{Engine, Keep, LiveSteps};

use crate::advice;
use crate::agents::{self, Catalogue};
use crate::config::{FlagLayer, Key, Settings, Value};
use crate::failure::print_message;
use crate::log_level::LogLevel;
use crate::progress::Preamble;
use crate::setup;

/// Error instead of recording an echo of the prompt as an answer.
const NOBODY: &str = "no agent is installed and logged in; \
    `smol-wf doctor` says what is missing; --agent-provider debug records an echo of the prompts [request_invalid]";

/// The flags of `test --record` about agents.
#[derive(Debug)]
pub(super) struct Agents {
    /// `--agent-provider`; `None` asks the recorded provider.
    pub(super) provider: Option<Value>,
    /// `--debug-rule`.
    pub(super) debug_rules: Vec<String>,
    /// Messages that were printed: fixtures of one project have the same ones.
    pub(super) printed: BTreeSet<String>,
}

impl Agents {
    /// An engine with the agents of this fixture's project, and the settings for
    /// asking them. Fails with a message and its code if settings are invalid or
    /// no agent is usable.
    pub(super) fn of(
        &mut self,
        engine: &Engine,
        fixture: &Path,
        keep: Keep,
    ) -> Result<(Engine, LiveSteps), String> {
        let mut flags = FlagLayer::default();
        flags.add(Key::Provider, self.provider.as_ref());
        let settings = Settings::load(flags, fixture)
            .map_err(|error| format!("{error} [{}]", error.code()))?;
        let mut opening = Preamble { warnings: settings.warnings(), ..Preamble::default() };
        // Steps go to the recorded provider unless a flag names another one.
        let chosen = self.provider.is_some().then(|| agents::choose(&settings));
        if let Some(chosen) = &chosen {
            if chosen.is_stand_in() {
                return Err(NOBODY.to_owned());
            }
            chosen.announce(&mut opening);
        }
        self.print(opening, LogLevel::of(&settings));
        let live = LiveSteps {
            provider: chosen.map(|chosen| chosen.name),
            debug_rules: self.debug_rules.clone(),
            agents: setup::agents(&settings)
                .map_err(|error| format!("{} [{}]", advice::sentence(&error), error.code()))?,
            keep,
        };
        Ok((engine.clone().providing(Arc::new(Catalogue::of(&settings))), live))
    }

    /// Prints warnings and notes that were not printed before, as far as `level`
    /// allows.
    fn print(&mut self, opening: Preamble, level: LogLevel) {
        let Preamble { warnings, notes, .. } = opening;
        let warnings =
            warnings.into_iter().map(|text| (LogLevel::Warn, format!("warning: {text}")));
        let notes = notes.into_iter().map(|text| (LogLevel::Info, text));
        for (least, text) in warnings.chain(notes) {
            if level >= least && self.printed.insert(text.clone()) {
                print_message(&text);
            }
        }
    }
}
