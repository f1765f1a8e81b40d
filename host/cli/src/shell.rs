//! Commands that a reader is to copy into a shell.
//!
//! Owns: quoting, and the database that this command line has named. Never: runs
//! anything.

use std::path::Path;
use std::sync::OnceLock;

/// What a command has to say to find the same database: nothing where it is found
/// without.
static DATABASE: OnceLock<String> = OnceLock::new();

/// `--db` was given.
pub(crate) fn database_is(path: &Path) {
    // Once for a process: it has one command line.
    let _ = DATABASE.set(format!(" --db {}", self::path(path)));
}

/// ` --db FILE` for a command to type, or nothing.
pub(crate) fn with_database() -> &'static str {
    DATABASE.get().map_or("", String::as_str)
}

/// A path as a POSIX shell reads it back.
pub(crate) fn path(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// A word as a POSIX shell reads it back.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        return escaped(text);
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A word with control characters on one line, as bash, zsh and ksh read it.
fn escaped(text: &str) -> String {
    let mut word = String::from("$'");
    for character in text.chars() {
        match character {
            '\n' => word.push_str("\\n"),
            '\r' => word.push_str("\\r"),
            '\t' => word.push_str("\\t"),
            '\\' | '\'' => {
                word.push('\\');
                word.push(character);
            }
            other if other.is_control() => {
                let mut bytes = [0; 4];
                for byte in other.encode_utf8(&mut bytes).bytes() {
                    word.push_str(&format!("\\x{byte:02x}"));
                }
            }
            other => word.push(other),
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_same_word() {
        assert_eq!(word("a/b-c.mjs"), "a/b-c.mjs");
        assert_eq!(word(""), "''");
        assert_eq!(word("a\n::error::b's\u{1b}"), r"$'a\n::error::b\'s\x1b'");
        assert_eq!(word(r#"{"a":"it's $x"}"#), r#"'{"a":"it'\''s $x"}'"#);
    }
}
