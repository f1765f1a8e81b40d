//! The provider from end to end, with a program that stands in for the CLI.

use std::sync::Arc;

use serde_json::{Value, json};
use smol_wf_core::ids::StepId;
use smol_wf_core::step_request::{EarlierSession, NamedSession};

use super::*;
use crate::conformance::{self, task};
use crate::fake::{ActivityLog, Fake};
use crate::{Answer, Provider};

/// Answers every prompt like the CLI, as far as the contract goes. Its counts are those
/// of the whole session.
const ANSWERING: &str = r#"
here=$(dirname "$0") session= text=ok
if [ "$2" = resume ]; then
  eval session=\$$(($# - 1))
fi
while [ $# -gt 0 ]; do
  case $1 in
    --output-schema) cp "$2" "$here/schema"; text='{\"n\":1}' ;;
  esac
  shift
done
[ -n "$session" ] || session=thread-$$
rounds=$(cat "$here/$session" 2>/dev/null || echo 0)
rounds=$((rounds + 1))
echo $rounds > "$here/$session"
echo '{"type":"thread.started","thread_id":"'$session'"}'
echo '{"type":"turn.started"}'
echo '{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"'$text'"}}'
echo '{"type":"turn.completed","usage":{"input_tokens":'$((rounds * 100))',"cached_input_tokens":'$((rounds * 10))',"output_tokens":'$((rounds * 5))'}}'
"#;

fn with_schema(schema: &Value) -> AgentTask {
    let mut wanted = task("p");
    wanted.request.schema = Some(schema.to_string().into());
    wanted
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let fake = Fake::new(ANSWERING);
    conformance::check(&Codex::new(fake.options())).await.unwrap();
}

#[tokio::test]
async fn a_round_is_sent_read_and_counted() {
    let fake = Fake::printing("codex", "tool");
    let mut options = fake.options();
    options.env_allow = vec!["CARGO_MANIFEST_DI*".into()];
    let heard = Arc::new(ActivityLog::default());
    let mut wanted = task("-c\n\u{2028}");
    wanted.cwd = fake.folder().to_owned();
    wanted.raw = Some(heard.clone());
    wanted.model = Some("mock-model".into());
    let reply = Codex::new(options).attempt(wanted, heard.as_ref()).await.unwrap();
    assert!(matches!(&reply.answer, Answer::Text(text) if text.ends_with("hello world\ndone")));
    assert_eq!((reply.usage.input_tokens, reply.usage.cache_read_tokens), (376, 66));
    assert_eq!((reply.cost_usd, reply.model.as_deref()), (None, Some("mock-model")));
    assert_eq!(fake.stdin(), "-c\n\u{2028}");
    assert_eq!(fake.args().last().map(String::as_str), Some("-"));
    assert!(fake.env().contains_key("CARGO_MANIFEST_DIR"), "the user allowed it");
    assert_eq!(heard.session(), reply.session_id);
    assert_eq!(heard.lines().len(), 8);
    assert!(heard.alive() >= 8);
}

#[tokio::test]
async fn a_session_that_goes_on_is_counted_once() {
    let fake = Fake::new(ANSWERING);
    let provider = Codex::new(fake.options());
    let first = provider.attempt(task("one"), &()).await.unwrap();
    let mut next = task("two");
    next.session_id = first.session_id.clone();
    let second = provider.attempt(next.clone(), &()).await.unwrap();
    let third = provider.attempt(next, &()).await.unwrap();
    let round =
        Usage { input_tokens: 100, output_tokens: 5, cache_read_tokens: 10, cache_write_tokens: 0 };
    assert_eq!([first.usage, second.usage, third.usage], [round; 3]);
    // In another process, the run knows the usage of its earlier steps.
    let mut used = round;
    used += round;
    used += round;
    let session_id = first.session_id.clone().unwrap();
    let of = NamedSession { step: StepId(1), provider: NAME.into(), session_id, used };
    let mut later = task("three");
    later.session_id = first.session_id.clone();
    later.request.session = Some(Box::new(EarlierSession { label: "a".into(), of: Some(of) }));
    let later = Codex::new(fake.options()).attempt(later, &()).await.unwrap();
    assert_eq!(later.usage, round);
    let args = fake.args();
    assert_eq!(args[..2], ["exec", "resume"]);
    assert_eq!(Some(&args[args.len() - 2]), first.session_id.as_ref());
}

#[tokio::test]
async fn a_strict_schema_is_in_a_private_file_that_is_removed_afterwards() {
    let fake = Fake::new(ANSWERING);
    let schema = json!({
        "type": "object",
        "properties": {"n": {"type": "integer"}, "why": {"type": "string"}},
        "required": ["n"],
    });
    let provider = Codex::new(fake.options());
    let reply = provider.attempt(with_schema(&schema), &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Json(json!({"n": 1})));
    let sent = std::fs::read_to_string(fake.folder().join("schema")).unwrap();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(sent["required"], json!(["n", "why"]));
    assert_eq!(sent["properties"]["why"]["type"], json!(["string", "null"]));
    let args = fake.args();
    let at = args.iter().position(|arg| arg == "--output-schema").unwrap();
    assert!(!Path::new(&args[at + 1]).exists());
    assert_eq!(fake.stdin(), "p");
}

#[tokio::test]
async fn nulls_for_omitted_properties_are_left_out() {
    let fake = Fake::new(
        r#"echo '{"type":"item.completed","item":{"type":"agent_message","text":"{\"a\":null,\"b\":null}"}}'
echo '{"type":"turn.completed"}'"#,
    );
    let schema = json!({
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}},
    });
    let reply = Codex::new(fake.options()).attempt(with_schema(&schema), &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Json(json!({"b": null})));
}

