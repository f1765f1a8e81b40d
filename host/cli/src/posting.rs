//! Posts a message to a run and finds out what became of it.
//!
//! Owns: the flags that all posting commands share, how long they wait for the holder,
//! and the JSON document they print. Never: the words of one command, or a holder; the
//! command that starts one does.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use smol_wf_core::ids::RunId;
use smol_wf_core::message::MessageTaken;
use smol_wf_engine::{Delivery, Engine, EngineError, Message, PostError};
use tokio::time::{Instant, sleep};

use crate::commands::settings_of;
use crate::config::Settings;
use crate::failure::{CommandError, print_message};
use crate::flags::{DbFlags, JsonFlag};
use crate::table::Format;
use crate::working_folder::LatestFlags;
use crate::{output, poster, setup};

/// Longest wait until the holder has taken a message: it looks every ten seconds, also if
/// it was not woken.
pub(crate) const TAKEN_MAX: Duration = Duration::from_secs(15);

/// Pauses between two looks: the first is short, since most holders take a message within
/// some milliseconds.
const LOOKS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// Flags of commands that post to a run.
#[derive(Debug, Args)]
pub(crate) struct PostFlags {
    /// How to print what happened: text, a sentence on stderr, or json
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    pub(crate) latest: LatestFlags,

    #[command(flatten)]
    pub(crate) db: DbFlags,
}

/// A run to which this user may post.
pub(crate) struct Posting {
    pub(crate) engine: Engine,
    pub(crate) run: RunId,
    pub(crate) settings: Settings,
    by: String,
    pub(crate) format: Format,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Posted {
    /// The holder took it.
    Taken(Box<MessageTaken>),
    /// It waits in the inbox; whether a process holds the run.
    Waits { number: u64, held: bool },
    /// Nothing was posted: no process holds the run that it would have stopped.
    Needless,
}

/// The JSON document of a command that posts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostedDocument<'a> {
    schema_version: u32,
    run_id: &'a RunId,
    /// The word of the message.
    message: &'a str,
    /// Its number among those of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// Whether the holder has taken it.
    taken: bool,
    /// Whether a process holds the run.
    held: bool,
}

impl Posting {
    /// Finds the run. Fails if an agent would post, or there is no such run.
    pub(crate) async fn open(flags: &PostFlags, asked: &str) -> Result<Self, CommandError> {
        let by = poster::user()?;
        let settings = settings_of(&flags.db)?;
        let engine = setup::engine_with_run(&settings, asked)?;
        let run = flags.latest.find(&engine, asked).await?;
        let format = flags.json.asked().or(flags.output).unwrap_or(Format::Text);
        Ok(Self { engine, run, settings, by, format })
    }

    /// For a run that was found already. Fails if an agent would post.
    pub(crate) fn of(engine: Engine, run: RunId, settings: Settings) -> Result<Self, CommandError> {
        Ok(Self { engine, run, settings, by: poster::user()?, format: Format::Text })
    }

    /// The same, with what the user posts through beside their name.
    pub(crate) fn through(mut self, way: &str) -> Self {
        self.by = format!("{} through {way}", self.by);
        self
    }

    /// Fails if the run is over: a message that waits is never taken.
    pub(crate) async fn refuse_over(&self) -> Result<(), CommandError> {
        let survey = self.engine.standing(&self.run).await?.survey;
        match survey.state.filter(|_| survey.is_over()) {
            Some(state) => {
                let over = PostError::Over { run: self.run.clone(), state };
                Err(EngineError::from(over).into())
            }
            None => Ok(()),
        }
    }

    /// Posts a message, and waits a while for the holder. Fails if it does not fit the
    /// run, or the holder refused it.
    pub(crate) async fn post(&self, message: &Message) -> Result<Posted, CommandError> {
        let Some(number) = self.send(message).await? else { return Ok(Posted::Needless) };
        self.wait(number, Instant::now() + TAKEN_MAX).await
    }

    /// Posts a message and returns its number; none if nothing had to be posted.
    pub(crate) async fn send(&self, message: &Message) -> Result<Option<u64>, CommandError> {
        Ok(self.engine.post(&self.run, &self.by, message).await?.number)
    }

    /// Waits until the holder has taken the message of this number.
    pub(crate) async fn wait(&self, number: u64, until: Instant) -> Result<Posted, CommandError> {
        let (mut pause, longest) = LOOKS;
        loop {
            let held = match self.engine.delivery(&self.run, number).await? {
                Delivery::Taken(taken) => return self.taken(taken),
                Delivery::NotHeld => {
                    // A run that is over never takes it, but may have ended with it just now.
                    if let Err(over) = self.refuse_over().await {
                        return match self.engine.delivery(&self.run, number).await? {
                            Delivery::Taken(taken) => self.taken(taken),
                            Delivery::NotHeld | Delivery::Waits => Err(over),
                        };
                    }
                    return Ok(Posted::Waits { number, held: false });
                }
                Delivery::Waits => true,
            };
            if Instant::now() >= until {
                return Ok(Posted::Waits { number, held });
            }
            sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }

    /// Where the message of this number is now.
    pub(crate) async fn look(&self, number: u64) -> Result<Posted, CommandError> {
        self.wait(number, Instant::now()).await
    }

    fn taken(&self, taken: Box<MessageTaken>) -> Result<Posted, CommandError> {
        match &taken.refused {
            None => Ok(Posted::Taken(taken)),
            Some(code) => Err(CommandError::MessageRefused {
                run: self.run.clone(),
                message: taken.message.as_ref().map(Message::word),
                code: code.clone(),
            }),
        }
    }

    /// Prints what happened: a sentence, or the JSON document.
    pub(crate) fn report(
        &self,
        message: &Message,
        posted: &Posted,
        sentence: &str,
    ) -> Result<(), CommandError> {
        if self.format == Format::Text {
            print_message(sentence);
            return Ok(());
        }
        let (number, taken, held) = match posted {
            Posted::Taken(taken) => (Some(taken.number), true, true),
            Posted::Waits { number, held } => (Some(*number), false, *held),
            Posted::Needless => (None, false, false),
        };
        let message = message.word();
        let document =
            PostedDocument { schema_version: 1, run_id: &self.run, message, number, taken, held };
        output::print(self.format, &document)?;
        Ok(())
    }
}
