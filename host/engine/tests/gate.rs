//! Questions to people in a live run: who waits, for how long, and what ends the wait.

mod common;

use std::time::Duration;

use common::{Bench, HUNG, Scripted, reply};
use smol_wf_core::journal::Body;
use smol_wf_engine::{
    LimitChanges, Report, ResumeRequest, RunSettings, RunSpec, RunState, Times, WhenOnlyAsks,
};

fn bench() -> (tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    let agent = Scripted::new(|task, _| Box::pin(async move { Ok(reply(&task.prompt, 1)) }));
    let bench = Bench::new(dir.path(), vec![agent]);
    (dir, bench)
}

/// A request with this policy, and with this time for the whole run.
fn request(bench: &Bench, body: &str, asks: WhenOnlyAsks, time: Option<Duration>) -> RunSpec {
    let plain = bench.request(body);
    let times = Times { run: time, ..Times::default() };
    let settings = RunSettings { asks, times, ..plain.settings.clone() };
    RunSpec { settings, ..plain }
}

fn code(report: &Report) -> &str {
    report.error.as_ref().map_or("", |error| error.code.as_str())
}

const SHORT: &str = "const said = await SW.extra.ask('q', { timeout: 600, onTimeout: { value: 'late' } })\n\
    return [said, await agent('x')]\n";

#[tokio::test]
async fn a_run_ends_when_only_questions_are_open_and_goes_on_when_their_time_is_up() {
    let (_dir, bench) = bench();
    let body = "const [agents, said] = await Promise.all([\n\
        parallel(['a', 'b'].map(p => () => agent(p))),\n\
        SW.extra.ask('q', { timeout: 1500, onTimeout: { value: 'late' } })])\n\
        return [...agents, said, await agent('x')]\n";
    let report = bench.run(request(&bench, body, WhenOnlyAsks::End, None)).await;
    assert_eq!((report.state, code(&report)), (RunState::Paused, "waiting_for_answer"));
    assert_eq!(report.agents.completed, 2, "agents beside the question finish first");
    assert_eq!(report.asks.open.len(), 1);
    assert_eq!(report.asks.open[0].ask.question, "q");
    // Its time passes while nobody has the run.
    let asked = bench.entries(&report.run_id);
    let deadline_us = asked.iter().find_map(|entry| match entry.body.asked() {
        Some((_, smol_wf_core::step::StepRequest::Ask(request))) => request.deadline_us,
        _ => None,
    });
    let deadline_us = deadline_us.unwrap();
    while now_us() < deadline_us {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let report = bench.resume(&report.run_id, LimitChanges::default()).await.unwrap();
    assert_eq!(report.state, RunState::Completed);
    assert_eq!(report.result.get(), r#"["a","b","late","x"]"#);
    assert!(report.asks.open.is_empty());
}

fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_micros()).unwrap()
}

#[tokio::test]
async fn the_time_of_a_run_stands_still_while_only_questions_are_open() {
    let (_dir, bench) = bench();
    let time = Some(Duration::from_millis(300));
    for policy in [WhenOnlyAsks::Stay, WhenOnlyAsks::StayForDeadlines] {
        let report = bench.run(request(&bench, SHORT, policy, time)).await;
        assert_eq!(report.state, RunState::Completed, "{policy:?}: {}", code(&report));
        assert_eq!(report.result.get(), r#"["late","x"]"#);
    }
    // A sleep beside the question is time of the run.
    let beside = "const nap = SW.sleep(3600000); await SW.extra.ask('q'); await nap\n";
    let report = bench.run(request(&bench, beside, WhenOnlyAsks::End, time)).await;
    assert_eq!(code(&report), "timed_out");
}

#[tokio::test]
async fn without_a_deadline_a_process_leaves_or_stays() {
    let (_dir, bench) = bench();
    let body = "return await SW.extra.approve('sure?')\n";
    let policy = WhenOnlyAsks::StayForDeadlines;
    let report = bench.run(request(&bench, body, policy, None)).await;
    assert_eq!(code(&report), "waiting_for_answer");
    // One that stays waits until it is stopped.
    let settings = RunSettings { asks: WhenOnlyAsks::Stay, ..RunSettings::default() };
    let request = ResumeRequest { settings, ..ResumeRequest::of(report.run_id.clone()) };
    let run = bench.engine.start(request).unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(500), async {
        let mut events = run.events();
        while events.next().await.unwrap().is_some() {}
    });
    assert!(waits.await.is_err(), "it stays");
    run.cancel();
    let report = tokio::time::timeout(HUNG, run.wait()).await.expect("hangs").unwrap();
    assert_eq!(report.state, RunState::Cancelled);
    assert_eq!(report.asks.open.len(), 1, "still asked");
}

#[tokio::test]
async fn a_failed_question_throws_and_a_question_of_a_dead_child_is_dropped() {
    let (dir, bench) = bench();
    let kid = "export const meta = { name: 'k', description: 'd' }\n\
        SW.extra.ask('left open'); await agent('x'); throw new Error('over')\n";
    std::fs::write(dir.path().join("kid.js"), kid).unwrap();
    let body = "let said = []\n\
        try { await SW.extra.ask('q', { timeout: 0 }) } catch (e) { said.push(e.name, e.code) }\n\
        try { await workflow({ scriptPath: './kid.js' }) } catch (e) { said.push(e.message) }\n\
        try { await SW.extra.ask('q', { shema: {} }) } catch (e) { said.push(e.code) }\n\
        await SW.extra.approve('go on?')\n";
    let report = bench.run(request(&bench, body, WhenOnlyAsks::End, None)).await;
    assert_eq!(code(&report), "waiting_for_answer");
    let open: Vec<_> = report.asks.open.iter().map(|open| open.ask.question.as_str()).collect();
    assert_eq!(open, ["go on?"]);
    let failed = bench.entries(&report.run_id).into_iter().any(|entry| {
        matches!(entry.body, Body::CallRefused(refused) if refused.failure.code == "call_invalid")
    });
    assert!(failed);
}
