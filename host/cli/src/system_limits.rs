//! Limits of the system for this process (`ulimit`), as causes of errors.
//!
//! Owns: which limit caused an error, and what to type. Never: changes the error;
//! the hint is printed below it.

use smol_wf_core::codes::Code;

/// Least open files for a run: about twenty of its own, and a few per agent.
const FILES_LEAST: u64 = 32;

/// Open files to ask for, if the hard limit allows it.
const FILES_WANTED: u64 = 1_024;

/// Raises the limit of open files. Fails with a message if it stays too low for a
/// run.
pub(crate) fn raise_open_files() -> Result<(), String> {
    let files = system::raise_files(FILES_WANTED);
    match files {
        Some(files) if files < FILES_LEAST => Err(too_few_files(files)),
        _ => Ok(()),
    }
}

/// The error that a run needs more open files.
pub(crate) fn too_few_files(files: u64) -> String {
    format!(
        "only {files} files may be open at once here (ulimit -n), and a run needs {FILES_LEAST}; raise the limit with `ulimit -n {FILES_WANTED}` [{}]",
        Code::LimitOpenFiles
    )
}

/// The limit that probably caused an error with this text and code, and how to
/// raise it.
pub(crate) fn hint(error: &str, code: &str) -> Option<String> {
    let says = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if says(&["File too large", "os error 27"]) || ["store_disk_full", "store_io"].contains(&code) {
        let most = system::file_bytes()?;
        return Some(format!(
            "files may be no larger than {} KiB here (ulimit -f): `ulimit -f unlimited` lifts that",
            most / 1024
        ));
    }
    if says(&["Cannot allocate memory", "os error 12"]) {
        let most = system::address_bytes()?;
        return Some(format!(
            "this process may use no more than {} MiB of addresses (ulimit -v), and each script reserves some 4,200 of them: `ulimit -v unlimited` lifts that; --memory bounds what a script really uses",
            most / (1024 * 1024)
        ));
    }
    if says(&["Resource temporarily unavailable", "os error 11"]) {
        let most = system::processes()?;
        return Some(format!(
            "no more than {most} processes and threads of this user may be there at once (ulimit -u): end some, or raise that"
        ));
    }
    if says(&["Too many open files", "os error 24"]) {
        let most = system::raise_files(0)?;
        return Some(format!(
            "only {most} files may be open at once here (ulimit -n): raise that, or let fewer agents work at once with --max-parallel-agents"
        ));
    }
    None
}

#[cfg(unix)]
mod system {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// Raises the limit of open files to `wanted` if possible; returns the limit
    /// then in effect, `None` if unlimited.
    pub(super) fn raise_files(wanted: u64) -> Option<u64> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let current = current?;
        let wanted = wanted.min(maximum.unwrap_or(u64::MAX));
        if current >= wanted {
            return Some(current);
        }
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
        Some(if raised.is_ok() { wanted } else { current })
    }

    /// Largest file in bytes (`ulimit -f`); `None` is unlimited, also below.
    pub(super) fn file_bytes() -> Option<u64> {
        getrlimit(Resource::Fsize).current
    }

    /// Most processes and threads of this user (`ulimit -u`).
    pub(super) fn processes() -> Option<u64> {
        getrlimit(Resource::Nproc).current
    }

    /// Most bytes of addresses of this process (`ulimit -v`).
    pub(super) fn address_bytes() -> Option<u64> {
        getrlimit(Resource::As).current
    }
}

#[cfg(not(unix))]
mod system {
    pub(super) fn raise_files(_wanted: u64) -> Option<u64> {
        None
    }

    pub(super) fn file_bytes() -> Option<u64> {
        None
    }

    pub(super) fn processes() -> Option<u64> {
        None
    }

    pub(super) fn address_bytes() -> Option<u64> {
        None
    }
}
