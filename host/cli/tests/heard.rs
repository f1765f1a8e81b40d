//! Signals and time-outs while a script computes: how much computing goes on
//! before they are heard.
//!
//! Measured in processor time of the program, which a busy machine does not
//! stretch.

#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::Mutex;
use std::time::Duration;

use common::{Place, until};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

/// Most that may be computed after a signal or a time-out.
const HEARD: Duration = Duration::from_millis(500);
/// What is computed before the signal: the turn is well under way.
const UNDER_WAY: Duration = Duration::from_millis(300);

/// More fuel than is used up while a test runs.
const ENDLESS: [&str; 6] =
    ["--fuel", "100000000000000000", "--memory", "1024", "--turn-timeout", "10m"];

/// One long operation of the script engine each, or many short ones.
const BUSY: [(&str, &str); 20] = [
    ("a loop", "for (;;);"),
    ("fresh names", "for (let i = 0; ; i++) { const o = {}; o['a' + i] = 1; o['b' + i] = 2 }"),
    (
        "prototypes",
        "let o = {}; for (let i = 0; i < 3e5; i++) o = Object.create(o)\nfor (;;) o.missing",
    ),
    ("a pattern", "for (;;) /^(a+)+$/.test('a'.repeat(40) + 'b')"),
    ("a pattern over a long text", "const s = 'ab'.repeat(4e6); for (;;) /b*c/.test(s)"),
    ("look-behind", "const s = 'a'.repeat(5e4); for (;;) /(?<=a*)b/.test(s)"),
    (
        "stringify",
        "const a = Array.from({ length: 3e5 }, (_, i) => ({ i, s: 'x' + i })); for (;;) JSON.stringify(a)",
    ),
    (
        "parse",
        "const t = JSON.stringify(Array.from({ length: 2e5 }, (_, i) => [i, 'xxxxxxx'])); for (;;) JSON.parse(t)",
    ),
    (
        "sort by a function",
        "const a = Array.from({ length: 1e6 }, (_, i) => (i * 7919) % 1e6); for (;;) a.slice().sort((x, y) => x - y)",
    ),
    (
        "sort of texts that begin alike",
        "const p = 'x'.repeat(1e5); const a = Array.from({ length: 300 }, (_, i) => p + ((i * 77) % 300)); for (;;) a.slice().sort()",
    ),
    ("repeat", "for (;;) 'ab'.repeat(5e7)"),
    ("replace", "const s = 'ab'.repeat(2.5e7); for (;;) s.replaceAll('a', 'b')"),
    ("split and join", "const s = 'a,'.repeat(1e6); for (;;) s.split(',').join(';')"),
    ("a search", "const s = 'a'.repeat(1e6), n = 'a'.repeat(5e5) + 'b'; for (;;) s.indexOf(n)"),
    ("large numbers", "const b = 7n ** 100000n; for (;;) b.toString()"),
    ("copies of arrays", "const a = new Array(5e6).fill(1); for (;;) a.concat(a)"),
    ("copies of memory", "const a = new Uint8Array(1e8); for (;;) a.copyWithin(1, 0)"),
    ("holes", "const a = []; a.length = 4294967295; for (;;) a.indexOf(5)"),
    ("microtasks", "const f = () => Promise.resolve().then(f); f(); await agent('x')"),
    (
        "schemas",
        "const properties = {}; for (let i = 0; i < 5000; i++) properties['k' + i] = { pattern: '^a+$' }\nfor (;;) { try { await agent('q', { schema: { properties, type: 'x' } }) } catch {} }",
    ),
];

/// A run that computes for ever, in a place of its own.
struct Busy {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    _place: Place,
}

