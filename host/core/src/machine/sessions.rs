//! Sessions of agents that later steps of the same script continue.
//!
//! Owns: which session a label refers to. Never: begins or ends one; providers do.
//!
//! A label refers to the step with that label that settled last, so in a replay it
//! refers to the same step.

use std::collections::BTreeMap;

use crate::codes::Code;
use crate::ids::{RunId, Scope, StepId};
use crate::outcome::Failure;
use crate::step_request::{AgentRequest, NamedSession, Reply, Usage};

/// The sessions of settled steps.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// By script and label.
    labelled: BTreeMap<(Scope, String), Result<LabelledSession, NoSession>>,
    /// Tokens used in each session, by provider and session id.
    used: BTreeMap<(String, String), Usage>,
}

/// The session of a settled step.
#[derive(Debug)]
struct LabelledSession {
    session: NamedSession,
    /// The run that the session belongs to, if the step reused an answer of that run.
    other_run: Option<RunId>,
}

/// Why a settled step has no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoSession {
    /// Its agent named no session.
    Unnamed,
    /// Its answer was written by hand.
    ByHand,
}

/// The label and the session of an open step.
#[derive(Debug, Default)]
pub(super) struct StepSession {
    label: Option<String>,
    /// The session that it continues.
    session_id: Option<String>,
}

impl StepSession {
    /// None without both, as in a fan-out of many thousand: each step takes memory.
    pub(super) fn of(request: &AgentRequest) -> Option<Box<Self>> {
        let of = request.session.as_ref().and_then(|session| session.of.as_ref());
        let session_id = of.map(|of| of.session_id.clone());
        let label = request.label.clone();
        (label.is_some() || session_id.is_some()).then(|| Box::new(Self { label, session_id }))
    }
}

impl Sessions {
    /// Finds the session that a request continues; `open` are the open steps.
    ///
    /// # Errors
    /// When there is no session to continue, or an open step is at work in it.
    pub(super) fn resolve<'a>(
        &self,
        request: &mut AgentRequest,
        scope: Scope,
        mut open: impl Iterator<Item = (StepId, &'a StepSession)>,
    ) -> Result<(), Failure> {
        let Some(session) = &mut request.session else { return Ok(()) };
        let label = &session.label;
        let refuse = |why: String| Err(refused(label, &why));
        let found = match self.labelled.get(&(scope, label.clone())) {
            Some(Ok(labelled)) => &labelled.session,
            Some(Err(NoSession::Unnamed)) => {
                return refuse("whose agent has named no session to go on with".into());
            }
            Some(Err(NoSession::ByHand)) => {
                let why = "whose answer was written by hand, so that there is no session to go on with; ask that step again in the fork";
                return refuse(why.into());
            }
            None => {
                let why =
                    "and no agent call of this script with that label is over; await it first";
                return refuse(why.into());
            }
        };
        // Two agents in one session would mix their conversations.
        let at_work = open.find(|(_, other)| other.session_id.as_ref() == Some(&found.session_id));
        if let Some((step, _)) = at_work {
            return refuse(format!("in whose session call {} is at work; await it first", step.0));
        }
        let of = (found.provider.clone(), found.session_id.clone());
        let used = self.used.get(&of).copied().unwrap_or_default();
        session.of = Some(NamedSession { used, ..found.clone() });
        Ok(())
    }

    /// Why no agent may continue the session that this request names: the session
    /// belongs to another run, which may continue it itself. None if it may.
    pub(super) fn refuse_other_run(&self, request: &AgentRequest, scope: Scope) -> Option<Failure> {
        let label = &request.session.as_ref()?.label;
        let run = self.labelled.get(&(scope, label.clone()))?.as_ref().ok()?.other_run.as_ref()?;
        let why = format!(
            "whose answer was taken over from {run}, and the session belongs to that run; ask that step again in the fork"
        );
        Some(refused(label, &why))
    }

    /// Records the session of a step that settles.
    pub(super) fn record(
        &mut self,
        step: StepId,
        scope: Scope,
        own: Option<Box<StepSession>>,
        reply: Option<&Reply>,
    ) {
        let session_id = reply.and_then(|reply| reply.session_id.clone());
        let session = reply.zip(session_id).map(|(reply, session_id)| {
            let provider = reply.provider.clone();
            *self.used.entry((provider.clone(), session_id.clone())).or_default() += reply.usage;
            // The sum is filled in when a later step continues the session.
            let used = Usage::default();
            LabelledSession {
                session: NamedSession { step, provider, session_id, used },
                other_run: reply.reused.as_ref().map(|reused| reused.run.clone()),
            }
        });
        if let Some(label) = own.and_then(|own| own.label) {
            let reused = reply.and_then(|reply| reply.reused.as_ref());
            let none = match reused.is_some_and(|reused| reused.by_hand) {
                true => NoSession::ByHand,
                false => NoSession::Unnamed,
            };
            self.labelled.insert((scope, label), session.ok_or(none));
        }
    }
}

fn refused(label: &str, why: &str) -> Failure {
    let message = format!("option `session` of agent() names `{label}`, {why}");
    Failure::new(Code::CallInvalid, message)
}
