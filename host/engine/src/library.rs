//! Finds workflow files.
//!
//! Owns: which file a path or a name means, and keeping child workflows inside the
//! project. Never: reads the environment, and never runs or judges a file.
//!
//! A path that the user types has the user's authority and may lead anywhere
//! ([`load_entry`]). A file that a script names is opened beneath one directory handle,
//! so that neither `..` nor a symbolic link leads out of it, not even one that is changed
//! meanwhile.

mod catalogue;
mod error;
mod file;
mod lookup;
mod mark;
mod name;
mod named;
mod path;
mod typed;

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use smol_wf_core::limits::SCRIPT_BYTES_MAX;
use smol_wf_core::surface::Surface;

pub use catalogue::{Catalogue, Listed, Unlisted, list_workflows};
pub use error::LibraryError;
use error::shown;
pub(crate) use lookup::{Library, ResolvedScript, is_for_all};
pub use mark::counts as mark_counts;
pub(crate) use name::similar;
pub(crate) use named::read_beneath;
pub use named::{open_named, read_found, read_named, stays_inside};
pub use typed::{Bundled, Found, Origin, Places, Plugin, find_workflow, is_bundled};

/// Name of a script from stdin, in messages and in its run.
pub const STDIN_NAME: &str = "(stdin)";

/// Checks a name that a workflow is to have.
///
/// # Errors
/// When no workflow can have it.
pub fn check_name(name: &str) -> Result<(), LibraryError> {
    name::check(name)
}

/// Whether a recorded script path stands for a script without a file: from stdin, or
/// bundled.
#[must_use]
pub fn has_no_file(script: &str) -> bool {
    is_piped(script) || is_bundled(script)
}

/// Whether a recorded script path stands for a script from stdin. A file at that path is
/// another script.
#[must_use]
pub fn is_piped(script: &str) -> bool {
    Path::new(script).file_name().is_some_and(|name| name == STDIN_NAME)
}

/// The root of a project: all child workflows of its runs lie in it.
#[derive(Debug)]
pub struct ProjectRoot {
    dir: Dir,
    path: PathBuf,
    passed_over: Option<String>,
    /// Whether everyone may put files into it. If so, only files of the user or root are
    /// read.
    is_shared: bool,
}

/// A workflow file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its path relative to the project root, with `/` between the parts. It begins with `~`
    /// for one of the user's own workflows for all projects.
    pub path: String,
}

impl ProjectRoot {
    /// The root for a script or a directory: the nearest directory around it that holds
    /// `.git`, or else `.agents` or `.claude`; or else the script's own directory. It is
    /// never `home` or above: that would open all files of the user to any script there. A
    /// mark of another user does not count, nor one in a folder that everyone may write.
    ///
    /// # Errors
    /// When the directory does not exist or cannot be opened.
    pub fn containing(start: &Path, home: Option<&Path>) -> Result<Self, LibraryError> {
        let start = real(start).map_err(|error| LibraryError::io(start, error))?;
        let own = if start.is_dir() { start.as_path() } else { start.parent().unwrap_or(&start) };
        let home = home.and_then(|home| home.canonicalize().ok());
        let marked = mark::find(own, home.as_deref());
        let root = Self::open(marked.root.as_deref().unwrap_or(own))?;
        Ok(Self { passed_over: marked.passed_over, ..root })
    }

    /// As [`Self::containing`]; none without a mark.
    ///
    /// # Errors
    /// When the directory cannot be opened.
    pub fn marked(start: &Path, home: Option<&Path>) -> Result<Option<Self>, LibraryError> {
        let start = real(start).map_err(|error| LibraryError::io(start, error))?;
        let own = if start.is_dir() { start.as_path() } else { start.parent().unwrap_or(&start) };
        let home = home.and_then(|home| home.canonicalize().ok());
        mark::find(own, home.as_deref()).root.map(|root| Self::open(&root)).transpose()
    }