#[tokio::test]
async fn a_schema_that_no_grammar_can_express_goes_into_the_prompt() {
    let fake = Fake::new(ANSWERING);
    let map = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let reply = Codex::new(fake.options()).attempt(with_schema(&map), &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("ok".into()));
    assert!(fake.stdin().starts_with("p\n\n") && fake.stdin().contains(&map.to_string()));
    assert!(!fake.args().contains(&"--output-schema".to_owned()));
}

#[tokio::test]
async fn questions_of_its_rules_that_it_refuses_are_reported() {
    // A rule for commands, and a server's tool, in the words of versions 0.169 and 0.171.
    let fake = Fake::new(
        r#"echo '2026-11-27T02:47:50Z ERROR codex_core::tools::router: error=exec_command failed: CreateProcess { message: "Rejected(\"approval required by policy, but AskForApproval is set to Never\")" }' >&2
echo '{"type":"thread.started","thread_id":"01a21aec-ff91-72e0-b04e-0543a245ab0b"}'
echo '{"type":"item.completed","item":{"id":"i","type":"mcp_tool_call","server":"db","tool":"drop","arguments":{},"result":null,"error":{"message":"MCP tool call requires approval, but approval policy is never"},"status":"failed"}}'
echo '{"type":"item.completed","item":{"id":"j","type":"mcp_tool_call","server":"db","tool":"list","arguments":{},"result":{},"error":null,"status":"completed"}}'
echo '{"type":"turn.completed"}'"#,
    );
    let notes = conformance::Notes::default();
    Codex::new(fake.options()).attempt(task("p"), &notes).await.unwrap();
    let mut whats: Vec<_> = notes.asked().into_iter().map(|asked| asked.what).collect();
    whats.sort();
    assert_eq!(whats, ["a command", "db.drop"]);
}

#[tokio::test]
async fn the_cause_is_the_failed_turn_and_never_the_warning() {
    for (case, kind, part) in [
        ("error-401", ProviderErrorKind::Auth, "invalid api key"),
        ("truncate", ProviderErrorKind::CutStream, "stream disconnected"),
        ("not-git", ProviderErrorKind::Failed, "Not inside a trusted directory"),
    ] {
        let fake = Fake::printing("codex", case);
        let error = Codex::new(fake.options()).attempt(task("p"), &()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{case}");
        assert!(error.message.contains(part), "{error}");
        assert!(!error.message.contains("WARNING"), "{error}");
    }
}
