//! Finds the workflows that a script names.
//!
//! Owns: the order of the folders: the caller's, the run's, the project's root, the user's
//! own workflows. Never: searches any other folder.

use std::path::{Path, PathBuf};

use smol_wf_core::step_request::WorkflowTarget;
use smol_wf_core::surface::Surface;

use super::error::{LibraryError, shown};
use super::{Loaded, ProjectRoot, name, path};
use crate::error::EngineError;

/// The name of the home folder in recorded paths.
const HOME: &str = "~";

/// The folders that a run's scripts may take workflows from.
#[derive(Debug)]
pub(crate) struct Library {
    /// None when the project is gone: then only the user's own workflows are left.
    root: Option<ProjectRoot>,
    /// The folder that agents work in, from the root, if it lies inside.
    cwd: Option<Vec<String>>,
    home: Option<PathBuf>,
}

/// The script that a path or name resolves to.
#[derive(Debug)]
pub(crate) struct ResolvedScript {
    pub(crate) loaded: Loaded,
    /// A warning about another file that the same path or name means elsewhere.
    pub(crate) warning: Option<String>,
}

impl Library {
    /// The folders of a run whose agents work in `cwd`.
    pub(crate) fn new(root: Option<ProjectRoot>, cwd: Option<&Path>, home: Option<&Path>) -> Self {
        let inside = |root: &ProjectRoot| {
            let inside = cwd?.canonicalize().ok()?.strip_prefix(root.path()).ok()?.to_owned();
            inside.iter().map(|part| part.to_str().map(str::to_owned)).collect()
        };
        let cwd = root.as_ref().and_then(inside);
        Self { root, cwd, home: home.map(Path::to_owned) }
    }

    /// Finds the workflow that a script names. Under surface 1, only folders beside and above
    /// the script in its project are searched.
    ///
    /// # Errors
    /// When the workflow does not exist, or cannot be read.
    pub(crate) fn find(
        &self,
        caller: &Path,
        target: &WorkflowTarget,
        surface: Surface,
    ) -> Result<ResolvedScript, LibraryError> {
        match (target, surface) {
            (WorkflowTarget::Path(asked), Surface::First) => {
                let path = path::resolve(&path::directory_of(caller), asked)?;
                Ok(ResolvedScript { loaded: self.root()?.load(path)?, warning: None })
            }
            (WorkflowTarget::Name(name), Surface::First) => {
                let mut search = name::Search::new(name, surface)?;
                let found = search.upwards(self.root()?, &path::directory_of(caller))?;
                Ok(ResolvedScript { loaded: found.ok_or_else(|| search.nothing())?, warning: None })
            }
            (WorkflowTarget::Path(asked), _) => self.by_path(caller, asked),
            (WorkflowTarget::Name(name), _) => self.by_name(caller, name),
        }
    }

