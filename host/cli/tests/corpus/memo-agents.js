export const meta = { name: 'memo-agents', description: 'Asks about each module once' }

const cache = new Map()
const describe = (name) => {
  if (!cache.has(name)) cache.set(name, agent(`Describe the module ${name}`, { label: name }))
  return cache.get(name)
}

const edges = args?.edges ?? [['core', 'store'], ['core', 'cli'], ['store', 'cli']]
const lines = []
for (const [from, to] of edges) {
  const [a, b] = await Promise.all([describe(from), describe(to)])
  if (a === null || b === null) {
    lines.push(`${from} -> ${to}: unknown`)
    continue
  }
  lines.push(`${from} -> ${to}: ${a.length + b.length} characters`)
}
return { lines, asked: cache.size }
