//! What an event changes in what is shown.
//!
//! Owns: the meaning of each kind of event for the view. Never: fails; an event that
//! does not fit changes as much as it can.

use serde_json::Value;

use super::facts::RunStatus;
use super::log::LogKind;
use super::preview;
use super::run_view::{RunView, at_ms};
use super::state::StepState;
use super::step_view::{StepView, TEXT_BYTES_MAX};
use super::tree::NodeId;
use crate::codes::Code;
use crate::cut;
use crate::event::{
    AgentCompleted, AgentEnded, AgentFailed, AgentParked, AgentQueued, AgentStarted, AskOpened,
    AskSettled, Event, EventData, EventWarning, MessageEvent, ScriptStarted,
};
use crate::ids::RunId;
use crate::outcome::Failure;
use crate::step::StepKind;

/// Phases that `meta` declares and that are shown before they begin.
const DECLARED_MAX: usize = 100;

impl RunView {
    /// Takes the next event.
    pub fn apply(&mut self, event: &Event) {
        let at = at_ms(event);
        self.seq = self.seq.max(event.seq);
        self.last_ms = self.last_ms.max(at);
        self.note_run(event);
        match &event.data {
            EventData::AgentQueued(queued) => self.agent_queued(event, queued),
            EventData::AgentStarted(started) => self.agent_started(event, started),
            EventData::AgentEvent { kind, text } => self.agent_event(event, kind, text),
            EventData::AgentSession { session_id } => self.agent_session(event, session_id),
            EventData::AgentTold { number, too_late } => {
                self.agent_told(event, *number, *too_late);
            }
            EventData::AgentParked(parked) => self.agent_parked(event, parked),
            EventData::AgentCompleted(done) => self.agent_completed(event, done),
            EventData::AgentFailed(failed) => self.agent_failed(event, failed),
            EventData::SleepStarted { milliseconds } => self.sleep_started(event, *milliseconds),
            EventData::SleepEnded {} => {
                if let Some(node) = self.step_of(event, None, StepKind::Sleep, StepState::Sleeping)
                {
                    self.ended(event, node, StepState::Done);
                }
            }
            EventData::AskOpened(ask) => self.ask_opened(event, ask),
            EventData::AskSettled(ask) => self.ask_settled(event, ask),
            EventData::ChildCompleted { workflow, result } => {
                self.child_ended(event, workflow, Ok(result));
            }
            EventData::ChildFailed { workflow, error } => {
                self.child_ended(event, workflow, Err(error));
            }
            EventData::WorktreeKept(worktree) => {
                let path = cut::marked(worktree.path.clone(), TEXT_BYTES_MAX);
                let step = event.metadata.step_id.as_deref().and_then(|key| self.find(key));
                if let Some(step) = step.and_then(|node| self.tree.step_mut(node)) {
                    step.worktree = Some(path.clone());
                }
                self.say(event, LogKind::Worktree, path);
            }
            _ => self.of_run(event),
        }
    }

    /// An event about a script or the run.
    fn of_run(&mut self, event: &Event) {
        match &event.data {
            EventData::Forked(parent) => {
                self.facts.parent = Some(parent.run.clone());
                self.say(event, LogKind::Forked, parent.run.to_string());
            }
            EventData::Started(script) => self.started(event, script),
            EventData::Resumed { attempt, budget } => {
                self.facts.budget = *budget;
                self.resumed(event, *attempt);
            }
            EventData::Phase { title } => {
                let script = self.script_of(event);
                self.enter(script, title);
                self.say(event, LogKind::Phase, title);
            }
            // A line with `of` repeats the event before it.
            EventData::Log { message, of: None } => self.say(event, LogKind::Script, message),
            EventData::Warning(warning) => self.warning(event, warning),
            EventData::SlotNull(slot) => {
                self.say(event, LogKind::SlotNull, &slot.error.message);
            }
            EventData::Message(message) => self.message_taken(event, message),
            EventData::Stopped(reason) => {
                self.let_go();
                self.facts.set(RunStatus::Stopped(Box::new(reason.clone())), at_ms(event));
                self.say(event, LogKind::Stopped, reason.message());
            }
            EventData::Completed { result } => {
                if event.metadata.workflow_depth > 0 {
                    return self.child_ended(event, "", Ok(result));
                }
                self.facts.result = Some(preview::of(result, TEXT_BYTES_MAX));
                self.run_ended(event, RunStatus::Completed);
                self.say(event, LogKind::Completed, "");
            }
            EventData::Failed { error } => {
                if event.metadata.workflow_depth > 0 {
                    let failure = Failure::new(error.code.clone(), error.message.clone());
                    return self.child_ended(event, "", Err(&failure));
                }
                let message = cut::marked(error.message.clone(), TEXT_BYTES_MAX);
                self.facts.error = Some(message.clone());
                self.run_ended(event, RunStatus::Failed);
                self.say(event, LogKind::Failed, message);
            }
            EventData::Other(other) => self.say(event, LogKind::Other, &other.kind),
            _ => {}
        }
    }

