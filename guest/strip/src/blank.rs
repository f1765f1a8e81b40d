//! Finds the types in a syntax tree and blanks them.
//!
//! Owns: what is a type, and where a blank would let two statements or members grow
//! together. Never: checks the result; [`crate::strip`] does.

use oxc_allocator::ArenaVec;
use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};

use crate::only_types;
use crate::refusal::{Reason, Refusal};
use crate::shape::{LEVELS_MAX, Shape};
use crate::text::Text;

/// Modifiers that JavaScript does not have.
const MODIFIERS: [&str; 7] =
    ["public", "private", "protected", "readonly", "override", "abstract", "declare"];

/// Walks the tree, blanks the types and notes the shape of the rest.
pub(crate) struct Blank<'t> {
    text: Text<'t>,
    shape: Shape,
    refused: Option<Refusal>,
    /// Whether a statement was kept. Before the first, a `;` would turn directives into
    /// ordinary statements.
    has_kept: bool,
    /// Ends of the statements and members around, which an expression may end as well.
    ends: Vec<u32>,
    levels: u32,
}

impl<'t> Blank<'t> {
    pub(crate) fn new(source: &'t str, has_directives: bool) -> Self {
        Self {
            text: Text::new(source),
            shape: Shape::default(),
            refused: None,
            has_kept: has_directives,
            ends: Vec::new(),
            levels: 0,
        }
    }

    /// The shape of the program without its types, and its text with blanks.
    pub(crate) fn all(mut self, program: &Program<'_>) -> Result<(Shape, String), Refusal> {
        self.visit_program(program);
        match self.refused {
            Some(refusal) => Err(refusal),
            None => Ok((self.shape, self.text.finish())),
        }
    }

    fn refuse(&mut self, span: Span, reason: Reason) {
        self.refused.get_or_insert(Refusal::new(span.start, reason));
    }

    fn span(&mut self, span: Span) {
        self.text.blank(span.start, span.end);
    }

    /// Blanks a whole statement or member, and keeps its neighbours apart.
    fn whole(&mut self, span: Span) {
        self.span(span);
        if self.has_kept {
            self.text.put(span.start, b';');
        }
    }

    /// Blanks an element of a list and the comma behind it.
    fn with_comma(&mut self, span: Span) {
        self.span(span);
        let comma = self.text.skip(span.end);
        if self.text.byte(comma) == b',' {
            self.text.blank(comma, comma + 1);
        }
    }

    /// Blanks the `?` or `!` behind a name.
    fn mark(&mut self, from: u32, to: u32) {
        let mut at = self.text.skip(from);
        while at < to {
            if matches!(self.text.byte(at), b'?' | b'!') {
                self.text.blank(at, at + 1);
                return;
            }
            at = self.text.skip(at + 1);
        }
    }

    /// Blanks the modifiers before a class or the name of a member.
    fn modifiers(&mut self, start: u32, name: u32) {
        let (mut at, mut first, mut keeps_one) = (self.text.skip(start), None, false);
        while at < name {
            let end = self.text.word_end(at);
            let word = self.text.slice(at, end);
            if word.is_empty() {
                break;
            }
            if MODIFIERS.contains(&word) {
                self.text.blank(at, end);
                if at == start {
                    first = Some(at);
                }
            } else if word == "class" {
                return;
            } else {
                keeps_one = true;
            }
            at = self.text.skip(end);
        }
        // What stands first now must not go on with the member before it.
        let next = self.text.slice(at, self.text.word_end(at));
        let goes_on =
            matches!(self.text.byte(at), b'[' | b'*') || ["in", "instanceof"].contains(&next);
        if let Some(first) = first.filter(|_| goes_on && !keeps_one) {
            self.text.put(first, b';');
        }
    }

    /// Blanks what follows an expression: `as T`, `satisfies T`, `<T>`.
    fn tail(&mut self, from: u32, to: u32) {
        let at = self.text.skip(from);
        self.text.blank(at, to);
        // Before anything else, TypeScript goes on with the expression as well, or the
        // comparison of trees notices the difference.
        let next = self.text.byte(self.text.skip(to));
        if self.ends.last() == Some(&to) && matches!(next, b'(' | b'[' | b'`') {
            self.text.put(at, b';');
        }
    }

    /// Keeps `=>` on the line of the `)` before it.
    fn arrow(&mut self, it: &ArrowFunctionExpression<'_>) {
        let params = it.params.span;
        if let Some(types) = &it.type_parameters
            && self.text.has_line_end(types.span.start, params.start)
        {
            self.text.blank(params.start, params.start + 1);
            self.text.put(types.span.start, b'(');
        }
        if let Some(returns) = &it.return_type
            && self.text.has_line_end(params.end, returns.span.end)
        {
            self.text.blank(params.end - 1, params.end);
            self.text.put(returns.span.end - 1, b')');
        }
    }

    /// Blanks `implements …` of a class.
    fn implements(&mut self, it: &Class<'_>) {
        let (Some(first), Some(last)) = (it.implements.first(), it.implements.last()) else {
            return;
        };
        let heritage = it.heritage.as_ref().map(|heritage| {
            heritage
                .type_arguments
                .as_ref()
                .map_or(heritage.expression.span().end, |types| types.span.end)
        });
        let types = it.type_parameters.as_ref().map(|types| types.span.end);
        let name = it.id.as_ref().map(|name| name.span.end);
        let mut at = heritage.or(types).or(name).unwrap_or(it.span.start);
        loop {
            at = self.text.skip(at);
            let end = self.text.word_end(at);
            if at >= first.span.start || self.text.slice(at, end) == "implements" {
                break;
            }
            at = end.max(at + 1);
        }
        self.text.blank(at, last.span.end);
    }
}

