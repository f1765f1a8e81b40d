export const meta = { name: 'safe-thunks', description: 'Every slot has a fallback' }

const areas = args?.areas ?? ['auth', 'billing', 'search']
const EMPTY = { risk: 'unknown', notes: [] }
const schema = {
  type: 'object',
  properties: { risk: { type: 'string' }, notes: { type: 'array', items: { type: 'string' } } },
  required: ['risk', 'notes'],
}

const assess = (area) =>
  agent(`Assess the risk in ${area}`, { schema, label: area })
    .then((r) => r || { ...EMPTY })
    .catch(() => ({ ...EMPTY }))

const [first, ...others] = areas
const lead = await assess(first)
const rest = await parallel(others.map((area) => () => assess(area)))
const extra = await parallel([
  async () => {
    try {
      return (await agent('Anything else that is risky?', { schema })) ?? EMPTY
    } catch {
      return EMPTY
    }
  },
  () => agent('And in the infrastructure?', { schema }).then((r) => r ?? EMPTY).catch(() => EMPTY),
])

return {
  lead: lead.risk,
  risks: rest.map((r) => r.risk),
  notes: [...rest, ...extra].flatMap((r) => r.notes),
}
