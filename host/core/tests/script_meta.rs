//! What `meta` may contain, and the messages about what it may not.
#![allow(clippy::too_many_lines, reason = "tables of cases")]

use serde_json::{Value, json};
use smol_wf_core::codes::Code;
use smol_wf_core::options::PhaseOptions;
use smol_wf_core::script::{Phase, Script, ScriptRefusal};
use smol_wf_core::surface::Surface;

fn read(text: &str) -> Result<Script, ScriptRefusal> {
    Script::read(text.as_bytes(), "flow.mjs")
}

/// The value of a script whose `meta` has this value under the key `x`.
fn extra(value: &str) -> Result<Value, ScriptRefusal> {
    let text = format!("export const meta = {{ name: 'n', description: 'd', x: {value} }};");
    let script = read(&text)?;
    let json: Value = serde_json::from_str(&script.meta_json).expect("meta is JSON");
    assert_eq!(
        json.get("x"),
        script.meta.extra.get("x").filter(|x| !x.is_null() || json.get("x").is_some())
    );
    Ok(json.get("x").cloned().unwrap_or(json!("(absent)")))
}

#[test]
fn every_form_of_literal_is_read() {
    let cases = [
        ("'a'", json!("a")),
        ("\"it's\"", json!("it's")),
        ("`two\r\nlines`", json!("two\nlines")),
        ("`$ {} \\${x} $`", json!("$ {} ${x} $")),
        ("'\\n\\t\\b\\v\\f\\r\\0\\'\\\\\\q'", json!("\n\t\u{8}\u{b}\u{c}\r\0'\\q")),
        ("'\\x41\\u00e9\\u{1F600}\\u{000041}\\ud83d\\ude00'", json!("Aé😀A😀")),
        ("'a\\\nb\\\r\nc\\\u{2028}d'", json!("abcd")),
        ("'\u{2028}ü — 漢字 😀'", json!("\u{2028}ü — 漢字 😀")),
        ("'// no comment /* none */ `${x}`'", json!("// no comment /* none */ `${x}`")),
        ("0", json!(0)),
        ("-1", json!(-1)),
        ("- - 1", json!(1)),
        ("+1.50", json!(1.5)),
        ("-0", json!(0)),
        (".5", json!(0.5)),
        ("5.", json!(5)),
        ("1e3", json!(1000)),
        ("1.5E-7", json!(1.5e-7)),
        ("1_000_000", json!(1_000_000)),
        ("0xFF", json!(255)),
        ("0b101", json!(5)),
        ("0o17", json!(15)),
        ("9007199254740993", json!(9_007_199_254_740_992.0)),
        ("0x20000000000001", json!(9_007_199_254_740_992.0)),
        ("0x20000000000003", json!(9_007_199_254_740_996.0)),
        ("0x1000000000000000000000000000000000000000", json!(9.134_385_233_318_143e46)),
        ("true", json!(true)),
        ("false", json!(false)),
        ("null", Value::Null),
        ("undefined", json!("(absent)")),
        ("[]", json!([])),
        ("[1, 'a', [null,],]", json!([1, "a", [null]])),
        ("[1,,undefined]", json!([1, null, null])),
        ("({a: (1)})", json!({"a": 1})),
        ("{}", json!({})),
        (
            "{ a: 1, 'b c': 2, \"d\": 3, 4: 4, 0x10: 5, 1.50: 6, }",
            json!({"a":1,"b c":2,"d":3,"4":4,"16":5,"1.5":6}),
        ),
        (
            "{ if: 1, default: 2, get: 3, async: 4, n\\u0061me: 5, ünï: 6, $_: 7 }",
            json!({"if":1,"default":2,"get":3,"async":4,"name":5,"ünï":6,"$_":7}),
        ),
        ("{ __proto__: 1, constructor: 2 }", json!({"__proto__": 1, "constructor": 2})),
        ("{ a: 1, a: 2 }", json!({"a": 2})),
        ("{ a: 1, a: undefined }", json!({})),
        ("/* a */ { // b\n a /* c */ : /* d */ 1 // e\n , /* f */ } /* g */", json!({"a": 1})),
    ];
    for (text, wanted) in cases {
        assert_eq!(
            extra(text).unwrap_or_else(|refused| panic!("{text}: {refused}")),
            wanted,
            "{text}"
        );
    }
}

