//! Posting to a run for a client.
//!
//! Owns: the name under which it is posted, and the holder that takes an answer. Never:
//! what is posted.

use std::path::Path;
use std::sync::Arc;

use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, Message};

use super::call::Call;
use super::hold::hold;
use super::rights::Wait;
use super::shared::Shared;
use crate::posting::{Posted, Posting};
use crate::take_up;

/// Most holders that are started for an answer: another one may take the run up first, and
/// let go of it before it has seen the answer.
const STARTS_MAX: u32 = 3;

/// The right to post to this run. Fails below an agent of a run.
pub(super) fn posting(
    shared: &Shared,
    engine: &Engine,
    run: &RunId,
    client: &str,
) -> Result<Posting, String> {
    let posting = Posting::of(engine.clone(), run.clone(), shared.settings.clone());
    Ok(posting.map_err(|error| error.sentence())?.through(&format!("MCP client {client}")))
}

/// Posts, and waits a while for the holder.
pub(super) async fn post_only(
    call: &Call,
    posting: &Posting,
    message: &Message,
) -> Result<Posted, String> {
    let posted = call.right.waiting(Wait::Run, posting.post(message)).await?;
    posted.map_err(|error| error.sentence())
}

/// Posts, and starts a holder if there is none.
pub(super) async fn post(
    shared: &Arc<Shared>,
    call: &Call,
    posting: &Posting,
    message: &Message,
) -> Result<Posted, String> {
    let mut posted = post_only(call, posting, message).await?;
    for _ in 0..STARTS_MAX {
        let Posted::Waits { number, held: false } = posted else { break };
        let mut argv = take_up::resume_of(posting);
        argv.extend(shared.database_flag());
        // Its own folder is in the run.
        if let Err(why) = hold(shared, Path::new("/"), argv, None).await {
            let now = posting.look(number).await.map_err(|error| error.sentence())?;
            if matches!(now, Posted::Waits { held: false, .. }) {
                return Err(format!("the answer is stored, but no process took the run up: {why}"));
            }
        }
        let until = tokio::time::Instant::now() + crate::posting::TAKEN_MAX;
        posted = posting.wait(number, until).await.map_err(|error| error.sentence())?;
    }
    Ok(posted)
}
