//! What must be known of a recorded run before it is met again, as a fold over
//! its journal.
//!
//! Owns: the head, the first script, and what later entries make of them. Never:
//! keeps an answer; a journal of any size comes down to this.

use crate::ids::Scope;
use crate::journal::{Body, Entry, RunHead, ScopeStart};
use crate::limits::Limits;
use crate::report::RunState;

/// A journal in short.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// What the run was started with.
    pub head: Option<RunHead>,
    /// Its first script.
    pub root: Option<ScopeStart>,
    /// Limits that were in force last.
    pub limits: Limits,
    /// Processes that worked on it.
    pub attempts: u32,
    /// Format of its last entries.
    pub format: u32,
    /// Entries in it.
    pub entries: u64,
    /// Time of its first entry.
    pub created_at_us: i64,
    /// The latest time in it.
    pub last_us: i64,
    /// How the run stands when nobody holds it.
    pub state: Option<RunState>,
}

impl Survey {
    /// Of a journal that is all in memory.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut survey = Self::default();
        entries.iter().for_each(|entry| survey.add(entry));
        survey
    }

    /// Takes in the next entry.
    pub fn add(&mut self, entry: &Entry) {
        match &entry.body {
            Body::RunStarted(head) => self.head = Some((**head).clone()),
            Body::EpochStarted { limits, format, .. } => {
                self.limits = *limits;
                self.format = *format;
                self.attempts = self.attempts.saturating_add(1);
            }
            Body::ScopeStarted(start) if start.scope == Scope::ROOT => {
                self.root = Some((**start).clone());
            }
            _ => {}
        }
        if self.entries == 0 {
            (self.created_at_us, self.last_us) = (entry.at_us, entry.at_us);
        }
        self.entries += 1;
        self.last_us = self.last_us.max(entry.at_us);
        self.state = Some(RunState::after(&entry.body, false));
    }

    /// Whether the run has its result or its error.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.is_some_and(|state| !state.is_resumable())
    }
}
