//! Steps in git worktrees of their own: real git, real files.

mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};

use common::repo::{ISOLATED, Repo, git};
use common::{Bench, Scripted, reply};
use smol_wf_core::details::Details;
use smol_wf_engine::{LeftoverState, LimitChanges, RunState};
use tokio::sync::Notify;

#[tokio::test]
async fn an_unchanged_worktree_is_removed_with_its_branch() {
    let repo = Repo::new();
    let project = repo.project();
    let agent = Scripted::new(move |task, _| {
        assert_ne!(task.cwd, project);
        assert_eq!(std::fs::read_to_string(task.cwd.join("a.txt")).unwrap(), "one\ntwo\n");
        // An ignored file is not a change.
        std::fs::create_dir(task.cwd.join("target")).unwrap();
        std::fs::write(task.cwd.join("target/x"), "built").unwrap();
        Box::pin(async { Ok(reply("x", 1)) })
    });
    let bench = repo.bench(agent);
    let report = bench.run(bench.request(&format!("return agent('p', {ISOLATED})"))).await;
    assert_eq!(report.state, RunState::Completed, "{:?}", report.error);
    assert!(report.worktrees.is_empty());
    assert_eq!((repo.worktrees(), repo.branches()), (0, String::new()));
    assert!(bench.engine.worktrees().await.unwrap().is_empty());
    assert_eq!(std::fs::read_dir(repo.dir.path().join("worktrees")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_changed_worktree_is_kept_and_reported_with_its_changes() {
    let repo = Repo::new();
    let agent = Scripted::new(|task, _| {
        std::fs::write(task.cwd.join("a.txt"), "one\n2\n3\n").unwrap();
        std::fs::write(task.cwd.join("new file.txt"), "new").unwrap();
        git(&task.cwd, &["commit", "-qam", "second"]);
        let fails = task.prompt == "fails";
        Box::pin(async move {
            if fails {
                let kind = smol_wf_engine::providers::ProviderErrorKind::Failed;
                return Err(smol_wf_engine::providers::ProviderError::new("agent", kind, "no"));
            }
            Ok(reply("x", 1))
        })
    });
    let bench = repo.bench(agent);
    for prompt in ["works", "fails"] {
        let body =
            format!("try {{ return await agent('{prompt}', {ISOLATED}) }} catch {{ return 0 }}");
        let report = bench.run(bench.request(&body)).await;
        let [kept] = report.worktrees.as_slice() else { panic!("{prompt}: {:?}", report.error) };
        let worktree = &kept.worktree;
        assert_eq!((kept.step.0, kept.label.as_deref()), (1, Some("l")));
        assert_eq!((worktree.commits, worktree.files), (1, 2));
        assert_eq!((worktree.insertions, worktree.deletions), (2, 1));
        assert!(Path::new(&worktree.path).join("new file.txt").is_file());
        assert!(repo.branches().contains(&worktree.branch));
        assert!(worktree.branch.starts_with("smol-wf/"));
        let entries = bench.entries(&report.run_id);
        let details = Details::fold(&entries, false).unwrap();
        assert_eq!(details.steps[0].worktree, Some(worktree), "the step has it as well");
    }
    assert_eq!(git(&repo.project(), &["status", "--porcelain"]), "", "the project is untouched");

    let engine = &bench.engine;
    let listed = engine.worktrees().await.unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|one| one.state == LeftoverState::Changed));
    assert!(engine.prune_worktrees(false, false).await.unwrap().removed.is_empty());
    assert_eq!(engine.prune_worktrees(true, true).await.unwrap().removed.len(), 2);
    assert_eq!(repo.worktrees(), 2, "a dry run removes nothing");
    assert_eq!(engine.prune_worktrees(true, false).await.unwrap().removed.len(), 2);
    assert_eq!((repo.worktrees(), repo.branches()), (0, String::new()));
}

#[tokio::test]
async fn a_hundred_steps_at_once_do_not_collide() {
    let repo = Repo::new();
    let seen = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let all = seen.clone();
    let agent = Scripted::new(move |task, _| {
        assert!(all.lock().unwrap().insert(task.cwd.clone()), "one folder for two steps");
        let number: u32 = task.prompt.parse().unwrap();
        Box::pin(async move {
            tokio::task::yield_now().await;
            if number.is_multiple_of(10) {
                std::fs::write(task.cwd.join("mine"), task.prompt).unwrap();
            }
            Ok(reply("x", 1))
        })
    });
    let bench = repo.bench(agent);
    let mut request = bench.request(
        "return (await parallel(Array.from({ length: 100 }, (_, i) => () => agent(`${i}`, { isolation: 'worktree' })))).filter(Boolean).length",
    );
    request.limits.parallel_agents = 100;
    let report = bench.run(request).await;
    assert_eq!(report.result.get(), "100", "{:?}", report.nulls.first());
    assert_eq!(
        (report.worktrees.len(), repo.worktrees(), seen.lock().unwrap().len()),
        (10, 10, 100)
    );
    for kept in &report.worktrees {
        let mine = std::fs::read_to_string(Path::new(&kept.worktree.path).join("mine")).unwrap();
        assert_eq!(mine.parse::<u32>().unwrap() + 1, kept.step.0, "each has its own file");
    }
}

#[tokio::test]
async fn no_program_that_a_repository_names_is_run() {
    let repo = Repo::new();
    let ran = repo.dir.path().join("ran");
    let hooks = repo.project().join(".git/hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    let script = format!("#!/bin/sh\necho \"$0\" >> {}\n", ran.display());
    let names = ["post-checkout", "pre-commit", "reference-transaction", "post-index-change"];
    let plant = |path: &Path| {
        std::fs::write(path, &script).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    };
    names.iter().for_each(|name| plant(&hooks.join(name)));
    let attributes = repo.project().join(".gitattributes");
    std::fs::write(attributes, "*.txt filter=x diff=x\n").unwrap();
    let unhooked =
        |args: &[&str]| git(&repo.project(), &[&["-c", "core.hooksPath=/dev/null"], args].concat());
    unhooked(&["add", "."]);
    let link = format!("160000,{},lib", git(&repo.project(), &["rev-parse", "HEAD"]));
    unhooked(&["update-index", "--add", "--cacheinfo", &link]);
    unhooked(&["commit", "-qm", "second"]);
    let evil = repo.dir.path().join("evil");
    plant(&evil);
    let keys = ["core.fsmonitor", "diff.external", "core.pager", "diff.x.textconv"];
    let filters = ["filter.x.clean", "filter.x.smudge", "filter.y.clean", "filter.z.process"];
    // In an included file, so that reading the main file alone does not show them.
    let included = repo.project().join(".git/more");
    for key in keys.into_iter().chain(filters) {
        let args = ["config", "--file", included.to_str().unwrap(), key, evil.to_str().unwrap()];
        git(&repo.project(), &args);
    }
    git(&repo.project(), &["config", "include.path", "more"]);
    git(&repo.project(), &["config", "filter.x.required", "true"]);
    let (outside, monitor) = (repo.project(), evil.display().to_string());
    let agent = Scripted::new(move |task, _| {
        assert_eq!(std::fs::read_to_string(task.cwd.join("a.txt")).unwrap(), "one\ntwo\n");
        let attributes = "a.txt diff=x filter=y\nb.txt filter=z\n";
        std::fs::write(task.cwd.join(".gitattributes"), attributes).unwrap();
        std::fs::write(task.cwd.join("a.txt"), "changed\n").unwrap();
        // A submodule has settings of its own.
        let lib = task.cwd.join("lib");
        git(&lib, &["init", "-q"]);
        git(&lib, &["commit", "-q", "--allow-empty", "-m", "in it"]);
        git(&lib, &["config", "core.fsmonitor", &monitor]);
        // Points git elsewhere; the host does not follow.
        let elsewhere = format!("gitdir: {}\n", outside.join(".git").display());
        std::fs::write(task.cwd.join(".git"), elsewhere).unwrap();
        Box::pin(async { Ok(reply("x", 1)) })
    });
    let bench = repo.bench(agent);
    let report = bench.run(bench.request(&format!("return agent('p', {ISOLATED})"))).await;
    assert_eq!(report.worktrees.len(), 1, "{:?}", report.error);
    assert_eq!(report.worktrees[0].worktree.files, 3);
    bench.engine.prune_worktrees(true, false).await.unwrap();
    assert!(!ran.exists(), "ran: {}", std::fs::read_to_string(&ran).unwrap());
}

#[tokio::test]
async fn a_step_that_is_cut_off_leaves_its_changes_and_the_next_attempt_a_fresh_start() {
    let repo = Repo::new();
    let (begun, attempts) = (Arc::new(Notify::new()), Arc::new(Mutex::new(0)));
    let (told, counted) = (begun.clone(), attempts.clone());
    let agent = Scripted::new(move |task, _| {
        let first = std::mem::replace(&mut *counted.lock().unwrap(), 1) == 0;
        assert!(!task.cwd.join("half").exists());
        let told = told.clone();
        Box::pin(async move {
            if first {
                std::fs::write(task.cwd.join("half"), "done").unwrap();
                told.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(reply("x", 1))
        })
    });
    let bench = repo.bench(agent);
    let request = bench.request(&format!("return agent('p', {ISOLATED})"));
    let run = bench.engine.start(request).unwrap();
    begun.notified().await;
    run.cancel();
    let report = run.wait().await.unwrap();
    assert_eq!(report.state, RunState::Cancelled);
    assert_eq!(report.worktrees.len(), 1, "the unfinished worktree is reported");
    let entries = bench.entries(&report.run_id);
    let details = Details::fold(&entries, false).unwrap();
    assert_eq!(details.steps[0].worktree, Some(&report.worktrees[0].worktree));
    let forced = bench.engine.prune_worktrees(true, false).await.unwrap();
    assert_eq!((forced.removed.len(), forced.kept.len()), (0, 1), "the run may go on");

    let report = bench.resume(&report.run_id, LimitChanges::default()).await.unwrap();
    assert_eq!(report.state, RunState::Completed, "{:?}", report.error);
    assert_eq!(report.worktrees.len(), 1);
    assert_eq!(repo.worktrees(), 1, "the fresh worktree is gone, the unfinished one is kept");
    assert_eq!(bench.engine.prune_worktrees(true, false).await.unwrap().removed.len(), 1);
    assert_eq!((repo.worktrees(), repo.branches()), (0, String::new()));
}

#[tokio::test]
async fn a_folder_without_a_repository_or_a_commit_is_a_clear_error() {
    let agent = || Scripted::new(|_, _| Box::pin(async { Ok(reply("x", 1)) }));
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::new(dir.path(), vec![agent()]);
    let report = bench.run(bench.request(&format!("return agent('p', {ISOLATED})"))).await;
    let error = report.error.unwrap();
    assert_eq!(error.code, "worktree_no_repository");
    assert!(error.message.contains("git init"), "{}", error.message);

    git(dir.path(), &["init", "-q"]);
    let report = bench.run(bench.request(&format!("return agent('p', {ISOLATED})"))).await;
    assert_eq!(report.error.unwrap().code, "worktree_no_commit");
}

#[tokio::test]
async fn a_project_in_a_subfolder_of_its_repository_keeps_its_path() {
    let repo = Repo::new();
    let below = repo.project().join("packages/web");
    std::fs::create_dir_all(&below).unwrap();
    let agent = Scripted::new(|task, _| {
        assert!(task.cwd.ends_with("packages/web"), "{}", task.cwd.display());
        Box::pin(async { Ok(reply("x", 1)) })
    });
    let mut bench = repo.bench(agent);
    bench.dir = below;
    let report = bench.run(bench.request(&format!("return agent('p', {ISOLATED})"))).await;
    assert_eq!(report.state, RunState::Completed, "{:?}", report.error);
    assert_eq!(repo.worktrees(), 0);
}
