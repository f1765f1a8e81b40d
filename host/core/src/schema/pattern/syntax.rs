//! Parses patterns of ECMA-262 that the linear engine cannot match.
//!
//! Owns: the syntax of `pattern` with look-around and back-references: the syntax of
//! JavaScript's `u` flag, with some harmless additions. Never: recurses deeper than a
//! bound.

use std::collections::HashMap;
use std::sync::Arc;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::set::{dot, maybe_not, ranges, single, space, word};

/// Deepest nesting of groups: each level takes a few frames of the native stack.
const DEPTH_MAX: usize = 50;

/// A part of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// One character of a set.
    Set(Arc<ClassUnicode>),
    /// One node after the other.
    Concat(Vec<Node>),
    /// The first node that leads to a match.
    Alt(Vec<Node>),
    /// A repetition; without `max` it is unbounded.
    Repeat { inner: Box<Node>, min: u32, max: Option<u32>, greedy: bool },
    /// A capture group with this number.
    Group(Box<Node>, usize),
    /// An assertion about a position.
    Assert(Assert),
    /// A look-ahead or a look-behind.
    Look { inner: Box<Node>, ahead: bool, negated: bool },
    /// A back-reference to this group.
    Back(usize),
}

/// An assertion about a position: `^`, `$`, `\b` or `\B`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assert {
    Start,
    End,
    Word,
    NotWord,
}

/// Most ranges of all classes of a pattern together: 800 KB.
const RANGES_MAX: usize = 100_000;

/// Parses a pattern. Returns its tree, and the number of its groups with group 0, the
/// whole match.
///
/// # Errors
/// For people, with the column of the problem.
pub(super) fn read(pattern: &str) -> Result<(Node, usize), String> {
    let mut reader = Reader { chars: pattern.chars().collect(), ..Reader::default() };
    // Parsed twice: a reference may precede its group, so the first pass counts and
    // names the groups.
    reader.whole()?;
    reader.known = Some((reader.groups, std::mem::take(&mut reader.names)));
    (reader.at, reader.groups, reader.ranges) = (0, 0, 0);
    let node = reader.whole()?;
    Ok((node, reader.groups + 1))
}

/// Groups by name; none for a name that two groups have.
type Names = HashMap<String, Option<usize>>;

#[derive(Default)]
struct Reader {
    chars: Vec<char>,
    at: usize,
    /// Groups opened so far.
    groups: usize,
    names: Names,
    /// All groups of the pattern, after the first pass.
    known: Option<(usize, Names)>,
    depth: usize,
    /// Sets of the Unicode properties read so far, by their escape.
    properties: HashMap<String, Arc<ClassUnicode>>,
    /// Ranges of all sets so far.
    ranges: usize,
}

