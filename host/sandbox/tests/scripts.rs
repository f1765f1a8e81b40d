//! Scripts of both dialects, from start to result.

mod common;

use common::*;
use smol_wf_core::guest::{Dialect, Failure, Outcome, Status, StopTurn};
use smol_wf_core::ids::StepId;
use smol_wf_core::limits::{LimitError, RESULT_BYTES_MAX};
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{
    InstanceLimits, Sandbox, SandboxConfig, SandboxError, TurnFault, TurnLimits,
};

#[tokio::test]
async fn hello_in_both_dialects() {
    let sandbox = sandbox();
    let ran = run(&sandbox, &body("log('x'); return await agent('hi')")).await;
    assert_eq!(ran.done(), "\"got hi\"");
    assert_eq!(ran.host.lines, ["x"]);
    assert_eq!(ran.fuel.len(), 2);
    let ran = run(&sandbox, &module("export default async () => await agent('hi')")).await;
    assert_eq!(ran.done(), "\"got hi\"");
    let ran = run(&sandbox, &body("const x = 1")).await;
    assert_eq!(ran.done(), "", "undefined");
}

#[tokio::test]
async fn inspection_tells_the_dialects_apart() {
    let sandbox = sandbox();
    let text = |rest: &str| source(&format!("{META}{rest}"));
    let inspect = async |rest: &str| sandbox.inspect(&text(rest), Surface::CURRENT).await.unwrap();
    assert_eq!(inspect("return 1").await, Ok(Dialect::Body));
    assert_eq!(inspect("export default 1").await, Ok(Dialect::Module));
    let error = inspect("return )").await.unwrap_err();
    assert_eq!((error.code.as_str(), error.line), ("syntax", 2));
}

#[tokio::test]
async fn ten_thousand_steps_in_a_row_and_at_once() {
    let sandbox = sandbox();
    let row = "let n = 0; for (let i = 0; i < 10000; i++) { await agent('p' + i); n++ } return n";
    let ran = run(&sandbox, &body(row)).await;
    assert_eq!(ran.done(), "10000");
    assert_eq!(ran.fuel.len(), 10_001);
    let all = "const r = await parallel(Array.from({length: 10000}, (_, i) => () => agent('p' + i))); return r.filter(x => x !== null).length";
    let ran = run(&sandbox, &body(all)).await;
    assert_eq!(ran.done(), "10000");
}

#[tokio::test]
async fn a_refused_call_can_be_caught_and_an_outcome_can_fail() {
    let sandbox = sandbox();
    let script =
        body("try { return await agent('a') } catch (e) { return e.code + ': ' + e.message }");
    let failure = Failure::new("call_invalid", "not like this");
    let mut one = guest(&sandbox).await;
    let host = Recorder { refuse: Some(failure.clone()), ..Recorder::default() };
    let turn = one.start(host, limits(), &script).await;
    assert_eq!(turn.end, Ok(Status::Done("\"call_invalid: not like this\"".into())));

    let mut two = guest(&sandbox).await;
    let turn = two.start(Recorder::default(), limits(), &script).await;
    let turn = two.settle(turn.host, limits(), StepId(1), &Outcome::Failed(failure)).await;
    assert_eq!(turn.end, Ok(Status::Done("\"call_invalid: not like this\"".into())));
}

#[tokio::test]
async fn the_host_stops_a_turn_and_is_given_back_with_what_it_saw() {
    let sandbox = sandbox();
    let mut one = guest(&sandbox).await;
    let stop = StopTurn::Limit(LimitError::Agents { limit: 2, started: 2, asked: 1 });
    let host = Recorder { stop_at: Some((3, stop.clone())), ..Recorder::default() };
    let script = body(
        "for (let i = 0; i < 9; i++) { try { agent('p' + i).catch(() => 0) } catch {} } log('not reached'); return 1",
    );
    let turn = one.start(host, limits(), &script).await;
    assert_eq!(turn.end, Err(TurnFault::Stopped(stop)));
    assert_eq!(turn.host.steps.len(), 2);
    assert!(turn.host.lines.is_empty());
    assert!(turn.fuel > 0);

    let turn = one.settle(turn.host, limits(), StepId(1), &Outcome::Value("1".into())).await;
    assert_eq!(turn.end, Err(TurnFault::Spent));
    assert_eq!(turn.host.steps.len(), 2);
    assert!(one.is_spent());
}

