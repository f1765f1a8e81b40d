//! `smol-wf explore` offers a script what a run can give it, and nothing else.

mod common;

use common::{Place, Ran, snapshot};
use serde_json::Value;

const META: &str = "export const meta = { name: 'a', description: 'b' }\n";
const SCHEMA: &str =
    "const S = { type: 'object', properties: { y: { type: 'string' } }, required: ['y'] }\n";

/// Explores a script under a name, which says its dialect to people alone.
fn explore(place: &Place, name: &str, text: &str, args: &[&str]) -> Ran {
    place.write(name, format!("{META}{text}"));
    place.run(&[&["explore", name, "--json"], args].concat())
}

/// Kind, line and message of each finding.
fn found(ran: &Ran) -> Vec<(String, u64, String)> {
    let report = ran.report();
    let findings = report["findings"].as_array().unwrap().clone();
    assert_eq!(ran.code, if findings.is_empty() { 0 } else { 7 }, "{}", ran.stdout);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |one: &Value| {
        (text(&one["kind"]), one["line"].as_u64().unwrap_or(0), text(&one["message"]))
    };
    findings.iter().map(one).collect()
}

/// How a run of the same file ends under a debug rule.
fn run_ends(place: &Place, name: &str, rule: &str) -> (String, String) {
    let args = ["run", name, "--agent-provider", "debug", "--debug-rule", rule];
    let report = place.run(&args).report();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&report["state"]), text(&report["error"]["code"]))
}

#[test]
fn a_call_with_a_schema_is_null_only_where_a_run_makes_it_null() {
    let place = Place::new();
    // A body: its failed agent is null, its silent one a broken schema.
    let body = format!(
        "{SCHEMA}const x = await agent('p', {{ label: 'p', schema: S }})\nreturn x.y.length\n"
    );
    let body_found = found(&explore(&place, "body.js", &body, &[]));
    assert_eq!(body_found.len(), 1, "{body_found:?}");
    let (kind, line, message) = &body_found[0];
    assert_eq!((kind.as_str(), *line), ("unhandled-failure", 4));
    snapshot!(message, @"`x.y` of the null in place of `p`, which failed, line 4");
    assert_eq!(run_ends(&place, "body.js", "p=fail").1, "thrown");
    assert_eq!(run_ends(&place, "body.js", "p=null").1, "schema_mismatch");
    // The same with `onFailure: 'throw'`, and in a module: it throws, always.
    let throws = body.replace("schema: S", "schema: S, onFailure: 'throw'");
    assert_eq!(found(&explore(&place, "throws.js", &throws, &[])), []);
    assert_eq!(run_ends(&place, "throws.js", "p=fail").1, "provider_failed");
    let module = format!(
        "{SCHEMA}export default async () => {{ const x = await agent('p', {{ schema: S }}); return x.y.length }}\n"
    );
    assert_eq!(found(&explore(&place, "module.mjs", &module, &[])), []);
    // A schema that takes null, and a call without one, may be null in both.
    let nullable = module.replace("type: 'object'", "type: ['object', 'null']");
    assert_eq!(found(&explore(&place, "nullable.mjs", &nullable, &[]))[0].0, "unhandled-null");
    let plain = module.replace("{ schema: S }", "{}").replace("x.y.length", "x.length");
    assert_eq!(found(&explore(&place, "plain.mjs", &plain, &[]))[0].0, "unhandled-null");
    assert_eq!(run_ends(&place, "plain.mjs", "*=null").1, "thrown");
    // A failed agent of a module that asks for null is null.
    let asks = module.replace("schema: S", "schema: S, onFailure: 'null'");
    assert_eq!(found(&explore(&place, "asks.mjs", &asks, &[]))[0].0, "unhandled-failure");
    assert_eq!(run_ends(&place, "asks.mjs", "*=fail").1, "thrown");
    // So does the flag.
    let flag = ["--on-failure", "null"];
    assert_eq!(found(&explore(&place, "module.mjs", &module, &flag))[0].0, "unhandled-failure");
}

#[test]
fn children_and_pipelines_go_by_the_dialect_of_their_own_script() {
    let place = Place::new();
    let kid = "const x = await agent('in kid', { label: 'inner' })\nreturn { n: x.trim() }\n";
    place.write("kid.js", format!("{META}{kid}"));
    let caller = "export default async () => workflow({ scriptPath: './kid.js' })\n";
    let in_kid = found(&explore(&place, "caller.mjs", caller, &[]));
    assert_eq!(in_kid.len(), 1, "{in_kid:?}");
    assert_eq!((in_kid[0].0.as_str(), in_kid[0].1), ("unhandled-null", 3));
    // Null ends an item in a body, and goes on in a module.
    let stages = "pipeline([1], i => agent('a' + i), r => r.trim())";
    assert_eq!(found(&explore(&place, "pipe.js", &format!("return {stages}\n"), &[])), []);
    let module = format!("export default async () => {stages}\n");
    let in_module = found(&explore(&place, "pipe.mjs", &module, &[]));
    assert_eq!(in_module.len(), 1, "{in_module:?}");
    snapshot!(in_module[0].2, @"`r.trim` of the null that `a1` returned, line 2; item 0 of a pipeline became null");
}

