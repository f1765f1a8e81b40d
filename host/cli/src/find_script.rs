//! Finds the script that a user names: a path, a workflow's name, or `-` for stdin.
//!
//! Owns: what the word means, and what is said about a workflow that was found by
//! its name. Never: runs one.

use std::path::{Component, Path, PathBuf};

use smol_wf_core::ids::Digest;
use smol_wf_core::limits::SCRIPT_BYTES_MAX;
use smol_wf_engine::library::{
    self, Catalogue, Found, LibraryError, Listed, Origin, Places, ProjectRoot,
};
use smol_wf_engine::{EngineError, ScriptFile};

use crate::{bundled, claude_plugins, failure, paths, sanitize, shell, stdin};

/// Help of the script argument: the forms that [`find_script`] accepts.
pub(crate) const SCRIPT_HELP: &str =
    "Script: a path, the name of a workflow (`smol-wf list` has them), or `-` for stdin";

/// Characters of a digest that messages show: enough to tell two versions apart.
const DIGEST_CHARS: usize = 12;

/// A script, and what there is to say about how it was found.
#[derive(Debug)]
pub(crate) struct FoundScript {
    pub(crate) file: ScriptFile,
    /// Where a name led to.
    pub(crate) note: Option<String>,
    /// Other workflows of the same name that one might have meant.
    pub(crate) warnings: Vec<String>,
}

impl FoundScript {
    /// The script, after printing the warnings.
    pub(crate) fn with_warnings(self) -> ScriptFile {
        for warning in &self.warnings {
            failure::print_message(&format!("warning: {warning}"));
        }
        self.file
    }

    /// The script, after printing where it was found, and the warnings.
    pub(crate) fn announced(self) -> ScriptFile {
        self.note.iter().for_each(|note| failure::print_message(note));
        self.with_warnings()
    }
}

/// Loads a script: `-` is stdin, a path is a file, and a single word is the name
/// of a workflow, searched in the order of `smol-wf list`. Fails if it cannot be
/// read or is too large.
pub(crate) fn find_script(asked: &Path) -> Result<FoundScript, EngineError> {
    let unsaid = |file| FoundScript { file, note: None, warnings: Vec::new() };
    if asked.as_os_str() == "-" {
        return from_stdin().map(unsaid);
    }
    let home = paths::home();
    // A folder is not a script, so its name may be that of a workflow.
    if is_word(asked) && (asked.is_dir() || !asked.exists()) {
        let name = asked.to_string_lossy();
        let found = with_places(|places| {
            library::find_workflow(places, &name).map(|found| of_name(&name, found, places))
        });
        match found {
            Ok(found) => return Ok(found),
            // A name with a dot may be that of a workflow or of a file. Other
            // errors about a workflow are final.
            Err(LibraryError::NameUnknown { .. } | LibraryError::NameInvalid { .. })
                if asked.is_dir() || asked.extension().is_some() => {}
            Err(error) => {
                let here = std::path::absolute(".").unwrap_or_default();
                if let Ok(root) = ProjectRoot::containing(&here, home.as_deref())
                    && let Some(why) = root.passed_over()
                {
                    failure::print_message(&format!("warning: {why}"));
                }
                return Err(error.into());
            }
        }
    }
    let bytes = library::load_named(asked, home.as_deref())?;
    Ok(unsaid(ScriptFile { bytes, path: absolute(asked) }))
}

/// Lists the workflows that a name can start here.
pub(crate) fn catalogue() -> Result<Catalogue, LibraryError> {
    with_places(library::list_workflows)
}

