//! Calls that a run refuses before an agent is asked.
//!
//! Owns: the refusals of literal arguments by the guest and the core. The core itself
//! reads the options, so that the message is that of a run. Never: guesses values that are
//! not literals.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    CallExpression, Expression, ObjectExpression, ObjectPropertyKind, PropertyKind,
};
use oxc_span::GetSpan;
use oxc_syntax::operator::BinaryOperator;
use serde_json::{Map, Value, json};
use smol_wf_core::gate::{AskKind, AskRequest, options_of};
use smol_wf_core::guest::{Dialect, Failure};
use smol_wf_core::limits::SLEEP_MS_MAX;
use smol_wf_core::options::OptionRules;
use smol_wf_core::step_request::{AgentRequest, WorkflowTarget};

use super::constants::{Written, never_arrives};
use super::finding::Spot;
use super::functions::property;
use super::kinds::Kind;
use super::rules;
use super::shapes::Shapes;
use super::tree::{Binding, argument};

// The messages of the guest (`guest/js`); tests compare them with those of a run.
const NO_PROMPT: &str = "agent(prompt, options): the prompt must be a string that is not empty";
const OPTIONS: &str = "agent(prompt, options): the options";
const NO_THUNKS: &str = "parallel(thunks): the thunks must be an array of functions";
const NO_ITEMS: &str = "pipeline(items, ...stages): the items must be an array";
const NO_TARGET: &str = "workflow(target, args): the target must be a name or {scriptPath}";
const NO_TIME: &str = "sleep(milliseconds): the time must be a number";

/// A child workflow that is named in the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) at: u32,
    pub(super) target: WorkflowTarget,
}

/// An option of a call that needs something of its surroundings: servers, folders, images,
/// a repository.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) at: u32,
    /// A call with that option alone.
    pub(super) request: AgentRequest,
}

/// The refused calls, and the files and servers that a run would look up.
pub(super) struct Refused {
    pub(super) spots: Vec<Spot>,
    pub(super) named: Vec<Named>,
    pub(super) wanted: Vec<Wanted>,
}

/// Finds refused calls, and the files and servers that calls name.
pub(super) fn find(shapes: &Shapes<'_, '_, '_>, dialect: Dialect) -> Refused {
    let (spots, named, wanted) = (Vec::new(), Vec::new(), Vec::new());
    let mut refusals = Refusals { shapes, dialect, spots, named, wanted };
    for node in shapes.tree.semantic().nodes() {
        match node.kind() {
            AstKind::CallExpression(call) => refusals.call(call),
            AstKind::TemplateLiteral(it) => {
                let is_tagged =
                    matches!(shapes.tree.parent(node.id()), AstKind::TaggedTemplateExpression(_));
                if !is_tagged {
                    it.expressions.iter().for_each(|one| refusals.in_text(one));
                }
            }
            AstKind::BinaryExpression(it) if it.operator == BinaryOperator::Addition => {
                let is_text =
                    |one| matches!(shapes.kind_of(one), Some(Kind::Text | Kind::EmptyText));
                if is_text(&it.left) {
                    refusals.in_text(&it.right);
                } else if is_text(&it.right) {
                    refusals.in_text(&it.left);
                }
            }
            _ => {}
        }
    }
    let Refusals { spots, named, wanted, .. } = refusals;
    Refused { spots, named, wanted }
}

struct Refusals<'r, 't, 's, 'a> {
    shapes: &'r Shapes<'t, 's, 'a>,
    dialect: Dialect,
    spots: Vec<Spot>,
    named: Vec<Named>,
    wanted: Vec<Wanted>,
}

