//! The commits of an agent in its worktree, and their branches.
//!
//! Owns: finding the agent's branches, and its commits that are on none. Never: reads a
//! file of the worktree.
//!
//! The source is the worktree's own reflog of HEAD: every commit that was made there was
//! its HEAD once. Branches that other worktrees have made are not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::error::WorktreeError;
use super::git::Git;
use super::note::WorktreeNote;

const DOING: &str = "look at the commits of a worktree";

/// Most entries of the reflog that are read. Older commits are ancestors of these.
const REFLOG_MAX: &str = "--max-count=1000";

/// Suffix, before a number, of branches for commits that were on no branch.
const RESCUED: &str = "-lost-";

/// A local branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) name: String,
    /// Its newest commit.
    pub(super) tip: String,
    /// Whether the agent has made it, and its tip is the base commit or one of the agent's.
    pub(super) is_agents: bool,
}

/// The commits of an agent in its worktree.
pub(super) struct AgentCommits {
    /// The commit of HEAD.
    pub(super) head: String,
    /// The branch of HEAD; none when it is detached.
    pub(super) on: Option<String>,
    /// Branches that the agent has made or moved.
    pub(super) branches: Vec<Branch>,
    /// The newest commits that are on no branch.
    pub(super) lost: Vec<String>,
    /// Number of stash entries that were made here; all worktrees share the stash.
    pub(super) stashed: usize,
}

/// One move of HEAD, from the reflog.
struct HeadMove {
    to: String,
    from: Option<String>,
    how: String,
}

impl HeadMove {
    /// Whether it made a commit, and did not merely check one out.
    fn has_made(&self) -> bool {
        let gone_to = ["checkout:", "reset:", "branch:", "Branch:"];
        let is_gone_to = gone_to.iter().any(|start| self.how.starts_with(start))
            || self.how.contains("(start)")
            || self.how.ends_with("Fast-forward");
        !self.how.is_empty() && !is_gone_to
    }

    /// Whether it replaced the commit before it.
    fn has_replaced(&self) -> bool {
        let replacing = ["commit (amend)", "rebase", "pull --rebase"];
        replacing.iter().any(|start| self.how.starts_with(start))
    }

    /// The branches that a checkout left and entered.
    fn visited(&self) -> impl Iterator<Item = &str> {
        let names = self.how.strip_prefix("checkout: moving from ");
        names.and_then(|names| names.split_once(" to ")).map(|(a, b)| [a, b]).into_iter().flatten()
    }
}

impl AgentCommits {
    /// Reads the commits of an agent. `own` is the repository's folder for the worktree.
    pub(super) async fn find(
        git: &Git,
        note: &WorktreeNote,
        own: &Path,
    ) -> Result<Self, WorktreeError> {
        let at = format!("--git-dir={}", own.display());
        // Not in the repository's folder: there a ref is a file as well, and git
        // does not know which is meant.
        let cwd = note.path.parent().unwrap_or(&note.path);
        let run = async |args: &[&str]| {
            git.run(cwd, DOING, std::iter::once(&*at).chain(args.iter().copied())).await
        };
        let answer = run(&["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"]).await?;
        let mut lines = answer.lines();
        let head = lines.next().unwrap_or_default().to_owned();
        let on = lines.next().and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
        let log = ["log", "-g", "-s", "--no-show-signature", REFLOG_MAX, "--format=%H %gs"];
        let moves = moves_of(&run(&[log.as_slice(), &["HEAD"]].concat()).await?);
        let refs =
            ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/stash"];
        let refs = run(&refs).await?;

        let own_commits: BTreeSet<&str> =
            moves.iter().filter(|one| one.has_made()).map(|one| &*one.to).collect();
        let own_commits = &own_commits - &BTreeSet::from([&*note.base]);
        let branches = branches_of(note, on.as_deref(), &moves, &own_commits, &refs);
        let replaced: BTreeSet<&str> = moves
            .iter()
            .filter(|one| one.has_replaced())
            .filter_map(|one| one.from.as_deref())
            .collect();
        let mut loose: BTreeSet<&str> = &own_commits - &replaced;
        loose.insert(&head);
        let named = |id: &str| id == note.base || branches.iter().any(|one| one.tip == id);
        loose.retain(|id| !named(id));
        let lost = if loose.is_empty() {
            Vec::new()
        } else {
            let named = ["--not", &note.base, "--branches", "--tags", "--remotes"];
            let loose: Vec<&str> = loose.into_iter().collect();
            tips_of(&run(&[&["rev-list", "--parents"], &*loose, &named].concat()).await?)
        };
        let mut stashed = 0;
        if refs.lines().any(|line| line.ends_with(" refs/stash")) {
            let entries = run(&[log.as_slice(), &["refs/stash"]].concat()).await?;
            stashed = stashed_on(note, &branches, &entries);
        }
        Ok(Self { head, on, branches, lost, stashed })
    }

