//! The checks that every provider has to pass.
//!
//! Owns: the checks of the contract of [`Provider`] that need no network. Never: runs by
//! itself; a provider's own test calls it.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::gate::PermissionAsk;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::message::AgentMessage;
use smol_wf_core::schema::Checker;
use smol_wf_core::step_request::AgentRequest;

use crate::{
    Activity, AgentActivity, AgentMessages, AgentReply, AgentTask, Answer, Asking, Mailbox,
    PermissionVerdict, Presence, Processes, Provider,
};

/// A task of a made-up run.
#[must_use]
pub fn task(prompt: &str) -> AgentTask {
    AgentTask {
        run: RunId::from_bits(1),
        step: StepId(1),
        ordinal: 1,
        round: 1,
        idempotency_key: "run-1-call-1".to_owned(),
        request: AgentRequest::plain(prompt),
        prompt: prompt.to_owned(),
        model: None,
        effort: None,
        permissions: None,
        session_id: None,
        cwd: PathBuf::from("."),
        dirs: Vec::new(),
        images: Vec::new(),
        mcp: Vec::new(),
        messages: AgentMessages::none(),
        raw: None,
        processes: Processes::new(),
        presence: Presence::unwatched(),
    }
}

/// Records an agent's activities.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<AgentActivity>>, Mutex<Vec<RefusedAsk>>, Person);

/// A person who gives each question the same verdict, and what they were asked.
#[derive(Debug, Default)]
struct Person(Option<PermissionVerdict>, Mutex<Vec<PermissionAsk>>);

impl Notes {
    /// With a person who gives this verdict.
    #[must_use]
    pub fn with_person(verdict: PermissionVerdict) -> Self {
        Self(Mutex::default(), Mutex::default(), Person(Some(verdict), Mutex::default()))
    }

    /// What the person was asked.
    #[must_use]
    pub fn asked_person(&self) -> Vec<PermissionAsk> {
        self.2.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All activities so far.
    #[must_use]
    pub fn all(&self) -> Vec<AgentActivity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The permissions that were refused.
    #[must_use]
    pub fn asked(&self) -> Vec<RefusedAsk> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Activity for Notes {
    fn note(&self, activity: AgentActivity) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(activity);
    }

    fn ask(&self, ask: PermissionAsk) -> Asking<'_> {
        self.2.1.lock().unwrap_or_else(PoisonError::into_inner).push(ask);
        let verdict = self.2.0.clone().unwrap_or(PermissionVerdict::Nobody);
        Box::pin(std::future::ready(verdict))
    }

    fn refused(&self, asked: RefusedAsk) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }
}

/// Checks a provider that answers every prompt.
///
/// # Errors
/// A sentence about the first breach of the contract.
pub async fn check(provider: &dyn Provider) -> Result<(), String> {
    let named = !provider.name().is_empty()
        && provider
            .name()
            .chars()
            .all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-');
    expect(named, "its name is not lower-case words with hyphens")?;
    text(provider).await?;
    hostile(provider).await?;
    model(provider).await?;
    if provider.capabilities().schema {
        structured(provider).await?;
    }
    if provider.capabilities().sessions {
        session(provider).await?;
    }
    messages(provider).await?;
    cancelled(provider).await
}

async fn ask(provider: &dyn Provider, task: AgentTask) -> Result<AgentReply, String> {
    provider.attempt(task, &()).await.map_err(|error| format!("an ordinary task failed: {error}"))
}

async fn text(provider: &dyn Provider) -> Result<(), String> {
    let notes = Notes::default();
    let reply = provider
        .attempt(task("Say something."), &notes)
        .await
        .map_err(|error| error.to_string())?;
    expect(
        matches!(reply.answer, Answer::Text(_)),
        "a task without a schema is not answered with a text",
    )?;
    expect(!notes.all().is_empty(), "it never says what the agent is doing")?;
    expect(reply.usage.total() > 0, "it counts no tokens")?;
    expect(
        reply.cost_usd.is_none_or(|cost| cost.is_finite() && cost >= 0.0),
        "its cost is not an amount",
    )
}

/// Prompts that a command line or a line protocol would mangle.
async fn hostile(provider: &dyn Provider) -> Result<(), String> {
    let long = "x".repeat(200 * 1024);
    for prompt in [
        "--help",
        "-",
        "\"quoted\" $HOME `id` \\",
        "two\nlines\r\n",
        "\u{2028}👩\u{200d}💻\u{feff}",
        &long,
    ] {
        ask(provider, task(prompt)).await?;
    }
    Ok(())
}

async fn model(provider: &dyn Provider) -> Result<(), String> {
    let mut wanted = task("Which model are you?");
    wanted.model = Some("some-model".to_owned());
    match provider.attempt(wanted, &()).await {
        Ok(reply) => expect(
            reply.model.is_none_or(|model| model == "some-model"),
            "it answers with another model than the one asked for",
        ),
        Err(error) => expect(
            error.kind == crate::ProviderErrorKind::Model,
            "an unknown model is an error of another kind",
        ),
    }
}

async fn structured(provider: &dyn Provider) -> Result<(), String> {
    let schema = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;
    let mut wanted = task("Give a number.");
    wanted.request.schema = Some(schema.into());
    let Answer::Json(answer) = ask(provider, wanted).await?.answer else {
        return Err("a task with a schema is not answered with JSON".to_owned());
    };
    let checker = Checker::new(schema).map_err(|failure| failure.message)?;
    expect(checker.check(&answer).is_ok(), "its answer does not satisfy a simple schema")
}

async fn session(provider: &dyn Provider) -> Result<(), String> {
    let first = ask(provider, task("Remember 7.")).await?;
    expect(first.session_id.is_some(), "it continues sessions and names none")?;
    let mut next = task("What was it?");
    next.round = 2;
    next.session_id.clone_from(&first.session_id);
    let second = ask(provider, next).await?;
    expect(second.session_id == first.session_id, "a continued session has another name")
}

/// A message that waits before the agent begins. Whether the agent gets it or ends first,
/// the prompt is answered, and only the message's own number is reported.
async fn messages(provider: &dyn Provider) -> Result<(), String> {
    #[derive(Default)]
    struct Told(Mutex<Vec<u64>>);
    impl Activity for Told {
        fn note(&self, _activity: AgentActivity) {}
        fn told(&self, number: u64) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        }
    }
    let (mailbox, told) = (Mailbox::default(), Told::default());
    mailbox.post(AgentMessage { number: 7, text: "Be brief.".into(), was_told: false });
    let mut wanted = task("Say something.");
    wanted.messages = mailbox.messages(false);
    let answered = provider.attempt(wanted, &told).await;
    answered.map_err(|error| format!("a task with a message failed: {error}"))?;
    let told = told.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let may = if provider.capabilities().messages { told == [7] } else { false };
    expect(told.is_empty() || may, "it reports messages that nobody gave, or one twice")
}

/// A future that is dropped before or after its first step leaves nothing behind that
/// hinders the next.
async fn cancelled(provider: &dyn Provider) -> Result<(), String> {
    drop(provider.attempt(task("Never mind."), &()));
    tokio::select! {
        biased;
        () = std::future::ready(()) => {}
        _ = provider.attempt(task("Never mind."), &()) => {}
    }
    ask(provider, task("Still there?")).await.map(|_| ())
}

fn expect(holds: bool, fault: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(fault.to_owned()) }
}
