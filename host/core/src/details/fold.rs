//! Builds [`Details`], entry by entry.
//!
//! Owns: what each kind of entry adds. Never: how it is shown.

use super::messages::end_waiting;
use super::{
    Body, Details, Digest, Entry, Epoch, EpochEnd, Failure, Limits, NoHead, Outcome,
    PermissionDetails, Reply, RunEnd, RunHead, Scope, ScriptNote, Spend, StepDetails, StepId,
    StepKind, StepMessage, StepOptions, StepRequest, StepState, Steps, StopReason, TokenUsage,
    UsageTables, Work,
};
use crate::dollars;
use crate::message::{Message, MessageTaken};
use crate::selector::Addressee;
use crate::settlement::Substitute;
use crate::steps::EndedAsk;

pub(super) fn details(entries: &[Entry], held: bool) -> Result<Details<'_>, NoHead> {
    let Some(Entry { at_us, body: Body::RunStarted(head) }) = entries.first() else {
        return Err(NoHead);
    };
    let mut fold = Fold { details: empty(head, *at_us), steps: Steps::new() };
    for entry in &entries[1..] {
        fold.after(entry);
        fold.details.updated_at_us = entry.at_us;
    }
    Ok(fold.finish(held))
}

fn empty(head: &RunHead, at_us: i64) -> Details<'_> {
    Details {
        created_at_us: at_us,
        updated_at_us: at_us,
        cwd: head.cwd.as_deref().unwrap_or(&head.project_root),
        script: &head.script_path,
        script_digest: &head.script,
        provider: &head.provider,
        seed: head.seed,
        budget: head.budget,
        epochs: Vec::new(),
        steps: Vec::new(),
        usage: UsageTables::default(),
        head,
        scripts: Vec::new(),
        notes: Vec::new(),
        spent: Vec::new(),
        end: None,
    }
}

/// Adds what only the details of the step have.
fn note<'a>(step: &mut StepDetails<'a>, body: &'a Body, at_us: i64) {
    match body {
        Body::AgentSession { provider, session_id, .. } => {
            step.provider = Some(provider);
            step.session_id = Some(session_id);
        }
        Body::AgentActivity(activity) => step.doing = Some(&activity.text),
        Body::AgentAsked { request, .. } => {
            step.permissions.push(PermissionDetails::asked(request, at_us));
        }
        Body::AgentAskAnswered { ask, allowed, answered, .. } => {
            let one = step.permissions.iter_mut().find(|one| one.ask == *ask);
            one.into_iter().for_each(|one| one.answered(*allowed, answered));
        }
        Body::AgentTold { number, too_late, .. } => {
            StepMessage::heard(&mut step.messages, *number, *too_late);
        }
        Body::WorktreeKept { worktree, .. } => step.worktree = Some(worktree),
        _ => {}
    }
}

struct Fold<'a> {
    details: Details<'a>,
    steps: Steps,
}

