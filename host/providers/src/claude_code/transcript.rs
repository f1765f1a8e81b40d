//! What Claude Code prints with `--output-format stream-json`, line by line.
//!
//! Owns: the state of one round as its lines tell it. A round has ended when a
//! `result` line has been read, and only then; the last one counts. Never:
//! depends on the order of keys, or on lines that it does not know.

use serde::Deserialize;
use serde_json::Value;
use smol_wf_core::call::Usage;

use crate::cause::Cause;
use crate::drive::{Ended, Transcript, detail_of};
use crate::process::Exit;
use crate::{Activity, AgentActivity, Answer};

use super::lines::{Content, Delta, Line, MainUsage, Message, ResultLine, StreamEvent, System};
use super::{NAME, classify};

/// The tool by which a structured answer is given.
const ANSWER_TOOL: &str = "StructuredOutput";

/// One round, as far as it has been told.
#[derive(Debug, Default)]
pub(crate) struct Round {
    session: Option<String>,
    model: Option<String>,
    /// The last value that the agent gave as its structured answer, whether or
    /// not it was accepted.
    offered: Option<Value>,
    resets_at: Option<u64>,
    /// Pieces of the current text have been told already.
    streamed: bool,
    warning: Option<Cause>,
    result: Option<ResultLine>,
}

impl Transcript for Round {
    fn line(&mut self, line: &str, activity: &dyn Activity) {
        self.name_session(line);
        match serde_json::from_str(line) {
            Ok(Line::System(system)) => self.system(system, activity),
            Ok(Line::Assistant { message }) => self.said(message, activity),
            Ok(Line::StreamEvent { event: StreamEvent { delta: Some(delta) } }) => match delta {
                Delta::Text { text } => {
                    self.streamed = true;
                    activity.note(AgentActivity::Text { text });
                }
                Delta::Thinking {} => activity.note(AgentActivity::Thinking),
                Delta::Other => {}
            },
            Ok(Line::RateLimitEvent { rate_limit_info: limit }) => {
                let spent = limit.status.as_deref() == Some("rejected");
                self.resets_at = limit.resets_at.filter(|_| spent);
            }
            Ok(Line::Result(result)) => self.result = Some(*result),
            Ok(Line::StreamEvent { .. } | Line::Other) | Err(_) => {}
        }
    }

    fn note(&mut self, line: &str) {
        self.warning = self.warning.take().or_else(|| classify::warning(line));
    }

    fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    fn has_ended(&self) -> bool {
        self.result.is_some()
    }

    fn is_hopeless(&self) -> bool {
        self.warning.is_some()
    }
}

impl Round {
    /// Every line names the session, and it is known before any is understood.
    fn name_session(&mut self, line: &str) {
        #[derive(Deserialize)]
        struct Named {
            session_id: Option<String>,
        }
        if self.session.is_none() {
            self.session =
                serde_json::from_str::<Named>(line).ok().and_then(|named| named.session_id);
        }
    }

    fn system(&mut self, system: System, activity: &dyn Activity) {
        match system {
            System::Init { model } => {
                self.model = self.model.take().or(model);
                activity.note(AgentActivity::Thinking);
            }
            System::ApiRetry { attempt, max_retries, error_status, error } => {
                let status = error_status.map(|status| format!(" ({status})")).unwrap_or_default();
                let reason = format!(
                    "{}{status}, try {} of {}",
                    error.as_deref().unwrap_or("the service failed"),
                    attempt.unwrap_or_default(),
                    max_retries.unwrap_or_default(),
                );
                activity.note(AgentActivity::Waiting { reason });
                let cause = Cause::read(error.as_deref().unwrap_or_default(), error_status);
                activity.hindered(&cause.into_error(NAME));
            }
            System::PermissionDenied { tool_name, message } => {
                activity.note(AgentActivity::Tool {
                    name: tool_name.unwrap_or_default(),
                    detail: Some(crate::drive::shorten(&format!(
                        "refused: {}",
                        message.unwrap_or_default()
                    ))),
                });
            }
            System::Other => {}
        }
    }

