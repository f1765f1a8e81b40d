//! Posts messages to runs of any process that shares the store.
//!
//! Owns: the checks before a message is posted, and finding out what became of it.
//! Never: takes a message, starts a holder, or knows who may post; its caller does.

use smol_wf_core::ids::{Digest, RunId, StepId};
use smol_wf_core::inbox::Standing;
use smol_wf_core::journal::Body;
use smol_wf_core::message::{Message, MessageRefusal, MessageTaken, POSTER_BYTES_MAX, Posted};
use smol_wf_core::{cut, limits::Limits};
use smol_wf_store::{InboxState, NewMessage, Store};

use crate::clock;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::inbox::posted;
use crate::journal::look;
use crate::lease_holder::is_held;
use crate::limit_changes::changed_limits;
use crate::post_error::PostError;
use crate::read_ahead::ReadAhead;
use crate::runs::unknown;

/// Messages that are read at once.
const READ_AT_ONCE: u32 = 256;

/// A message that was posted, or need not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the message among those of its run; none if nothing had to be posted,
    /// because no process holds the run that it would stop.
    pub number: Option<u64>,
    /// Whether a process held the run when the message was posted.
    pub is_held: bool,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// It waits, and a process holds the run.
    Waits,
    /// It waits, and no process holds the run.
    NotHeld,
    /// The holder took it.
    Taken(Box<MessageTaken>),
}

impl Engine {
    /// Posts a message to a run. It is durable when this returns, and the holder of the
    /// run, in whatever process, was woken. `by` is the system's name of the user.
    ///
    /// A pause or cancellation of a run that no process holds is not posted: it would
    /// stop whoever takes the run up next.
    ///
    /// ```no_run
    /// # async fn f(engine: smol_wf_engine::Engine) -> Result<(), smol_wf_engine::EngineError> {
    /// use smol_wf_engine::{Delivery, Message};
    ///
    /// let run = engine.find("latest").await?;
    /// let receipt = engine.post(&run, "ann", &Message::Pause { now: false }).await?;
    /// if let Some(number) = receipt.number {
    ///     let taken = matches!(engine.delivery(&run, number).await?, Delivery::Taken(_));
    ///     println!("taken already: {taken}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`EngineError::Post`] when the run is over or the message does not fit it;
    /// [`EngineError::LimitLowered`]; other errors when the run does not exist or the
    /// store cannot be written.
    pub async fn post(
        &self,
        run: &RunId,
        by: &str,
        message: &Message,
    ) -> Result<Receipt, EngineError> {
        let standing = self.standing(run).await?;
        let row = self.row(run).await?.ok_or_else(|| unknown(run))?;
        let is_held = is_held(&row);
        match standing.survey.state {
            Some(state) if standing.survey.is_over() => {
                return Err(PostError::Over { run: run.clone(), state }.into());
            }
            _ => {}
        }
        check(run, &standing, message)?;
        if let Message::Answer { step, digest, .. } = message
            && self.is_answer_waiting(run, *step, digest).await?
        {
            let refusal = MessageRefusal::AnswerWaits { step: *step };
            return Err(PostError::Refused { run: run.clone(), refusal }.into());
        }
        if message.ends_epoch() && !is_held {
            return Ok(Receipt { number: None, is_held });
        }
        let (key, by) = (self.key(run), cut::to_bytes(by.to_owned(), POSTER_BYTES_MAX));
        let (to, body) = (key.clone(), message.to_text());
        let post = self.writer.shortly(move |store: &mut dyn Store| {
            let posted_at_us = clock::now_us();
            store.post(&to, &NewMessage { by: &by, posted_at_us, body: &body })
        });
        let number = post.await??;
        self.bells.ring(&key);
        Ok(Receipt { number: Some(number), is_held })
    }

