//! Agents that fail, are silent, cost too much or are not allowed.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Bench, Scripted, reply};
use smol_wf_core::budget::{Allowance, Budget, BudgetMode, BudgetSetting};
use smol_wf_core::codes::Limit;
use smol_wf_core::details::Details;
use smol_wf_core::limits::Limits;
use smol_wf_core::step_request::Usage;
use smol_wf_engine::providers::{
    AgentActivity, AgentReply, Capabilities, ProviderError, ProviderErrorKind, RoundSpend,
};
use smol_wf_engine::{AgentSettings, EngineError, LimitChanges, Report, RunState};
use tokio::sync::Notify;

fn error(kind: ProviderErrorKind) -> ProviderError {
    ProviderError::new("agent", kind, "it says so")
}

fn counter() -> (Arc<AtomicU32>, Arc<AtomicU32>) {
    let one = Arc::new(AtomicU32::new(0));
    (one.clone(), one)
}

fn code(report: &Report) -> &str {
    report.error.as_ref().map_or("none", |error| error.code.as_str())
}

fn message(report: &Report) -> &str {
    report.error.as_ref().map_or("", |error| error.message.as_str())
}

#[tokio::test]
async fn a_lost_connection_is_tried_again_and_its_usage_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (asked, count) = counter();
    let agent = Scripted::new(move |task, _| {
        assert_eq!(task.session_id, None, "the next attempt begins afresh");
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            if first {
                let usage = Usage { output_tokens: 7, ..Usage::default() };
                let session_id = Some("lost".to_owned());
                let spent = RoundSpend { usage, session_id, ..RoundSpend::default() };
                return Err(error(ProviderErrorKind::CutStream).having_spent(spent));
            }
            Ok(reply("there", 5))
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let report = bench.run(bench.request("return agent('p')")).await;
    assert_eq!((report.state, report.result.get()), (RunState::Completed, "\"there\""));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!((report.token_usage.output_tokens, report.agents.retried), (12, 1));
}

#[tokio::test]
async fn retry_makes_its_number_of_attempts_and_only_after_errors_that_may_pass() {
    for (kind, options, attempts) in [
        (ProviderErrorKind::Killed, "{ retry: { maxAttempts: 4, backoffMs: 1 } }", 4),
        (ProviderErrorKind::Killed, "{ retry: { maxAttempts: 1 } }", 1),
        (ProviderErrorKind::Model, "{ retry: { maxAttempts: 4, backoffMs: 1 } }", 1),
        (ProviderErrorKind::Refused, "{}", 1),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (asked, count) = counter();
        let agent = Scripted::new(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move { Err(error(kind)) })
        });
        let bench = Bench::new(dir.path(), vec![agent]);
        let report = bench.run(bench.request(&format!("return agent('p', {options})"))).await;
        assert_eq!(asked.load(Ordering::SeqCst), attempts, "{kind} {options}");
        assert_eq!((report.state, code(&report)), (RunState::Failed, kind.code().word()));
    }
}

