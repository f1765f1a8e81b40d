//! Code that Claude Code, the origin of the dialect of bodies, refuses in a body.
//!
//! Owns: the findings of the rule `not-portable`; the script runs here. Never: looks at
//! modules, which Claude Code does not run. `docs/from-claude-code.md` has the measurements.

mod clock;
mod schema;

use oxc_ast::ast::{
    Argument, ArrayExpressionElement, BindingPattern, CallExpression, ComputedMemberExpression,
    Declaration, Expression, IdentifierReference, NewExpression, ObjectPropertyKind, Program,
    Statement, StaticMemberExpression, VariableDeclaration, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan;

use super::finding::Spot;
use super::kinds::Kind;
use super::rules;
use super::shapes::{Shape, Shapes};
use super::tree::PEOPLE;
use clock::Clock;

/// The findings about the portability of a body.
pub(super) fn spots<'a>(
    shapes: &Shapes<'_, '_, 'a>,
    text: &str,
    program: &Program<'a>,
) -> Vec<Spot> {
    let mut spots = of_meta(text, program);
    let clock = Clock::new(shapes.tree);
    let mut portable = Portable { shapes, clock, spots: Vec::new() };
    portable.visit_program(program);
    spots.append(&mut portable.spots);
    spots
}

fn spot(at: u32, message: impl Into<String>, hint: &str) -> Spot {
    Spot::new(&rules::NOT_PORTABLE, at, format!("{}; smol-wf runs it", message.into()), hint)
}

/// The declaration of `meta`, if this statement is one.
fn meta_of<'p, 'a>(statement: &'p Statement<'a>) -> Option<&'p VariableDeclaration<'a>> {
    let Statement::ExportDeclaration(export) = statement else { return None };
    let Declaration::VariableDeclaration(declared) = &export.declaration else { return None };
    let is_meta = |one: &VariableDeclarator<'_>| matches!(&one.id, BindingPattern::BindingIdentifier(name) if name.name == "meta");
    declared.declarations.iter().any(is_meta).then_some(declared)
}

fn of_meta(text: &str, program: &Program<'_>) -> Vec<Spot> {
    let mut spots = Vec::new();
    if let Some(at) = text.find('\r') {
        let at = u32::try_from(at).unwrap_or(0);
        spots.push(spot(
            at,
            "Claude Code refuses carriage returns in a script that is handed to it as text",
            "save the file with line feeds only",
        ));
    }
    let first = program.body.first().and_then(meta_of);
    if (first.is_none() || !program.directives.is_empty())
        && let Some(declared) = program.body.iter().find_map(meta_of)
    {
        let message = "Claude Code accepts `export const meta` only as the first statement";
        spots.push(spot(declared.span.start, message, "move it to the top, after comments"));
    }
    let Some(declared) = program.body.iter().find_map(meta_of) else { return spots };
    if let Some(second) = declared.declarations.get(1) {
        let message = "Claude Code refuses a second declaration beside `meta`";
        spots.push(spot(second.span.start, message, "write a `const` of its own for it"));
    }
    for declarator in &declared.declarations {
        if let Some(init) = &declarator.init {
            of_meta_value(init, &mut spots);
        }
    }
    spots
}

fn of_meta_value(value: &Expression<'_>, spots: &mut Vec<Spot>) {
    match value {
        Expression::Identifier(name) if name.name == "undefined" => {
            spots.push(spot(
                name.span.start,
                "Claude Code refuses `undefined` in `meta`",
                "leave the key out",
            ));
        }
        Expression::ArrayExpression(list) => {
            for element in &list.elements {
                match element {
                    ArrayExpressionElement::Elision(hole) => {
                        let message = "Claude Code refuses a hole in an array of `meta`";
                        spots.push(spot(hole.span.start, message, "write `null`"));
                    }
                    element => {
                        if let Some(element) = element.as_expression() {
                            of_meta_value(element, spots);
                        }
                    }
                }
            }
        }
        Expression::ObjectExpression(object) => {
            for property in &object.properties {
                let ObjectPropertyKind::ObjectProperty(property) = property else { continue };
                if property
                    .key
                    .static_name()
                    .is_some_and(|name| name == "constructor" || name == "__proto__")
                {
                    let at = property.key.span().start;
                    spots.push(spot(at, "Claude Code refuses this key in `meta`", "rename it"));
                }
                of_meta_value(&property.value, spots);
            }
        }
        _ => {}
    }
}

struct Portable<'r, 't, 's, 'a> {
    shapes: &'r Shapes<'t, 's, 'a>,
    clock: Clock<'t, 's, 'a>,
    spots: Vec<Spot>,
}

