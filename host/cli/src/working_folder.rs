//! The folder where the user is, and what depends on it.
//!
//! Owns: the folder that a run works in, and which run `latest` means. Never:
//! looks for scripts.

use std::path::{Path, PathBuf};

use clap::Args;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::RunHead;
use smol_wf_engine::library::ProjectRoot;
use smol_wf_engine::{Engine, EngineError, Folders};

use crate::failure::{CommandError, print_message};
use crate::{paths, sanitize};

/// The folder of a run and that of its scripts
#[derive(Debug, Args)]
pub(crate) struct PlaceFlags {
    /// Folder that agents work in [default: the current folder; when resuming,
    /// the folder that the run was started in]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,

    /// Folder that child workflows must lie in [default: the script's project]
    #[arg(long, value_name = "DIR")]
    pub(crate) project_root: Option<PathBuf>,
}

impl PlaceFlags {
    /// Places of a new run. Fails with `cwd_gone` if `--cwd` is not a folder.
    pub(crate) fn of_new(&self) -> Result<Folders, EngineError> {
        let cwd = Some(self.folder()?);
        let (project_root, home) = (self.project_root.clone(), paths::home());
        Ok(Folders { cwd, here: None, project_root, home })
    }

    /// Places of a run that is resumed: it keeps its recorded folder unless
    /// `--cwd` was given.
    pub(crate) fn of_recorded(&self) -> Result<Folders, EngineError> {
        let cwd = self.cwd.as_ref().map(|_| self.folder()).transpose()?;
        let here = std::env::current_dir().ok();
        let (project_root, home) = (self.project_root.clone(), paths::home());
        Ok(Folders { cwd, here, project_root, home })
    }

    /// `--cwd`, otherwise the current folder, as an absolute path without links.
    pub(crate) fn folder(&self) -> Result<PathBuf, EngineError> {
        let named = self.cwd.as_deref().unwrap_or(Path::new("."));
        let gone = || EngineError::CwdGone { path: named.to_owned(), run: None };
        named.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(gone)
    }

    /// The folder whose settings apply to a run that is resumed.
    pub(crate) fn folder_of(&self, head: &RunHead) -> Result<PathBuf, EngineError> {
        if self.cwd.is_some() {
            return self.folder();
        }
        Ok(head.cwd.as_ref().unwrap_or(&head.project_root).into())
    }
}

/// Which run `latest` is
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LatestFlags {
    /// Let `latest` mean the newest run of all projects, not of this one
    #[arg(long)]
    pub(crate) anywhere: bool,
}

impl LatestFlags {
    /// Resolves a run id, the beginning of one, or `latest`, for commands that
    /// only read; prints which run `latest` is.
    pub(crate) async fn find(self, engine: &Engine, asked: &str) -> Result<RunId, CommandError> {
        let (run, said) = self.find_from(engine, asked, Path::new(".")).await?;
        said.into_iter().for_each(|line| print_message(&line));
        Ok(run)
    }

    /// Like [`find`](Self::find), from the folder `from`; returns the message
    /// about `latest` instead of printing it.
    pub(crate) async fn find_from(
        self,
        engine: &Engine,
        asked: &str,
        from: &Path,
    ) -> Result<(RunId, Option<String>), EngineError> {
        if asked != "latest" || self.anywhere {
            return Ok((engine.find(asked).await?, None));
        }
        let home = paths::home();
        let project = ProjectRoot::containing(from, home.as_deref())?.path().to_owned();
        // A database inside a project belongs to that project, wherever its runs
        // worked.
        let is_home = home
            .as_ref()
            .is_some_and(|home| home.canonicalize().is_ok_and(|home| home.starts_with(&project)));
        if !is_home && engine.is_kept_in(&project) {
            let run = engine.find(asked).await?;
            let said = format!("latest is {run}, the last run of {}", sanitize::path(&project));
            return Ok((run, Some(said)));
        }
        let latest = engine.latest(&project, home.as_deref()).await?;
        match (latest.here, latest.of_all) {
            (Some(run), Some((newest, folder))) => {
                let mut said =
                    format!("latest is {run}, the last run of {}", sanitize::path(&project));
                if newest != run {
                    said.push_str(&format!(
                        "; {newest} is newer and works in {}: --anywhere",
                        sanitize::path(&folder)
                    ));
                }
                Ok((run, Some(said)))
            }
            (None, Some((newest, folder))) => {
                Err(EngineError::NoRunHere { project, newest, folder })
            }
            _ => Err(EngineError::UnknownRun { asked: asked.to_owned() }),
        }
    }
}
