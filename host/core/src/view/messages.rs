//! Messages from outside, as they are shown.
//!
//! Owns: the last ones by their number, and what became of those to agents. Never: gives
//! one to an agent.

use std::collections::BTreeMap;

use super::step_view::TEXT_BYTES_MAX;
use crate::cut;
use crate::event::MessageEvent;
use crate::ids::StepId;
use crate::message::Fate;

/// Messages kept: far more than people write to one run.
const MESSAGES_MAX: usize = 1_000;

/// A message from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageView {
    /// When the holder took it, in milliseconds.
    pub at_ms: u64,
    /// What it is; of its text the beginning.
    pub event: MessageEvent,
    /// What became of it; none unless it is for an agent.
    pub fate: Option<Fate>,
}

/// The last messages.
#[derive(Debug, Default)]
pub(super) struct Messages(BTreeMap<u64, MessageView>);

impl Messages {
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &MessageView> {
        self.0.values()
    }

    pub(super) fn get(&self, number: u64) -> Option<&MessageView> {
        self.0.get(&number)
    }

    /// Adds one; the oldest gives way.
    pub(super) fn add(&mut self, at_ms: u64, event: &MessageEvent) {
        let mut event = event.clone();
        event.text = event.text.map(|text| cut::marked(text, TEXT_BYTES_MAX));
        let is_for_agent = event.text.is_some() && event.refused.is_none();
        let fate = is_for_agent.then_some(Fate::Waits);
        self.0.insert(event.number, MessageView { at_ms, event, fate });
        if self.0.len() > MESSAGES_MAX {
            self.0.pop_first();
        }
    }

    /// Notes what became of one. Returns it, if it is kept.
    pub(super) fn heard(&mut self, number: u64, too_late: bool) -> Option<&MessageView> {
        let message = self.0.get_mut(&number)?;
        message.fate = message.fate.map(|fate| fate.after(too_late));
        Some(message)
    }

    /// The agents of these steps will not be run any more: what waits for them came too
    /// late.
    pub(super) fn end(&mut self, is_over: impl Fn(StepId) -> bool) {
        let waiting = self.0.values_mut().filter(|message| message.fate == Some(Fate::Waits));
        for message in waiting {
            if message.event.step.is_some_and(&is_over) {
                message.fate = Some(Fate::TooLate);
            }
        }
    }
}
