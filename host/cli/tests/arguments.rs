//! The workflow's arguments as they reach a script: from the command line, from
//! files, from stdin; and a script that is piped in.

mod common;

use std::io::Write;
use std::process::Stdio;

use common::{Place, Ran, finish, snapshot};
use serde_json::{Value, json};

const SCRIPT: &str = "export const meta = { name: 'n', description: 'd' }\nreturn args\n";

fn place() -> Place {
    let place = Place::new();
    place.write("s.mjs", SCRIPT);
    place
}

/// Runs with a text on stdin.
fn piped(place: &Place, args: &[&str], text: &str) -> Ran {
    let mut child = place.command(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who does not read it to its end closes the pipe.
    let _ = stdin.write_all(text.as_bytes());
    drop(stdin);
    finish(child)
}

#[test]
fn a_value_is_a_number_only_if_javascript_prints_it_alike() {
    let ran = place().run(&[
        "run",
        "s.mjs",
        "--args-version",
        "1.10",
        "--args-sha",
        "12345e7",
        "--args-id",
        "1234567890123456789",
        "--args-n",
        "5",
        "--args-f",
        "0.5",
    ]);
    let expected = json!({
        "version": "1.10", "sha": "12345e7", "id": "1234567890123456789", "n": 5, "f": 0.5,
    });
    assert_eq!(ran.ok()["results"], expected);
}

#[test]
fn yaml_is_read_by_the_core_schema_and_adds_up() {
    let place = place();
    place.write(
        "a.yaml",
        "lang: [en, no]\ncountry: NO\ny: n\nzip: 0123\nbig: 1_000\nat: 1:30\nok: true\n",
    );
    place.write("b.json", r#"{"country": "SE", "tag": ["x"]}"#);
    let args = [
        "run",
        "s.mjs",
        "--args-from-file",
        "a.yaml",
        "--args-from-file",
        "b.json",
        "--args-tag",
        "y",
        "--args-new",
        "1",
    ];
    let expected = json!({
        "lang": ["en", "no"], "country": ["NO", "SE"], "y": "n", "zip": "0123", "big": "1_000",
        "at": "1:30", "ok": true, "tag": ["x", "y"], "new": 1,
    });
    assert_eq!(place.run(&args).ok()["results"], expected);
    place.write("twice.yaml", "a: 1\na: 2\n");
    snapshot!(place.run(&["run", "s.mjs", "--args-from-file", "twice.yaml"]).said(3), @"error: --args-from-file: twice.yaml is not YAML: line 2 column 1: the key `a` is given twice [args_invalid]");
}

#[test]
fn stdin_is_a_file_and_a_script_but_once() {
    let place = place();
    let from_file = piped(&place, &["run", "s.mjs", "--args-from-file", "-"], r#"{"a": 1}"#);
    assert_eq!(from_file.ok()["results"], json!({"a": 1}));
    let at = piped(&place, &["run", "s.mjs", "--args", "@-"], "[1, 2]");
    assert_eq!(at.ok()["results"], json!([1, 2]));
    place.write("any.json", "\"text\"");
    assert_eq!(place.run(&["run", "s.mjs", "--args", "@any.json"]).ok()["results"], "text");
    let script = piped(&place, &["run", "-", "--args-x", "1"], SCRIPT);
    assert_eq!(script.ok()["results"], json!({"x": 1}));
    let broken = piped(&place, &["run", "-"], &format!("{SCRIPT}let = ]\n"));
    snapshot!(broken.said(3), @"
    error: SyntaxError: variable name expected [syntax]
    (stdin):3:5
       3 │ let = ]
         │     ^
    ");
    let twice = piped(&place, &["run", "-", "--args-from-file", "-"], SCRIPT);
    snapshot!(twice.said(3), @"error: --args-from-file: `-` is given twice, but stdin can be read only once; give a file for one of them [args_invalid]");
    let long = format!("{SCRIPT}// {}\n", "x".repeat(1024 * 1024));
    snapshot!(piped(&place, &["run", "-"], &long).said(3), @"error: `-` is larger than 1048576 bytes, the most that a script may have [script_too_large]");
    let endless = place
        .command(&["run", "s.mjs", "--args-from-file", "-"])
        .stdin(std::fs::File::open("/dev/zero").unwrap())
        .spawn()
        .unwrap();
    snapshot!(finish(endless).said(3), @"error: --args-from-file: stdin is larger than 4194304 bytes, the most that a file of arguments may have [args_invalid]");
}

#[test]
fn a_bare_word_gets_a_hint_about_quotes() {
    snapshot!(place().run(&["run", "s.mjs", "--args", "Ada"]).said(3), @r#"error: --args is not JSON: expected value at line 1 column 1; for text, type --args '"Ada"'; for one named argument, --args-name 'Ada' [args_invalid]"#);
}

/// What lies beside it under the name that a piped script has is another script.
#[test]
fn a_run_from_stdin_goes_on_with_its_recorded_text() {
    let place = place();
    place.write("(stdin)", "export const meta = { name: 'x', description: 'd' }\nreturn 'other'\n");
    let script = "export const meta = { name: 'n', description: 'd' }\nreturn agent('a')\n";
    let stopped = piped(&place, &["run", "-", "--debug-rule", "#1=fail:quota"], script);
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    let mut said = String::new();
    for more in [&[][..], &["--as-recorded"]] {
        let ran = place.run(&[&["resume", "latest"][..], more].concat());
        assert_eq!(ran.run_id(), stopped.run_id(), "not a fork: {}", ran.stderr);
        assert_eq!(ran.report()["results"], Value::Null);
        said += &ran.stderr;
    }
    snapshot!(said, "arguments-resumed-stdin");
}

#[test]
fn a_folder_of_a_workflow_s_name_is_not_the_script() {
    let place = place();
    std::fs::create_dir_all(place.path(".claude/workflows")).unwrap();
    std::fs::create_dir_all(place.path("review/.keep")).unwrap();
    place.write(
        ".claude/workflows/review.js",
        "export const meta = { name: 'review', description: 'd' }\nreturn 'it'\n",
    );
    assert_eq!(place.run(&["run", "review"]).ok()["results"], "it");
    let mut said = String::new();
    for folder in ["review/", "./review", ".", "..", ".claude"] {
        said += place.run(&["run", folder]).said(3);
    }
    snapshot!(said, @"
    error: `review/` is a directory, not a file [workflow_not_a_file]
    error: `./review` is a directory, not a file [workflow_not_a_file]
    error: `.` is a directory, not a file [workflow_not_a_file]
    error: `..` is a directory, not a file [workflow_not_a_file]
    error: `.claude` is a directory, not a file [workflow_not_a_file]
    ");
}
