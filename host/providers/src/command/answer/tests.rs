//! What programs print, and how it is read.

use super::*;

fn exit(code: i32) -> Exit {
    Exit { code: Some(code), signal: None, hung: false, stderr_tail: "last words".to_owned() }
}

fn answer(printed: &str) -> Answer {
    read("p", printed, &exit(0)).reply.unwrap().answer
}

fn error(printed: &str, exit: &Exit) -> ProviderError {
    read("p", printed, exit).reply.unwrap_err()
}

#[test]
fn json_with_an_output_is_an_answer_and_anything_else_is_text() {
    for text in [
        "hello",
        "{\"value\": 1}",
        "{\"output\": 1} and more",
        "[{\"output\": 1}]",
        "{\"output\": \"cut",
        "{\"error\": \"one of the findings\", \"line\": 5}",
        "{\"error\": 5}",
    ] {
        assert_eq!(answer(text), Answer::Text(text.to_owned()));
    }
    assert_eq!(answer(""), Answer::Null);
    assert_eq!(answer("{\"output\": null}"), Answer::Null);
    assert_eq!(answer(" {\"output\": \"hi\"}\n"), Answer::Text("hi".to_owned()));
    assert_eq!(answer("{\"output\": {\"a\": [1]}}"), Answer::Text("{\"a\":[1]}".to_owned()));
}

#[test]
fn its_own_figures_are_kept() {
    let printed = r#"{"output":"x","usage":{"inputTokens":3,"outputTokens":2},"costUsd":0.5,
        "sessionId":"s","model":"m","unknown":true}"#;
    let reply = read("p", printed, &exit(0)).reply.unwrap();
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (3, 2));
    assert_eq!((reply.cost_usd, reply.usage.cache_read_tokens), (Some(0.5), 0));
    assert_eq!((reply.session_id.as_deref(), reply.model.as_deref()), (Some("s"), Some("m")));
}

#[test]
fn an_unreadable_key_is_named_and_does_not_hurt_the_answer() {
    for (keys, named) in [
        (r#""usage":null,"model":null,"costUsd":null,"sessionId":null,"error":null"#, &[][..]),
        (r#""error":"","model":"""#, &[]),
        (r#""model":7"#, &["`model`"]),
        (r#""usage":[]"#, &["`usage`"]),
        (
            r#""usage":{"inputTokens":"5","outputTokens":-5,"cacheReadTokens":null}"#,
            &["`usage.inputTokens`", "`usage.outputTokens`"],
        ),
        (r#""costUsd":-0.1,"sessionId":7"#, &["`costUsd`", "`sessionId`"]),
        (r#""error":true"#, &["`error`"]),
    ] {
        let told = read("p", &format!(r#"{{"output":"x",{keys}}}"#), &exit(0));
        assert_eq!(told.reply.unwrap(), reply(Answer::Text("x".into()), RoundSpend::default()));
        assert_eq!(told.passed_over.len(), named.len(), "{:?}", told.passed_over);
        for (said, key) in told.passed_over.iter().zip(named) {
            assert!(said.starts_with(key), "{said}");
        }
    }
}

#[test]
fn an_error_in_other_forms_is_an_error_all_the_same() {
    for printed in [r#"{"error":"no luck"}"#, r#"{"error":"no luck","output":"x","model":"m"}"#] {
        let told = error(printed, &exit(0));
        assert_eq!((told.kind, told.message.as_str()), (ProviderErrorKind::Failed, "no luck"));
    }
    let told = error(r#"{"error":{"kind":"model"}}"#, &exit(0));
    assert_eq!(told.kind, ProviderErrorKind::Model);
    assert!(told.message.contains("`error.message`"), "{told}");
    let odd = read("p", r#"{"error":{"kind":"odd","message":"m"}}"#, &exit(0));
    assert!(odd.passed_over[0].starts_with("`error.kind`"), "{odd:?}");
}

#[test]
fn an_error_has_its_kind_whatever_the_exit_code() {
    let printed = r#"{"error":{"kind":"rate_limit","message":"slow down","retryAfterMs":1500},
        "usage":{"outputTokens":4}}"#;
    for code in [0, 1] {
        let told = error(printed, &exit(code));
        assert_eq!((told.kind, told.message.as_str()), (ProviderErrorKind::RateLimit, "slow down"));
        assert_eq!(told.retry_after, Some(Duration::from_millis(1500)));
        assert_eq!(told.spent.usage.output_tokens, 4);
    }
    assert_eq!(error(r#"{"error":""}"#, &exit(0)).message, "failed, and says nothing of why");
    let unknown = error(r#"{"error":{"kind":"odd","message":"m"}}"#, &exit(1));
    assert_eq!(unknown.kind, ProviderErrorKind::Failed);
}

#[test]
fn an_unsuccessful_exit_is_a_failure_with_its_reason() {
    let told = error("partial", &exit(3));
    assert_eq!(
        (told.kind, told.message.as_str()),
        (ProviderErrorKind::Failed, "exit code 3: last words")
    );
    let silent = Exit { stderr_tail: String::new(), ..exit(3) };
    assert_eq!(error("", &silent).message, "exit code 3; it said nothing on stderr");
    let killed = Exit { code: None, signal: Some(9), ..exit(0) };
    assert_eq!(error(r#"{"output":"x"}"#, &killed).kind, ProviderErrorKind::Killed);
    let hung = Exit { hung: true, signal: Some(15), ..killed };
    assert_eq!(error("text", &hung).kind, ProviderErrorKind::Failed);
    let whole = read("p", r#"{"output":"x"}"#, &hung).reply.unwrap();
    assert_eq!(whole.answer, Answer::Text("x".to_owned()));
}
