//! `smol-wf import`: adds an exported run to the database.
//!
//! Reads the file twice: first to check it, then to import it. Owns: reading
//! lines. Never: trusts the file; the core checks it, and the engine replaces no
//! run.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::archive::LINE_BYTES_MAX;
use smol_wf_core::limits::JOURNAL_MIB_MAX;
use smol_wf_engine::{EngineError, Imported, Lines, library, look_over};

use super::history::settings_of;
use crate::failure::{CommandError, FileError, print_message};
use crate::flags::DbFlags;
use crate::humanize::plural;
use crate::{output, paths, setup};

/// Import a run that was exported with --format journal
///
/// Digests are checked, and the run keeps its id. A run that is already here is
/// not changed. An imported run can be shown and compared. Resuming it executes
/// its script: do that only if you trust where the run comes from.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// File to read; `-` is stdin
    file: PathBuf,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf import run.journal
  ssh build smol-wf export latest --format journal | smol-wf import -";

impl ImportArgs {
    /// Imports the file and prints the run's id. Importing the same run again is
    /// not an error. Fails if the file is not a valid journal, or with
    /// `import_conflict` if the id is taken by another journal.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        // The first reading checks the file before the database is opened.
        let file = named(&self.file)?;
        let unreadable = |error| FileError::Read { path: self.file.clone(), error };
        let entries =
            look_over(lines(&file).map_err(unreadable)?).map_err(|error| match error {
                EngineError::Archive(error) => CommandError::Archive(self.file.clone(), error),
                EngineError::System { error, .. } => unreadable(error).into(),
                other => other.into(),
            })?;
        let second_reading = lines(&file).map_err(unreadable)?;
        let settings = settings_of(&self.db)?;
        setup::new_database_note(&settings).into_iter().for_each(|line| print_message(&line));
        let engine = setup::engine(&settings)?;
        setup::wait_to_write(&engine, &settings).await?;
        let (run, imported) = engine.import(second_reading).await?;
        match imported {
            Imported::New => {
                print_message(&format!("imported {run}, {}", plural(entries, "record")))
            }
            Imported::Same => {
                print_message(&format!("{run} is here already, with the same journal"))
            }
        }
        output::line(run.as_str())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens the file to import. A pipe is copied to a temporary file first: it has
/// to be read twice, and the database must not be locked while a sender is slow.
fn named(path: &Path) -> Result<File, FileError> {
    if path == Path::new("-") {
        return copy_to_temporary(io::stdin().lock(), path);
    }
    let failed = |error| FileError::Read { path: path.to_owned(), error };
    let file = library::open_named(path, paths::home().as_deref()).map_err(failed)?;
    match file.metadata().map_err(failed)?.is_file() {
        true => Ok(file),
        false => copy_to_temporary(file, path),
    }
}

/// Most bytes that are copied to a temporary file: the largest journal, with
/// every character escaped, as in [`LINE_BYTES_MAX`].
const COPY_BYTES_MAX: u64 = 5 * 1024 * 1024 * JOURNAL_MIB_MAX as u64;

/// Copies a stream to a temporary file without a name.
fn copy_to_temporary(from: impl Read, path: &Path) -> Result<File, FileError> {
    let unusable = |error| FileError::Temporary { folder: std::env::temp_dir(), error };
    let mut file = tempfile::tempfile().map_err(|error| unusable(of_the_system(error)))?;
    copy(from, &mut file, COPY_BYTES_MAX).map_err(|failed| match failed {
        Failed::Read(error) => FileError::Read { path: path.to_owned(), error },
        Failed::Write(error) => unusable(error),
    })?;
    Ok(file)
}

/// The system's error, without the path of the temporary file.
fn of_the_system(error: io::Error) -> io::Error {
    let source = error.get_ref().and_then(std::error::Error::source);
    let source = source.and_then(|source| source.downcast_ref::<io::Error>());
    let number = source.and_then(io::Error::raw_os_error);
    number.map_or(error, io::Error::from_raw_os_error)
}

/// Which side of a copy failed.
#[derive(Debug)]
enum Failed {
    Read(io::Error),
    Write(io::Error),
}

/// Copies at most `most` bytes; fails if there are more.
fn copy(from: impl Read, to: &mut impl Write, most: u64) -> Result<(), Failed> {
    /// Bytes of one read.
    const PART_BYTES: usize = 64 * 1024;
    let mut from = BufReader::with_capacity(PART_BYTES, from.take(most + 1));
    let mut left = most;
    loop {
        let part = match from.fill_buf() {
            Ok(part) => part,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failed::Read(error)),
        };
        if part.is_empty() {
            return Ok(());
        }
        let bytes = part.len();
        left = left.checked_sub(bytes as u64).ok_or_else(|| {
            Failed::Read(io::Error::other(format!("it is over {most} bytes long")))
        })?;
        to.write_all(part).map_err(Failed::Write)?;
        from.consume(bytes);
    }
}

/// The lines of a file, from its beginning.
fn lines(file: &File) -> io::Result<Lines> {
    let mut file = file.try_clone()?;
    file.rewind()?;
    let mut from = BufReader::new(file);
    Ok(Box::new(std::iter::from_fn(move || line(&mut from).transpose())))
}

/// The next line; `None` at the end. Fails if it is too long or not UTF-8.
fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let most = LINE_BYTES_MAX as u64;
    if from.take(most + 1).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    } else if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("a line is over {most} bytes long")));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| io::Error::other("it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stops_at_its_limit() {
        let mut copied = Vec::new();
        copy(&b"1234"[..], &mut copied, 4).unwrap();
        assert_eq!(copied, b"1234");
        copied.clear();
        assert!(copy(io::repeat(b'x'), &mut copied, 4).is_err());
        assert!(copied.len() <= 4, "an endless stream is not read to its end");
    }
}
