//! The messages to the agent of a step, as its details show them.
//!
//! Owns: what became of each. Never: takes or gives one.

use serde::Serialize;

use super::ms;
use crate::message::{Fate, Message, MessageTaken};

/// A message to an agent that the holder took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepMessage<'a> {
    /// Its number among the messages of the run.
    pub number: u64,
    /// The system's name of the user who posted it.
    pub by: &'a str,
    /// When it was taken.
    #[serde(rename = "takenAtMs", serialize_with = "ms")]
    pub taken_at_us: i64,
    /// What became of it.
    pub fate: Fate,
    /// The text.
    pub text: &'a str,
}

impl<'a> StepMessage<'a> {
    /// The message that this entry took; none for other kinds, and if it had no effect.
    pub(super) fn of(taken: &'a MessageTaken, at_us: i64) -> Option<Self> {
        let text = taken.message.as_ref().and_then(Message::text);
        let text = text.filter(|_| taken.refused.is_none())?;
        let MessageTaken { number, by, .. } = taken;
        Some(Self { number: *number, by, taken_at_us: at_us, fate: Fate::Waits, text })
    }

    /// Takes note of what became of the message of this number.
    pub(super) fn heard(all: &mut [Self], number: u64, too_late: bool) {
        for one in all.iter_mut().filter(|one| one.number == number) {
            one.fate = Fate::of(too_late);
        }
    }
}
