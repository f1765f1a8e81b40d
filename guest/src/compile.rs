//! From text to code that has not run, in either dialect, and the choice
//! between the two.
//!
//! Never runs author code.

use std::ffi::CString;

use javy::quickjs::module::Declared;
use javy::quickjs::{Ctx, Error, Module, Result as QuickjsResult};

use crate::author::{Author, INTERNAL_NAME, Position};
use crate::bindings::smol::workflow::types::{Dialect, ScriptError};
use crate::failure::{self, Described, IMPORT};
use crate::modules::declare;
use crate::raw::{self, Compiled};
use crate::surface;

const SYNTAX: &str = "syntax";

// The body's own lines must keep their numbers, so what stands in front ends
// in line breaks and QuickJS counts from before the first. It takes 0 for
// "not given", hence two.
const BODY_FIRST_LINE: i32 = -1;

/// What stands around a body.
#[derive(Clone, Copy)]
struct Wrapper {
    before: &'static str,
    after: &'static str,
    is_strict: bool,
}

/// Surface 1: sloppy, and a text that closes the function is not noticed.
const LOOSE: Wrapper = Wrapper { before: "(async () => {\n\n", after: "\n})", is_strict: false };

/// A block within the function: there names are declared once, as at the top of
/// a module.
const BLOCK: Wrapper = Wrapper { before: "(async () => {{\n\n", after: "\n}})", is_strict: true };

/// Compiled and thrown away. What closes the function of `BLOCK` goes on where
/// here it stands in parentheses, and no text can do both.
const FUNCTION: Wrapper = Wrapper { is_strict: true, ..LOOSE };

/// No word of JavaScript begins like this.
const POISON: &str = " ⊥";

type Result<T> = std::result::Result<T, ScriptError>;

/// Which dialect the script is written in. When it is neither, the error of
/// the one that its author most likely meant.
pub(crate) fn dialect(ctx: &Ctx<'_>, author: &Author) -> Result<Dialect> {
    refuse_nul(author)?;
    // What could be either is a body, as it is in Claude Code.
    if surface::sees(2) && is_body(ctx, author) {
        return Ok(Dialect::Body);
    }
    if declare(ctx, author, &author.text).is_ok() {
        return Ok(Dialect::Module);
    }
    let as_module = failure::describe(ctx, ctx.catch());
    if as_module.is_import() {
        return Err(as_module.into_error(IMPORT));
    }
    // The script itself was read, as a module: an import in a body is an error.
    if as_module.module().is_some() {
        return module(ctx, author).map(|_| Dialect::Module);
    }
    // Most scripts are bodies: where the module went wrong is not looked for.
    let Err(as_body) = whole_body(ctx, author) else { return Ok(Dialect::Body) };
    let returns = as_module.message.starts_with("return not in a function");
    if returns || !author.looks_like_a_module() {
        return Err(as_body);
    }
    module(ctx, author).map(|_| Dialect::Module)
}

pub(crate) fn module<'js>(ctx: &Ctx<'js>, author: &Author) -> Result<Module<'js, Declared>> {
    refuse_nul(author)?;
    declare(ctx, author, &author.text).map_err(|error| {
        author.read_as(Dialect::Module);
        let described = match describe(ctx, author, &error) {
            Ok(described) => described,
            Err(error) => return error,
        };
        let in_module = described.module();
        let file = in_module.as_deref().unwrap_or(author);
        syntax_error(ctx, file, described, |upto, end| {
            declare(ctx, file, &format!("{}{end}", file.text.get(..upto)?)).err()
        })
    })
}

/// An expression whose value is the async function around the script.
pub(crate) fn body<'js>(ctx: &Ctx<'js>, author: &Author) -> Result<Compiled<'js>> {
    let wrapper = if surface::sees(2) { BLOCK } else { LOOSE };
    wrapped(ctx, author, wrapper)
}

/// The body of a script that is new: it must be one body and not the end of one
/// and the beginning of another.
fn whole_body(ctx: &Ctx<'_>, author: &Author) -> Result<()> {
    body(ctx, author)?;
    if surface::sees(2) {
        wrapped(ctx, author, FUNCTION)?;
    }
    Ok(())
}

fn is_body(ctx: &Ctx<'_>, author: &Author) -> bool {
    let text = author.without_export();
    let compiles = |wrapper: Wrapper| wrap(ctx, &text, wrapper, wrapper.after).is_ok();
    let is_body = compiles(BLOCK) && compiles(FUNCTION);
    if !is_body {
        drop(ctx.catch());
    }
    is_body
}

fn wrapped<'js>(ctx: &Ctx<'js>, author: &Author, wrapper: Wrapper) -> Result<Compiled<'js>> {
    refuse_nul(author)?;
    let text = author.without_export();
    wrap(ctx, &text, wrapper, wrapper.after).map_err(|error| {
        author.read_as(Dialect::Body);
        let cut = |upto, end: &str| wrap(ctx, text.get(..upto)?, wrapper, end).err();
        match describe(ctx, author, &error) {
            Ok(described) => syntax_error(ctx, author, described, cut),
            Err(error) => error,
        }
    })
}

