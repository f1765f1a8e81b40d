//! The `command` provider, on real programs.

use smol_wf_core::step_request::Permissions;

use super::*;
use crate::Answer;
use crate::conformance::{self, Notes, task};

fn sh(script: &str) -> Command {
    Command::new(ConfiguredProgram {
        name: "fake".to_owned(),
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..ConfiguredProgram::default()
    })
}

#[tokio::test]
async fn it_keeps_the_contract() {
    // A small agent: it has sessions, a model and a count of its prompt's bytes.
    let provider = sh(r#"
        echo counting >&2
        read_all=$(wc -c)
        printf '{"output":"%s bytes","usage":{"inputTokens":%s,"outputTokens":1},' $read_all $read_all
        printf '"sessionId":"%s","model":"%s"}' "${SMOL_WF_SESSION_ID:-new}" "${SMOL_WF_CALL_MODEL:-small}"
    "#);
    conformance::check(&provider).await.unwrap();
}

#[tokio::test]
async fn the_prompt_arrives_verbatim() {
    for prompt in ["--help", "\"q\" $HOME `id` \\", "a\nb\r\nc", "\u{2028}👩\u{200d}💻\u{feff}"]
    {
        let reply = sh("cat").attempt(task(prompt), &()).await.unwrap();
        assert_eq!(reply.answer, Answer::Text(prompt.to_owned()));
    }
}

#[tokio::test]
async fn one_line_end_is_not_part_of_the_answer() {
    let cases = [
        ("yes", "yes"),
        ("yes\\n", "yes"),
        ("yes\\r\\n", "yes"),
        ("a\\r\\nb\\r\\n", "a\r\nb"),
        ("yes\\n\\n", "yes\n"),
    ];
    for (printed, answer) in cases {
        let reply =
            sh(&format!("cat >&2; printf '{printed}'")).attempt(task("p"), &()).await.unwrap();
        assert_eq!(reply.answer, Answer::Text(answer.to_owned()), "{printed}");
    }
}

#[tokio::test]
async fn what_is_not_utf_8_is_replaced_and_counted() {
    for (printed, answer, bytes) in [
        (r"caf\351 \377\376", "caf\u{fffd} \u{fffd}\u{fffd}", 3),
        (r#"{"output":"caf\351"}"#, "caf\u{fffd}", 1),
        (r"caf\303\251 \357\277\275", "café \u{fffd}", 0),
    ] {
        let reply = sh(&format!("printf '{printed}'")).attempt(task("p"), &()).await.unwrap();
        let text = Answer::Text(answer.to_owned());
        assert_eq!((reply.answer, reply.replaced_bytes), (text, bytes), "{printed}");
    }
}

#[tokio::test]
async fn a_program_gets_the_properties_of_its_step() {
    let mut wanted = task("p");
    wanted.model = Some("m".to_owned());
    wanted.effort = Some("high".to_owned());
    wanted.permissions = Some(Permissions::Write);
    wanted.session_id = Some("s".to_owned());
    wanted.request.schema = Some("{\"type\":\"object\"}".into());
    let run = wanted.run.to_string();
    let script = "env | grep ^SMOL_WF_ | grep -v ^SMOL_WF_PROCESS= | LC_ALL=C sort";
    let reply = sh(script).attempt(wanted.clone(), &()).await.unwrap();
    let Answer::Text(text) = reply.answer else { panic!("no text") };
    let expected = [
        "SMOL_WF_CALL=1".to_owned(),
        "SMOL_WF_CALL_EFFORT=high".to_owned(),
        "SMOL_WF_CALL_MODEL=m".to_owned(),
        "SMOL_WF_CALL_PERMISSIONS=write".to_owned(),
        format!("SMOL_WF_IDEMPOTENCY_KEY={}", wanted.idempotency_key),
        format!("SMOL_WF_RUN_ID={run}"),
        "SMOL_WF_SCHEMA={\"type\":\"object\"}".to_owned(),
        "SMOL_WF_SESSION_ID=s".to_owned(),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);

    wanted.request.schema = Some("x".repeat(SCHEMA_BYTES_MAX + 1).into());
    let reply = sh("echo ${SMOL_WF_SCHEMA-none}").attempt(wanted, &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("none".to_owned()));
}

#[tokio::test]
async fn stderr_is_shown_while_it_works() {
    let notes = Notes::default();
    let provider = sh("echo reading >&2; cat");
    provider.attempt(task("p"), &notes).await.unwrap();
    let detail = Some("reading".to_owned());
    let tool = AgentActivity::Tool { name: "sh".to_owned(), detail };
    // Nothing is known about a program's activity before it prints.
    assert_eq!(notes.all(), [tool]);
}

#[tokio::test]
async fn a_missing_program_is_reported() {
    let missing = Command::new(ConfiguredProgram {
        name: "fake".to_owned(),
        command: vec!["no-such-agent".to_owned()],
        ..ConfiguredProgram::default()
    });
    let error = missing.attempt(task("p"), &()).await.unwrap_err();
    assert_eq!(error.kind, crate::ProviderErrorKind::Spawn);
    assert!(error.message.contains("no-such-agent"), "{error}");
    assert!(!missing.probe(&crate::Processes::new()).await.is_usable());
    let nothing = Command::new(ConfiguredProgram::default());
    let error = nothing.attempt(task("p"), &()).await.unwrap_err();
    assert!(error.message.contains("command = ["), "{error}");
    assert!(sh("cat").probe(&crate::Processes::new()).await.is_usable());
}
