//! The files that a script is made of, for who watches them.
//!
//! Owns: finding them also while some of them are broken or missing. Never: judges an
//! import, or reads outside the script's project.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use smol_wf_core::limits::MODULES_MAX;
use smol_wf_core::script::{imports, is_typescript, resolve};
use smol_wf_sandbox::strip;

use super::{Checks, Finding};
use crate::folders::RunFolders;
use crate::library::ProjectRoot;

impl Checks {
    /// The files that a script needs beside itself: these children, named from its project,
    /// and the modules that it and they import, and so on. Files that are missing or broken
    /// are among them. Of more files than a script may have, the first ones.
    pub async fn files_of(&self, script: &Path, children: &[String]) -> Vec<PathBuf> {
        let folders = RunFolders::of_new(script, &self.folders);
        let Some(root) = folders.ok().and_then(|folders| folders.root) else { return Vec::new() };
        let own = root.relative(script);
        let mut known: BTreeSet<String> = children.iter().cloned().collect();
        let mut waiting: Vec<String> = known.iter().cloned().collect();
        waiting.push(own.clone());
        while let Some(path) = waiting.pop() {
            for target in imported(&root, &path).await {
                if known.len() < MODULES_MAX && known.insert(target.clone()) {
                    waiting.push(target);
                }
            }
        }
        known.remove(&own);
        known.iter().map(|path| self.place_of(&root, path)).collect()
    }

    /// The file that a finding of this script is in, which may be a module's.
    #[must_use]
    pub fn file_of(&self, script: &Path, finding: &Finding) -> PathBuf {
        let root = RunFolders::of_new(script, &self.folders).ok().and_then(|folders| folders.root);
        match (&finding.module, root) {
            (Some(module), Some(root)) => self.place_of(&root, module),
            _ => script.to_owned(),
        }
    }

    /// The file of a path from the project; one of the user's own workflows begins with `~`.
    fn place_of(&self, root: &ProjectRoot, path: &str) -> PathBuf {
        let own = path.strip_prefix("~/").zip(self.folders.home.as_ref());
        own.map_or_else(|| root.path().join(path), |(inside, home)| home.join(inside))
    }
}

/// The paths that a file imports; none of one that cannot be read.
async fn imported(root: &ProjectRoot, path: &str) -> Vec<String> {
    let loaded = root.load_path(Path::new(""), path).ok();
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
