//! Phase titles: those that `meta` lists and those that the script begins.
//!
//! Owns: comparing the two. Never: guesses a computed title; with one, no listed phase
//! counts as never begun.

use std::collections::BTreeSet;

use oxc_ast::AstKind;
use oxc_ast::ast::{Argument, CallExpression, Expression, IdentifierReference, ObjectPropertyKind};
use oxc_span::GetSpan;

use super::finding::Spot;
use super::rules;
use super::tree::Tree;
use crate::library::similar;

/// The phases of one file of a script.
pub(super) struct Phases<'t> {
    listed: &'t [String],
    begun: Begun,
}

/// The phases that begin in some files of a script.
#[derive(Default)]
pub(super) struct Begun {
    titles: BTreeSet<String>,
    /// Whether some title is computed.
    computed: bool,
}

impl Begun {
    /// Those of a file that could not be read whole: any may begin there.
    pub(super) fn any() -> Self {
        Self { titles: BTreeSet::new(), computed: true }
    }

    /// Takes in those of other files.
    pub(super) fn add(&mut self, other: Self) {
        self.titles.extend(other.titles);
        self.computed |= other.computed;
    }
}

impl<'t> Phases<'t> {
    pub(super) fn new(listed: &'t [String]) -> Self {
        Self { listed, begun: Begun::default() }
    }

    /// A mention of `phase` that is not a call: any phase may begin through it.
    pub(super) fn mentioned<'a>(&mut self, tree: &Tree<'_, 'a>, name: &IdentifierReference<'a>) {
        let is_phase = || tree.is_global(name) && name.name == "phase";
        let is_call = || {
            matches!(tree.parent(name.node_id.get()),
                AstKind::CallExpression(call) if call.callee.span() == name.span)
        };
        self.begun.computed |= is_phase() && !is_call();
    }

    /// Takes the title of `phase("…")`, and reports one that is not listed.
    pub(super) fn begin(&mut self, call: &CallExpression<'_>) -> Option<Spot> {
        match call.arguments.first().and_then(Argument::as_expression) {
            Some(title) => self.title(title),
            None => None,
        }
    }

    /// Takes the title of `agent(…, {phase: "…"})`, and reports one that is not listed.
    pub(super) fn option(&mut self, call: &CallExpression<'_>) -> Option<Spot> {
        let options = match call.arguments.get(1)?.as_expression() {
            Some(Expression::ObjectExpression(options)) => options,
            _ => {
                self.begun.computed = true;
                return None;
            }
        };
        let mut found = None;
        for property in &options.properties {
            match property {
                ObjectPropertyKind::SpreadProperty(_) => self.begun.computed = true,
                ObjectPropertyKind::ObjectProperty(property) => {
                    if property.key.static_name().is_some_and(|name| name == "phase") {
                        found = self.title(&property.value);
                    }
                }
            }
        }
        found
    }

    fn title(&mut self, expression: &Expression<'_>) -> Option<Spot> {
        let title = match expression {
            Expression::StringLiteral(text) => text.value.to_string(),
            Expression::TemplateLiteral(text) if text.expressions.is_empty() => {
                text.quasis.first()?.value.cooked.as_ref()?.to_string()
            }
            _ => {
                self.begun.computed = true;
                return None;
            }
        };
        let is_new = self.begun.titles.insert(title.clone());
        if self.listed.is_empty() || self.listed.contains(&title) || !is_new {
            return None;
        }
        let listed: Vec<String> = self.listed.iter().map(|title| format!("`{title}`")).collect();
        let message = format!("the phase `{title}` is not in `meta.phases`");
        let hint = format!("`meta.phases` lists {}", listed.join(", "));
        Some(Spot::new(&rules::PHASE_TITLE, expression.span().start, message, hint))
    }

    /// Those that begin in this file.
    pub(super) fn begun(self) -> Begun {
        self.begun
    }

    /// Listed phases that begin neither here nor in the other files of the script.
    pub(super) fn never_begun(&mut self, others: Begun, text: &str, meta_at: usize) -> Vec<Spot> {
        self.begun.add(others);
        let Begun { titles: begun, computed } = &self.begun;
        if *computed {
            return Vec::new();
        }
        let unlisted: BTreeSet<String> =
            begun.iter().filter(|title| !self.listed.contains(title)).cloned().collect();
        let mut told = BTreeSet::new();
        // A misspelt title is reported where the phase begins.
        let never = self.listed.iter().filter(|title| {
            !begun.contains(*title)
                && similar(title, &unlisted).is_empty()
                && told.insert(title.as_str())
        });
        let spot = |title: &String| {
            let meta = text.get(meta_at..).unwrap_or_default();
            let quoted = ['\'', '"', '`'].map(|quote| format!("{quote}{title}{quote}"));
            let found = quoted.iter().filter_map(|quoted| meta.find(quoted)).min();
            let at = meta_at + found.unwrap_or(0);
            let message = format!("the phase `{title}` is in `meta.phases`, but never begins");
            let hint = "call `phase()` with it, or remove it";
            Spot::new(&rules::PHASE_TITLE, u32::try_from(at).unwrap_or(0), message, hint)
        };
        never.map(spot).collect()
    }
}
