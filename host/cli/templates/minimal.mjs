// @ts-check
// One agent, one answer of a fixed shape.

/** @type {import("@smol-wf/sdk").WorkflowMeta} */
export const meta = {
  name: "minimal",
  description: "Sums up a file in three points",
};

const SUMMARY = {
  type: "object",
  properties: { points: { type: "array", items: { type: "string" }, maxItems: 3 } },
  required: ["points"],
};

/** @param {{ file?: string }} input from `--args-file PATH` */
export default async function ({ file = "README.md" }) {
  return await agent(`Read ${file} and sum it up in three points. Change no file.`, {
    label: `sum up ${file}`,
    schema: SUMMARY,
  });
}
