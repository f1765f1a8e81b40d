//! The skill `smol-workflows`: a folder of texts for coding agents.
//!
//! Owns: which files it has, and whether a folder is such a skill. Never: their texts, or
//! in which folders of a project agents look; or writes one.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::new_files::{NewFile, Replaces};

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

/// The commands that show what the other files have.
const SHOWN_BY: [(&str, &str); 3] = [
    ("commands.md", "`smol-wf docs commands`"),
    ("errors.md", "`smol-wf docs CODE`"),
    ("workflow.d.ts", "`smol-wf docs api`"),
];

/// The text for agents, without the front matter, which is for their hosts. Who reads it
/// has none of the other files.
pub(super) fn instructions() -> String {
    let [(_, text), ..] = FILES;
    let text = text.splitn(3, "---\n").nth(2).unwrap_or(text).trim_start();
    SHOWN_BY.iter().fold(text.to_owned(), |text, (name, command)| {
        text.replace(&format!("[references/{name}](references/{name})"), command)
    })
}

/// The files of the skill in these folders of skills.
pub(super) fn files(folders: &[PathBuf]) -> Vec<NewFile> {
    let of_folder = |folder: &PathBuf| {
        let folder = folder.join(NAME);
        let replaces = match is_ours(&folder.join(MAIN)) {
            true => Replaces::Any,
            false => Replaces::Nothing,
        };
        FILES.map(|(name, text)| NewFile::new(folder.join(name), text).replacing(replaces))
    };
    folders.iter().flat_map(of_folder).collect()
}

/// Whether this program has written the skill whose main file that is.
fn is_ours(main: &Path) -> bool {
    read(main).is_ok_and(|text| text.lines().any(|line| line == MARK))
}

fn read(path: &Path) -> io::Result<String> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut text = String::new();
    fs::File::open(path)?.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
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
        assert!(!instructions().contains("references/"));
    }
}
