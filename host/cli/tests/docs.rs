//! Every `smol-wf` command in the README and the docs, run as it stands; links,
//! samples and the pages that are made from the program.
//!
//! A line may end in `# exit N`; all others must exit 0. The commands of one
//! page share a database, in order, in a copy-free checkout: the examples are
//! those of the project. Pages for beginners run in an empty repository instead, where
//! a block that names a file is that file.

#[path = "docs/api.rs"]
mod api;
mod common;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/samples.rs"]
mod samples;

use std::path::Path;
use std::process::Command;

use common::{Place, finish, project};
use smol_wf_core::codes::Code;

/// All pages that tell people what to type, from the project's folder.
fn pages() -> Vec<String> {
    let mut pages: Vec<String> =
        ["README.md", "examples/README.md", "ts/harness/README.md", "ts/sdk/README.md"]
            .map(str::to_owned)
            .into();
    let mut folders = vec!["docs".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(project().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(name);
            } else if name.ends_with(".md") {
                pages.push(name);
            }
        }
    }
    pages.sort();
    pages
}

fn read(page: &str) -> String {
    let text = std::fs::read_to_string(project().join(page));
    text.unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Pages whose commands run in an empty repository.
const FOR_BEGINNERS: [&str; 2] = ["docs/quickstart.md", "docs/tutorial.md"];

/// The script that the tutorial builds; `examples/tutorial` has it after each step.
const BUILT: &str = "stale-docs.js";

/// What a page has one do.
enum Act {
    /// A command, and the exit code that it promises.
    Run(String, i32),
    /// A file with this text.
    Save(String, String),
    /// Lines that a step of the tutorial takes away (`-`) and adds (`+`).
    Change(Vec<String>),
    /// The step of this number begins.
    Begin(u32),
}

/// What the fenced blocks of a page have one do, in order.
fn acts(text: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((number, _)) = line.strip_prefix("## ").and_then(|rest| rest.split_once(". ")) {
            acts.extend(number.parse().ok().map(Act::Begin));
        }
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        match language.split(' ').collect::<Vec<_>>()[..] {
            ["console" | "sh" | "bash"] => acts.extend(block.into_iter().filter_map(command)),
            ["js", file] | ["json", _, file] => {
                acts.push(Act::Save(file.to_owned(), block.join("\n") + "\n"));
            }
            ["diff"] => acts.push(Act::Change(block.into_iter().map(str::to_owned).collect())),
            _ => {}
        }
    }
    acts
}

fn command(line: &str) -> Option<Act> {
    let command = line.strip_prefix("$ ").unwrap_or(line);
    let (command, code) = match command.split_once("# exit ") {
        Some((command, code)) => (command, code.trim().parse().unwrap()),
        None => (command, 0),
    };
    let is_ours = command.starts_with("smol-wf ");
    is_ours.then(|| Act::Run(command.trim().to_owned(), code))
}

/// Where the commands of a page run.
fn folder(page: &str, place: &Place) -> std::path::PathBuf {
    if !FOR_BEGINNERS.contains(&page) {
        return project().to_owned();
    }
    let folder = place.path("project");
    std::fs::create_dir_all(folder.join(".git")).unwrap();
    folder
}

/// The script of the tutorial after this step.
fn step(number: u32) -> String {
    read(&format!("examples/tutorial/step-{number}.js"))
}

/// Whether the lines lead from the step before to this one.
fn is_change(lines: &[String], number: u32) -> bool {
    let (before, after) = (step(number - 1), step(number));
    let has = |text: &str, line: &str| text.lines().any(|one| one == line);
    lines.iter().all(|line| match (line.get(..1), line.get(1..)) {
        (Some("+"), Some(line)) => has(&after, line),
        (Some("-"), Some(line)) => has(&before, line),
        _ => true,
    })
}

/// Runs a command of a page as a reader types it.
fn run(page: &str, place: &Place, folder: &Path, (command, code): (&str, i32)) {
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-c", command]).current_dir(folder);
    shell.env("PATH", &path).env("SMOL_WF_DB", place.db()).env("HOME", "/nonexistent");
    shell.env("XDG_STATE_HOME", place.path("state")).env_remove("SMOL_WF_AGENT_PROVIDER");
    // A run works on a clean machine as it stands; what `doctor` finds is
    // the machine's.
    if !command.starts_with("smol-wf run ") {
        shell.env("SMOL_WF_AGENT_PROVIDER", "debug");
    }
    shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let done = finish(shell.spawn().unwrap());
    assert_eq!(done.code, code, "{page}: {command}\n{}", done.stderr);
}

