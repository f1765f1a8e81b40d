//! Names that do not exist. A run may reach them only after paid agent steps.
//!
//! Owns: the names that are available in scripts, and the methods of `SW`, `ctx`, `budget`
//! and `console`. Never: reports a name that the script tests with `typeof`, or that is in
//! a `try`.

use std::collections::{BTreeSet, HashSet};

use oxc_ast::AstKind;
use oxc_ast::ast::AssignmentTarget;
use oxc_semantic::NodeId;
use oxc_span::GetSpan;
use oxc_syntax::operator::UnaryOperator;

use super::finding::Spot;
use super::rules;
use super::tree::Tree;
use crate::library::similar;

/// What the guest puts into the global scope; a test of the guest holds the list.
const GLOBALS: &str = include_str!("../../globals.txt");

/// Names that exist in other environments, and the alternative here.
const ELSEWHERE: [(&[&str], &str); 9] = [
    (
        &["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "navigator", "Request", "Headers"],
        "a script has no network: ask an agent",
    ),
    (
        &["process", "Deno", "Bun", "global", "window", "self"],
        "a script has no access to the system: pass the values that it needs as `args`",
    ),
    (&["require", "module", "exports"], "bundle other code into the script"),
    (
        &["setInterval", "setImmediate", "clearInterval"],
        "loop over `await SW.sleep(ms)`, or use `setTimeout`",
    ),
    (
        &["approve", "ask", "waitFor"],
        "in a module import it from 'workflow:extra'; in a body it is a function of `SW.extra`",
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
        "the script engine does not have it: test for it with `typeof`, or write it yourself",
    ),
    (&["crypto", "performance"], "`Math.random()` and `Date.now()` are recorded, and replay"),
    (
        &["fs", "path", "os", "child_process", "exec", "execSync", "$"],
        "a script has no files and starts no programs: ask an agent",
    ),
];

/// The keys of the objects that the guest defines. Another key is `undefined`, and calling
/// it throws.
const MEMBERS: [(&str, &[&str]); 5] = [
    ("console", &["log", "info", "warn", "error", "debug"]),
    (
        "SW",
        &[
            "agent", "parallel", "pipeline", "workflow", "phase", "log", "sleep", "extra",
            "budget", "args",
        ],
    ),
    (
        "ctx",
        &[
            "agent", "parallel", "pipeline", "workflow", "phase", "log", "sleep", "extra",
            "budget", "args", "meta",
        ],
    ),
    ("extra", &["sleep", "approve", "ask", "waitFor"]),
    ("budget", &["total", "spent", "remaining"]),
];

/// The findings about unknown names and methods.
pub(super) fn spots(tree: &Tree<'_, '_>) -> Vec<Spot> {
    // Code that was cut off may declare any name.
    if tree.is_cut {
        return Vec::new();
    }
    let scoping = tree.semantic().scoping();
    let made = made_globals(tree);
    let known: BTreeSet<String> = GLOBALS
        .lines()
        .chain(["arguments"])
        .chain(made.iter().copied())
        .map(str::to_owned)
        .collect();
    let declared: BTreeSet<String> = scoping.symbol_names().map(str::to_owned).collect();
    let mut spots = Vec::new();
    for (name, references) in scoping.root_unresolved_references() {
        let name: &str = name;
        if known.contains(name) {
            continue;
        }
        let nodes = references.iter().map(|one| scoping.get_reference(*one).node_id());
        let nodes: Vec<NodeId> = nodes.collect();
        // The script tests for it first.
        if nodes.iter().any(|node| is_asked_for(tree, *node)) {
            continue;
        }
        if let Some(node) = nodes.iter().find(|node| !tree.is_tried(**node, true)) {
            spots.push(spot(name, tree.kind(*node).span().start, &known, &declared));
        }
    }
    spots.extend(members(tree));
    spots
}

fn is_asked_for(tree: &Tree<'_, '_>, node: NodeId) -> bool {
    matches!(tree.parent(node), AstKind::UnaryExpression(it) if it.operator == UnaryOperator::Typeof)
}

/// The globals that the script itself makes: `globalThis.name = …`.
fn made_globals<'a>(tree: &Tree<'_, 'a>) -> HashSet<&'a str> {
    let nodes = tree.semantic().nodes().iter();
    let made = nodes.filter_map(|node| match node.kind() {
        AstKind::AssignmentExpression(it) => match &it.left {
            AssignmentTarget::StaticMemberExpression(member) => {
                let is_global = tree.denotes(&member.object) == Some("globalThis");
                is_global.then(|| member.property.name.as_str())
            }
            _ => None,
        },
        _ => None,
    });
    made.collect()
}

fn spot(name: &str, at: u32, known: &BTreeSet<String>, declared: &BTreeSet<String>) -> Spot {
    let instead = ELSEWHERE.iter().find(|(names, _)| names.contains(&name));
    let hint = match instead {
        _ if declared.contains(name) => {
            "it is declared only in another block or function: declare it around both".to_owned()
        }
        Some((_, hint)) => (*hint).to_owned(),
        None => match similar(name, &known.union(declared).cloned().collect()) {
            close if close.is_empty() => "declare it, or remove it".to_owned(),
            close => format!("did you mean {}?", close.join(" or ")),
        },
    };
    Spot::new(&rules::UNKNOWN_NAME, at, format!("`{name}` is not defined"), hint)
}

/// The findings about unknown methods, such as `console.table(…)` and `SW.agnt(…)`.
fn members(tree: &Tree<'_, '_>) -> Vec<Spot> {
    let (mut called, mut read) = (Vec::new(), HashSet::new());
    for node in tree.semantic().nodes() {
        let AstKind::StaticMemberExpression(member) = node.kind() else { continue };
        let Some(holder) = tree.denotes(&member.object) else { continue };
        let Some((_, has)) = MEMBERS.iter().find(|(name, _)| *name == holder) else { continue };
        let name = member.property.name.as_str();
        if has.contains(&name) || is_of_every_object(holder, name) {
            continue;
        }
        let is_call = matches!(tree.parent(node.id()),
            AstKind::CallExpression(call) if call.callee.span() == member.span && !call.optional);
        match is_call && !member.optional && !tree.is_tried(node.id(), true) {
            true => called.push((holder, name, *has, member.property.span.start)),
            false => {
                read.insert((holder, name));
            }
        }
    }
    let mut told = HashSet::new();
    let unknown = called.into_iter().filter(|(holder, name, ..)| {
        // The script reads it elsewhere, which may be a test for it.
        !read.contains(&(*holder, *name)) && told.insert((*holder, *name))
    });
    let spot = |(holder, name, has, at): (&str, &str, &[&str], u32)| {
        let all: BTreeSet<String> = has.iter().map(|one| (*one).to_owned()).collect();
        let hint = match similar(name, &all) {
            close if close.is_empty() => {
                format!(
                    "it has {}",
                    has.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
                )
            }
            close => format!("did you mean {}?", close.join(" or ")),
        };
        Spot::new(&rules::UNKNOWN_NAME, at, format!("`{holder}.{name}` is not a function"), hint)
    };
    unknown.map(spot).collect()
}

/// Whether a holder inherits this method from `Object.prototype`. `SW` and `budget` inherit
/// nothing.
fn is_of_every_object(holder: &str, name: &str) -> bool {
    matches!(holder, "console" | "ctx")
        && [
            "toString",
            "valueOf",
            "hasOwnProperty",
            "isPrototypeOf",
            "propertyIsEnumerable",
            "toLocaleString",
        ]
        .contains(&name)
}
