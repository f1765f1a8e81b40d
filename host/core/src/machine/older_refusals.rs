//! Refusals that an older program worded differently.
//!
//! Owns: recognising a recorded entry that differs from the replayed one only in the
//! wording of a refusal. Never: accepts any other difference.
//!
//! In formats 1 and 2 a refusal is not an entry: a replay refuses the call anew, in
//! the wording of this program. A script may log the message, return it or keep it in
//! a slot, so it can occur in any later entry, also in entries of format 3 that a
//! newer program appended to the same journal. Refusals of format 3 are entries, which
//! a replay repeats word for word, so they never get here.

use serde_json::Value;

use crate::journal::Body;

/// Most refusals kept in one replay; further ones must be equal word for word.
const REFUSALS_MAX: usize = 256;

/// Most bytes searched for refusals in one replay: about a second of work. Beyond
/// that, every difference counts as one.
const SEARCHED_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Bytes that all wordings of a refusal share at the start: each first names the call
/// and its option, or the schema.
const ALIKE_BYTES_MIN: usize = 12;

/// The refusals since a replay began.
#[derive(Debug, Default)]
pub(super) struct OlderRefusals {
    refusals: Vec<Wording>,
    searched_bytes: usize,
    /// An entry had another wording. Longer messages cost a script more fuel, so fuel
    /// is no longer compared.
    found_other_wording: bool,
}

/// The two wordings of one refusal.
#[derive(Debug)]
struct Wording {
    /// The wording of this program.
    now: String,
    /// The recorded wording, once an entry has shown it; it is the same in all entries.
    then: Option<String>,
}

impl OlderRefusals {
    pub(super) fn add(&mut self, message: &str) {
        let is_known = self.refusals.iter().any(|one| one.now == message);
        if is_known || message.len() < ALIKE_BYTES_MIN || self.refusals.len() >= REFUSALS_MAX {
            return;
        }
        self.refusals.push(Wording { now: message.to_owned(), then: None });
        // The longest first: one message may be the beginning of another.
        self.refusals.sort_by_key(|one| std::cmp::Reverse(one.now.len()));
    }

    /// Whether the entries differ only in the wording of refusals.
    pub(super) fn explains(&mut self, recorded: &Body, now: &Body) -> bool {
        if self.refusals.is_empty() || recorded.kind() != now.kind() {
            return false;
        }
        let is_same = match (serde_json::to_value(recorded), serde_json::to_value(now)) {
            (Ok(recorded), Ok(now)) => self.is_same(&recorded, &now),
            _ => false,
        };
        self.found_other_wording |= is_same;
        is_same
    }

    /// Whether an entry with another wording was accepted.
    pub(super) fn found_other_wording(&self) -> bool {
        self.found_other_wording
    }

    fn is_same(&mut self, recorded: &Value, now: &Value) -> bool {
        match (recorded, now) {
            (Value::String(recorded), Value::String(now)) => {
                recorded == now || self.is_same_text(recorded, now)
            }
            (Value::Array(recorded), Value::Array(now)) => {
                let mut pairs = recorded.iter().zip(now);
                recorded.len() == now.len() && pairs.all(|(then, now)| self.is_same(then, now))
            }
            (Value::Object(recorded), Value::Object(now)) => {
                let mut fields = recorded.iter();
                recorded.len() == now.len()
                    && fields.all(|(name, then)| {
                        now.get(name).is_some_and(|now| self.is_same(then, now))
                    })
            }
            (recorded, now) => recorded == now,
        }
    }

    /// Whether `now` becomes the recorded text if each refusal in it is replaced by
    /// its recorded wording.
    fn is_same_text(&mut self, recorded: &str, now: &str) -> bool {
        // A result is JSON text within the entry.
        let quoted = serde_json::from_str::<Value>(now).ok().filter(|value| !value.is_string());
        if let Some(now) = quoted
            && let Ok(recorded) = serde_json::from_str::<Value>(recorded)
        {
            return self.is_same(&recorded, &now);
        }
        let (mut rest, mut met) = (now, recorded);
        while let Some((at, index)) = self.first_in(rest) {
            let Some(behind) = met.strip_prefix(&rest[..at]) else { return false };
            rest = &rest[at + self.refusals[index].now.len()..];
            let Some(words) = self.recorded_words(index, behind, rest) else { return false };
            met = &behind[words..];
        }
        rest == met
    }

