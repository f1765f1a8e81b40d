//! Which workflows there are, and which of them a name starts.

#![cfg(unix)]

mod common;

use std::os::unix::fs::symlink;

use common::{Place, Ran, finish, snapshot};
use serde_json::Value;

fn workflow(place: &Place, path: &str, name: &str) {
    let meta = format!("export const meta = {{ name: '{name}', description: 'does {name}' }}\n");
    place.write(path, format!("{meta}return '{path}'\n"));
}

/// Runs a command in a folder of the project `app`, with a home of its own.
fn at(place: &Place, folder: &str, args: &[&str]) -> Ran {
    std::fs::create_dir_all(place.path(folder)).unwrap();
    place.write("app/.git/HEAD", "");
    let mut command = place.at_home(args);
    command.current_dir(place.path(folder)).env("SMOL_WF_AGENT_PROVIDER", "debug");
    finish(command.spawn().unwrap())
}

/// A plugin of Claude Code, as that installs one.
fn plugin(place: &Place, name: &str, is_on: bool) {
    let folder = format!("home/.claude/plugins/cache/shop/{name}/1.0.0");
    workflow(place, &format!("{folder}/workflows/w.js"), "w");
    let at = place.path(&folder);
    let path = at.to_str().unwrap();
    let list = format!(
        r#"{{"version": 2, "plugins": {{"{name}@shop": [{{"scope": "user", "installPath": "{path}"}}]}}}}"#
    );
    place.write("home/.claude/plugins/installed_plugins.json", list);
    let settings =
        format!(r#"{{"enabledPlugins": {{"a@shop": ["1.0"], "{name}@shop": {is_on}}}}}"#);
    place.write("home/.claude/settings.json", settings);
}

#[test]
fn the_nearest_workflow_runs_and_the_list_says_so() {
    let place = Place::new();
    workflow(&place, "app/sub/.agents/workflows/near.mjs", "review");
    workflow(&place, "app/.claude/workflows/far.js", "review");
    workflow(&place, "app/.claude/workflows/twice.js", "review");
    workflow(&place, "app/.agents/workflows/code.js", "code-review");
    workflow(&place, "home/.claude/workflows/mine.js", "review");
    plugin(&place, "tools", true);
    snapshot!(at(&place, "app/sub", &["list"]).printed(0), @"
    NAME           ORIGIN   PATH                            DESCRIPTION
    review         project  sub/.agents/workflows/near.mjs  does review
    code-review    project  .agents/workflows/code.js       does code-review
    review         project  .claude/workflows/far.js        (hidden by sub/.agents/workflows/near.mjs) does review
    review         project  .claude/workflows/twice.js      (hidden by sub/.agents/workflows/near.mjs) does review
    review         user     ~/.claude/workflows/mine.js     (hidden by sub/.agents/workflows/near.mjs) does review
    tools:w        plugin   tools:w.js                      does w
    code-review    bundled                                  (hidden by .agents/workflows/code.js) Reviews a diff from several sides and reports only findings that survive a refutation
    deep-research  bundled                                  Answers a question from many sources, with every claim checked by someone who did not make it
    triage-tests   bundled                                  Runs the tests, groups the failures by cause, and says for each what is broken and where to mend it
    ");
    for (folder, name, result) in [
        ("app/sub", "review", "app/sub/.agents/workflows/near.mjs"),
        ("app", "review", "app/.claude/workflows/far.js"),
        ("app", "twice", "app/.claude/workflows/twice.js"),
        ("app", "tools:w", "home/.claude/plugins/cache/shop/tools/1.0.0/workflows/w.js"),
        ("other", "review", "home/.claude/workflows/mine.js"),
    ] {
        assert_eq!(at(&place, folder, &["run", name]).ok()["results"], result, "{name}");
    }
    snapshot!(at(&place, "app", &["run", "review"]).stderr, @"
    run run_1 in /folder/app
    warning: `review` is .claude/workflows/far.js of this project and hides .claude/workflows/twice.js; to run that one: smol-wf run /folder/app/.claude/workflows/twice.js
    warning: `review` is .claude/workflows/far.js of this project and hides your own workflow ~/.claude/workflows/mine.js; to run that one: smol-wf run /folder/home/.claude/workflows/mine.js
    workflow review: .claude/workflows/far.js (project), digest d273b7f56aaf
    ");
    snapshot!(at(&place, "app", &["run", "code-review"]).stderr, @"
    run run_1 in /folder/app
    warning: `code-review` is .agents/workflows/code.js of this project and hides the bundled workflow; to run that one: smol-wf run bundled:code-review
    workflow code-review: .agents/workflows/code.js (project), digest 19d8371cc5bd
    ");
    let bundled = at(&place, "app", &["plan", "bundled:code-review"]);
    assert!(bundled.printed(0).contains("survive a refutation"), "{}", bundled.stdout);
    plugin(&place, "tools", false);
    assert!(!at(&place, "app", &["list"]).stdout.contains("tools:w"));
}

#[test]
fn what_cannot_be_read_is_listed_beside_the_others() {
    let place = Place::new();
    let folder = "app/.agents/workflows";
    workflow(&place, &format!("{folder}/good.js"), "good");
    workflow(&place, "elsewhere/out.js", "out");
    place.write(&format!("{folder}/bad.js"), "// no meta\nexport const meta = { name: 1 }\n");
    place.write(&format!("{folder}/..js"), "export const meta = { name: 1 }\n");
    symlink(place.path("elsewhere/out.js"), place.path(&format!("{folder}/link.js"))).unwrap();
    symlink(place.path("elsewhere"), place.path("app/sub.js")).unwrap();
    let fifo = place.path(&format!("{folder}/pipe.js"));
    let mode = rustix::fs::Mode::from(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    std::fs::create_dir_all(place.path("app/sub/.agents")).unwrap();
    place.write("app/sub/.agents/workflows", "not a folder");
    std::fs::create_dir_all(place.path("app/sub/.claude")).unwrap();
    symlink(place.path("elsewhere"), place.path("app/sub/.claude/workflows")).unwrap();
    let ran = at(&place, "app/sub", &["list"]);
    snapshot!(ran.said(0), @"
    warning: `sub/.agents/workflows` cannot be read: Not a directory (os error 20) [workflow_unreadable]
    warning: `sub/.claude/workflows` is a link that leads outside the project; put the file or folder itself there [workflow_outside_project]
    ");
    snapshot!(ran.stdout, @"
    NAME           ORIGIN   PATH                       DESCRIPTION
    bad            project  .agents/workflows/bad.js   error: line 2: `meta.name` must be a string, and is a number [meta_invalid]
    good           project  .agents/workflows/good.js  does good
    link           project  .agents/workflows/link.js  error: `.agents/workflows/link.js` is a link that leads outside the project; put the file or folder itself there [workflow_outside_project]
    pipe           project  .agents/workflows/pipe.js  error: `.agents/workflows/pipe.js` is a pipe, a socket or a device, not a file [workflow_not_a_file]
    code-review    bundled                             Reviews a diff from several sides and reports only findings that survive a refutation
    deep-research  bundled                             Answers a question from many sources, with every claim checked by someone who did not make it
    triage-tests   bundled                             Runs the tests, groups the failures by cause, and says for each what is broken and where to mend it
    ");
    let ran = at(&place, "app", &["list", "--json"]);
    let listed: Value = serde_json::from_str(ran.printed(0)).unwrap();
    let by_name = |name: &str| {
        let all = listed["workflows"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(by_name("pipe")["error"]["code"], "workflow_not_a_file");
    assert_eq!(by_name("link")["error"]["code"], "workflow_outside_project");
    assert_eq!(by_name("bad")["error"]["line"], 2);
    assert_eq!(by_name("good")["digest"].as_str().unwrap().len(), 64);
    assert_eq!(by_name("triage-tests")["origin"], "bundled");
}

#[test]
fn a_bundled_workflow_runs_and_is_taken_up_without_a_file() {
    let place = Place::new();
    let ran = at(&place, "app", &["run", "triage-tests", "--max-agents", "2"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    snapshot!(ran.stderr, @"
    run run_1 in /folder/app
    workflow triage-tests: bundled with smol-wf, digest 8255b4a211d2
    [phase] Run
    [agent] run the tests
    [agent] run the tests: done in 0.0 s, 57 tokens
    [log] 2 of 5 tests fail: example command
    [phase] Group
    [agent] group
    [agent] group: done in 0.0 s, 23 tokens
    error: the run may start 2 agents: it has started 2, and then the script asked for 1 or more at once, of which none was started; raise it with --max-agents 4 [limit_agents]
    resume: smol-wf resume run_1 --max-agents 4
    ");
    let resumed = at(&place, "app", &["resume", "latest", "--max-agents", "50"]);
    assert!(resumed.stderr.contains("the script is a bundled workflow"), "{}", resumed.stderr);
    assert!(resumed.ok()["results"]["report"].is_string());
    let forked = at(&place, "app", &["fork", "latest", "triage-tests"]);
    assert!(forked.stderr.contains("0 agents asked"), "{}", forked.stderr);
    snapshot!(at(&place, "app", &["run", "tirage-tests"]).said(3), @"error: there is no workflow `tirage-tests` in .agents/workflows or .claude/workflows, neither of which is there; did you mean `triage-tests`? [workflow_not_found]");
    for hostile in ["../triage-tests", "/triage-tests", "triage\ntests", "bundled:no", ""] {
        let ran = at(&place, "app", &["run", hostile]);
        assert_eq!(ran.code, if hostile.is_empty() { 2 } else { 3 }, "{hostile:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
}
