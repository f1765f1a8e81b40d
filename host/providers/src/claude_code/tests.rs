//! The provider from end to end, with a program that stands in for the CLI.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::conformance::{self, task};
use crate::fake::{ActivityLog, Fake};
use crate::{AgentActivity, Answer, AskPolicy};
use crate::{McpServer, McpTransport, Provider, ProviderErrorKind};

/// Answers every prompt like the CLI, as far as the contract goes.
const ANSWERING: &str = r#"
model=claude-x answer=
while [ $# -gt 0 ]; do
  case $1 in
    --session-id | --resume) session=$2 ;;
    --model) model=$2 ;;
    --json-schema) answer=',"structured_output":{"n":1}' ;;
  esac
  shift
done
echo '{"type":"system","subtype":"init","session_id":"'$session'","model":"'$model'"}'
echo '{"usage":{"input_tokens":3,"output_tokens":1},"total_cost_usd":0.5,"result":"ok"'$answer',"session_id":"'$session'","subtype":"success","type":"result"}'
"#;

#[tokio::test]
async fn it_keeps_the_contract() {
    let fake = Fake::new(ANSWERING);
    conformance::check(&ClaudeCode::new(fake.options())).await.unwrap();
}

#[tokio::test]
async fn a_round_is_sent_read_and_counted() {
    let fake = Fake::printing("claude-code", "tool");
    let mut options = fake.options();
    options.env.insert("FROM_CONFIG".into(), "1".into());
    options.args = vec!["--max-turns".into(), "7".into()];
    let heard = Arc::new(ActivityLog::default());
    let mut wanted = task("--help\nthen \"quotes\" and $HOME");
    wanted.cwd = fake.folder().to_owned();
    wanted.raw = Some(heard.clone());
    let reply = ClaudeCode::new(options).attempt(wanted, heard.as_ref()).await.unwrap();

    assert_eq!(reply.answer, Answer::Text("tool said: hello world\ndone".into()));
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (376, 44));
    let sent: serde_json::Value = serde_json::from_str(&fake.stdin()).unwrap();
    assert_eq!(sent["message"]["content"], "--help\nthen \"quotes\" and $HOME");
    let args = fake.args();
    assert!(args.ends_with(&["--max-turns".to_owned(), "7".to_owned()]), "{args:?}");
    assert!(!args.iter().any(|arg| arg.contains("quotes")), "the prompt is no argument");
    assert_eq!(fake.cwd().canonicalize().unwrap(), fake.folder().canonicalize().unwrap());
    let env = fake.env();
    assert_eq!(env.get("CLAUDE_CODE_MAX_RETRIES").map(String::as_str), Some("2"));
    assert_eq!(env.get("FROM_CONFIG").map(String::as_str), Some("1"));
    assert!(env.contains_key("PATH") && !env.contains_key("CARGO_MANIFEST_DIR"));

    let session = reply.session_id.clone().unwrap();
    assert_eq!(heard.session(), Some(session.clone()));
    let lines = heard.lines();
    assert_eq!(heard.alive(), lines.len());
    assert!(lines.iter().all(|(named, _)| named.as_deref() == Some(session.as_str())));
    let recorded = include_str!("../../tests/transcripts/claude-code/tool.jsonl");
    assert!(lines.iter().map(|(_, line)| line.as_str()).eq(recorded.trim_end().split('\n')));
    assert!(!heard.notes().is_empty());
}

#[tokio::test]
async fn the_user_s_own_setting_overrides_ours() {
    let fake = Fake::new(ANSWERING);
    let mut options = fake.options();
    options.env.insert("CLAUDE_CODE_MAX_RETRIES".into(), "9".into());
    ClaudeCode::new(options).attempt(task("p"), &()).await.unwrap();
    assert_eq!(fake.env().get("CLAUDE_CODE_MAX_RETRIES").map(String::as_str), Some("9"));
}

#[tokio::test]
async fn a_schema_is_lowered_and_the_answer_unwrapped() {
    let fake = Fake::new(
        r#"echo '{"type":"result","subtype":"success","result":"","structured_output":{"value":["a"]}}'"#,
    );
    let mut wanted = task("p");
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "array", "items": {"type": "string"}, "x-order": 1,
    });
    wanted.request.schema = Some(schema.to_string().into());
    let reply = ClaudeCode::new(fake.options()).attempt(wanted, &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Json(json!(["a"])));
    let args = fake.args();
    let at = args.iter().position(|arg| arg == "--json-schema").unwrap();
    let sent: serde_json::Value = serde_json::from_str(&args[at + 1]).unwrap();
    assert_eq!(sent["properties"]["value"], json!({"type": "array", "items": {"type": "string"}}));
}

