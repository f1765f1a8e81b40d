//! A provider whose output is cleared of its agent's secrets.
//!
//! Owns: removing the secret values of `env = {…}` from an agent's answers, reports and
//! activity, before anything is stored or shown. Never: removes secrets that the agent got
//! from its own files or the prompt.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::gate::PermissionAsk;

use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Answer, Asking, Capabilities, Probe, Processes,
    Provider, ProviderError, RoundSpend, TranscriptSink,
};

/// Shortest value that counts as a secret: shorter ones, such as `1` or `batch`, are
/// words of ordinary sentences.
const SECRET_BYTES_MIN: usize = 8;

/// Parts of a variable's name that make its value a secret. Other variables hold models,
/// regions and modes, which answers mention.
const SECRET_NAMES: [&str; 8] =
    ["KEY", "TOKEN", "SECRET", "PASS", "AUTH", "CREDENTIAL", "COOKIE", "PRIVATE"];

/// Replaces a secret.
const MASK: &str = "[masked]";

/// The values to remove.
#[derive(Clone, Default)]
struct Secrets {
    /// The longest first: one may be part of another.
    values: Arc<[String]>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.values.len())
    }
}

impl Secrets {
    fn of<'a>(variables: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let mut all = Vec::new();
        let secret = variables.into_iter().filter(|(name, _)| is_secret(name));
        for (_, value) in secret.filter(|(_, value)| value.len() >= SECRET_BYTES_MIN) {
            if is_place(value) {
                continue;
            }
            all.push(value.clone());
            // Output is read line by line.
            let lines = value.lines().filter(|line| line.len() >= SECRET_BYTES_MIN);
            all.extend(lines.map(str::to_owned));
            // The form in JSON, where it differs.
            let quoted = Value::String(value.clone()).to_string();
            all.extend(quoted.get(1..quoted.len() - 1).map(str::to_owned));
        }
        all.sort_by_key(|value| std::cmp::Reverse(value.len()));
        all.dedup();
        Self { values: all.into() }
    }

    fn clear(&self, text: &mut String) {
        for value in self.values.iter() {
            if text.contains(value.as_str()) {
                *text = text.replace(value.as_str(), MASK);
            }
            self.clear_end(value, text);
        }
    }

    /// Removes the start of a secret at the end of a text: texts are cut to a bounded
    /// length on their way.
    fn clear_end(&self, value: &str, text: &mut String) {
        let Some(shown) = text.strip_suffix('…') else { return };
        let starts = (SECRET_BYTES_MIN..value.len()).rev().filter_map(|end| value.get(..end));
        if let Some(start) = starts.into_iter().find(|start| shown.ends_with(start)) {
            let kept = shown.len() - start.len();
            text.replace_range(kept..kept + start.len(), MASK);
        }
    }

    fn cleared(&self, mut text: String) -> String {
        self.clear(&mut text);
        text
    }

    fn clear_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.clear(text),
            Value::Array(list) => list.iter_mut().for_each(|one| self.clear_json(one)),
            Value::Object(fields) => {
                for (name, mut field) in std::mem::take(fields) {
                    self.clear_json(&mut field);
                    fields.insert(self.cleared(name), field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn clear_answer(&self, answer: &mut Answer) {
        match answer {
            Answer::Text(text) => self.clear(text),
            Answer::Json(value) => self.clear_json(value),
            Answer::Null => {}
        }
    }

    /// Whether a text holds a secret. A session with such a name cannot be resumed by a
    /// masked one.
    fn is_in(&self, text: &str) -> bool {
        self.values.iter().any(|value| text.contains(value.as_str()))
    }

    fn clear_error(&self, error: &mut ProviderError) {
        self.clear(&mut error.message);
        error.spent.model.iter_mut().for_each(|model| self.clear(model));
        error.spent.session_id.take_if(|session| self.is_in(session));
    }

    fn cleared_activity(&self, activity: AgentActivity) -> AgentActivity {
        match activity {
            AgentActivity::Thinking => AgentActivity::Thinking,
            AgentActivity::Tool { name, detail } => AgentActivity::Tool {
                name: self.cleared(name),
                detail: detail.map(|detail| self.cleared(detail)),
            },
            AgentActivity::Text { text } => AgentActivity::Text { text: self.cleared(text) },
            AgentActivity::Waiting { reason } => {
                AgentActivity::Waiting { reason: self.cleared(reason) }
            }
        }
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Whether a value is an existing path: it is not a secret, and answers are full of
/// paths.
fn is_place(value: &str) -> bool {
    let path = Path::new(value);
    path.is_absolute() && path.exists()
}

/// Another provider, cleared of secrets.
pub struct MaskingProvider {
    secrets: Secrets,
    inner: Arc<dyn Provider>,
}

impl MaskingProvider {
    /// The provider `inner`, whose agent gets these variables.
    #[must_use]
    pub fn new<'a>(
        inner: Arc<dyn Provider>,
        variables: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Self {
        Self { secrets: Secrets::of(variables), inner }
    }
}

#[async_trait]
impl Provider for MaskingProvider {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn attempt(
        &self,
        mut task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        let secrets = &self.secrets;
        task.raw = task.raw.map(|inner| {
            Arc::new(MaskedTranscript { secrets: secrets.clone(), inner })
                as Arc<dyn TranscriptSink>
        });
        match self.inner.attempt(task, &MaskedActivity { secrets, inner: activity }).await {
            Ok(mut reply) => {
                secrets.clear_answer(&mut reply.answer);
                reply.model.iter_mut().for_each(|model| secrets.clear(model));
                reply.session_id.take_if(|session| secrets.is_in(session));
                Ok(reply)
            }
            Err(mut error) => {
                secrets.clear_error(&mut error);
                Err(error)
            }
        }
    }

    async fn probe(&self, processes: &Processes) -> Probe {
        let mut probe = self.inner.probe(processes).await;
        let said = probe.version.iter_mut().chain(&mut probe.problem);
        said.for_each(|text| self.secrets.clear(text));
        probe
    }

    fn glance(&self) -> Probe {
        self.inner.glance()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// Clears an agent's activity of secrets.
struct MaskedActivity<'a> {
    secrets: &'a Secrets,
    inner: &'a dyn Activity,
}

impl Activity for MaskedActivity<'_> {
    fn note(&self, activity: AgentActivity) {
        self.inner.note(self.secrets.cleared_activity(activity));
    }

    fn alive(&self) {
        self.inner.alive();
    }

    fn ask(&self, ask: PermissionAsk) -> Asking<'_> {
        let PermissionAsk { what, detail, tool } = ask;
        let cleared = |text| self.secrets.cleared(text);
        let (what, detail, tool) = (cleared(what), cleared(detail), tool.map(cleared));
        self.inner.ask(PermissionAsk { what, detail, tool })
    }

    fn hindered(&self, by: &ProviderError) {
        let mut by = by.clone();
        self.secrets.clear_error(&mut by);
        self.inner.hindered(&by);
    }

    fn session(&self, session_id: &str) {
        if !self.secrets.is_in(session_id) {
            self.inner.session(session_id);
        }
    }

    fn used(&self, spent: &RoundSpend) {
        let mut spent = spent.clone();
        spent.model.iter_mut().for_each(|model| self.secrets.clear(model));
        self.inner.used(&spent);
    }

    fn refused(&self, mut asked: RefusedAsk) {
        self.secrets.clear(&mut asked.what);
        asked.allow.iter_mut().for_each(|line| self.secrets.clear(line));
        self.inner.refused(asked);
    }

    fn told(&self, number: u64) {
        self.inner.told(number);
    }

    fn warn(&self, mut message: String) {
        self.secrets.clear(&mut message);
        self.inner.warn(message);
    }
}

/// Clears the lines of an agent's own transcript.
#[derive(Debug)]
struct MaskedTranscript {
    secrets: Secrets,
    inner: Arc<dyn TranscriptSink>,
}

impl TranscriptSink for MaskedTranscript {
    fn line(&self, session_id: Option<&str>, line: &str) {
        let session_id = session_id.filter(|session| !self.secrets.is_in(session));
        self.inner.line(session_id, &self.secrets.cleared(line.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(variables: &[(&str, &str)]) -> Secrets {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<(String, String)> = variables.iter().map(owned).collect();
        Secrets::of(variables.iter().map(|(name, value)| (name, value)))
    }

    fn cleared(values: &[&str], text: &str) -> String {
        let variables: Vec<_> = values.iter().map(|value| ("API_KEY", *value)).collect();
        secrets(&variables).cleared(text.to_owned())
    }

    #[test]
    fn only_variables_named_as_secrets_count() {
        let variables = [("NODE_ENV", "production"), ("npm_token", "canary-1")];
        let text = "to production with canary-1".to_owned();
        assert_eq!(secrets(&variables).cleared(text), "to production with [masked]");
    }

    #[test]
    fn long_enough_secrets_are_removed_everywhere() {
        for (values, text, shown) in [
            (&["canary-1"][..], "bad key canary-1, canary-1!", "bad key [masked], [masked]!"),
            (&["short"], "short", "short"),
            // One is the start of another.
            (&["canary-1", "canary-1-long"], "canary-1-long canary-1", "[masked] [masked]"),
            // Within JSON, and cut off.
            (&["quote\"\\d"], r#"{"a":"quote\"\\d"}"#, r#"{"a":"[masked]"}"#),
            (&["canary-1-long"], "it said canary-1-lo…", "it said [masked]…"),
            (&["canary-1-long"], "it said canary", "it said canary"),
            (&["-----BEGIN\nMIIEcanary\nshort\n"], "MIIEcanary", "[masked]"),
            (&["/usr/bin"], "in /usr/bin", "in /usr/bin"),
            (&["canary-1-long"], "it ends in canary-1-lo", "it ends in canary-1-lo"),
            (&["éééééé"], "an é and ééééé…", "an é and [masked]…"),
        ] {
            assert_eq!(cleared(values, text), shown, "{text}");
        }
    }

    #[test]
    fn structured_answers_are_cleared_at_every_depth() {
        let secrets = secrets(&[("KEY", "canary-1")]);
        let mut answer =
            Answer::Json(serde_json::json!({"canary-1": [{"b": "x canary-1"}], "n": 1}));
        secrets.clear_answer(&mut answer);
        let expected = serde_json::json!({"[masked]": [{"b": "x [masked]"}], "n": 1});
        assert_eq!(answer, Answer::Json(expected));
    }
}
