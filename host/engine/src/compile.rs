//! Reads and compiles a script.
//!
//! Owns: the order of its checks. Never: searches for a script, or runs one.

use std::path::Path;

use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Dialect, ScriptError};
use smol_wf_core::journal::ScopeStart;
use smol_wf_core::module_text::ModuleText;
use smol_wf_core::script::{Script, ScriptRefusal, imports};
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Sandbox, SandboxError};

use crate::error::EngineError;
use crate::explain::{explain, is_of_body, wrong_import};
use crate::library::ProjectRoot;
use crate::modules::{self, ImportError, ModuleFolder};
use crate::read_script::read_script;
use crate::request::ScriptFile;

/// Reads and compiles a script and its modules without running it. The modules are those
/// of `folder`, or else those beside the script.
pub(crate) async fn compile(
    sandbox: &Sandbox,
    file: &ScriptFile,
    surface: Surface,
    folder: Option<ModuleFolder<'_>>,
) -> Result<(Script, Dialect), EngineError> {
    let file_name = file_name_of(&file.path.to_string_lossy());
    let script = read_script(&file.bytes, &file_name, Surface::CURRENT).await.map_err(refused)?;
    if imports(&script.text).is_empty() {
        return compiled(sandbox, script, surface, "").await;
    }
    let own;
    let folder = match folder {
        Some(folder) => folder,
        None => {
            own = ProjectRoot::open(file.path.parent().unwrap_or(Path::new("")))?;
            ModuleFolder { root: &own, prefix: "", rules: None }
        }
    };
    let path = folder.root.relative(&file.path);
    let script = with_modules(sandbox, script, surface, &path, &folder).await;
    compiled(sandbox, script.map_err(|error| error.of_engine(file_name))?, surface, &path).await
}

/// As [`compile`], for a recorded script. Its types are not taken out again, and no file is
/// looked at.
pub(crate) async fn compile_recorded(
    sandbox: &Sandbox,
    start: &ScopeStart,
    path: &str,
    surface: Surface,
) -> Result<(Script, Dialect), EngineError> {
    let author = start.author_text.as_deref();
    let script = Script::read_texts(&start.text, author, &file_name_of(path), Surface::CURRENT);
    let mut script = script.map_err(refused)?;
    script.modules.clone_from(&start.modules);
    script.digest = modules::digest(&script, &start.path);
    compiled(sandbox, script, surface, &start.path).await
}

/// The script with the modules that it imports, if it has any.
pub(crate) async fn with_modules(
    sandbox: &Sandbox,
    script: Script,
    surface: Surface,
    path: &str,
    folder: &ModuleFolder<'_>,
) -> Result<Script, ImportError> {
    match modules::load(&script, path, folder).await {
        Ok(modules) => {
            let mut script = Script { modules, ..script };
            script.digest = modules::digest(&script, path);
            Ok(script)
        }
        Err(import) => {
            // What the script itself cannot be comes first: an import in a body, or a
            // syntax error.
            let own = inspect(sandbox, &script, surface, path).await;
            let Ok(Err(error)) = own else { return Err(import) };
            let error = explain(*error, &script.text, &script.file_name);
            let comes_first = error.code != Code::Import.word() || is_of_body(&error);
            let text = script.shown_text().to_owned();
            Err(if comes_first { ImportError { error: Box::new(error), text } } else { import })
        }
    }
}

fn refused(refusal: ScriptRefusal) -> EngineError {
    EngineError::Script(Box::new(refusal))
}

async fn compiled(
    sandbox: &Sandbox,
    script: Script,
    surface: Surface,
    path: &str,
) -> Result<(Script, Dialect), EngineError> {
    match inspect(sandbox, &script, surface, path).await? {
        Ok(dialect) => Ok((script, dialect)),
        Err(error) => {
            let file_name = script.file_name.clone();
            let error = explained(*error, &script);
            let text = text_of(&script, error.file.as_deref()).to_owned();
            Err(ImportError { error: Box::new(error), text }.of_engine(file_name))
        }
    }
}

/// The error with a better message, if there is one for the file that it is in.
pub(crate) fn explained(error: ScriptError, script: &Script) -> ScriptError {
    let module = script.modules.iter().find(|module| Some(&module.path) == error.file.as_ref());
    match module {
        Some(module) => explain(error, &module.text, &module.path),
        None => explain(error, &script.text, &script.file_name),
    }
}

/// The author's text of a module, or of the script itself.
fn text_of<'a>(script: &'a Script, file: Option<&str>) -> &'a str {
    let module = script.modules.iter().find(|module| Some(module.path.as_str()) == file);
    module.map_or_else(|| script.shown_text(), ModuleText::shown_text)
}

/// The dialect of a script, or the error of the guest's parser or of an import.
pub(crate) async fn inspect(
    sandbox: &Sandbox,
    script: &Script,
    surface: Surface,
    path: &str,
) -> Result<Result<Dialect, Box<ScriptError>>, SandboxError> {
    Ok(match sandbox.inspect(&script.source(path), surface).await? {
        Ok(dialect) => {
            wrong_import(script, surface).map_or(Ok(dialect), |error| Err(Box::new(error)))
        }
        Err(error) => Err(Box::new(error)),
    })
}

/// The last part of a path, which errors show.
pub(crate) fn file_name_of(path: &str) -> String {
    path.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or("workflow").to_owned()
}