#[tokio::test]
async fn a_silent_agent_is_ended_and_the_error_says_what_it_was_doing() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Scripted::new(|_, activity| {
        let detail = Some("npm test".to_owned());
        activity.note(AgentActivity::Tool { name: "bash".into(), detail });
        Box::pin(std::future::pending())
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let mut request = bench.request("return agent('p', { retry: { maxAttempts: 1 } })");
    request.settings.agents.idle_timeout = Duration::from_millis(50);
    let report = bench.run(request).await;
    assert_eq!(code(&report), "provider_timeout");
    for part in ["silent for 50 ms", "it was last doing: bash npm test", "--idle-timeout"] {
        assert!(message(&report).contains(part), "{}", message(&report));
    }
}

#[tokio::test]
async fn silence_after_a_rate_limit_is_the_rate_limit_and_pauses_the_run() {
    for (kind, resumes, state, says) in [
        (ProviderErrorKind::RateLimit, false, RunState::Paused, "provider_rate_limit"),
        (ProviderErrorKind::Quota, false, RunState::Paused, "provider_quota"),
        (ProviderErrorKind::Unavailable, false, RunState::Failed, "provider_unavailable"),
        (ProviderErrorKind::CutStream, false, RunState::Failed, "provider_timeout"),
        // The rate limit was over, and it became silent later.
        (ProviderErrorKind::RateLimit, true, RunState::Failed, "provider_timeout"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let agent = Scripted::new(move |_, activity| {
            activity.note(AgentActivity::Waiting { reason: "Reconnecting".into() });
            activity.hindered(&error(kind));
            if resumes {
                activity.note(AgentActivity::Thinking);
            }
            Box::pin(std::future::pending())
        });
        let bench = Bench::new(dir.path(), vec![agent]);
        let mut request = bench.request("return agent('p', { retry: { maxAttempts: 1 } })");
        request.settings.agents.idle_timeout = Duration::from_millis(50);
        let report = bench.run(request).await;
        assert_eq!((report.state, code(&report)), (state, says), "{kind}: {}", message(&report));
        assert!(message(&report).contains("silent for 50 ms"), "{}", message(&report));
        let is_told = message(&report).contains("it says so; then it was silent");
        assert_eq!(is_told, says != "provider_timeout", "{}", message(&report));
    }
}

/// The session and the prompt of each attempt at a step.
type Attempts = Arc<Mutex<Vec<(Option<String>, String)>>>;

/// An agent that names its session and then answers, fails, or is silent forever, by the
/// number of the attempt.
fn in_turn(turns: &'static [Option<Result<&str, ProviderErrorKind>>]) -> (Attempts, Scripted) {
    let attempts = Attempts::default();
    let seen = attempts.clone();
    let agent = Scripted::new(move |task, activity| {
        let mut seen = seen.lock().unwrap();
        let turn = turns[seen.len()];
        let session = task.session_id.clone().unwrap_or_else(|| format!("s{}", seen.len() + 1));
        activity.session(&session);
        seen.push((task.session_id, task.prompt));
        Box::pin(async move {
            let Some(turn) = turn else { return std::future::pending().await };
            let text = turn.map_err(error)?;
            Ok(AgentReply { session_id: Some(session), ..reply(text, 1) })
        })
    });
    let can = Capabilities { sessions: true, ..Capabilities::default() };
    (attempts, Scripted { can, ..agent })
}

async fn impatient(agent: Scripted, options: &str) -> (Bench, Report) {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), vec![agent]);
    let mut request = bench.request(&format!("return agent('the task', {options})"));
    request.settings.agents.idle_timeout = Duration::from_millis(100);
    let report = bench.run(request).await;
    (bench, report)
}

#[tokio::test]
async fn a_silent_agent_goes_on_in_its_session_without_an_option() {
    let (attempts, agent) = in_turn(&[None, Some(Ok("there"))]);
    let (bench, report) = impatient(agent, "{}").await;
    assert_eq!((report.state, report.result.get()), (RunState::Completed, "\"there\""));
    assert_eq!(report.agents.retried, 1);
    let attempts = attempts.lock().unwrap().clone();
    assert_eq!(attempts[0], (None, "the task".to_owned()));
    assert_eq!(attempts[1].0.as_deref(), Some("s1"));
    assert!(attempts[1].1.contains("Go on from there") && attempts[1].1.ends_with("\n\nthe task"));
    let entries = bench.entries(&report.run_id);
    let details = Details::fold(&entries, false).unwrap();
    let step = &details.steps[0];
    assert_eq!((step.attempts, step.session_id), (2, Some("s1")));
}

#[tokio::test]
async fn a_session_that_cannot_be_resumed_begins_afresh() {
    const OPTIONS: &str = "{ retry: { maxAttempts: 3, backoffMs: 1 } }";
    for failure in
        [Some(Err(ProviderErrorKind::Failed)), Some(Err(ProviderErrorKind::CutStream)), None]
    {
        let turns = Box::leak(Box::new([None, failure, Some(Ok("there"))]));
        let (attempts, agent) = in_turn(turns);
        let (_, report) = impatient(agent, OPTIONS).await;
        assert_eq!(report.result.get(), "\"there\"", "{failure:?}");
        let attempts = attempts.lock().unwrap().clone();
        assert_eq!(attempts[1].0.as_deref(), Some("s1"));
        assert_eq!(attempts[2], (None, "the task".to_owned()), "{failure:?}");
    }
}

