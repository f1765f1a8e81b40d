export const meta = { name: 'wide', description: 'A fan-out, then one more' }
const parts = await parallel([1, 2, 3, 4, 5].map(n => () => agent(`part ${n}`, { label: `part ${n}` })))
const sum = await agent(`sum of ${parts.filter(Boolean).length}`)
return { parts, sum }
