//! Visits each node of a syntax tree.
//!
//! Owns: the order, which is that of the text, and which nodes are conditions, reads,
//! calls and declarations. Never: decides whether a value may be null.

use oxc_ast::ast::{
    ArrayExpression, ArrayExpressionElement, ArrowFunctionExpression, AssignmentExpression,
    AssignmentTarget, BinaryExpression, CallExpression, ComputedMemberExpression,
    ConditionalExpression, DoWhileStatement, ExportAllDeclaration, ExportFromDeclaration,
    Expression, ForOfStatement, ForStatement, ForStatementLeft, FormalParameter, Function,
    IdentifierReference, IfStatement, ImportDeclaration, ImportExpression, LogicalExpression,
    NewExpression, StaticMemberExpression, SwitchStatement, TryStatement, UnaryExpression,
    VariableDeclarator, WhileStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan;
use oxc_syntax::scope::ScopeFlags;

use super::finding::Spot;
use super::nulls::Kind;
use super::values::{is_async, says_yes_or_no};
use super::walk::Walk;
use super::{options, rules};

impl<'a> Visit<'a> for Walk<'_, '_, '_, 'a, '_> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if let (Some(id), Some(mentions)) = (self.tree.symbol(it), &mut self.mentions) {
            mentions.push(id);
        }
        self.phases.mentioned(self.tree, it);
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
        match &it.init {
            // The test has a name of its own: `const isGood = a !== null`.
            Some(init) if says_yes_or_no(init) => self.test(init),
            Some(init) => self.visit_expression(init),
            None => {}
        }
        // Read before the pattern is bound: in `const x = x` the value is another `x`.
        let kind = it.init.as_ref().and_then(|init| match init {
            // Of copies, only lists are followed: a value may be tested under its first name.
            Expression::Identifier(_) => {
                self.values().kind(init).filter(|kind| matches!(kind, Kind::List(_)))
            }
            _ => self.values().kind(init),
        });
        let kind = kind.or_else(|| self.items.remove(&it.id.span().start));
        self.visit_binding_pattern(&it.id);
        if let Some(kind) = kind {
            self.bind(&it.id, kind);
        }
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        walk::walk_assignment_expression(self, it);
        if let AssignmentTarget::AssignmentTargetIdentifier(name) = &it.left
            && let Some(id) = self.tree.symbol(name)
        {
            self.nulls.assign(id);
        }
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        // These are methods of promises: the object is a promise, not its value.
        let is_promise = matches!(&*it.property.name, "then" | "catch" | "finally");
        if !it.optional && !is_promise {
            self.read_of(&it.object, it.span);
        }
        // The length of a list says nothing about its items, so it guards nothing.
        let is_list = matches!(self.values().kind(&it.object), Some(Kind::List(_)));
        let is_length = is_list && it.property.name == "length";
        if !is_length {
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
        let primitive = self.tree.primitive(it);
        let phase = match primitive {
            Some("phase") => self.phases.begin(it),
            Some("agent") => {
                self.spots.extend(options::unknown(it));
                self.phases.option(it)
            }
            _ => None,
        };
        self.spots.extend(phase);
        let items = self.values().item_parameters(it);
        self.items.extend(items);
        self.read_by(it);
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
            // A function may test the values that it is given.
            if primitive.is_none() && callee.name != "log" {
                for argument in &it.arguments {
                    if let Some(Expression::Identifier(name)) = argument.as_expression()
                        && let Some(id) = self.tree.symbol(name)
                    {
                        self.nulls.guard(id);
                    }
                }
            }
        }
    }

    fn visit_array_expression(&mut self, it: &ArrayExpression<'a>) {
        for element in &it.elements {
            if let ArrayExpressionElement::SpreadElement(all) = element {
                self.read_of(&all.argument, all.span);
            }
        }
        walk::walk_array_expression(self, it);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        if let Expression::Identifier(callee) = &it.callee {
            self.special(callee);
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        self.imports(&it.source);
        walk::walk_import_declaration(self, it);
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
        // `!x` and `typeof x` are tests; arithmetic is not.
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
        self.visit_switch_cases(&it.cases);
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
