//! Arguments that a workflow declares in `meta.args`: typed, checked before anything
//! begins, filled with defaults, and listed by `--help`.

mod common;

use common::{Place, snapshot};
use serde_json::json;

const REVIEW: &str = "export const meta = {
  name: 'review', description: 'Reviews a change', whenToUse: 'before a merge',
  args: {
    properties: {
      base: { type: 'string', description: 'Branch to compare with' },
      maxDepth: { type: 'integer', minimum: 1, maximum: 5, default: 2 },
      mode: { $ref: '#/$defs/mode' },
      tags: { type: 'array', items: { type: 'string' }, description: 'Only these' },
      dry: { type: 'boolean', description: 'Change nothing' },
    },
    required: ['base'],
    additionalProperties: false,
    $defs: { mode: { enum: ['quick', 'deep'], default: 'quick' } },
  },
  phases: [{ title: 'Read' }],
}
phase('Read')
await agent('hi')
return args
";

fn place() -> Place {
    let place = Place::new();
    place.write("review.mjs", REVIEW);
    place
}

#[test]
fn flags_are_typed_and_what_is_not_given_has_its_default() {
    let place = place();
    let ran = place.run(&[
        "run",
        "review.mjs",
        "--args-base",
        "7",
        "--args-max-depth",
        "3",
        "--args-tags",
        "1",
        "--args-tags",
        "b",
        "--args-dry",
    ]);
    let expected = json!({
        "base": "7", "maxDepth": 3, "tags": ["1", "b"], "dry": true, "mode": "quick",
    });
    assert_eq!(ran.ok()["results"], expected);
    // The recorded arguments have the defaults: with or without them they are the same.
    place
        .run(&["run", "review.mjs", "--resume-run", "latest", "--args", &expected.to_string()])
        .ok();
    let forked = place.run(&["fork", "latest", "--args-base", "8", "--args-mode", "deep"]).ok();
    assert_eq!(forked["results"], json!({"base": "8", "mode": "deep", "maxDepth": 2}));
}

#[test]
fn every_argument_that_does_not_fit_is_named_before_anything_begins() {
    let place = place();
    let wrong = ["--args-mode", "quikc", "--args-maxDepth", "9", "--args-tag", "a"];
    let said = |command: &str| {
        let line = [&[command, "review.mjs"][..], &wrong].concat();
        place.run(&line).said(3).to_owned()
    };
    snapshot!(said("run"), @r#"
    error: the arguments do not fit the workflow; its arguments: smol-wf run SCRIPT --help [args_invalid]
      --args-mode: "quikc" is not one of "quick" or "deep"; did you mean `quick`? (it takes: one of quick, deep)
      --args-maxDepth: 9 is greater than the maximum of 5 (it takes: integer, 1 to 5)
      --args-tag: the workflow takes no such argument; did you mean `tags`?
      --args-base: is missing (it takes: string)
    "#);
    assert_eq!(said("plan"), said("run"));
    assert_eq!(said("explore"), said("run"));
    assert!(!place.db().exists(), "no run began");
}

#[test]
fn a_child_is_checked_and_a_fixture_of_an_edited_script_too() {
    let place = place();
    place.write(
        "parent.mjs",
        "export const meta = { name: 'parent', description: 'd' }
try { return await workflow({ scriptPath: 'review.mjs' }, { base: 1 }) }
catch (error) { return [error.code, error.message] }
",
    );
    let expected = json!([
        "args_invalid",
        "the arguments do not fit workflow review.mjs: `base`: 1 is not of type \"string\" (schema: string)",
    ]);
    assert_eq!(place.run(&["run", "parent.mjs"]).ok()["results"], expected);
    let plan = place.run(&["plan", "parent.mjs", "--json"]).ok();
    assert_eq!((&plan["agents"], &plan["completed"]), (&json!(0), &json!(true)));

    place.run(&["run", "review.mjs", "--args-base", "main"]).ok();
    place.run(&["export", "latest", "--fixture", "review.swf"]).printed(0);
    place.write(
        "review.mjs",
        REVIEW.replace("minimum: 1", "minimum: 3").replace("default: 2", "default: 3"),
    );
    let tested = place.run(&["test", "review.swf"]);
    assert_eq!(tested.code, 7);
    let said = format!("{}{}", tested.stdout, tested.stderr);
    assert!(said.contains("`maxDepth`: 2 is less than the minimum of 3"), "{said}");
}

#[test]
fn a_broken_schema_is_an_error_with_its_line_and_a_good_one_is_shown() {
    let place = place();
    let checked = place.run(&["check", "review.mjs", "--json"]).ok();
    assert_eq!(checked["workflows"][0]["args"]["required"], json!(["base"]));
    snapshot!(place.run(&["run", "review.mjs", "--help"]).printed(0), "declared-args-help");
    // Only `meta` is read: what comes after it does not even compile.
    place.write("broken.mjs", REVIEW.replace("return args", "return ("));
    place.run(&["plan", "broken.mjs", "-h"]).printed(0);
    place.write("broken.mjs", REVIEW.replace("'boolean'", "'bool'"));
    let checked = place.run(&["check", "broken.mjs", "--json"]);
    let finding = &checked.report()["findings"][0];
    assert_eq!(
        (&finding["line"], &finding["column"], &finding["rule"]),
        (&json!(9), &json!(20), &json!("meta"))
    );
    assert!(
        place.run(&["run", "broken.mjs", "--help"]).said(3).contains("did you mean `boolean`?")
    );
}
