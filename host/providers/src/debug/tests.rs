//! What the debug provider answers, rule by rule.

use std::time::Duration;

use super::*;
use crate::conformance::{self, Notes, task};

fn with(rules: &[&str]) -> Debug {
    Debug::with_rules(rules).unwrap()
}

fn structured(prompt: &str) -> AgentTask {
    let mut task = task(prompt);
    task.request.schema = Some(
        r#"{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}"#.into(),
    );
    task
}

async fn answer(provider: &Debug, task: AgentTask) -> Result<Answer, ProviderErrorKind> {
    provider.attempt(task, &()).await.map(|reply| reply.answer).map_err(|error| error.kind)
}

fn satisfies(answer: &Answer, task: &AgentTask) -> bool {
    let checker = task.request.schema.as_ref().unwrap().checker().unwrap();
    matches!(answer, Answer::Json(value) if checker.check(value).is_ok())
}

#[tokio::test]
async fn it_keeps_the_contract() {
    conformance::check(&Debug::new()).await.unwrap();
}

#[tokio::test]
async fn a_text_is_echoed_with_all_figures() {
    let notes = Notes::default();
    let reply = Debug::new().attempt(task("Hällo"), &notes).await.unwrap();
    assert_eq!(reply.answer, Answer::Text("echo: Hällo".into()));
    assert_eq!(reply.usage, Usage { input_tokens: 2, output_tokens: 3, ..Usage::default() });
    assert_eq!((reply.cost_usd, reply.model.as_deref()), (Some(0.0), Some("debug")));
    assert_eq!(notes.all(), [AgentActivity::Thinking]);
    let again = Debug::new().attempt(task("Hällo"), &()).await.unwrap();
    assert_eq!(again, reply);
}

#[tokio::test]
async fn a_schema_is_satisfied_the_same_way_each_time() {
    let wanted = structured("p");
    let first = answer(&Debug::new(), wanted.clone()).await.unwrap();
    assert!(satisfies(&first, &wanted));
    let mut correction = wanted.clone();
    correction.prompt = "again, please".into();
    correction.round = 2;
    assert_eq!(answer(&Debug::new(), correction).await.unwrap(), first);
}

#[tokio::test]
async fn rules_fail_answer_and_are_silent() {
    let provider = with(&[
        "fail*=fail",
        "limit=fail:rate_limit",
        "none=null",
        "said=answer:a, b",
        "*=answer:{\"ok\":true}",
    ]);
    assert_eq!(answer(&provider, task("fail me")).await, Err(ProviderErrorKind::Failed));
    assert_eq!(answer(&provider, task("limit")).await, Err(ProviderErrorKind::RateLimit));
    assert_eq!(answer(&provider, task("none")).await, Ok(Answer::Null));
    assert_eq!(answer(&provider, task("said")).await, Ok(Answer::Text("a, b".into())));
    assert_eq!(answer(&provider, structured("x")).await, Ok(Answer::Json(json!({"ok": true}))));
    assert_eq!(answer(&provider, structured("said")).await, Ok(Answer::Json(json!("a, b"))));
}

#[tokio::test]
async fn a_bad_answer_is_corrected_in_the_second_round_or_never() {
    for (rule, mended) in [("*=bad", true), ("*=bad:always", false), ("*=times:1,bad", true)] {
        let provider = with(&[rule]);
        let mut wanted = structured("x");
        assert!(!satisfies(&answer(&provider, wanted.clone()).await.unwrap(), &wanted), "{rule}");
        wanted.round = 2;
        assert_eq!(
            satisfies(&answer(&provider, wanted.clone()).await.unwrap(), &wanted),
            mended,
            "{rule}"
        );
    }
    // Without a schema there is nothing to break.
    assert_eq!(answer(&with(&["*=bad"]), task("x")).await, Ok(Answer::Text("echo: x".into())));
}

#[tokio::test]
async fn times_counts_matching_steps_and_passes_on_to_the_next_rule() {
    let provider = with(&["a*=times:2,fail", "*=answer:rest"]);
    let rest = || Ok(Answer::Text("rest".into()));
    assert_eq!(answer(&provider, task("b")).await, rest());
    assert_eq!(answer(&provider, task("a1")).await, Err(ProviderErrorKind::Failed));
    assert_eq!(answer(&provider, task("a2")).await, Err(ProviderErrorKind::Failed));
    assert_eq!(answer(&provider, task("a3")).await, rest());
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_waited_before_the_rest_of_the_rule() {
    let provider = with(&["slow=delay:1h,fail", "*=delay:500ms"]);
    let started = tokio::time::Instant::now();
    assert_eq!(answer(&provider, task("x")).await, Ok(Answer::Text("echo: x".into())));
    assert_eq!(started.elapsed(), Duration::from_millis(500));
    assert_eq!(answer(&provider, task("slow")).await, Err(ProviderErrorKind::Failed));
    assert!(started.elapsed() >= Duration::from_secs(3600));
}