impl Busy {
    fn start(body: &str, args: &[&str]) -> Self {
        let place = Place::new();
        let meta = "export const meta = { name: 'n', description: 'd' }";
        place.write("s.mjs", format!("{meta}\nawait agent('before')\n{body}\n"));
        let args = [&["run", "s.mjs"][..], &ENDLESS, args].concat();
        let mut child = place.command(&args).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, _place: place }
    }

    /// Waits for the line that says this.
    fn says(&mut self, part: &str) {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "never says `{part}`");
        }
    }

    /// Processor time so far; also of one that has ended and that nobody has waited
    /// for yet.
    fn computed(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
        // In hundredths of a second, for every program that is no kernel.
        Duration::from_millis(10 * (ticks(11) + ticks(12)))
    }

    /// Waits until it has computed so long.
    fn until_computed(&self, so_long: Duration) {
        until("it computes", || self.computed() >= so_long);
    }

    fn signal(&self, signal: Signal) {
        common::signal(&self.child, signal);
    }

    /// What it has computed when it has ended, its exit code, and the rest of what
    /// it said on stderr and stdout.
    fn end(mut self) -> (Duration, Option<i32>, String) {
        until("it ends", || self.has_ended());
        let computed = self.computed();
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        (computed, self.child.wait().unwrap().code(), said)
    }

    /// Whether it has; it is not waited for.
    fn has_ended(&self) -> bool {
        let id = WaitId::Pid(Pid::from_child(&self.child));
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        waitid(id, options).unwrap().is_some()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does this for each, two at a time.
fn each(one: impl Fn(&'static str, &'static str) + Sync) {
    let waiting = Mutex::new(BUSY.iter());
    let next = || waiting.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((what, body)) = next() {
                    one(what, body);
                }
            });
        }
    });
}

/// Every operation hears of this signal: how soon each did.
fn all_hear(signal: Signal, wanted: i32) -> String {
    let times = Mutex::new(String::new());
    each(|what, body| {
        let mut busy = Busy::start(body, &[]);
        busy.says("before: done");
        busy.until_computed(busy.computed() + UNDER_WAY);
        let before = busy.computed();
        busy.signal(signal);
        let (computed, code, said) = busy.end();
        let heard = computed.saturating_sub(before);
        times.lock().unwrap().push_str(&format!("{what}: {heard:?} after {signal:?}\n"));
        assert_eq!(code, Some(wanted), "{what}: {said}");
        assert!(heard <= HEARD, "{what}: computed for {heard:?} after {signal:?}");
    });
    times.into_inner().unwrap()
}

#[test]
fn ctrl_c_is_heard_while_the_script_computes() {
    println!("{}", all_hear(Signal::INT, 130));
}

#[test]
fn a_termination_is_heard_while_the_script_computes() {
    println!("{}", all_hear(Signal::TERM, 143));
}

#[test]
fn a_time_out_is_heard_while_the_script_computes() {
    /// On a machine that keeps the process from running for a second, the process puts its
    /// time limit off, so one slow try shows nothing.
    const TRIES: usize = 3;
    each(|what, body| {
        let heard: Vec<Duration> = (0..TRIES)
            .map(|_| heard_after_time_out(what, body))
            .scan(false, |is_heard, heard| {
                let before = std::mem::replace(is_heard, heard <= HEARD);
                (!before).then_some(heard)
            })
            .collect();
        println!("{what}: {heard:?} after the time-out");
        assert!(heard.last().unwrap() <= &HEARD, "{what}: computed for {heard:?} after it");
    });
}

/// Runs it with a time limit. Returns what it computes after the limit.
fn heard_after_time_out(what: &str, body: &str) -> Duration {
    let limit = Duration::from_secs(1);
    let mut busy = Busy::start(body, &["--timeout", "1s"]);
    busy.says("run_");
    std::thread::sleep(limit);
    let before = busy.computed();
    let (computed, code, said) = busy.end();
    assert_eq!(code, Some(5), "{what}: {said}");
    assert!(said.contains("[timed_out]"), "{what}: {said}");
    // The fuel of the turn that was cut is told.
    let (_, fuel) = said.split_once("\"fuel\": ").unwrap();
    assert!(fuel.split(',').next().unwrap().parse::<u64>().unwrap() > 0, "{what}: {said}");
    computed.saturating_sub(before)
}
