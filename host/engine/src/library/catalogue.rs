//! Lists the workflows that a user can start by name.
//!
//! Owns: what is known of each file without running it, and which workflow a name means.
//! Never: the order of folders, which [`super::lookup`] and [`super::name`] have.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use smol_wf_core::codes::Code;
use smol_wf_core::ids::Digest;
use smol_wf_core::script::{Meta, Script, ScriptRefusal};
use smol_wf_core::surface::Surface;

use super::error::{LibraryError, shown};
use super::lookup::{Library, is_users};
use super::typed::{Origin, Places};
use super::{ProjectRoot, name, path};
use crate::read_script::read_script_now;

/// Workflows in the order in which names are looked up, and what could not be read.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The nearest first.
    pub workflows: Vec<Listed>,
    /// Folders that cannot be read.
    pub problems: Vec<LibraryError>,
    /// Folders with too many files; only the first ones by name are listed.
    pub crowded: Vec<String>,
}

/// A file of workflows, or a bundled workflow.
#[derive(Debug)]
pub struct Listed {
    /// Its name: that of its `meta`, or of its file when `meta` cannot be read. Workflows
    /// of plugins have the plugin's name before it.
    pub name: String,
    /// Its file name without the ending, which also starts it when no `meta` has that name.
    stem: String,
    /// What it says about itself.
    pub meta: Result<Meta, Unlisted>,
    /// Where it comes from.
    pub origin: Origin,
    /// Its path from the project's root, from `~`, or in its plugin.
    pub path: String,
    /// Its file; none for a bundled one.
    pub file: Option<PathBuf>,
    /// Digest of its text, if that can be read.
    pub digest: Option<Digest>,
    /// Workflows of one level have the same number: their `meta` comes before file names.
    level: usize,
}

/// Why `meta` of a file is not known.
#[derive(Debug)]
pub enum Unlisted {
    /// The file cannot be read.
    File(LibraryError),
    /// Its script is refused.
    Script(Box<ScriptRefusal>),
}

impl Unlisted {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::File(error) => error.code(),
            Self::Script(refused) => refused.code,
        }
    }
}

/// Lists the workflows that a user can start by name.
///
/// # Errors
/// When the folder of the user cannot be opened.
pub fn list_workflows(places: &Places<'_>) -> Result<Catalogue, LibraryError> {
    let root = ProjectRoot::containing(places.here, places.home)?;
    let caller = root.relative(&places.here.join("workflow"));
    let mut all = Catalogue::default();
    let mut level = 0;
    for folders in name::levels(&path::directory_of(Path::new(&caller))) {
        for folder in &folders {
            let is_users = is_users(&root.path().join(folder), places.home);
            let origin = if is_users { Origin::User } else { Origin::Project };
            all.add(&Shelf { root: &root, folder, before: "", prefix: "", origin, level });
        }
        level += 1;
    }
    let library = Library::new(None, None, places.home);
    for (before, folder) in library.user_folders() {
        level += 1;
        // The home directory itself may be where the user is.
        let is_listed = |one: &Listed| {
            one.file
                .as_deref()
                .is_some_and(|file| one.origin == Origin::User && file.starts_with(folder.path()))
        };
        if !all.workflows.iter().any(is_listed) {
            let (before, origin) = (before.as_str(), Origin::User);
            all.add(&Shelf { root: &folder, folder: ".", before, prefix: "", origin, level });
        }
    }
    for plugin in places.plugins {
        level += 1;
        let Ok(folder) = ProjectRoot::open(&plugin.workflows) else { continue };
        let prefix = format!("{}:", plugin.name);
        let (before, origin) = (prefix.as_str(), Origin::Plugin);
        all.add(&Shelf { root: &folder, folder: ".", before, prefix: &prefix, origin, level });
    }
    for bundled in places.bundled {
        let script = Script::read(bundled.text.as_bytes(), bundled.name);
        all.workflows.push(Listed {
            name: bundled.name.to_owned(),
            stem: bundled.name.to_owned(),
            path: bundled.file_name(),
            file: None,
            digest: Some(Digest::of(bundled.text.as_bytes())),
            meta: script.map(|script| script.meta).map_err(|no| Unlisted::Script(Box::new(no))),
            origin: Origin::Bundled,
            level: level + 1,
        });
    }
    Ok(all)
}

impl Listed {
    fn folder(&self) -> Option<&Path> {
        self.file.as_deref().and_then(Path::parent)
    }
}

/// A folder whose workflows are listed.
struct Shelf<'a> {
    root: &'a ProjectRoot,
    /// Its path from the root.
    folder: &'a str,
    /// What stands before the path of a file in messages.
    before: &'a str,
    /// What stands before the name of a workflow.
    prefix: &'a str,
    origin: Origin,
    level: usize,
}

