//! Quoting of commands that people copy into a shell.
//!
//! Owns: the quoting. Never: runs a command, or decides what is typed.

use std::path::Path;

/// A path as a word for a POSIX shell; it is never taken for a flag.
#[must_use]
pub fn path(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let word = std::str::from_utf8(bytes).map_or_else(|_| escaped(bytes), word);
    match bytes.starts_with(b"-") {
        true => format!("./{word}"),
        false => word,
    }
}

/// A text as one word for a POSIX shell.
#[must_use]
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        return escaped(text.as_bytes());
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The `$'…'` form of bash, zsh and ksh, which keeps control characters and bytes that
/// are not UTF-8 on one line.
fn escaped(bytes: &[u8]) -> String {
    let mut word = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| escape(character, &mut word));
        chunk.invalid().iter().for_each(|byte| word.push_str(&format!("\\x{byte:02x}")));
    }
    word.push('\'');
    word
}

fn escape(character: char, word: &mut String) {
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

    #[test]
    fn a_path_is_never_taken_for_a_flag() {
        assert_eq!(path(Path::new("-rf")), "./-rf");
        assert_eq!(path(Path::new("-r f")), "./'-r f'");
        assert_eq!(path(Path::new("it's here/a.db")), r"'it'\''s here/a.db'");
    }

    #[test]
    #[cfg(unix)]
    fn a_path_that_is_not_text_keeps_its_bytes() {
        use std::os::unix::ffi::OsStrExt as _;
        let name = std::ffi::OsStr::from_bytes(b"b\xe9 a'");
        assert_eq!(path(Path::new(name)), r"$'b\xe9 a\''");
        let flag = std::ffi::OsStr::from_bytes(b"-rf\xff");
        assert_eq!(path(Path::new(flag)), r"./$'-rf\xff'");
    }
}
