//! A git repository for tests of worktrees.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Bench, Scripted};

pub const ISOLATED: &str = "{ isolation: 'worktree', label: 'l' }";

pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with one commit, and a folder for worktrees beside it.
pub struct Repo {
    pub dir: tempfile::TempDir,
}

impl Repo {
    pub fn new() -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(repo.project()).unwrap();
        git(&repo.project(), &["init", "-q", "-b", "main"]);
        std::fs::write(repo.project().join("a.txt"), "one\ntwo\n").unwrap();
        std::fs::write(repo.project().join(".gitignore"), "target\n").unwrap();
        git(&repo.project(), &["add", "."]);
        git(&repo.project(), &["commit", "-qm", "first"]);
        repo
    }

    pub fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    pub fn bench(&self, agent: Scripted) -> Bench {
        let mut bench = Bench::new(self.dir.path(), vec![agent]);
        bench.dir = self.project();
        bench
    }

    pub fn branches(&self) -> String {
        git(&self.project(), &["branch", "--list", "smol-wf/*"])
    }

    pub fn worktrees(&self) -> usize {
        git(&self.project(), &["worktree", "list"]).lines().count() - 1
    }
}
