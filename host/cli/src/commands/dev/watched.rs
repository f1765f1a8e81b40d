//! Files that are watched by looking at them again and again.
//!
//! Owns: when a file counts as saved. Never: reads one. Polling works on all file systems,
//! also where an editor replaces the file by another, and for files in a container.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::live;

/// How often files are looked at. A few system calls each time.
const POLL: Duration = Duration::from_millis(200);

/// Looks until a file that still changes is read anyway: somebody may write without end.
const SETTLE_MAX: u32 = 25;

/// Looks in a row that miss the script before it is said to be gone. Editors that replace
/// a file take it away for a moment.
const GONE_AFTER: u32 = 5;

/// Most files that are watched: a script has some modules and children.
const FILES_MAX: usize = 300;

/// What happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A file was saved.
    Saved,
    /// The script has been away for a while.
    Gone,
    /// Somebody pressed Enter.
    Enter,
    /// Nobody can press Enter any more.
    NoMoreInput,
}

/// What tells one state of a file from another; none for a missing file.
type Stamp = Option<(SystemTime, u64, u64)>;

/// The script, and other files that it needs.
pub(super) struct Watched {
    files: Vec<(PathBuf, Stamp)>,
    /// Looks in a row that missed the script.
    missed: u32,
    has_input: bool,
}

impl Watched {
    pub(super) fn of(script: PathBuf) -> Self {
        let stamp = stamp(&script);
        Self { files: vec![(script, stamp)], missed: 0, has_input: true }
    }

    /// The script.
    pub(super) fn path(&self) -> &Path {
        self.files.first().map_or(Path::new(""), |(path, _)| path)
    }

    /// Watches these files beside the script, in place of earlier ones.
    pub(super) fn also(&mut self, files: &[PathBuf]) {
        let known = std::mem::take(&mut self.files);
        let script = known.first().map(|(path, _)| path.clone());
        let wanted = script.iter().chain(files).take(FILES_MAX);
        for path in wanted {
            // A file that was saved since the last look keeps its older stamp.
            let stamp = known.iter().find(|(one, _)| one == path).map(|(_, stamp)| *stamp);
            let stamp = stamp.unwrap_or_else(|| self::stamp(path));
            self.files.push((path.clone(), stamp));
        }
    }

    /// Waits until something happens.
    pub(super) async fn next(&mut self, live: bool) -> Change {
        loop {
            if live && self.has_input {
                match live::line_within(POLL).await {
                    live::Line::None => {}
                    live::Line::One => return self.consent().await,
                    live::Line::End => {
                        self.has_input = false;
                        return Change::NoMoreInput;
                    }
                }
            } else {
                tokio::time::sleep(POLL).await;
            }
            if self.files.first().is_some_and(|(script, _)| stamp(script).is_none()) {
                self.missed = self.missed.saturating_add(1);
                if self.missed == GONE_AFTER {
                    return Change::Gone;
                }
                continue;
            }
            let was_gone = std::mem::take(&mut self.missed) >= GONE_AFTER;
            if self.settled().await || was_gone {
                return Change::Saved;
            }
        }
    }

    /// What Enter means: if a file was saved since the last look, whoever pressed it has not
    /// seen what would be run.
    async fn consent(&mut self) -> Change {
        if self.settled().await { Change::Saved } else { Change::Enter }
    }

    /// Whether a file has changed. Waits until it does not change any more.
    async fn settled(&mut self) -> bool {
        let mut changed = false;
        for _ in 0..SETTLE_MAX {
            if !self.restamp() {
                break;
            }
            changed = true;
            tokio::time::sleep(POLL).await;
        }
        changed
    }

    /// Takes new stamps. Returns whether one differs.
    fn restamp(&mut self) -> bool {
        let mut differs = false;
        for (path, known) in &mut self.files {
            let now = stamp(path);
            differs |= now != *known;
            *known = now;
        }
        differs
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = path.metadata().ok()?;
    Some((found.modified().ok()?, found.len(), inode(&found)))
}

#[cfg(unix)]
fn inode(found: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn inode(_found: &std::fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn enter_counts_only_for_the_files_that_were_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let (script, module) = (folder.path().join("s.js"), folder.path().join("m.js"));
        std::fs::write(&script, "1").unwrap();
        let mut watched = Watched::of(script.clone());
        watched.also(std::slice::from_ref(&module));
        assert_eq!(watched.consent().await, Change::Enter);
        std::fs::write(&script, "22").unwrap();
        assert_eq!(watched.consent().await, Change::Saved);
        assert_eq!(watched.consent().await, Change::Enter);
        // One that was missing is there.
        std::fs::write(&module, "3").unwrap();
        assert_eq!(watched.consent().await, Change::Saved);
        assert_eq!(watched.consent().await, Change::Enter);
    }
}
