//! TypeScript scripts: which files they are, and why one is refused.
//!
//! Owns: the endings, the reasons of a refusal, and what to write instead. Never: strips
//! a text; the sandbox does, because a parser meets any nesting that a text may have.

use super::errors::{Fault, ScriptRefusal};
use crate::codes::Code;

/// Endings of files that hold TypeScript.
pub const TYPESCRIPT_ENDINGS: [&str; 2] = [".ts", ".mts"];

/// Whether a file of this name holds TypeScript.
#[must_use]
pub fn is_typescript(file_name: &str) -> bool {
    TYPESCRIPT_ENDINGS.iter().any(|ending| file_name.ends_with(ending))
}

/// Why the types of a text cannot be blanked. Offsets are bytes of the author's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StripFault {
    /// It cannot be parsed.
    Syntax {
        /// Where.
        at: usize,
        /// The parser's message.
        message: String,
    },
    /// It holds something that is more than a type.
    NotErasable {
        /// Where.
        at: usize,
        /// What.
        what: NotErasable,
    },
    /// It is nested too deeply, or takes too much time or memory.
    TooMuch {
        /// Where, if that is known.
        at: Option<usize>,
    },
    /// The stripper itself failed.
    Broken {
        /// Its error.
        detail: String,
    },
}

/// Syntax of TypeScript that runs, so that blanks cannot take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotErasable {
    /// `enum`.
    Enum,
    /// A namespace with values.
    Namespace,
    /// A parameter of a constructor that makes a property.
    ParameterProperty,
    /// `import x = …`.
    ImportEquals,
    /// `export = …`.
    ExportEquals,
    /// `<T>x`.
    Assertion,
    /// A decorator.
    Decorator,
    /// JSX.
    Jsx,
    /// Without its types, the text would mean something else.
    Ambiguous,
}

impl NotErasable {
    /// What was found, and what to write instead.
    fn sentence(self) -> &'static str {
        match self {
            Self::Enum => {
                "an `enum` is more than a type; write an object: `const Level = { low: 'low', high: 'high' } as const`"
            }
            Self::Namespace => {
                "a namespace with values is more than a type; write an object, or put the code into a module of its own"
            }
            Self::ParameterProperty => {
                "a parameter that makes a property is more than a type; declare the property, and assign it in the constructor"
            }
            Self::ImportEquals => {
                "`import x = …` is not part of JavaScript; write `import x from '…'`"
            }
            Self::ExportEquals => "`export = …` is not part of JavaScript; write `export default`",
            Self::Assertion => "`<T>x` cannot be erased; write `x as T`",
            Self::Decorator => "decorators cannot run here; call the function yourself",
            Self::Jsx => "JSX cannot run here; write a string or a template",
            Self::Ambiguous => {
                "without its types this would mean something else; put parentheses around the part with the type, as in `(x as T) * 2`"
            }
        }
    }
}

impl StripFault {
    /// The refusal of this text.
    #[must_use]
    pub fn with_position(self, text: &str, file_name: &str) -> ScriptRefusal {
        let fault = match self {
            Self::Syntax { at, message } => Fault::new(Code::TypescriptSyntax, at, message),
            Self::NotErasable { at, what } => {
                Fault::new(Code::TypescriptRefused, at, what.sentence())
            }
            Self::TooMuch { at } => {
                let at = at.unwrap_or_else(|| deepest(text));
                let message = "the code is nested too deeply, or too large, for its types to be erased; split it up";
                Fault::new(Code::TypescriptTooDeep, at, message)
            }
            Self::Broken { detail } => {
                let message = format!("types could not be erased: {detail}");
                Fault::new(Code::TypescriptFailed, 0, message)
            }
        };
        fault.with_position(text, file_name)
    }
}

/// The byte at which brackets are nested most deeply; strings and comments are not told
/// apart. Without brackets, the beginning of the longest line.
fn deepest(text: &str) -> usize {
    /// Less is not what overflowed a stack.
    const DEPTH_MIN: usize = 100;
    let (mut depth, mut most, mut at) = (0_usize, 0_usize, 0_usize);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => {
                depth += 1;
                if depth > most {
                    (most, at) = (depth, index);
                }
            }
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if most >= DEPTH_MIN {
        return at;
    }
    let mut start = 0;
    let mut longest = (0, 0);
    for line in text.split_inclusive('\n') {
        if line.len() > longest.0 {
            longest = (line.len(), start);
        }
        start += line.len();
    }
    longest.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_decides() {
        for (name, is) in
            [("a.ts", true), ("a.mts", true), ("a.js", false), ("a.cts", false), ("a.tsx", false)]
        {
            assert_eq!(is_typescript(name), is, "{name}");
        }
    }

    #[test]
    fn too_much_nesting_has_a_place() {
        let nested = format!("let a = 1\nlet b = {}", "[".repeat(500));
        let refused = StripFault::TooMuch { at: None }.with_position(&nested, "a.ts");
        assert_eq!((refused.code, refused.line, refused.column), (Code::TypescriptTooDeep, 2, 508));
        let chain = format!("let a = 1\nlet b = {}1", "!".repeat(500));
        let refused = StripFault::TooMuch { at: None }.with_position(&chain, "a.ts");
        assert_eq!((refused.line, refused.column), (2, 1));
    }
}