impl<'a> Fold<'a> {
    fn after(&mut self, entry: &'a Entry) {
        let at_us = entry.at_us;
        let (asked, ended) = self.steps.after_with_asks(entry);
        // The details of a step have its index.
        let index = asked.map(|step| step.index);
        let dispatches = asked.map_or(0, |step| step.dispatches);
        self.end_permissions(&ended);
        let step = index.and_then(|index| self.details.steps.get_mut(index));
        match &entry.body {
            Body::EpochStarted { epoch, limits, guest, .. } => {
                self.begin_epoch(*epoch, *limits, guest, at_us);
            }
            Body::ScopeStarted(start) => {
                if let Some(step) = step {
                    step.begin(at_us);
                }
                self.details.scripts.push(start);
            }
            Body::StepAsked { step, scope, asked } => {
                let asked = step_asked(*step, *scope, asked, self.details.head, at_us);
                self.details.steps.push(asked);
            }
            Body::PhaseSet { scope, title } => self.note(*scope, at_us, true, title),
            Body::Logged { scope, message } => self.note(*scope, at_us, false, message),
            Body::AgentDispatched { to, .. } => {
                if let Some(step) = step {
                    step.dispatch(to.as_deref(), dispatches, at_us);
                }
            }
            Body::AgentAnswered { outcome, reply, .. } => {
                let keep = |step: &mut StepDetails<'a>| step.keep(outcome, reply, at_us);
                step.and_then(keep).into_iter().for_each(|spent| self.spent(spent));
            }
            Body::AgentParked { failure, reply, .. } => {
                let spent = step.map(|step| step.park(failure, reply, at_us));
                spent.into_iter().for_each(|spent| self.spent(spent));
            }
            Body::MessageTaken(taken) => self.message(taken, at_us),
            Body::Settled { outcome, reply, given, .. } => {
                let settle = |step: &mut StepDetails<'a>| {
                    step.settle((outcome, *given), reply.as_deref(), at_us)
                };
                step.and_then(settle).into_iter().for_each(|spent| self.spent(spent));
            }
            Body::EpochEnded { reason, .. } => {
                self.interrupt(at_us);
                if let Some(epoch) = self.details.epochs.last_mut() {
                    epoch.stop(reason, at_us);
                }
            }
            Body::RunEnded { end } => self.ended(end, at_us),
            body => step.into_iter().for_each(|step| note(step, body, at_us)),
        }
    }

    /// Ends the questions of agents that were withdrawn.
    fn end_permissions(&mut self, ended: &[EndedAsk]) {
        for ended in ended.iter().filter(|ended| ended.answer.is_none()) {
            let step = self.details.steps.get_mut(ended.index);
            let number = ended.request.agent.as_ref().map_or(0, |agent| agent.ask);
            let permissions = step.map(|step| step.permissions.iter_mut());
            let mut meant = permissions.into_iter().flatten().filter(|one| one.ask == number);
            meant.by_ref().for_each(PermissionDetails::end);
        }
    }

    fn message(&mut self, taken: &'a MessageTaken, at_us: i64) {
        let named = taken.message.as_ref().and_then(Message::step);
        let index = named.and_then(|step| self.steps.get(step)).map(|open| open.index);
        let step = index.and_then(|index| self.details.steps.get_mut(index));
        if let (Some(step), Some(message)) = (step, StepMessage::of(taken, at_us)) {
            step.messages.push(message);
        }
    }

    fn begin_epoch(&mut self, number: u32, limits: Limits, guest: &'a Digest, at_us: i64) {
        let last_us = self.details.updated_at_us;
        self.interrupt(last_us);
        if let Some(before) = self.details.epochs.last_mut()
            && before.ended == EpochEnd::Running
        {
            before.ended = EpochEnd::Killed;
            before.ended_at_us = last_us;
        }
        self.details.epochs.push(Epoch {
            number,
            started_at_us: at_us,
            ended_at_us: at_us,
            ended: EpochEnd::Running,
            reason: None,
            stop: None,
            limits,
            guest,
        });
    }

    /// Agents at work have to begin anew; sleeps go on.
    fn interrupt(&mut self, at_us: i64) {
        for open in self.steps.open() {
            let Some(step) = self.details.steps.get_mut(open.index) else { continue };
            if step.kind == StepKind::Agent && step.state == StepState::Running {
                step.state = StepState::Queued;
                if let Some(work) = step.work.last_mut() {
                    work.to_us = at_us;
                }
            }
        }
    }

    fn note(&mut self, scope: Scope, at_us: i64, is_phase: bool, text: &'a str) {
        self.details.notes.push(ScriptNote { at_us, scope, is_phase, text });
    }

    fn spent(&mut self, spent: Spend<'a>) {
        // An agent that was parked before it began used nothing.
        if spent.agents == 0 && spent.tokens.total_tokens == 0 && spent.cost_usd.is_none() {
            return;
        }
        self.details.usage.add(&spent);
        self.details.spent.push(spent);
    }

    fn ended(&mut self, end: &'a RunEnd, at_us: i64) {
        self.interrupt(at_us);
        for open in self.steps.open() {
            if let Some(step) = self.details.steps.get_mut(open.index) {
                step.state = StepState::Abandoned;
            }
        }
        self.details.end = Some(end);
        if let Some(epoch) = self.details.epochs.last_mut() {
            epoch.ended_at_us = at_us;
            epoch.ended = match end {
                RunEnd::Completed { .. } => EpochEnd::Completed,
                RunEnd::Failed { .. } => EpochEnd::Failed,
            };
        }
    }

    fn finish(mut self, held: bool) -> Details<'a> {
        let last_us = self.details.updated_at_us;
        if let Some(epoch) = self.details.epochs.last_mut()
            && epoch.ended == EpochEnd::Running
        {
            epoch.ended_at_us = last_us;
            if !held {
                epoch.ended = EpochEnd::Killed;
            }
        }
        if !held {
            self.interrupt(last_us);
        }
        end_waiting(&mut self.details.steps);
        for step in &mut self.details.steps {
            if step.state != StepState::Running {
                step.doing = None;
                step.permissions.iter_mut().for_each(PermissionDetails::end);
            }
            if let (StepState::Running, Some(work)) = (step.state, step.work.last_mut()) {
                work.to_us = last_us;
            }
        }
        self.details
    }
}

