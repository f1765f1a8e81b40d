//! `smol-wf plan`: what a script would do, before anyone is asked.

mod common;

use common::{Place, Ran, finish, project, snapshot};
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
    snapshot!(ran.said(1), @"
    error: with generated answers the workflow failed at 3:7: Error: not this answer [thrown]
       3 │ throw new Error('not this answer')
         │       ^
    ");
    let report = ran.report();
    assert_eq!(report["agents"], 1);
    assert_eq!(report["error"]["line"], 3);
    let hangs =
        plan(&place, &format!("{META}await agent('x')\nawait new Promise(() => {{}})\n"), &[]);
    snapshot!(hangs.said(3), @"
    error: with generated answers the workflow failed at 3:7: Error: the script waits for a promise that nothing will settle: no call is in flight; the promise was made at 3:7 [never_settles]
       3 │ await new Promise(() => {})
         │       ^
    ");
    let broken = plan(&place, "const x = 1\n", &[]);
    snapshot!(broken.said(3), @"
    error: the script has no `export const meta = { name: '…', description: '…' }` [meta_missing]
    script.js:1:1
       1 │ const x = 1
         │ ^
    ");
}

#[test]
fn a_plan_always_ends() {
    let place = Place::new();
    let text = format!("{META}for (let i = 0; ; i++) if (await agent('n' + i) === 'dry') break\n");
    let ran = plan(&place, &text, &["--max-agents", "25"]);
    snapshot!(ran.said(0), @"stopped after 25 agents; the real run may go on");
    assert_eq!(ran.report()["calls"].as_array().unwrap().len(), 25);
    let spins = plan(&place, &format!("{META}for (;;) {{}}\n"), &["--fuel", "100000000"]);
    snapshot!(spins.said(1), @"error: with generated answers the workflow failed: the script computed for 10000000 units of fuel without waiting for a call: probably an endless loop; if it is not, raise the limit with --fuel 1000000000; one turn may use a tenth of it [limit_turn_fuel]");
}

#[test]
fn what_does_not_end_and_asks_no_agents_is_cut_and_says_so() {
    let place = Place::new();
    place.write("kid.mjs", "export const meta = { name: 'k', description: 'd' }\nreturn 1\n");
    let body =
        "await agent('once')\nwhile (true) await workflow({ scriptPath: './kid.mjs' }, {})\n";
    let ran = plan(&place, &format!("{META}{body}"), &[]);
    snapshot!(ran.said(0), @"stopped after 1 agent: the script started 1002 child workflows and asked 1 agent, and goes on, last with `kid.mjs`; the real run may go on");
    let report = ran.report();
    assert_eq!(report["error"]["code"], "rehearsal_bound");
    assert_eq!((&report["completed"], &report["agents"]), (&json!(false), &json!(1)));
    // Who reads the text sees it, too.
    snapshot!(place.run(&["plan", "script.js"]).printed(0), "plan-stopped");
    let body = "for (let i = 0; ; i++) { phase('p' + i); await SW.sleep(1) }\n";
    let ran = plan(&place, &format!("{META}{body}"), &[]);
    snapshot!(ran.said(0), @"stopped after 0 agents: the script made 20002 phases, log lines, sleeps, timers, null slots, refused calls and child workflows and asked 0 agents, and goes on; the real run may go on");
    // All in one turn, which ends at the limit that a run has.
    let ran = plan(&place, &format!("{META}for (let i = 0; ; i++) phase('p' + i)\n"), &[]);
    snapshot!(ran.said(1), @"error: with generated answers the workflow failed: the run has made 200000 log lines, phases, sleeps and null slots, as many as it may [limit_notes]");
    assert_eq!(ran.report()["phases"].as_array().unwrap().len(), 1_000);
    // As many children as agents need are no endless loop.
    let text = format!(
        "{META}for (let i = 0; i < 600; i++) {{ await workflow({{ scriptPath: './kid.mjs' }}); await workflow({{ scriptPath: './kid.mjs' }}); await agent('n' + i) }}\n"
    );
    assert_eq!(plan(&place, &text, &[]).ok()["agents"], 600);
}

#[test]
fn providers_models_and_efforts_are_those_of_a_run() {
    let text = "export const meta = { name: 'a', description: 'b', phases: [{ title: 'P', model: 'claude-haiku-4-5?provider=claude-code' }] }
        const none = await agent('none')
        const own = await agent('own', { model: 'claude-opus-4-5?provider=claude-code&thinking=high' })
        const alias = await agent('alias', { model: 'fast', effort: 'max' })
        phase('P')
        return agent('phase')
        ";
    let args = ["--model", "claude-haiku-4-5?thinking=low", "--model-map"];
    let args = [args.as_slice(), &["fast:gpt-5?provider=codex&thinking=low"]].concat();
    let report = plan(&Place::new(), text, &args).ok();
    let calls = report["calls"].as_array().unwrap();
    let of = |nth: usize| ["goesTo", "withModel", "withEffort"].map(|key| calls[nth][key].clone());
    assert_eq!(of(0), ["debug", "claude-haiku-4-5", "low"].map(|text| json!(text)));
    assert_eq!(of(1), ["claude-code", "claude-opus-4-5", "high"].map(|text| json!(text)));
    assert_eq!(of(2), ["codex", "gpt-5", "max"].map(|text| json!(text)));
    assert_eq!(of(3), [json!("claude-code"), json!("claude-haiku-4-5"), json!(null)]);
    assert_eq!(report["providers"], json!(["claude-code", "codex", "debug"]));
    assert_eq!(report["models"], json!(["claude-haiku-4-5", "claude-opus-4-5", "gpt-5"]));
    // All of them have a list price, under the names that their providers know.
    assert_eq!(report["cost"]["unpriced"], 0);
}

#[test]
fn the_vendor_of_a_model_is_not_taken_for_who_is_asked() {
    let place = Place::new();
    let text =
        format!("{META}return agent('x', {{ provider: 'pi', model: 'm-1?provider=acme' }})\n");
    let report = plan(&place, &text, &[]).ok();
    assert_eq!(report["providers"], json!(["pi"]));
    let call = &report["calls"][0];
    assert_eq!((&call["goesTo"], &call["withModel"]), (&json!("pi"), &json!("acme/m-1")));
    // Where the provider that is asked takes no vendors, a run refuses it.
    let text = format!("{META}return agent('x', {{ model: 'm-1?provider=acme' }})\n");
    snapshot!(plan(&place, &text, &[]).said(1), @"
    error: a run refuses step 1 (`x`): unknown provider `acme`; available: claude-code, codex, debug, opencode, pi; where it is a model's vendor, name an agent that takes vendors: --agent-provider opencode or pi [provider_unknown]
    error: with generated answers the workflow failed at 2:8: AgentError: unknown provider `acme`; available: claude-code, codex, debug, opencode, pi; where it is a model's vendor, name an agent that takes vendors: --agent-provider opencode or pi [provider_unknown]
       2 │ return agent('x', { model: 'm-1?provider=acme' })
         │        ^
    ");
}

#[test]
fn what_a_run_refuses_a_plan_refuses() {
    let place = Place::new();
    let text = format!("{META}return agent('x')\n");
    let unknown = plan(&place, &text, &["--agent-provider", "nix"]);
    snapshot!(unknown.said(2), @"error: unknown provider `nix`; available: claude-code, codex, debug, opencode, pi [request_invalid]");
    snapshot!(plan(&place, &text, &["--model", "m?color=red"]).said(2), @"
    error: invalid value 'm?color=red' for '--model <SELECTOR>': it is not a model; a model reads ID or ID?provider=NAME&thinking=LEVEL

    For more information, try '--help'.
    ");
    // Of a call: the script is told, as in a run.
    let text = format!(
        "{META}const xs = await parallel([() => agent('x', {{ provider: 'nix', label: 'no' }}), () => agent('y')])\nif (xs[0] === null) await agent('because of that')\nreturn xs\n"
    );
    let ran = plan(&place, &text, &[]);
    snapshot!(ran.said(1), @"error: a run refuses step 1 (`no`): unknown provider `nix`; available: claude-code, codex, debug, opencode, pi [provider_unknown]");
    let report = ran.report();
    assert_eq!((&report["agents"], &report["completed"]), (&json!(2), &json!(true)));
    assert_eq!(report["calls"][0]["refused"]["code"], "provider_unknown");
    assert_eq!(report["calls"][2]["prompt"], "because of that");
    assert_eq!(report["providers"], json!(["debug"]));
}

#[test]
fn prices_are_those_of_the_settings() {
    let place = Place::new();
    place.write(
        "prices.json",
        r#"{"version": "mine", "models": [{"model": "home", "input": 1.0, "output": 2.0}]}"#,
    );
    place.write("script.js", format!("{META}return agent('x', {{ model: 'home' }})\n"));
    let mut command = place.command(&["plan", "script.js", "--json"]);
    let command = command.env("SMOL_WF_PRICES", place.path("prices.json"));
    let report = finish(command.spawn().unwrap()).ok();
    assert_eq!(report["cost"]["unpriced"], 0, "{report}");
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
fn families_have_a_price_and_models_without_one_are_named() {
    let place = Place::new();
    let text = format!(
        "{META}return [await agent('a', {{ model: 'haiku' }}), await agent('b', {{ model: 'opus' }}), await agent('c', {{ model: 'sonnet' }})]\n"
    );
    assert_eq!(plan(&place, &text, &[]).ok()["cost"]["unpriced"], 0);
    let text = format!(
        "{META}return [await agent('a', {{ model: 'home-1' }}), await agent('b'), await agent('c', {{ model: 'opus' }})]\n"
    );
    let cost = plan(&place, &text, &[]).ok()["cost"].clone();
    assert_eq!((&cost["unpriced"], &cost["unnamed"]), (&json!(2), &json!(1)));
    assert_eq!(cost["unpricedModels"], json!(["home-1"]));
    snapshot!(place.run(&["plan", "script.js"]).printed(0), "plan-unpriced");
    place.write(
        "prices.json",
        r#"{"version": "mine", "models": [{"model": "home-1", "input": 1, "output": 2}]}"#,
    );
    let priced = plan(&place, &text, &["--prices", "prices.json", "--model", "haiku"]).ok();
    assert_eq!(priced["cost"]["unpriced"], 0, "{priced}");
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
fn a_script_that_computes_much_is_not_performed_for_each_of_its_calls() {
    // A hundred turns that use a good part of what a run may use.
    let text = format!(
        "{META}for (let i = 0; i < 100; i++) {{ for (let j = 0; j < 20000; j++); await agent('n' + i) }}\n"
    );
    let report = plan(&Place::new(), &text, &["--fuel", "1000000000"]).ok();
    assert_eq!(report["agents"], 100);
    assert_eq!(report["groupsWhole"], false);
}

#[test]
fn slots_that_throw_are_part_of_the_width() {
    let text = format!(
        "{META}return pipeline([1, 2, 3, 4], i => {{ if (i === 3) throw new Error('never'); return agent('n' + i) }})\n"
    );
    let report = plan(&Place::new(), &text, &[]).ok();
    assert_eq!((&report["groups"][0]["fanOut"], &report["agents"]), (&json!(4), &json!(3)));
}

#[test]
fn a_fan_out_past_the_limit_is_at_work_as_far_as_it_may() {
    let text = format!(
        "{META}return parallel(Array.from({{ length: 1000 }}, (_, i) => () => agent('n' + i)))\n"
    );
    let ran = plan(&Place::new(), &text, &["--max-agents", "5"]);
    snapshot!(ran.said(0), @"stopped after 5 agents; the real run may go on");
    let report = ran.report();
    assert_eq!((&report["agents"], &report["atOnce"]), (&json!(5), &json!(5)));
    assert_eq!(report["groupsWhole"], false);
}

#[test]
fn every_example_has_a_plan() {
    for entry in std::fs::read_dir(project().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "js" || end == "mjs" || end == "ts") {
            let place = Place::new();
            let mut argv = vec!["plan", path.to_str().unwrap()];
            // It asks nobody without a question.
            if path.ends_with("deep-research.js") {
                argv.push("--args-question=Which?");
            }
            let mut command = place.command(&argv);
            let ran = finish(command.current_dir(project()).spawn().unwrap());
            assert_eq!(ran.code, 0, "{}: {}", path.display(), ran.stderr);
            assert!(ran.stdout.lines().any(|line| line.starts_with("tokens: ")), "{}", ran.stdout);
        }
    }
}
