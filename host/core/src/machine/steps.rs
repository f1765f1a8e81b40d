//! Opens and closes steps and scripts.
//!
//! Owns: opening a script, settling a step, ending a child. Never: compares with the
//! journal; `replay` and the parent module do.

use super::open::{Delivery, Effect, OpenStep, ScopeState};
use super::sessions::StepSession;
use super::{
    AnswerRef, Body, Machine, Next, Outcome, OutcomeRef, Reply, Scope, ScopeStart, StepId,
};
use crate::dice;
use crate::reuse::ReusableAnswer;
use crate::settlement::OnFailure;

impl Machine {
    pub(super) fn open_scope(&mut self, start: ScopeStart) -> Next {
        self.current = start.scope;
        self.scopes.insert(start.scope, ScopeState::new(&start, self.head.surface));
        let seed = seed_of(self.head.seed, start.scope);
        Next::Start { start: Box::new(start), seed, now_us: self.now_us }
    }

    /// Closes a step; none when it was not open.
    pub(super) fn settle(
        &mut self,
        step: StepId,
        outcome: Outcome,
        reply: Option<&Reply>,
    ) -> Option<Next> {
        let open = self.steps.remove(&step)?;
        self.asks.settle(step, open.ask.is_some());
        if open.agent.is_some() {
            self.sessions.record(step, open.scope, open.session, reply);
        }
        // A reused answer was paid for before.
        if let Some(reply) = reply.filter(|reply| reply.reused.is_none()) {
            self.usage += reply.usage;
        }
        self.current = open.scope;
        Some(Next::Settle { scope: open.scope, step, outcome, now_us: self.now_us })
    }

    pub(super) fn open_step(&mut self, step: StepId, agent: Option<OnFailure>, effect: Effect) {
        let wakes_at_us = match &effect {
            Effect::SleepUntil { wake_at_us, .. } => Some(*wake_at_us),
            _ => None,
        };
        let session = match &effect {
            Effect::RunAgent { request, .. } => StepSession::of(request),
            _ => None,
        };
        let request = match &effect {
            Effect::RunAgent { ordinal, request, .. } => Some((*ordinal, request.clone())),
            _ => None,
        };
        let live = self.is_live();
        let effect = if live {
            self.effects.push(effect);
            None
        } else {
            Some(Box::new(effect))
        };
        let scope = self.current;
        let (completed, ask, told) = (false, None, None);
        let open =
            OpenStep { scope, agent, completed, effect, session, request, told, wakes_at_us, ask };
        self.steps.insert(step, open);
    }

    /// Opens a step that reuses an answer. In a replay the answer waits for the end of
    /// the recording, or for its recorded delivery.
    pub(super) fn open_answered(
        &mut self,
        step: StepId,
        agent: Option<OnFailure>,
        session: Option<Box<StepSession>>,
        answer: AnswerRef,
    ) {
        let scope = self.current;
        let open = OpenStep {
            scope,
            agent,
            completed: false,
            effect: None,
            session,
            request: None,
            told: None,
            wakes_at_us: None,
            ask: None,
        };
        self.steps.insert(step, open);
        let AnswerRef { source, outcome, mut reply, .. } = answer;
        if let Some(reply) = &mut reply {
            reply.reused = Some(source);
        }
        if self.is_live() {
            self.complete_by(step, outcome, reply);
        } else {
            self.answered.insert(step, (outcome, reply));
        }
    }

    pub(super) fn complete_by(
        &mut self,
        step: StepId,
        outcome: OutcomeRef,
        reply: Option<Box<Reply>>,
    ) {
        let Some(open) = self.steps.get_mut(&step) else { return };
        if !open.completed {
            open.completed = true;
            self.asks.open.remove(&step);
            if let Some(reply) = &reply {
                self.agent_state.ledger.count(reply);
            }
            self.deliveries.push_back(Delivery::Settle { step, outcome, reply });
        }
    }

    fn answer_ref(&mut self, answer: ReusableAnswer) -> AnswerRef {
        let ReusableAnswer { content, source, outcome, reply, behind } = answer;
        AnswerRef { content, source, outcome: self.outcome_ref(outcome), reply, behind }
    }

    /// The outcome of the entry that was just replayed.
    pub(super) fn outcome_ref(&mut self, outcome: Outcome) -> OutcomeRef {
        if self.fetches {
            self.memory.keep(outcome, self.seq - 1)
        } else {
            OutcomeRef::Inline(outcome)
        }
    }

    /// Drops the answer that is kept for this step: the recording delivers it, or its
    /// script is over.
    pub(super) fn drop_answer(&mut self, step: StepId) {
        if let Some((outcome, _)) = self.answered.remove(&step)
            && self.fetches
        {
            self.memory.give_back(&outcome);
        }
    }

