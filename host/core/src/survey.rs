//! A summary of a journal, as a fold: what a resume must know before it replays.
//!
//! Owns: the head, the first script, and the limits, times and state at the end. Never:
//! keeps an answer, so that its size does not grow with the journal.

use crate::ids::Scope;
use crate::journal::{Body, Entry, RunHead, ScopeStart};
use crate::limits::Limits;
use crate::message::Message;
use crate::report::RunState;

/// A journal in a few fields.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// The head of the run.
    pub head: Option<RunHead>,
    /// Its first script.
    pub root: Option<ScopeStart>,
    /// Limits of the last epoch.
    pub limits: Limits,
    /// Number of epochs.
    pub epochs: u32,
    /// Format of its last entries.
    pub format: u32,
    /// Entries in it.
    pub entries: u64,
    /// Time of its first entry.
    pub created_at_us: i64,
    /// The latest time in it.
    pub last_us: i64,
    /// State of the run if no process holds it.
    pub state: Option<RunState>,
}

impl Survey {
    /// The survey of a journal that is wholly in memory.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut survey = Self::default();
        entries.iter().for_each(|entry| survey.add(entry));
        survey
    }

    /// Adds the next entry.
    pub fn add(&mut self, entry: &Entry) {
        match &entry.body {
            Body::RunStarted(head) => self.head = Some((**head).clone()),
            Body::EpochStarted { format, .. } => {
                self.format = *format;
                self.epochs = self.epochs.saturating_add(1);
            }
            Body::ScopeStarted(start) if start.scope == Scope::ROOT => {
                self.root = Some((**start).clone());
            }
            _ => {}
        }
        if let Some(limits) = limits_after(entry, self.limits) {
            self.limits = limits;
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

/// The limits that are in force after this entry, if it changes them.
pub(crate) fn limits_after(entry: &Entry, before: Limits) -> Option<Limits> {
    match &entry.body {
        Body::EpochStarted { limits, .. } => Some(*limits),
        Body::MessageTaken(taken) if taken.refused.is_none() => match &taken.message {
            Some(Message::Raise { limits }) => Some(limits.raising(before)),
            _ => None,
        },
        _ => None,
    }
}
