//! What QuickJS says of an error, in words that help.
//!
//! Owns: the names of callees, and what there is in place of a name that is not
//! defined. Never: changes what a script sees of its errors.

use crate::author::{Author, Position};
use crate::surface;

const NOT_DEFINED: &str = " is not defined";
const NOT_A_FUNCTION: &str = "not a function";
const NOT_A_CONSTRUCTOR: &str = "not a constructor";

const NETWORK: &str = "a script has no network: ask an agent";
const MODULES: &str = "there is no CommonJS: `workflow:extra` can be imported, and other code is bundled into the script";
const SYSTEM: &str =
    "a script sees no process, files or environment: pass it arguments, or ask an agent";
const INTERVAL: &str = "there is setTimeout, which a callback can set again";
const BYTES: &str = "a script works with texts and numbers; ask an agent for bytes";
const PARSE_URL: &str = "take the text apart with match() or split()";
const THREADS: &str = "a script has one thread; many agents at once is parallel()";
const PAGE: &str = "a script runs in no browser";
const GLOBAL: &str = "the global object is globalThis";
const LOCALES: &str =
    "there is no locale data: localeCompare(), toLocaleString() and Date know English";

/// Those that surface 4 brought; scripts under older ones know nothing of them.
const PEOPLE: [&str; 3] = ["approve", "ask", "waitFor"];

/// Names that scripts reach for, and what there is instead.
const INSTEAD: [(&str, &str); 50] = [
    ("fetch", NETWORK),
    ("XMLHttpRequest", NETWORK),
    ("WebSocket", NETWORK),
    ("EventSource", NETWORK),
    ("Request", NETWORK),
    ("Response", NETWORK),
    ("Headers", NETWORK),
    ("require", MODULES),
    ("module", MODULES),
    ("exports", MODULES),
    ("__dirname", MODULES),
    ("__filename", MODULES),
    ("process", SYSTEM),
    ("fs", SYSTEM),
    ("path", SYSTEM),
    ("os", SYSTEM),
    ("Bun", SYSTEM),
    ("Deno", SYSTEM),
    ("exec", SYSTEM),
    ("setInterval", INTERVAL),
    ("clearInterval", INTERVAL),
    ("setImmediate", "use setTimeout(callback, 0) or queueMicrotask(callback)"),
    ("clearImmediate", "use setTimeout and clearTimeout"),
    ("sleep", "it is SW.extra.sleep(ms), or `import { sleep } from 'workflow:extra'` in a module"),
    (
        "approve",
        "it is SW.extra.approve(question), or `import { approve } from 'workflow:extra'` in a module",
    ),
    ("ask", "it is SW.extra.ask(question), or `import { ask } from 'workflow:extra'` in a module"),
    (
        "waitFor",
        "it is SW.extra.waitFor(name), or `import { waitFor } from 'workflow:extra'` in a module",
    ),
    ("structuredClone", "copy data with JSON.parse(JSON.stringify(value))"),
    ("Buffer", BYTES),
    ("Blob", BYTES),
    ("File", BYTES),
    ("TextEncoder", BYTES),
    ("TextDecoder", BYTES),
    ("atob", BYTES),
    ("btoa", BYTES),
    ("URL", PARSE_URL),
    ("URLSearchParams", PARSE_URL),
    ("crypto", "Math.random() is seeded by the run and replays"),
    ("performance", "use Date.now(), which is the time of the last answer"),
    ("AbortController", "for a time-out race a call against a setTimeout"),
    ("AbortSignal", "for a time-out race a call against a setTimeout"),
    ("Worker", THREADS),
    ("SharedArrayBuffer", THREADS),
    ("Atomics", THREADS),
    ("WebAssembly", THREADS),
    ("window", PAGE),
    ("document", PAGE),
    ("self", GLOBAL),
    ("global", GLOBAL),
    ("Intl", LOCALES),
];

