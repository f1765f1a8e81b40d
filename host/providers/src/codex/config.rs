//! What Codex's own configuration says of its sandbox.
//!
//! Owns: which of our settings would take away from the user's. Never: changes
//! the configuration, or judges what is in a profile.
//!
//! A setting on the command line stands above the user's own, whichever of them is
//! the narrower. So it is given only where the user's is known to be wider.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::drive::CliOptions;
use crate::look::{folder, text};

/// What the user has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sandbox {
    /// Nothing that we would take away.
    Free,
    /// Its mode `read-only`, in so many words.
    ReadOnly,
    /// A profile of permissions, which says what may be read as well.
    Profile,
}

impl Sandbox {
    /// Of the user's configuration and of those of the folder's projects. The
    /// narrowest counts, because which of them Codex trusts is for it to know.
    pub(super) fn chosen(options: &CliOptions, cwd: &Path) -> Self {
        let own = folder(options, "CODEX_HOME", ".codex");
        let projects = cwd.ancestors().map(|folder| folder.join(".codex"));
        let files = own.into_iter().chain(projects).map(|folder| folder.join("config.toml"));
        let said: Vec<Self> = files.filter_map(|file| Some(Self::of(&text(&file)?))).collect();
        let narrowest = [Self::Profile, Self::ReadOnly].into_iter().find(|one| said.contains(one));
        narrowest.unwrap_or(Self::Free)
    }

    fn of(text: &str) -> Self {
        // Codex itself says what is wrong with it.
        let Ok(config) = DeTable::parse(text) else { return Self::Free };
        let said = |name: &str| {
            let mut pairs = config.get_ref().iter();
            pairs.find(|(key, _)| key.get_ref() == name).map(|(_, value)| value.get_ref())
        };
        if said("default_permissions").is_some() {
            return Self::Profile;
        }
        match said("sandbox_mode") {
            Some(DeValue::String(mode)) if mode == "read-only" => Self::ReadOnly,
            _ => Self::Free,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_choice_counts() {
        for (text, chosen) in [
            ("", Sandbox::Free),
            ("sandbox_mode = \"danger-full-access\"", Sandbox::Free),
            ("[profiles.x]\nsandbox_mode = \"read-only\"", Sandbox::Free),
            ("sandbox_mode = 'read-only' # mine", Sandbox::ReadOnly),
            ("default_permissions = \"strict\"\nsandbox_mode = \"read-only\"", Sandbox::Profile),
            ("not toml", Sandbox::Free),
        ] {
            assert_eq!(Sandbox::of(text), chosen, "{text}");
        }
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
}
