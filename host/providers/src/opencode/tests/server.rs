//! Against `tests/fake/opencode`, a real process that speaks opencode's HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use smol_wf_core::message::AgentMessage;
use smol_wf_core::step_request::{Permissions, Usage};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::conformance::{Notes, check, task};
use crate::fake::ActivityLog;
use crate::opencode::Opencode;
use crate::{
    AgentActivity, AgentReply, AgentTask, Answer, AskPolicy, CliOptions, PermissionVerdict,
    Provider, ProviderError, ProviderErrorKind as Kind, TranscriptSink,
};

/// Limit for events that have to happen soon: a bound, not a wait.
const SOON: Duration = Duration::from_secs(30);

/// The provider with its own server, and the server's log.
struct Fake {
    folder: TempDir,
    provider: Opencode,
}

impl Fake {
    fn new() -> Self {
        Self::with(CliOptions::default())
    }

    fn with(mut options: CliOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log").to_str().unwrap().to_owned();
        options.program = Some(program());
        options.env.insert("FAKE_LOG".into(), log);
        Self { folder, provider: Opencode::new(options) }
    }

    async fn ask(&self, task: AgentTask) -> Result<AgentReply, ProviderError> {
        timeout(SOON, self.provider.attempt(task, &())).await.expect("an answer in time")
    }

    /// The server's log entries of one kind.
    fn log(&self, what: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["what"] == what).collect()
    }

    /// Requests whose path has this end.
    fn requests(&self, verb: &str, end: &str) -> Vec<Value> {
        let mut requests = self.log("request");
        requests.retain(|one| one["verb"] == verb && one["path"].as_str().unwrap().ends_with(end));
        requests
    }

    async fn wait_for(&self, verb: &str, end: &str) -> Vec<Value> {
        self.until(end, || !self.requests(verb, end).is_empty()).await;
        self.requests(verb, end)
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let waited = timeout(SOON, async {
            while !holds() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("no {what} in {:?}", self.log("request")));
    }
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake/opencode")
}

