//! The settings in effect, each with its origin.
//!
//! Owns: the order of the layers (flags, environment, project, user, defaults)
//! and what a project may set before the user trusts it. Never: acts on a
//! setting.

mod error;
mod file;
mod find;
mod grants;
mod key;
mod origin;
mod provider;
mod trust;
mod validate;
mod value;
mod variables;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use smol_wf_core::budget::BudgetSetting;
use smol_wf_core::ids::Digest;

pub(crate) use error::FilePosition;
use file::{FileLayer, Located, Source};
use key::ProjectRight;

pub(crate) use error::ConfigError;
pub(crate) use file::{DIRS, MCP, MODEL_MAP, PROVIDERS};
pub(crate) use find::{Project, SettingsFile, project, project_file_in, user_path};
pub(crate) use grants::ServerSettings;
pub(crate) use key::{AUTO, DEBUG, Key};
pub(crate) use origin::{Origin, Sourced};
pub(crate) use provider::{ProviderKind, ProviderSettings};
pub(crate) use trust::Trust;
pub(crate) use value::{
    duration, model_alias, {Kind, Value},
};
#[cfg(test)]
pub(crate) use variables::OTHERS;

pub(crate) use trust::{add as trust, list as trusted, remove as distrust};

/// Variable with aliases: `ALIAS:SELECTOR`, separated by commas.
const MODEL_MAP_VARIABLE: &str = "SMOL_WF_MODEL_MAP";

/// The settings on the command line.
#[derive(Debug, Default)]
pub(crate) struct FlagLayer {
    /// Settings in the order of the command line; the last one of a key counts.
    pub(crate) values: Vec<(Key, Value)>,
    /// Aliases of `--model-map`: alias and selector.
    pub(crate) model_map: Vec<(String, String)>,
}

impl FlagLayer {
    /// Adds a flag if it was given.
    pub(crate) fn add(&mut self, key: Key, value: Option<&Value>) {
        self.values.extend(value.map(|value| (key, value.clone())));
    }
}

/// The settings file of a project, and the settings in it that have no effect.
#[derive(Debug, Clone)]
pub(crate) struct ProjectFile {
    /// Path of the file.
    pub(crate) file: PathBuf,
    /// The project, as an argument of `smol-wf trust`.
    pub(crate) dir: PathBuf,
    /// Digest of its text, for `SMOL_WF_TRUST`.
    pub(crate) digest: Digest,
    /// Whether the user trusts it with this text.
    pub(crate) trust: Trust,
    /// Names of the settings that are ignored until the user trusts the file.
    pub(crate) ignored: Vec<String>,
    /// Names of the settings in it that no project may set.
    never: Vec<&'static str>,
}

/// All settings in effect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Settings of [`Key`] that are set or have a default.
    values: BTreeMap<Key, Sourced<Value>>,
    /// Selectors of models by alias.
    pub(crate) model_map: BTreeMap<String, Sourced<String>>,
    /// Configured providers by name.
    pub(crate) providers: BTreeMap<String, Sourced<ProviderSettings>>,
    /// MCP servers that calls may name, by name.
    pub(crate) mcp: BTreeMap<String, Sourced<ServerSettings>>,
    /// Folders outside the project that calls may name.
    pub(crate) dirs: Option<Sourced<Vec<PathBuf>>>,
    /// Path of the user's file, if it exists.
    pub(crate) user_file: Option<PathBuf>,
    /// The project's file, if it exists.
    pub(crate) project_file: Option<ProjectFile>,
    /// Why a mark or settings file of a project was ignored.
    ignored_mark: Option<String>,
}

impl Settings {
    /// Loads all layers for `start`, a folder or a script. Fails if a settings
    /// file, a variable or the list of trusted projects cannot be read or is
    /// invalid.
    pub(crate) fn load(flags: FlagLayer, start: &Path) -> Result<Self, ConfigError> {
        let mut settings = Self::defaults();
        if let Some(found) = find::user()? {
            settings.user(&found)?;
        }
        if let Some(project) = project(start)? {
            if let Some(found) = project.read()? {
                settings.project(&found)?;
            }
            settings.ignored_mark = project.ignored_mark;
        }
        settings.environment()?;
        for (key, value) in flags.values {
            settings.set(key, value, Origin::Flag(key.row().flag));
        }
        for (alias, value) in flags.model_map {
            let origin = Origin::Flag("--model-map");
            settings.model_map.insert(alias, Sourced { value, origin });
        }
        Ok(settings)
    }

