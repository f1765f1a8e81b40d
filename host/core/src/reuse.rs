//! Answers that the steps of a fork may reuse, by content.
//!
//! Owns: which answers a journal offers, and which step takes which. Never: decides
//! which steps have equal content ([`crate::content`] does), or asks an agent.
//!
//! Answers of equal content are taken first in, first out, in the order in which their
//! steps were asked for, not in the order in which they were answered. So a fan-out of
//! equal steps gets the same answers as before.

mod answer;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::guest::Outcome;
use crate::ids::{Digest, RunId, StepId};
use crate::journal::{Body, Entry};
use crate::step::StepKind;
use crate::step_request::{AgentRequest, AnswerSource, Reply};
use crate::steps::{Step, Steps};
pub use answer::ReusableAnswer;

/// Largest answer kept in memory; a larger one stays in the journal until it is
/// delivered.
const INLINE_BYTES_MAX: usize = 16 * 1024;

/// Bytes of answers that one run keeps in memory: a fork gets all answers of its
/// parent, and their sum has no bound. Each answer beyond it costs one read of the
/// journal when it is delivered.
const MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An outcome, or where to read it.
#[derive(Debug, Clone, PartialEq)]
pub enum OutcomeRef {
    /// The outcome itself.
    Inline(Outcome),
    /// Number of the journal entry that holds it.
    InEntry(u64),
}

/// The memory that one run has left for answers. Each answer counts once, from
/// [`AnswerMemory::keep`] to [`AnswerMemory::give_back`].
#[derive(Debug)]
pub struct AnswerMemory {
    bytes: usize,
}

impl Default for AnswerMemory {
    fn default() -> Self {
        Self { bytes: MEMORY_BYTES_MAX }
    }
}

impl AnswerMemory {
    /// Keeps the outcome that this entry holds: inline if there is room, otherwise by
    /// the number of the entry.
    pub fn keep(&mut self, outcome: Outcome, entry: u64) -> OutcomeRef {
        match &outcome {
            Outcome::Value(text) if text.len() > self.bytes.min(INLINE_BYTES_MAX) => {
                return OutcomeRef::InEntry(entry);
            }
            Outcome::Value(text) => self.bytes -= text.len(),
            Outcome::Failed(_) => {}
        }
        OutcomeRef::Inline(outcome)
    }

    /// Frees the memory of an outcome that was used, dropped or replaced.
    pub fn give_back(&mut self, outcome: &OutcomeRef) {
        if let OutcomeRef::Inline(Outcome::Value(text)) = outcome {
            self.bytes = self.bytes.saturating_add(text.len()).min(MEMORY_BYTES_MAX);
        }
    }
}

/// A [`ReusableAnswer`] whose outcome may still be in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRef {
    /// Digest of the step's content.
    pub content: Digest,
    /// The step for which the answer was made, and its run.
    pub source: AnswerSource,
    /// The step's outcome.
    pub outcome: OutcomeRef,
    /// What the agent reported about itself; none for a sleep.
    pub reply: Option<Box<Reply>>,
    /// Number of equal steps that must miss first.
    pub behind: u32,
}

impl AnswerRef {
    /// The answer in the journal entry of this number.
    #[must_use]
    pub fn of(answer: ReusableAnswer, entry: u64, memory: &mut AnswerMemory) -> Self {
        let ReusableAnswer { content, source, outcome, reply, behind } = answer;
        Self { content, source, outcome: memory.keep(outcome, entry), reply, behind }
    }

    /// The form of it for the journal, with this outcome.
    #[must_use]
    pub fn with(self, outcome: Outcome) -> ReusableAnswer {
        let Self { content, source, reply, behind, .. } = self;
        ReusableAnswer { content, source, outcome, reply, behind }
    }
}

/// An answer that a run offers to its forks.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The step of this run that has the answer; none for an answer that the run got
    /// from its own parent and did not use.
    pub step: Option<StepId>,
    /// The answer; its entry number refers to the journal of this run.
    pub answer: AnswerRef,
}

