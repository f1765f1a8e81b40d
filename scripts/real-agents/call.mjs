// One call, as the arguments say.
export const meta = { name: "call", description: "Makes one call" };

export default async function ({ prompt, times = 1, options }) {
  return await agent(prompt.repeat(times), options);
}
