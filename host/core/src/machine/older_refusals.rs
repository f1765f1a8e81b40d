//! Refusals in the words of an older program.
//!
//! Owns: recognising a recorded entry that differs from today's only by the words
//! of a refusal. Never: accepts any other difference.
//!
//! In formats 1 and 2 a refusal is not an entry: a replay refuses the call anew, in
//! today's words. A script may log these words, return them or keep them in a slot,
//! so they can stand in any later entry, also in those of format 3 that a newer
//! program appended to the same journal. Refusals of format 3 are entries and are
//! repeated word for word; none of them comes here.

use serde_json::Value;

use crate::journal::Body;

/// Refusals that are kept of one replay; others have to be met word for word.
const REFUSALS_MAX: usize = 256;

/// Bytes that are looked through for their words in one replay: a second of work at
/// the most. What differs beyond that differs.
const LOOKED_THROUGH_MAX: usize = 512 * 1024 * 1024;

/// Bytes with which a refusal begins in whatever words: it names the call and its
/// option, or the schema, first.
const ALIKE_BYTES_MIN: usize = 12;

/// What calls were refused with since a replay began.
#[derive(Debug, Default)]
pub(super) struct OlderRefusals {
    refusals: Vec<Wording>,
    looked_through: usize,
    /// An entry held other words. Longer ones cost a script more fuel.
    otherwise: bool,
}

/// How one of them reads.
#[derive(Debug)]
struct Wording {
    /// In the words of today.
    now: String,
    /// In those of the recording, once an entry has shown them: always the same.
    then: Option<String>,
}

impl OlderRefusals {
    pub(super) fn add(&mut self, message: &str) {
        let is_known = self.refusals.iter().any(|one| one.now == message);
        if is_known || message.len() < ALIKE_BYTES_MIN || self.refusals.len() >= REFUSALS_MAX {
            return;
        }
        self.refusals.push(Wording { now: message.to_owned(), then: None });
        // The longest first: one may be the beginning of another.
        self.refusals.sort_by_key(|one| std::cmp::Reverse(one.now.len()));
    }

    /// Whether the entries are the same but for the words of refusals.
    pub(super) fn explains(&mut self, recorded: &Body, now: &Body) -> bool {
        if self.refusals.is_empty() || recorded.kind() != now.kind() {
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

    /// Whether the text of now is the recorded one once each refusal in it is put in
    /// the words of the recording.
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

    /// Where a refusal stands first in this text, and which one.
    fn first_in(&mut self, text: &str) -> Option<(usize, usize)> {
        self.looked_through = self.looked_through.saturating_add(text.len() * self.refusals.len());
        if self.looked_through > LOOKED_THROUGH_MAX {
            return None;
        }
        let found = self.refusals.iter().enumerate();
        let found = found.filter_map(|(index, one)| Some((text.find(&one.now)?, index)));
        // Of two at one place the longer one comes first.
        found.min_by_key(|(at, index)| (*at, *index))
    }

    /// How many bytes this refusal takes of what is recorded, where `rest` follows it
    /// now. Which words those are is learnt where it can only be one text: up to
    /// what follows.
    fn recorded_words(&mut self, index: usize, recorded: &str, rest: &str) -> Option<usize> {
        if let Some(then) = &self.refusals[index].then {
            return recorded.starts_with(&**then).then_some(then.len());
        }
        let upto = self.first_in(rest).map_or(rest.len(), |(at, _)| at);
        let follows = &rest[..upto];
        let words = match follows {
            // To its end, or to another refusal, of which nobody knows where it begins.
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
    fn only_the_words_of_a_refusal_may_differ() {
        let explains = |then: &str, now: &str| {
            refused(&[MODEL, "the \"title\" of a phase"]).explains(&logged(then), &logged(now))
        };
        let now = format!("1: {MODEL}; 2: ok");
        assert!(explains(&format!("1: {THEN}; 2: ok"), &now));
        assert!(!explains(&format!("0: {THEN}; 2: ok"), &now));
        assert!(!explains(&format!("1: {THEN}; 2: not ok"), &now));
        assert!(!explains("1: something else; 2: ok", &now), "it begins with the call");
        assert!(!explains("1", &now));
        assert!(!explains("it was 41", "it was 42"));
        let json = |words: &str| serde_json::json!([words, 7, { "a": words }]).to_string();
        assert!(explains(&json(THEN), &json(MODEL)), "a result is JSON text");
        assert!(!explains(&json(THEN), &json(MODEL).replace('7', "8")));
        assert!(!refused(&[]).explains(&logged("a"), &logged(&now)));
    }

    #[test]
    fn a_refusal_had_one_text_wherever_it_stands() {
        let twice = |words: &str, between: &str| logged(&format!("{words}{between}{words}"));
        let mut one = refused(&[MODEL]);
        assert!(one.explains(&twice(THEN, " 421 "), &twice(MODEL, " 421 ")));
        assert!(!one.explains(&twice(THEN, " 421 "), &twice(MODEL, " 1 ")));
        assert!(!refused(&[MODEL]).explains(&twice(THEN, "421"), &twice(MODEL, "1")));
        assert!(!one.explains(&logged("option `model` of agent(): other"), &logged(MODEL)));
    }

    #[test]
    fn what_takes_long_to_look_through_differs() {
        let messages: Vec<String> =
            (0..500).map(|n| format!("option `model` of agent(): `m?x={n}` is wrong")).collect();
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        let mut many = refused(&messages);
        assert_eq!(many.refusals.len(), REFUSALS_MAX);
        let text = messages.join(" ").repeat(400);
        assert!(!many.explains(&logged(&format!("{text}a")), &logged(&format!("{text}b"))));
        assert!(many.looked_through <= LOOKED_THROUGH_MAX + text.len() * REFUSALS_MAX);
    }
}
