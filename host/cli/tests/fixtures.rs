//! Fixtures: recorded once, replayed against the scripts of today.

mod common;

use common::{Place, Ran, finish, project};
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
    export(&place, &[]).fails(0, &["smol-wf test"]);
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

#[track_caller]
fn verdict(ran: &Ran, code: i32, says: &[&str]) {
    assert_eq!(ran.code, code, "{}\n{}", ran.stdout, ran.stderr);
    for part in says {
        assert!(ran.stdout.contains(part), "no `{part}` in: {}", ran.stdout);
    }
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
    verdict(&place.run(&["test"]), 0, &["PASS  tests/review.swf  3 steps, 0 live"]);
    edit(&place, "return {", "// a remark\nlog('new')\nreturn {");
    verdict(&place.run(&["test", "tests"]), 0, &["PASS", "script edited"]);
    let before = fixture(&place);
    verdict(&place.run(&["test", "--accept"]), 0, &["fixture written"]);
    assert_ne!(fixture(&place), before);
    verdict(&place.run(&["test"]), 0, &["PASS  tests/review.swf  3 steps, 0 live, "]);
}

#[test]
fn a_changed_prompt_is_shown_and_recorded_live_on_request() {
    let place = recorded(SCRIPT, &[]);
    edit(&place, "Rank ${found.length} findings.", "Order ${found.length} findings by weight.");
    let failed = place.run(&["test"]);
    verdict(
        &failed,
        7,
        &[
            "FAIL  tests/review.swf",
            "step 3 (rank): prompt changed",
            "- Rank 2 findings.",
            "+ Order 2 findings by weight.",
            "--record missing",
        ],
    );
    // Nothing to accept: an answer is missing.
    verdict(&place.run(&["test", "--accept"]), 7, &["FAIL"]);
    let live = place.run(&["test", "--record", "missing", "--debug-rule", "*=answer:by weight"]);
    verdict(&live, 0, &["PASS", "3 steps, 1 live", "fixture written"]);
    verdict(&place.run(&["test"]), 0, &["3 steps, 0 live"]);
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
    let says = ["FAIL", "failed (quota)", "kept in tests/review.swf.kept", "go on: smol-wf test"];
    verdict(&cut, 7, &says);
    assert_eq!(fixture(&place), before, "a fixture has an end");
    // Cut short again: what was kept stays, and is not asked for.
    let again = place.run(&[&record[..], &rule].concat());
    verdict(&again, 7, &["3 steps, 1 live", "review.swf.kept"]);
    let kept = place.path("tests/review.swf.kept");
    let text = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, text.replace("Study a", "Study z")).unwrap();
    verdict(&place.run(&record), 7, &[".kept file", "[fixture_kept]"]);
    std::fs::write(&kept, text).unwrap();
    // Only recording looks at what is kept.
    verdict(&place.run(&["test"]), 7, &["prompt changed"]);
    verdict(&place.run(&record), 0, &["PASS", "3 steps, 1 live", "fixture written"]);
    assert!(!place.path("tests/review.swf.kept").exists());
    verdict(&place.run(&["test"]), 0, &["PASS  tests/review.swf  3 steps, 0 live"]);
}

#[test]
fn new_and_missing_calls_and_another_result_fail() {
    let place = recorded(SCRIPT, &[]);
    edit(&place, "['a', 'b']", "['a']");
    let fewer = place.run(&["test"]);
    verdict(
        &fewer,
        7,
        &["prompt changed", "- Rank 2 findings.", "recorded step 2 (b) was not reached"],
    );
    // Of a run that has its end, it is known.
    edit(&place, "Rank ${found.length}", "Rank 2");
    verdict(&place.run(&["test"]), 7, &["recorded step 2 (b) no longer occurs", "--accept"]);
    edit(&place, "Rank 2", "Rank ${found.length}");
    edit(&place, "['a']", "['a', 'b', 'c']");
    verdict(&place.run(&["test"]), 7, &["step 3 (c) is new: the fixture has no answer"]);
    edit(&place, "['a', 'b', 'c']", "['b', 'a']");
    let turned = place.run(&["test"]);
    verdict(&turned, 7, &["the result changed", "--accept"]);
    verdict(&place.run(&["test", "--accept"]), 0, &["PASS", "fixture written"]);
    verdict(&place.run(&["test"]), 0, &["PASS"]);
}

