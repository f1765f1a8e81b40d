//! Bad input: a clear error with the author's own line and column, the right
//! exit code, and nothing lost.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod common;

use common::{Place, Ran, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

struct Case {
    what: &'static str,
    script: String,
    code: i32,
}

fn body(what: &'static str, code: i32, text: &str) -> Case {
    Case { what, script: format!("{META}{text}"), code }
}

fn whole(what: &'static str, code: i32, text: &str) -> Case {
    Case { what, script: text.to_owned(), code }
}

fn cases() -> Vec<Case> {
    vec![
        body("a syntax error", 3, "let a = 1\nlet b = ]\n"),
        body("behind non-ASCII", 3, "let ü = '漢', = 1\n"),
        whole("no meta", 3, "return 1\n"),
        whole(
            "an impure meta",
            3,
            "export const meta = { name: who(), description: 'd' }\nreturn 1\n",
        ),
        whole("no description", 3, "export const meta = { name: 'n' }\n"),
        whole("an empty file", 3, ""),
        body("an unknown import", 3, "import fs from 'fs'\nexport default 1\n"),
        body(
            "an import of the sandbox's outside",
            3,
            "import x from './x.mjs'\nexport default x\n",
        ),
        body(
            "a function in the result of a module",
            3,
            "export default { items: [1, { f() {} }] }\n",
        ),
        body("a cycle in the result", 3, "const a = {}; a.self = a; return a\n"),
        body("a BigInt in the result", 3, "return { big: 1n }\n"),
        body("a promise that never settles", 3, "await new Promise(() => {})\n"),
        body(
            "the same after some steps",
            3,
            "await agent('a')\nconst p = new Promise(() => {})\nawait p\n",
        ),
        body(
            "a rejection that nobody awaits, in a module",
            3,
            "Promise.reject(new Error('boom'))\nawait agent('x')\nexport default 1\n",
        ),
        body("a throw", 1, "const o = null\nreturn o.x\n"),
        body("a throw after a step", 1, "await agent('x')\nthrow new Error('boom')\n"),
    ]
}

#[test]
fn scripts_that_cannot_run() {
    let mut said = String::new();
    for case in cases() {
        let place = Place::new();
        let ran = place.script(&case.script, &[]);
        said += &format!("{}:\n{}", case.what, ran.said(case.code));
        let next = place.script(&format!("{META}return 1\n"), &[]);
        assert_eq!(next.ok()["results"], 1, "{}: and the next run is well", case.what);
    }
    snapshot!(said, "bad-input-scripts");
}

#[test]
fn bytes_that_are_no_script() {
    let place = Place::new();
    place.write("latin1.mjs", b"// caf\xe9\n");
    snapshot!(place.run(&["run", "latin1.mjs"]).said(3), @"
    error: the script is not UTF-8 text: byte 6 cannot be read [script_not_utf8]
    latin1.mjs:1:7
       1 │ // caf
         │       ^
    ");
    place.write("large.mjs", format!("{META}// {}\n", "x".repeat(1024 * 1024)));
    snapshot!(place.run(&["run", "large.mjs"]).said(3), @"error: `large.mjs` is larger than 1048576 bytes, the most that a script may have [script_too_large]");
    snapshot!(place.run(&["run", "absent.mjs"]).said(3), @"error: there is no file `absent.mjs` [workflow_not_found]");
    snapshot!(place.run(&["run", "."]).said(3), @"error: `.` is a directory, not a file [workflow_not_a_file]");
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
    snapshot!(run("absent.json").said(3), @"error: --args-from-file: absent.json cannot be read: No such file or directory (os error 2); check the path [args_invalid]");
    place.write("list.json", "[1]");
    snapshot!(run("list.json").said(3), @"error: --args-from-file: list.json must hold an object, and holds an array [args_invalid]");
    place.write("latin1.json", b"{\"a\": \"\xe9\"}");
    snapshot!(run("latin1.json").said(3), @"error: --args-from-file: latin1.json is not UTF-8 (byte 7); save it as UTF-8 [args_invalid]");
    place.write("broken.yaml", "a: [1\n");
    snapshot!(run("broken.yaml").said(3), @"error: --args-from-file: broken.yaml is not YAML: line 1 column 4: unclosed bracket '[' [args_invalid]");
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
    snapshot!(with_db(&place, "dir.db").said(3), @"error: dir.db is a directory, not a database; name a file in it, as in dir.db/runs.db [store_is_directory]");
    place.write("garbage.db", "this is no database, ".repeat(500));
    snapshot!(with_db(&place, "garbage.db").said(3), @"error: garbage.db is damaged, or not a database: file is not a database; move it away (`mv garbage.db garbage.db.bad`) to start afresh, and try `sqlite3 garbage.db.bad .recover` to save what is in it [store_corrupt]");
    snapshot!(with_db(&place, "/proc/self/nowhere/x.db").said(3), @"error: /proc/self/nowhere/x.db cannot be written: No such file or directory (os error 2); get write permission for the file and its directory, or choose another path [store_not_writable]");
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
    snapshot!(with_db(&place, "newer.db").said(3), @"error: newer.db has schema 9999, and this program knows schemas up to 6; update smol-wf, or use another database [store_newer]");
}

#[test]
fn runs_that_cannot_be_resumed() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}await agent('a')\nreturn 1\n"));
    let first = place.run(&["run", "s.mjs"]);
    first.ok();
    snapshot!(place.run(&["resume", "run_00000000000000000000000000"]).said(3), @"
    error: there is no run `run_1` in this database [run_unknown]
    all runs: smol-wf history
    ");
    snapshot!(place.run(&["resume", "nonsense"]).said(3), @"
    error: there is no run `nonsense` in this database [run_unknown]
    runs of the workflow `nonsense`: smol-wf history --name nonsense
    all runs: smol-wf history
    ");
    let gone = place.run(&["run", "s.mjs", "--resume-run", "run_00000000000000000000000000"]);
    snapshot!(gone.said(3), @"
    error: there is no run `run_1` in this database [run_unknown]
    all runs: smol-wf history
    ");
    place.write("s.mjs", format!("{META}await agent('b')\nreturn 1\n"));
    let as_recorded = place.run(&["resume", "latest", "--as-recorded"]);
    assert_eq!(as_recorded.ok()["runId"], first.run_id());
    let mut said = String::new();
    for arguments in [
        &["fork", "latest", "--from", "3"][..],
        &["fork", "latest", "--set-result", "2=1"],
        &["fork", "latest", "--set-result", "1={\"a\":1,}"],
        &["fork", "latest", "--from", "none"],
        &["fork", "latest", "--set-result", "1=1", "--set-result", "1=2"],
        &["fork", "latest", "--set-result", "1=yes"],
    ] {
        said += place.run(arguments).said(2);
    }
    snapshot!(said, "bad-input-forks");
    // All ids begin alike; which ones there are is said.
    let second = place.run(&["run", "s.mjs"]).run_id();
    let mut said = String::new();
    for verb in ["resume", "fork", "history"] {
        place.run(&[verb, "run_"]).fails(3, &["[run_ambiguous]", &second, &first.run_id()]);
        said += place.run(&[verb, "nosuch"]).said(3);
    }
    snapshot!(said, "bad-input-unknown-runs");
    place.write("none.mjs", format!("{META}return 1\n"));
    assert_eq!(place.run(&["run", "none.mjs"]).code, 0);
    snapshot!(place.run(&["fork", "latest", "--from", "2"]).said(2), @"
    error: --from 2: run run_1 has no steps; leave out --from [request_invalid]
    its steps: smol-wf history run_1 -o text
    ");
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
    let held = place.run(&["resume", &run]);
    snapshot!(held.said(3).replace(&first.id().to_string(), "PID"), @"
    error: run run_1 is being run by process PID; stop that process, or wait until it is done [run_held]
    its state: smol-wf history run_1
    ");
    // It cannot be taken up, so nobody is told to.
    let exported = place.run(&["export", &run, "--fixture", "a.swf"]);
    snapshot!(exported.said(3), @"
    error: another process works on run run_1; only an ended run can be a fixture; wait until the run is over, then export it again [fixture_not_over]
    its state: smol-wf history run_1
    ");
    assert!(!place.path("a.swf").exists());
    let listed = place.run(&["history", "--output", "json"]).report();
    assert_eq!(listed["runs"][0]["state"], "running");
    first.kill().unwrap();
    first.wait().unwrap();
    let listed = place.run(&["history", "--output", "json"]).report();
    assert_eq!(listed["runs"][0]["state"], "interrupted");
    let exported = place.run(&["export", &run, "--fixture", "a.swf"]);
    snapshot!(exported.said(3), @"
    error: run run_1 has not ended; only an ended run can be a fixture; resume it, then export it again [fixture_not_over]
    resume it: smol-wf resume run_1
    ");
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
    snapshot!(place.run(&["run", "s.mjs", "--args", "{"]).said(3), @r#"error: --args is not JSON: EOF while parsing an object at line 1 column 1; quote it for your shell, as in --args '{"name": 1}', or give a file: --args @FILE [args_invalid]"#);
}

#[test]
fn primitives_that_are_given_the_wrong_kind_of_argument_throw_a_type_error() {
    let place = Place::new();
    let mut said = String::new();
    for call in ["agent('')", "parallel('x')", "pipeline([1], 'x')", "workflow()", "SW.sleep('1')"]
    {
        let text =
            format!("export const meta = {{ name: 'a', description: 'b' }}\nreturn await {call}\n");
        place.write("s.js", text);
        said += place.run(&["run", "s.js"]).said(1);
    }
    snapshot!(said, "bad-input-primitives");
    let text = "export const meta = { name: 'a', description: 'b' }\nreturn agent('x', { timeout: 'soon' })\n";
    place.write("s.js", text);
    snapshot!(place.run(&["run", "s.js"]).said(1), @r#"
    run run_1 in /folder
    error: workflow failed at 2:8: AgentError: option `timeout` of agent() takes milliseconds, or text like '90s' or '5m', up to 24 h, and is "soon" [call_invalid]
       2 │ return agent('x', { timeout: 'soon' })
         │        ^
    report: smol-wf history run_1
    "#);
}
