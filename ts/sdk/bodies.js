// Type checks workflow scripts that are bodies, with `return` at top level.
//
// Owns: what the language server plugin and the command have in common. Never:
// changes a script's text, or hides another error than that of the `return`.
//
// TypeScript reports such a `return` and looks no further at its value. Asking for
// the type of that value has it checked like any other; errors in it are then
// among those of the file, where the report of the `return` is left out.

"use strict";

/** "A 'return' statement can only be used within a function body." */
const RETURN_OUTSIDE = 1108;

/** The `return` statements of a file that are in no function. */
function topReturns(ts, file) {
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) || ts.isClassLike(node)) return;
    if (ts.isReturnStatement(node)) found.push(node);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return found;
}

/** Whether it is a script of smol-wf: it exports `meta`. */
function isWorkflow(ts, file) {
  return file.statements.some(
    (statement) =>
      ts.isVariableStatement(statement) &&
      statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) &&
      statement.declarationList.declarations.some(({ name }) => ts.isIdentifier(name) && name.text === "meta"),
  );
}

/** The files that are bodies, and asks for the types of what they return. */
function visitReturns(ts, program, file) {
  const returns = topReturns(ts, file);
  if (returns.length === 0 || !isWorkflow(ts, file)) return false;
  const checker = program.getTypeChecker();
  for (const { expression } of returns) if (expression) checker.getTypeAtLocation(expression);
  return true;
}

/** The semantic errors of a file, from `errorsOf`, as if a body were a function. */
function errorsOfFile(ts, program, file, errorsOf) {
  if (!file || !visitReturns(ts, program, file)) return errorsOf();
  return errorsOf().filter(({ code }) => code !== RETURN_OUTSIDE);
}

module.exports = { errorsOfFile };
