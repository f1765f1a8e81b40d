//! Questions to people in the guest: which scripts can ask, and what reaches the host.

mod common;

use common::*;
use smol_wf_core::guest::{Failure, Outcome, StartInput, Status};
use smol_wf_core::ids::StepId;
use smol_wf_core::surface::Surface;

#[tokio::test]
async fn a_body_asks_with_its_options_and_gets_the_answer() {
    let text = "const { approve, ask, waitFor } = SW.extra\n\
        const all = [approve('a?'), ask('b?', { schema: { type: 'string' }, timeout: '1h' }), waitFor('c', { match: { n: 1 } })]\n\
        return [await Promise.all(all), Object.isFrozen(SW.extra), Object.isFrozen(ask)]";
    let ran = run(&sandbox(), &body(text)).await;
    assert_eq!(ran.done(), r#"[["got approve a?","got ask b?","got waitFor c"],true,true]"#);
    assert_eq!(
        ran.host.options,
        ["{}", r#"{"schema":{"type":"string"},"timeout":"1h"}"#, r#"{"match":{"n":1}}"#]
    );
}

#[tokio::test]
async fn what_cannot_be_asked_is_thrown_in_both_dialects() {
    for call in [
        "ask()",
        "ask('')",
        "approve({ question: 'a' })",
        "waitFor(12)",
        "ask('q', 'text')",
        "ask('q', { schema: () => 1 })",
        "ask('q', { timeout: 1n })",
        "ask('q', { onTimeout: { value: () => 1 } })",
        "ask('q', { label: Symbol('x') })",
    ] {
        let tried = format!("await SW.extra.{call}.catch(error => error.name)");
        let ran = run(&sandbox(), &body(&format!("return {tried}"))).await;
        assert_eq!(ran.done(), "\"TypeError\"", "{call}");
        assert!(ran.host.steps.is_empty() && ran.host.warnings.is_empty(), "{call}");
        let ran = run(&sandbox(), &module(&format!("export default {tried}"))).await;
        assert_eq!(ran.done(), "\"TypeError\"", "{call}");
    }
    // Options that JSON does not see are options, too.
    let hidden = "class Short { get timeout() { return 5 } }\n\
        return await SW.extra.ask('q', new Short())";
    let ran = run(&sandbox(), &body(hidden)).await;
    assert_eq!(ran.host.options, [r#"{"timeout":5}"#]);
    // A number that is none must not pass for no time-out at all.
    let ran = run(&sandbox(), &body("return await SW.extra.ask('q', { timeout: NaN })")).await;
    assert_eq!(ran.host.options, [r#"{"timeout":"NaN"}"#]);
}

#[tokio::test]
async fn a_failed_question_is_an_error_with_a_code_and_the_line_of_the_call() {
    let mut guest = guest(&sandbox()).await;
    let text = "try { await SW.extra.approve('a?') } catch (e) {\n\
        return [e instanceof Error, e.name, e.code, e.message, /:2:/.test(e.stack)] }";
    let turn = guest.start(Recorder::default(), limits(), &body(text)).await;
    let (step, _) = turn.host.steps[0];
    let failed = Outcome::Failed(Failure::new("ask_timed_out", "late"));
    let turn = guest.settle(turn.host, limits(), StepId(step), &failed).await;
    let expected = r#"[true,"AskError","ask_timed_out","late",true]"#;
    assert_eq!(turn.end, Ok(Status::Done(expected.to_owned())));
    let refuse = Some(Failure::new("call_invalid", "no"));
    let refusing = Recorder { refuse, ..Recorder::default() };
    let mut guest = common::guest(&sandbox()).await;
    let text = "return await SW.extra.ask('a?').catch(e => e.code + e.name)";
    let turn = guest.start(refusing, limits(), &body(text)).await;
    assert_eq!(turn.end, Ok(Status::Done("\"call_invalidAskError\"".to_owned())));
}

#[tokio::test]
async fn scripts_of_older_surfaces_find_what_they_found_then() {
    let look = "const names = ['approve', 'ask', 'waitFor']\n\
        let said = ''; try { ask('q') } catch (error) { said = error.message }\n";
    for surface in [Surface::First, Surface::Second, Surface::Third] {
        let extra = if surface == Surface::First { "{}" } else { "SW.extra" };
        let text = format!(
            "{look}return [names.map(name => typeof {extra}[name]), Object.keys({extra}), said, Object.keys(await import('workflow:extra'))]"
        );
        let ran = run(&sandbox(), &StartInput { surface, ..body(&text) }).await;
        let (keys, exports) = match surface {
            Surface::First => ("[]", r#"["sleep"]"#),
            _ => (r#"["sleep"]"#, r#"["default","sleep"]"#),
        };
        let none = r#"["undefined","undefined","undefined"]"#;
        assert_eq!(ran.done(), format!(r#"[{none},{keys},"ask is not defined",{exports}]"#));
        let failed = run(&sandbox(), &StartInput { surface, ..body("ask('q')") }).await;
        let Ok(Status::Failed(error)) = failed.end else { panic!("{:?}", failed.end) };
        assert_eq!(error.message, "ask is not defined");
    }
    let failed = run(&sandbox(), &body("ask('q')")).await;
    let Ok(Status::Failed(error)) = failed.end else { panic!("{:?}", failed.end) };
    assert!(error.message.contains("it is SW.extra.ask(question)"), "{}", error.message);
    let text = "import extra, { approve, ask, sleep, waitFor } from 'workflow:extra'\n\
        export default (input, ctx) => [extra === SW.extra, ctx.extra === extra, extra.ask === ask, approve !== waitFor, sleep === SW.sleep, typeof SW.ask, typeof ctx.approve]";
    let ran = run(&sandbox(), &module(text)).await;
    assert_eq!(ran.done(), r#"[true,true,true,true,true,"undefined","undefined"]"#);
}
