//! The second surface, and what scripts of the first surface still see.

mod common;

use common::*;
use smol_wf_core::guest::{Dialect, Failure, Outcome, StartInput, Status};
use smol_wf_core::ids::{StepId, TimerId};
use smol_wf_core::surface::Surface;

fn first(input: StartInput) -> StartInput {
    StartInput { surface: Surface::First, ..input }
}

fn with_args(input: StartInput, args: &str) -> StartInput {
    StartInput { args: Some(args.into()), ..input }
}

async fn result(input: &StartInput) -> String {
    run(&sandbox(), input).await.done().to_owned()
}

/// Code, path and line of each warning.
fn warned(ran: &Ran) -> Vec<(String, String, u32)> {
    let warnings = ran.host.warnings.iter();
    warnings.map(|one| (one.code.clone(), one.path.clone().unwrap_or_default(), one.line)).collect()
}

#[tokio::test]
async fn null_ends_an_item_of_a_pipeline_only_in_a_body() {
    let text = "const r = await pipeline([1, null, undefined, 0, false, ''], x => x === 1 ? null : x, x => `got ${x}`)";
    let body_text = format!("{text}; return r");
    let expected = r#"[null,null,"got undefined","got 0","got false","got "]"#;
    assert_eq!(result(&body(&body_text)).await, expected);
    let all = r#"["got null","got null","got undefined","got 0","got false","got "]"#;
    assert_eq!(result(&first(body(&body_text))).await, all);
    assert_eq!(result(&module(&format!("{text}; export default r"))).await, all);
}

