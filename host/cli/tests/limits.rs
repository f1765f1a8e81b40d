//! Bombs: each ends with a clear error, and the next run is healthy.
//!
//! The sandbox's own tests run the same shapes in one process; these go through
//! the program, with its default limits.

mod common;

use std::time::{Duration, Instant};

use common::{Place, snapshot};

const META: &str = "export const meta = { name: 'bomb', description: 'd' }\n";

/// Far above what any of them takes, so that a slow machine is no failure; the
/// figures are in docs/performance.md.
const FAR_TOO_LONG: Duration = Duration::from_secs(60);

const BOMBS: [(&str, &str); 17] = [
    ("endless loop", "for (;;) {}"),
    ("native built-in", "Array.prototype.indexOf.call({ length: 2 ** 40 }, 1)"),
    ("redos", "return /^(a+)+$/.test('a'.repeat(40) + 'b')"),
    (
        "random sort",
        "Array.from({ length: 1e6 }, (_, i) => i).sort(() => Math.random() - 0.5); for (;;) [3, 1, 2].sort()",
    ),
    ("repeat", "let s = 'x'.repeat(2 ** 29); s += s; return s.length"),
    ("pad", "return 'x'.padEnd(2 ** 29).split('').length"),
    ("shift", "return (1n << (2n ** 30n)).toString().length"),
    ("power", "return (3n ** 200000n ** 2n).toString().length"),
    ("sparse join", "const a = []; a[2 ** 32 - 2] = 1; return a.join().length"),
    ("fill", "return new Array(2 ** 31).fill(1).length"),
    ("toJSON", "const o = { toJSON() { return { o } } }; return o"),
    ("microtasks", "const f = () => Promise.resolve().then(f); await f()"),
    ("map flood", "const m = new Map(); for (let i = 0; ; i++) m.set(i, { i })"),
    ("busy wait", "const t = Date.now(); while (Date.now() - t < 1e12) {}"),
    ("typed array", "return new Uint8Array(1e9).length"),
    ("rope", "let s = 'x'; for (;;) s = s + s + 'y'"),
    ("bind chain", "let f = () => 1; for (let i = 0; i < 1e6; i++) f = f.bind(null); return f()"),
];

#[test]
fn bombs_end_with_a_clear_error() {
    let place = Place::new();
    for (what, bomb) in BOMBS {
        let started = Instant::now();
        let ran = place.script(&format!("{META}{bomb}\n"), &[]);
        assert!(started.elapsed() < FAR_TOO_LONG, "{what}");
        assert!([1, 3].contains(&ran.code), "{what}: {} {}", ran.code, ran.stderr);
        assert!(ran.stderr.contains("error: "), "{what}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{what}: {}", ran.stderr);
        println!("{what}: {:?}: {}", started.elapsed(), ran.stderr.lines().nth(1).unwrap_or(""));
        assert_eq!(place.script(&format!("{META}return 1\n"), &[]).ok()["results"], 1, "{what}");
    }
}