    /// The run is known and runs, whatever the event is, unless it says otherwise.
    fn note_run(&mut self, event: &Event) {
        let run = &event.metadata.run_id;
        if self.facts.run.is_none() && *run != RunId::from_bits(0) {
            self.facts.run = Some(run.clone());
        }
        self.facts.started_ms.get_or_insert(at_ms(event));
        self.facts.epoch = self.facts.epoch.max(1);
        if matches!(self.facts.status, RunStatus::NotStarted | RunStatus::Interrupted) {
            self.facts.set(RunStatus::Running, at_ms(event));
        }
    }

    fn started(&mut self, event: &Event, script: &ScriptStarted) {
        let node = self.script_of(event);
        if node == NodeId::ROOT {
            self.facts.describe(script);
        } else {
            let name = script.name.as_str().unwrap_or(&script.script);
            self.set_label(node, name);
            self.tree.set_state(node, StepState::Working, at_ms(event));
            if let Some(step) = self.tree.step_mut(node) {
                step.started_seq = event.seq;
                step.is_announced = true;
            }
            self.say(event, LogKind::Child, name);
        }
        let declared = script.phases.as_array().into_iter().flatten();
        for phase in declared.take(DECLARED_MAX) {
            let title = phase.get("title").or(Some(phase)).and_then(Value::as_str);
            if let Some(title) = title.filter(|title| !title.is_empty()) {
                self.phase(node, title);
            }
        }
    }

    /// A process took the run up: what an earlier one had at work begins anew.
    fn resumed(&mut self, event: &Event, epoch: u32) {
        let at = at_ms(event);
        self.facts.epoch = epoch;
        self.facts.set(RunStatus::Running, at);
        for node in self.tree.open().collect::<Vec<_>>() {
            let Some(step) = self.tree.step(node) else { continue };
            let again = match (step.kind, step.state) {
                (StepKind::Agent, _) => StepState::Queued,
                (StepKind::Workflow, StepState::Stopped) => StepState::Working,
                (_, state) => state,
            };
            self.tree.set_state(node, again, at);
        }
        self.say(event, LogKind::Resumed, epoch.to_string());
    }

    /// The process let go of the run: what was at work was cut off.
    pub(super) fn let_go(&mut self) {
        for node in self.tree.open().collect::<Vec<_>>() {
            let is_cut = |step: &StepView| match step.state {
                StepState::Working => true,
                // Its question ends with its process; one of a script waits on.
                StepState::Waiting => step.kind == StepKind::Agent,
                _ => false,
            };
            if self.tree.step(node).is_some_and(is_cut) {
                self.tree.set_state(node, StepState::Stopped, self.last_ms);
                self.end_asks(node);
            }
        }
    }

    /// The run is over: what is open was cut off. Of a step that only its agent's events
    /// have named, nothing else would say that it is done.
    fn run_ended(&mut self, event: &Event, status: RunStatus) {
        let is_completed = status == RunStatus::Completed;
        for node in self.tree.open().collect::<Vec<_>>() {
            let is_done =
                is_completed && self.tree.step(node).is_some_and(|step| !step.is_announced);
            let state = if is_done { StepState::Done } else { StepState::Stopped };
            self.tree.end(node, state, at_ms(event));
        }
        self.asks.clear();
        self.messages.end(|_| true);
        self.facts.set(status, at_ms(event));
    }

    fn warning(&mut self, event: &Event, warning: &EventWarning) {
        let mut warning = warning.clone();
        warning.message = cut::marked(warning.message, TEXT_BYTES_MAX);
        self.say(event, LogKind::Warning, &warning.message);
        self.keep_warning(warning);
    }

    fn message_taken(&mut self, event: &Event, message: &MessageEvent) {
        if message.refused.is_none() {
            self.facts.message(message);
        }
        if self.is_brief {
            return;
        }
        self.messages.add(at_ms(event), message);
        let kind = match message.refused {
            None => LogKind::Message,
            Some(_) => LogKind::MessageRefused,
        };
        let step = message.step.map(|step| step.to_string());
        self.say_of_message(event, step.as_deref(), kind, message.number);
    }

    /// An agent has a message, or ended before.
    fn agent_told(&mut self, event: &Event, number: u64, too_late: bool) {
        self.messages.heard(number, too_late);
        let kind = if too_late { LogKind::ToldTooLate } else { LogKind::Told };
        self.say_of_message(event, event.metadata.step_id.as_deref(), kind, number);
    }

