//! The usage of an agent that was ended before it had answered.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::{Bench, Scripted, reply};
use smol_wf_core::step_request::Usage;
use smol_wf_engine::RunState;
use smol_wf_providers::RoundSpend;

fn spent(input_tokens: u64) -> RoundSpend {
    let usage = Usage { input_tokens, ..Usage::default() };
    RoundSpend { usage, cost_usd: Some(0.25), ..RoundSpend::default() }
}

#[tokio::test]
async fn the_reported_usage_of_a_cut_attempt_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    // The first attempt reports its usage twice, and is silent then.
    let attempts = AtomicU32::new(0);
    let agent = Scripted::new(move |_, activity| {
        let is_first = attempts.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first {
            activity.used(&spent(100));
            activity.used(&spent(188));
        }
        Box::pin(async move {
            if is_first {
                std::future::pending::<()>().await;
            }
            Ok(reply("there", 1))
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let mut request = bench.request("return agent('p')");
    request.settings.agents.idle_timeout = Duration::from_millis(50);
    let report = bench.run(request).await;
    assert_eq!(report.state, RunState::Completed, "{:?}", report.error);
    let used = report.token_usage;
    assert_eq!((used.input_tokens, used.output_tokens), (188, 1));
}
