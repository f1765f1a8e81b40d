// What the program writes has the types of `output.d.ts`: real reports, events and
// fixtures become literals, of which TypeScript refuses unknown and missing fields.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { folder, node, project, sdk, smolWf, tsc, write } from "./program.mjs";

/** Runs that together have nearly every field: failures, nulls, questions, children, a stop. */
const RUNS = [
  ["run", "examples/hello.mjs", "--budget", "200k"],
  ["run", "examples/parent.mjs"],
  ["run", "examples/pod-diagnostics.mjs"],
  ["run", "examples/pod-diagnostics.mjs", "--debug-rule", "*=fail"],
  ["run", "examples/approve.mjs"],
  ["run", "examples/approve.mjs", "--answer", "plan=yes", "--answer", "care=all at once"],
  ["run", "examples/code-review.js", "--max-agents", "2"],
  ["fork", "latest", "--from", "2"],
];

const literals = (type, texts) => texts.map((text) => `check<${type}>(${text});`).join("\n");

const isEvent = (type) => (line) => JSON.parse(line).type === type;

test("reports, events and fixtures have their types", (t) => {
  const dir = folder(t);
  const output = (words, format) => {
    const provider = words[0] === "run" ? ["--agent-provider", "debug"] : [];
    return smolWf(dir, [...words, ...provider, "--output", format]);
  };
  const reports = RUNS.map((words) => output(words, "json"));
  const events = RUNS.flatMap((words) => output(words, "jsonl").trim().split("\n"));
  const fixture = join(project, "examples/fixtures/pod-diagnostics-failing.swf");
  const lines = readFileSync(fixture, "utf8").trim().split("\n");
  for (const type of ["started", "agent_failed", "ask_opened", "ask_settled", "stopped", "forked", "result"]) {
    assert(events.some(isEvent(`workflow.${type}`)), `no workflow.${type} among the events`);
  }
  write(dir, {
    "output.ts": `import type { FixtureLine, Report, WorkflowEvent } from ${JSON.stringify(join(sdk, "output"))};
declare function check<T>(value: T): void;
${literals("Report", reports)}
${literals("WorkflowEvent", events)}
${literals("FixtureLine", lines)}
// @ts-expect-error no such field
check<Report["agents"]>({ called: 1, completed: 1, failed: 0, retried: 0, null: 0, lost: 0 });
`,
    "tsconfig.json": JSON.stringify({ compilerOptions: { strict: true, types: [], lib: ["esnext"], module: "esnext", moduleResolution: "bundler" } }),
  });
  const { status, text } = node([tsc], dir);
  assert.equal(status, 0, text.slice(0, 4_000));
});
