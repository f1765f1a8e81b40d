//! What the agent is doing, from the events of its session.
//!
//! Owns: reporting it, and noticing an agent that repeats itself without end. Never: the
//! answer; that comes with the message.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value, json};
use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::cut;
use smol_wf_core::gate::PermissionAsk;

use super::hub::Event;
use super::reply::{Part, ToolState};
use super::sse::Parser;
use super::told::Told;
use super::tool_uses::ToolUses;
use super::{NAME, error};
use crate::cause::Cause;
use crate::permission::{allows, input_in_words};
use crate::{
    Activity, AgentActivity, AskPolicy, PermissionVerdict, ProviderError, ProviderErrorKind as Kind,
};

/// Most steps of one message. Real work takes a few hundred at the most, and each costs a
/// model call.
const STEPS_MAX: u32 = 1_000;

/// Most steps in a row that end without a reason. opencode asks again at once, and for
/// ever, when it cannot read the model's answer; two may be chance.
const UNREADABLE_STEPS_MAX: u32 = 3;

/// Most waits for the model in a row. opencode gives up after five, except over a
/// connection that breaks each time.
const RETRIES_MAX: u64 = 6;

/// Characters of a tool's detail.
const DETAIL_CHARS_MAX: usize = 80;

/// Bytes of a recorded stream that are read at once: few, so that events are cut.
const PIECE_BYTES: usize = 100;

/// What the agent is told with a refusal.
const REFUSED: &str = "nobody is there to be asked; go on without it";

/// The same, if a person has refused and said nothing.
const REFUSED_BY_PERSON: &str = "a person was asked and refused it; go on without it";

/// What a round has to do after an event.
#[derive(Debug)]
pub(super) enum EventOutcome {
    /// Go on.
    Fine,
    /// Answer a question: the path to post to, and the body.
    Answer(String, Value),
    /// Ask a person.
    Ask(PermissionAsk, AskedPerson),
    /// The question of this id has its answer, whoever gave it.
    Replied(String),
    /// End the round.
    GiveUp(ProviderError),
    /// Take note that the session rests.
    Idle,
}

/// A question that waits for a person.
#[derive(Debug)]
pub(super) struct AskedPerson {
    pub(super) id: String,
    asked: RefusedAsk,
}

impl AskedPerson {
    /// The path to post to, and the body.
    pub(super) fn answer(
        self,
        verdict: PermissionVerdict,
        activity: &dyn Activity,
    ) -> (String, Value) {
        let Self { id, asked } = self;
        let body = match (allows(&verdict, || asked, activity), verdict) {
            (true, _) => json!({"reply": "once"}),
            (false, PermissionVerdict::Refused { comment }) => {
                let said = comment.unwrap_or_else(|| REFUSED_BY_PERSON.to_owned());
                json!({"reply": "reject", "message": said})
            }
            (false, _) => json!({"reply": "reject", "message": REFUSED}),
        };
        (reply_path(&id), body)
    }
}

fn reply_path(id: &str) -> String {
    format!("/permission/{id}/reply")
}

/// The state of a round.
#[derive(Debug)]
pub(super) struct Progress {
    root: String,
    asks: AskPolicy,
    /// The prompt and the messages to the agent.
    pub(super) told: Told,
    /// Sessions of subagents, whose tokens count for the round as well.
    pub(super) children: BTreeSet<String>,
    /// Parts that hold the model's thoughts, not its answer.
    thoughts: HashSet<String>,
    /// The input of the last uses of tools.
    uses: ToolUses,
    steps: u32,
    unreadable_steps: u32,
}

impl Progress {
    pub(super) fn of(session: &str, asks: AskPolicy) -> Self {
        Self {
            root: session.to_owned(),
            asks,
            told: Told::default(),
            children: BTreeSet::new(),
            thoughts: HashSet::new(),
            uses: ToolUses::default(),
            steps: 0,
            unreadable_steps: 0,
        }
    }

