//! Whether an agent's program has credentials, judged by files alone.
//!
//! Owns: where each program keeps its own. Never: starts a program, and never
//! reads a credential further than to see that there is one.
//!
//! That a file is there does not say that a vendor still takes it; only a call
//! can. That is enough to choose an agent by, in well under a millisecond.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Most bytes of a file that is looked into. Claude Code keeps its history
/// beside its account, so that the file grows.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What Claude Code takes in place of an account.
const CLAUDE_KEYS: [&str; 5] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
];

/// What Codex takes in place of an account.
const CODEX_KEYS: [&str; 2] = ["OPENAI_API_KEY", "CODEX_API_KEY"];

/// Keys that agents for any vendor look for.
const VENDOR_KEYS: [&str; 8] = [
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_GENERATIVE_AI_API_KEY",
    "OPENROUTER_API_KEY",
    "MISTRAL_API_KEY",
    "GROQ_API_KEY",
    "XAI_API_KEY",
];

/// The environment that a program will have: what the settings add, over ours.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// What the settings add.
    pub added: &'a BTreeMap<String, String>,
}

impl Surroundings<'_> {
    fn get(&self, name: &str) -> Option<OsString> {
        let added = self.added.get(name).map(OsString::from);
        added.or_else(|| std::env::var_os(name)).filter(|value| !value.is_empty())
    }

    fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.get(name).is_some())
    }

    /// The folder that a variable names, else one below the home directory.
    fn folder(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        self.get(variable).map(PathBuf::from).or_else(|| self.below_home(below_home))
    }

    fn below_home(&self, path: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.get("HOME")?).join(path))
    }
}

/// Whether Claude Code has an account or a key.
#[must_use]
pub fn claude_code(around: Surroundings<'_>) -> bool {
    let credentials = around
        .folder("CLAUDE_CONFIG_DIR", ".claude")
        .is_some_and(|dir| is_filled(&dir.join(".credentials.json")));
    // Where the system has a keychain, the token is there, and only the account
    // is in a file.
    let account = || {
        let file = match around.get("CLAUDE_CONFIG_DIR") {
            Some(dir) => PathBuf::from(dir).join(".claude.json"),
            None => around.below_home(".claude.json")?,
        };
        let state = json(&file)?;
        let has = |key: &&str| state.get(key).is_some_and(|value| !value.is_null());
        Some(["oauthAccount", "primaryApiKey"].iter().any(has))
    };
    around.any(&CLAUDE_KEYS) || credentials || account().unwrap_or_default()
}

/// Whether Codex has an account or a key.
#[must_use]
pub fn codex(around: Surroundings<'_>) -> bool {
    let home = || around.folder("CODEX_HOME", ".codex");
    let account = || is_filled(&home()?.join("auth.json")).then_some(());
    // A model provider of the user's own brings its own key.
    let own = || contains(&home()?.join("config.toml"), "model_provider").then_some(());
    around.any(&CODEX_KEYS) || account().or_else(own).is_some()
}

/// Whether opencode has an account or a key with any vendor.
#[must_use]
pub fn opencode(around: Surroundings<'_>) -> bool {
    let account = || {
        let data = around.folder("XDG_DATA_HOME", ".local/share")?;
        is_filled(&data.join("opencode/auth.json")).then_some(())
    };
    let own = || {
        let dir = around.folder("XDG_CONFIG_HOME", ".config")?.join("opencode");
        let files =
            [dir.join("opencode.json"), dir.join("opencode.jsonc"), dir.join("config.json")];
        files.iter().any(|file| contains(file, "\"provider\"")).then_some(())
    };
    around.any(&VENDOR_KEYS) || account().or_else(own).is_some()
}

/// Whether pi has an account or a key with any vendor.
#[must_use]
pub fn pi(around: Surroundings<'_>) -> bool {
    let folder = || around.folder("PI_CODING_AGENT_DIR", ".pi/agent");
    let account = || is_filled(&folder()?.join("auth.json")).then_some(());
    let own = || contains(&folder()?.join("models.json"), "apiKey").then_some(());
    around.any(&VENDOR_KEYS) || account().or_else(own).is_some()
}