    /// Offset of the first refusal in this text, and its index.
    fn first_in(&mut self, text: &str) -> Option<(usize, usize)> {
        self.searched_bytes = self.searched_bytes.saturating_add(text.len() * self.refusals.len());
        if self.searched_bytes > SEARCHED_BYTES_MAX {
            return None;
        }
        let found = self.refusals.iter().enumerate();
        let found = found.filter_map(|(index, one)| Some((text.find(&one.now)?, index)));
        // At equal offsets the longer one wins, because it has the smaller index.
        found.min_by_key(|(at, index)| (*at, *index))
    }

    /// Length of this refusal at the start of `recorded`; `rest` is the text after it
    /// now. A wording seen for the first time is everything before that text, if this
    /// is unambiguous.
    fn recorded_words(&mut self, index: usize, recorded: &str, rest: &str) -> Option<usize> {
        if let Some(then) = &self.refusals[index].then {
            return recorded.starts_with(&**then).then_some(then.len());
        }
        let upto = self.first_in(rest).map_or(rest.len(), |(at, _)| at);
        let follows = &rest[..upto];
        let words = match follows {
            // The refusal ends the text, or another one of unknown start follows.
            "" if rest.is_empty() => recorded,
            "" => return None,
            follows if follows.len() == rest.len() => recorded.strip_suffix(follows)?,
            follows => recorded.split_once(follows)?.0,
        };
        let now = &self.refusals[index].now;
        let alike = now.bytes().zip(words.bytes()).take_while(|(now, then)| now == then).count();
        if alike < ALIKE_BYTES_MIN {
            return None;
        }
        self.refusals[index].then = Some(words.to_owned());
        Some(words.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Scope;

    fn logged(message: &str) -> Body {
        Body::Logged { scope: Scope::ROOT, message: message.to_owned() }
    }

    const MODEL: &str = "option `model` of agent(): `m?x=1` is not a model: write another";
    const THEN: &str = "option `model` of agent(): `m?x=1` is no model";

    fn refused(messages: &[&str]) -> OlderRefusals {
        let mut refused = OlderRefusals::default();
        messages.iter().for_each(|message| refused.add(message));
        refused
    }

    #[test]
    fn only_the_wording_of_a_refusal_may_differ() {
        let explains = |then: &str, now: &str| {
            refused(&[MODEL, "the \"title\" of a phase"]).explains(&logged(then), &logged(now))
        };
        let now = format!("1: {MODEL}; 2: ok");
        assert!(explains(&format!("1: {THEN}; 2: ok"), &now));
        assert!(!explains(&format!("0: {THEN}; 2: ok"), &now));
        assert!(!explains(&format!("1: {THEN}; 2: not ok"), &now));
        assert!(!explains("1: something else; 2: ok", &now), "another beginning");
        assert!(!explains("1", &now));
        assert!(!explains("it was 41", "it was 42"));
        let json = |words: &str| serde_json::json!([words, 7, { "a": words }]).to_string();
        assert!(explains(&json(THEN), &json(MODEL)), "a result is JSON text");
        assert!(!explains(&json(THEN), &json(MODEL).replace('7', "8")));
        assert!(!refused(&[]).explains(&logged("a"), &logged(&now)));
    }

    #[test]
    fn a_refusal_has_one_recorded_wording() {
        let twice = |words: &str, between: &str| logged(&format!("{words}{between}{words}"));
        let mut one = refused(&[MODEL]);
        assert!(one.explains(&twice(THEN, " 421 "), &twice(MODEL, " 421 ")));
        assert!(!one.explains(&twice(THEN, " 421 "), &twice(MODEL, " 1 ")));
        assert!(!refused(&[MODEL]).explains(&twice(THEN, "421"), &twice(MODEL, "1")));
        assert!(!one.explains(&logged("option `model` of agent(): other"), &logged(MODEL)));
    }

    #[test]
    fn a_text_that_takes_long_to_search_differs() {
        let messages: Vec<String> =
            (0..500).map(|n| format!("option `model` of agent(): `m?x={n}` is wrong")).collect();
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        let mut many = refused(&messages);
        assert_eq!(many.refusals.len(), REFUSALS_MAX);
        let text = messages.join(" ").repeat(400);
        assert!(!many.explains(&logged(&format!("{text}a")), &logged(&format!("{text}b"))));
        assert!(many.searched_bytes <= SEARCHED_BYTES_MAX + text.len() * REFUSALS_MAX);
    }
}