#[test]
fn code_in_meta_is_refused_with_its_position() {
    // The caret of each is at the `«`.
    let cases = [
        ("«f()", "found a call to `f()`"),
        ("«a.b.c(1)", "found a call to `a.b.c()`"),
        ("«a.b", "found the variable `a.b`"),
        ("«process.env.HOME", "found the variable `process.env.HOME`"),
        ("«name", "found the variable `name`"),
        ("«NaN", "found the variable `NaN`"),
        ("«new Date()", "found `new Date`"),
        ("«function () {}", "found a function"),
        ("«async () => 1", "found a function"),
        ("«() => 1", "found a function"),
        ("«x => 1", "found a function"),
        ("«class {}", "found a class"),
        ("«/re/g", "found the regular expression `/re/g`"),
        ("`a «${b}`", "found `${` in a template"),
        ("«tag`x`", "found a template tagged `tag`"),
        ("'a' «`x`", "found a tagged template"),
        ("'a' «+ 'b'", "found the operator `+`; write the whole text as one string"),
        ("1 «/ 2", "found the operator `/`"),
        ("true «? 1 : 2", "found the operator `?`"),
        ("null «?? 1", "found the operator `?`"),
        ("«typeof 1", "found the operator `typeof`"),
        ("«void 0", "found the operator `void`"),
        ("«!0", "expected a value and found `!`"),
        ("«-'1'", "found a sign in front of something that is not a number"),
        ("'a'«.length", "found a property of a value"),
        ("'a'«[0]", "found a value with `[…]` behind it"),
        ("[1] «(2)", "found a call of a value"),
        ("[«...xs]", "found a spread `...xs`"),
        ("{ «...base }", "found a spread `...base`"),
        ("{ «[k]: 1 }", "found a computed key"),
        ("{ «name }", "found the variable `name`; write `name: …`"),
        ("{ «run() {} }", "found a method `run()`"),
        ("{ «get a() { return 1 } }", "found a getter"),
        ("{ «set a(v) {} }", "found a setter"),
        ("{ «async a() {} }", "found an async method"),
        ("{ «*a() {} }", "found a generator method"),
        ("{ a «= 1 }", "expected `:` behind the key `a` and found `=`"),
        ("[1 «2]", "expected `,` or `]` and found `2`"),
        ("{ a: 1 «b: 2 }", "expected `,` or `}` and found `b`"),
        ("«1n", "found the BigInt `1n`"),
        ("«017", "found the octal number `017`"),
        ("«08", "found the octal number `08`"),
        ("«1__0", "found `1__0`, which is not a number"),
        ("«1_", "found `1_`, which is not a number"),
        ("«0x", "found `0x`, which is not a number"),
        ("«1e", "found `1e`, which is not a number"),
        ("«1inf", "found `1inf`, which is not a number"),
        ("«1e999", "found `1e999`, which is too large"),
        ("'a «\\01'", "found the octal escape"),
        ("'«\\xg1'", "found an escape that lacks its 2 hexadecimal digits"),
        ("'«\\u12'", "found an escape that lacks its 4 hexadecimal digits"),
        ("'«\\u{110000}'", "found an escape `\\u{…}` that is no character"),
        ("'«\\u{}'", "found an escape `\\u{…}` that is no character"),
        ("'é«\\ud800'", "found half of a surrogate pair"),
        ("'é«\\ud800\\u0041'", "found half of a surrogate pair"),
        ("'«\\udc00'", "found half of a surrogate pair"),
        ("«#x", "expected a value and found `#`"),
        ("«@x", "expected a value and found `@`"),
        ("«,", "expected a value and found `,`"),
    ];
    for (marked, message) in cases {
        let column = "export const meta = { name: 'n', description: 'd', x: ".chars().count()
            + marked.chars().position(|c| c == '«').expect("a mark")
            + 1;
        let refused = extra(&marked.replace('«', "")).expect_err(marked);
        assert_eq!(refused.code, Code::MetaNotLiteral, "{marked}: {refused}");
        assert!(refused.message.contains(message), "{marked}: {}", refused.message);
        assert_eq!((refused.line, refused.column as usize), (1, column), "{marked}: {refused}");
        assert!(refused.snippet.ends_with('^'), "{marked}: {}", refused.snippet);
    }
}

