//! Agents that ask people for permissions: who answers, what ends a question, and what
//! waits meanwhile.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Bench, HUNG, Scripted, reply};
use smol_wf_core::event::{AskOpened, EventData, EventFold};
use smol_wf_core::gate::{AnswerRefusal, AskKind, PermissionAsk};
use smol_wf_core::ids::{Digest, RunId, StepId};
use smol_wf_core::journal::Body;
use smol_wf_core::limits::AGENT_ASKS_OPEN_MAX;
use smol_wf_core::message::MessageRefusal;
use smol_wf_engine::providers::{Activity, PermissionVerdict};
use smol_wf_engine::{
    CancellationToken, EngineError, Message, NoWatcher, PostError, RunHandle, RunSettings, RunSpec,
    RunState, Times,
};

fn permission(what: &str) -> PermissionAsk {
    PermissionAsk { what: what.into(), detail: format!("do {what}"), tool: Some("execute".into()) }
}

/// Asks for each word of a prompt, one after the other, and answers with the verdicts.
async fn asks_for_all(prompt: &str, activity: &dyn Activity) -> String {
    let mut said = Vec::new();
    for what in prompt.split_whitespace() {
        said.push(match activity.ask(permission(what)).await {
            PermissionVerdict::Allowed => format!("{what} yes"),
            PermissionVerdict::Refused { comment } => {
                format!("{what} no {}", comment.unwrap_or_default())
            }
            PermissionVerdict::Nobody => format!("{what} nobody"),
        });
    }
    said.join(", ")
}

