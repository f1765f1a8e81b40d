// Many calls: one after the other, or at once.
export const meta = { name: "many", description: "Makes many calls" };

export default async function ({ count, provider, atOnce }) {
  const one = (n) => agent(`say ${n}`, { provider });
  const numbers = Array.from({ length: count }, (_, n) => n);
  if (atOnce) return (await parallel(numbers.map((n) => () => one(n)))).length;
  for (const n of numbers) await one(n);
  return count;
}
