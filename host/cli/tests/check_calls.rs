//! `smol-wf check`: calls that a run refuses, children that it would not find, and
//! nulls that it can or cannot make.

mod checking;
mod common;

use checking::{META, finds, found};
use common::{Place, snapshot};

/// What a run says of a script, and that `check` says it as well.
#[track_caller]
fn says_what_run_says(file: &str, text: &str) {
    let place = Place::new();
    place.write(file, text);
    let ran = place.run(&["run", file, "--agent-provider", "debug"]);
    let report = ran.report();
    let message = report["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(!message.is_empty(), "{text}: {}", ran.stdout);
    let checked = place.run(&["check", file, "--json"]);
    assert_eq!(checked.code, 7, "{text}");
    let report = checked.report();
    let findings = report["findings"].as_array().unwrap();
    let says = |finding: &serde_json::Value| {
        finding["message"].as_str().unwrap().starts_with(&message)
            && ["refused", "workflow"].contains(&finding["rule"].as_str().unwrap())
    };
    assert!(findings.iter().any(says), "{text}: {message}: {findings:?}");
}

#[test]
fn refused_calls_are_found_with_the_sentence_of_a_run() {
    for body in [
        "agent({ id: 1, prompt: 'x' })",
        "agent('')",
        "agent()",
        "agent(['a', 'b'])",
        "agent('x', { timeout: 'soon' })",
        "agent('x', { retry: { attempts: 3 } })",
        "agent('x', { permissions: 'readonly' })",
        "agent('x', { tools: ['Bash'], allowedTools: ['Edit'] })",
        "agent('x', { denyTools: ['Bash'] })",
        "agent('x', { schema: { type: 'objekt' } })",
        "agent('x', { schema: { type: 'object', properties: { a: { pattern: '(a' } } } })",
        "agent('x', { schema: { type: 'object', properties: { a: { $ref: '#/nowhere' } } } })",
        "agent('x', { schema: 'text' })",
        "parallel(() => agent('x'))",
        "parallel(agent('x'), agent('y'))",
        "pipeline(['a'], agent('x'))",
        "pipeline({}, x => x)",
        "SW.sleep('5s')",
        "SW.sleep(-1)",
        "workflow({ path: './x.js' })",
        "workflow({ scriptPath: '' })",
        "workflow({ scriptPath: './none.js' })",
        "workflow({ scriptPath: '../../none.js' })",
        "workflow({ scriptPath: './none.txt' })",
        "workflow('none')",
    ] {
        says_what_run_says("s.js", &format!("{META}return await {body}\n"));
    }
    let module = |call: &str| format!("{META}export default async () => await {call}\n");
    for call in ["agent(5)", "agent('x', 'fast')", "agent('x', { effort: 5 })"] {
        says_what_run_says("s.mjs", &module(call));
    }
}

#[test]
fn what_is_not_refused_is_no_finding() {
    for body in [
        "return await agent(5)",
        "return await agent(args.prompt, args.options)",
        "return await agent('x', { schema: args.schema, ...args })",
        "return await agent('x', { timeout: 'soon', ...args })",
        "const s = { type: 'object', properties: { a: { pattern: '(a' } } }\ns.properties.a = { type: 'string' }\nreturn await agent('x', { schema: s })",
        "const s = { type: 'object', properties: { a: { $ref: '#/$defs/b' } }, $defs: { b: args } }\nreturn await agent('x', { schema: s })",
        "let o = { timeout: 'soon' }\no = { timeout: '5m' }\nreturn await agent('x', o)",
        "return await agent('x', { schema: { type: 'object', properties: { a: { pattern: '^(?!\\\\s*$).+' } } } })",
        "return await parallel(args.list)",
        "const child = args.child ?? 'none'\nreturn await workflow(child)",
        "try { return await workflow('none') } catch { return null }",
        "return await workflow('none').catch(() => null)",
        "return await pipeline(args, x => agent(x), (text, item) => ({ text, item }))",
        "const items = args.map(x => ({ x }))\nreturn await parallel(items.map(item => () => agent(item.x)))",
    ] {
        finds(&format!("{body}\n"), &[]);
    }
}

#[test]
fn a_value_that_is_ignored_is_found_where_it_stands() {
    finds("return await agent('x', {\n  effort: 'hard',\n})\n", &[("unknown-option", 3)]);
    finds("return await agent('x', 5)\n", &[("unknown-option", 2)]);
}

#[test]
fn a_schema_is_found_where_a_helper_is_given_it() {
    let body = "const ask = (prompt, schema) => agent(prompt, { schema })\nconst good = await ask('x', { type: 'object' })\nreturn [good, await ask('y', {\n  type: 'objekt' })]\n";
    finds(body, &[("refused", 4)]);
}

#[test]
fn children_are_looked_for_as_a_run_looks() {
    let place = Place::new();
    place.write("a/child.js", format!("{META}return 1\n"));
    place.write("a/broken.js", format!("{META}const x = ;\n"));
    place.write(".claude/workflows/named.js", format!("{META}return 1\n"));
    let text = "await workflow({ scriptPath: './child.js' })\nawait workflow('named')\nawait workflow('a')\nawait workflow({ scriptPath: './broken.js' })\n";
    place.write("a/parent.js", format!("{META}{text}"));
    let ran = place.run(&["check", "a/parent.js"]);
    snapshot!(ran.printed(7), @"
    a/parent.js:5:16: error: workflow ./broken.js cannot be run: broken.js:2:11: SyntaxError: unexpected token in expression: ';' [workflow_refused] [workflow]
       5 │ await workflow({ scriptPath: './broken.js' })
         │                ^
    1 script checked: 1 error, 0 warnings
    ");
}

#[test]
fn slots_whose_function_has_a_value_for_null() {
    let slots = |thunk: &str| {
        format!("const xs = await parallel([1, 2].map(n => {thunk}))\nreturn xs.map(x => x.ok)\n")
    };
    for thunk in [
        "() => agent('x' + n).then(r => r || {}).catch(() => ({}))",
        "() => agent('x' + n).then(r => r ?? {})",
        "async () => (await agent('x' + n)) ?? {}",
        "async () => { const r = await agent('x' + n); return r || {} }",
        "async () => { const r = await agent('x' + n); if (!r) return {}; return r }",
        "async () => { const r = await agent('x' + n); if (!r) return { ok: false }; return { ok: true, r } }",
        "async () => { try { return (await agent('x' + n)) ?? {} } catch { return {} } }",
        "() => agent('x' + n).then(text => ({ ok: true, text: text ?? '' }))",
        "() => ask(n)",
        "() => safely(() => agent('x' + n))",
        "() => ({ ok: n })",
        "() => or(agent('x' + n), {})",
        "() => agent('x' + n).then(r => r ?? {}, () => ({}))",
    ] {
        let helpers = "async function ask(n) { const r = await agent('y' + n); return r ?? {} }\nconst or = (p, other) => p.then(v => v ?? other, () => other)\nconst safely = async f => { try { return (await f()) || {} } catch { return {} } }\n";
        finds(&format!("{}{helpers}", slots(thunk)), &[]);
    }
    for thunk in [
        "() => agent('x' + n)",
        "() => agent('x' + n).catch(() => ({}))",
        "() => agent('x' + n).then(r => r).catch(() => null)",
        "() => agent('x' + n).then(r => r && { ok: r })",
        "async () => { const r = await agent('x' + n); return { ok: true, r } }",
        "async () => { const r = await agent('x' + n); if (!r) throw new Error('none'); return r }",
        "async () => { try { return await agent('x' + n) } catch { return {} } }",
        "() => ask(n)",
    ] {
        let helper = "async function ask(n) { return agent('y' + n) }\n";
        finds(&format!("{}{helper}", slots(thunk)), &[("unguarded-null", 3)]);
    }
}

#[test]
fn modules_throw_where_bodies_have_null() {
    let module = |body: &str| {
        let text = format!(
            "{META}export default async (input, {{ agent, parallel }}) => {{\n{body}\n}}\n"
        );
        found(&text).into_iter().map(|(rule, line)| format!("{rule}:{line}")).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(module("const x = await agent('x')\nreturn x.y"), none);
    assert_eq!(module("const x = await agent('x', { schema: {} })\nreturn x.y"), none);
    assert_eq!(
        module("const x = await agent('x', { onFailure: 'null' })\nreturn x.y"),
        ["unguarded-null:4"]
    );
    assert_eq!(
        module("const x = await agent('x').catch(() => null)\nreturn x.y"),
        ["unguarded-null:4"]
    );
    let slots = |thunk: &str| {
        module(&format!("const xs = await parallel([{thunk}])\nreturn xs.map(x => x.y)"))
    };
    assert_eq!(slots("() => agent('x')"), ["unguarded-null:4"]);
    // In a module nothing is null that a fallback could take the place of.
    assert_eq!(slots("() => agent('x').then(r => r || {})"), ["unguarded-null:4"]);
    assert_eq!(slots("() => agent('x').catch(() => ({}))"), none);
    assert_eq!(slots("async () => { try { return await agent('x') } catch { return {} } }"), none);
    finds("const x = await agent('x', { onFailure: 'throw' })\nreturn x.y\n", &[]);
}

#[test]
fn an_object_in_a_text_is_found() {
    let rule = "object-text";
    finds("const plan = { a: 1 }\nreturn await agent(`do ${plan}`)\n", &[(rule, 3)]);
    finds(
        "const plan = await agent('x', { schema: { type: 'object' } })\nreturn await agent('do ' + plan)\n",
        &[(rule, 3)],
    );
    finds("const plan = { a: 1, toString: () => 'x' }\nreturn await agent(`do ${plan}`)\n", &[]);
    finds(
        "const plan = { a: 1 }\nreturn await agent(`do ${JSON.stringify(plan)} ${plan.a}`)\n",
        &[],
    );
    finds("return await agent(`do ${[1, 2]} ${/x/} ${await agent('y')}`)\n", &[]);
}

#[test]
fn folders_are_looked_through() {
    let place = Place::new();
    place.write("flows/a.js", format!("{META}agent('x')\n"));
    place.write("flows/deep/b.mjs", format!("{META}export default 1\n"));
    place.write("flows/other.js", "module.exports = 1\n");
    place.write("flows/node_modules/c.js", format!("{META}agent('x')\n"));
    place.write(".claude/workflows/broken.js", "const meta = 1\n");
    snapshot!(place.run(&["check", "flows"]).printed(7), @"
    flows/a.js:2:1: error: this `agent()` is not awaited [not-awaited]
       2 │ agent('x')
         │ ^
      write `await` before it; calls that are not settled when the script ends are cut off
    2 scripts checked: 1 error, 0 warnings
    ");
    snapshot!(place.run(&["check", "."]).printed(7), "check-folders");
    place.write("empty/readme.txt", "x");
    snapshot!(place.run(&["check", "empty"]).said(2), @"error: there is no workflow script in empty; a script ends in .js, .mjs, .ts or .mts and has `export const meta`");
    // The others are checked all the same.
    let ran = place.run(&["check", "empty", "flows/deep"]);
    snapshot!(ran.said(2), @"error: there is no workflow script in empty; a script ends in .js, .mjs, .ts or .mts and has `export const meta`");
    snapshot!(ran.stdout, @"1 script checked: 0 errors, 0 warnings");
}

#[test]
fn a_script_made_to_branch_without_end_is_checked_in_time() {
    use std::fmt::Write as _;
    let mut text = format!("{META}const a0 = agent('x')\n");
    for n in 1..60 {
        let before = n - 1;
        writeln!(text, "const a{n} = [a{before}, a{before}, a{before}]").unwrap();
        writeln!(
            text,
            "const f{n} = async x => [await f{before}(x), await f{before}(x), `${{a{n}}}`]"
        )
        .unwrap();
    }
    text.push_str("const f0 = async x => agent(x)\nconst xs = await parallel([() => f59('x')])\nreturn xs.map(x => x.y)\n");
    let started = std::time::Instant::now();
    let place = Place::new();
    place.write("s.js", text);
    let ran = place.run(&["check", "s.js"]);
    assert!([0, 7].contains(&ran.code), "{}", ran.stderr);
    // Without a bound this takes longer than anyone would wait.
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}