impl<'a> Portable<'_, '_, '_, 'a> {
    /// The expression, or the value of the constant that it names.
    fn written<'e>(&self, expression: &'e Expression<'a>) -> &'e Expression<'a>
    where
        'a: 'e,
    {
        self.shapes.tree.written(expression)
    }

    /// Whether this is the `meta` that the script exports.
    fn is_of_script(&self, name: &IdentifierReference<'a>) -> bool {
        let scoping = self.shapes.tree.semantic().scoping();
        let symbol = self.shapes.tree.symbol(name);
        symbol.is_some_and(|symbol| scoping.symbol_scope_id(symbol) == scoping.root_scope_id())
    }

    fn agent(&mut self, call: &CallExpression<'a>) {
        let options = call.arguments.get(1).and_then(Argument::as_expression);
        let Some(options) = options else { return };
        let Expression::ObjectExpression(options) = self.written(options) else { return };
        for property in &options.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else { continue };
            if property.key.static_name().is_some_and(|name| name == "schema")
                && let Some(message) = schema::refused(self.written(&property.value))
            {
                let hint = "give the root `type: 'object'`, and use keywords of draft 7";
                self.spots.push(spot(property.value.span().start, message, hint));
            }
        }
    }

    fn parallel(&mut self, call: &CallExpression<'a>) {
        let Some(list) = call.arguments.first().and_then(Argument::as_expression) else { return };
        let at = match self.written(list) {
            Expression::ArrayExpression(all) => {
                all.elements.iter().find_map(|one| self.no_function(one))
            }
            // The finding is at the promise if the callback is written here.
            mapped if matches!(self.shapes.of(mapped), Some(Shape::List(_))) => {
                Some(made_at(mapped))
            }
            _ => None,
        };
        if let Some(at) = at {
            let message = "Claude Code's `parallel` accepts only functions";
            self.spots.push(spot(at, message, "write `() =>` before it"));
        }
    }

    /// The position of an element that is certainly not a function.
    fn no_function(&self, element: &ArrayExpressionElement<'a>) -> Option<u32> {
        let is_it = match element {
            ArrayExpressionElement::Elision(_) => true,
            ArrayExpressionElement::SpreadElement(all) => {
                matches!(self.shapes.of(&all.argument), Some(Shape::List(_)))
            }
            element => element.as_expression().is_some_and(|one| {
                matches!(one, Expression::AwaitExpression(_))
                    || self.shapes.kind_of(one).is_some_and(|kind| kind != Kind::Function)
            }),
        };
        is_it.then(|| element.span().start)
    }
}

/// The position of the expression that a callback without a block returns, else of the
/// whole call.
fn made_at(mapped: &Expression<'_>) -> u32 {
    let callback = match mapped {
        Expression::CallExpression(call) => {
            call.arguments.first().and_then(Argument::as_expression)
        }
        _ => None,
    };
    let made = match callback {
        Some(Expression::ArrowFunctionExpression(arrow)) => arrow.body.as_expression(),
        _ => None,
    };
    made.map_or(mapped.span().start, |made| made.span().start)
}

impl<'a> Visit<'a> for Portable<'_, '_, '_, 'a> {
    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if it.name == "meta" && self.is_of_script(it) {
            let message = "in Claude Code `meta` is not defined within the script";
            self.spots.push(spot(
                it.span.start,
                message,
                "put what the script needs into a `const`",
            ));
        }
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        self.spots.extend(self.clock.declares(it));
        walk::walk_variable_declarator(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        match self.shapes.tree.primitive(it) {
            Some("agent") => self.agent(it),
            Some("parallel") => self.parallel(it),
            Some(name) if PEOPLE.contains(&name) => {
                let message = format!("Claude Code has no `{name}()` in workflows");
                let hint = "ask people before or after the workflow there";
                self.spots.push(spot(it.span.start, message, hint));
            }
            _ => {}
        }
        self.spots.extend(self.clock.called(it));
        walk::walk_call_expression(self, it);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        self.spots.extend(self.clock.constructed(it));
        walk::walk_new_expression(self, it);
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        self.spots.extend(self.clock.member(&it.object, &it.property.name, it.span.start));
        walk::walk_static_member_expression(self, it);
    }

    fn visit_computed_member_expression(&mut self, it: &ComputedMemberExpression<'a>) {
        if let Expression::StringLiteral(name) = &it.expression {
            self.spots.extend(self.clock.member(&it.object, &name.value, it.span.start));
        }
        walk::walk_computed_member_expression(self, it);
    }
}
