//! Schemas in and out: tables of what becomes of each keyword, and properties that hold
//! for all of them.

use serde_json::{Value, json};
use smol_wf_core::schema::{Checker, example};

use super::*;

/// Schemas as authors and generators write them.
fn authors() -> Vec<Value> {
    vec![
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}),
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "https://example.com/report",
            "type": "object",
            "properties": {
                "title": {"type": "string", "minLength": 1, "x-order": 1},
                "severity": {"enum": ["low", "high"]},
                "score": {"type": "number", "minimum": 0, "exclusiveMaximum": 10},
                "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
                "note": {"type": ["string", "null"]},
            },
            "required": ["title", "severity"],
            "unevaluatedProperties": false,
        }),
        json!({"type": "array", "items": {"type": "integer"}}),
        json!({"type": "string"}),
        json!({"enum": ["a", "b", null]}),
        json!({"type": ["object", "null"], "properties": {"x": {"type": "boolean"}}}),
        json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({
            "oneOf": [
                {"type": "object", "properties": {"k": {"const": 1}}, "required": ["k"]},
                {"type": "object", "properties": {"k": {"const": 2}}, "required": ["k"]},
            ],
        }),
        json!({
            "$ref": "#/$defs/Node",
            "$defs": {"Node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                },
                "required": ["name", "next"],
                "additionalProperties": false,
            }},
        }),
        json!({
            "type": "object",
            "properties": {"all": {"type": "array", "items": {"$ref": "#/definitions/One"}}},
            "required": ["all"],
            "definitions": {"One": {"type": "object", "properties": {
                "id": {"type": "integer"}, "hint": {"type": "string"},
            }, "required": ["id"]}},
        }),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false, "minItems": 2}),
    ]
}

fn accepts(schema: &Value, answer: &Value) -> bool {
    Checker::new(&schema.to_string()).unwrap().check(answer).is_ok()
}

/// An answer as the agent gives it.
fn as_given(adapted: &AgentSchema, answer: &Value) -> Value {
    if adapted.wrapped { json!({"value": answer}) } else { answer.clone() }
}

#[test]
fn the_agent_may_say_everything_that_the_author_accepts() {
    for author in authors() {
        for adapted in [AgentSchema::draft7(&author), AgentSchema::raw(&author)] {
            assert_eq!(adapted.schema["type"], "object", "{author}");
            for seed in 0..20 {
                let answer = example(&author.to_string(), seed).unwrap();
                let given = as_given(&adapted, &answer);
                assert!(accepts(&adapted.schema, &given), "{given}: {}", adapted.schema);
                assert_eq!(adapted.restore(given), answer);
            }
        }
    }
}

#[test]
fn everything_that_the_grammar_writes_satisfies_the_author() {
    let mut said = 0;
    for author in authors() {
        let Some(adapted) = AgentSchema::strict(&author) else { continue };
        said += 1;
        for seed in 0..40 {
            let given = example(&adapted.schema.to_string(), seed).unwrap();
            let answer = adapted.restore(given.clone());
            // The grammar does not know what was dropped for it.
            if !author.to_string().contains("minLength") {
                assert!(accepts(&author, &answer), "{author}: {given} became {answer}");
            }
        }
    }
    assert!(said >= 9, "only {said} schemas can be said");
}

#[test]
fn nothing_is_left_that_strict_draft_7_refuses() {
    const REFUSED: [&str; 12] = [
        "$schema",
        "$id",
        "$anchor",
        "$dynamicRef",
        "prefixItems",
        "unevaluatedProperties",
        "unevaluatedItems",
        "dependentRequired",
        "dependentSchemas",
        "minContains",
        "x-order",
        "contentSchema",
    ];
    let mut schema = json!({"type": "object", "properties": {"p": {"type": "array", "items": {}}}});
    for keyword in REFUSED {
        schema[keyword] = json!({});
        schema["properties"]["p"]["items"][keyword] = json!({});
    }
    // A property of that name is not a keyword.
    schema["properties"]["prefixItems"] = json!({"type": "string"});
    schema["properties"]["e"] = json!({"enum": [{"$schema": 1}]});
    let adapted = AgentSchema::draft7(&schema).schema;
    assert_eq!(
        adapted,
        json!({"type": "object", "properties": {
            "p": {"type": "array", "items": {}},
            "prefixItems": {"type": "string"},
            "e": {"enum": [{"$schema": 1}]},
        }})
    );
}

