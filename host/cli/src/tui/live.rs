//! Follows a run that any process may hold, for as long as it is shown.
//!
//! Owns: how often it looks, and that it goes on when the run is taken up again. Never:
//! holds the run.

use smol_wf_core::event::Event;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, EngineError, Tail};
use tokio::time::sleep;

use super::mailbox::{Mailbox, Urgency};
use super::stage::Happened;
use crate::commands::{LOOK_EVERY, patiently, status_of};
use crate::failure::CommandError;

/// Most events of one piece: what the journal gives at a time.
const PIECE_MAX: usize = 256;

/// Sends the events of a run, and whether a process holds it, until the run is gone.
pub(super) async fn follow(engine: Engine, run: RunId, mailbox: Mailbox<Happened>) {
    if let Err(error) = follow_on(&engine, &run, &mailbox).await {
        let why = match error {
            EngineError::UnknownRun { .. } => {
                "the run was deleted meanwhile; what was read stays here".to_owned()
            }
            other => CommandError::from(other).sentence(),
        };
        mailbox.put(Happened::Gone(why), Urgency::AtOnce);
    }
}

async fn follow_on(
    engine: &Engine,
    run: &RunId,
    mailbox: &Mailbox<Happened>,
) -> Result<(), EngineError> {
    let mut tail = engine.tail(run);
    let (mut entries, mut was_held, mut is_first) = (None, None, true);
    loop {
        // Asked first: what a holder wrote before it let go is then in the journal.
        let Some(status) = status_of(engine, run).await? else {
            sleep(LOOK_EVERY).await;
            continue;
        };
        if entries != Some(status.entries) && pass_on(&mut tail, mailbox).await? {
            entries = Some(status.entries);
        }
        let is_held = status.holder.is_some();
        if was_held != Some(is_held) {
            was_held = Some(is_held);
            mailbox.put(Happened::Held(is_held), Urgency::NextFrame);
        }
        if std::mem::take(&mut is_first) {
            mailbox.put(Happened::CaughtUp, Urgency::AtOnce);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Passes on all events that there are. Returns false if the database was locked.
async fn pass_on(tail: &mut Tail, mailbox: &Mailbox<Happened>) -> Result<bool, EngineError> {
    let mut piece: Vec<Event> = Vec::new();
    loop {
        let next = patiently(tail.next().await)?;
        let is_over = !matches!(next, Some(Some(_)));
        let was_locked = next.is_none();
        piece.extend(next.flatten());
        if piece.len() >= PIECE_MAX || (is_over && !piece.is_empty()) {
            mailbox.room().await;
            mailbox.put(Happened::Events(std::mem::take(&mut piece)), Urgency::NextFrame);
        }
        if is_over {
            return Ok(!was_locked);
        }
    }
}
