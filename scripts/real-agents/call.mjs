// One call, as the arguments say, and perhaps in a phase that says something itself.
export const meta = {
  name: "call",
  description: "Makes one call",
  phases: [{ title: "told", system: "MARK-SYSTEM of the phase" }],
};

export default async function ({ prompt, times = 1, options }) {
  return await agent(prompt.repeat(times), options);
}
