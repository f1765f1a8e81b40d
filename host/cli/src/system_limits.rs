//! Limits that the system sets this process (`ulimit`), where one of them is what
//! is in the way.
//!
//! Owns: which limit an error comes from, and what to type. Never: changes the
//! error; this is said below it.

use smol_wf_core::codes::Code;

/// Files that a run has open at once: itself some twenty, and a few of each agent.
const FILES_LEAST: u64 = 32;

/// Files that are asked for, where the system lets us have more than it gives.
const FILES_WANTED: u64 = 1_024;

/// Makes room for open files; says why that is not to be had.
pub(crate) fn raise_open_files() -> Result<(), String> {
    let files = system::raise_files(FILES_WANTED);
    match files {
        Some(files) if files < FILES_LEAST => Err(too_few_files(files)),
        _ => Ok(()),
    }
}

/// That a run needs more open files than it may have.
pub(crate) fn too_few_files(files: u64) -> String {
    format!(
        "only {files} files may be open at once here (ulimit -n), and a run needs {FILES_LEAST}; raise the limit with `ulimit -n {FILES_WANTED}` [{}]",
        Code::LimitOpenFiles
    )
}

/// What to know of an error that says these words.
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

    /// The limit of open files, after it was raised as far as this, where it may be.
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

    pub(super) fn file_bytes() -> Option<u64> {
        getrlimit(Resource::Fsize).current
    }

    pub(super) fn processes() -> Option<u64> {
        getrlimit(Resource::Nproc).current
    }

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
