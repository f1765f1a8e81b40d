//! Tokens of JavaScript, without its grammar.
//!
//! Owns: where strings, templates, comments and regular expressions begin and end, and
//! how deep in brackets a token is. Never: checks more syntax than that; the guest's
//! parser may refuse what passes here.
//!
//! Whether `/` divides or begins a regular expression depends on the grammar. Here the
//! token before it decides, which is right except in contrived code. A `/` divides as
//! well if no regular expression ends on its line.

use super::context::Context;
use super::errors::Fault;
use super::position::is_line_end;
use crate::codes::Code;

/// Kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or an identifier.
    Word,
    Number,
    /// A string in single or double quotes.
    Text,
    /// A template without `${`.
    Template,
    /// A template up to its first `${`.
    TemplateOpen,
    /// From a `}` in a template to its next `${`.
    TemplateMore,
    /// From a `}` in a template to its end.
    TemplateClose,
    Regex,
    /// An operator, a bracket, or any other character.
    Mark,
    End,
}

/// One token; `start` and `end` are byte offsets in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether a line ends between the token before and this one.
    pub(super) on_new_line: bool,
}

/// Reads tokens one after the other.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    context: Context,
    /// No regular expression begins before this offset: one was tried on the line, and
    /// did not end. Keeps the time linear.
    no_regex_until: usize,
    peeked: Option<Token>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut lexer =
            Self { text, at: 0, context: Context::new(), no_regex_until: 0, peeked: None };
        if text.trim_start_matches('\u{feff}').starts_with("#!") {
            lexer.skip_line();
        }
        lexer
    }

    /// The text of a token.
    pub(super) fn text(&self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// Number of brackets that are open after the last token read.
    pub(super) fn depth(&self) -> usize {
        self.context.depth()
    }

    /// The next token, without taking it.
    pub(super) fn peek(&mut self) -> Result<Token, Fault> {
        if let Some(token) = self.peeked {
            return Ok(token);
        }
        let token = self.read()?;
        self.peeked = Some(token);
        Ok(token)
    }

    /// Takes the next token; at the end always [`Kind::End`].
    pub(super) fn next(&mut self) -> Result<Token, Fault> {
        match self.peeked.take() {
            Some(token) => Ok(token),
            None => self.read(),
        }
    }

    fn read(&mut self) -> Result<Token, Fault> {
        let on_new_line = self.skip_space()?;
        let start = self.at;
        let kind = match self.char() {
            None => Kind::End,
            Some('"' | '\'') => self.string()?,
            Some('`') => self.template(Kind::Template, Kind::TemplateOpen)?,
            Some('}') if self.context.in_template() => {
                self.template(Kind::TemplateClose, Kind::TemplateMore)?
            }
            Some('/') if self.context.wants_operand() && self.regex() => Kind::Regex,
            Some('.') if self.char_after(1).is_some_and(|c| c.is_ascii_digit()) => self.number(),
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(c) if c == '\\' || is_word_part(c) => {
                self.word();
                Kind::Word
            }
            Some(c) => {
                self.mark(c);
                Kind::Mark
            }
        };
        let token = Token { kind, start, end: self.at, on_new_line };
        self.context.follow(kind, self.text(token));
        Ok(token)
    }

    fn char(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn char_after(&self, bytes: usize) -> Option<char> {
        self.text.get(self.at + bytes..)?.chars().next()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find(is_line_end).unwrap_or(self.rest().len());
    }

    /// Skips white space and comments. Returns whether a line ended among them.
    fn skip_space(&mut self) -> Result<bool, Fault> {
        let mut new_line = false;
        while let Some(c) = self.char() {
            if is_space(c) {
                new_line |= is_line_end(c);
                self.at += c.len_utf8();
            } else if self.rest().starts_with("//") {
                self.skip_line();
            } else if self.rest().starts_with("/*") {
                let comment = self.rest();
                let Some(end) = comment.get(2..).and_then(|inner| inner.find("*/")) else {
                    return Err(self.endless(self.at, "comment"));
                };
                let end = end + 4;
                new_line |= comment.get(..end).is_some_and(|inner| inner.contains(is_line_end));
                self.at += end;
            } else {
                break;
            }
        }
        Ok(new_line)
    }

    fn endless(&self, at: usize, what: &str) -> Fault {
        Fault::new(Code::ScriptSyntax, at, format!("this {what} never ends"))
    }

    fn string(&mut self) -> Result<Kind, Fault> {
        let start = self.at;
        let mut chars = self.rest().char_indices();
        let quote = chars.next().map(|(_, quote)| quote);
        while let Some((offset, c)) = chars.next() {
            if Some(c) == quote {
                self.at = start + offset + c.len_utf8();
                return Ok(Kind::Text);
            }
            match c {
                '\\' => {
                    // In a line continuation, CR LF is one line end.
                    let next = chars.next().map(|(_, next)| next);
                    let crlf = next == Some('\r') && chars.as_str().starts_with('\n');
                    if crlf {
                        chars.next();
                    }
                }
                '\n' | '\r' => break,
                _ => {}
            }
        }
        Err(self.endless(start, "string"))
    }

    /// Reads a part of a template, from its backquote or `}` to its end.
    fn template(&mut self, closed: Kind, open: Kind) -> Result<Kind, Fault> {
        let start = self.at;
        let rest = self.rest();
        let mut chars = rest.char_indices().skip(1).peekable();
        while let Some((offset, c)) = chars.next() {
            match c {
                '`' => {
                    self.at = start + offset + 1;
                    return Ok(closed);
                }
                '\\' => {
                    chars.next();
                }
                '$' if chars.peek().is_some_and(|&(_, next)| next == '{') => {
                    self.at = start + offset + 2;
                    return Ok(open);
                }
                _ => {}
            }
        }
        Err(self.endless(start, "template"))
    }

    /// Reads a regular expression if one ends on this line.
    fn regex(&mut self) -> bool {
        if self.at < self.no_regex_until {
            return false;
        }
        let rest = self.rest();
        let mut in_class = false;
        let mut chars = rest.char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                '\\' if chars.next().is_some_and(|(_, next)| !is_line_end(next)) => {}
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => {
                    self.at += offset + 1;
                    self.word();
                    return true;
                }
                _ if c == '\\' || is_line_end(c) => break,
                _ => {}
            }
        }
        self.no_regex_until = self.at + rest.find(is_line_end).unwrap_or(rest.len());
        false
    }

    /// Reads a number, and any letters that follow it directly.
    fn number(&mut self) -> Kind {
        let mut before = '0';
        let based =
            matches!(self.rest().as_bytes(), [b'0', b'x' | b'X' | b'o' | b'O' | b'b' | b'B', ..]);
        while let Some(c) = self.char() {
            let signed = !based && matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
            if !(is_word_part(c) || c == '.' || signed) {
                break;
            }
            before = c;
            self.at += c.len_utf8();
        }
        Kind::Number
    }

    fn word(&mut self) {
        while let Some(c) = self.char() {
            if c == '\\' && self.rest().starts_with("\\u{") {
                self.at += 3;
                while self.char().is_some_and(|c| c.is_ascii_hexdigit()) {
                    self.at += 1;
                }
                self.at += usize::from(self.char() == Some('}'));
            } else if c == '\\' || is_word_part(c) {
                self.at += c.len_utf8();
            } else {
                break;
            }
        }
    }

    fn mark(&mut self, first: char) {
        const LONG: [&str; 6] = ["...", "=>", "++", "--", "?.", "=="];
        let long = LONG.iter().find(|mark| self.rest().starts_with(**mark));
        self.at += long.map_or(first.len_utf8(), |mark| mark.len());
    }
}

/// White space and line ends of JavaScript.
pub(super) fn is_space(c: char) -> bool {
    // NEL is white space only in Unicode, the byte order mark only in JavaScript.
    c == '\u{feff}' || (c.is_whitespace() && c != '\u{85}')
}

fn is_word_part(c: char) -> bool {
    c == '$'
        || c == '_'
        || c.is_alphanumeric()
        || matches!(c, '\u{200c}' | '\u{200d}')
        || is_joined(c)
}

/// Marks that identifiers may contain but `char::is_alphanumeric` excludes.
fn is_joined(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}' | '\u{fe33}' | '\u{fe34}')
}
