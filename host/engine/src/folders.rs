//! The folders of a run: where agents work, and where scripts lie.
//!
//! Owns: keeping the two apart. Agents work in the folder in which the user started
//! the run; children of a script are searched in the script's project. Never: makes a
//! folder.

use std::path::{Path, PathBuf};

use smol_wf_core::ids::RunId;
use smol_wf_core::journal::RunHead;

use crate::error::EngineError;
use crate::library::{Library, ProjectRoot, is_for_all};
use crate::modules::ModuleFolder;
use crate::request::Folders;
use crate::watch::{Notice, Watcher};

/// The folders of one run.
#[derive(Debug)]
pub(crate) struct RunFolders {
    /// The folder that agents work in.
    pub(crate) cwd: PathBuf,
    /// The script's project; none when that is gone.
    pub(crate) root: Option<ProjectRoot>,
    /// Whether the script is for all projects, so that it lies outside of most.
    is_for_all: bool,
    pub(crate) home: Option<PathBuf>,
}

impl RunFolders {
    /// For a new run of this script.
    pub(crate) fn of_new(script: &Path, chosen: &Folders) -> Result<Self, EngineError> {
        let root = root_around(script, chosen)?;
        let cwd = match &chosen.cwd {
            Some(cwd) => folder(cwd, None)?,
            None => root.path().to_owned(),
        };
        Ok(Self::new(cwd, Some(root), script, chosen))
    }

    /// For a resume or a fork. `script` is the file that the caller named, if any: its
    /// project is the root unless it lies in the recorded one. A recorded text needs no
    /// root.
    pub(crate) fn of_recorded(
        head: &RunHead,
        script: Option<&Path>,
        chosen: &Folders,
    ) -> Result<Self, EngineError> {
        let recorded = ProjectRoot::open(head.project_root.as_ref()).ok();
        let root = match (recorded, script) {
            _ if chosen.project_root.is_some() => Some(root_around(Path::new(""), chosen)?),
            (Some(root), Some(script)) if root.holds(script) => Some(root),
            (_, Some(script)) => Some(root_around(script, chosen)?),
            (recorded, None) => recorded,
        };
        let cwd = match (&chosen.cwd, &head.cwd) {
            (Some(cwd), _) => folder(cwd, None)?,
            (None, Some(cwd)) => folder(cwd.as_ref(), Some(&head.run))?,
            (None, None) => match (&root, &chosen.here) {
                (Some(root), _) => root.path().to_owned(),
                (None, Some(here)) => folder(here, None)?,
                (None, None) => folder(head.project_root.as_ref(), Some(&head.run))?,
            },
        };
        let script = script.unwrap_or(Path::new(&head.script_path));
        Ok(Self::new(cwd, root, script, chosen))
    }

    fn new(cwd: PathBuf, root: Option<ProjectRoot>, script: &Path, chosen: &Folders) -> Self {
        let home = chosen.home.clone();
        Self { cwd, root, is_for_all: is_for_all(script, home.as_deref()), home }
    }

    /// Gives notice of the folder that agents work in, and warns if that may be unexpected.
    pub(crate) fn tell(&self, watcher: &dyn Watcher) {
        let root = self.root.as_ref().map(ProjectRoot::path);
        let outside = root.filter(|root| !self.cwd.starts_with(root));
        let shown = outside.filter(|_| !self.is_for_all);
        watcher.notice(Notice::WorksIn { cwd: &self.cwd, outside: shown });
        // When agents work below the same folder, the settings warned already.
        let passed_over = self.root.as_ref().and_then(ProjectRoot::passed_over);
        if let Some(why) = passed_over.filter(|_| outside.is_some()) {
            watcher.notice(Notice::Warning(why));
        }
    }

    /// Where the modules of the run's script are read.
    pub(crate) fn modules(&self) -> Option<ModuleFolder<'_>> {
        self.root.as_ref().map(|root| ModuleFolder { root, prefix: "", rules: None })
    }

    /// The library in which children are searched.
    pub(crate) fn library(self) -> Library {
        Library::new(self.root, Some(&self.cwd), self.home.as_deref())
    }
}

/// The root that the caller chose, or else that of the script.
fn root_around(script: &Path, chosen: &Folders) -> Result<ProjectRoot, EngineError> {
    Ok(match &chosen.project_root {
        Some(root) => ProjectRoot::open(root)?,
        None => ProjectRoot::containing(script, chosen.home.as_deref())?,
    })
}

/// The real path of an existing folder.
fn folder(path: &Path, of: Option<&RunId>) -> Result<PathBuf, EngineError> {
    let gone = || EngineError::CwdGone { path: path.to_owned(), run: of.cloned() };
    path.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(gone)
}

/// A path as the journal records it. Paths that are not UTF-8 are refused: a resume
/// could not find them again.
pub(crate) fn kept(path: &Path) -> Result<String, EngineError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| EngineError::PathNotUtf8 { path: path.to_owned() })
}
