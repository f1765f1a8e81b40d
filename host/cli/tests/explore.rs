//! `smol-wf explore`: schedules that show what a script does when answers come
//! in another order, as null, late or never.

mod common;

use std::process::Command;

use common::{Place, Ran, finish, project, snapshot};
use serde_json::Value;

const META: &str = "export const meta = { name: 'a', description: 'b' }\n";
const SCHEMA: &str = "const S = { type: 'object', properties: { findings: { type: 'array', items: { type: 'string' } } }, required: ['findings'] }\n";

fn explore(place: &Place, body: &str, args: &[&str]) -> Ran {
    place.write("script.js", format!("{META}{body}"));
    let all: Vec<&str> = ["explore", "script.js", "--json"].iter().chain(args).copied().collect();
    place.run(&all)
}

/// The findings, of which there must be this many.
fn findings(ran: &Ran, count: usize) -> Vec<Value> {
    let found = ran.report()["findings"].as_array().unwrap().clone();
    assert_eq!(found.len(), count, "{}", ran.stdout);
    assert_eq!(ran.code, if count > 0 { 7 } else { 0 }, "{}", ran.stdout);
    found
}

/// Runs the command that a finding says reproduces it.
fn reproduce(place: &Place, ran: &Ran, nth: usize) -> Ran {
    let report = ran.report();
    let line = report["reproduce"][nth].as_str().unwrap();
    let line = line.replacen("smol-wf", env!("CARGO_BIN_EXE_smol-wf"), 1);
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("{line} --json")]).current_dir(place.dir.path());
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    finish(shell.spawn().unwrap())
}

