//! Answers that calls of equal content may take: what a fork has of its parent.
//!
//! Owns: which answers a journal offers, and who takes which. Never: decides
//! what equal content is ([`crate::content`] does), or asks an agent.
//!
//! Answers of one content are taken first in, first out, by order of issue,
//! whatever the order was in which they came: a fan-out of equal calls gets
//! the answers it got before.

mod pooled;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::call::{AgentRequest, Reply, Reused};
use crate::guest::Outcome;
use crate::ids::{CallId, Digest, RunId};
use crate::journal::{Body, Entry};
use crate::step::StepKind;
use crate::steps::{Step, Steps};
pub use pooled::Pooled;

/// Answers that are larger stay in the journal until they are told.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// Bytes of answers that one run keeps in memory: a fork is given all answers of
/// its parent, and their sum has no bound. What comes behind them is read from the
/// journal when it is told, at a look-up each.
const KEPT_IN_ALL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An outcome, as it is kept in memory.
#[derive(Debug, Clone, PartialEq)]
pub enum Kept {
    /// Whole.
    Here(Outcome),
    /// In the entry of this number.
    Entry(u64),
}

/// What is left of the memory that one run has for answers. Each answer counts
/// once, from [`Memory::keep`] to [`Memory::give_back`].
#[derive(Debug)]
pub struct Memory {
    bytes: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { bytes: KEPT_IN_ALL_BYTES_MAX }
    }
}

impl Memory {
    /// The outcome that this entry holds, or only where it is.
    pub fn keep(&mut self, outcome: Outcome, entry: u64) -> Kept {
        match &outcome {
            Outcome::Value(text) if text.len() > self.bytes.min(KEPT_BYTES_MAX) => {
                return Kept::Entry(entry);
            }
            Outcome::Value(text) => self.bytes -= text.len(),
            Outcome::Failed(_) => {}
        }
        Kept::Here(outcome)
    }

    /// The outcome leaves memory: it was used, dropped or replaced.
    pub fn give_back(&mut self, outcome: &Kept) {
        if let Kept::Here(Outcome::Value(text)) = outcome {
            self.bytes = self.bytes.saturating_add(text.len()).min(KEPT_IN_ALL_BYTES_MAX);
        }
    }
}

/// A [`Pooled`] answer as it waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// As in [`Pooled`].
    pub content: Digest,
    /// As in [`Pooled`].
    pub source: Reused,
    /// As in [`Pooled`].
    pub outcome: Kept,
    /// As in [`Pooled`].
    pub reply: Option<Box<Reply>>,
    /// As in [`Pooled`].
    pub behind: u32,
}

impl Waiting {
    /// The answer of the entry of this number.
    #[must_use]
    pub fn of(pooled: Pooled, entry: u64, memory: &mut Memory) -> Self {
        let Pooled { content, source, outcome, reply, behind } = pooled;
        Self { content, source, outcome: memory.keep(outcome, entry), reply, behind }
    }

    /// With its outcome, for the journal.
    #[must_use]
    pub fn with(self, outcome: Outcome) -> Pooled {
        let Self { content, source, reply, behind, .. } = self;
        Pooled { content, source, outcome, reply, behind }
    }
}

/// An answer that a run has to offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The call of this run that was answered so; none for an answer that the
    /// run had been given itself and did not use.
    pub call: Option<CallId>,
    /// The answer; where it is kept is said of the journal that offers it.
    pub answer: Waiting,
}

/// Answers by content.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    by_content: HashMap<Digest, VecDeque<Waiting>>,
}

