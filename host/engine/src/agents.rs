//! One agent call from dispatch to outcome.
//!
//! Owns: which provider and model a call goes to, the check against the
//! schema, and the one correction round. Never: touches the journal, decides
//! when a call may start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use smol_wf_core::call::{AgentRequest, Reply};
use smol_wf_core::codes;
use smol_wf_core::guest::{Failure, Outcome};
use smol_wf_core::ids::{CallId, RunId};
use smol_wf_core::journal::RunHead;
use smol_wf_core::limits::ANSWER_BYTES_MAX;
use smol_wf_core::schema::{self, Checker};
use smol_wf_providers::{Activity, AgentReply, AgentTask, Answer, Provider, Registry};

use crate::request::AgentSettings;

/// Rounds of a call with a schema: the first, and one with the complaints.
const ROUNDS_MAX: u32 = 2;

/// All that agent calls of a run share.
pub(crate) struct Agents {
    pub(crate) run: RunId,
    pub(crate) registry: Registry,
    pub(crate) provider: String,
    pub(crate) model_map: Vec<(String, String)>,
    pub(crate) cwd: std::path::PathBuf,
    settings: AgentSettings,
}

impl Agents {
    pub(crate) fn new(head: &RunHead, registry: Registry, settings: AgentSettings) -> Self {
        Self {
            run: head.run.clone(),
            registry,
            provider: head.provider.clone(),
            model_map: head.model_map.clone(),
            cwd: head.project_root.clone().into(),
            settings,
        }
    }

    /// Ends whatever agents keep running between calls.
    pub(crate) async fn close(&self) {
        self.registry.close().await;
    }

    /// Runs one call to its end. Dropping the future cancels it.
    pub(crate) async fn run(
        &self,
        call: CallId,
        ordinal: u32,
        request: AgentRequest,
        activity: Arc<dyn Activity>,
    ) -> (Outcome, Reply) {
        let name = request.provider.clone().unwrap_or_else(|| self.provider.clone());
        let mut reply = Reply { provider: name.clone(), ..Reply::default() };
        let started = Instant::now();
        let outcome = match self.registry.get(&name) {
            Some(provider) => {
                let attempt = Attempt { agents: self, call, ordinal, request, activity };
                attempt.rounds(provider.as_ref(), &mut reply).await
            }
            None => Err(Failure::new(
                codes::PROVIDER_UNKNOWN,
                format!(
                    "there is no provider `{name}`; there are: {}",
                    self.registry.names().collect::<Vec<_>>().join(", ")
                ),
            )),
        };
        reply.duration_ms = milliseconds(started.elapsed());
        (outcome.map_or_else(Outcome::Failed, Outcome::Value), reply)
    }

    fn model(&self, request: &AgentRequest) -> Option<String> {
        let asked = request.model.as_ref()?;
        // The last one given wins, as flags do.
        let mapped = self.model_map.iter().rev().find(|(alias, _)| alias == asked);
        Some(mapped.map_or(asked, |(_, selector)| selector).clone())
    }
}

struct Attempt<'a> {
    agents: &'a Agents,
    call: CallId,
    ordinal: u32,
    request: AgentRequest,
    activity: Arc<dyn Activity>,
}

impl Attempt<'_> {
    async fn rounds(self, provider: &dyn Provider, reply: &mut Reply) -> Result<String, Failure> {
        let checker = self.request.schema.as_deref().map(Checker::new).transpose()?;
        let mut prompt = match &self.request.schema {
            Some(schema) if !provider.capabilities().schema => {
                schema::with_schema_instructions(&self.request.prompt, schema)
            }
            _ => self.request.prompt.clone(),
        };
        loop {
            reply.rounds += 1;
            let answered = self.ask(provider, prompt, reply).await?;
            let Some(checker) = &checker else { return text_outcome(answered.answer) };
            let problem = match judge(checker, &answered.answer) {
                Ok(value) => return bounded(&value),
                Err(problem) => problem,
            };
            if reply.rounds >= ROUNDS_MAX {
                return Err(Failure::new(
                    codes::SCHEMA_MISMATCH,
                    format!(
                        "the agent's answer does not satisfy the schema, also after a correction: {problem}"
                    ),
                ));
            }
            let schema_text = self.request.schema.as_deref().unwrap_or("{}");
            let said = shown(&answered.answer);
            prompt = schema::correction_prompt(&self.request.prompt, schema_text, &said, &problem);
        }
    }

    async fn ask(
        &self,
        provider: &dyn Provider,
        prompt: String,
        reply: &mut Reply,
    ) -> Result<AgentReply, Failure> {
        let task = AgentTask {
            run: self.agents.run.clone(),
            call: self.call,
            ordinal: self.ordinal,
            round: reply.rounds,
            idempotency_key: idempotency_key(&self.agents.run, self.call),
            request: self.request.clone(),
            prompt,
            model: self.agents.model(&self.request),
            effort: self.request.effort.clone(),
            permissions: self.request.permissions,
            session_id: reply.session_id.clone(),
            raw: None,
            cwd: self.agents.cwd.clone(),
        };
        let answered = provider
            .attempt(task, self.activity.as_ref())
            .await
            .map_err(|error| Failure::new(error.code(), error.to_string()))?;
        reply.usage += answered.usage;
        if let Some(cost) = answered.cost_usd {
            reply.cost_usd = Some(reply.cost_usd.unwrap_or(0.0) + cost);
        }
        reply.model = answered.model.clone().or(reply.model.take());
        reply.session_id = answered.session_id.clone().or(reply.session_id.take());
        Ok(answered)
    }
}

/// The same for every attempt at one call, so that a provider that can tell
/// repeats apart does the work once.
fn idempotency_key(run: &RunId, call: CallId) -> String {
    blake3::hash(format!("{run}/{call}").as_bytes()).to_hex()[..32].to_owned()
}

fn judge(checker: &Checker, answer: &Answer) -> Result<Value, String> {
    let value = match answer {
        // Nothing came of it, and no correction can change that: the script is told.
        Answer::Null => return Ok(Value::Null),
        Answer::Json(value) => value.clone(),
        Answer::Text(text) => {
            schema::parse_answer(text).ok_or_else(|| "the answer holds no JSON".to_owned())?
        }
    };
    checker.check(&value).map_err(|violations| schema::describe(&violations))?;
    Ok(value)
}

fn text_outcome(answer: Answer) -> Result<String, Failure> {
    bounded(&match answer {
        Answer::Null => Value::Null,
        Answer::Text(text) => Value::String(text),
        Answer::Json(value) => value,
    })
}

fn bounded(value: &Value) -> Result<String, Failure> {
    let text = value.to_string();
    if text.len() > ANSWER_BYTES_MAX {
        return Err(Failure::new(
            codes::ANSWER_TOO_LARGE,
            format!(
                "the agent's answer is {} bytes, and {ANSWER_BYTES_MAX} is the most",
                text.len()
            ),
        ));
    }
    Ok(text)
}

fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Null => "null".to_owned(),
        Answer::Text(text) => text.clone(),
        Answer::Json(value) => value.to_string(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
