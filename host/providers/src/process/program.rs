//! Where a program is.
//!
//! Owns: the search along `PATH`, and why what was found cannot be run. Never:
//! runs anything.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::ProcessError;

/// Bytes of a script's first line that systems read.
const FIRST_LINE_BYTES: u64 = 255;

/// Looks a program up on `PATH`; a name with a slash in it is a path already.
///
/// Entries of `PATH` that are not absolute are passed over: what is run must not
/// depend on the folder that an agent works in.
pub(crate) fn find_program(name: &str) -> Result<PathBuf, ProcessError> {
    find_in(name, &env::var_os("PATH").unwrap_or_default())
}

fn find_in(name: &str, path: &OsStr) -> Result<PathBuf, ProcessError> {
    let places = places(name, path);
    let Some(program) = places.iter().find(|path| is_program(path)).cloned() else {
        return Err(match places.into_iter().find(|path| path.exists()) {
            Some(program) if program.is_dir() => {
                ProcessError::NoProgram { program, why: "it is a folder" }
            }
            Some(program) => {
                ProcessError::NoProgram { program, why: "it is not executable (chmod +x)" }
            }
            None => ProcessError::NotFound { program: name.into() },
        });
    };
    match interpreter(&program) {
        Some(interpreter) if !Path::new(&interpreter).exists() => {
            Err(ProcessError::NoInterpreter { program, interpreter })
        }
        _ => Ok(program),
    }
}

/// Where it may be.
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

/// What the first line of a script names, when that is a path.
fn interpreter(program: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(program).ok()?.take(FIRST_LINE_BYTES).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let word = std::str::from_utf8(line).ok()?.split_whitespace().next()?;
    word.starts_with('/').then(|| word.to_owned())
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_an_executable_file_in_an_absolute_folder() {
        assert!(find_program("sh").unwrap().is_absolute());
        assert_eq!(find_in("/bin/sh", OsStr::new("")).unwrap(), PathBuf::from("/bin/sh"));
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("agent");
        std::fs::write(&script, "#!/nonexistent/python -u\n").unwrap();
        let at = |name: &str, path: &str| find_in(name, OsStr::new(path)).unwrap_err().to_string();
        let here = folder.path().to_str().unwrap();
        assert!(at("agent", here).contains("it is not executable (chmod +x)"));
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let broken = at("agent", here);
        assert!(broken.contains("/nonexistent/python"), "{broken}");
        assert!(at("/bin", "").contains("it is a folder"));
        for (name, path) in [("sh", "bin:.:/nonexistent"), ("", "/bin"), ("no-such", "/bin")] {
            assert!(at(name, path).contains("there is no program"), "{name}");
        }
    }
}
