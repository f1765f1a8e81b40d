//! Saves the agents' own transcripts as files.
//!
//! Owns: `<dir>/<provider>/<session>.jsonl`, readable only by their owner. Never: stops
//! a run; a folder that cannot be written is one warning.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use smol_wf_core::ids::{RunId, StepId};
use smol_wf_providers::TranscriptSink;

use crate::agent_events::AgentReporter;

/// Most bytes that wait for a session's name. Agents name it in their first line.
const EARLY_BYTES_MAX: usize = 1024 * 1024;

/// Most characters of a file's name that come from an agent.
const NAME_CHARS_MAX: usize = 100;

/// The folder for the transcripts of a run.
#[derive(Debug)]
pub(crate) struct RawSessions {
    dir: PathBuf,
    has_failed: Arc<AtomicBool>,
}

impl RawSessions {
    /// Transcripts in this folder, which is made with the first transcript.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, has_failed: Arc::default() }
    }

    /// The transcript of the agent of one step.
    pub(crate) fn sink(
        &self,
        provider: &str,
        run: &RunId,
        step: StepId,
        reporter: &AgentReporter,
    ) -> Arc<dyn TranscriptSink> {
        let warn = reporter.warner();
        let (dir, has_failed) = (self.dir.clone(), self.has_failed.clone());
        let failed = move |error: io::Error| {
            if !has_failed.swap(true, Ordering::Relaxed) {
                let dir = dir.display();
                warn(format!("cannot save raw sessions in {dir}: {error}; the run goes on"));
            }
        };
        Arc::new(Sink {
            dir: self.dir.join(file_name(provider)),
            nameless: format!("{run}-{step}"),
            state: Mutex::new(State::default()),
            failed: Box::new(failed),
        })
    }
}

/// The transcript of one step.
struct Sink {
    dir: PathBuf,
    /// File name for an agent that never names its session.
    nameless: String,
    state: Mutex<State>,
    failed: Box<dyn Fn(io::Error) + Send + Sync>,
}

#[derive(Default)]
struct State {
    early: Vec<u8>,
    open: Option<(String, File)>,
    is_broken: bool,
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl TranscriptSink for Sink {
    // A write goes into the system's cache and takes microseconds. A thread would need a
    // bound, and lose lines there.
    fn line(&self, session_id: Option<&str>, line: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_broken {
            return;
        }
        if let Err(error) = self.take(&mut state, session_id, line) {
            state.is_broken = true;
            (self.failed)(error);
        }
    }
}

impl Sink {
    fn take(&self, state: &mut State, session_id: Option<&str>, line: &str) -> io::Result<()> {
        let is_too_much = state.early.len() + line.len() > EARLY_BYTES_MAX;
        let name = match (session_id, &state.open) {
            (Some(name), _) => Some(file_name(name)),
            (None, Some((name, _))) => Some(name.clone()),
            (None, None) => is_too_much.then(|| self.nameless.clone()),
        };
        let Some(name) = name else {
            state.early.extend_from_slice(line.as_bytes());
            state.early.push(b'\n');
            return Ok(());
        };
        let early = std::mem::take(&mut state.early);
        let file = self.file(state, name)?;
        // One write per line, so that two steps in one session keep whole lines.
        let mut bytes = early;
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        file.write_all(&bytes)
    }

    fn file<'a>(&self, state: &'a mut State, name: String) -> io::Result<&'a mut File> {
        let open = match state.open.take() {
            Some((known, file)) if known == name => (known, file),
            _ => {
                let file = self.create(&name)?;
                (name, file)
            }
        };
        Ok(&mut state.open.insert(open).1)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let mut folder = DirBuilder::new();
        let mut options = OpenOptions::new();
        folder.recursive(true);
        options.create(true).append(true);
        owner_only(&mut folder, &mut options);
        folder.create(&self.dir)?;
        options.open(self.dir.join(format!("{name}.jsonl")))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.early.is_empty() || state.is_broken {
            return;
        }
        let early = std::mem::take(&mut state.early);
        let written = self.create(&self.nameless).and_then(|mut file| file.write_all(&early));
        if let Err(error) = written {
            (self.failed)(error);
        }
    }
}

/// Lets only the owner read new files and folders.
#[cfg(unix)]
fn owner_only(folder: &mut DirBuilder, options: &mut OpenOptions) {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    folder.mode(0o700);
    options.mode(0o600);
}

#[cfg(not(unix))]
fn owner_only(_folder: &mut DirBuilder, _options: &mut OpenOptions) {}

/// A file name made from the name of a session: one part of a path, whatever the agent sends.
fn file_name(text: &str) -> String {
    let safe =
        |one: char| if one.is_ascii_alphanumeric() || "-_.".contains(one) { one } else { '_' };
    let name: String = text.chars().take(NAME_CHARS_MAX).map(safe).collect();
    // Neither hidden, nor `..`, nor nothing.
    if name.is_empty() || name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn no_session_leaves_its_folder() {
        assert_eq!(file_name("ses_1-a.b"), "ses_1-a.b");
        assert_eq!(file_name("../../etc/passwd"), "_.._.._etc_passwd");
        assert_eq!(file_name(".."), "_..");
        assert_eq!(file_name(""), "_");
        assert_eq!(file_name("a/b\\c\0"), "a_b_c_");
        assert_eq!(file_name(&"x".repeat(5_000)).len(), 100);
    }
}
