//! Whether a message fits a run as its journal shows it.
//!
//! Owns: the check before a message is posted. Never: the verdict that counts; the
//! holder takes the message later, and [`crate::machine`] judges then.

use crate::ids::StepId;
use crate::journal::Entry;
use crate::message::{Message, MessageRefusal};
use crate::steps::Steps;
use crate::survey::Survey;

/// A run as those who post to it see it, as a fold over its journal.
#[derive(Debug, Default)]
pub struct Standing {
    /// Limits, epochs and state.
    pub survey: Survey,
    /// The open steps.
    pub steps: Steps,
}

impl Standing {
    /// Adds the next entry.
    pub fn add(&mut self, entry: &Entry) {
        self.survey.add(entry);
        self.steps.after(entry);
    }

    /// Refuses a message about a step that is not open, or cannot do what it asks.
    ///
    /// # Errors
    /// The reason, which the holder would give as well.
    pub fn check(&self, message: &Message) -> Result<(), MessageRefusal> {
        match message {
            Message::Stop { step } => self.check_open(*step),
            Message::Restart { step } => {
                self.check_open(*step)?;
                let is_agent = self.steps.get(*step).is_some_and(|open| open.agent().is_some());
                is_agent.then_some(()).ok_or(MessageRefusal::NotAnAgent { step: *step })
            }
            _ => Ok(()),
        }
    }

    fn check_open(&self, step: StepId) -> Result<(), MessageRefusal> {
        if self.steps.get(step).is_some() {
            return Ok(());
        }
        let asked = self.steps.last().map_or(0, |last| last.0);
        match (1..=asked).contains(&step.0) {
            true => Err(MessageRefusal::StepSettled { step }),
            false => Err(MessageRefusal::StepUnknown { step, asked: asked as usize }),
        }
    }
}
