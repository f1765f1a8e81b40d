export const meta = { name: 'module-on-failure', description: 'Asks for null in place of an error' }

export default async ({ items = ['a', 'b'] } = {}) => {
  const out = []
  for (const item of items) {
    const text = await agent(`Look at ${item}`, { onFailure: 'null', timeout: '10m', retry: { maxAttempts: 2 } })
    out.push(text === null ? `${item}: nothing` : `${item}: ${text.length}`)
  }
  return out
}
