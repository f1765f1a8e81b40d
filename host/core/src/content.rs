//! The content of a step: steps of equal content are interchangeable, in any run.
//!
//! Owns: the content keys. Never: compares anything else of a step; a replay compares
//! whole entries.
//!
//! The content of an agent step is everything that influences the answer: the prompt,
//! the schema, who is asked (provider, model, effort, kind of agent, isolation,
//! permissions, allowed tools and commands), what the agent is given (system prompt,
//! folders, images, servers, the session of an earlier step), with the phase's defaults
//! applied, and the script's own `key`. Label and phase title are for people, and are
//! left out. So are time-outs, turns, retries, the handling of a failure, and options
//! that this version ignores: they influence whether there is an answer, never what it
//! says.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::gate::AskRequest;
use crate::ids::Digest;
use crate::step_request::{AgentRequest, EarlierSession, WorkflowTarget};

impl AgentRequest {
    /// Digest of the content of this step.
    #[must_use]
    pub fn content_key(&self) -> Digest {
        // Destructured, so that a new option cannot be forgotten here.
        let Self {
            prompt,
            label: _,
            phase: _,
            schema,
            model,
            provider,
            phase_provider,
            effort,
            agent_type,
            isolation,
            permissions,
            timeout_ms: _,
            retry: _,
            stall_ms: _,
            on_failure: _,
            key,
            disallowed_tools,
            tools,
            bash_command_clamp,
            system,
            dirs,
            max_turns: _,
            images,
            mcp,
            session,
            unknown: _,
            ignored: _,
        } = self;
        let schema = schema.as_deref().map(canonical);
        let permissions = permissions.map(|permissions| permissions.as_str().to_owned());
        let some = |list| Some(list).filter(|list: &&Vec<String>| !list.is_empty());
        let disallowed_tools = set_of(some(disallowed_tools));
        let (dirs, mcp) = (set_of(some(dirs)), set_of(some(mcp)));
        // In order, because a prompt may speak of the first image.
        let images = some(images).map(|images| Value::from_iter(images.clone()).to_string());
        let (tools, clamp) = (set_of(tools.as_ref()), set_of(bash_command_clamp.as_ref()));
        let session = session.as_deref().map(EarlierSession::content);
        let parts = [
            ("prompt", Some(prompt)),
            ("schema", schema.as_ref()),
            ("model", model.as_ref()),
            ("provider", provider.as_ref()),
            ("phaseProvider", phase_provider.as_ref()),
            ("effort", effort.as_ref()),
            ("agentType", agent_type.as_ref()),
            ("isolation", isolation.as_ref()),
            ("permissions", permissions.as_ref()),
            ("disallowedTools", disallowed_tools.as_ref()),
            ("tools", tools.as_ref()),
            ("bashCommandClamp", clamp.as_ref()),
            ("system", system.as_ref()),
            ("dirs", dirs.as_ref()),
            ("images", images.as_ref()),
            ("mcp", mcp.as_ref()),
            ("session", session.as_ref()),
            ("key", key.as_ref()),
        ];
        digest_of("agent", prompt.len(), &parts)
    }
}

impl AskRequest {
    /// Digest of what is asked. An answer names it, and counts for nothing else.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // Destructured, so that a new option cannot be forgotten here.
        let Self {
            kind,
            question,
            label: _,
            detail,
            schema,
            default: _,
            matches,
            timeout_ms: _,
            on_timeout: _,
            deadline_us: _,
            unknown: _,
            agent,
        } = self;
        // An agent may ask the same again, and gets another answer.
        let ask = agent.as_ref().map(|agent| agent.ask.to_string());
        let schema = schema.as_deref().map(canonical);
        let matches = matches.as_deref().map(canonical);
        let parts = [
            ("question", Some(question)),
            ("detail", detail.as_ref()),
            ("schema", schema.as_ref()),
            ("match", matches.as_ref()),
            ("ask", ask.as_ref()),
        ];
        digest_of(kind.function(), question.len(), &parts)
    }
}

/// Digest of those options that are set; `bytes` is a guess of their total length.
fn digest_of(of: &str, bytes: usize, parts: &[(&str, Option<&String>)]) -> Digest {
    let mut text = Vec::with_capacity(bytes + 64);
    text.extend_from_slice(format!("{of}\n").as_bytes());
    for (name, value) in parts {
        let Some(value) = value else { continue };
        // With the length of the value, so that different options never make equal text.
        text.extend_from_slice(format!("{name} {}\n", value.len()).as_bytes());
        text.extend_from_slice(value.as_bytes());
    }
    Digest::of(&text)
}

/// A list as JSON text, sorted and without repetitions, which have no meaning.
fn set_of(entries: Option<&Vec<String>>) -> Option<String> {
    let entries: BTreeSet<&String> = entries?.iter().collect();
    Some(Value::from_iter(entries.into_iter().cloned()).to_string())
}

/// Content of a `sleep`: its length.
#[must_use]
pub fn sleep_key(milliseconds: f64) -> Digest {
    Digest::of(format!("sleep\n{milliseconds}").as_bytes())
}

/// Content of a `workflow`: its target and its arguments.
#[must_use]
pub fn workflow_key(target: &WorkflowTarget, args: Option<&str>) -> Digest {
    let args = args.unwrap_or_default();
    Digest::of(format!("workflow\n{target}\n{args}").as_bytes())
}

