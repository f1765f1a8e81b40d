//! Runs git so that nothing in a repository can make it run anything else.
//!
//! Owns: its environment, its hardening, its end, and retries at locks. Never: knows what
//! a worktree is for.
//!
//! Each git leads a process group of its own and is supervised like an agent: dropping
//! the future ends it with everything that it has started. Programs that a repository
//! names *in settings with names of its own*, above all filters, are handled in
//! [`super::view`].

use smol_wf_core::cut;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use smol_wf_providers::{Processes, Tool, ToolOutput, ask_tool};
use tokio::sync::Mutex;

use super::error::WorktreeError;

/// Given to every command. Hooks, the file system monitor and helpers for diffs
/// are programs that a repository, and so an agent, can name.
const HARDENED: [&str; 18] = [
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
    "-c",
    "log.showSignature=false",
    "-c",
    "credential.helper=",
];

/// The variables of this process's environment that git gets: it needs them to be found, to
/// find the user's own configuration, and to know who the user is. None of them is secret,
/// and none is set by a git that runs this program in a hook, which would lead to another
/// repository.
const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "GIT_EXEC_PATH",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
];

/// A checkout of a large repository takes a minute; what takes this long hangs.
pub(super) const TOO_LONG: Duration = Duration::from_secs(600);

/// Most tries of a command that finds a lock of another git: some 20 s in all, with the
/// waits.
const LOCK_TRIES: u32 = 40;

/// Wait after the first try at a lock; it grows with each try.
const LOCK_WAIT: Duration = Duration::from_millis(25);

/// Most bytes of git's messages that are kept.
const SAID_BYTES_MAX: usize = 500;

/// Git for one run, or for the worktrees of all runs.
pub(super) struct Git {
    processes: Processes,
    /// Locked while a repository's own folder changes.
    pub(super) one_at_a_time: Mutex<()>,
}

impl Git {
    /// Git that is started by these processes.
    pub(super) fn new(processes: Processes) -> Self {
        Self { processes, one_at_a_time: Mutex::default() }
    }

    /// Runs `git <args>` in a folder and returns its stdout.
    pub(super) async fn run<A: Into<OsString>>(
        &self,
        cwd: &Path,
        doing: &'static str,
        args: impl IntoIterator<Item = A>,
    ) -> Result<String, WorktreeError> {
        self.run_with(cwd, doing, TOO_LONG, &[], args).await
    }

    /// The same with a time limit and extra environment variables.
    pub(super) async fn run_with<A: Into<OsString>>(
        &self,
        cwd: &Path,
        doing: &'static str,
        limit: Duration,
        env: &[(&'static str, OsString)],
        args: impl IntoIterator<Item = A>,
    ) -> Result<String, WorktreeError> {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        let mut tries = 0;
        loop {
            tries += 1;
            let told = self.once(cwd, doing, limit, env, &args).await?;
            if told.success {
                return Ok(told.stdout);
            }
            let said = told.stderr.trim().to_owned();
            if tries >= LOCK_TRIES || !is_passing(&said) {
                return Err(WorktreeError::Git { doing, said: shown(said) });
            }
            tokio::time::sleep(LOCK_WAIT * tries).await;
        }
    }

    async fn once(
        &self,
        cwd: &Path,
        doing: &'static str,
        limit: Duration,
        env: &[(&'static str, OsString)],
        args: &[OsString],
    ) -> Result<ToolOutput, WorktreeError> {
        let hardened = HARDENED.iter().map(OsString::from);
        let mut given: Vec<(&'static str, OsString)> = vec![
            ("LC_ALL", "C".into()),
            ("GIT_TERMINAL_PROMPT", "0".into()),
            ("GIT_OPTIONAL_LOCKS", "0".into()),
            // A repository may allow a protocol by name, which outweighs
            // `protocol.allow`, and have missing objects fetched over it.
            ("GIT_ALLOW_PROTOCOL", "none".into()),
            ("GIT_NO_LAZY_FETCH", "1".into()),
        ];
        given.extend(env.iter().cloned());
        let tool = Tool {
            program: "git",
            args: hardened.chain(args.iter().cloned()).collect(),
            cwd: cwd.to_owned(),
            allowed: ALLOWED,
            env: given,
        };
        ask_tool(&self.processes, tool, limit).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => WorktreeError::NoGit,
            ErrorKind::TimedOut => {
                let (limit, place) = (limit.as_secs(), cwd.display());
                let said = format!(
                    "it did not end within {limit} s in {place}; is there a named pipe in place of a file?"
                );
                WorktreeError::Git { doing, said }
            }
            _ => WorktreeError::File { doing: "run git in", path: cwd.to_owned(), error },
        })
    }
}

/// Whether git gave up because another git holds a lock, or has half made what
/// this one looked at. A name that is taken stays taken, and a branch that is not
/// there, or not where it was, cannot be "locked" either.
fn is_passing(said: &str) -> bool {
    (said.contains(".lock") && said.contains("File exists"))
        || said.contains("could not lock")
        || (said.contains("cannot lock ref") && said.contains("nable to create"))
        || said.contains("unable to lock")
        || (said.contains("failed to read") && said.contains("worktrees/"))
}

fn shown(said: String) -> String {
    if said.is_empty() { "it said nothing".to_owned() } else { cut::marked(said, SAID_BYTES_MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error message of a git command in a new repository.
    fn said_of(prepare: impl FnOnce(&Path), args: &[&str]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
            let mut git = std::process::Command::new("git");
            git.args(who).args(args).current_dir(dir.path()).env("LC_ALL", "C").output().unwrap()
        };
        git(&["init", "-q"]);
        git(&["commit", "-q", "--allow-empty", "-m", "first"]);
        git(&["branch", "there"]);
        prepare(&dir.path().join(".git"));
        let told = git(args);
        assert!(!told.status.success(), "{told:?}");
        String::from_utf8(told.stderr).unwrap()
    }

    #[test]
    fn only_a_lock_passes() {
        let zeros = "0".repeat(40);
        let gone =
            ["update-ref", "-d", "refs/heads/gone", "1111111111111111111111111111111111111111"];
        let moved =
            ["update-ref", "-d", "refs/heads/there", "1111111111111111111111111111111111111111"];
        let taken = ["update-ref", "refs/heads/there", "HEAD", &zeros];
        let below = ["update-ref", "refs/heads/there/below", "HEAD"];
        for args in [&gone[..], &moved, &taken, &below] {
            let said = said_of(|_| {}, args);
            assert!(!is_passing(&said), "{said}");
        }
        let locked =
            |git: &Path| drop(std::fs::File::create(git.join("refs/heads/there.lock")).unwrap());
        let said = said_of(locked, &["update-ref", "-d", "refs/heads/there"]);
        assert!(is_passing(&said), "{said}");
    }
}
