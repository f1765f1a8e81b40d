//! The output of `codex exec --json`, line by line.
//!
//! Owns: the state of one round after each line. A round has ended when `turn.completed`
//! or `turn.failed` was read, and only then. Never: takes an `error` line or item for a
//! failure: Codex prints them in rounds that succeed, for an unknown model or a renewed
//! connection.

use serde::Deserialize;
use serde_json::Value;
use smol_wf_core::attempts::RATE_LIMIT_WAIT_MS_MAX;
use smol_wf_core::step_request::Usage;

use crate::cause::Cause;
use crate::cli_agent::{RoundResult, Transcript, detail_of, shorten};
use crate::process::Exit;
use crate::{Activity, AgentActivity, Answer, ProviderErrorKind as Kind};

use super::{NAME, asks, classify};

/// A line, by its `type`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Line {
    #[serde(rename = "thread.started")]
    ThreadStarted { thread_id: String },
    #[serde(rename = "turn.started")]
    TurnStarted,
    #[serde(rename = "item.started")]
    ItemStarted { item: Item },
    #[serde(rename = "item.completed")]
    ItemCompleted { item: Item },
    #[serde(rename = "turn.completed")]
    TurnCompleted {
        #[serde(default)]
        usage: Counts,
    },
    #[serde(rename = "turn.failed")]
    TurnFailed { error: Failure },
    #[serde(rename = "error")]
    Error(Failure),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item {
    AgentMessage {
        text: String,
    },
    Reasoning {},
    CommandExecution {
        command: String,
    },
    FileChange {
        #[serde(default)]
        changes: Vec<Change>,
    },
    McpToolCall {
        server: Option<String>,
        tool: Option<String>,
        #[serde(default)]
        arguments: Value,
        error: Option<Failure>,
    },
    WebSearch {
        query: Option<String>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Change {
    path: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Failure {
    #[serde(default)]
    message: String,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
struct Counts {
    /// With cached ones.
    input_tokens: u64,
    cached_input_tokens: u64,
    cache_write_input_tokens: u64,
    /// With those of reasoning.
    output_tokens: u64,
}

/// The state of one round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    session: Option<String>,
    text: Option<String>,
    /// Since the session began, not since this round did.
    usage: Usage,
    ending: Option<Result<(), String>>,
    /// The last error message, for a round that breaks off.
    complaint: Option<String>,
    /// Whether the service asked for a longer wait than anybody waits.
    hopeless: bool,
    /// Commands that a rule of the user asked about, and that were refused.
    pub(super) refused_commands: usize,
}

impl Transcript for Round {
    fn line(&mut self, line: &str, activity: &dyn Activity) {
        match serde_json::from_str(line) {
            Ok(Line::ThreadStarted { thread_id }) => self.session = Some(thread_id),
            Ok(Line::TurnStarted) => activity.note(AgentActivity::Thinking),
            Ok(Line::ItemStarted { item }) => tell(item, activity),
            Ok(Line::ItemCompleted { item: Item::AgentMessage { text } }) => {
                activity.note(AgentActivity::Text { text: text.clone() });
                self.text = Some(text);
            }
            Ok(Line::ItemCompleted { item: Item::Reasoning {} }) => {
                activity.note(AgentActivity::Thinking);
            }
            Ok(Line::ItemCompleted {
                item: Item::McpToolCall { server, tool, error: Some(error), .. },
            }) => {
                let (server, tool) = (server.unwrap_or_default(), tool.unwrap_or_default());
                if let Some(asked) = asks::tool(&server, &tool, &error.message) {
                    activity.refused(asked);
                }
            }
            Ok(Line::TurnCompleted { usage: counts }) => {
                self.usage = Usage {
                    input_tokens: counts.input_tokens,
                    output_tokens: counts.output_tokens,
                    cache_read_tokens: counts.cached_input_tokens,
                    cache_write_tokens: counts.cache_write_input_tokens,
                };
                self.ending = Some(Ok(()));
            }
            Ok(Line::TurnFailed { error }) => self.ending = Some(Err(error.message)),
            Ok(Line::Error(Failure { message })) => {
                if message.starts_with("Reconnecting") {
                    self.reconnects(&message, activity);
                }
                self.complaint = Some(message);
            }
            Ok(Line::ItemCompleted { .. } | Line::Other) | Err(_) => {}
        }
    }

    fn note(&mut self, line: &str) {
        self.refused_commands += usize::from(asks::is_of_a_command(line));
    }

    fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    fn has_ended(&self) -> bool {
        self.ending.is_some()
    }

    fn is_hopeless(&self) -> bool {
        self.hopeless
    }

    /// The usage is that of the whole session; the caller subtracts from it.
    fn end(self, exit: Option<&Exit>) -> RoundResult {
        let answer = match self.ending {
            Some(Ok(())) => Ok(match self.text {
                Some(text) if !text.is_empty() => Answer::Text(text),
                _ => Answer::Null,
            }),
            Some(Err(message)) => Err(classify::failed(&message)),
            None => Err(classify::no_end(exit, self.complaint.as_deref())),
        };
        RoundResult {
            answer,
            usage: self.usage,
            cost_usd: None,
            // Codex does not report it.
            model: None,
            session_id: self.session,
        }
    }
}

/// The cause in `Reconnecting... 1/5 (cause)`.
fn cause_of(message: &str) -> &str {
    let inner = message.split_once(" (").map(|(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    inner.unwrap_or(message)
}

/// Reports the start of a tool.
fn tell(item: Item, activity: &dyn Activity) {
    let (name, detail) = match item {
        Item::CommandExecution { command } => ("shell".to_owned(), Some(shorten(inner(&command)))),
        Item::FileChange { changes } => {
            ("edit".to_owned(), changes.into_iter().find_map(|change| change.path))
        }
        Item::McpToolCall { server, tool, arguments, .. } => {
            let parts = [server, tool].into_iter().flatten().collect::<Vec<_>>();
            (parts.join("."), detail_of(&arguments))
        }
        Item::WebSearch { query } => ("search".to_owned(), query),
        Item::AgentMessage { .. } | Item::Reasoning {} | Item::Other => return,
    };
    activity.note(AgentActivity::Tool { name, detail });
}

/// The command in `/bin/bash -lc '…'`.
fn inner(command: &str) -> &str {
    let Some((_, quoted)) = command.split_once(" -lc ") else { return command };
    let bare = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    bare.unwrap_or(quoted)
}

impl Round {
    /// Takes note that Codex waits before it tries again, for as long as the service
    /// asked: perhaps hours, without a word.
    fn reconnects(&mut self, message: &str, activity: &dyn Activity) {
        activity.note(AgentActivity::Waiting { reason: shorten(message) });
        let told = cause_of(message);
        let cause = Cause::read(told, None);
        let wait_ms = cause.retry_after.map_or(0, |wait| wait.as_millis());
        let is_limit = matches!(cause.kind, Kind::RateLimit | Kind::Quota);
        if is_limit && wait_ms > u128::from(RATE_LIMIT_WAIT_MS_MAX) {
            self.hopeless = true;
            self.ending = Some(Err(told.to_owned()));
        }
        activity.hindered(&cause.into_error(NAME));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_around_a_command_is_left_out() {
        assert_eq!(inner("/bin/bash -lc 'npm test'"), "npm test");
        assert_eq!(inner("/bin/zsh -lc ls"), "ls");
        assert_eq!(inner("ls -l"), "ls -l");
    }

    #[test]
    fn a_wait_that_nobody_waits_for_ends_the_round() {
        let line = |cause: &str| {
            format!(
                r#"{{"type":"error","message":"Reconnecting... 1/5 (unexpected status {cause})"}}"#
            )
        };
        let mut round = Round::default();
        round.line(&line("429 Too Many Requests: slow down, try again in 20s"), &());
        assert!(!round.is_hopeless() && !round.has_ended());
        round.line(&line("429 Too Many Requests: slow down, try again in 2h"), &());
        assert!(round.is_hopeless());
        let cause = round.end(None).answer.unwrap_err();
        assert_eq!(cause.kind, Kind::RateLimit);
        assert_eq!(cause.retry_after, Some(std::time::Duration::from_secs(7200)));
    }

    #[test]
    fn a_lone_error_line_is_neither_a_failure_nor_an_end() {
        let mut round = Round::default();
        round.line(r#"{"message":"Reconnecting... 1/5 (x)","type":"error"}"#, &());
        assert!(!round.has_ended());
        round.line(r#"{"usage":{"input_tokens":1},"type":"turn.completed"}"#, &());
        assert_eq!(round.end(None).answer, Ok(Answer::Null));
    }
}
