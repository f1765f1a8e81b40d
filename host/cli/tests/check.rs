//! `smol-wf check`: what it finds where, and what it must not find.

mod checking;
mod common;

use checking::{META, finds, found};
use common::{Place, finish, project, snapshot};

#[test]
fn the_examples_are_clean() {
    let examples = std::fs::read_dir(project().join("examples")).unwrap();
    let mut args = vec!["check".to_owned(), "--strict".to_owned()];
    for entry in examples {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if [".js", ".mjs", ".ts"].iter().any(|ending| name.ends_with(ending)) {
            args.push(format!("examples/{name}"));
        }
    }
    assert!(args.len() > 10, "{args:?}");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = finish(Place::new().command(&args).current_dir(project()).spawn().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.ends_with(": 0 errors, 0 warnings\n"), "{}", ran.stdout);
}

#[test]
fn words_in_strings_and_comments_are_no_code() {
    finds("// eval('x'), import('fs'), Date.now(), agent('x')\n", &[]);
    finds("return agent('Call Date.now(), eval(x), new Function(y) and import(\"fs\")')\n", &[]);
    let text = format!("/* 日本語: export const meta = 1 */\n// café\n{META}return 'ünïcode ☃'\n");
    assert_eq!(found(&text), []);
}

#[test]
fn what_does_not_compile_is_found_where_it_is() {
    finds("const x = ;\n", &[("syntax", 2)]);
    finds("import fs from 'node:fs'\nexport default 1\n", &[("import", 2)]);
    finds("return require('fs')\n", &[("unknown-name", 2)]);
    assert_eq!(found("const x = 1\n"), [("meta".to_owned(), 1)]);
    assert_eq!(found("\n\nexport const meta = { name: f() }\n"), [("meta".to_owned(), 3)]);
}

