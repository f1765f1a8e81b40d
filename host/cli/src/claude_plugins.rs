//! The plugins of Claude Code that have workflows.
//!
//! Owns: reading its list of installed plugins, in the form of version 2.1.332.
//! Never: changes that list. Where it, or what switches plugins off, cannot be read, there
//! are none.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use smol_wf_engine::library::{self, Plugin};

/// Where Claude Code lists its plugins, from the home directory.
const INSTALLED: &str = ".claude/plugins/installed_plugins.json";

/// Where it lists those that are switched on or off.
const SETTINGS: &str = ".claude/settings.json";

/// Largest file that is read: hundreds of plugins fit.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Most plugins that are looked at; people have a dozen.
const PLUGINS_MAX: usize = 100;

/// The list of installed plugins.
#[derive(Deserialize)]
struct Installed {
    /// By `name@marketplace`; one entry per scope.
    plugins: BTreeMap<String, Vec<Installation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Installation {
    scope: String,
    install_path: PathBuf,
}

/// The part of the settings that is read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Switches {
    /// Most are booleans; only `false` switches a plugin off.
    #[serde(default)]
    enabled_plugins: BTreeMap<String, Value>,
}

/// The plugins of this user that are switched on and have a folder `workflows`.
pub(crate) fn with_workflows(home: &Path) -> Vec<Plugin> {
    let Ok(installed) = read::<Installed>(home, INSTALLED) else { return Vec::new() };
    let switches = match read::<Switches>(home, SETTINGS) {
        Ok(switches) => switches,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Switches::default(),
        Err(_) => return Vec::new(),
    };
    let is_off = |id: &String| switches.enabled_plugins.get(id) == Some(&Value::Bool(false));
    let plugins = installed.plugins.into_iter().filter(|(id, _)| !is_off(id));
    let with_workflows = plugins.filter_map(|(id, installations)| {
        // Those of a project are for that project, which need not be this one.
        let users = installations.into_iter().find(|one| one.scope == "user")?;
        let workflows = users.install_path.join("workflows");
        let name = id.split_once('@').map_or(id.as_str(), |(name, _)| name).to_owned();
        workflows.is_dir().then_some(Plugin { name, workflows })
    });
    with_workflows.take(PLUGINS_MAX).collect()
}

/// A JSON file of the home directory. Fails if it is missing or has another form.
fn read<T: serde::de::DeserializeOwned>(home: &Path, path: &str) -> io::Result<T> {
    let bytes = library::read_named(&home.join(path), FILE_BYTES_MAX, Some(home))?;
    Ok(serde_json::from_slice(&bytes)?)
}
