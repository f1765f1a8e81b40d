//! What the TUI asks of the engine, away from the thread that draws.
//!
//! Owns: reading a step whole, posting messages, and saving the stream. Never: a rule of
//! posting: `crate::posting` has those, as for the commands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use smol_wf_core::event::{Event, EventData, EventFold};
use smol_wf_core::gate::{AnswerRefusal, AskRequest};
use smol_wf_core::ids::{Digest, RunId, StepId};
use smol_wf_core::journal::Body;
use smol_wf_core::message::MessageRefusal;
use smol_wf_engine::{Engine, EngineError, Message, PostError};

use crate::detached::{NotDetached, start_holder_saying};
use crate::failure::{CommandError, FileError};
use crate::file_output::{OutputFile, Overwrites};
use crate::posting::{Posted, Posting, TAKEN_MAX};
use crate::{output, take_up};

use super::file_events::FileEvents;
use super::player::Stream as _;
use super::saying::said_of_holder;

/// What is asked of the desk.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    /// Everything about a step, by its name in the stream.
    Step(String),
    /// The question of a step, as whoever answers must see it.
    Question(StepId, Digest),
    /// Post a message, and say so in these words.
    Post { message: Message, done: String },
    /// Write the event stream to this file.
    Save(PathBuf),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A step.
    Step(String, Result<WholeStep, String>),
    /// A question; none if it is not open any more.
    Question(StepId, Result<Option<Arc<AskRequest>>, String>),
    /// A sentence about a message or a file.
    Said(Result<String, String>),
}

/// A step, with nothing cut.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct WholeStep {
    /// The events about it, in order.
    pub(crate) events: Vec<Event>,
    /// What the script asked for, as JSON with the names of its options.
    pub(crate) request: Option<serde_json::Value>,
}

/// Most events of one step that are shown: an agent leaves some hundred.
pub(crate) const STEP_EVENTS_MAX: usize = 5_000;

/// Why a replay of a pipe has neither details nor a copy.
const READ_ONCE: &str = "a pipe can be read only once; write the events to a file, and replay that";

/// Who is asked about a stream.
pub(crate) enum Desk {
    /// The database with the run.
    Run(Box<RunDesk>),
    /// The file of the events.
    File(PathBuf),
    /// A pipe, which the replay reads: whoever opened it again would take events from it.
    Pipe,
}

/// The desk of one run.
pub(crate) struct RunDesk {
    engine: Engine,
    run: RunId,
    /// Why nothing can be posted, if it cannot.
    posting: Result<Posting, String>,
}

impl Desk {
    /// A desk for a run; `posting` says who posts.
    pub(crate) fn of_run(engine: &Engine, run: &RunId, posting: Result<Posting, String>) -> Self {
        Self::Run(Box::new(RunDesk { engine: engine.clone(), run: run.clone(), posting }))
    }

    /// A desk for a file, which may be a pipe.
    pub(crate) fn of_file(path: &Path) -> Self {
        match path.is_file() {
            true => Self::File(path.to_owned()),
            false => Self::Pipe,
        }
    }

    /// Does what is asked.
    pub(crate) async fn reply(&self, request: Request) -> Reply {
        match self {
            Self::Run(desk) => desk.reply(request).await,
            Self::File(path) => file_reply(path, request).await,
            Self::Pipe => match request {
                Request::Step(key) => Reply::Step(key, Err(READ_ONCE.to_owned())),
                _ => Reply::Said(Err(READ_ONCE.to_owned())),
            },
        }
    }
}

impl RunDesk {
    async fn reply(&self, request: Request) -> Reply {
        match request {
            Request::Step(key) => {
                let step = self.step(&key).await.map_err(in_words);
                Reply::Step(key, step)
            }
            Request::Question(step, digest) => {
                Reply::Question(step, self.question(step, digest).await.map_err(in_words))
            }
            Request::Post { message, done } => Reply::Said(self.post(&message, done).await),
            Request::Save(path) => Reply::Said(self.save(path).await),
        }
    }

    /// Reads the journal up to the end of this step.
    async fn step(&self, key: &str) -> Result<WholeStep, EngineError> {
        let step = key.parse().ok().map(StepId);
        let mut reader = self.engine.run_reader(&self.run).await?;
        let (mut fold, mut whole) = (EventFold::new(), WholeStep::default());
        while let Some((_, entries)) = reader.next().await? {
            for entry in &entries {
                if let Body::StepAsked { step: number, asked, .. } = &entry.body
                    && Some(*number) == step
                {
                    whole.request = serde_json::to_value(asked).ok();
                }
                let is_end =
                    matches!(&entry.body, Body::Settled { step: of, .. } if Some(*of) == step);
                let events = fold.after(entry).into_iter().filter(|event| is_about(event, key));
                let room = STEP_EVENTS_MAX.saturating_sub(whole.events.len());
                whole.events.extend(events.take(room));
                if is_end {
                    return Ok(whole);
                }
            }
        }
        Ok(whole)
    }

    /// The question that was shown, if it is open still.
    async fn question(
        &self,
        step: StepId,
        digest: Digest,
    ) -> Result<Option<Arc<AskRequest>>, EngineError> {
        let standing = self.engine.standing(&self.run).await?;
        let is_it =
            |(of, request): &(StepId, &Arc<AskRequest>)| *of == step && request.digest() == digest;
        Ok(standing.open_asks().find(is_it).map(|(_, request)| Arc::clone(request)))
    }

