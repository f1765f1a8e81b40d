//! Settings: what is in force, and who said so.
//!
//! Owns: the order of the layers (flags, environment, project, user, defaults)
//! and what a project may say before the user trusts it. Never: acts on a
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

/// Aliases of the environment: `ALIAS:SELECTOR`, with commas between them.
const MODEL_MAP_VARIABLE: &str = "SMOL_WF_MODEL_MAP";

/// What the command line says.
#[derive(Debug, Default)]
pub(crate) struct FlagLayer {
    pub(crate) values: Vec<(Key, Value)>,
    pub(crate) model_map: Vec<(String, String)>,
}

impl FlagLayer {
    /// Adds a flag, when it was given.
    pub(crate) fn add(&mut self, key: Key, value: Option<&Value>) {
        self.values.extend(value.map(|value| (key, value.clone())));
    }
}

/// A project's file, and what of it does not count.
#[derive(Debug)]
pub(crate) struct ProjectFile {
    pub(crate) file: PathBuf,
    /// The project as `smol-wf trust` takes it.
    pub(crate) dir: PathBuf,
    pub(crate) digest: Digest,
    pub(crate) trust: Trust,
    /// Names of the settings that are ignored until the user trusts the file.
    pub(crate) ignored: Vec<String>,
    /// Names of those that no project may set.
    never: Vec<&'static str>,
}

/// All settings in force.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    values: BTreeMap<Key, Sourced<Value>>,
    pub(crate) model_map: BTreeMap<String, Sourced<String>>,
    /// Those that are configured.
    pub(crate) providers: BTreeMap<String, Sourced<ProviderSettings>>,
    /// MCP servers that calls may name.
    pub(crate) mcp: BTreeMap<String, Sourced<ServerSettings>>,
    /// Folders outside of the project that calls may name.
    pub(crate) dirs: Option<Sourced<Vec<PathBuf>>>,
    pub(crate) user_file: Option<PathBuf>,
    pub(crate) project_file: Option<ProjectFile>,
    /// Why a project's mark or file does not count.
    passed_over: Option<String>,
}