/// An item of a character class.
enum Item {
    One(char),
    Set(Arc<ClassUnicode>),
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let one = self.peek();
        self.at += 1;
        one
    }

    fn eat(&mut self, text: &str) -> bool {
        let found =
            text.chars().enumerate().all(|(nth, one)| self.chars.get(self.at + nth) == Some(&one));
        if found {
            self.at += text.chars().count();
        }
        found
    }

    fn wrong(&self, problem: &str) -> String {
        format!("column {}: {problem}", self.at.min(self.chars.len()) + 1)
    }

    fn whole(&mut self) -> Result<Node, String> {
        let node = self.alternatives()?;
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(self.wrong("a `)` closes nothing")),
        }
    }

    fn alternatives(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong(&format!("groups are nested more than {DEPTH_MAX} deep")));
        }
        let mut all = vec![self.sequence()?];
        while self.eat("|") {
            all.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(if all.len() == 1 { all.remove(0) } else { Node::Alt(all) })
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut all = Vec::new();
        while let Some(one) = self.peek() {
            if one == '|' || one == ')' {
                break;
            }
            let term = self.term()?;
            let term = self.repeated(term)?;
            // Without empty terms, every term compiles to an instruction, so the length
            // of the program bounds the work of compiling it.
            if !is_empty(&term) {
                all.push(term);
            }
        }
        let is_assertion = |one: &Node| matches!(one, Node::Assert(_) | Node::Look { .. });
        match all.pop() {
            // An assertion in a group may be repeated, so it must not come out bare.
            Some(one) if all.is_empty() && !is_assertion(&one) => Ok(one),
            last => {
                all.extend(last);
                Ok(Node::Concat(all))
            }
        }
    }

    fn term(&mut self) -> Result<Node, String> {
        let group = [
            ("(?=", Some((true, false))),
            ("(?!", Some((true, true))),
            ("(?<=", Some((false, false))),
            ("(?<!", Some((false, true))),
            ("(?:", None),
        ];
        for (opening, look) in group {
            if self.eat(opening) {
                let inner = self.inside()?;
                return Ok(match look {
                    Some((ahead, negated)) => Node::Look { inner: Box::new(inner), ahead, negated },
                    None => inner,
                });
            }
        }
        if self.eat("(?<") {
            let name = self.name()?;
            let number = self.groups + 1;
            let named = self.names.entry(name).or_insert(Some(number));
            *named = named.filter(|known| *known == number);
            return self.group();
        }
        if self.eat("(?") {
            return Err(self.wrong("flags inside a pattern are not understood beside look-around"));
        }
        match self.next() {
            Some('(') => self.group(),
            Some('^') => Ok(Node::Assert(Assert::Start)),
            Some('$') => Ok(Node::Assert(Assert::End)),
            Some('.') => self.one_of(dot()),
            Some('[') => {
                let set = self.class()?;
                self.one_of(set)
            }
            Some('\\') => self.escape(),
            Some('{') if self.stands_for_counts() => {
                Err(self.wrong("nothing stands before a repetition"))
            }
            Some('*' | '+' | '?') => Err(self.wrong("nothing stands before a repetition")),
            Some(one) => self.one_of(single(one)),
            None => Err(self.wrong("it ends too early")),
        }
    }

    fn one_of(&mut self, set: ClassUnicode) -> Result<Node, String> {
        self.count(set).map(Node::Set)
    }

    fn count(&mut self, set: ClassUnicode) -> Result<Arc<ClassUnicode>, String> {
        self.ranges += set.ranges().len();
        if self.ranges > RANGES_MAX {
            return Err(self.wrong(&format!("its classes have more than {RANGES_MAX} ranges")));
        }
        Ok(Arc::new(set))
    }

    /// Reads the name of a group, after its `<`.
    fn name(&mut self) -> Result<String, String> {
        let mut name = String::new();
        loop {
            match self.next() {
                Some('>') if !name.is_empty() => return Ok(name),
                Some(one) if is_of_name(one, name.is_empty()) => name.push(one),
                Some(one) => {
                    return Err(
                        self.wrong(&format!("the name of a group has no place for `{one}`"))
                    );
                }
                None => return Err(self.wrong("the name of a group is not closed")),
            }
        }
    }

    /// Whether the brace that was just read begins the counts of a repetition.
    fn stands_for_counts(&mut self) -> bool {
        let before = self.at;
        let counts = self.counts().is_some();
        self.at = before;
        counts
    }

    fn group(&mut self) -> Result<Node, String> {
        self.groups += 1;
        let number = self.groups;
        Ok(Node::Group(Box::new(self.inside()?), number))
    }

    fn inside(&mut self) -> Result<Node, String> {
        let inner = self.alternatives()?;
        if self.eat(")") { Ok(inner) } else { Err(self.wrong("a group is not closed")) }
    }

    fn repeated(&mut self, term: Node) -> Result<Node, String> {
        let before = self.at;
        let (min, max) = match self.next() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => match self.counts() {
                Some(counts) => counts,
                None => {
                    self.at = before;
                    return Ok(term);
                }
            },
            _ => {
                self.at = before;
                return Ok(term);
            }
        };
        if max.is_some_and(|max| max < min) {
            return Err(self.wrong("a repetition has its bounds the wrong way round"));
        }
        if matches!(term, Node::Assert(_) | Node::Look { ahead: false, .. }) {
            return Err(self.wrong("what is repeated takes no characters"));
        }
        let greedy = !self.eat("?");
        if matches!(self.peek(), Some('*' | '+' | '?')) {
            return Err(self.wrong("a repetition is repeated"));
        }
        if is_empty(&term) || max == Some(0) {
            return Ok(Node::Concat(Vec::new()));
        }
        Ok(Node::Repeat { inner: Box::new(term), min, max, greedy })
    }

    /// Reads `2}`, `2,}` or `2,5}`, after the opening brace; none for anything else,
    /// which is text.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let min = self.number()?;
        let max = if self.eat(",") {
            if self.peek() == Some('}') { None } else { Some(self.number()?) }
        } else {
            Some(min)
        };
        self.eat("}").then_some((min, max))
    }

    fn number(&mut self) -> Option<u32> {
        let from = self.at;
        while self.peek().is_some_and(|one| one.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.chars[from..self.at.min(self.chars.len())].iter().collect();
        if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(u32::MAX)) }
    }

    fn escape(&mut self) -> Result<Node, String> {
        if self.eat("b") {
            return Ok(Node::Assert(Assert::Word));
        }
        if self.eat("B") {
            return Ok(Node::Assert(Assert::NotWord));
        }
        if self.eat("k<") {
            let name = self.name()?;
            let Some((_, names)) = &self.known else { return Ok(Node::Back(0)) };
            return match names.get(&name) {
                Some(Some(number)) => Ok(Node::Back(*number)),
                Some(None) => Err(self.wrong(&format!("two groups are called `{name}`"))),
                None => Err(self.wrong(&format!("no group is called `{name}`"))),
            };
        }
        if self.peek().is_some_and(|one| ('1'..='9').contains(&one)) {
            let number = self.number().unwrap_or(u32::MAX);
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            if self.known.as_ref().is_some_and(|(groups, _)| number > *groups) {
                return Err(self.wrong(&format!("there is no group {number}")));
            }
            return Ok(Node::Back(number));
        }
        match self.escaped()? {
            Item::One(one) => self.one_of(single(one)),
            Item::Set(set) => Ok(Node::Set(set)),
        }
    }

    /// Reads what follows a backslash, inside and outside of classes.
    fn escaped(&mut self) -> Result<Item, String> {
        let set = |set: ClassUnicode, negated| Ok(Item::Set(Arc::new(maybe_not(set, negated))));
        let one = |code: u32, reader: &Self| {
            let found = char::from_u32(code);
            found.map(Item::One).ok_or_else(|| reader.wrong("half of a surrogate pair"))
        };
        match self.next() {
            Some(kind @ ('d' | 'D')) => set(ranges(&[('0', '9')]), kind == 'D'),
            Some(kind @ ('w' | 'W')) => set(word(), kind == 'W'),
            Some(kind @ ('s' | 'S')) => set(space(), kind == 'S'),
            Some(kind @ ('p' | 'P')) => self.property(kind == 'P'),
            Some('t') => Ok(Item::One('\t')),
            Some('n') => Ok(Item::One('\n')),
            Some('v') => Ok(Item::One('\u{b}')),
            Some('f') => Ok(Item::One('\u{c}')),
            Some('r') => Ok(Item::One('\r')),
            Some('0') if !self.peek().is_some_and(|one| one.is_ascii_digit()) => {
                Ok(Item::One('\0'))
            }
            Some('c') if self.peek().is_some_and(|one| one.is_ascii_alphabetic()) => {
                let letter = u32::from(self.next().unwrap_or('@'));
                one(letter % 32, self)
            }
            Some('x') => {
                let code = self.hex(2)?;
                one(code, self)
            }
            Some('u') if self.eat("{") => {
                let mut code: u32 = 0;
                while let Some(digit) = self.peek().and_then(|one| one.to_digit(16)) {
                    code = code.saturating_mul(16).saturating_add(digit);
                    self.at += 1;
                }
                if !self.eat("}") {
                    return Err(self.wrong("`\\u{` is not closed"));
                }
                one(code, self)
            }
            Some('u') => {
                let high = self.hex(4)?;
                if (0xd800..0xdc00).contains(&high) && self.eat("\\u") {
                    let low = self.hex(4)?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return one(high, self);
                    }
                    return one(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), self);
                }
                one(high, self)
            }
            Some(other) if !other.is_ascii_alphanumeric() => Ok(Item::One(other)),
            Some(other) => Err(self.wrong(&format!("the escape `\\{other}` is not known"))),
            None => Err(self.wrong("it ends with a backslash")),
        }
    }

    fn hex(&mut self, digits: usize) -> Result<u32, String> {
        let text: String = self.chars.iter().skip(self.at).take(digits).collect();
        self.at += digits;
        let fits = text.len() == digits && text.chars().all(|one| one.is_ascii_hexdigit());
        u32::from_str_radix(&text, 16)
            .ok()
            .filter(|_| fits)
            .ok_or_else(|| self.wrong(&format!("{digits} hexadecimal digits are wanted")))
    }

    /// Reads `{…}` after `\p`, with the names that the linear engine knows.
    fn property(&mut self, negated: bool) -> Result<Item, String> {
        let mut name = String::new();
        while !name.ends_with('}') {
            match self.next() {
                Some(one) if name.is_empty() && one != '{' => break,
                Some(one) => name.push(one),
                None => break,
            }
        }
        if !name.ends_with('}') {
            return Err(self.wrong("the name of a property is not closed"));
        }
        let key = format!("\\{}{name}", if negated { 'P' } else { 'p' });
        if let Some(set) = self.properties.get(&key) {
            return Ok(Item::Set(set.clone()));
        }
        let parsed = regex_syntax::parse(&key).ok();
        let Some(HirKind::Class(Class::Unicode(set))) =
            parsed.map(regex_syntax::hir::Hir::into_kind)
        else {
            return Err(self.wrong(&format!("the property `\\p{name}` is not known")));
        };
        let set = self.count(set)?;
        self.properties.insert(key, set.clone());
        Ok(Item::Set(set))
    }

    /// Reads a class, after its `[`.
    fn class(&mut self) -> Result<ClassUnicode, String> {
        let negated = self.eat("^");
        let mut set = ClassUnicode::empty();
        loop {
            if self.eat("]") {
                return Ok(maybe_not(set, negated));
            }
            let low = self.item()?;
            let range = self.peek() == Some('-')
                && self.chars.get(self.at + 1).is_some_and(|next| *next != ']');
            match (low, range) {
                (Item::One(low), true) => {
                    self.at += 1;
                    match self.item()? {
                        Item::One(high) if low <= high => {
                            set.push(ClassUnicodeRange::new(low, high));
                        }
                        Item::One(_) => return Err(self.wrong("a range is the wrong way round")),
                        Item::Set(other) => {
                            set.union(&other);
                            set.push(ClassUnicodeRange::new(low, low));
                            set.push(ClassUnicodeRange::new('-', '-'));
                        }
                    }
                }
                (Item::One(one), false) => set.push(ClassUnicodeRange::new(one, one)),
                (Item::Set(other), _) => set.union(&other),
            }
        }
    }

    fn item(&mut self) -> Result<Item, String> {
        match self.next() {
            None => Err(self.wrong("a class is not closed")),
            Some('\\') if self.eat("b") => Ok(Item::One('\u{8}')),
            Some('\\') if self.eat("-") => Ok(Item::One('-')),
            Some('\\') => self.escaped(),
            Some(one) => Ok(Item::One(one)),
        }
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(node, Node::Concat(list) if list.is_empty())
}

/// Whether the name of a group may have this character.
fn is_of_name(one: char, first: bool) -> bool {
    one == '$'
        || one == '_'
        || one.is_alphabetic()
        || (!first && regex_syntax::is_word_character(one))
}
