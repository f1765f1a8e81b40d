//! The messages to the agent of a step, as its details show them.
//!
//! Owns: what became of each. Never: takes or gives one.

use std::collections::HashSet;

use serde::Serialize;

use super::{StepDetails, StepId, StepState, ms};
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

    /// Takes note of what became of the message of this number. What an agent was told
    /// stays told, also if a later one ended before it heard of it.
    pub(super) fn heard(all: &mut [Self], number: u64, too_late: bool) {
        for one in all.iter_mut().filter(|one| one.number == number) {
            one.fate = one.fate.after(too_late);
        }
    }
}

/// What waits for an agent that will not be run any more came too late. Nothing in the
/// journal says so: a step may be stopped in the queue, or end with its script.
pub(super) fn end_waiting(steps: &mut [StepDetails<'_>]) {
    let is_over =
        |step: &StepDetails<'_>| !matches!(step.state, StepState::Queued | StepState::Running);
    // Steps of a child workflow have no outcome if it ends without awaiting them.
    let over: HashSet<StepId> =
        steps.iter().filter(|step| is_over(step)).map(|step| step.step).collect();
    let ended_with = |step: &StepDetails<'_>| {
        step.scope.opened_by().is_some_and(|opener| over.contains(&opener))
    };
    for step in steps.iter_mut().filter(|step| is_over(step) || ended_with(step)) {
        for message in &mut step.messages {
            message.fate = message.fate.after(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::StepId;

    #[test]
    fn what_an_agent_was_told_stays_told() {
        let taken = |number| MessageTaken {
            number,
            by: "ann".into(),
            posted_us: 0,
            message: Some(Message::Message { step: StepId(1), text: "look".into() }),
            refused: None,
            settles: None,
            answers: None,
        };
        let (first, second) = (taken(1), taken(2));
        let all = [&first, &second].map(|taken| StepMessage::of(taken, 0).unwrap());
        let mut all = all.to_vec();
        for (number, too_late) in [(1, false), (1, true), (2, true)] {
            StepMessage::heard(&mut all, number, too_late);
        }
        assert_eq!([all[0].fate, all[1].fate], [Fate::Told, Fate::TooLate]);
    }
}