#[test]
fn every_command_in_the_docs_does_what_it_says() {
    let mut ran = 0;
    for page in pages() {
        let place = Place::new();
        // The command's name as a reader types it.
        std::fs::create_dir(place.path("bin")).unwrap();
        let name = place.path("bin/smol-wf");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_smol-wf"), name).unwrap();
        let folder = folder(&page, &place);
        let is_for_beginners = FOR_BEGINNERS.contains(&page.as_str());
        let mut number = 0;
        for act in acts(&read(&page)) {
            match act {
                Act::Run(command, code) => {
                    run(&page, &place, &folder, (&command, code));
                    ran += 1;
                }
                Act::Begin(begins) if page == "docs/tutorial.md" => {
                    number = begins;
                    // The script as it is before the step has changed it.
                    if begins > 1 {
                        std::fs::write(folder.join(BUILT), step(begins - 1)).unwrap();
                    }
                }
                Act::Save(file, text) if is_for_beginners => {
                    assert!(file != BUILT || text == step(number), "{page}: step {number}");
                    std::fs::write(folder.join(file), text).unwrap();
                }
                Act::Change(lines) if is_for_beginners => {
                    assert!(is_change(&lines, number), "{page}: step {number}: {lines:?}");
                    std::fs::write(folder.join(BUILT), step(number)).unwrap();
                }
                Act::Begin(_) | Act::Save(..) | Act::Change(_) => {}
            }
        }
    }
    assert!(ran >= 100, "only {ran} commands found");
}

#[test]
fn the_readme_and_ci_run_the_same_tests() {
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    let ci = std::fs::read_to_string(project().join(".ci/run")).unwrap();
    let test = readme.lines().find_map(|line| line.strip_prefix("$ cargo test")).unwrap();
    assert!(ci.lines().any(|line| line.trim() == format!("cargo test{test}")), "cargo test{test}");
}

/// Flags that the manual names, by command.
const FLAGS: [(&str, &str); 14] = [
    (
        "run",
        "--agent-provider --model --effort --permissions --model-map --agent-timeout --idle-timeout --budget --budget-mode --save-raw-sessions --prices --db --budget-allowance --max-parallel-agents --max-agents --fuel --memory --timeout --turn-timeout --output --events --log-level --debug --args-from-file --args --resume-run --debug-rule --seed",
    ),
    ("resume", "--wait-for-reset --as-recorded --max-agents --budget --agent-timeout --events"),
    ("check", "--strict --output --json"),
    ("plan", "--args --args-from-file --max-agents --seed --prompts --json"),
    ("explore", "--runs --seed --schedule --max-agents --json"),
    ("fork", "--from --set-result --args --agent-provider --max-agents"),
    ("replay", "--db"),
    ("tui", "run attach replay"),
    ("export", "--fixture --redact --format --out --content --db"),
    ("test", "--accept --record --script --junit --output --json"),
    (
        "history",
        "--output --step --prompts --full --limit --db --state --name --since --until --before",
    ),
    ("diff", "--output --json --db"),
    ("import", "--db"),
    ("trust", "--list --revoke --output"),
];

#[test]
fn help_names_every_flag_of_the_manual() {
    let place = Place::new();
    for (command, flags) in FLAGS {
        let help = place.run(&[command, "--help"]);
        assert_eq!(help.code, 0);
        for flag in flags.split(' ') {
            assert!(help.stdout.contains(flag), "{command} --help lacks {flag}");
        }
        assert!(help.stdout.contains("Examples:"));
    }
}

#[test]
fn every_error_code_is_in_the_docs() {
    let docs = std::fs::read_to_string(project().join("docs/errors.md")).unwrap();
    // Of the sandbox the page has a line for all.
    let is_of_sandbox = |code: &&Code| {
        let word = code.word();
        word.starts_with("sandbox_") || word.starts_with("guest_") && **code != Code::GuestFault
    };
    let codes = Code::ALL.iter().filter(|code| !is_of_sandbox(code)).map(|code| code.word());
    let missing: Vec<_> = codes.filter(|word| !docs.contains(&format!("`{word}`"))).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
}

#[test]
fn every_test_that_is_named_as_a_proof_is_there() {
    let mut sources = String::new();
    let mut folders = vec![project().join("host")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let docs = std::fs::read_to_string(project().join("docs/reliability.md")).unwrap();
    let is_path = |quoted: &&str| {
        let of_names = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
        quoted.contains("::") && quoted.chars().all(of_names)
    };
    let named: Vec<&str> = docs.split('`').filter(is_path).collect();
    assert!(named.len() > 40, "{named:?}");
    let is_there =
        |path: &&str| sources.contains(&format!("fn {}(", path.rsplit("::").next().unwrap()));
    let gone: Vec<&str> = named.into_iter().filter(|path| !is_there(path)).collect();
    assert!(gone.is_empty(), "no such tests: {gone:?}");
}
