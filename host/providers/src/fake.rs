//! Programs that stand in for the CLIs in tests: shell scripts that record how they were
//! called and print a given text.
//!
//! Owns: the script and its folder. Never: starts a real agent.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::cli_agent::CliOptions;
use crate::{Activity, AgentActivity, TranscriptSink};

/// A program in a folder of its own.
pub(crate) struct Fake {
    folder: TempDir,
}

impl Fake {
    /// A program that records its arguments, environment, folder and stdin, and then runs
    /// this piece of shell. Of a stdin that stays open it records the lines up to the prompt.
    pub(crate) fn new(body: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display();
        let script = format!(
            "for one in \"$@\"; do printf '%s\\n' \"$one\"; done > '{here}/args'\n\
             env > '{here}/env'\npwd > '{here}/cwd'\n\
             case \" $* \" in\n\
             *' --replay-user-messages '*) head -n 1 ;;\n\
             *' --mode rpc '*) head -n 2 ;;\n\
             *) cat ;;\n\
             esac > '{here}/stdin'\n{body}\n"
        );
        Self::made(folder, &script)
    }

    /// A program that is this piece of shell.
    pub(crate) fn plain(body: &str) -> Self {
        Self::made(tempfile::tempdir().unwrap(), body)
    }

    fn made(folder: tempfile::TempDir, script: &str) -> Self {
        let program = folder.path().join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// A program that prints a recorded transcript.
    pub(crate) fn printing(provider: &str, case: &str) -> Self {
        let file = |end: &str| {
            let name = format!("tests/transcripts/{provider}/{case}.{end}");
            Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
        };
        let code = std::fs::read_to_string(file("exit")).unwrap_or_else(|_| "0".to_owned());
        Self::new(&format!(
            "cat '{}' >&2 2>/dev/null; cat '{}'; exit {}",
            file("stderr").display(),
            file("jsonl").display(),
            code.trim()
        ))
    }

    pub(crate) fn options(&self) -> CliOptions {
        CliOptions { program: Some(self.folder.path().join("program")), ..CliOptions::default() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn written(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Its arguments, in order.
    pub(crate) fn args(&self) -> Vec<String> {
        self.written("args").lines().map(str::to_owned).collect()
    }

    /// What it read on stdin.
    pub(crate) fn stdin(&self) -> String {
        self.written("stdin")
    }

    /// Its working directory.
    pub(crate) fn cwd(&self) -> PathBuf {
        PathBuf::from(self.written("cwd").trim_end())
    }

    /// Its environment.
    pub(crate) fn env(&self) -> BTreeMap<String, String> {
        let pairs = self.written("env");
        pairs
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Records an agent's activities and lines.
#[derive(Debug, Default)]
pub(crate) struct ActivityLog {
    notes: Mutex<Vec<AgentActivity>>,
    session: Mutex<Option<String>>,
    alive: Mutex<usize>,
    told: Mutex<Vec<u64>>,
    lines: Mutex<Vec<(Option<String>, String)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ActivityLog {
    pub(crate) fn notes(&self) -> Vec<AgentActivity> {
        lock(&self.notes).clone()
    }

    pub(crate) fn session(&self) -> Option<String> {
        lock(&self.session).clone()
    }

    pub(crate) fn told(&self) -> Vec<u64> {
        lock(&self.told).clone()
    }

    pub(crate) fn alive(&self) -> usize {
        *lock(&self.alive)
    }

    pub(crate) fn lines(&self) -> Vec<(Option<String>, String)> {
        lock(&self.lines).clone()
    }
}

impl Activity for ActivityLog {
    fn note(&self, activity: AgentActivity) {
        lock(&self.notes).push(activity);
    }

    fn alive(&self) {
        *lock(&self.alive) += 1;
    }

    fn told(&self, number: u64) {
        lock(&self.told).push(number);
    }

    fn session(&self, session_id: &str) {
        let before = lock(&self.session).replace(session_id.to_owned());
        assert_eq!(before, None, "a session is named once");
    }
}

impl TranscriptSink for ActivityLog {
    fn line(&self, session_id: Option<&str>, line: &str) {
        lock(&self.lines).push((session_id.map(str::to_owned), line.to_owned()));
    }
}
