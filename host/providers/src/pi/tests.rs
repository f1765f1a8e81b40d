//! The provider from end to end, with a program that stands in for the CLI.

use std::sync::Arc;

use serde_json::json;

use smol_wf_core::message::AgentMessage;

use super::*;
use crate::cli_agent::Transcript as _;
use crate::conformance::{self, task};
use crate::fake::{ActivityLog, Fake};
use crate::{Answer, Provider, ProviderErrorKind};

/// Answers every prompt like the CLI, as far as the contract goes.
const ANSWERING: &str = r#"
here=$(dirname "$0") model=m tool=
while [ $# -gt 0 ]; do
  case $1 in
    --session-id | --session) session=$2 ;;
    --model) model=$2 ;;
    --extension) cp "$2" "$here/extension"; tool=1 ;;
  esac
  shift
done
echo '{"type":"session","version":3,"id":"'$session'"}'
echo '{"type":"turn_start"}'
if [ -n "$tool" ]; then
  echo '{"type":"tool_execution_start","toolName":"structured_output","args":{"n":1}}'
  echo '{"type":"tool_execution_end","toolName":"structured_output","result":{"details":{"n":1}},"isError":false}'
fi
echo '{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"ok"}],"provider":"v","model":"'$model'","usage":{"input":2,"output":1,"cost":{"total":0.25}},"stopReason":"stop"}}'
echo '{"type":"agent_settled","aborted":false}'
"#;

#[tokio::test]
async fn it_keeps_the_contract() {
    let fake = Fake::new(ANSWERING);
    conformance::check(&Pi::new(fake.options())).await.unwrap();
}

#[tokio::test]
async fn a_round_is_sent_read_and_counted() {
    let fake = Fake::printing("pi", "tool");
    let heard = Arc::new(ActivityLog::default());
    let mut wanted = task("@file -x");
    wanted.cwd = fake.folder().to_owned();
    wanted.raw = Some(heard.clone());
    wanted.model = Some("mock/mock-model".into());
    let reply = Pi::new(fake.options()).attempt(wanted, heard.as_ref()).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("tool said: hello world\ndone".into()));
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (376, 44));
    assert_eq!(reply.model.as_deref(), Some("mock/mock-model"));
    assert!(reply.cost_usd.is_some_and(|cost| (cost - 0.000_431).abs() < 1e-9));
    let sent: serde_json::Value =
        serde_json::from_str(fake.stdin().lines().next().unwrap()).unwrap();
    assert_eq!(sent["message"], "@file -x");
    assert_eq!(fake.env().get("PI_SKIP_VERSION_CHECK").map(String::as_str), Some("1"));
    assert_eq!(heard.session(), reply.session_id);
    assert_eq!(heard.alive(), heard.lines().len());
}

