//! The sandbox in Codex's own configuration.
//!
//! Owns: which settings of this program would widen or replace the user's. Never: changes
//! the configuration, or judges the content of a profile.
//!
//! A setting on the command line replaces the user's own, whichever of them is narrower.
//! So it is given only where the user's is known to be wider.

use smol_wf_core::cut;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::cli_agent::CliOptions;
use crate::cli_agent::{Unreadable, folder, text_or_nothing, values_of};

/// What the user has chosen. The narrowest comes last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sandbox {
    /// Nothing that a setting would widen.
    Free,
    /// The mode `read-only`, explicitly.
    ReadOnly,
    /// A profile of permissions, which also limits what may be read.
    Profile,
    /// A setting that cannot be read or understood here, and where it is.
    Unknown(String),
}

/// A part of the configuration.
struct Layer {
    /// Where it is, in words.
    place: String,
    text: String,
}

/// The administrator's configuration, which the user's overrides.
const SYSTEM: &str = "/etc/codex/config.toml";

/// Most bytes of a user's value that a message shows.
const SHOWN_BYTES_MAX: usize = 60;

impl Sandbox {
    /// The narrowest choice among the user's arguments, the user's configuration, the
    /// machine's, and those of the folder's projects. Which of them Codex trusts is not
    /// known here.
    pub(super) fn chosen(options: &CliOptions, cwd: &Path) -> Self {
        Layer::all(options, cwd).map_or_else(Self::Unknown, |layers| Self::of(&layers))
    }

    fn of(layers: &[Layer]) -> Self {
        let mut tables = Vec::new();
        for layer in layers {
            match DeTable::parse(&layer.text) {
                Ok(table) => tables.push((&*layer.place, table.into_inner())),
                Err(error) => return Self::Unknown(layer.broken(&error)),
            }
        }
        let mut said: Vec<Self> =
            tables.iter().map(|(place, table)| Self::of_table(place, table)).collect();
        for (place, table) in &tables {
            let Some(profile) = get(table, "profile") else { continue };
            let DeValue::String(name) = profile else {
                return Self::Unknown(format!("`profile` in {place} is not a text"));
            };
            let defined: Vec<(&str, &DeValue<'_>)> = tables
                .iter()
                .filter_map(|(at, table)| {
                    Some((*at, get(get(table, "profiles")?.as_table()?, name)?))
                })
                .collect();
            let shown = shown(name);
            if defined.is_empty() {
                // Codex itself refuses it.
                let why = format!("the profile `{shown}`, chosen in {place}, is defined nowhere");
                said.push(Self::Unknown(why));
            }
            said.extend(defined.iter().map(|(at, one)| match one {
                DeValue::Table(table) => Self::of_table(at, table),
                _ => Self::Unknown(format!("the profile `{shown}` in {at} is not a table")),
            }));
        }
        said.into_iter().max().unwrap_or(Self::Free)
    }

    fn of_table(place: &str, table: &DeTable<'_>) -> Self {
        if get(table, "default_permissions").is_some() {
            return Self::Profile;
        }
        match get(table, "sandbox_mode") {
            None => Self::Free,
            Some(DeValue::String(mode)) => match mode.as_ref() {
                "workspace-write" | "danger-full-access" => Self::Free,
                "read-only" => Self::ReadOnly,
                mode => Self::Unknown(format!(
                    "smol-wf does not know the `sandbox_mode` `{}` in {place}",
                    shown(mode)
                )),
            },
            Some(_) => Self::Unknown(format!("`sandbox_mode` in {place} is not a text")),
        }
    }
}

impl Layer {
    /// The user's arguments, the user's configuration, the machine's, and those of the
    /// folder's projects.
    fn all(options: &CliOptions, cwd: &Path) -> Result<Vec<Self>, String> {
        let own = folder(options, "CODEX_HOME", ".codex");
        let projects = cwd.ancestors().map(|folder| folder.join(".codex"));
        let files = own.iter().cloned().chain(projects).map(|folder| folder.join("config.toml"));
        let files = files.chain([PathBuf::from(SYSTEM)]);
        let said = values_of(&options.args, "--config", Some("-c")).into_iter().map(setting);
        let mut layers = files
            .filter_map(|file| Self::read(&file).transpose())
            .chain(said.map(Ok))
            .collect::<Result<Vec<Self>, _>>()?;
        // A profile of settings may be a file of its own.
        for profile in values_of(&options.args, "--profile", Some("-p")) {
            let is_name = Path::new(profile).file_name() == Some(OsStr::new(profile));
            let file = own.as_ref().filter(|_| is_name);
            let file = file.map(|own| own.join(format!("{profile}.config.toml")));
            let read = file.map_or(Ok(None), |file| Self::read(&file))?;
            layers.push(read.unwrap_or_else(|| Self {
                place: "the argument `--profile`".to_owned(),
                text: format!("profile = {}", serde_json::Value::from(profile)),
            }));
        }
        Ok(layers)
    }

