//! Reads and compiles a script.
//!
//! Owns: the order of its checks. Never: searches for a script, or runs one.

use smol_wf_core::guest::{Dialect, ScriptError};
use smol_wf_core::journal::ScopeStart;
use smol_wf_core::script::{Script, ScriptRefusal};
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Sandbox, SandboxError};

use crate::error::EngineError;
use crate::explain::{explain, wrong_import};
use crate::read_script::read_script;
use crate::request::ScriptFile;

/// Reads and compiles a script without running it.
pub(crate) async fn compile(
    sandbox: &Sandbox,
    file: &ScriptFile,
    surface: Surface,
) -> Result<(Script, Dialect), EngineError> {
    let file_name = file_name_of(&file.path.to_string_lossy());
    let script = read_script(&file.bytes, &file_name, Surface::CURRENT).await;
    compiled(sandbox, script.map_err(refused)?, surface).await
}

/// As [`compile`], for a recorded script. Its types are not taken out again, and its file
/// is not looked at.
pub(crate) async fn compile_recorded(
    sandbox: &Sandbox,
    start: &ScopeStart,
    path: &str,
    surface: Surface,
) -> Result<(Script, Dialect), EngineError> {
    let author = start.author_text.as_deref();
    let script = Script::read_texts(&start.text, author, &file_name_of(path), Surface::CURRENT);
    compiled(sandbox, script.map_err(refused)?, surface).await
}

fn refused(refusal: ScriptRefusal) -> EngineError {
    EngineError::Script(Box::new(refusal))
}

async fn compiled(
    sandbox: &Sandbox,
    script: Script,
    surface: Surface,
) -> Result<(Script, Dialect), EngineError> {
    match inspect(sandbox, &script, surface).await? {
        Ok(dialect) => Ok((script, dialect)),
        Err(error) => {
            let file_name = script.file_name;
            let error = Box::new(explain(*error, &script.text, &file_name));
            let text = script.author_text.unwrap_or(script.text);
            Err(EngineError::Compile { error, text, file_name })
        }
    }
}

/// The dialect of a script, or the error of the guest's parser or of an import.
pub(crate) async fn inspect(
    sandbox: &Sandbox,
    script: &Script,
    surface: Surface,
) -> Result<Result<Dialect, Box<ScriptError>>, SandboxError> {
    Ok(match sandbox.inspect(&script.source(), surface).await? {
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
