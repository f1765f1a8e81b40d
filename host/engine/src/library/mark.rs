//! The marks of a project's root, and which marks count.
//!
//! Owns: which marks make a folder a project. Never: reads the contents of a mark.
//!
//! A user who may write to a folder can make it a project. The project's settings choose
//! the agents, and its workflows have names. So a mark counts only if it belongs to the
//! user or to root and no other user could have put it there (compare git's
//! CVE-2022-24765).

use std::path::{Path, PathBuf};

use smol_wf_core::shell;

/// Files and folders that mark the root of a project, the strongest first: a repository
/// may have workflow folders in several of its directories.
const ROOT_MARKS: [&[&str]; 2] = [&[".git"], &[".agents", ".claude"]];

/// The result of a search for marks.
#[derive(Debug, Default)]
pub(super) struct MarkSearch {
    /// The nearest directory with a mark that counts.
    pub(super) root: Option<PathBuf>,
    /// Why a mark does not count that is nearer, or the only one.
    pub(super) passed_over: Option<String>,
}

/// Whether a mark counts.
#[derive(Debug, PartialEq, Eq)]
enum Mark {
    Counts,
    /// It belongs to another user, or lies in a folder where everyone may put one. With the
    /// reason, or none for folders such as `/tmp` where this is expected.
    Foreign(Option<String>),
}

/// Whether a file or folder of this name in a directory counts as the project's own: it
/// exists, and no other user could have put it there.
#[must_use]
pub fn counts(dir: &Path, name: &str) -> bool {
    look(dir, name) == Some(Mark::Counts)
}

/// Looks for marks in a directory and those above it, up to below `home`.
pub(super) fn find(own: &Path, home: Option<&Path>) -> MarkSearch {
    let mut marked = MarkSearch::default();
    for marks in ROOT_MARKS {
        for dir in candidates(own, home) {
            for name in marks {
                match look(dir, name) {
                    None => {}
                    Some(Mark::Counts) => {
                        marked.root = Some(dir.to_owned());
                        return marked;
                    }
                    Some(Mark::Foreign(why)) => {
                        marked.passed_over = marked.passed_over.or(why);
                    }
                }
            }
        }
    }
    marked
}

/// The outermost marked directory around a path. Links are not followed.
pub(super) fn outermost<'a>(path: &'a Path, home: Option<&Path>) -> Option<&'a Path> {
    let marks = ROOT_MARKS.iter().copied().flatten();
    let is_marked = |dir: &&Path| marks.clone().any(|name| counts(dir, name));
    candidates(path.parent()?, home).filter(is_marked).last()
}

/// Directories that may be a project's root: neither the home directory nor any above it,
/// which would open all files of the user to any script.
fn candidates<'a>(own: &'a Path, home: Option<&Path>) -> impl Iterator<Item = &'a Path> {
    own.ancestors().take_while(move |dir| dir.parent().is_some() && Some(*dir) != home)
}

#[cfg(unix)]
fn look(dir: &Path, name: &str) -> Option<Mark> {
    use std::os::unix::fs::MetadataExt;
    let mark = dir.join(name);
    let found = mark.symlink_metadata().ok()?;
    let folder = dir.metadata().ok()?;
    let mode = folder.mode();
    if is_open_to_all(mode) {
        // The sticky bit marks folders such as `/tmp`, where foreign files are expected.
        let why = || {
            format!(
                "{} does not mark a project, for everyone may write to {}: where that is yours, chmod o-w {}",
                mark.display(),
                dir.display(),
                shell::path(dir)
            )
        };
        return Some(Mark::Foreign((mode & STICKY == 0).then(why)));
    }
    if is_own(found.uid()) {
        return Some(Mark::Counts);
    }
    Some(Mark::Foreign(Some(format!(
        "{} does not mark a project, for it belongs to another user (uid {}): where that is yours, have it belong to you, as with chown",
        mark.display(),
        found.uid()
    ))))
}

#[cfg(not(unix))]
fn look(dir: &Path, name: &str) -> Option<Mark> {
    dir.join(name).symlink_metadata().ok().map(|_| Mark::Counts)
}

/// The mode bit of folders in which only the owner of a file may remove it.
#[cfg(unix)]
const STICKY: u32 = 0o1000;

/// Whether everyone may put files into a folder of this mode.
#[cfg(unix)]
pub(super) fn is_open_to_all(mode: u32) -> bool {
    mode & 0o002 != 0
}

/// Whether this is the id of the user, or of root, who may do everything anyway.
#[cfg(unix)]
pub(super) fn is_own(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}
