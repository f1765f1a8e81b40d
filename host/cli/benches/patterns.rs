//! `cargo bench -p smol-wf --bench patterns`: how long the most that an answer
//! may cost to check takes, at the worst.
//!
//! Owns: schemas and answers that use the limit of steps up. Never: judges; the
//! limit stands for a second, as `CHECK_STEPS_MAX` says.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smol_wf_core::schema::{CHECK_STEPS_MAX, Checker, Rejection};

/// Patterns that turn back: each step is counted as it is done.
const TURNING_BACK: [&str; 4] = [r"^(a+)+\1b$", r"(?=(.*)*x)y", r"(a*)*\1c", r"^(?:(?=.*b)?.)*c"];

/// Patterns of the linear engine: weighed before they are matched.
const LINEAR: [&str; 3] = ["^(a|b|c)*$", "^[a-z ]{1,900}[0-9]", "(a.*){20}z"];

/// Bytes of the largest answer.
const ANSWER_BYTES_MAX: usize = 4_000_000;

fn main() {
    println!("{:<40} {:>12} {:>12}", "the limit of steps, used up by", "measured", "a step");
    let answer = json!("a".repeat(100_000));
    for pattern in TURNING_BACK {
        let checker = checker(&json!({ "pattern": pattern }));
        let (took, verdict) = judged(&checker, &answer);
        assert!(matches!(verdict, Err(Rejection::TooCostly)), "{pattern}");
        row(pattern, took, CHECK_STEPS_MAX);
    }
    println!("{:<40} {:>12}", "the longest text that may be checked", "measured");
    for pattern in LINEAR {
        let checker = checker(&json!({ "pattern": pattern }));
        let fits = |bytes: usize| {
            let (took, verdict) = judged(&checker, &json!("a".repeat(bytes)));
            (!matches!(verdict, Err(Rejection::TooCostly))).then_some(took)
        };
        let (mut least, mut most) = (1, ANSWER_BYTES_MAX + 1);
        while most - least > most / 8 {
            let middle = usize::midpoint(least, most);
            match fits(middle) {
                Some(_) => least = middle,
                None => most = middle,
            }
        }
        let took = fits(least).expect("it may be checked");
        println!("{pattern:<32} {least:>7} B {:>9.3} s", took.as_secs_f64());
    }
}

fn checker(schema: &Value) -> Checker {
    Checker::new(&schema.to_string()).expect("a schema")
}

fn judged(checker: &Checker, answer: &Value) -> (Duration, Result<(), Rejection>) {
    let started = Instant::now();
    let verdict = checker.judge(answer);
    (started.elapsed(), verdict)
}

fn row(what: &str, took: Duration, steps: u64) {
    let seconds = took.as_secs_f64();
    let each = seconds * 1e9 / steps as f64;
    println!("{what:<40} {seconds:>10.3} s {each:>9.1} ns");
}
