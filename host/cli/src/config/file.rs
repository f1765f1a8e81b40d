//! Reads the text of a settings file.
//!
//! Owns: TOML to values, each with its place, and the errors. Never: opens a
//! file, or decides whether a setting takes effect.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, FilePosition};
use super::grants::{self, ServerSettings};
use super::key::Key;
use super::provider::{self, ProviderSettings};
use super::value::{Kind, Value};

/// The table of model aliases.
pub(crate) const MODEL_MAP: &str = "model_map";
/// The table of providers.
pub(crate) const PROVIDERS: &str = "providers";
/// The table of MCP servers.
pub(crate) const MCP: &str = "mcp";
/// The list of folders outside a project.
pub(crate) const DIRS: &str = "dirs";

/// A value and its place in the file.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    /// The value as it was read; paths are absolute.
    pub(crate) value: T,
    /// Where it begins.
    pub(crate) place: FilePosition,
}

/// All settings of one file.
#[derive(Debug, Default)]
pub(crate) struct FileLayer {
    /// Settings of [`Key`].
    pub(crate) values: BTreeMap<Key, Located<Value>>,
    /// Selectors of models by alias.
    pub(crate) model_map: BTreeMap<String, Located<String>>,
    /// Providers by name.
    pub(crate) providers: BTreeMap<String, Located<ProviderSettings>>,
    /// MCP servers by name.
    pub(crate) mcp: BTreeMap<String, Located<ServerSettings>>,
    /// Folders outside the project, as absolute paths.
    pub(crate) dirs: Option<Located<Vec<PathBuf>>>,
}

/// A file being read: for places in errors and for relative paths.
pub(crate) struct Source<'a> {
    /// Path of the file, for positions.
    pub(crate) file: &'a Path,
    /// The whole text.
    pub(crate) text: &'a str,
    /// Folder that relative paths start from.
    pub(crate) base: &'a Path,
}

/// Reads the text of a file. Fails at the first error, with its place.
pub(crate) fn read(source: &Source<'_>) -> Result<FileLayer, ConfigError> {
    let table = DeTable::parse(source.text).map_err(|error| ConfigError::Syntax {
        place: source.place(error.span().map_or(0, |span| span.start)),
        reason: error.message().replace('\n', "; "),
    })?;
    let mut layer = FileLayer::default();
    for (name, value) in table.get_ref() {
        match name.get_ref().as_ref() {
            MODEL_MAP => layer.model_map = model_map(source, value)?,
            PROVIDERS => layer.providers = provider::read(source, value)?,
            MCP => layer.mcp = grants::servers(source, value)?,
            DIRS => layer.dirs = Some(grants::dirs(source, value)?),
            text => {
                let key = Key::named(text).ok_or_else(|| source.unknown(name, &names()))?;
                let place = source.place(value.span().start);
                let value = source.value(key, value)?;
                layer.values.insert(key, Located { value, place });
            }
        }
    }
    Ok(layer)
}

/// All names at the top level of a file, for suggestions.
fn names() -> Vec<&'static str> {
    Key::ALL.into_iter().map(Key::name).chain([MODEL_MAP, PROVIDERS, MCP, DIRS]).collect()
}