#[test]
fn typescript_is_named() {
    let whole = [
        "export const meta: WorkflowMeta = { name: 'n', description: 'd' }",
        "export const meta = { name: 'n', description: 'd' } as const",
        "export const meta = { name: 'n', description: 'd' } satisfies Meta;",
        "export const meta = { name: 'n' as string, description: 'd' }",
        "export const meta = <const>{ name: 'n', description: 'd' }",
        "export const meta = { name?: 'n', description: 'd' }",
    ];
    for text in whole {
        let refused = read(text).expect_err(text);
        assert_eq!(refused.code, Code::MetaTypescript, "{text}: {refused}");
        assert!(refused.message.contains("TypeScript"), "{refused}");
    }
}

#[test]
fn the_text_after_meta_is_checked() {
    let meta = "export const meta = { name: 'n', description: 'd' }";
    let fine = [
        "",
        ";",
        ";;",
        "\n",
        " // c",
        " /* c */ ; x",
        "\nconst a = 1",
        "\n++a",
        "\n'use x'",
        "\nas = 1",
        ", other = 1",
        "\n/* open",
        ";'open",
        "\nlet r = /[/]/.test('`')",
        "\n{}",
        "\n}",
    ];
    for after in fine {
        let text = format!("{meta}{after}");
        assert!(read(&text).is_ok(), "{text}: {:?}", read(&text));
    }
    let refused = [
        (".name", "a property"),
        ("()", "a call"),
        ("\n(async () => {})()", "a call of a value behind it; end `meta` with a `;`"),
        ("\n[1].map(f)", "behind it; end `meta` with a `;`"),
        ("\n`x`", "a tagged template"),
        (" const a = 1", "expected `;` or a new line behind it and found `const`"),
        (" ++a", "expected `;` or a new line"),
        ("]", "expected `;` or a new line"),
        (" || {}", "found the operator `|`"),
        ("\n/ 2", "found the operator `/`"),
    ];
    for (after, message) in refused {
        let text = format!("{meta}{after}");
        let refused = read(&text).expect_err(&text);
        assert!(refused.message.contains(message), "{text}: {refused}");
    }
}

#[test]
fn invalid_keys_are_refused_with_their_position() {
    let cases = [
        ("«'a'", "`meta` must be an object, and is a string"),
        ("«[]", "`meta` must be an object, and is an array"),
        ("«{}", "`meta` needs a `name`, a string"),
        ("«{ name: 'n' }", "`meta` needs a `description`, a string"),
        ("«{ name: null, description: 'd' }", "`meta` needs a `name`, a string"),
        ("{ name: «7, description: 'd' }", "`meta.name` must be a string, and is a number"),
        ("{ name: «' \\n', description: 'd' }", "`meta.name` is empty"),
        ("{ name: 'n', description: «'' }", "`meta.description` is empty"),
        ("{ name: 'n', name: «1, description: 'd' }", "`meta.name` must be a string"),
    ];
    for (marked, message) in cases {
        let head = "export const meta = ";
        let column = head.len() + marked.find('«').expect("a mark") + 1;
        let refused = read(&format!("{head}{}", marked.replace('«', ""))).expect_err(marked);
        assert_eq!(refused.code, Code::MetaInvalid, "{marked}: {refused}");
        assert!(refused.message.contains(message), "{marked}: {refused}");
        assert_eq!(refused.column as usize, column, "{marked}");
    }
}

