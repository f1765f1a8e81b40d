//! Taking a question of the guest, or refusing it.
//!
//! Owns: the entry that a refusal is, and that a replay refuses what was refused,
//! in the words of then. Never: says what is wrong with a question.

use super::turn::with_mark;
use super::{Body, Machine};
use crate::guest::{Refusal, StopTurn};
use crate::journal::FORMAT_IN_EPOCHS;
use crate::limits::LOG_BYTES_MAX;
use crate::outcome::Failure;
use crate::refusal::{Question, RefusedCall};

/// The first format in which a refusal is an entry.
const REFUSALS_FROM: u32 = FORMAT_IN_EPOCHS;

impl Machine {
    /// What `read` makes of a question, or the refusal that the script is thrown.
    pub(super) fn judge<T>(
        &mut self,
        question: &Question<'_>,
        read: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Refusal> {
        if let Some(failure) = self.refused_then(question) {
            return Err(Refusal::Call(failure));
        }
        read(self).map_err(|failure| match self.refuse(question, failure) {
            Ok(failure) => Refusal::Call(failure),
            Err(stop) => Refusal::Stop(stop),
        })
    }

    /// What this question was refused with, where the next recorded entry says so:
    /// today it might be taken, or refused in other words.
    fn refused_then(&mut self, question: &Question<'_>) -> Option<Failure> {
        self.skip_epochs();
        let recorded = self.recording.front()?;
        match &recorded.body {
            Body::CallRefused(refused) if refused.is_of(question) => {}
            _ => return None,
        }
        let refused = self.met();
        self.notes += 1;
        self.leave_replay();
        match refused?.body {
            Body::CallRefused(refused) => Some(refused.failure),
            _ => None,
        }
    }

    fn refuse(&mut self, question: &Question<'_>, failure: Failure) -> Result<Failure, StopTurn> {
        if !self.is_live() && self.format < REFUSALS_FROM {
            self.older_refusals.add(&failure.message);
            return Ok(failure);
        }
        self.count_note()?;
        let failure = Failure { message: with_mark(failure.message, LOG_BYTES_MAX), ..failure };
        self.count_bytes(failure.message.len())?;
        let refused = RefusedCall::new(self.current, question, failure.clone());
        self.record(Body::CallRefused(Box::new(refused)))?;
        Ok(failure)
    }
}
