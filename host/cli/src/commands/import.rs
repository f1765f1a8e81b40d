//! `smol-wf import`.
//!
//! Owns: reading the file, line by line and as often as it takes. Never: believes
//! it; the core checks it, and the engine takes no run in place of another.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::archive::LINE_BYTES_MAX;
use smol_wf_core::limits::JOURNAL_MIB_MAX;
use smol_wf_engine::{EngineError, Imported, Lines, library, look_over};

use super::history::settings_of;
use crate::failure::{CommandError, FileError, talk};
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
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        // Once before anything is opened for it, and once more to take it in.
        let file = named(&self.file)?;
        let unreadable = |error| FileError::Read { path: self.file.clone(), error };
        let entries =
            look_over(lines(&file).map_err(unreadable)?).map_err(|error| match error {
                EngineError::Archive(error) => CommandError::Archive(self.file.clone(), error),
                EngineError::System { error, .. } => unreadable(error).into(),
                other => other.into(),
            })?;
        let again = lines(&file).map_err(unreadable)?;
        // Nothing is run: one instance is what the sandbox must have.
        let settings = settings_of(&self.db)?;
        setup::to_be_made(&settings).into_iter().for_each(|line| talk(&line));
        let engine = setup::engine(&settings)?;
        setup::wait_to_write(&engine, &settings).await?;
        let (run, imported) = engine.import(again).await?;
        match imported {
            Imported::New => talk(&format!("imported {run}, {}", plural(entries, "record"))),
            Imported::Same => talk(&format!("{run} is here already, just the same")),
        }
        output::line(run.as_str())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The file that was named. What is none, as a pipe, is brought into one first: a
/// database must not be locked while somebody sends, and nothing is believed that
/// cannot be read twice.
fn named(path: &Path) -> Result<File, FileError> {
    if path == Path::new("-") {
        return kept(io::stdin().lock(), path);
    }
    let failed = |error| FileError::Read { path: path.to_owned(), error };
    let file = library::open_named(path, paths::home().as_deref()).map_err(failed)?;
    match file.metadata().map_err(failed)?.is_file() {
        true => Ok(file),
        false => kept(file, path),
    }
}

/// Most bytes that are brought into a file: the largest journal there can be, escaped
/// wherever it can be, as of [`LINE_BYTES_MAX`].
const KEPT_BYTES_MAX: u64 = 5 * 1024 * 1024 * JOURNAL_MIB_MAX as u64;

/// In a file that only this process has, and that has no name.
fn kept(from: impl Read, path: &Path) -> Result<File, FileError> {
    let unusable = |error| FileError::Temporary { folder: std::env::temp_dir(), error };
    let mut file = tempfile::tempfile().map_err(|error| unusable(of_the_system(error)))?;
    keep(from, &mut file, KEPT_BYTES_MAX).map_err(|failed| match failed {
        Failed::Read(error) => FileError::Read { path: path.to_owned(), error },
        Failed::Write(error) => unusable(error),
    })?;
    Ok(file)
}

/// Without the name of a file that nobody knows.
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

fn keep(from: impl Read, to: &mut impl Write, most: u64) -> Result<(), Failed> {
    /// Of one read.
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

/// The next line, which is text and not too long; none at the end.
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
    fn no_more_is_kept_than_there_can_be() {
        let mut kept = Vec::new();
        keep(&b"1234"[..], &mut kept, 4).unwrap();
        assert_eq!(kept, b"1234");
        kept.clear();
        assert!(keep(io::repeat(b'x'), &mut kept, 4).is_err());
        assert!(kept.len() <= 4, "what is endless is not read to its end");
    }
}
