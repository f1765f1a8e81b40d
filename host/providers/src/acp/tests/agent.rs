//! Against `tests/fake/acp`, a real process that speaks the protocol.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use smol_wf_core::gate::PermissionAsk;
use smol_wf_core::step_request::{Permissions, Usage};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::ConfiguredProgram;
use crate::acp::Acp;
use crate::conformance::{Notes, check, task};
use crate::fake::ActivityLog;
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Answer, AskPolicy, Asking, PermissionVerdict,
    Provider, ProviderError, ProviderErrorKind as Kind,
};

/// Limit for events that have to happen soon: a bound, not a wait.
const SOON: Duration = Duration::from_secs(30);

struct Fake {
    folder: TempDir,
    provider: Acp,
}

impl Fake {
    fn new() -> Self {
        Self::that_is("")
    }

    fn that_is(is: &str) -> Self {
        Self::with(is, ConfiguredProgram::default())
    }

    fn with(is: &str, program_of: ConfiguredProgram) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log").to_str().unwrap().to_owned();
        let provider = Acp::new(ConfiguredProgram {
            name: "fake-agent".into(),
            command: vec![program().to_str().unwrap().into(), "--acp".into()],
            env: [("FAKE_LOG".into(), log), ("FAKE_IS".into(), is.into())]
                .into_iter()
                .chain(program_of.env.clone())
                .collect(),
            ..program_of
        });
        Self { folder, provider }
    }

    async fn ask(&self, task: AgentTask) -> Result<AgentReply, ProviderError> {
        timeout(SOON, self.provider.attempt(task, &())).await.expect("an answer in time")
    }

    async fn fails(&self, prompt: &str) -> ProviderError {
        self.ask(task(prompt)).await.unwrap_err()
    }

    fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The messages that the agent got, by method.
    fn told(&self, method: &str) -> Vec<Value> {
        let messages = self.log().into_iter().map(|mut line| line["message"].take());
        messages.filter(|message| message["method"] == method).collect()
    }

    async fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waited = timeout(SOON, async {
            while !holds(self) {
                sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{what} does not happen: {:?}", self.log()));
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake/acp")
}

fn text(reply: &AgentReply) -> &str {
    match &reply.answer {
        Answer::Text(text) => text,
        other => panic!("no text: {other:?}"),
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    assert_eq!(check(&Fake::new().provider).await, Ok(()));
}

#[tokio::test]
async fn the_answer_is_the_text_after_the_last_tool() {
    let fake = Fake::new();
    let notes = Notes::default();
    let prompt = "--x \"q\" \\ \u{2028}\n two";
    let reply = fake.provider.attempt(task(prompt), &notes).await.unwrap();
    assert_eq!(text(&reply), prompt);
    // Two of the 20 tokens are thoughts, which only the total counts.
    let usage =
        Usage { input_tokens: 14, output_tokens: 6, cache_read_tokens: 3, cache_write_tokens: 1 };
    assert_eq!((reply.usage, reply.cost_usd), (usage, Some(0.25)));
    let tool = AgentActivity::Tool { name: "bash".into(), detail: Some("ls".into()) };
    assert!(notes.all().contains(&tool), "{:?}", notes.all());

    let start = fake.log().remove(0);
    assert_eq!(start["args"], json!(["--acp"]));
    // Set by cargo for this test, and not for an agent.
    assert!(start["env"].get("CARGO_MANIFEST_DIR").is_none(), "{}", start["env"]);
}

#[tokio::test]
async fn a_session_is_resumed_and_counts_from_there() {
    let fake = Fake::new();
    let first = fake.ask(task("one")).await.unwrap();
    let next = AgentTask { session_id: first.session_id.clone(), round: 2, ..task("two") };
    let second = fake.ask(next).await.unwrap();
    assert_eq!(text(&second), "two");
    assert_eq!((second.session_id, second.cost_usd), (first.session_id, Some(0.25)));

    let fake = Fake::that_is("plain");
    assert_eq!(fake.ask(task("one")).await.unwrap().session_id, None);
    let next = AgentTask { session_id: Some("s".into()), ..task("two") };
    assert_eq!(fake.ask(next).await.unwrap_err().kind, Kind::Failed);
}

#[tokio::test]
async fn a_session_that_cannot_be_resumed_is_not_reported_and_not_final() {
    // A session that cannot be resumed is not reported.
    for (is, named) in [("", true), ("plain", false)] {
        let fake = Fake::that_is(is);
        let heard = ActivityLog::default();
        let failed = fake.provider.attempt(task("[fail]"), &heard).await.unwrap_err();
        assert_eq!(failed.spent.session_id.is_some(), named, "{failed:?}");
        assert_eq!(heard.session().is_some(), named);
    }
    // The words speak of a model, but the session is the cause.
    let fake = Fake::that_is("forgetful");
    let next = AgentTask { session_id: Some("s".into()), ..task("two") };
    let failed = fake.ask(next).await.unwrap_err();
    assert_eq!(failed.kind, Kind::Failed, "{failed}");
    assert!(failed.message.contains("cannot go on with the session: "), "{failed}");
}

#[tokio::test]
async fn only_choices_that_the_agent_offers_are_made() {
    let wanted = |model: Option<&str>, effort: Option<&str>, permissions| AgentTask {
        model: model.map(str::to_owned),
        effort: effort.map(str::to_owned),
        permissions,
        ..task("hello")
    };
    let fake = Fake::new();
    fake.ask(wanted(Some("big"), Some("high"), Some(Permissions::Read))).await.unwrap();
    let chosen: Vec<_> = fake.told("session/set_config_option");
    let chosen: Vec<_> =
        chosen.iter().map(|one| one["params"]["value"].as_str().unwrap()).collect();
    assert_eq!(chosen, ["plan", "big", "high"]);

    let unknown = fake.ask(wanted(Some("huge"), None, None)).await.unwrap_err();
    assert_eq!(unknown.kind, Kind::Model);
    assert!(unknown.message.contains("it has small, big"), "{unknown}");
    let unknown = fake.ask(wanted(None, Some("extreme"), None)).await.unwrap_err();
    assert_eq!(unknown.kind, Kind::Unsupported);

    let plain = Fake::that_is("plain");
    let refused = plain.ask(wanted(None, None, Some(Permissions::Read))).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Unsupported, "{refused}");
    let refused = plain.ask(wanted(Some("big"), None, None)).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Model);
    assert!(plain.told("session/prompt").is_empty());
}

#[tokio::test]
async fn a_permission_is_answered_and_files_are_not_offered() {
    let fake = Fake::new();
    let asked = fake.ask(task("[ask]")).await.unwrap();
    assert!(text(&asked).contains("reject_once"), "{asked:?}");
    assert_eq!(text(&fake.ask(task("[file]")).await.unwrap()), "-32601");
    let offered = &fake.told("initialize")[0]["params"]["clientCapabilities"];
    assert_eq!(offered["fs"], json!({"readTextFile": false, "writeTextFile": false}));
}

#[tokio::test]
async fn a_round_that_nobody_waits_for_is_cancelled_and_its_process_ended() {
    let fake = Fake::new();
    {
        let hangs = fake.ask(task("[hang]"));
        tokio::select! {
            reply = hangs => panic!("answered: {reply:?}"),
            () = fake.wait_until("a prompt", |fake| !fake.told("session/prompt").is_empty()) => {}
        }
    }
    fake.wait_until("a cancel", |fake| !fake.told("session/cancel").is_empty()).await;
    fake.provider.close().await;
    let ended = fake.log().iter().any(|line| line["what"] == "eof");
    assert!(ended || has_gone(&fake.log()[0]["pid"]), "{:?}", fake.log());
}

#[tokio::test]
async fn an_agent_s_question_is_answered_as_the_user_says() {
    for (is, asks, permissions, answer, counted) in [
        ("", AskPolicy::Refuse, None, "reject_once", 1),
        ("", AskPolicy::Refuse, Some(Permissions::Write), "reject_once", 1),
        ("", AskPolicy::Allow, None, "allow_once", 0),
        // It asks about every edit, so `write` has no other form.
        ("copilot", AskPolicy::Refuse, Some(Permissions::Write), "allow_once", 0),
        ("copilot", AskPolicy::Refuse, None, "reject_once", 1),
    ] {
        let fake = Fake::with(is, ConfiguredProgram { asks, ..ConfiguredProgram::default() });
        let notes = Notes::default();
        let wish = AgentTask { permissions, ..task("[ask] [inside]") };
        let reply = fake.provider.attempt(wish, &notes).await.unwrap();
        assert!(text(&reply).contains(answer), "{is} {asks:?}: {reply:?}");
        assert_eq!(notes.asked().len(), counted, "{:?}", notes.asked());
        assert!(notes.asked().iter().all(|one| one.what == "write (edit) inside"));
    }
    // A person is asked only where they may allow it.
    let asks = AskPolicy::Person;
    let fake = Fake::with("", ConfiguredProgram { asks, ..ConfiguredProgram::default() });
    let refuses = PermissionVerdict::Refused { comment: None };
    for (verdict, answer, counted) in [
        (PermissionVerdict::Allowed, "allow_once", 0),
        (refuses, "reject_once", 0),
        (PermissionVerdict::Nobody, "reject_once", 1),
    ] {
        let notes = Notes::with_person(verdict);
        let reply = fake.provider.attempt(task("[ask] [inside]"), &notes).await.unwrap();
        assert!(text(&reply).contains(answer), "{reply:?}");
        let ask = PermissionAsk {
            what: "write".into(),
            detail: "inside".into(),
            tool: Some("edit".into()),
        };
        assert_eq!((notes.asked_person(), notes.asked().len()), (vec![ask], counted));
    }
    let notes = Notes::with_person(PermissionVerdict::Allowed);
    let known = fake.provider.attempt(task("[ask] [inside] [known]"), &notes).await.unwrap();
    let ask = PermissionAsk {
        what: "write".into(),
        detail: "inside\n{\n  \"text\": \"new\"\n}".into(),
        tool: Some("edit".into()),
    };
    assert!(text(&known).contains("allow_once") && notes.asked_person() == [ask], "{known:?}");
    // One that leads out is refused as if the question said so.
    let notes = Notes::with_person(PermissionVerdict::Allowed);
    fake.provider.attempt(task("[ask] [known]"), &notes).await.unwrap();
    assert_eq!(notes.asked_person(), []);
    let notes = Notes::with_person(PermissionVerdict::Allowed);
    let reader = AgentTask { permissions: Some(Permissions::Read), ..task("[ask] [inside]") };
    for wish in [task("[ask]"), reader] {
        fake.provider.attempt(wish, &notes).await.unwrap();
    }
    assert_eq!(notes.asked_person(), []);
    // Nothing is allowed outside of the directory, so there is no advice.
    let notes = Notes::default();
    Fake::new().provider.attempt(task("[ask]"), &notes).await.unwrap();
    assert_eq!(notes.asked(), []);
}

/// A person who never answers; counts the questions.
#[derive(Default)]
struct Absent(std::sync::atomic::AtomicUsize);

impl Activity for Absent {
    fn note(&self, _activity: AgentActivity) {}

    fn ask(&self, _ask: PermissionAsk) -> Asking<'_> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_question_of_a_cancelled_turn_is_cancelled_as_well() {
    let asks = AskPolicy::Person;
    let fake = Fake::with("", ConfiguredProgram { asks, ..ConfiguredProgram::default() });
    let nobody = Absent::default();
    tokio::select! {
        reply = fake.provider.attempt(task("[ask] [inside]"), &nobody) => panic!("{reply:?}"),
        () = fake.wait_until("a question", |_| {
            nobody.0.load(std::sync::atomic::Ordering::SeqCst) == 1
        }) => {}
    }
    let is_cancelled = |fake: &Fake| {
        let outcome = json!({"outcome": {"outcome": "cancelled"}});
        fake.log().iter().any(|line| line["message"]["result"] == outcome)
    };
    fake.wait_until("an answer", is_cancelled).await;
    fake.provider.close().await;
}

#[tokio::test]
async fn modes_are_known_by_their_last_part() {
    let fake = Fake::that_is("urls");
    for permissions in [Permissions::Read, Permissions::Write] {
        fake.ask(AgentTask { permissions: Some(permissions), ..task("hello") }).await.unwrap();
    }
    let chosen = fake.told("session/set_mode");
    let ends = |n: usize, end: &str| chosen[n]["params"]["modeId"].as_str().unwrap().ends_with(end);
    assert!(chosen.len() == 2 && ends(0, "#plan") && ends(1, "#accept-edits"), "{chosen:?}");
    // An agent whose user does not let it edit without asking goes on, and asks. One that
    // may only read does not.
    let strict = Fake::that_is("urls strict");
    let wish = |permissions| AgentTask { permissions: Some(permissions), ..task("hello") };
    assert_eq!(text(&strict.ask(wish(Permissions::Write)).await.unwrap()), "hello");
    let refused = strict.ask(wish(Permissions::Read)).await.unwrap_err();
    assert!(refused.message.contains("cannot change its mode"), "{refused}");
}

#[tokio::test]
async fn errors_and_notices_as_text_are_not_part_of_the_answer() {
    for is in ["", "copilot"] {
        let fake = Fake::that_is(is);
        let failed = fake.fails("[broken]").await;
        assert_eq!(failed.kind, Kind::Auth, "{failed}");
        assert!(failed.message.contains("Authentication failed"), "{failed}");
        assert_eq!(text(&fake.ask(task("[notice]")).await.unwrap()), "the answer");
    }
    let greets = Fake::that_is("greets");
    assert!(greets.fails("[nothing]").await.message.contains("without an answer"));
    assert_eq!(text(&greets.ask(task("[notice]")).await.unwrap()), "the answer");
}

#[tokio::test]
async fn tokens_are_read_in_the_words_of_each_agent() {
    let fake = Fake::that_is("nulls");
    let usage = |input_tokens, output_tokens, cache_read_tokens| Usage {
        input_tokens,
        output_tokens,
        cache_read_tokens,
        ..Usage::default()
    };
    for (prompt, expected) in [("[quota]", usage(10, 4, 0)), ("[pieces]", usage(20, 8, 6))] {
        let reply = fake.ask(task(prompt)).await.unwrap();
        assert_eq!((text(&reply), reply.usage), ("the answer", expected), "{prompt}");
    }
}

#[tokio::test]
async fn a_key_that_is_passed_on_logs_in_and_another_is_asked_for() {
    let env = [("FAKE_KEY".to_owned(), "secret".to_owned())].into();
    let fake = Fake::with("keyed", ConfiguredProgram { env, ..ConfiguredProgram::default() });
    assert_eq!(text(&fake.ask(task("hello")).await.unwrap()), "hello");
    assert_eq!(fake.told("authenticate")[0]["params"], json!({"methodId": "by-key"}));

    let without = Fake::that_is("keyed").fails("hello").await;
    assert_eq!(without.kind, Kind::Auth, "{without}");
    let line = "env_allow = [\"FAKE_KEY\"] under [providers.fake-agent]";
    assert!(without.message.contains(line), "{without}");
    assert!(Fake::that_is("keyed").told("authenticate").is_empty());
    assert!(Fake::that_is("locked").fails("hello").await.message.contains("env_allow"));
}

/// A message ends with its line: half a message is refused, however the stream ends after
/// it.
#[test]
fn a_prompt_that_is_cut_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut agent = std::process::Command::new(program())
        .env("FAKE_LOG", &log)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let prompt = json!([{"type": "text", "text": "x".repeat(1_000)}]);
    let params = json!({"sessionId": "s", "prompt": prompt});
    let line = crate::acp::wire::request(1, "session/prompt", &params).to_string();
    let mut stdin = agent.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, &line.as_bytes()[..line.len() / 2]).unwrap();
    drop(stdin);
    assert!(!agent.wait().unwrap().success());
    assert!(!std::fs::read_to_string(&log).unwrap().contains("session/prompt"));
}