fn text(reply: &AgentReply) -> &str {
    match &reply.answer {
        Answer::Text(text) => text,
        other => panic!("no text: {other:?}"),
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let fake = Fake::new();
    assert_eq!(check(&fake.provider).await, Ok(()));
    assert_eq!(fake.log("start").len(), 1, "one server for all steps");
    assert_eq!(fake.log("refused"), Vec::<Value>::new());
}

#[tokio::test]
async fn rounds_share_a_server_and_get_only_their_own_events() {
    let fake = Fake::new();
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (Notes::default(), Notes::default());
    let with =
        |prompt: &str, cwd: &TempDir| AgentTask { cwd: cwd.path().to_owned(), ..task(prompt) };
    let (first, second) = tokio::join!(
        fake.provider.attempt(with("[slow] one", &here), &one),
        fake.provider.attempt(with("[slow] two", &there), &two),
    );
    assert_eq!((text(&first.unwrap()), text(&second.unwrap())), ("[slow] one", "[slow] two"));
    for (notes, own) in [(one, "one"), (two, "two")] {
        let pieces: Vec<_> = notes
            .all()
            .into_iter()
            .filter_map(|note| match note {
                AgentActivity::Text { text } => Some(text),
                _ => None,
            })
            .collect();
        assert_eq!(pieces, ["[slow]", own]);
    }
    assert_eq!(fake.log("start").len(), 1);
    let mut places: Vec<_> = fake.requests("POST", "/message");
    places.sort_by_key(|one| one["body"].to_string());
    for (request, cwd) in places.iter().zip([here, there]) {
        let name = cwd.path().file_name().unwrap().to_str().unwrap();
        assert!(request["query"].as_str().unwrap().ends_with(name), "{request}");
    }
}

#[tokio::test]
async fn the_password_is_in_the_environment_alone_and_new_each_time() {
    let (one, two) = (Fake::new(), Fake::new());
    let mut passwords = Vec::new();
    for fake in [&one, &two] {
        fake.ask(task("hello")).await.unwrap();
        let start = fake.log("start").remove(0);
        let password = start["env"]["OPENCODE_SERVER_PASSWORD"].as_str().unwrap().to_owned();
        assert!(password.len() >= 32 && !start["args"].to_string().contains(&password));
        assert!(!format!("{:?}", fake.provider).contains(&password));
        // Set by cargo for this test, and not for an agent.
        assert!(start["env"].get("CARGO_MANIFEST_DIR").is_none(), "{}", start["env"]);
        passwords.push(password);
    }
    assert_ne!(passwords[0], passwords[1]);
}

#[tokio::test]
async fn a_round_that_nobody_waits_for_is_aborted() {
    let fake = Fake::new();
    {
        let hangs = fake.ask(task("[hang]"));
        tokio::select! {
            reply = hangs => panic!("answered: {reply:?}"),
            _ = fake.wait_for("POST", "/message") => {}
        }
    }
    let aborts = fake.wait_for("POST", "/abort").await;
    let sent = fake.requests("POST", "/message").remove(0);
    let session = sent["path"].as_str().unwrap().strip_suffix("/message").unwrap().to_owned();
    assert_eq!(aborts[0]["path"], format!("{session}/abort"));
    assert_eq!(text(&fake.ask(task("still there")).await.unwrap()), "still there");
}

/// An abort names the session alone, so it would end the next round in it as well.
#[tokio::test]
async fn the_next_round_in_a_session_waits_until_the_last_one_is_aborted() {
    let fake = Fake::new();
    let begun = fake.ask(task("hello")).await.unwrap();
    let on =
        |prompt: &str| AgentTask { session_id: begun.session_id.clone(), round: 2, ..task(prompt) };
    tokio::select! {
        reply = fake.ask(on("[hang]")) => panic!("answered: {reply:?}"),
        () = fake.until("the second", || fake.requests("POST", "/message").len() == 2) => {}
    }
    assert_eq!(text(&fake.ask(on("correct it")).await.unwrap()), "correct it");
    let log = fake.log("request");
    let last = |end: &str| {
        let path = |one: &Value| one["path"].as_str().unwrap().ends_with(end);
        log.iter().rposition(path).unwrap()
    };
    assert!(last("/abort") < last("/session/status"), "{log:?}");
    assert!(last("/session/status") < last("/message"), "{log:?}");
}

#[tokio::test]
async fn a_message_is_known_by_its_id_and_what_is_unread_is_aborted() {
    let fake = Fake::new();
    let mailbox = crate::Mailbox::default();
    for number in [4, 5] {
        // Alike, so that nothing but the id tells them apart.
        mailbox.post(AgentMessage { number, text: "look".into(), was_told: false });
    }
    let heard = ActivityLog::default();
    let wanted = AgentTask { messages: mailbox.messages(false), ..task("[tell]") };
    let reply = fake.provider.attempt(wanted, &heard).await.unwrap();
    assert_eq!((text(&reply), heard.told()), ("[tell]", vec![5]));
    fake.wait_for("POST", "/abort").await;
}

#[tokio::test]
async fn the_death_of_the_server_ends_its_rounds_and_the_next_one_starts_it_anew() {
    let fake = Fake::new();
    let die = async {
        fake.wait_for("POST", "/message").await;
        fake.ask(task("[die]")).await
    };
    let (hung, died) = tokio::join!(fake.ask(task("[hang]")), die);
    for ended in [hung, died] {
        let ended = ended.unwrap_err();
        assert_eq!(ended.kind, Kind::Killed, "{ended}");
        assert!(ended.message.contains("signal 9"), "{ended}");
    }
    assert_eq!(text(&fake.ask(task("again")).await.unwrap()), "again");
    assert_eq!(fake.log("start").len(), 2);
}

#[tokio::test]
async fn each_agent_s_question_is_answered_as_the_user_says() {
    for (asks, told, refused) in
        [(AskPolicy::Refuse, "told: reject", 1), (AskPolicy::Allow, "told: once", 0)]
    {
        let fake = Fake::with(CliOptions { asks, ..CliOptions::default() });
        let notes = Notes::default();
        let asked = fake.provider.attempt(task("[ask]"), &notes).await.unwrap();
        assert_eq!(text(&asked), told);
        assert_eq!(notes.asked().len(), refused);
        assert!(notes.asked().iter().all(|one| one.what == "read a/.env"), "{:?}", notes.asked());
    }
    let fake = Fake::with(CliOptions { asks: AskPolicy::Person, ..CliOptions::default() });
    let refuses = PermissionVerdict::Refused { comment: Some("keep out".into()) };
    for (verdict, told, refused) in [
        (PermissionVerdict::Allowed, "told: once", 0),
        (refuses, "told: reject", 0),
        (PermissionVerdict::Nobody, "told: reject", 1),
    ] {
        let notes = Notes::with_person(verdict);
        let asked = fake.provider.attempt(task("[ask]"), &notes).await.unwrap();
        assert_eq!((text(&asked), notes.asked().len()), (told, refused));
        let [ask] = &notes.asked_person()[..] else { panic!("{:?}", notes.asked_person()) };
        assert_eq!((ask.what.as_str(), ask.detail.as_str()), ("read a/.env", "a/.env"));
    }
    let replies = fake.requests("POST", "/reply");
    assert_eq!(replies[1]["body"]["message"], "keep out");
}

/// The rules of a request, each as a line.
fn rules(request: &Value) -> Vec<String> {
    let rules = request["body"]["permission"].as_array().unwrap().iter();
    let line = |rule: &Value| {
        let word = |name: &str| rule[name].as_str().unwrap().to_owned();
        format!("{} {} {}", word("permission"), word("pattern"), word("action"))
    };
    rules.map(line).collect()
}

#[tokio::test]
async fn rules_only_take_away() {
    let fake = Fake::new();
    fake.ask(task("hello")).await.unwrap();
    let mut reader = task("hello");
    reader.permissions = Some(Permissions::Read);
    reader.request.schema = Some("{}".into());
    fake.ask(reader).await.unwrap();
    let sent: Vec<_> = fake.requests("POST", "/session").iter().map(rules).collect();
    let never =
        ["external_directory * deny", "question * deny", "doom_loop * deny"].map(str::to_owned);
    assert_eq!(sent[0][0], "smol-wf-* * deny", "servers of other steps");
    assert_eq!(sent[0][1..], never);
    assert_eq!(sent[1][0], "* * deny");
    // What its user lets it read, and nothing else.
    assert!(sent[1].contains(&"read *.env ask".to_owned()), "{sent:?}");
    assert!(sent[1].iter().all(|rule| !rule.starts_with("edit") && !rule.starts_with("bash")));
    assert!(sent[1].contains(&"StructuredOutput * allow".to_owned()), "{sent:?}");
    assert!(sent[1].ends_with(&never));
    // The rules are those of the agent that is asked.
    assert_eq!(fake.requests("POST", "/message")[1]["body"]["agent"], "build");
}

#[tokio::test]
async fn an_older_version_s_allowance_in_a_session_is_removed() {
    for (old, first) in [(true, "* * allow"), (false, "smol-wf-* * deny")] {
        let mut options = CliOptions::default();
        if old {
            options.env.insert("FAKE_OLD".into(), "1".into());
        }
        let fake = Fake::with(options);
        let begun = fake.ask(task("hello")).await.unwrap();
        let on = AgentTask { session_id: begun.session_id, round: 2, ..task("on") };
        fake.ask(on).await.unwrap();
        let patched: Vec<_> = log_of(&fake, "PATCH").iter().map(rules).collect();
        assert_eq!(patched[0][0], first);
        assert_eq!(patched[0].contains(&"edit * deny".to_owned()), old, "{patched:?}");
    }
}

fn log_of(fake: &Fake, verb: &str) -> Vec<Value> {
    fake.log("request").into_iter().filter(|one| one["verb"] == verb).collect()
}

#[tokio::test]
async fn an_agent_of_the_users_own_is_asked_and_nulls_are_nothing() {
    let fake = Fake::new();
    let mut own = task("[nulls]");
    own.request.agent_type = Some("reviewer".into());
    let reply = fake.ask(own).await.unwrap();
    assert_eq!((text(&reply), reply.usage.input_tokens), ("[nulls]", 7));
    assert_eq!(fake.requests("POST", "/message")[0]["body"]["agent"], "reviewer");
}

#[tokio::test]
async fn the_user_says_how_long_the_server_may_take() {
    let folder = tempfile::tempdir().unwrap();
    let slow = folder.path().join("opencode");
    std::fs::write(&slow, "#!/bin/sh\nexec sleep 60\n").unwrap();
    std::fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let start_timeout = Some(Duration::from_millis(20));
    let options = CliOptions { program: Some(slow), start_timeout, ..CliOptions::default() };
    let late = Opencode::new(options).attempt(task("hello"), &()).await.unwrap_err();
    assert_eq!(late.kind, Kind::Spawn);
    assert!(late.message.contains("start_timeout = \"10m\""), "{late}");
}

/// A part of a body is refused: its length is sent first, so the server waits for the
/// rest, and notices that the connection is gone.
#[tokio::test]
async fn a_prompt_that_is_cut_is_refused() {
    let fake = Fake::new();
    fake.ask(task("hello")).await.unwrap();
    let start = fake.log("start").remove(0);
    let password = start["env"]["OPENCODE_SERVER_PASSWORD"].as_str().unwrap();
    let login = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("opencode:{password}"),
    );
    let prompt = "x".repeat(100_000);
    let body = serde_json::json!({"parts": [{"type": "text", "text": prompt}]}).to_string();
    let head = format!(
        "POST /session/cut/message HTTP/1.1\r\nhost: x\r\nauthorization: Basic {login}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream =
        TcpStream::connect(("127.0.0.1", start["port"].as_u64().unwrap() as u16)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..body.len() / 2]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut said = String::new();
    // Whatever it says, it has not asked the agent.
    let _ = stream.read_to_string(&mut said);
    assert!(!said.starts_with("HTTP/1.1 200"), "{said}");
    assert_eq!(fake.requests("POST", "/cut/message"), Vec::<Value>::new());
}

#[tokio::test]
async fn a_loop_is_broken_and_aborted() {
    let fake = Fake::new();
    let ended = fake.ask(task("[loop]")).await.unwrap_err();
    assert_eq!(ended.kind, Kind::CutStream, "{ended}");
    assert!(ended.spent.session_id.is_some());
    fake.wait_for("POST", "/abort").await;
}

#[tokio::test]
async fn usage_is_that_of_the_round_and_of_its_subagents() {
    let fake = Fake::new();
    let first = fake.ask(task("[sub]")).await.unwrap();
    // Two messages of the agent, and one of the subagent.
    let usage = |messages| Usage {
        input_tokens: 16 * messages,
        output_tokens: 5 * messages,
        cache_read_tokens: 5 * messages,
        cache_write_tokens: messages,
    };
    assert_eq!((first.usage, first.cost_usd), (usage(3), Some(1.5)));
    let again = AgentTask { session_id: first.session_id.clone(), round: 2, ..task("again") };
    let second = fake.ask(again).await.unwrap();
    assert_eq!((second.usage, second.cost_usd), (usage(1), Some(0.5)));
    assert_eq!(second.session_id, first.session_id);
    assert_eq!(second.model.as_deref(), Some("fake/some"));
}

#[tokio::test]
async fn a_vendors_error_has_its_kind_and_what_was_spent() {
    let fake = Fake::new();
    let refused = fake.ask(task("[401]")).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Auth);
    assert!(refused.message.contains("bad key (HTTP 401)"), "{refused}");
    assert_eq!(refused.spent.usage.output_tokens, 5);
}