/// A better message for an error that was thrown there; none where there is
/// none.
pub(crate) fn better(
    message: &str,
    stack: &str,
    author: &Author,
    position: Position,
) -> Option<String> {
    if !is_thrown_by_author(stack, author) {
        return None;
    }
    if let Some(name) = message.strip_suffix(NOT_DEFINED) {
        let (_, instead) = INSTEAD.iter().find(|(known, _)| *known == name)?;
        if PEOPLE.contains(&name) && !surface::sees(4) {
            return None;
        }
        let (_, written) = name_at(author, position)?;
        return (written == name).then(|| format!("{message}; {instead}"));
    }
    if message == NOT_A_FUNCTION || message == NOT_A_CONSTRUCTOR {
        return of_callee(message, author, position);
    }
    let (_, what) = message.strip_prefix("cannot read property '")?.rsplit_once("' of ")?;
    let named = expression_at(author, position)?;
    let (base, property) = named.rsplit_once('.')?;
    let base = base.trim_end_matches('?');
    let read = format!("cannot read property '{property}' of ");
    (message.starts_with(&read) && !base.is_empty())
        .then(|| format!("{message}: `{base}` is {what}"))
}

/// Names what is called there, in place of the few words of QuickJS. None where
/// the author's own words may be these, or where the text cannot be read for sure.
fn of_callee(message: &str, author: &Author, position: Position) -> Option<String> {
    if author.text.contains(message) {
        return None;
    }
    let (at, name) = name_at(author, position)?;
    let behind = author.text.get(at + name.len()..)?;
    if name == "new" {
        // Of what is no object at all, QuickJS says the first of both here.
        let named = constructed(behind)?;
        return Some(format!("`{named}` is {NOT_A_CONSTRUCTOR}"));
    }
    if makes_errors(name) || !is_called(behind) {
        return None;
    }
    let named = expression_at(author, position)?;
    let hint = of_promise(&named).unwrap_or_default();
    Some(format!("`{named}` is {message}{hint}"))
}

/// Whether what stands behind a name calls it.
fn is_called(behind: &str) -> bool {
    // A name in brackets: `(o.f)()`.
    let behind = behind.trim_start().trim_start_matches(')').trim_start();
    let behind = behind.strip_prefix("?.").unwrap_or(behind);
    behind.starts_with(['(', '`'])
}

/// Whether an error that is made there is at that name, whatever it says.
fn makes_errors(name: &str) -> bool {
    name.ends_with("Error") || ["super", "captureStackTrace", "construct"].contains(&name)
}

/// Whether it is the author's code that was at work, and not a function that it
/// called.
fn is_thrown_by_author(stack: &str, author: &Author) -> bool {
    stack.lines().next().is_some_and(|line| line.contains(author.internal_name.as_str()))
}

/// Longest expression that is shown, in bytes.
const SHOWN_MAX: usize = 100;

/// How far before a name the rest of its expression is looked for, in bytes.
const LOOK_BACK: usize = 4096;

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$'
}

/// The name at a position and where it begins.
fn name_at(author: &Author, position: Position) -> Option<(usize, &str)> {
    let range = author.line_range(position.line)?;
    let at = range.start + author.text_before(position).len();
    let (before, rest) = author.text.split_at_checked(at)?;
    let end = rest.find(|char| !is_name(char)).unwrap_or(rest.len());
    let name = rest.get(..end).filter(|name| !name.is_empty())?;
    // QuickJS may count a place within a name that is not ASCII.
    let is_whole = !before.ends_with(|char| is_name(char) || char == '#' || char == '\\');
    is_whole.then_some((at, name))
}

/// What is called or read there: `a.b.c` of `a.b.c()`, `a(…).b` of `a(1, 2).b()`.
/// The position is that of the last name.
fn expression_at(author: &Author, position: Position) -> Option<String> {
    let (at, name) = name_at(author, position)?;
    let mut from = at.saturating_sub(LOOK_BACK);
    while !author.text.is_char_boundary(from) {
        from += 1;
    }
    let (mut rest, mut has_comment) = code_before(author.text.get(from..at)?);
    let mut shown = name.to_owned();
    let mut begin = at;
    while let Some(before) = rest.strip_suffix('.') {
        if before.ends_with("..") {
            break;
        }
        if has_comment {
            return None;
        }
        let (before, dot) = match before.strip_suffix('?') {
            Some(before) => (before, "?."),
            None => (before, "."),
        };
        let (before, is_commented) = code_before(before);
        if is_commented {
            return None;
        }
        let (part, left) = part_before(before)?;
        shown = format!("{part}{dot}{shown}");
        begin = from + left.len();
        (rest, has_comment) = code_before(left);
    }
    let is_sure = is_plain_code(author.text.get(begin..at)?);
    (is_sure && shown.len() <= SHOWN_MAX).then_some(shown)
}