#[tokio::test]
async fn a_schema_becomes_a_tool_and_its_file_is_removed_afterwards() {
    let fake = Fake::new(ANSWERING);
    let mut wanted = task("p");
    wanted.request.schema =
        Some(json!({"type": "array", "prefixItems": [true]}).to_string().into());
    let reply = Pi::new(fake.options()).attempt(wanted, &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Json(json!({"n": 1})));
    let source = std::fs::read_to_string(fake.folder().join("extension")).unwrap();
    assert!(source.contains("prefixItems") && source.contains(r#"\"value\""#), "{source}");
    let args = fake.args();
    let at = args.iter().position(|arg| arg == "--extension").unwrap();
    assert!(!std::path::Path::new(&args[at + 1]).exists());
}

/// It never gives up by itself: the round is ended, and its last value is the answer.
#[tokio::test]
async fn an_agent_that_cannot_satisfy_the_schema_is_ended() {
    let fake = Fake::new(
        r#"echo '{"type":"session","id":"s"}'
while :; do
  echo '{"type":"tool_execution_start","toolName":"structured_output","args":{"value":7}}' || exit
  echo '{"type":"tool_execution_end","toolName":"structured_output","result":{},"isError":true}' || exit
done"#,
    );
    let mut wanted = task("p");
    wanted.request.schema = Some(json!({"type": "string"}).to_string().into());
    let reply = Pi::new(fake.options()).attempt(wanted, &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Json(json!(7)));
    assert_eq!(reply.session_id.as_deref(), Some("s"));
}

#[tokio::test]
async fn an_agent_at_work_is_told_and_dialogs_are_dismissed() {
    let fake = Fake::plain(
        r#"user() { echo '{"type":"message_start","message":{"role":"user","content":[{"type":"text","text":"'"$1"'"}]}}'; }
read -r prompt; read -r state; user p; user "of an extension"
echo '{"id":"state","type":"response","command":"get_state","success":true,"data":{"sessionId":"s"}}'
echo '{"type":"extension_ui_request","id":"d","method":"confirm"}'
read -r one; read -r two; user look
printf '%s\n' "$one" "$two" > "$(dirname "$0")/heard"
echo '{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"ok"}],"usage":{"input":2,"output":1},"stopReason":"stop"}}'
echo '{"type":"agent_settled"}'
cat > /dev/null"#,
    );
    let mailbox = crate::Mailbox::default();
    mailbox.post(message(4, "look"));
    let mut wanted = task("p");
    wanted.messages = mailbox.messages(false);
    let heard = ActivityLog::default();
    let reply = Pi::new(fake.options()).attempt(wanted, &heard).await.unwrap();
    assert_eq!((reply.answer, reply.session_id.as_deref()), (Answer::Text("ok".into()), Some("s")));
    assert_eq!(heard.told(), [4]);
    let heard = std::fs::read_to_string(fake.folder().join("heard")).unwrap();
    assert!(
        heard.contains(r#""type":"steer""#) && heard.contains(r#""cancelled":true"#),
        "{heard}"
    );
}

fn message(number: u64, text: &str) -> AgentMessage {
    AgentMessage { number, text: text.into(), was_told: false }
}

/// pi does not name messages where its model gets them; their texts tell them apart.
#[test]
fn a_message_is_known_by_its_text_as_pi_has_queued_it() {
    let (mut round, heard) = (transcript::Round::of(&task("p")), ActivityLog::default());
    let user = |text: &str| {
        let content = json!([{"type": "text", "text": text}]);
        json!({"type": "message_start", "message": {"role": "user", "content": content}})
    };
    let queued = |texts: &[&str]| json!({"type": "queue_update", "steering": texts});
    let answered = |number: u64, success: bool| {
        let id = frames::message_id(number);
        json!({"id": id, "type": "response", "command": "steer", "success": success})
    };
    for (number, text) in [(3, "one"), (4, "/fix two"), (5, "/three"), (6, "/command")] {
        round.message(&message(number, text));
    }
    let expanded = ["one", "Fix this: two", "Three!"];
    let lines = [
        user("p"),
        queued(&expanded[..1]),
        queued(&expanded),
        answered(3, true),
        answered(4, true),
        answered(5, true),
        answered(6, false),
        queued(&[]),
        user("Three!"),
        user("one"),
        user("of an extension"),
        user("Fix this: two"),
        user("/command"),
    ];
    for line in lines {
        round.line(&line.to_string(), &heard);
    }
    assert_eq!(heard.told(), [5, 3, 4]);
}

/// An answer to a prompt that it has not read is not an answer.
#[tokio::test]
async fn an_agent_that_has_not_read_the_prompt_has_not_answered() {
    let long = "x".repeat(1024 * 1024);
    let fake = Fake::plain(
        r#"head -c 10 > /dev/null; exec 0<&-
echo '{"type":"message_end","message":{"role":"assistant","content":[{"type":"text","text":"ok"}],"stopReason":"stop"}}'
echo '{"type":"agent_settled"}'"#,
    );
    Pi::new(fake.options()).attempt(task(&long), &()).await.unwrap_err();
}

/// The warning comes first, so nothing is paid for.
#[tokio::test]
async fn a_model_that_pi_does_not_know_ends_the_round_at_once() {
    let fake = Fake::new(
        r#"echo 'Warning: Model "no-such" not found for provider "mock". Using custom model id.' >&2
exec sleep 600"#,
    );
    let error = Pi::new(fake.options()).attempt(task("p"), &()).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Model);
    assert!(error.message.contains("pi --list-models"), "{error}");
}

#[tokio::test]
async fn failures_with_exit_code_zero_are_failures() {
    for (case, kind) in [
        ("error-401", ProviderErrorKind::Auth),
        ("error-429", ProviderErrorKind::RateLimit),
        ("error-500", ProviderErrorKind::Unavailable),
        ("truncate", ProviderErrorKind::CutStream),
        ("invalid-model", ProviderErrorKind::Model),
        ("bad-thinking", ProviderErrorKind::Unsupported),
    ] {
        let fake = Fake::printing("pi", case);
        let error = Pi::new(fake.options()).attempt(task("p"), &()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{case}: {error}");
    }
}
