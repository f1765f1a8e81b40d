//! A file that an agent's program reads during one round.
//!
//! Owns: its folder, which nobody else can look into, and which is gone with
//! this value. Never: keeps a secret; agents have those of their own.

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
            std::fs::write(&path, content)?;
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
            let mode = path.parent().unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        drop(scratch);
        assert!(!path.parent().unwrap().exists());
    }
}
