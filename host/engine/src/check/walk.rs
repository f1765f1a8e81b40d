//! Goes through a syntax tree once, in the order of the text, and applies the
//! rules.
//!
//! Owns: the state of that walk. Never: descends deeper than a bound.

use std::cell::Cell;
use std::collections::HashMap;

use oxc_ast::ast::{
    ArrowFunctionExpression, AssignmentExpression, AssignmentTarget, BinaryExpression,
    BindingIdentifier, BindingPattern, CallExpression, ComputedMemberExpression,
    ConditionalExpression, DoWhileStatement, ExportAllDeclaration, ExportFromDeclaration,
    Expression, ExpressionStatement, ForOfStatement, ForStatement, ForStatementLeft,
    FormalParameter, FormalParameters, Function, IdentifierReference, IfStatement,
    ImportDeclaration, ImportExpression, LogicalExpression, NewExpression, Statement,
    StaticMemberExpression, StringLiteral, SwitchStatement, TryStatement, UnaryExpression,
    VariableDeclarator, WhileStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};
use oxc_syntax::scope::{ScopeFlags, ScopeId};

use super::names::{Id, Names, Origin};
use super::nulls::{self, Kind, Nulls};
use super::phases::Phases;
use super::values::{Values, is_async};
use super::{Spot, rules};

/// Levels of expressions and statements that are walked down. No author nests
/// a tenth of that; on the parser's stack there is room for many times more.
const LEVELS_MAX: u32 = 2_000;

/// Characters of an expression that a message repeats.
const QUOTED_CHARS: usize = 60;

/// What a script may import.
const IMPORTABLE: &str = "workflow:extra";

pub(super) struct Walk<'a, 't> {
    text: &'a str,
    meta_at: usize,
    names: Names<'a>,
    nulls: Nulls,
    phases: Phases<'t>,
    spots: Vec<Spot>,
    levels: u32,
    /// Where the walk first turned back.
    too_deep: Option<u32>,
    /// The function that is being walked, and how many there were.
    function: usize,
    functions: usize,
    /// `try` blocks with a `catch` around this place.
    tries: u32,
    origin: Option<Origin>,
    /// What the condition that is being walked mentions.
    mentions: Option<Vec<Id>>,
    /// Parameters and loop variables by where they begin.
    items: HashMap<u32, Kind>,
}

impl<'a, 't> Walk<'a, 't> {
    pub(super) fn new(text: &'a str, titles: &'t [String], meta_at: usize) -> Self {
        Self {
            text,
            meta_at,
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
        }
    }

    /// What was found.
    pub(super) fn finish(mut self) -> Vec<Spot> {
        self.spots.extend(self.nulls.spots());
        match self.too_deep {
            // What was not looked at may begin a phase.
            Some(at) => {
                let message = format!("nested more than {LEVELS_MAX} levels deep: not checked");
                self.spots.push(Spot::new(&rules::UNCHECKED, at, message, ""));
            }
            None => self.spots.extend(self.phases.never_begun(self.text, self.meta_at)),
        }
        self.spots.sort_by_key(|spot| spot.at);
        self.spots
    }

    fn values(&self) -> Values<'_, 'a> {
        Values { names: &self.names, nulls: &self.nulls }
    }

    /// Walks one level down, unless that is too deep.
    fn deeper(&mut self, at: Span, walk: impl FnOnce(&mut Self)) {
        if self.levels >= LEVELS_MAX {
            self.too_deep.get_or_insert(at.start);
            return;
        }
        self.levels += 1;
        walk(self);
        self.levels -= 1;
    }

    /// Walks a condition: what it mentions counts as looked at behind it.
    fn test(&mut self, condition: &Expression<'a>) {
        let around = self.mentions.replace(Vec::new());
        self.visit_expression(condition);
        let mentioned = std::mem::replace(&mut self.mentions, around).unwrap_or_default();
        for id in mentioned {
            self.nulls.guard(id);
        }
    }

    fn in_function(&mut self, walk: impl FnOnce(&mut Self)) {
        let around = self.function;
        self.functions += 1;
        self.function = self.functions;
        walk(self);
        self.function = around;
    }