/// The program of this name on the search path, or at this path.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    crate::process::find_program(name)
}

/// Whether a file holds an object with something in it: logging out leaves an
/// empty one.
fn is_filled(file: &Path) -> bool {
    json(file).is_some_and(|value| value.as_object().is_some_and(|object| !object.is_empty()))
}

fn json(file: &Path) -> Option<Value> {
    serde_json::from_str(&text(file)?).ok()
}

fn contains(file: &Path, word: &str) -> bool {
    text(file).is_some_and(|text| text.contains(word))
}

fn text(file: &Path) -> Option<String> {
    let opened = File::open(file).ok()?;
    let metadata = opened.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
        return None;
    }
    let mut text = String::new();
    opened.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A home with these files.
    fn home(files: &[(&str, &str)]) -> (tempfile::TempDir, BTreeMap<String, String>) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let at = |below: &str| dir.path().join(below).to_string_lossy().into_owned();
        let mut added: BTreeMap<String, String> = VENDOR_KEYS
            .iter()
            .chain(&CLAUDE_KEYS)
            .chain(&CODEX_KEYS)
            .map(|key| ((*key).to_owned(), String::new()))
            .collect();
        added.extend([
            ("HOME".to_owned(), at("")),
            ("CODEX_HOME".to_owned(), at(".codex")),
            ("CLAUDE_CONFIG_DIR".to_owned(), at(".claude")),
            ("XDG_DATA_HOME".to_owned(), at("data")),
            ("XDG_CONFIG_HOME".to_owned(), at("config")),
            ("PI_CODING_AGENT_DIR".to_owned(), at(".pi")),
        ]);
        (dir, added)
    }

    #[test]
    fn an_account_is_a_file_with_something_in_it() {
        type Check = fn(Surroundings<'_>) -> bool;
        let rows: [(Check, &str, &str, bool); 12] = [
            (claude_code, ".claude/.credentials.json", r#"{"claudeAiOauth":{}}"#, true),
            (claude_code, ".claude/.credentials.json", "{}", false),
            (claude_code, ".claude/.claude.json", r#"{"oauthAccount":{"id":1}}"#, true),
            (claude_code, ".claude/.claude.json", r#"{"oauthAccount":null,"n":1}"#, false),
            (codex, ".codex/auth.json", r#"{"tokens":{}}"#, true),
            (codex, ".codex/auth.json", "not json", false),
            (codex, ".codex/config.toml", "model_provider = 'own'", true),
            (opencode, "data/opencode/auth.json", r#"{"anthropic":{}}"#, true),
            (opencode, "config/opencode/opencode.json", r#"{"provider":{}}"#, true),
            (opencode, "data/opencode/auth.json", "{}", false),
            (pi, ".pi/auth.json", r#"{"anthropic":{}}"#, true),
            (pi, ".pi/models.json", r#"{"providers":{"x":{"apiKey":"k"}}}"#, true),
        ];
        for (check, file, text, expected) in rows {
            let (_dir, added) = home(&[(file, text)]);
            let around = Surroundings { added: &added };
            assert_eq!(check(around), expected, "{file}: {text}");
        }
    }

    #[test]
    fn a_key_in_the_settings_is_enough() {
        let (_dir, mut added) = home(&[]);
        for (check, variable) in [
            (claude_code as fn(Surroundings<'_>) -> bool, "ANTHROPIC_API_KEY"),
            (codex, "OPENAI_API_KEY"),
            (opencode, "OPENROUTER_API_KEY"),
            (pi, "GEMINI_API_KEY"),
        ] {
            assert!(!check(Surroundings { added: &added }), "{variable} is empty");
            added.insert(variable.to_owned(), "secret".to_owned());
            assert!(check(Surroundings { added: &added }), "{variable}");
            added.insert(variable.to_owned(), String::new());
        }
    }
}
