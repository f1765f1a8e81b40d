//! The skill `smol-workflows`: a folder of texts for coding agents.
//!
//! Owns: which files it has, and writing them where no other file is. Never: their
//! texts, or in which folders of a project agents look.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use smol_wf_engine::library;

use crate::failure::FileError;
use crate::paths;

/// Its name, and that of its folder.
const NAME: &str = "smol-workflows";

/// The file that every skill has.
const MAIN: &str = "SKILL.md";

/// A line of the front matter of skills that this program has written.
const MARK: &str = "  generator: smol-wf llm skills";

/// Far more than the longest file of the skill: what is longer is not ours.
const BYTES_MAX: u64 = 1 << 20;

macro_rules! files {
    ($($name:literal),+ $(,)?) => { [$(($name, include_str!(concat!("../../../skill/", $name)))),+] };
}

/// The files. The first one's mark says whose the folder is.
const FILES: [(&str, &str); 4] = files![
    "SKILL.md",
    "references/commands.md",
    "references/errors.md",
    "references/workflow.d.ts"
];

/// The text for agents, without the front matter, which is for their hosts.
pub(super) fn instructions() -> &'static str {
    let [(_, text), ..] = FILES;
    text.splitn(3, "---\n").nth(2).unwrap_or(text).trim_start()
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    Written,
    /// Another version of it was replaced.
    Renewed,
    /// It was there already.
    Kept,
}

impl Became {
    /// The word before its path.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Written => "wrote",
            Self::Renewed => "renewed",
            Self::Kept => "kept",
        }
    }
}

/// A file of the skill in a project.
pub(super) struct SkillFile {
    pub(super) path: PathBuf,
    pub(super) became: Became,
    text: &'static str,
}

/// Writes the skill into folders of skills. Fails before it writes any file if one
/// would replace a file that is not the skill's, or lie outside the project.
pub(super) fn write(folders: &[PathBuf]) -> Result<Vec<SkillFile>, FileError> {
    let mut files = Vec::new();
    for folder in folders {
        let folder = folder.join(NAME);
        let is_ours = is_ours(&folder.join(MAIN));
        for (name, text) in FILES {
            let path = folder.join(name);
            match look(&path, text, is_ours) {
                Ok(became) => files.push(SkillFile { path, became, text }),
                Err(error) => return Err(FileError::Write { path, error }),
            }
        }
    }
    for file in &files {
        put(file).map_err(|error| FileError::Write { path: file.path.clone(), error })?;
    }
    Ok(files)
}

/// Whether this program has written the skill whose main file that is.
fn is_ours(main: &Path) -> bool {
    read(main).is_ok_and(|text| text.lines().any(|line| line == MARK))
}

/// What is to be done about a file.
fn look(path: &Path, text: &str, is_ours: bool) -> io::Result<Became> {
    library::stays_inside(path, paths::home().as_deref())?;
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Became::Written),
        Err(error) => Err(error),
        // A link, a pipe or a folder is somebody's.
        Ok(found) if found.is_file() && read(path).is_ok_and(|found| found == text) => {
            Ok(Became::Kept)
        }
        Ok(found) if found.is_file() && is_ours => Ok(Became::Renewed),
        Ok(_) => Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "smol-wf did not write what is there; move it away first",
        )),
    }
}

fn read(path: &Path) -> io::Result<String> {
    if !path.symlink_metadata()?.is_file() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut text = String::new();
    fs::File::open(path)?.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn put(file: &SkillFile) -> io::Result<()> {
    let mut options = OpenOptions::new();
    match file.became {
        Became::Kept => return Ok(()),
        // Fails if it has appeared meanwhile.
        Became::Written => options.write(true).create_new(true),
        Became::Renewed => options.write(true).truncate(true),
    };
    if let Some(folder) = file.path.parent() {
        fs::create_dir_all(folder)?;
    }
    options.open(&file.path)?.write_all(file.text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skill_bears_its_mark_and_the_text_has_no_front_matter() {
        let [(name, text), ..] = FILES;
        assert_eq!(name, MAIN);
        assert!(text.lines().any(|line| line == MARK));
        assert!(text.contains(&format!("\nname: {NAME}\n")));
        assert!(instructions().starts_with("# smol-wf workflows\n"));
    }
}
