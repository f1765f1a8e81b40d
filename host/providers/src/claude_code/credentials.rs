//! Whether Claude Code has credentials.
//!
//! Owns: the places where it keeps them. Never: their values.

use std::path::Path;

use serde_json::Value;

use super::settings;
use crate::cli_agent::{CliOptions, folder, json, says, variable};

/// Variables that replace any other credentials.
const KEYS: [&str; 3] = ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"];

/// Switches that make credentials unnecessary: the models are in another cloud, with
/// logins of its own, which are not checked.
const SWITCHES: [&str; 3] =
    ["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"];

pub(super) fn logged_in(options: &CliOptions) -> Option<bool> {
    if KEYS.iter().any(|name| settings::is_set(options, name))
        || SWITCHES.iter().any(|name| settings::is_on(options, name))
        || settings::of_user(options).iter().any(|settings| says(&settings["apiKeyHelper"]))
    {
        return Some(true);
    }
    let config = folder(options, "CLAUDE_CONFIG_DIR", ".claude")?;
    // The state file is in the folder that a variable names, else beside the default one.
    let state = match variable(options, "CLAUDE_CONFIG_DIR") {
        Some(_) => config.join(".claude.json"),
        None => config.with_file_name(".claude.json"),
    };
    let has = |path: &Path, field: &str| json(path).is_some_and(|file| says(&file[field]));
    // The file may hold only logins to MCP servers.
    let has_token = |file: Value| {
        let login = &file["claudeAiOauth"];
        says(&login["accessToken"]) || says(&login["refreshToken"])
    };
    let found = json(&config.join(".credentials.json")).is_some_and(has_token)
        || has(&state, "oauthAccount")
        || has(&state, "primaryApiKey");
    // On a Mac they are in the keychain, which this program does not open.
    if found || !cfg!(target_os = "macos") { Some(found) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_for_where_claude_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_string_lossy().into_owned();
        let mut options = CliOptions::default();
        for name in KEYS.into_iter().chain(SWITCHES) {
            // An empty variable hides one of the test's own environment.
            options.env.insert(name.to_owned(), String::new());
        }
        options.env.insert("CLAUDE_CONFIG_DIR".to_owned(), path);
        if !cfg!(target_os = "macos") {
            assert_eq!(logged_in(&options), Some(false));
        }
        let kept = folder.path().join(".credentials.json");
        for (text, holds) in [
            ("{}", false),
            ("garbage", false),
            (r#"{"mcpOAuth":{"x":{"accessToken":"t"}}}"#, false),
            (r#"{"claudeAiOauth":{"accessToken":""}}"#, false),
            (r#"{"claudeAiOauth":{"accessToken":"t"}}"#, true),
        ] {
            std::fs::write(&kept, text).unwrap();
            let known = holds || !cfg!(target_os = "macos");
            assert_eq!(logged_in(&options), known.then_some(holds), "{text}");
        }
        std::fs::remove_file(kept).unwrap();
        std::fs::write(folder.path().join(".claude.json"), r#"{"oauthAccount":{"a":1}}"#).unwrap();
        assert_eq!(logged_in(&options), Some(true));
        let settings = folder.path().join("settings.json");
        std::fs::remove_file(folder.path().join(".claude.json")).unwrap();
        for (text, holds) in [
            (r#"{"env":{"ANTHROPIC_BASE_URL":"https://gateway"}}"#, false),
            (r#"{"env":{"ANTHROPIC_AUTH_TOKEN":"t"}}"#, true),
            (r#"{"env":{"CLAUDE_CODE_USE_BEDROCK":"1"}}"#, true),
            (r#"{"env":{"CLAUDE_CODE_USE_BEDROCK":"0"}}"#, false),
            (r#"{"apiKeyHelper":"/bin/key"}"#, true),
        ] {
            std::fs::write(&settings, text).unwrap();
            let known = holds || !cfg!(target_os = "macos");
            assert_eq!(logged_in(&options), known.then_some(holds), "{text}");
        }
        options.env.insert("CLAUDE_CONFIG_DIR".to_owned(), "/nonexistent".to_owned());
        options.env.insert("ANTHROPIC_API_KEY".to_owned(), "k".to_owned());
        assert_eq!(logged_in(&options), Some(true));
    }
}
