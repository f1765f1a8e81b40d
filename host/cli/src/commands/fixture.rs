//! Fixture files: where they lie, and how they are written.
//!
//! Owns: files and folders. Never: what stands in a fixture.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::ids::RunId;
use smol_wf_engine::library;
use smol_wf_engine::{Engine, EngineError, ExportRequest, FixtureError};

use crate::failure::{CommandError, FileError, talk};
use crate::{paths, screen, shell, usage};

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
        let is_new = !folder.exists();
        not_dangling(&asked)
            .and_then(|()| library::stays_inside(&path, paths::home().as_deref()))
            .and_then(|()| fs::create_dir_all(&folder))
            .map_err(|error| unwritable(&path, &error))?;
        let request =
            ExportRequest { run: run.clone(), folder: folder.clone(), redact: self.redact };
        let fixed = engine.fixture(request).await?;
        let (within, home) = (within(&asked), paths::home());
        let found = fixed.finds_its_script(&path, Some(&within), home.as_deref());
        if let Err(EngineError::Fixture(FixtureError::Outside { .. })) = found {
            if is_new {
                let _ = fs::remove_dir(&folder);
            }
            let root = PathBuf::from(engine.head(&run).await?.project_root);
            let beside = root.join(path.file_name().unwrap_or_default());
            let beside = shell::path(&beside);
            let db = shell::with_database();
            let next = format!("smol-wf export {run} --fixture {beside}{db}");
            return Err(EngineError::from(FixtureError::Elsewhere { root, next }).into());
        }
        if is_new {
            talk(&format!("made the folder {}", screen::path(&folder)));
        }
        let mut file =
            Replacing::begin(&path, Over::Fixtures).map_err(|error| unwritable(&path, &error))?;
        fixed.write(&mut file.to).await?;
        file.finish().map_err(|error| unwritable(&path, &error))?;
        let shown = screen::path(&asked);
        if let Err(error) = found {
            let code = error.code();
            talk(&format!("warning: smol-wf test will refuse {shown}: {error} [{code}]"));
            return Ok(ExitCode::SUCCESS);
        }
        let typed = shell::path(&asked);
        talk(&format!("run {run} is in {shown}; replay it with smol-wf test {typed}"));
        Ok(ExitCode::SUCCESS)
    }
}

/// Replaces a file as a whole, and makes the folders that it is to lie in.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    not_dangling(path).map_err(|error| unwritable(path, &error))?;
    let made = folder.filter(|folder| !folder.exists()).map_or(Ok(()), |folder| {
        library::stays_inside(path, paths::home().as_deref())?;
        fs::create_dir_all(folder)?;
        talk(&format!("made the folder {}", screen::path(folder)));
        Ok(())
    });
    made.and_then(|()| {
        let mut file = Replacing::begin(path, Over::Reports)?;
        file.to.write_all(text.as_bytes())?;
        file.finish()
    })
    .map_err(|error| unwritable(path, &error))
}

/// What a file may be that another one takes the place of. A name that was mistaken
/// must not cost a script, a fixture or a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Whatever a person keeps in files, but for databases and fixtures.
    Files,
    /// Fixtures, and what is empty.
    Fixtures,
    /// JUnit reports, and what is empty.
    Reports,
}

/// How a fixture begins, whatever its version.
const FIXTURE: &[u8] = b"{\"swf\":";

/// How a database begins, and its log.
const DATABASES: [&[u8]; 3] =
    [b"SQLite format 3\0", &[0x37, 0x7f, 6, 0x82], &[0x37, 0x7f, 6, 0x83]];

impl Over {
    fn allow(self, path: &Path) -> io::Result<()> {
        let mut head = Vec::new();
        File::open(path)?.take(64).read_to_end(&mut head)?;
        let begins = |with: &[u8]| head.starts_with(with);
        // The index of a log begins with nothing of its own.
        let shared = path.to_str().and_then(|path| path.strip_suffix("-shm"));
        let is_database = DATABASES.into_iter().any(begins)
            || shared.is_some_and(|database| Path::new(database).is_file());
        let kept = match self {
            _ if is_database => "a database",
            Self::Files if begins(FIXTURE) => "a fixture",
            Self::Fixtures if !head.is_empty() && !begins(FIXTURE) => "not a fixture",
            Self::Reports if !head.is_empty() && !begins(b"<") => "not a JUnit report",
            _ => return Ok(()),
        };
        let why = format!("what is there is {kept}, and stays; name another file");
        Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
    }
}