impl<'a> StepDetails<'a> {
    fn begin(&mut self, at_us: i64) {
        self.state = StepState::Running;
        self.error = None;
        // It may be left from an earlier epoch.
        self.doing = None;
        self.started_at_us.get_or_insert(at_us);
        self.work.push(Work { from_us: at_us, to_us: at_us });
    }

    /// An agent was dispatched; `dispatches` counts this one.
    fn dispatch(&mut self, to: Option<&'a Addressee>, dispatches: u32, at_us: i64) {
        self.provider = to.map(|to| to.provider.as_str()).or(self.provider);
        self.dispatches = dispatches;
        self.begin(at_us);
    }

    /// Its outcome was delivered. Returns what its agent used; none if the answer was
    /// reused, or if its spend was counted when the answer was kept.
    fn settle(
        &mut self,
        (outcome, given): (&'a Outcome, Option<Substitute>),
        reply: Option<&'a Reply>,
        at_us: i64,
    ) -> Option<Spend<'a>> {
        self.given = given;
        let was_kept = self.state == StepState::Answered;
        self.answer(outcome, reply, at_us);
        self.ended_at_us = Some(at_us);
        self.state = match outcome {
            Outcome::Value(_) => StepState::Completed,
            Outcome::Failed(_) => StepState::Failed,
        };
        let was_asked = self.kind == StepKind::Agent && self.reused.is_none() && !was_kept;
        was_asked.then(|| self.spent(1, reply, at_us))
    }

    /// Its answer was kept at the end of an epoch. Returns what its agent used; none if
    /// that was counted before.
    fn keep(&mut self, outcome: &'a Outcome, reply: &'a Reply, at_us: i64) -> Option<Spend<'a>> {
        let was_kept = self.state == StepState::Answered;
        self.answer(outcome, Some(reply), at_us);
        self.state = StepState::Answered;
        (!was_kept).then(|| self.spent(1, Some(reply), at_us))
    }

    /// It was parked, and stays open. Returns what its agent used.
    fn park(&mut self, failure: &'a Failure, reply: &'a Reply, at_us: i64) -> Spend<'a> {
        self.replied(reply);
        self.state = StepState::Queued;
        self.parked += 1;
        self.error = Some(failure);
        if let Some(work) = self.work.last_mut() {
            work.to_us = at_us;
        }
        self.spent(0, Some(reply), at_us)
    }

    fn answer(&mut self, outcome: &'a Outcome, reply: Option<&'a Reply>, at_us: i64) {
        let kept = self.state == StepState::Answered;
        self.outcome = Some(outcome);
        self.error = match outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Value(_) => None,
        };
        if let Some(work) = self.work.last_mut().filter(|_| !kept) {
            // The answer may have waited for its delivery; the reply says how long the
            // agent worked.
            let took = reply.map(|reply| signed_us(reply.duration_ms));
            work.to_us = took.map_or(at_us, |took| (work.from_us.saturating_add(took)).min(at_us));
        }
        if let Some(reply) = reply {
            self.replied(reply);
        } else if let Some(from) = self.started_at_us {
            self.duration_ms = u64::try_from(at_us.saturating_sub(from) / 1_000).ok();
        }
    }

    fn replied(&mut self, reply: &'a Reply) {
        self.reply = Some(reply);
        self.provider = Some(&reply.provider);
        self.model = reply.model.as_deref().or(self.model);
        self.session_id = reply.session_id.as_deref().or(self.session_id);
        self.rounds = reply.rounds;
        self.attempts = reply.attempts.max(1);
        self.duration_ms = Some(reply.duration_ms);
        self.worktree = reply.worktree.as_deref().or(self.worktree);
        self.steered = reply.steered;
        self.reused = reply.reused.as_ref();
    }

    /// Adds what its agent used to its sums, and returns it.
    fn spent(&mut self, agents: u64, reply: Option<&'a Reply>, at_us: i64) -> Spend<'a> {
        let mut spent = Spend {
            at_us,
            phase: self.phase,
            provider: self.provider,
            model: self.model,
            agents,
            tokens: TokenUsage::default(),
            cost_usd: None,
        };
        if let Some(reply) = reply {
            spent.add(reply);
            self.token_usage += spent.tokens;
            if let Some(cost) = spent.cost_usd {
                dollars::add(self.cost_usd.get_or_insert(0.0), cost);
                // A sum with an estimate in it is an estimate.
                let source = reply.cost_source.as_deref();
                if self.cost_source.is_none() || source != Some("provider") {
                    self.cost_source = source;
                }
            }
        }
        spent
    }
}

