//! The context of the next token, from the tokens before it.
//!
//! Owns: the open brackets, and whether an expression may end here, which distinguishes
//! a division from a regular expression. Never: reads text.

use super::lexer::Kind;

/// Kinds of open brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// `(` after `if`, `while`, `for` or `with`: a statement follows its end.
    Condition,
    Paren,
    Bracket,
    /// `{` of statements.
    Block,
    /// `{` of an object.
    Object,
    /// `${` in a template.
    Template,
}

/// The kind of the token before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The start of the script.
    Nothing,
    /// `if`, `while`, `for`, `with`.
    Condition,
    /// A keyword that a block follows: `do`, `else`, `try`, `finally`.
    BlockWord,
    /// A keyword that an expression follows.
    Operator,
    /// `.` or `?.`: what follows is a name, even if it looks like a keyword.
    Dot,
    Name,
    /// `)`, `]`, `}`, `;`, `=>`: a block may follow.
    BlockMark,
    Colon,
    Other,
}

/// The open brackets around the next token, and the token before it.
#[derive(Debug, Clone)]
pub(super) struct Context {
    open: Vec<Open>,
    before: Before,
    /// Whether the token before can end an expression.
    operand: bool,
}

impl Context {
    pub(super) fn new() -> Self {
        Self { open: Vec::new(), before: Before::Nothing, operand: false }
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether `}` continues a template.
    pub(super) fn in_template(&self) -> bool {
        self.open.last() == Some(&Open::Template)
    }

    /// Whether `/` begins a regular expression.
    pub(super) fn wants_operand(&self) -> bool {
        !self.operand
    }

    /// Takes note of a token.
    pub(super) fn follow(&mut self, kind: Kind, text: &str) {
        match kind {
            Kind::Word => self.follow_word(text),
            Kind::Mark => self.follow_mark(text),
            Kind::Number | Kind::Text | Kind::Template | Kind::Regex => {
                self.is(Before::Other, true);
            }
            Kind::TemplateOpen => {
                self.open.push(Open::Template);
                self.is(Before::Other, false);
            }
            Kind::TemplateMore => self.is(Before::Other, false),
            Kind::TemplateClose => {
                self.open.pop();
                self.is(Before::Other, true);
            }
            Kind::End => {}
        }
    }

    fn is(&mut self, before: Before, operand: bool) {
        self.before = before;
        self.operand = operand;
    }

    fn follow_word(&mut self, word: &str) {
        if self.before == Before::Dot {
            return self.is(Before::Name, true);
        }
        match word {
            "if" | "while" | "for" | "with" => self.is(Before::Condition, false),
            "do" | "else" | "try" | "finally" => self.is(Before::BlockWord, false),
            "return" | "typeof" | "case" | "in" | "instanceof" | "new" | "void" | "delete"
            | "throw" | "yield" | "await" | "default" | "extends" => {
                self.is(Before::Operator, false);
            }
            _ => self.is(Before::Name, true),
        }
    }

    fn follow_mark(&mut self, mark: &str) {
        match mark {
            "(" => {
                let condition = self.before == Before::Condition;
                self.open.push(if condition { Open::Condition } else { Open::Paren });
                self.is(Before::Other, false);
            }
            "[" => {
                self.open.push(Open::Bracket);
                self.is(Before::Other, false);
            }
            "{" => {
                self.open.push(if self.opens_block() { Open::Block } else { Open::Object });
                self.is(Before::BlockMark, false);
            }
            // The guest's parser reports a bracket that closes another kind; here only
            // the depth counts.
            ")" => {
                let closed = self.open.pop();
                self.is(Before::BlockMark, closed != Some(Open::Condition));
            }
            "]" => {
                self.open.pop();
                self.is(Before::BlockMark, true);
            }
            "}" => {
                let closed = self.open.pop();
                self.is(Before::BlockMark, closed == Some(Open::Object));
            }
            ";" | "=>" => self.is(Before::BlockMark, false),
            "." | "?." => self.is(Before::Dot, false),
            ":" => self.is(Before::Colon, false),
            // After an operand they belong to it, otherwise to the next one.
            "++" | "--" => self.before = Before::Other,
            _ => self.is(Before::Other, false),
        }
    }

    fn opens_block(&self) -> bool {
        match self.before {
            Before::Nothing
            | Before::Condition
            | Before::BlockWord
            | Before::Name
            | Before::BlockMark
            | Before::Dot => true,
            Before::Operator | Before::Other => false,
            Before::Colon => self.open.last() != Some(&Open::Object),
        }
    }
}
