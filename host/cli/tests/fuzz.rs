//! What reads foreign bytes, on many that were made wrong on purpose: the bodies of
//! the fuzz targets of `host/fuzz`, on any compiler.
//!
//! `SMOL_WF_FUZZ_INPUTS` says how many inputs each target gets, and
//! `SMOL_WF_FUZZ_SEED` which; `scripts/long` gives them many.

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a library as well")]
mod fuzz;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use fuzz::{TARGETS, Target};

/// Inputs of one target where nothing else is asked for: some seconds of a debug
/// build.
const INPUTS: u64 = 400;

/// Longest input: the readers do nothing with more that they do not do with less.
const BYTES_MAX: usize = 32 * 1024;

/// No reader may take longer over one input, on a machine ten times as busy as one
/// at rest: all of them are done in milliseconds.
const ONE_INPUT_MAX: Duration = Duration::from_secs(30);

/// What stands in the files that are read, and what breaks readers of numbers.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-1",
    "1e308",
    "1e999",
    "18446744073709551615",
    "-9223372036854775808",
    "9007199254740993",
    "\\u0000",
    "\\ud800",
    "\u{2028}",
    "\u{feff}",
    "\n",
    "\r\n",
    "`",
    "${",
    "/*",
    "export const meta = ",
    "\"kind\":",
    "\"$ref\":\"#\"",
];

fn number_of(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// The files of the target's folders, cut where they are long.
fn seeds_of(target: &Target) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = BTreeSet::new();
    for folder in target.seeds {
        let files = std::fs::read_dir(root.join(folder)).unwrap_or_else(|error| {
            panic!("{}: {folder}: {error}", target.name);
        });
        paths.extend(files.map(|file| file.unwrap().path()).filter(|path| path.is_file()));
    }
    let cut = |path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.truncate(BYTES_MAX);
        bytes
    };
    paths.into_iter().map(cut).collect()
}

/// One of the seeds with some things wrong in it.
fn made_wrong(seeds: &[Vec<u8>], dice: &mut Rng) -> Vec<u8> {
    let mut bytes = dice.choice(seeds).cloned().unwrap_or_default();
    for _ in 0..dice.u32(1..6) {
        let at = dice.usize(0..=bytes.len());
        let end = (at + dice.usize(0..64)).min(bytes.len());
        match dice.u32(0..8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            3 => {
                let other = dice.choice(seeds).map(Vec::as_slice).unwrap_or_default();
                let from = dice.usize(0..=other.len());
                let part = &other[from..(from + dice.usize(0..512)).min(other.len())];
                drop(bytes.splice(at..end, part.iter().copied()));
            }
            4 => bytes[at..end].iter_mut().for_each(|byte| *byte = dice.u8(..)),
            5 => number_changed(&mut bytes, at, dice),
            _ => {
                let word = WORDS[dice.usize(0..WORDS.len())];
                drop(bytes.splice(at..end, word.bytes()));
            }
        }
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

/// The next number behind a place becomes another one.
fn number_changed(bytes: &mut Vec<u8>, at: usize, dice: &mut Rng) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) else { return };
    let start = at + start;
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = match dice.u32(0..4) {
        0 => dice.u64(..).to_string(),
        1 => dice.i64(..).to_string(),
        2 => i64::MAX.to_string(),
        _ => dice.u8(..).to_string(),
    };
    drop(bytes.splice(start..start + digits, number.into_bytes()));
}

fn holds(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = seeds_of(target);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    let first = number_of("SMOL_WF_FUZZ_SEED", 0);
    let inputs = number_of("SMOL_WF_FUZZ_INPUTS", INPUTS);
    for number in first..first + inputs {
        let input = match usize::try_from(number).ok().and_then(|at| seeds.get(at)) {
            Some(seed) => seed.clone(),
            None => made_wrong(&seeds, &mut Rng::with_seed(number)),
        };
        let began = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| (target.body)(&input)));
        let took = began.elapsed();
        if read.is_err() || took > ONE_INPUT_MAX {
            let path = std::env::temp_dir().join(format!("smol-wf-fuzz-{name}-{number}"));
            std::fs::write(&path, &input).unwrap();
            panic!("{name}: input {number} ({took:?}), which is now {}", path.display());
        }
    }
    println!("fuzz {name}: {inputs} inputs from {} seeds", seeds.len());
}

#[test]
fn scripts_are_read_or_refused() {
    holds("script");
}

#[test]
fn archives_are_read_or_refused() {
    holds("journal");
}

#[test]
fn entries_are_folded_whatever_they_say() {
    holds("events");
}

#[test]
fn streams_are_read_and_shown_or_refused() {
    holds("stream");
}

#[test]
fn fixtures_are_read_or_refused() {
    holds("fixture");
}

#[test]
fn transcripts_are_heard_whatever_agents_print() {
    holds("transcripts");
}

#[test]
fn schemas_are_taken_or_refused() {
    holds("schema");
}

/// `cargo fuzz` finds a target for each body, and no other.
#[test]
fn every_body_has_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let names = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(files, names);
}
