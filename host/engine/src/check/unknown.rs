//! Names that do not exist: what a script would only notice behind paid calls.
//!
//! Owns: which names a script finds. Never: follows scopes; a name that is
//! declared anywhere in the script is taken for known, so that nothing is
//! reported that could run.

use std::collections::{BTreeSet, HashSet};

use oxc_ast::ast::{
    AssignmentExpression, AssignmentTarget, BindingIdentifier, Expression, IdentifierReference,
    Program, Statement, TryStatement, UnaryExpression,
};
use oxc_ast_visit::{Visit, walk};
use oxc_syntax::operator::UnaryOperator;

use super::walk::LEVELS_MAX;
use super::{Spot, rules};
use crate::library::similar;

/// What the guest puts into the global scope; a test of the guest holds the list.
const GLOBALS: &str = include_str!("../../../../guest/globals.txt");

/// Names that elsewhere stand for something, and what there is here.
const ELSEWHERE: [(&[&str], &str); 8] = [
    (
        &["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "navigator", "Request", "Headers"],
        "a script has no network: ask an agent",
    ),
    (
        &["process", "Deno", "Bun", "global", "window", "self"],
        "a script has no system around it: give it what it needs as `args`",
    ),
    (&["require", "module", "exports"], "bundle other code into the script"),
    (
        &["setInterval", "setImmediate", "clearInterval"],
        "loop over `await SW.sleep(ms)`, or use `setTimeout`",
    ),
    (&["sleep"], "in a module `import { sleep } from 'workflow:extra'`; in a body `SW.sleep(ms)`"),
    (
        &[
            "Buffer",
            "TextEncoder",
            "TextDecoder",
            "atob",
            "btoa",
            "URL",
            "URLSearchParams",
            "structuredClone",
            "AbortController",
            "Intl",
            "Temporal",
        ],
        "the script engine does not have it: guard it with `typeof`, or write it out",
    ),
    (&["crypto", "performance"], "`Math.random()` and `Date.now()` are recorded, and replay"),
    (
        &["fs", "path", "os", "child_process", "exec", "execSync", "$"],
        "a script has no files and starts no programs: ask an agent",
    ),
];

/// The names of this program that nothing gives a meaning to.
pub(super) fn spots(program: &Program<'_>) -> Vec<Spot> {
    let mut names = Names::default();
    names.visit_program(program);
    let known: BTreeSet<String> = GLOBALS
        .lines()
        .chain(["arguments"])
        .chain(names.declared.iter().copied())
        .map(str::to_owned)
        .collect();
    let mut told = HashSet::new();
    let unknown = names.used.iter().filter(|(name, _)| {
        !known.contains(*name) && !names.guarded.contains(name) && told.insert(*name)
    });
    unknown.map(|(name, at)| spot(name, *at, &known)).collect()
}

fn spot(name: &str, at: u32, known: &BTreeSet<String>) -> Spot {
    let instead = ELSEWHERE.iter().find(|(names, _)| names.contains(&name));
    let hint = match instead {
        Some((_, hint)) => (*hint).to_owned(),
        None => match similar(name, known) {
            close if close.is_empty() => "declare it, or take it out".to_owned(),
            close => format!("did you mean {}?", close.join(" or ")),
        },
    };
    Spot::new(&rules::UNKNOWN_NAME, at, format!("`{name}` is not defined"), hint)
}

#[derive(Default)]
struct Names<'a> {
    declared: HashSet<&'a str>,
    used: Vec<(&'a str, u32)>,
    /// Names that the script asks for before it uses them.
    guarded: HashSet<&'a str>,
    levels: u32,
    /// `try` blocks with a `catch` around this place: what throws there is dealt
    /// with.
    tries: u32,
}

impl<'a> Visit<'a> for Names<'a> {
    fn visit_expression(&mut self, it: &Expression<'a>) {
        if self.levels < LEVELS_MAX {
            self.levels += 1;
            walk::walk_expression(self, it);
            self.levels -= 1;
        }
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        if self.levels < LEVELS_MAX {
            self.levels += 1;
            walk::walk_statement(self, it);
            self.levels -= 1;
        }
    }

    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        self.declared.insert(it.name.as_str());
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if self.tries == 0 {
            self.used.push((it.name.as_str(), it.span.start));
        }
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        match &it.argument {
            Expression::Identifier(name) if it.operator == UnaryOperator::Typeof => {
                self.guarded.insert(name.name.as_str());
            }
            _ => walk::walk_unary_expression(self, it),
        }
    }

    /// `globalThis.name = …` makes a name.
    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        if let AssignmentTarget::StaticMemberExpression(member) = &it.left
            && matches!(&member.object, Expression::Identifier(object) if object.name == "globalThis")
        {
            self.declared.insert(member.property.name.as_str());
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_try_statement(&mut self, it: &TryStatement<'a>) {
        let caught = u32::from(it.handler.is_some());
        self.tries += caught;
        self.visit_block_statement(&it.block);
        self.tries -= caught;
        if let Some(handler) = &it.handler {
            self.visit_catch_clause(handler);
        }
        if let Some(finalizer) = &it.finalizer {
            self.visit_block_statement(finalizer);
        }
    }
}
