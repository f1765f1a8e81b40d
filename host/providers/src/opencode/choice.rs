//! Which model, variant and agent a call gets.
//!
//! Owns: checking them against what the server has, because it says nothing of
//! use about a model that it does not know, falls back to another agent, and
//! passes an unknown variant over. Never: picks one that was not asked for.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error;
use super::server::Server;
use crate::{AgentTask, ProviderError, ProviderErrorKind as Kind};

/// Names in one message.
const NAMES_SHOWN_MAX: usize = 12;

#[derive(Debug, Default, Deserialize)]
struct Providers {
    providers: Vec<Vendor>,
}

#[derive(Debug, Default, Deserialize)]
struct Vendor {
    id: String,
    models: BTreeMap<String, Model>,
}

#[derive(Debug, Default, Deserialize)]
struct Model {
    #[serde(default)]
    variants: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Agent {
    name: String,
    #[serde(default)]
    hidden: bool,
}

#[derive(Debug, Deserialize)]
struct Config {
    model: Option<String>,
}

/// The part of a message's body that makes the choice; empty when the call
/// leaves it to opencode.
pub(super) async fn choose(
    server: &Server,
    query: &str,
    task: &AgentTask,
) -> Result<Map<String, Value>, ProviderError> {
    let mut body = Map::new();
    if task.model.is_some() || task.effort.is_some() {
        let providers: Providers = server.get(&format!("/config/providers?{query}")).await?;
        let wanted = match &task.model {
            Some(model) => model.clone(),
            None => configured(server, query).await?,
        };
        let (vendor, id, model) = providers.find(&wanted)?;
        body.insert("model".into(), json!({"providerID": vendor, "modelID": id}));
        if let Some(effort) = &task.effort {
            model.check(&wanted, effort)?;
            body.insert("variant".into(), json!(effort));
        }
    }
    if let Some(wanted) = &task.request.agent_type {
        let agents: Vec<Agent> = server.get(&format!("/agent?{query}")).await?;
        check_agent(&agents, wanted)?;
        body.insert("agent".into(), json!(wanted));
    }
    Ok(body)
}

/// The model that the user's configuration names, which an effort is checked
/// against when the call names none.
async fn configured(server: &Server, query: &str) -> Result<String, ProviderError> {
    let config: Config = server.get(&format!("/config?{query}")).await?;
    config.model.ok_or_else(|| {
        error(
            Kind::Unsupported,
            "an effort without a model: opencode's configuration names no model either, so it cannot be told whether the model knows that effort; give the call a `model` as well",
        )
    })
}

impl Providers {
    fn find(&self, wanted: &str) -> Result<(&str, &str, &Model), ProviderError> {
        let all = || {
            self.providers.iter().flat_map(|vendor| {
                vendor.models.iter().map(|(id, model)| (vendor.id.as_str(), id.as_str(), model))
            })
        };
        // A model's own id may have slashes in it as well.
        let named: Vec<_> = match wanted.split_once('/') {
            Some((one, rest)) if self.providers.iter().any(|vendor| vendor.id == one) => {
                all().filter(|(vendor, id, _)| *vendor == one && *id == rest).collect()
            }
            _ => all().filter(|(_, id, _)| *id == wanted).collect(),
        };
        match named.as_slice() {
            [found] => Ok(*found),
            [] => {
                let names = all().map(|(vendor, id, _)| format!("{vendor}/{id}"));
                let message = format!(
                    "opencode has no model `{wanted}`; it has {}; `opencode models` lists them",
                    shown(names)
                );
                Err(error(Kind::Model, message))
            }
            several => {
                let names = several.iter().map(|(vendor, id, _)| format!("{vendor}/{id}"));
                let message =
                    format!("opencode has several models `{wanted}`; name one: {}", shown(names));
                Err(error(Kind::Model, message))
            }
        }
    }
}

impl Model {
    fn check(&self, name: &str, effort: &str) -> Result<(), ProviderError> {
        if self.variants.contains_key(effort) {
            return Ok(());
        }
        let message = format!(
            "opencode's model `{name}` knows no effort `{effort}`; it knows {}",
            shown(self.variants.keys().cloned())
        );
        Err(error(Kind::Unsupported, message))
    }
}

fn check_agent(agents: &[Agent], wanted: &str) -> Result<(), ProviderError> {
    let mut offered = agents.iter().filter(|agent| !agent.hidden);
    if offered.any(|agent| agent.name == wanted) {
        return Ok(());
    }
    let names = agents.iter().filter(|agent| !agent.hidden).map(|agent| agent.name.clone());
    let message = format!(
        "opencode has no agent `{wanted}`; it has {}; `opencode agent list` lists them",
        shown(names)
    );
    Err(error(Kind::Unsupported, message))
}

/// A few of them, and how many more there are.
fn shown(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count <= NAMES_SHOWN_MAX => names.join(", "),
        count => {
            format!("{} and {} more", names[..NAMES_SHOWN_MAX].join(", "), count - NAMES_SHOWN_MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn providers() -> Providers {
        serde_json::from_value(json!({"providers": [
            {"id": "one", "models": {"small": {}, "big": {"variants": {"high": {}, "low": {}}}}},
            {"id": "two", "models": {"small": {}, "maker/name": {}}},
        ]}))
        .unwrap()
    }

    #[test]
    fn a_model_is_found_by_either_name() {
        let providers = providers();
        for (wanted, vendor, id) in [
            ("one/small", "one", "small"),
            ("big", "one", "big"),
            ("two/maker/name", "two", "maker/name"),
            ("maker/name", "two", "maker/name"),
        ] {
            let (found, model, _) = providers.find(wanted).unwrap();
            assert_eq!((found, model), (vendor, id), "{wanted}");
        }
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_is() {
        let providers = providers();
        for (wanted, says) in [
            ("huge", "no model `huge`; it has one/big"),
            ("one/maker/name", "no model `one/maker/name`"),
            ("small", "name one: one/small, two/small"),
        ] {
            let refused = providers.find(wanted).unwrap_err();
            assert_eq!(refused.kind, Kind::Model);
            assert!(refused.message.contains(says), "{refused}");
        }
        let (.., big) = providers.find("big").unwrap();
        assert!(big.check("big", "high").is_ok());
        let refused = big.check("big", "extreme").unwrap_err();
        assert!(refused.message.contains("it knows high, low"), "{refused}");
    }

    #[test]
    fn an_agent_is_not_replaced_by_another() {
        let agents: Vec<Agent> =
            serde_json::from_value(json!([{"name": "build"}, {"name": "title", "hidden": true}]))
                .unwrap();
        assert!(check_agent(&agents, "build").is_ok());
        for wanted in ["reviewer", "title"] {
            assert!(check_agent(&agents, wanted).unwrap_err().message.contains("it has build;"));
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let shown = shown((0..20).map(|n| n.to_string()));
        assert!(shown.ends_with("11 and 8 more"), "{shown}");
    }
}
