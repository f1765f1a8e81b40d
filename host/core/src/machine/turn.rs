//! The guest's calls, answered during a turn.
//!
//! Owns: which calls are refused, what is counted, and the entry of each call. Never:
//! trusts a value; everything comes from a hostile guest.

use std::sync::Arc;

use super::sessions::StepSession;
use super::{
    AgentRequest, AnswerRef, Body, Digest, Effect, LimitError, Machine, Scope, StepId,
    WorkflowTarget,
};
use crate::codes::Code;
use crate::content::sleep_key;
use crate::cut;
use crate::gate::AskKind;
use crate::guest::{
    BudgetState, Failure, NullSlot, PHASE_TITLE, Refusal, ScriptError, StopTurn, TurnHost,
    WARNINGS_CUT, Warning,
};
use crate::ids::TimerId;
use crate::limits::{
    ARGS_BYTES_MAX, DEPTH_MAX, LOG_BYTES_MAX, NOTES_MAX, SLEEP_MS_MAX, TITLE_BYTES_MAX,
    TURN_BYTES_MAX, WARNING_BYTES_MAX, WARNINGS_MAX,
};
use crate::refusal::{Call, Function};
use crate::schema;
use crate::selector;
use crate::step::{SleepRequest, StepRequest, WorkflowRequest};

impl TurnHost for Machine {
    fn agent(&mut self, prompt: String, options: String) -> Result<StepId, Refusal> {
        self.count_bytes(prompt.len() + options.len())?;
        let call = Call { of: Function::Agent, text: &prompt, options: &options };
        let request = self.judge(&call, |machine| machine.read_agent(&prompt, &options))?;
        self.ask_agent(AgentRequest { prompt, ..request })
    }

    fn workflow(&mut self, target: String, args: Option<String>) -> Result<StepId, Refusal> {
        let options = args.as_deref().unwrap_or_default();
        let call = Call { of: Function::Workflow, text: &target, options };
        let found = self.judge(&call, |machine| machine.read_workflow(&target, options))?;
        self.count_bytes(target.len() + options.len())?;
        Ok(self.ask_workflow(found, args)?)
    }

    fn sleep(&mut self, milliseconds: f64) -> Result<StepId, Refusal> {
        let text = milliseconds.to_string();
        let call = Call { of: Function::Sleep, text: &text, options: "" };
        self.judge(&call, |_| read_sleep(milliseconds))?;
        Ok(self.ask_sleep(milliseconds)?)
    }

    fn ask(&mut self, kind: AskKind, question: String, options: String) -> Result<StepId, Refusal> {
        self.count_bytes(question.len() + options.len())?;
        let call = Call { of: kind.into(), text: &question, options: &options };
        let request = self.judge(&call, |machine| machine.read_ask(kind, &question, &options))?;
        Ok(self.open_ask(request)?)
    }

    fn set_timer(&mut self, milliseconds: f64) -> Result<TimerId, Refusal> {
        let text = milliseconds.to_string();
        let call = Call { of: Function::Timer, text: &text, options: "" };
        self.judge(&call, |_| read_timer(milliseconds))?;
        self.count_note()?;
        Ok(self.open_timer(milliseconds)?)
    }

    fn clear_timer(&mut self, timer: TimerId) -> Result<(), StopTurn> {
        self.clear_open_timer(timer)
    }

    fn phase(&mut self, title: String) -> Result<(), StopTurn> {
        self.count_note()?;
        let title = with_mark(title, TITLE_BYTES_MAX);
        let scope = self.current;
        if let Some(state) = self.scopes.get_mut(&scope) {
            state.phase = Some(title.clone());
        }
        let warning = if self.surface().is_first() { None } else { title_warning(&title) };
        self.count_bytes(title.len())?;
        self.record(Body::PhaseSet { scope, title })?;
        warning.map_or(Ok(()), |warning| self.warn(warning))
    }

    fn log(&mut self, message: String) -> Result<(), StopTurn> {
        self.count_note()?;
        self.count_bytes(message.len().min(LOG_BYTES_MAX))?;
        self.record(Body::Logged {
            scope: self.current,
            message: with_mark(message, LOG_BYTES_MAX),
        })
    }

    fn null_slot(&mut self, slot: NullSlot) -> Result<(), StopTurn> {
        self.count_note()?;
        let error = ScriptError {
            message: with_mark(slot.error.message, LOG_BYTES_MAX),
            stack: with_mark(slot.error.stack, LOG_BYTES_MAX),
            ..slot.error
        };
        self.count_bytes(error.message.len() + error.stack.len())?;
        // Journals of surface 1 do not name the step.
        let is_made = |step: &StepId| (1..=self.last_step).contains(&step.0);
        let step = slot.step.filter(is_made).filter(|_| !self.surface().is_first());
        let slot = Box::new(NullSlot { error, step, ..slot });
        self.record(Body::SlotNulled { scope: self.current, slot })
    }

