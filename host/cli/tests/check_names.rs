//! `smol-wf check`: names that do not exist, and what runs here alone.

mod checking;
mod common;

use checking::{META, finds, found};
use common::{Place, snapshot};

#[test]
fn names_that_do_not_exist_are_found_with_what_was_meant() {
    let mut said = String::new();
    for body in [
        "return fetch('https://example.org')",
        "return process.env.HOME",
        "const result = 1\nreturn reslt",
        "return (() => { const x = 1; return somethingElse })()",
        "setInterval(() => log('x'), 10)\nreturn 1",
        "count = 1\nreturn 1",
        "return await agnt('x')",
        "return await sleep(5)",
    ] {
        let place = Place::new();
        place.write("script.js", format!("{META}{body}\n"));
        let ran = place.run(&["check", "script.js"]);
        said += ran.printed(7);
    }
    snapshot!(said, "check-names");
    for fine in [
        "return typeof fetch === 'undefined' ? 1 : fetch",
        "try { return structuredClone(args) } catch { return args }",
        "globalThis.mine = 1\nreturn mine",
        "function f({ a, ...b }, [c] = []) { return [a, b, c, arguments.length] }\nreturn f({})",
        "class A { static b = 1 }\nlabel: for (const [k, v] of Object.entries({})) { log(k, v, A); break label }\nreturn NaN",
        "try { return 1 } catch (error) { return error }",
        "const { a: { b = undefined } = {} } = args ?? {}\nreturn [b, SW, budget, Infinity]",
        "return ['fetch', { process: 1 }.process, log.require]",
    ] {
        finds(&format!("{fine}\n"), &[]);
    }
}

#[test]
fn what_only_runs_here_is_called_not_portable_in_bodies_alone() {
    let rule = "not-portable";
    for body in [
        "return { at: Date.now() }",
        "return Math.random()",
        "const D = Date\nreturn new D()",
        "const { random } = Math\nreturn random()",
        "return await parallel([agent('a')])",
        "const schema = { anyOf: [{ minimum: 1 }] }\nreturn await agent('a', { schema })",
        "return await agent('a', { schema: { type: 'object', properties: {}, required: ['n'] } })",
        "return meta.name",
    ] {
        let found = found(&format!("{META}{body}\n"));
        assert!(found.iter().all(|(one, _)| one == rule) && found.len() == 1, "{body}: {found:?}");
    }
    for fine in [
        "return [new Date(0), Date.UTC(2020, 1), Date.parse('2020'), Math.max(1, 2)]",
        "const date = { now: () => 1 }\nreturn date.now()",
        "return await parallel([() => agent('a')])",
        "return await parallel(args.map(one => () => agent(one)))",
        "return await agent('a', { schema: { type: 'object', properties: { n: { const: 1 } }, required: ['n'] } })",
        "return await agent('a', { schema: args })",
    ] {
        finds(&format!("{fine}\n"), &[]);
    }
    // A module is the other dialect.
    finds("export default () => [Date.now(), Math.random(), meta.name]\n", &[]);
}