    /// The defaults.
    pub(crate) fn defaults() -> Self {
        let mut settings = Self::default();
        for key in Key::ALL {
            if let Some(value) = key.default() {
                settings.set(key, value, Origin::Default);
            }
        }
        settings
    }

    /// Overrides a setting; later layers win.
    fn set(&mut self, key: Key, value: Value, origin: Origin) {
        self.values.insert(key, Sourced { value, origin });
    }

    /// Adds the user's file.
    fn user(&mut self, found: &SettingsFile) -> Result<(), ConfigError> {
        let layer = parsed(found)?;
        let origin = |place| Origin::User { place };
        self.put(layer, origin, |_, _, _| true, true);
        self.user_file = Some(found.file.clone());
        Ok(())
    }

    /// Adds the project's file, as far as it is trusted and allowed.
    fn project(&mut self, found: &SettingsFile) -> Result<(), ConfigError> {
        let mut layer = parsed(found)?;
        let never = layer.values.extract_if(.., |key, _| key.row().project == ProjectRight::Never);
        let never = never.map(|(key, _)| key.name()).collect();
        let origin = |place| Origin::Project { place };
        let trust = trust::of(found)?;
        let trusted = trust == Trust::Trusted;
        let ignored = self.put(
            layer,
            origin,
            |key, value, before| {
                let row = key.row();
                trusted
                    || match row.project {
                        ProjectRight::Set => true,
                        ProjectRight::Lower => row.kind.is_at_most(value, before),
                        ProjectRight::Nothing | ProjectRight::Never => false,
                    }
            },
            trusted,
        );
        self.project_file = Some(ProjectFile {
            file: found.file.clone(),
            dir: found.base.clone(),
            digest: found.digest.clone(),
            trust,
            ignored,
            never,
        });
        Ok(())
    }

    /// Overrides the settings with those of a file, as far as `counts` and
    /// `trusted` allow; returns the names of the ignored ones.
    fn put(
        &mut self,
        layer: FileLayer,
        origin: impl Fn(FilePosition) -> Origin,
        counts: impl Fn(Key, &Value, Option<&Value>) -> bool,
        trusted: bool,
    ) -> Vec<String> {
        let mut ignored = Vec::new();
        for (key, Located { value, place }) in layer.values {
            let before = self.values.get(&key).map(|given| &given.value);
            if counts(key, &value, before) {
                self.set(key, value, origin(place));
            } else {
                ignored.push(key.name().to_owned());
            }
        }
        for (alias, Located { value, place }) in layer.model_map {
            self.model_map.insert(alias, Sourced { value, origin: origin(place) });
        }
        for (name, Located { value, place }) in layer.providers {
            if trusted {
                self.providers.insert(name, Sourced { value, origin: origin(place) });
            } else {
                ignored.push(format!("{PROVIDERS}.{name}"));
            }
        }
        for (name, Located { value, place }) in layer.mcp {
            if trusted {
                self.mcp.insert(name, Sourced { value, origin: origin(place) });
            } else {
                ignored.push(format!("{MCP}.{name}"));
            }
        }
        if let Some(Located { value, place }) = layer.dirs {
            if trusted {
                self.dirs = Some(Sourced { value, origin: origin(place) });
            } else {
                ignored.push(DIRS.to_owned());
            }
        }
        ignored
    }

    /// Adds the variables. Fails if one cannot be read.
    fn environment(&mut self) -> Result<(), ConfigError> {
        for key in Key::ALL {
            let row = key.row();
            let Some(raw) = variable(row.variable) else { continue };
            let value = match (row.kind, raw.into_string()) {
                (Kind::Path, Err(raw)) => Value::Path(raw.into()),
                (kind, Ok(text)) => kind
                    .read(&text)
                    .map_err(|reason| ConfigError::Variable { variable: row.variable, reason })?,
                (_, Err(_)) => {
                    let reason = "it is not UTF-8".to_owned();
                    return Err(ConfigError::Variable { variable: row.variable, reason });
                }
            };
            self.set(key, value, Origin::Variable(row.variable));
        }
        if let Some(raw) = variable(MODEL_MAP_VARIABLE) {
            let wrong = |reason| ConfigError::Variable { variable: MODEL_MAP_VARIABLE, reason };
            let text = raw.into_string().map_err(|_| wrong("it is not UTF-8".to_owned()))?;
            for (alias, value) in value::model_aliases(&text).map_err(wrong)? {
                let origin = Origin::Variable(MODEL_MAP_VARIABLE);
                self.model_map.insert(alias, Sourced { value, origin });
            }
        }
        Ok(())
    }