#[tokio::test]
async fn an_agent_that_stays_silent_fails_its_step_and_no_more() {
    const OPTIONS: &str = "{ retry: { maxAttempts: 3, backoffMs: 1 } }";
    let (attempts, agent) = in_turn(&[None, None, None, Some(Ok("never"))]);
    let (_, report) = impatient(agent, OPTIONS).await;
    assert_eq!(code(&report), "provider_timeout");
    assert_eq!(attempts.lock().unwrap().len(), 3);
    // Without sessions, the next attempt begins afresh.
    let (attempts, agent) = in_turn(&[None, Some(Ok("there"))]);
    let (_, report) = impatient(Scripted { can: Capabilities::default(), ..agent }, OPTIONS).await;
    assert_eq!(report.result.get(), "\"there\"");
    assert_eq!(attempts.lock().unwrap()[1], (None, "the task".to_owned()));
    // Without further attempts, it is not tried again.
    let (attempts, agent) = in_turn(&[None, Some(Ok("never"))]);
    let (_, report) = impatient(agent, "{ retry: { maxAttempts: 1 } }").await;
    assert_eq!((code(&report), attempts.lock().unwrap().len()), ("provider_timeout", 1));
}

#[tokio::test]
async fn no_attempt_begins_while_the_last_one_still_works() {
    let (at_work, others) = counter();
    let (asked, count) = counter();
    let agent = Scripted::new(move |task, _| {
        assert_eq!(others.load(Ordering::SeqCst), 0, "the first attempt has not ended");
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        let others = others.clone();
        Box::pin(async move {
            if !first {
                return Ok(reply("there", 1));
            }
            others.store(1, Ordering::SeqCst);
            // Like a program that takes its time to end.
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(400)).await;
                others.store(0, Ordering::SeqCst);
                drop(task.presence);
            });
            std::future::pending().await
        })
    });
    let (_, report) = impatient(agent, "{ retry: { maxAttempts: 2, backoffMs: 1 } }").await;
    assert_eq!(report.result.get(), "\"there\"");
    assert_eq!((asked.load(Ordering::SeqCst), at_work.load(Ordering::SeqCst)), (2, 0));
}

#[tokio::test]
async fn a_sign_of_life_resets_the_idle_timeout_and_not_the_total_one() {
    let dir = tempfile::tempdir().unwrap();
    // It works for longer than the idle timeout, and forever if the prompt says so.
    let agent = Scripted::new(|task, activity| {
        Box::pin(async move {
            for _ in 0..40 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                activity.alive();
            }
            if task.prompt == "for ever" {
                std::future::pending::<()>().await;
            }
            Ok(reply("lived", 1))
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let settings =
        AgentSettings { idle_timeout: Duration::from_millis(1_500), ..AgentSettings::default() };
    let mut request = bench.request("return agent('p')");
    request.settings.agents = settings.clone();
    assert_eq!(bench.run(request).await.result.get(), "\"lived\"");

    let mut request = bench.request("return agent('for ever', { timeout: '100ms' })");
    request.settings.agents = settings;
    let report = bench.run(request).await;
    assert_eq!(code(&report), "provider_timeout");
    assert!(message(&report).contains("no answer within 100 ms; it had said nothing"));
}

/// Fails with `kind` on the fifth step, and lets steps that began before it finish.
fn failing_fifth(kind: ProviderErrorKind, asked: Arc<AtomicU32>) -> Scripted {
    let failed = Arc::new(Notify::new());
    Scripted::new(move |_, _| {
        let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
        let failed = failed.clone();
        Box::pin(async move {
            match number {
                ..=4 => Ok(reply("early", 1)),
                5 => {
                    failed.notify_waiters();
                    let wait = Duration::from_secs(3_600);
                    Err(error(kind).after(wait))
                }
                _ => {
                    // Still at work when the fifth step has failed.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok(reply("late", 1))
                }
            }
        })
    })
}

#[tokio::test]
async fn an_unavailable_provider_pauses_the_run_and_no_answer_is_lost() {
    let body = "return (await parallel(Array.from({ length: 75 }, (_, i) => () => agent(`p${i}`)))).filter(Boolean).length";
    for kind in [ProviderErrorKind::Quota, ProviderErrorKind::Auth, ProviderErrorKind::RateLimit] {
        let dir = tempfile::tempdir().unwrap();
        let (asked, count) = counter();
        let bench = Bench::new(dir.path(), vec![failing_fifth(kind, count)]);
        let mut request = bench.request(body);
        request.limits = Limits { parallel_agents: 8, ..Limits::default() };
        let report = bench.run(request).await;
        assert_eq!((report.state, code(&report)), (RunState::Paused, kind.code().word()));
        let resets_at = report.error.as_ref().unwrap().resets_at.clone().unwrap();
        assert!(resets_at.ends_with('Z') && message(&report).contains(&resets_at));
        let before = asked.load(Ordering::SeqCst);
        assert!(before <= 5 + 8, "{before} were asked after the first that failed");
        assert_eq!(report.agents.failed, 0, "no step has failed for good");
        assert_eq!(
            u64::from(before),
            report.agents.completed + 1,
            "the answers of agents at work are kept"
        );

        let (again, count) = counter();
        let healthy = Scripted::new(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(reply("x", 1)) })
        });
        let later = Bench::over(bench.store.clone(), dir.path(), vec![healthy]);
        let report = later.resume(&report.run_id, LimitChanges::default()).await.unwrap();
        assert_eq!((report.state, report.result.get()), (RunState::Completed, "75"));
        assert_eq!(before - 1 + again.load(Ordering::SeqCst), 75, "each step is answered once");
    }
}

