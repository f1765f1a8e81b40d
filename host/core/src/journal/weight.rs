//! The size of an entry, and how to shorten it.
//!
//! Owns: which texts of an entry can be large. Never: changes a written entry.

use super::{Body, RunEnd};
use crate::cut;
use crate::guest::Outcome;
use crate::message::Message;

impl Body {
    /// Total bytes of those texts in it that can be large.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::AnswerPooled(answer) => weight_of(&answer.outcome),
            Self::ScopeStarted(start) => start.texts().map(String::len).sum(),
            Self::StepAsked { asked, .. } => asked.weight(),
            Self::CallRefused(refused) => refused.failure.message.len(),
            Self::Logged { message, .. } => message.len(),
            Self::PhaseSet { title, .. } => title.len(),
            Self::SlotNulled { slot, .. } => slot.error.message.len() + slot.error.stack.len(),
            Self::Warned { warning, .. } => warning.message.len(),
            Self::AgentAnswered { outcome, .. }
            | Self::AskAnswered { outcome, .. }
            | Self::Settled { outcome, .. } => weight_of(outcome),
            Self::AgentAsked { request, .. } => request.weight(),
            Self::MessageTaken(taken) => {
                let text =
                    |message: &Message| message.value().or(message.text()).map_or(0, str::len);
                taken.message.as_ref().map_or(0, text)
                    + taken.settles.as_ref().map_or(0, |settles| weight_of(&settles.outcome))
            }
            Self::RunEnded { end: RunEnd::Completed { result, .. } } => result.len(),
            _ => 0,
        }
    }

    /// How many of its `written` bytes count towards the bound of the journal. A
    /// reused answer is in the journal twice, as offered and as delivered, and counts
    /// once.
    #[must_use]
    pub fn counted(&self, written: usize) -> usize {
        match self {
            Self::Settled { outcome, reply: Some(reply), .. } if reply.reused.is_some() => {
                written.saturating_sub(weight_of(outcome))
            }
            _ => written,
        }
    }

    /// Cuts prompts, arguments, answers and results to this many bytes each, for
    /// readers that do not show them. Such an entry must not be written again.
    pub fn shorten(&mut self, bytes: usize) {
        match self {
            Self::AnswerPooled(answer) => shorten_outcome(&mut answer.outcome, bytes),
            Self::ScopeStarted(start) => {
                start.texts_mut().for_each(|text| shorten_text(text, bytes));
            }
            Self::StepAsked { asked, .. } => {
                asked.large_text(bytes).into_iter().for_each(|text| shorten_text(text, bytes));
            }
            Self::AgentAnswered { outcome, .. }
            | Self::AskAnswered { outcome, .. }
            | Self::Settled { outcome, .. } => {
                shorten_outcome(outcome, bytes);
            }
            Self::RunEnded { end: RunEnd::Completed { result, .. } } => shorten_text(result, bytes),
            _ => {}
        }
    }
}

fn weight_of(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Value(text) => text.len(),
        Outcome::Failed(failure) => failure.message.len(),
    }
}

fn shorten_outcome(outcome: &mut Outcome, bytes: usize) {
    if let Outcome::Value(text) = outcome {
        shorten_text(text, bytes);
    }
}

/// Copies the head, so that the memory of the rest is freed.
fn shorten_text(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        *text = cut::head(text, bytes).to_owned();
    }
}
