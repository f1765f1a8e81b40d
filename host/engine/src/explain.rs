//! Better messages for scripts that the guest's parser refuses.
//!
//! Owns: the messages about mistakes that a JavaScript parser misreads (an import in a
//! body, an export beside a `return`, types), and about imports of names that do not
//! exist. Never: refuses a script, except for such an import.

use smol_wf_core::guest::ScriptError;
use smol_wf_core::near;
use smol_wf_core::script::{EXPORTS, Script, is_typescript, missing_export};
use smol_wf_core::surface::Surface;

/// Endings of files that hold TypeScript, or more, and are read as JavaScript.
const OTHER_ENDINGS: [&str; 3] = [".cts", ".tsx", ".jsx"];

/// Words that begin a declaration only in TypeScript.
const DECLARING: [&str; 6] = ["interface", "type", "enum", "declare", "namespace", "abstract"];

/// Words that stand before a class member only in TypeScript.
const MODIFYING: [&str; 4] = ["private", "public", "protected", "readonly"];

/// The error for a script, or one of its modules, that imports a name that does not exist. The guest notices it
/// only when it links the module, and does not give the position.
pub(crate) fn wrong_import(script: &Script, surface: Surface) -> Option<ScriptError> {
    if surface.is_first() {
        return None;
    }
    let own = || Some((None, missing_export(&script.text)?));
    let (file, missing) = own().or_else(|| {
        script
            .modules
            .iter()
            .find_map(|module| Some((Some(module.path.clone()), missing_export(&module.text)?)))
    })?;
    let name = &missing.name;
    let meant = near::suggestion(name, EXPORTS);
    let known = "; it has `sleep`, `approve`, `ask` and `waitFor`";
    let meant = if meant.is_empty() { known.to_owned() } else { meant };
    Some(ScriptError {
        code: "import".to_owned(),
        name: "ImportError".to_owned(),
        message: format!("`workflow:extra` has no export `{name}`{meant}"),
        file,
        line: missing.at.line,
        column: missing.at.column,
        stack: String::new(),
        failure: None,
    })
}

/// The alternative to a module that people expect but that does not exist.
fn instead_of_import(message: &str) -> Option<&'static str> {
    let name = message.strip_prefix("cannot import `")?.split('`').next()?;
    match name {
        "workflow:sandbox" => Some(
            "a script runs no commands itself, so there is no `exec`: ask an agent to run them, as in agent('run the tests and say what fails')",
        ),
        _ => near::nearest(name, ["workflow:extra"]).map(|_| "did you mean `workflow:extra`?"),
    }
}

