//! The imports at the top of a file.
//!
//! Owns: finding them with their attributes and positions, and which specifiers may be
//! imported. Never: resolves or opens a file. Reports no doubtful case: what this reader
//! does not see, the guest refuses.

use std::fmt::Write;

use super::lexer::{Kind, Lexer, Token};
use crate::near;

/// Endings of modules of code.
const MODULE_ENDINGS: [&str; 4] = [".js", ".mjs", ".ts", ".mts"];

/// The ending of modules of data.
const JSON_ENDING: &str = ".json";

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// What it imports, as written.
    pub specifier: String,
    /// Byte offset of the specifier's first quote.
    pub at: usize,
    /// Whether it says `with { type: 'json' }`.
    pub as_json: bool,
    /// The names that it takes, with their byte offsets.
    pub names: Vec<(String, usize)>,
}

/// The imports of this text from files, in order. Those of `workflow:…` are left out.
#[must_use]
pub fn imports(text: &str) -> Vec<Import> {
    let mut found = all_imports(text);
    found.retain(|import| !import.specifier.starts_with("workflow:"));
    found
}

/// All imports of this text, in order.
pub(super) fn all_imports(text: &str) -> Vec<Import> {
    let mut found = Vec::new();
    // Most scripts import nothing.
    if !text.contains("import") && !text.contains("from") {
        return found;
    }
    let mut lexer = Lexer::new(text);
    let mut before = None;
    while let Ok(token) = lexer.next() {
        if token.kind == Kind::End {
            break;
        }
        let is_member = before.replace(token).is_some_and(|dot| is(&lexer, dot, "."));
        let begins = token.kind == Kind::Word && lexer.depth() == 0 && !is_member;
        let mut names = Vec::new();
        let specifier = match lexer.text(token) {
            "import" if begins => behind_import(&mut lexer, &mut names),
            "export" if begins => behind_export(&mut lexer, &mut names),
            _ => None,
        };
        let Some(specifier) = specifier else { continue };
        before = Some(specifier);
        let name = lexer.text(specifier).trim_matches(['\'', '"']).to_owned();
        let as_json = says_json(&mut lexer);
        found.push(Import { specifier: name, at: specifier.start, as_json, names });
    }
    found
}

fn is(lexer: &Lexer<'_>, token: Token, text: &str) -> bool {
    token.kind != Kind::Text && lexer.text(token) == text
}

/// Takes the next token if it is this one.
fn take(lexer: &mut Lexer<'_>, text: &str) -> Option<Token> {
    let next = lexer.peek().ok()?;
    if !is(lexer, next, text) {
        return None;
    }
    lexer.next().ok()
}

fn take_text(lexer: &mut Lexer<'_>) -> Option<Token> {
    let next = lexer.peek().ok()?;
    if next.kind != Kind::Text {
        return None;
    }
    lexer.next().ok()
}

/// The specifier behind `import`; none for `import(…)` and `import.meta`.
fn behind_import(lexer: &mut Lexer<'_>, names: &mut Vec<(String, usize)>) -> Option<Token> {
    if let Some(bare) = take_text(lexer) {
        return Some(bare);
    }
    let first = lexer.peek().ok()?;
    if first.kind == Kind::Word {
        names.push(("default".to_owned(), first.start));
    }
    from_clause(lexer, names)
}

/// The specifier behind `export … from`; none for other exports.
fn behind_export(lexer: &mut Lexer<'_>, names: &mut Vec<(String, usize)>) -> Option<Token> {
    let next = lexer.peek().ok()?;
    if is(lexer, next, "*") || is(lexer, next, "{") { from_clause(lexer, names) } else { None }
}

/// What may come next in a clause.
#[derive(Clone, Copy, PartialEq)]
enum Expects {
    /// A default name, a list or `*`.
    Clause,
    /// `,` or `from`, behind a default name.
    Comma,
    /// A list or `*`, behind `,`.
    Part,
    /// A name in braces; `true` for the one that is imported, not the name that it gets.
    List(bool),
    /// `as` or `from`, behind `*`.
    As,
    /// A name, behind `as`.
    Alias,
    From,
}

/// Reads names and braces up to `from` and the specifier behind it. What does not belong to
/// it is not taken: a semicolon may have been left out.
fn from_clause(lexer: &mut Lexer<'_>, names: &mut Vec<(String, usize)>) -> Option<Token> {
    use Expects::{Alias, As, Clause, Comma, From, List, Part};
    let mut expects = Clause;
    loop {
        let next = lexer.peek().ok()?;
        let text = lexer.text(next);
        expects = match (expects, next.kind, text) {
            (Clause | Part, Kind::Mark, "{") => List(true),
            (Clause | Part, Kind::Mark, "*") => As,
            (Clause, Kind::Word, _) => Comma,
            (Comma, Kind::Mark, ",") => Part,
            (As, Kind::Word, "as") => Alias,
            (Alias, Kind::Word | Kind::Text, _) => From,
            (Comma | As | From, Kind::Word, "from") => {
                lexer.next().ok()?;
                return take_text(lexer);
            }
            (List(_), Kind::Mark, "}") => From,
            (List(_), Kind::Mark, ",") => List(true),
            (List(is_taken), Kind::Word | Kind::Text, name) => {
                if is_taken {
                    names.push((name.trim_matches(['\'', '"']).to_owned(), next.start));
                }
                List(false)
            }
            _ => return None,
        };
        lexer.next().ok()?;
    }
}

