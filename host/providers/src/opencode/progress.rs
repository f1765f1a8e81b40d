//! What the agent is doing, from the events of its session.
//!
//! Owns: telling it, and noticing an agent that goes round in circles. Never:
//! the answer; that comes with the message.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::hub::Event;
use super::reply::{Part, ToolState};
use super::{NAME, error};
use crate::cause::Cause;
use crate::{Activity, AgentActivity, ProviderError, ProviderErrorKind as Kind};

/// Steps of one message. Real work takes a few hundred at the most; each costs
/// a model call.
const STEPS_MAX: u32 = 1_000;

/// Steps in a row that end for no reason. opencode asks again at once and for
/// ever when the model's answer is not one it can read; two may be chance.
const UNREADABLE_STEPS_MAX: u32 = 3;

/// Waits for the model in a row. opencode gives up by itself after five, except
/// over a connection that breaks each time.
const RETRIES_MAX: u64 = 6;

/// Characters of what a tool is used on.
const DETAIL_CHARS_MAX: usize = 80;

/// What a call has to do about an event.
#[derive(Debug)]
pub(super) enum News {
    /// Nothing.
    Fine,
    /// Say no: the path to post to, and the body.
    Reject(String, Value),
    /// End it.
    GiveUp(ProviderError),
    /// The session is at rest.
    Idle,
}

/// What is known of a call so far.
#[derive(Debug)]
pub(super) struct Progress {
    root: String,
    /// The message that is the prompt, once opencode has numbered it.
    pub(super) prompt: Option<String>,
    /// Sessions of subagents, whose tokens are the call's as well.
    pub(super) children: BTreeSet<String>,
    /// Parts that hold the model's thoughts, not its answer.
    thoughts: HashSet<String>,
    steps: u32,
    unreadable_steps: u32,
}

impl Progress {
    pub(super) fn of(session: &str) -> Self {
        Self {
            root: session.to_owned(),
            prompt: None,
            children: BTreeSet::new(),
            thoughts: HashSet::new(),
            steps: 0,
            unreadable_steps: 0,
        }
    }

    /// Takes one event, and tells `activity` what it means.
    pub(super) fn take(&mut self, event: &Event, activity: &dyn Activity) -> News {
        activity.alive();
        let properties = &event.properties;
        let said = |pointer: &str| properties.pointer(pointer).and_then(Value::as_str);
        match event.kind.as_str() {
            "session.created" if event.session != self.root => {
                self.children.insert(event.session.clone());
            }
            "message.updated"
                if event.session == self.root && said("/info/role") == Some("user") =>
            {
                self.prompt = said("/info/id").map(str::to_owned);
            }
            "session.idle" if event.session == self.root => return News::Idle,
            "session.status" if said("/status/type") == Some("retry") => {
                return waits(&properties["status"], activity);
            }
            "message.part.updated" => return self.part(&properties["part"], activity),
            "message.part.delta" => {
                let is_thought = said("/partID").is_some_and(|part| self.thoughts.contains(part));
                if event.session == self.root && said("/field") == Some("text") && !is_thought {
                    let text = said("/delta").unwrap_or_default().to_owned();
                    activity.note(AgentActivity::Text { text });
                }
            }
            // The ruleset leaves nothing to be asked, except where an agent of
            // the user's own says so, or a subagent inherits less than that.
            "permission.asked" => {
                let path = format!("/permission/{}/reply", said("/id").unwrap_or_default());
                let message = "nobody is there to be asked; go on without it";
                return News::Reject(
                    path,
                    serde_json::json!({"reply": "reject", "message": message}),
                );
            }
            "question.asked" => {
                let path = format!("/question/{}/reject", said("/id").unwrap_or_default());
                return News::Reject(path, serde_json::json!({}));
            }
            _ => {}
        }
        News::Fine
    }

    fn part(&mut self, part: &Value, activity: &dyn Activity) -> News {
        match part["type"].as_str() {
            Some("step-start") => activity.note(AgentActivity::Thinking),
            Some("reasoning") => {
                self.thoughts.extend(part["id"].as_str().map(str::to_owned));
                activity.note(AgentActivity::Thinking);
            }
            Some("tool") => {
                // A part that cannot be read is no reason to end a call.
                if let Ok(Part::Tool { tool, state }) = serde_json::from_value(part.clone())
                    && state.status == "running"
                {
                    activity.note(AgentActivity::Tool { name: tool, detail: detail(&state) });
                }
            }
            Some("step-finish") => return self.step(part["reason"].as_str().unwrap_or_default()),
            _ => {}
        }
        News::Fine
    }

    fn step(&mut self, reason: &str) -> News {
        self.steps += 1;
        self.unreadable_steps = if reason == "unknown" { self.unreadable_steps + 1 } else { 0 };
        if self.unreadable_steps >= UNREADABLE_STEPS_MAX {
            let message = format!(
                "the model's server answers with what {NAME} cannot read, {UNREADABLE_STEPS_MAX} times in a row; is the address of the model provider right?"
            );
            return News::GiveUp(error(Kind::CutStream, message));
        }
        if self.steps > STEPS_MAX {
            let message = format!(
                "the agent took more than {STEPS_MAX} steps over one prompt, and was ended"
            );
            return News::GiveUp(error(Kind::Failed, message));
        }
        News::Fine
    }
}