#[tokio::test]
async fn an_unavailable_provider_does_not_keep_others_from_working() {
    let dir = tempfile::tempdir().unwrap();
    let shut = Scripted::new(|_, _| Box::pin(async { Err(error(ProviderErrorKind::Auth)) }));
    let other = Scripted {
        name: "other",
        ..Scripted::new(|_, _| Box::pin(async { Ok(reply("fine", 1)) }))
    };
    let bench = Bench::new(dir.path(), vec![shut, other]);
    let body = "return parallel([() => agent('a'), async () => { for (let i = 0; i < 5; i++) await agent('b', { provider: 'other' }) }])";
    let report = bench.run(bench.request(body)).await;
    assert_eq!((report.state, code(&report)), (RunState::Paused, "provider_auth"));
    assert_eq!(report.agents.completed, 5);
    assert_eq!(
        bench.kinds(&report.run_id).iter().filter(|kind| **kind == "agent_parked").count(),
        1
    );
}

fn thousand_tokens(asked: Arc<AtomicU32>) -> Scripted {
    Scripted::new(move |task, _| {
        asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match task.prompt.as_str() {
                "hang" => std::future::pending().await,
                "long" => Ok(reply("x", 6_000)),
                _ => Ok(reply("x", 1_000)),
            }
        })
    })
}

fn budget(allowance: Allowance, mode: BudgetMode) -> Limits {
    Limits { budget: Some(Budget { allowance, mode }), ..Limits::default() }
}

fn raised(allowance: Allowance) -> LimitChanges {
    LimitChanges { budget: Some(BudgetSetting::AtMost(allowance)), ..LimitChanges::default() }
}

#[tokio::test]
async fn a_budget_is_exceeded_by_one_step_at_the_most_and_can_be_raised() {
    let dir = tempfile::tempdir().unwrap();
    let (asked, count) = counter();
    let bench = Bench::new(dir.path(), vec![thousand_tokens(count)]);
    let mut request = bench.request(
        "const all = await parallel(Array.from({ length: 40 }, (_, i) => () => agent(`p${i}`)))\nreturn [all.length, budget.total]",
    );
    request.limits = budget(Allowance::OutputTokens(5_500), BudgetMode::Pause);
    let report = bench.run(request).await;
    assert_eq!((report.state, code(&report)), (RunState::Paused, "budget_spent"));
    assert_eq!(asked.load(Ordering::SeqCst), 6, "one step exceeds it");
    assert!(message(&report).contains("budget of 5500 output tokens"), "{}", message(&report));

    let lower = bench.resume(&report.run_id, raised(Allowance::OutputTokens(5_000))).await;
    assert!(matches!(lower, Err(EngineError::LimitLowered { limit: Limit::Budget, .. })));
    let same = bench.resume(&report.run_id, LimitChanges::default()).await.unwrap();
    assert_eq!((code(&same), asked.load(Ordering::SeqCst)), ("budget_spent", 6));
    let enough = raised(Allowance::OutputTokens(100_000));
    let report = bench.resume(&report.run_id, enough).await.unwrap();
    assert_eq!((report.state, report.result.get()), (RunState::Completed, "[40,5500]"));
    assert_eq!(asked.load(Ordering::SeqCst), 40);
}

#[tokio::test]
async fn a_budget_in_dollars_pauses_a_run_without_a_known_price() {
    let dir = tempfile::tempdir().unwrap();
    let (asked, count) = counter();
    let bench = Bench::new(dir.path(), vec![thousand_tokens(count)]);
    let mut request = bench.request("for (let i = 0; i < 9; i++) await agent('p')");
    request.limits = budget(Allowance::UsdMicros(5_000_000), BudgetMode::Pause);
    let report = bench.run(request).await;
    assert_eq!((report.state, code(&report)), (RunState::Paused, "budget_unpriced"));
    assert_eq!((asked.load(Ordering::SeqCst), report.cost_unknown_calls), (1, 1));
}

