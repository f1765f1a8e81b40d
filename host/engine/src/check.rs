//! Static checks of a script.
//!
//! Owns: the rules, and the order of checks: `meta`, then the guest's own parser, then
//! the syntax tree. Never: runs anything, or mistakes strings or comments for code.

mod asks;
mod awaited;
mod constants;
mod depth;
mod files;
mod finding;
mod functions;
mod hints;
mod kinds;
mod nulls;
mod options;
mod parse;
mod phases;
mod portable;
mod refusals;
mod rules;
mod settled;
mod shapes;
mod slots;
mod targets;
mod tree;
mod unknown;
mod uses;
mod value_use;
mod values;
mod visit;
mod walk;

use smol_wf_core::guest::Dialect;
use smol_wf_core::limits::CHILDREN_OPEN_MAX;
use smol_wf_core::script::Script;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::{Sandbox, SandboxConfig};

use crate::compile::{compile, file_name_of};
use crate::error::EngineError;
use crate::folders::RunFolders;
use crate::request::{AgentSettings, Folders, ScriptFile};

use finding::{Spot, finding};
use parse::{File, MainFile, ParsedFile, see};
use phases::Begun;

pub use finding::Finding;
pub use hints::{Hints, hints};
pub use rules::{RULES, Rule, Severity};

/// Most findings of one script that are listed.
const FINDINGS_MAX: usize = 100;

/// Checks scripts, one after the other.
///
/// ```no_run
/// # async fn f(script: smol_wf_engine::ScriptFile) -> Result<(), smol_wf_engine::EngineError> {
/// use smol_wf_engine::check::Checks;
/// use smol_wf_engine::{AgentSettings, Folders};
///
/// let checks = Checks::new(Folders::default(), Some(AgentSettings::default()))?;
/// for finding in checks.script(&script).await? {
///     println!("{}:{} {}", finding.line, finding.column, finding.message);
/// }
/// # Ok(()) }
/// ```
pub struct Checks {
    sandbox: Sandbox,
    folders: Folders,
    settings: Option<AgentSettings>,
}

impl Checks {
    /// Sets up the guest, whose parser decides about syntax. Child workflows, servers,
    /// folders and the repository of worktrees are looked up like in a run in these folders
    /// with these settings. Without settings, servers and folders are not checked.
    ///
    /// # Errors
    /// When wasmtime cannot be set up.
    pub fn new(folders: Folders, settings: Option<AgentSettings>) -> Result<Self, EngineError> {
        let sandbox = Sandbox::new(SandboxConfig::new(CHILDREN_OPEN_MAX))?;
        Ok(Self { sandbox, folders, settings })
    }

    /// The findings of a script and of the modules that it imports, in order of line and
    /// column, the script's own first.
    ///
    /// # Errors
    /// When the check itself fails. An error in the script is a finding.
    pub async fn script(&self, file: &ScriptFile) -> Result<Vec<Finding>, EngineError> {
        let folders = RunFolders::of_new(&file.path, &self.folders).ok();
        let folder = folders.as_ref().and_then(RunFolders::modules);
        match compile(&self.sandbox, file, Surface::CURRENT, folder).await {
            Ok((script, dialect)) => self.compiled(file, &script, dialect).await,
            Err(EngineError::Script(refused)) => {
                let text = String::from_utf8_lossy(&file.bytes);
                let rule = if refused.code.word().starts_with("meta_") {
                    &rules::META
                } else {
                    &rules::SYNTAX
                };
                let place = (refused.line, refused.column);
                let hint = "smol-wf reads `meta` without running the script; see docs/scripts.md";
                let hint = if rule.id == rules::META.id { hint } else { "" };
                let message = format!("{} [{}]", refused.message, refused.code);
                Ok(vec![finding(rule, &text, place, message, hint.to_owned())])
            }
            Err(EngineError::Compile { error, text, .. }) => {
                let is_import = error.code == "import";
                let rule = if is_import { &rules::IMPORT } else { &rules::SYNTAX };
                let message = format!("{}: {}", error.name, error.message);
                // A stack overflow of the parser has no position.
                let place = (error.line.max(1), error.column.max(1));
                let hint = if error.name == "RangeError" { "nest it less deeply" } else { "" };
                let module = error.file.clone();
                let found = finding(rule, &text, place, message, hint.to_owned());
                Ok(vec![Finding { module, ..found }])
            }
            // The script's parser ran out of fuel, stack or memory on it.
            Err(EngineError::Sandbox(smol_wf_sandbox::SandboxError::Inspect(fault))) => {
                let text = String::from_utf8_lossy(&file.bytes);
                let message = format!("the script cannot be compiled: {fault}");
                Ok(vec![finding(&rules::SYNTAX, &text, (1, 1), message, String::new())])
            }
            Err(error) => Err(error),
        }
    }