#[test]
fn values_that_are_only_shown_are_ignored_with_a_warning() {
    let cases = [
        (
            "{ name: 'n', description: 'd', whenToUse: «[] }",
            "`meta.whenToUse` must be a string, and is an array",
        ),
        (
            "{ name: 'n', description: 'd', phases: «{} }",
            "`meta.phases` must be an array, and is an object",
        ),
        (
            "{ name: 'n', description: 'd', phases: ['a', «1] }",
            "`meta.phases[1]` must be an object, and is a number",
        ),
        (
            "{ name: 'n', description: 'd', phases: [«null] }",
            "`meta.phases[0]` must be an object, and is null",
        ),
        ("{ name: 'n', description: 'd', phases: [«''] }", "`meta.phases[0]` is empty"),
        (
            "{ name: 'n', description: 'd', phases: [«{ detail: 'x' }] }",
            "`meta.phases[0]` needs a `title`, a string",
        ),
        (
            "{ name: 'n', description: 'd', phases: [{ title: 'x', model: «true }] }",
            "`meta.phases[0].model` must be a string, and is a boolean",
        ),
        (
            "{ name: 'n', description: 'd', phases: [{ title: «5 }] }",
            "`meta.phases[0].title` must be a string, and is a number",
        ),
        (
            "{ name: 'n', description: 'd', phases: [«{ name: 'A' }, 'b'] }",
            "`meta.phases[0]` needs a `title`, a string",
        ),
    ];
    for (marked, message) in cases {
        let head = "export const meta = ";
        let column = head.len() + marked.find('«').expect("a mark") + 1;
        let script = read(&format!("{head}{}", marked.replace('«', ""))).expect(marked);
        let [warning] = &script.warnings[..] else { panic!("{marked}: {:?}", script.warnings) };
        assert_eq!(warning.message, format!("{message}; it is ignored"), "{marked}");
        assert_eq!(warning.column as usize, column, "{marked}");
        assert_eq!(script.meta.when_to_use, None, "{marked}");
        // The others stay.
        let titles: Vec<_> = script.meta.phases.iter().map(|phase| phase.title.as_str()).collect();
        let there = ["['a', ", ", 'b']", "title: 'x'"].map(|part| marked.contains(part));
        let there = ["a", "b", "x"].into_iter().zip(there).filter(|(_, there)| *there);
        assert_eq!(titles, there.map(|(title, _)| title).collect::<Vec<_>>(), "{marked}");
    }
}

#[test]
fn options_of_a_phase_are_read_like_those_of_a_call_or_refused() {
    let meta = "{ name: 'n', description: 'd', phases: ['a', { title: 'b', OPTION }] }";
    for (option, message) in [
        (
            "maxTurns: «0",
            "option `maxTurns` of agent() takes a whole number from 1 to 10000, and is 0",
        ),
        (
            "tools: «'Read'",
            "option `tools` of agent() takes an array of names of tools, such as ['Bash', 'Edit'], and is a string",
        ),
        (
            "mcp: «['a b']",
            "option `mcp` of agent() takes an array of names of MCP servers that the settings define, such as ['github'], and is [\"a b\"]",
        ),
        ("«session: 'x'", "no phase takes the option `session`; give it to the calls of the phase"),
        (
            "«permissions: 'read'",
            "no phase takes the option `permissions`; give it to the calls of the phase",
        ),
    ] {
        let head = "export const meta = ";
        let marked = meta.replace("OPTION", option);
        let column = head.len() + marked.find('«').expect("a mark") + 1;
        let refused = read(&format!("{head}{}", marked.replace('«', ""))).expect_err(option);
        assert_eq!(refused.code, Code::MetaInvalid, "{option}");
        assert_eq!(refused.message, format!("`meta.phases[1]`: {message}"));
        assert_eq!(refused.column as usize, column, "{option}");
    }
    let fine = meta.replace("OPTION", "tools: [], maxTurns: 3, system: null, mcp: ['m']");
    let script = read(&format!("export const meta = {fine}")).expect("a good script");
    assert_eq!(script.warnings, []);
    let phase = serde_json::to_value(script.meta.phase("b")).expect("JSON");
    assert_eq!(phase, json!({ "title": "b", "tools": [], "maxTurns": 3, "mcp": ["m"] }));
}

