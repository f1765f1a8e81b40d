//! The state of one walk through a syntax tree.
//!
//! Owns: the variables that may be null, the phases, and the findings so far. Never: visits
//! a node ([`super::visit`]) or judges a promise ([`super::uses`]).

use smol_wf_core::cut;
use std::collections::HashMap;

use oxc_ast::ast::{
    Argument, BindingPattern, CallExpression, Expression, IdentifierReference, StringLiteral,
};
use oxc_ast_visit::Visit;
use oxc_semantic::SymbolId;
use oxc_span::{GetSpan, Span};

use super::depth::LEVELS_MAX;
use super::finding::Spot;
use super::nulls::{self, Kind, Nulls};
use super::parse::MainFile;
use super::phases::{Begun, Phases};
use super::rules;
use super::settled::Settled;
use super::tree::{IMPORTABLE, Tree, argument, method_of};
use super::values::Values;

/// Characters of an expression that a message repeats.
const QUOTED_CHARS: usize = 60;

/// The hint for a call that is not awaited.
pub(super) const NOT_AWAITED_HINT: &str =
    "write `await` before it; calls that are not settled when the script ends are cut off";

/// One walk over the syntax tree, which collects spots.
pub(super) struct Walk<'w, 'r, 's, 'a, 't> {
    pub(super) tree: &'w Tree<'s, 'a>,
    settled: &'w Settled<'r, 'w, 's, 'a>,
    pub(super) text: &'w str,
    pub(super) nulls: Nulls,
    pub(super) phases: Phases<'t>,
    pub(super) spots: Vec<Spot>,
    /// The number of the function that is being walked, 0 outside of functions.
    pub(super) function: usize,
    /// Number of functions so far.
    pub(super) functions: usize,
    /// Number of `try` blocks with a `catch` around the current node.
    pub(super) tries: u32,
    /// Variables that the current condition mentions; none outside of conditions.
    pub(super) mentions: Option<Vec<SymbolId>>,
    /// Parameters and loop variables that may be null, by the position of their pattern.
    pub(super) items: HashMap<u32, Kind>,
}

impl<'w, 'r, 's, 'a, 't> Walk<'w, 'r, 's, 'a, 't> {
    pub(super) fn new(
        settled: &'w Settled<'r, 'w, 's, 'a>,
        text: &'w str,
        titles: &'t [String],
    ) -> Self {
        Self {
            tree: settled.shapes.tree,
            settled,
            text,
            nulls: Nulls::default(),
            phases: Phases::new(titles),
            spots: Vec::new(),
            function: 0,
            functions: 0,
            tries: 0,
            mentions: None,
            items: HashMap::new(),
        }
    }

    /// The findings, and the phases that begin here. The tree was cut off at `cut_at`.
    pub(super) fn finish(
        mut self,
        main: Option<MainFile>,
        cut_at: Option<u32>,
    ) -> (Vec<Spot>, Begun) {
        self.spots.extend(self.nulls.spots());
        match (cut_at, main) {
            // Code that was cut off may begin a phase.
            (Some(at), _) => {
                let message = format!("nested more than {LEVELS_MAX} levels deep, and not checked");
                self.spots.push(Spot::new(&rules::UNCHECKED, at, message, ""));
                return (self.spots, Begun::any());
            }
            (None, Some(MainFile { meta_at, begun })) => {
                self.spots.extend(self.phases.never_begun(begun, self.text, meta_at));
            }
            (None, None) => {}
        }
        (self.spots, self.phases.begun())
    }

    pub(super) fn values(&self) -> Values<'_, 'r, 'w, 's, 'a> {
        Values { settled: self.settled, nulls: &self.nulls }
    }

    /// Walks a condition. The variables that it mentions are guarded from then on.
    pub(super) fn test(&mut self, condition: &Expression<'a>) {
        let around = self.mentions.replace(Vec::new());
        self.visit_expression(condition);
        let mentioned = std::mem::replace(&mut self.mentions, around).unwrap_or_default();
        for id in mentioned {
            self.nulls.guard(id);
        }
    }

    /// Walks the body of a function.
    pub(super) fn in_function(&mut self, walk: impl FnOnce(&mut Self)) {
        let around = self.function;
        self.functions += 1;
        self.function = self.functions;
        walk(self);
        self.function = around;
    }

    /// Tracks the variables of a pattern whose value may be null.
    pub(super) fn bind(&mut self, pattern: &BindingPattern<'a>, kind: Kind) {
        match (pattern, kind) {
            (BindingPattern::BindingIdentifier(name), kind) => {
                if let Some(id) = name.symbol_id.get() {
                    self.nulls.track(id, name.name.as_str(), kind, self.function);
                }
            }
            (BindingPattern::AssignmentPattern(with_default), kind) => {
                // A default replaces undefined, but not null.
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

    /// Notes a read of a property of an expression that may be null.
    pub(super) fn read_of(&mut self, object: &Expression<'a>, whole: Span) {
        if self.tries > 0 {
            return;
        }
        let Some(kind @ Kind::One(_)) = self.values().kind(object) else { return };
        match object {
            Expression::Identifier(name) => {
                if let Some(id) = self.tree.symbol(name) {
                    let text = self.quoted(whole);
                    self.nulls.used(id, whole.start, text, self.function);
                }
            }
            _ => self.unguarded(whole, "it", kind),
        }
    }

    /// Notes arguments that must not be null: `Object.keys(x)` and `f(...x)` throw then.
    pub(super) fn read_by(&mut self, call: &CallExpression<'a>) {
        for one in &call.arguments {
            if let Argument::SpreadElement(all) = one {
                self.read_of(&all.argument, all.span);
            }
        }
        if let Some((object, "keys" | "values" | "entries")) = method_of(call)
            && self.tree.denotes(object) == Some("Object")
            && let Some(of) = argument(call, 0)
        {
            self.read_of(of, call.span);
        }
    }

    /// Notes the use of a value that may be `null`.
    pub(super) fn unguarded(&mut self, at: Span, name: &str, kind: Kind) {
        if self.tries == 0 {
            let text = self.quoted(at);
            self.spots.push(nulls::spot(at.start, &text, name, kind));
        }
    }

    fn quoted(&self, at: Span) -> String {
        quoted(self.text, at)
    }

    /// Notes an import of a module that does not exist.
    pub(super) fn imports(&mut self, source: &StringLiteral<'a>) {
        let is_file = source.value.starts_with("./") || source.value.starts_with("../");
        if !is_file && source.value != IMPORTABLE {
            let message = format!("`{}` cannot be imported", source.value);
            let hint =
                format!("import `{IMPORTABLE}` and files of the project, and bundle other code");
            self.spots.push(Spot::new(&rules::IMPORT, source.span.start, message, hint));
        }
    }

    /// Notes code that is made from a string at run time.
    pub(super) fn dynamic(&mut self, at: Span, what: &str) {
        let message = format!("`{what}` runs code that cannot be checked");
        let hint = "write the code into the script";
        self.spots.push(Spot::new(&rules::DYNAMIC_CODE, at.start, message, hint));
    }

    /// Notes a call of `eval` or `Function`.
    pub(super) fn special(&mut self, name: &IdentifierReference<'a>) {
        if matches!(name.name.as_str(), "eval" | "Function") && self.tree.is_global(name) {
            self.dynamic(name.span, &name.name);
        }
    }
}

/// The text of a span in one line, shortened.
pub(super) fn quoted(text: &str, at: Span) -> String {
    let text = text.get(at.start as usize..at.end as usize).unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    cut::to_chars(&line, QUOTED_CHARS)
}
