//! Imports of names that do not exist.
//!
//! Owns: the names of `workflow:extra`, and finding an import of another name. Never:
//! reports a doubtful case; the guest's parser refuses those.

use super::modules::all_imports;
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

/// The first `import { name } from 'workflow:extra'`, or `export`, of a name that does not
/// exist.
#[must_use]
pub fn missing_export(text: &str) -> Option<MissingExport> {
    // Most scripts import nothing.
    if !text.contains(MODULE) {
        return None;
    }
    let ours = all_imports(text).into_iter().filter(|import| import.specifier == MODULE);
    let mut names = ours.flat_map(|import| import.names);
    let (name, at) = names.find(|(name, _)| !EXPORTS.contains(&name.as_str()))?;
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
            ("export { nap } from 'workflow:extra'", "nap", 1, 10),
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