/// Whether `with { type: 'json' }` follows.
fn says_json(lexer: &mut Lexer<'_>) -> bool {
    let mut read = || {
        take(lexer, "with")?;
        take(lexer, "{")?;
        let key = lexer.next().ok()?;
        let is_type = lexer.text(key).trim_matches(['\'', '"']) == "type";
        take(lexer, ":")?;
        let value = take_text(lexer)?;
        let is_json = lexer.text(value).trim_matches(['\'', '"']) == "json";
        take(lexer, ",");
        take(lexer, "}")?;
        Some(is_type && is_json)
    };
    read().unwrap_or(false)
}

impl Import {
    /// Why this cannot be imported, whatever files there are.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let name = &self.specifier;
        let cannot = format!("cannot import `{name}`");
        if !name.starts_with(['.', '/']) && near::nearest(name, ["workflow:extra"]).is_some() {
            return Some(format!("{cannot}: did you mean `workflow:extra`?"));
        }
        if name.contains('\\') {
            return Some(format!("{cannot}: the parts of a path are separated by `/`"));
        }
        if name.starts_with('.') && name.contains("//") {
            // Otherwise one file would be loaded under two names.
            return Some(format!("{cannot}: one `/` separates the parts of a path"));
        }
        if name.starts_with('/') || name.contains("://") || name.starts_with("file:") {
            return Some(format!(
                "{cannot}: a script imports files of its own project, by a path that begins with `./` or `../`"
            ));
        }
        if name.starts_with("node:") {
            return Some(format!(
                "{cannot}: a workflow runs in a sandbox, where no module of Node is; ask an agent to read files and run commands"
            ));
        }
        if !name.starts_with("./") && !name.starts_with("../") {
            return Some(format!("{cannot}: {}", bundled(name)));
        }
        let is_json = name.ends_with(JSON_ENDING);
        if is_json && !self.as_json {
            return Some(format!(
                "{cannot}: of JSON, say so: `import data from '{name}' with {{ type: 'json' }}`"
            ));
        }
        if !is_json && self.as_json {
            return Some(format!("{cannot}: with `type: 'json'` the file must end in .json"));
        }
        if !is_json && !MODULE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            return Some(format!(
                "{cannot}: write the whole name of the file, with .js, .mjs, .ts, .mts or .json at its end"
            ));
        }
        None
    }
}

/// How to import a package of npm.
fn bundled(package: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@/._-".contains(c);
    if !package.chars().all(plain) || package.is_empty() {
        return "a path begins with `./` or `../`".to_owned();
    }
    let file: String =
        package.trim_start_matches('@').replace('/', "-").chars().filter(|c| *c != '@').collect();
    format!(
        "packages of npm are bundled first: echo \"export * from '{package}'\" | npx esbuild --bundle --format=esm --outfile={file}.mjs, and then import './{file}.mjs'"
    )
}

/// The module that exports this JSON.
///
/// # Errors
/// The parser's message and the byte offset, when it is not JSON.
pub fn json_module(text: &str) -> Result<String, (usize, String)> {
    let whole = text.len();
    // Some editors begin a file with a mark that JSON does not know.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let start = whole - text.len() + lines.map(str::len).sum::<usize>();
        return Err((start + error.column().saturating_sub(1), error.to_string()));
    }
    Ok(format!("export default {}", with_own_keys(text)))
}

