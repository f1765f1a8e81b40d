//! What the real artefact does with a script, from both ends.

mod harness;

use harness::{
    Dialect, Guest, Outcome, Seen, StartInput, Status, component, deep, input, line, run,
};

const META: &str = "export const meta = {name: 'm'}\n";

/// `(script after the line of meta, how it ends)`; `…` at the end of what is
/// expected stands for anything.
const CASES: &[(&str, &str)] = &[
    // Body dialect.
    ("return 1", "done 1"),
    ("const x = 1", "done null"),
    ("return", "done null"),
    ("return this === globalThis", "done true"),
    ("undeclared = 5; return undeclared", "done 5"),
    ("return [args.who, typeof SW.sleep, typeof sleep]", r#"done ["me","function","undefined"]"#),
    ("return await eval('(async () => 5)()')", "done 5"),
    // Module dialect.
    ("export default 5", "done 5"),
    (
        "export default async (input, ctx) => [input.who, ctx.meta.name, ctx.args === args]",
        r#"done ["me","m",true]"#,
    ),
    (
        "import { sleep } from 'workflow:extra'; await sleep(5); export default sleep === SW.sleep",
        "done true",
    ),
    ("export default Promise.resolve('later')", r#"done "later""#),
    ("const { sleep } = await import('workflow:extra'); return await sleep(1)", "done null"),
    // Imports.
    (
        "import fs from 'fs'",
        "import 2:16 ImportError: cannot import `fs`: a workflow can import `workflow:extra` and…",
    ),
    ("await import('fs')", "import 2:14 ImportError: cannot import `fs`…"),
    ("await import('smol:calls')", "import 2:14 ImportError: cannot import `smol:calls`…"),
    ("return await import('./x.js').catch(e => e.name)", r#"done "ImportError""#),
    // Syntax errors: the author's own line and column, in characters.
    ("let x = ;\nreturn 1", "syntax 2:9 SyntaxError: unexpected token in expression: ';'"),
    (
        "const é = 'ü'; for (const x off y) {}\nreturn 1",
        "syntax 2:29 SyntaxError: expected 'of' or 'in'…",
    ),
    ("return foo(a b)", "syntax 2:14 SyntaxError: Unexpected identifier 'b'"),
    ("return 1 +", "syntax 2:11 SyntaxError: unexpected end of the script…"),
    ("if (true) {\nreturn 1\n\n", "syntax 3:9 SyntaxError: unexpected end of the script…"),
    (
        "const x = 1\nconst x = 2\nreturn 1",
        "syntax 3:7 SyntaxError: invalid redefinition of lexical identifier",
    ),
    (
        "export const a = 1\nconst b = return",
        "syntax 3:11 SyntaxError: unexpected token in expression: 'return'",
    ),
    (
        "function f() { await agent('x') }\nreturn f()",
        "syntax 2:22 SyntaxError: await is only valid…",
    ),
    ("return '\0'", "syntax 2:9 SyntaxError: the script contains a NUL character"),
    // Thrown errors.
    ("throw new Error('x')", "thrown 2:7 Error: x"),
    (
        "const s = 'ééé'; null.foo; return 1",
        "thrown 2:23 TypeError: cannot read property 'foo' of null",
    ),
    ("throw 'x'", r#"thrown 0:0 Error: threw the string "x""#),
    ("throw undefined", "thrown 0:0 Error: threw undefined"),
    ("throw {get message() { throw 1 }}", "thrown 0:0 Error: threw something that cannot be read"),
    (
        "throw new Proxy({}, {get() { throw 1 }, getPrototypeOf() { throw 2 }})",
        "thrown 0:0 Error: threw something…",
    ),
    ("async function g() { await agent('x'); null.foo }\nawait g()", "thrown 2:45 TypeError:…"),
    ("throw new Error('\\ud800')", "thrown 2:7 Error: \u{fffd}"),
    // Calls that fail: at the author's call, with the code.
    ("const r = await agent('fail boom'); return r", "thrown/boom 2:17 AgentError: it is boom"),
    (
        "async function f() {\n  return agent('refuse no')\n}\nreturn await f()",
        "thrown/no 3:10 AgentError: it is no",
    ),
    (
        "try { await agent('fail deep') } catch (e) { throw new Error('wrapped', {cause: e}) }",
        "thrown/deep 2:52 Error: wrapped",
    ),
    (
        "try { await agent('fail x') } catch (e) { return [e.name, e.code, e instanceof Error, e.stack] }",
        r#"done ["AgentError","x",true,"    at <anonymous> (workflow.js:2:13)\n"]"#,
    ),
    (
        "await agent('')",
        "thrown 2:7 TypeError: agent(prompt, options): the prompt must be a string that is not empty",
    ),
    (
        "await agent('x', [])",
        "thrown 2:7 TypeError: agent(prompt, options): the options must be an object",
    ),
    (
        "await parallel(5)",
        "thrown 2:7 TypeError: parallel(thunks): the thunks must be an array of functions",
    ),
    (
        "await pipeline([], 5)",
        "thrown 2:7 TypeError: pipeline(items, ...stages): stage 1 is not a function",
    ),
    ("await workflow()", "thrown 2:7 TypeError: workflow(target, args): the target must be…"),
    ("await SW.sleep(-1)", "thrown/bad_sleep 2:10 RangeError: less than nothing"),
    // Rejections.
    (
        "agent('fail later')\nawait agent('ok')\nreturn 5",
        "unhandled_rejection/later 2:1 AgentError: it is later",
    ),
    ("Promise.reject(new Error('r')); return 5", "unhandled_rejection 2:16 Error: r"),
    ("const r = Promise.reject(1); await agent('x'); try { await r } catch {}\nreturn 1", "done 1"),
    ("Promise.reject(1); throw new Error('first')", "thrown 2:26 Error: first"),
    // Results.
    (
        "return {results: {items: [1, {x: 2}, {}, {callback() {}}]}}",
        "result_not_json 0:0 TypeError: result.results.items[3].callback is a function",
    ),
    ("return {'a b': Symbol('x')}", r#"result_not_json 0:0 TypeError: result["a b"] is a symbol"#),
    (
        "const a = {b: {}}; a.b.c = [a]; return a",
        "result_not_json 0:0 TypeError: result.b.c[0] is one of the values that it stands in…",
    ),
    ("return 10n", "result_not_json 0:0 TypeError: result is a BigInt"),
    ("return () => 1", "result_not_json 0:0 TypeError: result is a function"),
    ("const o = {}; return [o, o]", "done [{},{}]"),
    (
        "return {a: undefined, b: NaN, c: new Date(0), e: [undefined]}",
        r#"done {"b":null,"c":"1970-01-01T00:00:00.000Z","e":[null]}"#,
    ),
    ("return {toJSON() { throw new Error('no') }}", "thrown 2:26 Error: no"),
    ("return ['\\ud800', '\\\\ud800', '\\ud83d\\ude00']", r#"done ["\ufffd","\\ud800","😀"]"#),
    // Groups.
    (
        "return parallel([() => agent('a'), agent('b'), 3, () => { throw 1 }, async () => agent('fail z'), Promise.reject('s')])",
        r#"done ["a","b",3,null,null,null]"#,
    ),
    ("return parallel([])", "done []"),
    (
        "return pipeline([1, 2, Promise.resolve(3)], (p, o, i) => [p, o, i], (p, o, i) => { if (i == 1) throw 1; return p })",
        "done [[1,1,0],null,[3,3,2]]",
    ),
    ("return pipeline([1, Promise.resolve(2)])", "done [1,2]"),
    (
        "return [await workflow('w', {a: 1}), await workflow({scriptPath: './x.js'})]",
        r#"done ["w",{"scriptPath":"./x.js"}]"#,
    ),
    // Fixed globals.
    (
        "agent = 5; SW = 1; SW.agent = 3; budget.spent = 4; delete globalThis.agent; args.x = 1; args.list.length = 0; console.log = 4\nreturn [typeof agent, typeof SW.agent, budget.spent(), budget.total, budget.remaining() === Infinity, args.list.length]",
        r#"done ["function","function",40,null,true,2]"#,
    ),
    ("'use strict'; agent = 5", "thrown 2:15 TypeError: 'agent' is read-only"),
    (
        "Object.defineProperty(globalThis, 'agent', {value: 3})",
        "thrown 2:8 TypeError: property is not configurable",
    ),
    (
        "return [typeof WeakRef, typeof FinalizationRegistry, typeof SharedArrayBuffer, typeof Atomics, typeof performance]",
        r#"done ["undefined","undefined","undefined","undefined","undefined"]"#,
    ),
    // The stack: an error that a script can catch.
    (
        "function f() { return f() + 1 }\ntry { f() } catch (e) { return e.name }",
        r#"done "RangeError""#,
    ),
    ("try { JSON.parse('['.repeat(100000)) } catch (e) { return e.name }", r#"done "RangeError""#),
    (
        "let o = {}; for (let i = 0; i < 50000; i++) o = {o}; try { JSON.stringify(o) } catch (e) { return e.name }",
        r#"done "RangeError""#,
    ),
    ("let o = {}; for (let i = 0; i < 50000; i++) o = {o}; return o", "thrown 0:0 RangeError:…"),
    // Memory: likewise.
    (
        "let big = []; try { for (;;) big.push(new Array(1e5).fill(1)) } catch (e) { big = 0; return e.name + ': ' + e.message }",
        r#"done "InternalError: out of memory""#,
    ),
    // The clock is the host's.
    ("return Date.now() - Date.now()", "done -1"),
    ("await new Promise(() => {})", "pending"),
];

#[test]
fn scripts_end_as_expected() {
    deep(|| {
        let mut wrong = Vec::new();
        for (script, expected) in CASES {
            let (status, _) = run(&format!("{META}{script}"));
            let got = line(&status);
            let fits = match expected.strip_suffix('…') {
                Some(start) => got.starts_with(start),
                None => got == *expected,
            };
            if !fits {
                wrong.push(format!("{script}\n  expected {expected}\n  got      {got}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn positions_on_the_first_line() {
    deep(|| {
        for (script, expected) in [
            ("export const meta = {name: 'é'}; throw new Error('x')", "thrown 1:40 Error: x"),
            (
                "/* é */ export const meta = {}; throw new Error('x'); return 1",
                "thrown 1:39 Error: x",
            ),
            (
                "let x = ; export const meta = {}; return 1",
                "syntax 1:9 SyntaxError: unexpected token…",
            ),
            ("#!/usr/bin/env x\nexport const meta = {}; return 1", "done 1"),
            ("foo(); export const meta = {}", "thrown 1:1 ReferenceError: foo is not defined"),
        ] {
            let got = line(&run(script).0);
            assert!(got.starts_with(expected.trim_end_matches('…')), "{script}: {got}");
        }
    });
}

#[test]
fn stack_holds_the_authors_frames_only() {
    deep(|| {
        let script = format!(
            "{META}async function f() {{\n  await agent('fail x')\n}}\nawait parallel([1]); await f()"
        );
        let (Status::Failed(error), _) = run(&script) else { panic!("it fails") };
        assert_eq!(error.stack, "at f (flow.js:3:9)\nat <anonymous> (flow.js:5:28)");
    });
}

#[test]
fn host_hears_of_slots_that_threw() {
    deep(|| {
        let (_, guest) = run(&format!(
            "{META}await parallel([1, () => {{ throw new TypeError('no') }}])\n\
             await pipeline([1], x => x, () => agent('fail z'))"
        ));
        let told = guest.seen().null_slots.iter().map(|slot| {
            let error = &slot.error;
            (slot.ordinal, slot.index, slot.stage, error.name.as_str(), error.line, error.column)
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(1, 1, None, "TypeError", 2, 34), (2, 0, Some(1), "AgentError", 3, 35)]);
        assert_eq!(guest.seen().null_slots[1].error.failure.as_deref(), Some("z"));
    });
}

#[test]
fn words_reach_the_host() {
    deep(|| {
        let (_, guest) = run(&format!(
            "{META}log('a', {{b: 1}}, 1n, undefined, new TypeError('t')); console.warn('w \\udc00'); phase('P')\n\
             agent('\\ud800p', {{label: '\\ud800', get once() {{ return globalThis.n = (globalThis.n ?? 0) + 1 }}}})"
        ));
        assert_eq!(guest.seen().log, ["a {\"b\":1} 1n undefined TypeError: t", "w \u{fffd}"]);
        assert_eq!(guest.seen().phases, ["P"]);
        assert_eq!(guest.seen().calls, ["agent \u{fffd}p {\"label\":\"\\ufffd\",\"once\":1}"]);
    });
}

#[test]
fn tampering_with_the_realm_changes_no_call() {
    deep(|| {
        let script = format!(
            "{META}const seen = []
             Object.defineProperty(Array.prototype, '0', {{set() {{ seen[1] = 'set' }}, configurable: true}})
             Object.assign(Object.prototype, {{value: 5, get: 7, code: 'x', failure: 1, name: 'n', error: 2}})
             Promise.prototype.then = function () {{ seen[2] = 'then' }}
             Promise.resolve = Promise.reject = Promise.all = null; globalThis.Promise = null
             try {{ Promise.prototype.constructor = null }} catch {{}}
             JSON.stringify = () => 'evil'; JSON.parse = () => 'evil'; Reflect.apply = null
             Map.prototype.get = Map.prototype.set = WeakMap.prototype.get = null
             String.prototype.toWellFormed = String.prototype.slice = () => 'evil'
             Array.prototype[Symbol.iterator] = Array.prototype.join = null
             Function.prototype.call = Function.prototype.apply = Object.freeze = null
             Error.prepareStackTrace = () => 'evil'; Error.stackTraceLimit = 0
             const r = await parallel([() => agent('a'), () => agent('b', {{x: 1}}), () => {{ throw 1 }}])
             const q = await pipeline([1, 2], x => agent('p' + x))
             let e; try {{ await agent('fail f') }} catch (error) {{ e = error }}
             delete Array.prototype[0]
             return {{r, q, stack: typeof e.stack, code: e.code, then: seen[2] ?? null}}"
        );
        let (status, guest) = run(&script);
        assert_eq!(
            line(&status),
            r#"done {"r":["a","b",null],"q":["p1","p2"],"stack":"string","code":"f","then":null}"#
        );
        assert_eq!(
            guest.seen().calls,
            ["agent a {}", "agent b {\"x\":1}", "agent p1 {}", "agent p2 {}", "agent fail f {}"]
        );
    });
}

#[test]
fn inspect_tells_the_dialects_apart_and_runs_nothing() {
    deep(|| {
        let mut guest = Guest::new(Seen::default());
        let module = format!("{META}log('ran'); export default 1");
        let body = format!("{META}log('ran'); return 1");
        assert!(matches!(guest.inspect(&module), Ok(Dialect::Module)));
        assert!(matches!(guest.inspect(&body), Ok(Dialect::Body)));
        assert!(matches!(guest.inspect("}); log('ran'); (async () => {"), Ok(Dialect::Body)));
        assert!(guest.seen().log.is_empty());
    });
}

#[test]
fn settling_twice_or_the_unknown_changes_nothing() {
    deep(|| {
        let mut guest = Guest::new(Seen::default());
        let text = format!("{META}const a = await agent('one'); await agent('two'); return a");
        let value = |text: &str| Outcome::Value(text.into());
        assert!(matches!(guest.start(&input(&text, Dialect::Body)), Status::Pending));
        assert!(matches!(guest.settle(9, &value("1")), Status::Pending));
        assert!(matches!(guest.settle(1, &value("\"a\"")), Status::Pending));
        assert!(matches!(guest.settle(1, &value("\"b\"")), Status::Pending));
        assert_eq!(line(&guest.settle(2, &value("null"))), r#"done "a""#);
        assert_eq!(line(&guest.settle(2, &value("5"))), r#"done "a""#);
    });
}

#[test]
fn runs_repeat_to_the_fuel_and_seeds_differ() {
    deep(|| {
        let text =
            format!("{META}return [Math.random(), Math.random(), Date.now(), await agent('x')]");
        let go = |seed| {
            let mut guest = Guest::new(Seen::default());
            let status = guest.start(&StartInput { seed, ..input(&text, Dialect::Body) });
            (line(&guest.finish(status)), guest.fuel())
        };
        assert_eq!(go(7), go(7));
        assert_ne!(go(7).0, go(8).0);
        assert!(go(7).0.starts_with("done [0.7005764821796896,0.278751"), "{}", go(7).0);
    });
}

#[test]
fn unsettled_promises_are_named_when_asked() {
    deep(|| {
        let text = format!(
            "{META}const settled = new Promise(r => r())\nconst lost = new Promise(() => {{}})\n\
             const {{ promise }} = Promise.withResolvers()\nagent('hang')\nawait promise"
        );
        let mut guest = Guest::new(Seen::default());
        let status = guest.start(&StartInput { diagnose: true, ..input(&text, Dialect::Body) });
        assert!(matches!(status, Status::Pending));
        assert_eq!(guest.unsettled(), ["3:14", "4:29"]);
    });
}

#[test]
fn cost_grows_with_the_work_and_no_faster() {
    deep(|| {
        let each = |count: u64, script: &str| {
            let (status, guest) = run(&format!("{META}const n = {count}\n{script}"));
            assert!(matches!(status, Status::Done(_)), "{}", line(&status));
            guest.fuel() / count
        };
        for script in [
            "return (await parallel(Array.from({length: n}, (_, i) => () => agent('a' + i)))).length",
            "return (await pipeline(Array.from({length: n}, (_, i) => i), i => agent('a' + i))).length",
            "for (let i = 0; i < n; i++) await agent('a' + i)\nreturn n",
            "const all = []; for (let i = 0; i < n; i++) all.push(agent('fail ' + i))\nreturn (await Promise.allSettled(all)).length",
            "for (let i = 0; i < n; i++) { const a = {}; a.a = a }\nreturn n",
        ] {
            let (small, large) = (each(1_000, script), each(10_000, script));
            println!("{small} → {large} fuel each: {script}");
            assert!(large < small * 3 / 2, "{small} became {large}: {script}");
        }
    });
}

#[test]
fn trivial_costs() {
    deep(|| {
        for text in [format!("{META}return 1"), format!("{META}export default 1")] {
            let mut guest = Guest::new(Seen::default());
            let dialect = guest.inspect(&text).expect("it compiles");
            let inspected = guest.fuel();
            let mut guest = Guest::new(Seen::default());
            guest.start(&input(&text, dialect));
            println!("inspect {inspected}, start {} fuel: {dialect:?}", guest.fuel());
        }
        let mut guest = Guest::new(Seen::default());
        let status = guest.start(&input(&format!("{META}return agent('x')"), Dialect::Body));
        let before = guest.fuel();
        guest.finish(status);
        println!("settle {} fuel", guest.fuel() - before);
    });
}

#[test]
fn globals_are_those_of_the_list() {
    deep(|| {
        let text = format!("{META}return Object.getOwnPropertyNames(globalThis).sort().join('\\n')");
        let newest = StartInput { surface: 2, ..input(&text, Dialect::Body) };
        let status = Guest::new(Seen::default()).start(&newest);
        let Status::Done(json) = status else { panic!("it ends well") };
        let names: String = serde_json::from_str(&json).unwrap();
        let listed = include_str!("../../globals.txt");
        assert_eq!(names, listed.trim_end(), "update guest/globals.txt if this is meant");
    });
}

#[test]
fn imports_are_an_exact_list() {
    let component = component();
    let imports: Vec<_> = component
        .component_type()
        .imports(component.engine())
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(
        imports,
        [
            "smol:workflow/types@2.2.0",
            "smol:workflow/calls@2.2.0",
            "wasi:io/error@0.2.12",
            "wasi:io/streams@0.2.12",
            "wasi:cli/stderr@0.2.12",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:clocks/wall-clock@0.2.12",
        ]
    );
}

#[test]
fn artefact_names_no_folder_of_its_builder() {
    let artefact = include_bytes!("../../dist/guest.wasm");
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let repository = std::fs::canonicalize(repository).unwrap();
    let home = std::env::var("HOME").unwrap();
    for folder in [repository.to_str().unwrap(), home.as_str()] {
        let found = artefact.windows(folder.len()).any(|bytes| bytes == folder.as_bytes());
        assert!(!found, "{folder} is in the artefact");
    }
}