impl<'a> Refusals<'_, '_, '_, 'a> {
    fn say(&mut self, at: u32, message: impl Into<String>, hint: &str) {
        self.spots.push(Spot::new(&rules::REFUSED, at, message.into(), hint));
    }

    fn in_text(&mut self, one: &Expression<'a>) {
        if self.shapes.is_plain_object(one) {
            let message = "an object in a string becomes \"[object Object]\"";
            let hint = "write `JSON.stringify(…)` around it, or name a key of it";
            self.spots.push(Spot::new(
                &rules::OBJECT_TEXT,
                one.span().start,
                message.to_owned(),
                hint,
            ));
        }
    }

    fn call(&mut self, call: &CallExpression<'a>) {
        match self.shapes.tree.primitive(call) {
            Some("agent") => {
                self.prompt(call);
                if let Some(options) = argument(call, 1) {
                    self.options(options);
                }
            }
            Some("parallel") => {
                self.list(call, NO_THUNKS, "write `parallel([() => …, () => …])`");
            }
            Some("pipeline") => {
                self.list(call, NO_ITEMS, "write `pipeline([…], item => …)`");
                self.stages(call);
            }
            Some("workflow") => self.workflow(call),
            Some("sleep") => self.sleep(call),
            Some("approve") => self.people(call, AskKind::Approve),
            Some("ask") => self.people(call, AskKind::Ask),
            Some("waitFor") => self.people(call, AskKind::WaitFor),
            _ => {}
        }
    }

    /// The position, the kind and the expression of the first argument; none if its kind is
    /// not certain.
    fn first<'c>(
        &self,
        call: &'c CallExpression<'a>,
    ) -> Option<(u32, Kind, Option<&'c Expression<'a>>)> {
        if call.arguments.is_empty() {
            return Some((call.span.start, Kind::Nothing, None));
        }
        let first = argument(call, 0)?;
        Some((first.span().start, self.shapes.kind_of(first)?, Some(first)))
    }

    fn prompt(&mut self, call: &CallExpression<'a>) {
        let Some((at, kind, _)) = self.first(call) else { return };
        let is_fine = match kind {
            Kind::Text => true,
            Kind::Number => self.dialect == Dialect::Body,
            // The rule `not-awaited` reports it.
            Kind::Promise => true,
            _ => false,
        };
        if !is_fine {
            let hint = match kind {
                Kind::Object => {
                    "the prompt comes first and the options second: `agent(prompt, { … })`"
                }
                Kind::List => "join it to one string: `.join('\\n')`",
                _ => "pass a string",
            };
            self.say(at, format!("{NO_PROMPT}; this is {}", kind.in_words()), hint);
        }
    }

    fn list(&mut self, call: &CallExpression<'a>, message: &str, hint: &str) {
        if let Some((at, kind, _)) = self.first(call)
            && kind != Kind::List
        {
            self.say(at, format!("{message}; this is {}", kind.in_words()), hint);
        }
    }

    fn stages(&mut self, call: &CallExpression<'a>) {
        for nth in 1..call.arguments.len() {
            let Some(stage) = argument(call, nth) else { return };
            if let Some(kind) = self.shapes.kind_of(stage)
                && kind != Kind::Function
            {
                let message = format!(
                    "pipeline(items, ...stages): stage {nth} is not a function; this is {}",
                    kind.in_words()
                );
                self.say(stage.span().start, message, "write `item =>` before it");
                return;
            }
        }
    }

    fn sleep(&mut self, call: &CallExpression<'a>) {
        let Some((at, kind, first)) = self.first(call) else { return };
        if kind != Kind::Number {
            self.say(at, format!("{NO_TIME}; this is {}", kind.in_words()), "pass milliseconds");
            return;
        }
        let written = first.and_then(|first| self.shapes.tree.json(first));
        if let Some(milliseconds) = written.and_then(|written| written.value.as_f64())
            && !(0.0..=SLEEP_MS_MAX).contains(&milliseconds)
        {
            let message = format!(
                "sleep() takes 0 to {SLEEP_MS_MAX} milliseconds (365 days), and was given {milliseconds}"
            );
            self.say(at, message, "");
        }
    }

    fn people(&mut self, call: &CallExpression<'a>, kind: AskKind) {
        let Some((at, found, first)) = self.first(call) else { return };
        // The rule `not-awaited` reports a promise.
        if !matches!(found, Kind::Text | Kind::Promise) {
            let what = if kind == AskKind::WaitFor { "name" } else { "question" };
            let function = kind.function();
            let message = format!(
                "{function}({what}, options): the {what} must be a string that is not empty; this is {}",
                found.in_words()
            );
            return self.say(at, message, "pass a string");
        }
        let Some(options) = argument(call, 1) else { return };
        let Some(Written { value, is_whole: true }) = self.shapes.tree.json(options) else {
            return;
        };
        let text = first.and_then(|first| self.shapes.tree.json(first));
        let text = text.and_then(|text| text.value.as_str().map(str::to_owned));
        let question = text.unwrap_or_else(|| "x".to_owned());
        let at = options.span().start;
        match AskRequest::read(kind, &question, &value.to_string()) {
            Err(refusal) => self.say(at, in_words(&refusal), ""),
            Ok(read) => {
                for name in read.unknown {
                    let function = kind.function();
                    let message =
                        format!("{function}() does not know the option `{name}`; it is ignored");
                    let known: Vec<String> =
                        options_of(kind).map(|name| format!("`{name}`")).collect();
                    let hint = format!("it knows {}", known.join(", "));
                    self.spots.push(Spot::new(&rules::UNKNOWN_OPTION, at, message, hint));
                }
            }
        }
    }

    fn workflow(&mut self, call: &CallExpression<'a>) {
        let Some((at, kind, first)) = self.first(call) else { return };
        let written = first.map(|first| self.shapes.tree.written(first));
        let target = match (kind, written) {
            (Kind::Text, Some(text)) => match self.shapes.tree.json(text) {
                Some(Written { value: Value::String(name), .. }) => WorkflowTarget::Name(name),
                _ => return,
            },
            (Kind::Object, Some(Expression::ObjectExpression(object))) => {
                match property(object, "scriptPath").map(|path| self.shapes.tree.json(path)) {
                    Some(Some(Written { value: Value::String(path), .. })) => {
                        let text = json!({ "scriptPath": path }).to_string();
                        match WorkflowTarget::read(&text) {
                            Ok(target) => target,
                            Err(refusal) => return self.say(at, in_words(&refusal), ""),
                        }
                    }
                    Some(None) => return,
                    None if has_spread(object) => return,
                    _ => {
                        return self.say(
                            at,
                            NO_TARGET,
                            "write `workflow({ scriptPath: './file.js' })`",
                        );
                    }
                }
            }
            (Kind::Object | Kind::Text, _) => return,
            _ => {
                return self.say(
                    at,
                    format!("{NO_TARGET}; this is {}", kind.in_words()),
                    "name a workflow",
                );
            }
        };
        // A script that catches the failure expects that the workflow may be missing.
        let node = call.node_id.get();
        if !self.shapes.tree.is_tried(node, true) && !self.is_caught(call) {
            self.named.push(Named { at, target });
        }
    }

    /// Whether a `.catch` follows the call: `workflow('x').catch(…)`.
    fn is_caught(&self, call: &CallExpression<'a>) -> bool {
        let nodes = self.shapes.tree.semantic().nodes();
        nodes.ancestor_kinds(call.node_id.get()).any(|kind| {
            matches!(kind, AstKind::StaticMemberExpression(member) if member.property.name == "catch")
        })
    }

    /// Lets the core judge each literal option, and then all of them together.
    fn options(&mut self, options: &Expression<'a>) {
        let Expression::ObjectExpression(object) = self.shapes.tree.written(options) else {
            return self.no_object(options);
        };
        let Some(Written { value: Value::Object(all), is_whole }) = self.shapes.tree.json(options)
        else {
            return;
        };
        let before = self.spots.len();
        for property in &object.properties {
            let ObjectPropertyKind::ObjectProperty(one) = property else { continue };
            let Some(name) = one.key.static_name() else { continue };
            // A later key or spread may have replaced it.
            let is_it = one.kind == PropertyKind::Init && !never_arrives(&one.value);
            if let Some(value) = all.get(name.as_ref()).filter(|_| is_it)
                && let Some(own) = self.shapes.tree.json(&one.value)
                && own.value == *value
            {
                let alone = Map::from_iter([(name.to_string(), value.clone())]);
                self.judge_alone(one.value.span().start, alone, own.is_whole);
            }
            self.given(&one.value, name.as_ref());
        }
        if self.spots.len() == before {
            self.judge(options.span().start, all, is_whole);
        }
    }

    fn no_object(&mut self, options: &Expression<'a>) {
        let (at, kind) = (options.span().start, self.shapes.kind_of(options));
        let is_fine = [None, Some(Kind::Object), Some(Kind::Nothing), Some(Kind::Promise)];
        if is_fine.contains(&kind) {
            return;
        }
        match self.dialect {
            Dialect::Module => self.say(at, format!("{OPTIONS} must be an object"), ""),
            Dialect::Body => {
                let message = format!("{OPTIONS} are not an object and are ignored");
                self.spots.push(Spot::new(&rules::UNKNOWN_OPTION, at, message, ""));
            }
        }
    }

    /// Judges an option that is a parameter, as in a helper with `agent(prompt, { schema })`:
    /// its callers' literal arguments.
    fn given(&mut self, value: &Expression<'a>, option: &str) {
        let Expression::Identifier(name) = value else { return };
        let tree = self.shapes.tree;
        let symbol = tree.symbol(name);
        let Some(Binding::Parameter(fun, nth)) = symbol.map(|symbol| tree.binding(symbol)) else {
            return;
        };
        for call in tree.calls_of(fun) {
            let Some(given) = argument(call, nth) else { continue };
            if let Some(written) = tree.json(given) {
                let alone = Map::from_iter([(option.to_owned(), written.value)]);
                self.judge_alone(given.span().start, alone, written.is_whole);
            }
        }
    }

    /// Judges one option, and keeps what it names.
    fn judge_alone(&mut self, at: u32, option: Map<String, Value>, is_whole: bool) {
        if let Some(request) = self.judge(at, option, is_whole)
            && (request.isolation.is_some()
                || !(request.mcp.is_empty()
                    && request.dirs.is_empty()
                    && request.images.is_empty()))
        {
            self.wanted.push(Wanted { at, request });
        }
    }

    /// The request with these options; none, and a finding, if it is refused.
    fn judge(
        &mut self,
        at: u32,
        options: Map<String, Value>,
        is_whole: bool,
    ) -> Option<AgentRequest> {
        let text = Value::Object(options).to_string();
        match AgentRequest::read("x".to_owned(), &text, OptionRules::Third(self.dialect)) {
            Err(refusal) => {
                // The target of a reference may be a part that is not a literal.
                if is_whole || !text.contains("\"$ref\"") {
                    self.say(at, in_words(&refusal), "");
                }
                None
            }
            Ok(mut read) => {
                for why in std::mem::take(&mut read.ignored) {
                    self.spots.push(Spot::new(&rules::UNKNOWN_OPTION, at, why, ""));
                }
                Some(read)
            }
        }
    }
}

fn has_spread(object: &ObjectExpression<'_>) -> bool {
    object.properties.iter().any(|one| matches!(one, ObjectPropertyKind::SpreadProperty(_)))
}

/// The message of a finding for this refusal.
pub(super) fn in_words(refusal: &Failure) -> String {
    format!("{} [{}]", refusal.message, refusal.code)
}
