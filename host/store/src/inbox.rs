//! Messages to runs from outside, until their holders take them.
//!
//! Owns: the contract of a store for messages, and their bounds. Never: interprets a
//! message, which is JSON text, or decides who may post one.

use crate::{RunKey, StoreError};

/// Most messages of a run that no holder has taken: more than people type while a run
/// waits, and with small messages a few megabytes.
pub const INBOX_MAX: u64 = 10_000;

/// Most bytes of a message: an answer may have 256 KiB, twice that with every quote
/// escaped, and its message says what it answers.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of bodies after which [`Inbox::messages`] reads no further message: as much as
/// a holder reads of a journal in one piece.
pub(crate) const READ_BYTES_MAX: usize = 1024 * 1024;

/// A message to post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewMessage<'a> {
    /// The user who posts it, as the system names them.
    pub by: &'a str,
    /// When it is posted, in microseconds since 1970.
    pub posted_at_us: i64,
    /// The message as JSON text.
    pub body: &'a str,
}

/// A message that no holder has taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its number among those of its run, counted from 1.
    pub number: u64,
    /// Who posted it, as in [`NewMessage`].
    pub by: String,
    /// When it was posted, in microseconds since 1970.
    pub posted_at_us: i64,
    /// The message as JSON text.
    pub body: String,
}

/// How far the inbox of a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InboxState {
    /// Number of the last message that was posted; 0 if there was none.
    pub posted: u64,
    /// Number of the last message that a holder took; 0 if none was taken.
    pub taken: u64,
}

/// Posts and reads messages. A holder takes them with an
/// [`append`](crate::Journals::append), in the transaction that records what they do.
pub trait Inbox {
    /// Posts a message to a run, whoever holds it, and returns its number: one more than
    /// that of the run's last message. The message is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], [`StoreError::InboxFull`],
    /// [`StoreError::MessageTooLarge`]; [`StoreError::Invalid`] when the body is not
    /// JSON; any failure of the database.
    fn post(&mut self, key: &RunKey, message: &NewMessage<'_>) -> Result<u64, StoreError>;

    /// The messages of a run that no holder has taken and whose numbers are larger than
    /// `after`, in order: at most `limit`, and fewer when they are large. If there is
    /// one, at least one is returned.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`]; any failure of the database.
    fn messages(
        &mut self,
        key: &RunKey,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError>;

    /// How far the inbox of a run is.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`]; any failure of the database.
    fn inbox(&mut self, key: &RunKey) -> Result<InboxState, StoreError>;
}

/// Refuses a message that is too large.
pub(crate) fn check_size(key: &RunKey, message: &NewMessage<'_>) -> Result<(), StoreError> {
    let (bytes, max) = (message.body.len(), MESSAGE_BYTES_MAX);
    if bytes > max {
        return Err(StoreError::MessageTooLarge { key: key.clone(), bytes, max });
    }
    Ok(())
}

impl InboxState {
    /// The number of the next message. Refuses when too many are not taken.
    pub(crate) fn next_number(self, key: &RunKey) -> Result<u64, StoreError> {
        if self.posted.saturating_sub(self.taken) >= INBOX_MAX {
            return Err(StoreError::InboxFull { key: key.clone(), max: INBOX_MAX });
        }
        Ok(self.posted.saturating_add(1))
    }

    /// The number up to which `takes` takes messages; none if those were taken before.
    /// Refuses messages that nobody posted.
    pub(crate) fn taking(
        self,
        key: &RunKey,
        takes: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let Some(up_to) = takes.filter(|up_to| *up_to > self.taken) else { return Ok(None) };
        if up_to > self.posted {
            let reason = format!("message {up_to} of {} was to be taken", self.posted);
            return Err(StoreError::Invalid { key: key.clone(), reason });
        }
        Ok(Some(up_to))
    }
}
