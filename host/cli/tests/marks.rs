//! Which marks of a project count: those that nobody else can have put there.

#![cfg(target_os = "linux")]

mod common;

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use common::{Place, Ran, finish, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";
/// Nobody on any machine.
const STRANGER: u32 = 54_321;

fn at(place: &Place, folder: &str, args: &[&str]) -> Ran {
    finish(place.at_home(args).current_dir(place.path(folder)).spawn().unwrap())
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// What someone else may plant above a folder of the user's.
fn planted() -> Place {
    let place = Place::new();
    place.write("plain/mine/s.js", format!("{META}return await workflow('evil')\n"));
    place.write("plain/.git/HEAD", "");
    place.write("plain/.agents/smol-wf.toml", "max_agents = 3\nprovider = 'codex'\n");
    let evil = "export const meta = { name: 'evil', description: 'd' }\nreturn 'evil'\n";
    place.write("plain/.agents/workflows/evil.js", evil);
    place
}

/// Settings of a project that are in force in the user's folder.
fn of_project(place: &Place) -> usize {
    let ran = at(place, "plain/mine", &["config", "show", "--output", "json"]);
    let all = ran.ok()["settings"].as_array().unwrap().clone();
    all.iter().filter(|row| row["origin"] == "project").count()
}

#[track_caller]
fn nothing_counts(place: &Place) {
    assert_eq!(of_project(place), 0);
    at(place, "plain/mine", &["run", "evil"]).fails(3, &["[workflow_not_found]"]);
    let ran = at(place, "plain/mine", &["run", "s.js", "--agent-provider", "debug"]);
    ran.fails(1, &["no workflow `evil`"]);
}

#[test]
fn a_folder_where_everyone_may_write_is_no_project() {
    for (bits, says) in [(0o1777, false), (0o777, true)] {
        let place = planted();
        assert_eq!(of_project(&place), 2, "the user's own counts");
        mode(&place.path("plain"), bits);
        nothing_counts(&place);
        // Below /tmp that is no news; elsewhere the user is told.
        let ran = at(&place, "plain/mine", &["config", "show"]);
        assert_eq!(ran.stderr.contains("chmod o-w"), says, "{bits:o}: {}", ran.stderr);
    }
}

#[test]
fn a_mark_of_another_user_does_not_count_and_is_named() {
    if !rustix::process::geteuid().is_root() {
        // Only root may give files away.
        return;
    }
    let place = planted();
    for name in [".git", ".agents"] {
        chown(place.path("plain").join(name), Some(STRANGER), None).unwrap();
    }
    nothing_counts(&place);
    let ran = at(&place, "plain/mine", &["config", "show"]);
    snapshot!(ran.said(0), @"warning: /folder/plain/.git does not mark a project, for it belongs to another user (uid 54321): where that is yours, have it belong to you, as with chown");
    // The settings file alone, in a folder of the user's, is someone else's as well.
    let place = planted();
    chown(place.path("plain/.agents/smol-wf.toml"), Some(STRANGER), None).unwrap();
    assert_eq!(of_project(&place), 0);
    // Where everyone may put files, a child is the user's own or is not read.
    let place = Place::new();
    place.write("tmp/s.js", format!("{META}return await workflow({{ scriptPath: './c.js' }})\n"));
    let child = place.write("tmp/c.js", format!("{META}return 'mine'\n"));
    mode(&place.path("tmp"), 0o1777);
    let run = || at(&place, "tmp", &["run", "s.js", "--agent-provider", "debug"]);
    assert_eq!(run().ok()["results"], "mine");
    chown(child, Some(STRANGER), None).unwrap();
    snapshot!(run().said(1), @"
    run run_1 in /folder/tmp
    [workflow] ./c.js: failed: `c.js` belongs to another user (uid 54321) and lies in a folder where everyone may write; move your script to a folder of your own
    error: workflow failed at 2:14: WorkflowError: `c.js` belongs to another user (uid 54321) and lies in a folder where everyone may write; move your script to a folder of your own [workflow_not_found]
       2 │ return await workflow({ scriptPath: './c.js' })
         │              ^
    report: smol-wf history run_1
    ");
}

#[test]
fn root_marks_projects_for_everyone() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // As another user, whose home and state are elsewhere.
    let place = planted();
    let folder = place.dir.path();
    mode(folder, 0o755);
    std::fs::create_dir(place.path("home")).unwrap();
    chown(place.path("home"), Some(STRANGER), None).unwrap();
    // The program itself may lie where only root looks.
    let program = place.path("smol-wf");
    std::fs::copy(env!("CARGO_BIN_EXE_smol-wf"), &program).unwrap();
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", "54321", "--regid", "54321", "--clear-groups"]).arg(&program);
        command.args(args).current_dir(place.path("plain/mine")).env_clear();
        command.env("HOME", place.path("home")).env("PATH", std::env::var_os("PATH").unwrap());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        finish(command.spawn().unwrap())
    };
    let ran = run(&["run", "evil", "--agent-provider", "debug"]);
    assert_eq!(ran.ok()["results"], "evil");
    // A third user's does not.
    chown(place.path("plain/.git"), Some(STRANGER + 1), None).unwrap();
    chown(place.path("plain/.agents"), Some(STRANGER + 1), None).unwrap();
    snapshot!(run(&["run", "evil", "--agent-provider", "debug"]).said(3), @"
    warning: /folder/plain/.git does not mark a project, for it belongs to another user (uid 54322): where that is yours, have it belong to you, as with chown
    error: there is no workflow `evil` in .agents/workflows or .claude/workflows, neither of which is there; there are: code-review, deep-research, triage-tests [workflow_not_found]
    ");
}

#[test]
fn a_folder_of_workflows_that_leads_elsewhere_is_refused_by_its_name() {
    let place = Place::new();
    place.write("p/.git/HEAD", "");
    place.write("p/s.js", format!("{META}return await workflow('w')\n"));
    place.write(
        "elsewhere/workflows/w.js",
        "export const meta = { name: 'w', description: 'd' }\nreturn 1\n",
    );
    symlink(place.path("elsewhere"), place.path("p/.claude")).unwrap();
    snapshot!(at(&place, "p", &["run", "w"]).said(3), @"error: `.claude` is a link that leads outside the project; put the file or folder itself there [workflow_outside_project]");
    snapshot!(at(&place, "p", &["run", ".claude/workflows/w.js"]).said(3), @"error: `.claude` is a link that leads outside the project; put the file or folder itself there [workflow_outside_project]");
    snapshot!(at(&place, "p", &["run", "s.js", "--agent-provider", "debug"]).said(1), @"
    run run_1 in /folder/p
    [workflow] w: failed: `.claude` is a link that leads outside the project; put the file or folder itself there
    error: workflow failed at 2:14: WorkflowError: `.claude` is a link that leads outside the project; put the file or folder itself there [workflow_not_found]
       2 │ return await workflow('w')
         │              ^
    report: smol-wf history run_1
    ");
}