#[test]
fn a_flipped_byte_is_found_at_its_line() {
    let place = recorded(SCRIPT, &[]);
    let text = fixture(&place);
    let line = text.lines().position(|line| line.contains("for bugs.")).unwrap() + 1;
    let forged = text.replacen("for bugs.", "for bugz.", 1);
    std::fs::write(place.path("tests/review.swf"), forged).unwrap();
    verdict(&place.run(&["test"]), 7, &["FAIL", &format!("line {line} "), "fixture_changed"]);
    // Nothing but the file as it was, or another run, helps.
    verdict(&place.run(&["test", "--accept"]), 7, &["smol-wf export RUN --fixture"]);
}

/// Six calls, one behind the other.
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
    verdict(&ran, 7, &["recorded step 1 (a) no longer occurs", "and 2 more differences"]);
    let lines: Vec<&str> = ran.stdout.lines().map(str::trim).collect();
    let cause = "the script fails now at 3:1: ReferenceError: ";
    assert!(lines[1].starts_with(cause), "{}", ran.stdout);
    assert!(lines.last().unwrap().starts_with("if the script is to fail"), "{}", ran.stdout);
    let junit = std::fs::read_to_string(place.path("report.xml")).unwrap();
    assert!(junit.contains(&format!("<failure message=\"{cause}")), "{junit}");
    let json = place.run(&["test", "--json"]).report();
    let first = &json["fixtures"][0]["differences"][0];
    assert_eq!(
        (&first["kind"], &first["error"]["name"]),
        (&"end_changed".into(), &"ReferenceError".into())
    );
}

#[test]
fn calls_behind_one_that_has_no_answer_were_not_reached() {
    let place = recorded(CHAIN, &[]);
    edit(&place, "'a', 'b'", "'A', 'b'");
    let ran = place.run(&["test"]);
    let says = ["step 1 (A): prompt", "recorded steps 2 (b), 3 (c), 4 (d), … were not reached"];
    verdict(&ran, 7, &says);
    assert!(!ran.stdout.contains("no longer occurs"), "{}", ran.stdout);
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
    let hint = "smol-wf test FIXTURE --script FILE --accept";
    verdict(&place.run(&["test"]), 7, &["FAIL", "flows/review.js", hint, "[fixture_script_gone]"]);
    // From its new place, the script does not find its child.
    let moved = ["test", "tests/review.swf", "--script", "new/moved.js"];
    verdict(&place.run(&moved), 7, &["the script fails now", "child.js"]);
    std::fs::rename(place.path("flows/child.js"), place.path("new/child.js")).unwrap();
    verdict(&place.run(&moved), 0, &["PASS"]);
    verdict(&place.run(&[&moved[..], &["--accept"]].concat()), 0, &["PASS", "fixture written"]);
    assert!(fixture(&place).contains("../new/moved.js"), "{}", fixture(&place));
    verdict(&place.run(&["test"]), 0, &["PASS  tests/review.swf  1 step, 0 live, "]);
    place.write("tests/other.swf", fixture(&place));
    place.run(&["test", "--script", "new/moved.js"]).fails(2, &["--script is for one fixture"]);
}

