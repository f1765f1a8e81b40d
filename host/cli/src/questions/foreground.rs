//! Questions of a run that this process holds, asked at its terminal.
//!
//! Owns: which question is asked, and what happens when it is answered elsewhere. Never:
//! holds the run up: agents go on working meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use smol_wf_core::event::EventData;
use smol_wf_core::gate::{AnswerRefusal, AskKind, AskRequest};
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::message::MessageRefusal;
use smol_wf_engine::{Engine, EngineError, Message, Notice, PostError, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Asked, Lines, ask, name_of};
use crate::failure::{CommandError, print_message};
use crate::progress::Progress;
use crate::streams::{self, Kind};
use crate::{people, poster, shell};

/// How long to wait for a database that another program has locked.
const LOCKED: Duration = Duration::from_millis(200);

/// A question: its step, and which of its agent's it is; 0 for the script's own.
type Question = (StepId, u32);

/// A change of the open questions, from the run.
enum Change {
    Opened(Question),
    Settled(Question),
}

/// Shows progress, and passes on which questions are open.
struct Listener {
    progress: Arc<Progress>,
    changes: UnboundedSender<Change>,
}

impl Watcher for Listener {
    fn notice(&self, notice: Notice<'_>) {
        self.progress.notice(notice);
        let Notice::Event { event, .. } = notice else { return };
        let step = event.metadata.step_id.as_deref().and_then(|step| step.parse().ok());
        let Some(step) = step.map(StepId) else { return };
        let change = match &event.data {
            EventData::AskOpened(ask) => Change::Opened((step, ask.ask.unwrap_or_default())),
            EventData::AskSettled(ask) => Change::Settled((step, ask.ask.unwrap_or_default())),
            _ => return,
        };
        // Nobody listens when the run ends.
        let _ = self.changes.send(change);
    }
}

/// How the turn of a question ended.
enum Turn {
    /// The person has had their say.
    Asked(Asked),
    /// It was answered elsewhere, or its time is up.
    Settled,
    /// The run has ended.
    RunEnded,
}

/// Asks the open questions of one run, one after the other.
pub(crate) struct Desk {
    progress: Arc<Progress>,
    changes: UnboundedReceiver<Change>,
    /// Questions to ask.
    open: BTreeSet<Question>,
}

impl Desk {
    /// The watcher of a run, and the desk for its questions if a person can be asked.
    pub(crate) fn open(progress: &Arc<Progress>) -> (Arc<dyn Watcher>, Option<Self>) {
        if !people::can_be_asked() {
            return (progress.clone(), None);
        }
        let (changes, heard) = unbounded_channel();
        let listener = Listener { progress: progress.clone(), changes };
        let desk = Self { progress: progress.clone(), changes: heard, open: BTreeSet::new() };
        (Arc::new(listener), Some(desk))
    }

