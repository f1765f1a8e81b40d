//! The log of a run in the background: what its process would have said on a terminal.
//!
//! Owns: the folder `<database>.logs` with one file per run, readable by its owner
//! only, and its largest size. Never: part of the journal, or exported.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use smol_wf_core::ids::RunId;

use crate::file_output::private_folders;
use crate::notices::print_message;
use crate::sanitize;

/// Most bytes of a log: some hundred thousand lines. The journal has all that matters.
pub(crate) const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The database whose runs this process works on.
static DATABASE: OnceLock<PathBuf> = OnceLock::new();

/// Records the database beside which logs are.
pub(crate) fn set_database(path: &Path) {
    // Set once: a process has one command line.
    let _ = DATABASE.set(path.to_owned());
}

/// The log of a run; `None` without a database. Links to a database share one folder.
pub(crate) fn path_of(run: &RunId) -> Option<PathBuf> {
    let database = DATABASE.get()?;
    let real = database.canonicalize().or_else(|_| std::path::absolute(database)).ok()?;
    let mut folder = real.into_os_string();
    folder.push(".logs");
    Some(Path::new(&folder).join(format!("{run}.log")))
}

/// Opens the log of a run to append to it. Returns the bytes that it may still take. A
/// log that is half full begins anew, because the last process is the one that matters.
pub(crate) fn open(run: &RunId) -> io::Result<(File, u64)> {
    let path = path_of(run).ok_or_else(|| io::Error::other("there is no database"))?;
    if let Some(folder) = path.parent() {
        match fs::symlink_metadata(folder) {
            Ok(found) if found.is_dir() => {}
            // A repository may contain a link that leads anywhere.
            Ok(_) => return Err(io::Error::other("its folder is a link or a file")),
            Err(_) => private_folders().create(folder)?,
        }
    }
    if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it is not a file"));
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    // Tells readers that somebody still writes, also when the run is let go of. It lasts
    // as long as stdout and stderr are this file. An earlier process may be at its end.
    let _ = file.try_lock();
    let has = file.metadata()?.len();
    if has > LOG_BYTES_MAX / 2 {
        file.set_len(0)?;
        return Ok((file, LOG_BYTES_MAX));
    }
    Ok((file, LOG_BYTES_MAX - has))
}

/// The log of a run from the byte `from` on; `None` if there is no log. A log that has
/// begun anew is read from its first byte.
pub(crate) fn read_from(run: &RunId, from: u64) -> io::Result<Option<File>> {
    let Some(path) = path_of(run) else { return Ok(None) };
    if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    if from <= file.metadata()?.len() {
        file.seek(SeekFrom::Start(from))?;
    }
    Ok(Some(file))
}

/// Whether a process still writes the log of a run.
pub(crate) fn is_written(run: &RunId) -> bool {
    let file = path_of(run).and_then(|path| File::open(path).ok());
    file.is_some_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Removes the log of a deleted run, and the folder with its last file. A folder that
/// is a link is left alone.
pub(crate) fn remove(run: &RunId) {
    let Some(path) = path_of(run) else { return };
    let Some(folder) = path.parent() else { return };
    if !fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()) {
        return;
    }
    match fs::remove_file(&path) {
        Ok(()) => {
            let _ = fs::remove_dir(folder);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            print_message(&format!("warning: cannot remove {}: {error}", sanitize::path(&path)));
        }
    }
}
