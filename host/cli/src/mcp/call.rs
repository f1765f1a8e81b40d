//! One call of a tool: who calls, with which arguments, and what the client can do.
//!
//! Owns: reading arguments, and the form of results and refusals. Never: a tool.

use rmcp::RoleServer;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, InputResponses, JsonObject,
    ProtocolVersion,
};
use rmcp::service::{Peer, RequestContext};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;

use super::rights::Right;
use crate::sanitize;

/// Most characters of a client's name in the log.
const CLIENT_CHARS_MAX: usize = 60;

/// What a tool comes to; an error is a sentence for the model.
pub(super) type Answer = Result<CallToolResponse, String>;

/// One call.
pub(super) struct Call {
    pub(super) tool: String,
    arguments: JsonObject,
    /// What the client's user or the client itself answered to requests of the call before.
    pub(super) responses: InputResponses,
    pub(super) peer: Peer<RoleServer>,
    pub(super) can: ClientCapabilities,
    /// The name of the client, for the log.
    pub(super) client: String,
    /// Whether the client takes requests of the server. Newer ones are answered with what
    /// is asked of them instead, and call again.
    pub(super) takes_requests: bool,
    /// The right to work, which it gives back while it waits.
    pub(super) right: Right,
}

impl Call {
    pub(super) fn new(
        tool: String,
        arguments: Option<JsonObject>,
        responses: Option<InputResponses>,
        right: Right,
        context: &RequestContext<RoleServer>,
    ) -> Self {
        let is_older = context
            .protocol_version()
            .is_none_or(|version| version < ProtocolVersion::V_2026_07_28);
        Self {
            tool,
            arguments: arguments.unwrap_or_default(),
            responses: responses.unwrap_or_default(),
            peer: context.peer.clone(),
            can: context.client_capabilities().unwrap_or_default(),
            client: client_of(context),
            takes_requests: is_older,
            right,
        }
    }

    /// The arguments. Fails with what does not fit.
    pub(super) fn arguments<T: DeserializeOwned>(&self) -> Result<T, String> {
        let arguments = Value::Object(self.arguments.clone());
        serde_json::from_value(arguments)
            .map_err(|error| format!("the arguments of {} do not fit: {error}", self.tool))
    }

    /// The arguments as they are, for a workflow.
    pub(super) fn raw(&self) -> &JsonObject {
        &self.arguments
    }

    /// Whether the client shows forms to its user.
    pub(super) fn can_ask_person(&self) -> bool {
        // One that names neither way has the first, forms.
        self.can.elicitation.as_ref().is_some_and(|can| can.form.is_some() || can.url.is_none())
    }

    /// Whether the client knows tasks.
    pub(super) fn knows_tasks(&self) -> bool {
        self.can.supports_tasks()
    }
}

/// Reads a field that may be JSON's null, which is not the same as leaving it out.
pub(super) fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// The name of a client, for the log.
pub(super) fn client_of(context: &RequestContext<RoleServer>) -> String {
    let info = context.client_info();
    let name = info.map(|info| sanitize::one_line(&info.name)).filter(|name| !name.is_empty());
    sanitize::cut(&name.unwrap_or_else(|| "a client".to_owned()), CLIENT_CHARS_MAX)
}

/// A result for models and programs: a text, and the same as a value.
pub(super) fn answer(text: impl Into<String>, value: Value) -> Answer {
    Ok(result(text, value, false).into())
}

/// A result with a text, and the same as a value.
pub(super) fn result(text: impl Into<String>, value: Value, is_error: bool) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(value);
    result.is_error = Some(is_error);
    result
}

/// A refusal that the model reads.
pub(super) fn refusal(sentence: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(sanitize::lines(sentence))])
}