/// That neither the path nor a folder of it is a link to nothing: what is written
/// would take the link's place, or be made where nobody looks for it.
fn not_dangling(path: &Path) -> io::Result<()> {
    let is_dangling = |link: &&Path| {
        let nothing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        link.is_symlink() && fs::metadata(link).is_err_and(nothing)
    };
    let Some(link) = path.ancestors().find(is_dangling) else { return Ok(()) };
    let why = usage::dangling(link).unwrap_or_default();
    let typed = shell::path(link);
    let why = format!("{why}; take the link away (`rm {typed}`), or name another file");
    Err(io::Error::new(io::ErrorKind::NotFound, why))
}

/// The open stdout, by the names that systems give it: to open those anew would be
/// to begin at the first byte of a file that others write to.
fn stdout_by_name(path: &Path) -> Option<io::Result<File>> {
    const NAMES: [&str; 3] = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
    let is_it = NAMES.iter().any(|name| Path::new(name) == path);
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        is_it.then(|| io::stdout().as_fd().try_clone_to_owned().map(File::from))
    }
    #[cfg(not(unix))]
    {
        let _ = is_it;
        None
    }
}

/// A file that takes the place of another one when it is whole. What is no file, as
/// a device, stays what it is and is written to; a link stays, and what it leads to
/// is replaced.
pub(super) struct Replacing {
    to: BufWriter<File>,
    path: PathBuf,
    /// None where what is there is written to.
    beside: Option<PathBuf>,
}

impl Replacing {
    pub(super) fn begin(path: &Path, over: Over) -> io::Result<Self> {
        if let Some(stdout) = stdout_by_name(path) {
            let to = BufWriter::new(stdout?);
            return Ok(Self { to, path: path.to_owned(), beside: None });
        }
        not_dangling(path)?;
        library::stays_inside(path, paths::home().as_deref())?;
        let old = fs::metadata(path).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            return Ok(Self {
                to: BufWriter::new(File::create(path)?),
                path: path.to_owned(),
                beside: None,
            });
        }
        let path = if old.is_some() { path.canonicalize()? } else { path.to_owned() };
        if old.is_some() {
            over.allow(&path)?;
        }
        let (file, beside) = Self::new_beside(&path)?;
        let new = Self { to: BufWriter::new(file), path, beside: Some(beside) };
        if let Some(old) = old {
            // Whoever may not read the one may not read the other.
            new.to.get_ref().set_permissions(old.permissions())?;
        }
        Ok(new)
    }

    /// A new file in the same folder.
    fn new_beside(path: &Path) -> io::Result<(File, PathBuf)> {
        let mut tries = 0;
        loop {
            tries += 1;
            let beside = path.with_file_name(format!(".smol-wf-{}-{tries}", std::process::id()));
            match File::create_new(&beside) {
                // Of a process that had the same number once.
                Err(error)
                    if error.kind() == io::ErrorKind::AlreadyExists && tries < REPLACE_TRIES => {}
                made => return Ok((made?, beside)),
            }
        }
    }

    /// Another handle of the file, for a writer that wants one of its own.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.to.get_ref().try_clone()
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.to.flush()?;
        match self.beside.take() {
            Some(beside) => fs::rename(&beside, &self.path).inspect_err(|_| {
                let _ = remove(&beside);
            }),
            None => Ok(()),
        }
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // It is not whole.
            let _ = remove(beside);
        }
    }
}

/// Where a file is written before it takes its place.
fn beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    PathBuf::from(beside)
}

/// How often a file is written that another process writes as well.
const REPLACE_TRIES: u32 = 10;

/// The same in a folder that is there, for whoever says what failed. What is no
/// file, or is a link to one, stays what it is and is written to: a device must
/// not become a file.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    library::stays_inside(path, paths::home().as_deref())?;
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, text);
    }
    let beside = beside(path);
    let mut tries = 0;
    loop {
        tries += 1;
        // What stands there, a link that a repository carries included, goes.
        remove(&beside)?;
        let new = fs::OpenOptions::new().write(true).create_new(true).open(&beside);
        match new.and_then(|mut file| file.write_all(text.as_bytes())) {
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < REPLACE_TRIES => {
                continue;
            }
            written => written?,
        }
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

/// A fixture, and the folder that it was found in.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// What was given; of a file, the folder in which the user stands, where the
    /// file lies in that, else its own.
    pub(super) within: PathBuf,
}

/// All fixtures at and below these places, in order of their names.
pub(super) fn find(places: &[PathBuf]) -> Result<Vec<Found>, CommandError> {
    let mut found: Vec<Found> = Vec::new();
    for place in places {
        let mut paths = Vec::new();
        collect(place, &mut paths)
            .map_err(|error| FileError::Read { path: place.to_owned(), error })?;
        let within = within(place);
        found.extend(paths.into_iter().map(|path| Found { path, within: within.clone() }));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup_by(|a, b| a.path == b.path);
    Ok(found)
}

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
