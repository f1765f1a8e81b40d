//! One prompt, from the first message to the end of the turn, without a process.
//!
//! Owns: the next message after each one received. Never: reads or writes by itself, so a
//! recorded transcript exercises all of it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::gate::PermissionAsk;
use smol_wf_core::step_request::Permissions;

use super::asked::AskedPerson;
use super::login::Method;
use super::modes;
use super::policy::{Rules, cancelled, decide};
use super::quirks::Quirks;
use super::session_inputs;
use super::transcript::{Transcript, TurnEnd};
use super::wire::{self, AUTH_REQUIRED, Incoming, Refusal, VERSION};
use crate::cause::Cause;
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Answer, AskPolicy, PermissionVerdict,
    ProviderError, ProviderErrorKind as Kind, RoundSpend,
};

/// What is known of the agent beforehand.
#[derive(Debug, Clone, Default)]
pub(super) struct AgentSetup {
    /// How its permission questions are answered.
    pub(super) asks: AskPolicy,
    /// Names of the variables in its environment.
    pub(super) variables: BTreeSet<String>,
}

/// The request whose response is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Initialize,
    Login,
    Session,
    Mode,
    Model,
    Effort,
    Prompt,
}

/// What to do after a line from the agent.
#[derive(Debug)]
pub(super) enum Next {
    /// Send these messages, if any, and go on.
    Send(Vec<Value>),
    /// Ask a person, and go on; [`Conversation::judged`] takes the verdict.
    Ask(Box<PermissionAsk>, Box<AskedPerson>),
    /// The turn has ended.
    Done(Box<AgentReply>),
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    provider: String,
    task: AgentTask,
    cwd: PathBuf,
    /// The working directory, and the further folders.
    places: Vec<PathBuf>,
    setup: AgentSetup,
    stage: Stage,
    /// Number of requests so far; the response to the last one is due.
    requests: u64,
    session: Option<String>,
    /// Whether the agent can resume a session.
    loads: bool,
    /// The capabilities that it reports.
    can: Value,
    /// The ways to log in that it offers.
    logins: Vec<Method>,
    /// Whether one of them was tried.
    has_logged_in: bool,
    /// The choices that `session/new` offers.
    offered: Value,
    transcript: Transcript,
    /// Cost of the session before this turn; none when it is unknown.
    cost_before: Option<f64>,
    /// Ids of the questions that wait for a person.
    asked: Vec<Value>,
}

impl Conversation {
    /// A conversation, and its first message.
    pub(super) fn open(
        provider: &str,
        task: AgentTask,
        cwd: PathBuf,
        setup: AgentSetup,
    ) -> (Self, Value) {
        let cost_before = task.session_id.is_none().then_some(0.0);
        let places = std::iter::once(&cwd).chain(&task.dirs).cloned().collect();
        let mut conversation = Self {
            provider: provider.to_owned(),
            task,
            cwd,
            places,
            setup,
            stage: Stage::Initialize,
            requests: 0,
            session: None,
            loads: false,
            can: Value::Null,
            logins: Vec::new(),
            has_logged_in: false,
            offered: Value::Null,
            transcript: Transcript::default(),
            cost_before,
            asked: Vec::new(),
        };
        // No files and no terminals of the client: an agent has its own.
        let params = json!({
            "protocolVersion": VERSION,
            "clientCapabilities": {
                "fs": {"readTextFile": false, "writeTextFile": false},
                "terminal": false,
            },
            "clientInfo": {"name": "smol-wf", "version": env!("CARGO_PKG_VERSION")},
        });
        let first = conversation.ask(Stage::Initialize, "initialize", &params);
        (conversation, first)
    }

    /// The messages that cancel a turn that nobody waits for any more, and the questions in
    /// it; none before a turn.
    pub(super) fn cancel(&self) -> Vec<Value> {
        let session = self.session.as_ref().filter(|_| self.stage == Stage::Prompt);
        let Some(session) = session else { return Vec::new() };
        let asked = self.asked.iter().map(|id| wire::answer(id, &cancelled()));
        std::iter::once(wire::cancel(session)).chain(asked).collect()
    }