#[test]
fn positions_count_characters() {
    let place = Place::new();
    place.write("script.js", format!("{META}const 名 = '☃☃'; agent('x')\n"));
    snapshot!(place.run(&["check", "script.js"]).printed(7), @"
    script.js:2:17: error: this `agent()` is not awaited [not-awaited]
       2 │ const 名 = '☃☃'; agent('x')
         │                  ^
      write `await` before it; calls that are not settled when the script ends are cut off
    1 script checked: 1 error, 0 warnings
    ");
}

#[test]
fn calls_that_nobody_awaits() {
    finds("agent('x')\n", &[("not-awaited", 2)]);
    finds("agent('x').then(log)\n", &[("not-awaited", 2)]);
    finds("SW.sleep(5)\n", &[("not-awaited", 2)]);
    finds("parallel([() => agent('x')])\n", &[("not-awaited", 2)]);
    finds("[1].forEach(async () => { await agent('x') })\n", &[("for-each", 2)]);
    finds("await agent('x')\nvoid agent('y')\nconst a = agent('z')\nawait a\n", &[]);
    finds("const f = () => agent('x')\nawait parallel([f, () => agent('y')])\n", &[]);
    finds("function agent() {}\nagent('mine')\n", &[]);
    // In a variable that nothing mentions again.
    finds(
        "const a = agent('x')\nlet b = parallel([() => agent('y')])\n",
        &[("not-awaited", 2), ("not-awaited", 3)],
    );
    finds("const later = () => a\nconst a = agent('x')\nawait later()\n", &[]);
    finds("const a = agent('x')\nreturn { a }\n", &[("not-awaited", 3)]);
    finds("const unused = await agent('x')\nconst f = () => agent('x')\n", &[]);
    let module = "import { sleep } from 'workflow:extra'\nexport default async (input, ctx) => {\n  sleep(5)\n  ctx.agent('x')\n}\n";
    finds(module, &[("not-awaited", 4), ("not-awaited", 5)]);
}

#[test]
fn lists_of_calls_that_nobody_awaits() {
    let lost = &[("not-awaited", 2)];
    for body in [
        "args.items.map(i => agent(i))",
        "args.items.map(async i => { const x = await agent(i); log(x) })",
        "args.items.map(function (i) { return SW.agent(i) })",
        "args.items.forEach(i => agent(i))",
        "args.items.flatMap(i => agent(i).catch(() => []))",
        "Promise.all(args.items.map(i => agent(i)))",
        "Promise.all([agent('a'), agent('b')]).then(log)",
        "Promise.race([agent('a'), SW.sleep(5)])",
        "await args.items.map(i => agent(i))",
        "return await args.items.map(async i => await agent(i))",
        "const xs = await [agent('a'), agent('b')]; return xs",
        "const xs = args.items.map(i => agent(i)); return 1",
        "const xs = Promise.all(args.items.map(i => agent(i))); return 1",
        "log(agent('y'))",
        "console.log('it says', agent('y').then(x => x))",
        "SW.log(parallel([() => agent('y')]))",
        "args.ok && agent('y')",
        "args.ok ? agent('y') : log('no')",
        "return args.items.map(i => agent(i))",
    ] {
        finds(&format!("{body}\n"), lost);
    }
}

#[test]
fn awaited_calls_are_not_findings() {
    for body in [
        "return Promise.all(args.items.map(i => agent(i)))",
        "await Promise.all(args.items.map(i => agent(i)))",
        "await Promise.all(args.items.map(async i => { await agent(i) }))",
        "await Promise.allSettled([agent('a'), agent('b')])",
        "await parallel(args.items.map(i => () => agent(i)))",
        "await parallel(args.items.map(i => () => agent(i)))",
        "await pipeline(args.items, i => agent(i), x => Promise.all([agent(x)]))",
        "const all = args.items.map(i => agent(i))\nawait Promise.all(all)",
        "const all = []\nargs.items.forEach(i => all.push(agent(i)))\nawait Promise.all(all)",
        "const all = []\nargs.items.forEach(i => { all.push(agent(i)) })\nawait Promise.all(all)",
        "const go = i => agent(i)\nawait parallel(args.items.map(i => () => go(i)))",
        "for await (const x of args.items.map(i => agent(i))) log(x)",
        "for (const x of args.items.map(i => agent(i))) log(await x)",
        "args.items.map(i => log(i))",
        "args.items.map(i => i.name).forEach(name => log(name))",
        "args.items.map(agent => agent('x'))",
        "args.items.map(({ agent }) => agent('x'))",
        "args.items.map(i => { const later = () => agent(i); return later })",
        "args.items.forEach(i => { void agent(i) })",
        "log(await agent('y'))",
        "log(args.items.map(i => i.name), 'agent(y)')",
        "void Promise.all(args.items.map(i => agent(i)))",
        "const pool = { map: async f => { for (const i of args.items) await f(i) } }\nawait pool.map(i => agent(i))",
        "class Pool { async map(f) { await f(1) } }\nawait new Pool().map(i => agent(i))\nawait agent('x')",
        "const [a, b] = await Promise.all([agent('a'), agent('b')])\nlog(a, b)",
        "async function each(i) { return agent(i) }\nreturn Promise.all(args.items.map(each))",
        "return { xs: await Promise.all(args.items.map(async i => ({ i, x: await agent(i) }))) }",
        "let last = null\nlast = agent('x')\nawait last",
        "const x = args.ok ? await agent('y') : null\nargs.ok && await agent('z')",
        "if (args.ok) await agent('x')\nelse await Promise.any([agent('y')])",
    ] {
        finds(&format!("{body}\n"), &[]);
    }
}

#[test]
fn imports_in_bodies() {
    for import in [
        "import { readFile } from 'node:fs/promises'",
        "import { sleep } from 'workflow:extra'",
        "import x from './x.js'",
        "import * as x from './x.js'",
        "import 'x'",
        "  import {",
    ] {
        let rest = if import.ends_with('{') { " a } from 'y'\n" } else { "" };
        finds(&format!("{import}\n{rest}return 1\n"), &[("import", 2)]);
    }
    let place = Place::new();
    place.write(
        "script.js",
        format!("{META}const a = 1; import {{ sleep }} from 'workflow:extra'\nreturn a\n"),
    );
    snapshot!(place.run(&["run", "script.js"]).said(3), @"
    error: SyntaxError: this script is a body, with `return` at top level, and a body cannot import anything; what `workflow:extra` has is there without: `SW.sleep`; put other code into the script, or write a module with `export default async (args, ctx) => …` [import]
    script.js:2:14
       2 │ const a = 1; import { sleep } from 'workflow:extra'
         │              ^
    ");
    // Where a child has one, its caller is told.
    let parent = format!("{META}return workflow({{ scriptPath: './script.js' }})\n");
    place.write("parent.js", parent);
    snapshot!(place.run(&["run", "parent.js"]).said(1), @"
    run run_1 in /folder
    [workflow] ./script.js: failed: workflow ./script.js cannot be run: script.js:2:14: SyntaxError: this script is a body, with `return` at top level, and a body cannot import anything; what `workflow:extra` has is there without: `SW.sleep`; put other code into the script, or write a module with `export default async (args, ctx) => …`
    error: workflow failed at 2:8: WorkflowError: workflow ./script.js cannot be run: script.js:2:14: SyntaxError: this script is a body, with `return` at top level, and a body cannot import anything; what `workflow:extra` has is there without: `SW.sleep`; put other code into the script, or write a module with `export default async (args, ctx) => …` [workflow_refused]
       2 │ return workflow({ scriptPath: './script.js' })
         │        ^
    report: smol-wf history run_1
    ");
    // Other mistakes beside an import are those mistakes.
    finds(
        "import { sleep } from 'workflow:extra'\nconst x = ;\nexport default x\n",
        &[("syntax", 3)],
    );
    finds("const load = () => import('x')\nreturn 1\n", &[("dynamic-code", 2)]);
}

/// What `check` says of a script.
fn said_of(file: &str, text: &str) -> String {
    let place = Place::new();
    place.write(file, text);
    place.run(&["check", file]).stdout
}

#[test]
fn types_are_named_as_what_they_are() {
    let mut of_typed = String::new();
    for typed in [
        "const x: string = 'a'",
        "let x: string",
        "const [a, b]: [string, number] = args",
        "function f(a: number) {}",
        "function f(a?: string) {}",
        "const f = async (a: string): Promise<void> => {}",
        "function f(): string { return '' }",
        "args.map((x: any) => x)",
        "const f = <T>(x: T) => x",
        "function f<T>(x: T) {}",
        "const m = new Map<string, number>()",
        "const z = {} as Foo",
        "const z = args!",
        "const z = args satisfies Y",
        "interface A { a: string }",
        "type A = string",
        "enum E { A }",
        "export type A = string",
        "class A { private x = 1 }",
    ] {
        of_typed += &said_of("s.js", &format!("{META}{typed}\nreturn 1\n"));
    }
    snapshot!(of_typed, "check-types");
    let mut of_wrong = String::new();
    for wrong in
        ["const x = ;", "const x = args ? 1 : ;", "f(a: 1)", "let x = 1 2", "args args", "const x"]
    {
        of_wrong += &said_of("s.js", &format!("{META}{wrong}\nreturn 1\n"));
    }
    snapshot!(of_wrong, "check-syntax");
    snapshot!(said_of("s.ts", &format!("{META}return 1\n")), @"1 script checked: 0 errors, 0 warnings");
}

#[test]
fn a_missing_script_does_not_hide_findings_in_others() {
    let place = common::Place::new();
    place.write("a.mjs", format!("{META}agent('x')\n"));
    let ran = place.run(&["check", "nowhere.mjs", "a.mjs"]);
    snapshot!(ran.said(3), @"error: there is no file `nowhere.mjs` [workflow_not_found]");
    snapshot!(ran.stdout, @"
    a.mjs:2:1: error: this `agent()` is not awaited [not-awaited]
       2 │ agent('x')
         │ ^
      write `await` before it; calls that are not settled when the script ends are cut off
    1 script checked: 1 error, 0 warnings
    ");
}

#[test]
fn answers_that_may_be_null() {
    finds("const x = await agent('x')\nreturn x.y\n", &[("unguarded-null", 3)]);
    finds("const { y } = await agent('x')\nreturn y\n", &[("unguarded-null", 2)]);
    finds("return (await agent('x')).y\n", &[("unguarded-null", 2)]);
    finds(
        "const x = await agent('x')\nfor (const y of x) log(y)\nreturn 0\n",
        &[("unguarded-null", 3)],
    );
    finds("const x = await agent('x')\nif (x.ok) return x.y\n", &[("unguarded-null", 3)]);
    for guarded in [
        "if (!x) return null\nreturn x.y",
        "if (x === null) throw new Error('no')\nreturn x.y",
        "return x?.y",
        "return x ? x.y : 0",
        "return x && x.y",
        "return (x ?? {}).y",
        "assert(x)\nreturn x.y\nfunction assert(x) { if (!x) throw new Error('no') }",
        "try { return x.y } catch { return 0 }",
        "const use = () => x.y\nif (!x) return 0\nreturn use()",
        "return `${x}`",
    ] {
        finds(&format!("const x = await agent('x')\n{guarded}\n"), &[]);
    }
    finds("let x = await agent('x')\nx = x ?? {}\nreturn x.y\n", &[]);
    finds("const x = await agent('x').catch(() => null)\nreturn x.y\n", &[("unguarded-null", 3)]);
    finds("const x = await agent('x').then(f)\nreturn x.y\nfunction f() { return {} }\n", &[]);
    // A look that comes too late is none.
    finds("const x = await agent('x')\nlog(x.y)\nif (!x) return 0\n", &[("unguarded-null", 3)]);
}

#[test]
fn slots_that_may_be_null() {
    let list = "const xs = await parallel([1, 2].map(i => () => agent('x' + i)))\n";
    for unguarded in [
        "return xs.map(x => x.y)",
        "return xs.flat().slice(1).map(({ y }) => y)",
        "return xs.filter(x => x.ok)",
        "return xs.reduce((sum, x) => sum + x.y, 0)",
        "for (const x of xs) log(x.y)",
        "return xs[0].y",
        "if (xs.length === 0) return xs; else return xs.at(0).y",
        "const [a, b] = xs; return a.y",
        "const same = xs; return same.map(x => x.y)",
        "return [...xs].map(x => x.y)",
    ] {
        finds(&format!("{list}{unguarded}\n"), &[("unguarded-null", 3)]);
    }
    for guarded in [
        "return xs.filter(Boolean).map(x => x.y)",
        "return xs.filter(x => x && x.ok).map(x => x.y)",
        "return xs.map(x => x?.y)",
        "return xs.map(x => (x === null ? 0 : x.y))",
        "return xs.flatMap(x => (x ? [x.y] : []))",
        "for (const x of xs) { if (!x) continue; log(x.y) }",
        "if (xs.some(x => x === null)) throw new Error('no')\nreturn xs.map(x => x.y)",
        "const bad = xs.some(x => x === null)\nif (bad) return 0\nreturn xs.map(x => x.y)",
        "const fine = !!xs && xs.every(x => x !== null)\nif (!fine) return 0\nreturn xs[0].y",
        "return xs[0]?.y",
        "return xs.length",
        "return [...xs.filter(Boolean)].map(x => x.y)",
        "return [...xs, ...args].map(x => x.y)",
    ] {
        finds(&format!("{list}{guarded}\n"), &[]);
    }
}

#[test]
fn phases_are_compared_with_meta() {
    let meta = "export const meta = { name: 'a', description: 'b',\n  phases: ['One', { title: 'Two' }] }\n";
    let of = |body: &str| found(&format!("{meta}{body}"));
    assert_eq!(of("phase('One')\nreturn agent('x', { phase: 'Two' })\n"), []);
    let wrong = of("phase('One')\nphase('Tow')\nphase('Two')\n");
    assert_eq!(wrong, [("phase-title".to_owned(), 4)]);
    assert_eq!(of("phase('One')\n"), [("phase-title".to_owned(), 2)]);
    // A computed title may be any of them.
    assert_eq!(of("for (const one of ['One', 'Two']) phase(one)\n"), []);
}

#[test]
fn code_made_of_text_is_warned_of_and_strict_counts_warnings() {
    finds(
        "const f = new Function('return 1')\nconst g = eval('1')\nconst m = await import('workflow:extra')\n",
        &[("dynamic-code", 2), ("dynamic-code", 3), ("dynamic-code", 4)],
    );
    let place = Place::new();
    place.write("script.js", format!("{META}const g = eval('1')\n"));
    assert_eq!(place.run(&["check", "script.js"]).code, 0);
    assert_eq!(place.run(&["check", "script.js", "--strict"]).code, 7);
    assert_eq!(place.run(&["check", "none.js"]).code, 3);
}

#[test]
fn options_that_agent_does_not_know() {
    let rule = "unknown-option";
    finds("return agent('x', { label: 'l',\n lable: 'm' })\n", &[(rule, 3)]);
    finds("return SW.agent('x', { 'time-out': 5, tolls: [] })\n", &[(rule, 2), (rule, 2)]);
    // What is written out beside a spread is as certain as alone.
    finds("const o = { lable: 'l' }\nreturn agent('x', { ...o, agent_type: 'a' })\n", &[(rule, 3)]);
    // Known, and of no use in a folder without a repository.
    finds("return agent('x', { isolation: 'worktree' })\n", &[("worktree", 2)]);
    // A name that looks like one that holds its agent is refused, and not ignored.
    finds("return agent('x', { maxturns: 3 })\n", &[("refused", 2)]);
    finds("return agent('x', { readOnly: false })\n", &[(rule, 2)]);
    finds("return agent('x', { maxturns: args })\n", &[(rule, 2)]);
    for known in [
        "agent('x', { label: 'l', phase: 'p', model: 'm', provider: 'debug', effort: 'low' })",
        "agent('x', { agentType: 'a', schema: { type: 'object' }, permissions: 'read' })",
        "agent('x', { timeout: '5m', retry: { maxAttempts: 2 }, onFailure: 'null', stallMs: 1 })",
        "agent('x', { tools: [], disallowedTools: [], bashCommandClamp: [], key: 'k' })",
        "agent('x', { ...given, [name]: 1, ['lable']: 2 })",
        "agent('x', given)",
        "agent('x', { lable: undefined, lebal: null, label() {}, get lab() { return 1 } })",
        "workflow(args.name, { lable: 1 })",
        "other('x', { lable: 1 })",
    ] {
        let body = format!("const [given, name, other] = [{{}}, 'n', log]\nreturn {known}\n");
        finds(&body, &[]);
    }
    let place = Place::new();
    place.write("script.js", format!("{META}return agent('x', {{ lable: 'm', zzz: 1 }})\n"));
    snapshot!(place.run(&["check", "script.js"]).printed(0), "check-unknown-options");
}

#[test]
fn every_rule_is_in_the_docs() {
    let docs = std::fs::read_to_string(project().join("docs/checking.md")).unwrap();
    for rule in smol_wf_engine::check::RULES {
        let row = format!("| `{}` | {} |", rule.id, rule.severity.as_str());
        assert!(docs.contains(&row), "{row}");
    }
}

#[test]
fn annotations_are_printed_only_in_actions() {
    let place = Place::new();
    place.write("script.js", format!("{META}agent('x')\n"));
    assert_eq!(place.run(&["check", "script.js"]).stderr, "");
    let mut command = place.command(&["check", "script.js"]);
    let ran = finish(command.env("GITHUB_ACTIONS", "true").spawn().unwrap());
    snapshot!(ran.said(7), @"::error file=script.js,line=2,col=1,title=not-awaited::this `agent()` is not awaited");
}

/// No specifier and no trick leads out of the guest, whatever `check` says.
#[test]
fn an_import_never_escapes() {
    let place = Place::new();
    let secret = place.write("secret.mjs", "export default 'secret'");
    let targets = [
        "fs",
        "node:fs",
        "./secret.mjs",
        "file:///etc/passwd",
        "/etc/passwd",
        "os",
        "std",
        "smol:calls",
        "data:text/javascript,export default 1",
        "https://example.com/x.js",
        secret.to_str().unwrap(),
    ];
    let list = serde_json::to_string(&targets).unwrap();
    let body = format!(
        "{META}const names = []\nfor (const from of {list}) {{\n  for (const load of [f => import(f), f => eval('import(' + JSON.stringify(f) + ')'), new Function('f', 'return import(f)')]) {{\n    try {{ names.push((await load(from)).default) }} catch (error) {{ names.push(error.name) }}\n  }}\n}}\nreturn names\n"
    );
    let report = place.script(&body, &[]).ok();
    let names = report["results"].as_array().unwrap();
    assert_eq!(names.len(), targets.len() * 3);
    assert!(names.iter().all(|name| name == "ImportError"), "{names:?}");
}

/// Each shape, so deep that one parser or the other gives up: never a crash.
#[test]
fn hostile_nesting_ends_in_a_finding() {
    let shapes: [(&str, &str, &str, &str); 14] = [
        ("const x = ", "[", "", "]"),
        ("const x = ", "(", "1", ")"),
        ("const x = ", "{a:", "1", "}"),
        ("const x = ", "!", "1", ""),
        ("const x = 1", "+1", "", ""),
        ("const x = a", ".b", "", ""),
        ("const x = a", "()", "", ""),
        ("const x = ", "a=>", "1", ""),
        ("const x = ", "1?1:", "1", ""),
        ("if(0){}", "else if(0){}", "", ""),
        ("", "if(1)", ";", ""),
        ("const x = ", "`${", "1", "}`"),
        ("", "function f(){", "", "}"),
        ("const x = ", "await ", "1", ""),
    ];
    let place = Place::new();
    for (before, open, inner, close) in shapes {
        for levels in [1_400, 4_500, 60_000] {
            let text =
                format!("{META}{before}{}{inner}{}\n", open.repeat(levels), close.repeat(levels));
            place.write("deep.js", text);
            let ran = place.run(&["check", "deep.js", "--json"]);
            assert!([0, 7].contains(&ran.code), "{open} {levels}: {} {}", ran.code, ran.stderr);
            ran.report();
        }
    }
}
