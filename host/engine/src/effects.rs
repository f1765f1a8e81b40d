//! Brings about what the machine decided, and hears what came of it.
//!
//! Owns: agents at work and in the queue, sleeps, the search for child
//! scripts. Never: writes the journal, decides an outcome.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use smol_wf_core::call::{AgentRequest, Reply, WorkflowTarget};
use smol_wf_core::event;
use smol_wf_core::guest::Outcome;
use smol_wf_core::ids::CallId;
use smol_wf_core::journal::{Body, Record, ScopeStart};
use smol_wf_core::limits::CHILDREN_OPEN_MAX;
use smol_wf_core::machine::{Effect, Machine};
use smol_wf_providers::{Activity, AgentActivity};
use smol_wf_store::{RunKey, Store};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::agents::Agents;
use crate::children::Children;
use crate::clock;
use crate::error::EngineError;
use crate::writer::Writer;

/// Notes of what agents are doing that may wait to be shown; more are dropped,
/// for they are gone in a moment anyway.
const ACTIVITIES_WAITING_MAX: usize = 256;

/// Outcomes that are taken in together, and so share a commit. More would let
/// finished work pile up that is not durable yet.
const OUTCOMES_TOGETHER_MAX: usize = 256;

/// What came of an effect.
pub(crate) enum Happened {
    Agent(CallId, Outcome, Reply),
    Child(CallId, Result<Box<ScopeStart>, Outcome>),
    Woke,
    Activity(event::Activity),
}

struct QueuedAgent {
    call: CallId,
    ordinal: u32,
    request: AgentRequest,
}

struct QueuedChild {
    call: CallId,
    caller: String,
    target: WorkflowTarget,
    args: Option<String>,
}

pub(crate) struct World {
    agents: Arc<Agents>,
    children: Arc<Children>,
    writer: Writer,
    parallel_max: usize,
    queue: VecDeque<QueuedAgent>,
    working: HashMap<CallId, tokio::task::AbortHandle>,
    tasks: JoinSet<Happened>,
    sleeping: BinaryHeap<Reverse<(i64, CallId)>>,
    child_queue: VecDeque<QueuedChild>,
    /// Children whose scripts are being looked for.
    finding: HashSet<CallId>,
    /// Answers that their scripts have not been told yet.
    untold: BTreeMap<CallId, (Outcome, Reply)>,
    activity: (mpsc::Sender<event::Activity>, mpsc::Receiver<event::Activity>),
}

impl World {
    pub(crate) fn new(
        agents: Agents,
        children: Children,
        writer: Writer,
        parallel_max: u32,
    ) -> Self {
        Self {
            agents: Arc::new(agents),
            children: Arc::new(children),
            writer,
            parallel_max: parallel_max.max(1) as usize,
            queue: VecDeque::new(),
            working: HashMap::new(),
            tasks: JoinSet::new(),
            sleeping: BinaryHeap::new(),
            child_queue: VecDeque::new(),
            finding: HashSet::new(),
            untold: BTreeMap::new(),
            activity: mpsc::channel(ACTIVITIES_WAITING_MAX),
        }
    }

    /// `guests` counts the open script instances, the first script among them.
    pub(crate) fn perform(&mut self, effects: Vec<Effect>, guests: usize) {
        for effect in effects {
            match effect {
                Effect::RunAgent { call, ordinal, request } => {
                    self.queue.push_back(QueuedAgent { call, ordinal, request: *request });
                }
                Effect::SleepUntil { call, wake_at_us } => {
                    self.sleeping.push(Reverse((wake_at_us, call)));
                }
                Effect::FindChild { call, caller, target, args } => {
                    self.child_queue.push_back(QueuedChild { call, caller, target, args });
                }
                Effect::Cancel(call) => self.cancel(call),
            }
        }
        self.find_children(guests);
    }

    /// Looks for the scripts of queued children, as many as there are instances
    /// for.
    fn find_children(&mut self, guests: usize) {
        while guests + self.finding.len() <= CHILDREN_OPEN_MAX as usize {
            let Some(QueuedChild { call, caller, target, args }) = self.child_queue.pop_front()
            else {
                return;
            };
            self.finding.insert(call);
            let children = self.children.clone();
            self.tasks.spawn(async move {
                let found = children.find(call, caller, target, args).await;
                Happened::Child(call, found.map_err(Outcome::Failed))
            });
        }
    }

    /// Sets queued agents to work, as many as may.
    pub(crate) fn dispatch(&mut self, machine: &mut Machine) {
        while self.working.len() < self.parallel_max {
            let Some(QueuedAgent { call, ordinal, request }) = self.queue.pop_front() else {
                return;
            };
            machine.dispatched(call, clock::now_us());
            let agents = self.agents.clone();
            let notes = Arc::new(Notes { call, sender: self.activity.0.clone() });
            let handle = self.tasks.spawn(async move {
                let (outcome, reply) = agents.run(call, ordinal, request, notes).await;
                Happened::Agent(call, outcome, reply)
            });
            self.working.insert(call, handle);
        }
    }

    /// Whether no agent is at work and no script is looked for: then nothing
    /// but the end of a sleep will happen.
    pub(crate) fn is_idle(&self) -> bool {
        self.working.is_empty() && self.finding.is_empty()
    }

