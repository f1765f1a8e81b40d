//! Whether Codex is there and has credentials.
//!
//! Owns: the places where it keeps them. Never: their values.

use super::{NAME, PROGRAM};
use crate::Probe;
use crate::drive::CliOptions;
use crate::look::{Program, folder, look, text, variable};
use crate::process::Environment;

pub(super) async fn probe(options: &CliOptions, environment: Environment) -> Probe {
    let program = Program {
        provider: NAME,
        name: PROGRAM,
        install: "npm install -g @openai/codex",
        login: "run `codex login`, or set CODEX_API_KEY",
    };
    look(program, options, environment, logged_in(options)).await
}

pub(super) fn logged_in(options: &CliOptions) -> Option<bool> {
    if ["CODEX_API_KEY", "OPENAI_API_KEY"].iter().any(|name| variable(options, name).is_some()) {
        return Some(true);
    }
    let home = folder(options, "CODEX_HOME", ".codex")?;
    if home.join("auth.json").is_file() {
        return Some(true);
    }
    // A model provider of the user's own has credentials of its own, or needs none.
    let configured = text(&home.join("config.toml"))
        .is_some_and(|config| config.lines().any(|line| line.trim().starts_with("model_provider")));
    if configured { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_for_where_codex_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = CliOptions::default();
        for name in ["CODEX_API_KEY", "OPENAI_API_KEY"] {
            options.env.insert(name.to_owned(), String::new());
        }
        let path = folder.path().to_string_lossy().into_owned();
        options.env.insert("CODEX_HOME".to_owned(), path);
        assert_eq!(logged_in(&options), Some(false));
        std::fs::write(folder.path().join("config.toml"), "model_provider = \"own\"\n").unwrap();
        assert_eq!(logged_in(&options), None);
        std::fs::write(folder.path().join("auth.json"), "{}").unwrap();
        assert_eq!(logged_in(&options), Some(true));
    }
}
