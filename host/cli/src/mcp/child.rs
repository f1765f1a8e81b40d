//! Commands of this program in the folder of a call.
//!
//! Owns: the process, and the bounds of its time and output. Never: what a command means.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use super::shared::Shared;
use crate::detached::this_program;
use crate::sanitize;

/// Longest that a command may take: a plan of a thousand made-up agents takes seconds, and
/// many clients give up on a call after 60 s.
pub(super) const COMMAND_MAX: Duration = Duration::from_secs(50);

/// Most bytes that a command may print: a plan has every prompt.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Most bytes that are kept of what it says.
const WORDS_BYTES_MAX: u64 = 16 * 1024;

/// What a command came to.
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) stdout: String,
    words: String,
}

impl Ran {
    /// The document that it printed. Fails with what it said, if it printed none.
    pub(super) fn document(&self) -> Result<Value, String> {
        serde_json::from_str(&self.stdout).map_err(|_| self.sentence())
    }

    /// What it said, without the word `error`.
    pub(super) fn sentence(&self) -> String {
        said(&self.words)
    }
}

/// What a process said, as one sentence of a tool.
pub(super) fn said(words: &str) -> String {
    let words = sanitize::lines(words.trim());
    let words = words.strip_prefix("error: ").unwrap_or(&words).replace("\nerror: ", "\n");
    match words.is_empty() {
        true => "the command ended without a word".to_owned(),
        false => words,
    }
}

/// Runs a command in a folder, without stdin. It ends when this is dropped. Fails if it cannot be started, takes too long or prints too much.
pub(super) async fn command(
    shared: &Shared,
    folder: &Path,
    arguments: Vec<OsString>,
    longest: Duration,
) -> Result<Ran, String> {
    let mut command = this_program().map_err(|error| error.to_string())?;
    shared.place(folder).set(&mut command);
    let mut command = Command::from(command);
    command.args(arguments).kill_on_drop(true);
    // Notes for the steps of a build are not for this reader.
    command.env_remove("GITHUB_ACTIONS");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| format!("this program cannot be started: {error}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let done = async {
        let (stdout, words) =
            tokio::join!(read(stdout, OUTPUT_BYTES_MAX), read_all(stderr, WORDS_BYTES_MAX));
        let stdout = stdout.map_err(|error| format!("its output cannot be read: {error}"))?;
        let status = child.wait().await.map_err(|error| format!("it was lost: {error}"))?;
        Ok(Ran { code: status.code().unwrap_or(-1), stdout, words })
    };
    let seconds = longest.as_secs();
    timeout(longest, done)
        .await
        .unwrap_or_else(|_| Err(format!("it took longer than {seconds} s and was ended")))
}

/// Reads to the end. Fails if there is more than `bytes_max`.
async fn read(pipe: Option<impl AsyncRead + Unpin>, bytes_max: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(bytes_max + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it is over {bytes_max} bytes")));
    }
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Reads to the end and keeps the first `bytes_max`.
async fn read_all(pipe: Option<impl AsyncRead + Unpin>, bytes_max: u64) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut kept = Vec::new();
    // What cannot be read was not said.
    let _ = (&mut pipe).take(bytes_max).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}
