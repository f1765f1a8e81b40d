//! Messages to a run: each takes effect once, in order, and a replay shows the same.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::{Bench, HUNG, Scripted, reply};
use smol_wf_core::codes::Code;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::journal::Body;
use smol_wf_core::message::MessageTaken;
use smol_wf_core::settlement::OnFailure;
use smol_wf_engine::{
    CancellationToken, Delivery, EngineError, LimitChanges, Message, NoWatcher, Report, RunHandle,
    RunSpec, RunState,
};
use tokio::sync::Semaphore;

/// Agents that answer their prompt when they are let go, one permit for each.
struct Gate {
    open: Arc<Semaphore>,
    begun: Arc<AtomicU32>,
}

fn gate() -> (Gate, Scripted) {
    let (open, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicU32::new(0)));
    let (waits, counts) = (open.clone(), begun.clone());
    let agent = Scripted::new(move |task, _| {
        let waits = waits.clone();
        counts.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            waits.acquire().await.unwrap().forget();
            Ok(reply(&task.prompt, 1))
        })
    });
    (Gate { open, begun }, agent)
}

impl Gate {
    /// Waits until this many agents have begun.
    async fn has_begun(&self, agents: u32) {
        until(|| self.begun.load(Ordering::SeqCst) >= agents).await;
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(HUNG, waits).await.expect("hangs");
}

fn start(bench: &Bench, request: RunSpec) -> RunHandle {
    bench.engine.start_with(request, Arc::new(NoWatcher), CancellationToken::new()).unwrap()
}

async fn ended(run: RunHandle) -> Report {
    tokio::time::timeout(HUNG, run.wait()).await.expect("hangs").unwrap()
}

/// Posts a message and waits until it was taken.
async fn posted(bench: &Bench, run: &RunId, message: Message) -> MessageTaken {
    let number = bench.engine.post(run, "ann", &message).await.unwrap().number.unwrap();
    let taken = async {
        loop {
            match bench.engine.delivery(run, number).await.unwrap() {
                Delivery::Taken(taken) => return *taken,
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    };
    tokio::time::timeout(HUNG, taken).await.expect("not taken")
}

fn taken(bench: &Bench, run: &RunId) -> Vec<(u64, Option<String>)> {
    let entries = bench.entries(run).into_iter();
    entries
        .filter_map(|entry| match entry.body {
            Body::MessageTaken(taken) => Some((taken.number, taken.refused)),
            _ => None,
        })
        .collect()
}

async fn replays(bench: &Bench, run: &RunId) {
    let replay = bench.engine.replay(run).await.unwrap();
    assert!(replay.equal, "{:?}", replay.mismatch);
}

#[tokio::test]
async fn a_pause_lets_agents_finish_and_begins_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (gate, agent) = gate();
    let bench = Bench::new(dir.path(), vec![agent]);
    let body = "const one = await agent('a'); return one + await agent('b')";
    let run = start(&bench, bench.request(body));
    let id = run.id();
    gate.has_begun(1).await;
    let pause = posted(&bench, &id, Message::Pause { now: false }).await;
    assert_eq!((pause.number, pause.by.as_str(), pause.refused), (1, "ann", None));
    gate.open.add_permits(1);
    let report = ended(run).await;
    assert_eq!(report.state, RunState::Paused);
    assert_eq!(report.error.unwrap().code, "paused");
    assert_eq!(gate.begun.load(Ordering::SeqCst), 1, "the second agent did not begin");
    let kinds = bench.kinds(&id);
    assert!(kinds.contains(&"agent_answered"), "the first answer is kept: {kinds:?}");

    gate.open.add_permits(1);
    let report = bench.resume(&id, LimitChanges::default()).await.unwrap();
    assert_eq!((report.state, report.result.get()), (RunState::Completed, "\"ab\""));
    assert_eq!(gate.begun.load(Ordering::SeqCst), 2);
    replays(&bench, &id).await;
}

#[tokio::test]
async fn a_pause_at_once_and_a_cancellation_cut_agents_off() {
    for (message, state) in [
        (Message::Pause { now: true }, RunState::Paused),
        (Message::Cancel {}, RunState::Cancelled),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (gate, agent) = gate();
        let bench = Bench::new(dir.path(), vec![agent]);
        let run = start(&bench, bench.request("return agent('a')"));
        let id = run.id();
        gate.has_begun(1).await;
        bench.engine.post(&id, "ann", &message).await.unwrap();
        assert_eq!(ended(run).await.state, state);
        gate.open.add_permits(1);
        let report = bench.resume(&id, LimitChanges::default()).await.unwrap();
        assert_eq!(report.result.get(), "\"a\"");
        assert_eq!(gate.begun.load(Ordering::SeqCst), 2, "asked again");
        replays(&bench, &id).await;
    }
}

#[tokio::test]
async fn a_pause_at_once_cuts_off_agents_that_a_pause_lets_finish() {
    let dir = tempfile::tempdir().unwrap();
    let (gate, agent) = gate();
    let bench = Bench::new(dir.path(), vec![agent]);
    let run = start(&bench, bench.request("return agent('a')"));
    let id = run.id();
    gate.has_begun(1).await;
    posted(&bench, &id, Message::Pause { now: false }).await;
    bench.engine.post(&id, "ann", &Message::Pause { now: true }).await.unwrap();
    assert_eq!(ended(run).await.state, RunState::Paused);
    // The second was not taken; it does not stop whoever goes on.
    gate.open.add_permits(1);
    let report = bench.resume(&id, LimitChanges::default()).await.unwrap();
    assert_eq!(report.state, RunState::Completed);
    let superseded = Code::MessageSuperseded.word().to_owned();
    assert_eq!(taken(&bench, &id), [(1, None), (2, Some(superseded))]);
    replays(&bench, &id).await;
}

#[tokio::test]
async fn a_stopped_step_is_null_or_an_error_and_the_run_goes_on() {
    for (on_failure, result) in
        [(OnFailure::Null, r#"[null,"b"]"#), (OnFailure::Throw, r#"["stopped","b"]"#)]
    {
        let dir = tempfile::tempdir().unwrap();
        let (gate, agent) = gate();
        let bench = Bench::new(dir.path(), vec![agent]);
        let body = "return Promise.all([agent('a').catch((e) => e.code), agent('b')])";
        let mut request = bench.request(body);
        request.defaults.on_failure = Some(on_failure);
        let run = start(&bench, request);
        let id = run.id();
        gate.has_begun(2).await;
        let stopped = posted(&bench, &id, Message::Stop { step: StepId(1) }).await;
        assert_eq!(stopped.settles.unwrap().step, StepId(1));
        gate.open.add_permits(1);
        let report = ended(run).await;
        assert_eq!((report.state, report.result.get()), (RunState::Completed, result));
        replays(&bench, &id).await;
        let over = bench.engine.post(&id, "ann", &Message::Stop { step: StepId(1) }).await;
        assert!(matches!(over, Err(EngineError::Post(error)) if error.code() == Code::RunOver));
    }
}

#[tokio::test]
async fn a_stopped_child_workflow_ends_with_its_agents() {
    let dir = tempfile::tempdir().unwrap();
    let child = "export const meta = { name: 'c', description: 'd' }\nreturn agent('inner')";
    std::fs::write(dir.path().join("child.mjs"), child).unwrap();
    let (gate, agent) = gate();
    let bench = Bench::new(dir.path(), vec![agent]);
    let body = "const [one, two] = await Promise.all([
        workflow({ scriptPath: './child.mjs' }).catch((e) => e.code), agent('b')])
        return [one, two]";
    let run = start(&bench, bench.request(body));
    let id = run.id();
    gate.has_begun(2).await;
    let child = bench.entries(&id).into_iter().find_map(|entry| match entry.body {
        Body::ScopeStarted(start) => start.scope.opened_by(),
        _ => None,
    });
    posted(&bench, &id, Message::Stop { step: child.unwrap() }).await;
    gate.open.add_permits(1);
    let report = ended(run).await;
    assert_eq!(report.result.get(), r#"["stopped","b"]"#);
    replays(&bench, &id).await;
}

#[tokio::test]
async fn a_restarted_agent_begins_again_and_its_first_answer_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let (gate, agent) = gate();
    let bench = Bench::new(dir.path(), vec![agent]);
    let run = start(&bench, bench.request("return agent('a')"));
    let id = run.id();
    gate.has_begun(1).await;
    posted(&bench, &id, Message::Restart { step: StepId(1) }).await;
    gate.has_begun(2).await;
    gate.open.add_permits(1);
    let report = ended(run).await;
    assert_eq!((report.result.get(), report.agents.called), ("\"a\"", 1));
    let kinds = bench.kinds(&id);
    assert_eq!(kinds.iter().filter(|kind| **kind == "agent_dispatched").count(), 2);
    replays(&bench, &id).await;
}

#[tokio::test]
async fn a_raised_limit_holds_for_a_run_under_way_and_for_one_that_stopped_at_it() {
    let dir = tempfile::tempdir().unwrap();
    let (gate, agent) = gate();
    let bench = Bench::new(dir.path(), vec![agent]);
    let mut request = bench.request("await agent('a'); await agent('b'); return agent('c')");
    request.limits.agents = 1;
    let run = start(&bench, request);
    let id = run.id();
    gate.has_begun(1).await;
    let raise = |agents| {
        let limits = LimitChanges { agents: Some(agents), ..LimitChanges::default() };
        Message::Raise { limits }
    };
    posted(&bench, &id, raise(2)).await;
    gate.open.add_permits(2);
    let report = ended(run).await;
    assert_eq!(report.error.unwrap().code, "limit_agents");
    assert_eq!(gate.begun.load(Ordering::SeqCst), 2);
    let lowered = bench.engine.post(&id, "ann", &raise(1)).await;
    assert!(matches!(lowered, Err(EngineError::LimitLowered { .. })));

    let receipt = bench.engine.post(&id, "ann", &raise(3)).await.unwrap();
    assert!(!receipt.is_held);
    gate.open.add_permits(1);
    let report = bench.resume(&id, LimitChanges::default()).await.unwrap();
    assert_eq!((report.state, report.result.get()), (RunState::Completed, "\"c\""));
    assert_eq!(taken(&bench, &id), [(1, None), (2, None)]);
    replays(&bench, &id).await;
}

#[tokio::test]
async fn nothing_is_posted_that_does_not_fit_and_nothing_to_stop_a_run_that_has_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (gate, agent) = gate();
    let bench = Bench::new(dir.path(), vec![agent]);
    let body = "await agent('a'); await sleep(3600000); return 1";
    let body = format!("const {{ sleep }} = SW.extra; {body}");
    let run = start(&bench, bench.request(&body));
    let id = run.id();
    gate.has_begun(1).await;
    gate.open.add_permits(1);
    until(|| bench.kinds(&id).iter().filter(|kind| **kind == "step_asked").count() == 2).await;
    let refused = async |message| match bench.engine.post(&id, "ann", &message).await {
        Err(EngineError::Post(error)) => error.code(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Message::Stop { step: StepId(1) }).await, Code::StepSettled);
    assert_eq!(refused(Message::Stop { step: StepId(9) }).await, Code::StepUnknown);
    assert_eq!(refused(Message::Restart { step: StepId(2) }).await, Code::StepNotAnAgent);
    posted(&bench, &id, Message::Continue {}).await;
    posted(&bench, &id, Message::Cancel {}).await;
    assert_eq!(ended(run).await.state, RunState::Cancelled);
    let receipt = bench.engine.post(&id, "ann", &Message::Cancel {}).await.unwrap();
    assert_eq!((receipt.number, receipt.is_held), (None, false));
}
