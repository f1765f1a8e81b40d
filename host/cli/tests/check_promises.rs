//! `smol-wf check`: promises that are taken for what they will be.

mod checking;
mod common;

use checking::{META, finds};
use common::{Place, snapshot};

/// Each has one finding, in the line that says `// here`.
#[track_caller]
fn lost(bodies: &[&str]) {
    for body in bodies {
        let line = body.lines().position(|line| line.contains("// here")).unwrap_or(0) + 2;
        finds(&format!("{body}\n"), &[("not-awaited", line as u64)]);
    }
}

#[test]
fn promises_taken_for_what_they_will_be() {
    lost(&[
        "const r = agent('x')\nreturn { r } // here",
        "const r = agent('x')\nreturn { deep: [{ r }] } // here",
        "const r = agent('x')\nreturn [r] // here",
        "const r = agent('x')\nreturn { text: `it says ${r}` } // here",
        "const r = agent('x')\nreturn await agent('do ' + r) // here",
        "const r = agent('x')\nreturn r.verdict // here",
        "const r = agent('x')\nif (r) return 1 // here\nreturn 0",
        "const r = agent('x')\nreturn r ? 1 : 0 // here",
        "const r = agent('x')\nreturn !r // here",
        "const r = agent('x')\nreturn r === 'yes' // here",
        "const r = agent('x')\nreturn JSON.stringify({ r }) // here",
        "const { verdict } = agent('x') // here\nreturn verdict",
        "const r = parallel([() => agent('x')])\nreturn r.filter(Boolean) // here",
        "const r = parallel([() => agent('x')])\nfor (const one of r) log(one) // here",
        "return agent('x').verdict",
        "return (await agent(`do ${agent('x')}`))",
        "return (agent('x') || 'nothing')",
        "let n = 0\nwhile (agent('more?')) n++ // here\nreturn n",
        "switch (agent('x')) { case 'a': return 1 }\nreturn 2",
        "const r = agent('x')\nconst copy = r\nreturn { copy } // here",
        "const r = agent('x')\nreturn (() => `${r}`)() // here",
        "const { agent: ask } = SW\nconst r = ask('x')\nreturn r.verdict // here",
        "const out = {}\nfor (const f of args) out[f] = agent(f)\nreturn out // here",
        "const out = []\nfor (const f of args) out.push(agent(f))\nreturn out // here",
        "return await workflow(args.name, { r: agent('y') })",
    ]);
}

#[test]
fn lists_of_promises_taken_for_what_they_will_be() {
    lost(&[
        "const r = args.map(x => agent(x)) // here\nreturn r.length",
        "const r = args.map(x => agent(x))\nreturn r.map(one => one.title) // here",
        "const r = args.map(x => agent(x))\nfor (const one of r) log(one.title) // here",
        "const r = args.map(x => agent(x))\nreturn r[0].title // here",
        "const r = args.map(async x => { const y = await agent(x); return y })\nreturn r.join('\\n') // here",
        "const r = Array.from({ length: 3 }, (_, i) => agent('go ' + i))\nreturn { r } // here",
        "const [a, b] = [agent('x'), agent('y')]\nreturn a.ok && b // here",
        "const review = file => agent('look at ' + file)\nreturn args.map(review) // here",
    ]);
}

#[test]
fn functions_of_the_script_that_nobody_awaits() {
    lost(&[
        "async function go() { await agent('x') }\ngo() // here\nreturn 1",
        "const go = async () => { await agent('x') }\ngo() // here\nreturn 1",
        "const ask = p => agent(p)\nask('x') // here\nreturn 1",
        "async function one() { return agent('x') }\nasync function two() { await one() }\ntwo() // here",
        "(async () => { await agent('x') })()",
        "async function go() { return agent('x') }\nconst r = go()\nreturn r.ok // here",
        "class Review {\n  async run(f) { return agent(f) }\n  all() { this.run('x') } // here\n}\nreturn new Review().all()",
        "class Review { async run(f) { return agent(f) } }\nconst review = new Review()\nreview.run('x') // here\nreturn 1",
        "const api = { async go() { await agent('x') } }\napi.go() // here\nreturn 1",
        "async function config() { return { n: 1 } }\nreturn config().n // here",
    ]);
}

