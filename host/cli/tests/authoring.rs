//! From nothing to a workflow of one's own, by what the program itself says.

#![cfg(unix)]

mod common;

use std::os::unix::fs::symlink;
use std::process::Command;

use common::{Place, Ran, finish, project, snapshot};
use serde_json::Value;

/// A command in the folder `app`, with a home of its own.
fn at(place: &Place, args: &[&str]) -> Ran {
    place.write("app/.git/HEAD", "");
    let mut command = place.at_home(args);
    command.current_dir(place.path("app")).env("SMOL_WF_AGENT_PROVIDER", "debug");
    finish(command.spawn().unwrap())
}

/// The commands that the program tells to type, run as they stand.
fn typed(place: &Place, said: &str) -> usize {
    let lines = said.lines().filter_map(|line| line.split_once(": smol-wf "));
    let commands: Vec<&str> = lines.map(|(_, command)| command).collect();
    for command in &commands {
        let words: Vec<&str> = command.split(' ').collect();
        let ran = at(place, &words);
        assert_eq!(ran.code, 0, "smol-wf {command}: {}", ran.stderr);
    }
    commands.len()
}

#[test]
fn what_init_and_new_write_runs_and_is_never_overwritten() {
    let place = Place::new();
    snapshot!(at(&place, &[]).said(2), @"
    smol-wf runs agent workflows as code. To begin with:

      smol-wf run code-review --agent-provider debug   try one; nothing is sent to a model
      smol-wf doctor                                   see which agents can be used here
      smol-wf init                                     write a workflow of your own
      smol-wf list                                     see which workflows there are
      smol-wf docs                                     read the manual
      smol-wf --help                                   see all commands
    ");
    let made = at(&place, &["init"]);
    snapshot!(made.printed(0), @"
    wrote .agents/workflows/ask-repo.mjs
    wrote .agents/workflows/jsconfig.json
    wrote .agents/workflows/types/workflow.d.ts
    ");
    snapshot!(made.stderr, @"
    try it, without a model: smol-wf run ask-repo --agent-provider debug
    with your agent: leave --agent-provider out; `smol-wf doctor` says which that is
    another one: smol-wf new
    how scripts are written: smol-wf docs scripts
    ");
    assert!(typed(&place, &made.stderr) >= 1);
    let again = at(&place, &["init"]);
    assert!(again.printed(0).lines().all(|line| line.starts_with("kept ")), "{}", again.stdout);
    for template in ["minimal", "pipeline", "loop", "code-review", "triage-tests"] {
        let name = format!("my-{template}");
        let made = at(&place, &["new", template, &name]);
        assert!(made.printed(0).starts_with("wrote .agents/workflows/my-"), "{}", made.stdout);
        assert_eq!(typed(&place, &made.stderr), 2, "{}", made.stderr);
    }
    assert_eq!(at(&place, &["check", ".", "--strict"]).code, 0);
    let approval = at(&place, &["new", "approval"]);
    assert_eq!(approval.code, 0);
    // It works in a worktree, and there is no repository here.
    assert!(at(&place, &["check", "approval"]).printed(0).contains("[worktree]"));
    let answered = at(&place, &["run", "approval", "--answer", "plan=yes"]);
    // The debug provider works in no worktree, and says so.
    assert!([0, 1].contains(&answered.code), "{}", answered.stderr);
    let hides = at(&place, &["new", "loop", "deep-research"]);
    assert!(hides.said(0).contains("hides the bundled workflow"), "{}", hides.stderr);

    place.write("app/.agents/workflows/jsconfig.json", "{}");
    place.write("app/.agents/workflows/types/workflow.d.ts", "// mine\n");
    symlink("/nonexistent", place.path("app/.agents/workflows/taken.js")).unwrap();
    std::fs::remove_file(place.path("app/.agents/workflows/ask-repo.mjs")).unwrap();
    snapshot!(at(&place, &["init"]).said(3), @"error: nothing was written, because nothing is overwritten: .agents/workflows/jsconfig.json, .agents/workflows/types/workflow.d.ts are there already; move it away, or choose another name or folder [file_exists]");
    assert!(!place.path("app/.agents/workflows/ask-repo.mjs").exists(), "all or nothing");
    snapshot!(at(&place, &["new", "loop", "taken"]).said(3), @"error: .agents/workflows/taken.js cannot be written: No such file or directory (os error 2); choose another path [file_unwritable]");
    snapshot!(at(&place, &["types"]).said(3), @"error: nothing was written, because nothing is overwritten: .agents/workflows/types/workflow.d.ts is there already; move it away, or choose another name or folder [file_exists]");
    for name in ["../x", "/x", "a\nb", "", ".x", "a'b", &"x".repeat(65)] {
        let ran = at(&place, &["new", "loop", name]);
        assert!([2, 3].contains(&ran.code), "{name:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("scriptPath"), "{}", ran.stderr);
    }
    snapshot!(at(&place, &["new", "lop"]).said(2), @"error: there is no template `lop`; did you mean `loop`?; there are: ask-repo, minimal, pipeline, loop, approval, code-review, deep-research, triage-tests");
}

#[test]
fn a_folder_that_leads_out_of_the_project_gets_no_files() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("elsewhere")).unwrap();
    std::fs::create_dir_all(place.path("app")).unwrap();
    symlink(place.path("elsewhere"), place.path("app/.agents")).unwrap();
    let ran = at(&place, &["init"]);
    ran.fails(3, &["leads outside the project", "file_unwritable"]);
    assert_eq!(std::fs::read_dir(place.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn types_are_those_of_the_sdk_and_are_renewed() {
    let place = Place::new();
    let types = place.path("app/.agents/workflows/types/workflow.d.ts");
    assert_eq!(at(&place, &["types"]).code, 0);
    let sdk = std::fs::read_to_string(project().join("ts/sdk/workflow.d.ts")).unwrap();
    assert_eq!(std::fs::read_to_string(&types).unwrap(), sdk);
    // An older version has the same first line.
    let first = sdk.lines().next().unwrap();
    std::fs::write(&types, format!("{first}\nexport type Old = 1\n")).unwrap();
    assert!(at(&place, &["types"]).printed(0).starts_with("renewed "));
    assert_eq!(std::fs::read_to_string(&types).unwrap(), sdk);
}

#[test]
fn the_manual_has_pages_sections_and_codes() {
    let place = Place::new();
    let list = at(&place, &["docs"]);
    assert!(list.printed(0).contains("scripts") && list.stdout.contains("Exit codes"));
    let page = std::fs::read_to_string(project().join("docs/scripts.md")).unwrap();
    assert_eq!(at(&place, &["docs", "scripts"]).printed(0).trim_end(), page.trim_end());
    assert_eq!(
        at(&place, &["help", "exit-codes"]).printed(0),
        at(&place, &["docs", "exit", "codes"]).printed(0)
    );
    snapshot!(at(&place, &["docs", "run_held"]).printed(0), @"
    ## Before a run starts (exit 3)

    | code | what to do |
    |---|---|
    | `run_held` | another process works on the run |
    ");
    snapshot!(at(&place, &["docs", "run_hedl"]).said(2), @"error: the manual has no page, section, command or error code `run_hedl`; did you mean `run_held`?; `smol-wf docs` lists the pages");
    snapshot!(at(&place, &["docs", "asks"]).said(2), @"
    several pages have a section `asks`:
        smol-wf docs 'agents: Asks'
        smol-wf docs 'report: Asks'
    ");
    assert!(at(&place, &["docs", "run"]).printed(0).starts_with("## smol-wf run\n"));
    let schema = at(&place, &["docs", "schema", "report"]);
    let schema: Value = serde_json::from_str(schema.printed(0)).unwrap();
    assert_eq!(schema["$id"], "urn:smol-wf:schema:report:1");
    assert!(at(&place, &["docs", "schema"]).printed(0).starts_with("report\nevents\n"));
    snapshot!(at(&place, &["docs", "schema", "repotr"]).said(2), @"error: unknown schema `repotr`; available: report, events, fixture, config, plan, rules, answer, prices");
}

#[test]
fn version_tells_what_it_goes_by() {
    let place = Place::new();
    let shown: Value = serde_json::from_str(at(&place, &["version", "--json"]).printed(0)).unwrap();
    assert_eq!(shown["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(shown["guest"].as_str().unwrap().len(), 64);
    let line = at(&place, &["--version"]);
    assert!(at(&place, &["version"]).printed(0).starts_with(line.printed(0)));
}

#[test]
fn a_workflow_of_the_user_that_the_project_hides_is_named_by_its_path() {
    let place = Place::new();
    assert!(at(&place, &["new", "minimal", "notes"]).stderr.contains("smol-wf check notes"));
    let new = at(&place, &["new", "minimal", "notes", "--user"]);
    assert_eq!(new.code, 0, "{}", new.stderr);
    let path = place.path("home/.agents/workflows/notes.mjs");
    let next = format!("check it: smol-wf check {}\n", path.display());
    let hidden = "in this project `notes` means .agents/workflows/notes.mjs, not the new file";
    assert!(new.stderr.contains(hidden) && new.stderr.contains(&next), "{}", new.stderr);
    assert_eq!(typed(&place, &new.stderr), 2);
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::new();
    let folder = place.path("man");
    assert_eq!(at(&place, &["man", "--dir", folder.to_str().unwrap()]).code, 0);
    let page = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(page("smol-wf.1").contains("smol\\-wf\\-run(1)"));
    assert!(page("smol-wf-run.1").contains("max\\-parallel\\-agents"));
    assert!(page("smol-wf-history-usage.1").contains(".SH SYNOPSIS"));
    // A newer version renews them.
    assert_eq!(at(&place, &["man", "--dir", folder.to_str().unwrap()]).code, 0);
    assert!(at(&place, &["man"]).printed(0).contains(".TH smol-wf 1"));
}

/// What bash offers for these words, of which the last one is being typed.
fn offered(place: &Place, words: &[&str]) -> Vec<String> {
    let bin = env!("CARGO_BIN_EXE_smol-wf");
    let folder = std::path::Path::new(bin).parent().unwrap();
    let script = r#"source <(smol-wf completions bash)
COMP_WORDS=(smol-wf "$@"); COMP_CWORD=$#; COMP_TYPE=9
_clap_complete_smol_wf smol-wf "${@: -1}" "${@: -2:1}"
printf '%s\n' "${COMPREPLY[@]}""#;
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash"]).args(words).current_dir(place.path("app")).env_clear();
    shell.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    shell.env("HOME", place.path("home")).env("SMOL_WF_DB", place.db());
    let done = shell.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let words = String::from_utf8(done.stdout).unwrap();
    words.lines().map(|word| word.trim().to_owned()).collect()
}

#[test]
fn a_shell_completes_workflows_runs_and_providers() {
    let place = Place::new();
    assert_eq!(at(&place, &["init"]).code, 0);
    let db = place.db();
    let ran = at(&place, &["run", "ask-repo", "--db", db.to_str().unwrap()]).ok();
    let run = ran["runId"].as_str().unwrap().to_owned();
    let has = |words: &[&str], word: &str| {
        let offered = offered(&place, words);
        assert!(offered.iter().any(|one| one == word), "{words:?}: {offered:?}");
    };
    has(&["run", "as"], "ask-repo");
    has(&["check", "tri"], "triage-tests");
    has(&["plan", "./"], "./.agents/");
    has(&["resume", ""], &run);
    has(&["history", "la"], "latest");
    has(&["run", "x.js", "--agent-provider", "cl"], "claude-code");
    has(&["run", "--max-par"], "--max-parallel-agents");
    has(&["new", "app"], "approval");
    has(&["docs", "scr"], "scripts");
    has(&["comp"], "completions");
    // Commands within commands, and words that stand for a run.
    has(&["tui", "at"], "attach");
    has(&["tui", "attach", ""], &run);
    has(&["tui", "run", "as"], "ask-repo");
    has(&["tui", "replay", ""], &run);
    has(&["tui", "replay", "./.ag"], "./.agents/");
    has(&["history", "delete", "la"], "latest");
    has(&["msg", "la"], "latest");
    has(&["answer", "run_"], &run);
    has(&["stop", "latest#"], "latest#1");
    assert_eq!(offered(&place, &["stop", "latest#7"]), [""]);
    // The database that the command line names.
    assert!(!offered(&place, &["attach", "--db", "other.db", ""]).contains(&run));
    std::fs::copy(place.db(), place.path("app/other.db")).unwrap();
    has(&["attach", "--db=other.db", ""], &run);
}

/// Whether a shell is here. In CI each must be.
fn has_shell(name: &str) -> bool {
    let is_here = Command::new(name).args(["-c", "true"]).status().is_ok_and(|it| it.success());
    assert!(is_here || std::env::var_os("CI").is_none(), "there is no {name}");
    is_here
}

#[test]
fn fish_and_zsh_complete_as_well() {
    let place = Place::new();
    let run = place.script("export const meta = { name: 'n', description: 'd' }\n", &[]);
    let run = run.report()["runId"].as_str().unwrap().to_owned();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_smol-wf")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let shell = |name: &str, script: &str| {
        // One that waits for what never comes is ended.
        let mut shell = Command::new("timeout");
        shell.args(["120", name, "-c", script]).env_clear().env("PATH", &path).env("TERM", "xterm");
        shell.env("HOME", place.dir.path()).env("SMOL_WF_DB", place.db());
        shell.env("ZDOTDIR", place.dir.path()).current_dir(place.dir.path());
        let done = shell.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
        said
    };
    if has_shell("fish") {
        let offered = shell(
            "fish",
            "smol-wf completions fish | source
complete -C 'smol-wf tui attach '; complete -C 'smol-wf tui re'",
        );
        assert!(offered.contains(&run) && offered.contains("replay"), "{offered}");
    }
    if has_shell("zsh") {
        // A shell in a terminal, in which somebody presses Tab.
        place.write(
            ".zshrc",
            "PS1='> '\nautoload -Uz compinit && compinit -u
source <(smol-wf completions zsh)\n",
        );
        let script = format!(
            "zmodload zsh/zpty
zpty z zsh -i
zpty -r z ready '*> *' || exit 1
zpty -n -w z $'smol-wf tui attach run_\\t'
zpty -r z typed '*{run}*' || exit 1
zpty -d z"
        );
        shell("zsh", &script);
    }
}
