//! Results that are too large to be read off a terminal.
//!
//! Owns: the folder beside the database that holds them, one file a run, for its
//! owner alone. Never: the only copy; the journal has every result whole, and a
//! program that reads stdout gets it whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use smol_wf_core::ids::RunId;
use smol_wf_engine::Report;

use crate::config::{Key, Settings};
use crate::failure::talk;
use crate::screen;

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
            let path = screen::path(&path);
            talk(&format!("warning: the result is large, and cannot be put into {path}: {error}"));
        }
    }
}

/// Takes the file of a run away that is deleted.
pub(crate) fn forget(run: &RunId, settings: &Settings) {
    let Some(path) = file_of(settings, run) else { return };
    let is_ours = |folder: &Path| fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    if !path.parent().is_some_and(is_ours) {
        return;
    }
    match fs::remove_file(&path) {
        Ok(()) => {
            // It goes with its last file.
            let _ = path.parent().map(fs::remove_dir);
        }
        Err(error) if is_not_there(&error) => {}
        Err(error) => {
            talk(&format!("warning: cannot remove {}: {error}", screen::path(&path)));
        }
    }
}

fn is_not_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// `<database>.results/<run>.json`.
fn file_of(settings: &Settings, run: &RunId) -> Option<PathBuf> {
    let database = settings.path(Key::Db)?;
    let mut folder = std::path::absolute(database).ok()?.into_os_string();
    folder.push(".results");
    Some(Path::new(&folder).join(format!("{run}.json")))
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
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = create(&beside).and_then(|mut file| {
        file.write_all(result.as_bytes())?;
        file.write_all(b"\n")?;
        fs::rename(&beside, path)
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

fn make_private(folder: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "elsewhere a folder has no mode"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A new file: a link that someone has put there is not followed.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