#[tokio::test]
async fn unknown_names_are_refused_before_anything_is_sent() {
    let fake = Fake::new();
    let mut cases = Vec::new();
    for (model, effort, agent) in [
        (Some("nope"), None, None),
        (Some("some"), Some("extreme"), None),
        (None, Some("high"), None),
        (None, None, Some("title")),
    ] {
        let mut one = task("hello");
        one.model = model.map(str::to_owned);
        one.effort = effort.map(str::to_owned);
        one.request.agent_type = agent.map(str::to_owned);
        cases.push(fake.ask(one).await.unwrap_err().kind);
    }
    assert_eq!(cases, [Kind::Model, Kind::Unsupported, Kind::Unsupported, Kind::Unsupported]);
    assert!(fake.requests("POST", "/session").is_empty());

    let unknown = AgentTask { session_id: Some("ses_gone".into()), ..task("hello") };
    let gone = fake.ask(unknown).await.unwrap_err();
    assert!(gone.message.contains("Session not found: ses_gone"), "{gone}");
    let nowhere = AgentTask { cwd: "/nonexistent/place".into(), ..task("hello") };
    assert!(fake.ask(nowhere).await.unwrap_err().message.contains("/nonexistent/place"));
}

#[tokio::test]
async fn options_reach_the_server_and_the_prompt_is_verbatim() {
    let fake = Fake::new();
    let prompt = "--x \"q\" \\ \u{2028}\n two\n";
    let mut one = task(prompt);
    one.model = Some("fake/some".into());
    one.effort = Some("high".into());
    one.request.agent_type = Some("build".into());
    one.permissions = Some(Permissions::Read);
    fake.ask(one).await.unwrap();
    let body = &fake.requests("POST", "/message")[0]["body"];
    assert_eq!(body["parts"][0]["text"], prompt);
    assert_eq!(body["model"]["modelID"], "some");
    assert_eq!((&body["variant"], &body["agent"]), (&"high".into(), &"build".into()));
    let rules = &fake.requests("POST", "/session")[0]["body"]["permission"];
    assert_eq!(rules[0]["action"], "deny");
}

