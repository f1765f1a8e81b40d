//! Finds and opens settings files.
//!
//! Owns: which files apply, and that exactly these are opened. Never: parses one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use smol_wf_core::ids::Digest;
use smol_wf_engine::library::{ProjectRoot, mark_counts};

use super::error::ConfigError;
use super::variable;
use crate::paths;

/// Variable with the path of the user's file, instead of the one in the
/// configuration directory.
pub(crate) const USER_VARIABLE: &str = "SMOL_WF_CONFIG";
/// A project's file: the folder in the project, and the file in that.
const PROJECT_FOLDER: &str = ".agents";
const PROJECT_FILE: &str = "smol-wf.toml";
/// Most bytes of a settings file; hundreds of providers fit.
const BYTES_MAX: u64 = 256 * 1024;

/// A settings file as it was read.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    /// Absolute path of the file.
    pub(crate) file: PathBuf,
    /// Folder that relative paths start from: the project, or the user file's
    /// folder.
    pub(crate) base: PathBuf,
    /// Its text, at most [`BYTES_MAX`] bytes.
    pub(crate) text: String,
    /// Digest of the text; trust is for this digest.
    pub(crate) digest: Digest,
}

/// Path of the user's file, whether it exists or not; `None` without a home
/// directory.
pub(crate) fn user_path() -> Option<PathBuf> {
    match variable(USER_VARIABLE) {
        Some(named) => Some(PathBuf::from(named)),
        None => Some(paths::config_dir()?.join("config.toml")),
    }
}

/// Reads the user's file. Fails if it cannot be read or anyone may write it, or
/// if it was named by a variable and does not exist.
pub(crate) fn user() -> Result<Option<SettingsFile>, ConfigError> {
    let Some(file) = user_path() else { return Ok(None) };
    let file = std::path::absolute(&file).unwrap_or(file);
    let opened = match open(&file, Links::Followed) {
        Err(error) if is_absent(&error) && variable(USER_VARIABLE).is_none() => return Ok(None),
        other => other.map_err(|error| unreadable(&file, error))?,
    };
    refuse_writable(&opened, &file)?;
    let base = file.parent().unwrap_or(&file).to_owned();
    read(opened, file, base).map(Some)
}

/// The project of a script or folder, and the closest settings file in it.
#[derive(Debug)]
pub(crate) struct Project {
    /// Folder where the search began.
    pub(crate) from: PathBuf,
    /// Root of the project, where the search ended.
    pub(crate) root: PathBuf,
    /// The closest settings file; `None` if there is none.
    pub(crate) file: Option<PathBuf>,
    /// Why a mark or settings file of a project was ignored.
    pub(crate) ignored_mark: Option<String>,
}

/// Path of the settings file of `dir`, whether it exists or not.
pub(crate) fn project_file_in(dir: &Path) -> PathBuf {
    let dir = dir.canonicalize().or_else(|_| std::path::absolute(dir));
    dir.unwrap_or_default().join(PROJECT_FOLDER).join(PROJECT_FILE)
}

/// Finds the settings file of a project, from a script or folder upwards to the
/// root of the project. The home directory never counts as a project.
pub(crate) fn project(start: &Path) -> Result<Option<Project>, ConfigError> {
    let home = paths::home();
    // A missing script is reported by the command that needs it.
    let Ok(root) = ProjectRoot::containing(start, home.as_deref()) else { return Ok(None) };
    let Ok(start) = start.canonicalize() else { return Ok(None) };
    let from = if start.is_dir() { start } else { start.parent().unwrap_or(&start).to_owned() };
    let home = home.and_then(|home| home.canonicalize().ok());
    let mut ignored_mark = root.passed_over().map(str::to_owned);
    let mut file = None;
    for dir in from.ancestors().take_while(|dir| dir.starts_with(root.path())) {
        if Some(dir) == home.as_deref() {
            continue;
        }
        file = file_in(dir)?;
        // Another user must not decide which agents are used.
        if file.is_some() && is_foreign(dir) {
            let why = || {
                format!(
                    "{} is ignored, because others may write it; if it is yours, make yourself its owner, in a folder that not everyone may write to",
                    dir.join(PROJECT_FOLDER).join(PROJECT_FILE).display()
                )
            };
            file = None;
            ignored_mark = ignored_mark.or_else(|| Some(why()));
            continue;
        }
        if file.is_some() {
            break;
        }
    }
    Ok(Some(Project { root: root.path().to_owned(), from, file, ignored_mark }))
}

