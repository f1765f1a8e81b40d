// Compiled, never run: each line holds or the compiler says so.

import { approve, ask, sleep, waitFor } from "workflow:extra";
import type { AgentOptions, WorkflowContext, WorkflowMeta } from "@smol-wf/sdk";

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

const options: AgentOptions = { schema: { type: "string" } };
export default async function (input: { name: string }, ctx: WorkflowContext<{ name: string }>) {
  is<Same<typeof ctx.args, { name: string }>>();
  ctx.phase(ctx.meta.name);
  await ctx.sleep(1);
  return [input.name, name, left, options.label, await ctx.agent("p")];
}
