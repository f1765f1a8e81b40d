//! What a run used, as each command tells it: the report, `history`, the list
//! and the sums agree, also about steps that were parked or tried again.

mod common;

use common::{Place, journal, snapshot};
use serde_json::{Value, json};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

fn total(rows: &Value) -> u64 {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row["tokenUsage"]["totalTokens"].as_u64().unwrap()).sum()
}

/// Checks that all commands tell of the same tokens, and returns the details.
#[track_caller]
fn agree(place: &Place, run: &str) -> Value {
    let shown = place.run(&["history", run, "-o", "json"]).ok();
    let tokens = shown["tokenUsage"]["totalTokens"].as_u64().unwrap();
    let details = &shown["details"];
    for table in ["byPhase", "byModel", "byProvider"] {
        assert_eq!(total(&details["usage"][table]), tokens, "{table}");
    }
    assert_eq!(total(&details["steps"]), tokens, "steps");
    let listed = place.run(&["history", "-o", "json", "--limit", "1"]).ok();
    assert_eq!(listed["runs"][0]["runId"], run);
    assert_eq!(listed["runs"][0]["tokenUsage"], shown["tokenUsage"], "list");
    assert_eq!(listed["runs"][0]["costUsd"], shown["costUsd"], "list");
    for by in ["model", "workflow", "day", "provider"] {
        let usage = place.run(&["history", "usage", "--by", by, "-o", "json"]).ok();
        assert_eq!(usage["total"]["tokenUsage"], shown["tokenUsage"], "{by}");
        assert_eq!(usage["total"]["agents"], shown["agents"]["completed"], "{by}");
    }
    details.clone()
}

#[test]
fn what_a_parked_step_used_counts_in_every_sum() {
    let place = Place::new();
    let body = "phase('P')\nreturn parallel(['a', 'b'].map(name => () => agent(name)))\n";
    // The rule holds in each process once: parked, and answered when resumed.
    let rule = "prompt:b=fail:quota,tokens:50,cost:0.5,times:1";
    let paused = place.script(&format!("{META}{body}"), &["--debug-rule", rule]);
    paused.fails(5, &["[provider_quota]"]);
    let run = paused.run_id();
    let details = agree(&place, &run);
    let parked = &details["steps"][1];
    assert_eq!((&parked["state"], &parked["parked"]), (&json!("queued"), &json!(1)));
    assert_eq!(parked["error"]["code"], "provider_quota");
    assert_eq!((&parked["costUsd"], &parked["costSource"]), (&json!(0.5), &json!("provider")));
    snapshot!(place.run(&["history", &run, "-o", "text"]).stdout, "history-run-parked");

    // Parked twice, both times count.
    snapshot!(place.run(&["resume", &run]).said(5), @"
    run run_1 (resumed) in /folder
    agents: debug, which echoes prompts: nothing is sent to a model
    [agent] b
    [agent] b: waits for a resume: debug: failed (quota) because a debug rule says so
    error: debug: failed (quota) because a debug rule says so [provider_quota]
    resume: smol-wf resume run_1
    ");
    let details = agree(&place, &run);
    assert_eq!(
        (&details["steps"][1]["parked"], &details["steps"][1]["costUsd"]),
        (&json!(2), &json!(1.0))
    );
    // A fork asks again, and is charged for that alone.
    let fork = place.run(&["fork", &run, "--debug-rule", "*=delay:1ms"]);
    assert_eq!(fork.ok()["results"], json!(["echo: a", "echo: b"]));
    let shown = place.run(&["history", &fork.run_id(), "-o", "json"]).ok();
    assert_eq!(shown["details"]["steps"][1]["parked"], Value::Null);
    for run in [run, fork.run_id()] {
        assert_eq!(place.run(&["replay", &run]).ok()["equal"], true);
    }
}

#[test]
fn a_step_says_how_often_it_was_tried_and_who_named_its_price() {
    let place = Place::new();
    let body = "return agent('p', { retry: { maxAttempts: 3, backoffMs: 1 } })\n";
    let rule = "*=fail:cut_stream,times:2,tokens:5";
    let ran = place.script(&format!("{META}{body}"), &["--debug-rule", rule]);
    ran.ok();
    let details = agree(&place, &ran.run_id());
    let step = &details["steps"][0];
    assert_eq!((&step["attempts"], &step["rounds"]), (&json!(3), &json!(1)));
    let place = Place::new();
    place.write(
        "prices.json",
        r#"{"version":"mine","models":[{"model":"debug","input":0,"output":100}]}"#,
    );
    let args = ["--debug-rule", "*=cost:unknown,tokens:10000", "--prices", "prices.json"];
    let ran = place.script(&format!("{META}return agent('p')\n"), &args);
    ran.ok();
    let details = agree(&place, &ran.run_id());
    assert_eq!(details["steps"][0]["costSource"], "prices:mine");
    // An estimate is marked.
    snapshot!(place.run(&["history", "latest", "-o", "text"]).stdout, "history-run-estimate");
    // A try at a price that nobody knows, and one that says what it cost.
    let rule = ["--debug-rule", "*=fail:cut_stream,times:1,cost:unknown,tokens:10000"];
    let ran = place.script(&format!("{META}{body}"), &[&rule[..], &args[2..]].concat());
    ran.ok();
    let entries = journal(&place.db(), &ran.run_id());
    let settled = entries.iter().find(|entry| entry["kind"] == "settled").unwrap();
    assert_eq!(settled["reply"]["costSource"], "prices:mine", "{settled}");
}