    /// The variables of a pattern get what its value may be.
    fn bind(&mut self, pattern: &BindingPattern<'a>, kind: Kind) {
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
            (BindingPattern::ObjectPattern(_) | BindingPattern::ArrayPattern(_), kind @ Kind::One(_)) => {
                self.unguarded(pattern.span(), "it", kind);
            }
            (BindingPattern::ObjectPattern(_), Kind::List(_)) => {}
        }
    }

    /// Something is read of an expression that may be null.
    fn read_of(&mut self, object: &Expression<'a>, whole: Span) {
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

    fn unguarded(&mut self, at: Span, name: &str, kind: Kind) {
        if self.tries == 0 {
            let text = self.quoted(at);
            self.spots.push(nulls::spot(at.start, &text, name, kind));
        }
    }

    /// The text there, in one line, cut.
    fn quoted(&self, at: Span) -> String {
        let text = self.text.get(at.start as usize..at.end as usize).unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().collect();
        let line = words.join(" ");
        if line.chars().count() <= QUOTED_CHARS {
            return line;
        }
        line.chars().take(QUOTED_CHARS - 1).chain(['…']).collect()
    }

    fn imports(&mut self, source: &StringLiteral<'a>) {
        if source.value != IMPORTABLE {
            let message = format!("`{}` cannot be imported", source.value);
            let hint = format!("only `{IMPORTABLE}` can; bundle other code into the script");
            self.spots.push(Spot::new(&rules::IMPORT, source.span.start, message, hint));
        }
    }

    fn dynamic(&mut self, at: Span, what: &str) {
        let message = format!("`{what}` makes code of text that no check has seen");
        let hint = "write the code out";
        self.spots.push(Spot::new(&rules::DYNAMIC_CODE, at.start, message, hint));
    }

    /// A call of something that only looks like an ordinary function.
    fn special(&mut self, name: &IdentifierReference<'a>) {
        let given = self.names.find(&name.name).is_none();
        match name.name.as_str() {
            "eval" | "Function" if given => self.dynamic(name.span, &name.name),
            "require" if given => {
                let message = "`require` does not exist in a workflow".to_owned();
                let hint = "bundle other code into the script";
                self.spots.push(Spot::new(&rules::IMPORT, name.span.start, message, hint));
            }
            _ => {}
        }
    }
}

impl<'a> Visit<'a> for Walk<'a, '_> {
    fn enter_scope(
        &mut self,
        _: ScopeFlags,
        _: &Cell<Option<ScopeId>>,
    ) {
        self.names.enter();
    }

    fn leave_scope(&mut self) {
        self.names.leave();
    }