    /// What became of the message of this number.
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be read.
    pub async fn delivery(&self, run: &RunId, number: u64) -> Result<Delivery, EngineError> {
        if self.is_taken(run, number).await? {
            return Ok(Delivery::Taken(Box::new(self.taken(run, number).await?)));
        }
        let row = self.row(run).await?.ok_or_else(|| unknown(run))?;
        if is_held(&row) {
            return Ok(Delivery::Waits);
        }
        // The holder may have taken it and let go since the first look.
        Ok(match self.is_taken(run, number).await? {
            true => Delivery::Taken(Box::new(self.taken(run, number).await?)),
            false => Delivery::NotHeld,
        })
    }

    /// Whether a holder has taken the message of this number.
    async fn is_taken(&self, run: &RunId, number: u64) -> Result<bool, EngineError> {
        let key = self.key(run);
        let inbox = self.writer.shortly(move |store: &mut dyn Store| store.inbox(&key));
        let InboxState { taken, .. } = inbox.await??;
        Ok(taken >= number)
    }

    /// Whether an answer to this question waits to be taken.
    async fn is_answer_waiting(
        &self,
        run: &RunId,
        asked: StepId,
        of: &Digest,
    ) -> Result<bool, EngineError> {
        // The agent of a step may ask several at once.
        let answers = |one: &Posted| {
            matches!(&one.message, Ok(Message::Answer { step, digest, .. })
                if *step == asked && digest == of)
        };
        let mut found = false;
        self.each_waiting(run, 0, |one| found |= answers(&one)).await?;
        Ok(found)
    }

    /// Shows the messages of a run after this number that no holder has taken, a batch in
    /// memory at a time.
    async fn each_waiting(
        &self,
        run: &RunId,
        mut after: u64,
        mut see: impl FnMut(Posted) + Send,
    ) -> Result<(), EngineError> {
        let key = self.key(run);
        loop {
            let of = key.clone();
            let read = self
                .writer
                .shortly(move |store: &mut dyn Store| store.messages(&of, after, READ_AT_ONCE));
            let read = read.await??;
            let Some(last) = read.last() else { return Ok(()) };
            after = last.number;
            read.into_iter().map(posted).for_each(&mut see);
        }
    }

    /// The entry of a message that was taken.
    async fn taken(&self, run: &RunId, number: u64) -> Result<MessageTaken, EngineError> {
        let mut journal = ReadAhead::begin(self.writer.clone(), self.key(run))?;
        while let Some(piece) = journal.next().await? {
            for entry in piece.entries {
                match entry.body {
                    Body::MessageTaken(taken) if taken.number == number => return Ok(*taken),
                    _ => {}
                }
            }
        }
        Err(unknown(run))
    }

    /// The run as those who post to it see it: its open steps and questions.
    ///
    /// # Errors
    /// When the run does not exist, or its journal cannot be read.
    pub async fn standing(&self, run: &RunId) -> Result<Standing, EngineError> {
        let mut standing = Standing::default();
        let key = self.key(run);
        Box::pin(look(&self.writer, &key, &mut |_, _, entry| standing.add(entry))).await?;
        // Its agents ended with their process.
        if standing.has_agent_asks() && !self.row(run).await?.is_some_and(|row| is_held(&row)) {
            standing.release();
        }
        Ok(standing)
    }

    /// The limits of a run with the raises that wait in its inbox: they count before the
    /// first turn.
    pub(crate) async fn raised_limits(
        &self,
        run: &RunId,
        limits: Limits,
        after: u64,
    ) -> Result<Limits, EngineError> {
        let mut raised = limits;
        let raise = |one: Posted| {
            if let Ok(Message::Raise { limits: changes }) = one.message {
                raised = changes.raising(raised);
            }
        };
        self.each_waiting(run, after, raise).await?;
        Ok(raised)
    }
}

/// Refuses a message that does not fit the run.
fn check(run: &RunId, standing: &Standing, message: &Message) -> Result<(), EngineError> {
    if let Message::Raise { limits } = message {
        changed_limits(standing.survey.limits, *limits, run)?;
    }
    let refused = |refusal| PostError::Refused { run: run.clone(), refusal }.into();
    standing.check(message).map_err(refused)
}
