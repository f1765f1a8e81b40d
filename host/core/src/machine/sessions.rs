//! Sessions of agents that later calls of the same script go on with.
//!
//! Owns: which session a label stands for. Never: begins or ends one; providers do.
//!
//! A label stands for the last call of the script that was settled under it, so in a
//! replay it stands for the same one.

use std::collections::BTreeMap;

use crate::call::{AgentRequest, NamedSession, Reply};
use crate::codes::Code;
use crate::ids::{CallId, Scope};
use crate::outcome::Failure;

/// By script and label; none where the agent has named no session.
#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<(Scope, String), Option<NamedSession>>);

/// What is kept of an open call for the calls after it.
#[derive(Debug, Default)]
pub(super) struct Named {
    label: Option<String>,
    /// The session that it goes on with.
    session_id: Option<String>,
}

impl Named {
    pub(super) fn of(request: &AgentRequest) -> Self {
        let of = request.session.as_ref().and_then(|session| session.of.as_ref());
        let session_id = of.map(|of| of.session_id.clone());
        Self { label: request.label.clone(), session_id }
    }
}

impl Sessions {
    /// Finds the session that a call goes on with; `open` are the calls that are not over.
    pub(super) fn name<'a>(
        &self,
        request: &mut AgentRequest,
        scope: Scope,
        mut open: impl Iterator<Item = (CallId, &'a Named)>,
    ) -> Result<(), Failure> {
        let Some(session) = &mut request.session else { return Ok(()) };
        let label = &session.label;
        let refuse = |why: String| {
            let message = format!("option `session` of agent() names `{label}`, {why}");
            Err(Failure::new(Code::CallInvalid, message))
        };
        let found = match self.0.get(&(scope, label.clone())) {
            Some(Some(found)) => found,
            Some(None) => return refuse("whose agent has named no session to go on with".into()),
            None => {
                let why =
                    "and no agent call of this script with that label is over; await it first";
                return refuse(why.into());
            }
        };
        // Two agents in one session would spoil it.
        let at_work = open.find(|(_, named)| named.session_id.as_ref() == Some(&found.session_id));
        if let Some((call, _)) = at_work {
            return refuse(format!("in whose session call {} is at work; await it first", call.0));
        }
        session.of = Some(found.clone());
        Ok(())
    }

    /// Notes the session of a call that is over.
    pub(super) fn note(&mut self, call: CallId, scope: Scope, named: Named, reply: Option<&Reply>) {
        let Some(label) = named.label else { return };
        let session_id = reply.and_then(|reply| reply.session_id.clone());
        let session = reply.zip(session_id).map(|(reply, session_id)| NamedSession {
            call,
            provider: reply.provider.clone(),
            session_id,
        });
        self.0.insert((scope, label), session);
    }
}
