//! The files that a script is made of, for who watches them.
//!
//! Owns: finding them also while some of them are broken or missing. Never: judges an
//! import, or reads outside the script's project and the user's own workflows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use smol_wf_core::limits::MODULES_MAX;
use smol_wf_core::script::{imports, is_typescript, resolve};
use smol_wf_sandbox::strip;

use super::{Checks, Finding};
use crate::folders::RunFolders;
use crate::library::Library;

impl Checks {
    /// The files that a script needs beside itself: these children, named from its project,
    /// and the modules that it and they import, and so on. Files that are missing or broken
    /// are among them. Of more files than a script may have, the first ones.
    pub async fn files_of(&self, script: &Path, children: &[String]) -> Vec<PathBuf> {
        let folders = RunFolders::of_new(script, &self.folders);
        let Some(root) = folders.ok().and_then(|folders| folders.root) else { return Vec::new() };
        let place = root.path().to_owned();
        let own = root.relative(script);
        let library = Library::new(Some(root), None, self.folders.home.as_deref());
        let mut known: BTreeSet<String> = children.iter().cloned().collect();
        let mut waiting: Vec<String> = known.iter().cloned().collect();
        waiting.push(own.clone());
        while let Some(path) = waiting.pop() {
            for target in imported(&library, &path).await {
                if known.len() < MODULES_MAX && known.insert(target.clone()) {
                    waiting.push(target);
                }
            }
        }
        known.remove(&own);
        known.iter().map(|path| self.place_of(&place, path)).collect()
    }

    /// The file that a finding of this script is in, which may be a module's.
    #[must_use]
    pub fn file_of(&self, script: &Path, finding: &Finding) -> PathBuf {
        let root = RunFolders::of_new(script, &self.folders).ok().and_then(|folders| folders.root);
        match (&finding.module, root) {
            (Some(module), Some(root)) => self.place_of(root.path(), module),
            _ => script.to_owned(),
        }
    }

    /// The file of a path from the project; one of the user's own workflows begins with `~`.
    fn place_of(&self, root: &Path, path: &str) -> PathBuf {
        let own = path.strip_prefix("~/").zip(self.folders.home.as_ref());
        own.map_or_else(|| root.join(path), |(inside, home)| home.join(inside))
    }
}

/// The paths that a file imports; none of one that cannot be read.
async fn imported(library: &Library, path: &str) -> Vec<String> {
    let loaded = library.again(path).ok();
    let text = loaded.and_then(|loaded| String::from_utf8(loaded.bytes).ok());
    let Some(author) = text.filter(|_| !path.ends_with(".json")) else { return Vec::new() };
    let text = match is_typescript(path) {
        // What cannot be stripped at the moment shows most of its imports nevertheless.
        true => strip(&author).await.unwrap_or(author),
        false => author,
    };
    let found = imports(&text);
    let found = found.iter().filter(|import| import.refusal().is_none());
    found.filter_map(|import| resolve(path, &import.specifier)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Folders;

    #[tokio::test]
    async fn the_modules_of_a_users_own_child_are_found() {
        let place = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = place.path().canonicalize().unwrap().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        write("app/.git/HEAD", "");
        let script = write("app/main.js", "import './part.js'");
        let part = write("app/part.js", "");
        let child = write("home/.claude/workflows/x.ts", "import './lib/y.ts'");
        let module = write("home/.claude/workflows/lib/y.ts", "");
        let home = place.path().canonicalize().unwrap().join("home");
        let folders = Folders { home: Some(home), ..Folders::default() };
        let checks = Checks::new(folders, None).unwrap();
        let children = ["~/.claude/workflows/x.ts".to_owned()];
        let found = checks.files_of(&script, &children).await;
        assert_eq!(found, [part, module, child]);
    }
}
