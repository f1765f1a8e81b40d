//! A step, as it is shown.
//!
//! Owns: its fields and their bounds. Never: whole prompts or answers.

use super::activity::Doing;
use super::state::StepState;
use super::stems::StemId;
use crate::ids::StepId;
use crate::reply::{AnswerSource, Usage};
use crate::step::StepKind;

/// Bytes kept of a label or another name.
pub(super) const LABEL_BYTES_MAX: usize = 256;

/// Bytes kept of a prompt, an answer or a message of an error: the first lines. The
/// journal has the whole.
pub(super) const TEXT_BYTES_MAX: usize = 512;

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepView {
    /// Its name in the stream: its number, or what another program wrote.
    pub key: String,
    /// Its kind.
    pub kind: StepKind,
    /// Its state.
    pub state: StepState,
    /// Its label. For a child workflow its name; for a question its label.
    pub label: String,
    /// What its label has in common with those of its like.
    pub stem: Option<StemId>,
    /// The model that was asked for, and then the one that answered.
    pub model: Option<String>,
    /// The provider of its agent.
    pub provider: Option<String>,
    /// The session of its agent.
    pub session: Option<String>,
    /// Number of attempts; 0 before the first.
    pub attempts: u32,
    /// When the script asked for it, in milliseconds.
    pub asked_ms: u64,
    /// When work on it began.
    pub started_ms: Option<u64>,
    /// When it was cut off or parked, if it has not begun again.
    pub rest_ms: Option<u64>,
    /// When it was settled.
    pub ended_ms: Option<u64>,
    /// Number of the event in which it was asked for, or first seen.
    pub asked_seq: u64,
    /// Number of the event with its prompt or question; 0 for none.
    pub started_seq: u64,
    /// Number of the event with its outcome; 0 for none.
    pub ended_seq: u64,
    /// Its tokens.
    pub usage: Usage,
    /// Its dollars, if known.
    pub cost_usd: Option<f64>,
    /// What its agent is doing; kept when it has ended.
    pub doing: Doing,
    /// The beginning of the prompt, or the question.
    pub prompt: String,
    /// The beginning of the outcome.
    pub output: Option<String>,
    /// The code and the beginning of the message of its failure.
    pub error: Option<(String, String)>,
    /// The step whose answer was reused.
    pub reused: Option<AnswerSource>,
    /// The path of the worktree that it left behind.
    pub worktree: Option<String>,
    /// Permissions that its agent asked for in vain.
    pub refused_asks: u32,
    /// Length of a sleep, in milliseconds.
    pub sleep_ms: Option<u64>,
    /// Its place among the agents at work.
    pub(super) work_order: Option<u64>,
    /// Whether an event has said that it was asked for or begun.
    pub(super) is_announced: bool,
}

impl StepView {
    pub(super) fn new(key: String, kind: StepKind, state: StepState, seq: u64, at_ms: u64) -> Self {
        Self {
            key,
            kind,
            state,
            label: String::new(),
            stem: None,
            model: None,
            provider: None,
            session: None,
            attempts: 0,
            asked_ms: at_ms,
            started_ms: None,
            rest_ms: None,
            ended_ms: None,
            asked_seq: seq,
            started_seq: 0,
            ended_seq: 0,
            usage: Usage::default(),
            cost_usd: None,
            doing: Doing::default(),
            prompt: String::new(),
            output: None,
            error: None,
            reused: None,
            worktree: None,
            refused_asks: 0,
            sleep_ms: None,
            work_order: None,
            is_announced: false,
        }
    }

    /// Its number; none if another program named it.
    #[must_use]
    pub fn number(&self) -> Option<StepId> {
        self.key.parse().ok().map(StepId)
    }

    /// Milliseconds of its work so far or in all; none before its start.
    #[must_use]
    pub fn took_ms(&self, now_ms: u64) -> Option<u64> {
        let until = self.ended_ms.or(self.rest_ms).unwrap_or(now_ms);
        Some(until.saturating_sub(self.started_ms?))
    }
}
