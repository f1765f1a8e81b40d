// Calls that each continue the session of the one before.
export const meta = { name: "session", description: "Goes on with a session" };

export default async function ({ prompts }) {
  const answers = [];
  for (const [at, prompt] of prompts.entries()) {
    answers.push(await agent(prompt, { label: "only", ...(at > 0 && { session: "only" }) }));
  }
  return answers;
}
