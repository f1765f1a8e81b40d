//! A question of an agent that waits for a person.
//!
//! Owns: the answer to the agent for each verdict. Never: decides whether a person is asked;
//! the policy does.

use serde_json::Value;
use smol_wf_core::asks::RefusedAsk;

use super::wire;
use crate::permission::allows;
use crate::{Activity, PermissionVerdict};

/// The question, and both answers in the protocol's form.
#[derive(Debug)]
pub(super) struct AskedPerson {
    pub(super) id: Value,
    /// What was asked, in words.
    pub(super) what: String,
    pub(super) yes: Value,
    pub(super) no: Value,
}

impl AskedPerson {
    /// The answer to the agent, and what it was denied.
    pub(super) fn judged(
        self,
        verdict: &PermissionVerdict,
        activity: &dyn Activity,
    ) -> (Value, Option<String>) {
        let Self { id, what, yes, no } = self;
        match allows(verdict, || RefusedAsk::once(what.clone(), None), activity) {
            true => (wire::answer(&id, &yes), None),
            false => (wire::answer(&id, &no), Some(what)),
        }
    }
}