#[test]
fn keywords_are_put_in_words_that_both_drafts_know() {
    let cases = [
        (json!({"minimum": 1, "exclusiveMinimum": true}), json!({"exclusiveMinimum": 1})),
        (json!({"maximum": 1, "exclusiveMaximum": false}), json!({"maximum": 1})),
        (
            json!({"prefixItems": [{"type": "string"}, true], "items": false}),
            json!({"maxItems": 2, "items": {"anyOf": [{"type": "string"}, true]}}),
        ),
        (
            json!({"items": [{"type": "string"}], "additionalItems": {"type": "null"}}),
            json!({"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}),
        ),
        (json!({"prefixItems": [{"type": "string"}]}), json!({})),
        (json!({"contains": {"type": "null"}, "minContains": 0}), json!({})),
        (json!({"oneOf": [{"type": "null"}]}), json!({"anyOf": [{"type": "null"}]})),
        (json!({"not": {"type": "null"}}), json!({"not": {"type": "null"}})),
        (json!({"not": {"x-y": 1}}), json!({})),
        (json!({"not": {"pattern": "(?i)a"}}), json!({})),
        (json!({"if": {"type": "null"}}), json!({})),
        (json!({"then": {"type": "null"}}), json!({})),
        (json!({"pattern": "^[a-z]+\\d$"}), json!({"pattern": "^[a-z]+\\d$"})),
        (json!({"pattern": "(?i)a"}), json!({})),
        (json!({"pattern": "\\_"}), json!({})),
        (json!({"$ref": "#nowhere"}), json!({})),
        (json!({"$ref": "#/$defs/none"}), json!({})),
        (json!({"nullable": true, "format": "odd"}), json!({"format": "odd"})),
    ];
    for (author, expected) in cases {
        let inside = json!({"type": "object", "properties": {"p": author}});
        let adapted = AgentSchema::draft7(&inside).schema;
        assert_eq!(adapted["properties"]["p"], expected, "{author}");
    }
}

#[test]
fn references_follow_the_root_into_the_wrapper() {
    let author = json!({
        "type": "array", "items": {"$ref": "#/$defs/A"}, "maxItems": 3,
        "$defs": {"A": {"anyOf": [{"type": "string"}, {"$ref": "#"}]}},
    });
    let adapted = AgentSchema::draft7(&author);
    let inner = &adapted.schema["properties"]["value"];
    assert_eq!(inner["items"]["$ref"], "#/properties/value/$defs/A");
    assert_eq!(inner["$defs"]["A"]["anyOf"][1]["$ref"], "#/properties/value");
    assert!(accepts(&adapted.schema, &json!({"value": ["a", ["b"]]})));
    assert!(!accepts(&adapted.schema, &json!({"value": [1]})));
}

#[test]
fn documents_within_and_the_drafts_own_schemas_come_along() {
    let author = json!({
        "$id": "https://x.test/root.json",
        "type": "object",
        "properties": {
            "item": {"$ref": "item.json"},
            "part": {"$ref": "item.json#/$defs/part"},
            "schema": {"$ref": "http://json-schema.org/draft-07/schema#"},
        },
        "required": ["item"],
        "$defs": {"item": {"$id": "item.json", "type": "array", "items": {"$ref": "#/$defs/part"},
            "$defs": {"part": {"type": "integer"}}}},
    });
    let good = json!({"item": [1], "part": 2, "schema": {"type": "string"}});
    assert!(accepts(&author, &good));
    let read = read("x", &author.to_string()).unwrap();
    for adapted in [AgentSchema::draft7(&read), AgentSchema::raw(&read)] {
        assert!(accepts(&adapted.schema, &good), "{}", adapted.schema);
        assert!(!accepts(&adapted.schema, &json!({"item": ["1"]})), "{}", adapted.schema);
        assert!(!accepts(&adapted.schema, &json!({"item": [], "part": "2"})));
        let text = adapted.schema.to_string();
        assert!(!text.contains("item.json") && !text.contains("x.test"), "{text}");
    }
    let list = json!({"type": "array", "items": {"$ref": "#n"}, "$defs": {"n": {"$anchor": "n", "type": "integer"}}});
    let wrapped = AgentSchema::draft7(&super::read("x", &list.to_string()).unwrap());
    assert!(accepts(&wrapped.schema, &json!({"value": [1]})));
    assert!(!accepts(&wrapped.schema, &json!({"value": ["1"]})));
}

#[test]
fn look_around_is_not_passed_on() {
    let author =
        json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?!x).+"}}});
    let adapted = AgentSchema::draft7(&author).schema;
    assert_eq!(adapted["properties"]["a"], json!({"type": "string"}));
}

#[test]
fn parts_that_a_grammar_cannot_express_are_dropped() {
    for author in [
        json!(true),
        json!({}),
        json!({"type": "object"}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        json!({"type": "object", "properties": {"x": {}}}),
        json!({"type": "object", "properties": {"x": true}}),
        json!({"type": "object", "properties": {"a": {"type": "null"}}, "required": ["b"]}),
        json!({"type": "array"}),
        json!({"type": "array", "prefixItems": [{"type": "null"}], "items": {"type": "null"}}),
        json!({"allOf": [{"type": "string"}, {"minLength": 1}]}),
        json!({"$ref": "#/properties/x", "properties": {"x": {"type": "null"}}}),
        json!({"enum": [{"a": 1}]}),
    ] {
        assert_eq!(AgentSchema::strict(&author), None, "{author}");
    }
}

#[test]
fn strict_objects_are_closed_and_whole() {
    let author = json!({
        "type": "object",
        "properties": {
            "a": {"type": "string", "default": "x", "description": "d", "format": "odd"},
            "b": {"enum": ["x", 1]},
            "c": {"$ref": "#/definitions/C"},
            "d": {"allOf": [{"$ref": "#/definitions/C"}], "description": "lost with its ref"},
        },
        "required": ["a"],
        "definitions": {"C": {"properties": {}, "additionalProperties": false}},
    });
    let expected = json!({
        "required": ["a", "b", "c", "d"],
        "properties": {
            "a": {"description": "d", "type": "string"},
            "b": {"type": ["string", "integer", "null"], "enum": ["x", 1, null]},
            "c": {"anyOf": [{"$ref": "#/$defs/C"}, {"type": "null"}]},
            "d": {"anyOf": [{"$ref": "#/$defs/C"}, {"type": "null"}]},
        },
        "additionalProperties": false,
        "type": "object",
        "$defs": {"C": {"required": [], "properties": {}, "additionalProperties": false, "type": "object"}},
    });
    assert_eq!(AgentSchema::strict(&author).unwrap().schema, expected);
}

#[test]
fn only_nulls_for_omitted_properties_are_dropped() {
    let author = json!({
        "type": "object",
        "properties": {
            "gone": {"type": "string"},
            "kept": {"type": ["string", "null"]},
            "chosen": {"anyOf": [{"type": "null"}, {"type": "string"}]},
            "needed": {"type": "string"},
            "any": true,
            "list": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        },
        "required": ["needed"],
        "$defs": {"Item": {
            "type": "object",
            "properties": {"gone": {"type": "integer"}, "deep": {"$ref": "#/$defs/Item"}},
        }},
    });
    let mut answer = json!({
        "gone": null, "kept": null, "chosen": null, "needed": null, "any": null, "other": null,
        "list": [{"gone": null, "deep": {"gone": 1, "deep": null}}],
    });
    nulls::drop_stand_ins(&author, &mut answer);
    assert_eq!(
        answer,
        json!({
            "kept": null, "chosen": null, "needed": null, "any": null, "other": null,
            "list": [{"deep": {"gone": 1}}],
        })
    );
}

#[test]
fn an_answer_that_came_unwrapped_is_left_alone() {
    let adapted = AgentSchema::draft7(&json!({"type": "array"}));
    for answer in [json!([1]), json!({"value": [], "more": 1}), json!({"other": 1}), json!(null)] {
        assert_eq!(adapted.restore(answer.clone()), answer);
    }
    let object = AgentSchema::draft7(&json!({"type": "object"}));
    assert_eq!(object.restore(json!({"value": 1})), json!({"value": 1}));
}

/// A deep or wide hostile schema costs no more than its size.
#[test]
fn deep_and_wide_schemas_are_lowered_in_passing() {
    let mut deep = json!({"type": "null"});
    for _ in 0..30 {
        deep = json!({"not": deep});
    }
    assert!(AgentSchema::draft7(&deep).wrapped);
    let many: Vec<Value> = (0..3000).map(|_| json!({"$ref": "#"})).collect();
    let wide = json!({"anyOf": many});
    let adapted = AgentSchema::strict(&wide);
    assert!(adapted.is_none());
    let mut answer = json!({"a": null});
    nulls::drop_stand_ins(&wide, &mut answer);
    assert_eq!(answer, json!({"a": null}));
}

#[test]
fn json_in_a_text_is_an_answer_and_other_text_is_not() {
    let adapted = AgentSchema::draft7(&json!({"type": "array"}));
    let text = |text: &str| adapted.restore_answer(Answer::Text(text.to_owned()));
    assert_eq!(text("Here:\n```json\n{\"value\": [1]}\n```"), Answer::Json(json!([1])));
    assert_eq!(text("I cannot"), Answer::Text("I cannot".to_owned()));
    assert_eq!(adapted.restore_answer(Answer::Null), Answer::Null);
}
