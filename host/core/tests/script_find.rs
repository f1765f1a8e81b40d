//! Where `meta` may be, which texts are scripts, and the messages about all others.

use smol_wf_core::codes::Code;
use smol_wf_core::limits::SCRIPT_BYTES_MAX;
use smol_wf_core::script::{Script, ScriptRefusal};

const META: &str = "export const meta = { name: 'n', description: 'd' };";

fn read(text: &str) -> Result<Script, ScriptRefusal> {
    Script::read(text.as_bytes(), "flow.mjs")
}

#[test]
fn meta_is_found_after_any_code() {
    let before = [
        "",
        "\u{feff}",
        "#!/usr/bin/env smol-wf `it's\n",
        "\u{feff}#! x\n",
        "// it's a comment — é\n",
        "/* export const meta = {} \n '\" ` */ ",
        "/** @type {import('x').Meta} */\r\n",
        "'use strict'\n",
        "\"use strict\"; 'it\\'s'; 'a\\\nb'; 'a\\\r\nb';\n",
        "import x, { y as z } from 'y'\nimport 'z';\nimport * as w from \"w\"\n",
        "const a = { meta: 1, export: 2 }, b = [a.export, a.const];\n",
        "const s = 'export const meta = 1';\n",
        "const s = `export const meta = ${`nested ${'}'} ${{}} export const meta`} {`;\n",
        "function f() { const meta = 1; return { meta } }\n",
        "const r = /export const meta = {/g;\n",
        "const r = /[/'\"`{]/.test('x') && /\\/`/;\n",
        "const q = a / b / c; const `x`;\n",
        "const q = (a + b) / 2; const s = '/'\n",
        "if (x) /'/.test(y);\n",
        "while (a) /`/.exec(b)\n",
        "const q = arr[0] / 2 / '`'.length;\n",
        "let i = 0; i++ / 2; const s = '/';\n",
        "const o = {} / 1; '/';\n",
        "function g() {} /`/.test('');\n",
        "return /`/;\n",
        "x.return / 2; '/';\n",
        "const f = () => { } \n/`/.test(x)\n",
        "const x = y => /'/.test(y) ? `a${/}/}b` : /}/;\n",
        "switch (x) { case /'/: { break } default: {} }\n",
        "class A { static { /'/.test(1) } #p = /`/; get [`x`]() { return 1 } }\n",
        "const t = `\\`${1}\\${`;\n",
        "label: { }\n",
        "<!-- x\n",
        "a /= 2; b = c /= '/'.length\n",
        "const meta2 = {}, metadata = 1; let metaX;\n",
        "x = a ? b : {}\n",
        "const big = 0xe+1, e = 1e+5, d = 1..toString(), h = 5 .x;\n",
        "export const other = { a: 1 };\nexport { other as x };\nexport default function () {}\n",
        "const \u{5909}\u{6570} = '😀';\u{2028}",
        "@decorated class B {}\n",
    ];
    for text in before {
        let script = read(&format!("{text}{META}\nreturn 1")).unwrap_or_else(|refused| {
            panic!("{text:?}: {refused}");
        });
        assert_eq!(script.meta_export as usize, text.len(), "{text:?}");
        assert_eq!(script.source("flow.mjs").text, script.text);
        assert_eq!(script.source("flow.mjs").meta_export, script.meta_export);
    }
}

#[test]
fn the_words_before_meta_may_be_far_apart() {
    let script =
        read("export/* a */\n// b\nconst\r\nmeta=\u{a0}{name:'n',description:'d'}").unwrap();
    assert_eq!(script.meta_export, 0);
}

