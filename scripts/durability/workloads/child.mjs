export const meta = { name: 'child', description: 'Two steps of a child workflow' }

export default async function ({ round }) {
  const first = await agent(`Child ${round}, first`)
  const second = await agent(`Child ${round}, second, after ${first.length}`)
  return [first.length, second.length]
}
