// @ts-check
// Answers a question about this repository. Three readers look in different places, one
// writes the answer, and one who has not written it checks every statement.

/** @type {import("@smol-wf/sdk").WorkflowMeta} */
export const meta = {
  name: "ask-repo",
  description: "Answers a question about this repository, with the file and line for every statement",
  whenToUse: "Before changing code that you do not know",
  phases: ["Read", "Answer", "Check"],
  args: {
    type: "object",
    properties: {
      question: { type: "string", description: "What you want to know" },
    },
    additionalProperties: false,
  },
};

const NOTES = {
  type: "object",
  properties: {
    notes: {
      type: "array",
      items: {
        type: "object",
        properties: {
          place: { type: "string", description: "file:line" },
          says: { type: "string", description: "What that place tells about the question" },
        },
        required: ["place", "says"],
      },
    },
  },
  required: ["notes"],
};

/** Where to look; each of these is one agent. */
const PLACES = [
  ["documents", "Read the documentation, comments that explain decisions, and the messages of relevant commits."],
  ["code", "Read the code: begin where the program is entered, and follow it to the part that the question is about."],
  ["tests", "Read the tests and the configuration of builds and CI: what they take for granted is how it is meant."],
];

/** @param {{ question?: string }} input */
export default async function ({ question = "What does this project do, and where would a newcomer start to read?" }) {
  phase("Read");
  const read = await parallel(
    PLACES.map(([label, where]) => async () => {
      const prompt = `Someone asks about this repository: ${question}\n\n${where} Note what helps to answer, at most ten places. Change no file.`;
      const found = await agent(prompt, { label, schema: NOTES });
      return /** @type {{ notes: { place: string, says: string }[] } | null} */ (found);
    }),
  );
  const notes = read.flatMap((found) => found?.notes ?? []);
  log(`${notes.length} notes`);

  phase("Answer");
  const answer = await agent(
    `Answer this question about the repository in Markdown, in at most 400 words: ${question}\n\nGive the file and line for every statement. Begin with the answer itself. Notes of people who have read it:\n${JSON.stringify(notes, null, 1)}`,
    { label: "answer" },
  );

  phase("Check");
  return await agent(
    `Someone answered a question about this repository. Open every place that the answer names. Correct what is wrong, remove what you cannot find, and reply with the corrected answer alone.\n\nQuestion: ${question}\n\nAnswer:\n${answer}`,
    { label: "check" },
  );
}
