//! Whether Codex has credentials.
//!
//! Owns: the places where it keeps them. Never: their values.

use serde_json::Value;

use crate::cli_agent::{CliOptions, folder, json, says, text, variable};

pub(super) fn logged_in(options: &CliOptions) -> Option<bool> {
    // Not OPENAI_API_KEY: Codex ignores it, unless a model provider names it.
    if variable(options, "CODEX_API_KEY").is_some() {
        return Some(true);
    }
    let home = folder(options, "CODEX_HOME", ".codex")?;
    if json(&home.join("auth.json")).is_some_and(|file| holds_login(&file)) {
        return Some(true);
    }
    // A model provider that the user has added has its own credentials, or needs none.
    let configured = text(&home.join("config.toml"))
        .is_some_and(|config| config.lines().any(|line| line.trim().starts_with("model_provider")));
    if configured { None } else { Some(false) }
}

/// Whether the file has a login. After a logout it stays, with nulls in it.
fn holds_login(file: &Value) -> bool {
    let tokens = file["tokens"].as_object().into_iter().flat_map(|tokens| tokens.values());
    says(&file["OPENAI_API_KEY"]) || tokens.into_iter().any(says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_for_where_codex_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = CliOptions::default();
        options.env.insert("CODEX_API_KEY".to_owned(), String::new());
        options.env.insert("OPENAI_API_KEY".to_owned(), "k".to_owned());
        let path = folder.path().to_string_lossy().into_owned();
        options.env.insert("CODEX_HOME".to_owned(), path);
        assert_eq!(logged_in(&options), Some(false));
        std::fs::write(folder.path().join("config.toml"), "model_provider = \"own\"\n").unwrap();
        assert_eq!(logged_in(&options), None);
        std::fs::remove_file(folder.path().join("config.toml")).unwrap();
        for (text, holds) in [
            ("{}", false),
            ("garbage", false),
            (r#"{"OPENAI_API_KEY":null,"tokens":null}"#, false),
            (r#"{"OPENAI_API_KEY":"","tokens":{"access_token":""}}"#, false),
            (r#"{"OPENAI_API_KEY":"k"}"#, true),
            (r#"{"OPENAI_API_KEY":null,"tokens":{"access_token":"t"}}"#, true),
        ] {
            std::fs::write(folder.path().join("auth.json"), text).unwrap();
            assert_eq!(logged_in(&options), Some(holds), "{text}");
        }
    }
}