    fn warn(&mut self, warning: Warning) -> Result<(), StopTurn> {
        if self.warnings > WARNINGS_MAX {
            return Ok(());
        }
        self.warnings += 1;
        let warning = if self.warnings > WARNINGS_MAX { more_warnings() } else { warning };
        let message = with_mark(warning.message, WARNING_BYTES_MAX);
        let path = warning.path.map(|path| with_mark(path, WARNING_BYTES_MAX));
        self.count_bytes(message.len())?;
        let warning = Box::new(Warning { message, path, ..warning });
        self.record(Body::Warned { scope: self.current, warning })
    }

    fn budget(&self) -> BudgetState {
        BudgetState { total: self.head.budget, spent: self.usage.output_tokens }
    }
}

impl Machine {
    /// Reads the request of `agent()`, except for the prompt.
    fn read_agent(&mut self, prompt: &str, options: &str) -> Result<AgentRequest, Failure> {
        let Some(scope) = self.scopes.get(&self.current) else {
            let message = "agent() is called by a script that is over";
            return Err(Failure::new(Code::CallInvalid, message));
        };
        let rules = scope.rules(&self.head);
        let taken = self.recorded_agent();
        let schema_taken = taken.as_ref().and_then(|taken| taken.schema.as_deref());
        let (taken, schemas) = (taken.as_deref(), &mut *self.schemas);
        let mut request = AgentRequest::read_again(prompt, options, rules, taken, schemas)?;
        let schema = request.schema.as_deref();
        if let Some(schema) =
            schema.filter(|schema| self.surface().is_first() && schema_taken != Some(schema))
        {
            schema::was_accepted_by_first(schema)?;
        }
        scope.apply_defaults(&mut request, (options, taken), &self.head)?;
        selector::choose(&request, &self.head).map_err(|error| {
            let message = format!("option `model` of agent(): {error}");
            Failure::new(Code::CallInvalid, message)
        })?;
        let open = self.steps.iter();
        let open = open.filter_map(|(step, open)| Some((*step, open.session.as_deref()?)));
        self.sessions.resolve(&mut request, self.current, open)?;
        if let Some(failure) = self.sessions.refuse_other_run(&request, self.current) {
            // A reused answer starts no agent.
            let whole = AgentRequest { prompt: prompt.to_owned(), ..request.clone() };
            if !self.reusable.has(&whole.content_key()) {
                return Err(failure);
            }
        }
        Ok(request)
    }

    fn ask_agent(&mut self, request: AgentRequest) -> Result<StepId, Refusal> {
        let scope = self.scopes.get(&self.current);
        let agent = scope.map(|scope| scope.on_failure(&request, &self.head));
        let answer = self.take_reusable(|| request.content_key());
        // A reused answer starts no agent.
        let started = self.agents - self.reused;
        if answer.is_none() && self.is_live() && started >= self.limits.agents {
            // Agents of this turn do not count: a turn that passes the limit is dropped
            // whole.
            let before = self.agents_before.min(started);
            return Err(stop(LimitError::Agents {
                limit: self.limits.agents,
                started: before,
                asked: started - before + 1,
            }));
        }
        let request = Arc::new(request);
        let step = self.number(StepRequest::Agent(request.clone()))?;
        self.agents += 1;
        let ordinal = self.agents;
        if let Some(answer) = answer {
            self.reused += 1;
            self.open_answered(step, agent, StepSession::of(&request), answer);
        } else {
            self.open_step(step, agent, Effect::RunAgent { step, ordinal, request });
        }
        Ok(step)
    }

    fn read_workflow(&self, target: &str, args: &str) -> Result<WorkflowTarget, Failure> {
        let target = WorkflowTarget::read(target)?;
        if args.len() > ARGS_BYTES_MAX {
            let message = format!("the arguments of workflow() are over {ARGS_BYTES_MAX} bytes");
            return Err(Failure::new(Code::CallTooLarge, message));
        }
        if self.current.depth() >= DEPTH_MAX {
            let message = "workflow() inside a child workflow is not possible: one level is all";
            return Err(Failure::new(Code::NestedTooDeep, message));
        }
        Ok(target)
    }

    fn ask_workflow(
        &mut self,
        target: WorkflowTarget,
        args: Option<String>,
    ) -> Result<StepId, StopTurn> {
        self.count_note()?;
        let request = WorkflowRequest { target: target.clone(), args: args.clone() };
        let step = self.number(StepRequest::Workflow(Arc::new(request)))?;
        let caller = self.scopes.get(&self.current);
        let caller = caller.map(|state| state.path.clone()).unwrap_or_default();
        self.open_step(step, None, Effect::FindChild { step, caller, target, args });
        Ok(step)
    }

