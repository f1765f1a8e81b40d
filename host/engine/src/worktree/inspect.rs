//! Inspects a worktree after its step.
//!
//! Owns: finding work that is nowhere else, including work that git's status does not show. Never: changes a file, or decides what is kept.

use std::path::{Path, PathBuf};

use smol_wf_core::worktree::Worktree;

use super::commits::{AgentCommits, Branch};
use super::error::WorktreeError;
use super::git::Git;
use super::note::WorktreeNote;
use super::view::View;

const DOING: &str = "look at a worktree";

/// Mode of a submodule in the index.
const SUBMODULE: &str = "160000";

/// The changes in a worktree.
pub(super) enum Change {
    /// Nothing. These branches of the agent are at the base commit.
    Nothing(Vec<Branch>),
    /// Files or commits.
    Something(Box<Worktree>),
    /// Git does not know this worktree, and something may have changed.
    Unknown {
        /// The worktree that has its branch.
        elsewhere: Option<PathBuf>,
    },
}

/// Inspects a worktree. With `rescue`, commits that are on no branch get one. Ignored
/// files do not count.
pub(super) async fn change(
    git: &Git,
    note: &WorktreeNote,
    rescue: bool,
) -> Result<Change, WorktreeError> {
    let Some(own) = note.own_folder() else { return unknown_to_git(git, note).await };
    let mut commits = AgentCommits::find(git, note, &own).await?;
    let view = View::open(git, &note.path, &note.repository, &own, &commits.head).await?;
    let status = ["status", "--porcelain=v1", "-uall", "--ignore-submodules=dirty"];
    let status = view.look(DOING, &status).await?;
    let index = view.look(DOING, &["ls-files", "--stage", "-v"]).await?;
    let hidden = hidden(&note.path, &index);
    if status.is_empty() && hidden.is_none() && commits.is_nothing(&note.base) {
        return Ok(Change::Nothing(commits.branches));
    }
    if rescue {
        commits.rescue(git, note).await?;
    }
    let diff = ["diff", "--numstat", "--no-renames", "--ignore-submodules=dirty", &note.base];
    let numbers = view.look(DOING, &diff).await?;
    let mut worktree = named(note, &commits, hidden);
    let count =
        ["rev-list", "--count"].into_iter().chain(commits.tips()).chain(["--not", &note.base]);
    let commits = git.run(&note.repository, DOING, count).await?;
    worktree.commits = commits.trim().parse().unwrap_or(0);
    for line in numbers.lines() {
        // A binary file has `-` for its numbers.
        let mut fields = line.splitn(3, '\t').map(|field| field.parse().unwrap_or(0));
        worktree.files += 1;
        worktree.insertions += fields.next().unwrap_or(0);
        worktree.deletions += fields.next().unwrap_or(0);
    }
    let untracked = status.lines().filter(|entry| entry.starts_with("??")).count();
    worktree.files = worktree.files.saturating_add(u32::try_from(untracked).unwrap_or(u32::MAX));
    Ok(Change::Something(Box::new(worktree)))
}

/// The report of a worktree that cannot be inspected, and is kept.
pub(super) fn unseen(note: &WorktreeNote, warning: Option<String>) -> Worktree {
    Worktree {
        path: note.path.display().to_string(),
        branch: note.branch.clone(),
        base: note.base.clone(),
        commits: 0,
        files: 0,
        insertions: 0,
        deletions: 0,
        head: None,
        branches: Vec::new(),
        warning,
    }
}

/// The report of a worktree with commits, which names their branches.
fn named(note: &WorktreeNote, commits: &AgentCommits, hidden: Option<String>) -> Worktree {
    let at_head = commits.branches.iter().find(|branch| branch.tip == commits.head);
    let branch = commits.on.as_ref().or(at_head.map(|branch| &branch.name));
    let branch = branch.unwrap_or(&note.branch).clone();
    let others = commits.branches.iter().filter(|one| one.tip != note.base && one.name != branch);
    let mut warnings: Vec<String> = hidden.into_iter().collect();
    if !commits.lost.is_empty() {
        warnings.push(format!("commits on no branch: {}", commits.lost.join(", ")));
    }
    if commits.stashed > 0 {
        let count = commits.stashed;
        warnings.push(format!("stash entries of the agent: {count}; `git stash list` shows them"));
    }
    Worktree {
        branches: others.map(|one| one.name.clone()).collect(),
        head: commits.on.is_none().then(|| commits.head.clone()),
        branch,
        ..unseen(note, (!warnings.is_empty()).then(|| warnings.join("; ")))
    }
}

/// The change in a worktree that git does not know. It was cut off while it was made or
/// removed, unless it has files, its branch has commits, or another worktree has the
/// branch.
async fn unknown_to_git(git: &Git, note: &WorktreeNote) -> Result<Change, WorktreeError> {
    let is_empty = std::fs::read_dir(&note.path).map_or(true, |entries| {
        entries.filter_map(Result::ok).all(|entry| entry.file_name() == ".git")
    });
    let elsewhere = note.elsewhere(git).await?;
    if !is_empty || elsewhere.is_some() {
        return Ok(Change::Unknown { elsewhere });
    }
    if !note.repository.is_dir() {
        return Ok(Change::Nothing(Vec::new()));
    }
    match note.own_branch(git).await? {
        Some(branch) if branch.tip != note.base => Ok(Change::Unknown { elsewhere }),
        branch => Ok(Change::Nothing(branch.into_iter().collect())),
    }
}

/// The report of a worktree that git does not know.
pub(super) fn unknown(note: &WorktreeNote, elsewhere: Option<&Path>) -> Worktree {
    let warning = match elsewhere {
        Some(place) => format!("its branch is that of the worktree {}", place.display()),
        None => "look at its files and its branch yourself".to_owned(),
    };
    unseen(note, Some(format!("git no longer knows this worktree; {warning}")))
}

/// A warning about work that the status does not show: in submodules, and in files that are
/// marked so that git ignores their changes. `index` is the output of `git ls-files --stage
/// -v`.
fn hidden(worktree: &Path, index: &str) -> Option<String> {
    let (mut submodules, mut files) = (Vec::new(), Vec::new());
    for line in index.lines() {
        let Some((about, path)) = line.split_once('\t') else { continue };
        let mut about = about.split(' ');
        let (mark, mode) = (about.next().unwrap_or_default(), about.next());
        if mode == Some(SUBMODULE) {
            // Git leaves it empty here, so everything in it is the agent's.
            let entries = std::fs::read_dir(worktree.join(path));
            if entries.is_ok_and(|mut entries| entries.next().is_some()) {
                submodules.push(path);
            }
        } else if mark == "S" && worktree.join(path).symlink_metadata().is_ok()
            || mark.starts_with(char::is_lowercase)
        {
            files.push(path);
        }
    }
    let mut found = Vec::new();
    if !submodules.is_empty() {
        found.push(format!("files in submodules, which git does not show: {}", few(&submodules)));
    }
    if !files.is_empty() {
        found.push(format!("files that git was told not to look at: {}", few(&files)));
    }
    (!found.is_empty()).then(|| found.join("; "))
}

/// The first few names, and how many more there are.
fn few(names: &[&str]) -> String {
    const SHOWN_MAX: usize = 5;
    let mut text = names.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN_MAX {
        text.push_str(&format!(" and {} more", names.len() - SHOWN_MAX));
    }
    text
}
