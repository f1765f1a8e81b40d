//! Why a text is refused.
//!
//! Owns: the numbers by which the host knows the reasons; numbers are only added.
//! Never: words for people, except for the parser's own.

/// A refusal, and the byte at which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Byte offset in the author's text.
    pub at: u32,
    /// The reason.
    pub reason: Reason,
    /// The parser's message; empty for other reasons.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(at: u32, reason: Reason) -> Self {
        Self { at, reason, message: String::new() }
    }

    pub(crate) fn syntax(at: u32, message: impl Into<String>) -> Self {
        Self { at, reason: Reason::Syntax, message: message.into() }
    }
}

/// The reason of a refusal. 0 means that the text was stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// It cannot be parsed.
    Syntax = 1,
    /// `enum`.
    Enum = 2,
    /// A namespace with values.
    Namespace = 3,
    /// A parameter of a constructor that makes a property.
    ParameterProperty = 4,
    /// `import x = …`.
    ImportEquals = 5,
    /// `export = …`.
    ExportEquals = 6,
    /// `<T>x`.
    Assertion = 7,
    /// A decorator.
    Decorator = 8,
    /// JSX.
    Jsx = 9,
    /// Without its types, the text would mean something else.
    Ambiguous = 10,
    /// Expressions are nested too deeply.
    TooDeep = 11,
}
