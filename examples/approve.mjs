// A person decides between the plan and the work: nothing is done without a yes.
import { approve, ask } from "workflow:extra";

export const meta = {
  name: "approve",
  description: "Plans a change, asks a person, and works only after a yes",
  phases: [{ title: "Plan" }, { title: "Work" }],
};

const PLAN = {
  type: "object",
  required: ["summary", "steps"],
  properties: {
    summary: { type: "string" },
    steps: { type: "array", minItems: 1, maxItems: 8, items: { type: "string" } },
  },
};

export default async function ({ task = "tidy up the README", rounds = 3 }) {
  let wish = "";
  for (let round = 1; round <= rounds; round++) {
    phase("Plan");
    const plan = await agent(
      `Plan this in at most eight small steps, and change nothing yet: ${task}.${wish}`,
      { label: `plan ${round}`, schema: PLAN, permissions: "read" },
    );
    // The answer is for this plan alone: another plan is another question.
    const verdict = await approve(`Do this? ${plan.summary}`, { label: "plan", detail: plan.steps });
    if (!verdict.approved) {
      // A comment sends the planner back; a plain no ends it.
      if (!verdict.comment) return { done: false, by: verdict.by };
      wish = ` A person has declined the last plan and says: ${verdict.comment}`;
      continue;
    }
    phase("Work");
    const how = await ask("How careful should the agents be?", {
      label: "care",
      schema: { enum: ["one step after the other", "all at once"] },
      default: "one step after the other",
    });
    const work = (step) => agent(`Do this, and nothing else: ${step}`, { label: step });
    if (how === "all at once") return { done: true, steps: await parallel(plan.steps.map((step) => () => work(step))) };
    const steps = [];
    for (const step of plan.steps) steps.push(await work(step));
    return { done: true, steps };
  }
  return { done: false, why: `no plan was accepted in ${rounds} rounds` };
}