fn step_asked<'a>(
    step: StepId,
    scope: Scope,
    asked: &'a StepRequest,
    head: &'a RunHead,
    at_us: i64,
) -> StepDetails<'a> {
    let mut step = plain(step, scope, asked, at_us);
    if let Some(request) = asked.agent() {
        step.phase = request.phase.as_deref();
        step.provider = Some(request.provider.as_ref().unwrap_or(&head.provider));
        step.model = request.model.as_deref();
        step.isolation = request.isolation.as_deref();
        step.options = StepOptions::of(request);
    }
    if step.kind.begins_at_once() {
        step.begin(at_us);
    }
    step
}

fn plain(step: StepId, scope: Scope, asked: &StepRequest, at_us: i64) -> StepDetails<'_> {
    StepDetails {
        step,
        kind: asked.kind(),
        scope,
        label: asked.title().into(),
        phase: None,
        state: StepState::Queued,
        provider: None,
        model: None,
        session_id: None,
        isolation: None,
        options: StepOptions::default(),
        asked_at_us: at_us,
        started_at_us: None,
        ended_at_us: None,
        duration_ms: None,
        dispatches: 0,
        attempts: 0,
        parked: 0,
        rounds: 0,
        steered: 0,
        messages: Vec::new(),
        reused: None,
        token_usage: TokenUsage::default(),
        cost_usd: None,
        cost_source: None,
        worktree: None,
        permissions: Vec::new(),
        error: None,
        given: None,
        doing: None,
        asked,
        outcome: None,
        reply: None,
        work: Vec::new(),
    }
}

impl<'a> Epoch<'a> {
    fn stop(&mut self, reason: &'a StopReason, at_us: i64) {
        self.ended_at_us = at_us;
        (self.ended, self.reason) = stopped(reason);
        self.stop = Some(reason);
    }
}

fn stopped(reason: &StopReason) -> (EpochEnd, Option<&str>) {
    match reason {
        StopReason::Cancelled => (EpochEnd::Cancelled, None),
        StopReason::Paused { .. } => (EpochEnd::Paused, None),
        StopReason::TimedOut { .. } => (EpochEnd::TimedOut, None),
        StopReason::Limit { message, .. } => (EpochEnd::Limit, Some(message)),
        StopReason::Provider(shut) => (EpochEnd::Provider, Some(&shut.message)),
        StopReason::WaitingForAnswer { .. } => (EpochEnd::Waiting, None),
    }
}

fn signed_us(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds.saturating_mul(1_000)).unwrap_or(i64::MAX)
}
