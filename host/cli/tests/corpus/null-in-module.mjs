export const meta = { name: 'null-in-module', description: 'A slot that threw is null' }

export default async function (input, { agent, parallel, pipeline }) {
  const parts = input.parts ?? ['head', 'tail']
  const drafts = await parallel(parts.map((part) => () => agent(`Draft the ${part}`)))
  const sizes = drafts.map((draft) => draft.length)
  const edited = await pipeline(parts, (part) => agent(`Edit the ${part}`), (text) => text.trim())
  for (const text of edited) {
    if (text.length > 1000) throw new Error('too long')
  }
  return sizes
}