#[test]
fn a_missing_meta_is_explained() {
    let cases = [
        ("const a = 1", Code::MetaMissing, 1, 1),
        ("// only a comment", Code::MetaMissing, 1, 1),
        ("\n\n  return 1", Code::MetaMissing, 3, 3),
        ("export default { meta: { name: 'n' } }", Code::MetaMissing, 1, 1),
        ("'export const meta = {}'", Code::MetaMissing, 1, 1),
        ("export const metadata = {}", Code::MetaMissing, 1, 1),
        ("export const Meta = {}", Code::MetaMissing, 1, 1),
        ("x\nconst meta = {}", Code::MetaNotExported, 2, 1),
        ("const meta = {}\nexport { meta }", Code::MetaNotExported, 1, 1),
        ("var meta = {}", Code::MetaNotExported, 1, 1),
        ("function f() {\n  const meta = {}\n}", Code::MetaNested, 2, 3),
        ("{ export const meta = {} }", Code::MetaNested, 1, 3),
        ("(() => { let meta })\nlet meta", Code::MetaNotExported, 2, 1),
        ("`${(() => { const meta = 1 })()}`", Code::MetaNested, 1, 13),
        ("export let meta = { name: 'n', description: 'd' }", Code::MetaNotConst, 1, 1),
        ("é; export var meta = {}", Code::MetaNotConst, 1, 4),
        ("export const meta", Code::MetaNotLiteral, 1, 14),
        ("export const meta;", Code::MetaNotLiteral, 1, 14),
        ("export const meta == {}", Code::MetaNotLiteral, 1, 14),
        ("export const meta = ", Code::ScriptSyntax, 1, 21),
        ("export const meta = {", Code::ScriptSyntax, 1, 22),
        ("export const meta = { a: 'b", Code::ScriptSyntax, 1, 26),
        ("export const meta = { a: 'b\n' }", Code::ScriptSyntax, 1, 26),
        ("x\n/* open", Code::ScriptSyntax, 2, 1),
        ("x = `a ${b} c", Code::ScriptSyntax, 1, 11),
        ("x = 'a", Code::ScriptSyntax, 1, 5),
    ];
    for (text, code, line, column) in cases {
        let refused = read(text).expect_err(text);
        assert_eq!(
            (refused.code, refused.line, refused.column),
            (code, line, column),
            "{text:?}: {refused}"
        );
    }
    let twice = read(&format!("{META}\nx\n  {META}")).expect_err("twice");
    assert_eq!((twice.code, twice.line, twice.column), (Code::MetaDuplicate, 3, 3));
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let long = format!("{META}{}", " ".repeat(SCRIPT_BYTES_MAX));
    let cases: &[(&[u8], Code, u32, u32)] = &[
        (b"", Code::ScriptEmpty, 1, 1),
        (b" \n\t\xef\xbb\xbf\r\n", Code::ScriptEmpty, 1, 1),
        (b"a\nb\xc3\xa9\xff", Code::ScriptNotUtf8, 2, 3),
        (b"\xff\xfee\0x\0", Code::ScriptNotUtf8, 1, 1),
        (b"\x7fELF\0", Code::ScriptNul, 1, 5),
        (b"a\r\nb\0", Code::ScriptNul, 2, 2),
        (long.as_bytes(), Code::ScriptTooLarge, 1, 1),
    ];
    for (bytes, code, line, column) in cases {
        let refused = Script::read(bytes, "flow.mjs").expect_err(code.word());
        assert_eq!((refused.code, refused.line, refused.column), (*code, *line, *column));
    }
    let full = &long[..SCRIPT_BYTES_MAX];
    assert!(read(full).is_ok(), "of the largest size");
}

#[test]
fn lines_are_counted_as_javascript_counts_them() {
    for (end, lines) in
        [("\n", 3), ("\r\n", 3), ("\r", 3), ("\u{2028}", 3), ("\u{2029}", 3), ("\n\r", 5)]
    {
        let text = format!("// é😀{end}// b{end}/* 漢 */ export let meta = 1");
        let refused = read(&text).expect_err(end);
        assert_eq!((refused.line, refused.column), (lines, 9), "{end:?}");
    }
}

#[test]
fn a_refusal_has_a_position_and_a_snippet() {
    let refused = read("// one\n\nexport const meta = { name: makeName() }").expect_err("a call");
    assert_eq!(
        refused.to_string(),
        "flow.mjs:3:29: `meta` must be a literal: found a call to `makeName()`"
    );
    assert_eq!(
        refused.snippet,
        "   3 │ export const meta = { name: makeName() }\n     │                             ^"
    );
}
