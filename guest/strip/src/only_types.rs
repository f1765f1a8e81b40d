//! Which statements consist of types alone.
//!
//! Owns: that question. Never: blanks anything.

use oxc_ast::ast::{
    Declaration, ExportDefaultDeclarationKind, Statement, TSNamespaceDeclaration,
    TSNamespaceDeclarationBody,
};

/// Whether nothing of this statement is left when it runs.
pub(crate) fn statement(it: &Statement<'_>) -> bool {
    match it {
        Statement::ImportDeclaration(import) => import.import_kind.is_type(),
        Statement::ExportAllDeclaration(export) => export.export_kind.is_type(),
        Statement::ExportNamedDeclaration(export) => export.export_kind.is_type(),
        Statement::ExportFromDeclaration(export) => export.export_kind.is_type(),
        Statement::ExportDeclaration(export) => declaration(&export.declaration),
        Statement::ExportDefaultDeclaration(export) => match &export.declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => function.body.is_none(),
            _ => false,
        },
        Statement::TSNamespaceExportDeclaration(_) => true,
        other => other.as_declaration().is_some_and(declaration),
    }
}

fn declaration(it: &Declaration<'_>) -> bool {
    match it {
        Declaration::VariableDeclaration(variables) => variables.declare,
        Declaration::FunctionDeclaration(function) => function.declare || function.body.is_none(),
        Declaration::ClassDeclaration(class) => class.declare,
        Declaration::TSTypeAliasDeclaration(_)
        | Declaration::TSInterfaceDeclaration(_)
        | Declaration::TSGlobalDeclaration(_)
        | Declaration::TSExternalModuleDeclaration(_) => true,
        Declaration::TSEnumDeclaration(words) => words.declare,
        Declaration::TSNamespaceDeclaration(space) => space.declare || namespace(space),
        Declaration::TSImportEqualsDeclaration(import) => import.import_kind.is_type(),
    }
}

/// Whether a namespace holds nothing but types, also in namespaces within it.
fn namespace(it: &TSNamespaceDeclaration<'_>) -> bool {
    match &it.body {
        TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => namespace(inner),
        TSNamespaceDeclarationBody::TSModuleBlock(block) => {
            block.body.iter().all(|statement| match statement {
                Statement::ExportDeclaration(export) => in_namespace(&export.declaration),
                Statement::EmptyStatement(_) => true,
                other => other.as_declaration().is_some_and(in_namespace),
            })
        }
    }
}

fn in_namespace(it: &Declaration<'_>) -> bool {
    match it {
        Declaration::TSTypeAliasDeclaration(_) | Declaration::TSInterfaceDeclaration(_) => true,
        Declaration::TSNamespaceDeclaration(space) => namespace(space),
        _ => false,
    }
}
