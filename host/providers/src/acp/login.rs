//! The ways to log in that an agent offers.
//!
//! Owns: which of them needs nobody, because the agent's environment has the variables;
//! and the advice when there is none like that. Never: reads a secret; only names of
//! variables.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::foreign::or_default;

/// Variables that hold a vendor's key, by the vendor's name.
const KEYS: [(&str, &[&str]); 3] = [
    ("google", &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    ("openai", &["OPENAI_API_KEY", "CODEX_API_KEY"]),
    ("anthropic", &["ANTHROPIC_API_KEY"]),
];

/// Most variables that a message shows.
const SHOWN_MAX: usize = 6;

/// One way to log in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Method {
    #[serde(deserialize_with = "or_default")]
    id: String,
    #[serde(deserialize_with = "or_default")]
    description: String,
    /// Variables that it takes, in the protocol's form.
    vars: Value,
    #[serde(rename = "_meta")]
    meta: Value,
}

impl Method {
    /// All ways that an agent offers. An unreadable one is left out.
    pub(super) fn all(offered: &Value) -> Vec<Self> {
        let offered = offered.as_array().cloned().unwrap_or_default();
        offered.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect()
    }

    /// Sets of variables, each of which is enough; none when a person is needed.
    fn enough(&self) -> Vec<Vec<String>> {
        let vars = self.vars.as_array().map(Vec::as_slice).unwrap_or_default();
        let needed = vars.iter().filter(|one| one["optional"] != Value::Bool(true));
        let named: Vec<String> =
            needed.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect();
        if !named.is_empty() {
            return vec![named];
        }
        let vendor = self.meta.pointer("/api-key/provider").and_then(Value::as_str);
        let keys = KEYS.iter().find(|(name, _)| Some(*name) == vendor);
        let known = keys.map(|(_, names)| *names).unwrap_or_default();
        let known = known.iter().map(|name| vec![(*name).to_owned()]);
        known.chain(variables_in(&self.description).map(|name| vec![name])).collect()
    }

    /// The id of the first way that needs nobody when these variables are set.
    pub(super) fn without_anybody(all: &[Self], set: &BTreeSet<String>) -> Option<String> {
        let is_enough = |method: &&Self| {
            method.enough().iter().any(|names| names.iter().all(|name| set.contains(name)))
        };
        all.iter().find(is_enough).map(|method| method.id.clone())
    }

    /// What the user can do when every way needs a person.
    pub(super) fn advice(all: &[Self], provider: &str) -> String {
        let by_hand = "start it by hand and log in";
        let names: BTreeSet<String> = all.iter().flat_map(Self::enough).flatten().collect();
        if names.is_empty() {
            return format!(
                "{by_hand}; or, where it takes a key, pass the key's variable on to it: env_allow = [\"NAME\"] under [providers.{provider}] in your settings"
            );
        }
        let names: Vec<String> = names.into_iter().take(SHOWN_MAX).collect();
        format!(
            "it takes {}: pass on to it what is set in your environment, by env_allow = [\"{}\"] under [providers.{provider}] in your settings; or {by_hand}",
            names.join(" or "),
            names[0]
        )
    }
}

/// Names of variables that hold keys, in a sentence for people.
fn variables_in(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    let is_key = |word: &&str| {
        ["_KEY", "_TOKEN"].iter().any(|end| word.len() > end.len() && word.ends_with(end))
    };
    words.filter(is_key).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_key_that_is_there_logs_in_and_a_person_is_never_needed() {
        let gemini = json!([
            {"id": "oauth-personal", "name": "Log in with Google", "description": "Log in with your Google account"},
            {"id": "gemini-api-key", "description": "Use an API key", "_meta": {"api-key": {"provider": "google"}}},
            {"id": "vertex-ai", "description": null},
        ]);
        let qwen = json!([{"id": "openai", "description": "Requires setting the `OPENAI_API_KEY` environment variable", "_meta": {"type": "terminal"}}]);
        let protocol = json!([
            {"id": "env", "type": "env_var", "vars": [{"name": "A_KEY"}, {"name": "B"}, {"name": "C", "optional": true}]},
        ]);
        let copilot = json!([null, {"id": "copilot-login", "description": "Run `copilot login` in the terminal"}]);
        for (offered, names, chosen) in [
            (&gemini, &["GEMINI_API_KEY"][..], Some("gemini-api-key")),
            (&gemini, &["PATH"], None),
            (&qwen, &["OPENAI_API_KEY"], Some("openai")),
            (&protocol, &["A_KEY", "B"], Some("env")),
            (&protocol, &["A_KEY"], None),
            (&copilot, &["GITHUB_TOKEN"], None),
            (&json!(null), &["X"], None),
        ] {
            let found = Method::without_anybody(&Method::all(offered), &set(names));
            assert_eq!(found.as_deref(), chosen, "{offered} {names:?}");
        }
        let advice = |offered| Method::advice(&Method::all(offered), "gem");
        assert!(advice(&gemini).contains("it takes GEMINI_API_KEY or GOOGLE_API_KEY"));
        assert!(advice(&gemini).contains("env_allow = [\"GEMINI_API_KEY\"] under [providers.gem]"));
        assert!(
            advice(&copilot).starts_with("start it by hand")
                && advice(&copilot).contains("env_allow")
        );
    }
}
