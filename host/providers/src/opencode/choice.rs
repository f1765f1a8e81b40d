//! Which model, variant and agent a round gets.
//!
//! Owns: checking them against what the server has: its error for an unknown model does
//! not help, it falls back to another agent, and it ignores an unknown variant. Never:
//! picks one that was not requested.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error;
use super::rules::Rule;
use super::server::Server;
use crate::foreign::{or_default, readable};
use crate::{AgentTask, ProviderError, ProviderErrorKind as Kind};

/// Most names in one message.
const NAMES_SHOWN_MAX: usize = 12;

#[derive(Debug, Default, Deserialize)]
struct Providers {
    #[serde(default, deserialize_with = "readable")]
    providers: Vec<Vendor>,
}

#[derive(Debug, Default, Deserialize)]
struct Vendor {
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    models: BTreeMap<String, Option<Model>>,
}

#[derive(Debug, Default, Deserialize)]
struct Model {
    #[serde(default, deserialize_with = "or_default")]
    variants: BTreeMap<String, Value>,
    #[serde(default)]
    capabilities: Value,
}

/// A model about which nothing is known.
static PLAIN: Model = Model { variants: BTreeMap::new(), capabilities: Value::Null };

#[derive(Debug, Default, Deserialize)]
struct Agent {
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    mode: String,
    #[serde(default, deserialize_with = "or_default")]
    native: bool,
    #[serde(default, deserialize_with = "or_default")]
    hidden: bool,
    /// Its rules, which include its user's. Old versions have other forms.
    #[serde(default)]
    permission: Value,
}

/// All agents that can be read.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
struct Agents(#[serde(deserialize_with = "readable")] Vec<Agent>);

#[derive(Debug, Default, Deserialize)]
struct Config {
    model: Option<String>,
    default_agent: Option<String>,
}

/// The choice for a round.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// The part of a message's body that makes the choice; empty when it is left to
    /// opencode.
    pub(super) body: Map<String, Value>,
    /// The rules of the agent, when they have to be known.
    pub(super) own: Vec<Rule>,
}

/// Makes the choice. With `knows_rules`, the agent's own rules are read, and the agent is
/// named, so that the rules are those of the one that answers.
pub(super) async fn choose(
    server: &Server,
    query: &str,
    task: &AgentTask,
    knows_rules: bool,
) -> Result<Choice, ProviderError> {
    let mut body = Map::new();
    let mut own = Vec::new();
    let has_images = !task.images.is_empty();
    if task.model.is_some() || task.effort.is_some() || has_images {
        let providers: Providers = server.get(&format!("/config/providers?{query}")).await?;
        let wanted = match &task.model {
            Some(model) => model.clone(),
            None => configured(server, query).await?,
        };
        let (vendor, id, model) = providers.find(&wanted)?;
        if has_images && !model.sees() {
            let message = format!("opencode's model `{wanted}` takes no images");
            return Err(error(Kind::Unsupported, message));
        }
        body.insert("model".into(), json!({"providerID": vendor, "modelID": id}));
        if let Some(effort) = &task.effort {
            model.check(&wanted, effort)?;
            body.insert("variant".into(), json!(effort));
        }
    }
    if knows_rules || task.request.agent_type.is_some() {
        let agents: Agents = server.get(&format!("/agent?{query}")).await?;
        let wanted = match &task.request.agent_type {
            Some(wanted) => wanted.clone(),
            None => agents.default(&server.get(&format!("/config?{query}")).await?)?,
        };
        let agent = agents.find(&wanted)?;
        if knows_rules {
            own = agent.rules()?;
        }
        body.insert("agent".into(), json!(wanted));
    }
    Ok(Choice { body, own })
}

/// The model that the user's configuration names. An effort is checked against it when
/// the step names no model.
async fn configured(server: &Server, query: &str) -> Result<String, ProviderError> {
    let config: Config = server.get(&format!("/config?{query}")).await?;
    config.model.ok_or_else(|| {
        error(
            Kind::Unsupported,
            "an effort or images without a model: opencode's configuration names no model either, so it cannot be told whether the model takes them; give the call a `model` as well",
        )
    })
}

