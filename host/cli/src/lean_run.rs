//! A run whose long texts stay in its journal.
//!
//! Owns: which texts are read again when they are shown, one at a time. Never: what
//! an entry means.

use std::collections::HashMap;

use smol_wf_core::guest::Outcome;
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::{Body, Entry};
use smol_wf_core::step::StepRequest;
use smol_wf_core::trace::SpanTexts;
use smol_wf_engine::{EngineError, RunReader};

/// Bytes of a prompt or an answer that stay in memory: lists and traces show the
/// first line only.
const SHOWN_BYTES_MAX: usize = 4 * 1024;

/// The entries of a run, with long texts cut, and a way back to the whole texts.
pub(crate) struct LeanRun {
    /// All entries, in order. Only the result is whole.
    pub(crate) entries: Vec<Entry>,
    reader: RunReader,
    /// Entry numbers of prompts, and of arguments of `workflow` steps, that were cut.
    asked: HashMap<StepId, u64>,
    /// Entry numbers of answers that were cut.
    answers: HashMap<StepId, u64>,
    /// Entry number of the start of the run's own script, if its arguments were cut.
    start: Option<u64>,
}

impl LeanRun {
    /// Reads a run to its end. Fails if an entry cannot be read.
    pub(crate) async fn read(reader: RunReader) -> Result<Self, EngineError> {
        let (entries, asked, answers) = (Vec::new(), HashMap::new(), HashMap::new());
        let mut run = Self { entries, reader, asked, answers, start: None };
        while let Some((_, mut entries)) = run.reader.next().await? {
            for (seq, entry) in (run.entries.len() as u64..).zip(&mut entries) {
                run.note(seq, &entry.body);
                if !matches!(entry.body, Body::RunEnded { .. }) {
                    entry.body.shorten(SHOWN_BYTES_MAX);
                }
            }
            run.entries.append(&mut entries);
        }
        Ok(run)
    }

    /// Whether a process held the run when reading began.
    pub(crate) fn held(&self) -> bool {
        self.reader.held
    }

    /// Remembers the entry `seq` if a text in it is cut.
    fn note(&mut self, seq: u64, body: &Body) {
        match body {
            Body::ScopeStarted(start) if start.scope == Scope::ROOT => {
                let args = start.args.as_ref().map_or(0, String::len);
                self.start = (args > SHOWN_BYTES_MAX).then_some(seq);
            }
            Body::StepAsked { step, .. } if body.weight() > SHOWN_BYTES_MAX => {
                self.asked.insert(*step, seq);
            }
            Body::Settled { step, .. } | Body::AgentAnswered { step, .. }
                if body.weight() > SHOWN_BYTES_MAX =>
            {
                self.answers.insert(*step, seq);
            }
            _ => {}
        }
    }

    /// Prompt and answer of a step, each only if it was cut; the fold has the
    /// others. Fails if an entry cannot be read.
    pub(crate) async fn said(&self, step: StepId) -> Result<SpanTexts, EngineError> {
        let mut said = SpanTexts::default();
        if let Some(asked) = self.asked(step).await? {
            said.prompt = asked.agent().map(|request| request.prompt.clone());
        }
        said.answer = self.answer(step).await?;
        Ok(said)
    }

    /// The answer of a step as JSON text, if it was cut. Fails if the entry cannot be
    /// read.
    pub(crate) async fn answer(&self, step: StepId) -> Result<Option<String>, EngineError> {
        let Some(seq) = self.answers.get(&step) else { return Ok(None) };
        match self.reader.entry(*seq).await?.body {
            Body::Settled { outcome: Outcome::Value(answer), .. }
            | Body::AgentAnswered { outcome: Outcome::Value(answer), .. } => Ok(Some(answer)),
            _ => Ok(None),
        }
    }

    /// The request of a step, if a text in it was cut. Fails if the entry cannot be
    /// read.
    pub(crate) async fn asked(&self, step: StepId) -> Result<Option<StepRequest>, EngineError> {
        let Some(seq) = self.asked.get(&step) else { return Ok(None) };
        match self.reader.entry(*seq).await?.body {
            Body::StepAsked { asked, .. } => Ok(Some(asked)),
            _ => Ok(None),
        }
    }

    /// The arguments of the run as JSON text; `None` is `undefined`. Fails if the
    /// entry cannot be read.
    pub(crate) async fn args(&self) -> Result<Option<String>, EngineError> {
        if let Some(seq) = self.start
            && let Body::ScopeStarted(start) = self.reader.entry(seq).await?.body
        {
            return Ok(start.args);
        }
        let of_root = self.entries.iter().find_map(|entry| match &entry.body {
            Body::ScopeStarted(start) if start.scope == Scope::ROOT => Some(start.args.clone()),
            _ => None,
        });
        Ok(of_root.flatten())
    }
}
