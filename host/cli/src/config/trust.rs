//! The list of project settings files that the user trusts.
//!
//! Owns: the list. Trust is for one path and one content. Never: decides what an
//! untrusted file may set.
//!
//! A changed file, a copy elsewhere and a file in a folder below a trusted one
//! are not trusted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smol_wf_core::ids::Digest;

use super::error::ConfigError;
use super::find::SettingsFile;
use super::variable;
use crate::file_output::private_folders;
use crate::paths;

/// Variable with digests that are trusted at any path, for machines without a
/// state directory of the user, such as CI.
pub(crate) const VARIABLE: &str = "SMOL_WF_TRUST";
/// The list in the state directory, and the file whose lock orders its changes.
const FILE: &str = "trust.json";
const LOCK: &str = "trust.lock";
/// Version of the list; a newer one is refused.
const VERSION: u32 = 1;

/// Whether a file is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trust {
    /// The list, or `SMOL_WF_TRUST`, has this content.
    Trusted,
    /// The path is trusted, but the content has changed.
    Changed,
    /// The path is not on the list.
    Untrusted,
}

/// A trusted file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trusted {
    /// Absolute path of the settings file.
    pub(crate) file: PathBuf,
    /// Digest of the trusted text.
    pub(crate) digest: Digest,
    /// When trust was given, in milliseconds since 1970.
    pub(crate) since_ms: i64,
}

/// The format of the stored list.
#[derive(Debug, Serialize, Deserialize)]
struct TrustList {
    version: u32,
    trusted: Vec<Trusted>,
}

/// How this file stands. A list that cannot be read trusts nothing.
pub(crate) fn of(found: &SettingsFile) -> Result<Trust, ConfigError> {
    let named = variable(VARIABLE).unwrap_or_default();
    let digest = found.digest.to_string();
    if named.to_string_lossy().split([',', ' ']).any(|given| given == digest) {
        return Ok(Trust::Trusted);
    }
    let all = list()?;
    let kept = all.iter().find(|kept| kept.file == found.file);
    Ok(match kept {
        Some(kept) if kept.digest == found.digest => Trust::Trusted,
        Some(_) => Trust::Changed,
        None => Trust::Untrusted,
    })
}

/// All that is trusted.
pub(crate) fn list() -> Result<Vec<Trusted>, ConfigError> {
    let Some(file) = paths::state_dir().map(|state| state.join(FILE)) else {
        return Ok(Vec::new());
    };
    let failed = |error| ConfigError::TrustStore { file: file.clone(), doing: "read", error };
    match fs::symlink_metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) => refuse_foreign(&metadata).map_err(failed)?,
    }
    let text = fs::read_to_string(&file).map_err(failed)?;
    let kept: TrustList = serde_json::from_str(&text).map_err(|error| failed(error.into()))?;
    if kept.version != VERSION {
        let error = "a newer smol-wf wrote it; use that one, or remove the file";
        return Err(failed(io::Error::other(error)));
    }
    Ok(kept.trusted)
}

/// Trusts a file as it was read.
pub(crate) fn add(found: &SettingsFile, since_ms: i64) -> Result<(), ConfigError> {
    change(|all| {
        all.retain(|kept| kept.file != found.file);
        let (file, digest) = (found.file.clone(), found.digest.clone());
        all.push(Trusted { file, digest, since_ms });
    })
}

/// Forgets a file; says whether it was on the list.
pub(crate) fn remove(file: &Path) -> Result<bool, ConfigError> {
    let mut found = false;
    change(|all| {
        let before = all.len();
        all.retain(|kept| kept.file != file);
        found = all.len() < before;
    })?;
    Ok(found)
}

/// Changes the list, whole or not at all, one process at a time.
fn change(edit: impl FnOnce(&mut Vec<Trusted>)) -> Result<(), ConfigError> {
    let state = paths::state_dir().ok_or(ConfigError::NoState)?;
    let file = state.join(FILE);
    let failed = |error| ConfigError::TrustStore { file: file.clone(), doing: "written", error };
    private_folders().recursive(true).create(&state).map_err(failed)?;
    let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
        .open(state.join(LOCK))
        .map_err(failed)?;
    lock.lock().map_err(failed)?;
    let mut trusted = list()?;
    edit(&mut trusted);
    let kept = TrustList { version: VERSION, trusted };
    let text = serde_json::to_string_pretty(&kept).map_err(|error| failed(error.into()))?;
    // Under the lock, so the name is nobody else's.
    let new = state.join(format!("{FILE}.new"));
    let write = |mut to: File| to.write_all(text.as_bytes()).and_then(|()| to.sync_all());
    let _ = fs::remove_file(&new);
    private(OpenOptions::new().create_new(true).write(true))
        .open(&new)
        .and_then(write)
        .and_then(|()| fs::rename(&new, &file))
        .map_err(failed)
}

/// Files that are created get mode 0600.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A list that someone else may write is someone else's.
#[cfg(unix)]
fn refuse_foreign(metadata: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let mine = metadata.uid() == rustix::process::geteuid().as_raw();
    if metadata.is_file() && mine && metadata.mode() & 0o022 == 0 {
        return Ok(());
    }
    let why = "it is not a file that you alone can write; remove it, and trust anew";
    Err(io::Error::other(why))
}

#[cfg(not(unix))]
fn refuse_foreign(_metadata: &fs::Metadata) -> io::Result<()> {
    Ok(())
}