/// Answers by content.
#[derive(Debug, Clone, Default)]
pub struct ReusableAnswers {
    by_content: HashMap<Digest, VecDeque<AnswerRef>>,
}

impl ReusableAnswers {
    /// Whether no answer is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_content.is_empty()
    }

    /// Queues an answer after those of equal content.
    pub fn add(&mut self, answer: AnswerRef) {
        self.by_content.entry(answer.content.clone()).or_default().push_back(answer);
    }

    /// Whether the next step of this content finds an answer.
    #[must_use]
    pub fn has(&self, content: &Digest) -> bool {
        let first = self.by_content.get(content).and_then(VecDeque::front);
        first.is_some_and(|first| first.behind == 0)
    }

    /// Takes the first answer of this content. Steps before the one that the answer is
    /// meant for get none; each counts down [`AnswerRef::behind`].
    pub fn take(&mut self, content: &Digest) -> Option<AnswerRef> {
        let queue = self.by_content.get_mut(content)?;
        if let Some(first) = queue.front_mut()
            && first.behind > 0
        {
            first.behind -= 1;
            return None;
        }
        let taken = queue.pop_front();
        if queue.is_empty() {
            self.by_content.remove(content);
        }
        taken
    }
}

impl FromIterator<AnswerRef> for ReusableAnswers {
    fn from_iter<T: IntoIterator<Item = AnswerRef>>(answers: T) -> Self {
        let mut reusable = Self::default();
        answers.into_iter().for_each(|answer| reusable.add(answer));
        reusable
    }
}

/// A step of a journal, with its answer if it has one.
struct AskedStep {
    content: Digest,
    is_agent: bool,
    /// A question: only an answer counts, and not the end of its time.
    is_ask: bool,
    /// The answer that it took from those of the run's own parent.
    reused: Option<AnswerRef>,
    result: Option<StepResult>,
}

struct StepResult {
    outcome: OutcomeRef,
    reply: Option<Box<Reply>>,
}

/// The answers to a run's agents, sleeps and questions, as a fold over its journal. Failures are
/// left out: a fork asks a failed step again. An answer that was kept at the end of an
/// epoch, and not yet delivered, counts.
pub struct AnswerFold {
    run: RunId,
    steps: Steps,
    /// Answers of its own parent that it has not used.
    unused: ReusableAnswers,
    /// The order in which it got the answers of its own parent.
    ranks: HashMap<AnswerSource, usize>,
    asked: BTreeMap<StepId, AskedStep>,
    memory: AnswerMemory,
    /// Agent steps whose requests are kept.
    wanted: BTreeSet<StepId>,
    requests: BTreeMap<StepId, Arc<AgentRequest>>,
}

impl AnswerFold {
    /// A fold over the journal of `run` that keeps the requests of the `wanted` agent
    /// steps.
    #[must_use]
    pub fn of(run: RunId, wanted: BTreeSet<StepId>) -> Self {
        Self {
            run,
            steps: Steps::new(),
            unused: ReusableAnswers::default(),
            ranks: HashMap::new(),
            asked: BTreeMap::new(),
            memory: AnswerMemory::default(),
            wanted,
            requests: BTreeMap::new(),
        }
    }

