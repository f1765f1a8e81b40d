// Compiled, never run: each line holds or the compiler says so.

import { approve, ask, sleep, waitFor } from "workflow:extra";
import extra, * as named from "workflow:extra";
import type {
  AgentOptions, Approval, CallError, Extra, FromSchema, JsonSchema, Primitives, WorkflowContext, WorkflowFunction, WorkflowMeta,
} from "@smol-wf/sdk";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<_ extends true>(): void {}

export const meta: WorkflowMeta = {
  name: "n",
  description: "d",
  phases: ["One", { title: "Two", detail: "x", model: "m", provider: "p" }],
};
// @ts-expect-error a description is required
export const short: WorkflowMeta = { name: "n" };
// @ts-expect-error a phase has a title
export const untitled: WorkflowMeta = { name: "n", description: "d", phases: [{ detail: "x" }] };

const text = await agent("p");
is<Same<typeof text, string | null>>();
const labelled = await agent("p", { label: "l", phase: "One", effort: "xhigh", isolation: "worktree", agentType: "Explore" });
is<Same<typeof labelled, string | null>>();
const data = await agent<{ a: number }>("p", { schema: { type: "object" } });
is<Same<typeof data, { a: number } | null>>();
const unknownData = await agent("p", { schema: {} });
is<Same<typeof unknownData, unknown>>();
// @ts-expect-error a prompt is a string
agent(1);
// @ts-expect-error a schema is an object
agent("p", { schema: "x" });
// @ts-expect-error there is one kind of isolation
agent("p", { isolation: "vm" });
// @ts-expect-error no such option
agent("p", { labels: "x" });

const slots = await parallel([() => agent("a"), async () => 1, () => "x"]);
is<Same<typeof slots, [string | null, number | null, string | null]>>();
const many = await parallel(["a", "b"].map((item) => async () => item.length));
is<Same<typeof many, (number | null)[]>>();
// @ts-expect-error promises have started already; parallel takes functions
parallel([agent("a")]);

const flowed = await pipeline(
  ["a", "b"],
  async (previous, item, index) => {
    is<Same<typeof previous, string>>();
    is<Same<typeof item, string>>();
    return index;
  },
  (previous, item) => {
    is<Same<typeof previous, number>>();
    return { item };
  },
);
is<Same<typeof flowed, ({ item: string } | null)[]>>();

const child = await workflow<{ ok: boolean }>({ scriptPath: "./child.mjs" }, { deep: true });
is<Same<typeof child, { ok: boolean }>>();
await workflow("by-name");
// @ts-expect-error neither a name nor a path
workflow({ path: "x" });

phase("One");
log("a", 1, { b: 2 });
is<Same<typeof budget.total, number | null>>();
const left: number = budget.remaining() - budget.spent();
// @ts-expect-error the budget is not the script's to set
budget.total = 1;
const name: string = args?.name ?? "x";
await sleep(10);
await SW.sleep(10);
// @ts-expect-error a time is a number
sleep("10");

const allowed = await approve("Deploy?", { detail: { n: 1 }, timeout: "24h", onTimeout: { value: false } });
is<Same<typeof allowed.approved, boolean>>();
// @ts-expect-error nobody approves by waiting
approve("Deploy?", { timeout: 1, onTimeout: { value: true } });
const said = await ask("Who?", { default: "me" });
is<Same<typeof said, string>>();
const count = await ask<number>("How many?", { schema: { type: "integer" }, onTimeout: { value: 1 } });
is<Same<typeof count, number>>();
const event = await waitFor<{ number: number }>("merged", { match: { number: 12 } });
is<Same<typeof event, { number: number }>>();
// @ts-expect-error an event has a name
waitFor({ match: {} });


