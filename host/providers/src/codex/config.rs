//! What Codex's own configuration says of its sandbox.
//!
//! Owns: which of our settings would take away from the user's. Never: changes
//! the configuration, or judges what is in a profile.
//!
//! A setting on the command line stands above the user's own, whichever of them is
//! the narrower. So it is given only where the user's is known to be wider.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use crate::drive::CliOptions;
use crate::look::{folder, text_or_nothing, values_of};

/// What the user has chosen; the narrowest comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sandbox {
    /// Nothing that we would take away.
    Free,
    /// Its mode `read-only`, in so many words.
    ReadOnly,
    /// A profile of permissions, which says what may be read as well.
    Profile,
    /// Something that cannot be read or understood here.
    Unknown,
}

/// Where an administrator's configuration is; it stands below the user's.
const SYSTEM: &str = "/etc/codex/config.toml";

impl Sandbox {
    /// Of the user's arguments, the user's configuration, the machine's, and those of
    /// the folder's projects. The narrowest counts, because which of them Codex
    /// trusts is for it to know.
    pub(super) fn chosen(options: &CliOptions, cwd: &Path) -> Self {
        let own = folder(options, "CODEX_HOME", ".codex");
        let projects = cwd.ancestors().map(|folder| folder.join(".codex"));
        let files = own.iter().cloned().chain(projects).map(|folder| folder.join("config.toml"));
        let files = files.chain([PathBuf::from(SYSTEM)]);
        let said = values_of(&options.args, "--config", Some("-c")).into_iter().map(setting);
        let Ok(mut layers) = files
            .filter_map(|file| text_or_nothing(&file).transpose())
            .chain(said.map(Ok))
            .collect::<Result<Vec<String>, _>>()
        else {
            return Self::Unknown;
        };
        // A profile of settings may be a file of its own.
        for profile in values_of(&options.args, "--profile", Some("-p")) {
            let is_name = Path::new(profile).file_name() == Some(OsStr::new(profile));
            let file = own.as_ref().filter(|_| is_name);
            let file = file.map(|own| own.join(format!("{profile}.config.toml")));
            match file.map_or(Ok(None), |file| text_or_nothing(&file)) {
                Ok(Some(text)) => layers.push(text),
                Ok(None) => layers.push(format!("profile = {}", serde_json::Value::from(profile))),
                Err(_) => return Self::Unknown,
            }
        }
        Self::of(&layers)
    }

    fn of(layers: &[String]) -> Self {
        let layers = layers.iter().map(|text| DeTable::parse(text));
        let Ok(layers) = layers.collect::<Result<Vec<_>, _>>() else { return Self::Unknown };
        let layers: Vec<&DeTable<'_>> = layers.iter().map(toml::Spanned::get_ref).collect();
        let mut said: Vec<Self> = layers.iter().map(|layer| Self::of_table(layer)).collect();
        for profile in layers.iter().filter_map(|layer| get(layer, "profile")) {
            let DeValue::String(name) = profile else { return Self::Unknown };
            let defined: Vec<&DeValue<'_>> = layers
                .iter()
                .filter_map(|layer| get(get(layer, "profiles")?.as_table()?, name))
                .collect();
            // One that is defined nowhere is for Codex to refuse.
            said.extend(defined.is_empty().then_some(Self::Unknown));
            said.extend(defined.iter().map(|one| match one {
                DeValue::Table(table) => Self::of_table(table),
                _ => Self::Unknown,
            }));
        }
        said.into_iter().max().unwrap_or(Self::Free)
    }

    fn of_table(table: &DeTable<'_>) -> Self {
        if get(table, "default_permissions").is_some() {
            return Self::Profile;
        }
        match get(table, "sandbox_mode") {
            None => Self::Free,
            Some(DeValue::String(mode)) => match mode.as_ref() {
                "workspace-write" | "danger-full-access" => Self::Free,
                "read-only" => Self::ReadOnly,
                _ => Self::Unknown,
            },
            Some(_) => Self::Unknown,
        }
    }
}

fn get<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a DeValue<'i>> {
    let mut pairs = table.iter();
    pairs.find(|(key, _)| key.get_ref() == name).map(|(_, value)| value.get_ref())
}

/// A setting on the command line as a line of a configuration. Codex takes what is
/// not TOML for text.
fn setting(given: &str) -> String {
    let (key, value) = given.split_once('=').unwrap_or((given, ""));
    let line = format!("{key} = {value}");
    if DeTable::parse(&line).is_ok() {
        return line;
    }
    format!("{key} = {}", serde_json::Value::from(value.trim().trim_matches(['"', '\''])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_choice_counts() {
        let safe = "[profiles.safe]\nsandbox_mode = \"read-only\"";
        let by_profile = |name: &str| format!("profile = \"{name}\"\n{safe}");
        for (text, chosen) in [
            ("", Sandbox::Free),
            ("sandbox_mode = \"danger-full-access\"", Sandbox::Free),
            (safe, Sandbox::Free),
            (&by_profile("safe"), Sandbox::ReadOnly),
            (&by_profile("other"), Sandbox::Unknown),
            ("profile = 1", Sandbox::Unknown),
            ("sandbox_mode = 'read-only' # mine", Sandbox::ReadOnly),
            ("sandbox_mode = 'of-tomorrow'", Sandbox::Unknown),
            ("default_permissions = \"strict\"\nsandbox_mode = \"read-only\"", Sandbox::Profile),
            ("not toml", Sandbox::Unknown),
        ] {
            assert_eq!(Sandbox::of(&[text.to_owned()]), chosen, "{text}");
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
            ("-p ../file", Sandbox::Unknown),
            ("-p nothing", Sandbox::Unknown),
        ] {
            assert_eq!(chosen(args), said, "{args}");
        }
        std::fs::remove_file(own.path().join("config.toml")).unwrap();
        std::fs::create_dir(own.path().join("config.toml")).unwrap();
        assert_eq!(chosen(""), Sandbox::Unknown);
    }
}
