//! Why a file that exists cannot be run.
//!
//! Owns: the reasons, how they are found, and the hint for each. Never: runs anything.
//!
//! The system reports only a number: `ENOENT` for a script whose first line names a
//! missing interpreter, and `ENOEXEC` for a text without such a line.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use smol_wf_core::shell;

/// Bytes of a script's first line that systems read.
const FIRST_LINE_BYTES: u64 = 255;

/// Why a file cannot be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is a folder.
    Folder,
    /// It lacks the permission to execute, for everybody or for this user.
    NotExecutable,
    /// It is empty.
    Empty,
    /// It is a text whose first line names no interpreter.
    NoFirstLine,
    /// Its first line names this interpreter, which does not exist.
    NoInterpreter(String),
    /// Its first line names this file, which is not a program.
    NotAnInterpreter(String),
    /// Its first line makes `env` look for this program, which is not on `PATH`.
    NotOnPath(String),
    /// Its first line gives `env` several words, which Linux passes on as one.
    OneWord(String),
    /// Its first line ends with a carriage return, as on Windows.
    LineEnds,
    /// Its dynamic loader does not exist.
    NoLoader,
    /// It is a program for another machine, or not a program.
    Foreign,
    /// The system refuses it although it is executable.
    Denied,
}

impl Flaw {
    /// The reason and the hint, in words.
    pub(crate) fn in_words(&self, program: &Path) -> String {
        let typed = shell::path(program);
        match self {
            Self::Folder => "it is a folder; name the program in it".to_owned(),
            Self::NotExecutable => format!("it is not executable; type: chmod +x {typed}"),
            Self::Empty => "it is empty; write the program, or name another".to_owned(),
            Self::NoFirstLine => {
                "it is a script whose first line does not say what runs it; begin it with a line such as `#!/bin/sh`".to_owned()
            }
            Self::NoInterpreter(name) => format!(
                "its first line names `{name}`, which is not there; install that, or mend the line, as in `#!/usr/bin/env {}`",
                name.rsplit('/').next().unwrap_or(name)
            ),
            Self::NotAnInterpreter(name) => {
                format!("its first line names `{name}`, which is not a program; mend the line")
            }
            Self::NotOnPath(name) => format!(
                "its first line asks for `{name}`, which is not on the PATH; install that, or mend the line"
            ),
            Self::OneWord(rest) => format!(
                "its first line asks for a program called `{rest}`; write `#!/usr/bin/env -S {rest}`"
            ),
            Self::LineEnds => format!(
                "its lines end as on Windows, and the end is taken for part of what its first line names; type: sed -i 's/\\r$//' {typed}"
            ),
            Self::NoLoader => format!(
                "it is there, and what loads it is not, so it was made for another system; `ldd {typed}` says what it needs"
            ),
            Self::Foreign => format!(
                "it is not a program for this machine; `file {typed}` says what it is, and a script begins with a line such as `#!/bin/sh`"
            ),
            Self::Denied => format!(
                "the system refuses it (permission denied), though it is executable: its file system may be mounted with `noexec`, or a folder above it is closed to you; `namei -l {typed}` shows the folders"
            ),
        }
    }

    /// The reason that can be seen beforehand. `search` is the `PATH` that the program
    /// gets.
    pub(super) fn of(program: &Path, search: &OsStr) -> Option<Self> {
        let start = start_of(program)?;
        let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let line = std::str::from_utf8(line).ok()?;
        let blank = [' ', '\t'];
        let line = line.trim_matches(blank);
        let (name, rest) = line.split_once(blank).unwrap_or((line, ""));
        let rest = rest.trim_matches(blank);
        if name.is_empty() {
            return None;
        }
        if !Path::new(name).exists() {
            return match name.strip_suffix('\r') {
                Some(_) => Some(Self::LineEnds),
                // Relative to the agent's working directory, which is not known here.
                None if !name.starts_with('/') && name.contains('/') => None,
                None => Some(Self::NoInterpreter(name.to_owned())),
            };
        }
        if !is_program(Path::new(name)) {
            return Some(Self::NotAnInterpreter(name.to_owned()));
        }
        let is_env = Path::new(name).file_name() == Some(OsStr::new("env"));
        if is_env { Self::of_env(rest, search) } else { None }
    }

