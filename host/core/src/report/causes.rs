//! Finds the step whose failure was thrown into a slot.
//!
//! Owns: the failures that were delivered to a script. Never: guesses, except for
//! journals whose slots do not name the step.

use std::collections::{BTreeMap, VecDeque};

use crate::guest::{Failure, NullSlot};
use crate::ids::StepId;
use crate::surface::Surface;

/// Bytes of titles and failures that are kept. For a failure beyond them, a slot has
/// no label; under surface 1 it has no step either.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Failures that may be the cause of a slot.
#[derive(Default)]
pub(super) struct Causes {
    surface: Surface,
    /// Bytes kept so far.
    bytes: usize,
    /// Titles of the steps that failed.
    titles: BTreeMap<StepId, String>,
    /// Under surface 1, in order: slots do not name their step, so the first failure
    /// with an equal code and message is taken for the cause.
    failures: VecDeque<(StepId, Failure)>,
}

impl Causes {
    pub(super) fn new(surface: Surface) -> Self {
        Self { surface, ..Self::default() }
    }

    /// Keeps a failure that was delivered to a script.
    pub(super) fn thrown(&mut self, step: StepId, title: String, failure: Failure) {
        let message = match self.surface {
            Surface::First => failure.message.len(),
            Surface::Second | Surface::Third | Surface::Fourth => 0,
        };
        let bytes = self.bytes.saturating_add(title.len() + message);
        if bytes > KEPT_BYTES_MAX {
            return;
        }
        self.bytes = bytes;
        self.titles.insert(step, title);
        if self.surface == Surface::First {
            self.failures.push_back((step, failure));
        }
    }

    /// The step whose failure this slot holds, and its title if that was kept.
    pub(super) fn of(&mut self, slot: &NullSlot) -> Option<(StepId, Option<String>)> {
        let step = match self.surface {
            Surface::First => self.guess(slot)?,
            Surface::Second | Surface::Third | Surface::Fourth => slot.step?,
        };
        // A script may throw one failure into any number of slots.
        Some((step, self.titles.get(&step).cloned()))
    }

    fn guess(&mut self, slot: &NullSlot) -> Option<StepId> {
        let code = slot.error.failure.as_ref()?;
        let is_cause =
            |failure: &Failure| failure.code == *code && failure.message == slot.error.message;
        let index = self.failures.iter().position(|(_, failure)| is_cause(failure))?;
        self.failures.remove(index).map(|(step, _)| step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_failures_is_bounded_by_bytes() {
        let mut causes = Causes::new(Surface::First);
        let failure = Failure::new("c", "m".repeat(1024));
        let count = u32::try_from(2 * KEPT_BYTES_MAX / 1024).unwrap();
        (1..=count).for_each(|step| causes.thrown(StepId(step), "t".repeat(1024), failure.clone()));
        assert!(causes.bytes <= KEPT_BYTES_MAX);
        assert_eq!(causes.titles.len(), causes.failures.len());
        assert_eq!(causes.titles.len(), KEPT_BYTES_MAX / 2048);
    }
}
