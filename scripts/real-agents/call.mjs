// One call, as the arguments say.
export const meta = { name: "call", description: "Makes one call" };

export default async function ({ prompt, options }) {
  return await agent(prompt, options);
}
