//! What the machine keeps of calls and scripts that are not over.
//!
//! Owns: opening a script, settling a call, ending a child. Never: compares
//! with the journal; `load` and the parent module do.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{
    AgentRequest, Body, CallId, Kept, Machine, Next, Outcome, Reply, RunHead, Scope, ScopeStart,
    Waiting, WorkflowTarget,
};
use crate::dice;
use crate::guest::Dialect;
use crate::ids::TimerId;
use crate::options::Manner;
use crate::pool::Pooled;
use crate::selector;
use crate::settlement::OnFailure;
use crate::surface::Surface;

/// Something that waits to be told to a script.
#[derive(Debug)]
pub enum Delivery {
    /// The first script of a new run, which is journaled already.
    Begin(Box<ScopeStart>),
    /// A script to start.
    Start(Box<ScopeStart>),
    /// A call to settle.
    Settle {
        /// Which call.
        call: CallId,
        /// What it came to.
        outcome: Kept,
        /// What the agent said of itself.
        reply: Option<Box<Reply>>,
    },
    /// The time of a timer is up.
    Fire(TimerId),
}

/// What the engine must bring about in the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Set an agent to work; then [`Machine::complete`].
    RunAgent {
        /// Which call.
        call: CallId,
        /// How many agent calls the run had made with this one.
        ordinal: u32,
        /// What is asked.
        request: Arc<AgentRequest>,
    },
    /// Wait; then [`Machine::complete`] with `null`.
    SleepUntil {
        /// Which call.
        call: CallId,
        /// In microseconds since 1970.
        wake_at_us: i64,
        /// How long that is at the most, in microseconds, whatever the wall
        /// clock says: what was left of it when this process took the run up.
        left_us: u64,
    },
    /// Find a script; then [`Machine::child_found`], or [`Machine::complete`]
    /// with a failure.
    FindChild {
        /// Which call; its number is the scope of the child.
        call: CallId,
        /// Path of the calling script, from the project root.
        caller: String,
        /// Whom it calls.
        target: WorkflowTarget,
        /// JSON text.
        args: Option<String>,
    },
    /// Stop working on this call: nobody waits for it any more.
    Cancel(CallId),
    /// Wait for so long; then [`Machine::fire`]. Of those that are due at once
    /// the one with the smaller number goes first.
    SetTimer {
        /// Which timer.
        timer: TimerId,
        /// What is left of it, in microseconds.
        left_us: i64,
    },
    /// Nobody waits for this timer any more.
    ClearTimer(TimerId),
}

/// A call whose outcome its script has not been told.
#[derive(Debug)]
pub(super) struct OpenCall {
    pub(super) scope: Scope,
    /// For agents: what the script is given when its agent fails.
    pub(super) agent: Option<OnFailure>,
    /// Its outcome stands in the inbox.
    pub(super) completed: bool,
    /// What to do for it once the journal is at its end.
    pub(super) effect: Option<Effect>,
    /// When it is over, for a sleep: no script sees an earlier time then.
    pub(super) wakes_at_us: Option<i64>,
}

/// What phases a script declares and which one it is in.
#[derive(Debug)]
pub(super) struct ScopeState {
    pub(super) file_name: String,
    pub(super) path: String,
    pub(super) phase: Option<String>,
    pub(super) dialect: Dialect,
    defaults: HashMap<String, PhaseDefaults>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct PhaseDefaults {
    title: String,
    model: Option<String>,
    provider: Option<String>,
}

impl PhaseDefaults {
    /// What does not fit here declares no defaults.
    fn of(phase: &Value) -> Option<Self> {
        let text = |key| phase.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self { title: text("title")?, model: text("model"), provider: text("provider") })
    }

    /// All that `meta` declares. Under surface 1 a phase of another shape hid the
    /// others.
    fn all(meta: &str, surface: Surface) -> Vec<Self> {
        let meta: Value = serde_json::from_str(meta).unwrap_or_default();
        let phases = meta.get("phases").cloned().unwrap_or_default();
        match surface {
            Surface::First => serde_json::from_value(phases).unwrap_or_default(),
            Surface::Second => {
                phases.as_array().into_iter().flatten().filter_map(Self::of).collect()
            }
        }
    }
}

impl ScopeState {
    fn new(start: &ScopeStart, surface: Surface) -> Self {
        let declared = PhaseDefaults::all(&start.meta, surface);
        let defaults = declared.into_iter().map(|phase| (phase.title.clone(), phase)).collect();
        Self {
            file_name: start.file_name.clone(),
            path: start.path.clone(),
            phase: None,
            dialect: start.dialect,
            defaults,
        }
    }