/// Records lines.
#[derive(Debug, Default)]
struct LineLog(Mutex<Vec<(Option<String>, String)>>);

impl TranscriptSink for LineLog {
    fn line(&self, session_id: Option<&str>, line: &str) {
        self.0.lock().unwrap().push((session_id.map(str::to_owned), line.to_owned()));
    }
}

#[tokio::test]
async fn the_transcript_is_kept_to_its_end() {
    let fake = Fake::new();
    let kept = Arc::new(LineLog::default());
    let reply = fake.ask(AgentTask { raw: Some(kept.clone()), ..task("hello") }).await.unwrap();
    let lines = kept.0.lock().unwrap();
    assert!(lines.iter().all(|(session, _)| *session == reply.session_id));
    assert!(lines[0].1.contains("message.updated"), "{lines:?}");
    assert!(lines.last().unwrap().1.contains("session.idle"), "{lines:?}");
}

#[tokio::test]
async fn a_server_that_does_not_start_says_why() {
    let options = CliOptions { args: vec!["--broken".into()], ..CliOptions::default() };
    let broken = Fake::with(options).ask(task("hello")).await.unwrap_err();
    assert_eq!(broken.kind, Kind::Spawn);
    assert!(broken.message.contains("the disk is full of eels"), "{broken}");

    let options =
        CliOptions { program: Some("/nonexistent/opencode".into()), ..CliOptions::default() };
    let missing = Opencode::new(options).attempt(task("hello"), &()).await.unwrap_err();
    assert_eq!(missing.kind, Kind::Spawn);
    assert!(missing.message.contains("no program `/nonexistent/opencode`"), "{missing}");
}

