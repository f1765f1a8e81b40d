//! Where a run works, and where its scripts lie.
//!
//! Owns: telling the two apart: agents work in the folder in which the user
//! stood when the run was started, children of a script are looked for in the
//! script's project. Never: makes a folder.

use std::path::{Path, PathBuf};

use smol_wf_core::ids::RunId;
use smol_wf_core::journal::RunHead;

use crate::error::EngineError;
use crate::library::{Library, ProjectRoot, is_users};
use crate::request::Folders;
use crate::watch::{Notice, Watcher};

/// Both places of one run.
#[derive(Debug)]
pub(crate) struct RunFolders {
    /// The folder that agents work in.
    pub(crate) cwd: PathBuf,
    /// The script's project; none when it is gone.
    pub(crate) root: Option<ProjectRoot>,
    /// The script is one of those that the user keeps for all projects.
    is_users: bool,
    pub(crate) home: Option<PathBuf>,
}

impl RunFolders {
    /// Of a new run of this script.
    pub(crate) fn of_new(script: &Path, chosen: &Folders) -> Result<Self, EngineError> {
        let root = root_around(script, chosen)?;
        let cwd = match &chosen.cwd {
            Some(cwd) => folder(cwd, None)?,
            None => root.path().to_owned(),
        };
        Ok(Self::new(cwd, Some(root), script, chosen))
    }

    /// Of a run that is taken up, or forked. A script that was named gives the
    /// root, where it does not lie in the recorded one; a recorded text needs
    /// none.
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
        Self { cwd, root, is_users: is_users(script, home.as_deref()), home }
    }

    /// Says where agents work, and what of that may surprise.
    pub(crate) fn tell(&self, watcher: &dyn Watcher) {
        let root = self.root.as_ref().map(ProjectRoot::path);
        let outside = root.filter(|root| !self.cwd.starts_with(root));
        let shown = outside.filter(|_| !self.is_users);
        watcher.notice(Notice::WorksIn { cwd: &self.cwd, outside: shown });
        // Where agents work below it as well, the settings have said so.
        let passed_over = self.root.as_ref().and_then(ProjectRoot::passed_over);
        if let Some(why) = passed_over.filter(|_| outside.is_some()) {
            watcher.notice(Notice::Warning(why));
        }
    }

    /// Where children are looked for.
    pub(crate) fn library(self) -> Library {
        Library::new(self.root, Some(&self.cwd), self.home.as_deref())
    }
}

fn root_around(script: &Path, chosen: &Folders) -> Result<ProjectRoot, EngineError> {
    Ok(match &chosen.project_root {
        Some(root) => ProjectRoot::open(root)?,
        None => ProjectRoot::containing(script, chosen.home.as_deref())?,
    })
}

/// A folder that is there, without symbolic links.
fn folder(path: &Path, of: Option<&RunId>) -> Result<PathBuf, EngineError> {
    let gone = || EngineError::CwdGone { path: path.to_owned(), run: of.cloned() };
    path.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(gone)
}

/// A path as the journal keeps it: text. One that is none could not be found
/// again.
pub(crate) fn kept(path: &Path) -> Result<String, EngineError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| EngineError::PathNotUtf8 { path: path.to_owned() })
}
