//! Where settings files lie, and opening them.
//!
//! Owns: which file is meant, and that what is read is that file. Never: reads
//! its words.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use smol_wf_core::ids::Digest;
use smol_wf_engine::library::{ProjectRoot, mark_counts};

use super::error::ConfigError;
use super::variable;
use crate::paths;

/// Names the user's file, instead of the one in the configuration directory.
pub(crate) const USER_VARIABLE: &str = "SMOL_WF_CONFIG";
/// Of a project's file: the folder in the project, and the file in it.
const PROJECT_FOLDER: &str = ".agents";
const PROJECT_FILE: &str = "smol-wf.toml";
/// Most bytes of a settings file: hundreds of providers fit.
const BYTES_MAX: u64 = 256 * 1024;

/// A settings file as it was read, once.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    pub(crate) file: PathBuf,
    /// Relative paths in it start here: the project, or the file's own folder.
    pub(crate) base: PathBuf,
    pub(crate) text: String,
    pub(crate) digest: Digest,
}

/// Where the user's file is, or would be.
pub(crate) fn user_path() -> Option<PathBuf> {
    match variable(USER_VARIABLE) {
        Some(named) => Some(PathBuf::from(named)),
        None => Some(paths::config_dir()?.join("config.toml")),
    }
}

/// The user's file. One that was named must be there.
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

/// The project of a script or a folder: where it lies, and its file, the one
/// that is closest.
#[derive(Debug)]
pub(crate) struct Project {
    /// Where the search began.
    pub(crate) from: PathBuf,
    /// Where it ended.
    pub(crate) root: PathBuf,
    pub(crate) file: Option<PathBuf>,
    /// Why a mark of a project, or a file of settings, does not count.
    pub(crate) passed_over: Option<String>,
}

/// Where a folder's own file is, or was.
pub(crate) fn project_file_in(dir: &Path) -> PathBuf {
    let dir = dir.canonicalize().or_else(|_| std::path::absolute(dir));
    dir.unwrap_or_default().join(PROJECT_FOLDER).join(PROJECT_FILE)
}

/// Looks for a project's file, from a script or a folder upwards to the root of
/// its project. The home directory is no project.
pub(crate) fn project(start: &Path) -> Result<Option<Project>, ConfigError> {
    let home = paths::home();
    // A script that is not there is told of by whoever needs it.
    let Ok(root) = ProjectRoot::containing(start, home.as_deref()) else { return Ok(None) };
    let Ok(start) = start.canonicalize() else { return Ok(None) };
    let from = if start.is_dir() { start } else { start.parent().unwrap_or(&start).to_owned() };
    let home = home.and_then(|home| home.canonicalize().ok());
    let mut passed_over = root.passed_over().map(str::to_owned);
    let mut file = None;
    for dir in from.ancestors().take_while(|dir| dir.starts_with(root.path())) {
        if Some(dir) == home.as_deref() {
            continue;
        }
        file = file_in(dir)?;
        // Nobody else says which agents are asked.
        if file.is_some() && is_foreign(dir) {
            let why = || {
                format!(
                    "{} does not count, for others may write it: where it is yours, have it belong to you, in a folder that not everyone may write to",
                    dir.join(PROJECT_FOLDER).join(PROJECT_FILE).display()
                )
            };
            file = None;
            passed_over = passed_over.or_else(|| Some(why()));
            continue;
        }
        if file.is_some() {
            break;
        }
    }
    Ok(Some(Project { root: root.path().to_owned(), from, file, passed_over }))
}

/// Whether the file of a folder may be someone else's.
fn is_foreign(dir: &Path) -> bool {
    !mark_counts(dir, PROJECT_FOLDER) || !mark_counts(&dir.join(PROJECT_FOLDER), PROJECT_FILE)
}

/// The file of one folder, when it has one. Neither it nor its folder may be a
/// symbolic link.
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
        () if !kind.is_file() => "no regular file",
        () => return Ok(Some(file)),
    };
    Err(ConfigError::Symlink { file, what })
}

impl Project {
    /// Reads its file.
    pub(crate) fn read(&self) -> Result<Option<SettingsFile>, ConfigError> {
        let Some(file) = &self.file else { return Ok(None) };
        let opened = open(file, Links::Refused).map_err(|error| unreadable(file, error))?;
        let base = file.ancestors().nth(2).unwrap_or(file).to_owned();
        read(opened, file.clone(), base).map(Some)
    }
}

/// What to do with a symbolic link.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    /// The user's own may be kept elsewhere.
    Followed,
    /// A project's may have become one meanwhile.
    Refused,
}

/// Opens a file. A pipe that stands in its place is not waited for.
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

fn read(opened: File, file: PathBuf, base: PathBuf) -> Result<SettingsFile, ConfigError> {
    let failed = |error| unreadable(&file, error);
    if !opened.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    // One byte more shows that there is more.
    opened.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(ConfigError::TooLarge { file, most: BYTES_MAX });
    }
    let digest = Digest::of(&bytes);
    let text = String::from_utf8(bytes).map_err(|_| failed(io::Error::other("it is not UTF-8")))?;
    Ok(SettingsFile { file, base, text, digest })
}

/// A file that names programs to run is the user's alone to write.
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

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn unreadable(file: &Path, error: io::Error) -> ConfigError {
    ConfigError::Unreadable { file: file.to_owned(), error }
}
