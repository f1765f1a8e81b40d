//! Claude Code's own settings, as far as they decide which flags it gets.
//!
//! Owns: where its settings and agents are defined, and which parts matter here. Never:
//! changes them, or keeps one of their values.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli_agent::CliOptions;
use crate::cli_agent::{
    Unreadable, folder, json, says, text, text_or_nothing, values_of, variable,
};

/// The administrator's settings, which override the user's.
const MANAGED: &str = if cfg!(target_os = "macos") {
    "/Library/Application Support/ClaudeCode/managed-settings.json"
} else {
    "/etc/claude-code/managed-settings.json"
};

/// The folder with pieces of the administrator's settings.
const MANAGED_PIECES: &str = if cfg!(target_os = "macos") {
    "/Library/Application Support/ClaudeCode/managed-settings.d"
} else {
    "/etc/claude-code/managed-settings.d"
};

/// Modes in which only edits happen that a rule allows. A flag for the mode would replace
/// them.
const NOT_EDITING: [&str; 2] = ["plan", "dontAsk"];

/// Most definitions of agents, or pieces of settings, that are read from one folder.
const ENTRIES_MAX: usize = 500;

/// Whether a variable is set and not empty, in the environment or in the settings, from
/// which Claude Code takes its environment.
pub(super) fn is_set(options: &CliOptions, name: &str) -> bool {
    variable(options, name).is_some()
        || of_user(options).iter().any(|settings| says(&settings["env"][name]))
}

/// Whether a switch is on: `0` and `false` turn it off.
pub(super) fn is_on(options: &CliOptions, name: &str) -> bool {
    let is_yes = |text: &str| !matches!(text.trim(), "" | "0" | "false" | "no" | "off");
    let in_settings = |settings: &Value| match &settings["env"][name] {
        Value::String(text) => is_yes(text),
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        _ => false,
    };
    variable(options, name).is_some_and(|text| is_yes(&text))
        || of_user(options).iter().any(in_settings)
}

/// The user's settings, and the administrator's.
pub(super) fn of_user(options: &CliOptions) -> Vec<Value> {
    files_of_user(options).iter().filter_map(|file| json(file)).collect()
}

fn files_of_user(options: &CliOptions) -> Vec<PathBuf> {
    let own = folder(options, "CLAUDE_CONFIG_DIR", ".claude");
    let files = own.map(|folder| folder.join("settings.json")).into_iter();
    let pieces = entries_of(Path::new(MANAGED_PIECES), "json");
    files.chain([PathBuf::from(MANAGED)]).chain(pieces).collect()
}

/// Whether any settings, or the definition of the agent itself, begin in a mode that
/// edits nothing, or cannot be read and so may. The narrowest counts: which of them
/// Claude Code uses is not known here.
pub(super) fn keeps_from_editing(options: &CliOptions, cwd: &Path, agent: Option<&str>) -> bool {
    let layers = all(options, cwd).into_iter().map(|(_, read)| read);
    let Ok(layers) = layers.collect::<Result<Vec<Value>, _>>() else { return true };
    let mut agents = values_of(&options.args, "--agent", None);
    match agent {
        Some(agent) => agents.push(agent),
        None => agents.extend(layers.iter().filter_map(|layer| layer["agent"].as_str())),
    }
    let by_settings = layers.iter().filter_map(|it| it["permissions"]["defaultMode"].as_str());
    let by_agents = agents.iter().flat_map(|agent| modes_of_agent(options, cwd, agent));
    let mut modes = by_settings.map(str::to_owned).chain(by_agents);
    modes.any(|mode| NOT_EDITING.contains(&mode.as_str()))
}

/// A warning about settings that prevent editing only because they cannot be read.
pub(super) fn unread(options: &CliOptions, cwd: &Path) -> Option<String> {
    let layers = all(options, cwd).into_iter();
    let unread = layers.filter_map(|(place, read)| read.is_err().then(|| format!("`{place}`")));
    let unread: Vec<String> = unread.collect();
    (!unread.is_empty()).then(|| {
        format!(
            "Claude Code's settings {} cannot be read as JSON and may forbid edits, so \
             `permissions: 'write'` is not passed on, and its agents edit only what these allow; \
             take comments and errors out of them",
            unread.join(", ")
        )
    })
}

