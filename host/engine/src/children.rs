//! Finds the script of a `workflow` step.
//!
//! Owns: finding, reading and checking the script. Never: leaves the project
//! root; [`crate::library`] ensures that.

use std::path::Path;
use std::sync::Arc;

use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Dialect, Failure};
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::ScopeStart;
use smol_wf_core::script::Script;
use smol_wf_core::step_request::WorkflowTarget;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::Sandbox;

use crate::compile::{file_name_of, inspect};
use crate::explain::explain;
use crate::library::{Library, Loaded, ResolvedScript};

const SCRIPT_ENDINGS: [&str; 3] = [".js", ".mjs", ".cjs"];

/// Finds the scripts of child workflows.
pub(crate) struct Children {
    pub(crate) library: Arc<Library>,
    pub(crate) sandbox: Sandbox,
    /// The surface that the scripts see.
    pub(crate) surface: Surface,
}

impl Children {
    /// The script that a step names, ready to start in the step's scope, and a warning
    /// about it.
    pub(crate) async fn find(
        &self,
        step: StepId,
        caller: String,
        target: WorkflowTarget,
        args: Option<String>,
    ) -> Result<(Box<ScopeStart>, Option<String>), Failure> {
        refuse_other_files(&target)?;
        let (library, asked) = (self.library.clone(), target.clone());
        let surface = self.surface;
        let search = move || library.find(Path::new(&caller), &asked, surface);
        // One code for every reason, so that a script learns nothing about files outside
        // of its project.
        let not_found = |reason: String| Failure::new(Code::WorkflowNotFound, reason);
        let ResolvedScript { loaded, warning } = tokio::task::spawn_blocking(search)
            .await
            .map_err(|_| not_found("the search for the script was cut off".to_owned()))?
            .map_err(|error| not_found(error.to_string()))?;
        let start = self.read(step, loaded, args).await.map_err(|reason| {
            Failure::new(
                Code::WorkflowRefused,
                format!("workflow {target} cannot be run: {reason}"),
            )
        })?;
        Ok((Box::new(start), warning))
    }

    async fn read(
        &self,
        step: StepId,
        loaded: Loaded,
        args: Option<String>,
    ) -> Result<ScopeStart, String> {
        let file_name = file_name_of(&loaded.path);
        let script = Script::read_under(&loaded.bytes, &file_name, self.surface)
            .map_err(|refused| refused.to_string())?;
        let dialect = match inspect(&self.sandbox, &script, self.surface).await {
            Ok(Ok(dialect)) => dialect,
            Ok(Err(error)) => {
                let error = explain(*error, &script.text, &file_name);
                let place = format!("{file_name}:{}:{}", error.line, error.column);
                return Err(format!("{place}: {}: {}", error.name, error.message));
            }
            Err(error) => return Err(error.to_string()),
        };
        Ok(scope_start(Scope::of(step), script, dialect, loaded.path, args))
    }
}

/// The journal's entry for the start of a script.
pub(crate) fn scope_start(
    scope: Scope,
    script: Script,
    dialect: Dialect,
    path: String,
    args: Option<String>,
) -> ScopeStart {
    // A module's function destructures its input without a check. A body script asks
    // `typeof args`, and must see that there are none.
    let args = args.or_else(|| (dialect == Dialect::Module).then(|| "{}".to_owned()));
    ScopeStart {
        scope,
        file_name: script.file_name,
        path,
        meta_export: script.meta_export,
        dialect,
        meta: script.meta_json,
        args,
        text: script.text,
    }
}

/// Refuses files whose names are not those of scripts. The script gets the reason why a file
/// is not a workflow, and that may quote a word of the file.
fn refuse_other_files(target: &WorkflowTarget) -> Result<(), Failure> {
    match target {
        WorkflowTarget::Path(path) if !SCRIPT_ENDINGS.iter().any(|end| path.ends_with(end)) => {
            let message = format!("{path} is not a script: those end in .js or .mjs");
            Err(Failure::new(Code::WorkflowRefused, message))
        }
        _ => Ok(()),
    }
}