    fn agent_queued(&mut self, event: &Event, queued: &AgentQueued) {
        let AgentQueued { label, phase, model } = queued;
        let Some(node) = self.agent(event, phase.as_deref(), label) else { return };
        if let Some(step) = self.tree.step_mut(node) {
            step.is_announced = true;
            step.model.clone_from(model);
        }
    }

    fn agent_started(&mut self, event: &Event, started: &AgentStarted) {
        let Some(node) = self.agent(event, started.phase.as_deref(), &started.label) else {
            return;
        };
        if !self.tree.set_state(node, StepState::Working, at_ms(event)) {
            return;
        }
        let Some(step) = self.tree.step_mut(node) else { return };
        step.is_announced = true;
        step.started_seq = event.seq;
        step.started_ms = Some(at_ms(event));
        step.attempts = started.attempt;
        step.model.clone_from(&started.model);
        step.doing.begin(at_ms(event));
        self.set_prompt(node, &started.prompt);
    }

    fn agent_event(&mut self, event: &Event, kind: &str, text: &str) {
        let Some(node) = self.step_of(event, None, StepKind::Agent, StepState::Working) else {
            return;
        };
        self.note_agent(event, node);
        if let Some(step) = self.tree.step_mut(node).filter(|step| step.ended_ms.is_none()) {
            step.doing.note(kind, text, at_ms(event));
        }
    }

    fn agent_session(&mut self, event: &Event, session: &str) {
        let Some(node) = self.step_of(event, None, StepKind::Agent, StepState::Working) else {
            return;
        };
        self.note_agent(event, node);
        if let Some(step) = self.tree.step_mut(node) {
            step.session = Some(cut::head(session, TEXT_BYTES_MAX).to_owned());
        }
    }

    fn agent_parked(&mut self, event: &Event, parked: &AgentParked) {
        let AgentParked { label, phase, error, usage } = parked;
        let Some(node) = self.agent(event, phase.as_deref(), label) else { return };
        if self.tree.set_state(node, StepState::Parked, at_ms(event)) {
            self.tree.spend(node, *usage, None);
            self.failed(node, error);
        }
        self.say(event, LogKind::AgentParked, format!("{label}: {}", error.message));
    }

    fn agent_completed(&mut self, event: &Event, done: &AgentCompleted) {
        let state = if done.agent.reused.is_some() { StepState::Reused } else { StepState::Done };
        if let Some(node) = self.agent_ended(event, &done.agent, state)
            && let Some(step) = self.tree.step_mut(node)
        {
            step.error = None;
            self.set_output(node, &done.output);
        }
    }

    fn agent_failed(&mut self, event: &Event, failed: &AgentFailed) {
        let AgentFailed { agent, error, given } = failed;
        let state = match given {
            _ if error.code == Code::Stopped.word() => StepState::Stopped,
            Some(_) => StepState::Null,
            None => StepState::Failed,
        };
        if let Some(node) = self.agent_ended(event, agent, state) {
            self.failed(node, error);
        }
        self.say(event, LogKind::AgentFailed, format!("{}: {}", agent.label, error.message));
    }

    /// Settles the step of an agent. None if it was settled before.
    fn agent_ended(
        &mut self,
        event: &Event,
        agent: &AgentEnded,
        state: StepState,
    ) -> Option<NodeId> {
        let node = self.agent(event, agent.phase.as_deref(), &agent.label)?;
        self.note_agent(event, node);
        if !self.ended(event, node, state) {
            return None;
        }
        // A reused answer costs nothing in this run.
        if agent.reused.is_none() {
            self.tree.spend(node, agent.usage.unwrap_or_default(), agent.cost_usd);
        }
        let step = self.tree.step_mut(node)?;
        step.attempts = agent.attempts.unwrap_or(step.attempts);
        step.model = agent.model.clone().or(step.model.take());
        step.reused.clone_from(&agent.reused);
        step.refused_asks = agent.asks.iter().fold(0, |sum, ask| ask.times.saturating_add(sum));
        step.doing.end();
        if let Some(worktree) = &agent.worktree {
            step.worktree = Some(cut::marked(worktree.path.clone(), TEXT_BYTES_MAX));
        }
        Some(node)
    }

    fn sleep_started(&mut self, event: &Event, milliseconds: f64) {
        let node = self.step_of(event, None, StepKind::Sleep, StepState::Sleeping);
        if let Some(step) = node.and_then(|node| self.tree.step_mut(node)) {
            step.is_announced = true;
            step.sleep_ms = Some(whole(milliseconds));
        }
    }

