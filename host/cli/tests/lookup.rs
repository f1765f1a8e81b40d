//! Which file the words of a script mean, and in which order places are tried.

#![cfg(unix)]

mod common;

use std::os::unix::fs::symlink;

use common::{Place, Ran, finish, snapshot};

const META: &str = "export const meta = { name: 'top', description: 'd' }\n";

fn child(place: &Place, path: &str, name: &str) {
    let meta = format!("export const meta = {{ name: '{name}', description: 'd' }}\n");
    place.write(path, format!("{meta}return '{path}'\n"));
}

/// Runs a script of `app/flows` from a folder of the project that asks for this.
fn asks(place: &Place, folder: &str, target: &str) -> Ran {
    place.write("app/.git/HEAD", "");
    place.write("app/flows/top.js", format!("{META}return await workflow({target})\n"));
    std::fs::create_dir_all(place.path(folder)).unwrap();
    let script = place.path("app/flows/top.js");
    let args = ["run", script.to_str().unwrap(), "--agent-provider", "debug"];
    finish(place.at_home(&args).current_dir(place.path(folder)).spawn().unwrap())
}

fn path(path: &str) -> String {
    format!("{{ scriptPath: '{path}' }}")
}

#[test]
fn a_path_is_the_callers_then_the_runs_then_the_projects() {
    let place = Place::new();
    child(&place, "app/c.js", "c");
    assert_eq!(asks(&place, "app/sub", &path("c.js")).ok()["results"], "app/c.js");
    assert_eq!(asks(&place, "app/sub", &path("./c.js")).ok()["results"], "app/c.js");
    child(&place, "app/sub/c.js", "c");
    let ran = asks(&place, "app/sub", &path("c.js"));
    assert_eq!(ran.ok()["results"], "app/sub/c.js");
    snapshot!(ran.stderr, @"
    run run_1 in /folder/app/sub
    warning: `c.js` means sub/c.js here, and there is another one, c.js; name it by a path from the project's root where that is meant
    [workflow] c
    ");
    child(&place, "app/flows/c.js", "c");
    let ran = asks(&place, "app/sub", &path("c.js"));
    assert_eq!(ran.ok()["results"], "app/flows/c.js");
    snapshot!(ran.stderr, @"
    run run_1 in /folder/app/sub
    warning: `c.js` means flows/c.js here, and there is another one, sub/c.js; name it by a path from the project's root where that is meant
    [workflow] c
    ");
    // The same file twice is no choice.
    let ran = asks(&place, "app", &path("../c.js"));
    assert_eq!(ran.ok()["results"], "app/c.js");
    snapshot!(ran.stderr, @"
    run run_1 in /folder/app
    [workflow] c
    ");
    snapshot!(asks(&place, "app/sub", &path("none.js")).said(1), @"
    run run_1 in /folder/app/sub
    [workflow] none.js: failed: there is no file `flows/none.js` or `sub/none.js` or `none.js`
    error: workflow failed at 2:14: WorkflowError: there is no file `flows/none.js` or `sub/none.js` or `none.js` [workflow_not_found]
       2 │ return await workflow({ scriptPath: 'none.js' })
         │              ^
    report: smol-wf history run_1
    ");
    // What the script wrote is in the message, though it goes up and down.
    snapshot!(asks(&place, "app", &path("../gone.js")).said(1), @"
    run run_1 in /folder/app
    [workflow] ../gone.js: failed: there is no file `gone.js` for `../gone.js`
    error: workflow failed at 2:14: WorkflowError: there is no file `gone.js` for `../gone.js` [workflow_not_found]
       2 │ return await workflow({ scriptPath: '../gone.js' })
         │              ^
    report: smol-wf history run_1
    ");
    snapshot!(asks(&place, "app", &path("../../gone.js")).said(1), @"
    run run_1 in /folder/app
    [workflow] ../../gone.js: failed: `../../gone.js` lies outside the project, where no child workflow may lie
    error: workflow failed at 2:14: WorkflowError: `../../gone.js` lies outside the project, where no child workflow may lie [workflow_not_found]
       2 │ return await workflow({ scriptPath: '../../gone.js' })
         │              ^
    report: smol-wf history run_1
    ");
    // A folder outside of the script's project is no place to look in.
    child(&place, "other/d.js", "d");
    snapshot!(asks(&place, "other", &path("d.js")).said(1), @"
    run run_1 in /folder/other (warning: outside the project of its script, /folder/app; choose another folder with --cwd)
    [workflow] d.js: failed: there is no file `flows/d.js` or `d.js`
    error: workflow failed at 2:14: WorkflowError: there is no file `flows/d.js` or `d.js` [workflow_not_found]
       2 │ return await workflow({ scriptPath: 'd.js' })
         │              ^
    report: smol-wf history run_1
    ");
}

#[test]
fn an_absolute_path_has_to_lie_in_the_project() {
    let place = Place::new();
    child(&place, "app/c.js", "c");
    child(&place, "out.js", "out");
    let (inside, out) = (place.path("app/c.js"), place.path("out.js"));
    let asked = |path_of: &str| asks(&place, "app", &path(path_of));
    assert_eq!(asked(inside.to_str().unwrap()).ok()["results"], "app/c.js");
    // By another road, too.
    symlink(place.path("app"), place.path("road")).unwrap();
    assert_eq!(asked(place.path("road/c.js").to_str().unwrap()).ok()["results"], "app/c.js");
    symlink(&out, place.path("app/link.js")).unwrap();
    let up = place.path("app/../out.js");
    for outside in [&out, &up, &place.path("nothing.js"), &place.path("app/link.js")] {
        let ran = asked(outside.to_str().unwrap());
        assert_eq!(ran.code, 1, "{}: {}", outside.display(), ran.stdout);
    }
    // Whether anything is there is not told.
    let said = |path_of: &std::path::Path| {
        let error = asked(path_of.to_str().unwrap()).report()["error"]["message"].clone();
        error.as_str().unwrap().replace(path_of.to_str().unwrap(), "PATH")
    };
    assert_eq!(said(&out), said(&place.path("nothing.js")));
}

#[test]
fn a_name_is_meta_first_and_nearest_first_and_the_users_last() {
    let place = Place::new();
    let by_name = |folder: &str| asks(&place, folder, "'w'");
    snapshot!(by_name("app").said(1), @"
    run run_1 in /folder/app
    [workflow] w: failed: there is no workflow `w` in .agents/workflows or .claude/workflows, neither of which is there
    error: workflow failed at 2:14: WorkflowError: there is no workflow `w` in .agents/workflows or .claude/workflows, neither of which is there [workflow_not_found]
       2 │ return await workflow('w')
         │              ^
    report: smol-wf history run_1
    ");
    child(&place, "home/.claude/workflows/any.js", "w");
    let ran = by_name("app");
    assert_eq!(ran.ok()["results"], "home/.claude/workflows/any.js");
    child(&place, "home/.agents/workflows/w.js", "other");
    assert_eq!(by_name("app").ok()["results"], "home/.agents/workflows/w.js");
    child(&place, "app/.claude/workflows/w.js", "not-w");
    assert_eq!(by_name("app").ok()["results"], "app/.claude/workflows/w.js");
    child(&place, "app/.claude/workflows/zz.js", "w");
    assert_eq!(by_name("app").ok()["results"], "app/.claude/workflows/zz.js");
    child(&place, "app/sub/.agents/workflows/w.mjs", "w");
    let ran = by_name("app/sub");
    assert_eq!(ran.ok()["results"], "app/.claude/workflows/zz.js", "the script's folder is first");
    snapshot!(ran.stderr, @"
    run run_1 in /folder/app/sub
    warning: the workflow `w` is .claude/workflows/zz.js here, and there is another one, sub/.agents/workflows/w.mjs; name it by a path where that is meant
    [workflow] w
    ");
    // What a person types is looked for from where that person stands.
    let types = |folder: &str, name: &str| {
        let args = ["run", name, "--agent-provider", "debug"];
        finish(place.at_home(&args).current_dir(place.path(folder)).spawn().unwrap())
    };
    assert_eq!(types("app/sub", "w").ok()["results"], "app/sub/.agents/workflows/w.mjs");
    child(&place, "home/.claude/workflows/mine.js", "my own");
    let ran = types("app", "my own");
    assert_eq!(ran.ok()["results"], "home/.claude/workflows/mine.js");
    // It works on any project, and that is what it is for.
    snapshot!(ran.stderr, @"
    run run_1 in /folder/app
    workflow my own: ~/.claude/workflows/mine.js (user), digest ec64ee053bf7
    ");
}

/// A folder, or a file with an ending, may be meant instead of a workflow, but only
/// where there is no workflow of that name.
#[test]
fn what_is_wrong_with_a_workflow_of_that_name_is_said() {
    let place = Place::new();
    let types = |name: &str| {
        let args = ["run", name, "--agent-provider", "debug"];
        finish(place.at_home(&args).current_dir(place.path("app")).spawn().unwrap())
    };
    place.write("app/.git/HEAD", "");
    place.write("app/review/notes.md", "");
    snapshot!(types("review").said(3), @"error: `review` is a directory, not a file [workflow_not_a_file]");
    snapshot!(types("foo.bar").said(3), @"error: there is no file `foo.bar` [workflow_not_found]");
    snapshot!(types(".foo.js").said(3), @"error: there is no file `.foo.js` [workflow_not_found]");
    child(&place, "elsewhere/review.js", "review");
    std::fs::create_dir_all(place.path("app/.claude/workflows")).unwrap();
    symlink(place.path("elsewhere/review.js"), place.path("app/.claude/workflows/review.js"))
        .unwrap();
    snapshot!(types("review").said(3), @"error: `.claude/workflows/review.js` is a link that leads outside the project; put the file or folder itself there [workflow_outside_project]");
    place.write("app/.claude/workflows/foo.bar.js", " ".repeat(3 << 20));
    snapshot!(types("foo.bar").said(3), @"error: `.claude/workflows/foo.bar.js` is larger than 1048576 bytes, the most that a script may have [script_too_large]");
    snapshot!(types("foo.baz").said(3), @"error: there is no file `foo.baz` [workflow_not_found]");
    child(&place, "app/.claude/workflows/foo.bar.js", "any");
    assert_eq!(types("foo.bar").ok()["results"], "app/.claude/workflows/foo.bar.js");
}

#[test]
fn a_fixture_knows_the_children_that_its_run_had() {
    let place = Place::new();
    child(&place, "home/.claude/workflows/mine.js", "mine");
    child(&place, "app/sub/c.js", "c");
    let target = "'mine'), await workflow({ scriptPath: 'c.js' }";
    asks(&place, "app/sub", target).ok();
    let at = |args: &[&str]| {
        finish(place.at_home(args).current_dir(place.path("app/sub")).spawn().unwrap())
    };
    at(&["export", "latest", "--fixture", "../tests/a.swf"]).fails(0, &[]);
    let tested = at(&["test", "../tests"]);
    snapshot!(tested.printed(0), @"PASS  ../tests/a.swf  0 steps, 0 live, 0.0 s");
    let text = std::fs::read_to_string(place.path("app/tests/a.swf")).unwrap();
    assert!(text.contains("\"~/.claude/workflows/mine.js\""), "{text}");
    // Edited, they are looked for as a run does that is started from here.
    child(&place, "app/sub/c.js", "c2");
    let tested = at(&["test", "../tests"]);
    snapshot!(tested.printed(0), @"PASS  ../tests/a.swf  0 steps, 0 live, script edited, 0.0 s");
}

#[test]
fn a_script_is_found_again_without_the_folder_that_it_was_named_from() {
    let place = Place::new();
    std::fs::create_dir(place.path("sub")).unwrap();
    let script = |last: &str| format!("{META}await agent('a')\nreturn agent('{last}')\n");
    place.write("s.js", script("b"));
    let args = ["run", "../s.js", "--cwd", "..", "--max-agents", "1"];
    let paused = finish(place.command(&args).current_dir(place.path("sub")).spawn().unwrap());
    assert_eq!(paused.code, 5, "{}", paused.stderr);
    std::fs::remove_dir(place.path("sub")).unwrap();
    place.write("s.js", script("edited"));
    let resumed = place.run(&["resume", &paused.run_id(), "--max-agents", "2"]);
    assert_eq!(resumed.ok()["results"], "echo: edited", "{}", resumed.stderr);
}