    /// Adds the next entry, which has the number `seq`.
    pub fn add(&mut self, seq: u64, entry: &Entry) {
        let Self { steps, unused, ranks, asked, memory, .. } = self;
        let step = steps.after(entry);
        match (&entry.body, step) {
            (Body::AnswerPooled(answer), _) => {
                ranks.insert(answer.source.clone(), ranks.len());
                unused.add(AnswerRef::of((**answer).clone(), seq, memory));
            }
            (Body::StepAsked { .. }, Some(step)) if step.asked.is_reused() => {
                asked.insert(step.id, AskedStep::new(step, unused));
                if let Some(request) = step.agent().filter(|_| self.wanted.contains(&step.id)) {
                    self.requests.insert(step.id, Arc::clone(request));
                }
            }
            (Body::AgentAnswered { outcome, reply, .. }, Some(step)) => {
                if let Some(asked) = asked.get_mut(&step.id) {
                    asked.set_result(outcome, seq, Some(reply.clone()), memory);
                }
            }
            (Body::AskAnswered { outcome, .. }, Some(step)) => {
                if let Some(asked) = asked.get_mut(&step.id) {
                    asked.set_result(outcome, seq, None, memory);
                }
            }
            (Body::Settled { outcome, reply, .. }, Some(step)) => {
                if let Some(asked) = asked.get_mut(&step.id).filter(|asked| !asked.is_ask) {
                    asked.set_result(outcome, seq, reply.clone(), memory);
                }
            }
            _ => {}
        }
    }

    /// Number of the last step; 0 when there was none.
    #[must_use]
    pub fn last_step(&self) -> u32 {
        self.steps.last().map_or(0, |step| step.0)
    }

    /// The request of a wanted agent step.
    #[must_use]
    pub fn request(&self, step: StepId) -> Option<&AgentRequest> {
        self.requests.get(&step).map(|request| &**request)
    }

    /// Number of earlier agent steps with the content of this one.
    #[must_use]
    pub fn place_among_equals(&self, step: StepId) -> u32 {
        let Some(wanted) = self.asked.get(&step).filter(|asked| asked.is_agent) else { return 0 };
        let earlier = self.asked.range(..step).map(|(_, asked)| asked);
        let equals = earlier.filter(|asked| asked.is_agent && asked.content == wanted.content);
        u32::try_from(equals.count()).unwrap_or(u32::MAX)
    }

    /// The answers in the order in which their steps were asked for, then those that
    /// the run got from its own parent and has not used.
    #[must_use]
    pub fn candidates(self) -> Vec<Candidate> {
        let Self { run, unused, ranks, asked, .. } = self;
        let own = asked.into_iter().filter_map(|(step, asked)| {
            asked.answer(&run, step).map(|answer| Candidate { step: Some(step), answer })
        });
        let mut answers: Vec<Candidate> = own.collect();
        let mut unused: Vec<AnswerRef> = unused.by_content.into_values().flatten().collect();
        unused.sort_by_key(|answer| ranks.get(&answer.source).copied());
        answers.extend(unused.into_iter().map(|answer| Candidate { step: None, answer }));
        answers
    }
}

/// The answers of a journal that is wholly in memory.
#[must_use]
pub fn answers_of(run: &RunId, entries: &[Entry]) -> Vec<Candidate> {
    let mut answers = AnswerFold::of(run.clone(), BTreeSet::new());
    for (seq, entry) in (0..).zip(entries) {
        answers.add(seq, entry);
    }
    answers.candidates()
}

impl AskedStep {
    /// A step that was just asked for. It takes an unused answer of its content.
    fn new(step: &Step, unused: &mut ReusableAnswers) -> Self {
        let content = step.asked.content();
        let reused = unused.take(&content);
        let is_agent = step.asked.kind() == StepKind::Agent;
        let is_ask = step.asked.kind() == StepKind::Ask;
        Self { content, is_agent, is_ask, reused, result: None }
    }

    /// Replaces the answer of this step: the one that it reused, or the one that was
    /// kept at the end of an epoch and is settled now.
    fn set_result(
        &mut self,
        outcome: &Outcome,
        seq: u64,
        reply: Option<Box<Reply>>,
        memory: &mut AnswerMemory,
    ) {
        let reused = self.reused.take().map(|reused| reused.outcome);
        let earlier = self.result.take().map(|earlier| earlier.outcome);
        reused.iter().chain(&earlier).for_each(|outcome| memory.give_back(outcome));
        let outcome = memory.keep(outcome.clone(), seq);
        self.result = Some(StepResult { outcome, reply });
    }

