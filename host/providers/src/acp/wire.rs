//! The messages of the Agent Client Protocol, version 1: JSON-RPC, one per line.
//!
//! Owns: how messages are written and read. Never: their purpose.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::foreign::or_default;
use crate::{McpServer, McpTransport};

/// The supported version of the protocol.
pub(super) const VERSION: u64 = 1;

/// JSON-RPC: no such method.
const METHOD_NOT_FOUND: i64 = -32_601;

/// The agent requires a login first.
pub(super) const AUTH_REQUIRED: i64 = -32_000;

/// A message from the agent: a request, a notification or a response.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Incoming {
    pub(super) id: Option<Value>,
    pub(super) method: Option<String>,
    pub(super) params: Value,
    pub(super) result: Option<Value>,
    pub(super) error: Option<Refusal>,
}

/// Why a request failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    #[serde(deserialize_with = "or_default")]
    pub(super) code: i64,
    #[serde(deserialize_with = "or_default")]
    message: String,
    data: Value,
}

impl Refusal {
    /// The message, with the detail that some agents put beside it.
    pub(super) fn in_words(&self) -> String {
        let detail = ["details", "message"].iter().find_map(|name| self.data.get(name)?.as_str());
        let detail = detail.or(self.data.as_str()).filter(|text| !self.message.contains(text));
        match detail {
            Some(detail) => format!("{}: {detail}", self.message),
            None => self.message.clone(),
        }
    }
}

/// An MCP server, in the form of a session's parameters.
pub(super) fn server(server: &McpServer) -> Value {
    let pairs = |pairs: &BTreeMap<String, String>| -> Value {
        pairs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    let name = &server.name;
    match &server.way {
        McpTransport::Program { command, args, env } => {
            json!({"name": name, "command": command, "args": args, "env": pairs(env)})
        }
        McpTransport::Http { url, headers } => {
            json!({"type": "http", "name": name, "url": url, "headers": pairs(headers)})
        }
    }
}

pub(super) fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(super) fn cancel(session: &str) -> Value {
    json!({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}})
}

pub(super) fn answer(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

pub(super) fn unknown_method(id: &Value, method: &str) -> Value {
    let message = format!("this client does not offer {method}");
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": METHOD_NOT_FOUND, "message": message}})
}
