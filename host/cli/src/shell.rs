//! Commands that a reader is to copy into a shell.
//!
//! Owns: quoting. Never: runs anything.

/// A word as a POSIX shell reads it back.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_same_word() {
        assert_eq!(word("a/b-c.mjs"), "a/b-c.mjs");
        assert_eq!(word(""), "''");
        assert_eq!(word(r#"{"a":"it's $x"}"#), r#"'{"a":"it'\''s $x"}'"#);
    }
}
