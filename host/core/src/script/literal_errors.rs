//! Messages about code where a literal is expected.
//!
//! Owns: the messages about everything that `meta` may not contain. Never: decides what
//! it may contain; [`super::literal`] does.

use std::fmt::Display;

use super::errors::Fault;
use super::lexer::{Kind, Lexer, Token};
use super::quoted::shown;
use crate::codes::Code;

pub(super) fn not_literal(at: usize, found: impl Display) -> Fault {
    Fault::new(Code::MetaNotLiteral, at, format!("`meta` must be a literal: {found}"))
}

/// The message about a key without a `:` after it.
pub(super) fn no_colon(lexer: &Lexer<'_>, key: Token, found: Token) -> Fault {
    let name = shown(lexer.text(key));
    let next = lexer.text(found);
    match (found.kind, next) {
        (Kind::End, _) => ends(found.start),
        (Kind::Mark, "(") => not_literal(key.start, format_args!("found a method `{name}()`")),
        (Kind::Mark, "," | "}") if key.kind == Kind::Word => {
            not_literal(key.start, format_args!("found the variable `{name}`; write `{name}: …`"))
        }
        (Kind::Mark, "?") => typescript(found.start, "an optional key `?:`"),
        (Kind::Word | Kind::Text | Kind::Number, _) | (Kind::Mark, "[" | "*")
            if key.kind == Kind::Word && matches!(name.as_str(), "get" | "set" | "async") =>
        {
            let what = match name.as_str() {
                "get" => "a getter",
                "set" => "a setter",
                _ => "an async method",
            };
            not_literal(key.start, format_args!("found {what}"))
        }
        _ => not_literal(
            found.start,
            format_args!("expected `:` behind the key `{name}` and found `{}`", shown(next)),
        ),
    }
}

/// The message about a token that may not follow a value.
pub(super) fn goes_on(lexer: &Lexer<'_>, found: Token, expected: &str) -> Fault {
    continues(lexer, found).unwrap_or_else(|| {
        let text = shown(lexer.text(found));
        not_literal(found.start, format_args!("expected {expected} and found `{text}`"))
    })
}

/// The message if this token makes an expression of the value before it.
pub(super) fn continues(lexer: &Lexer<'_>, found: Token) -> Option<Fault> {
    let at = found.start;
    let text = lexer.text(found);
    Some(match (found.kind, text) {
        (Kind::End, _) => ends(at),
        (Kind::Word, "as" | "satisfies") if !found.on_new_line => {
            typescript(at, &format!("`{text}`"))
        }
        (Kind::Word, "in" | "instanceof") => {
            not_literal(at, format_args!("found the operator `{text}`"))
        }
        (Kind::Mark, "." | "?.") => not_literal(at, "found a property of a value"),
        (Kind::Mark, "(") => not_literal(at, "found a call of a value"),
        (Kind::Mark, "[") => not_literal(at, "found a value with `[…]` behind it"),
        (Kind::Template | Kind::TemplateOpen, _) => not_literal(at, "found a tagged template"),
        (Kind::Mark, "=>") => not_literal(at, "found a function"),
        (
            Kind::Mark,
            "+" | "-" | "*" | "/" | "%" | "<" | ">" | "=" | "==" | "!" | "&" | "|" | "^" | "?",
        ) => {
            let hint = if text == "+" { "; write the whole text as one string" } else { "" };
            not_literal(at, format_args!("found the operator `{text}`{hint}"))
        }
        _ => return None,
    })
}

pub(super) fn ends(at: usize) -> Fault {
    Fault::new(Code::ScriptSyntax, at, "the script ends in the middle of `meta`")
}

fn typescript(at: usize, what: &str) -> Fault {
    let message = format!(
        "`meta` must be plain JavaScript: found TypeScript's {what}; \
         remove it, or compile the script to JavaScript first"
    );
    Fault::new(Code::MetaTypescript, at, message)
}

/// The message about `export const meta: Type`.
pub(super) fn annotated(at: usize) -> Fault {
    typescript(at, "type annotation")
}

pub(super) fn spread(lexer: &mut Lexer<'_>, dots: Token) -> Fault {
    let what = match lexer.next() {
        Ok(token) if token.kind == Kind::Word => shown(lexer.text(token)),
        _ => "…".to_owned(),
    };
    not_literal(dots.start, format_args!("found a spread `...{what}`"))
}

/// The message about a token instead of a value.
pub(super) fn other_than_value(lexer: &mut Lexer<'_>, token: Token) -> Fault {
    let at = token.start;
    let text = shown(lexer.text(token));
    match token.kind {
        Kind::End => ends(at),
        Kind::TemplateOpen => {
            let at = token.end.saturating_sub(2);
            not_literal(at, "found `${` in a template; write a string without it")
        }
        Kind::Regex => not_literal(at, format_args!("found the regular expression `{text}`")),
        Kind::Mark if text == "..." => spread(lexer, token),
        Kind::Mark if text == "<" => typescript(at, "type assertion"),
        Kind::Word => match text.as_str() {
            "function" | "async" => not_literal(at, "found a function"),
            "class" => not_literal(at, "found a class"),
            "new" => {
                let of = lexer.next().map(|token| shown(lexer.text(token))).unwrap_or_default();
                not_literal(at, format_args!("found `new {of}`"))
            }
            "typeof" | "void" | "delete" | "await" | "yield" => {
                not_literal(at, format_args!("found the operator `{text}`"))
            }
            _ => named(lexer, token),
        },
        _ => not_literal(at, format_args!("expected a value and found `{text}`")),
    }
}

/// The message about a variable, or about a property or a call of one.
fn named(lexer: &mut Lexer<'_>, token: Token) -> Fault {
    const PARTS_MAX: usize = 8;
    let mut name = lexer.text(token).to_owned();
    let mut expects_name = false;
    for _ in 0..PARTS_MAX {
        let Ok(next) = lexer.next() else { break };
        match (next.kind, lexer.text(next)) {
            (Kind::Mark, ".") if !expects_name => name.push('.'),
            (Kind::Word, part) if expects_name => name.push_str(part),
            (Kind::Mark, "(") if !expects_name => {
                let found = format!("found a call to `{}()`", shown(&name));
                return not_literal(token.start, found);
            }
            (Kind::Mark, "=>") => return not_literal(token.start, "found a function"),
            (Kind::Template | Kind::TemplateOpen, _) => {
                let found = format!("found a template tagged `{}`", shown(&name));
                return not_literal(token.start, found);
            }
            _ => break,
        }
        expects_name = !expects_name;
    }
    not_literal(token.start, format_args!("found the variable `{}`", shown(&name)))
}