/// A text without the blanks and comments at its end, and whether there is a
/// comment among them. `//` in a text counts as one too.
fn code_before(text: &str) -> (&str, bool) {
    let (mut rest, mut has_comment) = (text, false);
    loop {
        let code = rest.trim_end();
        let ends_line = rest.get(code.len()..).unwrap_or_default().contains(['\n', '\r']);
        let line = code.rfind('\n').map_or(0, |at| at + 1);
        let begin = match code.ends_with("*/") {
            true => code.rfind("/*"),
            false if ends_line => {
                code.get(line..).and_then(|line| line.find("//")).map(|at| line + at)
            }
            false => None,
        };
        let Some(before) = begin.and_then(|at| code.get(..at)) else { return (code, has_comment) };
        (rest, has_comment) = (before, true);
    }
}

/// Whether brackets and quotation marks can be told from those in comments,
/// regular expressions and behind backslashes: there are none of these.
fn is_plain_code(code: &str) -> bool {
    let begins_regex = |(at, _): (usize, &str)| {
        let before = code.get(..at).unwrap_or_default().trim_end();
        before
            .ends_with(['(', '[', '{', '}', ',', ';', ':', '=', '!', '&', '|', '?', '+', '-', '>'])
    };
    !code.contains('\\')
        && !code.contains("//")
        && !code.contains("/*")
        && !code.match_indices('/').any(begins_regex)
}

/// The last part of a text, without what stands in its brackets, and what stands
/// before it: `f(…)` of `a.f(1, g(2))`.
fn part_before(text: &str) -> Option<(String, &str)> {
    let mut rest = text;
    let mut brackets = String::new();
    while let Some(close @ (')' | ']')) = rest.chars().next_back() {
        let (inside, left) = bracket_before(rest)?;
        let shown = match (close, inside) {
            (')', "") => "()".to_owned(),
            (')', _) => "(…)".to_owned(),
            (_, inside) if inside.len() <= 12 => format!("[{inside}]"),
            _ => "[…]".to_owned(),
        };
        brackets.insert_str(0, &shown);
        rest = left.trim_end();
    }
    let begin = rest.char_indices().rev().take_while(|(_, char)| is_name(*char)).last();
    let (left, name) = rest.split_at(begin.map_or(rest.len(), |(at, _)| at));
    let is_word = ["await", "return", "yield", "typeof", "void", "of", "in"].contains(&name);
    if is_word && !brackets.is_empty() {
        return Some((brackets, rest));
    }
    (!name.is_empty() || !brackets.is_empty()).then(|| (format!("{name}{brackets}"), left))
}

/// What stands in the bracket that closes at the end of a text, and what before
/// it. None where quotation marks or brackets do not pair.
fn bracket_before(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, char) in text.char_indices().rev() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(char),
            (None, ')' | ']' | '}') => depth += 1,
            (None, '(' | '[' | '{') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some((text.get(at + 1..text.len() - 1)?.trim(), text.get(..at)?));
                }
            }
            _ => {}
        }
    }
    None
}

/// Said of a method of what a primitive gives.
fn of_promise(expression: &str) -> Option<String> {
    let (call, _) = expression.rsplit_once('.')?;
    let call = call.trim_end_matches('?');
    let name = call.strip_suffix("(…)")?;
    let is_primitive = ["agent", "workflow", "parallel", "pipeline", "sleep"].contains(&name)
        || (PEOPLE.contains(&name) && surface::sees(4));
    is_primitive.then(|| format!("; {name}() gives a promise: await it first, `(await {call})`"))
}

/// What is constructed, of the text behind `new`; none but for names with dots.
fn constructed(behind: &str) -> Option<&str> {
    let behind = behind.trim_start();
    let end = behind.find(|char| !is_name(char) && char != '.').unwrap_or(behind.len());
    let (shown, rest) = behind.split_at(end);
    let last = shown.rsplit('.').next().unwrap_or_default();
    let rest = rest.trim_start_matches([' ', '\t']);
    let is_whole = rest.is_empty() || rest.starts_with(['(', ')', ']', '}', ',', ';', '\r', '\n']);
    let is_sure = is_whole && !last.is_empty() && !makes_errors(last);
    (is_sure && shown.len() <= SHOWN_MAX).then_some(shown)
}
