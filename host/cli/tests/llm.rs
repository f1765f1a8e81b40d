//! The skill for coding agents: its references are those of the program, its examples
//! run, and `smol-wf llm` writes it where no other file is.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Place, finish, project};
use regex::Regex;

/// Commands that the skill names, in the order of its reader's need.
const COMMANDS: [&str; 15] = [
    "run",
    "check",
    "plan",
    "attach",
    "ps",
    "logs",
    "history",
    "resume",
    "fork",
    "answer",
    "pause",
    "cancel",
    "doctor",
    "providers",
    "llm",
];

fn package() -> PathBuf {
    project().join("ts/harness")
}

fn skill() -> PathBuf {
    package().join("skills/smol-workflows")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The help of the commands, as the program prints it.
fn commands() -> String {
    let place = Place::new();
    let mut text = "# Commands of smol-wf\n\nMade from the program's own help: `smol-wf COMMAND --help` prints the same.\n".to_owned();
    for name in COMMANDS {
        let ran = finish(place.command(&[name, "--help"]).spawn().unwrap());
        text.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", ran.stdout.trim_end()));
    }
    text
}

/// The page of the manual, whose links lead nowhere in a skill.
fn errors() -> String {
    let link = Regex::new(r"\[([^\]]+)\]\([^)]+\)").unwrap();
    link.replace_all(&read(project().join("docs/errors.md")), "$1").into_owned()
}

#[test]
fn what_the_package_copies_is_as_it_stands_elsewhere() {
    let references = skill().join("references");
    let copies = [
        (references.join("commands.md"), commands()),
        (references.join("errors.md"), errors()),
        (references.join("workflow.d.ts"), read(project().join("ts/sdk/workflow.d.ts"))),
        (
            package().join("workflows/code-review.js"),
            read(project().join("examples/code-review.js")),
        ),
        (
            package().join("workflows/deep-research.js"),
            read(project().join("examples/deep-research.js")),
        ),
    ];
    let renews = std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
    for (path, text) in copies {
        if renews {
            fs::write(&path, &text).unwrap();
        }
        let is_equal = fs::read_to_string(&path).is_ok_and(|found| found == text);
        let path = path.display();
        assert!(is_equal, "{path} is old; INSTA_UPDATE=always cargo test -p smol-wf --test llm");
    }
}

#[test]
fn the_hosts_are_told_one_name_and_one_version() {
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_str(&read(project().join(name))).unwrap()
    };
    let plugin = json("ts/harness/plugin.json");
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    for name in ["ts/harness/.claude-plugin/plugin.json", "ts/harness/.codex-plugin/plugin.json"] {
        for key in ["name", "version", "description", "license"] {
            assert_eq!(json(name)[key], plugin[key], "{key} of {name}");
        }
    }
    for name in ["ts/harness/package.json", "ts/sdk/package.json"] {
        assert_eq!(json(name)["version"], plugin["version"], "{name}");
    }
    for name in [".claude-plugin/marketplace.json", ".agents/plugins/marketplace.json"] {
        assert_eq!(json(name)["name"], "smol-wf", "{name}");
        assert_eq!(json(name)["plugins"][0]["name"], plugin["name"], "{name}");
    }
}

/// Files in fenced blocks, whose first line names them, and the commands, in order.
fn examples(text: &str) -> (Vec<(String, String)>, Vec<String>) {
    let block = Regex::new(r"(?ms)^```(js|sh)\n(.*?)^```$").unwrap();
    let (mut files, mut commands) = (Vec::new(), Vec::new());
    for found in block.captures_iter(text) {
        let body = &found[2];
        match &found[1] {
            "js" => {
                let name = body.lines().next().unwrap().trim_start_matches("// ");
                files.push((name.to_owned(), body.to_owned()));
            }
            _ => commands.extend(body.lines().map(str::to_owned)),
        }
    }
    (files, commands)
}

#[test]
fn the_examples_of_the_skill_run_as_they_stand() {
    let text = read(skill().join("SKILL.md"));
    assert!(text.lines().count() < 500, "a skill has fewer than 500 lines");
    let description = text.lines().find_map(|line| line.strip_prefix("description: ")).unwrap();
    assert!(description.len() <= 1_024 && !description.contains(": "), "{description}");
    let (files, commands) = examples(&text);
    assert!(files.len() == 1 && commands.len() > 8, "{files:?} {commands:?}");

    let place = Place::new();
    fs::create_dir(place.path(".git")).unwrap();
    for (name, body) in &files {
        place.write(name, body);
    }
    place.write("README.md", "# A project\n");
    let bin = place.path("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_smol-wf"), bin.join("smol-wf")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    for command in commands {
        let mut shell = Command::new("bash");
        shell.args(["-c", &command]).current_dir(place.dir.path()).env_clear();
        shell.env("PATH", &path).env("HOME", place.path("home")).env("SMOL_WF_DB", place.db());
        shell.env("SMOL_WF_AGENT_PROVIDER", "debug");
        let output = shell.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {:?}\n{stderr}", output.status.code());
        if command.contains("--output json") {
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert!(serde_json::from_str::<serde_json::Value>(&stdout).is_ok(), "{command}");
        }
    }
}

#[test]
fn the_skill_is_written_renewed_and_never_over_other_files() {
    let place = Place::new();
    fs::create_dir_all(place.path(".git")).unwrap();
    fs::create_dir_all(place.path("src/deep")).unwrap();
    let llm = |words: &[&str], folder: &str| {
        let mut command = place.command(&[&["llm"], words].concat());
        finish(command.current_dir(place.path(folder)).spawn().unwrap())
    };
    let txt = llm(&["txt"], ".");
    assert_eq!(txt.code, 0);
    assert!(txt.stdout.starts_with("# smol-wf workflows\n"), "{}", txt.stdout);

    // From anywhere in a project, to its root.
    let wrote = llm(&["skills", "--claude", "--agents"], "src/deep");
    assert_eq!(wrote.code, 0, "{}", wrote.stderr);
    assert_eq!(wrote.stdout.matches("wrote ").count(), 8, "{}", wrote.stdout);
    for host in [".agents", ".claude"] {
        for name in ["SKILL.md", "references/commands.md", "references/workflow.d.ts"] {
            let written = read(place.path(&format!("{host}/skills/smol-workflows/{name}")));
            assert_eq!(written, read(skill().join(name)), "{host} {name}");
        }
    }
    let main = place.path(".agents/skills/smol-workflows/SKILL.md");
    let ours = read(&main);
    fs::write(&main, format!("{ours}\nof an older version\n")).unwrap();
    let renewed = llm(&["skills"], ".");
    assert_eq!(renewed.stdout.matches("kept ").count(), 3, "{}", renewed.stdout);
    assert!(renewed.stdout.starts_with("renewed .agents/"), "{}", renewed.stdout);
    assert_eq!(read(&main), ours);

    // Somebody else's skill of that name stays, and nothing beside it is written.
    fs::write(&main, "---\nname: smol-workflows\n---\nmine\n").unwrap();
    fs::remove_dir_all(place.path(".agents/skills/smol-workflows/references")).unwrap();
    let refused = llm(&["skills"], ".");
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("SKILL.md is there already; move it away"),
        "{}",
        refused.stderr
    );
    assert!(!place.path(".agents/skills/smol-workflows/references").exists());
    assert!(read(&main).ends_with("mine\n"));

    // A link out of the project is not followed.
    fs::remove_dir_all(place.path(".claude")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), place.path(".claude")).unwrap();
    let refused = llm(&["skills", "--claude"], ".");
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