impl Providers {
    fn find(&self, wanted: &str) -> Result<(&str, &str, &Model), ProviderError> {
        let all = || {
            self.providers.iter().flat_map(|vendor| {
                let models = vendor.models.iter();
                models.map(|(id, model)| {
                    (vendor.id.as_str(), id.as_str(), model.as_ref().unwrap_or(&PLAIN))
                })
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
    /// Whether it takes images, by what opencode reports.
    fn sees(&self) -> bool {
        self.capabilities.pointer("/input/image") != Some(&json!(false))
    }

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

impl Agents {
    fn offered(&self) -> impl Iterator<Item = &Agent> {
        self.0.iter().filter(|agent| !agent.hidden)
    }

    fn find(&self, wanted: &str) -> Result<&Agent, ProviderError> {
        self.offered().find(|agent| agent.name == wanted).ok_or_else(|| {
            let message = format!(
                "opencode has no agent `{wanted}`; it has {}; `opencode agent list` lists them",
                shown(self.offered().map(|agent| agent.name.clone()))
            );
            error(Kind::Unsupported, message)
        })
    }

    /// The agent that answers when none is named, by opencode's own rule.
    fn default(&self, config: &Config) -> Result<String, ProviderError> {
        if let Some(named) = &config.default_agent {
            return Ok(named.clone());
        }
        let mut first: Vec<&Agent> =
            self.offered().filter(|agent| agent.mode != "subagent").collect();
        first.sort_by_key(|agent| (agent.name != "build", !agent.native));
        let first = first.first().map(|agent| agent.name.clone());
        first.ok_or_else(|| error(Kind::Unsupported, "opencode has no agent that can be asked"))
    }
}

impl Agent {
    /// What its user and its definition let it do.
    fn rules(&self) -> Result<Vec<Rule>, ProviderError> {
        serde_json::from_value(self.permission.clone()).map_err(|_| {
            let message = format!(
                "this opencode does not say what its agent `{}` may do, so it cannot be held to less; update opencode, or leave `permissions` out",
                self.name
            );
            error(Kind::Unsupported, message)
        })
    }
}

/// The first names, and how many more there are.
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

    fn agents(json: Value) -> Agents {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_agent_is_not_replaced_by_another() {
        let agents = agents(json!([{"name": "build"}, {"name": "title", "hidden": true}]));
        assert!(agents.find("build").is_ok());
        for wanted in ["reviewer", "title"] {
            assert!(agents.find(wanted).unwrap_err().message.contains("it has build;"));
        }
    }

    #[test]
    fn what_is_null_is_not_said() {
        // The form of an agent that the user has defined.
        let own = json!({"name": "reviewer", "mode": null, "native": null, "hidden": null,
            "model": null, "permission": null});
        let agents = agents(json!([own, null, {"name": null}, {"name": "build", "native": true}]));
        assert_eq!(agents.0.len(), 2);
        assert_eq!(agents.find("reviewer").unwrap().name, "reviewer");
        assert!(agents.find("reviewer").unwrap().rules().is_err());
        let nothing: Agents = serde_json::from_value(json!(null)).unwrap();
        assert!(nothing.find("build").is_err());
        let vendors: Providers = serde_json::from_value(json!({"providers": [null,
            {"id": "one", "models": null}, {"id": "two", "models": {"m": null, "n": {"variants": null}}}]}))
        .unwrap();
        assert_eq!(vendors.find("m").unwrap().0, "two");
        assert!(vendors.find("n").unwrap().2.check("n", "high").is_err());
    }

    #[test]
    fn the_agent_that_answers_by_itself_is_opencodes_own_choice() {
        let config = |json| serde_json::from_value::<Config>(json).unwrap();
        let some = json!([{"name": "architect"}, {"name": "build", "native": true},
            {"name": "general", "mode": "subagent"}]);
        let set = config(json!({"default_agent": "architect"}));
        let unset = config(json!({"default_agent": null, "model": null}));
        assert_eq!(agents(some.clone()).default(&set).unwrap(), "architect");
        assert_eq!(agents(some).default(&unset).unwrap(), "build");
        let without = json!([{"name": "architect"}, {"name": "plan", "native": true}]);
        assert_eq!(agents(without).default(&unset).unwrap(), "plan");
        let none = json!([{"name": "general", "mode": "subagent"}]);
        assert_eq!(agents(none).default(&unset).unwrap_err().kind, Kind::Unsupported);
    }

    #[test]
    fn a_model_that_takes_no_images_is_known() {
        let model = |capabilities| {
            serde_json::from_value::<Model>(json!({ "capabilities": capabilities })).unwrap()
        };
        assert!(!model(json!({"input": {"text": true, "image": false}})).sees());
        assert!(model(json!({"input": {"image": true}})).sees());
        assert!(model(Value::Null).sees(), "it is not said");
    }

    #[test]
    fn a_long_list_is_cut() {
        let shown = shown((0..20).map(|n| n.to_string()));
        assert!(shown.ends_with("11 and 8 more"), "{shown}");
    }
}
