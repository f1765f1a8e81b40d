//! The memory of one tenant is cleared before the next one gets it.
//!
//! A script cannot search for it, because its engine clears what it allocates. So the
//! test reads the whole memory of this process and is alone in this file.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "clippy knows only #[test] functions as tests")]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use common::*;
use smol_wf_core::guest::{Outcome, Status};
use smol_wf_core::ids::StepId;
use smol_wf_sandbox::{Sandbox, SandboxConfig};

/// The pattern, masked byte by byte here and split in the script, so that only the
/// guest's memory ever has it as it is.
const MASK: u8 = 0x80;
const PIECES: &str = "['Qzy', '7#sec', 'ret-o', 'f-A!'].join('')";

fn masked_pattern() -> Vec<u8> {
    ["Qzy", "7#sec", "ret-o", "f-A!"]
        .iter()
        .flat_map(|part| part.bytes())
        .map(|b| b ^ MASK)
        .collect()
}

/// How often the pattern occurs in memory that this process may read and write.
fn hits() -> usize {
    const CHUNK: usize = 1 << 20;
    let pattern = masked_pattern();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut buffer = vec![0_u8; CHUNK];
    let mut found = 0;
    for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let at = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut from, to) = (at(from), at(to));
        while from < to {
            let wanted = usize::try_from(to - from).unwrap().min(CHUNK);
            let Ok(read) = memory.read_at(&mut buffer[..wanted], from) else { break };
            found += buffer[..read]
                .windows(pattern.len())
                .filter(|window| window.iter().zip(&pattern).all(|(b, p)| b ^ MASK == *p))
                .count();
            // The buffer of this search must not be found itself.
            buffer.fill(0);
            from += read.max(1) as u64;
        }
    }
    found
}

#[test]
fn a_freed_slot_holds_nothing_of_its_tenant() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sandbox = Sandbox::new(SandboxConfig::pooled(1)).unwrap();
    let script = body(&format!(
        "const p = {PIECES}; const all = []; \
         for (let i = 0; i < 20; i++) all.push(p.repeat(5000)); \
         const deep = n => n === 0 ? p.length : deep(n - 1) + (p + n).length; \
         await agent('x'); return all.length + deep(200)"
    ));
    for round in 0..3 {
        let mut one = runtime.block_on(guest(&sandbox));
        let turn = runtime.block_on(one.start(Recorder::default(), limits(), &script));
        assert_eq!(turn.end, Ok(Status::Pending));
        assert!(hits() > 90_000, "the scan sees a living guest");
        let value = Outcome::Value("1".into());
        let turn = runtime.block_on(one.settle(turn.host, limits(), StepId(1), &value));
        assert!(matches!(turn.end, Ok(Status::Done(_))), "{:?}", turn.end);
        drop(one);
        assert_eq!(hits(), 0, "round {round}");
        // The next tenant of the slot has none of it either.
        let next = runtime.block_on(guest(&sandbox));
        assert_eq!(hits(), 0, "round {round}");
        drop(next);
    }
    for _ in 0..1_000 {
        drop(runtime.block_on(guest(&sandbox)));
    }
    assert_eq!(hits(), 0);
}
