//! What can be known of an agent's program without asking an agent anything.
//!
//! Owns: where the program is, and its version. Never: reaches a model.

use std::path::Path;
use std::time::Duration;

use super::detail::shorten;
use super::options::CliOptions;
use crate::Probe;
use crate::process::{Environment, Input, Launch, ProcessError, Processes, ask};

/// Limit for `--version`. A launcher may have to start an interpreter first, and one
/// program is 185 MB on a disk that is cold: on a machine with ten times the load
/// that it can bear, that took 20 s.
const VERSION_TIME: Duration = Duration::from_secs(60);

/// Longest version, with the commit and the platform that some put into it.
const VERSION_BYTES_MAX: usize = 64;

/// An agent's program, how it is installed, and how its user logs in.
pub(crate) struct AgentProgram {
    /// The provider that drives it.
    pub(crate) provider: &'static str,
    /// Its command, as found on `PATH`.
    pub(crate) command: &'static str,
    /// The command that installs it.
    pub(crate) install: &'static str,
    /// The oldest version that the provider can drive, where one is known.
    pub(crate) oldest: Option<&'static str>,
    /// What to do when it has no credentials.
    pub(crate) login: &'static str,
}

impl AgentProgram {
    /// Finds the program and asks it for its version. `logged_in` says whether it has
    /// credentials, none when that is unknown.
    pub(crate) async fn probe(
        &self,
        processes: &Processes,
        options: &CliOptions,
        environment: Environment,
        logged_in: Option<bool>,
    ) -> Probe {
        let path = match options.find(self.command) {
            Ok(path) => path,
            Err(error) => {
                let problem = match error {
                    ProcessError::NotFound { program } => {
                        format!("`{}` is not installed: {}", program.display(), self.install)
                    }
                    other => other.to_string(),
                };
                return Probe { problem: Some(problem), ..Probe::UNKNOWN };
            }
        };
        let (version, mut problem) = self.version(processes, &path, environment).await;
        if let (Some(version), Some(oldest)) = (&version, self.oldest)
            && is_older(version, oldest)
        {
            let (path, install) = (path.display(), self.install);
            problem = Some(format!(
                "`{path}` is version {version}, and {oldest} is the oldest that can be driven: {install}"
            ));
        }
        let login = (logged_in == Some(false)).then(|| format!("not logged in: {}", self.login));
        let program = Some(path);
        Probe { program, version, logged_in, problem: problem.or(login), missing: None }
    }

    /// What `--version` prints, or why there is no version.
    async fn version(
        &self,
        processes: &Processes,
        path: &Path,
        env: Environment,
    ) -> (Option<String>, Option<String>) {
        let launch = Launch {
            provider: self.provider.to_owned(),
            program: path.to_owned(),
            args: vec!["--version".into()],
            cwd: std::env::temp_dir(),
            env,
            input: Input::None,
            presence: None,
        };
        match ask(processes, launch, VERSION_TIME).await {
            Ok((exit, text)) if exit.code == Some(0) => (version_in(&text), None),
            Ok((exit, text)) => {
                let said = crate::cause::without_warnings(&exit.stderr_tail);
                let said = if said.is_empty() { text } else { said };
                let (path, how, line) = (path.display(), exit.in_words(), shorten(&said));
                (None, Some(format!("`{path} --version` fails ({how}): {line}")))
            }
            Err(error) => (None, Some(error.to_string())),
        }
    }

    /// The same without the version, which takes starting the program.
    pub(crate) fn glance(&self, options: &CliOptions, logged_in: Option<bool>) -> Probe {
        let program = options.find(self.command).ok();
        Probe { program, logged_in, ..Probe::UNKNOWN }
    }
}

/// The first word that starts with a digit, unless it is too long for a version.
fn version_in(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    let found = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    (found.len() <= VERSION_BYTES_MAX).then(|| found.to_owned())
}

/// Whether a version comes before another, by the numbers that both have. A version
/// that cannot be read is not older.
fn is_older(version: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].split('.').map(|number| number.parse().ok()).collect()
    };
    matches!((numbers(version), numbers(than)), (Some(version), Some(than)) if version < than)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, older) in [
            ("2.1.258", true),
            ("2.0.999", true),
            ("1.9", true),
            ("2.1.259", false),
            ("2.1.259-beta.1", false),
            ("2.1.1000", false),
            ("3", false),
            ("nightly", false),
        ] {
            assert_eq!(is_older(version, "2.1.259"), older, "{version}");
        }
    }

    #[test]
    fn versions_are_found_in_what_programs_print() {
        let cases = [
            ("2.1.330 (Claude Code)\n", Some("2.1.330")),
            ("codex-cli 0.169.0\n", Some("0.169.0")),
            ("v1.5.2", Some("1.5.2")),
            ("no version", None),
            (&"9".repeat(65), None),
        ];
        for (text, version) in cases {
            assert_eq!(version_in(text).as_deref(), version);
        }
    }
}
