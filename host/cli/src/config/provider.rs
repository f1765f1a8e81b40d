//! Reads the `[providers.<name>]` tables.
//!
//! Owns: the keys of a table and their checks. Never: starts a program.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::file::{Located, PROVIDERS, Source};
use super::value::duration;

/// The kinds of providers, by how they drive an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProviderKind {
    ClaudeCode,
    Codex,
    Opencode,
    Pi,
    Acp,
    Command,
}

impl ProviderKind {
    /// All kinds, in the order in which messages list them.
    pub(crate) const ALL: [Self; 6] =
        [Self::ClaudeCode, Self::Codex, Self::Opencode, Self::Pi, Self::Acp, Self::Command];

    /// The kinds that need no configuration, in the order in which `auto` tries
    /// them.
    pub(crate) const BUILT_IN: [Self; 4] =
        [Self::ClaudeCode, Self::Codex, Self::Opencode, Self::Pi];

    /// The name of the kind in settings; for built-in kinds also that of the
    /// provider.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Opencode => "opencode",
            Self::Pi => "pi",
            Self::Acp => "acp",
            Self::Command => "command",
        }
    }

    /// The kind with this name; `None` if it is unknown.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether this kind runs a command from the settings.
    fn takes_command(self) -> bool {
        matches!(self, Self::Acp | Self::Command)
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A configured provider.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProviderSettings {
    /// How the agent is driven.
    pub(crate) kind: ProviderKind,
    /// Whether runs may use it.
    pub(crate) enabled: bool,
    /// The program, instead of the one on the search path.
    pub(crate) program: Option<PathBuf>,
    /// Program and arguments, for the kinds `acp` and `command`.
    pub(crate) command: Vec<String>,
    /// Extra arguments for the agent's program.
    pub(crate) args: Vec<String>,
    /// Values are often secrets.
    pub(crate) env: BTreeMap<String, String>,
    /// Names of variables to pass from this process; one may end in `*`.
    pub(crate) env_allow: Vec<String>,
    /// Longest start of its server, for kinds that have one.
    pub(crate) start_timeout: Option<Duration>,
    /// Whether agents of this provider may start others.
    pub(crate) subagents: bool,
}

impl ProviderSettings {
    /// The settings of a kind without configuration.
    pub(crate) fn of_kind(kind: ProviderKind) -> Self {
        Self {
            kind,
            enabled: true,
            program: None,
            command: Vec::new(),
            args: Vec::new(),
            env: BTreeMap::new(),
            env_allow: Vec::new(),
            start_timeout: None,
            subagents: false,
        }
    }

    /// A summary on one line, without the values of its environment.
    pub(crate) fn summary(&self) -> String {
        let mut parts = vec![format!("kind {}", self.kind)];
        if !self.enabled {
            parts.push("not enabled".to_owned());
        }
        if let Some(program) = &self.program {
            parts.push(format!("program {}", program.display()));
        }
        if !self.command.is_empty() {
            parts.push(format!("command {}", quoted(&self.command)));
        }
        if !self.args.is_empty() {
            parts.push(format!("args {}", quoted(&self.args)));
        }
        if !self.env.is_empty() {
            let names: Vec<&str> = self.env.keys().map(String::as_str).collect();
            parts.push(format!("sets {}", names.join(" ")));
        }
        if !self.env_allow.is_empty() {
            parts.push(format!("passes {}", self.env_allow.join(" ")));
        }
        if let Some(span) = self.start_timeout {
            parts.push(format!("has {} s to start", span.as_secs_f64()));
        }
        if self.subagents {
            parts.push("may start other agents".to_owned());
        }
        parts.join(", ")
    }
}

/// Without the values of the environment, which must not get into logs.
impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderSettings({})", self.summary())
    }
}

/// Words as a JSON list, so that spaces and quotes stay visible.
fn quoted(words: &[String]) -> String {
    serde_json::to_string(words).unwrap_or_default()
}

/// Reads the table of all providers.
pub(super) fn read(
    source: &Source<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<BTreeMap<String, Located<ProviderSettings>>, ConfigError> {
    let mut providers = BTreeMap::new();
    for (name, value) in source.table(PROVIDERS, value)? {
        let text = name.get_ref().to_string();
        let shown = format!("{PROVIDERS}.{text}");
        if let Some(reason) = bad_name(&text) {
            let place = source.place(name.span().start);
            return Err(ConfigError::Value { place, name: shown, reason: reason.to_owned() });
        }
        let table = Table { source, name: &shown, value, table: source.table(&shown, value)? };
        let place = source.place(name.span().start);
        providers.insert(text.clone(), Located { value: table.read(&text)?, place });
    }
    Ok(providers)
}

/// Why a provider cannot have this name, if it cannot: names are used in scripts,
/// flags and file names.
fn bad_name(name: &str) -> Option<&'static str> {
    const NAME_CHARS_MAX: usize = 40;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    match name {
        "debug" => Some("the debug provider cannot be configured; choose another name"),
        super::key::AUTO => Some("`auto` means the first usable provider; choose another name"),
        _ if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(allowed) => {
            Some("a provider's name is 1 to 40 lower-case letters, digits, `-` and `_`")
        }
        _ => None,
    }
}

/// The table of one provider, while it is read.
struct Table<'a, 'i> {
    source: &'a Source<'a>,
    name: &'a str,
    value: &'a Spanned<DeValue<'i>>,
    table: &'a DeTable<'i>,
}

