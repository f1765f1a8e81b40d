//! One round: a session, a message, its answer.
//!
//! Owns: the order of the requests. Never: the process.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use smol_wf_core::message::AgentMessage;
use smol_wf_core::step_request::Permissions;
use tokio::time::timeout;

use super::aborts::AbortGuard;
use super::choice::{Choice, choose};
use super::error;
use super::http::escaped;
use super::hub::{Event, Subscription};
use super::progress::{AskedPerson, EventOutcome, Progress};
use super::reply::{Head, Info, Message, spent};
use super::rules::{Rule, SessionLimits, permissions_for, ruleset};
use super::server::Server;
use super::servers;
use super::told::{Told, part_id};
use crate::foreign::readable;
use crate::permission::WaitingAsks;
use crate::step_inputs::system_with_dirs;
use crate::{
    Activity, AgentReply, AgentTask, Answer, AskPolicy, Image, ProviderError,
    ProviderErrorKind as Kind, RoundSpend,
};

/// How long to wait for the last events of a session. They come within milliseconds of
/// the answer.
const LAST_EVENTS_MAX: Duration = Duration::from_secs(1);

/// How long the server may take to accept a message. It does so at once.
const TELL_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
struct Session {
    id: String,
    #[serde(default, deserialize_with = "readable")]
    permission: Vec<Rule>,
}

/// One round with one agent.
pub(super) async fn ask(
    server: &Arc<Server>,
    task: &AgentTask,
    asks: AskPolicy,
    activity: &dyn Activity,
) -> Result<AgentReply, ProviderError> {
    let directory = directory(&task.cwd)?;
    let query = format!("directory={}", escaped(&directory.to_string_lossy()));
    // A reading agent gets explicit rules. A resumed session may be one of another
    // version of this program, which allowed everything.
    let is_held = task.permissions == Some(Permissions::Read)
        || task.request.tools.is_some()
        || !task.dirs.is_empty()
        || !task.mcp.is_empty();
    let knows_rules = is_held || task.session_id.is_some();
    let Choice { mut body, own } = choose(server, &query, task, knows_rules).await?;
    body.insert("parts".into(), parts(task));
    // It holds for this message alone, so every round sends it.
    if let Some(system) = system_with_dirs(task) {
        body.insert("system".into(), json!(system));
    }
    let schema = task.request.schema.as_deref().map(adapted).transpose()?;
    if let Some(schema) = &schema {
        let format = json!({"type": "json_schema", "schema": schema, "retryCount": 0});
        body.insert("format".into(), format);
    }
    servers::add(server, &query, &task.mcp).await?;
    if let Some(session) = &task.session_id {
        // It would be taken for an abort of this round.
        server.aborts.done(session).await;
    }
    let session = session(server, &query, task, &own).await?;
    activity.session(&session);
    let mut progress = Progress::of(&session, asks);
    if task.session_id.is_some() {
        progress.told = Told::after(texts(server, &query, &session).await);
    }
    let mut going = RoundInFlight {
        events: server.hub.subscribe(&session),
        progress,
        guard: AbortGuard::new(server, &session, &query, &task.presence),
        task,
        activity,
        is_at_rest: false,
    };
    let path = format!("/session/{session}/message?{query}");
    let message = match going.send(server, &path, &Value::Object(body)).await {
        Ok(message) => message,
        // The guard aborts a message that may still be at work.
        Err(failed) if !server.is_running() => return Err(failed),
        Err(failed) => return Err(failed.having_spent(going.spent(server, &query, None).await)),
    };
    going.last_events().await;
    // A message that came too late may have begun a turn that nobody waits for.
    if !going.progress.told.is_unread() {
        going.guard.disarm();
    }
    let spent = going.spent(server, &query, Some(&message.info)).await;
    match message.answer() {
        Ok(answer) => Ok(AgentReply {
            answer: if schema.is_some() { answer } else { as_text(answer) },
            usage: spent.usage,
            cost_usd: spent.cost_usd,
            model: spent.model,
            session_id: spent.session_id,
            replaced_bytes: 0,
        }),
        Err(failed) => Err(failed.having_spent(spent)),
    }
}

