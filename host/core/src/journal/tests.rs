//! A journal reads back, and a changed one is noticed.

use super::*;

fn entries() -> Vec<Entry> {
    let log = |message: &str| Body::Logged { scope: Scope::ROOT, message: message.into() };
    [log("a"), log("b"), log("c")]
        .into_iter()
        .zip(10..)
        .map(|(body, at_us)| Entry { at_us, body })
        .collect()
}

fn sealed() -> Vec<Record> {
    let mut chain = Chain::new();
    entries().iter().map(|entry| chain.seal(entry).unwrap()).collect()
}

#[test]
fn a_journal_reads_back() {
    assert_eq!(read(&sealed()).unwrap(), entries());
}

#[test]
fn a_changed_byte_a_lost_and_a_moved_entry_are_seen_where_they_are() {
    let mut changed = sealed();
    changed[1].body = changed[1].body.replace("\"b\"", "\"x\"");
    assert_eq!(read(&changed), Err(JournalError::Changed { seq: 1 }));
    let mut lost = sealed();
    lost.remove(0);
    assert_eq!(read(&lost), Err(JournalError::Changed { seq: 0 }));
    let mut moved = sealed();
    moved.swap(1, 2);
    assert_eq!(read(&moved), Err(JournalError::Changed { seq: 1 }));
}
