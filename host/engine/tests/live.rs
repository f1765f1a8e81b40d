//! Activities of agents are noticed and journaled while the agents work.

mod common;

use std::sync::{Arc, Mutex};

use common::{Bench, Scripted, reply};
use smol_wf_core::details::{Details, StepState};
use smol_wf_core::event::{Event, EventData, EventKind};
use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::journal::{Body, read};
use smol_wf_engine::providers::AgentActivity;
use smol_wf_engine::{Journals, LimitChanges, MemoryStore, Notice, Recording, Watcher};
use smol_wf_store::RunKey;
use tokio::sync::Notify;

/// Lets the agent answer once its tool and its session are in the store.
struct Impatient {
    store: MemoryStore,
    seen: Arc<Notify>,
    run: Mutex<Option<RunId>>,
    heard: Recording,
}

impl Impatient {
    fn stored(&self) -> Vec<Body> {
        let run = self.run.lock().unwrap().clone().unwrap();
        let key = RunKey { tenant: TenantId::local(), run };
        let records = self.store.clone().load(&key).unwrap().unwrap();
        read(&records).unwrap().into_iter().map(|entry| entry.body).collect()
    }
}

impl Watcher for Impatient {
    fn notice(&self, notice: Notice<'_>) {
        self.heard.notice(notice);
        let event = match notice {
            Notice::RunKnown { run, .. } => {
                *self.run.lock().unwrap() = Some(run.clone());
                return;
            }
            Notice::Event { event, .. } | Notice::Activity(event) => event,
            _ => return,
        };
        if matches!(&event.data, EventData::AgentEvent { kind, .. } if kind == "tool") {
            let stored = self.stored();
            let has = |kind| stored.iter().any(|body| body.kind() == kind);
            assert!(has("agent_activity") && has("agent_session") && !has("settled"));
            self.seen.notify_one();
        }
    }
}

#[tokio::test]
async fn a_tool_and_a_session_are_in_the_database_while_the_agent_works() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Notify::new());
    let wait = seen.clone();
    let agent = Scripted::new(move |_, activity| {
        let wait = wait.clone();
        Box::pin(async move {
            activity.session("ses-1");
            activity.session("ses-1");
            activity.note(AgentActivity::Text { text: "a piece".into() });
            let detail = Some("npm test".to_owned());
            activity.note(AgentActivity::Tool { name: "bash".into(), detail });
            // Within the same second: noticed, but not journaled.
            activity.note(AgentActivity::Tool { name: "read".into(), detail: None });
            wait.notified().await;
            Ok(reply("done", 1))
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let (run, heard) = (Mutex::default(), Recording::default());
    let watcher = Arc::new(Impatient { store: bench.store.clone(), seen, run, heard });
    let report = bench.watched(bench.request("return agent('p')"), watcher.clone()).await;
    assert_eq!(report.result.get(), "\"done\"");

    let kinds = bench.kinds(&report.run_id);
    let count = |kind| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!((count("agent_session"), count("agent_activity")), (1, 1));
    let heard = watcher.heard.events();
    let lines: Vec<_> = heard
        .iter()
        .filter_map(|(event, _)| match &event.data {
            EventData::AgentEvent { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    // Events that are stored have numbers without gaps; fleeting ones repeat one.
    let mut last = 0;
    for (event, _) in &heard {
        let is_fleeting = event.kind() == EventKind::AgentEvent && event.seq == last;
        assert!(is_fleeting || event.seq == last + 1, "{event:?}");
        last = event.seq;
    }
    let is_of_tool = |event: &Event| matches!(&event.data, EventData::AgentEvent { text, .. } if text == "bash npm test");
    let of_tool = heard.iter().find(|(event, _)| is_of_tool(event)).unwrap();
    assert_eq!(of_tool.0.metadata.session_id.as_deref(), Some("ses-1"));

    // The session is visible while the agent works: the journal up to that point.
    let entries = bench.entries(&report.run_id);
    let named = entries.iter().position(|entry| entry.body.kind() == "agent_session").unwrap();
    let details = Details::fold(&entries[..=named], true).unwrap();
    let step = &details.steps[0];
    assert_eq!((step.state, step.session_id), (StepState::Running, Some("ses-1")));

    // A replay ignores these entries.
    let again = bench.resume(&report.run_id, LimitChanges::default()).await.unwrap();
    assert_eq!(again.result.get(), "\"done\"");
}

/// Keeps all warnings.
#[derive(Default)]
struct Warned(Mutex<Vec<String>>);

impl Watcher for Warned {
    fn notice(&self, notice: Notice<'_>) {
        if let Notice::Warning(message) = notice {
            self.0.lock().unwrap().push(message.to_owned());
        }
    }
}

fn talkative() -> Scripted {
    Scripted::new(|task, _| {
        Box::pin(async move {
            let raw = task.raw.clone().unwrap();
            raw.line(None, "early");
            raw.line(Some("../s/1"), "{\"n\":1}");
            raw.line(Some("../s/1"), "{\"n\":2}");
            Ok(reply("x", 1))
        })
    })
}

#[tokio::test]
async fn raw_sessions_are_files_of_their_owner() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), vec![talkative()]);
    let mut request = bench.request("return agent('p')");
    request.settings.agents.raw_sessions = Some(dir.path().join("raw"));
    bench.run(request).await;
    let file = dir.path().join("raw/agent/_.._s_1.jsonl");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "early\n{\"n\":1}\n{\"n\":2}\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn raw_sessions_that_cannot_be_saved_give_one_warning_and_stop_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), vec![talkative()]);
    std::fs::write(dir.path().join("raw"), "a file").unwrap();
    let mut request = bench.request("await agent('p'); await agent('q'); return 1");
    request.settings.agents.raw_sessions = Some(dir.path().join("raw"));
    let warned = Arc::new(Warned::default());
    let report = bench.watched(request, warned.clone()).await;
    assert_eq!(report.result.get(), "1");
    let warnings = warned.0.lock().unwrap().clone();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("cannot save raw sessions in"), "{warnings:?}");
}

#[tokio::test]
async fn a_step_that_a_defect_breaks_is_reported_and_the_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Scripted::new(|task, _| {
        Box::pin(async move {
            assert_ne!(task.prompt, "break", "as a defect would");
            Ok(reply(&task.prompt, 1))
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let script = "const code = await agent('break').catch(error => error.code)\n\
        return [code, await agent('next')]";
    let report = bench.run(bench.request(script)).await;
    assert_eq!(report.result.get(), "[\"internal_error\",\"next\"]");
}
