//! What is shown of a run.
//!
//! Owns: the data of the view, and finding or making the node that an event is about.
//! Never: what an event means; [`super::apply`] knows.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::facts::{RunFacts, RunStatus};
use super::log::{Log, LogKind, LogLine};
use super::messages::{MessageView, Messages};
use super::preview;
use super::state::StepState;
use super::stems::{StemId, Stems};
use super::step_view::{LABEL_BYTES_MAX, StepView, TEXT_BYTES_MAX};
use super::tree::{NodeId, NodeKind, Tree};
use serde_json::Value;

use crate::cut;
use crate::event::{AskOpened, Event, EventWarning};
use crate::ids::StepId;
use crate::step::StepKind;

/// Most steps with a node: as many as a run may have open. Further ones are a number.
pub const STEPS_MAX: usize = 100_000;

/// Most phases of all scripts; steps of further ones stand below their script.
pub const PHASES_MAX: usize = 10_000;

/// Open questions that are kept; a run has no more.
const ASKS_MAX: usize = crate::limits::ASKS_OPEN_MAX;

/// Warnings that are kept: a run has no more.
const WARNINGS_MAX: usize = crate::limits::WARNINGS_MAX as usize + 1;

/// An open question.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAsk {
    /// Its step; for a permission the step of the agent that asks.
    pub node: NodeId,
    /// The number of the step, by which it is answered.
    pub step: Option<StepId>,
    /// When it was asked, in milliseconds.
    pub at_ms: u64,
    /// The question, with everything that is needed to answer it.
    pub opened: AskOpened,
}

/// A script of the run.
#[derive(Debug, Default)]
pub(super) struct ScopeView {
    current: Option<NodeId>,
    phases: HashMap<String, NodeId>,
}

/// What is shown of a run; see [the module](super).
#[derive(Debug, Default)]
pub struct RunView {
    pub(super) facts: RunFacts,
    pub(super) tree: Tree,
    pub(super) log: Log,
    /// By step, and for an agent, which may ask several, by the number within it.
    pub(super) asks: BTreeMap<(NodeId, u32), OpenAsk>,
    pub(super) warnings: VecDeque<EventWarning>,
    pub(super) messages: Messages,
    pub(super) root: ScopeView,
    pub(super) children: HashMap<String, ScopeView>,
    steps: HashMap<String, NodeId>,
    stems: Stems,
    phases: usize,
    /// Without the log and the texts of steps.
    pub(super) is_brief: bool,
    pub(super) unlisted: u64,
    pub(super) seq: u64,
    pub(super) last_ms: u64,
}

impl RunView {
    /// The view before the first event.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Self::new`], for a reader that shows sums and what is at work alone: the log
    /// stays empty, and no prompts and outputs are kept.
    #[must_use]
    pub fn brief() -> Self {
        Self { is_brief: true, ..Self::default() }
    }

    /// What is known of the run as a whole.
    #[must_use]
    pub fn facts(&self) -> &RunFacts {
        &self.facts
    }

