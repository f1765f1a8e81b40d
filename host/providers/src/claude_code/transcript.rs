//! The output of Claude Code with `--output-format stream-json`, line by line.
//!
//! Owns: the state of one round after each line. Never: depends on the order of keys, or
//! on unknown lines.
//!
//! A turn begins with an `init` line and ends with a `result` line. A round has one turn,
//! and one more each time that a background command or subagent has ended, or a message
//! came after its answer. So a result ends the round only when no turn is open, nothing runs
//! in the background, and it has heard of all messages. The last result is the answer, and
//! the turns' usage is added up.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::ids::RunId;
use smol_wf_core::message::AgentMessage;
use smol_wf_core::step_request::Usage;

use crate::cause::Cause;
use crate::cli_agent::{RoundResult, Transcript, detail_of, shorten};
use crate::process::Exit;
use crate::scratch::Scratch;
use crate::{Activity, AgentActivity, AgentTask, Answer, RoundSpend};

use super::frames::{ControlRequest, Request};
use super::lines::{Content, Delta, Line, Message, ResultLine, StreamEvent, System};
use super::{NAME, classify, frames, servers};

/// The tool for a structured answer.
const ANSWER_TOOL: &str = "StructuredOutput";

/// Most uses of tools that are remembered for a later refusal.
const USES_MAX: usize = 64;

/// From the end of background work to the turn that hears of it, on a busy machine. None
/// follows when an open turn has heard of it already.
const BEFORE_A_TURN: Duration = Duration::from_secs(60);

/// The state of one round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    session: Option<String>,
    model: Option<String>,
    /// The last value that the agent gave as its structured answer, accepted or not.
    offered: Option<Value>,
    resets_at: Option<u64>,
    /// Whether pieces of the current text were reported already.
    streamed: bool,
    warning: Option<Cause>,
    /// Turns that have begun and not ended, by the lines so far.
    open: u32,
    /// Descriptions of what runs in the background.
    background: Vec<String>,
    /// Whether background work has ended, and the turn that hears of it has not begun.
    due: bool,
    /// The last result.
    result: Option<ResultLine>,
    counts: Counts,
    /// Whether it stopped reading before it had the whole prompt.
    prompt_cut: bool,
    /// The run, which is in the ids of messages.
    run: Option<RunId>,
    /// Messages that it has not heard of: their ids and numbers.
    unheard: Vec<(String, u64)>,
    /// Frames to write to it.
    frames: VecDeque<String>,
    /// Names of the MCP servers that it must have.
    pub(super) servers: Vec<String>,
    /// The file that defines them, with their secrets, until Claude Code has read it.
    pub(super) servers_file: Option<Scratch>,
    /// The folders that it may work in.
    places: Vec<PathBuf>,
    /// The last uses of tools by their ids, for the words of a refusal.
    uses: VecDeque<(String, RefusedAsk)>,
}

impl Transcript for Round {
    fn line(&mut self, line: &str, activity: &dyn Activity) {
        self.name_session(line);
        match serde_json::from_str(line) {
            Ok(Line::System(system)) => self.system(system, activity),
            Ok(Line::Assistant { message }) => self.message(message, activity),
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
            Ok(Line::ControlRequest(asked)) => self.asked(asked, activity),
            Ok(Line::Result(result)) => self.turn_ended(*result, activity),
            Ok(Line::User { uuid: Some(uuid), is_replay: true }) => self.heard(&uuid, activity),
            Ok(Line::StreamEvent { .. } | Line::User { .. } | Line::Other) | Err(_) => {}
        }
    }

    fn note(&mut self, line: &str) {
        self.warning = self.warning.take().or_else(|| classify::warning(line));
    }

    fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Of the turns that have ended.
    fn used(&self) -> RoundSpend {
        let model = self.model.clone().filter(|model| model != "<synthetic>");
        let Counts { usage, cost_usd, .. } = self.counts;
        RoundSpend { usage, cost_usd, model, session_id: None }
    }

    fn has_ended(&self) -> bool {
        self.result.is_some() && self.open == 0 && !self.is_in_background()
    }

    fn frame(&mut self) -> Option<String> {
        self.frames.pop_front()
    }

    fn message(&mut self, message: &AgentMessage) {
        let Some(run) = &self.run else { return };
        let uuid = frames::uuid(run, message.number);
        self.frames.push_back(frames::message(&message.text, &uuid));
        self.unheard.push((uuid, message.number));
    }

    fn prompt_cut(&mut self) {
        self.prompt_cut = true;
    }

    fn background(&self) -> Option<Duration> {
        // Claude Code itself limits how long it waits for such work.
        let limit = if self.background.is_empty() { BEFORE_A_TURN } else { Duration::MAX };
        self.is_in_background().then_some(limit)
    }

    fn is_hopeless(&self) -> bool {
        self.warning.is_some()
    }

    fn end(mut self, exit: Option<&Exit>) -> RoundResult {
        for line in exit.iter().flat_map(|exit| exit.stderr_tail.lines()) {
            self.note(line);
        }
        let result = self.result.take();
        let counts = self.counts;
        let broke_off = self.open > 0 && exit.is_some_and(|exit| exit.code != Some(0));
        let lacking = match (self.prompt_cut, &result) {
            (true, _) => Some("having read the whole prompt"),
            (false, None) => Some("a result"),
            (false, Some(_)) => broke_off.then_some("ending its last turn"),
        };
        let answer = match (self.warning, result, lacking) {
            (Some(warning), ..) => Err(warning),
            // Its own words explain it best.
            (None, Some(result), lacking) if lacking.is_none() || result.is_error => {
                result.answer(self.offered, self.resets_at)
            }
            (None, _, lacking) => Err(classify::ended_without(lacking.unwrap_or("a result"), exit)),
        };
        RoundResult {
            answer,
            usage: counts.usage,
            cost_usd: counts.cost_usd,
            model: self.model.filter(|model| model != "<synthetic>"),
            session_id: self.session,
        }
    }
}

