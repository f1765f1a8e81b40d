//! String literals of the libraries' source, without their tests.
//!
//! Owns: distinguishing literals from comments, characters and tests. Never: judges one.

use std::path::Path;

/// The libraries, which must not know the command line.
const LIBRARIES: [&str; 5] = ["core", "engine", "store", "providers", "sandbox"];

/// Each source file from `host/`, up to its tests.
pub(super) fn of_libraries() -> Vec<(String, String)> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for library in LIBRARIES {
        collect(&host.join(library).join("src"), &mut files);
    }
    assert!(files.len() > 200, "found only {}", files.len());
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let end = ["#[cfg(test)]\nmod tests {", "#[cfg(all(test"].map(|mark| text.find(mark));
        let end = end.into_iter().flatten().min().unwrap_or(text.len());
        (path.strip_prefix(host).unwrap().display().to_string(), text[..end].to_owned())
    };
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_test = [
            "tests",
            "tests.rs",
            "conformance",
            "conformance.rs",
            "replay_properties",
            "replay_properties.rs",
        ];
        if is_test.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

/// The literals of a source text, as they are written.
pub(super) fn of(text: &str) -> Vec<&str> {
    let mut literals = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = if rest.starts_with("//") {
            after(rest, "\n")
        } else if rest.starts_with("/*") {
            after(rest, "*/")
        } else if let Some((end, literal)) = raw(rest) {
            literals.push(literal);
            &rest[end..]
        } else if first == '"' {
            let length = quoted(&rest[1..]);
            literals.push(&rest[1..=length]);
            &rest[length + 2..]
        } else if first == '\'' {
            &rest[character(rest)..]
        } else if first.is_alphanumeric() || first == '_' {
            // Whole, so that an `r` at its end begins no raw text.
            rest.trim_start_matches(|one: char| one.is_alphanumeric() || one == '_')
        } else {
            &rest[first.len_utf8()..]
        };
    }
    literals
}

fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.find(mark).map_or("", |at| &text[at + mark.len()..])
}

/// `r"…"`, `r#"…"#`, `b"…"`, `br"…"`: where it ends, and what it holds.
fn raw(text: &str) -> Option<(usize, &str)> {
    let inner = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = inner.len() - inner.trim_start_matches('#').len();
    let body = inner[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close)?;
    Some((text.len() - body.len() + end + close.len(), &body[..end]))
}

/// Bytes of a text behind its first quote, without the last one.
fn quoted(body: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at,
            _ => {}
        }
    }
    panic!("a text without an end");
}

/// Bytes of a character, or of the mark of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => text[3..].find('\'').map_or(1, |at| 3 + at + 1),
        (Some((_, _)), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// Words like `--flag` in a literal.
pub(super) fn flags_in(literal: &str) -> impl Iterator<Item = &str> {
    literal.match_indices("--").filter_map(|(at, _)| {
        let name = &literal[at + 2..];
        let end = name.find(|one: char| !(one.is_ascii_lowercase() || one == '-'));
        let name = &name[..end.unwrap_or(name.len())];
        let is_flag = name.starts_with(|one: char| one.is_ascii_lowercase());
        is_flag.then(|| &literal[at..at + 2 + name.len()])
    })
}

#[test]
fn literals_are_distinguished_from_everything_else() {
    let text = r###"
        // "--comment" it's
        let a: &'static str = "one --fuel 3";
        let b = ('"', '\'', r#"two "x" "#, b"three", "fo\"ur \\");
        /* "five" */ bar("six")
    "###;
    let found = of(text);
    assert_eq!(found, ["one --fuel 3", "two \"x\" ", "three", "fo\\\"ur \\\\", "six"]);
    assert_eq!(flags_in(found[0]).collect::<Vec<_>>(), ["--fuel"]);
    assert_eq!(flags_in("a -- b ---c --max-agents=1").collect::<Vec<_>>(), ["--max-agents"]);
}