#[tokio::test]
async fn a_budget_that_stops_does_not_wait_for_agents_at_work() {
    let dir = tempfile::tempdir().unwrap();
    let (_, count) = counter();
    let bench = Bench::new(dir.path(), vec![thousand_tokens(count)]);
    // Two agents may begin, with 4,000 tokens reserved for each; one of them spends all.
    let mut request = bench.request("return parallel([() => agent('hang'), () => agent('long')])");
    request.limits = budget(Allowance::OutputTokens(5_000), BudgetMode::Stop);
    let report = bench.run(request).await;
    assert_eq!((report.state, code(&report)), (RunState::Paused, "budget_spent"));
}

#[tokio::test]
async fn an_unsupported_option_is_refused_before_the_provider_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (asked, count) = counter();
    let able = Scripted {
        name: "able",
        can: Capabilities { read_only: true, effort: true, ..Capabilities::default() },
        ..Scripted::new(|_, _| Box::pin(async { Ok(reply("x", 1)) }))
    };
    let bench = Bench::new(dir.path(), vec![thousand_tokens(count), able]);
    for (option, says) in [
        ("permissions: 'read'", "these do: able, debug"),
        ("effort: 'high'", "`effort` ('high')"),
        ("model: 'm'", "these do: debug"),
        ("model: 'm?thinking=low'", "does not support"),
        ("agentType: 'reviewer'", "`agentType` ('reviewer')"),
    ] {
        let body = format!("return agent('p', {{ label: 'l', phase: 'f', {option} }})");
        let report = bench.run(bench.request(&body)).await;
        assert_eq!(code(&report), "provider_unsupported", "{option}");
        assert!(message(&report).contains(says), "{option}: {}", message(&report));
        assert!(!bench.kinds(&report.run_id).contains(&"agent_dispatched"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let body = "return agent('p', { provider: 'able', permissions: 'read', effort: 'high' })";
    assert_eq!(bench.run(bench.request(body)).await.state, RunState::Completed);
}

#[tokio::test]
async fn tokens_and_dollars_are_reported_by_phase_model_and_provider() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Scripted::new(|task, _| {
        Box::pin(async move {
            let mut reply = reply("x", 1_000_000);
            match task.prompt.as_str() {
                "own" => (reply.cost_usd, reply.model) = (Some(2.5), Some("m".into())),
                "priced" => reply.model = Some("claude-sonnet-4-5-20250929".into()),
                _ => reply.model = Some("nobody-knows".into()),
            }
            Ok(reply)
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let body =
        "phase('A'); await agent('own'); phase('B'); await agent('priced'); await agent('?')";
    let report = bench.run(bench.request(body)).await;
    assert!((report.cost_usd - 17.5).abs() < 1e-9, "{}", report.cost_usd);
    assert_eq!(report.cost_unknown_calls, 1);
    let phases: Vec<_> =
        report.phases.iter().map(|phase| (&*phase.title, phase.cost_usd)).collect();
    assert_eq!(phases, [("A", 2.5), ("B", 15.0)]);
    let models: Vec<_> = report.usage.by_model.iter().map(|of| (&*of.name, of.cost_usd)).collect();
    assert_eq!(models, [("m", 2.5), ("claude-sonnet-4-5-20250929", 15.0), ("nobody-knows", 0.0)]);
    assert_eq!((report.usage.by_provider.len(), report.usage.by_provider[0].steps), (1, 3));
}

#[tokio::test]
async fn an_absurd_cost_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Scripted::new(|task, _| {
        Box::pin(async move {
            let mut reply = reply("x", 10);
            reply.cost_usd = Some(match task.prompt.as_str() {
                "endless" => f64::INFINITY,
                "huge" => 1e308,
                "negative" => -5.0,
                "none" => f64::NAN,
                _ => 0.5,
            });
            Ok(reply)
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let body =
        "for (const said of ['endless', 'huge', 'negative', 'none', 'honest']) await agent(said)";
    let report = bench.run(bench.request(body)).await;
    assert!((report.cost_usd - 0.5).abs() < 1e-9, "{}", report.cost_usd);
    assert_eq!(report.cost_unknown_calls, 4);
}