    /// Asks until nobody can be asked any more. To be dropped when the run has ended.
    pub(crate) async fn serve(&mut self, engine: &Engine) {
        let Ok(by) = poster::user() else { return };
        let mut lines: Option<Lines> = None;
        loop {
            let Some(question) = self.open.first().copied() else {
                match self.changes.recv().await {
                    Some(change) => self.take(change),
                    None => return,
                }
                continue;
            };
            let step = question.0;
            let Some(run) = self.progress.run().cloned() else { return };
            let Some(request) = self.request(engine, &run, question).await else { continue };
            if request.kind == AskKind::WaitFor {
                // Nobody here makes it happen, and it must not keep questions waiting.
                self.open.remove(&question);
                waits_for_event(&run, step, &request);
                continue;
            }
            let lines = lines.get_or_insert_with(Lines::new);
            let asked = match self.ask(&run, question, &request, lines).await {
                Turn::Asked(asked) => asked,
                Turn::Settled => {
                    settled_elsewhere(step, &request);
                    lines.cut_off();
                    continue;
                }
                Turn::RunEnded => return,
            };
            self.open.remove(&question);
            match asked {
                Asked::Answer { value, comment } => {
                    let digest = request.digest();
                    let message = Message::Answer { step, digest, value, comment };
                    if !post(engine, (&run, &by), &message).await {
                        self.open.insert(question);
                    }
                }
                Asked::LeftOpen => left_open(&name_of(&run, step, &request)),
                Asked::Gone => {
                    left_open(&run.to_string());
                    return;
                }
            }
        }
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Opened(question) => self.open.insert(question),
            Change::Settled(question) => self.open.remove(&question),
        };
    }

    /// The question of a step, if it is open.
    async fn request(
        &mut self,
        engine: &Engine,
        run: &RunId,
        question: Question,
    ) -> Option<Arc<AskRequest>> {
        let standing = match engine.standing(run).await {
            Ok(standing) => standing,
            Err(EngineError::Store(error)) if error.is_passing() => {
                tokio::time::sleep(LOCKED).await;
                return None;
            }
            Err(error) => {
                self.open.remove(&question);
                print_message(&CommandError::from(error).sentence());
                return None;
            }
        };
        let number = |request: &AskRequest| request.agent.as_ref().map_or(0, |agent| agent.ask);
        let mut asks = standing.open_asks();
        let asked = asks.find(|(open, request)| (*open, number(request)) == question);
        let request = asked.map(|(_, request)| Arc::clone(request));
        if request.is_none() {
            self.open.remove(&question);
        }
        request
    }

    /// Asks one question, until it is answered or settled elsewhere.
    async fn ask(
        &mut self,
        run: &RunId,
        question: Question,
        request: &AskRequest,
        lines: &mut Lines,
    ) -> Turn {
        let progress = self.progress.clone();
        let mut prompt = Prompt::open(&progress);
        let asked = ask(run, question.0, request, lines);
        tokio::pin!(asked);
        loop {
            tokio::select! {
                biased;
                change = self.changes.recv() => {
                    let Some(change) = change else { return Turn::RunEnded };
                    self.take(change);
                    if !self.open.contains(&question) {
                        return Turn::Settled;
                    }
                }
                asked = &mut asked => {
                    prompt.is_done = true;
                    return Turn::Asked(asked);
                }
            }
        }
    }
}

/// Posts an answer. Returns whether the question is done with; if not, it is asked again.
async fn post(engine: &Engine, (run, by): (&RunId, &str), message: &Message) -> bool {
    match engine.post(run, by, message).await {
        Ok(_) => true,
        Err(EngineError::Post(PostError::Refused {
            refusal:
                MessageRefusal::Answer(AnswerRefusal::Answered { step })
                | MessageRefusal::AnswerWaits { step },
            ..
        })) => {
            print_message(&format!("step {step} was answered elsewhere, or its time is up"));
            true
        }
        Err(error) => {
            print_message(&CommandError::from(error).sentence());
            false
        }
    }
}

/// Says why a question on the screen needs no answer any more.
fn settled_elsewhere(step: StepId, request: &AskRequest) {
    print_message(&match request.agent {
        Some(_) => {
            format!("the agent of step {step} was answered elsewhere, or no longer waits")
        }
        None => format!("step {step} was answered elsewhere, or its time is up"),
    });
}

/// Says how an answer can be given that nobody has typed.
fn left_open(name: &str) {
    let db = shell::with_database();
    print_message(&format!(
        "left open; answer it from anywhere: smol-wf answer {name}{db} (Ctrl-C stops the run, which can be resumed)"
    ));
}

/// Says how an event is reported that the script waits for.
fn waits_for_event(run: &RunId, step: StepId, request: &AskRequest) {
    let (name, db) = (shell::word(&request.question), shell::with_database());
    print_message(&format!("step {step} waits for an event: smol-wf signal {run} {name} JSON{db}"));
}

/// A prompt on the screen: progress waits until it is gone.
struct Prompt<'p> {
    progress: &'p Progress,
    /// The person has ended its line.
    is_done: bool,
}

impl<'p> Prompt<'p> {
    fn open(progress: &'p Progress) -> Self {
        progress.hold();
        Self { progress, is_done: false }
    }
}

impl Drop for Prompt<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            streams::write_stderr("\n".to_owned(), Kind::Message);
        }
        self.progress.release();
    }
}
