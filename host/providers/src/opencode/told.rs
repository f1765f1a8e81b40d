//! The prompt of a round and the messages to its agent, under opencode's ids.
//!
//! Owns: which of them the agent has. Never: sends one.
//!
//! opencode numbers what it is sent, and each of its answers names the last of these that
//! its model has read. They are read in the order in which they were sent.

use std::collections::VecDeque;

/// What the agent of a round is asked and told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Ids of the prompt and of what followed it, each with the number of its message;
    /// none for the prompt and for what opencode says to itself.
    ids: Vec<(String, Option<u64>)>,
    /// Numbers of messages that were sent and have no id yet.
    sent: VecDeque<u64>,
    /// How many of `ids` the agent has.
    read: usize,
}

impl Told {
    /// The prompt, once opencode has numbered it.
    pub(super) fn prompt(&self) -> Option<&str> {
        self.ids.first().map(|(id, _)| id.as_str())
    }

    /// Whether this is the id of the prompt or of something after it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|(known, _)| known == id)
    }

    /// A message is being sent.
    pub(super) fn send(&mut self, number: u64) {
        self.sent.push_back(number);
    }

    /// The message was refused.
    pub(super) fn unsend(&mut self, number: u64) {
        self.sent.retain(|sent| *sent != number);
    }

    /// opencode has this text of its user.
    pub(super) fn asked(&mut self, id: &str) {
        if !self.has(id) {
            let number = if self.ids.is_empty() { None } else { self.sent.pop_front() };
            self.ids.push((id.to_owned(), number));
        }
    }

    /// The model answers the text of this id, and has read those before it. Returns the
    /// numbers of the messages that are news to it.
    pub(super) fn answered(&mut self, id: &str) -> Vec<u64> {
        let Some(at) = self.ids.iter().position(|(known, _)| known == id) else {
            return Vec::new();
        };
        let news = self.ids.get(self.read..=at).unwrap_or_default();
        let numbers = news.iter().filter_map(|(_, number)| *number).collect();
        self.read = self.read.max(at + 1);
        numbers
    }

    /// Whether the model has not read something that was sent.
    pub(super) fn is_unread(&self) -> bool {
        let left = self.ids.get(self.read..).unwrap_or_default();
        !self.sent.is_empty() || left.iter().any(|(_, number)| number.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_the_last_text_that_was_read() {
        let mut told = Told::default();
        told.asked("p");
        assert_eq!(told.prompt(), Some("p"));
        assert!(told.answered("p").is_empty());
        for number in [4, 5, 6] {
            told.send(number);
        }
        told.unsend(5);
        assert!(told.is_unread());
        told.asked("a");
        told.asked("p");
        told.asked("b");
        assert_eq!((told.answered("b"), told.answered("b")), (vec![4, 6], vec![]));
        assert!(!told.is_unread() && told.answered("x").is_empty() && told.has("a"));
        told.asked("of opencode itself");
        assert!(!told.is_unread());
    }
}