/// The error with a better message, if there is one.
pub(crate) fn explain(error: ScriptError, text: &str, file_name: &str) -> ScriptError {
    if let Some(instead) = instead_of_import(&error.message) {
        let cannot = error.message.split("`: ").next().unwrap_or_default();
        return ScriptError { message: format!("{cannot}`: {instead}"), ..error };
    }
    if error.code != "syntax" || error.line == 0 {
        return error;
    }
    let line = usize::try_from(error.line - 1).ok().and_then(|index| text.lines().nth(index));
    let Some(line) = line else { return error };
    let column = usize::try_from(error.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
    let (before, rest) = line.split_at(at);
    if let Some(import) = import_in_body(&error.message, line, before) {
        return import_error(error, line, import);
    }
    if error.message == "unsupported keyword: export" {
        return ScriptError { message: EXPORT_IN_BODY.to_owned(), ..error };
    }
    if let Some(message) = declared_twice(&error.message, rest) {
        return ScriptError { message, ..error };
    }
    if !is_typescript(file_name)
        && (OTHER_ENDINGS.iter().any(|end| file_name.ends_with(end))
            || is_type(&error.message, before, rest))
    {
        return ScriptError {
            message: format!(
                "{}; if that is TypeScript, the name of the file must end in .ts or .mts",
                error.message
            ),
            ..error
        };
    }
    error
}

/// The message about an `export` besides that of `meta` in a body, or inside a block.
const EXPORT_IN_BODY: &str = "`export` cannot stand here: a script that returns at top level exports its `meta` and nothing else, and in a module it stands outside of all blocks. Either `return` the result at top level, or `export default` it, not both";

/// The message with the name that is declared twice. The parser does not give the name.
fn declared_twice(message: &str, rest: &str) -> Option<String> {
    let is_that = message.starts_with("invalid redefinition of")
        || message.starts_with("redefinition of")
        || message == "duplicate parameter names not allowed in this context";
    let name = first_word(rest);
    (is_that && !name.is_empty()).then(|| {
        format!("`{name}` is declared twice in one scope; give one of the two another name")
    })
}

/// The byte of the line at which an `import` begins, which a body cannot have. The parser
/// takes the word for the start of `import()` and reports an error after it.
fn import_in_body(message: &str, line: &str, before: &str) -> Option<usize> {
    const WORD: &str = "import";
    if !message.to_lowercase().starts_with("unexpected") {
        return None;
    }
    let start = line.len() - line.trim_start().len();
    if let Some(behind) = line.trim_start().strip_prefix(WORD)
        && !behind.starts_with(is_word)
    {
        let next = behind.trim_start().chars().next();
        if next.is_none_or(|next| is_word(next) || "{*'\"/".contains(next)) {
            return Some(start);
        }
    }
    let head = before.trim_end().strip_suffix(WORD)?;
    let separate = !head.ends_with(|before| is_word(before) || before == '.');
    separate.then_some(head.len())
}

/// What an import in a body comes to.
const IMPORT_IN_BODY: &str = "this script is a body, with `return` at top level, and a body cannot import anything; what `workflow:extra` has is there without: `SW.sleep`; put other code into the script, or write a module with `export default async (args, ctx) => …`";

/// Whether the error is that of an import in a body.
pub(crate) fn is_of_body(error: &ScriptError) -> bool {
    error.message == IMPORT_IN_BODY
}

fn import_error(error: ScriptError, line: &str, at: usize) -> ScriptError {
    let column = line.get(..at).unwrap_or_default().chars().count() + 1;
    ScriptError {
        code: "import".to_owned(),
        message: IMPORT_IN_BODY.to_owned(),
        column: u32::try_from(column).unwrap_or(1),
        ..error
    }
}

/// Whether the parser failed at a TypeScript type, as far as one line tells. Not all types
/// are recognised.
fn is_type(message: &str, before: &str, rest: &str) -> bool {
    let head = before.trim_end();
    let last = last_word(head);
    let word = first_word(rest);
    let annotates = |text: &str| {
        let text = text.trim_start();
        let text = text.strip_prefix('?').unwrap_or(text);
        text.strip_prefix(':').is_some_and(|behind| {
            behind.trim_start().starts_with(|next: char| is_word(next) && !next.is_ascii_digit())
                || behind.trim_start().starts_with(['{', '[', '(', '\''])
        })
    };
    match message {
        // `const x: T = …`; `const m = new Map<K, V>()`; `const [a]: T = …`
        "missing initializer for variable" => {
            let behind = rest.trim_start_matches(is_word);
            annotates(behind) || (behind.starts_with('>') && head.contains('<'))
        }
        "variable name expected" => behind_brackets(rest).is_some_and(annotates),
        // `let x: T`, `x as T`, `x!`, `type T = …`, `private x`
        "expecting ';'" => {
            let declares = ["let ", "var "].iter().any(|word| head.trim_start().starts_with(word));
            let member = head.contains("class ") || head.trim_start() == last;
            (annotates(rest) && (declares || member))
                || ["as", "satisfies"].contains(&word)
                || (rest.starts_with('!') && head == before && head.ends_with(is_word))
                || (DECLARING.contains(&last) && head.trim_start().split(' ').count() <= 2)
                || MODIFYING.contains(&last)
        }
        // `(x: T) => …`, `f(): T {`, `(x?: T) => …`
        "Unexpected token ':'" => annotates(rest) && head.contains('('),
        "Unexpected token '?'" => annotates(rest),
        // Words that strict code reserves.
        "unexpected token in expression: 'interface'"
        | "unexpected token in expression: 'private'"
        | "unexpected token in expression: 'protected'"
        | "unexpected token in expression: 'public'" => true,
        "unexpected token in expression: ':'" => head.ends_with('?') && annotates(rest),
        "Unexpected identifier 'as'" | "Unexpected identifier 'satisfies'" => true,
        "unsupported keyword: enum" => true,
        "invalid export syntax" => {
            let behind = rest.trim_start().strip_prefix("export").unwrap_or(rest);
            DECLARING.contains(&first_word(behind.trim_start()))
        }
        "from clause expected" => last == "type",
        "Unexpected token '<'" => head.trim_end_matches(is_word).ends_with("function "),
        // `<T>(x: T) => x`
        "unexpected token in expression: '<'" => {
            rest.split_once('>').is_some_and(|(_, behind)| behind.starts_with('('))
        }
        _ => false,
    }
}

/// The text after the brackets that a text begins with.
fn behind_brackets(text: &str) -> Option<&str> {
    let mut depth = 0_u32;
    for (at, char) in text.char_indices() {
        match char {
            '[' | '{' => depth += 1,
            ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return text.get(at + 1..);
                }
            }
            _ => {}
        }
    }
    None
}

fn first_word(text: &str) -> &str {
    let end = text.find(|char| !is_word(char)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn last_word(text: &str) -> &str {
    let word = text.trim_end_matches(is_word).len();
    text.get(word..).unwrap_or_default()
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$'
}