    /// Its scripts, phases and steps.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What was said and what happened.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Its open questions, in the order of their steps.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = &OpenAsk> {
        self.asks.values()
    }

    /// The last warnings.
    #[must_use]
    pub fn warnings(&self) -> &VecDeque<EventWarning> {
        &self.warnings
    }

    /// The last messages from outside, in the order of their numbers.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &MessageView> {
        self.messages.all()
    }

    /// The message from outside of this number.
    #[must_use]
    pub fn message(&self, number: u64) -> Option<&MessageView> {
        self.messages.get(number)
    }

    /// Events about steps that have no node, because there are too many steps.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Number of the last event.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Time of the latest event, in milliseconds: the `now` of a stream that is replayed.
    #[must_use]
    pub fn last_ms(&self) -> u64 {
        self.last_ms
    }

    /// The step of this name.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<NodeId> {
        self.steps.get(key).copied()
    }

    /// The text of a stem.
    #[must_use]
    pub fn stem(&self, stem: StemId) -> &str {
        self.stems.text(stem)
    }

    /// Notes that the process that held the run is gone, which no event says. The next
    /// event says otherwise.
    pub fn interrupted(&mut self) {
        if self.facts.status == RunStatus::Running {
            self.let_go();
            self.facts.set(RunStatus::Interrupted, self.last_ms);
        }
    }

    /// The step that an event is about; made with this kind and state if it is new.
    pub(super) fn step_of(
        &mut self,
        event: &Event,
        phase: Option<&str>,
        kind: StepKind,
        state: StepState,
    ) -> Option<NodeId> {
        let key = event.metadata.step_id.as_deref()?;
        if let Some(node) = self.find(key) {
            return Some(node);
        }
        let parent = self.place_of(event, phase);
        self.add_step(parent, key, kind, state, event)
    }

    fn add_step(
        &mut self,
        parent: NodeId,
        key: &str,
        kind: StepKind,
        state: StepState,
        event: &Event,
    ) -> Option<NodeId> {
        if self.steps.len() >= STEPS_MAX {
            self.unlisted = self.unlisted.saturating_add(1);
            return None;
        }
        let (seq, at_ms) = (event.seq, at_ms(event));
        // Cut, so that a file cannot fill the memory with a name.
        let key = cut::head(key, LABEL_BYTES_MAX).to_owned();
        let step = StepView::new(key.clone(), kind, StepState::Queued, seq, at_ms);
        let node = self.tree.add(parent, NodeKind::Step(Box::new(step)))?;
        self.steps.insert(key, node);
        self.tree.set_state(node, state, at_ms);
        Some(node)
    }

    /// The script that an event belongs to: the run's own, or a child's.
    pub(super) fn script_of(&mut self, event: &Event) -> NodeId {
        let metadata = &event.metadata;
        let Some(parent) =
            metadata.parent_step_id.as_deref().filter(|_| metadata.workflow_depth > 0)
        else {
            return NodeId::ROOT;
        };
        if let Some(node) = self.find(parent) {
            return node;
        }
        // The stream does not say which script asked for a child; today it is the run's.
        let place = self.root.current.unwrap_or(NodeId::ROOT);
        let kind = StepKind::Workflow;
        self.add_step(place, parent, kind, StepState::Working, event).unwrap_or(NodeId::ROOT)
    }

    /// The node below which a step of this event stands: its phase, or its script.
    fn place_of(&mut self, event: &Event, phase: Option<&str>) -> NodeId {
        let script = self.script_of(event);
        match phase {
            Some(title) => self.phase(script, title),
            None => self.scope(script).current.unwrap_or(script),
        }
    }

    pub(super) fn scope(&mut self, script: NodeId) -> &mut ScopeView {
        let Some(step) = self.tree.step(script) else { return &mut self.root };
        let key = step.key.clone();
        self.children.entry(key).or_default()
    }

    /// The phase of this title in a script; the script itself if there are too many.
    pub(super) fn phase(&mut self, script: NodeId, title: &str) -> NodeId {
        let title = cut::head(title, LABEL_BYTES_MAX);
        if let Some(&phase) = self.scope(script).phases.get(title) {
            return phase;
        }
        if self.phases >= PHASES_MAX {
            return script;
        }
        let Some(phase) = self.tree.add(script, NodeKind::Phase(title.to_owned())) else {
            return script;
        };
        self.phases += 1;
        self.scope(script).phases.insert(title.to_owned(), phase);
        phase
    }

    /// The script enters a phase.
    pub(super) fn enter(&mut self, script: NodeId, title: &str) {
        let phase = self.phase(script, title);
        self.scope(script).current = Some(phase);
    }

    pub(super) fn set_label(&mut self, node: NodeId, label: &str) {
        let stem = self.stems.of(label);
        let label = cut::head(label, LABEL_BYTES_MAX + 1).to_owned();
        self.tree.set_label(node, cut::marked(label, LABEL_BYTES_MAX), stem);
    }

    /// The beginning of a prompt or a question.
    pub(super) fn set_prompt(&mut self, node: NodeId, prompt: &str) {
        let is_brief = self.is_brief;
        if let Some(step) = self.tree.step_mut(node).filter(|_| !is_brief) {
            let prompt = cut::head(prompt, TEXT_BYTES_MAX + 1);
            step.prompt = cut::marked(prompt.to_owned(), TEXT_BYTES_MAX);
        }
    }

    /// The beginning of an outcome.
    pub(super) fn set_output(&mut self, node: NodeId, output: &Value) {
        let is_brief = self.is_brief;
        if let Some(step) = self.tree.step_mut(node).filter(|_| !is_brief) {
            step.output = Some(preview::of(output, TEXT_BYTES_MAX));
        }
    }

    pub(super) fn ask(&mut self, node: NodeId, at_ms: u64, opened: &AskOpened) {
        if self.asks.len() < ASKS_MAX {
            let step = self.tree.step(node).and_then(StepView::number);
            let ask = OpenAsk { node, step, at_ms, opened: opened.clone() };
            self.asks.insert((node, opened.ask.unwrap_or(0)), ask);
        }
    }

    /// Whether a step waits for an answer.
    pub(super) fn has_ask(&self, node: NodeId) -> bool {
        self.asks.range((node, 0)..=(node, u32::MAX)).next().is_some()
    }

    /// Ends all questions of a step.
    pub(super) fn end_asks(&mut self, node: NodeId) {
        self.asks.retain(|(of, _), _| *of != node);
    }

    /// A step has its outcome, or the script below it has ended: no agent there is told
    /// any more.
    pub(super) fn end_messages(&mut self, node: NodeId) {
        let Self { messages, steps, tree, .. } = self;
        messages
            .end(|step| steps.get(&step.to_string()).is_some_and(|&of| tree.is_within(of, node)));
    }

    /// Keeps a warning among the last ones.
    pub(super) fn keep_warning(&mut self, warning: EventWarning) {
        if self.warnings.len() >= WARNINGS_MAX {
            self.warnings.pop_front();
        }
        self.warnings.push_back(warning);
    }

    /// A line of the log about a message from outside.
    pub(super) fn say_of_message(
        &mut self,
        event: &Event,
        step: Option<&str>,
        kind: LogKind,
        number: u64,
    ) {
        let Some(message) = self.messages.get(number) else {
            return self.say_of(event, step, kind, "", None);
        };
        let MessageView { event: said, .. } = message;
        let text = match kind {
            LogKind::Told | LogKind::ToldTooLate => said.text.clone(),
            _ => said.message.as_ref().map(ToString::to_string),
        };
        let by = said.by.clone();
        self.say_of(event, step, kind, &text.unwrap_or_default(), Some(&by));
        self.log.about_message(number);
    }

    /// A line of the log about the step of an event.
    pub(super) fn say(&mut self, event: &Event, kind: LogKind, text: impl AsRef<str>) {
        self.say_of(event, event.metadata.step_id.as_deref(), kind, text.as_ref(), None);
    }

    /// A line of the log about a step, and who caused it.
    pub(super) fn say_of(
        &mut self,
        event: &Event,
        step: Option<&str>,
        kind: LogKind,
        text: &str,
        by: Option<&str>,
    ) {
        if self.is_brief {
            return;
        }
        let cut = |name: &str| cut::head(name, LABEL_BYTES_MAX).to_owned();
        let (step, by) = (step.map(cut), by.map(cut));
        self.log.push(LogLine::new(event.seq, at_ms(event), step, kind, text, by));
    }
}

/// When an event happened, in milliseconds since the run was created.
pub(super) fn at_ms(event: &Event) -> u64 {
    event.elapsed_nanos / 1_000_000
}
