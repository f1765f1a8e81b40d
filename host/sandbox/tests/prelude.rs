//! Attacks on the part of the guest that shares a realm with the script: after each, an
//! honest workflow makes exactly the calls that it makes without the attack.
//!
//! The prelude freezes objects for correctness, never for security; the host enforces
//! limits, budget and policy, and no script can reach it. It is still worth proving that
//! a script cannot change its own calls by changing built-ins, because a bundled library
//! may do so by accident.

mod common;

use common::{body, guest, limits, sandbox};
use smol_wf_core::gate::AskKind;
use smol_wf_core::guest::{
    BudgetState, NullSlot, Outcome, Refusal, Status, StopTurn, TurnHost, Warning,
};
use smol_wf_core::ids::{StepId, TimerId};

/// The exact calls of the guest, in order.
#[derive(Debug, Default, PartialEq)]
struct Log {
    asked: Vec<String>,
    /// Number of steps and timers.
    last: u32,
}

impl Log {
    fn number(&mut self, asked: String) -> Result<StepId, Refusal> {
        self.asked.push(asked);
        self.last += 1;
        Ok(StepId(self.last))
    }
}

impl TurnHost for Log {
    fn agent(&mut self, prompt: String, options: String) -> Result<StepId, Refusal> {
        self.number(format!("agent {prompt} {options}"))
    }
    fn workflow(&mut self, target: String, args: Option<String>) -> Result<StepId, Refusal> {
        self.number(format!("workflow {target} {args:?}"))
    }
    fn sleep(&mut self, milliseconds: f64) -> Result<StepId, Refusal> {
        self.number(format!("sleep {milliseconds}"))
    }
    fn ask(&mut self, kind: AskKind, question: String, _: String) -> Result<StepId, Refusal> {
        self.number(format!("{kind:?} {question}"))
    }
    fn set_timer(&mut self, milliseconds: f64) -> Result<TimerId, Refusal> {
        let StepId(timer) = self.number(format!("timer {milliseconds}"))?;
        Ok(TimerId(timer))
    }
    fn clear_timer(&mut self, timer: TimerId) -> Result<(), StopTurn> {
        self.asked.push(format!("clear {timer}"));
        Ok(())
    }
    fn phase(&mut self, title: String) -> Result<(), StopTurn> {
        self.asked.push(format!("phase {title}"));
        Ok(())
    }
    fn log(&mut self, message: String) -> Result<(), StopTurn> {
        self.asked.push(format!("log {message}"));
        Ok(())
    }
    fn null_slot(&mut self, slot: NullSlot) -> Result<(), StopTurn> {
        let NullSlot { group, ordinal, index, stage, step, .. } = slot;
        self.asked.push(format!("null {group:?} {ordinal} {index} {stage:?} {step:?}"));
        Ok(())
    }
    fn warn(&mut self, warning: Warning) -> Result<(), StopTurn> {
        self.asked.push(format!("warn {}", warning.code));
        Ok(())
    }
    fn budget(&self) -> BudgetState {
        BudgetState { total: Some(1_000), spent: 7 }
    }
}

/// The honest workflow. It saves what it needs before the attack, so that the attack
/// meets only the prelude.
const HONEST: &str = "
    const { parse, stringify } = JSON_;
    phase('One');
    const first = await agent('first', { label: 'l', model: 'm', schema: { type: 'object', properties: { a: { type: 'string' } } } });
    const many = await parallel([() => agent('a'), () => agent('b', { phase: 'P' }), () => { throw new E_('on purpose') }]);
    const piped = await pipeline(['x', 'y'], item => agent('look at ' + item), (seen, item, index) => agent('again ' + item + index));
    const child = await workflow({ scriptPath: './c.js' }, { deep: [1, { two: 2 }] });
    await SW.sleep(5);
    log('spent', budget.spent(), budget.remaining(), budget.total);
    let caught = 'nothing';
    try { await agent('fails') } catch (error) { caught = error.code }
    phase('Two');
    log('caught ' + caught);
    return stringify([first, many, piped, child]);";

/// Saved before the attack, because a body may replace the globals.
const TAKEN: &str = "const JSON_ = { parse: JSON.parse, stringify: JSON.stringify }, E_ = Error;
    const { agent, parallel, pipeline, workflow, phase, log, budget } = SW;";

