//! Errors of a program, before anything is known about its agent.
//!
//! Owns: the cases and their sentences. Never: interprets a program's output, or says what
//! to type.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::flaw::Flaw;
use crate::{MissingProgram, ProviderError, ProviderErrorKind};

/// A program could not be started or spoken to, or was ended because it broke a limit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    /// The program does not exist.
    #[error("there is no program `{}`", program.display())]
    NotFound {
        /// The name or path that was looked for.
        program: PathBuf,
    },
    /// A file of that name exists and cannot be run.
    #[error("`{}` cannot be run: {}", program.display(), flaw.in_words(program))]
    NoProgram {
        /// Path of the file.
        program: PathBuf,
        /// Why it cannot be run.
        flaw: Flaw,
    },
    /// The working directory does not exist or cannot be entered.
    #[error("the working directory {} cannot be entered: {error}", cwd.display())]
    Cwd {
        /// Path of the directory.
        cwd: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The system refuses to start the program.
    #[error("`{}` cannot be started: {error}", program.display())]
    Spawn {
        /// Path of the program.
        program: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The program printed more than it may.
    #[error("the program was ended because it printed over {max} bytes {what}")]
    TooMuchOutput {
        /// Which limit: `in one line` or `in all`.
        what: &'static str,
        /// The limit in bytes.
        max: usize,
    },
    /// The program did not end in time.
    #[error("`{}` did not end within {} s", program.display(), after.as_secs_f32())]
    TimedOut {
        /// Path of the program.
        program: PathBuf,
        /// How long it was waited for.
        after: Duration,
    },
    /// A pipe to the program broke.
    #[error("cannot {doing}: {error}")]
    Io {
        /// What was being done, as in "cannot {doing}".
        doing: &'static str,
        /// The system's error.
        error: io::Error,
    },
}

/// The command that installs each agent's program.
const INSTALLED_BY: [(&str, &str); 4] = [
    ("claude", "npm install -g @anthropic-ai/claude-code"),
    ("codex", "npm install -g @openai/codex"),
    ("opencode", "npm install -g opencode-ai"),
    ("pi", "npm install -g @earendil-works/pi-coding-agent"),
];

/// What is known about a program that was not found. `key` is the settings key that
/// names it.
fn missing(program: &Path, key: &str) -> MissingProgram {
    let known = INSTALLED_BY.iter().find(|(name, _)| Path::new(name) == program);
    MissingProgram {
        program: program.to_owned(),
        key: key.to_owned(),
        install: known.map(|(_, command)| *command),
    }
}

impl ProcessError {
    /// Whether the program has stopped reading its stdin.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The provider's error. A missing program is named by the settings key `program`.
    #[expect(clippy::wrong_self_convention, reason = "the caller may still need the error")]
    pub(crate) fn into_provider_error(&self, provider: &str) -> ProviderError {
        self.naming(provider, "program")
    }

    /// The same for a provider whose program is named by another settings key.
    pub(crate) fn naming(&self, provider: &str, key: &str) -> ProviderError {
        let kind = match self {
            Self::NotFound { .. }
            | Self::NoProgram { .. }
            | Self::Cwd { .. }
            | Self::Spawn { .. } => ProviderErrorKind::Spawn,
            Self::TimedOut { .. } => ProviderErrorKind::Timeout,
            Self::TooMuchOutput { .. } | Self::Io { .. } => ProviderErrorKind::Failed,
        };
        let mut error = ProviderError::new(provider, kind, self.to_string());
        if let Self::NotFound { program } = self {
            error.missing = Some(Box::new(missing(program, key)));
        }
        error
    }
}
