//! Where agents work, where scripts are looked for, and which run is the latest
//! one here.

#![cfg(unix)]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use common::{Place, Ran, finish, journal, snapshot};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";
/// An agent that says where it stands, and leaves a trace there.
const CONFIG: &str = "provider = 'mine'\n[providers.mine]\nkind = 'command'\n\
    command = ['sh', '-c', 'cat > /dev/null; pwd; touch been-here']\n";

/// Two projects, and an agent of the user's.
fn projects() -> Place {
    let place = Place::new();
    place.write("home/.config/smol-workflows/config.toml", CONFIG);
    for project in ["app", "flows"] {
        place.write(&format!("{project}/.git/HEAD"), "");
    }
    place.write("flows/fix.js", format!("{META}return await agent('where')\n"));
    place
}

fn at(place: &Place, folder: &str, args: &[&str]) -> Ran {
    finish(place.at_home(args).current_dir(place.path(folder)).spawn().unwrap())
}

fn real(place: &Place, folder: &str) -> String {
    place.path(folder).canonicalize().unwrap().to_str().unwrap().to_owned()
}

fn first_line(ran: &Ran) -> String {
    ran.stderr.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn agents_work_where_the_user_stands_and_the_first_line_says_so() {
    let place = projects();
    let (app, flows) = (real(&place, "app"), real(&place, "flows"));
    let ran = at(&place, "app", &["run", "../flows/fix.js"]);
    assert_eq!(ran.ok()["results"], app);
    assert!(place.path("app/been-here").exists() && !place.path("flows/been-here").exists());
    // Another project than the script's: the line names both.
    snapshot!(first_line(&ran), @"run run_1 in /folder/app (warning: outside the project of its script, /folder/flows; choose another folder with --cwd)");
    assert_eq!(journal(&db(&place), &ran.run_id())[0]["cwd"], app);
    // Below the script's project there is nothing to warn of.
    std::fs::create_dir(place.path("flows/sub")).unwrap();
    let ran = at(&place, "flows/sub", &["run", "../fix.js"]);
    assert_eq!(ran.ok()["results"], real(&place, "flows/sub"));
    assert_eq!(first_line(&ran), format!("run {} in {flows}/sub", ran.run_id()));
    // Whoever is elsewhere, as cron is in the home folder, says where.
    let ran = at(&place, "home", &["run", "../flows/fix.js", "--cwd", "../flows"]);
    assert_eq!(ran.ok()["results"], flows);
    assert_eq!(first_line(&ran), format!("run {} in {flows}", ran.run_id()));
    let ran = at(&place, "app", &["run", "../flows/fix.js", "--cwd", "nowhere"]);
    snapshot!(ran.said(3), @"error: agents would work in nowhere, and there is no such folder; give the agents another folder with --cwd DIR [cwd_gone]");
}

fn db(place: &Place) -> std::path::PathBuf {
    place.path("home/.local/state/smol-workflows/smol-wf.db")
}

#[test]
fn settings_and_trust_go_by_the_folder_and_not_by_the_script() {
    let place = projects();
    place.write("flows/.agents/smol-wf.toml", "max_agents = 1\n");
    place.write("app/.agents/smol-wf.toml", "max_agents = 7\n");
    let ran = at(&place, "app", &["run", "../flows/fix.js"]);
    let limits = journal(&db(&place), &ran.run_id());
    let limits = limits.iter().find(|entry| entry["kind"] == "attempt_started").unwrap();
    assert_eq!(limits["limits"]["agents"], 7, "{limits}");
}

#[test]
fn a_resume_keeps_the_folder_and_says_when_it_is_gone() {
    let place = projects();
    place.write("flows/two.js", format!("{META}return [await agent('a'), await agent('b')]\n"));
    let paused = at(&place, "app", &["run", "../flows/two.js", "--max-agents", "1"]);
    snapshot!(paused.said(5), @"
    run run_1 in /folder/app (warning: outside the project of its script, /folder/flows; choose another folder with --cwd)
    [agent] a
    [agent] a: done in 0.0 s, 0 tokens
    error: the run may start 1 agent: it has started 1, and then the script asked for 1 or more at once, of which none was started; raise it with --max-agents 2 [limit_agents]
    resume: smol-wf resume run_1 --max-agents 2
    ");
    let (run, app) = (paused.run_id(), real(&place, "app"));
    let ran = at(&place, "home", &["resume", &run, "--max-agents", "2"]);
    assert_eq!(ran.ok()["results"], serde_json::json!([app, app]));
    assert!(
        first_line(&ran).starts_with(&format!("run {run} (resumed) in {app}")),
        "{}",
        ran.stderr
    );

    let run = at(&place, "app", &["run", "../flows/two.js", "--max-agents", "1"]).run_id();
    std::fs::rename(place.path("app"), place.path("moved")).unwrap();
    let gone = at(&place, "home", &["resume", &run, "--max-agents", "2"]);
    snapshot!(gone.said(3), @"error: run run_1 works in /folder/app, and there is no such folder; give the agents another folder with --cwd DIR [cwd_gone]");
    // What needs no folder works without.
    assert_eq!(at(&place, "home", &["replay", &run]).code, 0);
    let moved = real(&place, "moved");
    let fork = at(&place, "home", &["fork", &run, "--max-agents", "2"]);
    snapshot!(fork.said(3), @"error: run run_1 works in /folder/app, and there is no such folder; give the agents another folder with --cwd DIR [cwd_gone]");
    let fork = at(&place, "home", &["fork", &run, "--max-agents", "2", "--cwd", &moved]);
    assert_eq!(fork.ok()["results"], serde_json::json!([app, moved]));
    let ran = at(&place, "home", &["resume", &run, "--max-agents", "2", "--cwd", "../moved"]);
    assert_eq!(ran.ok()["results"], serde_json::json!([app, moved]));
}

#[test]
fn a_run_of_a_script_that_was_moved_goes_on() {
    for (how, args) in [
        ("with the script named", &["b/k.js"][..]),
        ("with the recorded text", &["--as-recorded"]),
        ("with what is there", &[]),
    ] {
        let place = Place::new();
        place.write("a/k.js", format!("{META}return [await agent('a'), await agent('b')]\n"));
        let paused = place.run(&["run", "a/k.js", "--max-agents", "1"]);
        paused.fails(5, &["[limit_agents]"]);
        std::fs::rename(place.path("a"), place.path("b")).unwrap();
        let forked = place.run(
            &[
                &["fork", "latest", "--max-agents", "3"][..],
                if args == ["b/k.js"] { args } else { &[] },
            ]
            .concat(),
        );
        assert_eq!(forked.ok()["state"], "completed", "{how}");
        let run = paused.run_id();
        let resume = [&["resume", &run, "--max-agents", "3"][..], args].concat();
        let ran = place.run(&resume);
        assert_eq!(ran.ok()["state"], "completed", "{how}: {}", ran.stderr);
        // Elsewhere it needs a folder to work in, and no other.
        let exported = place.run(&["export", &run, "--format", "journal"]);
        let elsewhere = Place::new();
        elsewhere.write("run.journal", exported.stdout);
        assert_eq!(elsewhere.run(&["import", "run.journal"]).code, 0);
        drop(place);
        assert_eq!(elsewhere.run(&["replay", &run]).code, 0);
        assert_eq!(elsewhere.run(&["resume", &run]).ok()["state"], "completed");
        let fork = elsewhere.run(&["fork", &run, "--cwd", "."]);
        assert_eq!(fork.ok()["state"], "completed", "{}", fork.stderr);
        assert_eq!(elsewhere.run(&["resume", "latest"]).ok()["state"], "completed");
    }
}

#[test]
fn children_of_a_project_that_is_gone_say_how_it_is_named() {
    let place = Place::new();
    let text = "await agent('a')\nreturn await workflow({ scriptPath: './child.js' })\n";
    place.write("a/k.js", format!("{META}{text}"));
    place.write("a/child.js", format!("{META}return 'child'\n"));
    let run = place.run(&["run", "a/k.js", "--timeout", "1h", "--max-agents", "1"]).run_id();
    let fork = |place: &Place, args: &[&str]| place.run(&[&["fork", &run][..], args].concat());
    assert_eq!(fork(&place, &[]).ok()["results"], "child");
    std::fs::rename(place.path("a"), place.path("b")).unwrap();
    let paused = fork(&place, &[]);
    snapshot!(paused.said(5), @"
    run run_1 in /folder
    agents: debug, which echoes prompts: nothing is sent to a model
    [fork] of run_2
    [agent] a: answer reused
    fork of run_2: 1 answer reused (3 tokens saved), 0 agents asked
    error: the folder of the script's project is gone; name its folder with --project-root DIR [project_gone]
    resume: smol-wf resume run_1
    ");
    // Nothing has failed: it goes on where the folder is named.
    let forked = paused.run_id();
    let resumed = place.run(&["resume", &forked, "--project-root", "b"]);
    assert_eq!(resumed.ok()["results"], "child");
    assert_eq!(fork(&place, &["--project-root", "b"]).ok()["results"], "child");
}

#[test]
fn a_run_that_loses_its_folder_on_the_way_is_paused_and_no_agent_fails() {
    let place = Place::new();
    let moves = "provider = 'mine'\n[providers.mine]\nkind = 'command'\n\
        command = ['sh', '-c', 'cat > /dev/null; [ -e \"$0\" ] && mv \"$0\" \"$0-moved\"; echo ok', '@']\n";
    let app = place.path("app");
    let config = moves.replace('@', app.to_str().unwrap());
    place.write("home/.config/smol-workflows/config.toml", config);
    place.write("app/x", "");
    place.write("s/w.js", format!("{META}return [await agent('a'), await agent('b')]\n"));
    let child = place.at_home(&["run", "../s/w.js"]).current_dir(&app).spawn().unwrap();
    let paused = finish(child);
    snapshot!(paused.said(5), @"
    run run_1 in /folder/app (warning: outside the project of its script, /folder/s; choose another folder with --cwd)
    [agent] a
    [agent] a: done in 0.0 s, 0 tokens
    [agent] b
    error: run run_1 works in /folder/app, and there is no such folder; give the agents another folder with --cwd DIR [cwd_gone]
    resume: smol-wf resume run_1
    ");
    let moved = place.path("app-moved");
    let resume = ["resume", &paused.run_id(), "--cwd", moved.to_str().unwrap()];
    let ran = finish(place.at_home(&resume).spawn().unwrap());
    assert_eq!(ran.ok()["results"], serde_json::json!(["ok", "ok"]));
}

#[test]
fn a_folder_whose_name_is_no_text_is_refused_before_anything_is_asked() {
    let place = Place::new();
    let folder = place.dir.path().join(OsStr::from_bytes(b"f\xff"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("w.js"), format!("{META}return await agent('a')\n")).unwrap();
    let mut run = place.command(&["run"]);
    run.arg(folder.join("w.js"));
    snapshot!(finish(run.spawn().unwrap()).said(3), @"error: /folder/f�/w.js has a name that is not UTF-8, so the run could not be resumed; rename it, or start from another folder [path_not_utf8]");
    place.write("w.js", format!("{META}return await agent('a')\n"));
    let mut run = place.command(&["run", "../w.js"]);
    snapshot!(finish(run.current_dir(&folder).spawn().unwrap()).said(3), @"error: /folder/f� has a name that is not UTF-8, so the run could not be resumed; rename it, or start from another folder [path_not_utf8]");
    assert_eq!(place.run(&["history", "-o", "json"]).ok()["runs"], serde_json::json!([]));
}

#[test]
fn latest_is_the_last_run_of_this_project() {
    let place = projects();
    let run = |folder| at(&place, folder, &["run", "../flows/fix.js"]).run_id();
    std::fs::create_dir_all(place.path("app/sub")).unwrap();
    let (of_app, of_flows) = (run("app"), run("flows"));
    let latest = |folder, args: &[&str]| {
        at(&place, folder, &[&["history", "latest", "-o", "json"], args].concat())
    };
    let shown = latest("app/sub", &[]);
    assert_eq!(shown.ok()["runId"], of_app.as_str());
    snapshot!(shown.stderr, @"latest is run_1, the last run of /folder/app; run_2 is newer and works in /folder/flows: --anywhere");
    assert_eq!(latest("flows", &[]).ok()["runId"], of_flows.as_str());
    assert_eq!(latest("app", &["--anywhere"]).ok()["runId"], of_flows.as_str());
    // From where nothing was started, it is not taken from elsewhere unasked.
    let none = latest("home", &[]);
    snapshot!(none.said(3), @"error: no run was started in /folder/home; the newest of all, run_1, works in /folder/flows; give its id, or add --anywhere [run_unknown]");
    for command in [&["replay", "latest"][..], &["resume", "latest"], &["fork", "latest"]] {
        insta::allow_duplicates!(
            snapshot!(at(&place, "home", command).said(3), @"error: no run was started in /folder/home; the newest of all, run_1, works in /folder/flows; give its id, or add --anywhere [run_unknown]")
        );
    }
    // The line of the run comes first.
    let resumed = at(&place, "app", &["resume", "latest"]);
    resumed.ok();
    assert!(resumed.stderr.starts_with(&format!("run {of_app} is over")), "{}", resumed.stderr);
    snapshot!(resumed.stderr, @"
    run run_1 is over, so there is nothing to resume; its steps: smol-wf history run_1; a new run that begins anew at one of them: smol-wf fork run_1 --from STEP
    latest is run_1, the last run of /folder/app; run_2 is newer and works in /folder/flows: --anywhere
    ");
}

#[test]
fn what_a_run_was_started_with_may_be_said_again_and_other_values_are_named() {
    let place = Place::new();
    place.write("s.js", format!("{META}return [await agent('a'), await agent('b'), args]\n"));
    let start = ["--args-n", "1", "--seed", "5", "--model-map", "deep:m?thinking=high"];
    let paused = place.run(&[&["run", "s.js", "--max-agents", "1"][..], &start].concat());
    snapshot!(paused.said(5), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [agent] a
    [agent] a: done in 0.0 s, 2 tokens
    error: the run may start 1 agent: it has started 1, and then the script asked for 1 or more at once, of which none was started; raise it with --max-agents 2 [limit_agents]
    resume: smol-wf resume run_1 --max-agents 2
    ");
    let run = paused.run_id();
    let again = |more: &[&str]| {
        let all = [&["run", "s.js", "--resume-run", &run, "--max-agents", "2"], more].concat();
        place.run(&all)
    };
    let mut said = String::new();
    for more in [
        &["--seed", "6"][..],
        &["--args-n", "2"],
        &["--agent-provider", "codex"],
        &["--model", "x"],
        &["--model-map", "deep:other"],
    ] {
        said += again(more).said(2);
    }
    snapshot!(said, "resume-other-settings");
    let same = [&start[..], &["--agent-provider", "debug", "--args", r#"{"n": 1}"#]].concat();
    assert_eq!(again(&same).ok()["results"][2], serde_json::json!({ "n": 1 }));
}

#[test]
fn a_database_that_a_slip_of_the_finger_makes_is_named() {
    let place = Place::new();
    place.write("s.js", format!("{META}return 1\n"));
    let ran = place.run(&["run", "s.js", "--db", "typo/runs.db"]);
    snapshot!(ran.said(0), @"
    run run_1 in /folder
    made a new database: /folder/typo/runs.db
    ");
    snapshot!(place.run(&["run", "s.js", "--db", "typo/runs.db"]).said(0), @"run run_1 in /folder");
    let exported =
        place.run(&["export", "latest", "--db", "typo/runs.db", "--fixture", "tset/a.swf"]);
    snapshot!(exported.said(0), @"
    latest is run_1, the last run of /folder
    created the folder /folder/tset
    run run_1 was written to tset/a.swf; replay it with smol-wf test tset/a.swf
    ");
}

fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn worktrees_are_of_the_repository_in_which_agents_work() {
    let place = projects();
    let app = place.path("app");
    std::fs::remove_dir_all(app.join(".git")).unwrap();
    place.write("app/sub/file", "x");
    git(&app, &["init", "-q"]);
    git(&app, &["add", "."]);
    git(&app, &["commit", "-q", "-m", "first"]);
    let body = "return await agent('where', { isolation: 'worktree' })\n";
    place.write("flows/tree.js", format!("{META}{body}"));
    let ran = at(&place, "app/sub", &["run", "../../flows/tree.js"]);
    let worked = ran.ok()["results"].as_str().unwrap().to_owned();
    assert!(worked.ends_with("/sub") && worked.contains("smol-wf.db.worktrees"), "{worked}");
    // It has changed something, so it is kept, and lists the folder in its repository.
    assert_eq!(ran.report()["worktrees"].as_array().unwrap().len(), 1);
    assert!(!place.path("app/sub/been-here").exists());
}
