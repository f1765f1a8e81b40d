//! A view of a worktree through a git folder of our own, without the repository's settings.
//!
//! Owns: which settings are copied, and that folder. Never: changes a ref, or anything of
//! the repository but the worktree's files and index.
//!
//! A repository may name filter programs in settings of any name, so no list of settings
//! to refuse is complete, and settings may change between a check and their use. All
//! reading and writing of files is therefore done in our own folder, which shares the
//! objects and the index, and has only settings that name no program. So files of Git
//! LFS and other filters are written as the repository stores them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::WorktreeError;
use super::git::{Git, TOO_LONG};

/// Settings that are copied. They control how files are written and compared, and run
/// nothing.
const SETTINGS: [&str; 18] = [
    "core.attributesfile",
    "core.autocrlf",
    "core.bigfilethreshold",
    "core.checkroundtripencoding",
    "core.checkstat",
    "core.eol",
    "core.excludesfile",
    "core.filemode",
    "core.ignorecase",
    "core.longpaths",
    "core.precomposeunicode",
    "core.protecthfs",
    "core.protectntfs",
    "core.sparsecheckout",
    "core.sparsecheckoutcone",
    "core.symlinks",
    "core.trustctime",
    "index.sparse",
];

/// The setting of the hash of objects. Git reads it only from the folder's own file.
const OBJECT_FORMAT: &str = "extensions.objectformat";

/// Longest inspection. Reading what has changed takes seconds in the largest
/// repositories, but an agent can leave a file without an end.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// Our own git folder for one worktree.
pub(super) struct View<'a> {
    git: &'a Git,
    path: &'a Path,
    folder: Folder,
    env: Vec<(&'static str, OsString)>,
    settings: Vec<String>,
}

/// The folder, removed when the view is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Files that cannot be removed now are removed with the worktree.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl<'a> View<'a> {
    /// Opens a view of the worktree at a path. `own` is the repository's folder for it, and
    /// `head` its current commit.
    pub(super) async fn open(
        git: &'a Git,
        path: &'a Path,
        repository: &Path,
        own: &Path,
        head: &str,
    ) -> Result<Self, WorktreeError> {
        let git_dir = format!("--git-dir={}", own.display());
        let list =
            git.run(path, "read the settings", [&*git_dir, "config", "--list", "-z"]).await?;
        let (mut settings, mut format) = (Vec::new(), "sha1");
        for entry in list.split('\0') {
            let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
            if SETTINGS.contains(&key) {
                settings.extend(["-c".to_owned(), format!("{key}={value}")]);
            } else if key == OBJECT_FORMAT && value == "sha256" {
                format = "sha256";
            }
        }
        let failed = |error| WorktreeError::File {
            doing: "write the view of",
            path: path.to_owned(),
            error,
        };
        // Two looks at one worktree at a time do not share a folder.
        let number =
            getrandom::u64().map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        let folder = Folder(path.with_extension(format!("git-{number:016x}")));
        furnish(&folder.0, repository, own, head, format).map_err(failed)?;
        let env = vec![
            ("GIT_OBJECT_DIRECTORY", repository.join("objects").into()),
            ("GIT_INDEX_FILE", own.join("index").into()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_CONFIG_SYSTEM", "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ];
        Ok(Self { git, path, folder, env, settings })
    }

    /// Looks at the worktree.
    pub(super) async fn look(
        &self,
        doing: &'static str,
        args: &[&str],
    ) -> Result<String, WorktreeError> {
        self.git(doing, LOOK_MAX, args).await
    }

    /// Writes its files.
    pub(super) async fn write(
        &self,
        doing: &'static str,
        args: &[&str],
    ) -> Result<String, WorktreeError> {
        self.git(doing, TOO_LONG, args).await
    }

    async fn git(
        &self,
        doing: &'static str,
        limit: Duration,
        args: &[&str],
    ) -> Result<String, WorktreeError> {
        let place = [
            format!("--git-dir={}", self.folder.0.display()),
            format!("--work-tree={}", self.path.display()),
        ];
        let args = args.iter().map(|arg| (*arg).to_owned());
        let args = self.settings.iter().cloned().chain(place).chain(args);
        self.git.run_with(self.path, doing, limit, &self.env, args).await
    }
}

/// Makes the files that git expects in the folder of a repository.
fn furnish(
    folder: &Path,
    repository: &Path,
    own: &Path,
    head: &str,
    format: &str,
) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("refs"))?;
    std::fs::create_dir(folder.join("info"))?;
    std::fs::write(folder.join("HEAD"), format!("{head}\n"))?;
    let config = match format {
        "sha1" => "[core]\n\trepositoryformatversion = 0\n",
        _ => "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n",
    };
    std::fs::write(folder.join("config"), config)?;
    for (from, name) in
        [(repository, "exclude"), (repository, "attributes"), (own, "sparse-checkout")]
    {
        copy_if_there(&from.join("info").join(name), &folder.join("info").join(name))?;
    }
    // An index may be split in two, and the second part is found by the folder.
    for entry in std::fs::read_dir(own)?.filter_map(Result::ok) {
        if entry.file_name().as_encoded_bytes().starts_with(b"sharedindex.") {
            copy_if_there(&entry.path(), &folder.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn copy_if_there(from: &Path, to: &Path) -> std::io::Result<()> {
    // A pipe would never end.
    if !from.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(());
    }
    std::fs::copy(from, to).map(|_| ())
}