#[tokio::test]
async fn errors_have_their_cause_and_what_was_spent() {
    let fake = Fake::printing("claude-code", "max-turns");
    let error = ClaudeCode::new(fake.options()).attempt(task("p"), &()).await.unwrap_err();
    assert_eq!(error.to_string(), "claude-code: Reached maximum number of turns (1)");
    assert_eq!(error.spent.usage.input_tokens, 188);
    assert_eq!(error.spent.model.as_deref(), Some("claude-opus-5-5"));
    assert!(error.spent.session_id.is_some() && error.spent.cost_usd > Some(0.0));
}

#[tokio::test]
async fn a_used_up_allowance_says_when_it_is_restored() {
    let fake = Fake::new(
        r#"at=$(($(date +%s) + 3600))
echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":'$at',"rateLimitType":"five_hour"},"session_id":"s"}'
echo '{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"result":"You'"'"'ve hit your session limit · resets 3pm","session_id":"s"}'
exit 1"#,
    );
    let error = ClaudeCode::new(fake.options()).attempt(task("p"), &()).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Quota);
    assert!(error.message.contains("session limit"), "{error}");
    let wait = error.retry_after.unwrap().as_secs();
    assert!((3_000..=3_600).contains(&wait), "{wait}");
}

#[tokio::test]
async fn refused_tools_and_no_answer_are_a_failure() {
    let result = |text: &str| {
        format!(
            r#"echo '{{"type":"result","subtype":"success","result":"{text}","permission_denials":[{{"tool_name":"Write"}}]}}'"#
        )
    };
    let fake = Fake::new(&result(""));
    let error = ClaudeCode::new(fake.options()).attempt(task("p"), &()).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::PermissionDenied);
    assert!(error.message.contains("Write"), "{error}");
    let fake = Fake::new(&result("done without"));
    let reply = ClaudeCode::new(fake.options()).attempt(task("p"), &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("done without".into()));
}

#[tokio::test]
async fn a_missing_program_cannot_be_started() {
    let options =
        ClaudeCodeOptions { program: Some("/nonexistent/claude".into()), ..Default::default() };
    let provider = ClaudeCode::new(options);
    let error = provider.attempt(task("p"), &()).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Spawn);
    let probe = provider.probe(&crate::Processes::new()).await;
    assert!(!probe.is_usable());
    assert!(probe.problem.unwrap().contains("npm install -g @anthropic-ai/claude-code"));
}

#[tokio::test]
async fn a_probe_asks_for_the_version_and_looks_for_credentials() {
    let fake = Fake::new("echo '2.1.330 (Claude Code)'");
    let mut options = fake.options();
    options.env.insert("ANTHROPIC_API_KEY".into(), "k".into());
    let probe = ClaudeCode::new(options).probe(&crate::Processes::new()).await;
    assert_eq!(probe.version.as_deref(), Some("2.1.330"));
    assert!(probe.is_usable() && probe.logged_in == Some(true), "{probe:?}");
    assert_eq!(fake.args(), ["--version"]);
    let fake = Fake::new("echo '2.1.258 (Claude Code)'");
    let problem =
        ClaudeCode::new(fake.options()).probe(&crate::Processes::new()).await.problem.unwrap();
    assert!(problem.contains("version 2.1.258, and 2.1.259 is the oldest"), "{problem}");
    let fake = Fake::new("echo 'it is broken' >&2; exit 3");
    let probe = ClaudeCode::new(fake.options()).probe(&crate::Processes::new()).await;
    assert!(probe.problem.unwrap().contains("exit code 3): it is broken"));
}

/// The answer is complete, even if another process holds the output open.
#[tokio::test]
async fn a_program_that_hangs_after_its_result_has_answered() {
    let fake = Fake::new(
        r#"echo '{"type":"result","subtype":"success","result":"done","session_id":"s"}'
exec sleep 600"#,
    );
    let reply = ClaudeCode::new(fake.options()).attempt(task("p"), &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("done".into()));
}

/// Two results, with a silence between them that is longer than a program may hang after
/// its end. The second is the answer, and both are paid for.
#[tokio::test]
async fn background_work_is_waited_for() {
    let fake = Fake::new(
        r#"used() { echo '"usage":{},"model_usage_since_last_result":{"m":{"inputTokens":'$1',"outputTokens":1,"costUSD":0.5}}'; }
echo '{"type":"system","subtype":"init","session_id":"s","model":"m"}'
echo '{"type":"system","subtype":"background_tasks_changed","tasks":[{"task_id":"b","description":"the tests"}]}'
echo '{"type":"result","subtype":"success","result":"it runs",'$(used 3)'}'
sleep 7
echo '{"type":"system","subtype":"task_notification","status":"completed"}'
echo '{"type":"system","subtype":"background_tasks_changed","tasks":[]}'
echo '{"type":"system","subtype":"init","session_id":"s","model":"m"}'
echo '{"type":"result","subtype":"success","result":"all pass",'$(used 4)'}'
exec sleep 600"#,
    );
    let heard = Arc::new(ActivityLog::default());
    let mut wanted = task("p");
    wanted.raw = Some(heard.clone());
    let reply = ClaudeCode::new(fake.options()).attempt(wanted, heard.as_ref()).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("all pass".into()));
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (7, 2));
    assert_eq!(reply.cost_usd, Some(1.0));
    assert!(heard.alive() > heard.lines().len(), "a wait for known work is no silence");
    let waits = AgentActivity::Waiting { reason: "background work: the tests".into() };
    assert!(heard.notes().contains(&waits), "{:?}", heard.notes());
}

