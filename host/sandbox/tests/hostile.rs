//! Hostile scripts: each ends with a fault or an error, and the next run on the same
//! sandbox works as usual.

mod common;

use common::*;
use smol_wf_core::guest::Status;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{InstanceLimits, Sandbox, SandboxConfig, TurnFault};

/// Scripts that would run or grow forever.
const BOMBS: &[(&str, &str)] = &[
    ("redos", "return /^(a+)+$/.test('a'.repeat(40) + 'b')"),
    (
        "sort",
        "return Array.from({length: 2e6}, (_, i) => i).sort(() => Math.random() - 0.5).length",
    ),
    ("repeat", "return 'x'.repeat(2 ** 29).padEnd(2 ** 29 + 10).length"),
    ("shift", "return String(1n << (1n << 30n)).length"),
    ("bigint", "const a = 3n ** 200000n; let b = a; for (;;) b *= a"),
    ("join", "const a = []; a.length = 2 ** 32 - 1; return a.join('xxxxxxxx').length"),
    ("fill", "return new Array(2 ** 31).fill(0).length"),
    ("toJSON", "const a = { toJSON() { return { a } } }; return a"),
    ("microtasks", "const f = () => Promise.resolve().then(f).then(f); await f()"),
    ("map", "const m = new Map(); for (let i = 0; ; i++) m.set(i % 2e5, 'x' + i)"),
    ("busy wait", "const t = Date.now(); while (Date.now() - t < 1e12); return 1"),
    ("typed array", "return new Uint8Array(1e9).length"),
    ("rope", "let s = 'x'; for (;;) s += s"),
    ("bind", "let f = () => 1; for (;;) f = f.bind(null, f)"),
    ("loop", "for (;;) {}"),
    ("indexOf", "return Array.prototype.indexOf.call({length: 2 ** 40}, 1)"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bomb_is_contained_and_costs_the_same_each_time() {
    let sandbox = sandbox();
    for (name, script) in BOMBS {
        let script = body(script);
        let first = run_in(&mut guest_with(&sandbox, 64).await, &script).await;
        println!("{name}: {:?}, memory denied: {}", first.end, first.memory_denied);
        // The driver ends a run whose memory was denied, however its turn ended, because a
        // job may have swallowed the error.
        let goes_on = matches!(first.end, Ok(Status::Done(_) | Status::Pending));
        assert!(!goes_on || first.memory_denied, "{name}");
        assert!(!matches!(first.end, Err(TurnFault::Crashed { .. })), "{name}: {:?}", first.end);
        let again = run_in(&mut guest_with(&sandbox, 64).await, &script).await;
        assert_eq!((again.end, again.fuel), (first.end, first.fuel), "{name}");
        assert_healthy(&sandbox).await;
    }
}

#[tokio::test]
async fn memory_is_denied_at_the_limit_and_the_script_may_catch_it() {
    let sandbox = sandbox();
    let grab = "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1))";
    let ran = run_in(&mut guest_with(&sandbox, 64).await, &body(grab)).await;
    assert_eq!(ran.end, Err(TurnFault::Memory));
    assert!(ran.memory_denied);
    let mut one = guest_with(&sandbox, 64).await;
    let _ = run_in(&mut one, &body(grab)).await;
    assert!(one.is_spent());

    let caught = "let n = 0; try { const all = []; for (;;) { all.push(new Uint8Array(1 << 20)); n++ } } catch (e) { return n }";
    let mut counts = Vec::new();
    for memory_mib in [32, 64, 64] {
        let ran = run_in(&mut guest_with(&sandbox, memory_mib).await, &body(caught)).await;
        assert!(ran.memory_denied);
        counts.push((ran.done().parse::<u32>().unwrap(), ran.fuel));
    }
    assert!(counts[0].0 < 32 && counts[1].0 > 32 && counts[1].0 < 64, "{counts:?}");
    assert_eq!(counts[1], counts[2]);
}

/// Deep recursion in every shape that reaches native code differently.
const RECURSIONS: &[(&str, &str)] = &[
    ("plain", "function f() { return 1 + f() } f()"),
    ("arrow", "const f = () => f() + 1; f()"),
    ("method", "const o = { f() { return this.f() + 1 } }; o.f()"),
    ("getter", "const o = { get f() { return this.f + 1 } }; o.f"),
    ("proxy", "const p = new Proxy({}, { get(t, k, r) { return r[k] } }); p.x"),
    ("constructor", "class A { constructor() { new A() } } new A()"),
    ("toString", "const o = { toString() { return '' + o } }; '' + o"),
    ("valueOf", "const o = { valueOf() { return +o } }; +o"),
    ("toJSON", "const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)"),
    ("map", "const f = () => [1].map(f); f()"),
    ("sort", "const f = () => [1, 2].sort(f); f()"),
    ("replace", "const f = () => 'a'.replace(/a/, f); f()"),
    ("reflect", "const f = () => Reflect.apply(f, null, []); f()"),
    ("generator", "function* g() { yield* g() } g().next()"),
    ("spread", "const f = (...a) => f(...a, 1); f()"),
    ("parse", "JSON.parse('['.repeat(100000))"),
    ("parse objects", "JSON.parse('{\"a\":'.repeat(100000))"),
    ("revive", "JSON.parse('['.repeat(100000), (k, v) => v)"),
    ("stringify", "let o = {}; for (let i = 0; i < 50000; i++) o = { o }; JSON.stringify(o)"),
    ("stringify a list", "let o = []; for (let i = 0; i < 50000; i++) o = [o]; JSON.stringify(o)"),
    (
        "stringify by a replacer",
        "let o = {}; for (let i = 0; i < 50000; i++) o = { o }; JSON.stringify(o, (k, v) => v)",
    ),
    ("flat", "let o = []; for (let i = 0; i < 1000000; i++) o = [o]; o.flat(Infinity)"),
    ("regexp", "new RegExp('('.repeat(100000) + ')'.repeat(100000))"),
];

#[tokio::test]
async fn deep_recursion_is_the_same_range_error_whatever_the_native_stack() {
    let mut seen = Vec::new();
    for mib in [48, 64, 96] {
        let config = SandboxConfig { wasm_stack: mib << 20, ..SandboxConfig::new(2) };
        let sandbox = Sandbox::new(config).unwrap();
        let mut ends = Vec::new();
        for (name, script) in RECURSIONS {
            let script = format!(
                "try {{ {script} }} catch (e) {{ return e.name + ': ' + e.message }} return 'no error'"
            );
            let ran = run(&sandbox, &body(&script)).await;
            ends.push((*name, format!("{:?}", ran.end), ran.fuel));
        }
        seen.push(ends);
    }
    for (name, end, _) in &seen[0] {
        // Growing lists of arguments use up the memory first.
        let expected = match *name {
            "regexp" => "SyntaxError",
            "spread" => "out of memory",
            _ => "RangeError",
        };
        assert!(end.contains(expected) || end.contains("RangeError"), "{name}: {end}");
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

/// Cycles and the limit of depth are found cheaply: the deepest value costs little more
/// than as many values side by side.
#[tokio::test]
async fn writing_json_costs_by_the_number_of_values_and_not_by_depth() {
    let sandbox = sandbox();
    let fuel = async |make: &str| {
        let script = format!(
            "let o = {{}}; for (let i = 0; i < 9000; i++) {make}; const text = JSON.stringify(o); JSON.parse(text); return text.length > 9000"
        );
        let ran = run(&sandbox, &body(&script)).await;
        assert_eq!(ran.done(), "true");
        ran.fuel.iter().sum::<u64>()
    };
    let flat = fuel("o['k' + i] = {}").await;
    let deep = fuel("o = { o }").await;
    assert!(deep < 4 * flat, "{deep} {flat}");
}

#[tokio::test]
async fn a_cycle_is_found_whatever_else_is_being_written() {
    for (text, expected) in [
        ("const o = { a: [] }; o.a.push(o); JSON.stringify(o)", "TypeError"),
        ("const o = {}; JSON.stringify([o, o, { o }])", "[{},{},{\"o\":{}}]"),
        // An object that is open outside is not a cycle inside.
        (
            "const o = { n: 1 }; o.inner = { toJSON() { return JSON.stringify([{ ...o, inner: 0 }]) } }; JSON.stringify([o])",
            r#"[{"n":1,"inner":"[{\"n\":1,\"inner\":0}]"}]"#,
        ),
        (
            "let n = 0; const o = { get z() { return n++ < 2 ? JSON.parse(JSON.stringify(o)) : 1 } }; JSON.stringify(o)",
            r#"{"z":{"z":{"z":1}}}"#,
        ),
        (
            "const o = {}; const r = { toJSON() { try { o.r = 0; o.self = o; JSON.stringify(o) } catch (e) { delete o.self; return e.name } } }; o.r = r; o.again = o; JSON.stringify(o)",
            "TypeError",
        ),
        // A value whose writing threw can be written again.
        (
            "const o = { p: { get x() { throw new EvalError() } } }; try { JSON.stringify(o) } catch { delete o.p.x }; JSON.stringify([o, o.p])",
            r#"[{"p":{}},{}]"#,
        ),
        (
            "const o = { a: {} }; o.a.o = o; try { JSON.stringify(o) } catch { delete o.a.o }; JSON.stringify([o, o.a])",
            r#"[{"a":{}},{}]"#,
        ),
    ] {
        let (before, last) = text.rsplit_once("; ").unwrap();
        let script = format!("try {{ {before}; return {last} }} catch (e) {{ return e.name }}");
        let done = run(&sandbox(), &body(&script)).await.done().to_owned();
        assert_eq!(done, format!("{expected:?}"), "{text}");
    }
}

/// Scripts with excessive nesting: an error with its position, long before the fuel of
/// an inspection is used up.
#[tokio::test]
async fn a_script_nested_too_deep_is_a_syntax_error_with_its_position() {
    let sandbox = sandbox();
    let inspect = async |text: String| {
        sandbox.inspect(&source(&format!("{META}\n{text}")), Surface::Second).await.unwrap()
    };
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("{a:", "}"),
        ("[{a:(", ")}]"),
        ("`${", "}`"),
        ("() => ", ""),
        ("f(", ")"),
        ("a ? b : ", ""),
    ] {
        let nested = |depth| format!("const x = {}1{}", open.repeat(depth), close.repeat(depth));
        for text in [nested(30_000), format!("const x = {}", open.repeat(30_000))] {
            let error = inspect(text).await.expect_err(open);
            assert_eq!((error.code.as_str(), error.line), ("syntax", 3), "{open}: {error:?}");
            assert!(error.message.contains("nested"), "{open}: {error:?}");
        }
        assert!(inspect(nested(400)).await.is_ok(), "{open}");
    }
}

/// A worker of tokio has 2 MiB of stack, half of what the guest may use.
#[test]
fn a_small_host_stack_is_enough() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(2 * 1024 * 1024)
        .enable_all()
        .build()
        .unwrap();
    let handle = runtime.spawn(async {
        let sandbox = Sandbox::new(SandboxConfig::new(2)).unwrap();
        let script = body("const f = () => [1].map(f); try { f() } catch (e) { return e.name }");
        run(&sandbox, &script).await.done().to_owned()
    });
    assert_eq!(runtime.block_on(handle).unwrap(), "\"RangeError\"");
}

#[tokio::test]
async fn a_busy_guest_lets_others_run() {
    let sandbox = sandbox();
    let mut one = guest(&sandbox).await;
    let script = body("for (;;) {}");
    let mut ticks = 0_u32;
    let turn = one.start(Recorder::default(), limits(), &script);
    tokio::pin!(turn);
    let end = loop {
        tokio::select! {
            biased;
            turn = &mut turn => break turn.end,
            () = tokio::task::yield_now() => ticks += 1,
        }
    };
    assert_eq!(end, Err(TurnFault::OutOfFuel));
    assert!(ticks > 50, "{ticks}");
}

#[tokio::test]
async fn a_thousand_faults_leave_the_pool_whole() {
    let sandbox = Sandbox::new(SandboxConfig::new(1)).unwrap();
    let script = body("for (;;) {}");
    for _ in 0..1_000 {
        let mut one = sandbox.instance(InstanceLimits { memory_mib: 64 }).await.unwrap();
        let limits = smol_wf_sandbox::TurnLimits { fuel: 1_000_000, now_us: 0 };
        let turn = one.start(Recorder::default(), limits, &script).await;
        assert_eq!(turn.end, Err(TurnFault::OutOfFuel));
    }
    assert_healthy(&sandbox).await;
}
