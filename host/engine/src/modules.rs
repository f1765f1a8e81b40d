//! The modules that a script imports.
//!
//! Owns: reading each file once, their bounds, and where a refused import stands. Never:
//! leaves the script's project; [`crate::library`] ensures that.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use smol_wf_core::codes::Code;
use smol_wf_core::guest::ScriptError;
use smol_wf_core::ids::Digest;
use smol_wf_core::limits::{MODULES_MAX, SCRIPT_BYTES_MAX};
use smol_wf_core::module_text::ModuleText;
use smol_wf_core::near;
use smol_wf_core::script::{
    Exports, Import, Script, exports, imports, is_typescript, json_module, position_at,
    relative_to, resolve,
};
use smol_wf_sandbox::Stripping;

use crate::error::EngineError;
use crate::fixture::redact::Redaction;
use crate::library::{LibraryError, ProjectRoot};

/// Most look-ups of imported names in files, a moment's work. Names beyond are left to the
/// guest.
const LOOKED_UP_MAX: usize = 1_000_000;

/// Where the modules of a script are read.
pub(crate) struct ModuleFolder<'a> {
    /// The script's project.
    pub(crate) root: &'a ProjectRoot,
    /// What stands before the root's paths in recorded ones; empty but for the user's own
    /// workflows.
    pub(crate) prefix: &'a str,
    /// What is taken out of the texts, for a fixture.
    pub(crate) rules: Option<&'a Redaction>,
}

/// An import that cannot be, in a file of the author's.
#[derive(Debug)]
pub(crate) struct ImportError {
    /// The error, with its position.
    pub(crate) error: Box<ScriptError>,
    /// The text of the file.
    pub(crate) text: String,
}

impl ImportError {
    /// The error of a script of this file name.
    pub(crate) fn of_engine(self, file_name: String) -> EngineError {
        let Self { error, text } = self;
        let file_name = error.file.clone().unwrap_or(file_name);
        EngineError::Compile { error, text, file_name }
    }
}

/// A file whose imports are looked at.
struct Importer {
    path: String,
    /// None for the script itself.
    module: Option<String>,
    /// The text that runs, and the author's.
    text: String,
    shown: String,
}

/// The modules that a script of this path imports, and those that they import, in the
/// order in which they are found.
///
/// # Errors
/// At the first import that cannot be, with its file, line and column.
pub(crate) async fn load(
    script: &Script,
    path: &str,
    folder: &ModuleFolder<'_>,
) -> Result<Vec<ModuleText>, ImportError> {
    let mut found: Vec<ModuleText> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut bytes = script.shown_text().len();
    let mut importer = Importer {
        path: path.to_owned(),
        module: None,
        text: script.text.clone(),
        shown: script.shown_text().to_owned(),
    };
    let mut stripping = Stripping::default();
    let mut next = 0;
    let mut importers = Vec::new();
    loop {
        for import in imports(&importer.text) {
            let refuse = |message| importer.refuse(&import, message);
            let target = importer.target(&import).map_err(refuse)?;
            if target == path || known.contains_key(&target) {
                continue;
            }
            let author = folder.read(&target, &import).map_err(refuse)?;
            bytes += author.len();
            if bytes > SCRIPT_BYTES_MAX {
                let message = format!(
                    "cannot import `{}`: with it, the script and its modules have more than {SCRIPT_BYTES_MAX} bytes together",
                    import.specifier
                );
                return Err(refuse(message));
            }
            // The script itself is one of the files.
            if found.len() + 1 >= MODULES_MAX {
                let message = format!(
                    "cannot import `{}`: a script has at most {MODULES_MAX} files",
                    import.specifier
                );
                return Err(refuse(message));
            }
            known.insert(target.clone(), found.len());
            found.push(module(target, author, &mut stripping).await?);
        }
        // JSON imports nothing.
        let Some(module) = found.get(next..).and_then(|rest| {
            let skipped = rest.iter().position(|module| !module.path.ends_with(".json"))?;
            next += skipped + 1;
            rest.get(skipped)
        }) else {
            importers.push(importer);
            return match all_are_exported(&importers, &found) {
                Some(missing) => Err(missing),
                None => Ok(found),
            };
        };
        importers.push(importer);
        importer = Importer {
            path: module.path.clone(),
            module: Some(module.path.clone()),
            text: module.text.clone(),
            shown: module.shown_text().to_owned(),
        };
    }
}