impl Round {
    /// A round that begins by writing the prompt of the task.
    pub(crate) fn of(task: &AgentTask, places: Vec<PathBuf>) -> Self {
        let frames = [frames::prompt(&task.prompt, &task.images)].into();
        Self { frames, places, run: Some(task.run.clone()), ..Self::default() }
    }

    /// The agent has the message of this id.
    fn heard(&mut self, uuid: &str, activity: &dyn Activity) {
        if let Some(at) = self.unheard.iter().position(|(id, _)| id == uuid) {
            activity.told(self.unheard.remove(at).1);
        }
    }

    /// Allows tools that it asks for below the folders that it works in.
    fn asked(&mut self, asked: ControlRequest, activity: &dyn Activity) {
        let may = match &asked.request {
            Request::CanUseTool { tool_name, input, blocked_path } => {
                let is_outside = frames::is_outside(blocked_path.as_deref(), &self.places);
                if is_outside {
                    activity.refused(classify::asked(tool_name, input));
                }
                !is_outside
            }
            Request::Other => false,
        };
        self.frames.push_back(frames::answer(&asked.request_id, asked.request, may));
    }

    fn is_in_background(&self) -> bool {
        let is_due = self.due || !self.background.is_empty() || !self.unheard.is_empty();
        self.result.is_some() && self.open == 0 && is_due
    }

    /// Takes the session's name, which every line has, before the line is understood.
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
            System::Init { model, mcp_servers } => {
                // It reports the servers, so it has read the file.
                self.servers_file = None;
                let missing = servers::missing(&self.servers, &mcp_servers);
                self.warning = self.warning.take().or(missing);
                self.open += 1;
                self.due = false;
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
            System::PermissionDenied { tool_name, tool_use_id, decision_reason_type, message } => {
                let use_of = |id: String| self.uses.iter().find(|(used, _)| *used == id);
                let would_ask = decision_reason_type.as_deref() == Some("asyncAgent");
                if let Some((_, asked)) = tool_use_id.and_then(use_of).filter(|_| would_ask) {
                    activity.refused(asked.clone());
                }
                activity.note(AgentActivity::Tool {
                    name: tool_name.unwrap_or_default(),
                    detail: Some(shorten(&format!("refused: {}", message.unwrap_or_default()))),
                });
            }
            System::BackgroundTasksChanged { tasks } => {
                let named = tasks.into_iter().map(|task| task.description);
                self.background =
                    named.map(|text| text.unwrap_or_else(|| "a task".to_owned())).collect();
            }
            System::TaskNotification {} => self.due = true,
            System::Other => {}
        }
    }

    /// Takes a result. An empty text after background work does not replace an earlier
    /// answer.
    fn turn_ended(&mut self, result: ResultLine, activity: &dyn Activity) {
        self.open = self.open.saturating_sub(1);
        self.counts.add(&result);
        let adds_nothing = result.is_empty_success();
        let had_answer = self.result.as_ref().is_some_and(|before| !before.is_empty_success());
        if !(adds_nothing && had_answer) {
            self.result = Some(result);
        }
        if self.is_in_background() && !self.background.is_empty() {
            let reason = format!("background work: {}", self.background.join(", "));
            activity.note(AgentActivity::Waiting { reason: shorten(&reason) });
        }
    }

    fn message(&mut self, message: Message, activity: &dyn Activity) {
        for part in message.content {
            match part {
                Content::Text { text } => {
                    if !std::mem::take(&mut self.streamed) {
                        activity.note(AgentActivity::Text { text });
                    }
                }
                Content::ToolUse { name, input, .. } if name == ANSWER_TOOL => {
                    activity.note(AgentActivity::Tool { name, detail: None });
                    self.offered = Some(input);
                }
                Content::ToolUse { id, name, input } => {
                    if self.uses.len() == USES_MAX {
                        self.uses.pop_front();
                    }
                    self.uses.push_back((id, classify::asked(&name, &input)));
                    activity.note(AgentActivity::Tool { name, detail: detail_of(&input) });
                }
                Content::Other => {}
            }
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    usage: Usage,
    cost_usd: Option<f64>,
}

impl Counts {
    /// Adds the counts of a turn. The count by model includes subagents. An older version
    /// reports only the main model's tokens, and dollars that are summed already.
    fn add(&mut self, turn: &ResultLine) {
        let Some(models) = &turn.model_usage_since_last_result else {
            self.usage += turn.usage.counted();
            self.cost_usd = turn.total_cost_usd.or(self.cost_usd);
            return;
        };
        let cost = models.values().map(|model| model.cost_usd).sum::<f64>();
        self.cost_usd = Some(self.cost_usd.unwrap_or_default() + cost);
        for model in models.values() {
            self.usage += model.counted();
        }
    }
}

impl ResultLine {
    /// Whether it succeeded without text.
    fn is_empty_success(&self) -> bool {
        !self.is_error
            && self.subtype.as_deref() == Some("success")
            && self.structured_output.is_none()
            && self.result.as_deref().unwrap_or_default().is_empty()
    }

    fn answer(self, offered: Option<Value>, resets_at: Option<u64>) -> Result<Answer, Cause> {
        let failed = self.is_error || self.subtype.as_deref() != Some("success");
        if failed {
            // The attempts at a structured answer are used up. The last value goes to the
            // engine, whose check describes the fault best.
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
}