#[tokio::test]
async fn a_turn_that_is_dropped_midway_spends_its_guest() {
    let sandbox =
        Sandbox::new(SandboxConfig { yield_fuel: 10_000, ..SandboxConfig::new(1) }).unwrap();
    let mut one = guest(&sandbox).await;
    let script = body("for (;;) {}");
    let turn = one.start(Recorder::default(), limits(), &script);
    tokio::time::timeout(std::time::Duration::from_millis(20), turn).await.unwrap_err();
    assert!(one.is_spent());
    // Its fuel is known up to the last time that it yielded.
    let used = one.fuel_so_far();
    assert!(used >= 10_000 && used.is_multiple_of(10_000), "{used}");
    // Its slot, the only one of the sandbox, is free again.
    assert_healthy(&sandbox).await;
    let turn = one.start(Recorder::default(), limits(), &script).await;
    assert_eq!(turn.end, Err(TurnFault::Spent));
}

#[tokio::test]
async fn a_full_sandbox_says_so_with_a_pool_and_without() {
    for config in [SandboxConfig::new(2), SandboxConfig::pooled(2)] {
        let sandbox = Sandbox::new(config).unwrap();
        let held = (guest(&sandbox).await, guest(&sandbox).await);
        let error = sandbox.instance(InstanceLimits { memory_mib: 64 }).await.err().unwrap();
        assert_eq!(error, SandboxError::Full { instances_max: 2 });
        drop(held);
        assert_healthy(&sandbox).await;
    }
}

#[tokio::test]
async fn an_instance_needs_some_memory() {
    let error = sandbox().instance(InstanceLimits { memory_mib: 0 }).await.err().unwrap();
    assert!(error.to_string().contains("0 MiB"), "{error}");
}

#[tokio::test]
async fn a_result_has_a_largest_size() {
    let sandbox = sandbox();
    let limit = RESULT_BYTES_MAX;
    let ran = run(&sandbox, &body(&format!("return 'x'.repeat({limit} - 2)"))).await;
    assert_eq!(ran.done().len(), limit);
    let ran = run(&sandbox, &body(&format!("return 'x'.repeat({limit} - 1)"))).await;
    let stop = StopTurn::Limit(LimitError::Result { bytes: limit + 1, limit });
    assert_eq!(ran.end, Err(TurnFault::Stopped(stop)));
}

#[tokio::test]
async fn a_value_far_beyond_every_limit_ends_the_turn_with_a_fault_of_its_own() {
    let sandbox = sandbox();
    let ran = run(&sandbox, &body("return 'x'.repeat(49 * 2 ** 20)")).await;
    assert_eq!(ran.end, Err(TurnFault::Oversize));
    // Only as much of a prompt is passed on as the host needs to refuse it.
    let ran = run(&sandbox, &body("await agent('x'.repeat(17 * 2 ** 20))")).await;
    assert_eq!(ran.end, Ok(Status::Done(String::new())));
    assert_eq!(ran.host.steps[0].1.len(), 5 * 1024 * 1024);
    assert_healthy(&sandbox).await;
}

#[tokio::test]
async fn positions_of_unsettled_promises_are_named() {
    let sandbox = sandbox();
    let mut one = guest(&sandbox).await;
    let mut script = body("await new Promise(() => {})");
    script.diagnose = true;
    let turn = one.start(Recorder::default(), limits(), &script).await;
    assert_eq!(turn.end, Ok(Status::Pending));
    let (_, places) = one.unsettled(turn.host, limits()).await;
    assert!(places.iter().any(|place| place.starts_with("2:")), "{places:?}");
}

#[tokio::test]
async fn no_fuel_is_a_fault_and_not_a_panic() {
    let sandbox = sandbox();
    for fuel in [0, 1, 1_000, 20_000] {
        let mut one = guest(&sandbox).await;
        let limits = TurnLimits { fuel, now_us: NOW_US };
        let turn = one.start(Recorder::default(), limits, &body("return 1")).await;
        assert_eq!(turn.end, Err(TurnFault::OutOfFuel), "{fuel}");
        assert!(turn.fuel <= fuel);
    }
}
