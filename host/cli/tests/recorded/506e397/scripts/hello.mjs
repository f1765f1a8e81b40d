// The smallest useful workflow: one agent, one answer.
export const meta = {
  name: "hello",
  description: "Greets someone by name, in one sentence",
};

export default async function ({ name = "world" }) {
  return agent(
    `Greet ${name} in one warm, plain sentence. Reply with the sentence only: no quotes, no emoji, no explanation.`,
    { label: `greet ${name}` },
  );
}
