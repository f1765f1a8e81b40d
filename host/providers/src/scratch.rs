//! A file that an agent's program reads during one round.
//!
//! Owns: its folder, which nobody else can look into, and which is gone with
//! this value; where this process is killed (SIGKILL) both stay on disk, and what
//! `mcp.json` holds of the settings' secrets with them, for their user alone to read.
//! Never: an agent's own secrets; agents have those of their own.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{ProviderError, ProviderErrorKind};

/// The file, as long as this value lives.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    /// Removes itself when dropped.
    _folder: TempDir,
}

impl Scratch {
    pub(crate) fn write(
        provider: &str,
        name: &str,
        content: impl AsRef<[u8]>,
    ) -> Result<Self, ProviderError> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("smol-wf-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let written = builder.tempdir().and_then(|folder| {
            let path = folder.path().join(name);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&path)?.write_all(content.as_ref())?;
            Ok(Self { path, _folder: folder })
        });
        written.map_err(|error| {
            let message = format!("a temporary file for the agent cannot be written: {error}");
            ProviderError::new(provider, ProviderErrorKind::Spawn, message)
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_can_look_and_nothing_is_left() {
        let scratch = Scratch::write("p", "schema.json", "{}").unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
        }
        drop(scratch);
        assert!(!path.parent().unwrap().exists());
    }
}
