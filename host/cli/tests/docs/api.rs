//! The page `docs/api.md`, made from the types of the SDK.
//!
//! Owns: how declarations become headings and tables. Never: the types; those are
//! `ts/sdk/workflow.d.ts`.

use std::fmt::Write as _;

use crate::common::project;
use crate::read;

/// What stands above the types.
const HEAD: &str = "# Script API

Everything that a script finds in its global scope and can import, made from the types of [the SDK](../ts/sdk/README.md). [Writing scripts](scripts.md) says how it behaves. A `?` means that it may be left out.
";

/// A declaration and the comment above it.
#[derive(Debug, Default)]
struct Declaration {
    comment: String,
    /// Without comments inside, on one line.
    code: String,
    /// As it is written.
    lines: Vec<String>,
}

/// The declarations of a block of lines, each up to the line that closes it.
fn declarations<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Declaration> {
    let mut found = Vec::new();
    let (mut now, mut depth, mut in_comment) = (Declaration::default(), 0_i32, false);
    for line in lines {
        let text = line.trim();
        if in_comment || text.starts_with("/**") {
            in_comment = !text.ends_with("*/");
            let words = text.trim_start_matches("/**").trim_end_matches("*/");
            let words = words.trim().trim_start_matches("* ").trim_start_matches('*').trim();
            if depth == 0 && !words.is_empty() {
                now.comment.push_str(if now.comment.is_empty() { "" } else { " " });
                now.comment.push_str(words);
            }
            if depth > 0 {
                now.lines.push(line.to_owned());
            }
            continue;
        }
        if text.is_empty() || text.starts_with("//") {
            continue;
        }
        now.lines.push(line.to_owned());
        now.code.push_str(if now.code.is_empty() { "" } else { " " });
        now.code.push_str(text);
        let opened = |c: char| i32::from(matches!(c, '{' | '(' | '['));
        let closed = |c: char| i32::from(matches!(c, '}' | ')' | ']'));
        depth += text.chars().map(|c| opened(c) - closed(c)).sum::<i32>();
        if depth == 0 && (text.ends_with(';') || text.ends_with('}')) {
            found.push(std::mem::take(&mut now));
        }
    }
    found
}

/// The lines between the one that begins so and the `}` that closes it.
fn block<'a>(text: &'a str, begins: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().skip_while(move |line| !line.starts_with(begins)).skip(1);
    lines.take_while(|line| *line != "}")
}

/// Name and type of a member such as `readonly label?: string;`.
fn member(code: &str) -> Option<(String, String)> {
    let code = code.trim_start_matches("readonly ").trim_end_matches(';');
    let is_function = code.split_once('(').is_some_and(|(name, _)| !name.contains(':'));
    if code.starts_with(['(', '<', '[']) {
        return None;
    }
    if is_function {
        let (name, rest) = code.split_once(['(', '<'])?;
        return Some((format!("{name}()"), code.get(name.len()..)?.to_owned()))
            .filter(|_| !rest.is_empty());
    }
    let (name, of) = code.split_once(": ")?;
    Some((name.to_owned(), of.replace("readonly ", "")))
}

/// A table with a row for each member; `None` if one of them has no name.
fn table(members: &[Declaration]) -> Option<String> {
    let mut text = "| | type | |\n|---|---|---|\n".to_owned();
    for one in members {
        let (name, of) = member(&one.code)?;
        let of = of.replace('|', "\\|");
        let _ = writeln!(text, "| `{name}` | `{of}` | {} |", one.comment.replace('|', "\\|"));
    }
    Some(text)
}

/// The heading of an exported declaration, and what it has.
fn exported(one: &Declaration) -> Option<String> {
    let code = one.code.strip_prefix("export ")?;
    let (kind, rest) = code.split_once(' ')?;
    let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    let mut text = format!("\n### {}\n\n", rest.get(..end)?);
    if !one.comment.is_empty() {
        let _ = write!(text, "{}\n\n", one.comment);
    }
    let inner = one.lines.iter().map(String::as_str).skip(1);
    let members = declarations(inner.take(one.lines.len().saturating_sub(2)));
    match table(&members).filter(|_| kind == "interface" && !members.is_empty()) {
        Some(table) => {
            if let Some((_, parents)) = code.split(" {").next()?.split_once(" extends ") {
                let _ = write!(text, "Also all of `{parents}`.\n\n");
            }
            text.push_str(&table);
        }
        None => {
            let lines = one.lines.iter().map(|line| line.strip_prefix("  ").unwrap_or(line));
            let code = lines.collect::<Vec<_>>().join("\n").replace("export ", "");
            let _ = write!(text, "```ts\n{code}\n```\n");
        }
    }
    Some(text)
}

/// The whole page.
fn page() -> String {
    let types = read("ts/sdk/workflow.d.ts");
    let mut text = HEAD.to_owned();
    text.push_str("\n## Globals\n\n| | type | |\n|---|---|---|\n");
    for one in declarations(types.lines().filter(|line| !line.starts_with("//"))) {
        let Some(code) = one.code.strip_prefix("declare ") else { continue };
        let Some((kind, rest)) = code.split_once(' ').filter(|(kind, _)| *kind != "module") else {
            continue;
        };
        let rest = rest.trim_end_matches(';').replace("import(\"@smol-wf/sdk\").", "");
        let (name, of) = match kind {
            "function" => rest.split_at(rest.find('(').unwrap()),
            _ => rest.split_once(": ").unwrap(),
        };
        let is_name =
            of.chars().all(char::is_alphanumeric) && types.contains(&format!("interface {of}"));
        let of = match is_name && of != "Console" {
            true => format!("[`{of}`](#{})", of.to_lowercase()),
            false => format!("`{of}`"),
        };
        let _ = writeln!(text, "| `{name}` | {of} | {} |", one.comment);
    }
    text.push_str("\n## workflow:extra\n\n`import extra from 'workflow:extra'`, or its parts by name: all of [Extra](#extra). A body has them in `SW.extra`.\n\n## Types\n");
    let module = declarations(block(&types, "declare module \"@smol-wf/sdk\""));
    text.extend(module.iter().filter_map(exported));
    text
}

#[test]
fn the_page_of_the_api_is_the_types() {
    let path = project().join("docs/api.md");
    let page = page();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == page,
        "docs/api.md is old: INSTA_UPDATE=always cargo test -p smol-wf --test docs"
    );
}
