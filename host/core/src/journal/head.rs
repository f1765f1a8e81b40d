//! What a run begins with: its head, its scripts, and the run it is a fork of.
//!
//! Owns: everything that a run is a function of, except for its deliveries. Never:
//! changes once it is written.

use serde::{Deserialize, Serialize};

use crate::guest::Dialect;
use crate::ids::{Digest, RunId, Scope, StepId};
use crate::step_request::StepDefaults;
use crate::surface::Surface;

/// Everything that a run is a function of, except for its deliveries and its script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    /// [`JOURNAL_FORMAT`](super::JOURNAL_FORMAT) of the program that started it.
    pub format: u32,
    /// The surface that the scripts of the run see.
    #[serde(default, skip_serializing_if = "Surface::is_first")]
    pub surface: Surface,
    /// Id of the run.
    pub run: RunId,
    /// `meta.name` of the script.
    pub name: String,
    /// Digest of the script's text.
    pub script: Digest,
    /// Where the script was, for messages and to find its children again.
    pub script_path: String,
    /// Folder that no child workflow may lie outside of.
    pub project_root: String,
    /// Folder that its agents work in; none: the project root, as in runs of
    /// older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// Output tokens that `budget` tells the script of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// Provider for calls that name none.
    pub provider: String,
    /// Model aliases, in order of the command line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_map: Vec<(String, String)>,
    /// Defaults for calls that leave an option open.
    #[serde(default, skip_serializing_if = "StepDefaults::is_empty")]
    pub defaults: StepDefaults,
    /// Rules of the debug provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debug_rules: Vec<String>,
    /// The run that this one is a fork of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

/// The run that a fork has its answers of. They are copied into the fork, so
/// that it can be resumed, moved and replayed when the parent is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Id of that run.
    pub run: RunId,
    /// Entries that its journal had then.
    pub entries: u64,
    /// Steps from this one on were asked anew; none when all answers were reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StepId>,
    /// Why there is a fork.
    pub reason: ForkReason,
}

/// Why a fork was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForkReason {
    /// The run was to be resumed with another script.
    Edited,
    /// Someone asked for it.
    Asked,
}

/// A script as it was started, whole, so that a replay needs no file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScopeStart {
    /// The scope it runs in.
    pub scope: Scope,
    /// Its source text.
    pub text: String,
    /// Its name in errors.
    pub file_name: String,
    /// Its path, from the project root where it lies inside.
    pub path: String,
    /// Where `export` stands in front of `const meta`, in bytes.
    pub meta_export: u32,
    /// Its dialect.
    pub dialect: Dialect,
    /// JSON text of its `meta`.
    pub meta: String,
    /// Its arguments as JSON text; none is `undefined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<String>,
}