    /// Whether what `meta` declares for a phase holds for its calls. In a body it
    /// is for people, as in Claude Code, unless it names a provider or is a
    /// selector: those only this program knows.
    fn holds(&self, phase: &PhaseDefaults, head: &RunHead) -> bool {
        head.surface == Surface::First
            || self.dialect == Dialect::Module
            || head.defaults.phase_models
            || phase.provider.is_some()
            || phase.model.as_ref().is_some_and(|model| model.contains('?'))
    }

    /// How its calls' options are read.
    pub(super) fn manner(&self, head: &RunHead) -> Manner {
        match head.surface {
            Surface::First => Manner::First,
            Surface::Second => self.dialect.into(),
        }
    }

    /// What it is given when the agent of this call fails.
    pub(super) fn on_failure(&self, request: &AgentRequest, head: &RunHead) -> OnFailure {
        let of_dialect = match (head.surface, self.dialect) {
            (Surface::Second, Dialect::Body) => OnFailure::Null,
            (Surface::First, _) | (_, Dialect::Module) => OnFailure::Throw,
        };
        request.on_failure.or(head.defaults.on_failure).unwrap_or(of_dialect)
    }

    /// Fills in what the call leaves open: the current phase, and what `meta`
    /// declares for it.
    pub(super) fn apply_defaults(&self, request: &mut AgentRequest, head: &RunHead) {
        if request.phase.is_none() {
            request.phase.clone_from(&self.phase);
        }
        let declared = request.phase.as_ref().and_then(|title| self.defaults.get(title));
        if let Some(defaults) = declared.filter(|phase| self.holds(phase, head)) {
            match (&request.provider, selector::names_provider(request, head)) {
                (None, false) => request.provider.clone_from(&defaults.provider),
                (None, true) if head.surface != Surface::First => {
                    request.phase_provider.clone_from(&defaults.provider);
                }
                _ => {}
            }
            request.model = request.model.take().or_else(|| defaults.model.clone());
        }
    }
}

impl Machine {
    pub(super) fn open_scope(&mut self, start: ScopeStart) -> Next {
        self.current = start.scope;
        self.scopes.insert(start.scope, ScopeState::new(&start, self.head.surface));
        let seed = seed_of(self.head.seed, start.scope);
        Next::Start { start: Box::new(start), seed, now_us: self.now_us }
    }

    /// Closes a call; none when it was not open.
    pub(super) fn settle(
        &mut self,
        call: CallId,
        outcome: Outcome,
        reply: Option<&Reply>,
    ) -> Option<Next> {
        let open = self.calls.remove(&call)?;
        // An answer that was there already is not paid for again.
        if let Some(reply) = reply.filter(|reply| reply.reused.is_none()) {
            self.usage += reply.usage;
        }
        self.current = open.scope;
        Some(Next::Settle { scope: open.scope, call, outcome, now_us: self.now_us })
    }

    pub(super) fn open_call(&mut self, call: CallId, agent: Option<OnFailure>, effect: Effect) {
        let wakes_at_us = match &effect {
            Effect::SleepUntil { wake_at_us, .. } => Some(*wake_at_us),
            _ => None,
        };
        let live = self.is_live();
        let effect = if live {
            self.effects.push(effect);
            None
        } else {
            Some(effect)
        };
        let scope = self.current;
        let open = OpenCall { scope, agent, completed: false, effect, wakes_at_us };
        self.calls.insert(call, open);
    }

    /// A call whose answer is there already. In a replay it waits until the
    /// recording is at its end, or is met in it.
    pub(super) fn open_answered(
        &mut self,
        call: CallId,
        agent: Option<OnFailure>,
        waiting: Waiting,
    ) {
        let scope = self.current;
        let open = OpenCall { scope, agent, completed: false, effect: None, wakes_at_us: None };
        self.calls.insert(call, open);
        let Waiting { source, outcome, mut reply, .. } = waiting;
        if let Some(reply) = &mut reply {
            reply.reused = Some(source);
        }
        if self.is_live() {
            self.complete_kept(call, outcome, reply);
        } else {
            self.answered.insert(call, (outcome, reply));
        }
    }

    pub(super) fn complete_kept(&mut self, call: CallId, outcome: Kept, reply: Option<Box<Reply>>) {
        let Some(open) = self.calls.get_mut(&call) else { return };
        if !open.completed {
            open.completed = true;
            if let Some(reply) = &reply {
                self.agent_book.ledger.count(reply);
            }
            self.inbox.push_back(Delivery::Settle { call, outcome, reply });
        }
    }

