// The types have the names that the program gives to a script: no more, no fewer.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import ts from "typescript";

import { folder, sdk, smolWf, write } from "./program.mjs";

/** A module that returns the names it finds. */
const SCRIPT = `
import * as extra from "workflow:extra";
export const meta = { name: "names", description: "Lists the names in its scope" };
export default function (input, ctx) {
  const names = (object) => Object.getOwnPropertyNames(object).sort();
  return {
    globals: names(globalThis), SW: names(SW), ctx: names(ctx), extra: names(extra),
    "extra's default": names(extra.default), "SW.extra": names(SW.extra), console: names(console), budget: names(budget),
  };
}`;

/** Names of the engine that no library of TypeScript has. */
const ENGINE = ["InternalError"];

const types = join(sdk, "workflow.d.ts");
const options = { lib: ["lib.esnext.d.ts"], types: [], module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };

/** A file that sees the types, and the compiler's view of it. */
function compiled(dir, text) {
  write(dir, { "use.ts": text });
  const program = ts.createProgram([types, join(dir, "use.ts")], options);
  return { file: program.getSourceFile(join(dir, "use.ts")), checker: program.getTypeChecker(), program };
}

test("the types and the program have the same names", (t) => {
  const dir = folder(t);
  write(dir, { "names.mjs": SCRIPT });
  const { result } = JSON.parse(smolWf(dir, ["run", join(dir, "names.mjs"), "--agent-provider", "debug", "--output", "json"]));
  const { checker, file, program } = compiled(dir, `
    import type { WorkflowContext } from "@smol-wf/sdk";
    import * as extra from "workflow:extra";
    declare const ctx: WorkflowContext;
    export const all = [SW, ctx, extra, extra.default, SW.extra, console, budget];
  `);
  const inScope = checker.getSymbolsInScope(file, ts.SymbolFlags.Value);
  const known = new Set(inScope.map(({ name }) => name));
  const unknown = result.globals.filter((name) => !known.has(name) && !ENGINE.includes(name));
  assert.deepEqual(unknown, [], "globals of the program that have no type");
  const isOurs = ({ name, declarations }) =>
    !name.startsWith('"') && declarations?.some((one) => one.getSourceFile() === program.getSourceFile(types));
  const ours = inScope.filter(isOurs).map(({ name }) => name);
  const promised = ours.filter((name) => !result.globals.includes(name));
  assert.deepEqual(promised, [], "globals of the types that the program has not");
  assert(ours.length > 10);

  const list = file.statements.at(-1).declarationList.declarations[0].initializer.elements;
  const typed = list.map((expression) => checker.getTypeAtLocation(expression).getProperties().map(({ name }) => name).sort());
  const [SW, ctx, extra, extraDefault, ofSW, console, budget] = typed;
  const found = { ...result };
  delete found.globals;
  assert.deepEqual(found, {
    SW, ctx, extra, "extra's default": extraDefault, "SW.extra": ofSW, console, budget,
  });
});
