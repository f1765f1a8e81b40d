//! Files for results that are too large for a terminal.
//!
//! Owns: the folder beside the database with one file per run, readable by its
//! owner only. Never: the only copy; the journal has every result, and a program
//! that reads stdout gets it in full.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use smol_wf_core::ids::RunId;
use smol_wf_engine::Report;

use crate::config::{Key, Settings};
use crate::failure::print_message;
use crate::file_output::{PartialFile, private_folders};
use crate::sanitize;

/// Largest result that a report shows on a terminal: some thousand lines, about
/// what terminals scroll back.
const RESULT_SHOWN_BYTES_MAX: usize = 256 * 1024;

/// On a terminal, moves a large result to a file that the report names instead.
/// If the file cannot be written, the report keeps the result.
pub(crate) fn move_to_file(report: &mut Report, settings: &Settings) {
    let is_large = report.result.get().len() > RESULT_SHOWN_BYTES_MAX;
    if !is_large || !io::stdout().is_terminal() {
        return;
    }
    let Some(path) = file_of(settings, &report.run_id) else { return };
    match write(&path, report.result.get()) {
        Ok(()) => {
            report.result = RawValue::NULL.to_owned().into();
            report.results_file = Some(path.to_string_lossy().into_owned());
        }
        Err(error) => {
            let path = sanitize::path(&path);
            print_message(&format!(
                "warning: the result is large and cannot be written to {path}: {error}"
            ));
        }
    }
}

/// Removes the result file of a deleted run, also one that an older version wrote
/// beside a link to the database.
pub(crate) fn remove(run: &RunId, settings: &Settings) {
    let by_link = settings.path(Key::Db).and_then(|named| std::path::absolute(named).ok());
    let by_link = by_link.map(|database| beside(database, run));
    let both = [file_of(settings, run), by_link];
    both.into_iter().flatten().for_each(|path| remove_file(&path));
}

/// Removes a result file and its folder if that is then empty. A folder that is a
/// link is left alone.
fn remove_file(path: &Path) {
    let is_ours = |folder: &Path| fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    if !path.parent().is_some_and(is_ours) {
        return;
    }
    match fs::remove_file(path) {
        Ok(()) => {
            // The folder is removed with its last file.
            let _ = path.parent().map(fs::remove_dir);
        }
        Err(error) if is_not_there(&error) => {}
        Err(error) => {
            print_message(&format!("warning: cannot remove {}: {error}", sanitize::path(path)));
        }
    }
}

/// Whether the file or a folder on the way to it does not exist.
fn is_not_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// `<database>.results/<run>.json`, with the real path of the database: links to
/// it share one folder.
fn file_of(settings: &Settings, run: &RunId) -> Option<PathBuf> {
    let database = settings.path(Key::Db)?;
    let real = database.canonicalize().or_else(|_| std::path::absolute(database)).ok()?;
    Some(beside(real, run))
}

/// The file of a run, beside this database.
fn beside(database: PathBuf, run: &RunId) -> PathBuf {
    let mut folder = database.into_os_string();
    folder.push(".results");
    Path::new(&folder).join(format!("{run}.json"))
}

/// Writes the file atomically; replaces that of an earlier report.
fn write(path: &Path, result: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        match fs::symlink_metadata(folder) {
            Ok(found) if found.is_dir() => {}
            // A repository may contain a link that leads anywhere.
            Ok(_) => return Err(io::Error::other("its folder is a link or a file")),
            Err(_) => private_folders().create(folder)?,
        }
    }
    let (mut file, mut beside) = PartialFile::of(path)?;
    file.write_all(result.as_bytes())?;
    file.write_all(b"\n")?;
    beside.replace(path)
}
