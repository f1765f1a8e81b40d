//! Work that agents leave in their worktrees: none is lost, and all is reported. Real git,
//! real files.

mod common;

use std::path::Path;

use common::repo::{ISOLATED, Repo, git};
use common::{Bench, Scripted, reply};
use smol_wf_core::event::{EventFold, EventKind};
use smol_wf_engine::providers::{ProviderError, ProviderErrorKind};
use smol_wf_engine::{ForkRequest, LeftoverState, LimitChanges, Report, RunState};

/// An agent that runs this closure in its worktree.
fn does(act: impl Fn(&Path) + Send + Sync + 'static) -> Scripted {
    Scripted::new(move |task, _| {
        act(&task.cwd);
        Box::pin(async { Ok(reply("x", 1)) })
    })
}

async fn isolated(bench: &Bench) -> Report {
    bench.run(bench.request(&format!("return agent('p', {ISOLATED})"))).await
}

fn commit(dir: &Path, file: &str) -> String {
    std::fs::write(dir.join(file), "work").unwrap();
    git(dir, &["add", "."]);
    git(dir, &["commit", "-qm", file]);
    git(dir, &["rev-parse", "HEAD"])
}

#[tokio::test]
async fn the_branch_that_the_agent_made_is_named_and_goes_with_the_worktree() {
    let repo = Repo::new();
    git(&repo.project(), &["branch", "of-the-user"]);
    let bench = repo.bench(does(|dir| {
        git(dir, &["checkout", "-q", "of-the-user"]);
        commit(dir, "theirs.txt");
        git(dir, &["checkout", "-qb", "fix/bug"]);
        commit(dir, "mine.txt");
    }));
    let report = isolated(&bench).await;
    let kept = &report.worktrees[0].worktree;
    assert_eq!((&*kept.branch, kept.commits, &kept.head), ("fix/bug", 2, &None));
    assert_eq!(kept.branches, ["of-the-user"]);
    let listed = bench.engine.worktrees().await.unwrap();
    assert_eq!(listed[0].worktree.as_deref(), Some(kept), "the list shows the same worktree");
    bench.engine.prune_worktrees(true, false).await.unwrap();
    let left = git(&repo.project(), &["branch", "--format=%(refname:short)"]);
    assert_eq!(left, "main\nof-the-user", "earlier branches stay");
}

#[tokio::test]
async fn commits_on_no_branch_get_one() {
    let repo = Repo::new();
    let bench = repo.bench(does(|dir| {
        let own = git(dir, &["branch", "--show-current"]);
        // On a detached HEAD, and then left.
        git(dir, &["checkout", "-q", "--detach"]);
        commit(dir, "detached.txt");
        git(dir, &["checkout", "-q", &own]);
        // Removed by a reset, and visible only in the reflog.
        commit(dir, "reset.txt");
        git(dir, &["reset", "-q", "--hard", "HEAD~1"]);
    }));
    let report = isolated(&bench).await;
    let [kept] = report.worktrees.as_slice() else { panic!("{:?}", report.error) };
    let worktree = &kept.worktree;
    assert_eq!((worktree.commits, worktree.files, worktree.branches.len()), (2, 0, 2));
    let files: Vec<String> = worktree
        .branches
        .iter()
        .map(|name| git(&repo.project(), &["log", "-1", "--format=%s", name]))
        .collect();
    assert!(files.contains(&"detached.txt".to_owned()), "{files:?}");
    assert!(files.contains(&"reset.txt".to_owned()), "{files:?}");
    assert!(bench.engine.prune_worktrees(false, false).await.unwrap().removed.is_empty());
    bench.engine.prune_worktrees(true, false).await.unwrap();
    assert_eq!((repo.worktrees(), repo.branches()), (0, String::new()));
}

#[tokio::test]
async fn a_detached_head_is_reported_and_an_amended_commit_is_not() {
    let repo = Repo::new();
    let bench = repo.bench(does(|dir| {
        git(dir, &["checkout", "-q", "--detach"]);
        commit(dir, "first.txt");
        git(dir, &["commit", "-q", "--amend", "-m", "better"]);
    }));
    let report = isolated(&bench).await;
    let kept = &report.worktrees[0].worktree;
    let head = git(Path::new(&kept.path), &["rev-parse", "HEAD"]);
    assert_eq!(kept.head.as_ref(), Some(&head));
    assert_eq!(git(&repo.project(), &["rev-parse", &kept.branch]), head);
    assert_eq!((kept.commits, kept.branches.len()), (1, 0));
}

#[tokio::test]
async fn a_users_branch_that_the_agent_only_checks_out_is_not_the_agents() {
    let repo = Repo::new();
    let project = repo.project();
    git(&project, &["checkout", "-qb", "ahead"]);
    commit(&project, "ahead.txt");
    git(&project, &["checkout", "-q", "main"]);
    let bench = repo.bench(does(|dir| _ = git(dir, &["merge", "-q", "--ff-only", "ahead"])));
    let report = isolated(&bench).await;
    let kept = &report.worktrees[0].worktree;
    assert_eq!((kept.commits, kept.branches.len()), (1, 0), "{:?}", kept.branches);
    bench.engine.prune_worktrees(true, false).await.unwrap();
    assert!(git(&project, &["branch", "--list", "ahead"]).contains("ahead"));
}

