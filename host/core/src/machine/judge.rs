//! Accepts or refuses a call of the guest.
//!
//! Owns: the entry of a refusal, and the rule that a replay repeats a recorded refusal
//! word for word. Never: decides what is wrong with a call.

use super::turn::with_mark;
use super::{Body, Machine};
use crate::guest::{Refusal, StopTurn};
use crate::journal::FORMAT_IN_EPOCHS;
use crate::limits::LOG_BYTES_MAX;
use crate::outcome::Failure;
use crate::refusal::{Call, RefusedCall};

/// The first format in which a refusal is an entry.
const REFUSALS_FROM: u32 = FORMAT_IN_EPOCHS;

impl Machine {
    /// Reads a call with `read`, or returns the refusal to throw into the script.
    pub(super) fn judge<T>(
        &mut self,
        call: &Call<'_>,
        read: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Refusal> {
        if let Some(failure) = self.recorded_refusal(call) {
            return Err(Refusal::Call(failure));
        }
        read(self).map_err(|failure| match self.refuse(call, failure) {
            Ok(failure) => Refusal::Call(failure),
            Err(stop) => Refusal::Stop(stop),
        })
    }

    /// The recorded refusal of this call, if that is the next entry. This program
    /// might accept the call, or refuse it in other words.
    fn recorded_refusal(&mut self, call: &Call<'_>) -> Option<Failure> {
        self.skip_epochs();
        let recorded = self.recording.front()?;
        match &recorded.body {
            Body::CallRefused(refused) if refused.is_of(call) => {}
            _ => return None,
        }
        let refused = self.take_recorded();
        self.notes += 1;
        self.leave_replay();
        match refused?.body {
            Body::CallRefused(refused) => Some(refused.failure),
            _ => None,
        }
    }

    fn refuse(&mut self, call: &Call<'_>, failure: Failure) -> Result<Failure, StopTurn> {
        if !self.is_live() && self.format < REFUSALS_FROM {
            self.older_refusals.add(&failure.message);
            return Ok(failure);
        }
        self.count_note()?;
        let failure = Failure { message: with_mark(failure.message, LOG_BYTES_MAX), ..failure };
        self.count_bytes(failure.message.len())?;
        let refused = RefusedCall::new(self.current, call, failure.clone());
        self.record(Body::CallRefused(Box::new(refused)))?;
        Ok(failure)
    }
}
