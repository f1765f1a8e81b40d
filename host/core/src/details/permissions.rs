//! The permissions that the agent of a step asked people for.
//!
//! Owns: what was asked, and what became of it. Never: decides that; the journal says so.

use serde::Serialize;

use super::{ms, ms_or_null};
use crate::gate::{AnsweredBy, AskRequest};

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionState {
    /// The agent waits for a person.
    Open,
    /// A person allowed it.
    Allowed,
    /// A person refused it.
    Refused,
    /// The agent no longer waits: its attempt ended, or it went on without.
    Withdrawn,
}

/// A permission that an agent asked people for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionDetails<'a> {
    /// Number of the question within its step, from 1.
    pub ask: u32,
    /// The attempt that asked.
    pub attempt: u32,
    /// What became of it.
    pub state: PermissionState,
    /// The question.
    pub question: &'a str,
    /// Exactly what would be done, as far as the agent says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
    /// The kind of tool, in the agent's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<&'a str>,
    /// When it was asked.
    #[serde(rename = "askedAtMs", serialize_with = "ms")]
    pub asked_at_us: i64,
    /// When a person answered.
    #[serde(rename = "answeredAtMs", serialize_with = "ms_or_null")]
    pub answered_at_us: Option<i64>,
    /// Who answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<&'a str>,
    /// What the person said beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<&'a str>,
}

impl<'a> PermissionDetails<'a> {
    pub(super) fn asked(request: &'a AskRequest, at_us: i64) -> Self {
        let agent = request.agent.as_deref();
        Self {
            ask: agent.map_or(0, |agent| agent.ask),
            attempt: agent.map_or(0, |agent| agent.attempt),
            state: PermissionState::Open,
            question: &request.question,
            detail: request.detail.as_deref(),
            tool: agent.and_then(|agent| agent.tool.as_deref()),
            asked_at_us: at_us,
            answered_at_us: None,
            by: None,
            comment: None,
        }
    }

    pub(super) fn answered(&mut self, allowed: bool, answered: &'a AnsweredBy) {
        self.state = if allowed { PermissionState::Allowed } else { PermissionState::Refused };
        self.answered_at_us = Some(answered.at_us);
        self.by = Some(&answered.by);
        self.comment = answered.comment.as_deref();
    }

    /// It is withdrawn, unless it has its answer.
    pub(super) fn end(&mut self) {
        if self.state == PermissionState::Open {
            self.state = PermissionState::Withdrawn;
        }
    }
}