/// The first name that a file takes and the imported one does not have. The guest notices
/// it only when it links, and knows no position.
fn all_are_exported(importers: &[Importer], found: &[ModuleText]) -> Option<ImportError> {
    let own = importers.first().map(|own| (own.path.as_str(), own.text.as_str()));
    let texts = found.iter().map(|module| (module.path.as_str(), module.text.as_str()));
    // Each file is read once, however often it is imported.
    let lexed: HashMap<&str, Exports> =
        texts.chain(own).map(|(path, text)| (path, exports(text))).collect();
    let mut known: HashMap<String, Option<Vec<&Exports>>> = HashMap::new();
    let mut looked_up = 0;
    importers.iter().find_map(|importer| {
        let imports = imports(&importer.text).into_iter();
        imports.filter(|import| !import.names.is_empty()).find_map(|import| {
            let target = resolve(&importer.path, &import.specifier)?;
            let exporting = match known.entry(target) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let files = exporting(new.key(), &lexed);
                    new.insert(files)
                }
            };
            let exporting = exporting.as_ref()?;
            let (name, at) = import.names.iter().find(|(name, _)| {
                looked_up += exporting.len();
                looked_up <= LOOKED_UP_MAX
                    && !exporting.iter().any(|file| file.names.contains(name))
            })?;
            Some(importer.lacks(&Import { at: *at, ..import.clone() }, name, exporting))
        })
    })
}

/// The files whose names a file exports: its own and, with `export *`, those of others; none
/// if one of these is not known.
fn exporting<'l>(path: &str, lexed: &'l HashMap<&str, Exports>) -> Option<Vec<&'l Exports>> {
    let mut files = Vec::new();
    let (mut waiting, mut seen) = (vec![path.to_owned()], BTreeSet::new());
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let found = lexed.get(path.as_str())?;
        files.push(found);
        for specifier in &found.all_of {
            waiting.push(resolve(&path, specifier).filter(|_| specifier.starts_with('.'))?);
        }
    }
    Some(files)
}

/// Whether every recorded module is as it was recorded. `path` is the script's, which may
/// have been moved with its modules.
pub(crate) fn are_unchanged(
    modules: &[ModuleText],
    (recorded, path): (&str, &str),
    folder: &ModuleFolder<'_>,
) -> bool {
    modules.iter().all(|module| {
        let beside = format!("./{}", relative_to(recorded, &module.path));
        let Some(now) = resolve(path, &beside) else { return false };
        folder.text(&now).is_ok_and(|text| text == module.shown_text())
    })
}

/// The digest of a script with modules: of all paths, from the script's folder, and the
/// digests of their texts, the script itself first.
pub(crate) fn digest(script: &Script, path: &str) -> Digest {
    if script.modules.is_empty() {
        return script.digest.clone();
    }
    let mut all = format!(".\n{}\n", script.digest);
    for module in &script.modules {
        let digest = Digest::of(module.shown_text().as_bytes());
        all.push_str(&format!("{}\n{digest}\n", relative_to(path, &module.path)));
    }
    Digest::of(all.as_bytes())
}

/// The module of this text: without its types, or as an expression if it is JSON.
async fn module(
    path: String,
    author: String,
    stripping: &mut Stripping,
) -> Result<ModuleText, ImportError> {
    let own = |at, code, message| own_fault(&path, &author, (at, code, message));
    let text = if path.ends_with(".json") {
        json_module(&author).map_err(|(at, message)| {
            own(at, Code::Syntax, format!("this is not JSON: {message}"))
        })?
    } else if is_typescript(&path) {
        stripping.strip(&author).await.map_err(|fault| {
            let refusal = fault.with_position(&author, &path);
            let position = (refusal.line, refusal.column);
            ImportError {
                error: error_at(Some(path.clone()), position, refusal.code, refusal.message),
                text: author.clone(),
            }
        })?
    } else {
        return Ok(ModuleText { path, text: author, author_text: None });
    };
    Ok(ModuleText { path, text, author_text: Some(author) })
}

