//! Messages from outside: what each does to the run.
//!
//! Owns: the verdict on each message that the holder takes, its entry, and its effect in
//! this epoch and in a replay. Never: reads an inbox, or judges a message again that is
//! in the journal; a replay applies the recorded verdict.

use super::gate::KeptSignal;
use super::open::Effect;
use super::{Body, Machine, Outcome, OutcomeRef, Scope, StepId, StopReason};
use crate::codes::Code;
use crate::limits::Limits;
use crate::message::{
    AgentMessage, Message, MessageRefusal, MessageTaken, Posted, STEP_MESSAGES_MAX, Settles,
    check_text,
};
use crate::outcome::Failure;
use crate::step_request::AgentRequest;

/// What the holder does after the machine has taken messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Orders {
    /// Why the holder lets go of the run; none if it goes on.
    pub stop: Option<StopReason>,
    /// Whether agents at work are cut off.
    pub cut_agents: bool,
    /// The limits in force, if they were raised.
    pub limits: Option<Limits>,
}

/// The effect of a message.
#[derive(Default)]
struct Verdict {
    settles: Option<Settles>,
    answers: Option<StepId>,
    stop: Option<StopReason>,
}

impl Machine {
    /// Takes these messages, in order. A pause or cancellation up to number `known`, the
    /// last one posted when this epoch began, is void: whoever took the run up since
    /// wants it to go on. So is one before a `continue`.
    ///
    /// `takes` says whether the agent of a request takes messages while it works.
    ///
    /// Ignored in a replay: the caller takes messages when the recording is at its end.
    pub fn take_messages(
        &mut self,
        posted: Vec<Posted>,
        known: u64,
        takes: &dyn Fn(&AgentRequest) -> bool,
        now_us: i64,
    ) -> Orders {
        let mut orders = Orders::default();
        if !self.is_live() {
            return orders;
        }
        self.now_us = self.now_us.max(now_us);
        let before = self.limits;
        let goes_on = |one: &Posted| matches!(one.message, Ok(Message::Continue {}));
        let goes_on = posted.iter().rev().find(|one| goes_on(one)).map_or(0, |one| one.number);
        let void = known.max(goes_on);
        for one in posted {
            let Posted { number, by, posted_us, message } = one;
            let (message, verdict) = match message {
                Ok(message) if message.ends_epoch() && number <= void => {
                    (Some(message), Err(MessageRefusal::Superseded.code()))
                }
                Ok(message) => {
                    let verdict = self.obey(&message, (number, &by, posted_us), takes);
                    orders.cut_agents |= message.cuts_agents() && verdict.is_ok();
                    (Some(message), verdict)
                }
                Err(_) => (None, Err(Code::MessageUnreadable)),
            };
            let (verdict, refused) = match verdict {
                Ok(verdict) => (verdict, None),
                Err(code) => (Verdict::default(), Some(code.word().to_owned())),
            };
            orders.stop = stronger(orders.stop, verdict.stop.clone());
            let Verdict { settles, answers, .. } = verdict;
            let taken = MessageTaken { number, by, posted_us, message, refused, settles, answers };
            self.write(Body::MessageTaken(Box::new(taken)));
        }
        orders.limits = (self.limits != before).then_some(self.limits);
        orders
    }

    /// Does what a message asks for.
    fn obey(
        &mut self,
        message: &Message,
        (number, by, posted_us): (u64, &str, i64),
        takes: &dyn Fn(&AgentRequest) -> bool,
    ) -> Result<Verdict, Code> {
        let mut verdict = Verdict::default();
        match message {
            Message::Continue {} => {}
            Message::Message { step, text } => {
                let told = self.tell(*step, number, text, takes);
                told.map_err(|refusal| refusal.code())?;
            }
            Message::Pause { .. } => {
                verdict.stop = Some(StopReason::Paused { by: by.to_owned() });
            }
            Message::Cancel {} => verdict.stop = Some(StopReason::Cancelled),
            Message::Raise { limits } => self.limits = limits.raising(self.limits),
            Message::Stop { step } => {
                self.refuse_not_open(*step).map_err(|refusal| refusal.code())?;
                verdict.settles = Some(self.stop_step(*step, by));
            }
            Message::Restart { step } => {
                self.restart_step(*step).map_err(|refusal| refusal.code())?;
            }
            Message::Answer { step, digest, value, comment } => {
                let comment = comment.as_deref();
                let answered = self.answer(*step, digest, value, by, comment, posted_us);
                answered.map_err(|refusal| refusal.code())?;
                verdict.answers = Some(*step);
            }
            Message::Signal { name, value } => {
                let settled = self.signal(name, value, by, posted_us);
                verdict.answers = settled.map_err(|refusal| refusal.code())?;
                if verdict.answers.is_none() {
                    let signal = KeptSignal::new(name, value, by, posted_us);
                    if !self.asks.keep(signal) {
                        return Err(MessageRefusal::SignalsFull.code());
                    }
                }
            }
        }
        Ok(verdict)
    }

