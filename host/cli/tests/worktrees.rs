//! Git worktrees of several programs at once, and what their git may do.

#![cfg(target_os = "linux")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Place, Ran, finish, signal, snapshot, until};
use rustix::process::Signal;
use serde_json::json;

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository with a script that asks so many isolated agents at once.
fn project(place: &Place, calls: usize) -> PathBuf {
    let project = place.path("project");
    std::fs::create_dir(&project).unwrap();
    git(&project, &["init", "-q"]);
    git(&project, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let body = format!(
        "{META}const all = await parallel(Array.from({{ length: {calls} }}, (_, i) => () => agent(`${{i}}`, {{ isolation: 'worktree' }})))\nreturn all.filter(Boolean).length\n"
    );
    place.write("project/script.mjs", body);
    project
}

#[test]
fn several_programs_in_one_repository_do_not_collide() {
    let place = Place::new();
    let project = project(&place, 12);
    // Whoever adds is in the room alone, and long enough to be met there.
    let (room, met) = (place.path("room"), place.path("met"));
    let alone = format!(
        "case \"$*\" in *'worktree add'*) mkdir '{0}' || echo met >> '{1}'; sleep 0.02; \
         \"$REAL\" \"$@\"; code=$?; rmdir '{0}'; exit $code;; esac",
        room.display(),
        met.display()
    );
    let path = wrapped_git(&place, &alone);
    let run = || {
        place
            .command(&["run", "project/script.mjs", "--cwd", "project"])
            .env("PATH", &path)
            .spawn()
            .unwrap()
    };
    for run in (0..4).map(|_| run()).collect::<Vec<_>>() {
        let report = finish(run).ok();
        assert_eq!((&report["results"], &report["nulls"]), (&12.into(), &json!([])));
    }
    assert!(!met.exists(), "two were adding at a time");
    assert_eq!(git(&project, &["worktree", "list"]).lines().count(), 1);
    assert_eq!(git(&project, &["branch", "--list", "smol-wf/*"]), "");
}

#[test]
fn a_folder_without_a_commit_is_named_before_an_agent_starts() {
    let place = Place::new();
    place.write(
        "bare/script.mjs",
        format!("{META}await agent('a')\nreturn await agent('b', {{ isolation: 'worktree' }})\n"),
    );
    let said = |args: &[&str]| {
        let mut command = place.command(args);
        finish(command.current_dir(place.path("bare")).spawn().unwrap())
    };
    for (code, missing) in
        [("worktree_no_repository", "is in none"), ("worktree_no_commit", "has none")]
    {
        let checked = said(&["check", "script.mjs"]);
        assert!(checked.code == 0 && checked.stdout.contains(missing), "{}", checked.stdout);
        let planned = said(&["plan", "script.mjs", "--json"]).ok();
        assert_eq!(planned["warnings"][0]["code"], code);
        let ran = said(&["run", "script.mjs", "--agent-provider", "debug"]);
        let warned = ran.stderr.find(missing).unwrap();
        assert!(warned < ran.stderr.find("[agent]").unwrap(), "{}", ran.stderr);
        git(&place.path("bare"), &["init", "-q"]);
    }
    git(&place.path("bare"), &["commit", "-q", "--allow-empty", "-m", "first"]);
    assert!(said(&["check", "script.mjs"]).stdout.contains("0 warnings"));
    assert_eq!(said(&["plan", "script.mjs", "--json"]).ok()["warnings"], json!([]));
}

#[test]
fn what_a_worktree_lacks_is_said_once() {
    let place = Place::new();
    let project = project(&place, 3);
    let module = "[submodule \"lib\"]\n\tpath = lib\n\turl = ./x\n";
    place.write("project/.gitmodules", module);
    place.write("project/.gitattributes", "*.bin filter=lfs\n");
    git(&project, &["add", ".gitmodules", ".gitattributes"]);
    git(&project, &["commit", "-qm", "second"]);
    let ran = place.run(&["run", "project/script.mjs", "--cwd", "project"]);
    let warnings: Vec<&str> =
        ran.said(0).lines().filter(|line| line.starts_with("warning: ")).collect();
    snapshot!(warnings.join("\n"), @"warning: in the worktree of a call, its submodules are empty, and files with a filter, such as Git LFS, are as the repository stores them");
}

/// A git in front of the real one; `before` is what it does first.
fn wrapped_git(place: &Place, before: &str) -> String {
    let paths = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&paths).map(|dir| dir.join("git")).find(|git| git.is_file());
    let real = real.unwrap();
    let script = format!("#!/bin/sh\nREAL='{}'\n{before}\nexec \"$REAL\" \"$@\"\n", real.display());
    let wrapper = place.write("bin/git", script);
    std::fs::set_permissions(wrapper, PermissionsExt::from_mode(0o755)).unwrap();
    format!("{}:{}", place.path("bin").display(), paths.display())
}

