//! A plan with the answers of an earlier run: what a fork of it would ask anew.
//!
//! Owns: reading those answers, and the plan of a run that takes them. Never: asks an
//! agent, or writes anything.

use std::collections::{BTreeMap, BTreeSet};

use smol_wf_core::guest::Outcome;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{Body, Entry, RunHead};
use smol_wf_core::reuse::{AnswerFold, AnswerRef, OutcomeRef};

use super::Simulator;
use super::plan::Plan;
use super::simulated_run::SimulationEnd;
use super::simulation::ChildCache;
use super::stubs::Stubs;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::journal::look;

/// Bytes of answers that are read, as many as a fork keeps in memory. Steps whose answer
/// is beyond it count as asked anew.
const ANSWERS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The answers of a run, for any number of plans.
#[derive(Debug, Clone)]
pub struct RecordedAnswers {
    /// The run.
    pub run: RunId,
    /// Its head.
    pub head: RunHead,
    /// Its arguments, as JSON text.
    pub args: Option<String>,
    /// Whether all answers are here.
    pub is_whole: bool,
    pub(super) answers: Vec<AnswerRef>,
}

/// What a fork with these answers would do.
#[derive(Debug)]
pub struct Rehearsal {
    /// The steps that would be asked anew, and their price. Steps behind one of them may
    /// depend on its made-up answer.
    pub plan: Plan,
    /// Agent steps that take an answer of the run.
    pub reused: u32,
    /// The result as JSON text, if no answer in the run is made up.
    pub result: Option<String>,
}

impl Engine {
    /// Reads the answers of a run.
    ///
    /// # Errors
    /// When the run does not exist, or its journal cannot be read.
    pub async fn recorded_answers(&self, run: &RunId) -> Result<RecordedAnswers, EngineError> {
        let mut answers = AnswerFold::of(run.clone(), BTreeSet::new());
        let key = self.key(run);
        let journal =
            look(&self.writer, &key, &mut |seq, _, entry| answers.add(seq, entry)).await?;
        let (head, start, _) = journal.recorded()?;
        let mut answers: Vec<AnswerRef> =
            answers.candidates().into_iter().map(|candidate| candidate.answer).collect();
        let mut large: BTreeMap<u64, Option<Outcome>> =
            answers.iter().filter_map(entry_of).map(|entry| (entry, None)).collect();
        if !large.is_empty() {
            let mut left = ANSWERS_BYTES_MAX;
            let mut keep = |seq: u64, _: &str, entry: &Entry| {
                let Some(place) = large.get_mut(&seq) else { return };
                if let Some(outcome @ Outcome::Value(text)) = outcome_of(&entry.body)
                    && text.len() <= left
                {
                    left -= text.len();
                    *place = Some(outcome.clone());
                }
            };
            look(&self.writer, &key, &mut keep).await?;
        }
        let all = answers.len();
        answers.retain_mut(|answer| match entry_of(answer) {
            None => true,
            Some(entry) => match large.remove(&entry).flatten() {
                Some(outcome) => {
                    answer.outcome = OutcomeRef::Inline(outcome);
                    true
                }
                None => false,
            },
        });
        let is_whole = answers.len() == all;
        Ok(RecordedAnswers { run: run.clone(), head, args: start.args, is_whole, answers })
    }
}

impl Simulator {
    /// Runs the script with the answers of a run, and with made-up ones for the steps that
    /// find none.
    ///
    /// # Errors
    /// When the sandbox fails. An error of the script is in the plan.
    pub async fn rehearse(
        mut self,
        recorded: Option<&RecordedAnswers>,
    ) -> Result<Rehearsal, EngineError> {
        self.answers = recorded.map(|recorded| recorded.answers.clone()).unwrap_or_default();
        let mut stubs = Stubs::new(self.head.seed);
        let (mut plan, run) = self.plan_once(&mut stubs, &mut ChildCache::new()).await?;
        plan.groups_whole = false;
        let reused = u32::try_from(run.reused().len()).unwrap_or(u32::MAX);
        let is_recorded = plan.steps.is_empty() && plan.asks.is_empty();
        let result = match &run.ended {
            SimulationEnd::Completed(result) if is_recorded => Some(result.clone()),
            _ => None,
        };
        plan.end(&self.root, run.ended);
        Ok(Rehearsal { plan, reused, result })
    }
}

fn entry_of(answer: &AnswerRef) -> Option<u64> {
    match answer.outcome {
        OutcomeRef::InEntry(entry) => Some(entry),
        OutcomeRef::Inline(_) => None,
    }
}

fn outcome_of(body: &Body) -> Option<&Outcome> {
    match body {
        Body::AnswerPooled(answer) => Some(&answer.outcome),
        Body::Settled { outcome, .. }
        | Body::AgentAnswered { outcome, .. }
        | Body::AskAnswered { outcome, .. } => Some(outcome),
        _ => None,
    }
}