#[tokio::test]
async fn an_empty_branch_is_not_a_change_and_a_stash_is() {
    let repo = Repo::new();
    let bench = repo.bench(does(|dir| _ = git(dir, &["checkout", "-qb", "idea"])));
    let report = isolated(&bench).await;
    assert!(report.worktrees.is_empty(), "{:?}", report.worktrees);
    assert_eq!(git(&repo.project(), &["branch", "--list", "idea"]), "");

    let bench = repo.bench(does(|dir| {
        std::fs::write(dir.join("a.txt"), "stashed").unwrap();
        git(dir, &["stash"]);
    }));
    let report = isolated(&bench).await;
    let warning = report.worktrees[0].worktree.warning.as_ref().unwrap();
    assert!(warning.contains("git stash list"), "{warning}");
}

#[tokio::test]
async fn work_that_the_status_does_not_show_is_kept_with_a_warning() {
    let repo = Repo::new();
    let project = repo.project();
    let head = git(&project, &["rev-parse", "HEAD"]);
    let link = format!("160000,{head},lib");
    git(&project, &["update-index", "--add", "--cacheinfo", &link]);
    std::fs::write(project.join(".gitmodules"), "[submodule \"lib\"]\n\tpath = lib\n\turl = ./x\n")
        .unwrap();
    git(&project, &["add", ".gitmodules"]);
    git(&project, &["commit", "-qm", "submodule"]);

    let report = isolated(&repo.bench(does(|_| ()))).await;
    assert!(
        report.worktrees.is_empty(),
        "an empty submodule is not a change: {:?}",
        report.worktrees
    );

    let in_submodule = does(|dir| std::fs::write(dir.join("lib/new.txt"), "work").unwrap());
    let unseen = does(|dir| {
        git(dir, &["update-index", "--assume-unchanged", "a.txt"]);
        std::fs::write(dir.join("a.txt"), "work").unwrap();
    });
    for (agent, file, words) in
        [(in_submodule, "lib/new.txt", "submodules"), (unseen, "a.txt", "not to look at: a.txt")]
    {
        let bench = repo.bench(agent);
        let report = isolated(&bench).await;
        let [kept] = report.worktrees.as_slice() else { panic!("{words}: {:?}", report.error) };
        let warning = kept.worktree.warning.as_ref().unwrap();
        assert!(warning.contains(words), "{warning}");
        let file = Path::new(&kept.worktree.path).join(file);
        assert_eq!(std::fs::read_to_string(file).unwrap(), "work");
        let listed = bench.engine.worktrees().await.unwrap();
        assert!(listed.iter().all(|one| one.state == LeftoverState::Changed));
    }
}

#[tokio::test]
async fn the_worktree_of_a_parked_step_is_named() {
    let repo = Repo::new();
    let agent = Scripted::new(|task, _| {
        let is_first = !task.cwd.join("../1-2").exists();
        Box::pin(async move {
            if is_first {
                std::fs::write(task.cwd.join("half.txt"), "half").unwrap();
                return Err(ProviderError::new("agent", ProviderErrorKind::Quota, "no more"));
            }
            Ok(reply("x", 1))
        })
    });
    let bench = repo.bench(agent);
    let report = isolated(&bench).await;
    assert_eq!(report.state, RunState::Paused);
    let [kept] = report.worktrees.as_slice() else { panic!("{:?}", report.error) };
    assert_eq!((kept.step.0, kept.worktree.files), (1, 1));
    let mut fold = EventFold::new();
    let entries = bench.entries(&report.run_id);
    let kinds: Vec<_> = entries.iter().flat_map(|entry| fold.after(entry)).collect();
    let told = kinds.iter().filter(|event| event.kind() == EventKind::WorktreeKept).count();
    assert_eq!(told, 1);
    let report = bench.resume(&report.run_id, LimitChanges::default()).await.unwrap();
    assert_eq!(report.state, RunState::Completed, "{:?}", report.error);
    assert_eq!(report.worktrees.len(), 1, "the worktree of the first epoch is still reported");
}

#[tokio::test]
async fn a_branch_in_the_way_is_a_clear_error() {
    let repo = Repo::new();
    git(&repo.project(), &["branch", "smol-wf"]);
    let bench = repo.bench(does(|_| ()));
    let error = isolated(&bench).await.error.unwrap();
    assert_eq!(error.code, "worktree_branch_taken");
    assert!(error.message.contains("git branch -m smol-wf smol-wf-old"), "{}", error.message);
    git(&repo.project(), &["branch", "-m", "smol-wf", "smol-wf-old"]);
    assert_eq!(isolated(&bench).await.state, RunState::Completed);
}

#[tokio::test]
async fn a_fork_that_reuses_an_answer_names_the_worktree_with_its_files() {
    let repo = Repo::new();
    let bench = repo.bench(does(|dir| std::fs::write(dir.join("new.txt"), "work").unwrap()));
    let parent = isolated(&bench).await;
    let request = ForkRequest::of(parent.run_id.clone());
    let fork = bench.engine.start(request).unwrap().wait().await.unwrap();
    assert_eq!(fork.reused.agents, 1);
    assert_eq!(fork.worktrees, parent.worktrees);
}
