//! Fixture files: where they lie, and how they are written.
//!
//! Owns: files and folders. Never: what stands in a fixture.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, ExportRequest};

use crate::failure::{CommandError, talk};
use crate::screen;

/// What fixtures end in.
const ENDING: &str = "swf";

/// Folders that are not looked into: what is in them was made by a machine.
const SKIPPED: [&str; 3] = ["target", "node_modules", ".git"];

/// A run as a fixture, for `smol-wf test`
#[derive(Debug, Args)]
pub(crate) struct FixtureFlags {
    /// Fixture to write, in place of what it holds
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,

    /// Take out what this regular expression matches, besides tokens of known
    /// forms and the names of home folders; may be repeated
    #[arg(long, value_name = "REGEX", requires = "fixture")]
    redact: Vec<String>,
}

impl FixtureFlags {
    pub(crate) async fn export(
        self,
        engine: &Engine,
        run: RunId,
    ) -> Result<ExitCode, CommandError> {
        let asked = self.fixture.unwrap_or_default();
        let path = std::path::absolute(&asked).unwrap_or_else(|_| asked.clone());
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        fs::create_dir_all(&folder).map_err(|error| unwritable(&path, &error))?;
        let request = ExportRequest { run: run.clone(), folder, redact: self.redact };
        let text = engine.fixture(request).await?;
        write(&path, &text)?;
        let shown = screen::path(&asked);
        talk(&format!("run {run} is in {shown}; replay it with smol-wf test {shown}"));
        Ok(ExitCode::SUCCESS)
    }
}

/// Replaces a file as a whole, and makes the folders that it is to lie in.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| replace(path, text)).map_err(|error| unwritable(path, &error))
}

/// How often a file is written that another process writes as well.
const REPLACE_TRIES: u32 = 10;

/// The same in a folder that is there, for whoever says what failed. What is no
/// file, or is a link to one, stays what it is and is written to: a device must
/// not become a file.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, text);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut tries = 0;
    loop {
        tries += 1;
        fs::write(&beside, text)?;
        match fs::rename(&beside, path) {
            // Another process wrote the same file, and took this one for its own.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < REPLACE_TRIES => {}
            ended => return ended,
        }
    }
}

/// Takes a file away that need not be there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> CommandError {
    CommandError::Usage(format!("cannot write {}: {error}", screen::path(path)))
}

/// All fixtures at and below these places, in order of their names.
pub(super) fn find(places: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut found = Vec::new();
    for place in places {
        collect(place, &mut found).map_err(|error| {
            CommandError::Usage(format!("cannot look into {}: {error}", screen::path(place)))
        })?;
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn collect(place: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    // Links to folders are not followed: they may lead in circles.
    if !fs::symlink_metadata(place)?.is_dir() {
        found.push(place.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                collect(&path, found)?;
            }
        } else if path.extension().is_some_and(|ending| ending == ENDING) {
            found.push(path);
        }
    }
    Ok(())
}