/// Reads the table of aliases.
fn model_map(
    source: &Source<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<BTreeMap<String, Located<String>>, ConfigError> {
    let mut aliases = BTreeMap::new();
    for (alias, selector) in source.table(MODEL_MAP, value)? {
        let name = alias.get_ref().to_string();
        let shown = format!("{MODEL_MAP}.{name}");
        let text = source.string(&shown, selector)?;
        let place = source.place(selector.span().start);
        let read = Kind::Selector.read(&text);
        read.map_err(|reason| source.wrong(&shown, selector, reason))?;
        aliases.insert(name, Located { value: text, place });
    }
    Ok(aliases)
}

impl Source<'_> {
    /// The place of the byte at `offset`.
    pub(crate) fn place(&self, offset: usize) -> FilePosition {
        FilePosition::of(self.file, self.text, offset)
    }

    /// The error about a value.
    pub(crate) fn wrong(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        reason: impl Into<String>,
    ) -> ConfigError {
        let place = self.place(value.span().start);
        ConfigError::Value { place, name: name.to_owned(), reason: reason.into() }
    }

    /// The error about an unknown name, with a similar known one.
    pub(crate) fn unknown<T: AsRef<str>>(
        &self,
        name: &Spanned<T>,
        known: &[&'static str],
    ) -> ConfigError {
        let text = name.get_ref().as_ref();
        ConfigError::UnknownKey {
            place: self.place(name.span().start),
            name: text.to_owned(),
            similar: similar(text, known).map(str::to_owned),
        }
    }

    /// A table, or an error that shows how to write one.
    pub(crate) fn table<'t, 'i>(
        &self,
        name: &str,
        value: &'t Spanned<DeValue<'i>>,
    ) -> Result<&'t DeTable<'i>, ConfigError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.wrong(name, value, format!("it is a table: write [{name}]"))),
        }
    }

    /// A string that is not empty and holds no NUL.
    pub(crate) fn string(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<String, ConfigError> {
        match value.get_ref() {
            DeValue::String(text) if text.contains('\0') => {
                Err(self.wrong(name, value, "it holds a NUL character"))
            }
            DeValue::String(text) if !text.is_empty() => Ok(text.to_string()),
            DeValue::String(_) => Err(self.wrong(name, value, "it is empty")),
            _ => Err(self.wrong(name, value, "it is a string, in quotes")),
        }
    }

    /// A list of such strings.
    pub(crate) fn strings(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<String>, ConfigError> {
        match value.get_ref() {
            DeValue::Array(values) => values.iter().map(|each| self.string(name, each)).collect(),
            _ => Err(self.wrong(name, value, "it is a list of strings: [\"a\", \"b\"]")),
        }
    }

    /// The value of a setting, of its kind. Paths become absolute.
    fn value(&self, key: Key, value: &Spanned<DeValue<'_>>) -> Result<Value, ConfigError> {
        let (name, kind) = (key.name(), key.row().kind);
        let (number, string) = kind.in_files();
        let text = match value.get_ref() {
            DeValue::Integer(digits) if number && digits.radix() == 10 => digits.to_string(),
            DeValue::String(_) if string => self.string(name, value)?,
            _ => {
                let wanted = match (number, string) {
                    (true, true) => "it is a string in quotes, or a whole number",
                    (true, false) => "it is a whole number, without quotes",
                    _ => "it is a string, in quotes",
                };
                return Err(self.wrong(name, value, wanted));
            }
        };
        let read = kind.read(&text).map_err(|reason| self.wrong(name, value, reason))?;
        Ok(match (kind, read) {
            (Kind::Path, Value::Path(path)) => Value::Path(self.path(&path)),
            (_, read) => read,
        })
    }

    /// A path of this file as an absolute path; `~/` is the user's home.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), crate::paths::home()) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => self.base.join(path),
        }
    }
}

/// The known name that differs by a few letters only.
fn similar<'n>(text: &str, known: &[&'n str]) -> Option<&'n str> {
    let distance = |name: &str| strsim::osa_distance(&text.replace('-', "_"), name);
    let most = (text.chars().count() / 3).max(1);
    known.iter().copied().filter(|name| distance(name) <= most).min_by_key(|name| distance(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        let source = Source { file: Path::new("c.toml"), text, base: Path::new("/base") };
        read(&source).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_place_and_what_to_write() {
        for (text, says) in [
            ("a = ", "c.toml:1:5: not TOML"),
            (
                "\nmax-agents = 5",
                "c.toml:2:1: there is no setting `max-agents`; did you mean `max_agents`?",
            ),
            ("modle = 'x'", "did you mean `model`?"),
            ("zebra = 1", "c.toml:1:1: there is no setting `zebra`; `smol-wf"),
            ("max_agents = '5'", "c.toml:1:14: `max_agents`: it is a whole number, without quotes"),
            ("max_agents = 0", "`max_agents`: expected a whole number from 1 to 1000000"),
            ("max_agents = 0x10", "it is a whole number"),
            ("permissions = 'all'", "expected one of read, write"),
            ("timeout = '5 minutes'", "not a unit of time"),
            ("timeout = true", "it is a string in quotes, or a whole number"),
            ("model_map = 1", "it is a table: write [model_map]"),
            ("[model_map]\nfast = 3", "c.toml:2:8: `model_map.fast`: it is a string"),
            ("[model_map]\nfast = 'x?foo=bar'", "c.toml:2:8: `model_map.fast`: it is not a model"),
            ("model = 'x?provider='", "c.toml:1:9: `model`: it is not a model; a model reads ID"),
            ("provider = \"a\\u0000b\"", "NUL"),
            (
                "[providers.x]\nkind = 'command'\ncomand = ['x']",
                "c.toml:3:1: there is no setting `comand`; did you mean `command`?",
            ),
        ] {
            let said = error_of(text);
            assert!(said.contains(says), "{text}: {said}");
        }
    }

    #[test]
    fn no_error_repeats_a_value() {
        for text in ["model = 7777", "db = ['7777']", "timeout = '7777x7777'", "a = 7777 7777"] {
            // The unit of a duration is shown, but not its number.
            let said = error_of(text);
            assert!(!said.contains("7777 ") && !said.contains("'7777"), "{said}");
        }
    }

    #[test]
    fn relative_paths_start_at_the_files_base() {
        let text = "db = 'runs.db'\ntimeout = '90s'\nbudget = '$5'";
        let source = Source { file: Path::new("c.toml"), text, base: Path::new("/base") };
        let layer = read(&source).unwrap();
        assert_eq!(layer.values[&Key::Db].value, Value::Path("/base/runs.db".into()));
        assert_eq!(layer.values[&Key::Timeout].value.to_string(), "90s");
        assert_eq!(layer.values[&Key::Budget].place.line, 3);
    }
}