    fn ask_opened(&mut self, event: &Event, ask: &AskOpened) {
        let Some(node) = self.step_of(event, None, StepKind::Ask, StepState::Waiting) else {
            return;
        };
        if !self.tree.set_state(node, StepState::Waiting, at_ms(event)) {
            return;
        }
        self.ask(node, at_ms(event), ask);
        let is_ask = self.tree.step(node).is_some_and(|step| step.kind == StepKind::Ask);
        if is_ask {
            self.set_label(node, &ask.label);
            if let Some(step) = self.tree.step_mut(node) {
                step.is_announced = true;
                step.started_seq = event.seq;
            }
            self.set_prompt(node, &ask.question);
        }
        self.say(event, LogKind::AskOpened, &ask.question);
    }

    fn ask_settled(&mut self, event: &Event, ask: &AskSettled) {
        let Some(node) = self.step_of(event, None, StepKind::Ask, StepState::Waiting) else {
            return;
        };
        self.asks.remove(&(node, ask.ask.unwrap_or(0)));
        if self.tree.step(node).is_some_and(|step| step.kind == StepKind::Agent) {
            if !self.has_ask(node) {
                // An agent that asked goes on.
                self.tree.set_state(node, StepState::Working, at_ms(event));
            }
        } else {
            self.set_label(node, &ask.label);
            let state = if ask.error.is_some() { StepState::Failed } else { StepState::Done };
            if self.ended(event, node, state) {
                if let Some(output) = &ask.output {
                    self.set_output(node, output);
                }
                if let Some(error) = &ask.error {
                    self.failed(node, error);
                }
            }
        }
        let step = event.metadata.step_id.as_deref();
        let (kind, text) = match &ask.error {
            _ if ask.withdrawn => (LogKind::AskWithdrawn, ask.label.clone()),
            Some(error) if ask.by.is_none() => {
                (LogKind::AskFailed, format!("{}: {}", ask.label, error.message))
            }
            _ => (LogKind::AskSettled, ask.label.clone()),
        };
        self.say_of(event, step, kind, &text, ask.by.as_deref());
    }

    fn child_ended(&mut self, event: &Event, name: &str, outcome: Result<&Value, &Failure>) {
        let script = self.script_of(event);
        let node = if script == NodeId::ROOT {
            let state = StepState::Working;
            self.step_of(event, None, StepKind::Workflow, state)
        } else {
            Some(script)
        };
        let Some(node) = node else { return };
        if self.tree.step(node).is_some_and(|step| step.label.is_empty()) {
            self.set_label(node, name);
        }
        match outcome {
            Ok(output) => {
                self.ended(event, node, StepState::Done);
                self.set_output(node, output);
            }
            Err(error) => {
                self.ended(event, node, StepState::Failed);
                self.failed(node, error);
                self.say(event, LogKind::ChildFailed, &error.message);
            }
        }
    }

    /// The step of an agent, with its label.
    fn agent(&mut self, event: &Event, phase: Option<&str>, label: &str) -> Option<NodeId> {
        let node = self.step_of(event, phase, StepKind::Agent, StepState::Queued)?;
        if self.tree.step(node).is_some_and(|step| step.label.is_empty()) {
            self.set_label(node, label);
        }
        self.note_agent(event, node);
        Some(node)
    }

    /// What the envelope of an event says about the agent.
    fn note_agent(&mut self, event: &Event, node: NodeId) {
        let metadata = &event.metadata;
        let Some(step) = self.tree.step_mut(node) else { return };
        let note = |known: &mut Option<String>, said: &Option<String>| {
            if said.is_some() && known != said {
                *known = said.as_ref().map(|said| cut::head(said, TEXT_BYTES_MAX).to_owned());
            }
        };
        note(&mut step.provider, &metadata.provider);
        note(&mut step.session, &metadata.session_id);
    }

    /// Settles a step. Returns whether it was open.
    fn ended(&mut self, event: &Event, node: NodeId, state: StepState) -> bool {
        let was_open = self.tree.end(node, state, at_ms(event));
        if let Some(step) = self.tree.step_mut(node).filter(|_| was_open) {
            step.ended_seq = event.seq;
        }
        if was_open {
            self.end_asks(node);
            self.end_messages(node);
        }
        was_open
    }

    fn failed(&mut self, node: NodeId, error: &Failure) {
        let message = cut::marked(error.message.clone(), TEXT_BYTES_MAX);
        if let Some(step) = self.tree.step_mut(node) {
            step.error = Some((cut::head(&error.code, TEXT_BYTES_MAX).to_owned(), message));
        }
    }
}

/// A number of JavaScript as whole milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(milliseconds: f64) -> u64 {
    milliseconds as u64
}