impl Settings {
    /// The settings for work in `start`, a folder, or on a script.
    pub(crate) fn load(flags: FlagLayer, start: &Path) -> Result<Self, ConfigError> {
        let mut settings = Self::defaults();
        if let Some(found) = find::user()? {
            settings.user(&found)?;
        }
        if let Some(project) = project(start)? {
            if let Some(found) = project.read()? {
                settings.project(&found)?;
            }
            settings.passed_over = project.passed_over;
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

    /// The settings that are in force when nobody says anything.
    pub(crate) fn defaults() -> Self {
        let mut settings = Self::default();
        for key in Key::ALL {
            if let Some(value) = key.default() {
                settings.set(key, value, Origin::Default);
            }
        }
        settings
    }

    fn set(&mut self, key: Key, value: Value, origin: Origin) {
        self.values.insert(key, Sourced { value, origin });
    }

    fn user(&mut self, found: &SettingsFile) -> Result<(), ConfigError> {
        let said = parsed(found)?;
        let origin = |place| Origin::User { place };
        self.put(said, origin, |_, _, _| true, true);
        self.user_file = Some(found.file.clone());
        Ok(())
    }

    fn project(&mut self, found: &SettingsFile) -> Result<(), ConfigError> {
        let mut said = parsed(found)?;
        let never = said.values.extract_if(.., |key, _| key.row().project == ProjectRight::Never);
        let never = never.map(|(key, _)| key.name()).collect();
        let origin = |place| Origin::Project { place };
        let trust = trust::of(found)?;
        let trusted = trust == Trust::Trusted;
        let ignored = self.put(
            said,
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

    /// Puts what a file says over what there is; the names of what does not
    /// count come back.
    fn put(
        &mut self,
        said: FileLayer,
        origin: impl Fn(FilePosition) -> Origin,
        counts: impl Fn(Key, &Value, Option<&Value>) -> bool,
        trusted: bool,
    ) -> Vec<String> {
        let mut ignored = Vec::new();
        for (key, Located { value, place }) in said.values {
            let before = self.values.get(&key).map(|given| &given.value);
            if counts(key, &value, before) {
                self.set(key, value, origin(place));
            } else {
                ignored.push(key.name().to_owned());
            }
        }
        for (alias, Located { value, place }) in said.model_map {
            self.model_map.insert(alias, Sourced { value, origin: origin(place) });
        }
        for (name, Located { value, place }) in said.providers {
            if trusted {
                self.providers.insert(name, Sourced { value, origin: origin(place) });
            } else {
                ignored.push(format!("{PROVIDERS}.{name}"));
            }
        }
        for (name, Located { value, place }) in said.mcp {
            if trusted {
                self.mcp.insert(name, Sourced { value, origin: origin(place) });
            } else {
                ignored.push(format!("{MCP}.{name}"));
            }
        }
        if let Some(Located { value, place }) = said.dirs {
            if trusted {
                self.dirs = Some(Sourced { value, origin: origin(place) });
            } else {
                ignored.push(DIRS.to_owned());
            }
        }
        ignored
    }

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

    /// A setting and who said so.
    pub(crate) fn get(&self, key: Key) -> Option<&Sourced<Value>> {
        self.values.get(&key)
    }

    pub(crate) fn text(&self, key: Key) -> Option<&str> {
        match &self.get(key)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn count(&self, key: Key) -> Option<u64> {
        match self.get(key)?.value {
            Value::Count(count) => Some(count),
            _ => None,
        }
    }

    pub(crate) fn duration(&self, key: Key) -> Option<std::time::Duration> {
        match self.get(key)?.value {
            Value::Duration(span) => Some(span),
            _ => None,
        }
    }

    pub(crate) fn path(&self, key: Key) -> Option<&Path> {
        match &self.get(key)?.value {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    pub(crate) fn budget(&self, key: Key) -> Option<BudgetSetting> {
        match self.get(key)?.value {
            Value::Budget(budget) => Some(budget),
            _ => None,
        }
    }

    /// Whether the user asked for it just now, rather than once and for all: a
    /// run that is taken up keeps what it was started with otherwise.
    pub(crate) fn is_asked(&self, key: Key) -> bool {
        self.get(key).is_some_and(|given| matches!(given.origin, Origin::Flag(_)))
    }

    /// What the user has to know about where the settings come from.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let file = self.project_file.iter().flat_map(ProjectFile::warnings);
        self.passed_over.iter().cloned().chain(file).chain(variables::unknown()).collect()
    }
}

impl ProjectFile {
    fn warnings(&self) -> impl Iterator<Item = String> {
        self.of_trust().into_iter().chain(self.of_never())
    }

    fn of_never(&self) -> Option<String> {
        if self.never.is_empty() {
            return None;
        }
        let (file, names) = (self.file.display(), self.never.join(", "));
        Some(format!(
            "{file} sets {names}, which is for you alone to set; it is ignored. Write it into your own settings (`smol-wf config path` says where), or give it as a flag"
        ))
    }

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

/// What a file says that needs trust, in words.
pub(crate) fn needing_trust(found: &SettingsFile) -> Result<Vec<String>, ConfigError> {
    let said = parsed(found)?;
    let values = said.values.iter();
    let values = values
        .filter(|(key, _)| !matches!(key.row().project, ProjectRight::Set | ProjectRight::Never));
    let values = values.map(|(key, said)| format!("{} = {}", key.name(), said.value));
    let providers = said.providers.iter();
    let providers =
        providers.map(|(name, said)| format!("{PROVIDERS}.{name}: {}", said.value.summary()));
    let servers = said.mcp.iter();
    let servers = servers.map(|(name, said)| format!("{MCP}.{name}: {}", said.value.summary()));
    let dirs = said.dirs.iter().map(|said| format!("{DIRS} = {}", in_words(&said.value)));
    Ok(values.chain(providers).chain(servers).chain(dirs).collect())
}

/// Folders, on one line.
pub(crate) fn in_words(dirs: &[PathBuf]) -> String {
    dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn parsed(found: &SettingsFile) -> Result<FileLayer, ConfigError> {
    file::read(&Source { file: &found.file, text: &found.text, base: &found.base })
}

/// A variable of the environment; an empty one counts as none.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
