//! The agent's own configuration: its variables, files and flags.
//!
//! Owns: reading them within bounds. Never: writes one, or keeps a secret's value.

use std::fs::Metadata;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::options::CliOptions;

/// Longest configuration file that is read.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A variable as the agent's program will see it; none when it is empty.
pub(crate) fn variable(options: &CliOptions, name: &str) -> Option<String> {
    let value = options.env.get(name).cloned().or_else(|| std::env::var(name).ok());
    value.filter(|value| !value.is_empty())
}

/// The agent's own folder: the value of a variable, or a path below the user's home.
pub(crate) fn folder(options: &CliOptions, name: &str, below_home: &str) -> Option<PathBuf> {
    match variable(options, name) {
        Some(path) => Some(path.into()),
        None => Some(PathBuf::from(variable(options, "HOME")?).join(below_home)),
    }
}

/// The content of a small JSON file; none when it is missing or unreadable.
pub(crate) fn json(path: &Path) -> Option<Value> {
    serde_json::from_str(&text(path)?).ok()
}

/// Whether a value is a text or an object that is not empty.
pub(crate) fn says(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    }
}

/// A file exists, and is not a small readable text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// The content of a small text file; none when it is missing or unreadable.
pub(crate) fn text(path: &Path) -> Option<String> {
    text_or_nothing(path).ok().flatten()
}

/// The content of a small text file, without its byte order mark; none when there is
/// no such file. Some of these files are in an agent's working directory, which may
/// hold pipes and devices under their names.
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

/// The values of a flag in the user's arguments: `--long V` and `--long=V`, and for
/// a short flag `-s V`, `-sV` and `-s=V`.
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
}
