//! What Claude Code's own settings say, as far as it decides what we say to it.
//!
//! Owns: where its settings and its agents are defined, and which of that is of
//! use here. Never: changes them, or keeps a value of theirs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::drive::CliOptions;
use crate::look::{folder, json, says, text, variable};

/// Where an administrator's settings are; they stand above the user's.
const MANAGED: &str = if cfg!(target_os = "macos") {
    "/Library/Application Support/ClaudeCode/managed-settings.json"
} else {
    "/etc/claude-code/managed-settings.json"
};

/// Modes in which nothing is edited that no rule allows. A flag of ours would take
/// their place.
const NOT_EDITING: [&str; 2] = ["plan", "dontAsk"];

/// Definitions of agents that are looked through in one folder.
const AGENTS_MAX: usize = 500;

/// Whether a variable is set, and not to nothing: here, or in the settings, from
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
    let own = folder(options, "CLAUDE_CONFIG_DIR", ".claude");
    let files = own.map(|folder| folder.join("settings.json")).into_iter();
    files.chain([PathBuf::from(MANAGED)]).filter_map(|file| json(&file)).collect()
}

/// Whether the user's settings, or the definition of the agent itself, begin in a
/// mode that edits nothing.
pub(super) fn keeps_from_editing(options: &CliOptions, cwd: &Path, agent: Option<&str>) -> bool {
    let is_one = |mode: &str| NOT_EDITING.contains(&mode);
    let by_settings = mode_of_settings(options, cwd).is_some_and(|mode| is_one(&mode));
    by_settings
        || agent.is_some_and(|agent| modes_of_agent(options, cwd, agent).iter().any(|m| is_one(m)))
}

/// Of the settings that say it, those closest to the work count.
fn mode_of_settings(options: &CliOptions, cwd: &Path) -> Option<String> {
    let project = |name: &str| json(&cwd.join(".claude").join(name));
    let nearest = [project("settings.local.json"), project("settings.json")];
    let all = nearest.into_iter().flatten().chain(of_user(options));
    let mut modes = all
        .filter_map(|settings| Some(settings["permissions"]["defaultMode"].as_str()?.to_owned()));
    modes.next()
}

/// The modes that definitions of this name ask for. Which of them Claude Code
/// takes is for it to know.
fn modes_of_agent(options: &CliOptions, cwd: &Path, agent: &str) -> Vec<String> {
    let own = folder(options, "CLAUDE_CONFIG_DIR", ".claude");
    let of_projects = cwd.ancestors().map(|folder| folder.join(".claude"));
    let folders = own.into_iter().chain(of_projects).map(|folder| folder.join("agents"));
    folders
        .flat_map(|folder| definitions(&folder))
        .filter_map(|file| mode_of(&file, agent))
        .collect()
}

fn definitions(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path());
    files.filter(|file| file.extension().is_some_and(|end| end == "md")).take(AGENTS_MAX).collect()
}

/// `permissionMode` in the head of a definition, when that is of this agent.
fn mode_of(file: &Path, agent: &str) -> Option<String> {
    let text = text(file)?;
    let head = text.trim_start_matches('\u{feff}').strip_prefix("---")?;
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