impl Table<'_, '_> {
    /// Keys of a table, for suggestions.
    const KEYS: [&'static str; 9] = [
        "kind",
        "enabled",
        "program",
        "command",
        "args",
        "env",
        "env_allow",
        "subagents",
        "start_timeout",
    ];

    /// Reads the table. Fails for a key that its kind does not have, and for a
    /// missing command.
    fn read(&self, provider: &str) -> Result<ProviderSettings, ConfigError> {
        let source = self.source;
        let mut settings = ProviderSettings::of_kind(self.kind(provider)?);
        for (key, value) in self.table {
            let name = format!("{}.{}", self.name, key.get_ref());
            match key.get_ref().as_ref() {
                "kind" => {}
                "enabled" => match value.get_ref() {
                    DeValue::Boolean(enabled) => settings.enabled = *enabled,
                    _ => return Err(source.wrong(&name, value, "it is true or false")),
                },
                "program" if settings.kind.takes_command() => {
                    let reason = "this kind takes `command` instead: program and arguments";
                    return Err(source.wrong(&name, value, reason));
                }
                "program" => {
                    let program = source.string(&name, value)?;
                    settings.program = Some(self::program(source, &program).into());
                }
                "command" if !settings.kind.takes_command() => {
                    let reason = "this kind takes `program` and `args` instead";
                    return Err(source.wrong(&name, value, reason));
                }
                "command" => settings.command = source.strings(&name, value)?,
                "args" => settings.args = source.strings(&name, value)?,
                "start_timeout" if settings.kind != ProviderKind::Opencode => {
                    let reason = "only opencode has a server to wait for";
                    return Err(source.wrong(&name, value, reason));
                }
                "start_timeout" => {
                    let text = source.string(&name, value)?;
                    let span = duration(&text);
                    settings.start_timeout =
                        Some(span.map_err(|reason| source.wrong(&name, value, reason))?);
                }
                "env_allow" => settings.env_allow = variables(source, &name, value)?,
                "env" => settings.env = environment(source, &name, value)?,
                "subagents" if settings.kind != ProviderKind::ClaudeCode => {
                    let reason = "only agents of kind claude-code can be kept from starting others";
                    return Err(source.wrong(&name, value, reason));
                }
                "subagents" => match value.get_ref() {
                    DeValue::Boolean(may) => settings.subagents = *may,
                    _ => return Err(source.wrong(&name, value, "it is true or false")),
                },
                _ => return Err(source.unknown(key, &Self::KEYS)),
            }
        }
        if settings.kind.takes_command() {
            let Some(program) = settings.command.first_mut() else {
                let reason = "this kind needs `command = [\"program\", \"argument\"]`";
                return Err(source.wrong(self.name, self.value, reason));
            };
            *program = self::program(source, program);
        }
        Ok(settings)
    }

    /// The kind: that of the table, or the built-in one of this name. Fails if
    /// there is none, or if both differ.
    fn kind(&self, provider: &str) -> Result<ProviderKind, ConfigError> {
        let kinds = || ProviderKind::ALL.map(ProviderKind::word).join(", ");
        let built_in = ProviderKind::BUILT_IN.into_iter().find(|kind| kind.word() == provider);
        let given = self.table.iter().find(|(key, _)| key.get_ref().as_ref() == "kind");
        let Some((_, value)) = given else {
            return built_in.ok_or_else(|| {
                let reason = format!("it needs a `kind`, one of {}", kinds());
                self.source.wrong(self.name, self.value, reason)
            });
        };
        let name = format!("{}.kind", self.name);
        let word = self.source.string(&name, value)?;
        let kind = ProviderKind::from_word(&word).ok_or_else(|| {
            self.source.wrong(&name, value, format!("expected one of {}", kinds()))
        })?;
        if built_in.is_some_and(|built_in| built_in != kind) {
            let reason = "this name belongs to another kind; choose another name";
            return Err(self.source.wrong(&name, value, reason));
        }
        Ok(kind)
    }
}

/// A program with a `/` in its name is a path, relative to the file's base; any
/// other name is searched on the PATH.
pub(super) fn program(source: &Source<'_>, text: &str) -> String {
    if text.contains('/') {
        return source.path(Path::new(text)).to_string_lossy().into_owned();
    }
    text.to_owned()
}

/// Reads a table of variables and their values.
pub(super) fn environment(
    source: &Source<'_>,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for (variable, value) in source.table(name, value)? {
        let shown = format!("{name}.{}", variable.get_ref());
        let DeValue::String(text) = value.get_ref() else {
            return Err(source.wrong(&shown, value, "it is a string, in quotes"));
        };
        if !is_variable(variable.get_ref()) || text.contains('\0') {
            let reason = "no environment can hold this variable";
            return Err(source.wrong(&shown, value, reason));
        }
        variables.insert(variable.get_ref().to_string(), text.to_string());
    }
    Ok(variables)
}

/// Reads a list of names of variables; one may end in `*`.
pub(super) fn variables(
    source: &Source<'_>,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<String>, ConfigError> {
    let names = source.strings(name, value)?;
    // A star alone would pass every secret.
    match names.iter().all(|name| is_variable(name.strip_suffix('*').unwrap_or(name))) {
        true => Ok(names),
        false => {
            let reason = "it is a list of names of variables; one may end in `*`";
            Err(source.wrong(name, value, reason))
        }
    }
}

/// Whether an environment can hold a variable of this name; `*` is for
/// patterns.
fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0', '*'])
}
