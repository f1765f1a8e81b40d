//! Imports of names that do not exist.
//!
//! Owns: the names of `workflow:extra`, and finding an import of another name. Never:
//! reports a doubtful case; the guest's parser refuses those.

use super::lexer::{Kind, Lexer, Token};
use super::position::{Position, position_at};

/// The module that a script can import.
const MODULE: &str = "workflow:extra";

/// The names that it exports.
pub const EXPORTS: [&str; 5] = ["sleep", "approve", "ask", "waitFor", "default"];

/// An import of a name that its module does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingExport {
    /// The name in the script.
    pub name: String,
    /// Position of the name.
    pub at: Position,
}

/// The first `import { name } from 'workflow:extra'` of a name that does not exist.
#[must_use]
pub fn missing_export(text: &str) -> Option<MissingExport> {
    // Most scripts import nothing.
    if !text.contains(MODULE) {
        return None;
    }
    let mut lexer = Lexer::new(text);
    loop {
        let token = lexer.next().ok()?;
        if token.kind == Kind::End {
            return None;
        }
        if token.kind == Kind::Word
            && lexer.text(token) == "import"
            && lexer.depth() == 0
            && let Some(found) = in_clause(&mut lexer, text)
        {
            return Some(found);
        }
    }
}

/// The first missing name between the braces of one import; none if there are no braces
/// or it is another module.
fn in_clause(lexer: &mut Lexer<'_>, text: &str) -> Option<MissingExport> {
    let is = |lexer: &Lexer<'_>, token: Token, kind, word: &str| {
        token.kind == kind && lexer.text(token) == word
    };
    let mut next = lexer.next().ok()?;
    // `import extra, { sleep } from …`
    if next.kind == Kind::Word && !is(lexer, next, Kind::Word, "from") {
        let comma = lexer.next().ok()?;
        if !is(lexer, comma, Kind::Mark, ",") {
            return None;
        }
        next = lexer.next().ok()?;
    }
    if !is(lexer, next, Kind::Mark, "{") {
        return None;
    }
    let mut missing = None;
    let mut is_name = true;
    loop {
        let token = lexer.next().ok()?;
        match (token.kind, lexer.text(token)) {
            (Kind::Mark, "}") => break,
            (Kind::Mark, ",") => is_name = true,
            (Kind::Word | Kind::Text, word) => {
                let name = word.trim_matches(['\'', '"']);
                if is_name && missing.is_none() && !EXPORTS.contains(&name) {
                    missing = Some((name.to_owned(), token.start));
                }
                // In `a as b`, the rest is the script's own name.
                is_name = false;
            }
            _ => return None,
        }
    }
    let from = lexer.next().ok()?;
    let module = lexer.next().ok()?;
    let is_ours = is(lexer, from, Kind::Word, "from")
        && module.kind == Kind::Text
        && lexer.text(module).trim_matches(['\'', '"']) == MODULE;
    let (name, at) = missing.filter(|_| is_ours)?;
    Some(MissingExport { name, at: position_at(text, at) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_of_a_missing_name_is_found_with_its_position() {
        for (text, name, line, column) in [
            ("import { slep } from 'workflow:extra'", "slep", 1, 10),
            ("\nimport { sleep, nap as n } from \"workflow:extra\"", "nap", 2, 17),
            ("import extra, { sleep as s,\n  wait } from 'workflow:extra';", "wait", 2, 3),
            ("import { sleep } from 'workflow:extra'\nimport {x} from 'workflow:extra'", "x", 2, 9),
        ] {
            let found = missing_export(text).unwrap();
            let at = Position { line, column };
            assert_eq!(found, MissingExport { name: name.to_owned(), at }, "{text}");
        }
    }

    #[test]
    fn other_imports_are_not_reported() {
        for text in [
            "import { sleep } from 'workflow:extra'",
            "import { sleep as slep } from 'workflow:extra'",
            "import { default as extra, } from 'workflow:extra'",
            "import extra from 'workflow:extra'",
            "import * as extra from 'workflow:extra'",
            "import { x } from 'other' // workflow:extra",
            "import 'workflow:extra'",
            "const a = `import { x } from 'workflow:extra'`",
            "// import { x } from 'workflow:extra'",
            "const e = await import('workflow:extra'); e.x",
            "import { x ",
            "import { x } from 'workflow:extra",
        ] {
            assert_eq!(missing_export(text), None, "{text}");
        }
    }
}
