//! Which arguments fit, what is filled in, and what is said about the others.
//!
//! Owns: cases of schemas and arguments. Never: a script.

use serde_json::json;

use super::*;

fn schema() -> ArgsSchema {
    ArgsSchema::of(&json!({
        "type": "object",
        "properties": {
            "base": {"type": "string", "description": "Branch to compare with"},
            "depth": {"type": "integer", "minimum": 1, "maximum": 5, "default": 2},
            "mode": {"$ref": "#/$defs/mode", "default": "quick"},
            "tags": {"type": "array", "items": {"enum": ["fast", "slow"]}},
        },
        "required": ["base"],
        "additionalProperties": false,
        "$defs": {"mode": {"enum": ["quick", "deep"], "title": "How"}},
    }))
    .unwrap()
}

fn problems(args: &Value) -> Vec<String> {
    let misfit = schema().fit(Some(&args.to_string())).unwrap_err();
    misfit.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn missing_arguments_get_their_defaults_and_given_ones_stay() {
    let fit = |args: &str| schema().fit(Some(args)).unwrap().unwrap();
    assert_eq!(fit(r#"{"base":"main"}"#), r#"{"base":"main","depth":2,"mode":"quick"}"#);
    let whole = r#"{ "mode": "deep", "depth": 5, "base": "" }"#;
    assert_eq!(fit(whole), whole, "the text is left alone");
}

#[test]
fn every_argument_that_does_not_fit_is_named_with_its_schema() {
    let found = problems(&json!({
        "depht": 3, "depth": "x", "mode": "deeep", "tags": ["fast", "slwo"],
    }));
    let expected = [
        "`depth`: \"x\" is not of type \"integer\" (schema: integer, 1 to 5)",
        "`mode`: \"deeep\" is not one of \"quick\" or \"deep\"; did you mean `deep`? (schema: one of quick, deep)",
        "`tags`: at /1: \"slwo\" is not one of \"fast\" or \"slow\"; did you mean `slow`? (schema: array of one of fast, slow)",
        "`base`: is missing (schema: string)",
        "`depht`: the workflow takes no such argument; did you mean `depth`?",
    ];
    for said in expected {
        assert!(found.iter().any(|one| one == said), "{said}\n{found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    assert!(problems(&json!(["main"]))[0].starts_with("[\"main\"] is not of type \"object\""));
    assert!(schema().fit(Some("{")).is_err());
}

#[test]
fn a_run_without_arguments_has_an_object_where_one_fits() {
    let absent = |schema: Value| ArgsSchema::of(&schema).unwrap().fit(None);
    assert_eq!(absent(json!({})).unwrap().unwrap(), "{}");
    let some = json!({"properties": {"a": {"default": [1]}}});
    assert_eq!(absent(some).unwrap().unwrap(), r#"{"a":[1]}"#);
    assert_eq!(absent(json!({"type": "string", "default": "x"})).unwrap().unwrap(), "\"x\"");
    assert_eq!(absent(json!({"type": ["string", "null"]})).unwrap(), None);
    let refused = absent(json!({"type": "string"})).unwrap_err();
    assert_eq!(refused.to_string(), "none were given (schema: string)");
    assert!(absent(json!({"required": ["a"]})).is_err());
}

#[test]
fn a_broken_schema_is_placed() {
    let fault = |schema: Value| ArgsSchema::of(&schema).unwrap_err();
    let wrong = fault(json!({"properties": {"a": {"type": "strng"}}}));
    assert_eq!(wrong.place, "/properties/a/type");
    assert!(wrong.message.contains("did you mean `string`?"), "{}", wrong.message);
    let wrong = fault(json!({"properties": {"a/b": {"type": "integer", "default": "x"}}}));
    assert_eq!(wrong.place, "/properties/a~1b/default");
    assert!(wrong.message.contains("the default of `a/b`"), "{}", wrong.message);
    assert_eq!(fault(json!({"$ref": "https://example.com/x"})).place, "");
    assert_eq!(fault(json!({"$schema": "nope"})).place, "");
    let wrong = fault(json!({"properties": {"a": {"default": {}, "required": ["b"]}}}));
    assert_eq!(wrong.place, "/properties/a/default");
    // Also where the type stands elsewhere, if it holds in every case.
    for schema in [
        json!({
            "$ref": "#/$defs/r",
            "$defs": {"r": {"properties": {"a": {"type": "integer", "default": "x"}}}},
        }),
        json!({
            "properties": {"a": {"default": "x"}},
            "allOf": [{"properties": {"a": {"type": "integer"}}}],
        }),
    ] {
        let wrong = ArgsSchema::of(&schema).unwrap_err();
        assert!(wrong.message.contains("the default of `a`"), "{}", wrong.message);
    }
    // A rule of the whole may hold once other arguments are given.
    let whole = json!({
        "properties": {"a": {"default": 1}},
        "if": {"not": {"required": ["b"]}},
        "then": {"properties": {"a": {"const": 2}}},
    });
    assert!(ArgsSchema::of(&whole).is_ok());
}

#[test]
fn declared_arguments_are_in_the_order_of_the_schema() {
    let schema = schema();
    let declared = schema.declared();
    let names: Vec<_> = declared.iter().map(|one| (one.name, one.required)).collect();
    assert_eq!(names, [("base", true), ("depth", false), ("mode", false), ("tags", false)]);
    assert_eq!(declared[2].description, Some("How"));
    assert_eq!(declared[2].default, Some(&json!("quick")));
    assert!(schema.is_closed() && schema.argument("nope").is_none());
    let of_meta = |meta: &str| ArgsSchema::of_meta(meta).unwrap().is_some();
    assert!(of_meta(r#"{"name":"n","args":{}}"#) && !of_meta(r#"{"args":"text"}"#));
    // A reference in a circle ends.
    let circle =
        json!({"properties": {"a": {"$ref": "#/properties/b"}, "b": {"$ref": "#/properties/a"}}});
    assert!(ArgsSchema::of(&circle).is_err());
}
