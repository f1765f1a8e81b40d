//! The lines that Claude Code prints, as far as they are used.
//!
//! Owns: their form. Never: their consequences.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use smol_wf_core::step_request::Usage;

use super::frames::ControlRequest;
use super::servers::ServerStatus;
use crate::foreign::readable;

/// A line, by its `type`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Line {
    System(System),
    Assistant {
        message: Message,
    },
    StreamEvent {
        event: StreamEvent,
    },
    RateLimitEvent {
        rate_limit_info: RateLimit,
    },
    Result(Box<ResultLine>),
    /// Repeats a line that was written to it, once the agent has it.
    User {
        uuid: Option<String>,
        #[serde(default, rename = "isReplay")]
        is_replay: bool,
    },
    /// A question, when they are answered.
    ControlRequest(ControlRequest),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "subtype", rename_all = "snake_case")]
pub(super) enum System {
    Init {
        model: Option<String>,
        #[serde(default, deserialize_with = "readable")]
        mcp_servers: Vec<ServerStatus>,
    },
    ApiRetry {
        attempt: Option<u64>,
        max_retries: Option<u64>,
        error_status: Option<u16>,
        error: Option<String>,
    },
    PermissionDenied {
        tool_name: Option<String>,
        tool_use_id: Option<String>,
        /// `asyncAgent` when it would have asked.
        decision_reason_type: Option<String>,
        message: Option<String>,
    },
    /// All commands and subagents that run beside the agent now.
    BackgroundTasksChanged {
        #[serde(default)]
        tasks: Vec<Task>,
    },
    /// One of those has ended, and the agent is about to hear of it.
    TaskNotification {},
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Task {
    pub(super) description: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub(super) content: Vec<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Content {
    Text {
        text: String,
    },
    ToolUse {
        #[serde(default)]
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct StreamEvent {
    pub(super) delta: Option<Delta>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking {},
    #[serde(other)]
    Other,
}

/// The state of an allowance.
#[derive(Debug, Deserialize)]
pub(super) struct RateLimit {
    pub(super) status: Option<String>,
    /// In seconds since 1970.
    #[serde(rename = "resetsAt")]
    pub(super) resets_at: Option<u64>,
}

/// The end of a turn; also of the round, when nothing runs in the background.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ResultLine {
    pub(super) subtype: Option<String>,
    #[serde(default)]
    pub(super) is_error: bool,
    pub(super) api_error_status: Option<u16>,
    pub(super) result: Option<String>,
    #[serde(default)]
    pub(super) errors: Vec<Value>,
    pub(super) stop_reason: Option<String>,
    pub(super) structured_output: Option<Value>,
    #[serde(default)]
    pub(super) permission_denials: Vec<Denial>,
    /// Of all turns so far.
    pub(super) total_cost_usd: Option<f64>,
    #[serde(default)]
    pub(super) usage: MainUsage,
    /// By model, of this turn alone. The two above count parts of the session.
    pub(super) model_usage_since_last_result: Option<BTreeMap<String, ModelUsage>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Denial {
    pub(super) tool_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MainUsage {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) cache_read_input_tokens: u64,
    pub(super) cache_creation_input_tokens: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ModelUsage {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) cache_read_input_tokens: u64,
    pub(super) cache_creation_input_tokens: u64,
    #[serde(rename = "costUSD")]
    pub(super) cost_usd: f64,
}

impl MainUsage {
    pub(super) fn counted(&self) -> Usage {
        let (read, written) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        usage(self.input_tokens, self.output_tokens, read, written)
    }
}

impl ModelUsage {
    pub(super) fn counted(&self) -> Usage {
        let (read, written) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        usage(self.input_tokens, self.output_tokens, read, written)
    }
}

/// Counts whose input includes the cache. Those of Claude Code do not include it.
fn usage(input: u64, output: u64, read: u64, written: u64) -> Usage {
    Usage {
        input_tokens: input.saturating_add(read).saturating_add(written),
        output_tokens: output,
        cache_read_tokens: read,
        cache_write_tokens: written,
    }
}