    fn ask_sleep(&mut self, milliseconds: f64) -> Result<StepId, StopTurn> {
        self.count_note()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and at most 365 days in microseconds"
        )]
        let left_us = (milliseconds * 1000.0) as u64;
        let wake_at_us = self.now_us.saturating_add_unsigned(left_us);
        let step = self.number(StepRequest::Sleep(SleepRequest { milliseconds, wake_at_us }))?;
        match self.take_reusable(|| sleep_key(milliseconds)) {
            Some(answer) => self.open_answered(step, None, None, answer),
            None => self.open_step(step, None, Effect::SleepUntil { step, wake_at_us, left_us }),
        }
        Ok(step)
    }

    /// Numbers a step and records the request.
    pub(super) fn number(&mut self, asked: StepRequest) -> Result<StepId, StopTurn> {
        self.last_step += 1;
        let step = StepId(self.last_step);
        self.record(Body::StepAsked { step, scope: self.current, asked })?;
        Ok(step)
    }

    /// The agent request in the next recorded entry, if that entry has one.
    fn recorded_agent(&self) -> Option<Arc<AgentRequest>> {
        let next = self.recording.iter().find(|entry| !entry.body.is_about_epochs())?;
        match &next.body {
            Body::StepAsked { asked: StepRequest::Agent(request), .. } => Some(request.clone()),
            _ => None,
        }
    }

    /// Takes the reusable answer for a step of this content, in a replay as well, so
    /// that later steps find the same answers as before.
    pub(super) fn take_reusable(&mut self, content: impl FnOnce() -> Digest) -> Option<AnswerRef> {
        if self.reusable.is_empty() { None } else { self.reusable.take(&content()) }
    }

    pub(super) fn count_note(&mut self) -> Result<(), StopTurn> {
        if self.is_live() && self.notes >= NOTES_MAX {
            return Err(StopTurn::Limit(LimitError::Notes { limit: NOTES_MAX }));
        }
        self.notes += 1;
        Ok(())
    }

    pub(super) fn count_bytes(&mut self, bytes: usize) -> Result<(), StopTurn> {
        self.turn_bytes = self.turn_bytes.saturating_add(bytes);
        if self.is_live() && self.turn_bytes > TURN_BYTES_MAX {
            return Err(StopTurn::Limit(LimitError::TurnBytes { limit: TURN_BYTES_MAX }));
        }
        Ok(())
    }

    /// The scope whose turn it is.
    #[must_use]
    pub fn current_scope(&self) -> Scope {
        self.current
    }
}

fn read_sleep(milliseconds: f64) -> Result<(), Failure> {
    if (0.0..=SLEEP_MS_MAX).contains(&milliseconds) {
        return Ok(());
    }
    let message = format!(
        "sleep() takes 0 to {SLEEP_MS_MAX} milliseconds (365 days), and was given {milliseconds}"
    );
    Err(Failure::new(Code::CallInvalid, message))
}

fn read_timer(milliseconds: f64) -> Result<(), Failure> {
    if (0.0..=SLEEP_MS_MAX).contains(&milliseconds) {
        return Ok(());
    }
    let message = format!(
        "setTimeout() takes at most {SLEEP_MS_MAX} milliseconds (365 days), and was given {milliseconds}"
    );
    Err(Failure::new(Code::CallInvalid, message))
}

/// The warning about a title that is probably a mistake. The guest converts any value
/// to text, so a missing title arrives as `undefined`.
fn title_warning(title: &str) -> Option<Warning> {
    let given = match title {
        "undefined" => "`undefined`, which is what phase() without a title gives".to_owned(),
        "null" => "`null`, which is what an agent that failed gives".to_owned(),
        "[object Promise]" => "`[object Promise]`: it was not awaited".to_owned(),
        object if object.starts_with("[object ") && object.ends_with(']') => {
            format!("`{object}`, which is what an object gives")
        }
        _ if title.trim().is_empty() => "empty".to_owned(),
        _ => return None,
    };
    Some(Warning {
        code: PHASE_TITLE.to_owned(),
        message: format!("the title of a phase is {given}: phase('Review') takes it as text"),
        path: None,
        step: None,
        line: 0,
        column: 0,
    })
}

fn more_warnings() -> Warning {
    Warning {
        code: WARNINGS_CUT.to_owned(),
        message: format!("there are more than {WARNINGS_MAX} warnings; the others are not kept"),
        path: None,
        step: None,
        line: 0,
        column: 0,
    }
}

fn stop(limit: LimitError) -> Refusal {
    Refusal::Stop(StopTurn::Limit(limit))
}

/// At most this many bytes of the text, cut between characters; a mark shows the cut.
pub(super) fn with_mark(mut text: String, bytes_max: usize) -> String {
    const MARK: &str = "… [cut]";
    if text.len() > bytes_max {
        text = cut::to_bytes(text, bytes_max - MARK.len());
        text.push_str(MARK);
    }
    text
}
