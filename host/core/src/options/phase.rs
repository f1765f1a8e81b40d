//! Options that a phase gives to its steps.
//!
//! Owns: which options these are, and that a call's own options win. Never: decides
//! which phase a step is in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OptionRules, read, tools};
use crate::outcome::Failure;
use crate::schema::RecentSchemas;
use crate::step_request::AgentRequest;

/// The options of a phase, for those of its steps that do not set them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseOptions {
    /// The only built-in tools that agents may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    /// Most turns of an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_turns: Option<u32>,
    /// Text for the end of the system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    /// Further folders to work in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dirs: Vec<String>,
    /// MCP servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mcp: Vec<String>,
}

impl PhaseOptions {
    /// Their names in `meta.phases`.
    pub const NAMES: [&str; 6] = ["tools", "allowedTools", "maxTurns", "system", "dirs", "mcp"];

    /// Options that a phase cannot give: those that belong to one call, and others that
    /// restrict an agent. They are refused, because ignoring one would be surprising or
    /// leave agents unrestricted.
    pub const OF_CALLS: [&str; 7] = [
        "images",
        "session",
        "permissions",
        "disallowedTools",
        "bashCommandClamp",
        "isolation",
        "schema",
    ];

    /// Reads the options of a phase of `meta`; null means that an option is not set.
    ///
    /// # Errors
    /// As in [`Self::read`].
    pub(crate) fn of_phase(phase: &Value) -> Result<Self, Failure> {
        let given = Self::NAMES.iter().filter_map(|name| {
            let value = phase.get(*name).filter(|value| !value.is_null())?;
            Some(((*name).to_owned(), value.clone()))
        });
        Self::read(given.collect())
    }

    /// The request of a step in this phase without options of its own.
    #[must_use]
    pub fn request(&self) -> AgentRequest {
        let mut request = AgentRequest::plain("phase");
        self.fill(&mut request, "{}", None);
        request
    }

    /// Refuses a name similar to that of a restricting option.
    ///
    /// # Errors
    /// A refusal, with the name that was probably meant.
    pub(crate) fn refuse_alike(name: &str, value: &Value) -> Result<(), Failure> {
        tools::refuse_alike(name, value, OptionRules::MODULE)
    }

    /// Reads these options by the rules for a module.
    ///
    /// # Errors
    /// When a value is invalid for its option.
    pub(crate) fn read(options: Map<String, Value>) -> Result<Self, Failure> {
        // A phase has no schema.
        let (mut request, schemas) = (AgentRequest::plain(""), &mut RecentSchemas::default());
        read(
            &mut request,
            &Value::Object(options).to_string(),
            OptionRules::MODULE,
            None,
            schemas,
        )?;
        let AgentRequest { tools, max_turns, system, dirs, mcp, .. } = request;
        Ok(Self { tools, max_turns, system, dirs, mcp })
    }

    /// Fills in the options that a call leaves open. `options` is the JSON text of the
    /// call's options: an empty list there means none. `taken` is the recorded request,
    /// in a replay: an option that it does not have is not filled in, because an older
    /// program may have recorded it, which did not know options of phases.
    pub(crate) fn fill(
        &self,
        request: &mut AgentRequest,
        options: &str,
        taken: Option<&AgentRequest>,
    ) {
        let may_have = |has: fn(&AgentRequest) -> bool| taken.is_none_or(has);
        if request.tools.is_none() && may_have(|it| it.tools.is_some()) {
            request.tools.clone_from(&self.tools);
        }
        if request.max_turns.is_none() && may_have(|it| it.max_turns.is_some()) {
            request.max_turns = self.max_turns;
        }
        if request.system.is_none() && may_have(|it| it.system.is_some()) {
            request.system.clone_from(&self.system);
        }
        if may_have(|it| !it.dirs.is_empty()) {
            fill_list(&mut request.dirs, &self.dirs, || has_list(options, "dirs"));
        }
        if may_have(|it| !it.mcp.is_empty()) {
            fill_list(&mut request.mcp, &self.mcp, || has_list(options, "mcp"));
        }
    }
}

fn fill_list(own: &mut Vec<String>, given: &[String], wants_none: impl Fn() -> bool) {
    if own.is_empty() && !given.is_empty() && !wants_none() {
        *own = given.to_vec();
    }
}

fn has_list(options: &str, name: &str) -> bool {
    let options: Option<Map<String, Value>> = serde_json::from_str(options).ok();
    options.is_some_and(|options| options.get(name).is_some_and(Value::is_array))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_a_phase_arrives_with_null_beside_it() {
        let given = [
            ("tools", r#"["Read"]"#),
            ("allowedTools", r#"["Read"]"#),
            ("maxTurns", "3"),
            ("system", "\"s\""),
            ("dirs", r#"["d"]"#),
            ("mcp", r#"["m"]"#),
        ];
        assert_eq!(given.map(|(name, _)| name), PhaseOptions::NAMES);
        for (name, value) in given {
            let nulls = PhaseOptions::NAMES.iter().filter(|other| **other != name);
            let nulls: String = nulls.map(|other| format!(",\"{other}\":null")).collect();
            let phase = format!("{{\"title\":\"P\",\"{name}\":{value}{nulls}}}");
            let phase = PhaseOptions::of_phase(&serde_json::from_str(&phase).unwrap()).unwrap();
            let mut request = AgentRequest::plain("p");
            phase.fill(&mut request, "{}", None);
            let own = format!("{{\"{name}\":{value}}}");
            assert_eq!(request, AgentRequest::read("p".into(), &own, OptionRules::BODY).unwrap());
        }
    }

    #[test]
    fn a_phase_fills_in_the_options_that_a_call_does_not_set() {
        let phase =
            r#"{"title":"P","tools":["Read"],"maxTurns":3,"system":"s","dirs":["d"],"mcp":["m"]}"#;
        let phase = PhaseOptions::of_phase(&serde_json::from_str(phase).unwrap()).unwrap();
        let filled = |options: &str, taken: Option<&AgentRequest>| {
            let mut request =
                AgentRequest::read("p".into(), options, OptionRules::BODY).expect("good options");
            phase.fill(&mut request, options, taken);
            request
        };
        let all = filled("{}", None);
        let same = filled(
            r#"{"tools":["Read"],"maxTurns":3,"system":"s","dirs":["d"],"mcp":["m"]}"#,
            None,
        );
        assert_eq!(all, same);
        let own = filled(r#"{"tools":[],"maxTurns":9,"system":"own","dirs":[],"mcp":["x"]}"#, None);
        assert_eq!((own.tools, own.max_turns), (Some(Vec::new()), Some(9)));
        assert_eq!(own.system.as_deref(), Some("own"));
        assert_eq!((own.dirs, own.mcp), (Vec::new(), vec!["x".to_owned()]));
        // In a replay they are as recorded.
        assert_eq!(filled("{}", Some(&AgentRequest::plain("p"))), AgentRequest::plain("p"));
        assert_eq!(filled("{}", Some(&all)), all);
    }
}