    /// Waits until something happens.
    pub(crate) async fn happened(&mut self) -> Happened {
        loop {
            let nap = self.wakes_at_us().map(|at_us| clock::until(at_us).min(clock::NAP_MAX));
            tokio::select! {
                biased;
                Some(joined) = self.tasks.join_next() => {
                    // Tasks that were aborted have nothing to say.
                    if let Ok(happened) = joined {
                        return happened;
                    }
                }
                Some(activity) = self.activity.1.recv() => return Happened::Activity(activity),
                () = nap_for(nap) => return Happened::Woke,
            }
        }
    }

    /// What agents said that nobody has seen yet, the oldest first.
    pub(crate) fn activities(&mut self) -> Vec<event::Activity> {
        std::iter::from_fn(|| self.activity.1.try_recv().ok())
            .take(ACTIVITIES_WAITING_MAX)
            .collect()
    }

    /// Tells the machine of this, and of all else that has happened meanwhile.
    pub(crate) fn take_in(&mut self, first: Happened, machine: &mut Machine) {
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(happened) = next {
            taken += 1;
            match happened {
                Happened::Activity(_) | Happened::Woke => {}
                Happened::Agent(call, outcome, reply) => {
                    self.working.remove(&call);
                    self.untold.insert(call, (outcome.clone(), reply.clone()));
                    machine.complete(call, outcome, Some(reply));
                    self.dispatch(machine);
                }
                Happened::Child(call, found) => {
                    self.finding.remove(&call);
                    match found {
                        Ok(start) => machine.child_found(*start),
                        Err(outcome) => machine.complete(call, outcome, None),
                    }
                }
            }
            next = if taken < OUTCOMES_TOGETHER_MAX { self.happened_already() } else { None };
        }
        self.wake(machine);
    }

    fn happened_already(&mut self) -> Option<Happened> {
        loop {
            // Aborted tasks have nothing to say.
            if let Ok(happened) = self.tasks.try_join_next()? {
                return Some(happened);
            }
        }
    }

    fn wake(&mut self, machine: &mut Machine) {
        let now_us = clock::now_us();
        while let Some(Reverse((at_us, call))) = self.sleeping.peek().copied() {
            if at_us > now_us {
                return;
            }
            self.sleeping.pop();
            machine.complete(call, Outcome::Value("null".to_owned()), None);
        }
    }

    /// The next durable sleep that ends.
    pub(crate) fn wakes_at_us(&self) -> Option<i64> {
        self.sleeping.peek().map(|Reverse((at_us, _))| *at_us)
    }

    /// The script of this call is being told.
    pub(crate) fn told(&mut self, call: CallId) {
        self.untold.remove(&call);
    }

    /// Everything that has been answered and not told, for the journal of a run
    /// that is let go of.
    pub(crate) fn answered(&mut self) -> Vec<Body> {
        while let Some(happened) = self.happened_already() {
            if let Happened::Agent(call, outcome, reply) = happened {
                self.untold.insert(call, (outcome, reply));
            }
        }
        let untold = std::mem::take(&mut self.untold).into_iter();
        untold
            .map(|(call, (outcome, reply))| Body::AgentAnswered {
                call,
                outcome,
                reply: Box::new(reply),
            })
            .collect()
    }

    fn cancel(&mut self, call: CallId) {
        self.untold.remove(&call);
        self.queue.retain(|queued| queued.call != call);
        self.sleeping.retain(|Reverse((_, sleeping))| *sleeping != call);
        if let Some(handle) = self.working.remove(&call) {
            handle.abort();
        }
    }

    /// Stops everything and waits until it has stopped, what providers keep
    /// running between calls included.
    pub(crate) async fn cancel_all(&mut self) {
        self.queue.clear();
        self.child_queue.clear();
        self.sleeping.clear();
        self.tasks.shutdown().await;
        self.working.clear();
        self.agents.close().await;
    }

    pub(crate) async fn load(&self, key: RunKey) -> Result<Vec<Record>, EngineError> {
        let loaded = self.writer.with(move |store: &mut dyn Store| store.load(&key)).await??;
        Ok(loaded.unwrap_or_default())
    }
}

async fn nap_for(nap: Option<std::time::Duration>) {
    match nap {
        Some(nap) => tokio::time::sleep(nap).await,
        None => std::future::pending().await,
    }
}

/// A word for machines and a line for people.
fn words_of(activity: AgentActivity) -> (String, String) {
    let (kind, text) = match activity {
        AgentActivity::Thinking => ("thinking", "thinking".to_owned()),
        AgentActivity::Tool { name, detail: None } => ("tool", name),
        AgentActivity::Tool { name, detail: Some(detail) } => ("tool", format!("{name} {detail}")),
        AgentActivity::Text { text } => ("text", text),
        AgentActivity::Waiting { reason } => ("waiting", reason),
    };
    (kind.to_owned(), text)
}

/// Passes on what one agent says it is doing.
struct Notes {
    call: CallId,
    sender: mpsc::Sender<event::Activity>,
}

impl Activity for Notes {
    fn note(&self, activity: AgentActivity) {
        let (kind, text) = words_of(activity);
        // Full means that the watcher is slower than the agents: dropping is right.
        let _ = self.sender.try_send(event::Activity { call: self.call, kind, text });
    }
}