/// The prompt and the answers are lines; the end of stdin comes after the result.
#[tokio::test]
async fn its_questions_are_allowed_if_its_user_says_so() {
    let fake = Fake::plain(
        r#"read -r prompt
echo '{"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{"command":"ls"}}}'
read -r answer
printf '%s\n' "$prompt" "$answer" > "$(dirname "$0")/heard"
echo '{"type":"result","subtype":"success","result":"done","session_id":"s"}'
cat > /dev/null; touch "$(dirname "$0")/ended""#,
    );
    let options = ClaudeCodeOptions { asks: AskPolicy::Allow, ..fake.options() };
    let reply = ClaudeCode::new(options).attempt(task("a\nb"), &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("done".into()));
    let heard = std::fs::read_to_string(fake.folder().join("heard")).unwrap();
    let lines: Vec<serde_json::Value> =
        heard.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["message"]["content"], "a\nb");
    assert_eq!(lines[1]["response"]["response"]["behavior"], "allow");
    assert!(fake.folder().join("ended").exists(), "it was told that nothing more comes");
}

/// It hears of the first with the result of a tool, and of the second after its answer.
#[tokio::test]
async fn an_agent_at_work_is_told_and_its_last_answer_counts() {
    let fake = Fake::plain(
        r#"id() { printf '%s' "$1" | sed 's/.*"uuid":"\([^"]*\)".*/\1/'; }
turn() { echo '{"type":"system","subtype":"init","session_id":"s","model":"m"}'; }
echoed() { echo '{"type":"user","isReplay":true,"session_id":"s","uuid":"'"$(id "$1")"'"}'; }
read -r prompt; turn; read -r one; echoed "$one"; read -r two
echo '{"type":"result","subtype":"success","result":"first","usage":{"output_tokens":2},"session_id":"s"}'
turn; echoed "$two"
echo '{"type":"result","subtype":"success","result":"second","usage":{"output_tokens":3},"session_id":"s"}'
printf '%s\n' "$one" "$two" > "$(dirname "$0")/heard"; cat > /dev/null"#,
    );
    let mailbox = crate::Mailbox::default();
    for (number, text) in [(3, "look\n\"here\""), (9, "stop")] {
        mailbox.post(smol_wf_core::message::AgentMessage {
            number,
            text: text.into(),
            was_told: false,
        });
    }
    let mut wanted = task("p");
    wanted.messages = mailbox.messages(false);
    let refused = Refused::default();
    let reply = ClaudeCode::new(fake.options()).attempt(wanted, &refused).await.unwrap();
    assert_eq!((reply.answer, reply.usage.output_tokens), (Answer::Text("second".into()), 5));
    assert_eq!(refused.1.into_inner().unwrap(), [3, 9]);
    let heard = std::fs::read_to_string(fake.folder().join("heard")).unwrap();
    let first: serde_json::Value = serde_json::from_str(heard.lines().next().unwrap()).unwrap();
    assert_eq!(first["message"]["content"], "look\n\"here\"");
}