    /// Takes an event, and reports to `activity` what is new.
    pub(super) fn take(&mut self, event: &Event, activity: &dyn Activity) -> EventOutcome {
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
                self.told.asked(said("/info/id").unwrap_or_default());
            }
            "message.updated" if event.session == self.root => {
                for number in self.told.answered(said("/info/parentID").unwrap_or_default()) {
                    activity.told(number);
                }
            }
            "session.idle" if event.session == self.root => return EventOutcome::Idle,
            "session.status" if said("/status/type") == Some("retry") => {
                return waits(&properties["status"], activity);
            }
            "message.part.updated" => {
                return self.part(&event.session, &properties["part"], activity);
            }
            "message.part.delta" => {
                let is_thought = said("/partID").is_some_and(|part| self.thoughts.contains(part));
                if event.session == self.root && said("/field") == Some("text") && !is_thought {
                    let text = said("/delta").unwrap_or_default().to_owned();
                    activity.note(AgentActivity::Text { text });
                }
            }
            "permission.asked" => {
                return self.leave(&event.session, properties, activity);
            }
            "permission.replied" => {
                let id = said("/requestID").or_else(|| said("/permissionID"));
                return EventOutcome::Replied(id.unwrap_or_default().to_owned());
            }
            "question.asked" => {
                let path = format!("/question/{}/reject", said("/id").unwrap_or_default());
                return EventOutcome::Answer(path, json!({}));
            }
            _ => {}
        }
        EventOutcome::Fine
    }

    /// The answer to a permission question. Rules of the agent's user made it ask; it
    /// does not ask about what this program denies.
    fn leave(&self, session: &str, question: &Value, activity: &dyn Activity) -> EventOutcome {
        let id = question["id"].as_str().unwrap_or_default();
        let body = match self.asks {
            AskPolicy::Allow => json!({"reply": "once"}),
            AskPolicy::Refuse => {
                activity.refused(asked(question));
                json!({"reply": "reject", "message": REFUSED})
            }
            AskPolicy::Person => {
                let asked = AskedPerson { id: id.to_owned(), asked: asked(question) };
                return EventOutcome::Ask(self.ask(session, question), asked);
            }
        };
        EventOutcome::Answer(reply_path(id), body)
    }

    /// The question to a person: the patterns that it is about, and the whole input of the
    /// tool.
    fn ask(&self, session: &str, question: &Value) -> PermissionAsk {
        let used = self.uses.input(session, &question["tool"]);
        let patterns = patterns_of(question).join("\n");
        let input = input_in_words(used.unwrap_or(&question["metadata"]));
        let detail = match input.starts_with(&patterns) {
            true => input,
            false => format!("{patterns}\n{input}").trim_end().to_owned(),
        };
        let tool = question["permission"].as_str().map(str::to_owned);
        PermissionAsk { what: asked(question).what, detail, tool }
    }

    /// A text of the user's may be a message.
    fn text(&mut self, part: &Value, activity: &dyn Activity) {
        let said = |name: &str| part[name].as_str().unwrap_or_default();
        if let Some(number) = self.told.part(said("messageID"), said("id"), said("text")) {
            activity.told(number);
        }
    }

    fn part(&mut self, session: &str, part: &Value, activity: &dyn Activity) -> EventOutcome {
        match part["type"].as_str() {
            Some("text") if session == self.root => self.text(part, activity),
            Some("step-start") => activity.note(AgentActivity::Thinking),
            Some("reasoning") => {
                self.thoughts.extend(part["id"].as_str().map(str::to_owned));
                activity.note(AgentActivity::Thinking);
            }
            Some("tool") => {
                if self.asks == AskPolicy::Person {
                    self.uses.remember(session, part);
                }
                // An unreadable part does not end the round.
                if let Ok(Part::Tool { tool, state }) = serde_json::from_value(part.clone())
                    && state.status == "running"
                {
                    activity.note(AgentActivity::Tool { name: tool, detail: detail(&state) });
                }
            }
            Some("step-finish") => return self.step(part["reason"].as_str().unwrap_or_default()),
            _ => {}
        }
        EventOutcome::Fine
    }

    fn step(&mut self, reason: &str) -> EventOutcome {
        self.steps += 1;
        self.unreadable_steps = if reason == "unknown" { self.unreadable_steps + 1 } else { 0 };
        if self.unreadable_steps >= UNREADABLE_STEPS_MAX {
            let message = format!(
                "the model's server answers with what {NAME} cannot read, {UNREADABLE_STEPS_MAX} times in a row; is the address of the model provider right?"
            );
            return EventOutcome::GiveUp(error(Kind::CutStream, message));
        }
        if self.steps > STEPS_MAX {
            let message = format!(
                "the agent took more than {STEPS_MAX} steps over one prompt, and was ended"
            );
            return EventOutcome::GiveUp(error(Kind::Failed, message));
        }
        EventOutcome::Fine
    }
}

