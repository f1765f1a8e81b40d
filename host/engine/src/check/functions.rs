//! Functions of a script: their parameters, and what they return.
//!
//! Owns: reading one function. Never: follows a call.

use oxc_ast::ast::{
    ArrowFunctionBody, ArrowFunctionExpression, Class, ClassElement, Expression, FormalParameters,
    Function, FunctionBody, MethodDefinitionKind, ObjectExpression, ObjectPropertyKind,
    PropertyKind, Statement,
};
use oxc_semantic::{NodeId, SymbolId};

/// A function of either form.
#[derive(Clone, Copy)]
pub(super) enum Fun<'b, 'a> {
    Arrow(&'b ArrowFunctionExpression<'a>),
    Function(&'b Function<'a>),
}

impl<'b, 'a> Fun<'b, 'a> {
    /// The function at this node, if it is one.
    pub(super) fn of(expression: &'b Expression<'a>) -> Option<Self> {
        match expression {
            Expression::ArrowFunctionExpression(arrow) => Some(Self::Arrow(arrow)),
            Expression::FunctionExpression(function) => Some(Self::Function(function)),
            _ => None,
        }
    }

    /// Its node in the syntax tree.
    pub(super) fn node(self) -> NodeId {
        match self {
            Self::Arrow(arrow) => arrow.node_id.get(),
            Self::Function(function) => function.node_id.get(),
        }
    }

    /// Whether a call returns a promise.
    pub(super) fn is_async(self) -> bool {
        match self {
            Self::Arrow(arrow) => arrow.r#async,
            Self::Function(function) => function.r#async,
        }
    }

    /// Whether a call returns an iterator.
    pub(super) fn is_generator(self) -> bool {
        matches!(self, Self::Function(function) if function.generator)
    }

    pub(super) fn parameters(self) -> &'b FormalParameters<'a> {
        match self {
            Self::Arrow(arrow) => &arrow.params,
            Self::Function(function) => &function.params,
        }
    }

    /// Its first parameter, if that is a name.
    pub(super) fn first_name(self) -> Option<SymbolId> {
        self.parameters().items.first()?.pattern.get_binding_identifier()?.symbol_id.get()
    }

    /// Its block; none for an arrow function with an expression.
    pub(super) fn body(self) -> Option<&'b FunctionBody<'a>> {
        match self {
            Self::Arrow(arrow) => match &arrow.body {
                ArrowFunctionBody::FunctionBody(body) => Some(body),
                _ => None,
            },
            Self::Function(function) => function.body.as_deref(),
        }
    }

    /// The one expression of an arrow function without a block.
    pub(super) fn expression(self) -> Option<&'b Expression<'a>> {
        match self {
            Self::Arrow(arrow) => arrow.body.as_expression(),
            Self::Function(_) => None,
        }
    }

    /// The expressions that it may return, in the order of the text, without bare `return`s.
    pub(super) fn returns(self) -> Vec<&'b Expression<'a>> {
        if let Some(expression) = self.expression() {
            return vec![expression];
        }
        let mut found = Vec::new();
        if let Some(body) = self.body() {
            returned(&body.statements, &mut found);
        }
        found
    }
}

fn returned<'b, 'a>(statements: &'b [Statement<'a>], found: &mut Vec<&'b Expression<'a>>) {
    for statement in statements {
        returned_by(statement, found);
    }
}

/// Expressions are not walked: functions in them have their own results.
fn returned_by<'b, 'a>(statement: &'b Statement<'a>, found: &mut Vec<&'b Expression<'a>>) {
    match statement {
        Statement::ReturnStatement(it) => found.extend(&it.argument),
        Statement::BlockStatement(it) => returned(&it.body, found),
        Statement::IfStatement(it) => {
            returned_by(&it.consequent, found);
            if let Some(alternate) = &it.alternate {
                returned_by(alternate, found);
            }
        }
        Statement::ForStatement(it) => returned_by(&it.body, found),
        Statement::ForOfStatement(it) => returned_by(&it.body, found),
        Statement::ForInStatement(it) => returned_by(&it.body, found),
        Statement::WhileStatement(it) => returned_by(&it.body, found),
        Statement::DoWhileStatement(it) => returned_by(&it.body, found),
        Statement::LabeledStatement(it) => returned_by(&it.body, found),
        Statement::SwitchStatement(it) => {
            for case in &it.cases {
                returned(&case.consequent, found);
            }
        }
        Statement::TryStatement(it) => {
            returned(&it.block.body, found);
            if let Some(handler) = &it.handler {
                returned(&handler.body.body, found);
            }
            if let Some(finalizer) = &it.finalizer {
                returned(&finalizer.body, found);
            }
        }
        _ => {}
    }
}

/// The method of a class by its name.
pub(super) fn method_of_class<'b, 'a>(class: &'b Class<'a>, name: &str) -> Option<Fun<'b, 'a>> {
    class.body.body.iter().find_map(|element| match element {
        ClassElement::MethodDefinition(method) => {
            let is_it = method.kind == MethodDefinitionKind::Method
                && method.key.static_name().is_some_and(|key| key == name);
            is_it.then_some(Fun::Function(&method.value))
        }
        ClassElement::PropertyDefinition(property) => {
            let is_it = property.key.static_name().is_some_and(|key| key == name);
            property.value.as_ref().filter(|_| is_it).and_then(Fun::of)
        }
        _ => None,
    })
}

/// The value of a key in an object literal. The last one counts.
pub(super) fn property<'b, 'a>(
    object: &'b ObjectExpression<'a>,
    name: &str,
) -> Option<&'b Expression<'a>> {
    let mut found = None;
    for property in &object.properties {
        match property {
            // The spread may have the same key.
            ObjectPropertyKind::SpreadProperty(_) => found = None,
            ObjectPropertyKind::ObjectProperty(one) => {
                if one.key.static_name().is_some_and(|key| key == name) {
                    found = (one.kind == PropertyKind::Init).then_some(&one.value);
                }
            }
        }
    }
    found
}
