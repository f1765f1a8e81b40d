//! The options of an agent step that its details show.
//!
//! Owns: which options, how much of each, and their order. Never: reads the options of
//! a call; [`crate::options`] does.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::cut;
use crate::step_request::{AgentRequest, EarlierSession, Permissions};

/// Most characters of a system text that are shown: as many as `plan` shows of a
/// prompt.
const SYSTEM_CHARS_MAX: usize = 100;

/// The options of one step, borrowed from its entry. The lists have the bounds of
/// [`crate::options`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOptions<'a> {
    /// The only built-in tools that the agent may use; an empty list allows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<&'a [String]>,
    /// Tools of any kind that the agent may not use.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub disallowed_tools: &'a [String],
    /// The only shell commands that the agent may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bash_command_clamp: Option<&'a [String]>,
    /// Its permissions on files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Its reasoning effort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<&'a str>,
    /// Most turns of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_turns: Option<u32>,
    /// Further folders in which it may work, as the script wrote them.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub dirs: &'a [String],
    /// Paths of the images that it is shown.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub images: &'a [String],
    /// Names of its MCP servers.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub mcp: &'a [String],
    /// The label of the step whose session it continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<&'a str>,
    /// The text that is added to its system prompt; serialised cut to its beginning.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shortened")]
    pub system: Option<&'a str>,
}

impl<'a> StepOptions<'a> {
    /// The options that this request gives.
    pub(super) fn of(request: &'a AgentRequest) -> Self {
        let label = |session: &'a EarlierSession| session.label.as_str();
        Self {
            tools: request.tools.as_deref(),
            disallowed_tools: &request.disallowed_tools,
            bash_command_clamp: request.bash_command_clamp.as_deref(),
            permissions: request.permissions,
            effort: request.effort.as_deref(),
            max_turns: request.max_turns,
            dirs: &request.dirs,
            images: &request.images,
            mcp: &request.mcp,
            session: request.session.as_deref().map(label),
            system: request.system.as_deref(),
        }
    }

    /// Whether none is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// On one line: `tools Read Grep, maxTurns 3, system Be brief.`
impl fmt::Display for StepOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |name: &str, list: &[String]| {
            (!list.is_empty()).then(|| format!("{name} {}", list.join(" ")))
        };
        let tools = self.tools.map(|tools| match tools {
            [] => "tools none".to_owned(),
            tools => format!("tools {}", tools.join(" ")),
        });
        let commands = self.bash_command_clamp.map(|commands| match commands {
            [] => "bashCommandClamp none".to_owned(),
            commands => format!("bashCommandClamp {}", commands.join("; ")),
        });
        let given = [
            tools,
            list("disallowedTools", self.disallowed_tools),
            commands,
            self.permissions.map(|access| format!("permissions {}", access.as_str())),
            self.effort.map(|effort| format!("effort {effort}")),
            self.max_turns.map(|turns| format!("maxTurns {turns}")),
            list("dirs", self.dirs),
            list("images", self.images),
            list("mcp", self.mcp),
            self.session.map(|label| format!("session {label}")),
            self.system.map(|text| format!("system {}", cut::to_chars(text, SYSTEM_CHARS_MAX))),
        ];
        f.write_str(&given.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

fn shortened<S: Serializer>(text: &Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    text.map(|text| cut::to_chars(text, SYSTEM_CHARS_MAX)).serialize(serializer)
}