    fn said(&mut self, message: Message, activity: &dyn Activity) {
        for part in message.content {
            match part {
                Content::Text { text } => {
                    if !std::mem::take(&mut self.streamed) {
                        activity.note(AgentActivity::Text { text });
                    }
                }
                Content::ToolUse { name, input } if name == ANSWER_TOOL => {
                    activity.note(AgentActivity::Tool { name, detail: None });
                    self.offered = Some(input);
                }
                Content::ToolUse { name, input } => {
                    activity.note(AgentActivity::Tool { name, detail: detail_of(&input) });
                }
                Content::Other => {}
            }
        }
    }

    /// What came of it. `exit` is none when the program had to be ended.
    pub(crate) fn end(mut self, exit: Option<&Exit>) -> Ended {
        for line in exit.iter().flat_map(|exit| exit.stderr_tail.lines()) {
            self.note(line);
        }
        let result = self.result.take();
        let counts = result.as_ref().map(ResultLine::counts).unwrap_or_default();
        let answer = match (self.warning, result) {
            (Some(warning), _) => Err(warning),
            (None, Some(result)) => result.answer(self.offered, self.resets_at),
            (None, None) => Err(classify::no_result(exit)),
        };
        Ended {
            answer,
            usage: counts.usage,
            cost_usd: counts.cost_usd,
            model: self.model.filter(|model| model != "<synthetic>"),
            session_id: self.session,
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    usage: Usage,
    cost_usd: Option<f64>,
}

impl ResultLine {
    fn answer(self, offered: Option<Value>, resets_at: Option<u64>) -> Result<Answer, Cause> {
        let failed = self.is_error || self.subtype.as_deref() != Some("success");
        if failed {
            // The tries for a structured answer are used up. The last value goes
            // to whoever judges answers, and says best what is wrong.
            let exhausted = self.subtype.as_deref() == Some("error_max_structured_output_retries");
            return match offered {
                Some(value) if exhausted => Ok(Answer::Json(value)),
                _ => Err(classify::failed(&self, resets_at)),
            };
        }
        if let Some(value) = self.structured_output {
            return Ok(Answer::Json(value));
        }
        if self.stop_reason.as_deref() == Some("refusal") {
            return Err(classify::refused(self.result.as_deref()));
        }
        match self.result {
            Some(text) if !text.is_empty() => Ok(Answer::Text(text)),
            _ if self.permission_denials.is_empty() => Ok(Answer::Null),
            _ => {
                let tools = self.permission_denials.into_iter().filter_map(|one| one.tool_name);
                Err(classify::denied(&tools.collect::<Vec<_>>()))
            }
        }
    }

    /// Of this round alone. The count by model has everything, subagents too;
    /// an older version has only its main model's tokens.
    fn counts(&self) -> Counts {
        let Some(models) = &self.model_usage_since_last_result else {
            let MainUsage {
                input_tokens,
                output_tokens,
                cache_read_input_tokens: read,
                cache_creation_input_tokens: written,
            } = self.usage;
            let usage = Usage {
                input_tokens: input_tokens.saturating_add(read).saturating_add(written),
                output_tokens,
                cache_read_tokens: read,
                cache_write_tokens: written,
            };
            return Counts { usage, cost_usd: self.total_cost_usd };
        };
        let mut counts = Counts { usage: Usage::default(), cost_usd: Some(0.0) };
        for model in models.values() {
            let (read, written) =
                (model.cache_read_input_tokens, model.cache_creation_input_tokens);
            counts.usage += Usage {
                input_tokens: model.input_tokens.saturating_add(read).saturating_add(written),
                output_tokens: model.output_tokens,
                cache_read_tokens: read,
                cache_write_tokens: written,
            };
            counts.cost_usd = counts.cost_usd.map(|cost| cost + model.cost_usd);
        }
        counts
    }
}
