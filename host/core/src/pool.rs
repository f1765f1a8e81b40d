//! Answers that calls of equal content may take: what a fork has of its parent.
//!
//! Owns: which answers a journal offers, and who takes which. Never: decides
//! what equal content is ([`crate::content`] does), or asks an agent.
//!
//! Answers of one content are taken first in, first out, by order of issue,
//! whatever the order was in which they came: a fan-out of equal calls gets
//! the answers it got before.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::call::{Reply, Reused};
use crate::content::sleep_key;
use crate::guest::Outcome;
use crate::ids::{CallId, Digest, RunId};
use crate::journal::{Body, Entry};

/// An answer that waits for a call of its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pooled {
    /// Of the call that it answers.
    pub content: Digest,
    /// Which call of which run came to it.
    pub source: Reused,
    /// What the call came to.
    pub outcome: Outcome,
    /// What the agent said of itself; none for a sleep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Box<Reply>>,
    /// So many calls of its content come first that find no answer: an answer
    /// that is meant for one call is not taken by another.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub behind: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// An answer that a run has to offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The call of this run that was answered so; none for an answer that the
    /// run had been given itself and did not use.
    pub call: Option<CallId>,
    /// The answer.
    pub answer: Pooled,
}

/// Answers by content.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    by_content: HashMap<Digest, VecDeque<Pooled>>,
}

impl Pool {
    /// Whether there is nothing to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_content.is_empty()
    }

    /// Puts an answer behind those of its content.
    pub fn add(&mut self, pooled: Pooled) {
        self.by_content.entry(pooled.content.clone()).or_default().push_back(pooled);
    }

    /// Takes the first answer of this content, when it is for the next call.
    pub fn take(&mut self, content: &Digest) -> Option<Pooled> {
        let waiting = self.by_content.get_mut(content)?;
        if let Some(first) = waiting.front_mut()
            && first.behind > 0
        {
            first.behind -= 1;
            return None;
        }
        let taken = waiting.pop_front();
        if waiting.is_empty() {
            self.by_content.remove(content);
        }
        taken
    }
}

impl FromIterator<Pooled> for Pool {
    fn from_iter<T: IntoIterator<Item = Pooled>>(answers: T) -> Self {
        let mut pool = Self::default();
        answers.into_iter().for_each(|pooled| pool.add(pooled));
        pool
    }
}

/// A call of a journal and what it came to, as far as it did.
struct Made {
    content: Digest,
    /// What it was given out of the journal's own pool.
    given: Option<Pooled>,
    came_to: Option<(Outcome, Option<Box<Reply>>)>,
}

/// The answers of a run to its agents and sleeps, in order of issue, and behind
/// them what it had been given itself and had not used. Only what was answered:
/// a call that failed is made again. An answer that came when the process let
/// go, and that no script was told, counts.
#[must_use]
pub fn answers_of(run: &RunId, entries: &[Entry]) -> Vec<Offer> {
    let mut pool = Pool::default();
    let mut given = HashMap::new();
    let mut made: BTreeMap<CallId, Made> = BTreeMap::new();
    for entry in entries {
        match &entry.body {
            Body::AnswerPooled(pooled) => {
                given.insert(pooled.source.clone(), given.len());
                pool.add((**pooled).clone());
            }
            Body::AgentCalled { call, request, .. } => {
                made.insert(*call, Made::of(request.content_key(), &mut pool));
            }
            Body::SleepCalled { call, milliseconds, .. } => {
                made.insert(*call, Made::of(sleep_key(*milliseconds), &mut pool));
            }
            Body::AgentAnswered { call, outcome, reply } => {
                if let Some(made) = made.get_mut(call) {
                    made.came_to = Some((outcome.clone(), Some(reply.clone())));
                }
            }
            Body::Settled { call, outcome, reply, .. } => {
                if let Some(made) = made.get_mut(call) {
                    made.came_to = Some((outcome.clone(), reply.clone()));
                }
            }
            _ => {}
        }
    }
    let own = made.into_iter().filter_map(|(call, made)| {
        made.answer(run, call).map(|answer| Offer { call: Some(call), answer })
    });
    let mut answers: Vec<Offer> = own.collect();
    // In the order in which they were given.
    let mut unused: Vec<Pooled> = pool.by_content.into_values().flatten().collect();
    unused.sort_by_key(|pooled| given.get(&pooled.source).copied());
    answers.extend(unused.into_iter().map(|answer| Offer { call: None, answer }));
    answers
}

