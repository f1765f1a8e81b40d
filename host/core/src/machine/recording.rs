//! What is left of a journal to be met again, and how much of it is here.
//!
//! Owns: the order of what is left, and whether it reaches for one more turn.
//! Never: compares; the machine does.

use std::collections::VecDeque;

use crate::journal::{Body, Entry};

/// A turn takes what is recorded up to its `turn_ended`, and looks at what
/// follows: at the next delivery, which the turn behind it begins with.
const TURNS_AHEAD: usize = 2;

/// Entries still to be met.
#[derive(Debug, Default)]
pub(super) struct Recording {
    here: VecDeque<Entry>,
    /// How many of those that are here end a turn.
    turns: usize,
    /// Others follow that are not here yet.
    more: bool,
}

impl Recording {
    /// A beginning, behind which more is to come.
    pub(super) fn beginning() -> Self {
        Self { more: true, ..Self::default() }
    }

    pub(super) fn add(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.turns += usize::from(ends_turn(&entry));
            self.here.push_back(entry);
        }
    }

    /// All of it is here now.
    pub(super) fn complete(&mut self) {
        self.more = false;
    }

    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    /// Whether the next turn could come to the end of what is here.
    pub(super) fn is_short(&self) -> bool {
        self.more && self.turns < TURNS_AHEAD
    }

    /// Whether everything has been met.
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
