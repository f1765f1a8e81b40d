//! The bounds of a simulation of a script that does not end.
//!
//! Owns: bounds on everything but agents and fuel, so that every simulation ends within
//! seconds. Never: counts agents or fuel; the machine does, up to the user's limits.

use smol_wf_core::codes::Code;
use smol_wf_core::journal::{Body, Entry};
use smol_wf_core::limits::Limits;
use smol_wf_core::step::StepRequest;

use super::simulated_run::SimulationEnd;

/// Child workflows of one run, beside one for each agent. Every child is an instance of
/// its own, about 2 ms.
const CHILDREN_MAX: usize = 1_000;

/// Phases, log lines, sleeps, timers, null slots, warnings, refused calls and `workflow`
/// steps of one run, beside [`NOTES_PER_AGENT`]. A sleep takes a turn of the script, about
/// 50 µs.
const NOTES_MAX: usize = 20_000;

/// The same for each agent, so that a script with many agents may log about each.
const NOTES_PER_AGENT: usize = 20;

/// Scripts of one run that are diagnosed because they wait for nothing. Each diagnosis
/// replays the run.
const DIAGNOSES_MAX: usize = 8;

/// Entries that take as long to make as an instance for a child workflow.
const ENTRIES_PER_CHILD: usize = 100;

/// What one run has used so far.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    agents: usize,
    children: usize,
    notes: usize,
    diagnoses: usize,
    /// File name of the last child.
    last_child: String,
}

impl Bounds {
    /// Counts these entries.
    pub(super) fn count(&mut self, entries: &[Entry]) {
        for entry in entries {
            match &entry.body {
                Body::StepAsked { asked: StepRequest::Agent(_), .. } => self.agents += 1,
                Body::ScopeStarted(start) if start.scope.opened_by().is_some() => {
                    self.children += 1;
                    self.last_child.clone_from(&start.file_name);
                }
                Body::PhaseSet { .. }
                | Body::Logged { .. }
                | Body::SlotNulled { .. }
                | Body::TimerSet { .. }
                | Body::Warned { .. }
                | Body::CallRefused(_)
                | Body::StepAsked { .. } => self.notes += 1,
                _ => {}
            }
        }
    }

    /// The end of the run, if a bound was crossed.
    pub(super) fn crossed(&self) -> Option<SimulationEnd> {
        let message = if self.children > CHILDREN_MAX + self.agents {
            format!(
                "the script started {} child workflows and asked {}, and goes on, last with `{}`",
                self.children,
                self.asked(),
                self.last_child
            )
        } else if self.notes > NOTES_MAX + NOTES_PER_AGENT * self.agents {
            format!(
                "the script made {} phases, log lines, sleeps, timers, null slots, refused calls and child workflows and asked {}, and goes on",
                self.notes,
                self.asked()
            )
        } else {
            return None;
        };
        Some(SimulationEnd::Stopped { code: Code::RehearsalBound.into(), message, reached: None })
    }

    fn asked(&self) -> String {
        if self.agents == 1 { "1 agent".to_owned() } else { format!("{} agents", self.agents) }
    }

    /// Whether one more script may be diagnosed. Counts it if so.
    pub(super) fn may_diagnose(&mut self) -> bool {
        self.diagnoses += 1;
        self.diagnoses <= DIAGNOSES_MAX
    }
}

/// What several runs have used together.
#[derive(Debug, Default)]
pub(super) struct Effort {
    entries: usize,
    fuel: u64,
}

impl Effort {
    /// Adds a run.
    pub(super) fn add(&mut self, entries: &[Entry]) {
        self.entries += entries.len();
        for entry in entries {
            match &entry.body {
                Body::ScopeStarted(_) => self.entries += ENTRIES_PER_CHILD,
                Body::TurnEnded { fuel, .. } => self.fuel = self.fuel.saturating_add(*fuel),
                _ => {}
            }
        }
    }

    /// Whether the runs have more than this number of entries, or used more than a tenth of
    /// a run's fuel. A script may use that much in one turn, in a second or two.
    pub(super) fn is_over(&self, entries_max: usize, limits: &Limits) -> bool {
        self.entries > entries_max || self.fuel > limits.turn_fuel(0)
    }
}
