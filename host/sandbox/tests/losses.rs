//! Values that JSON or a text has no word for: no part of a call is lost without
//! a word.

mod common;

use common::*;
use smol_wf_core::guest::{Failure, Outcome, StartInput, Status};
use smol_wf_core::ids::CallId;
use smol_wf_core::surface::Surface;

/// Code, path and line of each warning.
fn warned(ran: &Ran) -> Vec<(&str, &str, u32)> {
    let warnings = ran.host.warnings.iter();
    warnings
        .map(|one| (one.code.as_str(), one.path.as_deref().unwrap_or_default(), one.line))
        .collect()
}

/// What the script caught: it is written so that it returns that.
async fn caught(input: &StartInput) -> String {
    run(&sandbox(), input).await.done().to_owned()
}

fn catching(call: &str) -> String {
    format!(
        "try {{ await {call} }} catch (error) {{ return `${{error.name}}: ${{error.message}}` }}"
    )
}

#[tokio::test]
async fn what_the_arguments_of_a_child_lose_is_told_with_its_path() {
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
        assert_eq!((warned(&ran).len(), ran.host.calls.len()), (0, 1), "{fine}");
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
async fn what_the_options_of_an_agent_lose_is_told_or_refused() {
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
    // One schema of many calls is looked into once.
    let ran = run(
        &sandbox(),
        &body("const schema = { pattern: /x/ }; agent('p', { schema }); agent('q', { schema })"),
    )
    .await;
    assert_eq!(warned(&ran).len(), 1);
    // To lose one of these would set an agent free.
    for (options, says) in [
        ("{ permissions: () => 'read' }", "options.permissions is a function"),
        ("{ tools: () => ['Read'] }", "options.tools is a function"),
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
async fn a_prompt_that_shows_nothing_is_told_before_it_is_asked() {
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
        assert_eq!(ran.host.warnings[0].step, Some(CallId(1)));
    }
    for prompt in
        ["'say null'", "'why is x undefined?'", "'see:\\nnull'", "'[object Foo]'", "'[object'"]
    {
        let ran = run(&sandbox(), &body(&format!("agent({prompt})"))).await;
        assert!(warned(&ran).is_empty(), "{prompt}: {:?}", warned(&ran));
    }
}

#[tokio::test]
async fn the_null_of_a_failed_agent_in_a_prompt_is_told() {
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
            let turn = instance.settle(turn.host, limits(), CallId(1), &outcome).await;
            assert_eq!(turn.end, Ok(Status::Pending));
            let warnings = &turn.host.warnings;
            assert_eq!(warnings.len(), expected, "{prompt} {answer}: {warnings:?}");
            for warning in warnings {
                assert_eq!(
                    (warning.code.as_str(), warning.step, warning.line),
                    ("prompt_null", Some(CallId(2)), 3)
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
async fn arguments_of_a_timer_are_told_once() {
    let text = "setTimeout(() => {}, 5)\nsetTimeout(x => x, 5, 'a')\nsetTimeout(x => x, 5, 'b')\nreturn setTimeout.length";
    let ran = run(&sandbox(), &body(text)).await;
    assert_eq!(ran.done(), "2");
    assert_eq!(warned(&ran), [("timer_arguments", "", 3)]);
}

/// Errors are made when a call has failed, and show where it was made.
#[tokio::test]
async fn failed_calls_show_where_each_was_made() {
    let text = "const make = n => agent('p' + n)\nconst all = [make(1),\n  make(2)]\nconst said = await Promise.allSettled(all)\nreturn said.map(one => one.reason.stack)";
    let mut instance = guest(&sandbox()).await;
    let mut turn = instance.start(Recorder::default(), limits(), &body(text)).await;
    for call in [2, 1] {
        let failed = Outcome::Failed(Failure::new("provider_failed", "it broke"));
        turn = instance.settle(turn.host, limits(), CallId(call), &failed).await;
    }
    let Ok(Status::Done(json)) = &turn.end else { panic!("{:?}", turn.end) };
    // The frames of `make` and of the line that called it, of each.
    assert_eq!(json.matches("make (workflow.js:2:").count(), 2, "{json}");
    let (first, second) = (json.find("workflow.js:3:"), json.find("workflow.js:4:"));
    assert!(first.is_some() && first < second, "{json}");
    assert!(!json.contains("smol:"), "{json}");
}
