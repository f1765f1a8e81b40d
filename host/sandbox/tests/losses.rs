//! Values that JSON or a text cannot represent: no part of a call is lost without a
//! warning.

mod common;

use common::*;
use smol_wf_core::guest::{Failure, Outcome, StartInput, Status};
use smol_wf_core::ids::StepId;
use smol_wf_core::surface::Surface;

/// Code, path and line of each warning.
fn warned(ran: &Ran) -> Vec<(&str, &str, u32)> {
    let warnings = ran.host.warnings.iter();
    warnings
        .map(|one| (one.code.as_str(), one.path.as_deref().unwrap_or_default(), one.line))
        .collect()
}

/// Runs a script that returns the error that it caught, and returns that error.
async fn caught(input: &StartInput) -> String {
    run(&sandbox(), input).await.done().to_owned()
}

fn catching(call: &str) -> String {
    format!(
        "try {{ await {call} }} catch (error) {{ return `${{error.name}}: ${{error.message}}` }}"
    )
}

#[tokio::test]
async fn losses_in_the_arguments_of_a_child_give_a_warning_with_their_path() {
    for (args, code, path) in [
        ("{ a: agent('x') }", "args_promise", "args.a"),
        ("agent('x')", "args_promise", "args"),
        ("{ list: [new Map([[1, 2]])] }", "args_part", "args.list[0]"),
        ("{ s: new Set([1]) }", "args_part", "args.s"),
        ("{ f() {} }", "args_part", "args.f"),
        ("{ s: Symbol('x') }", "args_part", "args.s"),
        ("{ get x() { throw new Error('no') } }", "args_part", "args.x"),
        ("{ pattern: /x/ }", "args_part", "args.pattern"),
        ("{ e: new TypeError('x') }", "args_part", "args.e"),
    ] {
        let ran = run(&sandbox(), &body(&format!("1\nworkflow('c', {args})"))).await;
        assert_eq!(warned(&ran), [(code, path, 3)], "{args}");
        let first =
            StartInput { surface: Surface::First, ..body(&format!("workflow('c', {args})")) };
        assert!(run(&sandbox(), &first).await.host.warnings.is_empty(), "{args}");
    }
    for fine in ["undefined", "null", "5", "{ a: undefined, d: new Date(0) }", "NaN"] {
        let ran = run(&sandbox(), &body(&format!("workflow('c', {fine})"))).await;
        assert_eq!((warned(&ran).len(), ran.host.steps.len()), (0, 1), "{fine}");
    }
    for (args, says) in [
        ("{ n: 5n }", "TypeError: workflow(target, args): args.n is a BigInt"),
        ("() => 1", "TypeError: workflow(target, args): args is a function"),
        (
            "(() => { const c = {}; c.c = c; return c })()",
            "args.c is one of the values that it stands in",
        ),
    ] {
        let said = caught(&body(&catching(&format!("workflow('c', {args})")))).await;
        assert!(said.contains(says), "{args}: {said}");
    }
    let text = "let said; try { await workflow('c', { p: agent('x') }) } catch (e) { said = e.message } export default said";
    let said = caught(&module(text)).await;
    assert!(said.contains("args.p is a promise that was not awaited"), "{said}");
}

#[tokio::test]
async fn losses_in_the_options_of_an_agent_give_a_warning_or_are_refused() {
    for (options, path) in [
        ("{ label: () => 'x' }", "options.label"),
        ("{ schema: { type: 'string', pattern: /x/ } }", "options.schema.pattern"),
        ("{ schema: agent('schema') }", "options.schema"),
        ("{ schema: { properties: new Map() } }", "options.schema.properties"),
        ("{ schema: { properties: { f() {} } } }", "options.schema.properties.f"),
    ] {
        let ran = run(&sandbox(), &body(&format!("1\nagent('p', {options})"))).await;
        assert_eq!(warned(&ran), [("options_part", path, 3)], "{options}");
    }
    // A schema that many calls share is inspected once.
    let ran = run(
        &sandbox(),
        &body("const schema = { pattern: /x/ }; agent('p', { schema }); agent('q', { schema })"),
    )
    .await;
    assert_eq!(warned(&ran).len(), 1);
    // Losing one of these would remove a restriction of the agent.
    for (options, says) in [
        ("{ permissions: () => 'read' }", "options.permissions is a function"),
        ("{ tools: () => ['Read'] }", "options.tools is a function"),
        ("{ maxTurns: () => 3 }", "options.maxTurns is a function"),
        ("{ disallowedTools: Symbol('x') }", "options.disallowedTools is a symbol"),
        ("{ schema: class {} }", "options.schema is a function"),
        ("{ timeout: 5n }", "options.timeout is a BigInt"),
        ("{ model: NaN }", "options.model is NaN"),
    ] {
        let call = format!("agent('p', {options})");
        let said = caught(&body(&catching(&call))).await;
        assert!(said.contains(says), "{options}: {said}");
        let text = format!(
            "let said; try {{ await {call} }} catch (e) {{ said = e.message }} export default said"
        );
        let said = caught(&module(&text)).await;
        assert!(said.contains(says), "{options}: {said}");
    }
}

