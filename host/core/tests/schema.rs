//! Which schemas are accepted, the messages about answers, and the bounds of both.

use serde_json::{Map, Value, json};
use smol_wf_core::codes::Code;
use smol_wf_core::limits::{ANSWER_BYTES_MAX, SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX};
use smol_wf_core::schema::{Checker, Rejection, accept, describe};

fn checker(schema: &Value) -> Checker {
    Checker::new(&accept(schema).unwrap_or_else(|error| panic!("{schema}: {}", error.message)))
        .unwrap()
}

fn refusal(schema: &Value) -> (String, String) {
    let failure = accept(schema).expect_err(&format!("taken: {schema:.200}"));
    (failure.code, failure.message)
}

/// An object `a` in `a` in `a`, of this depth.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

#[test]
fn the_text_to_journal_is_compact_and_reads_back() {
    let schema = json!({"type": "object", "properties": {"b": true, "a": {"type": "string"}}});
    assert_eq!(
        accept(&schema).unwrap(),
        r#"{"type":"object","properties":{"b":true,"a":{"type":"string"}}}"#
    );
    for schema in [json!(true), json!(false), json!({})] {
        assert_eq!(accept(&schema).unwrap(), schema.to_string());
    }
}

#[test]
fn an_invalid_schema_is_refused() {
    for schema in [
        json!(null),
        json!([]),
        json!("object"),
        json!({"type": "objekt"}),
        json!({"type": "string", "pattern": "("}),
        json!({"pattern": "(?=lookahead"}),
        json!({"patternProperties": {"^(?!x)": true}}),
        json!({"pattern": "((a{1000}){1000}){1000}"}),
        json!({"pattern": "\\p{L}{2000}"}),
        json!({"minLength": -1}),
        json!({"$schema": "https://example.com/mine"}),
        json!({"$schema": 7}),
        json!({"$schema": "http://json-schema.org/draft-03/schema#"}),
        json!({"$ref": "#/$defs/missing"}),
        json!({"$ref": "#missing"}),
        json!({"$ref": "#"}),
    ] {
        let (code, message) = refusal(&schema);
        assert_eq!(code, Code::SchemaInvalid, "{schema}");
        assert!(message.starts_with("the schema cannot be used: "), "{message}");
    }
}

#[test]
fn another_document_is_named_and_never_fetched() {
    for reference in [
        "http://127.0.0.1:9/x.json",
        "https://example.com/x",
        "file:///etc/passwd",
        "x.json",
        "../x",
        "urn:x:y",
    ] {
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let (code, message) = refusal(&json!({"properties": {"a": {keyword: reference}}}));
            assert_eq!(code, Code::SchemaInvalid);
            assert!(message.contains(reference), "{message}");
        }
    }
}

#[test]
fn documents_within_the_document_are_followed() {
    let embedded = json!({
        "$id": "https://example.com/root.json",
        "type": "object",
        "properties": {
            "by_address": {"$ref": "https://example.com/item.json"},
            "by_name": {"$ref": "item.json"},
            "by_path": {"$ref": "item.json#/$defs/part"},
            "again": {"$ref": "root.json"},
        },
        "$defs": {"item": {
            "$id": "item.json",
            "type": "array",
            "items": {"$ref": "#/$defs/part"},
            "$defs": {"part": {"type": "integer"}},
        }},
    });
    let checked = checker(&embedded);
    let good = json!({"by_address": [1], "by_name": [2], "by_path": 3, "again": {"by_name": [4]}});
    assert_eq!(checked.check(&good), Ok(()));
    for wrong in [
        json!({"by_address": ["1"]}),
        json!({"by_name": 2}),
        json!({"by_path": "3"}),
        json!({"again": {"by_name": ["4"]}}),
    ] {
        assert!(checked.check(&wrong).is_err(), "{wrong}");
    }
    for draft in [
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        let is_schema = checker(&json!({"properties": {"schema": {"$ref": draft}}}));
        assert_eq!(is_schema.check(&json!({"schema": {"type": "string", "minLength": 1}})), Ok(()));
        assert!(is_schema.check(&json!({"schema": {"type": 7}})).is_err(), "{draft}");
        assert!(
            is_schema.check(&json!({"schema": {"not": {"minLength": -1}}})).is_err(),
            "{draft}"
        );
    }
    // Up to draft 7, keywords beside a reference are ignored, also a base.
    let beside = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"a": {"type": "null"}},
        "properties": {"x": {"$id": "https://example.com/y/", "$ref": "#/definitions/a", "type": "string"}},
    });
    assert_eq!(checker(&beside).check(&json!({"x": null})), Ok(()));
}