#[test]
fn a_race_depends_on_the_order_and_both_orders_are_shown() {
    let place = Place::new();
    let body = "const all = Array.from({ length: 6 }, (_, i) => agent('p' + i, { label: 'p' + i }))\nreturn { first: await Promise.race(all), size: all.length }\n";
    let ran = explore(&place, body, &["--runs", "60"]);
    let found = findings(&ran, 1);
    assert_eq!(found[0]["kind"], "order-dependent");
    snapshot!(found[0]["message"].as_str().unwrap(), @r#"the result depends on the order in which agents answer: result.first is "answer 0eb8 to: p0", or "answer 72f7 to: p5""#);
    let sides = found[0]["sides"].as_array().unwrap();
    assert_eq!(sides[0]["order"][0], "p0");
    assert_eq!(sides[1]["order"][0], "p5");
    assert_ne!(sides[0]["outcome"], sides[1]["outcome"]);
    // The line that is printed shows the same again.
    let again = findings(&reproduce(&place, &ran, 0), 1);
    assert_eq!(again[0]["message"], found[0]["message"]);
}

#[test]
fn what_does_not_depend_on_the_order_is_no_finding() {
    let place = Place::new();
    let body = "const xs = await parallel([1, 2, 3].map(i => () => agent('x' + i)))\nconst ys = await pipeline([1, 2, 3], i => agent('a' + i), (_, i) => agent('b' + i))\nreturn { xs, ys, at: Date.now(), luck: Math.random() }\n";
    findings(&explore(&place, body, &["--runs", "120"]), 0);
}

#[test]
fn lists_that_grow_as_answers_come_are_told_from_other_results() {
    let place = Place::new();
    let body = "const seen = []\nawait parallel([1, 2, 3].map(i => async () => { seen.push(await agent('x' + i)) }))\nreturn seen\n";
    let found = findings(&explore(&place, body, &["--runs", "5"]), 1);
    let message = found[0]["message"].as_str().unwrap();
    assert!(message.starts_with("the order of the result's lists depends on"), "{message}");
}

#[test]
fn the_null_that_breaks_a_script_is_named_with_its_agent() {
    let place = Place::new();
    let body = format!(
        "{SCHEMA}const review = await agent('verify', {{ label: 'verify:auth', schema: S }})\nconst names = review.findings.map(f => f.length)\nconst safe = await agent('other', {{ label: 'other' }})\nreturn {{ names, safe: safe?.length }}\n"
    );
    let ran = explore(&place, &body, &["--runs", "40"]);
    // It fails and is null; that it answers null its schema does not allow.
    let found = findings(&ran, 1);
    assert_eq!((&found[0]["kind"], &found[0]["line"]), (&"unhandled-failure".into(), &4.into()));
    let said = "`review.findings` of the null in place of `verify:auth`, which failed, line 4";
    assert_eq!(found[0]["message"], said);
    let again = findings(&reproduce(&place, &ran, 0), 1);
    assert_eq!(again[0]["message"], said);
}

#[test]
fn a_null_that_breaks_a_slot_and_a_failure_that_leaves_a_null_are_found() {
    let place = Place::new();
    let body = format!(
        "{SCHEMA}const kept = await pipeline([1, 2], i => agent('a' + i, {{ label: 'a' + i, schema: S }}), r => r.findings.length)\nconst xs = await parallel([1, 2].map(i => () => agent('x' + i, {{ label: 'x' + i, schema: S }})))\nreturn [kept, xs.map(({{ findings }}) => findings.length)]\n"
    );
    let found = findings(&explore(&place, &body, &["--runs", "100"]), 1);
    // A null ends its item of a pipeline, so `r.findings` is never asked of one.
    assert_eq!(found[0]["kind"], "unhandled-failure");
    let said = found[0]["message"].as_str().unwrap();
    assert!(
        said.starts_with("destructuring of the null in place of `x1`, whose answer did"),
        "{said}"
    );
    assert_eq!(found[0]["also"], serde_json::json!(["when `x1` fails", "when `x1` times out"]));
    assert_eq!(found[0]["line"], 5);
}

#[test]
fn errors_thrown_on_purpose_are_not_findings() {
    let place = Place::new();
    let body =
        "const x = await agent('x')\nif (x === null) throw new Error('no answer')\nreturn x\n";
    let ran = explore(&place, body, &["--runs", "60"]);
    findings(&ran, 0);
    let tally = &ran.report()["tally"];
    assert!(tally["failed"].as_u64().unwrap() > 0);
    assert_eq!(tally["failed"], tally["failedAsWritten"]);
    // The count of what failed says why it is none.
    snapshot!(place.run(&["explore", "script.js", "--runs", "60"]).printed(0), @"
    a: 60 schedules with seed 1, 1 agent in the undisturbed schedule
    26 completed, 34 failed as the script says: it let an agent's failure through, or threw an error of its own
    1 order of answers; 16 schedules with nulls, 18 with failures, 12 with crashes
    nothing found
    ");
}

#[test]
fn hangs_are_found_and_named() {
    let place = Place::new();
    let always = explore(&place, "await agent('x')\nawait new Promise(() => {})\n", &[]);
    let found = findings(&always, 1);
    assert_eq!((found[0]["kind"].as_str(), found[0]["line"].as_u64()), (Some("hang"), Some(3)));
    let on_null = "let open\nconst gate = new Promise(r => { open = r })\nagent('x', { label: 'key' }).then(x => { if (x) open(x) }, open)\nawait gate\n";
    let found = findings(&explore(&place, on_null, &["--runs", "20"]), 1);
    let message = found[0]["message"].as_str().unwrap();
    assert!(message.starts_with("when `key` answers null: the script waits"), "{message}");
    let endless =
        explore(&place, "for (let i = 0; ; i++) await agent('n' + i)\n", &["--max-agents", "30"]);
    assert_eq!(findings(&endless, 1)[0]["kind"], "unbounded");
    let spins = explore(&place, "await agent('x')\nfor (;;) {}\n", &["--fuel", "200000000"]);
    assert_eq!(findings(&spins, 1)[0]["kind"], "hang");
    let fails = explore(&place, "null.x\n", &[]);
    assert_eq!(findings(&fails, 1)[0]["kind"], "fails");
}

#[test]
fn what_does_not_end_is_found_within_seconds() {
    let place = Place::new();
    place.write("kid.mjs", "export const meta = { name: 'k', description: 'd' }\nreturn 1\n");
    for body in [
        "while (true) await workflow({ scriptPath: './kid.mjs' }, {})\n",
        "for (let i = 0; ; i++) phase('p' + i)\n",
        "for (;;) { log('x'); await SW.sleep(1) }\n",
    ] {
        let found = findings(&explore(&place, body, &[]), 1);
        assert_eq!(found[0]["kind"], "unbounded");
        let message = found[0]["message"].as_str().unwrap();
        assert!(message.starts_with("the script does not end: "), "{message}");
    }
    // Only when an agent answers null: a few such schedules are enough.
    let body = "let x = null\nwhile (x === null) { x ??= await agent('x', { label: 'key' }); while (x === null) await workflow({ scriptPath: './kid.mjs' }) }\n";
    let ran = explore(&place, body, &["--runs", "400"]);
    let found = findings(&ran, 1);
    let message = found[0]["message"].as_str().unwrap();
    let said = "when `key` answers null: the script does not end: it started";
    assert!(message.starts_with(said), "{message}");
    // What a failed agent comes to as well is the same finding.
    assert_eq!(found[0]["also"][0], "when `key` fails");
    assert_eq!(ran.report()["gaveUp"], true);
    assert!(ran.report()["tally"]["schedules"].as_u64().unwrap() < 100);
}

#[test]
fn a_null_in_a_child_is_shown_where_the_child_breaks() {
    let place = Place::new();
    let kid = "export const meta = { name: 'k', description: 'd' }\nconst x = await agent('in kid', { label: 'inner' })\nreturn { n: x.trim() }\n";
    place.write("flows/kid.mjs", kid);
    let body = "const safe = await agent('a')\nreturn { r: await workflow({ scriptPath: './flows/kid.mjs' }), safe: safe?.length }\n";
    let ran = explore(&place, body, &["--runs", "40"]);
    // A failed agent is null as well, which is the same finding.
    let found = findings(&ran, 1);
    assert_eq!(found[0]["kind"], "unhandled-null");
    assert_eq!(found[0]["also"][0], "when `inner` fails");
    assert_eq!(
        found[0]["message"],
        "`x.trim` of the null that `inner` returned, line 3 of kid.mjs"
    );
    assert_eq!((&found[0]["file"], &found[0]["line"]), (&"flows/kid.mjs".into(), &3.into()));
    snapshot!(place.run(&["explore", "script.js", "--runs", "40"]).printed(7), "explore-null");
}

#[test]
fn calls_that_a_run_refuses_are_found() {
    let place = Place::new();
    let body = "return parallel([() => agent('x', { provider: 'nix', label: 'no' })])\n";
    let found = findings(&explore(&place, body, &["--runs", "10"]), 1);
    assert_eq!(found[0]["kind"], "refused");
    assert!(found[0]["message"].as_str().unwrap().starts_with("`no` is refused: unknown provider"));
    // What decides about it is part of the command that shows it again.
    let body = "await agent('x', { model: 'm' })\nnull.x\n";
    let ran = explore(&place, body, &["--model-map", "m:n?provider=nix", "--effort", "low"]);
    snapshot!(ran.report()["reproduce"][0].as_str().unwrap(), @"smol-wf explore script.js --effort low --model-map 'm:n?provider=nix' --seed 1 --schedule 0");
}

#[test]
fn the_same_seed_finds_the_same() {
    let place = Place::new();
    let body = "const r = await Promise.race([1, 2, 3, 4].map(i => agent('x' + i)))\nreturn [r, Math.random()]\n";
    let args = ["--runs", "40", "--seed", "9", "--args", r#"{"it":"isn't"}"#];
    let one = explore(&place, body, &args);
    assert_eq!(one.stdout, explore(&place, body, &args).stdout);
    // Arguments are part of the line that reproduces a finding.
    assert_eq!(findings(&reproduce(&place, &one, 0), 1).len(), 1);
}

#[test]
fn crashes_behind_every_step_change_nothing() {
    let place = Place::new();
    place.write(
        "child.mjs",
        "export const meta = { name: 'c', description: 'd' }\nexport default async ({ n }) => [await agent('c1 ' + n), await agent('c2 ' + n), Math.random()]\n",
    );
    let body = "phase('P')\nconst kids = await parallel([1, 2].map(n => () => workflow({ scriptPath: './child.mjs' }, { n })))\nawait SW.sleep(1000)\nconst last = []\nfor (let i = 0; i < 3; i++) last.push(await agent('n' + i + Date.now()))\nreturn { kids, last, at: Date.now() }\n";
    let ran = explore(&place, body, &["--runs", "90"]);
    let report = ran.report();
    assert!(report["tally"]["withCrashes"].as_u64().unwrap() >= 18, "{report}");
    let kinds: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert!(!kinds.iter().any(|kind| *kind == "resume-differs"), "{report}");
}

#[test]
fn the_examples_hold_under_every_schedule() {
    for entry in std::fs::read_dir(project().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "js" || end == "mjs" || end == "ts") {
            let place = Place::new();
            let mut argv = vec!["explore", path.to_str().unwrap(), "--runs", "40"];
            // It asks nobody without a question.
            if path.ends_with("deep-research.js") {
                argv.push("--args-question=Which?");
            }
            let mut command = place.command(&argv);
            let ran = finish(command.current_dir(project()).spawn().unwrap());
            assert_eq!(ran.code, 0, "{}: {}", path.display(), ran.stdout);
        }
    }
}
