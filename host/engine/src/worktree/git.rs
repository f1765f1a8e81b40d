//! The git program, run so that nothing in a repository can make it run
//! anything else.
//!
//! Owns: its environment, its hardening, and patience with its locks. Never:
//! knows what a worktree is for.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::error::WorktreeError;

/// Given to every command. Hooks, the file system monitor and helpers for diffs
/// are programs that a repository, and so an agent, can name.
const HARDENED: [&str; 14] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "protocol.allow=never",
    "-c",
    "submodule.recurse=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "core.quotePath=false",
];

/// A checkout of a large repository takes a minute; what takes this long hangs.
const TOO_LONG: Duration = Duration::from_secs(600);

/// How often a command is tried that met another's lock. With the waits in
/// between, some 20 s in all.
const LOCK_TRIES: u32 = 40;

/// Wait after the first meeting with a lock; grows with each.
const LOCK_WAIT: Duration = Duration::from_millis(25);

/// Bytes of git's own words that are kept.
const SAID_BYTES_MAX: usize = 500;

/// Runs `git <args>` in a folder and gives what it printed.
pub(super) async fn git<A: Into<OsString>>(
    cwd: &Path,
    doing: &'static str,
    args: impl IntoIterator<Item = A>,
) -> Result<String, WorktreeError> {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let mut tries = 0;
    loop {
        tries += 1;
        let output = once(cwd, doing, &args).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if tries >= LOCK_TRIES || !is_lock(&said) {
            return Err(WorktreeError::Git { doing, said: cut(said) });
        }
        tokio::time::sleep(LOCK_WAIT * tries).await;
    }
}

async fn once(
    cwd: &Path,
    doing: &'static str,
    args: &[OsString],
) -> Result<std::process::Output, WorktreeError> {
    let mut command = Command::new("git");
    command.args(HARDENED).args(args).current_dir(cwd);
    // Whoever runs this program inside a hook has these set, and they would
    // point git at another repository.
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let ended = tokio::time::timeout(TOO_LONG, command.output()).await;
    match ended {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound && cwd.is_dir() => {
            Err(WorktreeError::NoGit)
        }
        Ok(Err(error)) => {
            Err(WorktreeError::File { doing: "run git in", path: cwd.to_owned(), error })
        }
        Err(_) => {
            let said = format!("it did not end within {} s", TOO_LONG.as_secs());
            Err(WorktreeError::Git { doing, said })
        }
    }
}

/// Whether git gave up because another git holds a lock.
fn is_lock(said: &str) -> bool {
    (said.contains(".lock") && said.contains("File exists"))
        || said.contains("could not lock")
        || said.contains("cannot lock ref")
        || said.contains("unable to lock")
}

fn cut(mut said: String) -> String {
    if said.is_empty() {
        return "it said nothing".to_owned();
    }
    if said.len() > SAID_BYTES_MAX {
        said.truncate(said.floor_char_boundary(SAID_BYTES_MAX));
        said.push('…');
    }
    said
}