/// The message: images, and the prompt.
fn parts(task: &AgentTask) -> Value {
    let file = |(at, image): (usize, &Image)| {
        let url = format!("data:{};base64,{}", image.mime, image.base64());
        let name = format!("image-{}.{}", at + 1, image.extension());
        json!({"type": "file", "mime": image.mime, "filename": name, "url": url})
    };
    let text = json!({"type": "text", "text": task.prompt});
    task.images.iter().enumerate().map(file).chain([text]).collect()
}

/// The answer as text, which it is without a schema, whatever form opencode gave it.
fn as_text(answer: Answer) -> Answer {
    match answer {
        Answer::Json(value) => Answer::Text(value.to_string()),
        other => other,
    }
}

/// The schema in opencode's form. opencode wraps a schema that is not an object, and
/// unwraps the answer, but the schema itself has to be a JSON object.
fn adapted(schema: &str) -> Result<Value, ProviderError> {
    match serde_json::from_str(schema) {
        Ok(Value::Bool(true)) => Ok(json!({})),
        Ok(Value::Bool(false)) => Ok(json!({"not": {}})),
        Ok(schema) => Ok(schema),
        Err(failure) => Err(error(Kind::Unsupported, format!("the schema is not JSON: {failure}"))),
    }
}

/// The working directory as an absolute path without links: the server compares names to
/// deny what is outside.
fn directory(cwd: &Path) -> Result<PathBuf, ProviderError> {
    let found = cwd.canonicalize().ok().filter(|path| path.is_dir());
    found.ok_or_else(|| {
        let message = format!("the working directory {} is not there", cwd.display());
        error(Kind::Spawn, message)
    })
}

/// The session to resume, or a new one.
async fn session(
    server: &Server,
    query: &str,
    task: &AgentTask,
    own: &[Rule],
) -> Result<String, ProviderError> {
    let tools = task.request.tools.as_deref().map(permissions_for).transpose();
    let tools = tools.map_err(|message| error(Kind::Unsupported, message))?;
    let held = SessionLimits {
        permissions: task.permissions,
        tools: tools.as_deref(),
        dirs: &task.dirs,
        servers: &task.mcp,
        structured: task.request.schema.is_some(),
    };
    let mut rules = ruleset(held, own);
    let session: Session = if let Some(id) = &task.session_id {
        // Rules are added to those of the session, and the last one counts.
        let path = format!("/session/{}?{query}", escaped(id));
        let kept: Session = server.get(&path).await?;
        // Limits of the step that the session comes from do not hold for this one.
        let is_of_another = task.request.session.is_some();
        if is_of_another || kept.permission.iter().any(Rule::allows_all) {
            rules.splice(..0, own.iter().cloned());
        }
        server.patch(&path, &json!({"permission": rules})).await?
    } else {
        // Without a title, opencode asks a model for one.
        let title = format!("smol-wf {} call {}", task.run, task.step);
        let body = json!({"title": title, "permission": rules});
        server.post(&format!("/session?{query}"), &body).await?
    };
    Ok(session.id)
}

/// A round whose message was sent.
struct RoundInFlight<'a> {
    events: Subscription,
    progress: Progress,
    guard: AbortGuard,
    task: &'a AgentTask,
    activity: &'a dyn Activity,
    /// Whether the session's last event has come, which may be before the answer.
    is_at_rest: bool,
}