impl<'a> Visit<'a> for Blank<'_> {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        self.shape.enter(kind);
    }

    fn leave_node(&mut self, kind: AstKind<'a>) {
        self.shape.leave(kind);
    }

    fn visit_expression(&mut self, it: &Expression<'a>) {
        if self.levels >= LEVELS_MAX {
            self.refuse(it.span(), Reason::TooDeep);
        } else if self.refused.is_none() {
            self.levels += 1;
            walk::walk_expression(self, it);
            self.levels -= 1;
        }
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        if only_types::statement(it) {
            self.whole(it.span());
            return;
        }
        self.has_kept = true;
        self.ends.push(it.span().end);
        walk::walk_statement(self, it);
        self.ends.pop();
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.span(it.span);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.span(it.span);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.span(it.span);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        self.with_comma(it.span);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.visit_expression(&it.expression);
        self.tail(it.expression.span().end, it.span.end);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.visit_expression(&it.expression);
        self.tail(it.expression.span().end, it.span.end);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.visit_expression(&it.expression);
        self.text.blank(it.span.end - 1, it.span.end);
    }

    fn visit_ts_instantiation_expression(&mut self, it: &TSInstantiationExpression<'a>) {
        self.visit_expression(&it.expression);
        self.tail(it.type_arguments.span.start, it.type_arguments.span.end);
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        self.refuse(it.span, Reason::Assertion);
    }

    fn visit_ts_enum_declaration(&mut self, it: &TSEnumDeclaration<'a>) {
        self.refuse(it.span, Reason::Enum);
    }

    fn visit_ts_namespace_declaration(&mut self, it: &TSNamespaceDeclaration<'a>) {
        self.refuse(it.span, Reason::Namespace);
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        self.refuse(it.span, Reason::ImportEquals);
    }

    fn visit_ts_export_assignment(&mut self, it: &TSExportAssignment<'a>) {
        self.refuse(it.span, Reason::ExportEquals);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.refuse(it.span, Reason::Decorator);
    }

    fn visit_jsx_element(&mut self, it: &JSXElement<'a>) {
        self.refuse(it.span, Reason::Jsx);
    }

    fn visit_import_specifier(&mut self, it: &ImportSpecifier<'a>) {
        if it.import_kind.is_type() {
            self.with_comma(it.span);
        } else {
            walk::walk_import_specifier(self, it);
        }
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        if it.export_kind.is_type() {
            self.with_comma(it.span);
        } else {
            walk::walk_export_specifier(self, it);
        }
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if it.accessibility.is_some() || it.readonly || it.r#override {
            self.refuse(it.span, Reason::ParameterProperty);
            return;
        }
        let name = it.pattern.span().end;
        if it.optional {
            self.mark(name, it.span.end.max(name + 1));
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.mark(it.id.span().end, it.span.end);
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        walk::walk_arrow_function_expression(self, it);
        self.arrow(it);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if it.r#abstract {
            self.modifiers(it.span.start, it.body.span.start);
        }
        self.implements(it);
        walk::walk_class(self, it);
    }

    fn visit_ts_class_implements_list(&mut self, _: &ArenaVec<'a, TSClassImplements<'a>>) {}

    fn visit_ts_class_implements(&mut self, _: &TSClassImplements<'a>) {}

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        let is_type = match it {
            ClassElement::StaticBlock(_) => false,
            ClassElement::MethodDefinition(method) => {
                let is_abstract = method.r#type == MethodDefinitionType::TSAbstractMethodDefinition;
                let has_no_body = method.value.body.is_none();
                if has_no_body && !is_abstract && method.kind.is_accessor() {
                    let message = "an accessor needs a body unless it is abstract";
                    self.refused.get_or_insert(Refusal::syntax(method.span.start, message));
                    return;
                }
                is_abstract || has_no_body
            }
            ClassElement::PropertyDefinition(property) => {
                property.declare
                    || property.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition
            }
            ClassElement::AccessorProperty(property) => {
                property.r#type == AccessorPropertyType::TSAbstractAccessorProperty
            }
            ClassElement::TSIndexSignature(_) => true,
        };
        if is_type {
            self.whole(it.span());
            return;
        }
        self.ends.push(it.span().end);
        walk::walk_class_element(self, it);
        self.ends.pop();
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        let name = it.key.span();
        self.modifiers(it.span.start, name.start);
        if it.optional {
            self.mark(name.end, it.value.span.start.max(name.end + 1));
        }
        walk::walk_method_definition(self, it);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        let name = it.key.span();
        self.modifiers(it.span.start, name.start);
        if it.optional || it.definite {
            self.mark(name.end, it.span.end);
        }
        // Without its type, `get` would make the next method an accessor.
        if let (Some(of), PropertyKey::StaticIdentifier(key)) = (&it.type_annotation, &it.key)
            && it.value.is_none()
            && matches!(key.name.as_str(), "get" | "set" | "static")
            && of.span.end == it.span.end
        {
            let at = self.text.skip(key.span.end);
            self.text.put(at, b';');
        }
        walk::walk_property_definition(self, it);
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        let name = it.key.span();
        self.modifiers(it.span.start, name.start);
        if it.definite {
            self.mark(name.end, it.span.end);
        }
        walk::walk_accessor_property(self, it);
    }
}