impl Importer {
    /// The path that an import means.
    fn target(&self, import: &Import) -> Result<String, String> {
        if let Some(refusal) = import.refusal() {
            return Err(refusal);
        }
        resolve(&self.path, &import.specifier).ok_or_else(|| outside(&import.specifier))
    }

    /// Refuses the import of a name that these files do not have.
    fn lacks(&self, import: &Import, name: &str, exporting: &[&Exports]) -> ImportError {
        let mut message = format!("`{}` has no export `{name}`", import.specifier);
        let exported = exporting.iter().flat_map(|file| file.names.iter());
        message.push_str(&near::suggestion(name, exported.map(String::as_str)));
        if is_typescript(&self.path) && is_typescript(&import.specifier) {
            message.push_str("; a type is imported with `import type`");
        }
        self.refuse(import, message)
    }

    fn refuse(&self, import: &Import, message: String) -> ImportError {
        let place = position_at(&self.shown, import.at);
        let position = (place.line, place.column);
        ImportError {
            error: error_at(self.module.clone(), position, Code::Import, message),
            text: self.shown.clone(),
        }
    }
}

impl ModuleFolder<'_> {
    /// The author's text of an imported file.
    fn read(&self, path: &str, import: &Import) -> Result<String, String> {
        let name = &import.specifier;
        self.text(path).map_err(|error| match error {
            LibraryError::NotFound { .. } => {
                format!("cannot import `{name}`: there is no file `{path}`{}", self.instead(path))
            }
            LibraryError::Outside { .. } | LibraryError::PathInvalid { .. } => outside(name),
            other => format!("cannot import `{name}`: {other}"),
        })
    }

    fn text(&self, path: &str) -> Result<String, LibraryError> {
        let outside = || LibraryError::Outside { path: path.to_owned() };
        let inside = path.strip_prefix(self.prefix).ok_or_else(outside)?;
        let loaded = self.root.load_path(std::path::Path::new(""), inside)?;
        let not_text = |error: std::string::FromUtf8Error| LibraryError::Io {
            path: path.to_owned(),
            error: std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()),
        };
        let text = String::from_utf8(loaded.bytes).map_err(not_text)?;
        Ok(match self.rules {
            Some(rules) => rules.text(&text).into_owned(),
            None => text,
        })
    }

    /// The file of the same name with another ending, such as `a.ts` for `a.js`.
    fn instead(&self, path: &str) -> String {
        let (stem, _) = path.rsplit_once('.').unwrap_or((path, ""));
        let others = [".ts", ".js", ".mts", ".mjs"].map(|ending| format!("{stem}{ending}"));
        let other = others.iter().find(|other| *other != path && self.text(other).is_ok());
        other.map_or_else(String::new, |other| format!("; did you mean `{other}`?"))
    }
}

fn outside(specifier: &str) -> String {
    format!(
        "cannot import `{specifier}`: it lies outside the script's project, and a script imports from there alone"
    )
}

/// A fault of a module itself.
fn own_fault(path: &str, text: &str, (at, code, message): (usize, Code, String)) -> ImportError {
    let place = position_at(text, at);
    let position = (place.line, place.column);
    ImportError {
        error: error_at(Some(path.to_owned()), position, code, message),
        text: text.to_owned(),
    }
}

fn error_at(
    file: Option<String>,
    (line, column): (u32, u32),
    code: Code,
    message: String,
) -> Box<ScriptError> {
    let name = if code == Code::Import { "ImportError" } else { "SyntaxError" };
    Box::new(ScriptError {
        code: code.word().to_owned(),
        name: name.to_owned(),
        message,
        file,
        line,
        column,
        stack: String::new(),
        failure: None,
    })
}
