//! Forks: new runs that reuse the answers of an earlier one.
//!
//! Owns: which answers a fork may reuse, and its head. Never: changes the parent.
//!
//! All reusable answers are copied into the fork's first commit, so that the fork can be
//! resumed, exported and replayed after its parent was deleted.

mod error;

use std::path::PathBuf;

use smol_wf_core::guest::Outcome;
use smol_wf_core::ids::{RunId, Scope, StepId};
use smol_wf_core::journal::{ForkReason, JOURNAL_FORMAT, Parent, RunHead};
use smol_wf_core::limit_changes::LimitChanges;
use smol_wf_core::machine::Machine;
use smol_wf_core::report::Report;
use smol_wf_core::reuse::{AnswerFold, AnswerRef, Candidate, OutcomeRef};
use smol_wf_core::schema;
use smol_wf_core::step_request::{AnswerSource, Reply};
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::Sandbox;
use tokio_util::sync::CancellationToken;

use crate::children::{given, scope_start};
use crate::clock;
use crate::engine::{Engine, RunMeans};
use crate::error::EngineError;
use crate::folders::{RunFolders, kept};
use crate::fork_answers::ForkAnswers;
use crate::journal::look;
use crate::lease_holder::ClaimedLease;
use crate::provider_set;
use crate::request::{RunSettings, ScriptFile};
use crate::watch::Watcher;

pub use error::ForkError;

/// The provider of an answer that a person wrote.
const BY_HAND: &str = "by-hand";

/// A fork of a run: a new run in which each agent step takes the parent's answer to a step
/// of equal content while one is left. Otherwise its agent is asked.
///
/// ```no_run
/// # async fn f(engine: smol_wf_engine::Engine) -> Result<(), smol_wf_engine::EngineError> {
/// use smol_wf_engine::ForkRequest;
///
/// let parent = engine.find("latest").await?;
/// let args = Some("{ \"files\": [\"b.rs\"] }".to_owned());
/// let fork = engine.start(ForkRequest { args, ..ForkRequest::of(parent) })?;
/// # fork.wait().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ForkRequest {
    /// The parent run.
    pub run: RunId,
    /// The script of the fork. Without it, the parent's recorded text is used.
    pub script: Option<ScriptFile>,
    /// The first step of the parent whose answer is not reused. Later answers are not
    /// reused either. Without it, all answers are.
    pub from: Option<StepId>,
    /// Answers written by hand, as JSON text by agent step of the parent. They replace
    /// the parent's own, also from step `from` on.
    pub results: Vec<(StepId, String)>,
    /// JSON text of `args`. Without it, the parent's are used.
    pub args: Option<String>,
    /// Provider of agent steps that name none. Without it, the parent's is used.
    pub provider: Option<String>,
    /// Rules of the debug provider. Without them, the parent's are used.
    pub debug_rules: Option<Vec<String>>,
    /// Changes to the parent's limits. A fork may have lower ones.
    pub limits: LimitChanges,
    /// Folders, agents and timing of the fork in this process.
    pub settings: RunSettings,
    /// Why the fork is made. Only recorded: the reused answers do not depend on it.
    pub reason: ForkReason,
}

impl ForkRequest {
    /// A fork that reuses every answer of this run.
    #[must_use]
    pub fn of(run: RunId) -> Self {
        Self {
            run,
            script: None,
            from: None,
            results: Vec::new(),
            args: None,
            provider: None,
            debug_rules: None,
            limits: LimitChanges::default(),
            settings: RunSettings::default(),
            reason: ForkReason::Asked,
        }
    }
}

impl Engine {
    /// Starts a new run with the answers of another one.
    ///
    /// # Errors
    /// When the parent does not exist, its journal cannot be read, or the fork cannot
    /// start.
    pub(crate) async fn fork(
        &self,
        (request, parent_lease): (ForkRequest, Option<ClaimedLease>),
        run: RunId,
        watcher: &dyn Watcher,
        cancel: CancellationToken,
    ) -> Result<Report, EngineError> {
        let wanted = request.results.iter().map(|(step, _)| *step).collect();
        let mut answers = AnswerFold::of(request.run.clone(), wanted);
        let mut continued = Vec::new();
        let journal = look(&self.writer, &self.key(&request.run), &mut |seq, _, entry| {
            if let Some((step, agent)) = entry.body.asked_agent() {
                continued.extend(agent.continues().map(|of| (of, step)));
            }
            answers.add(seq, entry)
        })
        .await?;
        let (old, start, limits) = journal.recorded()?;
        let answers = answers_for(&request, answers)?;
        refuse_lost_sessions(&request, &continued)?;
        let recorded = PathBuf::from(&old.script_path);
        let file = request.script.as_ref().map_or(&recorded, |script| &script.path);
        let named = request.script.as_ref().map(|script| script.path.as_path());
        let folders = RunFolders::of_recorded(&old, named, &request.settings.folders)?;
        let (script, dialect) = match &request.script {
            Some(script) => self.check_as(script, Surface::CURRENT, folders.modules()).await?,
            None => self.check_recorded(&start, &old.script_path).await?,
        };
        let root = folders.root.as_ref();
        let project_root = root.map(|root| kept(root.path())).transpose()?;
        let path = root.map(|root| root.relative(file));
        let head = RunHead {
            format: JOURNAL_FORMAT,
            surface: Surface::CURRENT,
            run,
            name: script.meta.name.clone(),
            script: script.digest.clone(),
            script_path: kept(file)?,
            project_root: project_root.unwrap_or_else(|| old.project_root.clone()),
            cwd: Some(kept(&folders.cwd)?),
            provider: request.provider.clone().unwrap_or(old.provider.clone()),
            debug_rules: request.debug_rules.clone().unwrap_or(old.debug_rules.clone()),
            parent: Some(Parent {
                run: request.run.clone(),
                entries: journal.survey.entries,
                from: request.from,
                reason: request.reason,
            }),
            ..old
        };
        let registry = provider_set::registry(self.providers.as_ref(), &head)?;
        let args = request.args.or(start.args);
        let path = path.unwrap_or(start.path);
        let start = given(scope_start(Scope::ROOT, script, dialect, path), args)?;
        let limits = request.limits.applied_to(limits);
        let guest = Sandbox::guest_digest();
        let now_us = clock::now_us();
        let parent = self.key(&request.run);
        let fork_answers = ForkAnswers { parent, at_us: now_us, answers, parent_lease };
        let machine = Machine::fork(head, start, fork_answers.in_fork(), limits, guest, now_us);
        let RunSettings { agents, times, asks, answers, .. } = request.settings;
        let asks = (asks, answers);
        let means = RunMeans { registry, folders, agents, times, asks };
        Box::pin(self.begin(machine, Some(fork_answers), means, watcher, cancel)).await
    }
}

