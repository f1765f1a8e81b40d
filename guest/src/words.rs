//! What QuickJS says of an error, in words that help.
//!
//! Owns: the names of callees, and what there is in place of a name that is not
//! defined. Never: changes what a script sees of its errors.

use crate::author::{Author, INTERNAL_NAME, Position};

const NOT_DEFINED: &str = " is not defined";

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

/// Names that scripts reach for, and what there is instead.
const INSTEAD: [(&str, &str); 47] = [
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
    if let Some(name) = message.strip_suffix(NOT_DEFINED) {
        let (_, instead) = INSTEAD.iter().find(|(known, _)| *known == name)?;
        return Some(format!("{message}; {instead}"));
    }
    if !is_thrown_by_author(stack) {
        return None;
    }
    if message == "not a function" || message == "not a constructor" {
        // Of what is no object at all, QuickJS says the first of both here.
        if let Some(named) = constructed(author, position) {
            return Some(format!("`{named}` is not a constructor"));
        }
        let named = expression_at(author, position)?;
        let hint = of_promise(&named).unwrap_or_default();
        return Some(format!("`{named}` is {message}{hint}"));
    }
    let (_, what) = message.strip_prefix("cannot read property '")?.rsplit_once("' of ")?;
    let named = expression_at(author, position)?;
    let (base, property) = named.rsplit_once('.')?;
    let base = base.trim_end_matches('?');
    let read = format!("cannot read property '{property}' of ");
    (message.starts_with(&read) && !base.is_empty())
        .then(|| format!("{message}: `{base}` is {what}"))
}

/// Whether it is the author's code that was at work, and not a function that it
/// called.
fn is_thrown_by_author(stack: &str) -> bool {
    stack.lines().next().is_some_and(|line| line.contains(INTERNAL_NAME))
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
    let rest = author.text.get(at..)?;
    let end = rest.find(|char| !is_name(char)).unwrap_or(rest.len());
    let name = rest.get(..end).filter(|name| !name.is_empty())?;
    Some((at, name))
}

/// What is called or read there: `a.b.c` of `a.b.c()`, `a(…).b` of `a(1, 2).b()`.
/// The position is that of the last name.
fn expression_at(author: &Author, position: Position) -> Option<String> {
    let (at, name) = name_at(author, position)?;
    let mut from = at.saturating_sub(LOOK_BACK);
    while !author.text.is_char_boundary(from) {
        from += 1;
    }
    let mut rest = author.text.get(from..at)?.trim_end();
    let mut shown = name.to_owned();
    while let Some(before) = rest.strip_suffix('.') {
        let (before, dot) = match before.strip_suffix('?') {
            Some(before) => (before, "?."),
            None => (before, "."),
        };
        let Some((part, left)) = part_before(before.trim_end()) else {
            return plain(shown);
        };
        shown = format!("{part}{dot}{shown}");
        rest = left.trim_end();
    }
    plain(shown)
}

fn plain(shown: String) -> Option<String> {
    (shown.len() <= SHOWN_MAX).then_some(shown)
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
    let is_primitive = ["agent", "workflow", "parallel", "pipeline", "sleep"].contains(&name);
    is_primitive.then(|| format!("; {name}() gives a promise: await it first, `(await {call})`"))
}

/// What the `new` stands before whose position it is.
fn constructed(author: &Author, position: Position) -> Option<String> {
    let (at, name) = name_at(author, position)?;
    if name != "new" {
        return None;
    }
    let rest = author.text.get(at + name.len()..)?.trim_start();
    let end = rest.find(|char| !is_name(char) && char != '.').unwrap_or(rest.len());
    let shown = rest.get(..end)?.trim_end_matches('.');
    (!shown.is_empty() && shown.len() <= SHOWN_MAX).then(|| shown.to_owned())
}