    /// Number of the entry that holds the outcome to deliver, if the outcome is not in
    /// memory and its step is still open.
    pub(super) fn entry_to_fetch(&self, delivery: &Delivery) -> Option<u64> {
        match delivery {
            Delivery::Settle { step, outcome: OutcomeRef::InEntry(entry), .. } => {
                self.steps.contains_key(step).then_some(*entry)
            }
            _ => None,
        }
    }

    /// Takes the outcome that [`Next::Fetch`] asked for.
    pub fn fetched(&mut self, fetched: Outcome) {
        if let Some(Delivery::Settle { outcome, .. }) = self.deliveries.front_mut() {
            *outcome = OutcomeRef::Inline(fetched);
        }
    }

    /// Ends a child: cuts off its open steps, and queues its outcome for the script that
    /// started it. `outcome` is none when a replay accepts the recorded one.
    pub(super) fn end_child(&mut self, child: Scope, outcome: Option<Outcome>) {
        let Some(step) = child.opened_by() else { return };
        let cut: Vec<StepId> =
            self.steps.iter().filter(|(_, open)| open.scope == child).map(|(id, _)| *id).collect();
        for id in cut {
            let is_ask = self.steps.remove(&id).is_some_and(|open| open.ask.is_some());
            self.asks.settle(id, is_ask);
            self.drop_answer(id);
            self.agent_state.cut(id);
            self.effects.push(Effect::Cancel(id));
        }
        self.clear_timers_of(child);
        self.scopes.remove(&child);
        self.closed.push(child);
        if self.is_live() {
            if let Some(outcome) = outcome {
                self.complete(step, outcome, None);
            }
        } else {
            self.ended_children.insert(step, outcome);
        }
    }

    /// At the end of the recording: releases the effects of everything that is open, in
    /// the order in which the script asked.
    pub(super) fn leave_replay(&mut self) {
        self.skip_epochs();
        if !self.recording.is_empty() {
            return;
        }
        // `memory` counts only answers of the recording; from here on they are among
        // the deliveries.
        for (step, (outcome, reply)) in std::mem::take(&mut self.answered) {
            // If it was delivered in an earlier epoch, it is no longer open.
            if let Some(open) = self.steps.get_mut(&step) {
                open.effect = None;
                self.complete_by(step, outcome, reply);
            }
        }
        let now_us = self.now_us.max(self.begun_us);
        let mut effects: Vec<Effect> =
            self.steps.values_mut().filter_map(|step| step.effect.take().map(|it| *it)).collect();
        for effect in &mut effects {
            let until = |at_us: i64| u64::try_from(at_us.saturating_sub(now_us)).unwrap_or(0);
            match effect {
                Effect::SleepUntil { wake_at_us, left_us, .. } => {
                    *left_us = (*left_us).min(until(*wake_at_us));
                }
                Effect::Ask { request, left_us: Some(left_us), .. } => {
                    *left_us = (*left_us).min(request.deadline_us.map_or(0, until));
                }
                _ => {}
            }
        }
        self.effects.extend(effects);
        self.tell_again();
        self.set_timers();
        for (step, outcome) in std::mem::take(&mut self.ended_children) {
            if let Some(outcome) = outcome {
                self.complete(step, outcome, None);
            }
        }
    }

    pub(super) fn skip_epochs(&mut self) {
        while let Some(entry) = self.recording.pop_if(Body::is_about_epochs) {
            self.seq += 1;
            self.timers.pass(&entry.body, entry.at_us);
            match entry.body {
                Body::EpochStarted { guest, format, .. } => {
                    self.compare_fuel = guest == self.guest;
                    self.format = format;
                }
                // Its tokens are spent, although no outcome was delivered.
                Body::AgentParked { reply, .. } => self.agent_state.ledger.count(&reply),
                // Delivered at the end of the recording, unless the recording delivers it.
                Body::AgentAnswered { step, outcome, reply } => {
                    self.drop_answer(step);
                    let outcome = self.outcome_ref(outcome);
                    self.answered.insert(step, (outcome, Some(reply)));
                }
                Body::MessageTaken(taken) => self.replay_message(*taken),
                Body::AgentTold { step, number, too_late: false } => {
                    self.replay_told(step, number);
                }
                Body::AskAnswered { step, outcome, .. } => self.replay_answer(step, outcome),
                // It is over: the questions of an epoch end with it.
                Body::AgentAsked { step, request } => self.asks.ended.end(step, &request),
                Body::AnswerPooled(answer) => {
                    let answer = self.answer_ref(*answer);
                    self.reusable.add(answer);
                }
                _ => {}
            }
        }
    }
}

/// One seed for each scope, so that a child does not repeat its parent's numbers: a
/// hash of the run's seed and the scope's number.
fn seed_of(run: u64, scope: Scope) -> u64 {
    dice::finish(run ^ u64::from(scope.0).wrapping_mul(dice::GOLDEN))
}
