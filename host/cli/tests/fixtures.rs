//! Fixtures: recorded once, replayed against the scripts of today.

mod common;

use common::{Place, Ran, finish, project, snapshot};
use serde_json::Value;

const META: &str = "export const meta = { name: 'review', description: 'd' }\n";

const SCRIPT: &str = "
const found = await parallel(['a', 'b'].map(file => () => agent(`Review ${file}\\nfor bugs.`, { label: file })))
return { found, rank: await agent(`Rank ${found.length} findings.`, { label: 'rank' }) }
";

/// A project with one fixture of this script.
fn recorded(script: &str, flags: &[&str]) -> Place {
    let place = Place::new();
    // A folder of its own, as a project is.
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("flows/review.js", format!("{META}{script}"));
    let run = [&["run", "flows/review.js"], flags].concat();
    assert_eq!(place.run(&run).code, 0);
    export(&place, &[]).fails(0, &[]);
    place
}

fn export(place: &Place, flags: &[&str]) -> Ran {
    place.run(&[&["export", "latest", "--fixture", "tests/review.swf"], flags].concat())
}

fn edit(place: &Place, from: &str, to: &str) {
    let path = place.path("flows/review.js");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

fn fixture(place: &Place) -> String {
    std::fs::read_to_string(place.path("tests/review.swf")).unwrap()
}

#[test]
fn the_examples_do_what_was_recorded() {
    let place = Place::new();
    let mut command = place.command(&["test", "examples", "--output", "json"]);
    let ran = finish(command.current_dir(project()).spawn().unwrap());
    let all = ran.ok();
    let fixtures = all["fixtures"].as_array().unwrap();
    assert!(fixtures.len() >= 10, "{fixtures:?}");
    for fixture in fixtures {
        assert_eq!(fixture["pass"], true, "{fixture}");
        assert_eq!(fixture["live"], 0);
        assert!(fixture["calls"].as_u64().unwrap() > 0, "{fixture}");
    }
}

#[test]
fn an_unchanged_script_passes_and_a_comment_changes_nothing() {
    let place = recorded(SCRIPT, &[]);
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, 0.0 s");
    edit(&place, "return {", "// a remark\nlog('new')\nreturn {");
    snapshot!(place.run(&["test", "tests"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, script edited, 0.0 s");
    let before = fixture(&place);
    snapshot!(place.run(&["test", "--accept"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, script edited, fixture written, 0.0 s");
    assert_ne!(fixture(&place), before);
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, 0.0 s");
}

#[test]
fn a_changed_prompt_is_shown_and_recorded_live_on_request() {
    let place = recorded(SCRIPT, &[]);
    edit(&place, "Rank ${found.length} findings.", "Order ${found.length} findings by weight.");
    let failed = place.run(&["test"]);
    snapshot!(failed.printed(7), "fixtures-changed-prompt-shown");
    // Nothing to accept: an answer is missing.
    snapshot!(place.run(&["test", "--accept"]).printed(7), "fixtures-changed-prompt-shown-2");
    let live = place.run(&["test", "--record", "missing", "--debug-rule", "*=answer:by weight"]);
    snapshot!(live.printed(0), "fixtures-changed-prompt-shown-3");
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, 0.0 s");
    assert!(fixture(&place).contains("by weight"));
}

#[test]
fn answers_of_a_recording_that_was_cut_short_are_not_paid_for_twice() {
    let place = recorded(SCRIPT, &[]);
    let before = fixture(&place);
    edit(&place, "Review ${file}", "Study ${file}");
    edit(&place, "Rank ${found.length}", "Order ${found.length}");
    let record = ["test", "--record", "missing"];
    let rule = ["--debug-rule", "prompt:Order*=fail:quota"];
    let cut = place.run(&[&record[..], &rule].concat());
    snapshot!(cut.printed(7), "fixtures-answers-recording-cut");
    assert_eq!(fixture(&place), before, "a fixture has an end");
    // Cut short again: what was kept stays, and is not asked for.
    let again = place.run(&[&record[..], &rule].concat());
    snapshot!(again.printed(7), "fixtures-answers-recording-cut-2");
    let kept = place.path("tests/review.swf.kept");
    let text = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, text.replace("Study a", "Study z")).unwrap();
    snapshot!(place.run(&record).printed(7), @"FAIL  tests/review.swf  the answers saved in the .kept file beside the fixture cannot be used: line 3 of the fixture was changed by hand, or by a merge: its digest does not fit; delete that file to ask the agents again [fixture_kept]");
    std::fs::write(&kept, text).unwrap();
    // Only recording looks at what is kept.
    snapshot!(place.run(&["test"]).printed(7), "fixtures-answers-recording-cut-3");
    snapshot!(place.run(&record).printed(0), "fixtures-answers-recording-cut-4");
    assert!(!place.path("tests/review.swf.kept").exists());
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, 0.0 s");
}

#[test]
fn new_and_missing_steps_and_another_result_fail() {
    let place = recorded(SCRIPT, &[]);
    edit(&place, "['a', 'b']", "['a']");
    let fewer = place.run(&["test"]);
    snapshot!(fewer.printed(7), "fixtures-new-missing-steps");
    // Of a run that has its end, it is known.
    edit(&place, "Rank ${found.length}", "Rank 2");
    snapshot!(place.run(&["test"]).printed(7), "fixtures-new-missing-steps-2");
    edit(&place, "Rank 2", "Rank ${found.length}");
    edit(&place, "['a']", "['a', 'b', 'c']");
    snapshot!(place.run(&["test"]).printed(7), "fixtures-new-missing-steps-3");
    edit(&place, "['a', 'b', 'c']", "['b', 'a']");
    let turned = place.run(&["test"]);
    snapshot!(turned.printed(7), "fixtures-new-missing-steps-4");
    snapshot!(place.run(&["test", "--accept"]).printed(0), "fixtures-new-missing-steps-5");
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, 0.0 s");
}

#[test]
fn a_flipped_byte_is_found_at_its_line() {
    let place = recorded(SCRIPT, &[]);
    let forged = fixture(&place).replacen("for bugs.", "for bugz.", 1);
    std::fs::write(place.path("tests/review.swf"), forged).unwrap();
    snapshot!(place.run(&["test"]).printed(7), @"FAIL  tests/review.swf  line 7 of the fixture was changed by hand, or by a merge: its digest does not fit; restore the file, or export it again from a run: smol-wf export RUN --fixture FILE [fixture_changed]");
    // Nothing but the file as it was, or another run, helps.
    snapshot!(place.run(&["test", "--accept"]).printed(7), @"FAIL  tests/review.swf  line 7 of the fixture was changed by hand, or by a merge: its digest does not fit; restore the file, or export it again from a run: smol-wf export RUN --fixture FILE [fixture_changed]");
}

/// Six steps, one after the other.
const CHAIN: &str = "
let last = 'start'
for (const step of ['a', 'b', 'c', 'd', 'e', 'f']) last = await agent(`Do ${step}`, { label: step })
return last
";

#[test]
fn why_a_script_fails_stands_before_all_that_it_no_longer_does() {
    let place = recorded(CHAIN, &[]);
    edit(&place, "let last =", "undefinedFn()\nlet last =");
    let ran = place.run(&["test", "--junit", "report.xml"]);
    snapshot!(ran.printed(7), "fixtures-script-fails");
    snapshot!(std::fs::read_to_string(place.path("report.xml")).unwrap(), "test-junit-end");
    let json = place.run(&["test", "--json"]).report();
    let first = &json["fixtures"][0]["differences"][0];
    assert_eq!(
        (&first["kind"], &first["error"]["name"]),
        (&"end_changed".into(), &"ReferenceError".into())
    );
}

#[test]
fn steps_after_one_without_an_answer_were_not_reached() {
    let place = recorded(CHAIN, &[]);
    edit(&place, "'a', 'b'", "'A', 'b'");
    let ran = place.run(&["test"]);
    snapshot!(ran.printed(7), "fixtures-steps-not-reached");
    let json = place.run(&["test", "--json"]).report();
    let last = &json["fixtures"][0]["differences"][1];
    assert_eq!(last["kind"], "calls_not_reached");
    assert_eq!(last["calls"].as_array().unwrap().len(), 5);
}

#[test]
fn a_script_that_was_moved_keeps_its_fixture() {
    let script = "return await workflow({ scriptPath: './child.js' })\n";
    let child = "export const meta = { name: 'c', description: 'd' }\nreturn await agent('inner')";
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("flows/child.js", child);
    place.write("flows/review.js", format!("{META}{script}"));
    assert_eq!(place.run(&["run", "flows/review.js"]).code, 0);
    export(&place, &[]).fails(0, &[]);
    std::fs::create_dir(place.path("new")).unwrap();
    std::fs::rename(place.path("flows/review.js"), place.path("new/moved.js")).unwrap();
    snapshot!(place.run(&["test"]).printed(7), @"FAIL  tests/review.swf  the script of the fixture is not at /folder/flows/review.js; if it was moved, give its new path: smol-wf test FIXTURE --script FILE --accept [fixture_script_gone]");
    // From its new place, the script does not find its child.
    let moved = ["test", "tests/review.swf", "--script", "new/moved.js"];
    snapshot!(place.run(&moved).printed(7), "fixtures-moved-script");
    std::fs::rename(place.path("flows/child.js"), place.path("new/child.js")).unwrap();
    snapshot!(place.run(&moved).printed(0), @"PASS  tests/review.swf  1 step, 0 live, script edited, 0.0 s");
    snapshot!(place.run(&[&moved[..], &["--accept"]].concat()).printed(0), @"PASS  tests/review.swf  1 step, 0 live, script edited, fixture written, 0.0 s");
    assert!(fixture(&place).contains("../new/moved.js"), "{}", fixture(&place));
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  1 step, 0 live, 0.0 s");
    place.write("tests/other.swf", fixture(&place));
    snapshot!(place.run(&["test", "--script", "new/moved.js"]).said(2), @"error: --script is for one fixture, and there are 2; give only the fixture of this script");
}

#[test]
fn rules_beside_a_fixture_are_kept() {
    let place = recorded(SCRIPT, &[]);
    let rules = r#"{ "resultSchema": { "type": "object", "required": ["found", "rank"] },
        "agents": { "min": 3, "max": 3 }, "maxCostUsd": 1, "noNulls": true }"#;
    place.write("tests/review.assert.json", rules);
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, 0.0 s");
    let mut broken = String::new();
    for rules in [
        r#"{ "resultSchema": { "required": ["verdict"] } }"#,
        r#"{ "agents": { "max": 2 } }"#,
        r#"{ "agents": { "min": 4 } }"#,
        r#"{ "agent": {} }"#,
        r#"{ "agents": 3 }"#,
        r#"{ "agents": { "min": 3, "max": 1 } }"#,
        r#"{ "maxCostUsd": -1 }"#,
        "[]",
        "",
    ] {
        place.write("tests/review.assert.json", rules);
        broken += &format!("{rules}\n{}\n", place.run(&["test"]).printed(7));
    }
    snapshot!(broken, "fixtures-rules");
    let unpriced = recorded(SCRIPT, &["--debug-rule", "label:b=tokens:1000,cost:unknown"]);
    unpriced.write("tests/review.assert.json", r#"{ "maxCostUsd": 5 }"#);
    snapshot!(unpriced.run(&["test"]).printed(7), @"
    FAIL  tests/review.swf  3 steps, 0 live, 0.0 s
          rule maxCostUsd: the cost of 1 of 3 agents is unknown, so the run may cost more than $5; record it with a price for their model (--prices FILE), or leave the rule out
    ");
    let nulls = recorded(SCRIPT, &["--debug-rule", "label:b=null"]);
    nulls.write("tests/review.assert.json", r#"{ "noNulls": true }"#);
    snapshot!(nulls.run(&["test"]).printed(7), @"
    FAIL  tests/review.swf  3 steps, 0 live, 0.0 s
          rule noNulls: 1 nulls; the first is the agent of step 2: the agent answered null
    ");
}

#[test]
fn rules_are_not_judged_by_what_a_run_did_not_get_to() {
    let place = recorded(SCRIPT, &[]);
    let rules = r#"{ "resultSchema": { "required": ["rank"] }, "agents": { "min": 3 } }"#;
    place.write("tests/review.assert.json", rules);
    // The run stops at steps without answers, or fails: that is the fault.
    for (from, to) in [("Review", "Read"), ("Read", "Review"), ("return {", "throw 1; return {")] {
        edit(&place, from, to);
        let tested = place.run(&["test"]);
        assert!(!tested.stdout.contains("rule "), "{}", tested.stdout);
        assert_eq!(tested.code, if to == "Review" { 0 } else { 7 }, "{}", tested.stdout);
    }
    // Who accepts the failure has a rule that nothing can satisfy.
    let failed = place.run(&["test", "--accept"]);
    assert!(
        failed.stdout.contains("rule resultSchema: the run has no result"),
        "{}",
        failed.stdout
    );
}

#[test]
fn secrets_are_taken_out_and_the_fixture_replays_all_the_same() {
    let key = "sk-abcdefghijklmnopqrstuvwxyz123456";
    let script = "
const head = 'sk-abcdefghij'
const answer = await agent(`Log in with ${args.key} for ACME-17 in /home/ann/src`)
await agent(`Then: ${answer} and ${head}klmnopqrstuvwxyz123456`)
return answer
";
    let place = recorded(script, &["--args-key", key]);
    export(&place, &["--redact", "ACME-[0-9]+"]).fails(0, &[]);
    let text = fixture(&place);
    assert!(
        !text.contains(key) && !text.contains("ACME-17") && !text.contains("/home/ann"),
        "{text}"
    );
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  2 steps, 0 live, 0.0 s");
    edit(&place, "Then:", "Now:");
    snapshot!(place.run(&["test"]).printed(7), "fixtures-secrets-taken-out");
    // A script that computes with a secret cannot be replayed without it.
    let place = Place::new();
    place.write(
        "flows/review.js",
        format!("{META}return await agent(`It is ${{args.key.length}} long`)"),
    );
    place.run(&["run", "flows/review.js", "--args-key", key]).ok();
    snapshot!(export(&place, &[]).said(7), @"
    latest is run_1, the last run of /folder
    error: run run_1 does not replay once it is redacted, because its script computes with the redacted text: the replay differs from the journal at entry 3, step 1: request.prompt is not what was recorded [fixture_not_redactable]
    ");
    snapshot!(export(&place, &["--redact", ".*"]).said(2), @"
    latest is run_1, the last run of /folder
    error: --redact .*: it matches the empty text, or its own replacement [fixture_redact_rule]
    ");
}

#[test]
fn children_sleeps_failures_and_races_are_replayed_in_their_order() {
    let script = "
const first = await Promise.race([agent('slow'), agent('fast')])
await SW.sleep(20)
const inner = await workflow({ scriptPath: './child.js' }, { first })
const slots = await parallel([() => agent('broken'), () => agent('whole')])
return { first, inner, slots }
";
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write("flows/child.js", "export const meta = { name: 'c', description: 'd' }\nreturn await agent('inner ' + args.first)");
    place.write("flows/review.js", format!("{META}{script}"));
    let flags = ["--debug-rule", "prompt:slow=delay:80ms", "--debug-rule", "prompt:broken=fail"];
    let ran = place.run(&[&["run", "flows/review.js"], &flags[..]].concat());
    assert_eq!(ran.ok()["results"]["first"], "echo: fast");
    export(&place, &[]).fails(0, &[]);
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  5 steps, 0 live, 0.0 s");
    // Edited, the answers still come in the recorded order, and fail as they did.
    edit(&place, "return {", "/* edited */ return {");
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  5 steps, 0 live, script edited, 0.0 s");
    // So does a child that was edited.
    place.write("flows/child.js", "export const meta = { name: 'c', description: 'd' }\nreturn await agent('inside ' + args.first)");
    snapshot!(place.run(&["test"]).printed(7), "fixtures-children-sleeps-failures");
}

#[test]
fn ci_is_told_in_its_own_forms() {
    let place = recorded(SCRIPT, &[]);
    edit(&place, "Rank", "Order");
    let mut command = place.command(&["test", "--junit", "report.xml"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.path("summary.md"));
    let ran = finish(command.spawn().unwrap());
    snapshot!(ran.said(7), @"
    ::error file=tests/review.swf,title=smol-wf test::step 3 (rank): prompt changed since recorded step 3
    1 fixture, 1 failed
    ");
    let summary = std::fs::read_to_string(place.path("summary.md")).unwrap();
    snapshot!(summary, "test-github-summary");
    // Seen from the repository, not from where the test runs.
    let mut command = place.command(&["test", "review.swf"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", place.dir.path());
    let below = finish(command.current_dir(place.path("tests")).spawn().unwrap());
    snapshot!(below.said(7), @"
    ::error file=tests/review.swf,title=smol-wf test::step 3 (rank): prompt changed since recorded step 3
    1 fixture, 1 failed
    ");
    // What cannot be written keeps nothing else from being written.
    place.write("file", "");
    let mut command = place.command(&["test", "--junit", "file/report.xml"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.path("other.md"));
    snapshot!(finish(command.spawn().unwrap()).said(7), "fixtures-ci-unwritable");
    assert!(place.path("other.md").exists());
    let junit = std::fs::read_to_string(place.path("report.xml")).unwrap();
    snapshot!(junit, "test-junit");
    let json: Value = place.run(&["test", "--json"]).report();
    assert_eq!(json["fixtures"][0]["differences"][0]["kind"], "call_changed");
}

#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let place = recorded(SCRIPT, &[]);
    place.write("real.swf", "");
    symlink("real.swf", place.path("link.swf")).unwrap();
    place.run(&["export", "latest", "--fixture", "link.swf"]).fails(0, &[]);
    assert!(place.path("link.swf").is_symlink());
    assert_ne!(std::fs::read_to_string(place.path("real.swf")).unwrap(), "");
    let socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    snapshot!(place.run(&["test", "tests", "--junit", "socket"]).said(2), @"
    error: cannot write socket: No such device or address (os error 6)
    1 fixture, 0 failed
    ");
    let found = std::fs::symlink_metadata(place.path("socket")).unwrap();
    assert!(found.file_type().is_socket());
    drop(socket);
}

#[test]
fn what_is_no_fixture_is_said() {
    let place = Place::new();
    snapshot!(place.run(&["test"]).said(2), @"error: there is no fixture; record one: smol-wf export latest --fixture NAME.swf");
    snapshot!(place.run(&["test", "gone.swf"]).said(3), @"error: gone.swf cannot be read: No such file or directory (os error 2); check the path [file_unreadable]");
    place.write("empty.swf", "");
    snapshot!(place.run(&["test"]).printed(7), @"FAIL  empty.swf  line 1 of the fixture cannot be read: the file is empty [fixture_unreadable]");
    place.write("empty.swf", "hello\n");
    snapshot!(place.run(&["test"]).printed(7), @"FAIL  empty.swf  line 1 of the fixture cannot be read: this is not a fixture; `smol-wf export RUN --fixture FILE` makes one [fixture_unreadable]");
    place.write("empty.swf", b"{\"swf\":1}\n\xff\n");
    snapshot!(place.run(&["test"]).printed(7), @"FAIL  empty.swf  line 2 of the fixture cannot be read: it is not UTF-8 [fixture_unreadable]");
    let paused =
        place.script(&format!("{META}await agent('a'); await agent('b')"), &["--max-agents", "1"]);
    paused.fails(5, &[]);
    snapshot!(export(&place, &[]).said(3), "fixtures-not-over");
}

#[test]
fn limits_of_the_recording_bound_nothing_that_it_answers() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    let script = "const a = await agent('one')\nreturn [a, await agent('two')]\n";
    place.write("flows/review.js", format!("{META}{script}"));
    let debug = ["--agent-provider", "debug", "--max-agents", "1"];
    place.run(&[&["run", "flows/review.js"][..], &debug].concat()).fails(5, &[]);
    // A fork, whose one new agent is all that it may start.
    edit(&place, "two", "two more");
    place.run(&["resume", "latest"]).ok();
    snapshot!(export(&place, &[]).said(0), "fixtures-limits");
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  2 steps, 0 live, 0.0 s");
    edit(&place, "const a", "// a remark\nconst a");
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  2 steps, 0 live, script edited, 0.0 s");
    let before = fixture(&place);
    snapshot!(place.run(&["test", "--accept"]).printed(0), @"PASS  tests/review.swf  2 steps, 0 live, script edited, fixture written, 0.0 s");
    assert!(fixture(&place).contains("\"agents\":1,"), "{}", fixture(&place));
    assert_ne!(fixture(&place), before);
    snapshot!(place.run(&["test", "--accept"]).printed(0), @"PASS  tests/review.swf  2 steps, 0 live, 0.0 s");
    // A fork of the fork, and a run that was paused and resumed, likewise.
    edit(&place, "return [a,", "return [a, await agent('three'),");
    place.run(&["resume", "latest", "--max-agents", "1"]).ok();
    export(&place, &[]).fails(0, &[]);
    edit(&place, "// a remark", "// another one");
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, script edited, 0.0 s");
    place.run(&[&["run", "flows/review.js"][..], &debug].concat()).fails(5, &[]);
    place.run(&["resume", "latest", "--max-agents", "3"]).ok();
    export(&place, &[]).fails(0, &[]);
    edit(&place, "// another one", "");
    snapshot!(place.run(&["test"]).printed(0), @"PASS  tests/review.swf  3 steps, 0 live, script edited, 0.0 s");
    // What goes on without end is stopped, in words that fit this command.
    edit(&place, "const a", "for (let i = 0; ; i++) agent('more ' + i)\nconst a");
    let ran = place.run(&["test"]);
    snapshot!(ran.printed(7), "fixtures-limits-2");
}

#[test]
fn a_missing_fixture_is_an_input_error() {
    let place = recorded(SCRIPT, &[]);
    snapshot!(place.run(&["test", "nope.swf"]).said(3), @"error: nope.swf cannot be read: No such file or directory (os error 2); check the path [file_unreadable]");
    snapshot!(place.run(&["test", "tests/reviw.swf"]).said(3), @"
    error: tests/reviw.swf cannot be read: No such file or directory (os error 2); check the path [file_unreadable]
    did you mean tests/review.swf?
    ");
}

#[test]
fn an_export_refuses_a_place_at_which_a_test_would_refuse_the_fixture() {
    let place = recorded(SCRIPT, &[]);
    let other = Place::new();
    std::fs::create_dir(other.path(".git")).unwrap();
    let far = other.path("new folder/far one.swf");
    let exported = place.run(&["export", "latest", "--fixture", far.to_str().unwrap()]);
    snapshot!(exported.said(3), @"
    latest is run_1, the last run of /folder
    error: nothing was written: the script of the run is in /folder, outside the project of this fixture, and `smol-wf test` would refuse it; write the fixture beside the script: smol-wf export run_1 --fixture '/folder/far one.swf' [workflow_outside_project]
    ");
    assert!(!other.path("new folder").exists());
    // What it says to type is a fixture that passes.
    let (_, next) = exported.stderr.split_once("smol-wf export ").unwrap();
    let (next, _) = next.split_once(" [workflow").unwrap();
    let line = format!("{} export {next} && {0} test", env!("CARGO_BIN_EXE_smol-wf"));
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).current_dir(place.dir.path()).env("SMOL_WF_DB", place.db());
    let typed = shell.output().unwrap();
    assert!(typed.status.success(), "{line}: {}", String::from_utf8_lossy(&typed.stderr));
    assert!(place.path("far one.swf").exists());
}

#[test]
fn what_is_accepted_passes_the_next_time_or_is_refused() {
    let place = recorded(SCRIPT, &[]);
    let project = Place::new();
    std::fs::create_dir(project.path(".git")).unwrap();
    std::fs::copy(place.path("tests/review.swf"), project.path("my review.swf")).unwrap();
    let script = place.path("flows/review.js");
    let script = script.to_str().unwrap();
    let before = std::fs::read(project.path("my review.swf")).unwrap();
    // It may be tried with a script from anywhere, but not become that script's.
    project.run(&["test", "my review.swf", "--script", script]).fails(0, &[]);
    for more in [&["--accept"][..], &["--record", "missing"]] {
        let args = [&["test", "my review.swf", "--script", script], more].concat();
        insta::allow_duplicates!(
            snapshot!(project.run(&args).printed(7), @"FAIL  my review.swf  the script of the fixture, /folder/flows/review.js, lies outside the project that holds the fixture, /folder: later tests would refuse the fixture; move the script there or the fixture to the script, or leave out --accept and --record [workflow_outside_project]")
        );
    }
    assert_eq!(std::fs::read(project.path("my review.swf")).unwrap(), before);
    // Within the project, it may.
    std::fs::copy(script, project.path("review.js")).unwrap();
    let accept = ["test", "my review.swf", "--script", "review.js", "--accept"];
    project.run(&accept).fails(0, &[]);
    project.run(&["test"]).fails(0, &[]);
    // What is to be typed can be typed.
    let text = std::fs::read_to_string(script).unwrap().replace("rank: await", "order: await");
    project.write("review.js", text);
    snapshot!(project.run(&["test"]).printed(7), "fixtures-to-accept");
}

#[test]
fn the_fixture_of_a_script_that_was_piped_in_says_what_it_lacks() {
    let place = Place::new();
    let text = "export const meta = { name: 'n', description: 'd' }\nreturn await agent('x')\n";
    let mut run = place.command(&["run", "-"]);
    let mut child = run.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert_eq!(common::finish(child).code, 0);
    let exported = place.run(&["export", "latest", "--fixture", "piped.swf"]);
    snapshot!(exported.said(0), "fixtures-piped-script");
    snapshot!(place.run(&["test", "piped.swf"]).printed(7), @"FAIL  piped.swf  the script of the fixture came from stdin or with the program, so no file holds it; save it in the project of the fixture and give its path: smol-wf test FIXTURE --script FILE --accept [fixture_script_gone]");
    snapshot!(place.run(&["test", "piped.swf", "--accept"]).printed(7), @"FAIL  piped.swf  the script of the fixture came from stdin or with the program, so no file holds it; save it in the project of the fixture and give its path: smol-wf test FIXTURE --script FILE --accept [fixture_script_gone]");
    place.write("saved.js", text);
    place.run(&["test", "piped.swf", "--script", "saved.js", "--accept"]).fails(0, &[]);
    place.run(&["test", "piped.swf"]).fails(0, &[]);
}