#[test]
fn size_and_depth_are_bounded_at_the_edge() {
    let deep = |levels: usize| (0..levels).fold(json!(true), |inner, _| json!({ "not": inner }));
    assert!(accept(&deep(SCHEMA_DEPTH_MAX - 1)).is_ok());
    assert_eq!(refusal(&deep(SCHEMA_DEPTH_MAX + 1)).0, Code::CallTooLarge);
    let long = |bytes: usize| json!({"title": "x".repeat(bytes - r#"{"title":""}"#.len())});
    assert!(accept(&long(SCHEMA_BYTES_MAX)).is_ok());
    assert_eq!(refusal(&long(SCHEMA_BYTES_MAX + 1)).0, Code::CallTooLarge);
}

#[test]
fn violations_are_reported_with_their_path_and_are_bounded() {
    let schema = json!({
        "type": "array",
        "items": {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}},
    });
    let checker = checker(&schema);
    assert_eq!(checker.check(&json!([{"title": "a"}])), Ok(()));
    let wrong = checker.check(&json!([{"title": 1}, {}])).unwrap_err();
    assert_eq!(wrong[0].path, "/0/title");
    assert_eq!(wrong[1].path, "/1");
    assert!(
        describe(&wrong).contains("/1: \"title\" is a required property"),
        "{}",
        describe(&wrong)
    );
    let many = checker.check(&Value::Array(vec![json!("x".repeat(5000)); 500])).unwrap_err();
    assert_eq!(many.len(), 20);
    assert!(many.iter().all(|one| one.message.len() < 310));
    assert!(describe(&checker.check(&json!(1)).unwrap_err()).starts_with("(root): "));
}

#[test]
fn drafts_differ_where_they_should() {
    let seven = "http://json-schema.org/draft-07/schema#";
    let pair = json!([1, "a"]);
    let swapped = json!(["a", 1]);
    let items = json!({"$schema": seven, "items": [{"type": "number"}, {"type": "string"}]});
    assert!(checker(&items).check(&pair).is_ok() && checker(&items).check(&swapped).is_err());
    let prefix = json!({"prefixItems": [{"type": "number"}, {"type": "string"}]});
    assert!(checker(&prefix).check(&pair).is_ok() && checker(&prefix).check(&swapped).is_err());
    // Draft 7 has no prefixItems, and 2020-12 no list of items.
    let unknown = json!({"$schema": seven, "prefixItems": [{"type": "number"}]});
    assert!(checker(&unknown).check(&swapped).is_ok());
    assert_eq!(refusal(&json!({"items": [true]})).0, Code::SchemaInvalid);
    for (dialect, definitions) in
        [(seven, "definitions"), ("https://json-schema.org/draft/2020-12/schema", "$defs")]
    {
        let schema = json!({
            "$schema": dialect,
            definitions: {"n": {"type": "number"}},
            "properties": {"a": {"$ref": format!("#/{definitions}/n")}},
        });
        assert!(checker(&schema).check(&json!({"a": 1})).is_ok());
        assert!(checker(&schema).check(&json!({"a": "1"})).is_err());
    }
}

/// Differences of the drafts besides the two most common ones.
#[test]
fn every_draft_is_read_by_its_own_rules() {
    let of = |draft: &str, mut schema: Value| {
        schema["$schema"] = json!(draft);
        schema
    };
    let four = "http://json-schema.org/draft-04/schema#";
    let six = "http://json-schema.org/draft-06/schema#";
    let nineteen = "https://json-schema.org/draft/2019-09/schema";
    for (schema, good, bad) in [
        (of(four, json!({"minimum": 3, "exclusiveMinimum": true})), json!(4), json!(3)),
        (
            of(
                four,
                json!({
                    "id": "http://example.com/root",
                    "definitions": {"n": {"id": "#n", "type": "number"}},
                    "properties": {"a": {"$ref": "#n"}},
                }),
            ),
            json!({"a": 1}),
            json!({"a": "1"}),
        ),
        // Draft 4 has neither of these keywords.
        (of(four, json!({"type": "array", "contains": false, "const": 1})), json!([2]), json!(1)),
        (
            of(six, json!({"contains": {"const": 1}, "if": true, "then": false})),
            json!([1]),
            json!([2]),
        ),
        (of(six, json!({"exclusiveMinimum": 3})), json!(4), json!(3)),
        (
            of(
                nineteen,
                json!({
                    "$recursiveAnchor": true,
                    "properties": {"next": {"$recursiveRef": "#"}, "n": {"type": "number"}},
                }),
            ),
            json!({"next": {"n": 1}}),
            json!({"next": {"n": "1"}}),
        ),
        (
            of(nineteen, json!({"items": [{"type": "number"}], "additionalItems": false})),
            json!([1]),
            json!([1, 2]),
        ),
    ] {
        assert!(checker(&schema).check(&good).is_ok(), "{schema}");
        assert!(checker(&schema).check(&bad).is_err(), "{schema}");
    }
    // A schema of one draft may be invalid in another.
    for schema in
        [json!({"minimum": 3, "exclusiveMinimum": true}), of(four, json!({"exclusiveMinimum": 3}))]
    {
        assert_eq!(refusal(&schema).0, Code::SchemaInvalid, "{schema}");
    }
    let (_, message) = refusal(&of("http://json-schema.org/draft-03/schema#", json!({})));
    assert!(message.ends_with("drafts 4, 6, 7, 2019-09 and 2020-12 are"), "{message}");
}

/// Each of these needs exponential work, so no check may begin.
#[test]
fn bombs_are_refused_or_their_answers_are() {
    let (mut doubling, mut flat) = (Map::new(), Map::new());
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        doubling.insert(format!("d{level}"), json!({"allOf": [next, next]}));
        flat.insert(format!("d{level}"), json!({"properties": {"a": next, "b": next}}));
    }
    for defs in [&mut doubling, &mut flat] {
        defs.insert("d40".into(), json!({"type": "string"}));
    }
    for defs in [doubling, flat] {
        assert_eq!(refusal(&json!({"$defs": defs, "$ref": "#/$defs/d0"})).0, Code::SchemaInvalid);
    }
    let either = json!({"properties": {"a": {"$ref": "#"}}, "required": ["b"]});
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let checker = checker(&json!({ keyword: [either, either] }));
        assert!(
            describe(&checker.check(&nested(100)).unwrap_err()).contains("more steps than allowed")
        );
    }
}