    /// Reads a file; none when it does not exist.
    fn read(file: &Path) -> Result<Option<Self>, String> {
        let place = format!("`{}`", file.display());
        match text_or_nothing(file) {
            Ok(text) => Ok(text.map(|text| Self { place, text })),
            Err(Unreadable) => Err(format!("{place} cannot be read")),
        }
    }

    /// The error without any content of the file, which may be secret.
    fn broken(&self, error: &toml::de::Error) -> String {
        let start = error.span().map_or(0, |span| span.start).min(self.text.len());
        let before = self.text.as_bytes().get(..start).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{} is not valid TOML in line {line}", self.place)
    }
}

/// The key of the developer's instructions.
const INSTRUCTIONS: &str = "developer_instructions";

/// The developer's instructions in the user's own configuration.
///
/// # Errors
/// Why they cannot be known.
pub(super) fn instructions(options: &CliOptions, cwd: &Path) -> Result<Option<String>, String> {
    let mut found = Vec::new();
    for layer in Layer::all(options, cwd)? {
        let table = DeTable::parse(&layer.text).map_err(|error| layer.broken(&error))?;
        for table in with_profiles(table.get_ref()) {
            match get(table, INSTRUCTIONS) {
                None => {}
                Some(DeValue::String(text)) => found.push(text.to_string()),
                Some(_) => {
                    return Err(format!("`{INSTRUCTIONS}` in {} is not a text", layer.place));
                }
            }
        }
    }
    // Which of several counts is not known here.
    if found.len() > 1 {
        return Err(format!("`{INSTRUCTIONS}` stands in {} places", found.len()));
    }
    Ok(found.pop())
}

/// Names of the MCP servers in the user's own configuration.
///
/// # Errors
/// Why they cannot be known.
pub(super) fn servers(options: &CliOptions, cwd: &Path) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for layer in Layer::all(options, cwd)? {
        let table = DeTable::parse(&layer.text).map_err(|error| layer.broken(&error))?;
        for table in with_profiles(table.get_ref()) {
            let own = get(table, "mcp_servers").and_then(DeValue::as_table);
            let own = own.into_iter().flat_map(|own| own.iter());
            names.extend(own.map(|(name, _)| name.get_ref().to_string()));
        }
    }
    Ok(names)
}

/// A configuration, and the profiles in it.
fn with_profiles<'t, 'i>(table: &'t DeTable<'i>) -> impl Iterator<Item = &'t DeTable<'i>> {
    let profiles = get(table, "profiles").and_then(DeValue::as_table);
    let profiles = profiles.into_iter().flat_map(|all| all.iter());
    std::iter::once(table).chain(profiles.filter_map(|(_, one)| one.get_ref().as_table()))
}

/// The part of a value that a message shows.
fn shown(value: &str) -> String {
    let head = cut::head(value, SHOWN_BYTES_MAX);
    let mark = if head.len() < value.len() { "…" } else { "" };
    format!("{}{mark}", head.escape_debug())
}

fn get<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a DeValue<'i>> {
    let mut pairs = table.iter();
    pairs.find(|(key, _)| key.get_ref() == name).map(|(_, value)| value.get_ref())
}

