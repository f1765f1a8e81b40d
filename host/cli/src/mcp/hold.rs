//! Processes that hold runs.
//!
//! Owns: their start, and what they say on the way. Never: a run; a holder outlives this
//! server.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smol_wf_core::ids::RunId;

use super::child::said;
use super::shared::Shared;
use crate::detached::{NotDetached, start_holder_apart};
use crate::failure::CommandError;

/// Longest that a start may take: a run is durable within some milliseconds, unless another
/// program has locked the database. With a plan before it, it is over before clients give
/// up.
const START_MAX: Duration = Duration::from_secs(25);

/// Most bytes that are kept of what a holder says before it has its run.
const WORDS_BYTES_MAX: usize = 16 * 1024;

/// Starts a process that holds a run, and waits until the run is durable; a process that
/// takes too long is ended, so there is no run that nobody was told of. Stderr names a new
/// run of `client`, also if the client is gone by then.
pub(super) async fn hold(
    shared: &Arc<Shared>,
    folder: &Path,
    argv: Vec<OsString>,
    client: Option<&str>,
) -> Result<RunId, String> {
    let right = shared.rights.begin_start().await?;
    let place = shared.place(folder);
    let (shared, folder, client) = (shared.clone(), folder.to_owned(), client.map(str::to_owned));
    let began = Instant::now();
    let started = tokio::task::spawn_blocking(move || {
        let words = Words::default();
        let place = |command: &mut _| place.set(command);
        let started = start_holder_apart(argv, place, words.clone(), START_MAX);
        if let (Ok(run), Some(client)) = (&started, client) {
            shared.has_started(run, &folder, &client);
        }
        drop(right);
        (started, words.text())
    });
    match started.await {
        Ok((Ok(run), _)) => Ok(run),
        Ok((Err(NotDetached::Ended(_)), words)) if began.elapsed() >= START_MAX => {
            Err(too_slow(&words))
        }
        Ok((Err(NotDetached::Ended(_)), words)) => Err(said(&words)),
        Ok((Err(NotDetached::System(error)), _)) => Err(CommandError::from(error).sentence()),
        Err(error) => Err(format!("the run was not started: {error}")),
    }
}

/// What is said of a start that was ended.
fn too_slow(words: &str) -> String {
    let seconds = START_MAX.as_secs();
    format!(
        "the run had not begun after {seconds} s, so its start was ended; call again later. It said: {}",
        said(words)
    )
}

/// What a holder says, kept.
#[derive(Debug, Clone, Default)]
struct Words(Arc<Mutex<Vec<u8>>>);

impl Words {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Words {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = WORDS_BYTES_MAX.saturating_sub(words.len()).min(bytes.len());
        words.extend_from_slice(bytes.get(..room).unwrap_or_default());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
