//! Where things are kept when no flag says so.
//!
//! Owns: the default path of the database. Never: creates it.

use std::path::PathBuf;

use etcetera::BaseStrategy;

/// `$XDG_STATE_HOME/smol-workflows/workflows.db`, by default in
/// `~/.local/state`; `~/Library/Application Support` on macOS.
pub(crate) fn default_db() -> Option<PathBuf> {
    // An explicit XDG variable counts everywhere, macOS included.
    let explicit = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = explicit.filter(|path| path.is_absolute()).or_else(platform_state)?;
    Some(state.join("smol-workflows").join("workflows.db"))
}

fn platform_state() -> Option<PathBuf> {
    let base = etcetera::base_strategy::choose_native_strategy().ok()?;
    base.state_dir().or_else(|| Some(base.data_dir()))
}

/// The user's home, which is never taken for a project.
pub(crate) fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}
