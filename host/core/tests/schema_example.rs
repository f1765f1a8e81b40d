//! Example answers: every schema of the table has one that satisfies it, always the
//! same one.

use serde_json::{Value, json};
use smol_wf_core::codes::Code;
use smol_wf_core::schema::{Checker, accept, example};

/// Schemas as in workflow scripts.
fn of_workflows() -> Vec<Value> {
    let finding = json!({
        "type": "object",
        "required": ["title", "severity", "file"],
        "properties": {
            "title": {"type": "string", "maxLength": 80},
            "severity": {"type": "string", "enum": ["low", "medium", "high", "critical"]},
            "file": {"type": "string"},
            "line": {"type": "integer", "minimum": 1},
            "suggestion": {"type": ["string", "null"]},
        },
        "additionalProperties": false,
    });
    vec![
        json!({"type": "object", "properties": {"findings": {"type": "array", "items": finding}}, "required": ["findings"]}),
        json!({"type": "object", "properties": {"verdict": {"enum": ["pass", "fail"]}, "reason": {"type": "string"}}, "required": ["verdict", "reason"], "additionalProperties": false}),
        json!({"type": "object", "properties": {"isReal": {"type": "boolean"}, "confidence": {"type": "number", "minimum": 0, "maximum": 1}}, "required": ["isReal", "confidence"]}),
        json!({"type": "object", "properties": {"files": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 50, "uniqueItems": true}}, "required": ["files"]}),
        json!({"type": "object", "properties": {"plan": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string", "pattern": "^task-[0-9]+$"}, "dependsOn": {"type": "array", "items": {"type": "string"}}}, "required": ["id"]}}}, "required": ["plan"]}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"f": finding}, "type": "array", "items": {"$ref": "#/definitions/f"}}),
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {"f": finding}, "type": "object", "properties": {"best": {"$ref": "#/$defs/f"}, "rest": {"type": "array", "items": {"$ref": "#/$defs/f"}}}, "required": ["best", "rest"]}),
        json!({"type": "object", "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 10}, "refuted": {"type": "boolean"}, "evidence": {"type": "array", "items": {"type": "object", "properties": {"url": {"type": "string", "format": "uri"}, "quote": {"type": "string"}}, "required": ["url", "quote"]}}}, "required": ["score", "refuted", "evidence"]}),
        json!({"oneOf": [{"type": "object", "properties": {"kind": {"const": "ok"}, "value": {"type": "number"}}, "required": ["kind", "value"]}, {"type": "object", "properties": {"kind": {"const": "error"}, "message": {"type": "string"}}, "required": ["kind", "message"]}]}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}}),
    ]
}