/// The answers that the fork may reuse: those of steps before `from`, and those written
/// by hand.
fn answers_for(request: &ForkRequest, answers: AnswerFold) -> Result<Vec<AnswerRef>, EngineError> {
    if let Some(from) = request.from {
        let last = answers.last_step();
        if from.0 == 0 || from.0 > last + 1 {
            return Err(ForkError::NoSuchStep { run: request.run.clone(), from, last }.into());
        }
    }
    refuse_two_answers(&request.results)?;
    let by_hand: Vec<(StepId, AnswerRef)> = by_hand_in_order(request, &answers)?;
    let mut candidates = answers.candidates();
    candidates.retain(|candidate| {
        request.from.is_none_or(|from| candidate.step.is_some_and(|step| step < from))
    });
    for (step, mut answer) in by_hand {
        candidates.retain(|candidate| candidate.step != Some(step));
        let place =
            candidates.iter().position(|candidate| candidate.step.is_none_or(|other| other > step));
        let place = place.unwrap_or(candidates.len());
        // It keeps its place among the steps of equal content: earlier steps without an
        // answer are asked.
        let equals = candidates[..place]
            .iter()
            .filter(|candidate| candidate.answer.content == answer.content);
        let served: u32 = equals.map(|candidate| candidate.answer.behind + 1).sum();
        answer.behind = answer.behind.saturating_sub(served);
        candidates.insert(place, Candidate { step: Some(step), answer });
    }
    Ok(candidates.into_iter().map(|candidate| candidate.answer).collect())
}

/// The answers written by hand, in order of their steps. `behind` is still the place
/// among all steps of equal content.
fn by_hand_in_order(
    request: &ForkRequest,
    answers: &AnswerFold,
) -> Result<Vec<(StepId, AnswerRef)>, ForkError> {
    let mut results: Vec<_> = request.results.iter().collect();
    results.sort_by_key(|(step, _)| *step);
    let answer = |(step, result): &(StepId, String)| {
        let mut answer = by_hand(&request.run, *step, result, answers)?;
        answer.behind = answers.place_among_equals(*step);
        Ok((*step, answer))
    };
    results.into_iter().map(answer).collect()
}

/// Refuses an answer by hand for a step whose session a later step continues.
/// `continued` has pairs of both steps. A fork with another script is not checked: it may
/// continue other sessions.
fn refuse_lost_sessions(
    request: &ForkRequest,
    continued: &[(StepId, StepId)],
) -> Result<(), ForkError> {
    let by_hand = |step: &StepId| request.results.iter().any(|(other, _)| other == step);
    match continued.iter().find(|(step, _)| by_hand(step)) {
        Some(&(step, by)) if request.script.is_none() => Err(ForkError::NeedsSession { step, by }),
        _ => Ok(()),
    }
}

/// Refuses two answers for one step.
fn refuse_two_answers(results: &[(StepId, String)]) -> Result<(), ForkError> {
    for (index, (step, _)) in results.iter().enumerate() {
        if results[..index].iter().any(|(other, _)| other == step) {
            return Err(ForkError::TwoAnswers { step: *step });
        }
    }
    Ok(())
}

/// An answer written by hand. It must satisfy the schema of its step.
fn by_hand(
    run: &RunId,
    step: StepId,
    result: &str,
    answers: &AnswerFold,
) -> Result<AnswerRef, ForkError> {
    let request =
        answers.request(step).ok_or_else(|| ForkError::NotAnAgent { run: run.clone(), step })?;
    let value: serde_json::Value = serde_json::from_str(result).map_err(|error| {
        ForkError::NotJson { step, reason: error.to_string(), text: result.to_owned() }
    })?;
    if let Some(schema) = &request.schema {
        let checker = schema
            .checker()
            .map_err(|failure| ForkError::Schema { step, reason: failure.message })?;
        checker.check(&value).map_err(|violations| ForkError::Mismatch {
            step,
            reason: schema::describe(&violations),
        })?;
    }
    let source = AnswerSource { run: run.clone(), step, by_hand: true };
    let reply = Reply { provider: BY_HAND.to_owned(), ..Reply::default() };
    Ok(AnswerRef {
        content: request.content_key(),
        source,
        outcome: OutcomeRef::Inline(Outcome::Value(value.to_string())),
        reply: Some(Box::new(reply)),
        behind: 0,
    })
}
