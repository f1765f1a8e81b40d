//! Open calls and scripts of a run, and its queued deliveries and effects.
//!
//! Owns: the data of each, and the defaults that a script's phases declare. Never:
//! opens or closes one.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::sessions::StepSession;
use crate::guest::Dialect;
use crate::ids::{Scope, StepId, TimerId};
use crate::journal::{RunHead, ScopeStart};
use crate::options::{OptionRules, PhaseOptions};
use crate::outcome::Failure;
use crate::reuse::OutcomeRef;
use crate::selector;
use crate::settlement::OnFailure;
use crate::step_request::{AgentRequest, Reply, WorkflowTarget};
use crate::surface::Surface;

/// A queued delivery.
#[derive(Debug)]
pub enum Delivery {
    /// The first script of a new run, which is journaled already.
    Begin(Box<ScopeStart>),
    /// A script to start.
    Start(Box<ScopeStart>),
    /// A call to settle.
    Settle {
        /// Number of the step.
        step: StepId,
        /// Its outcome.
        outcome: OutcomeRef,
        /// What the agent reported about itself.
        reply: Option<Box<Reply>>,
    },
    /// The time of a timer is up.
    Fire(TimerId),
}

/// An effect for the engine to perform.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Run an agent; then [`Machine::complete`](super::Machine::complete).
    RunAgent {
        /// Number of the step.
        step: StepId,
        /// Number of agent calls of the run up to this one.
        ordinal: u32,
        /// The request.
        request: Arc<AgentRequest>,
    },
    /// Wait; then [`Machine::complete`](super::Machine::complete) with `null`.
    SleepUntil {
        /// Number of the step.
        step: StepId,
        /// In microseconds since 1970.
        wake_at_us: i64,
        /// How long that is at the most, in microseconds, whatever the wall
        /// clock says: what was left of it when this process took the run up.
        left_us: u64,
    },
    /// Find a script; then [`Machine::child_found`](super::Machine::child_found), or [`Machine::complete`](super::Machine::complete)
    /// with a failure.
    FindChild {
        /// Which call; its number is the scope of the child.
        step: StepId,
        /// Path of the calling script, from the project root.
        caller: String,
        /// The workflow that it names.
        target: WorkflowTarget,
        /// JSON text.
        args: Option<String>,
    },
    /// Stop working on this step: its script is over.
    Cancel(StepId),
    /// Wait for so long; then [`Machine::fire`](super::Machine::fire). Of those that are due at once
    /// the one with the smaller number goes first.
    SetTimer {
        /// Number of the timer.
        timer: TimerId,
        /// What is left of it, in microseconds.
        left_us: i64,
    },
    /// Forget this timer.
    ClearTimer(TimerId),
}

/// A step whose outcome is undelivered.
#[derive(Debug)]
pub(super) struct OpenStep {
    pub(super) scope: Scope,
    /// For agents: what the script is given when its agent fails.
    pub(super) agent: Option<OnFailure>,
    /// Its outcome is among the deliveries.
    pub(super) completed: bool,
    /// Its effect, held back until the end of a replay.
    pub(super) effect: Option<Effect>,
    /// For agents: what later calls may name it by.
    pub(super) session: StepSession,
    /// When it is over, for a sleep: no script sees an earlier time then.
    pub(super) wakes_at_us: Option<i64>,
}

/// What phases a script declares and which one it is in.
#[derive(Debug)]
pub(super) struct ScopeState {
    pub(super) file_name: String,
    pub(super) path: String,
    pub(super) phase: Option<String>,
    pub(super) dialect: Dialect,
    defaults: HashMap<String, PhaseDefaults>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct PhaseDefaults {
    title: String,
    model: Option<String>,
    provider: Option<String>,
    /// From surface 3 on.
    #[serde(skip)]
    options: PhaseOptions,
    /// What is wrong with them: its calls are refused. A script with such a phase is not
    /// run at all, so only a forged journal has one.
    #[serde(skip)]
    refused: Option<Failure>,
}

impl PhaseDefaults {
    /// What does not fit here declares no defaults.
    fn of(phase: &Value, surface: Surface) -> Option<Self> {
        let text = |key| phase.get(key).and_then(Value::as_str).map(str::to_owned);
        let read = match surface {
            Surface::Third => PhaseOptions::of_phase(phase),
            Surface::First | Surface::Second => Ok(PhaseOptions::default()),
        };
        let (options, refused) = match read {
            Ok(options) => (options, None),
            Err(failure) => (PhaseOptions::default(), Some(failure)),
        };
        let (model, provider) = (text("model"), text("provider"));
        Some(Self { title: text("title")?, model, provider, options, refused })
    }

