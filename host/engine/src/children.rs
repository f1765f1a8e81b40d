//! Finds the script of a `workflow` step.
//!
//! Owns: finding, reading and checking the script. Never: leaves the project
//! root; [`crate::library`] ensures that.

use std::path::Path;
use std::sync::Arc;

use smol_wf_core::args_schema::{ArgsMisfit, ArgsSchema};
use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Dialect, Failure, ScriptError};
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::ScopeStart;
use smol_wf_core::script::{Script, imports};
use smol_wf_core::step_request::WorkflowTarget;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::Sandbox;

use crate::compile::{explained, file_name_of, inspect, with_modules};
use crate::fixture::redact::Redaction;
use crate::library::{Library, Loaded, ResolvedScript};
use crate::modules::ModuleFolder;
use crate::read_script::read_script;

const SCRIPT_ENDINGS: [&str; 5] = [".js", ".mjs", ".cjs", ".ts", ".mts"];

/// Finds the scripts of child workflows.
pub(crate) struct Children {
    pub(crate) library: Arc<Library>,
    pub(crate) sandbox: Sandbox,
    /// The surface that the scripts see.
    pub(crate) surface: Surface,
    /// What is taken out of the texts of their modules, for a fixture.
    pub(crate) rules: Option<Arc<Redaction>>,
}

impl Children {
    /// The script that a step names, ready to start in the step's scope with these
    /// arguments, and a warning about it.
    pub(crate) async fn find(
        &self,
        step: StepId,
        caller: String,
        target: WorkflowTarget,
        args: Option<String>,
    ) -> Result<(Box<ScopeStart>, Option<String>), Failure> {
        let (start, warning) = self.find_script(step, caller, target).await?;
        Ok((Box::new(self.given(*start, args)?), warning))
    }

    /// A child's script with its arguments.
    pub(crate) fn given(
        &self,
        start: ScopeStart,
        args: Option<String>,
    ) -> Result<ScopeStart, Failure> {
        if self.surface < Surface::Fourth {
            return Ok(ScopeStart { args: args.or(start.args), ..start });
        }
        let named = start.path.clone();
        given(start, args).map_err(|misfit| {
            let message = format!("the arguments do not fit workflow {named}: {misfit}");
            Failure::new(Code::ArgsInvalid, message)
        })
    }

    /// The script that a step names, without arguments.
    pub(crate) async fn find_script(
        &self,
        step: StepId,
        caller: String,
        target: WorkflowTarget,
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
        let start = self.read(step, loaded).await.map_err(|reason| {
            Failure::new(
                Code::WorkflowRefused,
                format!("workflow {target} cannot be run: {reason}"),
            )
        })?;
        Ok((Box::new(start), warning))
    }

    /// The script with its modules. Scripts of older surfaces import none.
    async fn with_modules(&self, script: Script, path: &str) -> Result<Script, String> {
        if imports(&script.text).is_empty() {
            return Ok(script);
        }
        let (prefix, root) = self.library.project_of(path).map_err(|error| error.to_string())?;
        let rules = self.rules.as_deref();
        let folder = ModuleFolder { root: &root, prefix: &prefix, rules };
        let file_name = script.file_name.clone();
        with_modules(&self.sandbox, script, self.surface, path, &folder)
            .await
            .map_err(|import| placed(&import.error, &file_name))
    }

    async fn read(&self, step: StepId, loaded: Loaded) -> Result<ScopeStart, String> {
        let file_name = file_name_of(&loaded.path);
        let script = read_script(&loaded.bytes, &file_name, self.surface)
            .await
            .map_err(|refused| refused.to_string())?;
        let script = self.with_modules(script, &loaded.path).await?;
        let dialect = match inspect(&self.sandbox, &script, self.surface, &loaded.path).await {
            Ok(Ok(dialect)) => dialect,
            Ok(Err(error)) => return Err(placed(&explained(*error, &script), &file_name)),
            Err(error) => return Err(error.to_string()),
        };
        Ok(scope_start(Scope::of(step), script, dialect, loaded.path))
    }
}

/// An error in words, with its position.
fn placed(error: &ScriptError, file_name: &str) -> String {
    let ScriptError { line, column, name, message, .. } = error;
    let file = error.file.as_deref().unwrap_or(file_name);
    format!("{file}:{line}:{column}: {name}: {message}")
}

/// The journal's entry for the start of a script without arguments; see [`given`].
pub(crate) fn scope_start(
    scope: Scope,
    script: Script,
    dialect: Dialect,
    path: String,
) -> ScopeStart {
    // A module's function destructures its input without a check. A body script asks
    // `typeof args`, and must see that there are none.
    let args = (dialect == Dialect::Module).then(|| "{}".to_owned());
    ScopeStart {
        scope,
        file_name: script.file_name,
        path,
        meta_export: script.meta_export,
        dialect,
        meta: script.meta_json,
        args,
        text: script.text,
        author_text: script.author_text,
        modules: script.modules,
    }
}

/// The start of a script with these arguments, checked by its `meta.args`, and with the
/// defaults of those that were not given.
pub(crate) fn given(start: ScopeStart, args: Option<String>) -> Result<ScopeStart, ArgsMisfit> {
    // A schema that cannot be used was refused with `meta`.
    let args = match ArgsSchema::of_meta(&start.meta).ok().flatten() {
        Some(schema) => schema.fit(args.as_deref())?,
        None => args,
    };
    Ok(ScopeStart { args: args.or(start.args), ..start })
}

/// Refuses files whose names are not those of scripts. The script gets the reason why a file
/// is not a workflow, and that may quote a word of the file.
fn refuse_other_files(target: &WorkflowTarget) -> Result<(), Failure> {
    match target {
        WorkflowTarget::Path(path) if !SCRIPT_ENDINGS.iter().any(|end| path.ends_with(end)) => {
            let message = format!("{path} is not a script: those end in .js, .mjs, .ts or .mts");
            Err(Failure::new(Code::WorkflowRefused, message))
        }
        _ => Ok(()),
    }
}