impl Pool {
    /// Whether there is nothing to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_content.is_empty()
    }

    /// Puts an answer behind those of its content.
    pub fn add(&mut self, waiting: Waiting) {
        self.by_content.entry(waiting.content.clone()).or_default().push_back(waiting);
    }

    /// Whether there is an answer of this content for the next call.
    #[must_use]
    pub fn has(&self, content: &Digest) -> bool {
        let first = self.by_content.get(content).and_then(VecDeque::front);
        first.is_some_and(|first| first.behind == 0)
    }

    /// Takes the first answer of this content, when it is for the next call.
    pub fn take(&mut self, content: &Digest) -> Option<Waiting> {
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

impl FromIterator<Waiting> for Pool {
    fn from_iter<T: IntoIterator<Item = Waiting>>(answers: T) -> Self {
        let mut pool = Self::default();
        answers.into_iter().for_each(|waiting| pool.add(waiting));
        pool
    }
}

/// A call of a journal and what it came to, as far as it did.
struct Made {
    content: Digest,
    is_agent: bool,
    /// What it was given out of the journal's own pool.
    given: Option<Waiting>,
    came_to: Option<CameTo>,
}

struct CameTo {
    outcome: Kept,
    reply: Option<Box<Reply>>,
}

/// The answers of a run to its agents and sleeps, as a fold over its journal.
/// Only what was answered: a call that failed is made again. An answer that came
/// when the process let go, and that no script was told, counts.
pub struct Answers {
    run: RunId,
    steps: Steps,
    pool: Pool,
    given: HashMap<Reused, usize>,
    made: BTreeMap<CallId, Made>,
    memory: Memory,
    /// Agent calls whose requests are kept.
    wanted: BTreeSet<CallId>,
    requests: BTreeMap<CallId, Arc<AgentRequest>>,
}

impl Answers {
    /// Of this run; the requests of the `wanted` calls are kept.
    #[must_use]
    pub fn of(run: RunId, wanted: BTreeSet<CallId>) -> Self {
        Self {
            run,
            steps: Steps::new(),
            pool: Pool::default(),
            given: HashMap::new(),
            made: BTreeMap::new(),
            memory: Memory::default(),
            wanted,
            requests: BTreeMap::new(),
        }
    }

    /// Takes in the next entry, which has this number.
    pub fn add(&mut self, seq: u64, entry: &Entry) {
        let Self { steps, pool, given, made, memory, .. } = self;
        let step = steps.after(entry);
        match (&entry.body, step) {
            (Body::AnswerPooled(pooled), _) => {
                given.insert(pooled.source.clone(), given.len());
                pool.add(Waiting::of((**pooled).clone(), seq, memory));
            }
            (Body::StepAsked { .. }, Some(step)) if step.asked.is_reused() => {
                made.insert(step.step, Made::of(step, pool));
                if let Some(request) = step.agent().filter(|_| self.wanted.contains(&step.step)) {
                    self.requests.insert(step.step, Arc::clone(request));
                }
            }
            (Body::AgentAnswered { outcome, reply, .. }, Some(step)) => {
                if let Some(made) = made.get_mut(&step.step) {
                    made.came_to(outcome, seq, Some(reply.clone()), memory);
                }
            }
            (Body::Settled { outcome, reply, .. }, Some(step)) => {
                if let Some(made) = made.get_mut(&step.step) {
                    made.came_to(outcome, seq, reply.clone(), memory);
                }
            }
            _ => {}
        }
    }

    /// Number of the last call; 0 when there was none.
    #[must_use]
    pub fn last_call(&self) -> u32 {
        self.steps.last().map_or(0, |call| call.0)
    }

    /// What a wanted agent call asked for.
    #[must_use]
    pub fn request(&self, call: CallId) -> Option<&AgentRequest> {
        self.requests.get(&call).map(|request| &**request)
    }

    /// How many agent calls of the content of this one were issued before it.
    #[must_use]
    pub fn place_among_equals(&self, call: CallId) -> u32 {
        let Some(wanted) = self.made.get(&call).filter(|made| made.is_agent) else { return 0 };
        let earlier = self.made.range(..call).map(|(_, made)| made);
        let equals = earlier.filter(|made| made.is_agent && made.content == wanted.content);
        u32::try_from(equals.count()).unwrap_or(u32::MAX)
    }

    /// In order of issue, and behind them what the run had been given itself and
    /// had not used.
    #[must_use]
    pub fn offers(self) -> Vec<Offer> {
        let Self { run, pool, given, made, .. } = self;
        let own = made.into_iter().filter_map(|(call, made)| {
            made.answer(&run, call).map(|answer| Offer { call: Some(call), answer })
        });
        let mut answers: Vec<Offer> = own.collect();
        // In the order in which they were given.
        let mut unused: Vec<Waiting> = pool.by_content.into_values().flatten().collect();
        unused.sort_by_key(|waiting| given.get(&waiting.source).copied());
        answers.extend(unused.into_iter().map(|answer| Offer { call: None, answer }));
        answers
    }
}

/// The answers of a journal that is all here.
#[must_use]
pub fn answers_of(run: &RunId, entries: &[Entry]) -> Vec<Offer> {
    let mut answers = Answers::of(run.clone(), BTreeSet::new());
    for (seq, entry) in (0..).zip(entries) {
        answers.add(seq, entry);
    }
    answers.offers()
}

impl Made {
    /// A call that was just made, with what the pool has for it.
    fn of(step: &Step, pool: &mut Pool) -> Self {
        let content = step.asked.content();
        let given = pool.take(&content);
        let is_agent = step.asked.kind() == StepKind::Agent;
        Self { content, is_agent, given, came_to: None }
    }

    /// Replaces what was kept for this call: the answer that it was given, or the
    /// one that came when the process let go and is settled now.
    fn came_to(
        &mut self,
        outcome: &Outcome,
        seq: u64,
        reply: Option<Box<Reply>>,
        memory: &mut Memory,
    ) {
        let given = self.given.take().map(|given| given.outcome);
        let earlier = self.came_to.take().map(|earlier| earlier.outcome);
        given.iter().chain(&earlier).for_each(|kept| memory.give_back(kept));
        let outcome = memory.keep(outcome.clone(), seq);
        self.came_to = Some(CameTo { outcome, reply });
    }

    fn answer(self, run: &RunId, call: CallId) -> Option<Waiting> {
        let Some(CameTo { outcome, mut reply }) = self.came_to else { return self.given };
        if matches!(outcome, Kept::Here(Outcome::Failed(_))) {
            return None;
        }
        // Whoever paid for it stays its source, over any number of forks.
        let paid = reply.as_mut().and_then(|reply| reply.reused.take());
        let source = paid.unwrap_or(Reused { run: run.clone(), call, by_hand: false });
        Some(Waiting { content: self.content, source, outcome, reply, behind: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::AgentRequest;
    use crate::ids::Scope;
    use crate::step::StepRequest;

    fn run() -> RunId {
        RunId::from_bits(1)
    }

    fn called(call: u32, prompt: &str) -> Body {
        let asked = StepRequest::Agent(AgentRequest::plain(prompt).into());
        Body::StepAsked { call: CallId(call), scope: Scope::ROOT, asked }
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

    fn value_of(answer: &Waiting) -> String {
        match &answer.outcome {
            Kept::Here(Outcome::Value(text)) => text.clone(),
            other => format!("{other:?}"),
        }
    }

    /// As a fork journals it.
    fn journaled(answer: Waiting) -> Body {
        let outcome = match &answer.outcome {
            Kept::Here(outcome) => outcome.clone(),
            Kept::Entry(seq) => panic!("it is in entry {seq}"),
        };
        Body::AnswerPooled(Box::new(answer.with(outcome)))
    }

    #[test]
    fn a_large_answer_stays_where_it_is() {
        let large = format!("\"{}\"", "x".repeat(KEPT_BYTES_MAX));
        let journal =
            entries(vec![called(1, "a"), called(2, "b"), settled(2, &large), settled(1, "1")]);
        let kept: Vec<Kept> =
            answers_of(&run(), &journal).into_iter().map(|offer| offer.answer.outcome).collect();
        assert_eq!(kept, [Kept::Here(Outcome::Value("1".into())), Kept::Entry(2)]);
    }

    #[test]
    fn answers_beyond_the_room_for_them_stay_where_they_are() {
        let small = Outcome::Value(format!("\"{}\"", "x".repeat(9)));
        let mut memory = Memory { bytes: 25 };
        let kept = [0, 1, 2].map(|entry| memory.keep(small.clone(), entry));
        assert_eq!(kept, [Kept::Here(small.clone()), Kept::Here(small), Kept::Entry(2)]);
        let failed = Outcome::Failed(crate::guest::Failure::new("c", "m"));
        assert!(matches!(memory.keep(failed, 3), Kept::Here(_)), "a failure offers nothing");
    }

    /// Bytes of the answers that a fold keeps in memory.
    fn kept_bytes(entries: &[Entry]) -> usize {
        let mut answers = Answers::of(run(), BTreeSet::new());
        for (seq, entry) in (0..).zip(entries) {
            answers.add(seq, entry);
        }
        KEPT_IN_ALL_BYTES_MAX - answers.memory.bytes
    }

    #[test]
    fn an_answer_counts_once_from_when_it_is_kept_until_it_is_dropped() {
        let value = |text: &str| Outcome::Value(text.to_owned());
        let answered = |text| Body::AgentAnswered {
            call: CallId(1),
            outcome: value(text),
            reply: Box::default(),
        };
        let journal =
            entries(vec![called(1, "a"), answered("12345"), settled(1, "12345"), called(2, "b")]);
        assert_eq!(kept_bytes(&journal[..2]), 5);
        assert_eq!(kept_bytes(&journal), 5, "settled as it was answered before");
        // A fork is given the answer, and its script is told it.
        let offer = answers_of(&run(), &journal).remove(0).answer;
        let fork = entries(vec![journaled(offer), called(1, "a"), settled(1, "12345")]);
        assert_eq!(kept_bytes(&fork[..1]), 5);
        assert_eq!(kept_bytes(&fork), 5, "given, taken and told");
        let failed = Outcome::Failed(crate::guest::Failure::new("c", "m"));
        let failed = Body::Settled { call: CallId(1), outcome: failed, reply: None, given: None };
        let journal = entries(vec![called(1, "a"), answered("12345"), failed]);
        assert_eq!(kept_bytes(&journal), 0, "a failure is no answer");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let text = Outcome::Value("x".repeat(10));
        let mut memory = Memory { bytes: 15 };
        for entry in 0..3 {
            let kept = memory.keep(text.clone(), entry);
            assert_eq!(kept, Kept::Here(text.clone()));
            memory.give_back(&kept);
        }
        memory.give_back(&Kept::Entry(7));
        assert_eq!(memory.bytes, 15);
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
        let mut second: Vec<Body> =
            answers_of(&run(), &first).into_iter().map(|offer| journaled(offer.answer)).collect();
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
