//! Timers, end to end: they wait, they are raced, they survive a pause.

mod common;

use common::{Place, journal};
use serde_json::json;

const META: &str = "export const meta = { name: 't', description: 'd' }\n";

fn kinds(place: &Place, run: &str, kind: &str) -> usize {
    journal(&place.db(), run).iter().filter(|entry| entry["kind"] == kind).count()
}

#[test]
fn a_race_against_a_timer_ends_and_replays() {
    let place = Place::new();
    let script = "return await Promise.race([agent('slow').then(() => 'agent'), new Promise(r => setTimeout(() => r('timeout'), 50))])";
    let flags = ["--debug-rule", "*=delay:1h"];
    let ran = place.script(&format!("{META}{script}\n"), &flags);
    let report = ran.ok();
    assert_eq!(report["results"], "timeout");
    assert_eq!(report["agents"]["called"], 1);
    assert_eq!(report["warnings"][0]["code"], "not_awaited");
    assert!(
        ran.stderr.contains("step 1 was still at work when the script ended"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.run(&["replay", &ran.run_id()]).code, 0);
    assert_eq!(kinds(&place, &ran.run_id(), "timer_fired"), 1);
}

#[test]
fn a_finished_script_waits_for_no_timer_and_a_timer_for_no_clock() {
    let place = Place::new();
    let script = "setTimeout(() => log('late'), 3600000); const order = []\n\
        for (const [name, ms] of [['c', 30], ['a', 10], ['b', 10]]) setTimeout(() => order.push(name), ms)\n\
        await new Promise(r => setTimeout(r, 60)); return order";
    let ran = place.script(&format!("{META}{script}\n"), &[]);
    assert_eq!(ran.ok()["results"], json!(["a", "b", "c"]));
    assert!(!ran.stderr.contains("late"), "{}", ran.stderr);
    assert_eq!(ran.ok().get("abandoned"), None);
}

#[test]
fn a_resumed_run_has_left_of_a_timer_what_it_had() {
    let place = Place::new();
    // The second agent is one too many, so the run pauses with its timer open.
    let script = "const t = new Promise(r => setTimeout(() => r('timer'), 60000))\n\
        await agent('one'); await agent('two'); return await Promise.race([agent('three'), t])";
    let ran = place.script(&format!("{META}{script}\n"), &["--max-agents", "1"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let resumed = place.run(&["resume", &ran.run_id(), "--max-agents", "9"]);
    assert_eq!(resumed.ok()["results"], "echo: three");
    assert_eq!(kinds(&place, &ran.run_id(), "timer_set"), 1);
    assert_eq!(kinds(&place, &ran.run_id(), "timer_fired"), 0);
    assert_eq!(place.run(&["replay", &ran.run_id()]).code, 0);
}

#[test]
fn ten_thousand_timers_are_set_and_cleared_in_linear_time() {
    let place = Place::new();
    let time = |count: u32| {
        let script = format!(
            "const ids = []; for (let i = 0; i < {count}; i++) ids.push(setTimeout(() => {{}}, 1e9 - i))\n\
             for (const id of ids) clearTimeout(id)\nreturn await agent('x')"
        );
        let started = std::time::Instant::now();
        place.script(&format!("{META}{script}\n"), &[]).ok();
        started.elapsed()
    };
    time(10);
    let (small, large) = (time(1_000), time(10_000));
    // Ten times as many: a square would be a hundred times as long.
    assert!(large < small * 40, "{small:?} for 1,000 and {large:?} for 10,000");
}
