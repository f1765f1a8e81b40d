//! What is known at a place of a script, and what was found so far.
//!
//! Owns: the state of one walk through a syntax tree. Never: descends deeper
//! than a bound; [`super::visit`] says what is done where.

use std::collections::{HashMap, HashSet};

use oxc_ast::ast::{BindingPattern, Expression, IdentifierReference, StringLiteral};
use oxc_ast_visit::Visit;
use oxc_span::{GetSpan, Span};
use smol_wf_core::guest::Dialect;

use super::awaits::{Awaits, Lost};
use super::names::{Id, Names, Origin};
use super::nulls::{self, Kind, Nulls};
use super::phases::Phases;
use super::values::Values;
use super::{Spot, rules};

/// Levels of expressions and statements that are walked down. No author nests
/// a tenth of that; on the parser's stack there is room for many times more.
pub(super) const LEVELS_MAX: u32 = 2_000;

/// Characters of an expression that a message repeats.
const QUOTED_CHARS: usize = 60;

/// What to do about a call that nobody awaits.
pub(super) const NOT_AWAITED_HINT: &str =
    "write `await` in front; when the script ends, what is still under way is cut off";

/// What a script may import.
const IMPORTABLE: &str = "workflow:extra";

/// A variable that is given promises.
pub(super) struct Given<'a> {
    pub(super) name: &'a str,
    pub(super) primitive: &'static str,
    pub(super) at: u32,
    /// A list of them, so that it depends on what `map` means.
    pub(super) of_list: bool,
}

pub(super) struct Walk<'a, 't> {
    pub(super) text: &'a str,
    pub(super) meta_at: usize,
    pub(super) dialect: Dialect,
    pub(super) names: Names<'a>,
    pub(super) nulls: Nulls,
    pub(super) phases: Phases<'t>,
    pub(super) spots: Vec<Spot>,
    pub(super) levels: u32,
    /// Where the walk first turned back.
    pub(super) too_deep: Option<u32>,
    /// The function that is being walked, and how many there were.
    pub(super) function: usize,
    pub(super) functions: usize,
    /// `try` blocks with a `catch` around this place.
    pub(super) tries: u32,
    pub(super) origin: Option<Origin>,
    /// What the condition that is being walked mentions.
    pub(super) mentions: Option<Vec<Id>>,
    /// Parameters and loop variables by where they begin.
    pub(super) items: HashMap<u32, Kind>,
    /// Variables that are given promises of a primitive.
    pub(super) promises: Vec<Given<'a>>,
    /// Promises whose places throw them away.
    pub(super) lost: Vec<Lost>,
    /// The script has a method `map` or the like of its own, which may await
    /// what it is given.
    pub(super) own_list: bool,
    /// Every name that the script mentions, whichever variable it is of.
    pub(super) mentioned: HashSet<&'a str>,
}