#[tokio::test]
async fn closing_ends_the_server_and_a_round_starts_another() {
    let fake = Fake::new();
    fake.ask(task("hello")).await.unwrap();
    let port = fake.log("start")[0]["port"].as_u64().unwrap();
    fake.provider.close().await;
    let address = format!("127.0.0.1:{port}");
    assert!(TcpStream::connect(&address).is_err(), "something still listens on {address}");
    fake.ask(task("hello")).await.unwrap();
    assert_eq!(fake.log("start").len(), 2);
}

#[tokio::test]
async fn a_probe_finds_program_version_and_login() {
    let home = tempfile::tempdir().unwrap();
    let mut options = CliOptions { program: Some(program()), ..CliOptions::default() };
    options.env.insert("XDG_DATA_HOME".into(), home.path().to_str().unwrap().into());
    std::fs::create_dir(home.path().join("opencode")).unwrap();
    std::fs::write(home.path().join("opencode/auth.json"), r#"{"a":{"type":"api"}}"#).unwrap();
    let probe = Opencode::new(options).probe(&crate::Processes::new()).await;
    assert_eq!(probe.program, Some(program()));
    assert_eq!((probe.version.as_deref(), probe.logged_in), (Some("9.9.9"), Some(true)));
    assert!(probe.is_usable(), "{probe:?}");

    let options = CliOptions { program: Some("/nonexistent".into()), ..CliOptions::default() };
    let probe = Opencode::new(options).probe(&crate::Processes::new()).await;
    assert!(!probe.is_usable() && probe.problem.unwrap().contains("npm install"));
}
