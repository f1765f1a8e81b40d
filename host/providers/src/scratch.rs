//! Private temporary files for an agent's program.
//!
//! Owns: a folder for each file, which only its user may read and which is removed
//! with the value; and the removal of folders whose process was killed. Never: an
//! agent's own files.
//!
//! Some files hold secrets of the settings, such as Claude Code's `mcp.json`. Where
//! this process is killed by SIGKILL, they stay. So each folder names the process
//! that owns it, and [`remove_abandoned`] removes those of dead owners.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{ProviderError, ProviderErrorKind, owner};

/// How the names of the folders begin.
const PREFIX: &str = "smol-wf-";

/// The file that names a folder's owner.
const OWNER: &str = "owner";

/// Longest owner's name that is read; they have about 100 bytes.
const OWNER_BYTES_MAX: u64 = 1024;

/// A file, as long as this value lives.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    /// Is removed when this is dropped.
    _folder: TempDir,
}

impl Scratch {
    /// Writes a file of this name into a folder of its own.
    pub(crate) fn write(
        provider: &str,
        name: &str,
        content: impl AsRef<[u8]>,
    ) -> Result<Self, ProviderError> {
        Self::create(name, content.as_ref()).map_err(|error| {
            let message = format!("a temporary file for the agent cannot be written: {error}");
            ProviderError::new(provider, ProviderErrorKind::Spawn, message)
        })
    }

    fn create(name: &str, content: &[u8]) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir()?;
        // The owner first: no content is ever without one.
        write_private(&folder.path().join(OWNER), owner::this_process(0).as_bytes())?;
        let path = folder.path().join(name);
        write_private(&path, content)?;
        Ok(Self { path, _folder: folder })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(content)
}

/// Removes the folders of this user's processes that were killed. A folder whose owner
/// may live, or is unknown, stays.
pub(crate) fn remove_abandoned() {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for entry in entries {
        let is_named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_named && is_private_folder(&entry.path()) && is_abandoned(&entry.path()) {
            // The next start tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a path is a folder of this user that nobody else can enter. Others may put
/// anything under such a name into a shared folder.
fn is_private_folder(path: &Path) -> bool {
    let Ok(meta) = fs::symlink_metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let is_own = meta.uid() == rustix::process::geteuid().as_raw();
        if !is_own || meta.mode() & 0o077 != 0 {
            return false;
        }
    }
    meta.is_dir()
}

/// Opens a regular file that is not a link. An agent may have put a pipe there, which
/// would block the opening for ever.
fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
        options.custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    }
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn is_abandoned(folder: &Path) -> bool {
    let mut name = String::new();
    let read = open_regular(&folder.join(OWNER))
        .and_then(|file| file.take(OWNER_BYTES_MAX).read_to_string(&mut name));
    read.is_ok() && owner::is_dead(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_can_look_and_nothing_is_left() {
        let scratch = Scratch::write("p", "schema.json", "{}").unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
        }
        drop(scratch);
        assert!(!path.parent().unwrap().exists());
    }

    #[test]
    fn a_folder_of_a_live_or_unknown_owner_is_not_abandoned() {
        let scratch = Scratch::write("p", "schema.json", "{}").unwrap();
        let folder = scratch.path().parent().unwrap();
        assert!(is_private_folder(folder) && !is_abandoned(folder));
        for unknown in ["", "nonsense", "another-boot/pid:[1]/1/1/1"] {
            fs::write(folder.join(OWNER), unknown).unwrap();
            assert!(!is_abandoned(folder), "{unknown}");
        }
        fs::remove_file(folder.join(OWNER)).unwrap();
        assert!(!is_abandoned(folder));
        assert!(!is_private_folder(scratch.path().parent().unwrap().parent().unwrap()));
    }
}
