//! Journals that were tampered with.
//!
//! Owns: every single-byte change of a sampled journal, with the old and with a repaired
//! chain of digests. Never: a change without a meaning.

use std::sync::Arc;

use smol_wf_core::guest::StopTurn;
use smol_wf_core::journal::{self, Body, Chain, Entry, JournalError, Record};
use smol_wf_core::step::StepRequest;

use smol_wf_sandbox::Sandbox;

use super::{is_step, replay, replay_in_pieces, run, sandbox};

/// Every answer is part of a later prompt, so that a replay notices each change.
const SAMPLE: &str = "export const meta = { name: 'sample', description: 's' }
    let said = []
    const keep = answer => { said.push(JSON.stringify(answer)); return answer }
    phase('One')
    try { keep(await agent('first', { label: 'l' })) } catch (error) { keep(error.message) }
    log('then', said.join())
    const many = await parallel(['a', 'b', 'c'].map(name => () => agent('look at ' + name + said.join())))
    keep(many)
    await SW.sleep(3)
    try { keep(await agent('sum up ' + said.join(), { schema: { type: 'object' } })) } catch (error) { keep(error.message) }
    try { keep(await agent('last ' + said.join())) } catch (error) { keep(error.message) }
    return said";

/// Seeds of sampled journals. Each gives other answers in another order.
const SEEDS: [u64; 4] = [11, 12, 13, 14];

async fn sample(seed: u64) -> Vec<Entry> {
    run(&sandbox(), SAMPLE, seed).await.entries
}

fn seal(entries: &[Entry]) -> Vec<Record> {
    let mut chain = Chain::new();
    entries.iter().map(|entry| chain.seal(entry).unwrap()).collect()
}

#[tokio::test]
async fn every_changed_byte_is_found_at_its_entry() {
    let records = seal(&sample(SEEDS[0]).await);
    let mut changes = 0_u64;
    for (seq, record) in (0..).zip(&records) {
        for at in 0..record.body.len() {
            for byte in [b'0', b'x', b'"'] {
                let mut bytes = record.body.clone().into_bytes();
                if bytes[at] == byte {
                    continue;
                }
                bytes[at] = byte;
                // The database holds text, so a body that is not UTF-8 cannot occur.
                let Ok(body) = String::from_utf8(bytes) else { continue };
                let mut changed = records.clone();
                changed[seq as usize].body = body;
                assert_eq!(
                    journal::read(&changed[..=seq as usize]),
                    Err(JournalError::Changed { seq })
                );
                changes += 1;
            }
        }
    }
    for seq in 0..records.len() - 1 {
        let mut moved = records.clone();
        moved.swap(seq, seq + 1);
        assert_eq!(journal::read(&moved), Err(JournalError::Changed { seq: seq as u64 }));
        let mut lost = records.clone();
        lost.remove(seq);
        assert_eq!(journal::read(&lost), Err(JournalError::Changed { seq: seq as u64 }));
        changes += 2;
    }
    println!("{changes} changes under the chain, each found at its entry");
    assert!(changes > 9_000);
}

/// With a repaired chain, a forged journal is still caught unless the script could have made
/// it.
#[tokio::test]
async fn a_changed_journal_with_a_good_chain_is_caught_at_the_step() {
    let sandbox = sandbox();
    let (mut arguments, mut results) = (0, 0);
    for seed in SEEDS {
        let (more_arguments, more_results) = caught(&sandbox, &sample(seed).await).await;
        arguments += more_arguments;
        results += more_results;
    }
    println!("{arguments} changed arguments and {results} changed answers, all caught");
    assert!(arguments > 400 && results > 80, "{arguments}, {results}");
}

