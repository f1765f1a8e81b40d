//! Finds `export const meta = {…}` in a script.
//!
//! Owns: finding it outside of all brackets, and the message if it was not found.
//! Never: checks its content.

use super::errors::Fault;
use super::lexer::{Kind, Lexer, Token};
use super::literal::{self, Literal};
use super::literal_errors::{annotated, continues, not_literal};
use super::quoted::shown;
use crate::codes::Code;

/// The `meta` of a script.
#[derive(Debug)]
pub(super) struct Found {
    /// Byte offset of `export`.
    pub(super) export: usize,
    pub(super) literal: Literal,
}

/// A declaration of `meta`.
#[derive(Debug, Clone, Copy)]
struct Declared {
    /// Byte offset of its first word: `export`, `const`, `let` or `var`.
    start: usize,
    name: Token,
    keyword: &'static str,
    exported: bool,
    nested: bool,
}

/// Finds and reads `meta`.
pub(super) fn meta(text: &str) -> Result<Found, Fault> {
    let mut lexer = Lexer::new(text);
    let mut search = Search::default();
    let mut elsewhere: Option<Declared> = None;
    while let Some(declared) = search.next(&mut lexer)? {
        if declared.exported && !declared.nested {
            let literal = initialiser(&mut lexer, &declared)?;
            only_one(search, lexer)?;
            return Ok(Found { export: declared.start, literal });
        }
        // A missing `export` is a better explanation than a declaration in a function.
        let better = elsewhere.is_none_or(|known| known.nested && !declared.nested);
        if better {
            elsewhere = Some(declared);
        }
    }
    Err(not_found(text, elsewhere))
}

fn not_found(text: &str, elsewhere: Option<Declared>) -> Fault {
    match elsewhere {
        Some(Declared { nested: true, start, .. }) => Fault::new(
            Code::MetaNested,
            start,
            "`meta` is declared inside a function or block; \
             `export const meta = {…}` must stand outside of all",
        ),
        Some(Declared { start, keyword, .. }) => Fault::new(
            Code::MetaNotExported,
            start,
            format!("`meta` is not exported: write `export const meta`, not `{keyword} meta`"),
        ),
        None => {
            let start = text.find(|c| !super::lexer::is_space(c)).unwrap_or(0);
            let message = "the script has no `export const meta = { name: '…', description: '…' }`";
            Fault::new(Code::MetaMissing, start, format!("{message}{}", instead_of_meta(text)))
        }
    }
}

/// A hint about what the script probably has instead of `meta`.
fn instead_of_meta(text: &str) -> &'static str {
    if text.contains("export const metadata") {
        "; rename `metadata` to `meta`"
    } else if text.contains("module.exports") || text.contains("exports.meta") {
        "; it is a CommonJS module: write `export const meta` instead of `module.exports`"
    } else {
        ""
    }
}

/// Goes through a script from one declaration of `meta` to the next.
#[derive(Debug, Clone, Copy, Default)]
struct Search {
    /// The last two tokens.
    before: [Option<Token>; 2],
}

impl Search {
    fn next(&mut self, lexer: &mut Lexer<'_>) -> Result<Option<Declared>, Fault> {
        loop {
            let token = lexer.next()?;
            let [first, second] = self.before;
            self.before = [second, Some(token)];
            let word = |token: Option<Token>| {
                token.filter(|token| token.kind == Kind::Word).map_or("", |token| lexer.text(token))
            };
            if token.kind == Kind::End {
                return Ok(None);
            }
            let keyword = match word(second) {
                "const" => "const",
                "let" => "let",
                "var" => "var",
                _ => continue,
            };
            if word(Some(token)) != "meta" {
                continue;
            }
            let exported = word(first) == "export";
            let start = if exported { first } else { second };
            return Ok(Some(Declared {
                start: start.map_or(token.start, |token| token.start),
                name: token,
                keyword,
                exported,
                nested: lexer.depth() > 0,
            }));
        }
    }
}

/// Reads the literal after `export const meta`, and checks what follows it.
fn initialiser(lexer: &mut Lexer<'_>, declared: &Declared) -> Result<Literal, Fault> {
    if declared.keyword != "const" {
        let message = format!(
            "`meta` must not change: write `export const meta`, not `export {} meta`",
            declared.keyword
        );
        return Err(Fault::new(Code::MetaNotConst, declared.start, message));
    }
    let equals = lexer.next()?;
    match (equals.kind, lexer.text(equals)) {
        (Kind::Mark, "=") => {}
        (Kind::Mark, ":" | "!") => return Err(annotated(equals.start)),
        _ => {
            let message =
                "`meta` has no value: write `export const meta = { name: '…', description: '…' }`";
            return Err(Fault::new(Code::MetaNotLiteral, declared.name.start, message));
        }
    }
    let literal = literal::read(lexer)?;
    // The guest's parser reports what cannot be read after `meta`.
    let Ok(after) = lexer.peek() else { return Ok(literal) };
    if after.kind == Kind::End {
        return Ok(literal);
    }
    if let Some(mut fault) = continues(lexer, after) {
        if after.on_new_line {
            fault.message.push_str(" behind it; end `meta` with a `;`");
        }
        return Err(fault);
    }
    if after.on_new_line || (after.kind, lexer.text(after)) == (Kind::Mark, ";") {
        return Ok(literal);
    }
    match (after.kind, lexer.text(after)) {
        (Kind::Mark, ",") => Ok(literal),
        (_, text) => {
            let found = format!("expected `;` or a new line behind it and found `{}`", shown(text));
            Err(not_literal(after.start, found))
        }
    }
}

/// Refuses a second `meta`. The guest's parser does so as well, but says less.
fn only_one(mut search: Search, mut lexer: Lexer<'_>) -> Result<(), Fault> {
    // The guest's parser reports what cannot be read after `meta`.
    while let Ok(Some(again)) = search.next(&mut lexer) {
        if again.exported && !again.nested {
            let message = "`meta` is exported twice; a script has one `export const meta`";
            return Err(Fault::new(Code::MetaDuplicate, again.start, message));
        }
    }
    Ok(())
}