    /// A setting and its origin.
    pub(crate) fn get(&self, key: Key) -> Option<&Sourced<Value>> {
        self.values.get(&key)
    }

    /// The value of a text setting; `None` if it is unset. The getters below do
    /// the same for other kinds.
    pub(crate) fn text(&self, key: Key) -> Option<&str> {
        match &self.get(key)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a number, such as `--max-agents`.
    pub(crate) fn count(&self, key: Key) -> Option<u64> {
        match self.get(key)?.value {
            Value::Count(count) => Some(count),
            _ => None,
        }
    }

    /// The value of a duration, such as `--timeout`.
    pub(crate) fn duration(&self, key: Key) -> Option<std::time::Duration> {
        match self.get(key)?.value {
            Value::Duration(span) => Some(span),
            _ => None,
        }
    }

    /// The value of a path, absolute if it comes from a file.
    pub(crate) fn path(&self, key: Key) -> Option<&Path> {
        match &self.get(key)?.value {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The value of a budget; `none` is a value of its own.
    pub(crate) fn budget(&self, key: Key) -> Option<BudgetSetting> {
        match self.get(key)?.value {
            Value::Budget(budget) => Some(budget),
            _ => None,
        }
    }

    /// Whether a flag set it: a resumed run keeps its recorded values otherwise.
    pub(crate) fn is_asked(&self, key: Key) -> bool {
        self.get(key).is_some_and(|given| matches!(given.origin, Origin::Flag(_)))
    }

    /// Warnings about settings that have no effect.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let file = self.project_file.iter().flat_map(ProjectFile::warnings);
        self.ignored_mark.iter().cloned().chain(file).chain(variables::unknown()).collect()
    }
}

impl ProjectFile {
    /// The warnings about this file, at most two.
    fn warnings(&self) -> impl Iterator<Item = String> {
        self.of_trust().into_iter().chain(self.of_never())
    }

    /// The warning about settings that no project may set.
    fn of_never(&self) -> Option<String> {
        if self.never.is_empty() {
            return None;
        }
        let (file, names) = (self.file.display(), self.never.join(", "));
        Some(format!(
            "{file} sets {names}, which only you may set; it is ignored. Put it into your own settings (`smol-wf config path` shows where), or give it as a flag"
        ))
    }

    /// The warning about settings that are ignored until the file is trusted.
    fn of_trust(&self) -> Option<String> {
        if self.ignored.is_empty() {
            return None;
        }
        let why = match self.trust {
            Trust::Changed => "has changed since you trusted it",
            Trust::Trusted | Trust::Untrusted => "is not trusted",
        };
        let (file, dir, ignored) = (&self.file, &self.dir, self.ignored.join(", "));
        Some(format!(
            "{} {why}, and an untrusted project may neither set nor raise: {ignored}; these are ignored. Read the file, then type: smol-wf trust {}",
            file.display(),
            crate::shell::path(dir),
        ))
    }
}

/// The settings of a file that need trust, one line each.
pub(crate) fn settings_that_need_trust(found: &SettingsFile) -> Result<Vec<String>, ConfigError> {
    let layer = parsed(found)?;
    let values = layer.values.iter();
    let values = values
        .filter(|(key, _)| !matches!(key.row().project, ProjectRight::Set | ProjectRight::Never));
    let values = values.map(|(key, set)| format!("{} = {}", key.name(), set.value));
    let providers = layer.providers.iter();
    let providers =
        providers.map(|(name, set)| format!("{PROVIDERS}.{name}: {}", set.value.summary()));
    let servers = layer.mcp.iter();
    let servers = servers.map(|(name, set)| format!("{MCP}.{name}: {}", set.value.summary()));
    let dirs = layer.dirs.iter().map(|set| format!("{DIRS} = {}", in_words(&set.value)));
    Ok(values.chain(providers).chain(servers).chain(dirs).collect())
}

/// Folders, on one line.
pub(crate) fn in_words(dirs: &[PathBuf]) -> String {
    dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The settings of a file. Fails at its first error, with line and column.
fn parsed(found: &SettingsFile) -> Result<FileLayer, ConfigError> {
    file::read(&Source { file: &found.file, text: &found.text, base: &found.base })
}

/// A variable of the environment; `None` if it is unset or empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
