//! Looks up the child workflows, servers, folders and the repository that a script needs,
//! as a run does.
//!
//! Owns: the findings about those that a run would refuse. Never: searches other folders
//! than a run, or runs anything.

use std::sync::Arc;

use smol_wf_core::ids::StepId;
use smol_wf_core::surface::Surface;
use smol_wf_sandbox::Sandbox;

use super::finding::Spot;
use super::refusals::{Named, Wanted, in_words};
use super::rules;
use crate::children::Children;
use crate::folders::RunFolders;
use crate::request::{AgentSettings, Folders, ScriptFile};
use crate::step_resources::ResourceRules;
use crate::worktree::worktree_obstacle;

/// Most children, and most calls with servers or folders, that are looked up for one
/// script.
const LOOKED_FOR_MAX: usize = 100;

/// The child workflows that a run in these folders would not find.
pub(super) async fn missing(
    sandbox: &Sandbox,
    file: &ScriptFile,
    chosen: &Folders,
    named: Vec<Named>,
) -> Vec<Spot> {
    // If the folder of the script is gone, nothing is certain.
    let Ok(folders) = RunFolders::of_new(&file.path, chosen) else { return Vec::new() };
    let root = folders.root.as_ref();
    let caller = root.map_or_else(String::new, |root| root.relative(&file.path));
    let library = Arc::new(folders.library());
    let (sandbox, surface) = (sandbox.clone(), Surface::CURRENT);
    let children = Children { library, sandbox, surface, rules: None };
    let mut spots = Vec::new();
    for Named { at, target } in named.into_iter().take(LOOKED_FOR_MAX) {
        if let Err(refusal) = children.find(StepId(1), caller.clone(), target, None).await {
            spots.push(Spot::new(&rules::WORKFLOW, at, in_words(&refusal), ""));
        }
    }
    spots
}

/// The servers and folders that the settings do not allow.
pub(super) fn not_allowed(
    file: &ScriptFile,
    chosen: &Folders,
    settings: &AgentSettings,
    wanted: &[Wanted],
) -> Vec<Spot> {
    let Ok(folders) = RunFolders::of_new(&file.path, chosen) else { return Vec::new() };
    let RunFolders { cwd, home, .. } = folders;
    let resources = ResourceRules { cwd, home, settings: settings.clone() };
    let refused = wanted.iter().take(LOOKED_FOR_MAX).filter_map(|Wanted { at, request }| {
        let refusal = resources.check(request).err()?;
        let hint = "a run here refuses this call; another user's settings may allow it";
        Some(Spot::new(&rules::NOT_ALLOWED, *at, in_words(&refusal), hint))
    });
    refused.collect()
}

/// The calls with a worktree, if a run started here could make none.
pub(super) fn without_repository(
    file: &ScriptFile,
    chosen: &Folders,
    wanted: &[Wanted],
) -> Vec<Spot> {
    let isolated = wanted.iter().filter(|Wanted { request, .. }| request.isolation.is_some());
    let mut isolated = isolated.take(LOOKED_FOR_MAX).peekable();
    let folders = isolated.peek().and_then(|_| RunFolders::of_new(&file.path, chosen).ok());
    let Some(error) = folders.and_then(|folders| worktree_obstacle(&folders.cwd)) else {
        return Vec::new();
    };
    let message = format!("{error} [{}]", error.code());
    isolated.map(|one| Spot::new(&rules::WORKTREE, one.at, message.clone(), "")).collect()
}
