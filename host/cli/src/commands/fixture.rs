//! Fixture files: finding, exporting and writing them.
//!
//! Owns: paths and folders. Never: the content of a fixture; the engine has that.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::RunHead;
use smol_wf_engine::library;
use smol_wf_engine::{Engine, EngineError, ExportRequest, FixtureError};

use super::folder_search;
use crate::advice;
use crate::failure::{CommandError, FileError, print_message};
use crate::file_output::{OutputFile, Overwrites, not_dangling};
use crate::{paths, sanitize, shell};

/// File extension of fixtures.
const ENDING: &str = "swf";

/// The action in the engine's error when writing a fixture fails.
const WRITING: &str = "write the fixture";

/// Export of a run as a fixture, for `smol-wf test`
#[derive(Debug, Args)]
pub(crate) struct FixtureFlags {
    /// Write a fixture to this file; an existing fixture is replaced
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,

    /// Also redact what this regular expression matches; tokens of known forms
    /// and the names of home folders are always redacted. May be repeated
    #[arg(long, value_name = "REGEX", requires = "fixture")]
    redact: Vec<String>,
}

impl FixtureFlags {
    /// Writes the fixture and prints how to replay it. Fails if the run is not
    /// over or does not replay, if the path must not be replaced, or if the path
    /// is outside the project of the script.
    pub(crate) async fn export(
        self,
        engine: &Engine,
        run: RunId,
    ) -> Result<ExitCode, CommandError> {
        let asked = self.fixture.clone().unwrap_or_default();
        let path = std::path::absolute(&asked).unwrap_or_else(|_| asked.clone());
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        let made = not_dangling(&asked)
            .and_then(|()| library::stays_inside(&path, paths::home().as_deref()))
            .and_then(|()| CreatedFolders::folder(&folder))
            .map_err(|error| unwritable(&path, &error))?;
        let redact = self.redact.clone();
        let request = ExportRequest { run: run.clone(), folder: folder.clone(), redact };
        let fixture = engine.fixture(request).await?;
        let (within, home) = (within(&asked), paths::home());
        let found = fixture.finds_its_script(&path, Some(&within), home.as_deref());
        if let Err(EngineError::Fixture(FixtureError::Outside { .. })) = found
            && let Some(root) = root_of(&engine.head(&run).await?)
        {
            let next = self.beside_the_script(&run, &root, &path);
            return Err(CommandError::Elsewhere { root, next });
        }
        made.keep();
        let mut file = OutputFile::begin(&path, Overwrites::Fixtures)
            .map_err(|error| unwritable(&path, &error))?;
        fixture.write(&mut file.to).await.map_err(|error| match error {
            EngineError::System { doing: WRITING, error } => unwritable(&path, &error),
            other => other.into(),
        })?;
        file.finish().map_err(|error| unwritable(&path, &error))?;
        let (shown, typed) = (sanitize::path(&asked), shell::path(&asked));
        if let Err(error) = found {
            let code = error.code();
            let said = advice::sentence(&error);
            print_message(&format!("warning: smol-wf test will refuse {shown}: {said} [{code}]"));
            print_message(&format!(
                "give the path of the script: smol-wf test {typed} --script FILE --accept"
            ));
            return Ok(ExitCode::SUCCESS);
        }
        print_message(&format!(
            "run {run} was written to {shown}; replay it with smol-wf test {typed}"
        ));
        Ok(ExitCode::SUCCESS)
    }

    /// The command that writes the fixture beside the script, under an unused
    /// name.
    fn beside_the_script(&self, run: &RunId, root: &Path, path: &Path) -> String {
        let rules = self.redact.iter().map(|rule| match shell::word(rule) {
            // A separate word would be read as a flag.
            word if rule.starts_with('-') => format!(" --redact={word}"),
            word => format!(" --redact {word}"),
        });
        let rules: String = rules.collect();
        let name = Path::new(path.file_name().unwrap_or_default());
        let beside = shell::path(&unused_path(&root.join(name)));
        format!("smol-wf export {run} --fixture {beside}{rules}{}", shell::with_database())
    }
}