#[test]
fn git_is_given_nothing_secret() {
    let place = Place::new();
    project(&place, 1);
    let seen = place.path("seen");
    let path = wrapped_git(&place, &format!("env >> '{}'", seen.display()));
    let mut command = place.command(&["run", "project/script.mjs", "--cwd", "project"]);
    command.env("PATH", path).env("CANARY_TOKEN", "canary").env("GIT_DIR", "/nonexistent");
    assert_eq!(finish(command.spawn().unwrap()).ok()["results"], 1);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("PATH=") && seen.contains("HOME="), "{seen}");
    assert!(!seen.contains("canary") && !seen.contains("GIT_DIR="), "{seen}");
}

#[test]
fn a_git_that_hangs_ends_at_ctrl_c_with_all_that_it_has_started() {
    let place = Place::new();
    project(&place, 1);
    let pids = place.path("pids");
    let hangs = format!(
        "case \"$*\" in *' status '*) sleep 7070 & echo $! >> '{0}'; echo $$ >> '{0}'; wait;; esac",
        pids.display()
    );
    let path = wrapped_git(&place, &hangs);
    let child = place
        .command(&["run", "project/script.mjs", "--cwd", "project"])
        .env("PATH", path)
        .spawn()
        .unwrap();
    let ids = || -> Vec<String> {
        let text = std::fs::read_to_string(&pids).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    until("git looks", || ids().len() >= 2);
    signal(&child, Signal::INT);
    let ran = finish(child);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert_eq!(ran.report()["worktrees"].as_array().unwrap().len(), 1, "it is named, unseen");
    for pid in ids() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().unwrap_or_default();
        assert!(state.is_empty() || state.starts_with('Z'), "{pid} is left: {stat}");
    }
}

/// An agent `mine` that does this where it works.
fn agent(place: &Place, does: &str) {
    let script = format!("#!/bin/sh\ncat > /dev/null\n{does}\necho done\n");
    let agent = place.write("home/.config/smol-workflows/agent.sh", script);
    std::fs::set_permissions(agent, PermissionsExt::from_mode(0o755)).unwrap();
    let settings = "[providers.mine]\nkind = 'command'\ncommand = ['./agent.sh']\n";
    place.write("home/.config/smol-workflows/config.toml", settings);
}