/// JSON as an expression. A key `__proto__` would be no key there, unless in brackets.
fn with_own_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, quoted)) = rest.split_once('"') {
        out.push_str(before);
        let mut escaped = false;
        let end = quoted.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let Some((string, behind)) = end.and_then(|end| quoted.split_at_checked(end)) else {
            break;
        };
        let behind = behind.get(1..).unwrap_or_default();
        let is_key = behind.trim_start().starts_with(':');
        let may_be = is_key && (string == "__proto__" || string.contains('\\'));
        let _ = match may_be {
            true => write!(out, "[\"{string}\"]"),
            false => write!(out, "\"{string}\""),
        };
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The path from the project that a specifier means in a file of this path; none if it
/// leads out of the project.
#[must_use]
pub fn resolve(importer: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The path of a file relative to the folder of a script; both are paths from the project.
#[must_use]
pub fn relative_to(script: &str, path: &str) -> String {
    let folder: Vec<&str> = script.split('/').collect();
    let folder = folder.split_last().map_or(&[][..], |(_, folder)| folder);
    let parts: Vec<&str> = path.split('/').collect();
    let common = folder.iter().zip(&parts).take_while(|(one, two)| one == two).count();
    let up = std::iter::repeat_n("..", folder.len() - common);
    up.chain(parts.into_iter().skip(common)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        imports(text).into_iter().map(|import| import.specifier).collect()
    }

    #[test]
    fn imports_are_found_in_every_form() {
        for (text, names) in [
            ("import './a.js'", vec!["./a.js"]),
            ("import a from './a.js'; import * as b from \"./b.ts\"", vec!["./a.js", "./b.ts"]),
            ("import a, { b as c, 'd e' as f } from './a.js'", vec!["./a.js"]),
            ("import from from './a.js'", vec!["./a.js"]),
            ("export * from './a.js'\nexport * as b from './b.js'", vec!["./a.js", "./b.js"]),
            ("export { a, default as b } from './a.js'", vec!["./a.js"]),
            ("import { sleep } from 'workflow:extra'", vec![]),
            ("const { a } = await import('./a.js')", vec![]),
            ("import.meta.url; x.import; ({ import: './a.js' })", vec![]),
            ("export const from = './a.js'; export default './b.js'", vec![]),
            ("// import './a.js'\n`import './b.js'`; '\\'import \"./c.js\"'", vec![]),
            ("export { a }\n'from'", vec![]),
            ("export { a }\nexport { b } from './b.js'", vec!["./b.js"]),
            ("export { a }\nexport * from './b.js'", vec!["./b.js"]),
            ("export { a }\nimport './b.js'", vec!["./b.js"]),
            ("export * as from from './a.js'\nimport './b.js'", vec!["./a.js", "./b.js"]),
            ("export const meta = {}\nimport 'lodash'", vec!["lodash"]),
        ] {
            assert_eq!(found(text), names, "{text}");
        }
    }

    #[test]
    fn the_names_that_are_taken_are_known() {
        let text = "import a, { b as c, 'd e' as f, } from './a.js'; import * as g from './b.js'";
        let found = imports(text);
        assert_eq!(found[0].names, [("default".into(), 7), ("b".into(), 12), ("d e".into(), 20)]);
        assert_eq!(found[1].names, []);
        assert_eq!(imports("export { h as i } from './c.js'")[0].names, [("h".into(), 9)]);
    }

    #[test]
    fn what_no_file_could_be_is_refused() {
        let refusal = |text: &str| imports(text).first().and_then(Import::refusal);
        for (text, part) in [
            ("import 'lodash'", Some("export * from 'lodash'")),
            ("import '@a/b'", Some("--outfile=a-b.mjs")),
            ("import '/etc/passwd'", Some("its own project")),
            ("import 'https://x.org/a.js'", Some("its own project")),
            ("import 'node:fs'", Some("sandbox")),
            ("import './lib//a.js'", Some("one `/`")),
            ("import './a'", Some("whole name")),
            ("import a from './a.json'", Some("type: 'json'")),
            ("import a from './a.js' with { type: 'json' }", Some("must end in .json")),
            ("import a from './a.json' with { type: 'json' }", None),
            ("import a from './a.ts'", None),
            ("import a from './workflow-extra.js'", None),
            ("import a from 'workflow-extra'", Some("did you mean `workflow:extra`?")),
        ] {
            let said = refusal(text);
            match part {
                None => assert_eq!(said, None, "{text}"),
                Some(part) => {
                    assert!(said.as_deref().is_some_and(|said| said.contains(part)), "{said:?}");
                }
            }
        }
    }

    #[test]
    fn json_is_an_expression_with_the_same_keys() {
        assert_eq!(json_module("[1]").unwrap(), "export default [1]");
        assert_eq!(json_module("\u{feff}[1]").unwrap(), "export default [1]");
        assert_eq!(json_module("\u{feff}\n[1").unwrap_err().0, 5);
        let odd = r#"{"__proto__": "a\"b__proto__", "\u005f": [{"x" : 1}]}"#;
        let same = r#"export default {["__proto__"]: "a\"b__proto__", ["\u005f"]: [{"x" : 1}]}"#;
        assert_eq!(json_module(odd).unwrap(), same);
        assert_eq!(json_module("{\n 'a': 1}").unwrap_err().0, 3);
    }

    #[test]
    fn paths_are_those_of_the_project() {
        assert_eq!(resolve("flows/a.ts", "./lib/b.ts").as_deref(), Some("flows/lib/b.ts"));
        assert_eq!(resolve("flows/a.ts", "../b.ts").as_deref(), Some("b.ts"));
        assert_eq!(resolve("flows/a.ts", "../../b.ts"), None);
        assert_eq!(relative_to("flows/a.ts", "flows/lib/b.ts"), "lib/b.ts");
        assert_eq!(relative_to("flows/a.ts", "other/b.ts"), "../other/b.ts");
        assert_eq!(relative_to("a.ts", "b.ts"), "b.ts");
    }
}