/// The reason why it ended counts, and not that it stopped reading.
#[tokio::test]
async fn an_agent_that_ends_before_it_has_read_the_prompt_says_why() {
    let long = "x".repeat(1024 * 1024);
    let ask = async |script: &str| {
        let fake = Fake::plain(script);
        let options = ClaudeCodeOptions { asks: AskPolicy::Allow, ..fake.options() };
        ClaudeCode::new(options).attempt(task(&long), &()).await.unwrap_err()
    };
    let error = ask("echo 'Not logged in · Please run /login'; exit 1").await;
    let said = ask(
        r#"exec 0<&-
echo '{"type":"result","subtype":"success","is_error":true,"result":"Not logged in · Please run /login","session_id":"s"}'
exit 1"#,
    )
    .await;
    assert_eq!(said.kind, ProviderErrorKind::Auth, "{said}");
    assert!(!error.message.contains("pipe"), "{error}");
    let error = ask("echo \"error: unknown option '--x'\" >&2; exit 1").await;
    assert!(error.message.contains("unknown option"), "{error}");
    // An answer to half a prompt is not an answer.
    let half = ask(r#"head -c 10 > /dev/null; exec 0<&-
echo '{"type":"result","subtype":"success","result":"done","session_id":"s"}'"#)
    .await;
    let said = "ended with exit code 0 and without having read the whole prompt";
    assert!(half.message.contains(said), "{half}");
}

#[derive(Default)]
struct Refused(std::sync::Mutex<Vec<smol_wf_core::asks::RefusedAsk>>, std::sync::Mutex<Vec<u64>>);

impl Activity for Refused {
    fn note(&self, _activity: AgentActivity) {}

    fn refused(&self, asked: smol_wf_core::asks::RefusedAsk) {
        self.0.lock().unwrap().push(asked);
    }

    fn told(&self, number: u64) {
        self.1.lock().unwrap().push(number);
    }
}

/// What a rule denies is not asked, and no advice would allow it.
#[tokio::test]
async fn refused_questions_are_reported_with_the_rule_that_allows_them() {
    let fake = Fake::new(
        r#"use() { echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"'$1'","name":"'$2'","input":'"$3"'}]}}'; }
denied() { echo '{"type":"system","subtype":"permission_denied","tool_name":"x","tool_use_id":"'$1'","decision_reason_type":"'$2'"}'; }
use a Bash '{"command":"touch x"}'; denied a asyncAgent
use b Write '{"file_path":"/w/y","content":"z"}'; denied b asyncAgent
use c Bash '{"command":"rm x"}'; denied c rule
echo '{"type":"result","subtype":"success","result":"done"}'"#,
    );
    let refused = Refused::default();
    ClaudeCode::new(fake.options()).attempt(task("p"), &refused).await.unwrap();
    let told = refused.0.into_inner().unwrap();
    let told: Vec<_> = told.iter().map(|one| (&*one.what, one.allow.as_deref().unwrap())).collect();
    let line = |rule: &str| {
        format!(r#"{{"permissions":{{"allow":["{rule}"]}}}} in ~/.claude/settings.json"#)
    };
    let (command, edit) = (line("Bash(touch x)"), line("Edit(//w/y)"));
    assert_eq!(told, [("Bash touch x", &*command), ("Write /w/y", &*edit)]);
}

/// An agent that is killed while it hears of its background work has no answer yet.
#[tokio::test]
async fn a_turn_that_breaks_off_after_a_result_is_not_an_answer() {
    let fake = Fake::new(
        r#"echo '{"type":"system","subtype":"init","session_id":"s","model":"m"}'
echo '{"type":"result","subtype":"success","result":"it runs"}'
echo '{"type":"system","subtype":"init","session_id":"s","model":"m"}'
kill -9 $$"#,
    );
    let error = ClaudeCode::new(fake.options()).attempt(task("p"), &()).await.unwrap_err();
    assert_eq!(error.kind, ProviderErrorKind::Killed);
}

#[tokio::test]
async fn dropping_a_round_ends_its_program() {
    let fake = Fake::new(
        r#"echo $$ > "$(dirname "$0")/pid"
echo '{"type":"system","subtype":"init","session_id":"s","model":"m"}'
exec sleep 600"#,
    );
    let heard = ActivityLog::default();
    let provider = ClaudeCode::new(fake.options());
    let named = async {
        while heard.session().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let task = task("p");
    let processes = task.processes.clone();
    tokio::select! {
        ended = provider.attempt(task, &heard) => panic!("it ended: {ended:?}"),
        () = named => {}
    }
    processes.all_ended().await;
    let pid = std::fs::read_to_string(fake.folder().join("pid")).unwrap();
    let proc = std::path::Path::new("/proc").join(pid.trim());
    assert!(!cfg!(target_os = "linux") || !proc.exists(), "{} is there", proc.display());
}

#[tokio::test]
async fn the_definitions_of_servers_are_removed_when_they_have_been_read() {
    let fake = Fake::new(
        r#"for one in "$@"; do [ "$last" != --mcp-config ] || file=$one; last=$one; done
grep -q s3cret "$file" || exit 9
echo '{"type":"system","subtype":"init","session_id":"s","mcp_servers":[{"name":"a","status":"connected"}]}'
tries=0; while [ -e "$file" ] && [ $tries -lt 600 ]; do tries=$((tries + 1)); sleep 0.1; done
[ -e "$file" ] && found=there || found=gone
echo '{"type":"result","subtype":"success","session_id":"s","result":"'$found'"}'"#,
    );
    let env = [("TOKEN".to_owned(), "s3cret".to_owned())].into();
    let way = McpTransport::Program { command: "/bin/true".to_owned(), args: Vec::new(), env };
    let mut wanted = task("p");
    wanted.mcp = vec![McpServer { name: "a".to_owned(), way }];
    let reply = ClaudeCode::new(fake.options()).attempt(wanted, &()).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("gone".to_owned()));
}