    fn visit_expression(&mut self, it: &Expression<'a>) {
        self.deeper(it.span(), |walk_| walk::walk_expression(walk_, it));
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        self.deeper(it.span(), |walk_| walk::walk_statement(walk_, it));
    }

    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        self.names.declare(it.name.as_str(), self.origin.unwrap_or(Origin::Own));
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if let (Some(id), Some(mentions)) = (self.names.find(&it.name), &mut self.mentions) {
            mentions.push(id);
        }
    }

    fn visit_formal_parameters(&mut self, it: &FormalParameters<'a>) {
        let around = self.origin.replace(Origin::Parameter);
        walk::walk_formal_parameters(self, it);
        self.origin = around;
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        walk::walk_formal_parameter(self, it);
        if let Some(kind) = self.items.remove(&it.span.start) {
            self.bind(&it.pattern, kind);
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.in_function(|walk_| walk::walk_function(walk_, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.in_function(|walk_| walk::walk_arrow_function_expression(walk_, it));
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let Some(init) = &it.init {
            self.visit_expression(init);
        }
        // Before the names exist: `const x = x` is about another one.
        let kind = it.init.as_ref().and_then(|init| match init {
            // One that is looked at under its first name is looked at.
            Expression::Identifier(_) => {
                self.values().kind(init).filter(|kind| matches!(kind, Kind::List(_)))
            }
            _ => self.values().kind(init),
        });
        let kind = kind.or_else(|| self.items.remove(&it.id.span().start));
        let around = self.origin.take();
        self.visit_binding_pattern(&it.id);
        self.origin = around;
        if let Some(kind) = kind {
            self.bind(&it.id, kind);
        }
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        walk::walk_assignment_expression(self, it);
        if let AssignmentTarget::AssignmentTargetIdentifier(name) = &it.left
            && let Some(id) = self.names.find(&name.name)
        {
            self.nulls.assign(id);
        }
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        if !it.optional {
            self.read_of(&it.object, it.span);
        }
        // How long a list is says nothing about what is in it.
        let is_list = matches!(self.values().kind(&it.object), Some(Kind::List(_)));
        let says_nothing = is_list && it.property.name == "length";
        if !says_nothing {
            walk::walk_static_member_expression(self, it);
        }
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        if !it.optional {
            self.read_of(&it.object, it.span);
        }
        walk::walk_computed_member_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let primitive = self.names.primitive(it);
        let phase = match primitive {
            Some("phase") => self.phases.begin(it),
            Some("agent") => self.phases.option(it),
            _ => None,
        };
        self.spots.extend(phase);
        let items = self.values().item_parameters(it);
        self.items.extend(items);
        if let Expression::StaticMemberExpression(member) = &it.callee
            && member.property.name == "forEach"
            && it.arguments.first().is_some_and(is_async)
        {
            let message = "`forEach` does not wait for its async callback".to_owned();
            let hint = "use `for … of`, or `await parallel(items.map(item => () => …))`";
            let at = member.property.span.start;
            self.spots.push(Spot::new(&rules::FOR_EACH, at, message, hint));
        }
        walk::walk_call_expression(self, it);
        if let Expression::Identifier(callee) = &it.callee {
            self.special(callee);
            // A function that is given a value may well look at it.
            if primitive.is_none() && callee.name != "log" {
                for argument in &it.arguments {
                    if let Some(Expression::Identifier(name)) = argument.as_expression()
                        && let Some(id) = self.names.find(&name.name)
                    {
                        self.nulls.guard(id);
                    }
                }
            }
        }
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        if let Expression::Identifier(callee) = &it.callee {
            self.special(callee);
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_expression_statement(&mut self, it: &ExpressionStatement<'a>) {
        if let Some(primitive) = self.names.promised(&it.expression) {
            let message = format!("nobody awaits this `{primitive}()`");
            let hint = "write `await` in front; when the script ends, what is still under way is cut off";
            self.spots.push(Spot::new(&rules::NOT_AWAITED, it.span.start, message, hint));
        }
        walk::walk_expression_statement(self, it);
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        self.imports(&it.source);
        let around = self.origin.replace(Origin::Import);
        walk::walk_import_declaration(self, it);
        self.origin = around;
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        self.imports(&it.source);
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        self.imports(&it.source);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        self.dynamic(it.span, "import()");
        walk::walk_import_expression(self, it);
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        self.test(&it.test);
        self.visit_statement(&it.consequent);
        if let Some(alternate) = &it.alternate {
            self.visit_statement(alternate);
        }
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        self.test(&it.test);
        self.visit_expression(&it.consequent);
        self.visit_expression(&it.alternate);
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        self.test(&it.left);
        self.visit_expression(&it.right);
    }

    fn visit_binary_expression(&mut self, it: &BinaryExpression<'a>) {
        if it.operator.is_equality() {
            self.test(&it.left);
            self.test(&it.right);
        } else {
            walk::walk_binary_expression(self, it);
        }
    }

    fn visit_unary_expression(&mut self, it: &UnaryExpression<'a>) {
        // `!x`, `typeof x`: all that is not arithmetic looks.
        if it.operator.is_arithmetic() {
            walk::walk_unary_expression(self, it);
        } else {
            self.test(&it.argument);
        }
    }

    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        self.test(&it.test);
        self.visit_statement(&it.body);
    }

    fn visit_do_while_statement(&mut self, it: &DoWhileStatement<'a>) {
        self.visit_statement(&it.body);
        self.test(&it.test);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        self.names.enter();
        if let Some(init) = &it.init {
            self.visit_for_statement_init(init);
        }
        if let Some(test) = &it.test {
            self.test(test);
        }
        self.visit_statement(&it.body);
        if let Some(update) = &it.update {
            self.visit_expression(update);
        }
        self.names.leave();
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.read_of(&it.right, it.right.span());
        if let (Some(Kind::List(source)), ForStatementLeft::VariableDeclaration(declared)) =
            (self.values().kind(&it.right), &it.left)
        {
            for declarator in &declared.declarations {
                self.items.insert(declarator.id.span().start, Kind::One(source));
            }
        }
        walk::walk_for_of_statement(self, it);
    }

    fn visit_switch_statement(&mut self, it: &SwitchStatement<'a>) {
        self.test(&it.discriminant);
        self.names.enter();
        self.visit_switch_cases(&it.cases);
        self.names.leave();
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
