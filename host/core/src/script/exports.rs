//! The names that a module exports.
//!
//! Owns: finding them. Never: leaves one out; where it is not sure, it names too many.

use std::collections::BTreeSet;

use super::lexer::{Kind, Lexer, Token};

/// What a module exports.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// Its names; more than there are, where the text is not clear.
    pub names: BTreeSet<String>,
    /// The modules of `export * from`.
    pub all_of: Vec<String>,
}

/// The names that this text exports.
#[must_use]
pub fn exports(text: &str) -> Exports {
    let mut found = Exports::default();
    let mut lexer = Lexer::new(text);
    let mut is_member = false;
    while let Ok(token) = lexer.next() {
        if token.kind == Kind::End {
            break;
        }
        let is_export =
            token.kind == Kind::Word && lexer.text(token) == "export" && lexer.depth() == 0;
        if is_export && !is_member {
            let _ = one(&mut lexer, &mut found);
        }
        is_member = is_dot(&lexer, token);
    }
    found
}

/// Reads one export; none where it is cut off.
fn one(lexer: &mut Lexer<'_>, found: &mut Exports) -> Option<()> {
    let token = next(lexer)?;
    match lexer.text(token) {
        "default" => drop(found.names.insert("default".to_owned())),
        "{" => in_braces(lexer, found)?,
        "*" => {
            let behind = next(lexer)?;
            let name = next(lexer)?;
            match lexer.text(behind) {
                "as" => drop(found.names.insert(bare(lexer, name))),
                _ => found.all_of.push(bare(lexer, name)),
            }
        }
        "const" | "let" | "var" => variables(lexer, found)?,
        // `async function* name`, `class name`.
        _ => loop {
            let token = next(lexer)?;
            if token.kind == Kind::Word && lexer.text(token) != "function" {
                found.names.insert(bare(lexer, token));
                break;
            }
        },
    }
    Some(())
}

fn next(lexer: &mut Lexer<'_>) -> Option<Token> {
    lexer.next().ok().filter(|token| token.kind != Kind::End)
}

/// A name without the quotes that it may have.
fn bare(lexer: &Lexer<'_>, token: Token) -> String {
    lexer.text(token).trim_matches(['\'', '"']).to_owned()
}

/// `{ a, b as c }`: the last name of each.
fn in_braces(lexer: &mut Lexer<'_>, found: &mut Exports) -> Option<()> {
    let mut last = None;
    loop {
        let token = next(lexer)?;
        match (token.kind, lexer.text(token)) {
            (Kind::Word | Kind::Text, _) => last = Some(bare(lexer, token)),
            (_, "," | "}") => found.names.extend(last.take()),
            _ => {}
        }
        if lexer.depth() == 0 {
            return Some(());
        }
    }
}

/// The variables of a declaration: all words of a pattern, and each word behind a comma
/// outside of brackets, up to the next export.
fn variables(lexer: &mut Lexer<'_>, found: &mut Exports) -> Option<()> {
    let (mut begins, mut is_member) = (true, false);
    loop {
        if !is_member && is_export(lexer) {
            return Some(());
        }
        let token = next(lexer)?;
        is_member = is_dot(lexer, token);
        let text = lexer.text(token);
        if begins && token.kind == Kind::Word {
            found.names.insert(text.to_owned());
        }
        let opens = begins && lexer.depth() > 0;
        while opens && lexer.depth() > 0 {
            let inside = next(lexer)?;
            if inside.kind == Kind::Word {
                found.names.insert(bare(lexer, inside));
            }
        }
        begins = text == "," && lexer.depth() == 0;
    }
}

/// Whether a name behind this token is that of a property.
fn is_dot(lexer: &Lexer<'_>, token: Token) -> bool {
    token.kind == Kind::Mark && matches!(lexer.text(token), "." | "?.")
}

/// Whether the next token is an `export` outside of brackets.
fn is_export(lexer: &mut Lexer<'_>) -> bool {
    let depth = lexer.depth();
    let next = lexer.peek();
    next.is_ok_and(|next| next.kind == Kind::Word && lexer.text(next) == "export") && depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_export_is_named() {
        for (text, names) in [
            ("export const a = f(x, y), b = [1, 2]\nexport let c", vec!["a", "b", "c"]),
            ("export const { a, b: c } = d, [e] = f", vec!["a", "b", "c", "e"]),
            ("export default 1", vec!["default"]),
            ("export async function* a() {}\nexport class B extends C {}", vec!["B", "a"]),
            ("export { a, b as c, d as 'e f' }", vec!["a", "c", "e f"]),
            ("export { default } from './a.js'; export * as b from './b.js'", vec!["b", "default"]),
            ("const a = 1; ({ export: 1 })", vec![]),
            (
                "pdf.export()\nexport const a = pdf?.export(), b = 1\nexport let c",
                vec!["a", "b", "c"],
            ),
        ] {
            let found: Vec<String> = exports(text).names.into_iter().collect();
            assert_eq!(found, names, "{text}");
        }
        assert_eq!(exports("export * from './a.js'").all_of, ["./a.js"]);
    }
}
