//! A step: a request of a script, whose outcome it can await.
//!
//! Owns: the kinds of steps, the request of each, and what follows from the kind alone.
//! Never: the state of a step; [`crate::steps`] has it.
//!
//! A new kind of step is a new variant here. The matches in this file decide how lists,
//! reports and forks treat it.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::content::{sleep_key, workflow_key};
use crate::gate::AskRequest;
use crate::ids::Digest;
use crate::step_request::{AgentRequest, WorkflowTarget};

/// The kinds of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// `agent()`.
    Agent,
    /// `workflow()`.
    Workflow,
    /// `sleep()`.
    Sleep,
    /// `approve()`, `ask()` or `waitFor()`.
    Ask,
}

impl StepKind {
    /// The function that asks for it.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workflow => "workflow",
            Self::Sleep => "sleep",
            Self::Ask => "ask",
        }
    }

    /// OpenTelemetry's name of the operation, if it has one.
    #[must_use]
    pub fn operation(self) -> Option<&'static str> {
        match self {
            Self::Agent => Some("invoke_agent"),
            Self::Workflow => Some("invoke_workflow"),
            Self::Sleep | Self::Ask => None,
        }
    }

    /// Whether work on it begins when the script asks for it: it need not wait for an
    /// agent or a script.
    #[must_use]
    pub fn begins_at_once(self) -> bool {
        match self {
            Self::Agent | Self::Workflow => false,
            Self::Sleep | Self::Ask => true,
        }
    }
}

/// The request of a step. Its texts are shared: a hundred thousand steps may be
/// open, and several readers keep each of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", content = "request", rename_all = "snake_case", from = "Read")]
pub enum StepRequest {
    /// An agent, with the defaults of its phase applied.
    #[serde(serialize_with = "shared")]
    Agent(Arc<AgentRequest>),
    /// A child workflow.
    #[serde(serialize_with = "shared")]
    Workflow(Arc<WorkflowRequest>),
    /// A durable sleep.
    Sleep(SleepRequest),
    /// A question to people, or a wait for an event.
    #[serde(serialize_with = "shared")]
    Ask(Arc<AskRequest>),
}

/// The form in which a request is read, before its texts are shared.
#[derive(Deserialize)]
#[serde(tag = "of", content = "request", rename_all = "snake_case")]
enum Read {
    Agent(Box<AgentRequest>),
    Workflow(WorkflowRequest),
    Sleep(SleepRequest),
    Ask(Box<AskRequest>),
}

impl From<Read> for StepRequest {
    fn from(read: Read) -> Self {
        match read {
            Read::Agent(request) => Self::Agent(Arc::from(request)),
            Read::Workflow(request) => Self::Workflow(Arc::new(request)),
            Read::Sleep(sleep) => Self::Sleep(sleep),
            Read::Ask(request) => Self::Ask(Arc::from(request)),
        }
    }
}

/// Serialises the value as if it were not shared.
fn shared<T: Serialize, S: Serializer>(value: &Arc<T>, serializer: S) -> Result<S::Ok, S::Error> {
    T::serialize(value, serializer)
}

/// The fields of a request: text as it is, anything else as JSON.
fn fields_of(request: &impl Serialize) -> Vec<(String, String)> {
    let Ok(Value::Object(fields)) = serde_json::to_value(request) else { return Vec::new() };
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// The request of a `workflow` step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowRequest {
    /// The workflow.
    pub target: WorkflowTarget,
    /// Its arguments, as JSON text; none is `undefined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<String>,
}

/// The request of a `sleep` step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SleepRequest {
    /// Its length.
    pub milliseconds: f64,
    /// When it ends, in microseconds since 1970.
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
            Self::Ask(_) => StepKind::Ask,
        }
    }

    /// The function of the script that asked for it.
    #[must_use]
    pub fn function(&self) -> &'static str {
        match self {
            Self::Ask(request) => request.kind.function(),
            other => other.kind().function(),
        }
    }

    /// Its label: an agent's own one or the beginning of its prompt, the same of a
    /// question, the target of a workflow, or the length of a sleep.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Agent(request) => request.title(),
            Self::Workflow(request) => request.target.to_string(),
            Self::Sleep(sleep) => format!("sleep {} s", sleep.milliseconds / 1_000.0),
            Self::Ask(request) => request.title(),
        }
    }

    /// Digest of its content; see [`crate::content`].
    #[must_use]
    pub fn content(&self) -> Digest {
        match self {
            Self::Agent(request) => request.content_key(),
            Self::Workflow(request) => workflow_key(&request.target, request.args.as_deref()),
            Self::Sleep(sleep) => sleep_key(sleep.milliseconds),
            Self::Ask(request) => request.digest(),
        }
    }

    /// Whether a fork reuses its answer. A child workflow runs again, and its own steps
    /// reuse answers. An approval authorises only the run in which it was given.
    #[must_use]
    pub fn is_reused(&self) -> bool {
        match self {
            Self::Agent(_) | Self::Sleep(_) => true,
            Self::Ask(request) => !request.kind.is_approval(),
            Self::Workflow(_) => false,
        }
    }

    /// The request, if it is an agent's.
    #[must_use]
    pub fn agent(&self) -> Option<&Arc<AgentRequest>> {
        match self {
            Self::Agent(request) => Some(request),
            Self::Workflow(_) | Self::Sleep(_) | Self::Ask(_) => None,
        }
    }

    /// The request in named parts: text as it is, anything else as JSON.
    #[must_use]
    pub fn parts(&self) -> Vec<(String, String)> {
        let part = |name: &str, text: String| (name.to_owned(), text);
        match self {
            Self::Agent(request) => fields_of(&**request),
            Self::Ask(request) => fields_of(&**request),
            Self::Workflow(request) => {
                let args = request.args.clone().unwrap_or_default();
                vec![part("workflow", request.target.to_string()), part("args", args)]
            }
            Self::Sleep(sleep) => vec![part("sleep", sleep.milliseconds.to_string())],
        }
    }

    /// Total bytes of those texts in it that can be large.
    #[must_use]
    pub fn weight(&self) -> usize {
        match self {
            Self::Agent(request) => {
                request.prompt.len() + request.schema.as_deref().map_or(0, str::len)
            }
            Self::Workflow(request) => request.args.as_ref().map_or(0, String::len),
            Self::Ask(request) => request.weight(),
            Self::Sleep(_) => 0,
        }
    }

    /// Its prompt, its arguments or its detail, if longer than `bytes`.
    pub(crate) fn large_text(&mut self, bytes: usize) -> Option<&mut String> {
        match self {
            Self::Agent(request) if request.prompt.len() > bytes => {
                Some(&mut Arc::make_mut(request).prompt)
            }
            Self::Workflow(request)
                if request.args.as_ref().is_some_and(|args| args.len() > bytes) =>
            {
                Arc::make_mut(request).args.as_mut()
            }
            Self::Ask(request)
                if request.detail.as_ref().is_some_and(|detail| detail.len() > bytes) =>
            {
                Arc::make_mut(request).detail.as_mut()
            }
            Self::Agent(_) | Self::Workflow(_) | Self::Sleep(_) | Self::Ask(_) => None,
        }
    }
}
