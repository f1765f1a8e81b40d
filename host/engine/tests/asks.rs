//! Permissions that agents were refused, and the provider or vendor in a model's selector.

mod common;

use std::sync::{Arc, Mutex};

use common::{Bench, Scripted, reply};
use serde_json::json;
use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::event::{EventData, EventFold};
use smol_wf_engine::RunState;
use smol_wf_engine::providers::{Capabilities, ProviderError, ProviderErrorKind};

#[tokio::test]
async fn refused_permissions_are_counted_with_the_line_that_allows_them() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Scripted::new(|task, activity| {
        let fails = task.prompt == "fail";
        for _ in 0..2 {
            activity.refused(RefusedAsk::once("read .env", Some("`a rule` in its file".into())));
        }
        activity.refused(RefusedAsk::once("bash touch x", None));
        Box::pin(async move {
            match fails {
                true => Err(ProviderError::new("agent", ProviderErrorKind::PermissionDenied, "no")),
                false => Ok(reply("done", 1)),
            }
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let body = "await agent('ask', { label: 'asker' }); \
                await agent('fail').catch(() => null); return 1";
    let report = bench.run(bench.request(body)).await;
    assert_eq!(report.state, RunState::Completed);
    let asks = serde_json::to_value(&report.asks).unwrap();
    assert_eq!((&asks["refused"], &asks["allow"]), (&json!(6), &json!("--asks allow")));
    let first = json!({"step": 1, "label": "asker", "provider": "agent", "asks": [
        {"what": "read .env", "allow": "`a rule` in its file", "times": 2},
        {"what": "bash touch x", "times": 1},
    ]});
    assert_eq!((&asks["steps"][0], asks["steps"].as_array().unwrap().len()), (&first, 2));

    let mut fold = EventFold::new();
    let entries = bench.entries(&report.run_id);
    let events: Vec<_> = entries.iter().flat_map(|entry| fold.after(entry)).collect();
    let said = events.iter().find_map(|event| match &event.data {
        EventData::Warning(warning) => Some(&warning.message),
        _ => None,
    });
    let said = said.unwrap();
    for part in [
        "asker (call 1)",
        "read .env (2 times), bash touch x",
        "`a rule` in its file, or --asks allow",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let done = events.iter().find_map(|event| match &event.data {
        EventData::AgentCompleted(done) => Some(&done.agent),
        _ => None,
    });
    assert_eq!(done.unwrap().asks[0].times, 2);
}

#[tokio::test]
async fn a_run_without_refused_permissions_reports_none() {
    let dir = tempfile::tempdir().unwrap();
    let agent = Scripted::new(|_, _| Box::pin(async { Ok(reply("x", 1)) }));
    let bench = Bench::new(dir.path(), vec![agent]);
    let report = bench.run(bench.request("return agent('hi')")).await;
    assert!(serde_json::to_value(&report).unwrap().get("asks").is_none());
}

/// An agent that keeps the models that it is asked for.
fn keeps(name: &'static str, vendors: bool) -> (Scripted, Arc<Mutex<Vec<String>>>) {
    let models = Arc::new(Mutex::new(Vec::new()));
    let kept = models.clone();
    let agent = Scripted::new(move |task, _| {
        kept.lock().unwrap().push(task.model.unwrap_or_default());
        Box::pin(async { Ok(reply("x", 1)) })
    });
    let can = Capabilities { models: true, vendors, effort: true, ..Capabilities::default() };
    (Scripted { name, can, ..agent }, models)
}

#[tokio::test]
async fn an_unknown_provider_is_the_models_vendor_if_the_agent_takes_vendors() {
    let dir = tempfile::tempdir().unwrap();
    let ((pi, models), (other, _)) = (keeps("agent", true), keeps("other", false));
    let bench = Bench::new(dir.path(), vec![pi, other]);
    let body = "return [await agent('a', { model: 'deep' }), \
                await agent('b', { model: 'vendor/m?provider=vendor' }), \
                await agent('c', { model: 'm?provider=other' })].length";
    let mut request = bench.request(body);
    let selector = "gpt-5.5?provider=github-copilot&thinking=medium";
    request.model_map = vec![("deep".into(), selector.into())];
    let report = bench.run(request).await;
    assert_eq!(report.state, RunState::Completed, "{:?}", report.error);
    assert_eq!(*models.lock().unwrap(), ["github-copilot/gpt-5.5", "vendor/m"]);
    let providers: Vec<_> = report.usage.by_provider.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(providers, ["agent", "other"]);

    let mut fold = EventFold::new();
    let entries = bench.entries(&report.run_id);
    let events: Vec<_> = entries.iter().flat_map(|entry| fold.after(entry)).collect();
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.data {
            EventData::AgentStarted(agent) => {
                Some((event.metadata.provider.as_deref().unwrap(), agent.vendor.as_deref()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [("agent", Some("github-copilot")), ("agent", Some("vendor")), ("other", None)]
    );
    assert!(
        events.iter().all(|event| event.metadata.provider.as_deref() != Some("github-copilot"))
    );

    // If the agent takes no vendors, or the option `provider` has the name, the provider is
    // unknown.
    for (provider, option) in [
        ("other", "model: 'm?provider=github-copilot'"),
        ("agent", "provider: 'github-copilot', model: 'm'"),
    ] {
        let mut request = bench.request(&format!("return agent('a', {{ {option} }})"));
        request.provider = provider.into();
        let error = bench.run(request).await.error.unwrap();
        assert_eq!(error.code, "provider_unknown", "{option}");
        let hint = error.message.contains("--agent-provider agent");
        assert_eq!(hint, provider == "other", "{}", error.message);
    }
}

#[tokio::test]
async fn a_vendor_belongs_to_the_provider_of_the_step_or_its_phase() {
    let dir = tempfile::tempdir().unwrap();
    let ((pi, models), (other, of_other)) = (keeps("agent", true), keeps("other", false));
    let bench = Bench::new(dir.path(), vec![pi, other]);
    let script = "export const meta = { name: 'm', description: 'd', phases: [\
                  { title: 'of phase', provider: 'agent' }, \
                  { title: 'whole', provider: 'agent', model: 'w?provider=vendor' }] };\n\
                  export default async () => [\
                  await agent('a', { phase: 'of phase', model: 'm?provider=vendor' }), \
                  await agent('b', { phase: 'of phase', model: 'm?provider=other' }), \
                  await agent('c', { phase: 'whole' }), \
                  await agent('d', { provider: 'agent', model: 'm?provider=vendor' }), \
                  await agent('e', { provider: 'other', model: 'm' })].length;";
    let mut request = bench.request("");
    request.script.bytes = script.as_bytes().to_vec();
    request.provider = "other".into();
    let report = bench.run(request).await;
    assert_eq!(report.state, RunState::Completed, "{:?}", report.error);
    assert_eq!(*models.lock().unwrap(), ["vendor/m", "vendor/w", "vendor/m"]);
    assert_eq!(*of_other.lock().unwrap(), ["m", "m"]);
}