fn has_gone(pid: &Value) -> bool {
    let list = std::process::Command::new("ps").args(["-p", &pid.to_string()]).output().unwrap();
    !list.status.success()
}

#[tokio::test]
async fn each_way_to_end_has_its_kind_and_cause() {
    let fake = Fake::new();
    for (prompt, kind, says) in [
        ("[nothing]", Kind::Failed, "ended its turn without an answer"),
        ("[long]", Kind::Failed, "cut off"),
        ("[fail]", Kind::RateLimit, "Internal error: rate limit"),
        ("[die]", Kind::Killed, "signal 9"),
        ("[ask] [stop]", Kind::PermissionDenied, "write (edit) /etc/passwd"),
    ] {
        let failed = fake.fails(prompt).await;
        assert_eq!(failed.kind, kind, "{failed}");
        assert!(failed.to_string().starts_with("fake-agent: "), "{failed}");
        assert!(failed.message.contains(says), "{failed}");
    }
    assert_eq!(fake.fails("[long]").await.spent.usage.output_tokens, 6);
    for (is, kind, says) in [
        ("locked", Kind::Auth, "Authentication required"),
        ("old", Kind::Unsupported, "version 0"),
        ("mute", Kind::Failed, "cannot find my own legs"),
    ] {
        let failed = Fake::that_is(is).fails("hello").await;
        assert_eq!(failed.kind, kind, "{failed}");
        assert!(failed.message.contains(says), "{failed}");
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_started_gives_a_hint() {
    let nothing = Acp::new(ConfiguredProgram::default());
    assert_eq!(nothing.name(), "acp");
    let failed = nothing.attempt(task("hello"), &()).await.unwrap_err();
    assert!(failed.kind == Kind::Spawn && failed.message.contains("set `command`"), "{failed}");
    assert!(!nothing.probe(&crate::Processes::new()).await.is_usable());

    let missing = Acp::new(ConfiguredProgram {
        command: vec!["/nonexistent/agent".into()],
        ..ConfiguredProgram::default()
    });
    let failed = missing.attempt(task("hello"), &()).await.unwrap_err();
    assert!(failed.message.contains("no program `/nonexistent/agent`"), "{failed}");
    assert!(
        missing
            .probe(&crate::Processes::new())
            .await
            .problem
            .unwrap()
            .contains("/nonexistent/agent")
    );
    assert_eq!(Fake::new().provider.probe(&crate::Processes::new()).await.program, Some(program()));
}
