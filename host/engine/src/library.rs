//! Finding workflow files.
//!
//! Owns: which file a path or a name means, and that no child workflow lies
//! outside the project. Never: reads the environment, and never runs or judges
//! what is in a file.
//!
//! What the user types on a command line is the user's own authority and may
//! lie anywhere ([`load_entry`]). What a script asks for is opened beneath one
//! directory handle, so that neither `..` nor a symbolic link, not even one
//! that is changed meanwhile, leads out of it.

mod error;
mod file;
mod name;
mod path;

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

pub use error::LibraryError;
pub(crate) use name::similar;

/// What marks a directory as the root of a project, the surest first: a
/// repository may hold workflow folders in several of its directories.
const ROOT_MARKS: [&[&str]; 2] = [&[".git"], &[".agents", ".claude"]];

/// The directory that no child workflow of a run may lie outside of.
#[derive(Debug)]
pub struct ProjectRoot {
    dir: Dir,
    path: PathBuf,
}

/// A workflow file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// All that is in it.
    pub bytes: Vec<u8>,
    /// From the project root, with `/` between its parts.
    pub path: String,
}

impl ProjectRoot {
    /// The root for a script or a directory: the nearest directory around it
    /// that holds `.git`, else the nearest that holds `.agents` or `.claude`,
    /// and below `home`; else the script's own. The home directory is no project: it would open all that
    /// the user has to any script in it.
    ///
    /// # Errors
    /// When there is no such directory or it cannot be opened.
    pub fn containing(start: &Path, home: Option<&Path>) -> Result<Self, LibraryError> {
        let start = real(start).map_err(|error| LibraryError::io(start, error))?;
        let own = if start.is_dir() { start.as_path() } else { start.parent().unwrap_or(&start) };
        let home = home.and_then(|home| home.canonicalize().ok());
        let holds = |dir: &Path, mark: &&str| dir.join(mark).symlink_metadata().is_ok();
        let root = ROOT_MARKS.iter().find_map(|marks| {
            own.ancestors()
                .take_while(|dir| dir.parent().is_some() && Some(*dir) != home.as_deref())
                .find(|dir| marks.iter().any(|mark| holds(dir, mark)))
        });
        Self::open(root.unwrap_or(own))
    }

    /// This directory.
    ///
    /// # Errors
    /// When it is none or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, LibraryError> {
        let failed = |error| LibraryError::io(path, error);
        let path = path.canonicalize().map_err(failed)?;
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(failed)?;
        Ok(Self { dir, path })
    }

    /// Where it is, without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path as seen from the root, with `/` between its parts; absolute when
    /// it lies outside. The file need not exist.
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

    /// The file that a script means by a path. `caller` is the script, from
    /// the root; one that lies outside counts as lying in the root.
    ///
    /// # Errors
    /// When the path leads out of the root, or not to a regular file of a
    /// script's size.
    pub fn load_path(&self, caller: &Path, script_path: &str) -> Result<Loaded, LibraryError> {
        let path = path::resolve(&path::directory_of(caller), script_path)?;
        let bytes = file::read(&self.dir, &path)?;
        Ok(Loaded { bytes, path })
    }

    /// The workflow of a name that is closest to a script: in each directory
    /// from the script's own to the root, a file of that name in
    /// `.agents/workflows` or `.claude/workflows`, else one there whose
    /// `meta.name` it is.
    ///
    /// # Errors
    /// When there is none, with the names there are; or it cannot be read.
    pub fn load_name(&self, caller: &Path, name: &str) -> Result<Loaded, LibraryError> {
        name::find(&self.dir, &path::directory_of(caller), name)
    }
}

/// The bytes of a file that the user named, wherever it lies.
///
/// # Errors
/// When it is no regular file of a script's size, or cannot be read.
pub fn load_entry(path: &Path) -> Result<Vec<u8>, LibraryError> {
    file::read_anywhere(path)
}

/// Without symbolic links, as far as the path exists.
fn real(path: &Path) -> std::io::Result<PathBuf> {
    path.canonicalize().or_else(|error| {
        let path = std::path::absolute(path)?;
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => Ok(parent.canonicalize()?.join(name)),
            _ => Err(error),
        }
    })
}