#[test]
fn patterns_of_javascript_are_accepted_and_matched() {
    for (pattern, good, wrong) in [
        (r"^\w{1,30}$", "name_1", "näme"),
        (r"^[\w-]{1,64}$", "a-b", "a b"),
        (r"^(?!\s*$).+", "text", "  "),
        (r"^(?=.*[A-Z])(?=.*\d).{8,}$", "abcdefG1", "abcdefgh"),
        (r"^(a|b)\1$", "aa", "ab"),
        (r"(?<!\d)\d{3}$", "x123", "1234"),
    ] {
        for schema in [
            json!({"type": "string", "pattern": pattern}),
            json!({"properties": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/p"}]}}, "$defs": {"p": {"pattern": pattern}}}),
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "propertyNames": {"pattern": pattern}}),
        ] {
            let (good, wrong) = if schema["type"] == "string" {
                (json!(good), json!(wrong))
            } else if schema.get("propertyNames").is_some() {
                (json!({ good: 1 }), json!({ wrong: 1 }))
            } else {
                (json!({ "a": good }), json!({ "a": wrong }))
            };
            let checker = checker(&schema);
            assert_eq!(checker.check(&good), Ok(()), "{schema}");
            let told = describe(&checker.check(&wrong).unwrap_err());
            assert!(told.contains("does not match"), "{told}");
        }
    }
    let (_, message) = refusal(&json!({"patternProperties": {"^(?!x)": true}}));
    assert!(message.contains("the key `^(?!x)` of `patternProperties`"), "{message}");
}

#[test]
fn an_answer_that_is_too_costly_has_its_own_rejection() {
    let catastrophic = checker(&json!({"pattern": "^(a+)+\\1b$"}));
    assert_eq!(catastrophic.judge(&json!("a".repeat(100))), Err(Rejection::TooCostly));
    assert_eq!(catastrophic.check(&json!("aab")), Ok(()));
    let either = json!({"properties": {"a": {"$ref": "#"}}, "required": ["b"]});
    let doubling = checker(&json!({"anyOf": [either, either]}));
    assert_eq!(doubling.judge(&nested(100)), Err(Rejection::TooCostly));
}