impl<'a, 't> Walk<'a, 't> {
    pub(super) fn new(
        text: &'a str,
        titles: &'t [String],
        meta_at: usize,
        dialect: Dialect,
    ) -> Self {
        Self {
            text,
            meta_at,
            dialect,
            names: Names::default(),
            nulls: Nulls::default(),
            phases: Phases::new(titles),
            spots: Vec::new(),
            levels: 0,
            too_deep: None,
            function: 0,
            functions: 0,
            tries: 0,
            origin: None,
            mentions: None,
            items: HashMap::new(),
            promises: Vec::new(),
            lost: Vec::new(),
            own_list: false,
            mentioned: HashSet::new(),
        }
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Vec<Spot> {
        self.spots.extend(self.nulls.spots());
        let own_list = self.own_list;
        let lost = self.lost.drain(..).filter(|lost| !(lost.of_list && own_list));
        self.spots.extend(lost.map(|lost| lost.spot));
        match self.too_deep {
            // What was not looked at may begin a phase.
            Some(at) => {
                let message = format!("nested more than {LEVELS_MAX} levels deep: not checked");
                self.spots.push(Spot::new(&rules::UNCHECKED, at, message, ""));
            }
            None => {
                self.spots.extend(self.phases.never_begun(self.text, self.meta_at));
                self.forgotten();
            }
        }
        self.spots.sort_by_key(|spot| spot.at);
        self.spots
    }

    /// A promise in a variable that is never mentioned is awaited by nobody.
    fn forgotten(&mut self) {
        for Given { name, primitive, at, of_list } in std::mem::take(&mut self.promises) {
            let may_be_awaited = of_list && self.own_list;
            if !self.mentioned.contains(name) && !may_be_awaited {
                let message = format!("nobody awaits this `{primitive}()`: `{name}` is not used");
                self.spots.push(Spot::new(&rules::NOT_AWAITED, at, message, NOT_AWAITED_HINT));
            }
        }
    }

    pub(super) fn awaits(&self) -> Awaits<'_, 'a> {
        Awaits { names: &self.names }
    }

    pub(super) fn values(&self) -> Values<'_, 'a> {
        Values { names: &self.names, nulls: &self.nulls, dialect: self.dialect }
    }

    /// Walks one level down, unless that is too deep.
    pub(super) fn deeper(&mut self, at: Span, walk: impl FnOnce(&mut Self)) {
        if self.levels >= LEVELS_MAX {
            self.too_deep.get_or_insert(at.start);
            return;
        }
        self.levels += 1;
        walk(self);
        self.levels -= 1;
    }

    /// Walks a condition: what it mentions counts as looked at behind it.
    pub(super) fn test(&mut self, condition: &Expression<'a>) {
        let around = self.mentions.replace(Vec::new());
        self.visit_expression(condition);
        let mentioned = std::mem::replace(&mut self.mentions, around).unwrap_or_default();
        for id in mentioned {
            self.nulls.guard(id);
        }
    }

    pub(super) fn in_function(&mut self, walk: impl FnOnce(&mut Self)) {
        let around = self.function;
        self.functions += 1;
        self.function = self.functions;
        walk(self);
        self.function = around;
    }

    /// The variables of a pattern get what its value may be.
    pub(super) fn bind(&mut self, pattern: &BindingPattern<'a>, kind: Kind) {
        match (pattern, kind) {
            (BindingPattern::BindingIdentifier(name), kind) => {
                if let Some(id) = self.names.find(name.name.as_str()) {
                    self.nulls.track(id, name.name.as_str(), kind, self.function);
                }
            }
            (BindingPattern::AssignmentPattern(with_default), kind) => {
                // A default takes the place of undefined, and not of null.
                self.bind(&with_default.left, kind);
            }
            (BindingPattern::ArrayPattern(list), Kind::List(source)) => {
                for element in list.elements.iter().flatten() {
                    self.bind(element, Kind::One(source));
                }
            }
            (
                BindingPattern::ObjectPattern(_) | BindingPattern::ArrayPattern(_),
                kind @ Kind::One(_),
            ) => {
                self.unguarded(pattern.span(), "it", kind);
            }
            (BindingPattern::ObjectPattern(_), Kind::List(_)) => {}
        }
    }

    /// Something is read of an expression that may be null.
    pub(super) fn read_of(&mut self, object: &Expression<'a>, whole: Span) {
        if self.tries > 0 {
            return;
        }
        let Some(kind @ Kind::One(_)) = self.values().kind(object) else { return };
        match object {
            Expression::Identifier(name) => {
                if let Some(id) = self.names.find(&name.name) {
                    let text = self.quoted(whole);
                    self.nulls.used(id, whole.start, text, self.function);
                }
            }
            _ => self.unguarded(whole, "it", kind),
        }
    }

    pub(super) fn unguarded(&mut self, at: Span, name: &str, kind: Kind) {
        if self.tries == 0 {
            let text = self.quoted(at);
            self.spots.push(nulls::spot(at.start, &text, name, kind));
        }
    }

    /// The text there, in one line, cut.
    pub(super) fn quoted(&self, at: Span) -> String {
        let text = self.text.get(at.start as usize..at.end as usize).unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().collect();
        let line = words.join(" ");
        if line.chars().count() <= QUOTED_CHARS {
            return line;
        }
        line.chars().take(QUOTED_CHARS - 1).chain(['…']).collect()
    }

    pub(super) fn imports(&mut self, source: &StringLiteral<'a>) {
        if source.value != IMPORTABLE {
            let message = format!("`{}` cannot be imported", source.value);
            let hint = format!("only `{IMPORTABLE}` can; bundle other code into the script");
            self.spots.push(Spot::new(&rules::IMPORT, source.span.start, message, hint));
        }
    }

    pub(super) fn dynamic(&mut self, at: Span, what: &str) {
        let message = format!("`{what}` makes code of text that no check has seen");
        let hint = "write the code out";
        self.spots.push(Spot::new(&rules::DYNAMIC_CODE, at.start, message, hint));
    }

    /// A call of something that only looks like an ordinary function.
    pub(super) fn special(&mut self, name: &IdentifierReference<'a>) {
        let given = self.names.find(&name.name).is_none();
        match name.name.as_str() {
            "eval" | "Function" if given => self.dynamic(name.span, &name.name),
            _ => {}
        }
    }
}
