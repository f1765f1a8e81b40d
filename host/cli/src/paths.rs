//! Default folders of this program.
//!
//! Owns: the state and configuration directories, and the default path of the
//! database. Never: creates one.

use std::path::PathBuf;

use etcetera::BaseStrategy;
use etcetera::base_strategy::{Xdg, choose_native_strategy};
use smol_wf_engine::SqliteStore;

/// Name of the program's folder in each base directory.
const FOLDER: &str = "smol-workflows";

/// `smol-wf.db` in the state directory; `None` without a home directory. If it
/// does not exist, a `workflows.db` of an older version stays in use, with the
/// worktrees beside it. That file is checked, because another program uses the
/// same name.
pub(crate) fn default_db() -> Option<PathBuf> {
    let path = state_dir()?.join("smol-wf.db");
    let is_absent = path.symlink_metadata().is_err();
    let older = older_db().filter(|older| is_absent && SqliteStore::is_ours(older));
    Some(older.unwrap_or(path))
}

/// Path of the database of older versions.
pub(crate) fn older_db() -> Option<PathBuf> {
    Some(state_dir()?.join("workflows.db"))
}

/// `$XDG_STATE_HOME/smol-workflows`, by default in `~/.local/state`;
/// `~/Library/Application Support` on macOS.
pub(crate) fn state_dir() -> Option<PathBuf> {
    let native = || {
        let base = choose_native_strategy().ok()?;
        base.state_dir().or_else(|| Some(base.data_dir()))
    };
    Some(explicit("XDG_STATE_HOME").or_else(native)?.join(FOLDER))
}

/// `$XDG_CONFIG_HOME/smol-workflows`, by default in `~/.config`, also on macOS,
/// because people edit the file.
pub(crate) fn config_dir() -> Option<PathBuf> {
    let default = || Xdg::new().ok().map(|base| base.config_dir());
    Some(explicit("XDG_CONFIG_HOME").or_else(default)?.join(FOLDER))
}

/// An XDG variable with an absolute path; it counts on every system, macOS
/// included.
fn explicit(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The user's home directory, which never counts as a project.
pub(crate) fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}