fn bench() -> (tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    let agent = Scripted::new(|task, activity| {
        Box::pin(async move { Ok(reply(&asks_for_all(&task.prompt, activity).await, 1)) })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    (dir, bench)
}

fn start(bench: &Bench, request: RunSpec) -> RunHandle {
    bench.engine.start_with(request, Arc::new(NoWatcher), CancellationToken::new()).unwrap()
}

/// The open questions of a run, once there are this many.
async fn open(bench: &Bench, run: &RunId, count: usize) -> Vec<(StepId, AskOpened)> {
    let look = async {
        loop {
            if let Ok(standing) = bench.engine.standing(run).await {
                let open: Vec<_> = standing
                    .open_asks()
                    .map(|(step, request)| (step, AskOpened::of(request)))
                    .collect();
                if open.len() == count {
                    return open;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(HUNG, look).await.expect("nobody asks")
}

/// The question of this number, once it is the only open one.
async fn numbered(bench: &Bench, run: &RunId, number: u32) -> AskOpened {
    loop {
        let (_, ask) = open(bench, run, 1).await.remove(0);
        if ask.ask == Some(number) {
            return ask;
        }
    }
}

fn answer(step: StepId, digest: &Digest, allowed: bool, comment: Option<&str>) -> Message {
    let (digest, value) = (digest.clone(), allowed.to_string());
    Message::Answer { step, digest, value, comment: comment.map(str::to_owned) }
}

/// Answers the only open question.
async fn say(bench: &Bench, run: &RunId, allowed: bool) {
    let (step, ask) = open(bench, run, 1).await.remove(0);
    bench.engine.post(run, "ann", &answer(step, &ask.digest, allowed, None)).await.unwrap();
}

async fn ended(run: RunHandle) -> smol_wf_engine::Report {
    tokio::time::timeout(HUNG, run.wait()).await.expect("hangs").unwrap()
}

/// Why a message is not even posted.
async fn refused(bench: &Bench, run: &RunId, message: Message) -> AnswerRefusal {
    match bench.engine.post(run, "ann", &message).await {
        Err(EngineError::Post(PostError::Refused {
            refusal: MessageRefusal::Answer(refusal),
            ..
        })) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_person_answers_each_question_once_and_nothing_else() {
    let (_dir, bench) = bench();
    let run = start(&bench, bench.request("return agent('a a b', { label: 'asker' })"));
    let id = run.id();
    let (step, first) = open(&bench, &id, 1).await.remove(0);
    let shown = (first.kind, first.label.as_str(), first.question.as_str(), first.ask);
    assert_eq!(shown, (AskKind::Permission, "asker", "a", Some(1)));
    assert_eq!(first.detail.as_deref(), Some("do a"));
    assert_eq!((first.provider.as_deref(), first.attempt), (Some("agent"), Some(1)));
    let forged = refused(&bench, &id, answer(step, &Digest::of(b"x"), true, None)).await;
    assert_eq!(forged, AnswerRefusal::Unknown { step }, "and no digest to forge with");
    let plain = Message::Answer {
        step,
        digest: first.digest.clone(),
        value: "\"perhaps\"".into(),
        comment: None,
    };
    assert!(matches!(refused(&bench, &id, plain).await, AnswerRefusal::Invalid(_)));
    bench.engine.post(&id, "ann", &answer(step, &first.digest, true, None)).await.unwrap();
    // The same question again is another one.
    let second = numbered(&bench, &id, 2).await;
    assert_eq!((second.question.as_str(), second.detail.as_deref()), ("a", Some("do a")));
    let late = refused(&bench, &id, answer(step, &first.digest, true, None)).await;
    assert_eq!(late, AnswerRefusal::Answered { step });
    let no = answer(step, &second.digest, false, Some("not twice"));
    bench.engine.post(&id, "bob", &no).await.unwrap();
    let third = numbered(&bench, &id, 3).await;
    bench.engine.post(&id, "ann", &answer(step, &third.digest, true, None)).await.unwrap();
    let report = ended(run).await;
    assert_eq!(report.result.get(), r#""a yes, a no not twice, b yes""#);
    assert_eq!((report.asks.refused, report.asks.open.len()), (0, 0));

    let kinds = bench.kinds(&id);
    let asks: Vec<&&str> = kinds.iter().filter(|kind| kind.starts_with("agent_ask")).collect();
    assert_eq!(asks, ["agent_asked", "agent_ask_answered"].repeat(3).iter().collect::<Vec<_>>());
    let mut fold = EventFold::new();
    let entries = bench.entries(&id);
    let events = entries.iter().flat_map(|entry| fold.after(entry));
    let settled: Vec<_> = events
        .filter_map(|event| match event.data {
            EventData::AskSettled(ask) => Some((ask.ask, ask.output, ask.by, ask.comment)),
            _ => None,
        })
        .collect();
    let second = (Some(2), Some(false.into()), Some("bob".into()), Some("not twice".into()));
    assert_eq!((settled.len(), &settled[1]), (3, &second));
}

#[tokio::test]
async fn time_in_which_all_wait_for_people_does_not_count() {
    const LIMIT: Duration = Duration::from_secs(3);
    let (_dir, bench) = bench();
    let ms = LIMIT.as_millis();
    let plain = bench.request(&format!(
        "return parallel(['a', 'b'].map(p => () => agent(p, {{ timeout: {ms}, stallMs: {ms} }})))"
    ));
    let times = Times { run: Some(LIMIT), ..Times::default() };
    let settings = RunSettings { times, ..plain.settings.clone() };
    let run = start(&bench, RunSpec { settings, ..plain });
    let id = run.id();
    let asked = open(&bench, &id, 2).await;
    tokio::time::sleep(LIMIT + Duration::from_millis(200)).await;
    for (step, ask) in asked {
        bench.engine.post(&id, "ann", &answer(step, &ask.digest, true, None)).await.unwrap();
    }
    let report = ended(run).await;
    assert_eq!((report.state, report.result.get()), (RunState::Completed, r#"["a yes","b yes"]"#));
    assert_eq!(report.agents.retried, 0);
}

#[tokio::test]
async fn a_pause_does_not_wait_for_a_person_and_the_agent_asks_again() {
    let (_dir, bench) = bench();
    let run = start(&bench, bench.request("return agent('a')"));
    let id = run.id();
    let (step, first) = open(&bench, &id, 1).await.remove(0);
    bench.engine.post(&id, "ann", &Message::Pause { now: false }).await.unwrap();
    let report = ended(run).await;
    assert_eq!((report.state, report.asks.open.len()), (RunState::Paused, 0));
    let gone = refused(&bench, &id, answer(step, &first.digest, true, None)).await;
    assert_eq!(gone, AnswerRefusal::Answered { step });

    let resumed = smol_wf_engine::ResumeRequest::of(id.clone());
    let run = bench.engine.start(resumed).unwrap();
    let (_, second) = open(&bench, &id, 1).await.remove(0);
    assert_eq!(second.ask, Some(2));
    let gone = refused(&bench, &id, answer(step, &first.digest, true, None)).await;
    assert_eq!(gone, AnswerRefusal::Answered { step });
    say(&bench, &id, true).await;
    assert_eq!(ended(run).await.result.get(), r#""a yes""#);
}

#[tokio::test]
async fn a_question_ends_with_its_agent_and_when_the_agent_goes_on_without() {
    let dir = tempfile::tempdir().unwrap();
    // Gives up its first question, asks too many at once, and then waits.
    let agent = Scripted::new(|task, activity| {
        Box::pin(async move {
            if task.prompt == "restart" {
                return Ok(reply(&asks_for_all("r", activity).await, 1));
            }
            tokio::select! {
                biased;
                verdict = activity.ask(permission("first")) => panic!("{verdict:?}"),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
            let mut many: Vec<_> =
                (0..=AGENT_ASKS_OPEN_MAX).map(|_| activity.ask(permission("many"))).collect();
            // All are asked, and the last one is refused.
            let mut first: Vec<_> = Vec::new();
            std::future::poll_fn(|context| {
                for one in &mut many {
                    if let std::task::Poll::Ready(verdict) = one.as_mut().poll(context) {
                        first.push(verdict);
                        return std::task::Poll::Ready(());
                    }
                }
                std::task::Poll::Pending
            })
            .await;
            assert_eq!(first, [PermissionVerdict::Nobody]);
            drop(many);
            Ok(reply("done", 1))
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let report = bench.run(bench.request("return agent('x')")).await;
    assert_eq!(report.result.get(), r#""done""#);
    let entries = bench.entries(&report.run_id);
    let count = |kind: &str| entries.iter().filter(|entry| entry.body.kind() == kind).count();
    assert_eq!(count("agent_asked"), 1 + AGENT_ASKS_OPEN_MAX);
    assert_eq!(count("agent_ask_withdrawn"), 1 + AGENT_ASKS_OPEN_MAX);
    let mut fold = EventFold::new();
    let events = entries.iter().flat_map(|entry| fold.after(entry));
    let withdrawn =
        events.filter(|event| matches!(&event.data, EventData::AskSettled(ask) if ask.withdrawn));
    assert_eq!(withdrawn.count(), 1 + AGENT_ASKS_OPEN_MAX);

    let run = start(&bench, bench.request("return agent('restart')"));
    let id = run.id();
    let (step, first) = open(&bench, &id, 1).await.remove(0);
    bench.engine.post(&id, "ann", &Message::Restart { step }).await.unwrap();
    let second = numbered(&bench, &id, 2).await;
    assert_ne!(second.digest, first.digest);
    say(&bench, &id, false).await;
    assert_eq!(ended(run).await.result.get(), r#""r no ""#);
    let withdrawn =
        |entry: &smol_wf_core::journal::Entry| matches!(entry.body, Body::AgentAskWithdrawn { .. });
    assert_eq!(bench.entries(&id).into_iter().filter(withdrawn).count(), 1);
}
