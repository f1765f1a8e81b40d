//! What is blanked, what is refused, and that every byte stays where it was.

use smol_wf_strip::{Reason, strip};

/// The text without types. Every line and byte is in its place.
fn stripped(source: &str) -> String {
    let text = strip(source).unwrap_or_else(|refusal| panic!("{source}: {refusal:?}"));
    assert_eq!(text.len(), source.len(), "{source}");
    assert_eq!(text.lines().count(), source.lines().count(), "{source}");
    text
}

fn refused(source: &str) -> (Reason, u32) {
    let refusal = strip(source).expect_err(source);
    (refusal.reason, refusal.at)
}

#[test]
fn types_become_blanks() {
    for (source, text) in [
        ("let a: number = 1", "let a         = 1"),
        ("f<T>(x as T)", "f   (x     )"),
        ("const m = { a: 1 } as const", "const m = { a: 1 }         "),
        ("a!.b![0]", "a .b [0]"),
        ("function f(this: T, a?: B): C {}", "function f(         a    )    {}"),
        ("import { type A, b } from './a.ts'", "import {         b } from './a.ts'"),
        ("import type { A } from './a.ts'\nf()", "                               \nf()"),
        ("f()\ntype A = { b: 1 }\ng()", "f()\n;                \ng()"),
        ("class A<T> extends B<T> implements C {}", "class A    extends B                 {}"),
        ("let a: 'é' = 1", "let a   \u{a0}  = 1"),
        ("let a = b satisfies C", "let a = b            "),
        ("return x as T", "return x     "),
        ("for (const x of y as T[]) f(x)", "for (const x of y       ) f(x)"),
        ("'use strict'\ninterface A {}\nlet b", "'use strict'\n;             \nlet b"),
    ] {
        assert_eq!(stripped(source), text);
    }
}

#[test]
fn statements_and_members_do_not_grow_together() {
    for (source, text) in [
        ("let a = b as T\n(c)", "let a = b ;   \n(c)"),
        ("class A { get: T\n x() {} }", "class A { get;  \n x() {} }"),
        ("class A { a = 1\n private *b() {} }", "class A { a = 1\n ;       *b() {} }"),
        ("f(<T,>\n(x) => x)", "f((   \n x) => x)"),
        ("let f = (a): T[\n] => a", "let f = (a     \n) => a"),
    ] {
        assert_eq!(stripped(source), text);
    }
}

#[test]
fn what_is_more_than_a_type_is_refused_where_it_stands() {
    for (source, reason, at) in [
        ("f()\nenum A { B }", Reason::Enum, 4),
        ("namespace A { export const b = 1 }", Reason::Namespace, 0),
        ("class A { constructor(private b: C) {} }", Reason::ParameterProperty, 22),
        ("import a = require('b')", Reason::ImportEquals, 0),
        ("export = a", Reason::ExportEquals, 0),
        ("let a = <T>b", Reason::Assertion, 8),
        ("@a class B {}", Reason::Decorator, 0),
        ("let a: = 1", Reason::Syntax, 7),
    ] {
        assert_eq!(refused(source), (reason, at), "{source}");
    }
    assert!(strip("let a = 1 + x as T * 2").is_err());
    // The parser needs stack for it, which the module has.
    let deep =
        || assert_eq!(refused(&format!("let a = {}1", "!".repeat(12_000))).0, Reason::TooDeep);
    std::thread::Builder::new().stack_size(512 << 20).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn javascript_and_types_alone_pass() {
    let script = "export const meta = { name: 'a', description: 'b' }\nreturn await agent(`c`)\n";
    assert_eq!(stripped(script), script);
    for types in [
        "declare const a: B",
        "declare enum A { B }",
        "namespace A { type B = C }",
        "export type { A }",
    ] {
        assert_eq!(stripped(types).trim(), "");
    }
}