    pub(super) fn provider(&self) -> &str {
        &self.provider
    }

    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Takes a line from the agent.
    ///
    /// # Errors
    /// When the agent refuses a request, or lacks something that the step asks for.
    pub(super) fn take(
        &mut self,
        line: &str,
        activity: &dyn Activity,
    ) -> Result<Next, ProviderError> {
        activity.alive();
        // Some agents print notices among their messages.
        let Ok(incoming) = serde_json::from_str::<Incoming>(line) else {
            return Ok(Next::Send(Vec::new()));
        };
        match (incoming.method, incoming.id) {
            (Some(method), Some(id)) => Ok(self.asked(&method, &id, &incoming.params, activity)),
            (Some(method), None) => {
                if method == "session/update" {
                    self.update(&incoming.params["update"], activity);
                }
                Ok(Next::Send(Vec::new()))
            }
            (None, Some(id)) if id == json!(self.requests) => match incoming.error {
                Some(refusal) => self.refused(&refusal, activity),
                None => self.answered(incoming.result.unwrap_or_default(), activity),
            },
            (None, _) => Ok(Next::Send(Vec::new())),
        }
    }

    fn asked(&mut self, method: &str, id: &Value, params: &Value, activity: &dyn Activity) -> Next {
        match method {
            "session/request_permission" => {
                let rules = Rules {
                    permissions: self.task.permissions,
                    places: &self.places,
                    servers: &self.task.mcp,
                    asks: self.setup.asks,
                    asks_for_edits: self.transcript.quirks.asks_for_edits,
                };
                let decision = decide(&self.transcript.calls.completed(params), rules);
                if let (Some(asks), Some(what)) = (decision.asks, &decision.denied) {
                    let ((ask, yes), what) = (*asks, what.clone());
                    self.asked.push(id.clone());
                    let no = decision.result;
                    let asked = AskedPerson { id: id.clone(), what, yes, no };
                    return Next::Ask(Box::new(ask), Box::new(asked));
                }
                if let Some(denied) = decision.denied {
                    self.transcript.denied(&denied);
                    if decision.is_for_the_user {
                        activity.refused(RefusedAsk::once(denied, None));
                    }
                }
                Next::Send(vec![wire::answer(id, &decision.result)])
            }
            other => Next::Send(vec![wire::unknown_method(id, other)]),
        }
    }

    /// Takes the verdict of a person. Returns the answer to the agent.
    pub(super) fn judged(
        &mut self,
        asked: AskedPerson,
        verdict: &PermissionVerdict,
        activity: &dyn Activity,
    ) -> Value {
        self.asked.retain(|one| *one != asked.id);
        let (answer, denied) = asked.judged(verdict, activity);
        denied.iter().for_each(|what| self.transcript.denied(what));
        answer
    }

    fn update(&mut self, update: &Value, activity: &dyn Activity) {
        if self.stage == Stage::Prompt {
            self.transcript.update(update, activity);
        } else if let Some(cost) = update.pointer("/cost/amount").and_then(Value::as_f64) {
            // A resumed session repeats its past, which is not news.
            self.cost_before = Some(cost);
        }
    }

    fn answered(&mut self, result: Value, activity: &dyn Activity) -> Result<Next, ProviderError> {
        match self.stage {
            Stage::Initialize => {
                let version = result["protocolVersion"].as_u64().unwrap_or_default();
                if version != VERSION {
                    let message = format!(
                        "it speaks version {version} of the Agent Client Protocol, and smol-wf speaks version {VERSION}; another version of the agent may work"
                    );
                    return Err(self.error(Kind::Unsupported, message));
                }
                self.can = result["agentCapabilities"].clone();
                self.loads = self.can["loadSession"] == json!(true);
                self.logins = Method::all(&result["authMethods"]);
                self.transcript.quirks = Quirks::of(&result);
                self.can_all()?;
                self.take_up_session()
            }
            Stage::Login => self.take_up_session(),
            Stage::Session => {
                let named = result["sessionId"].as_str().map(str::to_owned);
                // A resumed session keeps its name, and is not named again.
                let Some(session) = named.or_else(|| self.task.session_id.clone()) else {
                    return Err(
                        self.error(Kind::Failed, "it began a session without a name".into())
                    );
                };
                if self.loads {
                    activity.session(&session);
                }
                self.session = Some(session);
                let greeting = result.pointer("/_meta/piAcp/startupInfo").and_then(Value::as_str);
                self.transcript.greeting = greeting.map(str::to_owned);
                self.offered = result;
                self.go_on(Stage::Mode, activity)
            }
            Stage::Mode => self.go_on(Stage::Model, activity),
            Stage::Model => self.go_on(Stage::Effort, activity),
            Stage::Effort => Ok(self.prompt(activity)),
            Stage::Prompt => self.done(result),
        }
    }

    /// Makes the choices that are left, and then sends the prompt.
    fn go_on(&mut self, from: Stage, activity: &dyn Activity) -> Result<Next, ProviderError> {
        Ok(match self.choose(from)? {
            Next::Send(lines) if lines.is_empty() => self.prompt(activity),
            other => other,
        })
    }

