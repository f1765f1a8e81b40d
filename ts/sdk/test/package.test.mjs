// The package as npm makes it: installed in an empty project, its README holds, on
// the command line and in tsserver.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { folder, node, npm, sdk, smolWf, write } from "./program.mjs";

/** The README's files: blocks whose first line names one, and the configuration. */
function samples() {
  const readme = readFileSync(join(sdk, "README.md"), "utf8");
  const files = {};
  for (const [, language, text] of readme.matchAll(/^```(js|ts|json)\n(.*?)^```$/gms)) {
    const name = language === "json" ? "tsconfig.json" : text.match(/^\/\/ (\S+)\n/)?.[1];
    assert(name, `a sample without a name: ${text}`);
    files[name] = text;
  }
  assert.deepEqual(Object.keys(files), ["tsconfig.json", "review.mjs", "triage.js", "failures.ts"]);
  return files;
}

/** A project that has installed the packed package, and the compiler of these tests. */
function installed() {
  const dir = folder({ after });
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--pack-destination", dir], sdk));
  write(dir, { "package.json": '{ "private": true }', ...samples() });
  npm(["install", "--ignore-scripts", "--omit=peer", `./${filename}`], dir);
  mkdirSync(join(dir, "node_modules"), { recursive: true });
  symlinkSync(join(sdk, "node_modules/typescript"), join(dir, "node_modules/typescript"));
  return dir;
}

const WRONG = `
/** @type {import("@smol-wf/sdk").WorkflowMeta} */
export const meta = { name: "wrong", description: "Has two errors" };
const found = await agent("p", { schema: { type: "object", properties: { a: { type: "string" } } } });
if (found === null) return { b: budget.tota };
return [1].map(() => found.b);
`;

const dir = installed();

test("the README holds for the package", () => {
  const command = join(dir, "node_modules/.bin/smol-wf-tsc");
  const all = node([command], dir);
  assert.deepEqual(all, { status: 0, text: "" });
  for (const name of ["review.mjs", "triage.js"]) {
    const report = JSON.parse(smolWf(dir, ["run", name, "--args-files", '["a"]', "--agent-provider", "debug", "--output", "json"], dir));
    assert.equal(report.state, "completed", JSON.stringify(report.error));
  }
  write(dir, { "wrong.js": WRONG });
  const wrong = node([command, "wrong.js"], dir);
  assert.equal(wrong.status, 1);
  assert.match(wrong.text, /wrong\.js\(5,40\): error TS2551: .*'tota'/);
  assert.match(wrong.text, /wrong\.js\(6,28\): error TS2339: .*'b'/);
  assert.doesNotMatch(wrong.text, /TS1108/);
  for (const [words, says] of [
    [["-p"], /needs a value/], [["--watch"], /unknown option --watch/], [["missing.js"], /missing\.js does not exist/],
    [["-p", "missing"], /no tsconfig\.json or jsconfig\.json/],
  ]) {
    const bad = node([command, ...words], dir);
    assert.equal(bad.status, 2);
    assert.match(bad.text, says);
  }
});

/** tsserver over stdio, started as editors start it. */
function tsserver(t) {
  const server = spawn(process.execPath, [join(dir, "node_modules/typescript/lib/tsserver.js"), "--allowLocalPluginLoads"], { cwd: dir });
  t.after(() => server.kill());
  let text = "";
  const waiting = new Map();
  server.stdout.setEncoding("utf8").on("data", (piece) => {
    text += piece;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("{")) continue;
      const message = JSON.parse(line);
      waiting.get(message.request_seq)?.(message);
    }
  });
  let seq = 0;
  return (command, args) => new Promise((answer) => {
    waiting.set(++seq, answer);
    server.stdin.write(`${JSON.stringify({ seq, type: "request", command, arguments: args })}\n`);
  });
}

test("tsserver with the plugin checks bodies", { timeout: 120_000 }, async (t) => {
  write(dir, { "wrong.js": WRONG });
  const ask = tsserver(t);
  const file = join(dir, "wrong.js");
  void ask("open", { file });
  const errors = async () => (await ask("semanticDiagnosticsSync", { file })).body.map(({ code, start }) => [code, start.line, start.offset]);
  assert.deepEqual(await errors(), [[2551, 5, 40], [2339, 6, 28]]);
  const hover = await ask("quickinfo", { file, line: 4, offset: 8 });
  assert.equal(hover.body.displayString, "const found: {\n    a?: string | undefined;\n} | null");
  const names = await ask("completionInfo", { file, line: 4, offset: 21 });
  assert(names.body.entries.some(({ name }) => name === "agent"));
  // As an editor does at a key: the second error goes.
  void ask("change", { file, line: 6, offset: 28, endLine: 6, endOffset: 29, insertString: "a" });
  assert.deepEqual(await errors(), [[2551, 5, 40]]);
});
