//! How arguments are read and put together.
//!
//! Owns: one case of each form. Never: starts a run.

use serde_json::json;

use super::typed::value_of;
use super::*;

fn parse(line: &str) -> (Vec<String>, Option<Value>) {
    let argv = line.split_whitespace().map(OsString::from);
    let (kept, named) = split(argv);
    let merged = merge(&[], None, named, None).unwrap();
    let kept = kept.into_iter().map(|token| token.into_string().unwrap()).collect();
    (kept, merged.map(|text| serde_json::from_str(&text).unwrap()))
}

#[test]
fn named_arguments_in_all_their_forms() {
    let (kept, args) = parse(
        "smol-wf run a.mjs --args-name World --args-n=5 --args-deep --events --args-tag a \
         --args-tag b --args-neg -3 --args-list [1,2] --args-list [3]",
    );
    assert_eq!(kept, ["smol-wf", "run", "a.mjs", "--events"]);
    let expected = json!({
        "name": "World", "n": 5, "deep": true, "tag": ["a", "b"], "neg": -3,
        "list": [[1, 2], [3]],
    });
    assert_eq!(args, Some(expected));
}

#[test]
fn a_flag_is_no_value_and_what_only_begins_like_one_is() {
    let (kept, args) = parse("smol-wf run a.mjs --args-deep -o json --args-in - --args-n -.5");
    assert_eq!(kept, ["smol-wf", "run", "a.mjs", "-o", "json"]);
    assert_eq!(args, Some(json!({"deep": true, "in": "-", "n": "-.5"})));
}

#[test]
fn a_number_that_would_lose_digits_is_text() {
    for text in [
        "1.10",
        "1.0",
        "12345e7",
        "1e3",
        "1E3",
        "-0",
        "-0.0",
        "1234567890123456789",
        "1e999",
        "9007199254740993",
        "0.0000001",
        "10000000000000000000000",
        "007",
        "+1",
        "1_000",
        ".5",
    ] {
        assert_eq!(value_of(text), json!(text));
    }
    for (text, value) in [
        ("0", json!(0)),
        ("-3", json!(-3)),
        ("1.5", json!(1.5)),
        ("0.25", json!(0.25)),
        ("9007199254740991", json!(9_007_199_254_740_991_u64)),
        ("true", json!(true)),
        ("null", json!(null)),
        ("\"5\"", json!("5")),
    ] {
        assert_eq!(value_of(text), value, "{text}");
    }
}

#[test]
fn flags_of_the_program_stay_and_a_double_dash_ends_it() {
    let (kept, args) = parse("smol-wf run --args-from-file a.json --args 1 x -- --args-y 1");
    assert_eq!(kept.len(), 10);
    assert_eq!(args, None);
}

#[test]
fn the_sources_add_up() {
    let named = vec![("b".to_owned(), Some("2".to_owned()))];
    let merged = merge(&[], Some(r#"{"a":1,"b":1}"#), named.clone(), None).unwrap().unwrap();
    assert_eq!(merged, r#"{"a":1,"b":2}"#);
    assert!(matches!(merge(&[], Some("[1]"), named, None), Err(ArgsError::NotMergeable { .. })));
    assert_eq!(merge(&[], Some("\"text\""), Vec::new(), None).unwrap().unwrap(), "\"text\"");
    assert!(matches!(merge(&[], Some("{"), Vec::new(), None), Err(ArgsError::NotJson { .. })));
}

#[test]
fn files_are_added_to_and_args_replace() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let one = file("one.json", r#"{"tag":"a","list":[1],"own":1}"#);
    let two = file("two.yaml", "tag: b\nlist: 2\n");
    let named = vec![
        ("tag".to_owned(), Some("c".to_owned())),
        ("list".to_owned(), Some("3".to_owned())),
        ("new".to_owned(), Some("4".to_owned())),
        ("own".to_owned(), Some("5".to_owned())),
    ];
    let merged = merge(&[one.clone(), two], Some(r#"{"own":2}"#), named, None).unwrap().unwrap();
    let expected = json!({"tag": ["a", "b", "c"], "list": [1, 2, 3], "own": 5, "new": 4});
    assert_eq!(serde_json::from_str::<Value>(&merged).unwrap(), expected);
    let at = format!("@{}", one.display());
    let merged = merge(&[], Some(&at), Vec::new(), None).unwrap().unwrap();
    assert_eq!(merged, r#"{"tag":"a","list":[1],"own":1}"#);
    let error = merge(&[], Some("@/nowhere/x.json"), Vec::new(), None).unwrap_err();
    assert!(error.to_string().starts_with("--args: /nowhere/x.json cannot be read"), "{error}");
}

#[test]
fn declared_arguments_are_typed_and_a_flag_overrides_a_file() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a.json");
    std::fs::write(&file, r#"{"base":"main","tags":["x"],"other":1}"#).unwrap();
    let schema = ArgsSchema::of(&json!({"properties": {
        "base": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "maxDepth": {"type": "integer", "default": 3},
    }}));
    let named = [("base", "7"), ("tags", "8"), ("other", "2"), ("max-depth", "1")];
    let named = named.map(|(name, text)| (name.to_owned(), Some(text.to_owned()))).to_vec();
    let sources = Sources { files: &[file], json: None, named };
    let all = sources.fit_to(Some(&schema.unwrap())).unwrap().unwrap();
    let expected = json!({"base": "7", "tags": ["x", "8"], "other": [1, 2], "maxDepth": 1});
    assert_eq!(serde_json::from_str::<Value>(&all).unwrap(), expected);
}

#[test]
fn a_hint_names_the_probable_meaning() {
    let error = |text| merge(&[], Some(text), Vec::new(), None).unwrap_err().to_string();
    let word = error("Ada");
    assert!(word.contains(r#"--args '"Ada"'"#) && word.contains("--args-name 'Ada'"), "{word}");
    assert!(error("{name: 1}").contains("quote it for your shell"), "{}", error("{name: 1}"));
}