/// Reads a setting on the command line as a line of a configuration. Codex takes what is
/// not TOML as text.
fn setting(given: &str) -> Layer {
    let (key, value) = given.split_once('=').unwrap_or((given, ""));
    let line = format!("{key} = {value}");
    let text = match DeTable::parse(&line) {
        Ok(_) => line,
        Err(_) => {
            format!("{key} = {}", serde_json::Value::from(value.trim().trim_matches(['"', '\''])))
        }
    };
    Layer { place: format!("the argument `-c {}=…`", shown(key.trim())), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(why: &str) -> Sandbox {
        Sandbox::Unknown(why.to_owned())
    }

    #[test]
    fn the_narrowest_choice_counts() {
        let safe = "[profiles.safe]\nsandbox_mode = \"read-only\"";
        let by_profile = |name: &str| format!("profile = \"{name}\"\n{safe}");
        let nowhere = "the profile `other`, chosen in here, is defined nowhere";
        let no_mode = "smol-wf does not know the `sandbox_mode` `of-tomorrow` in here";
        for (text, chosen) in [
            ("", Sandbox::Free),
            ("sandbox_mode = \"danger-full-access\"", Sandbox::Free),
            (safe, Sandbox::Free),
            (&by_profile("safe"), Sandbox::ReadOnly),
            (&by_profile("other"), unknown(nowhere)),
            ("profile = 1", unknown("`profile` in here is not a text")),
            ("profile = 'x'\nprofiles.x = 1", unknown("the profile `x` in here is not a table")),
            ("sandbox_mode = 'read-only' # mine", Sandbox::ReadOnly),
            ("sandbox_mode = 'of-tomorrow'", unknown(no_mode)),
            ("sandbox_mode = 1", unknown("`sandbox_mode` in here is not a text")),
            ("default_permissions = \"strict\"\nsandbox_mode = \"read-only\"", Sandbox::Profile),
            ("a = 1\nnot toml", unknown("here is not valid TOML in line 2")),
        ] {
            let layer = Layer { place: "here".to_owned(), text: text.to_owned() };
            assert_eq!(Sandbox::of(&[layer]), chosen, "{text}");
        }
    }

    #[test]
    fn what_it_tells_its_agents_is_known_or_not_touched() {
        let (own, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut options = CliOptions::default();
        let path = own.path().to_string_lossy().into_owned();
        options.env.insert("CODEX_HOME".to_owned(), path);
        let set = |config: &str, args: &[&str]| {
            std::fs::write(own.path().join("config.toml"), config).unwrap();
            let args = args.iter().map(|&arg| arg.to_owned()).collect();
            CliOptions { args, ..options.clone() }
        };
        let of = |config: &str, args: &[&str]| instructions(&set(config, args), work.path());
        assert_eq!(of("model = 'm'", &[]), Ok(None));
        assert_eq!(of("developer_instructions = 'Mine.'", &[]), Ok(Some("Mine.".to_owned())));
        let given = ["-c", "developer_instructions=\"Given.\""];
        assert_eq!(of("", &given), Ok(Some("Given.".to_owned())));
        let two = of("developer_instructions = 'Mine.'", &given).unwrap_err();
        assert_eq!(two, "`developer_instructions` stands in 2 places");
        let both = set("[mcp_servers.a]\ncommand = 'x'", &["-c", "mcp_servers.b.url=\"x\""]);
        assert_eq!(servers(&both, work.path()), Ok(["a", "b"].map(str::to_owned).into()));
        for wrong in ["developer_instructions = 1", "not toml"] {
            of(wrong, &[]).unwrap_err();
        }
    }

    #[test]
    fn every_file_and_every_argument_is_heard() {
        let (own, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut options = CliOptions::default();
        let path = own.path().to_string_lossy().into_owned();
        options.env.insert("CODEX_HOME".to_owned(), path);
        let below = work.path().join("a");
        std::fs::create_dir_all(below.join("b")).unwrap();
        let chosen = || Sandbox::chosen(&options, &below.join("b"));
        assert_eq!(chosen(), Sandbox::Free);
        std::fs::write(own.path().join("config.toml"), "sandbox_mode = \"read-only\"").unwrap();
        assert_eq!(chosen(), Sandbox::ReadOnly);
        std::fs::create_dir(below.join(".codex")).unwrap();
        std::fs::write(below.join(".codex/config.toml"), "default_permissions = \"x\"").unwrap();
        assert_eq!(chosen(), Sandbox::Profile);
    }

    #[test]
    fn a_profile_that_an_argument_names_counts() {
        let own = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(own.path().join(name), text).unwrap();
        write("config.toml", "[profiles.safe]\nsandbox_mode = \"read-only\"\n[profiles.wide]\n");
        write("file.config.toml", "default_permissions = \"strict\"");
        let chosen = |args: &str| {
            let mut options = CliOptions::default();
            let path = own.path().to_string_lossy().into_owned();
            options.env.insert("CODEX_HOME".to_owned(), path);
            options.args = args.split_whitespace().map(str::to_owned).collect();
            Sandbox::chosen(&options, Path::new("/"))
        };
        let nowhere = |name: &str| {
            format!("the profile `{name}`, chosen in the argument `--profile`, is defined nowhere")
        };
        for (args, said) in [
            ("", Sandbox::Free),
            ("--profile wide", Sandbox::Free),
            ("--profile safe", Sandbox::ReadOnly),
            ("--search --profile=safe", Sandbox::ReadOnly),
            ("-p safe", Sandbox::ReadOnly),
            ("-psafe", Sandbox::ReadOnly),
            ("-c profile=safe", Sandbox::ReadOnly),
            ("--config=profile=\"safe\"", Sandbox::ReadOnly),
            ("-c profile=wide -c profiles.wide.sandbox_mode=read-only", Sandbox::ReadOnly),
            ("-c sandbox_mode=workspace-write", Sandbox::Free),
            ("-c default_permissions=strict", Sandbox::Profile),
            ("-p file", Sandbox::Profile),
            ("-p ../file", unknown(&nowhere("../file"))),
            ("-p nothing", unknown(&nowhere("nothing"))),
            (
                "-c sandbox_mode=x",
                unknown(
                    "smol-wf does not know the `sandbox_mode` `x` in the argument `-c sandbox_mode=…`",
                ),
            ),
        ] {
            assert_eq!(chosen(args), said, "{args}");
        }
        std::fs::remove_file(own.path().join("config.toml")).unwrap();
        let file = own.path().join("config.toml");
        std::fs::create_dir(&file).unwrap();
        assert_eq!(chosen(""), unknown(&format!("`{}` cannot be read", file.display())));
    }
}