    /// This directory as a root.
    ///
    /// # Errors
    /// When it is not a directory or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        let failed = |error| LibraryError::io(path, error);
        let path = path.canonicalize().map_err(failed)?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(failed)?;
        let is_shared = is_shared(&path);
        Ok(Self { dir, path, passed_over: None, is_shared })
    }

    /// Its real path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why a mark of a project that is closer does not count.
    #[must_use]
    pub fn passed_over(&self) -> Option<&str> {
        self.passed_over.as_deref()
    }

    /// Whether a path lies in the root, with links followed. The file need not exist.
    #[must_use]
    pub fn holds(&self, path: &Path) -> bool {
        real(path).is_ok_and(|path| path.starts_with(&self.path))
    }

    /// A path relative to the root, with `/` between its parts; absolute when it lies
    /// outside. The file need not exist.
    #[must_use]
    pub fn relative(&self, path: &Path) -> String {
        let path = real(path).unwrap_or_else(|_| path.to_owned());
        match path.strip_prefix(&self.path) {
            Ok(inside) => {
                let parts = inside.components().map(|part| part.as_os_str().to_string_lossy());
                parts.collect::<Vec<_>>().join("/")
            }
            Err(_) => path.to_string_lossy().into_owned(),
        }
    }

    /// Loads the file that a script names by a path. `caller` is the script's path from the
    /// root; the paths in a script outside are relative to the root.
    ///
    /// # Errors
    /// When the path leads out of the root, or not to a regular file of at most a script's
    /// size.
    pub fn load_path(&self, caller: &Path, script_path: &str) -> Result<Loaded, LibraryError> {
        self.load(self.resolve(&path::directory_of(caller), script_path)?)
    }

    /// Loads the closest workflow of this name: in each directory from the script's own to the
    /// root, a file in `.agents/workflows` or `.claude/workflows` with this `meta.name`, or
    /// else with this file name.
    ///
    /// # Errors
    /// When no workflow has the name, with the names that exist, or it cannot be read.
    pub fn load_name(&self, caller: &Path, name: &str) -> Result<Loaded, LibraryError> {
        let mut search = name::Search::new(name, Surface::CURRENT)?;
        let found = search.upwards(self, &path::directory_of(caller))?;
        found.ok_or_else(|| search.nothing())
    }

    /// Opens the folder that a file of the project names by a path.
    pub(crate) fn folder(&self, file: &Path, asked: &str) -> Result<Self, LibraryError> {
        let outside = || LibraryError::Outside { path: shown(asked) };
        let inside = path::resolve_folder(&path::directory_of(file), asked).ok_or_else(outside)?;
        let found = Self::open(&self.path.join(inside))?;
        if found.path.starts_with(&self.path) { Ok(found) } else { Err(outside()) }
    }

    /// Resolves a path in a script of this directory to a path from the root. An absolute
    /// path must lie in the root.
    fn resolve(&self, directory: &[String], asked: &str) -> Result<String, LibraryError> {
        if !asked.starts_with('/') {
            return path::resolve(directory, asked);
        }
        // The same error whether or not the file exists: a script learns nothing about
        // files outside.
        let reason = "an absolute one must lie in the project";
        let outside = || LibraryError::PathInvalid { path: shown(asked), reason };
        let inside = Path::new(asked).strip_prefix(&self.path).map(Path::to_owned).ok();
        let inside = inside.or_else(|| {
            let real = real(Path::new(asked)).ok()?;
            real.strip_prefix(&self.path).map(Path::to_owned).ok()
        });
        let inside = inside.ok_or_else(outside)?;
        path::resolve(&[], inside.to_str().ok_or_else(outside)?)
    }

    /// Loads a file by its path from the root.
    pub(crate) fn load(&self, path: String) -> Result<Loaded, LibraryError> {
        let opened = file::open(&self.dir, &path);
        let bytes = opened.map_err(|error| self.failed(&path, error)).and_then(|file| {
            let taken = file::take(file, SCRIPT_BYTES_MAX as u64, self.is_shared);
            taken.map_err(|refused| LibraryError::refused(shown(&path), refused))
        })?;
        Ok(Loaded { bytes, path })
    }

    /// The error for a path that cannot be opened. It names the link that leads out, if one
    /// does.
    fn failed(&self, path: &str, error: std::io::Error) -> LibraryError {
        if !named::is_escape(&error) {
            return LibraryError::at(shown(path), error);
        }
        let mut so_far = String::new();
        for part in path.split('/') {
            if !so_far.is_empty() {
                so_far.push('/');
            }
            so_far.push_str(part);
            let leads_out = self.dir.metadata(&so_far).is_err_and(|error| named::is_escape(&error));
            if leads_out {
                break;
            }
        }
        LibraryError::LinkOutside { path: shown(&so_far) }
    }
}

/// The bytes of a script that the user named, wherever it lies.
///
/// # Errors
/// When it is not a regular file of at most a script's size, or cannot be read.
pub fn load_entry(path: &Path) -> Result<Vec<u8>, LibraryError> {
    taken(path, file::open_anywhere(path))
}

/// As [`load_entry`], but refuses a link that leads out of its project.
///
/// # Errors
/// As of [`load_entry`], and when a link leads out of the project.
pub fn load_named(path: &Path, home: Option<&Path>) -> Result<Vec<u8>, LibraryError> {
    taken(path, named::open(path, home))
}

fn taken(path: &Path, opened: std::io::Result<cap_std::fs::File>) -> Result<Vec<u8>, LibraryError> {
    let name = || shown(&path.to_string_lossy());
    let file = opened.map_err(|error| match named::is_escape(&error) {
        true => LibraryError::LinkOutside { path: shown(&link_in(path).to_string_lossy()) },
        false => LibraryError::io(path, error),
    })?;
    file::take(file, SCRIPT_BYTES_MAX as u64, false)
        .map_err(|refused| LibraryError::refused(name(), refused))
}

/// The outermost link in a path; without links, the path.
fn link_in(path: &Path) -> &Path {
    let is_link = |part: &&Path| part.symlink_metadata().is_ok_and(|found| found.is_symlink());
    path.ancestors().filter(is_link).last().unwrap_or(path)
}

/// Resolves symbolic links. The last part of the path need not exist.
fn real(path: &Path) -> std::io::Result<PathBuf> {
    path.canonicalize().or_else(|error| {
        let path = std::path::absolute(path)?;
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
            _ => Err(error),
        }
    })
}

#[cfg(unix)]
fn is_shared(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.metadata().is_ok_and(|found| mark::is_open_to_all(found.mode()))
}

#[cfg(not(unix))]
fn is_shared(_path: &Path) -> bool {
    false
}
