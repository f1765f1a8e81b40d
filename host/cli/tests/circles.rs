//! No circles of files: what a file imports does not lead back to it, but for
//! a few files of one folder that belong together.
//!
//! Owns: reading `use` and paths of every library, following re-exports to the
//! file that holds the name. Never: runs anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Most files that may need each other.
const FILES_MAX: usize = 4;

/// Rooms without larger circles, and without any across folders.
const ROOMS: [&str; 6] = ["cli", "core", "engine", "providers", "sandbox", "store"];

#[test]
fn files_do_not_need_each_other_in_circles() {
    let mut wrong = Vec::new();
    for room in ROOMS {
        let library = Library::read(&root().join("host").join(room).join("src"));
        assert!(library.modules.len() > 5, "host/{room}: {} files", library.modules.len());
        for circle in circles(&library.edges()) {
            let folders: BTreeSet<_> = circle.iter().map(|file| library.folder(file)).collect();
            if circle.len() > FILES_MAX || folders.len() > 1 {
                let names: Vec<String> = circle.iter().map(|file| file.join("::")).collect();
                wrong.push(format!("host/{room}: {}: {}", circle.len(), names.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "circles of files:\n{}", wrong.join("\n"));
}

#[test]
fn a_circle_is_found_through_a_re_export_and_a_path() {
    let library = Library::of([
        ("", "mod a; mod b; mod c; pub use b::Two;"),
        ("a", "use crate::{Two, c::Three as Other}; /* use crate::d; */"),
        ("b", "fn two() { let _ = crate::a::one(); }"),
        ("c", "pub struct Three; #[cfg(test)]\nmod tests { use crate::a; }"),
    ]);
    let [a, b] = ["a", "b"].map(|name| vec![name.to_owned()]);
    assert_eq!(circles(&library.edges()), [BTreeSet::from([a, b])]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// A module that has a file, by its path from the crate's root.
type Module = Vec<String>;

#[derive(Default)]
struct Library {
    modules: BTreeMap<Module, Source>,
}

/// What a file says of others.
#[derive(Default)]
struct Source {
    /// Names that stand for paths here, and whether they are for others.
    imports: Vec<Import>,
    /// Paths in the code.
    paths: Vec<Vec<String>>,
}

struct Import {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

impl Library {
    fn read(folder: &Path) -> Self {
        let mut files = Vec::new();
        collect(folder, &mut files);
        Self::of(files.iter().map(|file| {
            let name = file.strip_prefix(folder).unwrap().with_extension("");
            let name = name.to_str().unwrap().replace('/', "::");
            let name = name.strip_suffix("::mod").unwrap_or(&name);
            let name = if matches!(name, "lib" | "main") { "" } else { name };
            (name.to_owned(), std::fs::read_to_string(file).unwrap())
        }))
    }

    fn of<N: AsRef<str>, T: AsRef<str>>(files: impl IntoIterator<Item = (N, T)>) -> Self {
        let mut library = Self::default();
        for (name, text) in files {
            let module = name.as_ref().split("::").filter(|part| !part.is_empty());
            let source = Source::read(&words(text.as_ref()));
            library.modules.insert(module.map(str::to_owned).collect(), source);
        }
        library
    }

    /// Where a file belongs: `a.rs` with a folder `a` belongs to that.
    fn folder(&self, module: &Module) -> Module {
        let is_folder = self.modules.keys().any(|other| {
            other.len() > module.len() && other.starts_with(module) && !module.is_empty()
        });
        let above = module.len().saturating_sub(1);
        if is_folder { module.clone() } else { module[..above].to_vec() }
    }

    fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut edges = BTreeMap::new();
        for (module, source) in &self.modules {
            // What is only handed on is no need of this file's own.
            let imports = source.imports.iter().filter(|import| !import.is_public);
            let paths = imports.map(|import| &import.path).chain(&source.paths);
            let to = paths.filter_map(|path| self.file_of(module, path, 0));
            let to = to.filter(|to| to != module && !to.is_empty()).collect();
            if !module.is_empty() {
                edges.insert(module.clone(), to);
            }
        }
        edges
    }

    /// The file that holds what a path names; none for one of another crate.
    fn file_of(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let mut at = from.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while let Some((first, others)) = rest.split_first()
                    && first == "super"
                {
                    at.pop();
                    rest = others;
                }
            }
            first if !self.modules.contains_key(&child(&at, first)) => return None,
            _ => {}
        }
        while let Some((first, others)) = rest.split_first() {
            let below = child(&at, first);
            if !self.modules.contains_key(&below) {
                break;
            }
            at = below;
            rest = others;
        }
        let named = rest.first().and_then(|name| {
            let imports = &self.modules.get(&at)?.imports;
            imports.iter().find(|import| import.name == *name)
        });
        let elsewhere = named.filter(|_| depth < 8).map(|import| {
            let mut path = import.path.clone();
            path.extend(rest[1..].iter().cloned());
            self.file_of(&at, &path, depth + 1)
        });
        match elsewhere {
            Some(found) => found,
            None => self.modules.contains_key(&at).then_some(at),
        }
    }
}

fn child(module: &Module, name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

impl Source {
    fn read(words: &[String]) -> Self {
        let mut source = Self::default();
        let mut index = 0;
        while index < words.len() {
            if words[index] == "#"
                && words[index..]
                    .starts_with(&["#", "[", "cfg", "(", "test", ")", "]"].map(String::from))
                && words.get(index + 7).is_some_and(|word| word == "mod")
            {
                break;
            }
            if words[index] == "use" {
                let end = words[index..].iter().position(|word| word == ";").unwrap_or(1);
                let is_public = index > 0 && matches!(words[index - 1].as_str(), "pub" | ")");
                let mut tree = words[index + 1..index + end].iter();
                source.import(&mut tree, &[], is_public);
                index += end;
                continue;
            }
            let is_begin = index == 0 || words[index - 1] != "::";
            if is_begin && words.get(index + 1).is_some_and(|word| word == "::") {
                let mut path = vec![words[index].clone()];
                while words.get(index + 1).is_some_and(|word| word == "::")
                    && words.get(index + 2).is_some_and(|word| is_name(word))
                {
                    index += 2;
                    path.push(words[index].clone());
                }
                source.paths.push(path);
            }
            index += 1;
        }
        source
    }

    /// Reads one tree of a `use`, behind `before`; true when another one follows
    /// it.
    fn import<'a>(
        &mut self,
        tree: &mut impl Iterator<Item = &'a String>,
        before: &[String],
        is_public: bool,
    ) -> bool {
        let mut path = before.to_vec();
        let mut name = None;
        let mut is_group = false;
        let mut follows = false;
        while let Some(word) = tree.next() {
            match word.as_str() {
                "::" => {}
                "{" => {
                    is_group = true;
                    while self.import(tree, &path, is_public) {}
                }
                "}" => break,
                "," => {
                    follows = true;
                    break;
                }
                "as" => name = tree.next().cloned(),
                "self" if !path.is_empty() => {}
                _ => path.push(word.clone()),
            }
        }
        if !is_group && path.len() > before.len()
            || (!is_group && path == before && !path.is_empty())
        {
            let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
            self.imports.push(Import { name, path, is_public });
        }
        follows
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::` and single signs of a source text; no comments and no literals.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = literal(rest) {
            length
        } else if is_name(rest) {
            let end = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_');
            let end = end.unwrap_or(rest.len());
            words.push(rest[..end].to_owned());
            end
        } else if rest.starts_with("::") {
            words.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                words.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

/// Length of the literal that a text begins with.
fn literal(text: &str) -> Option<usize> {
    let raw = text.trim_start_matches(['b', 'r']);
    let prefix = text.len() - raw.len();
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if prefix > 0 && text[..prefix].contains('r') && raw[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let body = prefix + hashes + 1;
        return Some(text[body..].find(&end).map_or(text.len(), |at| body + at + end.len()));
    }
    let quote = raw.chars().next().filter(|sign| matches!(sign, '"' | '\'') && prefix <= 1)?;
    let mut is_escaped = false;
    for (count, (at, sign)) in raw.char_indices().skip(1).enumerate() {
        // A lifetime, not a character.
        if quote == '\'' && !is_escaped && count == 1 && sign != '\'' && !raw[1..].starts_with('\\')
        {
            return None;
        }
        match sign {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if sign == quote => return Some(prefix + at + 1),
            _ => {}
        }
    }
    None
}

/// Files of which each leads to each other.
fn circles(edges: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<BTreeSet<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        edges.keys().map(|from| (from, reach(from, edges))).collect();
    let mut circles: Vec<BTreeSet<Module>> = Vec::new();
    for (from, to) in &reached {
        if to.contains(from) && !circles.iter().any(|circle| circle.contains(*from)) {
            let back = to.iter().filter(|other| reached[*other].contains(from));
            circles.push(back.map(|other| (*other).clone()).collect());
        }
    }
    circles
}

fn reach<'a>(from: &Module, edges: &'a BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = edges[from].iter().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(edges.get(next).into_iter().flatten());
        }
    }
    reached
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}