#[tokio::test]
async fn a_body_may_change_its_arguments() {
    let change = "args.list.push(3); args.z ??= 5; delete args.a; return args";
    let args = r#"{"list":[1],"a":1}"#;
    assert_eq!(result(&with_args(body(change), args)).await, r#"{"list":[1,3],"z":5}"#);
    let ran = run(&sandbox(), &with_args(first(body(change)), args)).await;
    assert!(matches!(ran.end, Ok(Status::Failed(_))), "{:?}", ran.end);
    let ran = run(&sandbox(), &with_args(module("args.list.push(3)"), args)).await;
    assert!(!matches!(ran.end, Ok(Status::Done(_))) || ran.done() == "null");
    assert_eq!(
        result(&with_args(body("args = 5; log = 1; return [args, log]"), args)).await,
        "[5,1]"
    );
}

#[tokio::test]
async fn timers_fire_without_arguments_and_their_errors_stop_nothing() {
    let text = "let said = []\n\
        const id = setTimeout((...all) => said.push(all.length), 20, 'x')\n\
        setTimeout(() => { throw new Error('in timer') }, '30')\n\
        for (const odd of [NaN, -5, 'abc', undefined, 0.5]) clearTimeout(setTimeout(() => {}, odd))\n\
        await new Promise(done => setTimeout(done, 40.9))\n\
        return [typeof id, said]";
    let mut instance = guest(&sandbox()).await;
    let mut turn = instance.start(Recorder::default(), limits(), &body(text)).await;
    assert_eq!(turn.end, Ok(Status::Pending));
    let lengths: Vec<f64> = turn.host.timers.iter().map(|(_, length)| *length).collect();
    assert_eq!(lengths, [20.0, 30.0, 1.0, 1.0, 1.0, 1.0, 1.0, 40.0]);
    assert_eq!(turn.host.cleared, [3, 4, 5, 6, 7]);
    for timer in [1, 2, 3, 8] {
        assert_eq!(turn.end, Ok(Status::Pending), "before {timer}");
        turn = instance.fire(turn.host, limits(), TimerId(timer)).await;
    }
    assert_eq!(turn.end, Ok(Status::Done(r#"["number",[0]]"#.into())));
    let [_, warning] = &turn.host.warnings[..] else { panic!("{:?}", turn.host.warnings) };
    assert_eq!((warning.code.as_str(), warning.line), ("timer_threw", 4));
    assert!(warning.message.contains("in timer"), "{}", warning.message);
}

#[tokio::test]
async fn a_body_keeps_its_result_beside_a_promise_that_failed() {
    let text = "Promise.reject(new TypeError('lost'))\nreturn 'done'";
    let ran = run(&sandbox(), &body(text)).await;
    assert_eq!(ran.done(), "\"done\"");
    assert_eq!(warned(&ran), [("unhandled_rejection".into(), String::new(), 2)]);
    for input in [first(body(text)), module("Promise.reject(new Error('lost')); export default 1")]
    {
        let ran = run(&sandbox(), &input).await;
        assert!(
            matches!(&ran.end, Ok(Status::Failed(error)) if error.code == "unhandled_rejection"),
            "{:?}",
            ran.end
        );
    }
}

#[tokio::test]
async fn a_result_beyond_json_loses_parts_in_a_body_and_is_refused_in_a_module() {
    for (value, json, code) in [
        ("{ a: 1, f() {} }", r#"{"a":1}"#, "result_part"),
        ("{ a: [1, () => 2] }", r#"{"a":[1,null]}"#, "result_part"),
        ("{ a: 1, s: Symbol('x') }", r#"{"a":1}"#, "result_part"),
        ("{ a: 1, get x() { throw new Error('no') } }", r#"{"a":1}"#, "result_part"),
        ("{ a: 1, p: Promise.resolve(2) }", r#"{"a":1,"p":{}}"#, "result_promise"),
    ] {
        let ran = run(&sandbox(), &body(&format!("return {value}"))).await;
        assert_eq!(ran.done(), json, "{value}");
        let [(found, path, _)] = &warned(&ran)[..] else { panic!("{value}: {:?}", warned(&ran)) };
        assert_eq!(found, code, "{value}");
        assert!(path.starts_with("result."), "{path}");
        let ran = run(&sandbox(), &module(&format!("export default ({value})"))).await;
        match &ran.end {
            Ok(Status::Failed(error)) => {
                assert_eq!(error.code, "result_not_json", "{value}");
                assert!(error.message.starts_with("result."), "{}", error.message);
            }
            other => panic!("{value}: {other:?}"),
        }
    }
    for value in [
        "() => 1",
        "5n",
        "{ a: 5n }",
        "Symbol('x')",
        "(() => { const c = {}; c.c = c; return c })()",
    ] {
        let ran = run(&sandbox(), &body(&format!("return {value}"))).await;
        assert!(
            matches!(&ran.end, Ok(Status::Failed(error)) if error.code == "result_not_json"),
            "{value}: {:?}",
            ran.end
        );
    }
}

#[tokio::test]
async fn errors_show_themselves_and_maps_are_named() {
    let ran = run(
        &sandbox(),
        &body("return { e: new TypeError('bad'), m: new Map([[1, 2]]), d: new Date(0), n: new Number(3), u: undefined, z: NaN }"),
    )
    .await;
    let expected = r#"{"e":{"name":"TypeError","message":"bad"},"m":{},"d":"1970-01-01T00:00:00.000Z","n":3,"z":null}"#;
    assert_eq!(ran.done(), expected);
    assert_eq!(warned(&ran), [("result_part".into(), "result.m".into(), 0)]);
    let failing = "return await Promise.allSettled([agent('x')])";
    let mut instance = guest(&sandbox()).await;
    let turn = instance.start(Recorder::default(), limits(), &body(failing)).await;
    let failed = Outcome::Failed(Failure::new("provider_failed", "it broke"));
    let turn = instance.settle(turn.host, limits(), StepId(1), &failed).await;
    let expected = r#"[{"status":"rejected","reason":{"name":"AgentError","message":"it broke","code":"provider_failed"}}]"#;
    assert_eq!(turn.end, Ok(Status::Done(expected.into())));
}

#[tokio::test]
async fn a_result_is_built_despite_changed_prototypes() {
    let text = "Object.defineProperty(Array.prototype, 0, { set() { throw 1 } })\n\
        Array.prototype.toJSON = () => 'mine'; Object.prototype.toJSON = undefined\n\
        return { list: [1, [2]] }";
    let expected = r#"{"list":[1,[2]]}"#;
    let ran = run(&sandbox(), &body(text)).await;
    // A script may define `toJSON` of arrays, as in `JSON.stringify`.
    assert!(ran.done() == expected || ran.done() == r#"{"list":"mine"}"#, "{}", ran.done());
    let large = "return 'x'.repeat(20 * 1024 * 1024)";
    assert_eq!(result(&body(large)).await.len(), 20 * 1024 * 1024 + 2);
}

#[tokio::test]
async fn prompts_with_a_promise_give_a_warning_with_their_step() {
    let text = "const p = agent('a')\nawait agent(`do ${p}`)\nawait agent('about ' + {})\nreturn 1";
    let ran = run(&sandbox(), &body(text)).await;
    let steps: Vec<_> =
        ran.host.warnings.iter().map(|one| (one.code.as_str(), one.step, one.line)).collect();
    let expected = [("prompt_promise", Some(StepId(2)), 3), ("prompt_object", Some(StepId(3)), 4)];
    assert_eq!(steps, expected);
}

/// A long prompt is passed on and not read letter by letter in JavaScript.
#[tokio::test]
async fn a_long_prompt_costs_little() {
    let fuel = async |prompt: &str, signs: usize| {
        let script = format!("const prompt = {prompt}; for (let i = 0; i < 8; i++) agent(prompt)");
        let ran = run(&sandbox(), &body(&script)).await;
        assert_eq!(ran.host.warnings.len(), signs, "{prompt}");
        ran.fuel[0] / 8
    };
    let short = fuel("'x'", 0).await;
    for (prompt, signs, limit) in [
        ("'x'.repeat(2 ** 20)", 0, 60),
        ("'x'.repeat(2 ** 20 - 15) + '[object Object]'", 8, 60),
        ("'[object X '.repeat(2 ** 17).slice(0, 2 ** 20)", 0, 150),
    ] {
        let each = fuel(prompt, signs).await.saturating_sub(short) >> 20;
        assert!(each < limit, "{prompt}: {each} a byte");
    }
}

#[tokio::test]
async fn odd_prompts_and_options_of_a_body() {
    let ran = run(&sandbox(), &body("return [await agent(5), await agent('p', false)]")).await;
    assert_eq!(ran.done(), r#"["got 5","got p"]"#);
    assert_eq!(warned(&ran), [("options_ignored".into(), String::new(), 2)]);
    for text in ["agent({})", "agent('')", "agent()", "agent(true)"] {
        let ran = run(&sandbox(), &body(&format!("return await {text}"))).await;
        assert!(matches!(ran.end, Ok(Status::Failed(_))), "{text}");
    }
}

#[tokio::test]
async fn a_body_is_strict_and_is_a_single_body() {
    for text in
        ["undeclared = 1", "return delete Object.prototype", "Object.freeze(args ?? []).x = 1"]
    {
        let ran = run(&sandbox(), &body(text)).await;
        assert!(matches!(ran.end, Ok(Status::Failed(_))), "{text}: {:?}", ran.end);
    }
    assert_eq!(result(&first(body("undeclared = 1; return undeclared"))).await, "1");
    let inspect = async |text: &str, surface| {
        sandbox().inspect(&source(&format!("{META}{text}")), surface).await.unwrap()
    };
    for text in [
        "return 1\n}); (async () => {\nreturn 2",
        "return 1\n}})(); (async () => {{\nreturn 2",
        "})(); (async () => { return 5",
        "with ({}) {}",
        "return 010",
        "function f() {}\nfunction f() {}\nreturn 1",
    ] {
        let error = inspect(text, Surface::Second).await.expect_err(text);
        assert_eq!(error.code, "syntax", "{text}");
        assert!(error.line >= 2, "{text}: {error:?}");
    }
    assert_eq!(inspect("return 010", Surface::First).await, Ok(Dialect::Body));
    assert_eq!(inspect("await agent('x')", Surface::Second).await, Ok(Dialect::Body));
    assert_eq!(inspect("export default 1", Surface::Second).await, Ok(Dialect::Module));
    assert_eq!(inspect("import 'workflow:extra'", Surface::Second).await, Ok(Dialect::Module));
}

#[tokio::test]
async fn virtual_modules_have_a_default_export() {
    let text = "import extra, { sleep } from 'workflow:extra'\nimport * as all from 'workflow:extra'\n\
        export default async (input, ctx) => [extra.sleep === sleep, all.sleep === sleep, SW.extra.sleep === sleep, ctx.extra.sleep === sleep]";
    assert_eq!(result(&module(text)).await, "[true,true,true,true]");
}

#[tokio::test]
async fn a_child_may_return_nothing_and_throws_its_own_error() {
    let text = "try { return [await workflow('a') === undefined, await workflow('b')] } catch (e) { return [e.name, e.message, e.code] }";
    let mut instance = guest(&sandbox()).await;
    let turn = instance.start(Recorder::default(), limits(), &body(text)).await;
    let nothing = Outcome::Value(String::new());
    let turn = instance.settle(turn.host, limits(), StepId(1), &nothing).await;
    let failure = Failure {
        name: Some("TypeError".into()),
        ..Failure::new("workflow_failed", "child broke")
    };
    let turn = instance.settle(turn.host, limits(), StepId(2), &Outcome::Failed(failure)).await;
    let expected = r#"["TypeError","child broke","workflow_failed"]"#;
    assert_eq!(turn.end, Ok(Status::Done(expected.into())));
    assert_eq!(result(&body("log('x')")).await, "", "undefined");
    assert_eq!(result(&first(body("return undefined"))).await, "null");
}

#[tokio::test]
async fn slots_name_the_step_that_failed() {
    let text = "await agent('one').catch(() => 0)\nreturn parallel([() => agent('two'), () => { throw new Error('own') }])";
    let mut instance = guest(&sandbox()).await;
    let turn = instance.start(Recorder::default(), limits(), &body(text)).await;
    let failed = Outcome::Failed(Failure::new("provider_failed", "the same words"));
    let turn = instance.settle(turn.host, limits(), StepId(1), &failed).await;
    let turn = instance.settle(turn.host, limits(), StepId(2), &failed).await;
    let mut steps: Vec<_> = turn.host.slots.iter().map(|slot| (slot.index, slot.step)).collect();
    steps.sort_unstable();
    assert_eq!(steps, [(0, Some(StepId(2))), (1, None)]);
}

#[tokio::test]
async fn locale_rules_are_right_or_refused() {
    for (text, expected) in [
        (
            "['file10', 'file2', 'File1'].sort((a, b) => a.localeCompare(b, undefined, { numeric: true, sensitivity: 'base' }))",
            r#"["File1","file2","file10"]"#,
        ),
        (
            "['z', 'ä', 'a', 'Z', 'é', 'e'].sort((a, b) => a.localeCompare(b))",
            r#"["a","ä","e","é","z","Z"]"#,
        ),
        ("'a'.localeCompare('A', undefined, { sensitivity: 'base' })", "0"),
        (
            "[(0.256).toLocaleString('en-US', { style: 'percent' }), (1234.5).toLocaleString(), new Date(0).toLocaleDateString('en-US')]",
            r#"["26%","1,234.5","1/1/1970"]"#,
        ),
        ("(1234567.891).toLocaleString()", "\"1,234,567.891\""),
        // By the decimal text, not the slightly smaller binary number; one bound moves the other.
        (
            "[(1.005).toLocaleString('en', { maximumFractionDigits: 2 }), (0.145).toLocaleString('en', { style: 'percent' })]",
            r#"["1.01","15%"]"#,
        ),
        (
            "[0, 2.5].map(x => x.toLocaleString('en-US', { style: 'currency', currency: 'USD', maximumFractionDigits: 0 }))",
            r#"["$0","$3"]"#,
        ),
        // Marks have their own order, as have letters of other alphabets.
        (
            "['zebra', 'è', 'é', 'þorn', 'ŋ', 'oz', 'łan', 'lb', '— x', 'élan'].sort((a, b) => a.localeCompare(b))",
            r#"["— x","é","è","élan","łan","lb","ŋ","oz","zebra","þorn"]"#,
        ),
        (
            "['юг', 'йод', 'иск', 'ёж', 'ель', 'z'].sort((a, b) => a.localeCompare(b))",
            r#"["z","ёж","ель","иск","йод","юг"]"#,
        ),
        // Unknown characters sort with their kind and decide nothing else.
        (
            "['a', '1', '🎉 b', '🎉 a', '漢'].sort((a, b) => a.localeCompare(b))",
            r#"["🎉 a","🎉 b","1","a","漢"]"#,
        ),
        ("'01'.localeCompare('1', undefined, { numeric: true })", "0"),
        ("12345678901234567890n.toLocaleString()", "\"12,345,678,901,234,567,890\""),
    ] {
        assert_eq!(result(&body(&format!("return {text}"))).await, expected, "{text}");
    }
    for text in [
        "'a'.localeCompare('b', 'sv')",
        "'漢'.localeCompare('字')",
        "'🎉'.localeCompare('🚀')",
        "'ð'.localeCompare('e')",
        "(1).toLocaleString('de-DE')",
        "(1).toLocaleString('en', { notation: 'compact' })",
        "new Date(0).toLocaleString('en-US', { timeZone: 'America/New_York' })",
        "'i'.toLocaleUpperCase('tr')",
    ] {
        let text = format!("try {{ return {text} }} catch (e) {{ return e.name }}");
        assert_eq!(result(&body(&text)).await, "\"RangeError\"", "{text}");
    }
}

#[tokio::test]
async fn errors_name_the_callee_alternatives_and_their_causes() {
    for (text, says) in [
        ("const o = { a: {} }; o.a.b()", "`o.a.b` is not a function"),
        ("const f = 5; f()", "`f` is not a function"),
        (
            "agent('x', { a: [1, ')'] }).map(y => y)",
            "`agent(…).map` is not a function; agent() gives a promise: await it first, `(await agent(…))`",
        ),
        ("agent('x')\n  .map(y => y)", "`agent(…).map` is not a function; agent()"),
        ("const o = { a: {} }; o.a\n  .b()", "`o.a.b` is not a function"),
        ("const o = { a: { f: () => ({}) } }; o.a.f(1, [2]).b()", "`o.a.f(…).b` is not a function"),
        ("const o = { a: [{}] }; o.a[0].b()", "`o.a[0].b` is not a function"),
        ("return (await agent('x')).map(y => y)", "`(…).map` is not a function"),
        ("const lib = {}; return new lib.Foo(1)", "`lib.Foo` is not a constructor"),
        ("const Foo = 5; return new Foo()", "`Foo` is not a constructor"),
        ("const o = {}; return o.a.b", "cannot read property 'b' of undefined: `o.a` is undefined"),
        (
            "const found = null; return found.length",
            "cannot read property 'length' of null: `found` is null",
        ),
        ("const o = { f() {} }; return o.f(1)?.x ?? o.f().y", "of undefined: `o.f()` is undefined"),
        ("fetch('x')", "fetch is not defined; a script has no network"),
        ("setInterval(() => 1, 5)", "setTimeout"),
        ("process.env.X", "arguments"),
        ("require('fs')", "CommonJS"),
        (
            "await Promise.any([Promise.reject(new Error('first')), Promise.reject(2)])",
            "Error: first",
        ),
        ("throw new Error('top', { cause: new TypeError('below') })", "TypeError: below"),
        ("throw new Error('x'.repeat(5e7))", "xxx"),
    ] {
        let ran = run(&sandbox(), &body(text)).await;
        match &ran.end {
            Ok(Status::Failed(error)) => {
                assert!(error.message.contains(says), "{text}: {error:?}");
                assert!(error.message.len() < 32 * 1024, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let guards = "return [typeof fetch, typeof process, typeof require, typeof setInterval, typeof structuredClone].every(t => t === 'undefined')";
    assert_eq!(result(&body(guards)).await, "true");
}

/// A name that is not certain is left out, and an error of the script itself keeps its
/// message.
#[tokio::test]
async fn errors_do_not_name_an_uncertain_callee() {
    for (text, says) in [
        ("throw new TypeError('not a function')", "not a function"),
        ("throw TypeError('not a constructor')", "not a constructor"),
        ("throw new TypeError(['not', 'a', 'function'].join(' '))", "not a function"),
        ("throw TypeError(['not', 'a', 'constructor'].join(' '))", "not a constructor"),
        (
            "class Own extends TypeError { constructor() { super(['not a', 'function'].join(' ')) } }\nthrow new Own()",
            "not a function",
        ),
        ("throw new ReferenceError('fetch is not defined')", "fetch is not defined"),
        ("const o = { a: 1 }; new (o.a)()", "not a function"),
        ("const o = { a: 1 }; new o['a']()", "not a function"),
        ("const o = { a: () => 1 }; new (o.a())()", "not a function"),
        ("const o = { b: {} }; new (o.b)", "not a constructor"),
        ("const e = {}; e.ü()", "not a function"),
        ("const ключ = {}; ключ.метод()", "not a function"),
        ("const o = { y: {} }\no // a comment (o.y)\n.b()", "not a function"),
        ("const o = {}\no /* (o.y) */.b()", "not a function"),
        ("const o = {}\no./* y. */b()", "not a function"),
        ("const o = {}\no. // y.\nb()", "not a function"),
        ("const o = {}\nconst u = 'http://o.y.'\no.b()", "`o.b` is not a function"),
        ("const o = {}\n// see o.y.\no.b()", "`o.b` is not a function"),
        ("const o = {} // see o.y.\no.b()", "`o.b` is not a function"),
        ("const o = 1\n/* see o.y. */\no()", "`o` is not a function"),
        (r"const f = () => ({}); f('don\'t').b()", "not a function"),
        ("const f = () => ({}); f(/['(]/).b()", "not a function"),
        ("const f = () => ({}); f('a/b').b()", "`f(…).b` is not a function"),
        ("const f = () => ({}); f(6 / 2).b()", "`f(…).b` is not a function"),
        ("const g = 1, f = () => 1; f(...g())", "`g` is not a function"),
        ("'text'.b()", "not a function"),
        ("const o = { a: [] }; o.a[0]()", "not a function"),
        ("const o = {}; (o.d)()", "not a function"),
        ("const o = {}; o.b?.c(); o.c?.(); o?.d()", "`o?.d` is not a function"),
        ("class A { #x = 1; f() { this.#x() } }; new A().f()", "not a function"),
    ] {
        let ran = run(&sandbox(), &body(text)).await;
        let Ok(Status::Failed(error)) = &ran.end else { panic!("{text}: {:?}", ran.end) };
        assert_eq!(error.message, says, "{text}");
    }
}

#[tokio::test]
async fn plain_recursion_goes_deep() {
    let text = "let depth = 0; const f = () => { depth++; return 1 + f() }; try { f() } catch (e) { return [e.name, depth >= 8000] }";
    assert_eq!(result(&body(text)).await, r#"["RangeError",true]"#);
}
