// Splits a piece of writing among child workflows, then joins their results.
// args: { topic?: string, audience?: string }
export const meta = {
  name: "parent",
  description: "Plans a short document and has each section written by a child workflow",
  phases: ["Plan", "Write", "Edit"],
};

const OUTLINE = {
  type: "object",
  properties: {
    sections: {
      type: "array",
      maxItems: 4,
      items: {
        type: "object",
        properties: { heading: { type: "string" }, mustCover: { type: "string" } },
        required: ["heading", "mustCover"],
      },
    },
  },
  required: ["sections"],
};

export default async function ({ topic = "how this repository is built and tested", audience = "an engineer on their first day" }) {
  phase("Plan");
  const outline = await agent(
    `Outline a short document on ${topic} for ${audience}: two to four sections, in the order in which the reader needs them. Say for each what it must cover, so that four people could write them without talking to each other and nothing would be said twice.`,
    { label: "outline", schema: OUTLINE },
  );
  const sections = outline?.sections ?? [];
  if (sections.length === 0) return { text: null, missing: [] };

  phase("Write");
  const written = await parallel(
    sections.map((section) => () => workflow({ scriptPath: "./child.mjs" }, { ...section, topic, audience })),
  );
  const missing = sections.filter((_, index) => written[index] === null).map(({ heading }) => heading);
  if (missing.length > 0) log(`sections without text: ${missing.join(", ")}`);

  phase("Edit");
  const text = await agent(
    `Edit these sections into one document on ${topic} for ${audience}. Make terms and tone agree, cut what is said twice, and add no facts. Reply with the document in Markdown only.

${written.filter(Boolean).map(({ heading, text }) => `## ${heading}\n\n${text}`).join("\n\n")}`,
    { label: "edit" },
  );
  return { text, missing };
}
