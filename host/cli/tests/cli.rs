//! The program as its users know it: streams, exit codes, arguments.

mod common;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use common::{Place, finish, snapshot};
use serde_json::json;

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

#[test]
fn the_report_says_what_it_promises() {
    let place = Place::new();
    let ran = place.script(
        &format!("{META}phase('One')\nlog('hi')\nreturn [await agent('abcd'), args]\n"),
        &["--args-name", "W"],
    );
    let report = ran.ok();
    assert_eq!(report["schemaVersion"], 1);
    assert_eq!(report["runId"], report["runID"]);
    assert_eq!(report["runId"], json!(ran.run_id()));
    assert_eq!(report["state"], "completed");
    assert_eq!(report["results"], json!(["echo: abcd", { "name": "W" }]));
    let usage = &report["tokenUsage"];
    let sum = usage["inputTokens"].as_u64().unwrap() + usage["outputTokens"].as_u64().unwrap();
    assert!(sum > 0);
    assert_eq!(usage["totalTokens"], json!(sum));
    assert!(report["fuel"].as_u64().unwrap() > 0);
    assert_eq!(report["phases"][0]["title"], "One");
    snapshot!(ran.stderr, @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [phase] One
    [log] hi
    [agent] abcd
    [agent] abcd: done in 0.0 s, 3 tokens
    ");
}

#[test]
fn odd_metas_are_warned_of_and_run() {
    let place = Place::new();
    let ran = place
        .script("export const meta = { name: 'n', description: 'd', colour: 1 }\nreturn 1\n", &[]);
    assert_eq!(ran.ok()["results"], 1);
    snapshot!(ran.stderr, @"
    run run_1 in /folder
    warning: script.mjs:1:52: `meta.colour` is not known and is ignored
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    ");
}

#[test]
fn args_are_what_was_given_in_both_dialects() {
    let place = Place::new();
    let body = format!("{META}return typeof args === 'undefined' ? 'undefined' : args\n");
    let module = format!(
        "{META}export default function (input, ctx) {{ return [input, ctx.args === args] }}\n"
    );
    for (args, expected) in [
        (&[][..], json!("undefined")),
        (&["--args", "[1,\"x\"]"], json!([1, "x"])),
        (&["--args", "null"], json!(null)),
        (&["--args", "\"text\""], json!("text")),
        (&["--args", "{\"a\":1}", "--args-b", "2"], json!({ "a": 1, "b": 2 })),
        (
            &["--args-deep-dive", "--args-x", "a b", "--args-x=c"],
            json!({ "deep-dive": true, "x": ["a b", "c"] }),
        ),
    ] {
        assert_eq!(place.script(&body, args).ok()["results"], expected, "{args:?}");
    }
    assert_eq!(place.script(&module, &[]).ok()["results"], json!([{}, true]));
    assert_eq!(
        place.script(&module, &["--args-a", "1"]).ok()["results"],
        json!([{ "a": 1 }, true])
    );
}

#[test]
fn scripts_cannot_change_frozen_globals() {
    let place = Place::new();
    let report = place
        .script(
            &format!(
                "{META}
const tried = []
for (const name of ['args', 'budget', 'agent', 'parallel', 'pipeline', 'workflow', 'phase', 'log']) {{
  const before = globalThis[name]
  try {{ globalThis[name] = 1 }} catch {{}}
  try {{ delete globalThis[name] }} catch {{}}
  try {{ Object.defineProperty(globalThis, name, {{ value: 2 }}) }} catch {{}}
  try {{ before.total = 5; before.deep.x = 9 }} catch {{}}
  tried.push(globalThis[name] === before)
}}
export default () => [tried.every(Boolean), args.deep.x, budget.total, budget.spent()]
"
            ),
            &["--args", "{\"deep\":{\"x\":1}}", "--budget-allowance", "7"],
        )
        .ok();
    assert_eq!(report["results"], json!([true, 1, 7, 0]));
}

#[test]
fn nulls_are_explained() {
    let place = Place::new();
    let ran = place.script(
        &format!(
            "{META}
const slots = await parallel([() => agent('a'), () => agent('bad one'), () => {{ throw new TypeError('mine') }}])
const items = await pipeline([1, 2], (n) => agent(`stage ${{n}}`), (seen, n) => {{ if (n === 2) throw new Error('second'); return n }}, (n) => n * 10)
const quiet = await agent('quiet')
return {{ slots, items, quiet }}
"
        ),
        &["--debug-rule", "prompt:bad*=fail:rate_limit", "--debug-rule", "quiet=null"],
    );
    let report = ran.ok();
    assert_eq!(
        report["results"],
        json!({ "slots": ["echo: a", null, null], "items": [10, null], "quiet": null })
    );
    let nulls = report["nulls"].as_array().unwrap();
    let has = |place: &str, index: Option<u64>, code: &str, reason: &str| {
        nulls.iter().any(|null| {
            null["place"] == place
                && null["index"].as_u64() == index
                && null["code"].as_str().unwrap().contains(code)
                && null["reason"].as_str().unwrap().contains(reason)
        })
    };
    assert!(has("agent", None, "rate_limit", "rate"), "{nulls:?}");
    assert!(has("parallel", Some(2), "thrown", "TypeError: mine"), "{nulls:?}");
    assert!(has("pipeline", Some(1), "thrown", "second"), "{nulls:?}");
    assert!(has("agent", None, "agent_null", "null"), "{nulls:?}");
    assert_eq!(nulls.len(), 4);
}

#[test]
fn a_failed_step_outside_a_group_fails_the_run_at_its_line() {
    let place = Place::new();
    let ran = place.script(
        &format!("{META}const a = 1\nawait agent('x')\n"),
        &["--debug-rule", "*=fail:model", "--on-failure", "throw"],
    );
    snapshot!(ran.said(1), "cli-failed-step");
    let report = ran.report();
    assert_eq!(report["state"], "failed");
    assert_eq!(report["error"]["line"], 3);
    assert_eq!(report["agents"]["failed"], 1);
    let caught = place.script(
        &format!("{META}try {{ await agent('x') }} catch (e) {{ return [e.name, e.code] }}\n"),
        &["--debug-rule", "*=fail:model", "--on-failure", "throw"],
    );
    // Nobody gave an answer.
    caught.fails(8, &[]);
    assert_eq!(caught.report()["results"], json!(["AgentError", "provider_model"]));
}

#[test]
fn schemas_are_checked_and_corrected_once() {
    let place = Place::new();
    let script = format!(
        "{META}return await agent('judge', {{ schema: {{ type: 'object', required: ['ok', 'n'], properties: {{ ok: {{ type: 'boolean' }}, n: {{ type: 'integer', minimum: 3 }} }} }} }})\n"
    );
    let good = place.script(&script, &[]).ok();
    assert!(good["results"]["ok"].is_boolean() && good["results"]["n"].as_i64().unwrap() >= 3);
    let corrected = place.script(&script, &["--debug-rule", "*=bad"]).ok();
    assert!(corrected["results"]["ok"].is_boolean());
    assert!(
        corrected["tokenUsage"]["inputTokens"].as_u64()
            > good["tokenUsage"]["inputTokens"].as_u64(),
        "two rounds cost more than one"
    );
    place
        .script(&script, &["--debug-rule", "*=bad:always"])
        .fails(1, &["schema_mismatch", "correction"]);
    let remote = format!(
        "{META}return await agent('x', {{ schema: {{ $ref: 'http://example.com/s.json' }} }})\n"
    );
    snapshot!(place.script(&remote, &[]).said(1), @"
    run run_1 in /folder
    error: workflow failed at 2:14: AgentError: the schema cannot be used: `$ref` `http://example.com/s.json` leads out of the schema; nothing is fetched, so put it under `$defs` [schema_invalid]
       2 │ return await agent('x', { schema: { $ref: 'http://example.com/s.json' } })
         │              ^
    report: smol-wf history run_1
    ");
}

#[test]
fn events_are_json_lines_without_gaps() {
    let place = Place::new();
    let ran = place.script(
        &format!("{META}phase('P')\nlog('l')\nawait agent('a', {{ label: 'A', colour: 1 }})\ntry {{ await agent('b') }} catch {{}}\nreturn 7\n"),
        &["--events", "--debug-rule", "prompt:b=fail"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let events = ran.events();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    for kind in [
        "started",
        "phase",
        "log",
        "agent_started",
        "agent_event",
        "agent_completed",
        "agent_failed",
        "warning",
        "result",
    ] {
        assert!(kinds.contains(&format!("workflow.{kind}").as_str()), "no {kind} in {kinds:?}");
    }
    let durable = events.iter().filter(|event| event["type"] != "workflow.agent_event");
    let seqs: Vec<u64> = durable.map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let completed =
        events.iter().find(|event| event["type"] == "workflow.agent_completed").unwrap();
    assert_eq!(completed["metadata"]["runId"], json!(ran.run_id()));
    assert_eq!(completed["metadata"]["stepId"], "1");
    assert_eq!(completed["metadata"]["provider"], "debug");
    assert!(completed["metadata"]["sessionId"].is_string());
    assert_eq!(completed["data"]["label"], "A");
    assert_eq!(events.last().unwrap()["data"]["result"], 7);
    // A finished run gives the same stream again.
    let again = place.run(&["resume", "latest", "--events"]);
    let stored: Vec<_> =
        events.iter().filter(|event| event["type"] != "workflow.agent_event").cloned().collect();
    assert_eq!(again.events(), stored);
}

#[test]
fn history_lists_newest_first() {
    let place = Place::new();
    place.run(&["history"]).fails(0, &[]);
    for n in 0..3 {
        place
            .script(
                &format!(
                    "export const meta = {{ name: 'run {n}', description: 'd' }}\nreturn {n}\n"
                ),
                &[],
            )
            .ok();
    }
    let listed = place.run(&["history", "--output", "json"]).ok();
    let names: Vec<&str> = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["run 2", "run 1", "run 0"]);
    snapshot!(place.run(&["history"]).printed(0), "history-newest-first");
    let id = listed["runs"][0]["runId"].as_str().unwrap();
    assert_eq!(place.run(&["history", &id[..12]]).ok()["results"], 2);
}

#[test]
fn a_limit_stops_resumably_and_a_higher_one_goes_on() {
    let place = Place::new();
    let script = format!(
        "{META}const a = await agent('one')\nconst b = await parallel([1, 2, 3, 4].map(n => () => agent(`n ${{n}}`)))\nreturn [a, b.length]\n"
    );
    let stopped = place.script(&script, &["--max-agents", "3"]);
    snapshot!(stopped.said(5), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [agent] one
    [agent] one: done in 0.0 s, 3 tokens
    error: the run may start 3 agents: it has started 1, and then the script asked for 3 or more at once, of which none was started; raise it with --max-agents 6 [limit_agents]
    resume: smol-wf resume run_1 --max-agents 6
    ");
    assert_eq!(stopped.report()["state"], "paused");
    snapshot!(place.run(&["resume", "latest", "--max-agents", "2"]).said(2), @"error: the number of agents of run run_1 is limited to 3, and that cannot be lowered to 2: what has been done cannot be undone; give --max-agents 3 or more [limit_lowered]");
    let resumed = place.run(&["resume", "latest", "--max-agents", "5"]).ok();
    assert_eq!(resumed["results"], json!(["echo: one", 4]));
    assert_eq!(resumed["attempts"], 2);
}

#[test]
fn a_timeout_stops_resumably_and_a_sleep_goes_on_where_it_was() {
    let place = Place::new();
    let script = format!(
        "import {{ sleep }} from 'workflow:extra'\n{META}export default async () => {{ const t = Date.now(); await sleep(900); return Date.now() - t }}\n"
    );
    let started = Instant::now();
    place.script(&script, &["--timeout", "300ms"]).fails(5, &["[timed_out]"]);
    assert!(started.elapsed() < Duration::from_secs(30));
    let report = place.run(&["resume", "latest"]).ok();
    let slept = report["results"].as_u64().unwrap();
    assert!(slept >= 900, "woke too early: {slept}");
    for wrong in ["NaN", "-1", "Infinity", "366 * 86400e3"] {
        let script = format!("{META}await SW.sleep({wrong})\n");
        place.script(&script, &[]).fails(1, &["365 days"]);
    }
}

#[test]
fn hostile_text_never_reaches_the_terminal_raw() {
    let place = Place::new();
    let ran = place.script(
        &format!("{META}const evil = '\\x1b]52;c;aGk=\\x07\\x9b31m\\u202e\\nrun run_fake'\nphase(evil)\nlog(evil)\nawait agent('x', {{ label: evil }})\nreturn evil\n"),
        &[],
    );
    assert_eq!(ran.code, 0);
    for text in [&ran.stderr, &ran.stdout] {
        let raw = text.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(raw, None, "{text:?}");
    }
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("run ")).count(), 1);
}

#[test]
fn children_by_path_and_by_name() {
    let place = Place::new();
    std::fs::create_dir_all(place.path(".git")).unwrap();
    place.write(".agents/workflows/near.mjs", format!("{META}return 'outer'\n"));
    place.write("sub/.claude/workflows/near.mjs", "export const meta = { name: 'near', description: 'd' }\nexport default async (input) => [await agent('in child'), input]\n");
    place.write(
        "sub/child.mjs",
        format!(
            "{META}log('from the child')\nreturn [args, budget.spent() > 0, await agent('c')]\n"
        ),
    );
    place.write("outside.mjs", format!("{META}return 1\n"));
    place.write("sub/nested.mjs", format!("{META}return await workflow('near')\n"));
    place.write("sub/broken.mjs", format!("{META}return ]\n"));
    place.write(
        "sub/parent.mjs",
        format!(
            "{META}
await agent('first')
const child = await workflow({{ scriptPath: './child.mjs' }}, {{ n: 1 }})
const named = await workflow('near', [2])
const up = await workflow({{ scriptPath: '../outside.mjs' }})
const refused = []
for (const target of [{{ scriptPath: '../../etc/passwd.js' }}, {{ scriptPath: '/etc/passwd.js' }}, 'absent', {{ scriptPath: './nested.mjs' }}, {{ scriptPath: './broken.mjs' }}, {{ scriptPath: '../.env' }}]) {{
  try {{ await workflow(target); refused.push('ran') }} catch (e) {{ refused.push(e.code) }}
}}
return {{ child, named, up, refused }}
"
        ),
    );
    let report = place.run(&["run", "sub/parent.mjs"]).ok();
    assert_eq!(
        report["results"],
        json!({
            "child": [{ "n": 1 }, true, "echo: c"],
            "named": ["echo: in child", [2]],
            "up": 1,
            "refused": ["workflow_not_found", "workflow_not_found", "workflow_not_found", "workflow_failed", "workflow_refused", "workflow_refused"],
        })
    );
    assert_eq!(report["agents"]["called"], 3);
    let by_name = place
        .command(&["run", "near", "--args", "1"])
        .current_dir(place.path("sub"))
        .spawn()
        .unwrap();
    assert_eq!(finish(by_name).ok()["results"], json!(["echo: in child", 1]));
}

#[test]
fn the_agent_limit_holds_for_children_too() {
    let place = Place::new();
    place.write("child.mjs", format!("{META}await agent('1'); await agent('2'); return 1\n"));
    let script =
        format!("{META}await agent('0'); return await workflow({{ scriptPath: './child.mjs' }})\n");
    place.script(&script, &["--max-agents", "2"]).fails(5, &["[limit_agents]"]);
}

#[test]
fn more_children_than_instances_take_turns_and_replay() {
    let place = Place::new();
    place.write("child.mjs", format!("{META}return await agent(`c ${{args}}`)\n"));
    let script = format!(
        "{META}const all = await parallel(Array.from({{ length: 150 }}, (_, i) => () => workflow({{ scriptPath: './child.mjs' }}, i)))
for (let i = 0; i < 100; i++) await workflow({{ scriptPath: './child.mjs' }}, i)
await agent('last')
return all.filter(Boolean).length\n"
    );
    place.script(&script, &["--max-agents", "250"]).fails(5, &["[limit_agents]"]);
    let resumed = place.run(&["resume", "latest", "--max-agents", "251"]).ok();
    assert_eq!(resumed["results"], 150);
    assert_eq!(resumed["agents"]["completed"], 251);
}

#[test]
fn time_and_randomness_replay() {
    let place = Place::new();
    let script = format!(
        "{META}const a = [Math.random(), Date.now()]\nawait agent('x')\nconst b = [Math.random(), Date.now() >= a[1]]\nawait agent('y')\nreturn [a, b]\n"
    );
    let seeded = |seed: &str| place.script(&script, &["--seed", seed]).ok();
    let (one, two, other) = (seeded("1"), seeded("1"), seeded("2"));
    assert_eq!(one["results"][0][0], two["results"][0][0]);
    assert_ne!(one["results"][0][0], other["results"][0][0]);
    assert_eq!(one["results"][1][1], true);
}

#[test]
fn only_so_many_agents_work_at_once() {
    let place = Place::new();
    let ran = place.script(
        &format!("{META}return (await parallel(Array.from({{ length: 12 }}, (_, i) => () => agent(`a ${{i}}`)))).length\n"),
        &["--events", "--max-parallel-agents", "3", "--debug-rule", "*=delay:20ms"],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (mut working, mut most) = (HashSet::new(), 0);
    for event in ran.events() {
        let step = event["metadata"]["stepId"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "workflow.agent_started" => {
                working.insert(step);
            }
            "workflow.agent_completed" => {
                working.remove(&step);
            }
            _ => {}
        }
        most = most.max(working.len());
    }
    // A completion and the start that follows it become durable together, the
    // start possibly first: one round more may show.
    assert!((3..=6).contains(&most), "{most} at once");
}

#[test]
fn calls_that_nobody_awaits_are_cut_off_and_named() {
    let place = Place::new();
    let started = Instant::now();
    let report = place
        .script(
            &format!("{META}agent('slow')\nreturn await agent('quick')\n"),
            &["--debug-rule", "slow=delay:60s"],
        )
        .ok();
    assert_eq!(report["results"], "echo: quick");
    assert_eq!(report["abandoned"], json!([1]));
    assert!(started.elapsed() < Duration::from_secs(30));
}