    /// Tells an agent something, at once or as soon as it works.
    fn tell(
        &mut self,
        step: StepId,
        number: u64,
        text: &str,
        takes: &dyn Fn(&AgentRequest) -> bool,
    ) -> Result<(), MessageRefusal> {
        check_text(text)?;
        self.refuse_not_open(step)?;
        let open = self.steps.get_mut(&step);
        let agent = open.and_then(|open| Some((open.request.as_ref()?, &mut open.told)));
        let Some(((_, request), told)) = agent else {
            return Err(MessageRefusal::NotAnAgent { step });
        };
        if !takes(request) {
            return Err(MessageRefusal::TakesNoMessages { step });
        }
        let told = told.get_or_insert_default();
        if told.taken >= STEP_MESSAGES_MAX {
            return Err(MessageRefusal::StepFull { step });
        }
        let message = AgentMessage { number, text: text.into(), was_told: false };
        told.taken += 1;
        self.effects.push(Effect::TellAgent { step, message });
        Ok(())
    }

    /// At the end of a replay: tells the agents of open steps what they were told before.
    pub(super) fn tell_again(&mut self) {
        for (step, open) in &mut self.steps {
            let Some(told) = &mut open.told else { continue };
            let again = std::mem::take(&mut told.again).into_iter();
            if !open.completed {
                let step = *step;
                self.effects.extend(again.map(|message| Effect::TellAgent { step, message }));
            }
        }
    }

    /// Refuses a step that has its outcome or does not exist.
    fn refuse_not_open(&self, step: StepId) -> Result<(), MessageRefusal> {
        match self.steps.get(&step) {
            Some(open) if !open.completed => Ok(()),
            _ if (1..=self.last_step).contains(&step.0) => {
                Err(MessageRefusal::StepSettled { step })
            }
            _ => Err(MessageRefusal::StepUnknown { step, asked: self.last_step as usize }),
        }
    }

    /// Takes note that an agent of an earlier epoch had a message.
    pub(super) fn replay_told(&mut self, step: StepId, number: u64) {
        let told = self.steps.get_mut(&step).and_then(|open| open.told.as_mut());
        let mut messages = told.into_iter().flat_map(|told| &mut told.again);
        if let Some(message) = messages.find(|message| message.number == number) {
            message.was_told = true;
        }
    }

    /// Fails an open step. A child workflow ends with all its steps.
    fn stop_step(&mut self, step: StepId, by: &str) -> Settles {
        let failure = Failure::new(Code::Stopped, format!("the step was stopped by {by}"));
        let outcome = Outcome::Failed(failure);
        self.agent_state.cut(step);
        self.effects.push(Effect::Cancel(step));
        let child = Scope::of(step);
        if self.scopes.contains_key(&child) {
            self.end_child(child, Some(outcome.clone()));
        } else {
            self.complete_by(step, OutcomeRef::Inline(outcome.clone()), None);
        }
        Settles { step, outcome }
    }

    /// Runs an agent from its beginning.
    fn restart_step(&mut self, step: StepId) -> Result<(), MessageRefusal> {
        self.refuse_not_open(step)?;
        let open = self.steps.get(&step).and_then(|open| open.request.clone());
        let Some((ordinal, request)) = open else {
            return Err(MessageRefusal::NotAnAgent { step });
        };
        self.agent_state.cut(step);
        self.withdraw_agent_asks(step);
        self.effects.push(Effect::RestartAgent { step, ordinal, request });
        Ok(())
    }

    /// Applies a message that an earlier epoch took: the outcome that it gave to a step is
    /// delivered at the end of the replay, unless the recording delivers it.
    pub(super) fn replay_message(&mut self, taken: MessageTaken) {
        if let (Some(Message::Signal { name, value }), None, None) =
            (&taken.message, &taken.refused, taken.answers)
        {
            self.asks.keep(KeptSignal::new(name, value, &taken.by, taken.posted_us));
        }
        if let (Some(Message::Message { step, text }), None) = (&taken.message, &taken.refused)
            && let Some(open) = self.steps.get_mut(step)
        {
            let (number, text) = (taken.number, text.as_str().into());
            let told = open.told.get_or_insert_default();
            told.taken += 1;
            told.again.push(AgentMessage { number, text, was_told: false });
        }
        let Some(Settles { step, outcome }) = taken.settles else { return };
        let child = Scope::of(step);
        if self.scopes.contains_key(&child) {
            self.end_child(child, Some(outcome));
            return;
        }
        self.drop_answer(step);
        let outcome = self.outcome_ref(outcome);
        self.answered.insert(step, (outcome, None));
    }
}

/// A cancellation is stronger than a pause.
fn stronger(one: Option<StopReason>, other: Option<StopReason>) -> Option<StopReason> {
    match (&one, &other) {
        (Some(StopReason::Cancelled), _) | (_, None) => one,
        _ => other,
    }
}