    /// Posts a message, and starts a holder if it lets a run go on that has none.
    async fn post(&self, message: &Message, done: String) -> Result<String, String> {
        let posting = self.posting.as_ref().map_err(Clone::clone)?;
        let mut posted = posting.post(message).await.map_err(|error| refused(&error))?;
        let goes_on = matches!(message, Message::Answer { .. } | Message::Continue {});
        if goes_on && matches!(posted, Posted::Waits { held: false, .. }) {
            let started = start_holder(take_up::command_line(posting)).await;
            let Posted::Waits { number, .. } = posted else { return Ok(done) };
            let until = tokio::time::Instant::now() + TAKEN_MAX;
            posted = posting.wait(number, until).await.map_err(|error| refused(&error))?;
            // Another process may have been faster.
            if matches!(posted, Posted::Waits { held: false, .. }) {
                started?;
            }
        }
        Ok(match posted {
            Posted::Taken(_) => done,
            Posted::Waits { held: true, .. } => {
                "posted; the process that works on the run has not taken it yet".to_owned()
            }
            Posted::Waits { held: false, .. } => {
                "posted; it counts when the run goes on (p)".to_owned()
            }
            Posted::Needless => {
                "no process works on the run, so there is nothing to stop".to_owned()
            }
        })
    }

    /// Writes the stream to a new file, or over one that an export wrote.
    async fn save(&self, path: PathBuf) -> Result<String, String> {
        let failed = |error| in_file_words(&FileError::Write { path: path.clone(), error });
        let mut file = OutputFile::begin(&path, Overwrites::Exports).map_err(failed)?;
        let mut tail = self.engine.tail(&self.run);
        let mut events = 0_usize;
        while let Some(event) = tail.next().await.map_err(in_words)? {
            let line = output::event_line(&event).map_err(failed)?;
            std::io::Write::write_all(&mut file.to, line.as_bytes()).map_err(failed)?;
            events += 1;
        }
        file.finish().map_err(failed)?;
        Ok(super::saying::saved(&path, events))
    }
}

/// A file is read in a thread of its own: it may be large, or on a slow disk.
async fn file_reply(path: &Path, request: Request) -> Reply {
    let path = path.to_owned();
    let nothing = || Reply::Said(Err("this is a replay".to_owned()));
    let read = tokio::task::spawn_blocking(move || match request {
        Request::Step(key) => {
            let step = step_in_file(&path, &key);
            Reply::Step(key, step)
        }
        Request::Save(to) => Reply::Said(copy_file(&path, &to)),
        Request::Question(..) | Request::Post { .. } => {
            Reply::Said(Err("this is a replay".to_owned()))
        }
    });
    read.await.unwrap_or_else(|_| nothing())
}

fn step_in_file(path: &Path, key: &str) -> Result<WholeStep, String> {
    let mut events = FileEvents::open(path).map_err(|error| error.to_string())?;
    let mut whole = WholeStep::default();
    // A line that cannot be read ends it, as it ends the replay.
    while let Ok(Some(event)) = events.next() {
        if is_about(&event, key) && whole.events.len() < STEP_EVENTS_MAX {
            whole.events.push(event);
        }
    }
    Ok(whole)
}

fn copy_file(from: &Path, to: &Path) -> Result<String, String> {
    let failed = |error| in_file_words(&FileError::Write { path: to.to_owned(), error });
    let mut source = std::fs::File::open(from).map_err(|error| error.to_string())?;
    let mut file = OutputFile::begin(to, Overwrites::Exports).map_err(failed)?;
    std::io::copy(&mut source, &mut file.to).map_err(failed)?;
    file.finish().map_err(failed)?;
    Ok(format!("saved: {}", crate::shell::path(to)))
}

/// Starts a holder in the background. What it says on the way comes back if it fails.
async fn start_holder(argv: Vec<std::ffi::OsString>) -> Result<(), String> {
    let started = tokio::task::spawn_blocking(move || {
        let words = super::saying::Words::default();
        let report = std::io::sink();
        (start_holder_saying(argv, words.clone(), report), words.text())
    });
    match started.await {
        Ok((Ok(_), _)) => Ok(()),
        Ok((Err(NotDetached::Ended(_)), words)) => Err(said_of_holder(&words)),
        Ok((Err(NotDetached::System(error)), _)) => Err(in_words(error)),
        Err(_) => Err(said_of_holder("")),
    }
}

/// Whether an event is about this step. A message from outside is about the run, and
/// names the step.
pub(crate) fn is_about(event: &Event, key: &str) -> bool {
    let named = match &event.data {
        EventData::Message(message) => message.step,
        _ => None,
    };
    event.metadata.step_id.as_deref() == Some(key)
        || named.is_some_and(|step| step.to_string() == key)
}

fn in_words(error: EngineError) -> String {
    CommandError::from(error).sentence()
}

fn in_file_words(error: &FileError) -> String {
    error.to_string()
}

/// A refusal in few words where the usual one names commands to type.
fn refused(error: &CommandError) -> String {
    match error {
        CommandError::Engine(EngineError::Post(PostError::Refused {
            refusal:
                MessageRefusal::Answer(AnswerRefusal::Answered { step })
                | MessageRefusal::AnswerWaits { step },
            ..
        })) => format!("step {step} was answered elsewhere, or its time is up"),
        other => other.sentence(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A device stands for a pipe, which a test would have to fill.
    #[tokio::test]
    async fn what_can_be_read_once_is_not_opened_again() {
        let desk = Desk::of_file(Path::new("/dev/zero"));
        let reply = desk.reply(Request::Step("1".to_owned())).await;
        assert!(matches!(&reply, Reply::Step(_, Err(why)) if why == READ_ONCE), "{reply:?}");
        let reply = desk.reply(Request::Save(PathBuf::from("copy.jsonl"))).await;
        assert!(matches!(&reply, Reply::Said(Err(why)) if why == READ_ONCE), "{reply:?}");
    }
}