/// Whether another user may have written the settings file of this folder.
fn is_foreign(dir: &Path) -> bool {
    !mark_counts(dir, PROJECT_FOLDER) || !mark_counts(&dir.join(PROJECT_FOLDER), PROJECT_FILE)
}

/// The settings file of one folder, if it exists. Fails if the file or its folder
/// is a symbolic link.
fn file_in(dir: &Path) -> Result<Option<PathBuf>, ConfigError> {
    let folder = dir.join(PROJECT_FOLDER);
    let file = folder.join(PROJECT_FILE);
    let kind = match file.symlink_metadata() {
        Ok(metadata) => metadata.file_type(),
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(&file, error)),
    };
    let linked_folder = folder.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    let what = match () {
        () if linked_folder => "in a folder that is a symbolic link",
        () if kind.is_symlink() => "a symbolic link",
        () if !kind.is_file() => "not a regular file",
        () => return Ok(Some(file)),
    };
    Err(ConfigError::Symlink { file, what })
}

impl Project {
    /// Reads the settings file of the project, if there is one.
    pub(crate) fn read(&self) -> Result<Option<SettingsFile>, ConfigError> {
        let Some(file) = &self.file else { return Ok(None) };
        let opened = open(file, Links::Refused).map_err(|error| unreadable(file, error))?;
        let base = file.ancestors().nth(2).unwrap_or(file).to_owned();
        read(opened, file.clone(), base).map(Some)
    }
}

/// Whether to follow symbolic links.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    /// For the user's file, which may be kept elsewhere.
    Followed,
    /// For a project's file, which may have become a link meanwhile.
    Refused,
}

/// Opens a file, without blocking if it is a pipe.
#[cfg_attr(not(unix), expect(unused_variables, reason = "there is no flag for it"))]
fn open(file: &Path, links: Links) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let of_links = match links {
            Links::Followed => OFlags::empty(),
            Links::Refused => OFlags::NOFOLLOW,
        };
        #[expect(clippy::cast_possible_wrap, reason = "the system's own type is signed")]
        let flags = (of_links | OFlags::NONBLOCK).bits() as i32;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    options.open(file)
}

/// Reads an open file. Fails if it is not a regular file, is too large or is not
/// UTF-8.
fn read(opened: File, file: PathBuf, base: PathBuf) -> Result<SettingsFile, ConfigError> {
    let failed = |error| unreadable(&file, error);
    if !opened.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    // One extra byte shows that the file is too large.
    opened.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(ConfigError::TooLarge { file, most: BYTES_MAX });
    }
    let digest = Digest::of(&bytes);
    let text = String::from_utf8(bytes).map_err(|_| failed(io::Error::other("it is not UTF-8")))?;
    Ok(SettingsFile { file, base, text, digest })
}

/// Refuses a file that anyone may write, because it names programs to run.
#[cfg(unix)]
fn refuse_writable(opened: &File, file: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = opened.metadata().map_err(|error| unreadable(file, error))?;
    if metadata.is_file() && metadata.mode() & 0o002 != 0 {
        return Err(ConfigError::Writable { file: file.to_owned() });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_writable(_opened: &File, _file: &Path) -> Result<(), ConfigError> {
    Ok(())
}

/// Whether the file or a folder on the way to it does not exist.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The error about a file that cannot be read.
fn unreadable(file: &Path, error: io::Error) -> ConfigError {
    ConfigError::Unreadable { file: file.to_owned(), error }
}
