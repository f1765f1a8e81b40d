//! The same input costs the same fuel and gives the same results.

mod common;

use common::*;
use smol_wf_core::guest::{Outcome, Status};
use smol_wf_core::ids::StepId;
use smol_wf_sandbox::{Sandbox, SandboxConfig, TurnLimits};

const WORK: &str = "
    const seen = new Map();
    for (let i = 0; i < 20000; i++) seen.set('k' + (i * 7919) % 5003, Math.random());
    const a = await agent('one');
    const all = await parallel([1, 2, 3].map(n => () => agent('p' + n)));
    return [a, all, [...seen.values()].sort().slice(0, 5), Date.now()]";

#[tokio::test]
async fn fuel_is_the_same_in_every_instance_thread_and_yield_interval() {
    let shared = sandbox();
    let expected = run(&shared, &body(WORK)).await;
    for yield_fuel in [5_000, 1_000_000, u64::MAX] {
        let config = SandboxConfig { yield_fuel, ..SandboxConfig::new(4) };
        let sandbox = Sandbox::new(config).unwrap();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let sandbox = sandbox.clone();
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(async { run(&sandbox, &body(WORK)).await })
                })
            })
            .collect();
        for thread in threads {
            let ran = thread.join().unwrap();
            assert_eq!(ran.done(), expected.done());
            assert_eq!(ran.fuel, expected.fuel, "yield {yield_fuel}");
        }
    }
    for _ in 0..3 {
        assert_eq!(run(&shared, &body(WORK)).await.fuel, expected.fuel);
    }
}

#[tokio::test]
async fn the_clock_starts_at_the_delivery_and_moves_a_millisecond_a_read() {
    let sandbox = sandbox();
    let mut one = guest(&sandbox).await;
    let script = body(
        "const a = [Date.now(), Date.now(), Date.now()]; await agent('x'); const b = [Date.now(), Date.now()]; await agent('y'); return [a, b, Date.now()]",
    );
    let at = |now_us| TurnLimits { fuel: FUEL, now_us };
    let turn = one.start(Recorder::default(), at(1_000_000_000), &script).await;
    let value = Outcome::Value("1".into());
    let turn = one.settle(turn.host, at(5_000_000_000), StepId(1), &value).await;
    // The script's clock does not go back if the host's clock was set back.
    let turn = one.settle(turn.host, at(7), StepId(2), &value).await;
    let expected = "[[1000000,1000001,1000002],[5000000,5000001],5000002]";
    assert_eq!(turn.end, Ok(Status::Done(expected.into())));
}

#[tokio::test]
async fn one_seed_gives_one_sequence() {
    let sandbox = sandbox();
    let draw = async |seed| {
        let mut input = body("return Array.from({length: 20}, () => Math.random())");
        input.seed = seed;
        run(&sandbox, &input).await.done().to_owned()
    };
    assert_eq!(draw(1).await, draw(1).await);
    assert_ne!(draw(1).await, draw(2).await);
}

#[tokio::test]
async fn the_surroundings_of_the_process_are_invisible() {
    let script = body(
        "return [new Date(0).getTimezoneOffset(), new Date(0).toString(), typeof process, typeof require, typeof performance, typeof WeakRef]",
    );
    let ran = run(&sandbox(), &script).await;
    assert!(ran.done().starts_with("[0,\"Thu Jan 01 1970 00:00:00"), "{}", ran.done());
    assert!(ran.done().ends_with("\"undefined\",\"undefined\",\"undefined\",\"undefined\"]"));
}