/// opencode waits before it asks the model again.
fn waits(status: &Value, activity: &dyn Activity) -> News {
    let attempt = status["attempt"].as_u64().unwrap_or_default();
    let why = status["message"].as_str().unwrap_or("no reason given");
    let cause = Cause::read(why, None);
    if attempt >= RETRIES_MAX {
        return News::GiveUp(error(cause.kind, format!("{why}, {attempt} times in a row")));
    }
    activity.note(AgentActivity::Waiting { reason: format!("{why} (retry {attempt})") });
    activity.hindered(&cause.into_error(NAME));
    News::Fine
}

/// What a tool is used on, in a few words.
fn detail(state: &ToolState) -> Option<String> {
    let used_on = ["command", "filePath", "pattern", "path", "url", "description", "query"]
        .iter()
        .find_map(|name| state.input.get(name).and_then(Value::as_str));
    let text = used_on.or(state.title.as_deref())?;
    let first = text.lines().next()?;
    Some(first.chars().take(DETAIL_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conformance::Notes;

    fn event(session: &str, kind: &str, properties: Value) -> Event {
        Event { session: session.into(), kind: kind.into(), properties, line: String::new() }
    }

    fn part(part: Value) -> Event {
        event("root", "message.part.updated", json!({ "part": part }))
    }

    #[test]
    fn what_the_agent_does_is_told() {
        let (mut progress, notes) = (Progress::of("root"), Notes::default());
        let tool = json!({"status": "running", "input": {"command": "npm test\nrm x"}});
        for event in [
            part(json!({"type": "step-start"})),
            part(json!({"type": "reasoning", "id": "p1"})),
            event(
                "root",
                "message.part.delta",
                json!({"partID": "p1", "field": "text", "delta": "hm"}),
            ),
            part(
                json!({"type": "tool", "tool": "bash", "state": {"status": "pending", "input": {}}}),
            ),
            part(json!({"type": "tool", "tool": "bash", "state": tool})),
            event(
                "root",
                "message.part.delta",
                json!({"partID": "p2", "field": "text", "delta": "yes"}),
            ),
            event(
                "sub",
                "message.part.delta",
                json!({"partID": "p3", "field": "text", "delta": "no"}),
            ),
            event(
                "root",
                "session.status",
                json!({"status": {"type": "retry", "attempt": 1, "message": "busy"}}),
            ),
        ] {
            assert!(matches!(progress.take(&event, &notes), News::Fine), "{event:?}");
        }
        let all = [
            AgentActivity::Thinking,
            AgentActivity::Thinking,
            AgentActivity::Tool { name: "bash".into(), detail: Some("npm test".into()) },
            AgentActivity::Text { text: "yes".into() },
            AgentActivity::Waiting { reason: "busy (retry 1)".into() },
        ];
        assert_eq!(notes.all(), all);
    }

    #[test]
    fn an_agent_that_goes_round_in_circles_is_ended() {
        let mut progress = Progress::of("root");
        let step = |reason: &str| part(json!({"type": "step-finish", "reason": reason}));
        for reason in ["unknown", "unknown", "tool-calls", "unknown", "unknown"] {
            assert!(matches!(progress.take(&step(reason), &()), News::Fine));
        }
        let News::GiveUp(error) = progress.take(&step("unknown"), &()) else { panic!("goes on") };
        assert_eq!(error.kind, Kind::CutStream);

        let mut progress = Progress::of("root");
        let given_up = (0..=STEPS_MAX)
            .map(|_| progress.take(&step("tool-calls"), &()))
            .position(|news| matches!(news, News::GiveUp(_)));
        assert_eq!(given_up, Some(STEPS_MAX as usize));
    }

    #[test]
    fn a_wait_without_end_has_the_kind_of_its_cause() {
        let wait = json!({"status": {"type": "retry", "attempt": RETRIES_MAX, "message": "Connection reset by server"}});
        let news = Progress::of("root").take(&event("root", "session.status", wait), &());
        let News::GiveUp(error) = news else { panic!("goes on waiting") };
        assert_eq!(error.kind, Kind::CutStream);
    }

    #[test]
    fn whoever_asks_is_told_no() {
        let mut progress = Progress::of("root");
        let ask = event("sub", "permission.asked", json!({"id": "per_1"}));
        let News::Reject(path, body) = progress.take(&ask, &()) else { panic!("unanswered") };
        assert_eq!((path.as_str(), &body["reply"]), ("/permission/per_1/reply", &json!("reject")));
        let ask = event("root", "question.asked", json!({"id": "que_1"}));
        let News::Reject(path, _) = progress.take(&ask, &()) else { panic!("unanswered") };
        assert_eq!(path, "/question/que_1/reject");
    }
}