/// Changes each byte of each argument and answer of a journal, and checks that a replay
/// notices. Returns the number of changed arguments and answers.
async fn caught(sandbox: &Sandbox, entries: &[Entry]) -> (u32, u32) {
    let (mut arguments, mut results) = (0, 0);
    for (seq, entry) in entries.iter().enumerate() {
        for changed in changes_of(entry) {
            let mut journal = entries.to_vec();
            journal[seq] = changed;
            let in_pieces = replay_in_pieces(sandbox, &journal, 1 + seq % 5).await;
            let caught = replay(sandbox, journal).await;
            assert_eq!(in_pieces, caught, "entry {seq} {:?}", entry.body);
            let caught = match caught {
                Err(StopTurn::Mismatch(mismatch)) => mismatch.seq,
                other => panic!("entry {seq} {:?}: {other:?}", entry.body),
            };
            if is_step(&entry.body)
                || matches!(entry.body, Body::PhaseSet { .. } | Body::Logged { .. })
            {
                assert_eq!(caught, seq as u64, "{:?}", entry.body);
                arguments += 1;
            } else {
                // A changed answer changes the next step of the script.
                let next = (seq + 1..entries.len())
                    .find(|at| !entries[*at].body.is_about_epochs())
                    .unwrap();
                assert!(caught >= next as u64, "{:?} at {caught}", entry.body);
                let between = &entries[next..usize::try_from(caught).unwrap()];
                assert!(
                    !between.iter().any(|entry| is_step(&entry.body) && needs_all(&entry.body)),
                    "entry {seq} was met at {caught} only"
                );
                results += 1;
            }
        }
    }
    (arguments, results)
}

#[tokio::test]
async fn a_changed_order_with_a_good_chain_is_caught() {
    let sandbox = sandbox();
    let entries = sample(SEEDS[0]).await;
    let settled: Vec<usize> =
        (0..entries.len()).filter(|at| matches!(entries[*at].body, Body::Settled { .. })).collect();
    let mut orders = 0;
    for pair in settled.windows(2) {
        let mut journal = entries.clone();
        journal.swap(pair[0], pair[1]);
        let in_pieces = replay_in_pieces(&sandbox, &journal, 1 + orders as usize).await;
        let caught = replay(&sandbox, journal).await;
        assert_eq!(in_pieces, caught, "{pair:?}");
        assert!(matches!(caught, Err(StopTurn::Mismatch(_))), "{pair:?}: {caught:?}");
        orders += 1;
    }
    assert!(orders >= 4, "{orders}");
}

/// Whether the prompt of a step contains all answers before it.
fn needs_all(body: &Body) -> bool {
    let prompt = body.asked_agent().map(|(_, request)| request.prompt.as_str());
    prompt.is_some_and(|prompt| prompt.starts_with("sum up") || prompt.starts_with("last"))
}

/// For every byte of an argument or result, the entry with that byte changed.
fn changes_of(entry: &Entry) -> Vec<Entry> {
    let with = |body: Body| Entry { at_us: entry.at_us, body };
    match &entry.body {
        Body::StepAsked { step, scope, asked: StepRequest::Agent(request) } => {
            bytes_of(&request.prompt)
                .map(|prompt| {
                    let mut request = request.clone();
                    Arc::make_mut(&mut request).prompt = prompt;
                    let asked = StepRequest::Agent(request);
                    with(Body::StepAsked { step: *step, scope: *scope, asked })
                })
                .collect()
        }
        Body::Logged { scope, message } => {
            bytes_of(message).map(|message| with(Body::Logged { scope: *scope, message })).collect()
        }
        Body::PhaseSet { scope, title } => {
            bytes_of(title).map(|title| with(Body::PhaseSet { scope: *scope, title })).collect()
        }
        Body::Settled { step, outcome, reply, given } => {
            use smol_wf_core::guest::Outcome;
            let outcomes: Vec<Outcome> = match outcome {
                // Only inside the quotes of a string. The result of a sleep has no effect.
                Outcome::Value(text) if text.starts_with('"') => bytes_of(&text[1..text.len() - 1])
                    .map(|inner| Outcome::Value(format!("\"{inner}\"")))
                    .collect(),
                Outcome::Value(_) => Vec::new(),
                Outcome::Failed(failure) => bytes_of(&failure.message)
                    .map(|message| {
                        let mut failure = failure.clone();
                        failure.message = message;
                        Outcome::Failed(failure)
                    })
                    .collect(),
            };
            // Only the chain protects fields that the script does not see.
            let outcomes = if given.is_some() { Vec::new() } else { outcomes };
            let settled = |outcome| {
                with(Body::Settled { step: *step, outcome, reply: reply.clone(), given: None })
            };
            outcomes.into_iter().map(settled).collect()
        }
        _ => Vec::new(),
    }
}

/// For each character of a text, the text with that character replaced.
fn bytes_of(text: &str) -> impl Iterator<Item = String> {
    text.char_indices().map(|(at, one)| {
        let other = if one == 'x' { 'y' } else { 'x' };
        format!("{}{other}{}", &text[..at], &text[at + one.len_utf8()..])
    })
}