/// The attacks, grouped by their target. Each runs inside `try`.
const ATTACKS: &[(&str, &str)] = &[
    // Dynamic code: it runs in the same realm, with the same primitives and no more.
    ("eval", "globalThis.eval('globalThis.agent = () => 1')"),
    ("indirect eval", "(0, eval)('var agent = 1; var parallel = 2')"),
    ("Function", "new Function('globalThis.log = 1; agent = null')()"),
    ("async function constructor", "(async () => {}).constructor('globalThis.agent = 1')()"),
    ("generator constructor", "(function* () {}).constructor('globalThis.phase = 1')().next()"),
    ("constructor of a primitive", "agent.constructor('this.agent = 1')()"),
    ("constructor of console.log", "console.log.constructor('return this')().agent = 1"),
    ("Reflect.construct", "Reflect.construct(Function, ['agent = 1'])()"),
    ("import", "import('workflow:extra').then(m => { m.sleep = 1 }, () => {})"),
    // Prototypes that options, answers and slots might inherit from.
    ("schema for all", "Object.prototype.schema = { type: 'number' }"),
    ("provider for all", "Object.prototype.provider = 'evil'; Object.prototype.model = 'evil'"),
    ("isolation for all", "Object.prototype.isolation = 'none'; Object.prototype.label = 'evil'"),
    (
        "then for all",
        "Object.defineProperty(Object.prototype, 'then', { value(r) { r('evil') }, configurable: true })",
    ),
    ("toJSON of strings", "String.prototype.toJSON = () => 'evil'"),
    ("get for all", "Object.prototype.get = () => 'evil'; Object.prototype.value = 'evil'"),
    (
        "scriptPath for all",
        "Object.prototype.scriptPath = './evil.js'; String.prototype.scriptPath = './evil.js'",
    ),
    (
        "setter of slot 0",
        "Object.defineProperty(Array.prototype, 0, { set() { throw 1 }, get() { return 'evil' }, configurable: true })",
    ),
    (
        "setter of slot 0 for all",
        "Object.defineProperty(Object.prototype, '0', { set() {}, configurable: true })",
    ),
    (
        "setter of slot 1",
        "Object.defineProperty(Array.prototype, '1', { set(v) {}, configurable: true })",
    ),
    ("prototype of Object", "Object.setPrototypeOf(Object.prototype, { evil: 1 })"),
    (
        "message of errors",
        "Object.defineProperty(Error.prototype, 'message', { get() { throw 1 }, configurable: true })",
    ),
    ("length for all", "Object.prototype.length = 99"),
    // The built-ins that the prelude is made of.
    (
        "array map and push",
        "Array.prototype.map = Array.prototype.push = Array.prototype.join = () => 'evil'",
    ),
    ("array iterator", "Array.prototype[Symbol.iterator] = function* () { yield 'evil' }"),
    ("iterator next", "Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true })"),
    ("function call", "Function.prototype.call = Function.prototype.apply = () => 'evil'"),
    ("function bind", "Function.prototype.bind = () => () => 'evil'"),
    (
        "string methods",
        "for (const k of Object.getOwnPropertyNames(String.prototype)) try { String.prototype[k] = () => 'evil' } catch {}",
    ),
    ("promise then", "Promise.prototype.then = function () { return this }"),
    (
        "promise catch and finally",
        "Promise.prototype.catch = Promise.prototype.finally = () => 'evil'",
    ),
    (
        "promise statics",
        "Promise.resolve = Promise.reject = Promise.all = Promise.race = () => 'evil'",
    ),
    (
        "promise species",
        "Object.defineProperty(Promise, Symbol.species, { get() { return class { constructor(f) { f(() => {}, () => {}) } } } })",
    ),
    (
        "promise constructor",
        "Promise.prototype.constructor = class { constructor(f) { f(() => {}, () => {}) } }",
    ),
    ("promise itself", "globalThis.Promise = class { constructor() { throw 1 } }"),
    ("JSON", "JSON.parse = () => ({ evil: 1 }); JSON.stringify = () => '{\"evil\":1}'"),
    ("JSON itself", "globalThis.JSON = { parse: () => 1, stringify: () => '1' }"),
    (
        "map methods",
        "Map.prototype.get = Map.prototype.set = Map.prototype.delete = () => undefined",
    ),
    (
        "map itself",
        "globalThis.Map = class {}; globalThis.Set = class {}; globalThis.WeakMap = class {}",
    ),
    (
        "regexp exec",
        "RegExp.prototype.exec = () => null; RegExp.prototype[Symbol.replace] = () => 'evil'",
    ),
    (
        "Reflect",
        "for (const k of Reflect.ownKeys(Reflect)) try { Reflect[k] = () => 'evil' } catch {}",
    ),
    (
        "Object statics",
        "const d = Object.defineProperty; for (const k of ['keys','freeze','create','defineProperty','assign','entries','getPrototypeOf']) d(Object, k, { value: () => 'evil' })",
    ),
    (
        "Array statics",
        "Array.isArray = () => false; Array.from = () => ['evil']; Array.of = () => []",
    ),
    (
        "array species",
        "Object.defineProperty(Array, Symbol.species, { get() { return class { } } })",
    ),
    ("Array itself", "globalThis.Array = function () { return { evil: 1 } }"),
    (
        "Object itself",
        "globalThis.Object = function () { throw 1 }; globalThis.String = () => 'evil'",
    ),
    ("Error hooks", "Error.prepareStackTrace = () => { throw 1 }; Error.stackTraceLimit = 0"),
    (
        "Error itself",
        "globalThis.Error = globalThis.TypeError = class { constructor() { throw 1 } }",
    ),
    (
        "Number and Math",
        "Number.isInteger = () => false; Math.max = Math.min = Math.floor = () => NaN; globalThis.Number = () => 666",
    ),
    ("Symbol", "globalThis.Symbol = () => 'evil'"),
    (
        "well-formed strings",
        "String.prototype.toWellFormed = () => 'evil'; String.prototype.isWellFormed = () => false",
    ),
    // The primitives themselves.
    ("assign the global", "agent = parallel = () => 'evil'"),
    ("assign by name", "globalThis.agent = () => 'evil'; globalThis['pipeline'] = 1"),
    ("define the global", "Object.defineProperty(globalThis, 'agent', { value: () => 'evil' })"),
    (
        "define an accessor",
        "Object.defineProperty(globalThis, 'log', { get() { return () => {} } })",
    ),
    (
        "delete the globals",
        "delete globalThis.agent; delete globalThis.workflow; delete globalThis.SW",
    ),
    ("prototype of the global", "Object.setPrototypeOf(globalThis, { agent: 1 })"),
    (
        "properties of a primitive",
        "agent.call = () => 'evil'; agent.evil = 1; Object.setPrototypeOf(agent, null)",
    ),
    (
        "the budget",
        "budget.spent = () => 0; budget.total = Infinity; Object.defineProperty(budget, 'remaining', { value: () => 9e9 })",
    ),
    (
        "the context",
        "SW.agent = 1; SW.sleep = () => {}; Object.defineProperty(SW, 'sleep', { value: 1 })",
    ),
    ("the console", "console.log = () => {}; globalThis.console = 1"),
    ("queueMicrotask", "globalThis.queueMicrotask = () => { throw 1 }"),
    // Values that observe how they are read; none of them makes a call.
    ("options that throw", "agent('x', { get label() { throw new Error('no') } }).catch(() => {})"),
    ("options without an end", "const o = {}; o.o = o; agent('x', o).catch(() => {})"),
    (
        "a revoked proxy",
        "const r = Proxy.revocable({}, {}); r.revoke(); agent('x', r.proxy).catch(() => {})",
    ),
    ("a lying proxy", "agent('x', new Proxy({}, { ownKeys() { throw 1 } })).catch(() => {})"),
    (
        "a prompt that is no string",
        "agent({ toString() { agent = 1; return 'x' } }).catch(() => {}); agent(Symbol('x')).catch(() => {}); agent(true).catch(() => {})",
    ),
    ("a BigInt among the options", "agent('x', { schema: { a: 1n } }).catch(() => {})"),
    (
        "a list that is none",
        "parallel({ length: 2, 0: () => {}, 1: () => {} }).catch(() => {}); pipeline('ab', x => x).catch(() => {})",
    ),
    (
        "a target that is none",
        "workflow({ get scriptPath() { throw 1 } }).catch(() => {}); workflow(1).catch(() => {})",
    ),
    (
        "a sleep that is none",
        "SW.sleep({ valueOf() { return 5 } }).catch(() => {}); SW.sleep('5').catch(() => {})",
    ),
    // Promises that behave badly.
    ("a thenable that calls twice", "Promise.resolve({ then(r) { r(1); r(2); throw 3 } })"),
    ("a thenable that never calls", "Promise.resolve({ then() {} })"),
    (
        "a promise of itself",
        "let r; const p = new Promise(x => { r = x }); r(p); p.catch(() => {})",
    ),
    ("microtasks in a row", "for (let i = 0; i < 100; i++) queueMicrotask(() => {})"),
];