// The type of an answer is that of its schema.
const found = await agent("p", {
  schema: {
    type: "object",
    properties: {
      title: { type: "string", maxLength: 80 },
      severity: { enum: ["minor", "major", 3, null] },
      lines: { type: "array", items: { type: "integer" } },
      kind: { const: "bug" },
      fix: { type: ["string", "null"] },
    },
    required: ["title", "severity", "kind"],
  },
});
is<Same<typeof found, {
  title: string;
  severity: "minor" | "major" | 3 | null;
  lines?: number[];
  kind: "bug";
  fix?: string | null;
} | null>>();
// @ts-expect-error no such property
found?.tilte;

const TREE = {
  type: "object",
  properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#" } } },
  required: ["name", "children"],
} as const satisfies JsonSchema;
const tree = await agent("p", { schema: TREE });
is<Same<NonNullable<typeof tree>["children"][number]["children"][number]["name"], string>>();

type Of<S> = FromSchema<S>;
is<Same<Of<{ anyOf: [{ type: "string" }, { type: "integer" }] }>, string | number>>();
is<Same<Of<{ oneOf: [{ const: 1 }, { type: "null" }] }>, 1 | null>>();
is<Same<Of<{ $ref: "#/$defs/a"; $defs: { a: { type: "boolean" } } }>, boolean>>();
is<Same<Of<{ items: { $ref: "#/definitions/a" }; definitions: { a: { type: "number" } } }>, number[]>>();
is<Same<Of<{ $ref: "https://example.com/a.json" }>, any>>();
is<Same<Of<{ type: "array"; prefixItems: [{ type: "string" }, true]; minItems: 2; items: false }>, [string, unknown]>>();
is<Same<Of<{ type: "array"; prefixItems: [{ type: "string" }]; items: { type: "number" } }>, [string?, ...number[]]>>();
is<Same<Of<{ type: "object"; additionalProperties: { type: "number" } }>, { [key: string]: number }>>();
is<Same<Of<{ type: "object"; required: ["a"]; properties: { b: true } }>, { b?: unknown; a: unknown }>>();
is<Same<Of<{ type: "array" }>, unknown[]>>();
is<Same<Of<{ type: "object" }>, { [key: string]: unknown }>>();
is<Same<Of<{ properties: { a: false } }>, { a?: never }>>();
const both: Of<{ allOf: [{ properties: { a: { type: "string" } }; required: ["a"] }, { properties: { b: { type: "number" } } }] }> = { a: "x", b: 1 };
is<Same<typeof both.a, string>>();
// Words that are not literal types say nothing.
const WIDE = { type: "object", properties: { a: { type: "string" } } };
const wide = await agent("p", { schema: WIDE });
is<Same<typeof wide, any>>();
is<Same<Of<any>, any>>();

const choice = await ask("Which?", { schema: { enum: ["a", "b"] }, default: "a", timeout: "1h", onTimeout: { value: "b" } });
is<Same<typeof choice, "a" | "b">>();
// @ts-expect-error not a possible answer
ask("Which?", { schema: { enum: ["a", "b"] }, default: "c" });

// One set of functions, under three names.
is<Same<typeof extra, Extra>>();
is<Same<keyof typeof named, keyof Extra | "default">>();
is<Same<typeof SW, Primitives>>();
is<Same<typeof SW.extra, Extra>>();
is<Same<Awaited<ReturnType<typeof extra.approve>>, Approval>>();
console.log("a", 1);
console.warn();
queueMicrotask(() => {});
clearTimeout(setTimeout(() => {}, 10));
// @ts-expect-error `CallError` is a type; scripts look at `code`
new CallError();
export const poll: WorkflowFunction<{ url: string }, string | null> = ({ url }, ctx) => ctx.agent(`Look at ${url}`);

const options: AgentOptions = { schema: { type: "string" } };
export default async function (input: { name: string }, ctx: WorkflowContext<{ name: string }>) {
  is<Same<typeof ctx.args, { name: string }>>();
  ctx.phase(ctx.meta.name);
  await ctx.sleep(1);
  return [input.name, name, left, options.label, await ctx.agent("p")];
}