fn of_keywords() -> Vec<Value> {
    vec![
        json!(true),
        json!({}),
        json!({"const": {"a": [1]}}),
        json!({"enum": [3, "x", null]}),
        json!({"type": "integer", "enum": ["x", 3]}),
        json!({"type": "null"}),
        json!({"type": ["null", "integer"]}),
        json!({"type": "string", "default": "given"}),
        json!({"type": "string", "default": 3}),
        json!({"type": "string", "examples": ["given", "other"]}),
        json!({"type": "string", "minLength": 200}),
        json!({"type": "string", "minLength": 3, "maxLength": 3}),
        json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"}),
        json!({"type": "string", "pattern": "^(feat|fix)\\([a-z]+\\): .{10,}$"}),
        json!({"type": "string", "pattern": "^[0-9a-f]{40}$"}),
        json!({"type": "string", "pattern": "\\w+@\\w+\\.com"}),
        json!({"type": "string", "pattern": "^a*$", "minLength": 7}),
        json!({"type": "string", "pattern": "^(?!\\s*$).+"}),
        json!({"type": "string", "pattern": "^(?=.*[A-Z])(?=.*\\d).{8,}$"}),
        json!({"type": "string", "pattern": "^(?!.*--)[a-z0-9]+(?:-[a-z0-9]+)*$"}),
        json!({"type": "string", "pattern": "^([\"']).+\\1$"}),
        json!({"type": "string", "pattern": "(?<!\\d)\\d{3}(?!\\d)"}),
        json!({"type": "number", "minimum": 0.25, "maximum": 0.5}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
        json!({"type": "integer", "maximum": -5}),
        json!({"type": "integer", "minimum": 7, "multipleOf": 5}),
        json!({"type": "number", "multipleOf": 0.01}),
        json!({"type": "integer", "allOf": [{"multipleOf": 4}, {"multipleOf": 6}], "minimum": 13}),
        json!({"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer", "minimum": 3, "exclusiveMinimum": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [{"type": "string"}], "additionalItems": {"type": "null"}, "minItems": 3}),
        json!({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 90}, "minItems": 3}),
        json!({"type": "array", "contains": {"const": "x"}, "minContains": 2, "maxContains": 2, "minItems": 4}),
        json!({"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": true, "minItems": 3}),
        json!({"type": "array", "items": {"type": "boolean"}, "uniqueItems": true}),
        json!({"type": "array", "maxItems": 0}),
        json!({"type": "object", "minProperties": 3}),
        json!({"type": "object", "minProperties": 2, "propertyNames": {"pattern": "^[a-z]{4}$"}}),
        json!({"type": "object", "patternProperties": {"^x-[a-z]+$": {"type": "integer"}}, "additionalProperties": false, "minProperties": 1}),
        json!({"type": "object", "maxProperties": 1, "required": ["a"], "properties": {"a": true, "b": true}}),
        json!({"type": "object", "required": ["b"], "properties": {"a": {"type": "string"}}, "unevaluatedProperties": {"type": "integer"}}),
        json!({"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"a": {"minLength": 30}, "b": {"type": "integer"}}, "required": ["b"]}]}),
        json!({"anyOf": [{"type": "string", "maxLength": 2}, {"type": "integer"}]}),
        json!({"oneOf": [{"type": "integer", "multipleOf": 2}, {"type": "integer", "multipleOf": 3}]}),
        json!({"type": "integer", "not": {"multipleOf": 2}, "minimum": 2}),
        json!({"type": "string", "not": {"const": "example answer"}, "examples": ["other"]}),
        json!({"type": "object", "properties": {"kind": {"enum": ["a", "b"]}}, "required": ["kind"], "if": {"properties": {"kind": {"const": "a"}}}, "then": {"required": ["x"]}, "else": {"required": ["y"]}}),
        json!({"if": {"type": "string"}, "then": {"minLength": 20}, "else": {"type": "integer"}}),
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "dependentRequired": {"a": ["b"]}}),
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "dependentSchemas": {"a": {"properties": {"c": {"type": "integer"}}, "required": ["c"]}}}),
        json!({"$defs": {"node": {"$anchor": "node", "type": "object", "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#node"}}}, "required": ["name", "children"]}}, "$ref": "#node"}),
        json!({"type": "object", "properties": {"left": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "right": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["left", "right"]}),
        json!({"$id": "https://x.test/a.json", "$defs": {"i": {"$id": "b.json", "$anchor": "n", "type": "integer"}}, "properties": {"x": {"$ref": "b.json"}, "y": {"$ref": "b.json#n"}, "z": {"$ref": "http://json-schema.org/draft-07/schema#/definitions/nonNegativeInteger"}}, "required": ["x", "y", "z"]}),
        json!({"$dynamicAnchor": "self", "type": "object", "properties": {"next": {"$dynamicRef": "#self"}}}),
        json!({"type": "object", "properties": {"never": false, "a": {"type": "integer"}}}),
        json!({"properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}),
    ]
}

fn of_formats() -> Vec<Value> {
    let formats = [
        "date",
        "time",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "uuid",
        "json-pointer",
        "relative-json-pointer",
        "regex",
        "uri-template",
        "iri",
        "unheard-of",
    ];
    // Formats are checked in draft 7 and in 2019-09, the first draft with all of these.
    let dialect = "https://json-schema.org/draft/2019-09/schema";
    formats.map(|format| json!({"$schema": dialect, "type": "string", "format": format})).to_vec()
}

#[test]
fn every_schema_has_an_example_that_satisfies_it() {
    for schema in of_workflows().into_iter().chain(of_keywords()).chain(of_formats()) {
        let text = accept(&schema).unwrap_or_else(|error| panic!("{schema}: {}", error.message));
        let checker = Checker::new(&text).unwrap();
        for seed in [0, 1, 7, u64::MAX] {
            let made =
                example(&text, seed).unwrap_or_else(|error| panic!("{schema}: {}", error.message));
            assert_eq!(checker.check(&made), Ok(()), "{schema} gave {made}");
            assert_eq!(example(&text, seed).unwrap(), made, "{schema} gave two answers");
        }
    }
}

#[test]
fn examples_are_readable() {
    let text = |schema: &Value| example(&schema.to_string(), 0).unwrap();
    let made = text(&json!({"type": "object", "properties": {
        "summary": {"type": "string"}, "filePaths": {"type": "array", "items": {"type": "string"}},
    }}));
    assert_eq!(
        made,
        json!({"summary": "example summary", "filePaths": ["example file paths 1", "example file paths 2"]})
    );
    assert_eq!(text(&json!({"type": "string", "default": "given"})), json!("given"));
    let findings = text(&of_workflows()[0]);
    assert_eq!(findings["findings"].as_array().map(Vec::len), Some(2), "{findings}");
}

#[test]
fn verdicts_vary_with_the_seed() {
    let schema = json!({"enum": ["pass", "fail"]}).to_string();
    let mut seen: Vec<Value> = (0..20).map(|seed| example(&schema, seed).unwrap()).collect();
    seen.sort_by_key(ToString::to_string);
    seen.dedup();
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_schema_that_nothing_satisfies_is_reported_quickly() {
    // Eight optional properties in each of eight, without end.
    let properties: serde_json::Map<String, Value> =
        (0..8).map(|n| (format!("p{n}"), json!({"$ref": "#"}))).collect();
    let wide = json!({"type": "object", "properties": properties});
    for schema in [
        json!(false),
        json!({"type": "integer", "minimum": 3, "maximum": 2}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}),
        json!({"type": "string", "minLength": 1_000_000_000}),
        json!({"type": "array", "minItems": 1_000_000_000}),
        json!({"type": "object", "minProperties": 1_000_000_000}),
        json!({"type": "string", "pattern": "(?:(?:){4000000000}){4000000000}(?=a)$"}),
        json!({"type": "string", "pattern": "^(a{60})+\\1b(?!)$"}),
        json!({"type": "array", "items": {"pattern": "((?=a)){60000}(?=b)c"}, "minItems": 1_000}),
    ] {
        let failure = example(&schema.to_string(), 0).unwrap_err();
        assert_eq!(failure.code, Code::SchemaInvalid, "{schema}");
    }
    assert!(example(&wide.to_string(), 0).unwrap().to_string().len() < 1_000_000);
}