    /// The file at a recorded path, from the root or among the user's own workflows.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn again(&self, recorded: &str) -> Result<Loaded, LibraryError> {
        for (name, folder) in self.user_folders() {
            if let Some(inside) = recorded.strip_prefix(&name) {
                let path = path::resolve(&[], inside)?;
                return folder.load(path);
            }
        }
        self.root()?.load(path::resolve(&[], recorded)?)
    }

    /// The project of the file at a recorded path, and what stands before that project's
    /// paths in recorded ones.
    ///
    /// # Errors
    /// When the project is gone.
    pub(crate) fn project_of(&self, recorded: &str) -> Result<(String, ProjectRoot), LibraryError> {
        let users = self.user_folders().find(|(name, _)| recorded.starts_with(name.as_str()));
        match users {
            Some(found) => Ok(found),
            None => Ok((String::new(), ProjectRoot::open(self.root()?.path())?)),
        }
    }

    /// The error for a project that is not where it was.
    pub(crate) fn gone(&self) -> Option<EngineError> {
        self.root.is_none().then(|| LibraryError::NoProject.into())
    }

    fn root(&self) -> Result<&ProjectRoot, LibraryError> {
        self.root.as_ref().ok_or(LibraryError::NoProject)
    }

    fn by_path(&self, caller: &Path, asked: &str) -> Result<ResolvedScript, LibraryError> {
        let root = self.root()?;
        let mut places = vec![path::directory_of(caller)];
        if !asked.starts_with('/') {
            places.extend(self.cwd.clone());
            places.push(Vec::new());
        }
        let mut tried: Vec<String> = Vec::new();
        let (mut found, mut missing): (Option<Loaded>, Option<LibraryError>) = (None, None);
        for place in places {
            let path = match root.resolve(&place, asked) {
                Ok(path) if tried.contains(&path) => continue,
                Ok(path) => path,
                Err(error @ LibraryError::Outside { .. }) => {
                    missing.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            tried.push(path.clone());
            match (root.load(path), &found) {
                (Ok(other), Some(first)) if other.bytes != first.bytes => {
                    let warning = format!(
                        "`{}` means {} here, and there is another one, {}; name it by a path from the project's root where that is meant",
                        shown(asked),
                        shown(&first.path),
                        shown(&other.path),
                    );
                    let loaded = first.clone();
                    return Ok(ResolvedScript { loaded, warning: Some(warning) });
                }
                (Ok(_) | Err(_), Some(_)) => {}
                (Ok(first), None) => found = Some(first),
                (Err(error), None) if name::is_absent(&error) => {
                    missing.get_or_insert(error);
                }
                (Err(error), None) => return Err(error),
            }
        }
        match (found, missing) {
            (Some(loaded), _) => Ok(ResolvedScript { loaded, warning: None }),
            (None, Some(LibraryError::NotFound { .. })) if !tried.is_empty() => {
                let mut path =
                    tried.iter().map(|path| shown(path)).collect::<Vec<_>>().join("` or `");
                // These paths are from the root, so they do not show the path in the script.
                if asked.split('/').any(|part| part == "..") {
                    path.push_str(&format!("` for `{}", shown(asked)));
                }
                Err(LibraryError::NotFound { path })
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(LibraryError::NotFound { path: shown(asked) }),
        }
    }

    fn by_name(&self, caller: &Path, name: &str) -> Result<ResolvedScript, LibraryError> {
        let mut search = name::Search::new(name, Surface::CURRENT)?;
        self.search(&mut search, caller, name)?.ok_or_else(|| search.nothing())
    }

    /// Looks for a name in all folders, in their order.
    pub(super) fn search(
        &self,
        search: &mut name::Search<'_>,
        caller: &Path,
        name: &str,
    ) -> Result<Option<ResolvedScript>, LibraryError> {
        let mut found: Option<Loaded> = None;
        if let Some(root) = &self.root {
            for place in [Some(path::directory_of(caller)), self.cwd.clone()].into_iter().flatten()
            {
                let next = match (search.upwards(root, &place), &found) {
                    (Ok(next), _) => next,
                    // A workflow was found already: errors in other folders do not matter.
                    (Err(_), Some(_)) => None,
                    (Err(error), None) => return Err(error),
                };
                match (next, &found) {
                    (Some(other), Some(first)) if other.bytes != first.bytes => {
                        let warning = format!(
                            "the workflow `{}` is {} here, and there is another one, {}; name it by a path where that is meant",
                            shown(name),
                            shown(&first.path),
                            shown(&other.path),
                        );
                        let loaded = first.clone();
                        return Ok(Some(ResolvedScript { loaded, warning: Some(warning) }));
                    }
                    (next, None) => found = next,
                    _ => {}
                }
            }
        }
        for (place, folder) in self.user_folders() {
            if found.is_some() {
                break;
            }
            let users = search.in_folder(&folder, &place)?;
            found = users.map(|loaded| Loaded { path: place + &loaded.path, ..loaded });
        }
        Ok(found.map(|loaded| ResolvedScript { loaded, warning: None }))
    }

    /// The folders in which the user keeps workflows for all projects, with their names in
    /// paths. These begin with `~`, so that a recording does not name the user.
    pub(super) fn user_folders(&self) -> impl Iterator<Item = (String, ProjectRoot)> + '_ {
        let of_home = |home: &'_ PathBuf| name::FOLDERS.map(|folder| (folder, home.join(folder)));
        // Folders that do not exist are skipped: most users have none.
        self.home.iter().flat_map(of_home).filter_map(|(name, folder)| {
            Some((format!("{HOME}/{name}/"), ProjectRoot::open(&folder).ok()?))
        })
    }
}

/// Where Claude Code keeps the plugins of a user, from the home directory.
const PLUGINS: &str = ".claude/plugins";

/// Whether a script is for all projects: one of the user's own, or of a plugin.
pub(crate) fn is_for_all(script: &Path, home: Option<&Path>) -> bool {
    let plugins = home.and_then(|home| home.join(PLUGINS).canonicalize().ok());
    is_users(script, home) || plugins.is_some_and(|plugins| script.starts_with(plugins))
}

/// Whether a script is one of the user's own workflows for all projects.
pub(super) fn is_users(script: &Path, home: Option<&Path>) -> bool {
    let Some(home) = home else { return false };
    let folders = name::FOLDERS.map(|folder| home.join(folder));
    folders
        .iter()
        .any(|folder| folder.canonicalize().is_ok_and(|folder| script.starts_with(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(dir: &Path, path: &str, name: &str) {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!("export const meta = {{ name: '{name}', description: 'd' }}\nreturn 1");
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_run_of_surface_1_finds_the_same_workflows_as_before() {
        let dir = tempfile::tempdir().unwrap();
        script(dir.path(), ".claude/workflows/one.js", "other");
        script(dir.path(), ".claude/workflows/two.js", "one");
        script(dir.path(), "work/lib.js", "lib");
        let home = dir.path().join("home");
        script(&home, ".claude/workflows/mine.js", "mine");
        let root = ProjectRoot::open(dir.path()).unwrap();
        let library = Library::new(Some(root), Some(&dir.path().join("work")), Some(&home));
        let caller = Path::new("scripts/main.js");
        let find = |target: &WorkflowTarget, surface| {
            library.find(caller, target, surface).ok().map(|asked| asked.loaded.path)
        };
        let absolute = dir.path().canonicalize().unwrap().join("work/lib.js");
        let path = |path: &str| WorkflowTarget::Path(path.to_owned());
        let name = |name: &str| WorkflowTarget::Name(name.to_owned());
        let (one, two) = (".claude/workflows/one.js", ".claude/workflows/two.js");
        for (target, first, second) in [
            (name("one"), Some(one), Some(two)),
            (name("other"), Some(one), Some(one)),
            (name("mine"), None, Some("~/.claude/workflows/mine.js")),
            (path("../work/lib.js"), Some("work/lib.js"), Some("work/lib.js")),
            (path("lib.js"), None, Some("work/lib.js")),
            (path(absolute.to_str().unwrap()), None, Some("work/lib.js")),
        ] {
            assert_eq!(find(&target, Surface::First).as_deref(), first, "{target}");
            assert_eq!(find(&target, Surface::Second).as_deref(), second, "{target}");
        }
    }
}
