//! `cargo bench -p smol-wf --bench loops`: eight scripts that only compute, in
//! the sandbox and in the same engine as native code, in turn.
//!
//! Owns: the scripts, and measuring. Never: judges; the target is that of
//! docs/performance.md.
//!
//! What is compared is CPU time of one thread: QuickJS-NG as WebAssembly, with
//! fuel and its patches, against QuickJS-NG of the same version as rquickjs
//! brings it.

mod common;

use common::machine;
use rustix::time::{ClockId, clock_gettime};
use smol_wf_core::guest::{Dialect, Source, StartInput, Status};
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{InstanceLimits, Sandbox, SandboxConfig, TurnLimits};

/// Measurements of each script in each engine.
const ROUNDS: usize = 7;

const META: &str = "export const meta = { name: 'bench', description: 'Computes' }\n";

/// Each is the body of a function that returns a number.
const LOOPS: [(&str, &str); 8] = [
    (
        "fib(30)",
        "const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2))
         return fib(30)",
    ),
    (
        "Map",
        "const map = new Map()
         for (let i = 0; i < 300000; i++) map.set('k' + (i % 50000), (map.get('k' + (i % 50000)) ?? 0) + i)
         let sum = 0
         for (const [key, value] of map) sum = (sum + key.length * value) % 1000003
         return sum",
    ),
    (
        "sort with a comparator",
        "let seed = 7
         const all = Array.from({ length: 60000 }, () => (seed = (seed * 16807) % 2147483647))
         all.sort((a, b) => a - b)
         return all[0] + all[30000] % 1000",
    ),
    (
        "JSON",
        "const rows = Array.from({ length: 3000 }, (_, i) => ({ id: i, name: 'row ' + i, tags: ['a', 'b', 'c'], at: { x: i / 2, y: -i } }))
         let bytes = 0
         for (let i = 0; i < 10; i++) bytes += JSON.stringify(JSON.parse(JSON.stringify(rows))).length
         return bytes",
    ),
    (
        "strings",
        "let count = 0
         for (let i = 0; i < 60000; i++) {
           const line = `item ${i}: ${i * 3}, done`
           count += line.split(',').map((part) => part.trim().toUpperCase()).join(';').length + line.indexOf('done')
         }
         return count",
    ),
    (
        "objects and destructuring",
        "let sum = 0
         for (let i = 0; i < 200000; i++) {
           const one = { a: i, b: i + 1, rest: [i, 2] }
           const { a, b, rest: [c, ...others] } = { ...one, b: one.b * 2 }
           sum = (sum + a + b + c + others.length) % 1000003
         }
         return sum",
    ),
    (
        "plain loop",
        "let x = 1
         for (let i = 0; i < 20000000; i++) x = (x * 31 + i) & 0xffffff
         return x",
    ),
    (
        "regular expression",
        r"const text = 'Anna <anna@example.org>, Bob <bob.b@mail.example.com>; nobody at all, 2026-11-27 '.repeat(200)
         let found = 0
         for (let i = 0; i < 10; i++) {
           found += [...text.matchAll(/([\w.]+)@((?:\w+\.)+\w+)/g)].length
           found += text.replace(/(\d{4})-(\d\d)-(\d\d)/g, '$3.$2.$1').length
         }
         return found",
    ),
];

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    println!("{:<28} {:>11} {:>11} {:>7}", "CPU, median of 7", "native", "sandbox", "ratio");
    let mut product = 1.0;
    for (name, body) in LOOPS {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            let (native, expected) = natively(body);
            let (sandboxed, found) = runtime.block_on(in_sandbox(body));
            assert_eq!(found, expected, "{name}");
            times[0].push(native);
            times[1].push(sandboxed);
        }
        let [native, sandboxed] = times.map(median);
        let ratio = sandboxed / native;
        product *= ratio;
        println!("{name:<28} {native:>8.1} ms {sandboxed:>8.1} ms {ratio:>7.2}");
    }
    let mean = f64::powf(product, 1.0 / 8.0);
    println!("{:<28} {:>11} {:>11} {mean:>7.2}", "geometric mean", "", "");
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// CPU time of this thread, in milliseconds.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

fn natively(body: &str) -> (f64, String) {
    let runtime = rquickjs::Runtime::new().expect("an engine");
    let context = rquickjs::Context::full(&runtime).expect("a context");
    let code = format!("'use strict'; JSON.stringify((() => {{ {body} }})())");
    let started = cpu_ms();
    let value = context.with(|ctx| ctx.eval::<String, _>(code)).expect("a value");
    (cpu_ms() - started, value)
}

async fn in_sandbox(body: &str) -> (f64, String) {
    let sandbox = Sandbox::new(SandboxConfig::new(1)).expect("a sandbox");
    let source = Source {
        text: format!("{META}{body}"),
        file_name: "bench.mjs".into(),
        path: String::new(),
        meta_export: 0,
        modules: Vec::new(),
    };
    let input = StartInput {
        source,
        dialect: Dialect::Body,
        surface: Surface::CURRENT,
        args: None,
        meta: "{}".into(),
        seed: 1,
        diagnose: false,
    };
    let mut guest =
        sandbox.instance(InstanceLimits { memory_mib: 512 }).await.expect("an instance");
    let limits = TurnLimits { fuel: u64::MAX / 2, now_us: 0 };
    let started = cpu_ms();
    let turn = guest.start(machine(), limits, &input).await;
    let took = cpu_ms() - started;
    match turn.end {
        Ok(Status::Done(value)) => (took, value),
        other => panic!("{other:?}"),
    }
}