    /// All that `meta` declares. Under surface 1 a phase of another shape hid the
    /// others.
    fn all(meta: &str, surface: Surface) -> Vec<Self> {
        let meta: Value = serde_json::from_str(meta).unwrap_or_default();
        let phases = meta.get("phases").cloned().unwrap_or_default();
        match surface {
            Surface::First => serde_json::from_value(phases).unwrap_or_default(),
            Surface::Second | Surface::Third => {
                let phases = phases.as_array().into_iter().flatten();
                phases.filter_map(|phase| Self::of(phase, surface)).collect()
            }
        }
    }
}

impl ScopeState {
    pub(super) fn new(start: &ScopeStart, surface: Surface) -> Self {
        let declared = PhaseDefaults::all(&start.meta, surface);
        let defaults = declared.into_iter().map(|phase| (phase.title.clone(), phase)).collect();
        Self {
            file_name: start.file_name.clone(),
            path: start.path.clone(),
            phase: None,
            dialect: start.dialect,
            defaults,
        }
    }

    /// Whether the model of a phase holds for its calls. In a body it is for people, as
    /// in Claude Code, unless it names a provider or is a selector: those only this
    /// program knows.
    fn holds(&self, phase: &PhaseDefaults, head: &RunHead) -> bool {
        head.surface == Surface::First
            || self.dialect == Dialect::Module
            || head.defaults.phase_models
            || phase.provider.is_some()
            || phase.model.as_ref().is_some_and(|model| model.contains('?'))
    }

    /// How its calls' options are read.
    pub(super) fn manner(&self, head: &RunHead) -> OptionRules {
        OptionRules::of(head.surface, self.dialect)
    }

    /// What it is given when the agent of this call fails.
    pub(super) fn on_failure(&self, request: &AgentRequest, head: &RunHead) -> OnFailure {
        let of_dialect = match (head.surface, self.dialect) {
            (Surface::Second | Surface::Third, Dialect::Body) => OnFailure::Null,
            (Surface::First, _) | (_, Dialect::Module) => OnFailure::Throw,
        };
        request.on_failure.or(head.defaults.on_failure).unwrap_or(of_dialect)
    }

    /// Fills in what a call with these options leaves open: the current phase, and
    /// what `meta` declares for it. `taken` is the recorded call.
    ///
    /// # Errors
    /// When the options of its phase cannot be read.
    pub(super) fn apply_defaults(
        &self,
        request: &mut AgentRequest,
        (options, taken): (&str, Option<&AgentRequest>),
        head: &RunHead,
    ) -> Result<(), Failure> {
        if request.phase.is_none() {
            request.phase.clone_from(&self.phase);
        }
        let declared = request.phase.as_ref().and_then(|title| self.defaults.get(title));
        if let Some(phase) = declared {
            if let Some(failure) = &phase.refused {
                return Err(failure.clone());
            }
            // No other program has them, so they hold in a body, too.
            phase.options.fill(request, options, taken);
        }
        if let Some(defaults) = declared.filter(|phase| self.holds(phase, head)) {
            match (&request.provider, selector::names_provider(request, head)) {
                (None, false) => request.provider.clone_from(&defaults.provider),
                (None, true) if head.surface != Surface::First => {
                    request.phase_provider.clone_from(&defaults.provider);
                }
                _ => {}
            }
            request.model = request.model.take().or_else(|| defaults.model.clone());
        }
        Ok(())
    }
}