    fn answer(self, run: &RunId, step: StepId) -> Option<AnswerRef> {
        let Some(StepResult { outcome, mut reply }) = self.result else { return self.reused };
        if matches!(outcome, OutcomeRef::Inline(Outcome::Failed(_))) {
            return None;
        }
        // The source stays the run that paid for the answer, over any number of forks.
        let paid = reply.as_mut().and_then(|reply| reply.reused.take());
        let source = paid.unwrap_or(AnswerSource { run: run.clone(), step, by_hand: false });
        Some(AnswerRef { content: self.content, source, outcome, reply, behind: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Scope;
    use crate::step::StepRequest;
    use crate::step_request::AgentRequest;

    fn run() -> RunId {
        RunId::from_bits(1)
    }

    fn asked(step: u32, prompt: &str) -> Body {
        let asked = StepRequest::Agent(AgentRequest::plain(prompt).into());
        Body::StepAsked { step: StepId(step), scope: Scope::ROOT, asked }
    }

    fn settled(step: u32, answer: &str) -> Body {
        let outcome = Outcome::Value(answer.to_owned());
        Body::Settled { step: StepId(step), outcome, reply: Some(Box::default()), given: None }
    }

    fn entries(bodies: Vec<Body>) -> Vec<Entry> {
        bodies.into_iter().map(|body| Entry { at_us: 0, body }).collect()
    }

    /// Source and value of each answer.
    fn values(offers: &[Candidate]) -> Vec<(u32, String)> {
        let answers = offers.iter().map(|offer| &offer.answer);
        answers.map(|answer| (answer.source.step.0, value_of(answer))).collect()
    }

    fn value_of(answer: &AnswerRef) -> String {
        match &answer.outcome {
            OutcomeRef::Inline(Outcome::Value(text)) => text.clone(),
            other => format!("{other:?}"),
        }
    }

    /// As a fork journals it.
    fn journaled(answer: AnswerRef) -> Body {
        let outcome = match &answer.outcome {
            OutcomeRef::Inline(outcome) => outcome.clone(),
            OutcomeRef::InEntry(seq) => panic!("it is in entry {seq}"),
        };
        Body::AnswerPooled(Box::new(answer.with(outcome)))
    }

    #[test]
    fn a_large_answer_stays_in_the_journal() {
        let large = format!("\"{}\"", "x".repeat(INLINE_BYTES_MAX));
        let journal =
            entries(vec![asked(1, "a"), asked(2, "b"), settled(2, &large), settled(1, "1")]);
        let kept: Vec<OutcomeRef> =
            answers_of(&run(), &journal).into_iter().map(|offer| offer.answer.outcome).collect();
        assert_eq!(kept, [OutcomeRef::Inline(Outcome::Value("1".into())), OutcomeRef::InEntry(2)]);
    }

    #[test]
    fn answers_beyond_the_memory_for_them_stay_in_the_journal() {
        let small = Outcome::Value(format!("\"{}\"", "x".repeat(9)));
        let mut memory = AnswerMemory { bytes: 25 };
        let kept = [0, 1, 2].map(|entry| memory.keep(small.clone(), entry));
        assert_eq!(
            kept,
            [OutcomeRef::Inline(small.clone()), OutcomeRef::Inline(small), OutcomeRef::InEntry(2)]
        );
        let failed = Outcome::Failed(crate::guest::Failure::new("c", "m"));
        assert!(
            matches!(memory.keep(failed, 3), OutcomeRef::Inline(_)),
            "a failure takes no memory"
        );
    }

    /// Bytes of the answers that a fold keeps in memory.
    fn kept_bytes(entries: &[Entry]) -> usize {
        let mut answers = AnswerFold::of(run(), BTreeSet::new());
        for (seq, entry) in (0..).zip(entries) {
            answers.add(seq, entry);
        }
        MEMORY_BYTES_MAX - answers.memory.bytes
    }

    #[test]
    fn an_answer_counts_once_from_when_it_is_kept_until_it_is_dropped() {
        let value = |text: &str| Outcome::Value(text.to_owned());
        let answered = |text| Body::AgentAnswered {
            step: StepId(1),
            outcome: value(text),
            reply: Box::default(),
        };
        let journal =
            entries(vec![asked(1, "a"), answered("12345"), settled(1, "12345"), asked(2, "b")]);
        assert_eq!(kept_bytes(&journal[..2]), 5);
        assert_eq!(kept_bytes(&journal), 5, "settled as it was answered before");
        // A fork gets the answer, and delivers it to its script.
        let offer = answers_of(&run(), &journal).remove(0).answer;
        let fork = entries(vec![journaled(offer), asked(1, "a"), settled(1, "12345")]);
        assert_eq!(kept_bytes(&fork[..1]), 5);
        assert_eq!(kept_bytes(&fork), 5, "offered, reused and delivered");
        let failed = Outcome::Failed(crate::guest::Failure::new("c", "m"));
        let failed = Body::Settled { step: StepId(1), outcome: failed, reply: None, given: None };
        let journal = entries(vec![asked(1, "a"), answered("12345"), failed]);
        assert_eq!(kept_bytes(&journal), 0, "a failure is not an answer");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let text = Outcome::Value("x".repeat(10));
        let mut memory = AnswerMemory { bytes: 15 };
        for entry in 0..3 {
            let kept = memory.keep(text.clone(), entry);
            assert_eq!(kept, OutcomeRef::Inline(text.clone()));
            memory.give_back(&kept);
        }
        memory.give_back(&OutcomeRef::InEntry(7));
        assert_eq!(memory.bytes, 15);
    }

    #[test]
    fn answers_are_taken_in_the_order_of_their_steps() {
        let journal = entries(vec![
            asked(1, "same"),
            asked(2, "same"),
            asked(3, "other"),
            settled(2, "\"second\""),
            settled(1, "\"first\""),
        ]);
        let answers = answers_of(&run(), &journal);
        assert_eq!(values(&answers), [(1, "\"first\"".to_owned()), (2, "\"second\"".to_owned())]);
        let mut reusable: ReusableAnswers = answers.into_iter().map(|one| one.answer).collect();
        let key = AgentRequest::plain("same").content_key();
        assert_eq!(reusable.take(&key).unwrap().source.step, StepId(1));
        assert_eq!(reusable.take(&key).unwrap().source.step, StepId(2));
        assert!(reusable.take(&key).is_none() && reusable.is_empty());
    }

    #[test]
    fn a_fork_of_a_fork_offers_unused_answers_and_names_their_source() {
        let first = entries(vec![asked(1, "a"), asked(2, "b"), settled(1, "1"), settled(2, "2")]);
        let mut second: Vec<Body> =
            answers_of(&run(), &first).into_iter().map(|offer| journaled(offer.answer)).collect();
        // It was stopped before `a` was delivered, and never asked for `b`.
        second.extend([asked(1, "new"), asked(2, "a"), settled(1, "3")]);
        let answers = answers_of(&RunId::from_bits(2), &entries(second));
        assert_eq!(values(&answers), [(1, "3".into()), (1, "1".into()), (2, "2".into())]);
        assert_eq!(answers[0].answer.source.run, RunId::from_bits(2));
        assert_eq!(answers[1].answer.source.run, run());
        assert_eq!(
            answers.iter().map(|offer| offer.step.map(|step| step.0)).collect::<Vec<_>>(),
            [Some(1), Some(2), None]
        );
    }

    #[test]
    fn failures_are_not_offered() {
        let failed = Body::Settled {
            step: StepId(1),
            outcome: Outcome::Failed(crate::guest::Failure::new("c", "m")),
            reply: None,
            given: Some(crate::settlement::Substitute::Null),
        };
        assert!(answers_of(&run(), &entries(vec![asked(1, "a"), failed])).is_empty());
    }
}