#[test]
fn a_whole_meta_is_read() {
    let script = read(
        "export const meta = {\n  name: 'audit',\n  description: `Finds — and fixes`,\n  whenToUse: 'now',\n  \
         phases: ['Scan', { title: 'Fix', detail: 'x', model: 'm', provider: 'p', color: 'red' }],\n  version: 2,\n}\n",
    )
    .expect("a good script");
    assert_eq!(script.meta.name, "audit");
    assert_eq!(script.meta.description, "Finds — and fixes");
    assert_eq!(script.meta.when_to_use.as_deref(), Some("now"));
    let scan = Phase {
        title: "Scan".into(),
        detail: None,
        model: None,
        provider: None,
        options: PhaseOptions::default(),
    };
    assert_eq!(script.meta.phases.first(), Some(&scan));
    assert_eq!(script.meta.phase("Fix").and_then(|phase| phase.model.as_deref()), Some("m"));
    assert_eq!(script.meta.extra.get("version"), Some(&json!(2)));
    let warnings: Vec<_> =
        script.warnings.iter().map(|w| (w.line, w.column, w.message.as_str())).collect();
    assert_eq!(
        warnings,
        [
            (5, 76, "`meta.phases[1].color` is not known and is ignored"),
            (6, 3, "`meta.version` is not known and is ignored"),
        ]
    );
    let json: Value = serde_json::from_str(&script.meta_json).expect("JSON");
    assert_eq!(json["phases"][1]["color"], "red");
    let back: smol_wf_core::script::Meta =
        serde_json::from_value(serde_json::to_value(&script.meta).expect("JSON")).expect("meta");
    assert_eq!(back, script.meta);
}

#[test]
fn a_schema_of_arguments_is_read_with_meta() {
    let script = |args: &str| {
        let text =
            format!("export const meta = {{ name: 'n', description: 'd',\n  args: {args} }};");
        Script::read(text.as_bytes(), "flow.mjs")
    };
    let read = script("{ properties: { depth: { type: 'integer' } } }").expect("a good script");
    assert_eq!(read.meta.args, Some(json!({"properties": {"depth": {"type": "integer"}}})));
    assert_eq!(read.warnings, []);

    let refused = script("{\n properties: {\n  depth: { type: 'strng' } } }").unwrap_err();
    assert_eq!((refused.line, refused.column, refused.code.word()), (4, 18, "meta_invalid"));
    assert!(
        refused.message.starts_with("`meta.args`: the schema cannot be used: at "),
        "{refused}"
    );
    let refused = script("{ properties: { a: { type: 'integer', default: 'x' } } }").unwrap_err();
    assert_eq!((refused.line, refused.column), (2, 56));

    for (args, told) in [
        ("['a']", "`meta.args` must be a JSON Schema, an object, and is an array; it is ignored"),
        ("{ topic: 'what to look for' }", "arguments belong into its `properties`"),
        ("{ propertis: {} }", "did you mean `properties`?"),
    ] {
        let warnings = script(args).expect("a good script").warnings;
        assert!(warnings[0].message.contains(told), "{args}: {warnings:?}");
    }
    // Older runs have it among the unknown keys.
    let text = b"export const meta = { name: 'n', description: 'd', args: { type: 'strng' } }";
    let older = Script::read_under(text, "flow.mjs", Surface::Third).expect("an old script");
    assert!(older.meta.args.is_none() && older.meta.extra.contains_key("args"));
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(extra(&nested(63)).is_ok());
    assert_eq!(extra(&nested(64)).expect_err("deep").code, Code::MetaTooDeep);
    for open in ["[", "{a:", "(", "- ", "+(["] {
        let refused = extra(&open.repeat(10_000)).expect_err(open);
        assert_eq!(refused.code, Code::MetaTooDeep, "{open}");
    }
}

#[test]
fn the_number_of_warnings_is_bounded() {
    let many: String = (0..50_000).map(|key| format!("k{key}: 1, ")).collect();
    let text = format!("export const meta = {{ name: 'n', description: 'd', {many} }}");
    assert_eq!(read(&text).expect("a good script").warnings.len(), 16);
}