/// JSON text with the keys of every object sorted; invalid JSON stays as it is.
fn canonical(text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(value) => sorted(value).to_string(),
        Err(_) => text.to_owned(),
    }
}

/// Sorts the keys of every object. Recurses at most 128 levels, as deep as
/// `serde_json` reads.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|(left, _), (right, _)| left.cmp(right));
            Value::Object(
                fields.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::AskKind;
    use crate::ids::StepId;
    use crate::options::OptionRules;
    use crate::step_request::{NamedSession, Usage};

    fn key(prompt: &str, options: &str) -> Digest {
        AgentRequest::read(prompt.to_owned(), options, OptionRules::MODULE).unwrap().content_key()
    }

    #[test]
    fn options_that_do_not_influence_the_answer_are_not_part_of_the_content() {
        let plain = key("p", "{}");
        for same in [
            r#"{"label":"l"}"#,
            r#"{"phase":"Review"}"#,
            r#"{"color":"red"}"#,
            r#"{"onFailure":"throw","stallMs":5,"timeout":5}"#,
            r#"{"disallowedTools":[],"sharedHeadLength":3}"#,
            r#"{"maxTurns":3,"dirs":[],"images":[],"mcp":[],"system":" "}"#,
        ] {
            assert_eq!(key("p", same), plain, "{same}");
        }
    }

    #[test]
    fn options_that_influence_the_answer_are_part_of_the_content() {
        let options = [
            "{}",
            r#"{"model":"m"}"#,
            r#"{"provider":"m"}"#,
            r#"{"effort":"m"}"#,
            r#"{"agentType":"m"}"#,
            r#"{"isolation":"worktree"}"#,
            r#"{"schema":{"type":"string"}}"#,
            r#"{"disallowedTools":["Bash"]}"#,
            r#"{"disallowedTools":["Bash","Edit"]}"#,
            r#"{"tools":["Bash"]}"#,
            r#"{"tools":[]}"#,
            r#"{"bashCommandClamp":["Bash"]}"#,
            r#"{"system":"m"}"#,
            r#"{"dirs":["a"]}"#,
            r#"{"images":["a"]}"#,
            r#"{"images":["a","b"]}"#,
            r#"{"images":["b","a"]}"#,
            r#"{"mcp":["a"]}"#,
            r#"{"session":"a"}"#,
            r#"{"key":"m"}"#,
        ];
        let mut keys: Vec<Digest> = options.iter().map(|options| key("p", options)).collect();
        keys.push(key("q", "{}"));
        keys.push(key("p\nmodel 1\nm", "{}"));
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn a_question_is_what_people_see_of_it() {
        let asked = |kind, question: &str, options: &str| {
            AskRequest::read(kind, question, options).unwrap().digest()
        };
        let plain = asked(AskKind::Ask, "q", "{}");
        let same = r#"{"label":"l","timeout":5,"onTimeout":{"value":"v"},"default":"d"}"#;
        assert_eq!(asked(AskKind::Ask, "q", same), plain);
        let schema = r#"{"schema":{"type":"string","minLength":1}}"#;
        let turned = r#"{"schema":{"minLength":1,"type":"string"}}"#;
        assert_eq!(asked(AskKind::Ask, "q", schema), asked(AskKind::Ask, "q", turned));
        let others = [
            asked(AskKind::Ask, "r", "{}"),
            asked(AskKind::Approve, "q", "{}"),
            asked(AskKind::WaitFor, "q", "{}"),
            asked(AskKind::Ask, "q", r#"{"detail":"d"}"#),
            asked(AskKind::Ask, "q", schema),
            asked(AskKind::WaitFor, "q", r#"{"match":{"a":1}}"#),
        ];
        let all: BTreeSet<&Digest> = others.iter().chain([&plain]).collect();
        assert_eq!(all.len(), others.len() + 1);
    }

    #[test]
    fn lists_of_tools_count_without_their_order() {
        let one = key("p", r#"{"disallowedTools":["Edit","Bash"]}"#);
        assert_eq!(one, key("p", r#"{"disallowedTools":["Bash","Edit","Bash"]}"#));
        assert_eq!(key("p", r#"{"allowedTools":["A"]}"#), key("p", r#"{"tools":["A"]}"#));
    }

    #[test]
    fn a_session_counts_by_its_id_and_not_by_its_label() {
        let step = |label: &str, session_id: &str| {
            let mut request = AgentRequest::plain("p");
            let (provider, session_id) = ("codex".to_owned(), session_id.to_owned());
            let of = Some(NamedSession {
                step: StepId(1),
                provider,
                session_id,
                used: Usage::default(),
            });
            request.session = Some(Box::new(EarlierSession { label: label.to_owned(), of }));
            request.content_key()
        };
        assert_eq!(step("a", "s-1"), step("b", "s-1"));
        assert_ne!(step("a", "s-1"), step("a", "s-2"));
    }

    #[test]
    fn a_schema_counts_without_the_order_of_its_keys() {
        let one = r#"{"schema":{"type":"object","properties":{"a":{"type":"string"},"b":{}}}}"#;
        let other = r#"{"schema":{"properties":{"b":{},"a":{"type":"string"}},"type":"object"}}"#;
        assert_eq!(key("p", one), key("p", other));
    }
}
