//! The output of `pi --mode rpc`, line by line.
//!
//! Owns: the state of one round after each line. A round has ended when `agent_settled`
//! was read, and only then: another try may follow an `agent_end`. The agent's last
//! message says how it ended. Never: keeps repetitions: `agent_end` repeats the whole
//! session.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::Value;
use smol_wf_core::message::AgentMessage;
use smol_wf_core::step_request::Usage;

use crate::cause::{Cause, readable};
use crate::cli_agent::{RoundResult, Transcript, detail_of, shorten};
use crate::process::Exit;
use crate::{Activity, AgentActivity, AgentTask, Answer, RoundSpend};

use super::extension::TOOL;
use super::{NAME, classify, frames};

/// Most values for the structured answer that pi may refuse in a round. It would let the
/// model try for ever. After these the last value goes to the engine, which says what is
/// wrong with it.
const REFUSED_MAX: u32 = 5;

/// Requests of extensions that wait for a person.
const DIALOGS: [&str; 4] = ["select", "confirm", "input", "editor"];

/// A line, by its `type`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    /// Names the session in the mode `json`.
    Session {
        id: String,
    },
    /// The answer to a frame, by its `command`.
    Response(Response),
    /// An extension asks its user, or shows something.
    ExtensionUiRequest {
        id: String,
        #[serde(default)]
        method: String,
    },
    TurnStart,
    MessageStart {
        message: Message,
    },
    MessageUpdate {
        #[serde(rename = "assistantMessageEvent")]
        event: Update,
    },
    MessageEnd {
        message: Message,
    },
    #[serde(rename_all = "camelCase")]
    ToolExecutionStart {
        tool_name: String,
        #[serde(default)]
        args: Value,
    },
    #[serde(rename_all = "camelCase")]
    ToolExecutionEnd {
        tool_name: String,
        #[serde(default)]
        is_error: bool,
        #[serde(default)]
        result: ToolResult,
    },
    #[serde(rename_all = "camelCase")]
    AutoRetryStart {
        attempt: Option<u64>,
        max_attempts: Option<u64>,
        error_message: Option<String>,
    },
    /// The messages that wait for the model, whole.
    QueueUpdate {
        #[serde(default)]
        steering: Vec<String>,
    },
    AgentSettled {
        #[serde(default)]
        aborted: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Response {
    /// Of the frame.
    #[serde(default)]
    id: Value,
    #[serde(default)]
    command: String,
    #[serde(default)]
    success: bool,
    error: Option<String>,
    #[serde(default)]
    data: ResponseData,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResponseData {
    session_id: Option<String>,
    /// `handled` when an extension took the prompt, and no agent works.
    disposition: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Update {
    TextDelta {
        delta: String,
    },
    ThinkingStart,
    #[serde(other)]
    Other,
}

#[derive(Debug, Default, Deserialize)]
struct ToolResult {
    details: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "role", rename_all = "camelCase")]
enum Message {
    Assistant(Box<TurnMessage>),
    User {
        #[serde(default)]
        content: Value,
    },
    #[serde(other)]
    Other,
}

/// The agent's message in one turn.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TurnMessage {
    #[serde(default)]
    content: Vec<Content>,
    provider: Option<String>,
    model: Option<String>,
    #[serde(default)]
    usage: Counts,
    stop_reason: Option<String>,
    error_message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Content {
    Text {
        text: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Counts {
    /// Without cached ones.
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    cost: Cost,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cost {
    total: f64,
}

/// The state of one round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The requested model.
    asked: Option<String>,
    session: Option<String>,
    usage: Usage,
    cost_usd: f64,
    last: Option<Box<TurnMessage>>,
    /// The structured answer, once pi has accepted it.
    answer: Option<Value>,
    /// The last value that the agent gave for it.
    offered: Option<Value>,
    refused: u32,
    warning: Option<Cause>,
    settled: Option<Settled>,
    /// Frames to write to it.
    frames: VecDeque<String>,
    /// Whether the agent has the prompt.
    has_prompt: bool,
    /// Whether it stopped reading before it had the whole prompt.
    prompt_cut: bool,
    /// Messages that its model has not heard of.
    unheard: Vec<Unheard>,
    /// The texts that wait for its model, as pi has queued them.
    queue: Vec<String>,
}

/// A message that the model has not heard of.
#[derive(Debug)]
struct Unheard {
    number: u64,
    /// As pi gives it to the model.
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct Settled {
    aborted: bool,
}

impl Transcript for Round {
    fn line(&mut self, line: &str, activity: &dyn Activity) {
        match serde_json::from_str(line) {
            Ok(Line::Session { id }) => self.session = Some(id),
            Ok(Line::Response(response)) => self.responded(response),
            Ok(Line::ExtensionUiRequest { id, method }) => {
                if DIALOGS.contains(&method.as_str()) {
                    self.frames.push_back(frames::dismissal(&id));
                }
            }
            Ok(Line::MessageStart { message: Message::User { content } }) => {
                self.heard(&text_of(&content), activity);
            }
            Ok(Line::QueueUpdate { steering }) => self.queue = steering,
            Ok(Line::TurnStart) => activity.note(AgentActivity::Thinking),
            Ok(Line::MessageUpdate { event: Update::TextDelta { delta } }) => {
                activity.note(AgentActivity::Text { text: delta });
            }
            Ok(Line::MessageUpdate { event: Update::ThinkingStart }) => {
                activity.note(AgentActivity::Thinking);
            }
            Ok(Line::MessageEnd { message: Message::Assistant(said) }) => self.said(said),
            Ok(Line::ToolExecutionStart { tool_name: name, args }) => {
                let detail = detail_of(&args);
                if name == TOOL {
                    self.offered = Some(args);
                }
                activity.note(AgentActivity::Tool { name, detail });
            }
            Ok(Line::ToolExecutionEnd { tool_name, is_error, result }) if tool_name == TOOL => {
                match result.details {
                    Some(value) if !is_error => self.answer = Some(value),
                    _ => self.refused += 1,
                }
            }
            Ok(Line::AutoRetryStart { attempt, max_attempts, error_message }) => {
                let error = error_message.as_deref().unwrap_or("a failure");
                let reason = format!(
                    "try {} of {} after {}",
                    attempt.unwrap_or_default(),
                    max_attempts.unwrap_or_default(),
                    shorten(&readable(error)),
                );
                activity.note(AgentActivity::Waiting { reason });
                activity.hindered(&Cause::read(error, None).into_error(NAME));
            }
            Ok(Line::AgentSettled { aborted }) => self.settled = Some(Settled { aborted }),
            Ok(
                Line::MessageUpdate { .. }
                | Line::MessageStart { .. }
                | Line::MessageEnd { .. }
                | Line::ToolExecutionEnd { .. }
                | Line::Other,
            )
            | Err(_) => {}
        }
    }

    fn note(&mut self, line: &str) {
        self.warning = self.warning.take().or_else(|| classify::warning(line));
    }

    fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    fn used(&self) -> RoundSpend {
        let cost_usd = (self.cost_usd > 0.0).then_some(self.cost_usd);
        RoundSpend { usage: self.usage, cost_usd, ..RoundSpend::default() }
    }

    fn has_ended(&self) -> bool {
        self.settled.is_some()
    }

    fn frame(&mut self) -> Option<String> {
        self.frames.pop_front()
    }

    fn prompt_cut(&mut self) {
        self.prompt_cut = true;
    }

    fn message(&mut self, message: &AgentMessage) {
        self.frames.push_back(frames::message(message.number, &message.text));
        let text = message.text.to_string();
        self.unheard.push(Unheard { number: message.number, text });
    }

    fn is_hopeless(&self) -> bool {
        self.warning.is_some() || (self.answer.is_none() && self.refused >= REFUSED_MAX)
    }

    fn end(mut self, exit: Option<&Exit>) -> RoundResult {
        for line in exit.iter().flat_map(|exit| exit.stderr_tail.lines()) {
            self.note(line);
        }
        let model = self.last.as_ref().and_then(|said| named_as(self.asked.as_deref(), said));
        let (usage, cost_usd) = (self.usage, self.cost_usd);
        let session_id = self.session.take();
        RoundResult {
            answer: self.outcome(exit),
            usage,
            // Usage without a cost means a model whose price pi does not know.
            cost_usd: (cost_usd > 0.0).then_some(cost_usd),
            model,
            session_id,
        }
    }
}

impl Round {
    /// A round that begins by writing the prompt of the task.
    pub(super) fn of(task: &AgentTask) -> Self {
        let frames = [frames::prompt(&task.prompt), frames::state()].into();
        Self { asked: task.model.clone(), frames, ..Self::default() }
    }

    /// Takes the answer to a frame. A prompt that is refused, or that an extension has
    /// taken, is answered by no agent.
    fn responded(&mut self, response: Response) {
        let Response { id, command, success, error, data } = response;
        match (command.as_str(), success) {
            ("steer", is_queued) => self.queued(&id, is_queued),
            ("get_state", true) => self.session = self.session.take().or(data.session_id),
            ("prompt", true) if data.disposition.as_deref() == Some("handled") => {
                self.settled = Some(Settled { aborted: false });
            }
            ("prompt", false) => {
                let error = error.as_deref().unwrap_or("pi refused the prompt");
                self.warning = self.warning.take().or_else(|| Some(Cause::read(error, None)));
            }
            _ => {}
        }
    }

    /// pi has queued a message, or refused it. Names of skills and templates are expanded
    /// in what it has queued.
    fn queued(&mut self, frame: &Value, is_queued: bool) {
        let of = |one: &Unheard| frame.as_str() == Some(&frames::message_id(one.number));
        let Some(place) = self.unheard.iter().position(of) else { return };
        if !is_queued {
            self.unheard.remove(place);
            return;
        }
        let is_another = |text: &String| self.unheard.iter().any(|one| one.text == *text);
        let expanded = self.queue.iter().find(|text| !is_another(text)).cloned();
        if let (Some(one), Some(text)) = (self.unheard.get_mut(place), expanded)
            && !self.queue.contains(&one.text)
        {
            one.text = text;
        }
    }

    /// A text of the user's begins: the prompt first, and then messages and what
    /// extensions say, in whatever order.
    fn heard(&mut self, text: &str, activity: &dyn Activity) {
        let has_prompt = std::mem::replace(&mut self.has_prompt, true);
        let place = self.unheard.iter().position(|one| one.text == text);
        if let Some(place) = place.filter(|_| has_prompt) {
            activity.told(self.unheard.remove(place).number);
        }
    }

    fn said(&mut self, said: Box<TurnMessage>) {
        let Counts { input, output, cache_read, cache_write, ref cost } = said.usage;
        self.usage += Usage {
            input_tokens: input.saturating_add(cache_read).saturating_add(cache_write),
            output_tokens: output,
            cache_read_tokens: cache_read,
            cache_write_tokens: cache_write,
        };
        self.cost_usd += cost.total;
        self.last = Some(said);
    }

    fn outcome(self, exit: Option<&Exit>) -> Result<Answer, Cause> {
        if let Some(warning) = self.warning {
            return Err(warning);
        }
        if self.prompt_cut {
            return Err(classify::no_end(exit));
        }
        if let Some(answer) = self.answer {
            return Ok(Answer::Json(answer));
        }
        let hopeless = self.refused >= REFUSED_MAX;
        match (self.settled, self.last) {
            (Some(Settled { aborted: false }), Some(said)) => match said.text() {
                Err(cause) => Err(cause),
                // Refused values say more than text that follows them.
                Ok(text) => Ok(match self.offered {
                    Some(value) if self.refused > 0 => Answer::Json(value),
                    _ if text.is_empty() => Answer::Null,
                    _ => Answer::Text(text),
                }),
            },
            (Some(Settled { aborted: true }), _) => Err(classify::aborted()),
            (None, _) if hopeless => Ok(self.offered.map_or(Answer::Null, Answer::Json)),
            (_, _) => Err(classify::no_end(exit)),
        }
    }
}

/// The text of a message of the user's.
fn text_of(content: &Value) -> String {
    match content {
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        text => text.as_str().unwrap_or_default().to_owned(),
    }
}

impl TurnMessage {
    /// The text, unless the turn did not end well.
    fn text(&self) -> Result<String, Cause> {
        match self.stop_reason.as_deref() {
            Some("stop" | "toolUse") => Ok(self
                .content
                .iter()
                .filter_map(|part| match part {
                    Content::Text { text } => Some(text.as_str()),
                    Content::Other => None,
                })
                .collect()),
            reason => Err(classify::stopped(reason, self.error_message.as_deref())),
        }
    }
}

/// The model in the form in which it was requested, else with its vendor.
fn named_as(asked: Option<&str>, said: &TurnMessage) -> Option<String> {
    let model = said.model.as_deref()?;
    Some(match &said.provider {
        Some(vendor) if asked != Some(model) => format!("{vendor}/{model}"),
        _ => model.to_owned(),
    })
}
