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
    if message == "not a function" && is_thrown_by_author(stack) {
        return Some(format!("{} is not a function", callee(author, position)?));
    }
    None
}

/// Whether it is the author's code that was at work, and not a function that it
/// called.
fn is_thrown_by_author(stack: &str) -> bool {
    stack.lines().next().is_some_and(|line| line.contains(INTERNAL_NAME))
}

/// What is called there: `a.b.c` of `a.b.c()`. The position is that of `c`.
fn callee(author: &Author, position: Position) -> Option<String> {
    let is_name = |char: char| char.is_alphanumeric() || char == '_' || char == '$';
    let range = author.line_range(position.line)?;
    let before = author.text_before(position);
    let line = author.text.get(range)?;
    let behind = line.get(before.len()..)?;
    let name = behind.split(|char| !is_name(char)).next().unwrap_or_default();
    let on = before.rsplit(|char| !(is_name(char) || char == '.' || char == '?')).next();
    let whole = format!("{}{name}", on.unwrap_or_default());
    let whole = whole.trim_start_matches(['.', '?']);
    (!name.is_empty() && whole.len() <= 100).then(|| format!("`{whole}`"))
}
