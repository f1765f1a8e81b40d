// @ts-check
// A person decides between the plan and the work. The run can wait for days: it holds no
// process, and `smol-wf answer` lets it go on.
import { approve } from "workflow:extra";

/** @type {import("@smol-wf/sdk").WorkflowMeta} */
export const meta = {
  name: "approval",
  description: "Plans a change, has a person approve the plan, and then makes the change",
  phases: ["Plan", "Approve", "Work"],
  args: {
    type: "object",
    properties: {
      task: { type: "string", description: "The change that is wanted" },
    },
    additionalProperties: false,
  },
};

/** @param {{ task?: string }} input */
export default async function ({ task = "Mend the first warning that the build prints" }) {
  phase("Plan");
  const plan = await agent(`Plan this change, file by file, and change nothing yet: ${task}`, { label: "plan" });

  phase("Approve");
  const ok = await approve(`Shall this be done: ${task}?`, { label: "plan", detail: String(plan) });
  if (!ok.approved) return `not done: ${ok.comment ?? "declined"}`;

  phase("Work");
  // In a worktree, so that your own files stay as they are until you merge.
  return await agent(`Do this, and nothing else: ${task}\n\nThe plan:\n${plan}`, { label: "work", isolation: "worktree" });
}
