//! The messages of a run in memory.
//!
//! Owns: their numbers, and the order in which they are taken. Never: who holds the run.

use std::collections::BTreeMap;

use crate::inbox::{READ_BYTES_MAX, check_size};
use crate::{InboxState, NewMessage, RunKey, StoreError, StoredMessage};

/// The inbox of one run.
#[derive(Debug, Default)]
pub(super) struct RunInbox {
    /// Numbers of the last message posted and taken.
    pub(super) state: InboxState,
    /// Messages that no holder has taken, by number.
    waiting: BTreeMap<u64, StoredMessage>,
}

impl RunInbox {
    pub(super) fn post(
        &mut self,
        key: &RunKey,
        message: &NewMessage<'_>,
    ) -> Result<u64, StoreError> {
        check_size(key, message)?;
        let number = self.state.next_number(key)?;
        if let Err(error) = serde_json::from_str::<&serde_json::value::RawValue>(message.body) {
            let reason = format!("message {number}: {error}");
            return Err(StoreError::Invalid { key: key.clone(), reason });
        }
        let NewMessage { by, posted_at_us, body } = *message;
        let (by, body) = (by.to_owned(), body.to_owned());
        self.waiting.insert(number, StoredMessage { number, by, posted_at_us, body });
        self.state.posted = number;
        Ok(number)
    }

    pub(super) fn messages(&self, after: u64, limit: u32) -> Vec<StoredMessage> {
        let mut bytes = 0_usize;
        let fits = |message: &&StoredMessage| {
            let fits = bytes < READ_BYTES_MAX;
            bytes = bytes.saturating_add(message.body.len());
            fits
        };
        let behind = self.waiting.range(after.saturating_add(1)..).map(|(_, message)| message);
        behind.take(limit as usize).take_while(fits).cloned().collect()
    }

    /// Marks the messages up to this one as taken, and deletes them.
    pub(super) fn take(&mut self, up_to: u64) {
        self.state.taken = up_to;
        self.waiting.retain(|number, _| *number > up_to);
    }
}
