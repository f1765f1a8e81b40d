//! `smol-wf plan`: what a script would do, before anyone is asked.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test or a benchmark may stop where it stands"
)]

mod common;

use common::{Place, Ran, finish, project};
use serde_json::json;

const META: &str = "export const meta = { name: 'a', description: 'b', phases: ['P'] }\n";

fn plan(place: &Place, text: &str, args: &[&str]) -> Ran {
    place.write("script.js", text);
    let all: Vec<&str> = ["plan", "script.js", "--json"].iter().chain(args).copied().collect();
    place.run(&all)
}

#[test]
fn every_prompt_phase_and_fan_out_is_in_the_plan() {
    let text = format!(
        "{META}
        const SCHEMA = {{ type: 'object', properties: {{ n: {{ type: 'integer' }} }}, required: ['n'] }}
        phase('P')
        const first = await agent('first', {{ label: 'one', schema: SCHEMA, model: 'haiku', effort: 'low' }})
        const xs = await parallel(args.items.map(i => () => agent('item ' + i, {{ isolation: 'worktree' }})))
        const ys = await pipeline([1, 2], i => agent('a' + i), (_, i) => agent('b' + i))
        return first.n
        "
    );
    let place = Place::new();
    let report = plan(&place, &text, &["--args-items", "[1,2,3]"]).ok();
    assert_eq!(report["agents"], 8);
    assert_eq!(report["completed"], true);
    assert_eq!(report["phases"][0]["title"], "P");
    assert_eq!(report["phases"][0]["agents"], 8);
    assert_eq!(report["models"], json!(["haiku"]));
    assert_eq!(report["capabilities"], json!(["agent", "effort", "model", "schema", "worktree"]));
    let prompts: Vec<&str> = report["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["prompt"].as_str().unwrap())
        .collect();
    assert_eq!(prompts, ["first", "item 1", "item 2", "item 3", "a1", "a2", "b1", "b2"]);
    let groups = report["groups"].as_array().unwrap();
    let of = |kind: &str, fan_out: u64, agents: u64| {
        groups.iter().any(|group| {
            group["kind"] == kind && group["fanOut"] == fan_out && group["agents"] == agents
        })
    };
    assert!(groups.len() == 2 && of("parallel", 3, 3) && of("pipeline", 2, 4), "{groups:?}");
    // Nothing is kept.
    assert!(!place.db().exists());
}

#[test]
fn children_are_planned_and_sleeps_skipped() {
    let place = Place::new();
    place.write(
        "child.mjs",
        "export const meta = { name: 'c', description: 'd' }\nexport default ({ n }) => agent('child ' + n)\n",
    );
    let text = format!(
        "{META}await SW.sleep(86400000)\nreturn parallel([1, 2].map(n => () => workflow({{ scriptPath: './child.mjs' }}, {{ n }})))\n"
    );
    let report = plan(&place, &text, &[]).ok();
    assert_eq!(report["children"], json!(["child.mjs"]));
    assert_eq!(report["sleepMs"], 86_400_000.0);
    assert_eq!(report["calls"][1]["script"], "child.mjs");
    assert_eq!(report["capabilities"], json!(["agent", "sleep", "workflow"]));
}

#[test]
fn a_script_that_fails_still_has_a_plan() {
    let place = Place::new();
    let text = format!("{META}await agent('one')\nthrow new Error('not this answer')\n");
    let ran = plan(&place, &text, &[]);
    ran.fails(1, &["not this answer"]);
    let report = ran.report();
    assert_eq!(report["agents"], 1);
    assert_eq!(report["error"]["line"], 3);
    let hangs =
        plan(&place, &format!("{META}await agent('x')\nawait new Promise(() => {{}})\n"), &[]);
    hangs.fails(3, &["never_settles"]);
    let broken = plan(&place, "const x = 1\n", &[]);
    broken.fails(3, &["meta_missing"]);
}

#[test]
fn a_plan_always_ends() {
    let place = Place::new();
    let text = format!("{META}for (let i = 0; ; i++) if (await agent('n' + i) === 'dry') break\n");
    let ran = plan(&place, &text, &["--max-agents", "25"]);
    ran.fails(0, &["stopped after 25 agents; the real run may go on"]);
    assert_eq!(ran.report()["calls"].as_array().unwrap().len(), 25);
    let spins = plan(&place, &format!("{META}for (;;) {{}}\n"), &["--fuel", "100000000"]);
    spins.fails(1, &["limit_turn_fuel"]);
}

#[test]
fn models_with_a_list_price_have_a_cost_range() {
    let text =
        format!("{META}return [await agent('x'), await agent('y', {{ model: 'no-such' }})]\n");
    let report = plan(&Place::new(), &text, &["--model", "claude-haiku-4-5"]).ok();
    let of = |name: &str| report["cost"][name].as_f64().unwrap();
    assert!(0.0 < of("lowUsd") && of("lowUsd") < of("highUsd"), "{}", report["cost"]);
    assert_eq!(report["cost"]["unpriced"], 1);
}

#[test]
fn a_wide_fan_out_is_seen_whole() {
    let text = format!(
        "{META}return parallel(Array.from({{ length: 700 }}, (_, i) => () => agent('n' + i)))\n"
    );
    let report = plan(&Place::new(), &text, &[]).ok();
    assert_eq!(report["groups"][0]["fanOut"], 700);
    assert_eq!(report["groupsWhole"], true);
}

#[test]
fn every_example_has_a_plan() {
    for entry in std::fs::read_dir(project().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "js" || end == "mjs") {
            let place = Place::new();
            let mut command = place.command(&["plan", path.to_str().unwrap()]);
            let ran = finish(command.current_dir(project()).spawn().unwrap());
            assert_eq!(ran.code, 0, "{}: {}", path.display(), ran.stderr);
            assert!(ran.stdout.contains("tokens: "), "{}", ran.stdout);
        }
    }
}
