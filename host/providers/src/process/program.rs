//! Where a program is.
//!
//! Owns: the search along `PATH`. Never: runs anything.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Looks a program up on `PATH`; a name with a slash in it is a path already.
///
/// Entries of `PATH` that are not absolute are passed over: what is run must not
/// depend on the folder that an agent works in.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    find_in(name, &env::var_os("PATH")?)
}

fn find_in(name: &str, path: &OsStr) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    if name.contains('/') {
        let path = std::path::absolute(name).ok()?;
        return is_program(&path).then_some(path);
    }
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
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
        assert!(find_program("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find_in("sh", OsStr::new("bin:.:/nonexistent")), None);
        assert_eq!(find_in("/bin/sh", OsStr::new("")), Some(PathBuf::from("/bin/sh")));
        assert_eq!(find_in("/etc/passwd", OsStr::new("")), None);
        assert_eq!(find_in("/bin", OsStr::new("")), None);
        assert_eq!(find_in("", OsStr::new("/bin")), None);
    }
}