    /// Checks that the agent offers all that the step asks for.
    fn can_all(&self) -> Result<(), ProviderError> {
        match session_inputs::not_offered(&self.task, &self.can, self.transcript.quirks) {
            None => Ok(()),
            Some(option) => {
                let message = format!(
                    "it does not offer what the option `{option}` needs; leave the option out, or take another provider"
                );
                Err(self.error(Kind::Unsupported, message))
            }
        }
    }

    fn take_up_session(&mut self) -> Result<Next, ProviderError> {
        let mut params = session_inputs::session(&self.task, &self.cwd);
        let method = match &self.task.session_id {
            Some(id) if self.loads => {
                params["sessionId"] = json!(id);
                "session/load"
            }
            Some(id) => {
                // This is about the session, not the step: a fresh one may do.
                let message = format!("it cannot go on with a session, and is to go on with {id}");
                return Err(self.error(Kind::Failed, message));
            }
            None => "session/new",
        };
        Ok(Next::Send(vec![self.ask(Stage::Session, method, &params)]))
    }

    /// Makes the first choice from `stage` on that the step asks for. Nothing to send
    /// when none is left.
    fn choose(&mut self, stage: Stage) -> Result<Next, ProviderError> {
        if stage == Stage::Mode && self.task.permissions == Some(Permissions::Write) {
            // An agent without such a mode asks, or need not ask.
            if let Some(mode) = modes::writing(&self.offer("mode")) {
                return Ok(Next::Send(vec![self.set(Stage::Mode, "mode", mode)]));
            }
        }
        if stage == Stage::Mode && self.task.permissions == Some(Permissions::Read) {
            let offered = self.offer("mode");
            let Some(mode) = modes::reading(&offered) else {
                let message = "it has no mode in which it only reads, so `permissions: 'read'` cannot be kept; leave the option out, or take another provider";
                return Err(self.error(Kind::Unsupported, message.to_owned()));
            };
            return Ok(Next::Send(vec![self.set(Stage::Mode, "mode", mode)]));
        }
        if let (Stage::Mode | Stage::Model, Some(model)) = (stage, self.task.model.clone()) {
            self.check(Kind::Model, "model", &model)?;
            return Ok(Next::Send(vec![self.set(Stage::Model, "model", &model)]));
        }
        if let Some(effort) = self.task.effort.clone() {
            self.check(Kind::Unsupported, "thought_level", &effort)?;
            return Ok(Next::Send(vec![self.set(Stage::Effort, "thought_level", &effort)]));
        }
        Ok(Next::Send(Vec::new()))
    }