#[test]
fn large_harmless_answers_are_checked() {
    let long = checker(
        &json!({"properties": {"text": {"type": "string", "minLength": 1, "maxLength": 5_000_000}}}),
    );
    assert_eq!(long.judge(&json!({"text": "word ".repeat(660_000)})), Ok(()));
    let choices: Vec<Value> = (0..50)
        .map(|kind| json!({"type": "object", "properties": {"kind": {"const": format!("kind{kind}")}, "n": {"type": "integer"}}, "required": ["kind"]}))
        .collect();
    let many = checker(&json!({"type": "array", "items": {"oneOf": choices}}));
    let items: Vec<Value> =
        (0..10_000).map(|n| json!({"kind": format!("kind{}", n % 50), "n": n})).collect();
    assert_eq!(many.judge(&Value::Array(items)), Ok(()));
}

#[test]
fn recursive_schemas_on_the_deepest_answer_fit_the_stack() {
    // serde_json reads at most 128 levels; a worker's stack has 2 MiB.
    let schema = json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {"$ref": "#/$defs/a"}, "a": {"allOf": [{"$ref": "#/$defs/b"}]},
            "b": {"anyOf": [{"type": "integer"}, {"properties": {"a": {"$ref": "#/$defs/node"}}, "additionalProperties": false}]}},
    });
    let checker = checker(&schema);
    assert_eq!(checker.check(&nested(60)), Ok(()));
    let mut wrong = nested(60);
    for _ in 0..20 {
        wrong = json!({"a": wrong, "x": 1});
    }
    assert!(checker.check(&wrong).is_err());
    // One level more than serde_json reads: the verdict does not matter, the stack does.
    if let Err(wrong) = checker.check(&nested(128)) {
        assert!(describe(&wrong).contains("more steps than allowed"));
    }
}

#[test]
fn thousands_of_references_in_a_row_fit_the_stack() {
    let mut defs = Map::new();
    for level in 0..1200 {
        defs.insert(
            format!("d{level}"),
            json!({"properties": {"a": {"$ref": format!("#/$defs/d{}", level + 1)}}}),
        );
    }
    defs.insert("d1200".into(), json!(true));
    let checker = checker(&json!({"$defs": defs, "$ref": "#/$defs/d0"}));
    assert_eq!(checker.check(&nested(100)), Ok(()));
}

#[test]
fn an_ordinary_answer_of_the_largest_size_is_checked() {
    let schema = json!({
        "type": "object",
        "required": ["findings"],
        "properties": {"findings": {"type": "array", "items": {
            "type": "object",
            "required": ["title", "severity"],
            "properties": {
                "title": {"type": "string", "minLength": 1},
                "severity": {"enum": ["low", "medium", "high"]},
                "line": {"type": "integer", "minimum": 1},
            },
            "additionalProperties": false,
        }}},
    });
    let finding = json!({"title": "t".repeat(100), "severity": "low", "line": 3});
    let count = ANSWER_BYTES_MAX / (finding.to_string().len() + 1) - 1;
    let answer = json!({"findings": vec![finding; count]});
    assert_eq!(checker(&schema).check(&answer), Ok(()));
}

#[test]
fn one_pattern_in_two_thousand_places_is_compiled_once() {
    let pattern = json!({"pattern": "(?:a?){9990}(?=a)"});
    let schema = json!({ "anyOf": vec![&pattern; 1_500] });
    let checkers: Vec<Checker> = (0..8).map(|_| checker(&schema)).collect();
    assert_eq!(checkers[0].check(&json!(1)), Ok(()));
    let unused: Map<String, Value> = (0..1_500)
        .map(|n| (n.to_string(), json!({ "pattern": format!("(?:a?){{{}}}(?=a)", 6_000 + n) })))
        .collect();
    assert_eq!(checker(&json!({ "$defs": unused })).check(&json!(1)), Ok(()));
}

#[test]
fn an_answer_is_quick_by_the_work_of_checking_it() {
    let pattern = checker(&json!({"pattern": "^(a+)+\\1b$"}));
    assert!(pattern.is_quick(&json!("aab")) && !pattern.is_quick(&json!("a".repeat(60))));
    let either = json!({"properties": {"a": {"$ref": "#"}}});
    let choices = checker(&json!({"anyOf": [either, either]}));
    assert!(choices.is_quick(&nested(3)) && !choices.is_quick(&nested(30)));
}

#[test]
fn odd_patterns_in_unreachable_schemas_are_accepted() {
    for pattern in ["(".repeat(30_000), "\\cA".repeat(16_000), "(?<a".repeat(16_000)] {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"a": {"pattern": pattern}},
        });
        let _ = accept(&schema);
    }
    let (_, message) = refusal(&json!({"patternProperties": {"\\cA".repeat(17): true}}));
    assert!(message.contains("many of `\\c`"), "{message}");
}