#[test]
fn awaited_promises_are_not_findings() {
    for body in [
        "const r = agent('x')\nreturn r",
        "const r = agent('x')\nreturn { r: await r }",
        "const [a, b] = [agent('x'), agent('y')]\nreturn [await a, await b]",
        "const r = agent('x')\nconst s = agent('y')\nreturn await Promise.all([r, s])",
        "const r = args.map(x => agent(x))\nlog(r.length)\nreturn Promise.all(r)",
        "const r = args.map(x => agent(x))\nreturn Promise.all(r.map(p => p.catch(() => 'none')))",
        "const r = args.map(x => agent(x))\nreturn (await Promise.all(r)).length",
        "const r = args.map(x => agent(x))\nfor (const one of r) log(await one)",
        "const r = args.map(x => agent(x))\nconst out = []\nfor await (const one of r) out.push(one)\nreturn out",
        "const r = agent('x')\nreturn r.then(y => y?.length)",
        "const guard = p => p.catch(() => null)\nconst plan = f => guard(agent(f))\nreturn await Promise.all(args.map(f => plan(f).then(p => p?.length)))",
        "const r = agent('x')\nif (r && typeof r.catch === 'function') await r.catch(() => null)\nreturn 1",
        "let r = agent('x')\nr = await r\nreturn { r }",
        "let r\nr = agent('x')\nif (r) return await r",
        "const r = args ? agent('x') : null\nif (r) log(await r)\nreturn 1",
        "const wait = p => Promise.resolve(p)\nconst r = agent('x')\nreturn await wait(r)",
        "const cache = new Map()\nconst ask = k => { if (!cache.has(k)) cache.set(k, agent(k)); return cache.get(k) }\nreturn await ask('x')",
        "return await new Promise(resolve => { agent('x').then(resolve) })",
        "async function go() { await agent('x') }\nawait go()\nreturn 1",
        "async function go() { await agent('x') }\nawait Promise.all([go(), go()])\nreturn 1",
        "async function go() { await agent('x') }\nreturn await parallel([go, () => go()])",
        "async function quiet() { log('x') }\nquiet()\nreturn 1",
        "const ask = p => agent(p)\nreturn await parallel(args.map(x => () => ask(x)))",
        "const jobs = args.map(x => ({ x, p: agent(x) }))\nreturn await Promise.all(jobs.map(async j => ({ x: j.x, y: await j.p })))",
        "const jobs = args.map(x => ({ x, p: agent(x) }))\nconst out = []\nfor (const job of jobs) out.push([job.x, await job.p])\nreturn out",
        "const pending = []\nfor (const f of args) pending.push(agent(f))\nreturn await Promise.all(pending)",
        "const first = agent('x')\nconst late = SW.sleep(10).then(() => 'late')\nreturn await Promise.race([first, late])",
        "const winner = agent('x')\nconst other = agent('y')\nreturn (await Promise.race([winner, other])) === (await winner)",
        "const text = args.map(x => `agent(${x})`).join()\nreturn text",
        "const r = agent('x')\nreturn r instanceof Promise ? await r : r",
        "return [await agent('x'), ...(await Promise.all(args.map(x => agent(x))))]",
        "let chain = Promise.resolve()\nfor (const x of args) chain = chain.then(() => agent(x))\nawait chain",
        "return await args.reduce((before, x) => before.then(() => agent(x)), Promise.resolve())",
        "const todo = [...args]\nconst worker = async () => { while (todo.length) await agent(todo.pop()) }\nawait Promise.all(Array.from({ length: 3 }, worker))",
        "function agent() { return 'mine' }\nreturn { r: agent('x'), text: `${agent('y')}` }",
    ] {
        finds(&format!("{body}\n"), &[]);
    }
}

#[test]
fn modules_give_back_what_their_function_returns() {
    let module = |body: &str| format!("import {{ sleep }} from 'workflow:extra'\n{body}\n");
    for (body, line) in [
        (
            "export default async (input, { agent }) => {\n  const r = agent('x')\n  return { r }\n}",
            5,
        ),
        (
            "async function main(input, ctx) {\n  return { r: ctx.agent('x') }\n}\nexport default main",
            4,
        ),
        ("export default async () => {\n  sleep(5)\n  return 1\n}", 4),
        ("async function main() { await agent('x') }\nmain()", 4),
    ] {
        finds(&module(body), &[("not-awaited", line)]);
    }
    finds(
        &module(
            "const helper = async f => ({ f, r: agent(f) })\nexport default async () => (await helper('x')).r",
        ),
        &[],
    );
}

#[test]
fn a_finding_names_the_call_and_what_became_of_it() {
    let place = Place::new();
    let body = "async function go() { return agent('x') }\nconst r = go()\nreturn r.verdict\n";
    place.write("script.js", format!("{META}{body}"));
    snapshot!(place.run(&["check", "script.js"]).printed(7), @"
    script.js:4:8: error: `r` is the promise of `agent()` and is not awaited here: a promise has no `verdict` [not-awaited]
       4 │ return r.verdict
         │        ^
      write `await` before the call, or before the promise where it is used
    1 script checked: 1 error, 0 warnings
    ");
    place.write("script.js", format!("{META}async function go() {{ await agent('x') }}\ngo()\n"));
    snapshot!(place.run(&["check", "script.js"]).printed(7), @"
    script.js:3:1: error: this `go()`, which calls `agent()`, is not awaited [not-awaited]
       3 │ go()
         │ ^
      write `await` before it; calls that are not settled when the script ends are cut off
    1 script checked: 1 error, 0 warnings
    ");
}
