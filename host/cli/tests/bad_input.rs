//! Bad input: a clear error with the author's own line and column, the right
//! exit code, and nothing lost.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod common;

use common::{Place, Ran};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

struct Case {
    what: &'static str,
    script: String,
    code: i32,
    says: &'static [&'static str],
}

fn body(what: &'static str, code: i32, says: &'static [&'static str], text: &str) -> Case {
    Case { what, script: format!("{META}{text}"), code, says }
}

fn whole(what: &'static str, code: i32, says: &'static [&'static str], text: &str) -> Case {
    Case { what, script: text.to_owned(), code, says }
}

fn cases() -> Vec<Case> {
    vec![
        body(
            "a syntax error",
            3,
            &["SyntaxError", "script.mjs:3:9", "[syntax]"],
            "let a = 1\nlet b = ]\n",
        ),
        body("behind non-ASCII", 3, &["script.mjs:2:14"], "let ü = '漢', = 1\n"),
        whole("no meta", 3, &["meta_missing", "export const meta"], "return 1\n"),
        whole(
            "an impure meta",
            3,
            &["meta_not_literal", "script.mjs:1:29"],
            "export const meta = { name: who(), description: 'd' }\nreturn 1\n",
        ),
        whole(
            "no description",
            3,
            &["meta_invalid", "description"],
            "export const meta = { name: 'n' }\n",
        ),
        whole("an empty file", 3, &["script_empty"], ""),
        body(
            "an unknown import",
            3,
            &["[import]", "fs"],
            "import fs from 'fs'\nexport default 1\n",
        ),
        body(
            "an import of the sandbox's outside",
            3,
            &["[import]"],
            "import x from './x.mjs'\nexport default x\n",
        ),
        body(
            "a function in the result of a module",
            3,
            &["result_not_json", "items[1].f"],
            "export default { items: [1, { f() {} }] }\n",
        ),
        body(
            "a cycle in the result",
            3,
            &["result_not_json", "self"],
            "const a = {}; a.self = a; return a\n",
        ),
        body("a BigInt in the result", 3, &["result_not_json", "big"], "return { big: 1n }\n"),
        body(
            "a promise that never settles",
            3,
            &["never_settles", "2:7"],
            "await new Promise(() => {})\n",
        ),
        body(
            "the same after some steps",
            3,
            &["never_settles", "3:11"],
            "await agent('a')\nconst p = new Promise(() => {})\nawait p\n",
        ),
        body(
            "a rejection that nobody awaits, in a module",
            3,
            &["unhandled_rejection", "boom", "2:"],
            "Promise.reject(new Error('boom'))\nawait agent('x')\nexport default 1\n",
        ),
        body("a throw", 1, &["TypeError", "3:10", "[thrown]"], "const o = null\nreturn o.x\n"),
        body(
            "a throw after a step",
            1,
            &["boom", "3:"],
            "await agent('x')\nthrow new Error('boom')\n",
        ),
    ]
}

#[test]
fn scripts_that_cannot_run() {
    for case in cases() {
        let place = Place::new();
        let ran = place.script(&case.script, &[]);
        assert_eq!(ran.code, case.code, "{}: {}", case.what, ran.stderr);
        for part in case.says {
            assert!(ran.stderr.contains(part), "{}: no `{part}` in {}", case.what, ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked"), "{}: {}", case.what, ran.stderr);
        let next = place.script(&format!("{META}return 1\n"), &[]);
        assert_eq!(next.ok()["results"], 1, "{}: and the next run is well", case.what);
    }
}

#[test]
fn bytes_that_are_no_script() {
    let place = Place::new();
    place.write("latin1.mjs", b"// caf\xe9\n");
    place.run(&["run", "latin1.mjs"]).fails(3, &["script_not_utf8"]);
    place.write("large.mjs", format!("{META}// {}\n", "x".repeat(1024 * 1024)));
    place.run(&["run", "large.mjs"]).fails(3, &["script_too_large"]);
    place.run(&["run", "absent.mjs"]).fails(3, &["absent.mjs"]);
    place.run(&["run", "."]).fails(3, &["."]);
    let levels = 100_000;
    let nested = format!("{META}return {}1{}\n", "[".repeat(levels), "]".repeat(levels));
    place.write("deep.mjs", nested);
    let deep = place.run(&["run", "deep.mjs"]);
    assert!(matches!(deep.code, 1 | 3), "{}", deep.stderr);
    assert!(deep.stderr.contains("error: "), "{}", deep.stderr);
}

#[test]
fn argument_files() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return args\n"));
    let run = |file: &str| place.run(&["run", "s.mjs", "--args-from-file", file]);
    run("absent.json").fails(3, &["absent.json", "args_invalid"]);
    place.write("list.json", "[1]");
    run("list.json").fails(3, &["must hold an object", "an array"]);
    place.write("latin1.json", b"{\"a\": \"\xe9\"}");
    run("latin1.json").fails(3, &["not UTF-8", "byte 7"]);
    place.write("broken.yaml", "a: [1\n");
    run("broken.yaml").fails(3, &["not YAML"]);
    place.write("good.yaml", "a: 1\nb:\n  - x\n  - y: true\n");
    let good = run("good.yaml").ok();
    assert_eq!(good["results"], serde_json::json!({ "a": 1, "b": ["x", { "y": true }] }));
}

fn with_db(place: &Place, db: &str) -> Ran {
    place.write("s.mjs", format!("{META}return 1\n"));
    place.run(&["run", "s.mjs", "--db", db])
}

#[test]
fn databases_that_cannot_be_used() {
    let place = Place::new();
    std::fs::create_dir(place.path("dir.db")).unwrap();
    with_db(&place, "dir.db").fails(3, &["is a directory", "dir.db"]);
    place.write("garbage.db", "this is no database, ".repeat(500));
    with_db(&place, "garbage.db").fails(3, &["garbage.db", "store_"]);
    with_db(&place, "/proc/self/nowhere/x.db").fails(3, &["/proc/self/nowhere", "store_"]);
    let newer = rusqlite::Connection::open(place.path("newer.db")).unwrap();
    assert_eq!(with_db(&place, "ok.db").code, 0);
    let id: i64 = rusqlite::Connection::open(place.path("ok.db"))
        .unwrap()
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .unwrap();
    newer
        .execute_batch(&format!(
            "PRAGMA application_id={id}; PRAGMA user_version=9999; CREATE TABLE t(x);"
        ))
        .unwrap();
    drop(newer);
    with_db(&place, "newer.db").fails(3, &["9999", "store_newer"]);
}

#[test]
fn runs_that_cannot_be_resumed() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}await agent('a')\nreturn 1\n"));
    let first = place.run(&["run", "s.mjs"]);
    first.ok();
    place.run(&["resume", "run_00000000000000000000000000"]).fails(3, &["run_unknown", "history"]);
    place.run(&["resume", "nonsense"]).fails(3, &["run_unknown"]);
    place
        .run(&["run", "s.mjs", "--resume-run", "run_00000000000000000000000000"])
        .fails(3, &["run_unknown"]);
    place.write("s.mjs", format!("{META}await agent('b')\nreturn 1\n"));
    let as_recorded = place.run(&["resume", "latest", "--as-recorded"]);
    assert_eq!(as_recorded.ok()["runId"], first.run_id());
    for (arguments, says) in [
        (&["fork", "latest", "--from", "3"][..], "steps 1 to 1"),
        (&["fork", "latest", "--set-result", "2=1"], "not an agent step"),
        (&["fork", "latest", "--set-result", "1={\"a\":1,}"], "not JSON: trailing comma"),
        (&["fork", "latest", "--from", "none"], "from 1"),
        (&["fork", "latest", "--set-result", "1=1", "--set-result", "1=2"], "twice for step 1"),
        (&["fork", "latest", "--set-result", "1=yes"], "quotes: --set-result 1='\"yes\"'"),
    ] {
        place.run(arguments).fails(2, &[says]);
    }
    // All ids begin alike; which ones there are is said.
    let second = place.run(&["run", "s.mjs"]).run_id();
    for verb in ["resume", "fork", "history"] {
        place.run(&[verb, "run_"]).fails(3, &["run_ambiguous", &second, &first.run_id()]);
        place.run(&[verb, "nosuch"]).fails(3, &["run_unknown", "`nosuch`", "smol-wf history"]);
    }
    place.write("none.mjs", format!("{META}return 1\n"));
    assert_eq!(place.run(&["run", "none.mjs"]).code, 0);
    place.run(&["fork", "latest", "--from", "2"]).fails(2, &["has no steps"]);
}

#[test]
fn a_live_run_of_another_process_is_left_alone() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return await agent('a')\n"));
    let mut first =
        place.command(&["run", "s.mjs", "--debug-rule", "*=delay:60s"]).spawn().unwrap();
    let mut said = std::io::BufReader::new(first.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    let run = common::run_id_of(&line);
    let held = format!("being run by process {}; stop that process", first.id());
    place.run(&["resume", &run]).fails(3, &["run_held", &held]);
    // It cannot be taken up, so nobody is told to.
    let exported = place.run(&["export", &run, "--fixture", "a.swf"]);
    exported.fails(3, &["wait until the run is over", &run, "fixture_not_over"]);
    assert!(!exported.stderr.contains("smol-wf resume"), "{}", exported.stderr);
    assert!(!place.path("a.swf").exists());
    let listed = place.run(&["history", "--output", "json"]).report();
    assert_eq!(listed["runs"][0]["state"], "running");
    first.kill().unwrap();
    first.wait().unwrap();
    let listed = place.run(&["history", "--output", "json"]).report();
    assert_eq!(listed["runs"][0]["state"], "interrupted");
    let exported = place.run(&["export", &run, "--fixture", "a.swf"]);
    exported.fails(3, &[&format!("smol-wf resume {run}"), "fixture_not_over"]);
}

#[test]
fn usage() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return 1\n"));
    for args in [
        &["run"][..],
        &["run", "s.mjs", "--max-agents", "0"],
        &["run", "s.mjs", "--timeout", "soon"],
        &["run", "s.mjs", "--no-such-flag"],
        &["run", "s.mjs", "--debug-rule", "nonsense"],
        &["run", "s.mjs", "--agent-provider", "nobody"],
        &["history", "--args-x", "1"],
        &["frobnicate"],
    ] {
        let ran = place.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{args:?}");
    }
    place.run(&["run", "s.mjs", "--args", "{"]).fails(3, &["--args is not JSON"]);
}

#[test]
fn primitives_that_are_given_the_wrong_kind_of_argument_throw_a_type_error() {
    let place = Place::new();
    for call in ["agent('')", "parallel('x')", "pipeline([1], 'x')", "workflow()", "SW.sleep('1')"]
    {
        let text =
            format!("export const meta = {{ name: 'a', description: 'b' }}\nreturn await {call}\n");
        place.write("s.js", text);
        let ran = place.run(&["run", "s.js"]);
        ran.fails(1, &["workflow failed at 2:", "TypeError", "[thrown]"]);
    }
    let text = "export const meta = { name: 'a', description: 'b' }\nreturn agent('x', { timeout: 'soon' })\n";
    place.write("s.js", text);
    place.run(&["run", "s.js"]).fails(1, &["[call_invalid]"]);
}