/// Calls with the places where names are looked up from the current folder.
fn with_places<T>(call: impl FnOnce(&Places<'_>) -> T) -> T {
    let here = std::path::absolute(".").unwrap_or_default();
    let home = paths::home();
    let plugins = home.as_deref().map(claude_plugins::with_workflows).unwrap_or_default();
    let (home, bundled) = (home.as_deref(), &bundled::WORKFLOWS);
    call(&Places { here: &here, home, plugins: &plugins, bundled })
}

/// What is said about a workflow that was found by its name.
fn of_name(name: &str, found: Found, places: &Places<'_>) -> FoundScript {
    let digest = Digest::of(&found.bytes);
    let place = match found.origin {
        Origin::Bundled => "bundled with smol-wf".to_owned(),
        origin => format!("{} ({})", sanitize::one_line(&found.shown), origin.as_str()),
    };
    let shown = sanitize::one_line(name);
    let short: String = digest.as_str().chars().take(DIGEST_CHARS).collect();
    let note = format!("workflow {shown}: {place}, digest {short}");
    // What cannot be listed hides nothing that could be named here.
    let all = library::list_workflows(places).unwrap_or_default();
    let this = all.meant_by(name).filter(|one| one.path == found.shown);
    let others = this.into_iter().flat_map(|one| all.hidden_behind(one));
    let differing = others.filter(|other| other.digest.as_ref() != Some(&digest));
    let warnings = differing.filter_map(|other| hides(&shown, &found, other)).collect();
    let file = ScriptFile { bytes: found.bytes, path: found.path };
    FoundScript { file, note: Some(note), warnings }
}

/// The warning about a workflow that another one of the same name hides. A nearer
/// project may hide a farther one: that is what nearest means.
fn hides(name: &str, found: &Found, other: &Listed) -> Option<String> {
    let is_same_folder = other.file.as_deref().and_then(Path::parent) == found.path.parent();
    if !is_same_folder && other.origin == found.origin {
        return None;
    }
    let (this, that) = (sanitize::one_line(&found.shown), sanitize::one_line(&other.path));
    let of = match found.origin {
        Origin::Project => " of this project",
        Origin::User => " of your own",
        Origin::Plugin | Origin::Bundled => "",
    };
    let command = match (&other.file, other.origin) {
        (_, Origin::Bundled) => format!("smol-wf run bundled:{}", shell::word(name)),
        (Some(file), _) => format!("smol-wf run {}", shell::path(file)),
        (None, _) => return None,
    };
    let what = match other.origin {
        Origin::Bundled => "the bundled workflow".to_owned(),
        Origin::User => format!("your own workflow {that}"),
        Origin::Project | Origin::Plugin => that,
    };
    Some(format!("`{name}` is {this}{of} and hides {what}; to run that one: {command}"))
}

/// An absolute path, so that the run can be resumed from another folder. The name
/// is kept even if it is a link; `..` in the path is resolved, because a folder
/// in it may be gone by then.
fn absolute(asked: &Path) -> PathBuf {
    let path = std::path::absolute(asked).unwrap_or_else(|_| asked.to_owned());
    let leads_back = path.components().any(|part| part == Component::ParentDir);
    let folder = path.parent().filter(|_| leads_back).and_then(|parent| parent.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Whether it is one word, without a slash at its end, and not `.` or `..`.
fn is_word(asked: &Path) -> bool {
    matches!(asked.components().next(), Some(Component::Normal(word)) if word == asked.as_os_str())
}

/// Reads the script from stdin; its folder is the current one.
fn from_stdin() -> Result<ScriptFile, EngineError> {
    let path = "-".to_owned();
    match stdin::read(SCRIPT_BYTES_MAX + 1) {
        Ok(bytes) if bytes.len() > SCRIPT_BYTES_MAX => Err(LibraryError::TooLarge { path }.into()),
        Ok(bytes) => {
            let name = Path::new(library::STDIN_NAME);
            let path = std::path::absolute(name).unwrap_or_else(|_| name.to_owned());
            Ok(ScriptFile { bytes, path })
        }
        Err(error) => {
            let error = std::io::Error::other(error.to_string());
            Err(LibraryError::Io { path, error }.into())
        }
    }
}