/// The root of a run's project, if the script still exists there.
fn root_of(head: &RunHead) -> Option<PathBuf> {
    let root = Path::new(&head.project_root);
    let script = Path::new(&head.script_path);
    let is_there = library::has_no_file(&head.script_path) || script.is_file();
    (is_there && root.is_dir()).then(|| root.to_owned())
}

/// `path`, or the first of `name-2`, `name-3`, … that does not exist.
fn unused_path(path: &Path) -> PathBuf {
    /// Nobody has this many; then the path itself is returned.
    const NUMBER_MAX: usize = 1000;
    let name = |number: usize| {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(ending) = path.extension() {
            name.push(".");
            name.push(ending);
        }
        path.with_file_name(name)
    };
    let mut paths = std::iter::once(path.to_owned()).chain((2..=NUMBER_MAX).map(name));
    let is_unused = |path: &PathBuf| fs::symlink_metadata(path).is_err();
    paths.find(is_unused).unwrap_or_else(|| path.to_owned())
}

/// Folders that were created for a file; dropping this removes them unless
/// [`keep`](Self::keep) was called.
struct CreatedFolders(Vec<PathBuf>);

impl CreatedFolders {
    /// Creates `folder` and its missing parents.
    fn folder(folder: &Path) -> io::Result<Self> {
        let lacking = folder.ancestors().take_while(|folder| !folder.exists());
        let made = Self(lacking.map(Path::to_owned).collect());
        fs::create_dir_all(folder)?;
        Ok(made)
    }

    /// Keeps the folders and prints which one was created.
    fn keep(mut self) {
        if let Some(folder) = self.0.first() {
            print_message(&format!("created the folder {}", sanitize::path(folder)));
        }
        self.0.clear();
    }
}

impl Drop for CreatedFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Writes a JUnit report atomically, and creates its folders. Fails with a usage
/// error that names the path.
pub(super) fn write_report(path: &Path, text: &str) -> Result<(), CommandError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || {
        not_dangling(path)?;
        if let Some(folder) = folder.filter(|folder| !folder.exists()) {
            library::stays_inside(path, paths::home().as_deref())?;
            CreatedFolders::folder(folder)?.keep();
        }
        let mut file = OutputFile::begin(path, Overwrites::Reports)?;
        file.to.write_all(text.as_bytes())?;
        file.finish()
    };
    write().map_err(|error| unwritable(path, &error))
}

/// The usage error about a file that cannot be written.
fn unwritable(path: &Path, error: &io::Error) -> CommandError {
    CommandError::Usage(format!("cannot write {}: {error}", sanitize::path(path)))
}

/// A fixture, and the folder in which its links must stay.
#[derive(Debug)]
pub(super) struct FixtureFile {
    /// Path of the fixture, below the path that was given.
    pub(super) path: PathBuf,
    /// The folder that was given. For a file: the current folder if that contains
    /// the file, otherwise the file's own folder.
    pub(super) within: PathBuf,
}

/// All fixtures among these files and below these folders, sorted by path, each
/// once. Fails with [`FileError::Read`] if a path does not exist or a folder cannot
/// be read.
pub(super) fn find(places: &[PathBuf]) -> Result<Vec<FixtureFile>, CommandError> {
    let mut found: Vec<FixtureFile> = Vec::new();
    for place in places {
        let paths = fixtures_of(place)
            .map_err(|error| FileError::Read { path: place.to_owned(), error })?;
        let within = within(place);
        found.extend(paths.into_iter().map(|path| FixtureFile { path, within: within.clone() }));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup_by(|a, b| a.path == b.path);
    Ok(found)
}

/// The folder in which links of a fixture must stay; see [`FixtureFile::within`].
fn within(place: &Path) -> PathBuf {
    let here = PathBuf::from(".");
    if place.is_dir() {
        return place.to_owned();
    }
    let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(&here).to_owned();
    match (parent.canonicalize(), here.canonicalize()) {
        (Ok(parent), Ok(real)) if parent.starts_with(&real) => here,
        _ => parent,
    }
}

/// The fixtures in and below a folder; a file counts whatever its name.
fn fixtures_of(place: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::symlink_metadata(place)?.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    folder_search::find(place, |path| path.extension().is_some_and(|ending| ending == ENDING))
}
