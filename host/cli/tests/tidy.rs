//! The shape of the project: which room may use which, and how long a file is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest source file without a reason here.
const LINES_MAX: usize = 500;

/// Files that are longer, and why.
const LONGER: [(&str, &str); 2] = [
    ("host/engine/tests/library.rs", "a corpus of escapes"),
    ("guest/packager/tests/behaviour.rs", "a table of scripts"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// The rooms, and which of them each may use; `docs/architecture.md` says why.
fn may_use() -> BTreeMap<&'static str, (&'static [&'static str], &'static [&'static str])> {
    // Room: (rooms it may use, packages it must not).
    BTreeMap::from([
        ("core", (&[][..], &["tokio", "wasmtime", "rusqlite", "clap", "cap-std"][..])),
        ("sandbox", (&["core"][..], &["rusqlite", "clap", "tokio"][..])),
        ("store", (&["core"][..], &["wasmtime", "clap", "tokio"][..])),
        ("providers", (&["core"][..], &["wasmtime", "rusqlite", "clap"][..])),
        (
            "engine",
            (&["core", "sandbox", "providers", "store"][..], &["clap", "rusqlite", "wasmtime"][..]),
        ),
        ("cli", (&["core", "engine"][..], &["rusqlite", "wasmtime"][..])),
    ])
}

#[test]
fn rooms_use_only_what_they_may() {
    for (room, (rooms, banned)) in may_use() {
        let manifest =
            std::fs::read_to_string(root().join("host").join(room).join("Cargo.toml")).unwrap();
        let uses = dependencies(&manifest);
        for name in &uses {
            if let Some(other) = name.strip_prefix("smol-wf-") {
                assert!(rooms.contains(&other), "host/{room} uses host/{other}");
            }
            assert!(!banned.contains(&name.as_str()), "host/{room} uses {name}");
        }
    }
}

/// Each crate that ships has the lints against panics in its root, because there
/// they leave out tests, which are crates of their own.
#[test]
fn what_ships_is_linted_against_panics() {
    for room in may_use().keys() {
        let root = root().join("host").join(room).join("src");
        let root = [root.join("lib.rs"), root.join("main.rs")].map(std::fs::read_to_string);
        let text = root.into_iter().flatten().next().unwrap();
        let lints = text.split("#![warn(").nth(1).and_then(|rest| rest.split(")]").next());
        for lint in ["expect_used", "panic", "print_stderr", "print_stdout", "unwrap_used"] {
            let lint = format!("clippy::{lint}");
            assert!(lints.is_some_and(|lints| lints.contains(&lint)), "host/{room} lacks {lint}");
        }
    }
}

/// Names in the `[dependencies]` table.
fn dependencies(manifest: &str) -> Vec<String> {
    let table = manifest.split("[dependencies]").nth(1).unwrap();
    table
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_file_is_too_long_and_each_says_what_it_owns() {
    let mut files = Vec::new();
    for folder in ["host", "guest/src", "guest/packager/src", "guest/packager/tests"] {
        collect(&root().join(folder), &mut files);
    }
    assert!(files.len() > 60, "found only {}", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let lines = text.lines().count();
        let excused = LONGER.iter().any(|(longer, _)| *longer == name);
        assert!(lines <= LINES_MAX || excused, "{name} has {lines} lines");
        assert!(text.starts_with("//!"), "{name} does not say what it owns");
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}
