//! The recorded entries that a replay has not reached and that are in memory.
//!
//! Owns: their order, and whether there are enough for one more turn. Never: compares
//! them; the machine does.

use std::collections::VecDeque;

use crate::journal::{Body, Entry};

/// A turn consumes entries up to its `turn_ended`, and looks at the next delivery,
/// which belongs to the turn after it.
const TURNS_AHEAD: usize = 2;

/// Recorded entries, in order.
#[derive(Debug, Default)]
pub(super) struct Recording {
    here: VecDeque<Entry>,
    /// Number of entries in memory that end a turn.
    turns: usize,
    /// More entries follow that are not in memory yet.
    more: bool,
}

impl Recording {
    /// An empty recording to which entries will be added.
    pub(super) fn beginning() -> Self {
        Self { more: true, ..Self::default() }
    }

    pub(super) fn add(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.turns += usize::from(ends_turn(&entry));
            self.here.push_back(entry);
        }
    }

    /// Marks the recording as complete.
    pub(super) fn complete(&mut self) {
        self.more = false;
    }

    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    /// Whether the next turn could need entries that are not in memory yet.
    pub(super) fn is_short(&self) -> bool {
        self.more && self.turns < TURNS_AHEAD
    }

    /// Whether the recording is at its end.
    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty() && !self.more
    }

    pub(super) fn front(&self) -> Option<&Entry> {
        self.here.front()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.here.iter()
    }

    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = self.here.pop_front()?;
        self.turns -= usize::from(ends_turn(&entry));
        Some(entry)
    }

    pub(super) fn pop_if(&mut self, is_meant: impl FnOnce(&Body) -> bool) -> Option<Entry> {
        if is_meant(&self.front()?.body) { self.pop() } else { None }
    }
}

fn ends_turn(entry: &Entry) -> bool {
    matches!(entry.body, Body::TurnEnded { .. })
}