/// How many agent calls of the content of this one were issued before it.
#[must_use]
pub fn place_among_equals(call: CallId, entries: &[Entry]) -> u32 {
    let calls = entries.iter().filter_map(|entry| match &entry.body {
        Body::AgentCalled { call, request, .. } => Some((*call, request)),
        _ => None,
    });
    let earlier: Vec<_> = calls.take_while(|(issued, _)| *issued <= call).collect();
    let Some((_, wanted)) = earlier.last().filter(|(issued, _)| *issued == call) else { return 0 };
    let content = wanted.content_key();
    let equals = earlier.iter().filter(|(_, request)| request.content_key() == content).count();
    u32::try_from(equals - 1).unwrap_or(u32::MAX)
}

impl Made {
    fn of(content: Digest, pool: &mut Pool) -> Self {
        let given = pool.take(&content);
        Self { content, given, came_to: None }
    }

    fn answer(self, run: &RunId, call: CallId) -> Option<Pooled> {
        let Some((outcome, mut reply)) = self.came_to else { return self.given };
        if matches!(outcome, Outcome::Failed(_)) {
            return None;
        }
        // Whoever paid for it stays its source, over any number of forks.
        let paid = reply.as_mut().and_then(|reply| reply.reused.take());
        let source = paid.unwrap_or(Reused { run: run.clone(), call, by_hand: false });
        Some(Pooled { content: self.content, source, outcome, reply, behind: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::AgentRequest;
    use crate::ids::Scope;

    fn run() -> RunId {
        RunId::from_bits(1)
    }

    fn called(call: u32, prompt: &str) -> Body {
        let request = Box::new(AgentRequest::plain(prompt));
        Body::AgentCalled { call: CallId(call), scope: Scope::ROOT, request }
    }

    fn settled(call: u32, answer: &str) -> Body {
        let outcome = Outcome::Value(answer.to_owned());
        Body::Settled { call: CallId(call), outcome, reply: Some(Box::default()), given: None }
    }

    fn entries(bodies: Vec<Body>) -> Vec<Entry> {
        bodies.into_iter().map(|body| Entry { at_us: 0, body }).collect()
    }

    /// Source and value of each answer.
    fn values(offers: &[Offer]) -> Vec<(u32, String)> {
        let answers = offers.iter().map(|offer| &offer.answer);
        answers.map(|answer| (answer.source.call.0, value_of(answer))).collect()
    }

    fn value_of(answer: &Pooled) -> String {
        match &answer.outcome {
            Outcome::Value(text) => text.clone(),
            Outcome::Failed(failure) => failure.message.clone(),
        }
    }

    #[test]
    fn answers_are_taken_in_order_of_issue_whatever_the_order_they_came_in() {
        let journal = entries(vec![
            called(1, "same"),
            called(2, "same"),
            called(3, "other"),
            settled(2, "\"second\""),
            settled(1, "\"first\""),
        ]);
        let answers = answers_of(&run(), &journal);
        assert_eq!(values(&answers), [(1, "\"first\"".to_owned()), (2, "\"second\"".to_owned())]);
        let mut pool: Pool = answers.into_iter().map(|offer| offer.answer).collect();
        let key = AgentRequest::plain("same").content_key();
        assert_eq!(pool.take(&key).unwrap().source.call, CallId(1));
        assert_eq!(pool.take(&key).unwrap().source.call, CallId(2));
        assert!(pool.take(&key).is_none() && pool.is_empty());
    }

    #[test]
    fn a_fork_of_a_fork_hands_on_what_was_not_used_and_names_who_paid() {
        let first = entries(vec![called(1, "a"), called(2, "b"), settled(1, "1"), settled(2, "2")]);
        let mut second: Vec<Body> = answers_of(&run(), &first)
            .into_iter()
            .map(|offer| Body::AnswerPooled(Box::new(offer.answer)))
            .collect();
        // It was stopped before `a` was told, and never came to `b`.
        second.extend([called(1, "new"), called(2, "a"), settled(1, "3")]);
        let answers = answers_of(&RunId::from_bits(2), &entries(second));
        assert_eq!(values(&answers), [(1, "3".into()), (1, "1".into()), (2, "2".into())]);
        assert_eq!(answers[0].answer.source.run, RunId::from_bits(2));
        assert_eq!(answers[1].answer.source.run, run());
        assert_eq!(
            answers.iter().map(|offer| offer.call.map(|call| call.0)).collect::<Vec<_>>(),
            [Some(1), Some(2), None]
        );
    }

    #[test]
    fn failures_are_not_offered() {
        let failed = Body::Settled {
            call: CallId(1),
            outcome: Outcome::Failed(crate::guest::Failure::new("c", "m")),
            reply: None,
            given: Some(crate::settlement::Given::Null),
        };
        assert!(answers_of(&run(), &entries(vec![called(1, "a"), failed])).is_empty());
    }
}