impl RoundInFlight<'_> {
    /// Sends the message and follows the agent until it has answered.
    async fn send(
        &mut self,
        server: &Server,
        path: &str,
        body: &Value,
    ) -> Result<Message, ProviderError> {
        let mut answered = pin!(server.post(path, body));
        let mut asks = WaitingAsks::new();
        let mut messages = self.task.messages.clone();
        loop {
            tokio::select! {
                biased;
                message = &mut answered => return message,
                Some(event) = self.events.next() => match self.take(&event) {
                    EventOutcome::Fine => {}
                    EventOutcome::Idle => self.is_at_rest = true,
                    EventOutcome::GiveUp(failed) => return Err(failed),
                    EventOutcome::Answer(path, body) => {
                        self.reply(server, &path, &body).await;
                    }
                    EventOutcome::Ask(ask, asked) => asks.ask(asked, ask, self.activity),
                    EventOutcome::Replied(id) => {
                        asks.withdraw(|asked: &AskedPerson| asked.id == id);
                    }
                },
                (asked, verdict) = asks.next() => {
                    let (path, body) = asked.answer(verdict, self.activity);
                    self.reply(server, &path, &body).await;
                }
                // Not before the prompt has arrived.
                message = messages.next(), if self.progress.told.prompt().is_some() => {
                    self.tell(server, body, &message).await;
                }
                failed = server.ended() => return Err(failed),
            }
        }
    }

    /// Answers a question. One that no longer exists needs no answer.
    async fn reply(&self, server: &Server, path: &str, body: &Value) {
        let path = format!("{path}?{}", self.guard.query);
        let _ = server.post::<Value>(&path, body).await;
    }

    /// Sends a message to the agent at work, with the options of the prompt. The model
    /// reads it in its next turn, and the answer to the prompt is the one after that.
    async fn tell(&mut self, server: &Server, prompt: &Value, message: &AgentMessage) {
        let AgentMessage { number, text, .. } = message;
        // Without an id the text is what tells it from others.
        let part = part_id().unwrap_or_default();
        let mut body = prompt.clone();
        body["parts"] = json!([{"type": "text", "text": &**text}]);
        if !part.is_empty() {
            body["parts"][0]["id"] = json!(part);
        }
        let path = format!("/session/{}/prompt_async?{}", self.guard.session, self.guard.query);
        self.progress.told.send(*number, part, text.clone());
        // After a time-out it may still arrive.
        if let Ok(Err(_)) = timeout(TELL_MAX, server.post_quietly(&path, &body)).await {
            self.progress.told.unsend(*number);
        }
    }

    fn take(&mut self, event: &Event) -> EventOutcome {
        if let Some(raw) = &self.task.raw {
            raw.line(Some(&self.guard.session), &event.line);
        }
        self.progress.take(event, self.activity)
    }

    /// Takes events until the session rests, so that its transcript is complete and all
    /// of its subagents are known.
    async fn last_events(&mut self) {
        let _ = timeout(LAST_EVENTS_MAX, async {
            while !self.is_at_rest {
                let Some(event) = self.events.next().await else { return };
                self.is_at_rest = matches!(self.take(&event), EventOutcome::Idle);
            }
        })
        .await;
    }

    /// The usage of the round: each message that answers this prompt, and all messages of
    /// its subagents. The tokens of a message include those of its steps.
    async fn spent(&self, server: &Server, query: &str, last: Option<&Info>) -> RoundSpend {
        let (told, parent) = (&self.progress.told, last.and_then(|info| info.parent.as_ref()));
        let mut infos = Vec::new();
        if parent.map(String::as_str).or(told.prompt()).is_some() {
            infos = answers(server, query, &self.guard.session).await;
            infos.retain(|info| {
                info.parent.as_ref().is_some_and(|of| parent == Some(of) || told.has(of))
            });
        }
        for child in &self.progress.children {
            infos.extend(answers(server, query, child).await);
        }
        if let Some(last) = last
            && !infos.iter().any(|info| info.id == last.id)
        {
            infos.push(last.clone());
        }
        let (usage, cost) = spent(&infos);
        RoundSpend {
            usage,
            cost_usd: Some(cost),
            session_id: Some(self.guard.session.clone()),
            model: infos.last().and_then(Info::model),
        }
    }
}

/// The messages that models have written in a session.
async fn answers(server: &Server, query: &str, session: &str) -> Vec<Info> {
    let mut infos = infos(server, query, session).await;
    infos.retain(|info| info.role == "assistant");
    infos
}

/// Ids of the texts of its user in a session.
async fn texts(server: &Server, query: &str, session: &str) -> HashSet<String> {
    let infos = infos(server, query, session).await.into_iter();
    infos.filter(|info| info.role == "user").map(|info| info.id).collect()
}

/// All messages of a session; none when the server does not tell. What is not known before
/// a round for that reason is not counted after it either: the sums need the same list.
async fn infos(server: &Server, query: &str, session: &str) -> Vec<Info> {
    let path = format!("/session/{session}/message?{query}");
    let messages: Vec<Head> = server.get(&path).await.unwrap_or_default();
    messages.into_iter().map(|message| message.info).collect()
}