/// Takes note that opencode waits before it asks the model again.
fn waits(status: &Value, activity: &dyn Activity) -> EventOutcome {
    let attempt = status["attempt"].as_u64().unwrap_or_default();
    let why = status["message"].as_str().unwrap_or("no reason given");
    let cause = Cause::read(why, None);
    if attempt >= RETRIES_MAX {
        return EventOutcome::GiveUp(error(cause.kind, format!("{why}, {attempt} times in a row")));
    }
    activity.note(AgentActivity::Waiting { reason: format!("{why} (retry {attempt})") });
    activity.hindered(&cause.into_error(NAME));
    EventOutcome::Fine
}

/// What was asked for, and the rule that allows exactly that.
fn asked(question: &Value) -> RefusedAsk {
    let permission = question["permission"].as_str().unwrap_or("something");
    let patterns = patterns_of(question);
    let rules: Map<String, Value> =
        patterns.iter().map(|pattern| ((*pattern).to_owned(), json!("allow"))).collect();
    let rule = json!({ "permission": { permission: rules } }).to_string();
    // Without the braces, as one more line of the file.
    let line = format!("`{}` in opencode.json", &rule[1..rule.len() - 1]);
    let what = format!("{permission} {}", patterns.join(", "));
    RefusedAsk::once(what.trim_end(), (!patterns.is_empty()).then_some(line))
}