    /// Whether the agent has committed nothing.
    pub(super) fn is_nothing(&self, base: &str) -> bool {
        self.head == base
            && self.lost.is_empty()
            && self.stashed == 0
            && self.branches.iter().all(|branch| branch.tip == base)
    }

    /// The newest commits, which have all others as ancestors.
    pub(super) fn tips(&self) -> impl Iterator<Item = &str> {
        let tips = self.branches.iter().map(|branch| &*branch.tip);
        tips.chain(self.lost.iter().map(|id| &**id)).chain([&*self.head])
    }

    /// Makes a branch for each of the lost commits.
    pub(super) async fn rescue(
        &mut self,
        git: &Git,
        note: &WorktreeNote,
    ) -> Result<(), WorktreeError> {
        let mut number = 0;
        for tip in std::mem::take(&mut self.lost) {
            let name = loop {
                number += 1;
                let name = format!("{}{RESCUED}{number}", note.branch);
                if self.branches.iter().all(|branch| branch.name != name) {
                    break name;
                }
            };
            // The empty argument means that the branch must not exist yet.
            let args = ["update-ref", &format!("refs/heads/{name}"), &tip, ""];
            git.run(&note.repository, "name a commit", args).await?;
            self.branches.push(Branch { name, tip, is_agents: true });
        }
        Ok(())
    }
}

/// The moves in the output of `git log -g`, the newest first.
fn moves_of(log: &str) -> Vec<HeadMove> {
    let entries: Vec<(&str, &str)> =
        log.lines().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    let from = entries.iter().skip(1).map(|(id, _)| Some((*id).to_owned())).chain([None]);
    entries
        .iter()
        .zip(from)
        .map(|((to, how), from)| HeadMove { to: (*to).to_owned(), from, how: (*how).to_owned() })
        .collect()
}

fn branches_of(
    note: &WorktreeNote,
    on: Option<&str>,
    moves: &[HeadMove],
    own_commits: &BTreeSet<&str>,
    refs: &str,
) -> Vec<Branch> {
    let visited: BTreeSet<&str> = moves.iter().flat_map(HeadMove::visited).chain(on).collect();
    let rescued = format!("{}{RESCUED}", note.branch);
    let mut branches = Vec::new();
    for line in refs.lines() {
        let Some((tip, name)) = line.split_once(" refs/heads/") else { continue };
        let is_ours = name == note.branch || name.starts_with(&rescued);
        // Without a list of earlier branches, none is taken for the agent's.
        let is_new = note.before.as_ref().is_some_and(|all| all.iter().all(|one| one != name));
        let is_own_work = own_commits.contains(tip);
        let is_made = visited.contains(name) && is_new;
        if is_ours || is_made || is_own_work {
            let is_agents = is_ours || is_made && (is_own_work || tip == note.base);
            branches.push(Branch { name: name.to_owned(), tip: tip.to_owned(), is_agents });
        }
    }
    branches
}

/// The commits that are not a parent of another one. Each line of `list` has a commit and
/// its parents.
fn tips_of(list: &str) -> Vec<String> {
    let mut is_tip: BTreeMap<&str, bool> = BTreeMap::new();
    for line in list.lines() {
        let mut ids = line.split(' ');
        if let Some(id) = ids.next() {
            is_tip.entry(id).or_insert(true);
        }
        ids.for_each(|parent| _ = is_tip.insert(parent, false));
    }
    let tips = is_tip.into_iter().filter(|(_, is_tip)| *is_tip);
    tips.map(|(id, _)| id.to_owned()).collect()
}

/// The number of stash entries that were made on the agent's branches. Their messages name
/// the branch.
fn stashed_on(note: &WorktreeNote, branches: &[Branch], entries: &str) -> usize {
    let agents = branches.iter().filter(|branch| branch.is_agents).map(|branch| &*branch.name);
    let names: BTreeSet<&str> = agents.chain([&*note.branch]).collect();
    let messages = entries.lines().filter_map(|line| line.split_once(' ')).map(|(_, how)| how);
    messages
        .filter_map(|how| how.strip_prefix("WIP on ").or_else(|| how.strip_prefix("On ")))
        .filter_map(|rest| rest.split_once(": "))
        .filter(|(name, _)| names.contains(name))
        .count()
}