#[test]
fn rules_beside_a_fixture_are_kept() {
    let place = recorded(SCRIPT, &[]);
    let rules = r#"{ "resultSchema": { "type": "object", "required": ["found", "rank"] },
        "agents": { "min": 3, "max": 3 }, "maxCostUsd": 1, "noNulls": true }"#;
    place.write("tests/review.assert.json", rules);
    verdict(&place.run(&["test"]), 0, &["PASS"]);
    for (rules, says) in [
        (r#"{ "resultSchema": { "required": ["verdict"] } }"#, "rule resultSchema"),
        (r#"{ "agents": { "max": 2 } }"#, "rule agents: 3 agents were called, and 2 is the most"),
        (r#"{ "agents": { "min": 4 } }"#, "4 is the least"),
        (r#"{ "agent": {} }"#, "fixture_rules"),
        (r#"{ "agents": 3 }"#, "an object with `min` or `max`"),
        (r#"{ "agents": { "min": 3, "max": 1 } }"#, "`min` of 3 above its `max` of 1"),
        (r#"{ "maxCostUsd": -1 }"#, "no run costs less than 0"),
        ("[]", "an object of rules"),
        ("", ".assert.json"),
    ] {
        place.write("tests/review.assert.json", rules);
        verdict(&place.run(&["test"]), 7, &["FAIL", says]);
    }
    let unpriced = recorded(SCRIPT, &["--debug-rule", "label:b=tokens:1000,cost:unknown"]);
    unpriced.write("tests/review.assert.json", r#"{ "maxCostUsd": 5 }"#);
    let says = ["rule maxCostUsd: of 3 calls, 1 have no known cost", "more than $5"];
    verdict(&unpriced.run(&["test"]), 7, &says);
    let nulls = recorded(SCRIPT, &["--debug-rule", "label:b=null"]);
    nulls.write("tests/review.assert.json", r#"{ "noNulls": true }"#);
    verdict(&nulls.run(&["test"]), 7, &["rule noNulls: 1 nulls", "step 2"]);
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
    assert!(text.contains("[redacted]"));
    verdict(&place.run(&["test"]), 0, &["PASS", "2 steps"]);
    edit(&place, "Then:", "Now:");
    verdict(&place.run(&["test"]), 7, &["- Then: echo: Log in with [redacted]", "+ Now: echo"]);
    // A script that computes with a secret cannot be replayed without it.
    let place = Place::new();
    place.write(
        "flows/review.js",
        format!("{META}return await agent(`It is ${{args.key.length}} long`)"),
    );
    place.run(&["run", "flows/review.js", "--args-key", key]).ok();
    export(&place, &[]).fails(7, &["fixture_not_redactable", "prompt"]);
    export(&place, &["--redact", ".*"]).fails(2, &["fixture_redact_rule"]);
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
    verdict(&place.run(&["test"]), 0, &["PASS  tests/review.swf  5 steps"]);
    // Edited, the answers still come in the recorded order, and fail as they did.
    edit(&place, "return {", "/* edited */ return {");
    verdict(&place.run(&["test"]), 0, &["PASS", "script edited"]);
    // So does a child that was edited.
    place.write("flows/child.js", "export const meta = { name: 'c', description: 'd' }\nreturn await agent('inside ' + args.first)");
    verdict(&place.run(&["test"]), 7, &["- inner echo: fast", "+ inside echo: fast"]);
}

#[test]
fn ci_is_told_in_its_own_forms() {
    let place = recorded(SCRIPT, &[]);
    edit(&place, "Rank", "Order");
    let mut command = place.command(&["test", "--junit", "report.xml"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.path("summary.md"));
    let ran = finish(command.spawn().unwrap());
    ran.fails(7, &["::error file=tests/review.swf,title=smol-wf test::step 3 (rank)"]);
    let summary = std::fs::read_to_string(place.path("summary.md")).unwrap();
    assert!(summary.contains("| **FAIL** | tests/review.swf |"), "{summary}");
    // Seen from the repository, not from where the test runs.
    let mut command = place.command(&["test", "review.swf"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", place.dir.path());
    let below = finish(command.current_dir(place.path("tests")).spawn().unwrap());
    below.fails(7, &["::error file=tests/review.swf,title="]);
    // What cannot be written keeps nothing else from being written.
    place.write("file", "");
    let mut command = place.command(&["test", "--junit", "file/report.xml"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.path("other.md"));
    finish(command.spawn().unwrap())
        .fails(7, &["cannot write file/report.xml", "::error file=tests/review.swf"]);
    assert!(place.path("other.md").exists());
    let junit = std::fs::read_to_string(place.path("report.xml")).unwrap();
    assert!(junit.contains("tests=\"1\" failures=\"1\""), "{junit}");
    assert!(junit.contains("<failure message=\"step 3 (rank): prompt changed"), "{junit}");
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
    place.run(&["test", "tests", "--junit", "socket"]).fails(2, &["cannot write socket"]);
    let found = std::fs::symlink_metadata(place.path("socket")).unwrap();
    assert!(found.file_type().is_socket());
    drop(socket);
}

#[test]
fn what_is_no_fixture_is_said() {
    let place = Place::new();
    place.run(&["test"]).fails(2, &["no fixture", "export latest --fixture"]);
    place.run(&["test", "gone.swf"]).fails(3, &["gone.swf"]);
    place.write("empty.swf", "");
    verdict(&place.run(&["test"]), 7, &["FAIL  empty.swf", "fixture_unreadable"]);
    place.write("empty.swf", "hello\n");
    verdict(&place.run(&["test"]), 7, &["this is not a fixture", "fixture_unreadable"]);
    place.write("empty.swf", b"{\"swf\":1}\n\xff\n");
    verdict(&place.run(&["test"]), 7, &["line 2 ", "not UTF-8", "[fixture_unreadable]"]);
    let paused =
        place.script(&format!("{META}await agent('a'); await agent('b')"), &["--max-agents", "1"]);
    paused.fails(5, &[]);
    export(&place, &[]).fails(3, &["fixture_not_over", "resume"]);
}

#[test]
fn limits_of_the_recording_bound_nothing_that_it_answers() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    let script = "const a = await agent('one')\nreturn [a, await agent('two')]\n";
    place.write("flows/review.js", format!("{META}{script}"));
    let debug = ["--agent-provider", "debug", "--max-agents", "1"];
    place.run(&[&["run", "flows/review.js"][..], &debug].concat()).fails(5, &["limit_agents"]);
    // A fork, whose one new agent is all that it may start.
    edit(&place, "two", "two more");
    place.run(&["resume", "latest"]).ok();
    export(&place, &[]).fails(0, &["smol-wf test"]);
    verdict(&place.run(&["test"]), 0, &["2 steps, 0 live"]);
    edit(&place, "const a", "// a remark\nconst a");
    verdict(&place.run(&["test"]), 0, &["2 steps, 0 live, script edited"]);
    let before = fixture(&place);
    verdict(&place.run(&["test", "--accept"]), 0, &["fixture written"]);
    assert!(fixture(&place).contains("\"agents\":1,"), "{}", fixture(&place));
    assert_ne!(fixture(&place), before);
    verdict(&place.run(&["test", "--accept"]), 0, &["2 steps, 0 live, "]);
    // A fork of the fork, and a run that was paused and resumed, likewise.
    edit(&place, "return [a,", "return [a, await agent('three'),");
    place.run(&["resume", "latest", "--max-agents", "1"]).ok();
    export(&place, &[]).fails(0, &["smol-wf test"]);
    edit(&place, "// a remark", "// another one");
    verdict(&place.run(&["test"]), 0, &["3 steps, 0 live, script edited"]);
    place.run(&[&["run", "flows/review.js"][..], &debug].concat()).fails(5, &["limit_agents"]);
    place.run(&["resume", "latest", "--max-agents", "3"]).ok();
    export(&place, &[]).fails(0, &["smol-wf test"]);
    edit(&place, "// another one", "");
    verdict(&place.run(&["test"]), 0, &["3 steps, 0 live, script edited"]);
    // What goes on without end is stopped, in words that fit this command.
    edit(&place, "const a", "for (let i = 0; ; i++) agent('more ' + i)\nconst a");
    let ran = place.run(&["test"]);
    verdict(&ran, 7, &["the run may start 1003 agents"]);
    assert!(!ran.stdout.contains("--max-agents"), "{}", ran.stdout);
}

#[test]
fn a_missing_fixture_is_an_input_error() {
    let place = recorded(SCRIPT, &[]);
    let said = "nope.swf cannot be read: ";
    place.run(&["test", "nope.swf"]).fails(3, &[said, "[file_unreadable]"]);
    place.run(&["test", "tests/reviw.swf"]).fails(3, &["did you mean tests/review.swf?"]);
}

#[test]
fn an_export_refuses_a_place_at_which_a_test_would_refuse_the_fixture() {
    let place = recorded(SCRIPT, &[]);
    let other = Place::new();
    std::fs::create_dir(other.path(".git")).unwrap();
    let far = other.path("new folder/far one.swf");
    let exported = place.run(&["export", "latest", "--fixture", far.to_str().unwrap()]);
    exported.fails(3, &["nothing was written", "[workflow_outside_project]"]);
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
        let said = ["lies outside the project that holds the fixture", "move the script there"];
        verdict(&project.run(&args), 7, &said);
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
    verdict(&project.run(&["test"]), 7, &["accept it: smol-wf test 'my review.swf' --accept"]);
}

#[test]
fn the_fixture_of_a_script_that_was_piped_in_says_what_it_lacks() {
    let place = Place::new();
    let text = "export const meta = { name: 'n', description: 'd' }\nreturn await agent('x')\n";
    let mut run = place.command(&["run", "-"]);
    let mut child = run.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    assert_eq!(common::finish(child).code, 0);
    let said = "was piped in, and no file holds it; save it in the project of the fixture";
    let exported = place.run(&["export", "latest", "--fixture", "piped.swf"]);
    exported.fails(0, &["warning: smol-wf test will refuse", said]);
    verdict(&place.run(&["test", "piped.swf"]), 7, &[said, "--script FILE --accept"]);
    verdict(&place.run(&["test", "piped.swf", "--accept"]), 7, &[said]);
    place.write("saved.js", text);
    place.run(&["test", "piped.swf", "--script", "saved.js", "--accept"]).fails(0, &[]);
    place.run(&["test", "piped.swf"]).fails(0, &[]);
}