fn patterns_of(question: &Value) -> Vec<&str> {
    question["patterns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What a tool is used on, in a few words.
fn detail(state: &ToolState) -> Option<String> {
    let used_on = ["command", "filePath", "pattern", "path", "url", "description", "query"]
        .iter()
        .find_map(|name| state.input.get(name).and_then(Value::as_str));
    let text = used_on.or(state.title.as_deref())?;
    Some(cut::head_chars(text.lines().next()?, DETAIL_CHARS_MAX).to_owned())
}

/// Parses a stream of events to its end, as a round with the session `root` would.
pub(crate) fn parse(bytes: &[u8], activity: &dyn Activity) {
    let (mut events, mut progress) = (Parser::default(), Progress::of("root", AskPolicy::Refuse));
    for piece in bytes.chunks(PIECE_BYTES) {
        if events.push(piece).is_err() {
            return;
        }
        while let Some(data) = events.take() {
            if let Some(event) = Event::read(&data) {
                progress.take(&event, activity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
        let (mut progress, notes) = (Progress::of("root", AskPolicy::Refuse), Notes::default());
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
            assert!(matches!(progress.take(&event, &notes), EventOutcome::Fine), "{event:?}");
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
        let mut progress = Progress::of("root", AskPolicy::Refuse);
        let step = |reason: &str| part(json!({"type": "step-finish", "reason": reason}));
        for reason in ["unknown", "unknown", "tool-calls", "unknown", "unknown"] {
            assert!(matches!(progress.take(&step(reason), &()), EventOutcome::Fine));
        }
        let EventOutcome::GiveUp(error) = progress.take(&step("unknown"), &()) else {
            panic!("goes on")
        };
        assert_eq!(error.kind, Kind::CutStream);

        let mut progress = Progress::of("root", AskPolicy::Refuse);
        let given_up = (0..=STEPS_MAX)
            .map(|_| progress.take(&step("tool-calls"), &()))
            .position(|news| matches!(news, EventOutcome::GiveUp(_)));
        assert_eq!(given_up, Some(STEPS_MAX as usize));
    }

    #[test]
    fn a_wait_without_end_has_the_kind_of_its_cause() {
        let wait = json!({"status": {"type": "retry", "attempt": RETRIES_MAX, "message": "Connection reset by server"}});
        let news = Progress::of("root", AskPolicy::Refuse)
            .take(&event("root", "session.status", wait), &());
        let EventOutcome::GiveUp(error) = news else { panic!("goes on waiting") };
        assert_eq!(error.kind, Kind::CutStream);
    }

    #[test]
    fn a_person_is_shown_the_whole_input_of_the_tool() {
        let mut progress = Progress::of("root", AskPolicy::Person);
        let input = json!({"command": "touch a && rm b", "workdir": "/"});
        let state = json!({"status": "running", "input": input});
        let tool = json!({"type": "tool", "tool": "bash", "messageID": "m1", "callID": "c1",
            "state": state});
        progress.take(&part(tool.clone()), &());
        // Another call of the same number, in a later message and in a subagent's session.
        let other = json!({"status": "running", "input": {"command": "ls"}});
        for (session, message) in [("root", "m2"), ("sub", "m1")] {
            let mut part = tool.clone();
            (part["messageID"], part["state"]) = (json!(message), other.clone());
            progress.take(&event(session, "message.part.updated", json!({ "part": part })), &());
        }
        let question = json!({"id": "per_1", "permission": "bash", "patterns": ["rm b"],
            "tool": {"messageID": "m1", "callID": "c1"}});
        let ask = event("root", "permission.asked", question);
        let EventOutcome::Ask(ask, asked) = progress.take(&ask, &()) else { panic!("unasked") };
        assert_eq!((ask.what.as_str(), ask.tool.as_deref()), ("bash rm b", Some("bash")));
        assert_eq!(ask.detail, "rm b\ntouch a && rm b\n{\n  \"workdir\": \"/\"\n}");
        let refused = PermissionVerdict::Refused { comment: Some("not b".into()) };
        let (path, body) = asked.answer(refused, &());
        let said = json!({"reply": "reject", "message": "not b"});
        assert_eq!((path.as_str(), body), ("/permission/per_1/reply", said));
        let replied = event("root", "permission.replied", json!({"requestID": "per_2"}));
        let outcome = progress.take(&replied, &());
        assert!(matches!(outcome, EventOutcome::Replied(id) if id == "per_2"));
    }

    #[test]
    fn whoever_asks_is_told_what_the_user_has_said() {
        let question = json!({"id": "per_1", "permission": "bash", "patterns": ["touch \"x\""]});
        for (asks, reply, told) in [(AskPolicy::Refuse, "reject", 1), (AskPolicy::Allow, "once", 0)]
        {
            let mut progress = Progress::of("root", asks);
            let notes = Notes::default();
            let ask = event("sub", "permission.asked", question.clone());
            let EventOutcome::Answer(path, body) = progress.take(&ask, &notes) else {
                panic!("unanswered")
            };
            assert_eq!((path.as_str(), &body["reply"]), ("/permission/per_1/reply", &json!(reply)));
            assert_eq!(notes.asked().len(), told);
            for asked in notes.asked() {
                assert_eq!(asked.what, "bash touch \"x\"");
                let line = r#"`"permission":{"bash":{"touch \"x\"":"allow"}}` in opencode.json"#;
                assert_eq!(asked.allow.as_deref(), Some(line));
            }
            let ask = event("root", "question.asked", json!({"id": "que_1"}));
            let EventOutcome::Answer(path, _) = progress.take(&ask, &notes) else {
                panic!("unanswered")
            };
            assert_eq!(path, "/question/que_1/reject");
        }
        // There is an answer, whatever is missing.
        assert_eq!(asked(&json!({"permission": null, "patterns": [null]})).what, "something");
    }
}
