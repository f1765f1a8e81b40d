//! What may go wrong with a program, before anything is known about its agent.
//!
//! Owns: the cases and their sentences. Never: judges what a program printed.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::flaw::Flaw;
use crate::{ProviderError, ProviderErrorKind};

/// A program could not be started, spoken to, or borne with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessError {
    /// There is no such program.
    #[error("there is no program `{}`", program.display())]
    NotFound {
        /// As it was asked for.
        program: PathBuf,
    },
    /// There is something of that name, and it is no program.
    #[error("`{}` cannot be run: {}", program.display(), flaw.in_words(program))]
    NoProgram {
        /// Where it is.
        program: PathBuf,
        /// What is the matter with it.
        flaw: Flaw,
    },
    /// The folder to work in is not there.
    #[error("the working directory {} cannot be entered: {error}", cwd.display())]
    Cwd {
        /// The folder.
        cwd: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The system refuses to start it.
    #[error("`{}` cannot be started: {error}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It prints without end.
    #[error("the program was ended because it printed over {max} bytes {what}")]
    TooMuchOutput {
        /// Which limit: in one line, or in all.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// It did not end in time.
    #[error("`{}` did not end within {} s", program.display(), after.as_secs_f32())]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// How long it was waited for.
        after: Duration,
    },
    /// A pipe to it broke.
    #[error("cannot {doing}: {error}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

/// What to type for each program that an agent of ours is.
pub(crate) const INSTALLED_BY: [(&str, &str); 4] = [
    ("claude", "npm install -g @anthropic-ai/claude-code"),
    ("codex", "npm install -g @openai/codex"),
    ("opencode", "npm install -g opencode-ai"),
    ("pi", "npm install -g @earendil-works/pi-coding-agent"),
];

/// What to type, where this key of the settings names the program.
fn how_to_have(program: &Path, key: &str) -> String {
    let place = format!("`{key}` in your settings");
    // A path was written into the settings; a name is looked for in PATH.
    if program.components().count() > 1 {
        return format!("mend its path, {place}; `smol-wf config path` says where they are");
    }
    let known = INSTALLED_BY.iter().find(|(name, _)| Path::new(name) == program);
    let install = known.map_or("install it", |(_, command)| command);
    format!("{install}, or name its path as {place}; `smol-wf doctor` says what is missing")
}

impl ProcessError {
    /// Whether it only reads no more.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// As the provider tells it.
    #[expect(clippy::wrong_self_convention, reason = "the caller may still need the error")]
    pub(crate) fn into_provider_error(&self, provider: &str) -> ProviderError {
        self.naming(provider, "program")
    }

    /// The same where another key of the settings names its program.
    pub(crate) fn naming(&self, provider: &str, key: &str) -> ProviderError {
        let kind = match self {
            Self::NotFound { .. }
            | Self::NoProgram { .. }
            | Self::Cwd { .. }
            | Self::Spawn { .. } => ProviderErrorKind::Spawn,
            Self::TimedOut { .. } => ProviderErrorKind::Timeout,
            Self::TooMuchOutput { .. } | Self::Io { .. } => ProviderErrorKind::Failed,
        };
        let message = match self {
            Self::NotFound { program } => {
                format!("{self}: {}", how_to_have(program, key))
            }
            _ => self.to_string(),
        };
        ProviderError::new(provider, kind, message)
    }
}
