//! What can be known of an agent's program without asking an agent anything.
//!
//! Owns: whether it is there, its version, and how its credentials are looked
//! for. Never: reads a credential's value beyond whether there is one.

use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::Probe;
use crate::drive::CliOptions;
use crate::process::{Environment, Input, Launch, ProcessError, Processes, ask};

/// For `--version`: a launcher may have to start an interpreter first, and one
/// program is 185 MB, on a disk that is cold. On a machine with ten times more to do
/// than it can, that took 20 s.
const VERSION_TIME: Duration = Duration::from_secs(60);

/// Longest version, with the commit and the platform that some put into it.
const VERSION_BYTES_MAX: usize = 64;

/// Longest configuration file that is looked into.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Which program, and how one logs in.
pub(crate) struct Program<'a> {
    pub(crate) provider: &'a str,
    pub(crate) name: &'a str,
    /// What to type to get it.
    pub(crate) install: &'a str,
    /// The first version that can be driven, where that is known.
    pub(crate) oldest: Option<&'a str>,
    /// What to type when it has no credentials.
    pub(crate) login: &'a str,
}

/// Looks for the program, asks it for its version, and says whether it has
/// credentials; none when that cannot be told.
pub(crate) async fn look(
    processes: &Processes,
    program: Program<'_>,
    options: &CliOptions,
    environment: Environment,
    logged_in: Option<bool>,
) -> Probe {
    let path = match options.find(program.name) {
        Ok(path) => path,
        Err(error) => {
            let problem = match error {
                ProcessError::NotFound { program: named } => {
                    format!("`{}` is not installed: {}", named.display(), program.install)
                }
                other => other.to_string(),
            };
            return Probe { program: None, version: None, logged_in: None, problem: Some(problem) };
        }
    };
    let launch = Launch {
        provider: program.provider.to_owned(),
        program: path.clone(),
        args: vec!["--version".into()],
        cwd: std::env::temp_dir(),
        env: environment,
        input: Input::None,
        presence: None,
    };
    let (version, mut broken) = match ask(processes, launch, VERSION_TIME).await {
        Ok((exit, text)) if exit.code == Some(0) => (version_in(&text), None),
        Ok((exit, text)) => {
            let said = crate::cause::without_warnings(&exit.stderr_tail);
            let said = if said.is_empty() { text } else { said };
            let how = exit.in_words();
            let line = crate::drive::shorten(&said);
            (None, Some(format!("`{} --version` fails ({how}): {line}", path.display())))
        }
        Err(error) => (None, Some(error.to_string())),
    };
    if let (Some(version), Some(oldest)) = (&version, program.oldest)
        && is_older(version, oldest)
    {
        let (path, install) = (path.display(), program.install);
        broken = Some(format!(
            "`{path}` is version {version}, and {oldest} is the oldest that can be driven: {install}"
        ));
    }
    let login = (logged_in == Some(false)).then(|| format!("not logged in: {}", program.login));
    Probe { program: Some(path), version, logged_in, problem: broken.or(login) }
}

/// The same without the version, for which a program has to be started.
pub(crate) fn glance(name: &str, options: &CliOptions, logged_in: Option<bool>) -> Probe {
    let program = options.find(name).ok();
    Probe { program, version: None, logged_in, problem: None }
}

/// The first word that starts with a digit, unless it is too long for one.
fn version_in(text: &str) -> Option<String> {
    let mut words = text.split_whitespace().map(|word| word.trim_start_matches('v'));
    let found = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    (found.len() <= VERSION_BYTES_MAX).then(|| found.to_owned())
}

/// Whether a version comes before another: by its numbers, as far as both have
/// them. What cannot be read is not older.
fn is_older(version: &str, than: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].split('.').map(|number| number.parse().ok()).collect()
    };
    matches!((numbers(version), numbers(than)), (Some(version), Some(than)) if version < than)
}

/// A variable as the agent's program will find it, unless it is empty.
pub(crate) fn variable(options: &CliOptions, name: &str) -> Option<String> {
    let value = options.env.get(name).cloned().or_else(|| std::env::var(name).ok());
    value.filter(|value| !value.is_empty())
}

/// The agent's own folder: where a variable says, else below the user's home.
pub(crate) fn folder(options: &CliOptions, name: &str, below_home: &str) -> Option<PathBuf> {
    match variable(options, name) {
        Some(path) => Some(path.into()),
        None => Some(PathBuf::from(variable(options, "HOME")?).join(below_home)),
    }
}

/// A small JSON file, when it is there and reads.
pub(crate) fn json(path: &Path) -> Option<Value> {
    serde_json::from_str(&text(path)?).ok()
}

/// Whether something is said there, and not left empty.
pub(crate) fn says(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    }
}

/// A file was found, and cannot be read as what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// A small text file, when it is there and reads.
pub(crate) fn text(path: &Path) -> Option<String> {
    text_or_nothing(path).ok().flatten()
}

/// A small text file without its byte order mark; none where there is nothing. Some are in the folder that an
/// agent works in, which may hold pipes and devices under their names.
pub(crate) fn text_or_nothing(path: &Path) -> Result<Option<String>, Unreadable> {
    let mut opening = std::fs::OpenOptions::new();
    opening.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        opening.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }
    let file = match opening.open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(_) => return Err(Unreadable),
    };
    let is_small = |meta: Metadata| meta.is_file() && meta.len() <= FILE_BYTES_MAX;
    if !file.metadata().is_ok_and(is_small) {
        return Err(Unreadable);
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|_| Unreadable)?;
    Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

/// The values of a flag among arguments of the user's: `--long V`, `--long=V`, and
/// of a short one `-s V`, `-sV` and `-s=V`.
pub(crate) fn values_of<'a>(args: &'a [String], long: &str, short: Option<&str>) -> Vec<&'a str> {
    let mut values = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == long || short.is_some_and(|short| arg == short) {
            values.extend(rest.next().map(String::as_str));
        } else if let Some(value) = arg.strip_prefix(long).and_then(|it| it.strip_prefix('=')) {
            values.push(value);
        } else if let Some(value) = short.and_then(|short| arg.strip_prefix(short)) {
            values.push(value.strip_prefix('=').unwrap_or(value));
        }
    }
    values
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
    #[cfg(target_os = "linux")]
    fn only_small_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zeroes")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(made.success());
        std::fs::File::create(at("sparse")).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        assert_eq!(text(&at("file")).as_deref(), Some("text"));
        assert_eq!(text(&at("link")).as_deref(), Some("text"));
        std::fs::write(at("marked"), "\u{feff}text").unwrap();
        assert_eq!(text(&at("marked")).as_deref(), Some("text"));
        for name in ["zeroes", "pipe", "sparse", "."] {
            assert_eq!(text_or_nothing(&at(name)), Err(Unreadable), "{name}");
        }
        for name in ["nothing", "file/below"] {
            assert_eq!(text_or_nothing(&at(name)), Ok(None), "{name}");
        }
    }

    #[test]
    fn a_flag_of_the_user_s_is_found_however_it_is_written() {
        let args = "--profile a x --profile=b -p c -pd -p=e --profiles f -p";
        let args: Vec<String> = args.split(' ').map(str::to_owned).collect();
        assert_eq!(values_of(&args, "--profile", Some("-p")), ["a", "b", "c", "d", "e"]);
        assert_eq!(values_of(&args, "--profile", None), ["a", "b"]);
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
