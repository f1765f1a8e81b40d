//! A run that stops at a limit of its script: agents at work finish.

mod common;

use std::sync::{Arc, Mutex};

use common::{Bench, HUNG, Scripted, reply};
use smol_wf_core::journal::Body;
use smol_wf_core::limits::Limits;
use smol_wf_engine::{CancellationToken, LimitChanges, Notice, Report, RunSpec, RunState, Watcher};
use tokio::sync::Notify;

/// One agent is at work when the script asks for more than it may.
const WIDE: &str = "const slow = agent('slow'); await agent('quick')\n\
    const rest = await parallel(['a', 'b', 'c'].map(p => () => agent(p)))\n\
    return [await slow, ...rest]\n";

/// One agent is at work when the script loops.
const LOOP: &str = "const slow = agent('slow'); await agent('quick')\n\
    for (let i = 0; i < 4e6; i++);\n\
    return [await slow]\n";

/// An agent that answers `slow` only after `go`, and the list of its prompts.
fn agent(go: &Arc<Notify>) -> (Arc<Mutex<Vec<String>>>, Scripted) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (heard, go) = (asked.clone(), go.clone());
    let agent = Scripted::new(move |task, _| {
        heard.lock().unwrap().push(task.prompt.clone());
        let go = go.clone();
        Box::pin(async move {
            if task.prompt == "slow" {
                go.notified().await;
            }
            Ok(reply(&task.prompt, 1))
        })
    });
    (asked, agent)
}

/// Runs a closure when the run waits for agents.
struct OnWait<F>(F, Mutex<Vec<usize>>);

impl<F: Fn() + Send + Sync> Watcher for OnWait<F> {
    fn notice(&self, notice: Notice<'_>) {
        if let Notice::WaitsForAgents { at_work, .. } = notice {
            self.1.lock().unwrap().push(at_work);
            (self.0)();
        }
    }
}

async fn stopped(
    bench: &Bench,
    request: RunSpec,
    cancel: CancellationToken,
    on_wait: impl Fn() + Send + Sync + 'static,
) -> (Report, Vec<usize>) {
    let watcher = Arc::new(OnWait(on_wait, Mutex::default()));
    let run = bench.engine.start_with(request, watcher.clone(), cancel).unwrap();
    let report = tokio::time::timeout(HUNG, run.wait()).await.expect("hangs").unwrap();
    let warned = watcher.1.lock().unwrap().clone();
    (report, warned)
}

#[tokio::test]
async fn an_agent_at_work_finishes_and_is_not_asked_again() {
    for (script, limits, raised) in [
        (
            WIDE,
            Limits { agents: 4, ..Limits::default() },
            LimitChanges { agents: Some(9), ..LimitChanges::default() },
        ),
        (
            LOOP,
            Limits { fuel: 40_000_000, ..Limits::default() },
            LimitChanges { fuel: Some(100_000_000_000), ..LimitChanges::default() },
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let go = Arc::new(Notify::new());
        let (asked, agent) = agent(&go);
        let bench = Bench::new(dir.path(), vec![agent]);
        let request = RunSpec { limits, ..bench.request(script) };
        let (report, said) =
            stopped(&bench, request, CancellationToken::new(), move || go.notify_one()).await;
        assert_eq!(report.state, RunState::Paused);
        assert_eq!(said, [1]);
        let entries = bench.entries(&report.run_id);
        let kept = entries
            .iter()
            .any(|entry| matches!(&entry.body, Body::AgentAnswered { step, .. } if step.0 == 1));
        assert!(kept, "its answer is kept");
        let done = bench.resume(&report.run_id, raised).await.unwrap();
        assert!(done.result.get().starts_with("[\"slow\""), "{}", done.result.get());
        let slow = asked.lock().unwrap().iter().filter(|prompt| *prompt == "slow").count();
        assert_eq!(slow, 1, "no agent is asked a second time");
    }
}

#[tokio::test]
async fn a_cancel_ends_the_wait_for_agents() {
    let dir = tempfile::tempdir().unwrap();
    let go = Arc::new(Notify::new());
    let (_, agent) = agent(&go);
    let bench = Bench::new(dir.path(), vec![agent]);
    let limits = Limits { agents: 4, ..Limits::default() };
    let request = RunSpec { limits, ..bench.request(WIDE) };
    let cancel = CancellationToken::new();
    let (report, _) = stopped(&bench, request, cancel.clone(), move || cancel.cancel()).await;
    assert_eq!(report.state, RunState::Cancelled);
}