#[test]
fn a_retry_loop_that_only_an_answer_ends_is_found() {
    let place = Place::new();
    let few = ["--runs", "60", "--max-agents", "40"];
    let body = "let r = null\nwhile (!r) r = await agent('do it', { label: 'worker' })\nreturn r\n";
    let ran = explore(&place, "body.js", body, &few);
    let endless = found(&ran);
    assert_eq!(endless.len(), 1, "{endless:?}");
    assert_eq!(endless[0].0, "unbounded");
    let said = "it asked 40 agents and went on asking, last for `worker`; bound its loop";
    assert!(endless[0].2.ends_with(said), "{endless:?}");
    // A module catches, with a new question each time.
    let module = "export default async () => {\n  await agent('first')\n  for (let i = 0; ; i++) try { return await agent('try ' + i, { label: 'try ' + i, onFailure: 'throw' }) } catch { await SW.sleep(1000) }\n}\n";
    let endless = found(&explore(&place, "module.mjs", module, &few));
    assert_eq!(endless.len(), 1, "{endless:?}");
    assert_eq!(endless[0].0, "unbounded");
    assert!(endless[0].2.starts_with("when `try 0` fails each time: "), "{endless:?}");
    // Three tries are bound enough.
    let bounded = "let r = null\nfor (let i = 0; i < 3 && !r; i++) r = await agent('do it')\nreturn r?.length\n";
    assert_eq!(found(&explore(&place, "bounded.js", bounded, &few)), []);
}

#[test]
fn a_script_that_lacks_its_arguments_is_told_so() {
    let place = Place::new();
    let body = "return agent('see ' + args.files.join(' '))\n";
    let explored = explore(&place, "args.js", body, &[]);
    let lacks = found(&explored);
    assert!(lacks[0].2.ends_with("; no arguments were given"), "{lacks:?}");
    assert_eq!(explored.report()["findings"][0]["hint"], "give them with --args");
    let given = ["--args", r#"{"files": ["a"]}"#];
    assert_eq!(found(&explore(&place, "args.js", body, &given)), []);
}

#[test]
fn what_breaks_only_when_all_agents_fail_is_found() {
    let place = Place::new();
    let body = "const rs = await parallel(['a', 'b'].map(x => () => agent('look ' + x)))\nreturn rs.filter(Boolean)[0].length\n";
    let all = found(&explore(&place, "all.js", body, &["--runs", "40"]));
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].2.starts_with("when all agents fail: TypeError: "), "{all:?}");
    assert_eq!(run_ends(&place, "all.js", "*=fail").1, "thrown");
}

#[test]
fn agents_that_nobody_awaits_are_found_and_races_are_not() {
    let place = Place::new();
    let few = ["--runs", "12"];
    let mapped = "const r = ['x', 'y', 'z'].map(x => agent('look at ' + x))\nreturn r.length\n";
    let lost = found(&explore(&place, "mapped.js", mapped, &few));
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!(lost[0].0, "not-awaited");
    assert!(
        lost[0].2.starts_with("`look at x` and 2 others are at work when the script"),
        "{lost:?}"
    );
    // A helper that is not awaited; one that lets nothing out has no place.
    let helper = "async function note(x) { await agent('note ' + x) }\nconst a = await agent('main')\nnote('1')\nawait agent('last')\nreturn a?.length\n";
    let lost = found(&explore(&place, "helper.js", helper, &few));
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!((lost[0].0.as_str(), lost[0].1), ("not-awaited", 2));
    let said = "when others answer first: `note 1` is at work when the script ends";
    assert!(lost[0].2.starts_with(said), "{lost:?}");
    let quiet =
        helper.replace("await agent('note ' + x)", "try { await agent('note ' + x) } catch {}");
    let lost = found(&explore(&place, "quiet.js", &quiet, &few));
    assert_eq!((lost.len(), lost[0].0.as_str(), lost[0].1), (1, "not-awaited", 0), "{lost:?}");
    // A child that nobody waits for.
    place.write("kid.js", format!("{META}return agent('in kid')\n"));
    let child = "workflow({ scriptPath: './kid.js' })\nawait agent('one')\nreturn 1\n";
    let lost = found(&explore(&place, "child.js", child, &few));
    assert_eq!(lost.len(), 1, "{lost:?}");
    snapshot!(lost[0].2, @"`./kid.js` is at work when the script ends and is not awaited: a run cuts it off, and its answer is lost");
    // Who says `void` means it.
    let void = "void agent('note')\nreturn (await agent('main'))?.length\n";
    assert_eq!(found(&explore(&place, "void.js", void, &few)), []);
    // Who loses a race was waited for; so was who came too late for a quorum.
    let race =
        "const all = [1, 2, 3].map(i => agent('p' + i))\nawait Promise.race(all)\nreturn 1\n";
    assert_eq!(found(&explore(&place, "race.js", race, &few)), []);
    let quorum = "let n = 0\nawait new Promise(done => { const end = () => { if (++n === 2) done() }; for (const i of [1, 2, 3]) agent('p' + i).then(end, end) })\nreturn 1\n";
    assert_eq!(found(&explore(&place, "quorum.js", quorum, &few)), []);
}

#[test]
fn promises_in_place_of_values_are_found_as_a_run_warns_of_them() {
    let place = Place::new();
    let body = "const p = agent('one')\nconst s = await agent(`see ${p}`)\nreturn { p, s }\n";
    let promises = found(&explore(&place, "p.js", body, &["--runs", "3"]));
    let at = |line: u64, part: &str| {
        promises.iter().any(|(kind, at, message)| {
            kind == "not-awaited" && *at == line && message.contains(part)
        })
    };
    assert!(at(3, "holds \"[object Promise]\""), "{promises:?}");
    assert!(at(0, "result.p is a promise that was not awaited"), "{promises:?}");
    // `plan` warns in the words of `run`.
    let warnings = |command: &[&str]| {
        let ran = place.run(&[command, &["p.js", "--agent-provider", "debug"]].concat());
        let lines = ran.stderr.lines().filter(|line| line.starts_with("warning: "));
        lines.map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(warnings(&["plan"]), warnings(&["run"]));
    assert_eq!(warnings(&["plan"]).len(), 2);
}
