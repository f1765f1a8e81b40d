//! The prompt of a round and the messages to its agent, under opencode's ids.
//!
//! Owns: which of them the agent has. Never: sends one.
//!
//! opencode gives an id to each text that it is sent, and each of its answers names the
//! last of these that its model has read. They are read in the order of their ids. Which
//! message a text is, the id of its part says, which whoever sends it may choose; opencode
//! writes texts of its own between them.

use std::collections::HashSet;
use std::sync::Arc;

/// Bytes of randomness in the id of a part: opencode keeps the parts of all sessions by
/// their ids.
const PART_ID_BYTES: usize = 16;

/// A new id for a part, in opencode's form; none where the system has no randomness.
pub(super) fn part_id() -> Option<String> {
    let mut bytes = [0; PART_ID_BYTES];
    getrandom::fill(&mut bytes).ok()?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("prt_{hex}"))
}

/// What the agent of a round is asked and told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Ids of the prompt and of what followed it, each with the number of its message;
    /// none for the prompt and for what opencode says to itself.
    ids: Vec<(String, Option<u64>)>,
    /// Messages that were sent and that opencode has not reported yet.
    sent: Vec<Sent>,
    /// How many of `ids` the agent has.
    read: usize,
    /// Ids of texts that the session had before this round. opencode reports one again
    /// when it has summed up what came of it, which may be after that round.
    before: HashSet<String>,
}

#[derive(Debug)]
struct Sent {
    number: u64,
    /// Id of its part.
    part: String,
    text: Arc<str>,
}

impl Told {
    /// A round in a session that has these texts.
    pub(super) fn after(before: HashSet<String>) -> Self {
        Self { before, ..Self::default() }
    }

    /// The prompt, once opencode has given it an id.
    pub(super) fn prompt(&self) -> Option<&str> {
        self.ids.first().map(|(id, _)| id.as_str())
    }

    /// Whether this is the id of the prompt or of something after it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.iter().any(|(known, _)| known == id)
    }

    /// A message is being sent, with a part of this id.
    pub(super) fn send(&mut self, number: u64, part: String, text: Arc<str>) {
        self.sent.push(Sent { number, part, text });
    }

    /// The message was refused.
    pub(super) fn unsend(&mut self, number: u64) {
        self.sent.retain(|sent| sent.number != number);
    }

    /// opencode has a text of its user under this id.
    pub(super) fn asked(&mut self, id: &str) {
        if !self.has(id) && !self.before.contains(id) {
            self.ids.push((id.to_owned(), None));
        }
    }

    /// The text of this id has this part. Returns the number of the message that it is, if
    /// the model has read it already.
    pub(super) fn part(&mut self, id: &str, part: &str, text: &str) -> Option<u64> {
        let by_id = self.sent.iter().position(|sent| sent.part == part && !part.is_empty());
        if by_id.is_some() {
            self.asked(id);
        }
        let place = self.ids.iter().position(|(known, _)| known == id)?;
        // An opencode that gives parts ids of its own. The prompt is no message.
        let by_text = || self.sent.iter().position(|sent| place > 0 && *sent.text == *text);
        let Sent { number, .. } = self.sent.remove(by_id.or_else(by_text)?);
        if let Some((_, of)) = self.ids.get_mut(place) {
            *of = Some(number);
        }
        (place < self.read).then_some(number)
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

    fn asked() -> Told {
        let mut told = Told::default();
        told.asked("p");
        assert_eq!(told.prompt(), Some("p"));
        assert_eq!(told.part("p", "prt_x", "look"), None);
        assert!(told.answered("p").is_empty());
        told
    }

    #[test]
    fn an_answer_names_the_last_text_that_was_read() {
        let mut told = asked();
        for number in [4, 5, 6] {
            told.send(number, format!("prt_{number}"), "look".into());
        }
        told.unsend(5);
        assert!(told.is_unread());
        told.asked("a");
        told.asked("p");
        told.asked("b");
        assert_eq!(
            (told.part("a", "prt_4", "look"), told.part("b", "prt_6", "look")),
            (None, None)
        );
        assert_eq!((told.answered("b"), told.answered("b")), (vec![4, 6], vec![]));
        assert!(!told.is_unread() && told.answered("x").is_empty() && told.has("a"));
        told.asked("of opencode itself");
        assert!(!told.is_unread());
    }

    #[test]
    fn the_prompt_of_an_earlier_round_is_not_of_this_one() {
        let mut told = Told::after(HashSet::from(["old".to_owned()]));
        told.asked("old");
        assert_eq!((told.prompt(), told.has("old")), (None, false));
        told.asked("p");
        told.asked("old");
        assert_eq!((told.prompt(), told.has("old")), (Some("p"), false));
        assert!(told.answered("old").is_empty());
    }

    #[test]
    fn a_message_is_known_by_its_part_and_not_by_its_place() {
        let mut told = asked();
        told.send(4, "prt_4".to_owned(), "first".into());
        told.send(5, "prt_5".to_owned(), "second".into());
        // opencode goes on by itself, and has the second message before the first.
        told.asked("itself");
        assert_eq!(told.part("itself", "prt_a", "Continue"), None);
        told.asked("b");
        told.part("b", "prt_5", "second");
        assert_eq!(told.answered("b"), [5]);
        assert!(told.is_unread());
        // The part is reported after the answer, under another id.
        told.asked("c");
        assert_eq!(told.answered("c"), [0; 0]);
        assert_eq!(told.part("c", "prt_of_its_own", "first"), Some(4));
        assert!(!told.is_unread());
        // The part is reported before its text.
        told.send(6, "prt_6".to_owned(), "third".into());
        assert_eq!(told.part("d", "prt_6", "third"), None);
        assert_eq!(told.answered("d"), [6]);
        assert_ne!(part_id(), part_id());
    }
}