    fn waiting(&mut self, pooled: Pooled) -> Waiting {
        let Pooled { content, source, outcome, reply, behind } = pooled;
        Waiting { content, source, outcome: self.kept(outcome), reply, behind }
    }

    /// An outcome of the entry that was just met.
    fn kept(&mut self, outcome: Outcome) -> Kept {
        if self.fetches { self.memory.keep(outcome, self.seq - 1) } else { Kept::Here(outcome) }
    }

    /// The entry that holds what is to be delivered, when that is not here and
    /// someone waits for it.
    pub(super) fn kept_elsewhere(&self, delivery: &Delivery) -> Option<u64> {
        match delivery {
            Delivery::Settle { call, outcome: Kept::Entry(entry), .. } => {
                self.calls.contains_key(call).then_some(*entry)
            }
            _ => None,
        }
    }

    /// The outcome that [`Next::Fetch`] asked for.
    pub fn fetched(&mut self, fetched: Outcome) {
        if let Some(Delivery::Settle { outcome, .. }) = self.inbox.front_mut() {
            *outcome = Kept::Here(fetched);
        }
    }

    /// A child is over: its own calls are cut off, its caller is to be told.
    /// `outcome` is none when a replay accepts whatever is recorded.
    pub(super) fn end_child(&mut self, child: Scope, outcome: Option<Outcome>) {
        let Some(call) = child.opened_by() else { return };
        let cut: Vec<CallId> =
            self.calls.iter().filter(|(_, open)| open.scope == child).map(|(id, _)| *id).collect();
        for id in cut {
            self.calls.remove(&id);
            self.agent_book.cut(id);
            self.effects.push(Effect::Cancel(id));
        }
        self.clear_timers_of(child);
        self.scopes.remove(&child);
        self.closed.push(child);
        if self.is_live() {
            if let Some(outcome) = outcome {
                self.complete(call, outcome, None);
            }
        } else {
            self.ended_children.insert(call, outcome);
        }
    }

    /// When the last recorded entry has been met: everything that is open is
    /// to be done again, in order of issue.
    pub(super) fn leave_replay(&mut self) {
        self.skip_attempts();
        if !self.recorded.is_empty() {
            return;
        }
        for (call, (outcome, reply)) in std::mem::take(&mut self.answered) {
            // Told in an earlier attempt, it is no longer open.
            if let Some(open) = self.calls.get_mut(&call) {
                open.effect = None;
                self.complete_kept(call, outcome, reply);
            }
        }
        let now_us = self.now_us.max(self.begun_us);
        let mut effects: Vec<Effect> =
            self.calls.values_mut().filter_map(|call| call.effect.take()).collect();
        for effect in &mut effects {
            if let Effect::SleepUntil { wake_at_us, left_us, .. } = effect {
                let left = wake_at_us.saturating_sub(now_us);
                *left_us = (*left_us).min(u64::try_from(left).unwrap_or(0));
            }
        }
        self.effects.extend(effects);
        self.set_timers();
        for (call, outcome) in std::mem::take(&mut self.ended_children) {
            if let Some(outcome) = outcome {
                self.complete(call, outcome, None);
            }
        }
    }

    pub(super) fn skip_attempts(&mut self) {
        while let Some(entry) = self.recorded.pop_if(Body::is_about_attempts) {
            self.seq += 1;
            self.timers.pass(&entry.body, entry.at_us);
            match entry.body {
                Body::AttemptStarted { guest, format, .. } => {
                    self.compare_fuel = guest == self.guest;
                    self.format = format;
                }
                // What it used is spent, though its script is not told.
                Body::AgentParked { reply, .. } => self.agent_book.ledger.count(&reply),
                // Told once the recording is at its end, if it was not told in it.
                Body::AgentAnswered { call, outcome, reply } => {
                    let outcome = self.kept(outcome);
                    self.answered.insert(call, (outcome, Some(reply)));
                }
                Body::AnswerPooled(pooled) => {
                    let waiting = self.waiting(*pooled);
                    self.pool.add(waiting);
                }
                _ => {}
            }
        }
    }
}

/// One seed a scope, so that a child does not repeat its parent's numbers:
/// the two, scattered.
fn seed_of(run: u64, scope: Scope) -> u64 {
    dice::finish(run ^ u64::from(scope.0).wrapping_mul(dice::GOLDEN))
}
