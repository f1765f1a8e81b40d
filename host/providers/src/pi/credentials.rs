//! Whether pi has credentials.
//!
//! Owns: the places where it keeps them. Never: their values.

use serde_json::Value;

use super::argv;
use crate::cli_agent::{CliOptions, folder, json, says, variable};

pub(super) fn logged_in(options: &CliOptions) -> bool {
    let is_secret = |name: &str| name.ends_with("_API_KEY") || name.ends_with("_TOKEN");
    if argv::ALLOWED.iter().any(|name| is_secret(name) && variable(options, name).is_some()) {
        return true;
    }
    let Some(home) = folder(options, "PI_CODING_AGENT_DIR", ".pi/agent") else { return false };
    let has_login = json(&home.join("auth.json"))
        .is_some_and(|file| file.as_object().is_some_and(|logins| logins.values().any(says)));
    has_login || json(&home.join("models.json")).is_some_and(|file| has_key(&file))
}

/// Whether a vendor that the user has added has its key beside it.
fn has_key(models: &Value) -> bool {
    let vendors = models["providers"].as_object();
    vendors.is_some_and(|vendors| vendors.values().any(|vendor| says(&vendor["apiKey"])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_looked_for_where_pi_keeps_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = CliOptions::default();
        for name in argv::ALLOWED {
            options.env.insert(name.to_owned(), String::new());
        }
        let path = folder.path().to_string_lossy().into_owned();
        options.env.insert("PI_CODING_AGENT_DIR".to_owned(), path);
        assert!(!logged_in(&options));
        std::fs::write(folder.path().join("auth.json"), "{}").unwrap();
        assert!(!logged_in(&options));
        let models = r#"{"providers":{"own":{"baseUrl":"u","apiKey":"k"}}}"#;
        std::fs::write(folder.path().join("models.json"), models).unwrap();
        assert!(logged_in(&options));
        options.env.insert("PI_CODING_AGENT_DIR".to_owned(), "/nonexistent".to_owned());
        options.env.insert("XAI_API_KEY".to_owned(), "k".to_owned());
        assert!(logged_in(&options));
    }
}