/// Not attacks but the language: `JSON.stringify` calls `toJSON` of every value, so a
/// script that adds one to all objects changes its own options. It can change nothing
/// else, and the host takes the result for what the script wants.
const JSON_HOOKS: &[&str] =
    &["Object.prototype.toJSON = () => ({ label: 'l' })", "Array.prototype.toJSON = () => []"];

async fn run(attack: &str) -> (Result<Status, String>, Log) {
    let script = body(&format!("{TAKEN}\ntry {{ {attack} }} catch {{}}\n{HONEST}"));
    let mut guest = guest(&sandbox()).await;
    let mut turn = guest.start(Log::default(), limits(), &script).await;
    let mut settled = 0;
    while matches!(turn.end, Ok(Status::Pending)) && settled < turn.host.last {
        settled += 1;
        let asked = turn.host.asked.iter().filter(|asked| is_step(asked)).nth(settled as usize - 1);
        let outcome = match asked {
            Some(asked) if asked.starts_with("agent fails") => {
                let failure = smol_wf_core::guest::Failure::new("provider_failed", "on purpose");
                Outcome::Failed(failure)
            }
            Some(asked) if asked.starts_with("agent first") => {
                Outcome::Value(r#"{"a":"b"}"#.to_owned())
            }
            _ => Outcome::Value(format!("\"answer {settled}\"")),
        };
        turn = guest.settle(turn.host, limits(), StepId(settled), &outcome).await;
    }
    (turn.end.map_err(|fault| format!("{fault:?}")), turn.host)
}

fn is_step(asked: &str) -> bool {
    ["agent ", "workflow ", "sleep "].iter().any(|verb| asked.starts_with(verb))
}

#[tokio::test]
async fn no_attack_on_the_prelude_changes_what_the_host_is_asked() {
    let (honest, expected) = run("").await;
    assert!(matches!(honest, Ok(Status::Done(_))), "{honest:?}");
    assert!(expected.asked.len() >= 15, "{expected:?}");
    assert!(ATTACKS.len() >= 60, "{}", ATTACKS.len());
    let mut bent = Vec::new();
    for (name, attack) in ATTACKS {
        let (end, mut log) = run(attack).await;
        // Only a promise that an attack leaves behind is reported.
        log.asked.retain(|asked| asked != "warn unhandled_rejection");
        let as_ever = log == expected && matches!(end, Ok(Status::Done(_)));
        // Otherwise the script fails with a named error, and has made no other calls.
        let refused = matches!(&end, Ok(Status::Failed(error)) if !error.code.is_empty())
            && expected.asked.starts_with(&log.asked);
        if !as_ever && !refused {
            bent.push(format!(
                "{name}: {end:?}\n  asked {:?}\n  expected {:?}",
                log.asked, expected.asked
            ));
        } else if refused {
            println!("{name}: refused: {end:?}");
        }
    }
    for hook in JSON_HOOKS {
        let (end, log) = run(hook).await;
        let verbs = |log: &Log| -> Vec<String> {
            log.asked
                .iter()
                .map(|asked| asked.split(['{', '(']).next().unwrap().to_owned())
                .collect()
        };
        assert!(matches!(end, Ok(Status::Done(_))), "{hook}: {end:?}");
        assert_eq!(verbs(&log), verbs(&expected), "{hook}");
    }
    println!("{} attacks, {} changed what the host was asked", ATTACKS.len(), bent.len());
    assert!(bent.is_empty(), "{}", bent.join("\n"));
}
