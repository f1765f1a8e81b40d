//! A step: what a script asks of the world and waits for.
//!
//! Owns: the kinds of steps, what each one asks for, and what follows from its
//! kind alone. Never: knows how a step stands; [`crate::steps`] does.
//!
//! A new kind of step is a new variant here; the matches of this file say what
//! lists, reports and forks make of it.

use std::sync::Arc;

use serde::Serialize;

use crate::call::{AgentRequest, WorkflowTarget};
use crate::content::{sleep_key, workflow_key};
use crate::ids::Digest;

/// The kinds of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// `agent()`.
    Agent,
    /// `workflow()`.
    Workflow,
    /// `sleep()`.
    Sleep,
}

/// What a step asks for. Its texts are shared: a hundred thousand steps may be
/// open, and several readers keep each of them.
#[derive(Debug, Clone, PartialEq)]
pub enum StepRequest {
    /// An agent.
    Agent(Arc<AgentRequest>),
    /// A child workflow.
    Workflow(Arc<WorkflowRequest>),
    /// Time.
    Sleep(SleepRequest),
}

/// What a `workflow()` call asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowRequest {
    /// The workflow.
    pub target: WorkflowTarget,
    /// Its arguments, as JSON text; none is `undefined`.
    pub args: Option<String>,
}

/// What a `sleep()` call asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SleepRequest {
    /// As the script asked.
    pub milliseconds: f64,
    /// When it is over, in microseconds since 1970.
    pub wake_at_us: i64,
}

impl StepRequest {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::Agent(_) => StepKind::Agent,
            Self::Workflow(_) => StepKind::Workflow,
            Self::Sleep(_) => StepKind::Sleep,
        }
    }

    /// What people call the step.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Agent(request) => request.title(),
            Self::Workflow(request) => request.target.to_string(),
            Self::Sleep(sleep) => format!("sleep {} s", sleep.milliseconds / 1_000.0),
        }
    }

    /// Digest of what makes it the step it is, whichever run asked.
    #[must_use]
    pub fn content(&self) -> Digest {
        match self {
            Self::Agent(request) => request.content_key(),
            Self::Workflow(request) => workflow_key(&request.target, request.args.as_deref()),
            Self::Sleep(sleep) => sleep_key(sleep.milliseconds),
        }
    }

    /// Whether a fork takes its answer over in place of asking again. A child
    /// workflow runs again; its own steps are taken over.
    #[must_use]
    pub fn is_reused(&self) -> bool {
        match self {
            Self::Agent(_) | Self::Sleep(_) => true,
            Self::Workflow(_) => false,
        }
    }

    /// The request, of an agent.
    #[must_use]
    pub fn agent(&self) -> Option<&Arc<AgentRequest>> {
        match self {
            Self::Agent(request) => Some(request),
            Self::Workflow(_) | Self::Sleep(_) => None,
        }
    }
}