/// All settings that may apply where the agent works, each with its path.
fn all(options: &CliOptions, cwd: &Path) -> Vec<(String, Result<Value, Unreadable>)> {
    let read = |text: &str| serde_json::from_str(text).map_err(|_| Unreadable);
    let of_projects = of_projects(cwd)
        .flat_map(|folder| ["settings.local.json", "settings.json"].map(|name| folder.join(name)));
    let given = values_of(&options.args, "--settings", None);
    let (texts, files): (Vec<&str>, Vec<&str>) =
        given.into_iter().partition(|value| value.trim_start().starts_with('{'));
    let files = files.into_iter().map(|file| cwd.join(file));
    let files = files_of_user(options).into_iter().chain(of_projects).chain(files);
    files
        .filter_map(|file| Some((file.display().to_string(), text_or_nothing(&file).transpose()?)))
        .filter(|(_, text)| !text.as_ref().is_ok_and(|text| text.trim().is_empty()))
        .map(|(place, text)| (place, text.and_then(|text| read(&text))))
        .chain(texts.into_iter().map(|text| ("--settings".to_owned(), read(text))))
        .collect()
}

/// The folders of the projects that the agent works in.
fn of_projects(cwd: &Path) -> impl Iterator<Item = PathBuf> {
    cwd.ancestors().map(|folder| folder.join(".claude"))
}

/// The modes in definitions with this name. Which of them Claude Code uses is not known
/// here.
fn modes_of_agent(options: &CliOptions, cwd: &Path, agent: &str) -> Vec<String> {
    let own = folder(options, "CLAUDE_CONFIG_DIR", ".claude");
    let folders = own.into_iter().chain(of_projects(cwd)).map(|folder| folder.join("agents"));
    folders
        .flat_map(|folder| entries_of(&folder, "md"))
        .filter_map(|file| mode_of(&file, agent))
        .collect()
}

/// The files of a folder with this ending.
fn entries_of(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|end| end == ending));
    files.take(ENTRIES_MAX).collect()
}