    /// The choices in a category. The older form of the protocol has a list each for
    /// modes and models, the newer one has options with a category.
    fn offer(&self, category: &str) -> Vec<String> {
        let (list, name) = match self.option(category) {
            Some(option) => (option.get("options"), "value"),
            None if category == "model" => {
                (self.offered.pointer("/models/availableModels"), "modelId")
            }
            None if category == "mode" => (self.offered.pointer("/modes/availableModes"), "id"),
            None => (None, "value"),
        };
        let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|one| one[name].as_str().map(str::to_owned)).collect()
    }

    fn option(&self, category: &str) -> Option<&Value> {
        let options = self.offered["configOptions"].as_array()?;
        options.iter().find(|option| option["category"] == category)
    }

    fn check(&self, kind: Kind, category: &str, wanted: &str) -> Result<(), ProviderError> {
        let offered = self.offer(category);
        if offered.iter().any(|one| one == wanted) {
            return Ok(());
        }
        let what = if category == "model" { "model" } else { "effort" };
        let message = match offered.as_slice() {
            [] => format!("it offers no choice of {what}, and the call asks for `{wanted}`"),
            some => format!("it has no {what} `{wanted}`; it has {}", some.join(", ")),
        };
        Err(self.error(kind, message))
    }

    fn set(&mut self, stage: Stage, category: &str, value: &str) -> Value {
        let session = self.session.clone().unwrap_or_default();
        let (method, params) = match (self.option(category), category) {
            (Some(option), _) => (
                "session/set_config_option",
                json!({"sessionId": session, "configId": option["id"], "value": value}),
            ),
            (None, "model") => {
                ("session/set_model", json!({"sessionId": session, "modelId": value}))
            }
            (None, _) => ("session/set_mode", json!({"sessionId": session, "modeId": value})),
        };
        self.ask(stage, method, &params)
    }

    fn prompt(&mut self, activity: &dyn Activity) -> Next {
        activity.note(AgentActivity::Thinking);
        let params =
            json!({"sessionId": self.session, "prompt": session_inputs::prompt(&self.task)});
        Next::Send(vec![self.ask(Stage::Prompt, "session/prompt", &params)])
    }

    fn done(&self, result: Value) -> Result<Next, ProviderError> {
        let end: TurnEnd = serde_json::from_value(result).map_err(|failure| {
            self.error(Kind::Failed, format!("the end of its turn cannot be read: {failure}"))
        })?;
        let answer = self.transcript.answer(&end);
        let reply = |answer| AgentReply {
            answer,
            usage: self.transcript.usage(&end).unwrap_or_default(),
            cost_usd: self.cost(),
            model: self.transcript.model(&end).or_else(|| self.model()),
            session_id: self.resumable(),
            replaced_bytes: 0,
        };
        match answer {
            Ok(text) => Ok(Next::Done(Box::new(reply(Answer::Text(text))))),
            Err((kind, message)) => {
                let AgentReply { usage, cost_usd, model, session_id, .. } = reply(Answer::Null);
                let spent = RoundSpend { usage, cost_usd, session_id, model };
                Err(self.error(kind, message).having_spent(spent))
            }
        }
    }

    /// The session, if the agent can resume it.
    fn resumable(&self) -> Option<String> {
        self.session.clone().filter(|_| self.loads)
    }

    /// The model of the session: the requested one, or else the one that it began with.
    fn model(&self) -> Option<String> {
        let current = || match self.option("model") {
            Some(option) => option["currentValue"].as_str(),
            None => self.offered.pointer("/models/currentModelId").and_then(Value::as_str),
        };
        self.task.model.clone().or_else(|| current().map(str::to_owned))
    }

    /// The cost of this turn. Agents report that of the whole session.
    fn cost(&self) -> Option<f64> {
        Some((self.transcript.cost? - self.cost_before?).max(0.0))
    }

    /// Answers the refusal to begin a session with a login, if one needs nobody.
    fn refused(
        &mut self,
        refusal: &Refusal,
        activity: &dyn Activity,
    ) -> Result<Next, ProviderError> {
        let wants_login = self.stage == Stage::Session && refusal.code == AUTH_REQUIRED;
        if wants_login && !std::mem::replace(&mut self.has_logged_in, true) {
            let login = Method::without_anybody(&self.logins, &self.setup.variables);
            if let Some(id) = login {
                let params = json!({ "methodId": id });
                return Ok(Next::Send(vec![self.ask(Stage::Login, "authenticate", &params)]));
            }
        }
        // Its user does not let it edit without asking, so it asks.
        if self.stage == Stage::Mode && self.task.permissions == Some(Permissions::Write) {
            return self.go_on(Stage::Model, activity);
        }
        Err(self.failed(refusal))
    }

    fn failed(&self, refusal: &Refusal) -> ProviderError {
        let said = refusal.in_words();
        if refusal.code == AUTH_REQUIRED || self.stage == Stage::Login {
            let advice = Method::advice(&self.logins, &self.provider);
            let message = format!("it wants to be logged in first ({said}); {advice}");
            return self.error(Kind::Auth, message);
        }
        let doing = match self.stage {
            Stage::Initialize | Stage::Login => "it does not begin",
            Stage::Session if self.task.session_id.is_some() => "it cannot go on with the session",
            Stage::Session => "it cannot begin a session",
            Stage::Mode => "it cannot change its mode",
            Stage::Model => "it cannot take the model",
            Stage::Effort => "it cannot take the effort",
            Stage::Prompt => "it failed",
        };
        let kind = match (self.stage, Cause::read(&said, None).kind) {
            (Stage::Model, _) => Kind::Model,
            // The session is missing, whatever the words are. Only a cause that would stop
            // a fresh session too is passed on as it is.
            (Stage::Session, Kind::Model | Kind::Refused | Kind::PermissionDenied)
                if self.task.session_id.is_some() =>
            {
                Kind::Failed
            }
            (_, kind) => kind,
        };
        let spent = RoundSpend {
            session_id: self.resumable(),
            cost_usd: self.cost(),
            ..RoundSpend::default()
        };
        self.error(kind, format!("{doing}: {said}")).having_spent(spent)
    }

    fn ask(&mut self, stage: Stage, method: &str, params: &Value) -> Value {
        self.stage = stage;
        self.requests += 1;
        wire::request(self.requests, method, params)
    }

    fn error(&self, kind: Kind, message: String) -> ProviderError {
        ProviderError::new(&self.provider, kind, message)
    }
}
