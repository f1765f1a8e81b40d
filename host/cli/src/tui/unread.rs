//! What was said of a message or a file, as long as nobody can have read it.
//!
//! Owns: which sentences were on the screen for too short a time. Never: shows them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a sentence must be on the screen to be read.
const READ_MIN: Duration = Duration::from_secs(1);

/// Most sentences that are kept: more than a person causes within [`READ_MIN`].
const KEPT_MAX: usize = 20;

/// The last sentences, each with the time of the first frame that showed it.
#[derive(Debug, Default)]
pub(crate) struct Unread(VecDeque<(String, Option<Instant>)>);

impl Unread {
    /// Something was said.
    pub(crate) fn put(&mut self, said: &str) {
        if self.0.len() >= KEPT_MAX {
            self.0.pop_front();
        }
        self.0.push_back((said.to_owned(), None));
    }

    /// A frame showed this sentence.
    pub(crate) fn drawn(&mut self, shown: &str, now: Instant) {
        let fresh = self.0.iter_mut().filter(|(said, at)| at.is_none() && said == shown);
        fresh.for_each(|(_, at)| *at = Some(now));
        self.0.retain(|(_, at)| at.is_none_or(|at| now.duration_since(at) < READ_MIN));
    }

    /// What nobody can have read by now.
    pub(crate) fn rest(self, now: Instant) -> Vec<String> {
        let is_unread = |at: Option<Instant>| at.is_none_or(|at| now - at < READ_MIN);
        self.0.into_iter().filter(|(_, at)| is_unread(*at)).map(|(said, _)| said).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_read_once_it_was_on_the_screen_for_a_while() {
        let (begun, mut unread) = (Instant::now(), Unread::default());
        unread.put("read");
        unread.drawn("read", begun);
        unread.put("never shown");
        unread.put("too short");
        unread.drawn("too short", begun + READ_MIN / 2);
        let rest = unread.rest(begun + READ_MIN);
        assert_eq!(rest, ["never shown", "too short"]);
    }
}
