//! Where a program is.
//!
//! Owns: the search along `PATH`. Never: runs anything.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::ProcessError;
use super::flaw::{Flaw, is_program};

/// Looks a program up on `PATH`. A name with a slash in it is a path already.
///
/// Entries of `PATH` that are not absolute are ignored: which program runs must not
/// depend on the agent's working directory.
pub(crate) fn find_program(name: &str) -> Result<PathBuf, ProcessError> {
    find_program_for(name, None)
}

/// The same for a program that gets another `PATH`, on which a script's interpreter is
/// looked up.
pub(crate) fn find_program_for(name: &str, its: Option<&str>) -> Result<PathBuf, ProcessError> {
    let ours = search_path();
    find_in(name, &ours, its.map_or(ours.as_os_str(), OsStr::new))
}

/// Why the system would refuse a program that was found.
pub(crate) fn refused(program: &Path) -> Option<ProcessError> {
    // Other systems hand a text without a first line to a shell.
    let flaw = Flaw::of_text(program).filter(|_| cfg!(target_os = "linux"))?;
    Some(ProcessError::NoProgram { program: program.to_owned(), flaw })
}

fn search_path() -> OsString {
    env::var_os("PATH").unwrap_or_default()
}

fn find_in(name: &str, path: &OsStr, its: &OsStr) -> Result<PathBuf, ProcessError> {
    let places = places(name, path);
    let Some(program) = places.iter().find(|path| is_program(path)).cloned() else {
        return Err(match places.into_iter().find(|path| path.exists()) {
            Some(program) => {
                let flaw = if program.is_dir() { Flaw::Folder } else { Flaw::NotExecutable };
                ProcessError::NoProgram { program, flaw }
            }
            None => ProcessError::NotFound { program: name.into() },
        });
    };
    match Flaw::of(&program, its) {
        Some(flaw) => Err(ProcessError::NoProgram { program, flaw }),
        None => Ok(program),
    }
}

/// The paths where it may be.
fn places(name: &str, path: &OsStr) -> Vec<PathBuf> {
    if name.is_empty() {
        return Vec::new();
    }
    if name.contains('/') {
        return std::path::absolute(name).into_iter().collect();
    }
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_an_executable_file_in_an_absolute_folder() {
        assert!(find_program("sh").unwrap().is_absolute());
        let found = |name: &str, path: &str| find_in(name, OsStr::new(path), OsStr::new(path));
        assert_eq!(found("/bin/sh", "").unwrap(), PathBuf::from("/bin/sh"));
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("my agent");
        std::fs::write(&script, "#!/nonexistent/python -u\n").unwrap();
        let at = |name: &str, path: &str| found(name, path).unwrap_err().to_string();
        let here = folder.path().to_str().unwrap();
        let closed = at("my agent", here);
        assert!(closed.ends_with(&format!("type: chmod +x '{here}/my agent'")), "{closed}");
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let broken = at("my agent", here);
        assert!(broken.contains("/nonexistent/python"), "{broken}");
        assert!(at("/bin", "").contains("it is a folder"));
        for (name, path) in [("sh", "bin:.:/nonexistent"), ("", "/bin"), ("no-such", "/bin")] {
            assert!(at(name, path).contains("there is no program"), "{name}");
        }
    }
}
