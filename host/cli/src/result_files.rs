//! Results that are too large to be read off a terminal.
//!
//! Owns: the folder beside the database that holds them, one file a run, for its
//! owner alone. Never: the only copy; the journal has every result whole, and a
//! program that reads stdout gets it whole.

use std::fs::{self, DirBuilder};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use smol_wf_core::ids::RunId;
use smol_wf_engine::Report;

use crate::config::{Key, Settings};
use crate::failure::print_message;
use crate::file_output::PartialFile;
use crate::sanitize;

/// Most bytes of a result that a report shows on a terminal: some thousand lines,
/// which is what terminals scroll back.
const RESULT_SHOWN_BYTES_MAX: usize = 256 * 1024;

/// Puts a large result into a file that the report names instead, where a person
/// reads the report. A result that cannot be kept there is shown.
pub(crate) fn set_aside(report: &mut Report, settings: &Settings) {
    let is_large = report.results.get().len() > RESULT_SHOWN_BYTES_MAX;
    if !is_large || !io::stdout().is_terminal() {
        return;
    }
    let Some(path) = file_of(settings, &report.run_id) else { return };
    match write(&path, report.results.get()) {
        Ok(()) => {
            report.results = RawValue::NULL.to_owned();
            report.results_file = Some(path.to_string_lossy().into_owned());
        }
        Err(error) => {
            let path = sanitize::path(&path);
            print_message(&format!(
                "warning: the result is large, and cannot be put into {path}: {error}"
            ));
        }
    }
}

/// Takes the file of a run away that is deleted, also one that an older program has
/// put beside a link to the database.
pub(crate) fn forget(run: &RunId, settings: &Settings) {
    let by_link = settings.path(Key::Db).and_then(|named| std::path::absolute(named).ok());
    let by_link = by_link.map(|database| beside(database, run));
    let both = [file_of(settings, run), by_link];
    both.into_iter().flatten().for_each(|path| take_away(&path));
}

fn take_away(path: &Path) {
    let is_ours = |folder: &Path| fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    if !path.parent().is_some_and(is_ours) {
        return;
    }
    match fs::remove_file(path) {
        Ok(()) => {
            // It goes with its last file.
            let _ = path.parent().map(fs::remove_dir);
        }
        Err(error) if is_not_there(&error) => {}
        Err(error) => {
            print_message(&format!("warning: cannot remove {}: {error}", sanitize::path(path)));
        }
    }
}

fn is_not_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// `<database>.results/<run>.json`, by the name that the database has itself: it may
/// be named by links, and has one such folder.
fn file_of(settings: &Settings, run: &RunId) -> Option<PathBuf> {
    let database = settings.path(Key::Db)?;
    let real = database.canonicalize().or_else(|_| std::path::absolute(database)).ok()?;
    Some(beside(real, run))
}

fn beside(database: PathBuf, run: &RunId) -> PathBuf {
    let mut folder = database.into_os_string();
    folder.push(".results");
    Path::new(&folder).join(format!("{run}.json"))
}

/// Whole or not at all, in place of what an earlier report has put there.
fn write(path: &Path, result: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        match fs::symlink_metadata(folder) {
            Ok(found) if found.is_dir() => {}
            // A repository may carry a link that leads anywhere.
            Ok(_) => return Err(io::Error::other("its folder is a link or a file")),
            Err(_) => make_private(folder)?,
        }
    }
    let (mut file, mut beside) = PartialFile::of(path)?;
    file.write_all(result.as_bytes())?;
    file.write_all(b"\n")?;
    beside.take_place_of(path)
}

fn make_private(folder: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "elsewhere a folder has no mode"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