#[test]
fn the_fuel_error_says_how_much_and_how_to_raise_it() {
    let place = Place::new();
    let turn = place.script(&format!("{META}for (;;) {{}}\n"), &["--fuel", "1000000000"]);
    snapshot!(turn.said(1), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    error: the script computed for 100000000 units of fuel without waiting for a call: probably an endless loop; if it is not, raise the limit with --fuel 10000000000; one turn may use a tenth of it [limit_turn_fuel]
    the only loop of the script: line 2
         2 │ for (;;) {}
           │ ^
    resume: smol-wf resume run_1 --fuel 10000000000
    ");
    let all = place.script(
        &format!("{META}for (;;) {{ for (let i = 0; i < 1e4; i++) {{}} await agent('x') }}\n"),
        &["--fuel", "50000000"],
    );
    snapshot!(all.said(1), "limits-fuel-error-says");
    // What was done is kept, and more fuel goes on from there.
    let before = all.report()["agents"]["completed"].as_u64().unwrap();
    let more = place.run(&["resume", "latest", "--fuel", "100000000"]);
    snapshot!(more.said(1), "limits-fuel-error-says-2");
    assert!(more.report()["agents"]["completed"].as_u64().unwrap() > before);
}

#[test]
fn memory_has_a_bound_and_a_flag() {
    let place = Place::new();
    let script = format!(
        "{META}const a = []; for (let i = 0; i < 40; i++) a.push(new Uint8Array(2 ** 20).fill(1)); return a.length\n"
    );
    snapshot!(place.script(&script, &["--memory", "16"]).said(1), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    error: the script needs more than 16 MiB of memory; raise it with --memory 32 [limit_memory]
    resume: smol-wf resume run_1 --memory 32
    ");
    assert_eq!(place.run(&["resume", "latest", "--memory", "128"]).ok()["results"], 40);
}

#[test]
fn deep_recursion_is_a_range_error_that_can_be_caught() {
    let place = Place::new();
    let script = format!("{META}
const names = []
const f = () => f() + 1
for (const deep of [f, () => JSON.parse('['.repeat(1000000)), () => {{ let o = {{}}; for (let i = 0; i < 5000; i++) o = {{ o }}; return JSON.stringify(o) }}]) {{
  try {{ deep(); names.push('ran') }} catch (e) {{ names.push(e.name) }}
}}
return names
");
    let names = place.script(&script, &[]).ok()["results"].clone();
    assert_eq!(names[0], "RangeError");
    assert_eq!(names[1], "RangeError");
}

#[test]
fn sizes_are_bounded() {
    let place = Place::new();
    let mut said = String::new();
    for script in [
        "await agent('x'.repeat(5 * 2 ** 20))",
        "await agent('x', { schema: { enum: Array.from({ length: 20000 }, (_, i) => 'value ' + i) } })",
        "let s = { type: 'object' }; for (let i = 0; i < 40; i++) s = { properties: { a: s } }; await agent('x', { schema: s })",
        "return 'x'.repeat(33 * 2 ** 20)",
    ] {
        said += place.script(&format!("{META}{script}\n"), &[]).said(1);
    }
    snapshot!(said, "limits-sizes");
    let cut = place.script(&format!("{META}log('x'.repeat(100000))\nreturn 1\n"), &[]);
    assert!(cut.stderr.contains("… [cut]") && cut.stderr.len() < 40_000);
}

#[test]
fn a_fan_out_of_ten_thousand_completes() {
    let place = Place::new();
    let report = place
        .script(
            &format!("{META}const all = await parallel(Array.from({{ length: 10000 }}, (_, i) => () => agent(`item ${{i}}`)))\nreturn [all.length, all.filter(Boolean).length]\n"),
            &["--max-agents", "10000", "--log-level", "error"],
        )
        .ok();
    assert_eq!(report["results"], serde_json::json!([10000, 10000]));
}

#[test]
fn the_agent_limit_tells_what_was_started_and_what_the_turn_asked_for() {
    let place = Place::new();
    let body = "for (let i = 0; i < 6; i++) await agent('one ' + i)\nreturn parallel(Array.from({ length: 9 }, (_, i) => () => agent('many ' + i)))\n";
    place.write("s.mjs", format!("export const meta = {{ name: 'a', description: 'b' }}\n{body}"));
    let ran = place.run(&["run", "s.mjs", "--max-agents", "7"]);
    snapshot!(ran.said(5), "limits-agent-limit-tells");
    assert_eq!(ran.report()["agents"]["called"], 6);
    let none = place.run(&["run", "s.mjs", "--max-agents", "3"]);
    snapshot!(none.said(5), "limits-agent-limit-tells-2");
}

/// More fuel than is used up while a test runs.
const ENDLESS_FUEL: &str = "100000000000000000";

#[test]
fn a_turn_that_takes_too_long_by_the_clock_is_cut_off_and_can_go_on() {
    let place = Place::new();
    // A second of work or more.
    let script = format!(
        "{META}await agent('before')\nlet n = 0\nfor (let i = 0; i < 3e7; i++) n += i % 7\nreturn n\n"
    );
    let fuel = ["--fuel", ENDLESS_FUEL];
    let cut = place.script(&script, &[&fuel[..], &["--turn-timeout", "100ms"]].concat());
    cut.fails(5, &["[limit_turn_time]", "--turn-timeout 10s"]);
    let report = cut.report();
    assert_eq!(report["state"], "paused");
    assert_eq!(report["agents"]["completed"], 1);
    // The journal has the turn before it alone.
    let run = cut.run_id();
    let kept: u64 = common::journal(&place.db(), &run)
        .iter()
        .filter(|entry| entry["kind"] == "turn_ended")
        .map(|entry| entry["fuel"].as_u64().unwrap())
        .sum();
    let told = report["fuel"].as_u64().unwrap();
    assert!(told > 2 * kept, "fuel of the turn that was cut: {told} of {kept}");
    let whole = place.run(&["resume", &run, "--turn-timeout", "10m"]);
    assert_eq!(whole.ok()["results"], 89_999_995);
    assert_eq!(place.run(&["replay", &run]).code, 0);
}