/// `permissionMode` in the head of a definition, if it defines this agent.
fn mode_of(file: &Path, agent: &str) -> Option<String> {
    let text = text(file)?;
    let head = text.strip_prefix("---")?;
    let head = head.split("\n---").next()?;
    let value = |key: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let plain = line.split(" #").next().unwrap_or_default().trim();
        Some(plain.trim_matches(['"', '\'']).to_owned())
    };
    let is_it = match value("name") {
        Some(name) => name == agent,
        None => file.file_stem().is_some_and(|stem| stem == agent),
    };
    is_it.then(|| value("permissionMode")).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path) -> CliOptions {
        let mut options = CliOptions::default();
        let path = folder.to_string_lossy().into_owned();
        options.env.insert("CLAUDE_CONFIG_DIR".to_owned(), path);
        options
    }

    #[test]
    fn variables_are_looked_for_in_the_settings_too() {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path());
        let settings = r#"{"env":{"AN_URL":"u","EMPTY":"","YES":"1","NO":"0","FALSE":"false"}}"#;
        std::fs::write(folder.path().join("settings.json"), settings).unwrap();
        assert!(is_set(&options, "AN_URL") && !is_set(&options, "EMPTY"));
        assert!(!is_set(&options, "OTHER"));
        assert!(is_on(&options, "YES") && !is_on(&options, "NO") && !is_on(&options, "FALSE"));
    }

    #[test]
    fn a_mode_of_the_user_s_keeps_from_editing() {
        let (own, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let options = options(own.path());
        let keeps = || keeps_from_editing(&options, work.path(), None);
        let say = |file: &Path, mode: &str| {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let text = format!(r#"{{"permissions":{{"defaultMode":"{mode}"}}}}"#);
            std::fs::write(file, text).unwrap();
        };
        assert!(!keeps());
        let (user, project) =
            (own.path().join("settings.json"), work.path().join(".claude/settings.json"));
        for (mode, kept) in
            [("plan", true), ("dontAsk", true), ("default", false), ("acceptEdits", false)]
        {
            say(&user, mode);
            assert_eq!(keeps(), kept, "{mode}");
        }
        say(&project, "plan");
        assert!(keeps());
    }

    #[test]
    fn of_several_modes_the_narrowest_counts() {
        let (own, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let below = work.path().join("a");
        for folder in [work.path().join(".claude"), below.join(".claude")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let files = [
            own.path().join("settings.json"),
            work.path().join(".claude/settings.json"),
            below.join(".claude/settings.json"),
            below.join(".claude/settings.local.json"),
        ];
        let options = options(own.path());
        let keeps = || keeps_from_editing(&options, &below, None);
        let wide = r#"{"permissions":{"defaultMode":"default"}}"#;
        files.iter().for_each(|file| std::fs::write(file, wide).unwrap());
        assert!(!keeps());
        for file in &files {
            for narrow in [r#"{"permissions":{"defaultMode":"plan"}}"#, "{ broken"] {
                std::fs::write(file, narrow).unwrap();
                assert!(keeps(), "{}: {narrow}", file.display());
            }
            std::fs::write(file, wide).unwrap();
        }
    }

    #[test]
    fn settings_that_cannot_be_read_are_named() {
        let (own, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut options = options(own.path());
        let (user, project) = (own.path().join("settings.json"), work.path().join(".claude"));
        std::fs::create_dir(&project).unwrap();
        let project = project.join("settings.json");
        let unread = |options: &CliOptions| unread(options, work.path());
        assert_eq!(unread(&options), None);
        // A byte order mark is not an error.
        std::fs::write(&user, "\u{feff}{}").unwrap();
        assert_eq!(unread(&options), None);
        assert!(!keeps_from_editing(&options, work.path(), None));
        for broken in ["{} // mine", "{", "\u{feff}{,}"] {
            std::fs::write(&project, broken).unwrap();
            let said = unread(&options).unwrap();
            assert!(said.contains(&format!("settings `{}` cannot", project.display())), "{said}");
        }
        std::fs::write(&user, "{").unwrap();
        options.args = vec!["--settings".to_owned(), "{".to_owned()];
        let said = unread(&options).unwrap();
        let all = format!("`{}`, `{}`, `--settings`", user.display(), project.display());
        assert!(said.contains(&all), "{said}");
    }

    #[test]
    fn settings_and_agents_that_an_argument_names_count() {
        let (own, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut options = options(own.path());
        let plan = r#"{"permissions":{"defaultMode":"plan"}}"#;
        std::fs::write(work.path().join("mine.json"), plan).unwrap();
        std::fs::create_dir(own.path().join("agents")).unwrap();
        let planner = "---\nname: planner\npermissionMode: plan\n---\n";
        std::fs::write(own.path().join("agents/planner.md"), planner).unwrap();
        for (args, kept) in [
            (&["--settings", plan][..], true),
            (&["--settings", "{}"], false),
            (&["--settings=mine.json"], true),
            (&["--settings", "{ broken"], true),
            (&["--agent", "planner"], true),
            (&["--agent=other"], false),
        ] {
            options.args = args.iter().map(|&arg| arg.to_owned()).collect();
            assert_eq!(keeps_from_editing(&options, work.path(), None), kept, "{args:?}");
        }
        options.args.clear();
        std::fs::write(own.path().join("settings.json"), r#"{"agent":"planner"}"#).unwrap();
        assert!(keeps_from_editing(&options, work.path(), None));
        assert!(!keeps_from_editing(&options, work.path(), Some("other")));
    }

    #[test]
    fn a_mode_of_an_agent_s_own_definition_keeps_from_editing() {
        let (own, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let options = options(own.path());
        let agents = own.path().join("agents");
        std::fs::create_dir(&agents).unwrap();
        let head =
            "---\nname: reviewer\ndescription: x\npermissionMode: \"plan\"  # only looks\n---\n";
        std::fs::write(agents.join("a.md"), head).unwrap();
        std::fs::write(agents.join("doer.md"), "---\ndescription: x\n---\npermissionMode: plan")
            .unwrap();
        let keeps = |cwd: &Path, agent: &str| keeps_from_editing(&options, cwd, Some(agent));
        assert!(keeps(work.path(), "reviewer"));
        assert!(!keeps(work.path(), "doer") && !keeps(work.path(), "other"));
        let below = work.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        let agents = work.path().join(".claude/agents");
        std::fs::create_dir_all(&agents).unwrap();
        std::fs::write(agents.join("planner.md"), "---\npermissionMode: dontAsk\n---\n").unwrap();
        assert!(keeps(&below, "planner"));
    }
}