    /// The program that `env` would not find. Flags and variables of `env` are left to
    /// it.
    fn of_env(rest: &str, search: &OsStr) -> Option<Self> {
        let splits = rest.strip_prefix("-S").map(str::trim_start);
        let first = splits.unwrap_or(rest).split([' ', '\t']).next().unwrap_or_default();
        if first.is_empty() || first.starts_with('-') || first.contains(['=', '\'', '"', '$']) {
            return None;
        }
        let is_there = |name: &str| {
            let mut folders = env::split_paths(search);
            // One that depends on where an agent works may hold anything.
            folders.any(|folder| !folder.is_absolute() || is_program(&folder.join(name)))
        };
        if cfg!(target_os = "linux") && splits.is_none() && first != rest {
            return (!is_there(rest)).then(|| Self::OneWord(rest.to_owned()));
        }
        match is_there(first) {
            true => None,
            false if first.ends_with('\r') => Some(Self::LineEnds),
            false => Some(Self::NotOnPath(first.to_owned())),
        }
    }

    /// The reason behind an error that the system gave on starting the program.
    pub(super) fn behind(error: &io::Error, program: &Path, search: &OsStr) -> Option<Self> {
        let denied = || match program.is_dir() {
            true => Self::Folder,
            false if !is_program(program) => Self::NotExecutable,
            false => Self::of(program, search).unwrap_or(Self::Denied),
        };
        match error.kind() {
            io::ErrorKind::NotFound if program.exists() => {
                Some(Self::of(program, search).unwrap_or(Self::NoLoader))
            }
            io::ErrorKind::PermissionDenied => Some(denied()),
            _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                Some(Self::of_text(program).unwrap_or(Self::Foreign))
            }
            _ => None,
        }
    }

    /// The reason for a file that is not executable code. Without an interpreter the
    /// system refuses it.
    pub(super) fn of_text(program: &Path) -> Option<Self> {
        let start = start_of(program)?;
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let names_nothing =
            line.strip_prefix(b"#!").is_none_or(|line| line.trim_ascii().is_empty());
        // A text that is cut within a character is still a text.
        let is_text = match std::str::from_utf8(&start) {
            Ok(text) => !text.contains('\0'),
            Err(error) => error.error_len().is_none(),
        };
        match start.is_empty() {
            true => Some(Self::Empty),
            false => (is_text && names_nothing).then_some(Self::NoFirstLine),
        }
    }
}

fn start_of(program: &Path) -> Option<Vec<u8>> {
    // Opening a pipe would block.
    program.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut start = Vec::new();
    File::open(program).ok()?.take(FIRST_LINE_BYTES).read_to_end(&mut start).ok()?;
    Some(start)
}

/// Whether a file exists that this user may run.
#[cfg(unix)]
pub(super) fn is_program(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
pub(super) fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// The reason that is found beforehand for a program with this content.
    fn said_of(text: &[u8]) -> Option<Flaw> {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("agent");
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        Flaw::of(&script, OsStr::new("/usr/bin:/bin")).or_else(|| Flaw::of_text(&script))
    }

    #[test]
    fn a_first_line_says_why_a_script_cannot_be_run() {
        let named = |name: &str| Some(Flaw::NoInterpreter(name.to_owned()));
        for (text, flaw) in [
            (&b"#!/bin/sh\n"[..], None),
            (b"#! /bin/sh -eu\n", None),
            (b"#!/usr/bin/env sh\n", None),
            (b"#!/usr/bin/env -S sh -eu\n", None),
            (b"#!/usr/bin/env -S A=1 no-such\n", None),
            (b"\x7fELF\x02\x01\x01\0", None),
            (b"#!/no/such/python -u\n", named("/no/such/python")),
            (b"#!python3\n", named("python3")),
            (b"#!/etc/passwd\n", Some(Flaw::NotAnInterpreter("/etc/passwd".to_owned()))),
            (b"#!/usr/bin/env no-such\n", Some(Flaw::NotOnPath("no-such".to_owned()))),
            (b"#!/usr/bin/env -S no-such -x\n", Some(Flaw::NotOnPath("no-such".to_owned()))),
            (b"#!/bin/sh\r\necho\r\n", Some(Flaw::LineEnds)),
            (b"#!/usr/bin/env sh\r\n", Some(Flaw::LineEnds)),
            (b"", Some(Flaw::Empty)),
            (b"#!\necho\n", Some(Flaw::NoFirstLine)),
            ("echo é".as_bytes(), Some(Flaw::NoFirstLine)),
        ] {
            assert_eq!(said_of(text), flaw, "{}", text.escape_ascii());
        }
        let cut = "é".repeat(200);
        assert_eq!(said_of(cut.as_bytes()), Some(Flaw::NoFirstLine));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn env_gets_all_of_the_line_as_one_word() {
        let rest = "sh -eu".to_owned();
        assert_eq!(said_of(b"#!/usr/bin/env sh -eu\n"), Some(Flaw::OneWord(rest)));
    }
}