    /// The findings of a script that the guest can run, the script's own first.
    async fn compiled(
        &self,
        file: &ScriptFile,
        script: &Script,
        dialect: Dialect,
    ) -> Result<Vec<Finding>, EngineError> {
        let titles: Vec<String> =
            script.meta.phases.iter().map(|phase| phase.title.clone()).collect();
        let (mut begun, mut of_modules) = (Begun::default(), Vec::new());
        for module in script.modules.iter().filter(|module| !module.path.ends_with(".json")) {
            let dialect = Dialect::Module;
            let parsed = see(File { text: &module.text, dialect, titles: &titles, main: None })?;
            let spots = self.spots(file, parsed, Vec::new(), &mut begun).await;
            let shown = module.shown_text();
            let at_place = |spot: Spot| {
                let module = Some(module.path.clone());
                Finding { module, ..spot.at_its_place(shown) }
            };
            of_modules.extend(in_order(spots.into_iter().map(at_place).collect()));
        }
        // What is shown is the author's, and what is parsed has no types. Every byte is in
        // the same place in both.
        let (text, shown) = (&script.text, script.shown_text());
        let main = Some(MainFile { meta_at: script.meta_export as usize, begun });
        let parsed = see(File { text, dialect, titles: &titles, main })?;
        let phases = script.meta.phases.iter().map(|phase| refusals::Wanted {
            at: script.meta_export,
            request: phase.options.request(),
        });
        let spots = self.spots(file, parsed, phases.collect(), &mut Begun::default()).await;
        let notes = script.warnings.iter().map(|note| {
            let place = (note.line, note.column);
            finding(&rules::META_KEY, shown, place, note.message.clone(), String::new())
        });
        let own = notes.chain(spots.into_iter().map(|spot| spot.at_its_place(shown)));
        let mut findings = in_order(own.collect());
        findings.extend(of_modules);
        findings.truncate(FINDINGS_MAX);
        Ok(findings)
    }

    /// The findings of one of a script's files, with those that a run in its folders knows;
    /// `more` is wanted beside what its calls want.
    async fn spots(
        &self,
        file: &ScriptFile,
        parsed: ParsedFile,
        more: Vec<refusals::Wanted>,
        all_begun: &mut Begun,
    ) -> Vec<Spot> {
        let ParsedFile { mut spots, named, mut wanted, begun } = parsed;
        all_begun.add(begun);
        wanted.extend(more);
        spots.extend(targets::missing(&self.sandbox, file, &self.folders, named).await);
        spots.extend(targets::without_repository(file, &self.folders, &wanted));
        if let Some(settings) = &self.settings {
            spots.extend(targets::not_allowed(file, &self.folders, settings, &wanted));
        }
        spots.sort_by_key(|spot| spot.at);
        spots.dedup();
        spots.truncate(FINDINGS_MAX);
        spots
    }
}

/// The findings of one file in order.
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings.dedup();
    findings
}

/// The file name of a script, by which errors and findings refer to it.
#[must_use]
pub fn name_of(file: &ScriptFile) -> String {
    file_name_of(&file.path.to_string_lossy())
}