impl Catalogue {
    /// The workflow that a name means.
    #[must_use]
    pub fn meant_by(&self, name: &str) -> Option<&Listed> {
        let levels = self.workflows.chunk_by(|one, next| one.level == next.level);
        for level in levels {
            let by_meta = level.iter().find(|one| one.meta.is_ok() && one.name == name);
            let mut by_file = level.iter().filter(|one| one.stem == name);
            let Some(found) = by_meta.or_else(|| by_file.next()) else { continue };
            // Of two endings in one folder, the one that sorts later is preferred.
            let twin = by_file.next().filter(|twin| twin.folder() == found.folder());
            return by_meta.or(twin).or(Some(found));
        }
        None
    }

    /// The workflow that the name of this one means instead.
    #[must_use]
    pub fn hidden_by(&self, listed: &Listed) -> Option<&Listed> {
        self.meant_by(&listed.name).filter(|meant| !std::ptr::eq(*meant, listed))
    }

    /// The other workflows of this name.
    pub fn hidden_behind<'a>(&'a self, listed: &'a Listed) -> impl Iterator<Item = &'a Listed> {
        let others = self.workflows.iter().filter(|other| other.name == listed.name);
        others.filter(move |other| {
            self.hidden_by(other).is_some_and(|meant| std::ptr::eq(meant, listed))
        })
    }

    fn add(&mut self, shelf: &Shelf<'_>) {
        let (files, is_cut) = match name::files(shelf.root, shelf.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => {
                let path = format!("{}{}", shelf.before, shelf.folder);
                self.problems.push(match super::named::is_escape(&error) {
                    true => shelf.root.failed(shelf.folder, error),
                    false => LibraryError::at(shown(&path), error),
                });
                return;
            }
        };
        if is_cut {
            self.crowded.push(shown(&format!("{}{}", shelf.before, shelf.folder)));
        }
        self.workflows.extend(files.iter().map(|file_name| shelf.listed(file_name)));
    }
}

impl Shelf<'_> {
    /// What is known of a file.
    fn listed(&self, file_name: &str) -> Listed {
        let inside = match self.folder {
            "." => file_name.to_owned(),
            folder => format!("{folder}/{file_name}"),
        };
        let loaded = self.root.load(inside.clone());
        let digest = loaded.as_ref().ok().map(|loaded| Digest::of(&loaded.bytes));
        let meta = loaded.map_err(Unlisted::File).and_then(|loaded| {
            let script = read_script_now(&loaded.bytes, file_name, Surface::CURRENT);
            script.map(|script| script.meta).map_err(|no| Unlisted::Script(Box::new(no)))
        });
        let stem = format!("{}{}", self.prefix, name::stem(file_name).unwrap_or(file_name));
        let name =
            meta.as_ref().map_or(stem.clone(), |meta| format!("{}{}", self.prefix, meta.name));
        Listed {
            name,
            stem,
            meta,
            origin: self.origin,
            path: format!("{}{}", self.before, shown(&inside)),
            file: Some(self.root.path().join(&inside)),
            digest,
            level: self.level,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::typed::{Bundled, Plugin, find_workflow};
    use super::*;

    const BUNDLED: [Bundled; 2] = [
        Bundled { name: "a", text: "export const meta = { name: 'a', description: 'd' }" },
        Bundled { name: "e", text: "export const meta = { name: 'e', description: 'd' }" },
    ];

    #[test]
    fn the_list_names_what_a_name_starts() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for (path, name) in [
            ("app/.git/x.js", ""),
            ("app/sub/.claude/workflows/b.js", "a"),
            ("app/sub/.agents/workflows/a.mjs", "b"),
            ("app/.agents/workflows/c.js", "d"),
            ("app/.agents/workflows/c.mjs", "d"),
            ("app/.agents/workflows/broken.js", ""),
            ("app/.claude/workflows/e.js", "c"),
            ("app/.claude/workflows/d.js", "d"),
            ("home/.agents/workflows/m.js", "broken"),
            ("home/.claude/workflows/n.js", "m"),
            ("plugin/p.js", "q"),
        ] {
            let path = at(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let meta = format!("export const meta = {{ name: '{name}', description: 'd' }}");
            std::fs::write(path, meta).unwrap();
        }
        let plugins = [Plugin { name: "t".to_owned(), workflows: at("plugin") }];
        let home = at("home");
        for here in ["app/sub", "app", "home", "home/other"] {
            std::fs::create_dir_all(at(here)).unwrap();
            let (here, home) = (at(here), Some(home.as_path()));
            let places = Places { here: &here, home, plugins: &plugins, bundled: &BUNDLED };
            let all = list_workflows(&places).unwrap();
            let names = ["a", "b", "c", "d", "e", "m", "n", "broken", "t:p", "t:q", "p", "x"];
            for name in names {
                let listed = all.meant_by(name).map(|one| (one.path.clone(), one.origin));
                let found = find_workflow(&places, name).ok().map(|one| (one.shown, one.origin));
                assert_eq!(listed, found, "{name} in {}", here.display());
            }
        }
    }
}