fn wrap<'js>(
    ctx: &Ctx<'js>,
    text: &str,
    wrapper: Wrapper,
    after: &str,
) -> QuickjsResult<Compiled<'js>> {
    let text = CString::new(format!("{}{text}{after}", wrapper.before))?;
    raw::compile(ctx, &text, INTERNAL_NAME, BODY_FIRST_LINE, wrapper.is_strict)
}

fn refuse_nul(author: &Author) -> Result<()> {
    author.text.find('\0').map_or(Ok(()), |at| {
        let message = "the script contains a NUL character".to_owned();
        Err(failure::plain(SYNTAX, "SyntaxError", message, (author, author.place_of(at))))
    })
}

/// What QuickJS says of a text that does not compile; an error that needs no search
/// for its place comes as the error.
fn describe(ctx: &Ctx<'_>, author: &Author, error: &Error) -> Result<Described> {
    if !error.is_exception() {
        let at = (author, Position::default());
        return Err(failure::plain(SYNTAX, "SyntaxError", error.to_string(), at));
    }
    let described = failure::describe(ctx, ctx.catch());
    if described.is_import() { Err(described.into_error(IMPORT)) } else { Ok(described) }
}

/// The error of a text that does not compile. `cut` compiles the text up to an
/// offset, with something else behind, and gives its error.
fn syntax_error(
    ctx: &Ctx<'_>,
    author: &Author,
    described: Described,
    cut: impl Fn(usize, &str) -> Option<Error>,
) -> ScriptError {
    let found = described.line().or_else(|| {
        let stumbles = |upto| cut(upto, "").is_some().then(|| failure::describe(ctx, ctx.catch()));
        first_line(author, &described, stumbles)
    });
    let Some(line) = found else { return described.into_error(SYNTAX) };
    let at_end = author.line_range(line).is_none() || described.message.ends_with(": ''");
    let (message, at) = if at_end {
        // What QuickJS stumbled over there is the wrapper's, or nothing.
        let message = "unexpected end of the script, or one bracket too many before it";
        (message.to_owned(), author.end())
    } else {
        // Where another word was expected, the end would be as wrong as the
        // word itself, so something else must stand there. Other errors may
        // come when the next word has been read.
        let end = if described.message.to_lowercase().contains("expect") { POISON } else { "" };
        let stumbles = |upto| cut(upto, end).is_some().then(|| failure::describe(ctx, ctx.catch()));
        let at = stumbling_block(author, &described, line, stumbles);
        (with_hint(author, described.message, at), at)
    };
    failure::plain(SYNTAX, "SyntaxError", message, (author, at))
}

/// QuickJS knows the line of a syntax error but seldom the column. It reads from
/// left to right, so the shortest text that fails in the same way ends in the
/// word that is wrong. Found by halving.
fn stumbling_block(
    author: &Author,
    error: &Described,
    line: u32,
    stumbles: impl Fn(usize) -> Option<Described>,
) -> Position {
    let Some(range) = author.line_range(line) else { return Position::default() };
    let same = |upto: usize| {
        stumbles(upto).is_some_and(|cut| cut.message == error.message && cut.line() == error.line())
    };
    let ends: Vec<_> = author.text.get(range.clone()).unwrap_or_default().char_indices().collect();
    let ends: Vec<_> = ends.iter().map(|(at, char)| range.start + at + char.len_utf8()).collect();
    if !ends.last().is_some_and(|&last| same(last)) {
        return author.position(line, 1);
    }
    let first = ends.partition_point(|&end| !same(end));
    let end = ends.get(first).copied().unwrap_or(range.end);
    let before = author.text.get(range.start..end).unwrap_or_default();
    // The message names the word, as in `unexpected token in expression: 'of'`.
    let word = error.message.strip_suffix('\'').and_then(|text| Some(text.rsplit_once('\'')?.1));
    let length = match word {
        Some(word) if before.ends_with(word) => word.len(),
        _ => last_word(before).len(),
    };
    author.place_of(end - length)
}

/// QuickJS does not say where a bad regular expression stands. It stops at the
/// first, so the line is the first with which the text fails like that.
fn first_line(
    author: &Author,
    error: &Described,
    stumbles: impl Fn(usize) -> Option<Described>,
) -> Option<u32> {
    let ends: Vec<_> =
        (1..).map_while(|line| author.line_range(line)).map(|line| line.end).collect();
    let same = |upto: usize| stumbles(upto).is_some_and(|cut| cut.message == error.message);
    let index = ends.partition_point(|&end| !same(end));
    (index < ends.len()).then(|| u32::try_from(index + 1).ok()).flatten()
}

/// The name or number that a text ends in, else its last character.
fn last_word(text: &str) -> &str {
    let is_word = |char: char| char.is_alphanumeric() || char == '_' || char == '$';
    let word = text.trim_end_matches(is_word).len();
    let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
    text.get(word.min(last)..).unwrap_or_default()
}

/// QuickJS takes an `await` outside async functions for a name.
fn with_hint(author: &Author, message: String, at: Position) -> String {
    if message == "expecting ';'" && author.text_before(at).trim_end().ends_with("await") {
        "await is only valid in async functions and at the top level".to_owned()
    } else {
        message
    }
}
