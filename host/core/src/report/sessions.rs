//! The agents' own sessions, which people can look at or continue.
//!
//! Owns: which are listed. Never: reads a session.

use serde::Serialize;

use crate::ids::StepId;
use crate::step_request::Reply;

/// Most sessions that are listed; `history` has all of them.
const LISTED_MAX: usize = 1_000;

/// The session in which an agent answered a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionReport {
    /// Number of the step.
    pub step: StepId,
    /// Label of the step.
    pub label: String,
    /// Provider that answered.
    pub provider: String,
    /// Model that answered, if the provider names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider's name of the session.
    pub session_id: String,
}

/// Adds the session of a reply, if it has one and there is room.
pub(super) fn add(list: &mut Vec<SessionReport>, step: StepId, label: &str, reply: &Reply) {
    let Some(session_id) = reply.session_id.clone().filter(|_| list.len() < LISTED_MAX) else {
        return;
    };
    let (provider, model) = (reply.provider.clone(), reply.model.clone());
    list.push(SessionReport { step, label: label.to_owned(), provider, model, session_id });
}
