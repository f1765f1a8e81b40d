//! The words in which calls were refused.
//!
//! Owns: knowing a recorded entry again in which another program has put the same
//! refusal in other words. Never: takes any other difference for the same.
//!
//! A refusal is no entry of the journal: a replay refuses the call anew, in the
//! words of today, and a script may log them, return them or leave them in a slot.

use serde_json::Value;

use super::Machine;
use crate::guest::Refusal;
use crate::journal::Body;

/// Bytes of words that are kept of one replay; what is refused beyond them has to
/// be met word for word.
const WORDS_BYTES_MAX: usize = 256 * 1024;

/// Fewer could stand anywhere by chance.
const WORDS_BYTES_MIN: usize = 12;

/// What calls were refused with since a replay began.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// As they are, and as they read within JSON text.
    words: Vec<String>,
    bytes: usize,
    /// An entry held other words. Longer ones cost a script more fuel.
    otherwise: bool,
}

impl Refused {
    fn add(&mut self, message: &str) {
        let is_known = self.words.iter().any(|words| words == message);
        if is_known || message.len() < WORDS_BYTES_MIN || self.bytes > WORDS_BYTES_MAX {
            return;
        }
        let quoted = Value::from(message).to_string();
        let escaped = quoted[1..quoted.len() - 1].to_owned();
        self.bytes += message.len() + escaped.len();
        if escaped != message {
            self.words.push(escaped);
        }
        self.words.push(message.to_owned());
        // The longest first: one may be the beginning of another.
        self.words.sort_by_key(|words| std::cmp::Reverse(words.len()));
    }

    /// Whether the entries are the same but for the words of refusals.
    pub(super) fn explains(&mut self, recorded: &Body, now: &Body) -> bool {
        if self.words.is_empty() || recorded.kind() != now.kind() {
            return false;
        }
        let is_same = match (serde_json::to_value(recorded), serde_json::to_value(now)) {
            (Ok(recorded), Ok(now)) => self.is_same(&recorded, &now),
            _ => false,
        };
        self.otherwise |= is_same;
        is_same
    }

    /// Whether an entry was known again that held other words.
    pub(super) fn were_put_otherwise(&self) -> bool {
        self.otherwise
    }

    fn is_same(&self, recorded: &Value, now: &Value) -> bool {
        match (recorded, now) {
            (Value::String(recorded), Value::String(now)) => {
                recorded == now || self.is_same_text(recorded, now)
            }
            (Value::Array(recorded), Value::Array(now)) => {
                let mut pairs = recorded.iter().zip(now);
                recorded.len() == now.len() && pairs.all(|(then, now)| self.is_same(then, now))
            }
            (Value::Object(recorded), Value::Object(now)) => {
                let same = |(name, then): (&String, &Value)| {
                    now.get(name).is_some_and(|now| self.is_same(then, now))
                };
                recorded.len() == now.len() && recorded.iter().all(same)
            }
            (recorded, now) => recorded == now,
        }
    }

    /// Whether all that stands between the refusals of now stands in the recorded
    /// text too, in that order and with nothing before it or behind it.
    fn is_same_text(&self, recorded: &str, now: &str) -> bool {
        let mut between = self.between(now);
        let Some(end) = between.pop().filter(|_| !between.is_empty()) else { return false };
        let mut between = between.into_iter();
        let begin = between.next().unwrap_or_default();
        let Some(mut rest) = recorded.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end))
        else {
            return false;
        };
        for piece in between {
            let Some(at) = rest.find(piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        true
    }

    /// What a text holds before, between and behind the words of refusals.
    fn between<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut pieces = Vec::new();
        let mut rest = text;
        loop {
            let found = self.words.iter().filter_map(|words| Some((rest.find(&**words)?, words)));
            // Of two at one place the longer one comes first.
            let Some((at, words)) = found.min_by_key(|(at, _)| *at) else { break };
            pieces.push(&rest[..at]);
            rest = &rest[at + words.len()..];
        }
        pieces.push(rest);
        pieces
    }
}

impl Machine {
    /// Notes the words of a refusal in a replay.
    pub(super) fn heed<T>(&mut self, answer: Result<T, Refusal>) -> Result<T, Refusal> {
        if let Err(Refusal::Call(failure)) = &answer
            && !self.is_live()
        {
            self.refused.add(&failure.message);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Scope;

    fn logged(message: &str) -> Body {
        Body::Logged { scope: Scope::ROOT, message: message.to_owned() }
    }

    #[test]
    fn only_the_words_of_a_refusal_may_differ() {
        let mut refused = Refused::default();
        refused.add("`m?x=1` is not a model: write another");
        refused.add("the \"title\" is refused");
        let mut explains = |then: &str, now: &str| refused.explains(&logged(then), &logged(now));
        let now = "1: `m?x=1` is not a model: write another; 2: ok";
        assert!(explains("1: `m?x=1` is no model; 2: ok", now));
        assert!(!explains("0: `m?x=1` is no model; 2: ok", now));
        assert!(!explains("1: `m?x=1` is no model; 2: not ok", now));
        assert!(!explains("1", now));
        let both = "[\"`m?x=1` is not a model: write another\",7,\"the \\\"title\\\" is refused\"]";
        assert!(explains("[\"a\",7,\"b\"]", both));
        assert!(!explains("[\"a\",8,\"b\"]", both));
        assert!(!explains("it was 41", "it was 42"));
        assert!(!Refused::default().explains(&logged("a"), &logged(now)));
    }
}
