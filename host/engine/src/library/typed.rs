//! Finds the workflow of a name that the user types.
//!
//! Owns: what a typed name may mean beyond the folders of a script's children: plugins and
//! the workflows that come with a program. Never: searches for a script's children.

use std::path::{Path, PathBuf};

use smol_wf_core::surface::Surface;

use super::error::LibraryError;
use super::lookup::{Library, is_users};
use super::{Loaded, ProjectRoot, name};

/// Begins a name that means a bundled workflow, whatever else has that name.
const ONLY_BUNDLED: &str = "bundled:";

/// Begins the name of the file that stands for a bundled workflow in messages and runs.
const BUNDLED: &str = "(bundled:";

/// Where the names that a user types are looked up, in this order: the folder of the user
/// and those above it in the project, the user's own folders, plugins, bundled workflows.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The folder of the user.
    pub here: &'a Path,
    /// The user's home directory.
    pub home: Option<&'a Path>,
    /// Plugins of another program that have workflows.
    pub plugins: &'a [Plugin],
    /// Workflows that come with the program.
    pub bundled: &'a [Bundled],
}

/// A folder of workflows that belongs to a plugin; their names begin with the plugin's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// Its folder of workflows.
    pub workflows: PathBuf,
}

/// A workflow that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundled {
    /// Its name, the same as in its `meta`.
    pub name: &'static str,
    /// Its script.
    pub text: &'static str,
}

/// Where a workflow comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A folder of workflows in the project.
    Project,
    /// A folder of workflows in the user's home directory.
    User,
    /// A plugin.
    Plugin,
    /// The program.
    Bundled,
}

impl Origin {
    /// The word for it in lists and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::User => "user",
            Self::Plugin => "plugin",
            Self::Bundled => "bundled",
        }
    }
}

/// The workflow that a typed name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its script.
    pub bytes: Vec<u8>,
    /// The path that its run records.
    pub path: PathBuf,
    /// The path for messages, as in [`super::Listed::path`].
    pub shown: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Finds the workflow of a name that the user types.
///
/// # Errors
/// When the workflow does not exist, or cannot be read.
pub fn find_workflow(places: &Places<'_>, name: &str) -> Result<Found, LibraryError> {
    let home = places.home;
    let bundled = |name| Some(places.bundled.iter().find(|one| one.name == name)?.found(places));
    if let Some(found) = name.strip_prefix(ONLY_BUNDLED).and_then(bundled) {
        return Ok(found);
    }
    let root = ProjectRoot::containing(places.here, home)?;
    let folder = root.path().to_owned();
    let caller = root.relative(&places.here.join("workflow"));
    let library = Library::new(Some(root), None, home);
    let mut search = name::Search::new(name, Surface::CURRENT)?;
    if let Some(found) = library.search(&mut search, Path::new(&caller), name)? {
        let Loaded { bytes, path: shown } = found.loaded;
        let users = library.user_folders().find_map(|(place, folder)| {
            shown.strip_prefix(&place).map(|inside| folder.path().join(inside))
        });
        let path = users.unwrap_or_else(|| folder.join(&shown));
        let origin = if is_users(&path, home) { Origin::User } else { Origin::Project };
        return Ok(Found { bytes, path, shown, origin });
    }
    if let Some(found) = of_plugin(places.plugins, name)? {
        return Ok(found);
    }
    if let Some(found) = bundled(name) {
        return Ok(found);
    }
    search.also_known(places.bundled.iter().map(|bundled| bundled.name));
    Err(search.nothing())
}

/// Finds `plugin:name` among the workflows of plugins.
fn of_plugin(plugins: &[Plugin], asked: &str) -> Result<Option<Found>, LibraryError> {
    for plugin in plugins {
        let own = asked.strip_prefix(&plugin.name).and_then(|rest| rest.strip_prefix(':'));
        let Some(name) = own else { continue };
        // A plugin that was removed meanwhile has none.
        let Ok(folder) = ProjectRoot::open(&plugin.workflows) else { continue };
        let mut search = name::Search::new(name, Surface::CURRENT)?;
        if let Some(Loaded { bytes, path }) = search.in_folder(&folder, &plugin.name)? {
            let shown = format!("{}:{path}", plugin.name);
            let path = folder.path().join(path);
            return Ok(Some(Found { bytes, path, shown, origin: Origin::Plugin }));
        }
    }
    Ok(None)
}

impl Bundled {
    /// The name of the file that stands for it in messages and runs. There is no such file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{BUNDLED}{}.js)", self.name)
    }

    fn found(&self, places: &Places<'_>) -> Found {
        let shown = self.file_name();
        let path = places.here.join(&shown);
        let path = std::path::absolute(&path).unwrap_or(path);
        Found { bytes: self.text.into(), path, shown, origin: Origin::Bundled }
    }
}

/// Whether a recorded script path stands for a bundled workflow.
#[must_use]
pub fn is_bundled(script: &str) -> bool {
    let name = Path::new(script).file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(BUNDLED) && name.ends_with(')'))
}
