//! Reading the records of a journal, on two threads where there are many.
//!
//! Owns: where a journal is cut in two. Never: what a record means; the core has
//! that, and each record is checked against the one before it either way.

use std::thread;

use smol_wf_core::journal::{self, Entry, JournalError, Record};

/// Fewer are read before a thread has started: some 1 µs each.
const TWO_THREADS_MIN: usize = 4_000;

/// Reads a whole journal and checks its chain.
pub(crate) fn entries_of(records: &[Record]) -> Result<Vec<Entry>, JournalError> {
    if records.len() < TWO_THREADS_MIN {
        return journal::read(records);
    }
    let (first, second) = records.split_at(records.len() / 2);
    let last = first.last().map_or("", |record| record.chain.as_str());
    let read_second = || journal::read_behind(last, first.len() as u64, second);
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, read_second);
        let mut entries = journal::read(first)?;
        // A system that has no thread to give gets it done all the same.
        let rest = other.ok().and_then(|other| other.join().ok()).unwrap_or_else(read_second)?;
        entries.extend(rest);
        Ok(entries)
    })
}

#[cfg(test)]
mod tests {
    use smol_wf_core::ids::Scope;
    use smol_wf_core::journal::{Body, Chain};

    use super::*;

    #[test]
    fn both_halves_are_read_and_a_change_is_found_in_either() {
        let mut chain = Chain::new();
        let log = |n: usize| Body::Logged { scope: Scope::ROOT, message: n.to_string() };
        let entries: Vec<Entry> =
            (0..TWO_THREADS_MIN + 1).map(|n| Entry { at_us: 1, body: log(n) }).collect();
        let records: Vec<Record> = entries.iter().map(|entry| chain.seal(entry).unwrap()).collect();
        assert_eq!(entries_of(&records).unwrap(), entries);
        for seq in [0, 1, records.len() / 2 - 1, records.len() / 2, records.len() - 1] {
            let mut changed = records.clone();
            changed[seq].body = changed[seq].body.replace("\"message\":\"", "\"message\":\"x");
            let found = entries_of(&changed).unwrap_err();
            assert_eq!(found, JournalError::Changed { seq: seq as u64 });
        }
        let mut moved = records;
        let middle = moved.len() / 2;
        moved.swap(middle - 1, middle);
        let found = entries_of(&moved).unwrap_err();
        assert_eq!(found, JournalError::Changed { seq: middle as u64 - 1 });
    }
}
