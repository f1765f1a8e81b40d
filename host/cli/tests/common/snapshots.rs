//! Whole outputs, compared with snapshots: beside the test, or in `snapshots/`.
//!
//! Owns: where the files are, and what stands for a value that differs from one run
//! to the next. Never: what an output means; the test that shows it says that.
//!
//! A missing or changed snapshot fails. `INSTA_UPDATE=always` writes the files anew,
//! and `cargo insta accept` the snapshots beside tests.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// Length of an id behind `run_`.
const ID: usize = 26;

/// What differs from one run to the next, and what stands for it. Nothing here
/// matches a value that somebody chose, such as `10 s` or `300ms`.
const UNSTABLE: [(&str, &str); 13] = [
    (r"(/[^\s/`'\x22]+)*/\.tmp[0-9A-Za-z]{6}", "/folder"),
    (r"\b\d+\.\d+ s\b|\b\d+m\d\ds\b", "0.0 s"),
    (r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\b", "2026-01-01 00:00:00"),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-01-01T00:00:00Z"),
    (r#"\b(time|timestamp)="[^"]*""#, "${1}=\"0\""),
    (r"\bseed \d+", "seed 1"),
    (r"\bdebug-[0-9a-f]{16}\b", "debug-session"),
    (r"(; fuel|\bprocess) [\d,]+", "${1} 1"),
    (r"(`|^)smol-wf/[0-9a-z]{8}/", "${1}smol-wf/branch/"),
    (r"(?m)^(debug +)\d+\.\d+\.\d+", "${1}0.0.0"),
    // What two runs computed, where they differ in it.
    (r"(?m)^( *[-+]) \d{5,}$", "${1} 12345"),
    (r"\bending in [0-9a-f]{12}\b", "ending in 0123456789ab"),
    // Of a first line that has the name of a temporary folder in it.
    (r"\bcolumn \d{3,}\b", "column 100"),
];

/// Compares a text with a snapshot: `@"…"` beside the test, or the name of a file.
macro_rules! snapshot {
    ($text:expr, @$expected:literal) => {
        insta::assert_snapshot!($crate::common::snapshots::stable(&$text), @$expected)
    };
    ($text:expr, $name:expr) => {
        $crate::common::snapshots::settings().bind(|| {
            insta::assert_snapshot!($name, $crate::common::snapshots::stable(&$text))
        })
    };
}

pub(crate) use snapshot;

/// Compares a text that is the same at any time with the snapshot of this name.
#[track_caller]
pub fn compare(name: &str, text: &str) {
    settings().bind(|| insta::assert_snapshot!(name, text));
}

/// Where snapshots are.
pub fn settings() -> insta::Settings {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// The text with `run_1`, `run_2`, … for the ids of runs, in the order in which they
/// come up, and without what else differs from one run to the next.
pub fn stable(text: &str) -> String {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        UNSTABLE.iter().map(|(pattern, with)| (Regex::new(pattern).unwrap(), *with)).collect()
    });
    let text = without_ids(text)
        .replace(env!("CARGO_BIN_EXE_smol-wf"), "/bin/smol-wf")
        .replace(super::project().to_str().unwrap(), "/smol-wf");
    PATTERNS
        .iter()
        .fold(text, |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
}

fn without_ids(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut parts = text.split("run_");
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let Some((id, rest)) = part.split_at_checked(ID).filter(|(id, _)| is_id(id)) else {
            let _ = write!(replaced, "run_{part}");
            continue;
        };
        let number = seen.iter().position(|known| *known == id).unwrap_or_else(|| {
            seen.push(id);
            seen.len() - 1
        });
        let _ = write!(replaced, "run_{}{rest}", number + 1);
    }
    replaced
}