#[test]
fn what_git_cannot_look_at_is_never_taken_away() {
    let place = Place::new();
    let project = project(&place, 1);
    agent(&place, "echo work > made.txt");
    let at = |args: &[&str]| finish(place.at_home(args).spawn().unwrap());
    let run = ["run", "project/script.mjs", "--cwd", "project", "--agent-provider", "mine"];
    let report = at(&run).ok();
    let made = PathBuf::from(report["worktrees"][0]["path"].as_str().unwrap()).join("made.txt");
    assert!(made.is_file());

    let moved = place.path("moved");
    std::fs::rename(&project, &moved).unwrap();
    snapshot!(at(&["worktrees", "list"]).said(0), @"/folder/home/.local/state/smol-workflows/smol-wf.db.worktrees/run_1/1 is kept: the repository /folder/project/.git does not know it; if the repository or the database was moved, `git worktree repair /folder/home/.local/state/smol-workflows/smol-wf.db.worktrees/run_1/1` in the repository repairs it; otherwise copy the files that you want and delete the folder");
    snapshot!(at(&["worktrees", "prune", "--force"]).said(0), @"
    /folder/home/.local/state/smol-workflows/smol-wf.db.worktrees/run_1/1 is kept: the repository /folder/project/.git does not know it; if the repository or the database was moved, `git worktree repair /folder/home/.local/state/smol-workflows/smol-wf.db.worktrees/run_1/1` in the repository repairs it; otherwise copy the files that you want and delete the folder
    0 removed, 1 kept
    ");
    assert!(made.is_file(), "it is nowhere else");

    // What is said helps.
    let worktree = made.parent().unwrap().to_owned();
    git(&moved, &["worktree", "repair", worktree.to_str().unwrap()]);
    assert_eq!(state(&at(&["worktrees", "list", "--json"])), "changed");

    // The database is moved, and its worktrees with it.
    let state = place.path("home/.local/state");
    std::fs::rename(state.join("smol-workflows"), state.join("elsewhere")).unwrap();
    let db = state.join("elsewhere/smol-wf.db");
    let db = ["--db", db.to_str().unwrap()];
    snapshot!(at(&[&["worktrees", "list"][..], &db].concat()).said(0), @"/folder/home/.local/state/elsewhere/smol-wf.db.worktrees/run_1/1 is kept: the repository /folder/project/.git does not know it; if the repository or the database was moved, `git worktree repair /folder/home/.local/state/elsewhere/smol-wf.db.worktrees/run_1/1` in the repository repairs it; otherwise copy the files that you want and delete the folder");
    let prune = [&["worktrees", "prune", "--force"][..], &db].concat();
    snapshot!(at(&prune).said(0), @"
    /folder/home/.local/state/elsewhere/smol-wf.db.worktrees/run_1/1 is kept: the repository /folder/project/.git does not know it; if the repository or the database was moved, `git worktree repair /folder/home/.local/state/elsewhere/smol-wf.db.worktrees/run_1/1` in the repository repairs it; otherwise copy the files that you want and delete the folder
    0 removed, 1 kept
    ");
    let now =
        state.join("elsewhere").join(worktree.strip_prefix(state.join("smol-workflows")).unwrap());
    assert!(now.join("made.txt").is_file());
    git(&moved, &["worktree", "repair", now.to_str().unwrap()]);
    snapshot!(at(&prune).said(0), @"1 removed, 0 kept");
}

/// The state of the first worktree of a list.
fn state(listed: &Ran) -> String {
    listed.ok()["worktrees"][0]["state"].as_str().unwrap().to_owned()
}

/// Copies the folder `of` of a database; the worktrees are in it, or only their notes.
fn copied(place: &Place, of: &str, to: &str, with_files: bool) -> PathBuf {
    let copy = Command::new("cp").arg("-r").args([place.path(of), place.path(to)]).status();
    assert!(copy.unwrap().success());
    let runs = std::fs::read_dir(place.path(to).join("x.db.worktrees")).unwrap();
    let worktree = runs.map(|run| run.unwrap().path().join("1")).next().unwrap();
    if !with_files {
        std::fs::remove_dir_all(&worktree).unwrap();
    }
    worktree
}

#[test]
fn a_copied_database_takes_no_branch_from_the_original() {
    let place = Place::new();
    let project = project(&place, 1);
    agent(&place, "echo work > made.txt");
    std::fs::create_dir(place.path("s")).unwrap();
    let at = |args: &[&str], db: &str| {
        let db = format!("{db}/x.db");
        finish(place.at_home(&[args, &["--db", &db]].concat()).spawn().unwrap())
    };
    let run = ["run", "project/script.mjs", "--cwd", "project", "--agent-provider", "mine"];
    let report = at(&run, "s").ok();
    let kept = &report["worktrees"][0];
    let (path, branch) = (kept["path"].as_str().unwrap(), kept["branch"].as_str().unwrap());
    let tip = || git(&project, &["rev-parse", branch]);
    let (prune, force) = (&["worktrees", "prune"][..], &["worktrees", "prune", "--force"][..]);
    let first = tip();
    let is_whole = || {
        assert_eq!(tip(), first);
        assert_eq!(state(&at(&["worktrees", "list", "--json"], "s")), "changed");
    };

    // With all files; what is said is then done.
    let copy = copied(&place, "s", "s2", true);
    snapshot!(at(&["worktrees", "list"], "s2").said(0), @"/folder/s2/x.db.worktrees/run_1/1 is kept: its branch `smol-wf/branch/1` is that of the worktree /folder/s/x.db.worktrees/run_1/1, and one of the two is a copy; copy the files that you want and delete the folder, then `smol-wf worktrees prune --force --db s2/x.db` removes it from the list");
    for args in [prune, force] {
        insta::allow_duplicates!(snapshot!(at(args, "s2").said(0), @"
        /folder/s2/x.db.worktrees/run_1/1 is kept: its branch `smol-wf/branch/1` is that of the worktree /folder/s/x.db.worktrees/run_1/1, and one of the two is a copy; copy the files that you want and delete the folder, then `smol-wf worktrees prune --force --db s2/x.db` removes it from the list
        0 removed, 1 kept
        "));
    }
    std::fs::remove_dir_all(&copy).unwrap();
    snapshot!(at(prune, "s2").said(0), "worktrees-copy-is-gone");
    is_whole();
    snapshot!(at(force, "s2").said(0), @"1 removed, 0 kept");
    is_whole();

    // Git takes a copy for the original when it is told to, or run there a day later.
    let copy = copied(&place, "s", "s4", true);
    git(&project, &["worktree", "repair", copy.to_str().unwrap()]);
    snapshot!(at(force, "s4").said(0), "worktrees-copy-repaired");
    snapshot!(at(force, "s").said(0), "worktrees-original-beside-copy");
    std::fs::remove_dir_all(&copy).unwrap();
    snapshot!(at(force, "s4").said(0), @"1 removed, 0 kept");
    git(&project, &["worktree", "repair", path]);
    is_whole();

    // The notes alone.
    copied(&place, "s", "s3", false);
    let listed = at(&["worktrees", "list", "--json"], "s3").report();
    let listed = &listed["worktrees"][0];
    assert_eq!((&listed["state"], &listed["elsewhere"]), (&json!("unreadable"), &json!(path)));

    // Commits on the branch, which the original is not on any more.
    git(Path::new(path), &["add", "."]);
    git(Path::new(path), &["commit", "-qm", "work"]);
    let second = tip();
    git(Path::new(path), &["checkout", "-q", "--detach"]);
    snapshot!(at(force, "s3").said(0), @"1 removed, 0 kept");
    assert_eq!(tip(), second);

    // The same where the original is not where it was made, and is being rebased.
    std::fs::rename(place.path("s"), place.path("t")).unwrap();
    let moved = path.replacen("/s/x.db", "/t/x.db", 1);
    git(&project, &["worktree", "repair", &moved]);
    git(Path::new(&moved), &["checkout", "-q", branch]);
    let rebase = ["rebase", "-q", "--force-rebase", "--exec", "false", "HEAD~1"];
    let stopped = Command::new("git").args(rebase).current_dir(&moved).output().unwrap();
    assert!(!stopped.status.success());
    copied(&place, "t", "t2", false);
    snapshot!(at(prune, "t2").said(0), "worktrees-moved-copy-is-gone");
    snapshot!(at(force, "t2").said(0), @"1 removed, 0 kept");
    git(Path::new(&moved), &["rebase", "--abort"]);
    assert_eq!(
        (tip(), git(Path::new(&moved), &["status", "--porcelain"])),
        (second, String::new())
    );

    // And where it is on another branch.
    git(Path::new(&moved), &["checkout", "-q", "--detach"]);
    copied(&place, "t", "t3", false);
    at(force, "t3");
    git(&project, &["rev-parse", "--verify", branch]);
}

#[test]
fn a_copied_run_that_goes_on_leaves_the_original_its_branch() {
    let place = Place::new();
    project(&place, 1);
    let begun = place.path("begun");
    let once = format!(
        "if [ ! -e '{0}' ]; then echo work > made.txt; touch '{0}'; exec sleep 7070; fi",
        begun.display()
    );
    agent(&place, &once);
    std::fs::create_dir(place.path("s")).unwrap();
    let at = |args: &[&str]| place.at_home(args).spawn().unwrap();
    let child = at(&[
        "run",
        "project/script.mjs",
        "--cwd",
        "project",
        "--agent-provider",
        "mine",
        "--db",
        "s/x.db",
    ]);
    until("the agent is at work", || begun.exists());
    signal(&child, Signal::INT);
    let ran = finish(child);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    copied(&place, "s", "s2", false);
    let went_on = finish(at(&["resume", &ran.run_id(), "--db", "s2/x.db"])).ok();
    assert_eq!(went_on["results"], 1);
    let listed = finish(at(&["worktrees", "list", "--json", "--db", "s/x.db"]));
    assert_eq!(state(&listed), "changed");
}

#[test]
fn a_link_at_the_old_place_makes_no_copy() {
    let place = Place::new();
    project(&place, 1);
    agent(&place, "echo work > made.txt");
    std::fs::create_dir(place.path("s")).unwrap();
    let at = |args: &[&str]| finish(place.at_home(args).spawn().unwrap());
    let run = ["run", "project/script.mjs", "--cwd", "project", "--agent-provider", "mine"];
    at(&[&run[..], &["--db", "s/x.db"]].concat()).ok();
    std::fs::rename(place.path("s"), place.path("t")).unwrap();
    std::os::unix::fs::symlink(place.path("t"), place.path("s")).unwrap();
    for db in ["s/x.db", "t/x.db"] {
        assert_eq!(state(&at(&["worktrees", "list", "--json", "--db", db])), "changed");
    }
    snapshot!(at(&["worktrees", "prune", "--force", "--db", "t/x.db"]).said(0), @"1 removed, 0 kept");
}

/// A run of one isolated step, killed while its agent is at work; its id.
fn killed_at_work(place: &Place) -> String {
    project(place, 1);
    let begun = place.path("begun");
    agent(place, &format!("if mkdir '{}' 2> /dev/null; then sleep 7070; fi", begun.display()));
    let run = ["run", "project/script.mjs", "--cwd", "project", "--agent-provider", "mine"];
    let mut child = place.at_home(&run).spawn().unwrap();
    until("the agent is at work", || begun.exists());
    child.kill().unwrap();
    finish(child).run_id()
}

#[test]
fn a_worktree_that_is_gone_with_its_branch_is_made_anew_at_once() {
    let place = Place::new();
    let run = killed_at_work(&place);
    let project = place.path("project");
    let branch = git(&project, &["branch", "--list", "--format=%(refname:short)", "smol-wf/*"]);
    let listed = git(&project, &["worktree", "list", "--porcelain"]);
    let worktree = listed.lines().filter_map(|line| line.strip_prefix("worktree ")).nth(1);
    git(&project, &["worktree", "remove", "--force", worktree.unwrap()]);
    git(&project, &["branch", "-D", branch.trim()]);
    let deleted = place.path("deleted");
    let tells = "case \"$*\" in *'update-ref -d'*) echo once >> ";
    let path = wrapped_git(&place, &format!("{tells}'{}';; esac", deleted.display()));
    let mut command = place.at_home(&["resume", &run]);
    assert_eq!(finish(command.env("PATH", path).spawn().unwrap()).ok()["results"], 1);
    let tries = std::fs::read_to_string(deleted).unwrap_or_default().lines().count();
    assert!(tries <= 2, "a branch that is not there was deleted {tries} times");
}

#[test]
fn a_killed_run_goes_on_in_a_repository_that_was_moved() {
    let place = Place::new();
    let run = killed_at_work(&place);
    std::fs::rename(place.path("project"), place.path("moved")).unwrap();
    let report = finish(place.at_home(&["resume", &run, "--cwd", "moved"]).spawn().unwrap()).ok();
    assert_eq!((&report["results"], &report["nulls"]), (&1.into(), &json!([])));
}
