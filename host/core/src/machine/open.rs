//! The open steps and scripts of a run, and its queued deliveries and effects.
//!
//! Owns: the data of each, and the defaults that a script's phases declare. Never:
//! opens or closes a step.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::sessions::StepSession;
use crate::gate::AskRequest;
use crate::guest::Dialect;
use crate::ids::{Scope, StepId, TimerId};
use crate::journal::{RunHead, ScopeStart};
use crate::message::AgentMessage;
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
    /// A step to settle.
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
        /// Number of agent steps of the run up to this one, itself included.
        ordinal: u32,
        /// The request.
        request: Arc<AgentRequest>,
    },
    /// End the agent of a step, and then run it from its beginning, as
    /// [`Effect::RunAgent`] does.
    RestartAgent {
        /// Number of the step.
        step: StepId,
        /// As in [`Effect::RunAgent`].
        ordinal: u32,
        /// The request.
        request: Arc<AgentRequest>,
    },
    /// Wait; then [`Machine::complete`](super::Machine::complete) with `null`.
    SleepUntil {
        /// Number of the step.
        step: StepId,
        /// When to wake, in microseconds since 1970.
        wake_at_us: i64,
        /// The longest time to wait, in microseconds, whatever the wall clock says: the
        /// time that was left when this process took the run up.
        left_us: u64,
    },
    /// Wait for people; then [`Machine::answer`](super::Machine::answer), or
    /// [`Machine::ask_timed_out`](super::Machine::ask_timed_out) at its deadline.
    Ask {
        /// Number of the step.
        step: StepId,
        /// What is asked, and the deadline by the wall clock.
        request: Arc<AskRequest>,
        /// For a request with a deadline: the longest time to wait, in microseconds,
        /// as for a sleep.
        left_us: Option<u64>,
    },
    /// Find a script; then [`Machine::child_found`](super::Machine::child_found), or
    /// [`Machine::complete`](super::Machine::complete) with a failure.
    FindChild {
        /// Number of the step, and of the child's scope.
        step: StepId,
        /// Path of the calling script, from the project root.
        caller: String,
        /// The workflow to find.
        target: WorkflowTarget,
        /// The child's arguments as JSON text.
        args: Option<String>,
    },
    /// Tell an agent at work what a person has answered to a permission that it asked for.
    AnswerAgent {
        /// Number of the step.
        step: StepId,
        /// Number of the question within the step.
        ask: u32,
        /// Whether the agent may.
        allowed: bool,
        /// What the person said beside it.
        comment: Option<String>,
    },
    /// Tell the agent of a step something, and every later attempt at the step as well.
    TellAgent {
        /// Number of the step.
        step: StepId,
        /// What it is told.
        message: AgentMessage,
    },
    /// Stop working on this step: its script is over, or somebody stopped it.
    Cancel(StepId),
    /// Wait; then [`Machine::fire`](super::Machine::fire). Of timers that are due at
    /// the same time, the one with the smallest number fires first.
    SetTimer {
        /// Number of the timer.
        timer: TimerId,
        /// The time left, in microseconds.
        left_us: i64,
    },
    /// Forget this timer.
    ClearTimer(TimerId),
}

/// A step whose outcome has not been delivered.
#[derive(Debug)]
pub(super) struct OpenStep {
    pub(super) scope: Scope,
    /// For agents: what the script is given when the agent fails.
    pub(super) agent: Option<OnFailure>,
    /// Its outcome is among the deliveries.
    pub(super) completed: bool,
    /// Its effect, held back until the end of a replay.
    pub(super) effect: Option<Box<Effect>>,
    /// For agents: the label and session that later steps may refer to.
    pub(super) session: Option<Box<StepSession>>,
    /// For agents that were not answered by a reused answer: number and request, to begin
    /// again.
    pub(super) request: Option<(u32, Arc<AgentRequest>)>,
    /// For agents that were told something.
    pub(super) told: Option<Box<Told>>,
    /// For sleeps, and questions whose time is up: when it ends. The script sees no earlier
    /// time once it has ended.
    pub(super) wakes_at_us: Option<i64>,
    /// For questions: what is asked.
    pub(super) ask: Option<Arc<AskRequest>>,
}

/// The messages for an agent.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Number of messages that were taken.
    pub(super) taken: usize,
    /// Those of earlier epochs, held back until the end of a replay.
    pub(super) again: Vec<AgentMessage>,
}

/// A script that has begun: its names, its dialect, and its phases.
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
    /// Why the options cannot be read; calls in the phase are refused with it. A script
    /// with such a phase is never started, so only a forged journal has one.
    #[serde(skip)]
    refused: Option<Failure>,
}

impl PhaseDefaults {
    /// The defaults of one declared phase; none if it has no title.
    fn of(phase: &Value, surface: Surface) -> Option<Self> {
        let text = |key| phase.get(key).and_then(Value::as_str).map(str::to_owned);
        let read = match surface {
            Surface::Third | Surface::Fourth => PhaseOptions::of_phase(phase),
            Surface::First | Surface::Second => Ok(PhaseOptions::default()),
        };
        let (options, refused) = match read {
            Ok(options) => (options, None),
            Err(failure) => (PhaseOptions::default(), Some(failure)),
        };
        let (model, provider) = (text("model"), text("provider"));
        Some(Self { title: text("title")?, model, provider, options, refused })
    }

    /// The defaults of all phases in `meta`. Under surface 1 one malformed phase drops
    /// all of them.
    fn all(meta: &str, surface: Surface) -> Vec<Self> {
        let meta: Value = serde_json::from_str(meta).unwrap_or_default();
        let phases = meta.get("phases").cloned().unwrap_or_default();
        match surface {
            Surface::First => serde_json::from_value(phases).unwrap_or_default(),
            Surface::Second | Surface::Third | Surface::Fourth => {
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

    /// Whether the model of a phase applies to agents. In a body it is only shown to
    /// people, as in Claude Code, unless the phase names a provider or the model is a
    /// selector: Claude Code has neither.
    fn holds(&self, phase: &PhaseDefaults, head: &RunHead) -> bool {
        head.surface == Surface::First
            || self.dialect == Dialect::Module
            || head.defaults.phase_models
            || phase.provider.is_some()
            || phase.model.as_ref().is_some_and(|model| model.contains('?'))
    }

    /// The rules by which the options of its calls are read.
    pub(super) fn rules(&self, head: &RunHead) -> OptionRules {
        OptionRules::of(head.surface, self.dialect)
    }

    /// What the script is given when the agent of this step fails.
    pub(super) fn on_failure(&self, request: &AgentRequest, head: &RunHead) -> OnFailure {
        let of_dialect = match (head.surface, self.dialect) {
            (Surface::First, _) | (_, Dialect::Module) => OnFailure::Throw,
            (_, Dialect::Body) => OnFailure::Null,
        };
        request.on_failure.or(head.defaults.on_failure).unwrap_or(of_dialect)
    }

    /// Fills in what a call with these options leaves open: the current phase, and the
    /// defaults that `meta` declares for it. `taken` is the recorded request, in a
    /// replay.
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
            // Claude Code has no such options, so they apply in a body as well.
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