#[tokio::test]
async fn a_lost_item_of_a_list_is_null() {
    for (script, code, message) in [
        (
            "agent('p', { disallowedTools: [() => 1] })",
            "options_part",
            "options.disallowedTools[0] is a function: it is null there",
        ),
        (
            "agent('p', { schema: { enum: ['a', Symbol('b')] } })",
            "options_part",
            "options.schema.enum[1] is a symbol: it is null there",
        ),
        (
            "agent('p', { schema: { f() {} } })",
            "options_part",
            "options.schema.f is a function: it is left out of the options",
        ),
        ("workflow('c', [() => 1])", "args_part", "args[0] is a function: it is null there"),
        (
            "return [1, { get x() { throw new Error('no') } }, () => 1]",
            "result_part",
            "result[1].x cannot be read (Error: no): it is left out of the result",
        ),
        ("return [1, () => 1]", "result_part", "result[1] is a function: it is null there"),
    ] {
        let ran = run(&sandbox(), &body(script)).await;
        let first = &ran.host.warnings[0];
        assert_eq!((first.code.as_str(), first.message.as_str()), (code, message), "{script}");
    }
    assert_eq!(caught(&body("return [1, , () => 1, undefined, 2]")).await, "[1,null,null,null,2]");
}

/// The host refuses a schema's `maximum: Infinity` as `null`; the message names what the
/// script wrote.
#[tokio::test]
async fn numbers_that_json_cannot_represent_are_named() {
    for (schema, path, word) in [
        ("{ maximum: Infinity }", "options.schema.maximum", "Infinity"),
        ("{ minimum: -Infinity }", "options.schema.minimum", "-Infinity"),
        ("{ enum: [1, NaN] }", "options.schema.enum[1]", "NaN"),
        ("{ a: { default: new Number(NaN) } }", "options.schema.a.default", "NaN"),
    ] {
        let said = format!("{path} is {word}, which JSON shows as null");
        let call = format!("agent('p', {{ schema: {schema} }})");
        let ran = run(&sandbox(), &body(&call)).await;
        assert_eq!(warned(&ran), [("options_part", path, 2)], "{schema}");
        assert_eq!(ran.host.warnings[0].message, said);
        // The refusal of the host says so as well.
        let refuse = Some(Failure::new("schema_invalid", "null is not a number"));
        let host = Recorder { refuse, ..Recorder::default() };
        let turn = guest(&sandbox()).await.start(host, limits(), &body(&catching(&call))).await;
        let expected = format!("\"AgentError: null is not a number ({said})\"");
        assert_eq!(turn.end, Ok(Status::Done(expected)), "{schema}");
        let text = format!(
            "let said; try {{ await {call} }} catch (e) {{ said = e.message }} export default said"
        );
        let said = caught(&module(&text)).await;
        assert!(said.contains(&format!("{path} is {word}")), "{said}");
    }
    // Values that the host reads itself are shown as the script wrote them.
    let text = "agent('p', { retry: { maxAttempts: Infinity }, timeout: NaN })";
    let ran = run(&sandbox(), &body(text)).await;
    assert_eq!(ran.host.options, [r#"{"retry":{"maxAttempts":"Infinity"},"timeout":"NaN"}"#]);
    assert!(warned(&ran).is_empty());
    // Elsewhere they are `null`, as everywhere in JSON.
    let ran = run(&sandbox(), &body("workflow('c', [NaN]); return { n: Infinity }")).await;
    assert_eq!((ran.done(), warned(&ran).len()), (r#"{"n":null}"#, 0));
}

#[tokio::test]
async fn restricting_options_in_odd_objects_take_effect_or_are_refused() {
    for (options, says) in [
        ("new Map([['permissions', 'read']])", "the options are a Map"),
        ("new (class extends Map {})([['tools', []]])", "the options are a Map"),
        ("new Set(['read'])", "the options are a Set"),
        ("(async () => ({ permissions: 'read' }))()", "the options are a promise"),
        ("new Proxy(new Map(), {})", "the options are a Map"),
        ("new Error('x')", "the options are an error"),
        ("{ permissions: 'read', get tools() { throw new Error('no') } }", "Error: no"),
    ] {
        let call = format!("agent('p', {options})");
        let said = caught(&body(&catching(&call))).await;
        assert!(said.contains(says), "{options}: {said}");
        let text = format!(
            "let said; try {{ await {call} }} catch (e) {{ said = `${{e.name}}: ${{e.message}}` }} export default said"
        );
        let said = caught(&module(&text)).await;
        assert!(said.contains(says), "{options}: {said}");
    }
    for options in [
        "new Proxy({ permissions: 'read' }, { ownKeys: () => [] })",
        "Object.create({ permissions: 'read' })",
        "Object.defineProperty({}, 'permissions', { value: 'read' })",
        "new (class { get permissions() { return 'read' } })()",
        "{ toJSON: () => ({ permissions: 'read' }) }",
        "{ permissions: new String('read') }",
        "new Proxy({}, { get: (_, name) => (name === 'permissions' ? 'read' : undefined) })",
        "(Object.prototype.permissions = 'write', Object.create({ permissions: 'read' }))",
    ] {
        let ran = run(&sandbox(), &body(&format!("agent('p', {options})"))).await;
        assert_eq!(ran.host.options, [r#"{"permissions":"read"}"#], "{options}");
    }
}

#[tokio::test]
async fn the_inspected_value_is_the_value_that_is_passed_on() {
    let text = "let n = 0
        const list = []
        Object.defineProperty(list, 0, { enumerable: true, get: () => 'tool' + ++n })
        const hidden = Object.defineProperty({}, 'toJSON', { value: () => ({ n: ++n }) })
        const schema = { get type() { return 't' + ++n }, hidden }
        agent('p', { get label() { return 'l' + ++n }, tools: list, schema })
        workflow('c', { get a() { return ++n }, b: [{ toJSON: () => ++n }] })
        return { n, get last() { return ++n } }";
    let ran = run(&sandbox(), &body(text)).await;
    let options = r#"{"label":"l1","tools":["tool2"],"schema":{"type":"t3","hidden":{"n":4}}}"#;
    assert_eq!(ran.host.options, [options]);
    assert_eq!(ran.host.args, [Some(r#"{"a":5,"b":[6]}"#.into())]);
    assert_eq!(ran.done(), r#"{"n":6,"last":7}"#);
    // Fake or patched objects change no more than in `JSON.stringify`.
    for (value, json) in [
        ("Object.assign(Object.create(Number.prototype), { a: 1 })", r#"{"a":1}"#),
        ("[new Number(1), new String('s'), new Boolean(false)]", r#"[1,"s",false]"#),
        ("Object.assign([1], { x: 2, toJSON: () => 'mine' })", r#""mine""#),
        ("(Array.prototype.toJSON = () => 'all', [1])", r#""all""#),
        ("(Object.prototype[1] = 5, [1, , 3])", "[1,5,3]"),
        ("new (class Row { a = 1; get b() { return 2 } })()", r#"{"a":1}"#),
        ("new (class Row { a = 1; toJSON() { return 'row' } })()", r#""row""#),
        ("Object.create(Object.create({ toJSON: () => 'far' }))", r#""far""#),
        (r#"JSON.parse('{"__proto__": {"a": 1}}')"#, r#"{"__proto__":{"a":1}}"#),
    ] {
        assert_eq!(caught(&body(&format!("return {value}"))).await, json, "{value}");
    }
}

/// Plain data and other values take different paths, which write the same text.
#[tokio::test]
async fn values_are_written_as_json_stringify_writes_them() {
    for value in [
        "(() => { let deep = 1; for (let i = 0; i < 200; i++) deep = i % 2 ? [deep] : { deep }; return deep })()",
        "(() => { const s = { s: [1] }; return [s, s, { s }] })()",
        r#"{ 2: 'b', 1: 'a', '': 0, 'é"\n': '\ud800' }"#,
        "[-0, 1e21, 0.1, 2 ** 53, null, true, 1.5]",
        "{ a: undefined, b: [undefined], c: [, 1], d: [,] }",
        "[[], {}, [[]], Object.create(null)]",
        "Object.freeze({ a: Object.freeze([1]) })",
        "new (class Row extends (class { a = [1] }) { b = 2; get c() { return 3 } })()",
        "{ big: 'x'.repeat(300) + 'y', date: new Date(0) }",
    ] {
        for whole in [value.to_owned(), format!("[{value}, new Number(1)]")] {
            let text = format!("const value = {whole}\nlog(JSON.stringify(value))\nreturn value");
            let ran = run(&sandbox(), &body(&text)).await;
            // The host never receives a lone surrogate.
            let expected = ran.host.lines[0].replace("\\ud800", "\\ufffd");
            assert_eq!(ran.done(), expected, "{whole}");
        }
    }
}

#[tokio::test]
async fn cycles_are_found_wherever_they_close() {
    let deep = format!("result{}.a", ".n".repeat(200));
    for (value, path) in [
        ("const a = {}; a.b = { c: a }", "result.b.c"),
        ("const a = []; a.push({ a })", "result[0].a"),
        (
            "const a = {}; let e = a; for (let i = 0; i < 200; i++) e = e.n = {}; e.a = a.n",
            deep.as_str(),
        ),
    ] {
        let ran = run(&sandbox(), &body(&format!("{value}\nreturn a"))).await;
        let Ok(Status::Failed(error)) = &ran.end else { panic!("{value}: {:?}", ran.end) };
        let says = format!("{path} is one of the values that it stands in");
        assert!(error.message.contains(&says), "{value}: {}", error.message);
    }
}

#[tokio::test]
async fn a_prompt_that_shows_nothing_gives_a_warning_before_its_step() {
    for (prompt, code) in [
        ("`${new Set([1])}`", "prompt_object"),
        ("`about ${new Map()}`", "prompt_object"),
        ("`about ${(function* () {})()}`", "prompt_object"),
        ("`${undefined}`", "prompt_nothing"),
        ("`${null}\\n`", "prompt_nothing"),
        ("`${NaN}`", "prompt_nothing"),
    ] {
        let ran = run(&sandbox(), &body(&format!("1\nagent({prompt})"))).await;
        assert_eq!(warned(&ran), [(code, "", 3)], "{prompt}");
        assert_eq!(ran.host.warnings[0].step, Some(StepId(1)));
    }
    for prompt in
        ["'say null'", "'why is x undefined?'", "'see:\\nnull'", "'[object Foo]'", "'[object'"]
    {
        let ran = run(&sandbox(), &body(&format!("agent({prompt})"))).await;
        assert!(warned(&ran).is_empty(), "{prompt}: {:?}", warned(&ran));
    }
}

#[tokio::test]
async fn the_null_of_a_failed_agent_in_a_prompt_gives_a_warning() {
    for (prompt, count) in [
        ("`Review this:\\n${r}\\nThanks`", 1),
        ("`Review: ${r}`", 1),
        ("`Review ${JSON.stringify({ r }, null, 1)}`", 0),
        ("`answer null where nothing is found`", 0),
        ("`never return null`", 0),
    ] {
        let text = format!("const r = await agent('first')\nawait agent({prompt})");
        for (answer, expected) in [("null", count), ("\"null\"", 0)] {
            let mut instance = guest(&sandbox()).await;
            let turn = instance.start(Recorder::default(), limits(), &body(&text)).await;
            let outcome = Outcome::Value(answer.into());
            let turn = instance.settle(turn.host, limits(), StepId(1), &outcome).await;
            assert_eq!(turn.end, Ok(Status::Pending));
            let warnings = &turn.host.warnings;
            assert_eq!(warnings.len(), expected, "{prompt} {answer}: {warnings:?}");
            for warning in warnings {
                assert_eq!(
                    (warning.code.as_str(), warning.step, warning.line),
                    ("prompt_null", Some(StepId(2)), 3)
                );
                assert!(
                    warning.message.contains("step 1 was given as null"),
                    "{}",
                    warning.message
                );
            }
        }
    }
}

#[tokio::test]
async fn arguments_of_a_timer_give_one_warning() {
    let text = "setTimeout(() => {}, 5)\nsetTimeout(x => x, 5, 'a')\nsetTimeout(x => x, 5, 'b')\nreturn setTimeout.length";
    let ran = run(&sandbox(), &body(text)).await;
    assert_eq!(ran.done(), "2");
    assert_eq!(warned(&ran), [("timer_arguments", "", 3)]);
}

/// Errors are created when a step has failed, and show where the script asked for it.
#[tokio::test]
async fn failed_steps_show_where_each_was_asked_for() {
    let text = "const make = n => agent('p' + n)\nconst all = [make(1),\n  make(2)]\nconst said = await Promise.allSettled(all)\nreturn said.map(one => one.reason.stack)";
    let mut instance = guest(&sandbox()).await;
    let mut turn = instance.start(Recorder::default(), limits(), &body(text)).await;
    for step in [2, 1] {
        let failed = Outcome::Failed(Failure::new("provider_failed", "it broke"));
        turn = instance.settle(turn.host, limits(), StepId(step), &failed).await;
    }
    let Ok(Status::Done(json)) = &turn.end else { panic!("{:?}", turn.end) };
    // For each: the frame of `make` and that of the line that called it.
    assert_eq!(json.matches("make (workflow.js:2:").count(), 2, "{json}");
    let (first, second) = (json.find("workflow.js:3:"), json.find("workflow.js:4:"));
    assert!(first.is_some() && first < second, "{json}");
    assert!(!json.contains("smol:"), "{json}");
}
