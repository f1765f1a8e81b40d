// Goes on finding new test cases while the allowance lasts. Start it with a
// budget; without one it stops after `rounds`.
// args: { target?: string, rounds?: number, reserve?: number }
export const meta = {
  name: "budget",
  description: "Collects edge cases worth testing until the token budget is nearly used up",
  phases: ["Search", "Rank"],
};

const CASES = {
  type: "object",
  properties: {
    cases: {
      type: "array",
      items: {
        type: "object",
        properties: {
          title: { type: "string", description: "At most ten words; names input and expected result" },
          why: { type: "string", description: "The code path that it would break, as file:line" },
        },
        required: ["title", "why"],
      },
    },
  },
  required: ["cases"],
};

const ANGLES = [
  "empty, missing, repeated and very large inputs",
  "time: time zones, clock changes, time-outs, ordering, retries",
  "concurrency: two callers at once, cancellation, partial failure",
  "text: Unicode, encodings, separators, quoting, injection",
  "numbers: overflow, rounding, negative values, off-by-one limits",
  "the file system and the network: permissions, links, slow or lost peers",
];

export default async function ({ target = "the code in this repository", rounds = 6, reserve = 2_000 }) {
  const found = new Map();
  let dry = 0;
  let costliest = 0;

  phase("Search");
  for (let round = 0; round < rounds || budget.total !== null; round++) {
    // The reserve pays for the ranking; a round costs about what the costliest one did.
    if (budget.remaining() < reserve + costliest) break;
    if (dry === 2 || round === 100) break;
    const before = budget.spent();
    const angle = ANGLES[round % ANGLES.length];
    const answer = await agent(
      `Read ${target} and its tests. Find up to five edge cases that no test covers and that would plausibly fail, seen from this angle: ${angle}.

Trace each one through the code before you list it, and name the line that would misbehave. Leave out cases that the types or a check already rule out. An empty list is a good answer.

Already known, do not repeat these or variants of them:
${[...found.keys()].map((title) => `- ${title}`).join("\n") || "- (none)"}`,
      { label: `round ${round + 1}`, schema: CASES },
    );
    costliest = Math.max(costliest, budget.spent() - before);
    const fresh = (answer?.cases ?? []).filter(({ title }) => !found.has(title));
    for (const { title, why } of fresh) found.set(title, why);
    dry = fresh.length === 0 ? dry + 1 : 0;
    log(`round ${round + 1}: ${fresh.length} new, ${found.size} in all, ${budget.remaining()} tokens left`);
  }
  const cases = [...found].map(([title, why]) => ({ title, why }));
  if (cases.length === 0) return { cases, advice: null, spent: budget.spent() };

  phase("Rank");
  const advice = await agent(
    `Of these untested edge cases of ${target}, name the three to test first, one line each, with the reason. Weigh harm to users against likelihood; a case that corrupts or leaks data beats one that merely fails.

${cases.map(({ title, why }) => `- ${title} (${why})`).join("\n")}`,
    { label: "rank" },
  );
  return { cases, advice, spent: budget.spent() };
}
